/* See kernel.h and set.h: sets of constants for IN.
 *
 * Items are brought to one form first (value_canonical), so that equal numbers are equal bits; null
 * sets a flag; NaN is left out, since it equals nothing. Open addressing with linear probing, at
 * most half full. */
#include "kernel/set.h"

#include "value/mp.h"

#include <stdlib.h>

static uint64_t hash_value(struct hash_key key, struct value v);

/* Equal arrays hash equal: by their items. */
static uint64_t hash_array(struct hash_key key, struct value v) {
    struct mp_reader r;
    uint32_t n;
    mp_enter(&r, v, &n);
    uint64_t h = n;
    for (uint32_t i = 0; i < n; i++)
        h = hash_u64(key, h ^ hash_value(key, value_canonical(mp_read_value(&r))));
    return h;
}

#define SMALL 16u /* pairs that need no memory of their own */

struct pair_hash {
    uint64_t key, value;
    uint32_t at; /* position in the map: the last of equal keys counts */
};

static struct pair_hash read_pair(struct hash_key key, struct mp_reader *r, uint32_t at) {
    struct pair_hash p = {.at = at};
    p.key = hash_value(key, value_canonical(mp_read_value(r)));
    p.value = hash_value(key, value_canonical(mp_read_value(r)));
    return p;
}

static int pair_order(const void *a, const void *b) {
    const struct pair_hash *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

/* What a pair adds: a sum does not know the order of the pairs. */
static uint64_t pair_share(struct hash_key key, struct pair_hash p) {
    return hash_u64(key, p.key ^ hash_u64(key, p.value));
}

/* The same without memory: a pair is left out if its key comes again. */
static uint64_t hash_map_slowly(struct hash_key key, struct mp_reader r, uint32_t n) {
    uint64_t h = 0;
    for (uint32_t i = 0; i < n; i++) {
        struct pair_hash p = read_pair(key, &r, i);
        struct mp_reader later = r;
        bool again = false;
        for (uint32_t k = i + 1; k < n && !again; k++)
            again = read_pair(key, &later, k).key == p.key;
        h += again ? 0 : pair_share(key, p);
    }
    return h;
}

/* Equal maps hash equal: by their pairs in any order, without those that are overwritten (A3). */
static uint64_t hash_map(struct hash_key key, struct value v) {
    struct pair_hash small[SMALL], *pairs = small;
    struct mp_reader r;
    uint32_t n;
    uint64_t h = 0;
    mp_enter(&r, v, &n);
    if (n > SMALL && !(pairs = malloc(n * sizeof *pairs)))
        return hash_map_slowly(key, r, n);
    for (uint32_t i = 0; i < n; i++)
        pairs[i] = read_pair(key, &r, i);
    qsort(pairs, n, sizeof *pairs, pair_order);
    for (uint32_t i = 0; i < n; i++)
        if (i + 1 == n || pairs[i].key != pairs[i + 1].key)
            h += pair_share(key, pairs[i]);
    if (pairs != small)
        free(pairs);
    return h;
}

static uint64_t hash_value(struct hash_key key, struct value v) {
    uint64_t h = (uint64_t)value_class(v.type) << 56;
    switch ((enum value_type)v.type) {
    case T_STR:
    case T_BIN:
    case T_EXT:
        return hash_bytes(key, v.w.p, v.n) ^ h;
    case T_ARRAY:
        return hash_array(key, v) ^ h;
    case T_MAP:
        return hash_map(key, v) ^ h;
    case T_TIMESTAMP:
        return hash_u64(key, v.w.u ^ (uint64_t)v.n << 32) ^ h;
    case T_BOOL:
    case T_INT:
    case T_UINT:
    case T_DOUBLE:
        return hash_u64(key, v.w.u) ^ h;
    default:
        return h;
    }
}

/* A power of two at least twice n, minus one. */
static uint64_t table_mask(uint64_t n) {
    uint64_t size = 16;
    while (size < 2 * n)
        size *= 2;
    return size - 1;
}

static bool build_bitmap(struct set *s, struct arena *a, int64_t low, uint64_t span) {
    s->bitmap = arena_zero(a, bitmap_bytes(span));
    if (!s->bitmap)
        return false;
    s->low = low;
    s->span = span;
    for (uint32_t i = 0; i < s->n_ints; i++)
        bitmap_set(s->bitmap, (uint64_t)s->ints[i] - (uint64_t)low);
    return true;
}

static bool build_ints(struct set *s, struct arena *a) {
    if (s->n_ints <= SET_LINEAR / 2)
        return true;
    int64_t low = s->ints[0], high = s->ints[0];
    for (uint32_t i = 1; i < s->n_ints; i++) {
        low = s->ints[i] < low ? s->ints[i] : low;
        high = s->ints[i] > high ? s->ints[i] : high;
    }
    uint64_t span = (uint64_t)high - (uint64_t)low;
    if (span < SET_BITMAP_SPAN)
        return build_bitmap(s, a, low, span + 1);
    s->ints_mask = table_mask(s->n_ints);
    s->table = arena_array(a, s->ints_mask + 1, sizeof *s->table);
    s->table_used = arena_zero(a, bitmap_bytes(s->ints_mask + 1));
    if (!s->table || !s->table_used)
        return false;
    for (uint32_t i = 0; i < s->n_ints; i++) {
        uint64_t at = hash_u64(s->key, (uint64_t)s->ints[i]) & s->ints_mask;
        while (bitmap_get(s->table_used, at) && s->table[at] != s->ints[i])
            at = (at + 1) & s->ints_mask;
        s->table[at] = s->ints[i];
        bitmap_set(s->table_used, at);
    }
    return true;
}

static bool build_strings(struct set *s, struct arena *a) {
    if (s->n_strings <= SET_LINEAR)
        return true;
    uint64_t mask = table_mask(s->n_strings);
    struct set_string *table = arena_zero(a, (mask + 1) * sizeof *table);
    if (!table)
        return false;
    for (uint32_t i = 0; i < s->n_strings; i++) {
        struct set_string item = s->strings[i];
        item.hash = hash_bytes(s->key, item.p, item.n);
        item.used = true;
        uint64_t at = item.hash & mask;
        while (table[at].used && !(table[at].hash == item.hash && table[at].n == item.n &&
                                   memcmp(table[at].p, item.p, item.n) == 0))
            at = (at + 1) & mask;
        table[at] = item;
    }
    s->strings = table;
    s->strings_mask = mask;
    return true;
}

static bool build_others(struct set *s, struct arena *a) {
    if (s->n_others == 0)
        return true;
    uint64_t mask = table_mask(s->n_others);
    struct set_other *table = arena_zero(a, (mask + 1) * sizeof *table);
    if (!table)
        return false;
    for (uint32_t i = 0; i < s->n_others; i++) {
        struct set_other item = s->others[i];
        item.hash = hash_value(s->key, item.value);
        item.used = true;
        uint64_t at = item.hash & mask;
        while (table[at].used &&
               !(table[at].hash == item.hash &&
                 value_compare(CMP_EQ, table[at].value, item.value, NULL) == TRUE_))
            at = (at + 1) & mask;
        table[at] = item;
    }
    s->others = table;
    s->others_mask = mask;
    return true;
}

static void sort_item(struct set *s, struct value v) {
    v = value_canonical(v);
    if (value_is_null(v))
        s->has_null = true;
    else if (v.type == T_INT)
        s->ints[s->n_ints++] = v.w.i;
    else if (v.type == T_STR)
        s->strings[s->n_strings++] = (struct set_string){.p = v.w.p, .n = v.n};
    else if (value_compare(CMP_EQ, v, v, NULL) == TRUE_) /* not NaN, nor anything that holds it */
        s->others[s->n_others++] = (struct set_other){.value = v};
}

bool set_build(struct set **ret, struct arena *a, const struct value *items, size_t n) {
    struct set *s = arena_new(a, struct set);
    size_t ints = 0, strings = 0;
    for (size_t i = 0; i < n; i++) {
        ints += items[i].type == T_INT || items[i].type == T_DOUBLE;
        strings += items[i].type == T_STR;
    }
    if (!s || !(s->ints = arena_array(a, ints, sizeof *s->ints)) ||
        !(s->strings = arena_array(a, strings, sizeof *s->strings)) ||
        !(s->others = arena_array(a, n - strings, sizeof *s->others)))
        return false;
    s->key = hash_key();
    s->is_empty = n == 0;
    for (size_t i = 0; i < n; i++)
        sort_item(s, items[i]);
    if (!build_ints(s, a) || !build_strings(s, a) || !build_others(s, a))
        return false;
    *ret = s;
    return true;
}

static bool has_other(const struct set *s, struct value v) {
    if (s->n_others == 0)
        return false;
    uint64_t hash = hash_value(s->key, v);
    for (uint64_t at = hash & s->others_mask; s->others[at].used; at = (at + 1) & s->others_mask)
        if (s->others[at].hash == hash &&
            value_compare(CMP_EQ, s->others[at].value, v, NULL) == TRUE_)
            return true;
    return false;
}

bool set_has(const struct set *s, struct value v) {
    v = value_canonical(v);
    if (v.type == T_INT)
        return set_has_int(s, v.w.i);
    if (v.type == T_STR)
        return set_has_string(s, v.w.p, v.n);
    return !value_is_null(v) && has_other(s, v);
}

size_t set_items_most(const struct set *s) {
    return (size_t)s->n_ints + s->n_strings + s->n_others;
}

size_t set_items(const struct set *s, struct value *ret) {
    size_t n = 0;
    for (uint32_t i = 0; i < s->n_ints; i++)
        ret[n++] = value_int(s->ints[i]);
    uint64_t strings = s->strings_mask ? s->strings_mask + 1 : s->n_strings;
    for (uint64_t i = 0; i < strings; i++)
        if (!s->strings_mask || s->strings[i].used)
            ret[n++] = value_bytes(T_STR, s->strings[i].p, s->strings[i].n);
    for (uint64_t i = 0; s->n_others && i <= s->others_mask; i++)
        if (s->others[i].used)
            ret[n++] = s->others[i].value;
    return n;
}

bool set_has_null(const struct set *s) { return s->has_null; }
bool set_is_empty(const struct set *s) { return s->is_empty; }

enum truth set_truth(const struct set *s, struct value x) {
    if (s->is_empty)
        return FALSE_;
    if (value_is_null(x))
        return UNKNOWN_;
    return set_has(s, x) ? TRUE_ : s->has_null ? UNKNOWN_ : FALSE_;
}

/* See deep.h.
 *
 * Recursion is as deep as the data, which readers bound (row_depth). Maps of more than SMALL pairs
 * are sorted by key, so that equality costs O(n log n); if there is no memory for that, the plain
 * quadratic search gives the same answer. */
#include "value/deep.h"

#include "value/mp.h"

#include <math.h>
#include <stdlib.h>

#define SMALL 8u

struct pair {
    struct value key, value;
    uint32_t at; /* position in the map: the last of equal keys counts */
};

/* `alike`: NaN is NaN. */
static bool item_equal(struct value a, struct value b, bool alike) {
    if (alike)
        return value_alike(a, b);
    if (value_is_null(a) && value_is_null(b))
        return true;
    return value_compare(CMP_EQ, a, b, NULL) == TRUE_;
}

static bool array_equal(struct value a, struct value b, bool alike) {
    struct mp_reader ra, rb;
    uint32_t na, nb;
    mp_enter(&ra, a, &na);
    mp_enter(&rb, b, &nb);
    if (na != nb)
        return false;
    for (uint32_t i = 0; i < na; i++)
        if (!item_equal(mp_read_value(&ra), mp_read_value(&rb), alike))
            return false;
    return true;
}

/* A total order of keys in which equal keys, and only they, are 0; but NaN keys are, too, and it is
 * for the caller to say that they equal nothing. */
static int key_order(struct value a, struct value b) {
    enum value_class ca = value_class(a.type), cb = value_class(b.type);
    if (ca != cb)
        return ca < cb ? -1 : 1;
    switch (ca) {
    case CLASS_NULL:
        return 0;
    case CLASS_BOOL:
        return (a.w.i > b.w.i) - (a.w.i < b.w.i);
    case CLASS_NUMBER:
        if (value_is_nan(a) || value_is_nan(b))
            return value_is_nan(a) - value_is_nan(b);
        return number_order(a, b);
    case CLASS_TIMESTAMP:
        if (a.w.i != b.w.i)
            return a.w.i < b.w.i ? -1 : 1;
        return (a.n > b.n) - (a.n < b.n);
    default:
        return str_cmp(value_as_str(a), value_as_str(b));
    }
}

static int pair_order(const void *x, const void *y) {
    const struct pair *a = x, *b = y;
    int c = key_order(a->key, b->key);
    return c ? c : (a->at > b->at) - (a->at < b->at);
}

/* Sorts, keeps the last of equal keys, and gives the new count. */
static uint32_t sort_unique(struct pair *pairs, uint32_t n) {
    qsort(pairs, n, sizeof *pairs, pair_order);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < n; i++)
        if (i + 1 == n || key_order(pairs[i].key, pairs[i + 1].key) != 0)
            pairs[kept++] = pairs[i];
    return kept;
}

static void read_pairs(struct mp_reader *r, uint32_t n, struct pair *pairs) {
    for (uint32_t i = 0; i < n; i++) {
        pairs[i].key = mp_read_value(r);
        pairs[i].value = mp_read_value(r);
        pairs[i].at = i;
    }
}

static bool sorted_equal(struct pair *a, uint32_t na, struct pair *b, uint32_t nb, bool alike) {
    na = sort_unique(a, na);
    nb = sort_unique(b, nb);
    if (na != nb)
        return false;
    for (uint32_t i = 0; i < na; i++)
        if (key_order(a[i].key, b[i].key) != 0 || (value_is_nan(a[i].key) && !alike) ||
            !item_equal(a[i].value, b[i].value, alike))
            return false;
    return true;
}

/* The value of the last pair of v with this key, from pair `from` on; false if there is none. */
static bool find_last(struct value v, struct value key, uint32_t from, struct value *ret) {
    struct mp_reader r;
    uint32_t n;
    bool found = false;
    mp_enter(&r, v, &n);
    for (uint32_t i = 0; i < n; i++) {
        struct value k = mp_read_value(&r), x = mp_read_value(&r);
        if (i >= from && key_order(k, key) == 0) {
            *ret = x;
            found = true;
        }
    }
    return found;
}

/* Every last pair of a has one with an equal key in b and, if with_values, an equal value. */
static bool map_within(struct value a, struct value b, bool with_values, bool alike) {
    struct mp_reader r;
    uint32_t n;
    mp_enter(&r, a, &n);
    for (uint32_t i = 0; i < n; i++) {
        struct value key = mp_read_value(&r), x = mp_read_value(&r), y;
        if (find_last(a, key, i + 1, &y))
            continue; /* overwritten */
        if ((value_is_nan(key) && !alike) || !find_last(b, key, 0, &y) ||
            (with_values && !item_equal(x, y, alike)))
            return false;
    }
    return true;
}

static bool map_equal(struct value a, struct value b, bool alike) {
    struct mp_reader ra, rb;
    uint32_t na, nb;
    mp_enter(&ra, a, &na);
    mp_enter(&rb, b, &nb);
    struct pair small[2 * SMALL], *pairs = small;
    if (na > SMALL || nb > SMALL)
        pairs = malloc(((size_t)na + nb) * sizeof *pairs);
    if (!pairs)
        return map_within(a, b, true, alike) && map_within(b, a, false, alike); /* values once */
    read_pairs(&ra, na, pairs);
    read_pairs(&rb, nb, pairs + na);
    bool equal = sorted_equal(pairs, na, pairs + na, nb, alike);
    if (pairs != small)
        free(pairs);
    return equal;
}

bool deep_equal(struct value a, struct value b) {
    return a.type == T_ARRAY ? array_equal(a, b, false) : map_equal(a, b, false);
}

bool deep_alike(struct value a, struct value b) {
    return a.type == T_ARRAY ? array_equal(a, b, true) : map_equal(a, b, true);
}

static bool mix(struct hash_key key, struct value v, uint64_t *h) {
    uint64_t one;
    if (!value_hash(key, v, &one))
        return false;
    *h = hash_u64(key, *h ^ one);
    return true;
}

static bool array_hash(struct hash_key key, struct value v, uint64_t *ret) {
    struct mp_reader r;
    uint32_t n;
    mp_enter(&r, v, &n);
    *ret = n;
    for (uint32_t i = 0; i < n; i++)
        if (!mix(key, mp_read_value(&r), ret))
            return false;
    return true;
}

/* The pairs that count, in the order of their keys. */
static bool map_hash(struct hash_key key, struct value v, uint64_t *ret) {
    struct mp_reader r;
    uint32_t n;
    mp_enter(&r, v, &n);
    struct pair small[SMALL], *pairs = small;
    if (n > SMALL)
        pairs = malloc((size_t)n * sizeof *pairs);
    if (!pairs)
        return false;
    read_pairs(&r, n, pairs);
    n = sort_unique(pairs, n);
    *ret = ~(uint64_t)n;
    bool done = true;
    for (uint32_t i = 0; i < n && done; i++)
        done = mix(key, pairs[i].key, ret) && mix(key, pairs[i].value, ret);
    if (pairs != small)
        free(pairs);
    return done;
}

bool deep_hash(struct hash_key key, struct value v, uint64_t *ret) {
    return v.type == T_ARRAY ? array_hash(key, v, ret) : map_hash(key, v, ret);
}

/* x IN constants, over numbers, timestamps and strings as they are stored. See scan_zone.h.
 *
 * The items are put in order once. Of a zone's statistics a search says which of them it can hold:
 * none, and the zone is passed over; few, and each is compared with all of its rows; a range
 * without gaps; or many, and rows ask the set itself, integers after a filter of one bit an item,
 * which few of the others pass (a Bloom filter with one hash function). */
#include "plan/scan_zone.h"

#include <stdlib.h>

#define FEW        8u /* items that are compared with all rows of a zone */
#define ZONE_WORDS (ZONE_ROWS / 64)
/* More than so many items are not put in order, and of small segments no more than so many. */
#define ITEMS_MOST  65536u
#define ITEMS_SMALL 64u
#define FILTER_BITS 32u /* for each item, which sets one of them */
#define FILTER_LOG2 20u /* at most */

/* Ascending; integers and times each once. */
struct scan_items {
    wide *ints, *times; /* times: nanoseconds since 1970 */
    double *doubles;    /* all numbers that are some double */
    struct str *texts;
    uint32_t n_ints, n_times, n_doubles, n_texts;
    uint64_t *filter; /* of the integers; NULL: they are few */
    uint64_t factor;  /* x is in place x * factor >> shift */
    unsigned shift;
};

/* ---- the items in order ---- */

static int by_wide(const void *a, const void *b) {
    const wide *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static int by_double(const void *a, const void *b) {
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static int by_bytes(const void *a, const void *b) {
    const struct str *x = a, *y = b;
    return str_cmp(*x, *y);
}

/* Equal neighbours become one. */
static uint32_t only_once(wide *v, uint32_t n) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < n; i++)
        if (i == 0 || v[i] != v[kept - 1])
            v[kept++] = v[i];
    return kept;
}

static void take_int(struct scan_items *items, struct value v) {
    bool is_int = v.type == T_INT;
    double d = is_int ? (double)v.w.i : (double)v.w.u;
    wide i = is_int ? (wide)v.w.i : (wide)v.w.u;
    items->ints[items->n_ints++] = i;
    if ((wide)d == i)
        items->doubles[items->n_doubles++] = d;
}

static void take(struct scan_items *items, struct value v) {
    switch ((enum value_type)v.type) {
    case T_INT:
    case T_UINT:
        take_int(items, v);
        break;
    case T_DOUBLE: /* one that is no integer of 64 bits: sets have those as such */
        items->doubles[items->n_doubles++] = v.w.d;
        break;
    case T_TIMESTAMP:
        items->times[items->n_times++] = (wide)v.w.i * 1000000000 + v.n;
        break;
    case T_STR:
        items->texts[items->n_texts++] = value_as_str(v);
        break;
    default: /* no column of numbers or strings has it */
        break;
    }
}

static struct scan_items *make_items(struct scan *s, const struct set *set) {
    size_t most = set_items_most(set);
    struct scan_items *items = arena_zero(&s->arena, sizeof *items);
    struct value *all = arena_array(&s->arena, most, sizeof *all);
    if (!items || !all)
        return NULL;
    size_t n = set_items(set, all), counts[T_COUNT] = {0};
    for (size_t i = 0; i < n; i++)
        counts[all[i].type]++;
    size_t ints = counts[T_INT] + counts[T_UINT];
    items->ints = arena_array(&s->arena, ints, sizeof *items->ints);
    items->times = arena_array(&s->arena, counts[T_TIMESTAMP], sizeof *items->times);
    items->doubles = arena_array(&s->arena, ints + counts[T_DOUBLE], sizeof *items->doubles);
    items->texts = arena_array(&s->arena, counts[T_STR], sizeof *items->texts);
    if (!items->ints || !items->times || !items->doubles || !items->texts)
        return NULL;
    for (size_t i = 0; i < n; i++)
        take(items, all[i]);
    qsort(items->ints, items->n_ints, sizeof *items->ints, by_wide);
    qsort(items->times, items->n_times, sizeof *items->times, by_wide);
    qsort(items->doubles, items->n_doubles, sizeof *items->doubles, by_double);
    qsort(items->texts, items->n_texts, sizeof *items->texts, by_bytes);
    items->n_ints = only_once(items->ints, items->n_ints);
    items->n_times = only_once(items->times, items->n_times);
    return items;
}

/* The items whose keys are low .. high: [*ret_from, *ret_to) of the n of a list. */
#define SEARCH(name, list_type, key_type, key_of)                                                  \
    static void name(const struct chunk *c, const list_type *list, uint32_t n, key_type low,       \
                     key_type high, uint32_t *ret_from, uint32_t *ret_to) {                        \
        uint32_t from = 0, to = n;                                                                 \
        for (uint32_t left = n; left > 0;) { /* the first that is not below low */                 \
            uint32_t half = left / 2;                                                              \
            bool below = key_of(c, list[from + half]) < low;                                       \
            from += below ? half + 1 : 0;                                                          \
            left = below ? left - half - 1 : half;                                                 \
        }                                                                                          \
        to = from;                                                                                 \
        for (uint32_t left = n - from; left > 0;) { /* the first that is above high */             \
            uint32_t half = left / 2;                                                              \
            bool within = key_of(c, list[to + half]) <= high;                                      \
            to += within ? half + 1 : 0;                                                           \
            left = within ? left - half - 1 : half;                                                \
        }                                                                                          \
        *ret_from = from;                                                                          \
        *ret_to = to;                                                                              \
    }

#define ITSELF(c, item)  ((void)(c), (item))
#define HEAD_OF(c, item) scan_text_head(c, item, 0)
SEARCH(find_wide, wide, wide, ITSELF)
SEARCH(find_double, double, double, ITSELF)
SEARCH(find_head, struct str, uint64_t, HEAD_OF)
#undef SEARCH

/* ---- zone by zone ---- */

struct set_bounds {
    struct scan_node *node;
    const struct chunk *chunk;
    const struct scan_items *items;
    const wide *list; /* INT, TIME: the items, in units of 1 / each of what is stored */
    uint32_t n;
    wide each;
    bool outside;
};

/* The items that a zone may hold; NULL: all of them. */
static void held_by(const struct set_bounds *b, const struct zone *z, uint32_t *ret_from,
                    uint32_t *ret_to) {
    wide base = scan_base(b->chunk);
    *ret_from = 0;
    *ret_to = b->n;
    if (!z)
        return;
    if (b->chunk->kind == CHUNK_DOUBLE)
        find_double(b->chunk, b->items->doubles, b->n, z->low.d, z->high.d, ret_from, ret_to);
    else if (b->chunk->kind == CHUNK_STR)
        find_head(b->chunk, b->items->texts, b->n, z->low.u, z->high.u, ret_from, ret_to);
    else
        find_wide(b->chunk, b->list, b->n, (base + z->low.i) * b->each,
                  (base + z->high.i) * b->each, ret_from, ret_to);
}

static enum zone_says judge_set(const struct zone *z, const void *bounds) {
    const struct set_bounds *b = bounds;
    uint32_t from, to;
    if (!z->has_value)
        return ZONE_NONE;
    held_by(b, z, &from, &to);
    if (from == to)
        return b->outside ? ZONE_ALL : ZONE_NONE;
    return ZONE_SOME;
}

/* Whether a row has an item of a set, or none. Asks the set for those in `maybe` of 64 rows. */
static uint64_t ask_set(const struct set_bounds *b, uint32_t row, uint64_t maybe) {
    const struct set *set = b->node->term->set;
    uint64_t found = 0;
    for (; maybe; maybe &= maybe - 1) {
        struct value v = chunk_value(b->chunk, row + (uint32_t)__builtin_ctzll(maybe));
        if (set_has(set, v))
            found |= maybe & -maybe;
    }
    return found;
}

static bool make_filter(struct scan *s, struct scan_items *items) {
    unsigned log2 = 6;
    while (log2 < FILTER_LOG2 && (UINT64_C(1) << log2) < (uint64_t)items->n_ints * FILTER_BITS)
        log2++;
    items->filter = arena_zero(&s->arena, (size_t)1 << log2 >> 3);
    items->factor = hash_key().k0 | 1;
    items->shift = 64 - log2;
    for (uint32_t i = 0; items->filter && i < items->n_ints; i++) {
        uint64_t at = (uint64_t)items->ints[i] * items->factor >> items->shift;
        items->filter[at / 64] |= UINT64_C(1) << at % 64;
    }
    return items->filter;
}

/* Those of 64 integers that an item may be equal to. */
static inline uint64_t pass_filter(const struct scan_items *items, const int64_t *x) {
    uint64_t maybe = 0;
    for (unsigned i = 0; i < 64; i++) {
        uint64_t at = (uint64_t)x[i] * items->factor >> items->shift;
        maybe |= (items->filter[at / 64] >> at % 64 & 1) << i;
    }
    return maybe;
}

/* A zone whose rows may have many items. */
static uint32_t ask_rows(struct scan *s, const struct set_bounds *b, struct stretch at,
                         const uint64_t *in, uint64_t *out) {
    uint32_t n = at.to - at.from, kept = 0;
    const int64_t *x = b->chunk->kind == CHUNK_INT && b->items->filter
                           ? scan_widened(s, b->chunk, at.from, n, s->wide_x)
                           : NULL;
    b->node->how[HOW_SET]++;
    for (uint32_t w = 0; w < (n + 63) / 64; w++) {
        uint64_t want = in[w], maybe = want && x ? want & pass_filter(b->items, x + 64 * w) : want;
        uint64_t found = ask_set(b, at.from + 64 * w, maybe);
        out[w] = b->outside ? want & ~found : found;
        kept += (uint32_t)__builtin_popcountll(out[w]);
    }
    return kept;
}

static enum scan_how any_how(uint8_t width) {
    return width == 1 ? HOW_ANY_8 : width == 2 ? HOW_ANY_16 : width == 4 ? HOW_ANY_32 : HOW_ANY_64;
}

static uint32_t compare_ints(struct scan *s, const struct set_bounds *b, struct stretch at,
                             const int64_t *k, size_t count, const uint64_t *in, uint64_t *out) {
    uint32_t n = at.to - at.from;
    const struct chunk *c = b->chunk;
    b->node->how[any_how(c->width)]++;
    switch (c->width) {
    case 1:
        return s->ops->any_i8((const int8_t *)c->data + at.from, n, k, count, b->outside, in, out);
    case 2:
        return s->ops->any_i16((const int16_t *)c->data + at.from, n, k, count, b->outside, in,
                               out);
    case 4:
        return s->ops->any_i32((const int32_t *)c->data + at.from, n, k, count, b->outside, in,
                               out);
    default:
        return s->ops->any_i64((const int64_t *)c->data + at.from, n, k, count, b->outside, in,
                               out);
    }
}

/* Integers and timestamps of a zone, which may have items [from, to). */
static uint32_t zone_ints(struct scan *s, const struct set_bounds *b, struct stretch at,
                          uint32_t from, uint32_t to, const uint64_t *in, uint64_t *out) {
    int64_t k[FEW];
    size_t count = 0;
    wide base = scan_base(b->chunk), low = b->list[from] - base, high = b->list[to - 1] - base;
    wide most = ((wide)1 << (8 * b->chunk->width - 1)) - 1;
    if (b->each == 1 && to - from > 1 && high - low == to - from - 1 && low >= -most - 1 &&
        high <= most) {
        b->node->how[scan_range_how(b->chunk->width)]++;
        return scan_int_range(s, b->chunk, at, (int64_t)low, (int64_t)high, b->outside, in, out);
    }
    if (to - from > FEW)
        return ask_rows(s, b, at, in, out);
    for (; from < to; from++) {
        wide stored = b->list[from] / b->each - base;
        if (b->list[from] % b->each == 0 && stored >= -most - 1 && stored <= most)
            k[count++] = (int64_t)stored;
    }
    return compare_ints(s, b, at, k, count, in, out);
}

static uint32_t zone_doubles(struct scan *s, const struct set_bounds *b, struct stretch at,
                             uint32_t from, uint32_t to, const uint64_t *in, uint64_t *out) {
    if (to - from > FEW)
        return ask_rows(s, b, at, in, out);
    b->node->how[HOW_ANY_F64]++;
    return s->ops->any_f64((const double *)b->chunk->data + at.from, at.to - at.from,
                           b->items->doubles + from, to - from, b->outside, in, out);
}

static uint32_t zone_texts(struct scan *s, const struct set_bounds *b, struct stretch at,
                           uint32_t from, uint32_t to, const uint64_t *in, uint64_t *out) {
    uint64_t left[ZONE_WORDS], equal[ZONE_WORDS];
    const uint32_t *offsets = b->chunk->offsets + at.from;
    uint32_t n = at.to - at.from, words = (n + 63) / 64;
    if (to - from > FEW)
        return ask_rows(s, b, at, in, out);
    b->node->how[HOW_STR_EQUAL]++;
    memcpy(left, in, words * sizeof *left);
    for (; from < to; from++) {
        struct str k = b->items->texts[from];
        s->ops->str_equal(offsets, b->chunk->data, n, (const uint8_t *)k.p, k.n, false, left,
                          equal);
        s->ops->bits_and_not(left, equal, words, left);
    }
    if (!b->outside)
        return s->ops->bits_and_not(in, left, words, out);
    memcpy(out, left, words * sizeof *out);
    return s->ops->bits_count(out, words);
}

static uint32_t loop_set(struct scan *s, const struct chunk *c, const void *bounds,
                         struct stretch at, const uint64_t *in, uint64_t *out) {
    const struct set_bounds *b = bounds;
    uint32_t kept = 0;
    for (uint32_t row = at.from; row < at.to; row += ZONE_ROWS) {
        struct stretch zone = {row, at.to - row < ZONE_ROWS ? at.to : row + ZONE_ROWS};
        const uint64_t *zone_in = in + (row - at.from) / 64;
        uint64_t *zone_out = out + (row - at.from) / 64;
        uint32_t from, to;
        held_by(b, c->zones ? &c->zones[row / ZONE_ROWS] : NULL, &from, &to);
        if (c->kind == CHUNK_DOUBLE)
            kept += zone_doubles(s, b, zone, from, to, zone_in, zone_out);
        else if (c->kind == CHUNK_STR)
            kept += zone_texts(s, b, zone, from, to, zone_in, zone_out);
        else
            kept += zone_ints(s, b, zone, from, to, zone_in, zone_out);
    }
    return kept;
}

/* ---- the whole ---- */

/* Asks the set for all 256. */
static void ask_bytes(const struct term *t, const struct chunk *c, struct byte_set *ret) {
    wide base = scan_base(c);
    for (unsigned stored = 0; stored < 256; stored++) {
        wide v = base + (int8_t)stored;
        bool has = v >= INT64_MIN && v <= INT64_MAX
                       ? set_has(t->set, value_int((int64_t)v))
                       : v > 0 && v <= (wide)UINT64_MAX && set_has(t->set, value_uint((uint64_t)v));
        if (has == (t->want == TRUE_))
            ret->bits[stored / 64] |= UINT64_C(1) << (stored % 64);
    }
}

bool scan_set_wanted(struct scan_node *node, const struct chunk *c, struct byte_set *ret) {
    const struct term *t = node->term;
    struct item_bytes *known = &node->item_bytes;
    if (c->kind != CHUNK_INT || c->width != 1)
        return false;
    if (!known->is_made || known->base != c->base || known->is_unsigned != c->is_unsigned) {
        *known = (struct item_bytes){.is_made = true, .is_unsigned = c->is_unsigned};
        known->base = c->base;
        if (t->want == TRUE_ || !set_has_null(t->set))
            ask_bytes(t, c, &known->wanted);
    }
    *ret = known->wanted;
    return true;
}

/* For a chunk that is worth asking for all 256 bytes: as a dictionary of them. */
static bool set_over_bytes(struct scan *s, struct scan_node *node, const struct chunk *c,
                           const uint64_t *in, uint64_t *out, uint32_t *ret_kept) {
    struct byte_set wanted;
    if (s->n < 1024 || !scan_set_wanted(node, c, &wanted))
        return false;
    node->how[HOW_LOOKUP_8]++;
    *ret_kept = s->ops->lookup_u8(c->data, s->n, wanted.bits, scan_valid(s, c, in), out);
    return true;
}

/* The items, if they are worth being put in order; NULL: they are not, or there is no memory. */
static struct scan_items *items_of(struct scan *s, struct scan_node *node) {
    const struct set *set = node->term->set;
    if (node->items)
        return node->items;
    if (set_items_most(set) > (s->n < 1024 ? ITEMS_SMALL : ITEMS_MOST))
        return NULL;
    struct scan_items *items = make_items(s, set);
    if (items && items->n_ints > FEW && !make_filter(s, items))
        items = NULL;
    if (!items)
        s->failure = E_MEMORY;
    return node->items = items;
}

static bool has_order(const struct chunk *c) {
    return c->kind == CHUNK_INT || c->kind == CHUNK_TIME || c->kind == CHUNK_DOUBLE ||
           c->kind == CHUNK_STR;
}

uint32_t scan_set(struct scan *s, struct scan_node *node, const struct chunk *c, const uint64_t *in,
                  uint64_t *out) {
    const struct term *t = node->term;
    if (set_is_empty(t->set))
        return t->want == TRUE_ ? scan_nothing(s, out) : scan_copied(s, in, out);
    if (t->want == FALSE_ && set_has_null(t->set))
        return scan_nothing(s, out);
    uint32_t kept;
    if (set_over_bytes(s, node, c, in, out, &kept))
        return kept;
    const struct scan_items *items = has_order(c) ? items_of(s, node) : NULL;
    if (s->failure != E_OK)
        return scan_nothing(s, out);
    if (!items)
        return scan_by_kernel(s, node, in, out);
    struct set_bounds b = {
        .node = node, .chunk = c, .items = items, .each = 1, .outside = t->want == FALSE_};
    if (c->kind == CHUNK_TIME) {
        b.list = items->times;
        b.n = items->n_times;
        b.each = 1000000000 / c->per_second;
    } else if (c->kind == CHUNK_INT) {
        b.list = items->ints;
        b.n = items->n_ints;
    } else {
        b.n = c->kind == CHUNK_DOUBLE ? items->n_doubles : items->n_texts;
    }
    in = scan_valid(s, c, in);
    if (b.n == 0)
        return scan_whole(s, node, b.outside, in, out);
    return scan_by_zones(s, node, c, judge_set, loop_set, &b, in, out);
}

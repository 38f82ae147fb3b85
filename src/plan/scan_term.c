/* A term over a chunk, by the form in which the chunk is stored. See scan_tree.h.
 *
 * What has no loop of its own here goes to scan_by_kernel, which judges all of this. */
#include "plan/scan_tree.h"

#include <math.h>

typedef __int128 wide;

/* low <= x <= high, or everything else. */
struct interval {
    wide low, high;
    bool outside;
};

static uint32_t nothing(const struct scan *s, uint64_t *out) {
    memset(out, 0, s->words * sizeof *out);
    return 0;
}

static uint32_t copied(const struct scan *s, const uint64_t *in, uint64_t *out) {
    if (out != in)
        memcpy(out, in, s->words * sizeof *out);
    return s->ops->bits_count(out, s->words);
}

const uint64_t *scan_valid(struct scan *s, const struct chunk *c, const uint64_t *in) {
    if (!c->valid)
        return in;
    s->ops->bits_and(in, c->valid, s->words, s->narrowed);
    return s->narrowed;
}

/* ---- zones ---- */

enum zone_says { ZONE_SOME, ZONE_NONE, ZONE_ALL };

/* What a run of zones with one verdict is to become; [from, to) are rows, from at a zone's begin.
 */
struct stretch {
    uint32_t from, to;
};

typedef enum zone_says judge_fn(const struct zone *z, const void *bounds);
typedef uint32_t loop_fn(struct scan *s, const struct chunk *c, const void *bounds,
                         struct stretch at, const uint64_t *in, uint64_t *out);

static bool is_empty(const uint64_t *in, uint32_t from, uint32_t to) {
    for (uint32_t w = from / 64; w < (to + 63) / 64; w++)
        if (in[w])
            return false;
    return true;
}

/* Puts a stretch with one verdict into out. */
static uint32_t settle(struct scan *s, const struct chunk *c, enum zone_says says, loop_fn *run,
                       const void *bounds, struct stretch at, const uint64_t *in, uint64_t *out) {
    uint32_t first = at.from / 64, words = (at.to + 63) / 64 - first;
    if (says == ZONE_SOME)
        return run(s, c, bounds, at, in + first, out + first);
    if (says == ZONE_NONE)
        memset(out + first, 0, words * sizeof *out);
    else if (out != in)
        memcpy(out + first, in + first, words * sizeof *out);
    return says == ZONE_NONE ? 0 : s->ops->bits_count(out + first, words);
}

/* Runs a loop over the zones that statistics do not decide, as few calls as there can be. `in` has
 * rows with values only. */
static uint32_t by_zones(struct scan *s, struct scan_node *node, const struct chunk *c,
                         judge_fn *judge, loop_fn *run, const void *bounds, const uint64_t *in,
                         uint64_t *out) {
    uint32_t kept = 0;
    struct stretch at = {0, 0};
    enum zone_says says = ZONE_SOME;
    for (uint32_t z = 0; at.to < s->n; z++) {
        uint32_t end = (z + 1) * ZONE_ROWS < s->n ? (z + 1) * ZONE_ROWS : s->n;
        enum zone_says here = !c->zones ? ZONE_SOME : judge(&c->zones[z], bounds);
        node->zones++;
        node->zones_all += here == ZONE_ALL;
        if (here == ZONE_SOME && is_empty(in, at.to, end))
            here = ZONE_NONE;
        node->zones_none += here == ZONE_NONE;
        if (here != says && at.to > at.from) {
            kept += settle(s, c, says, run, bounds, at, in, out);
            at.from = at.to;
        }
        says = here;
        at.to = end;
    }
    return kept + settle(s, c, says, run, bounds, at, in, out);
}

/* ---- numbers ---- */

struct int_bounds {
    int64_t low, high;
    bool outside;
};

static enum zone_says judge_int(const struct zone *z, const void *bounds) {
    const struct int_bounds *b = bounds;
    if (!z->has_value)
        return ZONE_NONE;
    if (b->high < z->low.i || b->low > z->high.i)
        return b->outside ? ZONE_ALL : ZONE_NONE;
    if (b->low <= z->low.i && z->high.i <= b->high)
        return b->outside ? ZONE_NONE : ZONE_ALL;
    return ZONE_SOME;
}

static uint32_t loop_int(struct scan *s, const struct chunk *c, const void *bounds,
                         struct stretch at, const uint64_t *in, uint64_t *out) {
    const struct int_bounds *b = bounds;
    uint32_t n = at.to - at.from;
    switch (c->width) {
    case 1:
        return s->ops->range_i8((const int8_t *)c->data + at.from, n, (int8_t)b->low,
                                (int8_t)b->high, b->outside, in, out);
    case 2:
        return s->ops->range_i16((const int16_t *)c->data + at.from, n, (int16_t)b->low,
                                 (int16_t)b->high, b->outside, in, out);
    case 4:
        return s->ops->range_i32((const int32_t *)c->data + at.from, n, (int32_t)b->low,
                                 (int32_t)b->high, b->outside, in, out);
    default:
        return s->ops->range_i64((const int64_t *)c->data + at.from, n, b->low, b->high, b->outside,
                                 in, out);
    }
}

static enum scan_how how_int(uint8_t width) {
    return width == 1   ? HOW_RANGE_8
           : width == 2 ? HOW_RANGE_16
           : width == 4 ? HOW_RANGE_32
                        : HOW_RANGE_64;
}

static wide base_of(const struct chunk *c) {
    return c->is_unsigned ? (wide)c->base : (wide)(int64_t)c->base;
}

/* Cells whose number is in the interval; those without a value are not. */
static uint32_t in_interval(struct scan *s, struct scan_node *node, const struct chunk *c,
                            struct interval v, const uint64_t *in, uint64_t *out) {
    wide least = -((wide)1 << (8 * c->width - 1)), most = -least - 1, base = base_of(c);
    wide low = v.low - base, high = v.high - base;
    in = scan_valid(s, c, in);
    if (v.low > v.high || low > most || high < least)
        return v.outside ? copied(s, in, out) : nothing(s, out);
    struct int_bounds b = {(int64_t)(low < least ? least : low),
                           (int64_t)(high > most ? most : high), v.outside};
    node->how[how_int(c->width)]++;
    return by_zones(s, node, c, judge_int, loop_int, &b, in, out);
}

/* Whether the rows inside the term's interval are wanted, or those outside. */
static bool wants_outside(const struct term *t) {
    bool inside = t->shape == TERM_BETWEEN || t->op != CMP_NE;
    return inside != (t->want == TRUE_);
}

/* The interval of a number term, as it looks to the chunk's integers. */
static struct interval int_interval(const struct term *t, const struct chunk *c) {
    const struct number_range *r = &t->range;
    struct interval v = {r->i_low, r->i_high, wants_outside(t)};
    if (!c->is_unsigned)
        return v;
    /* The two intervals are the parts of one on either side of 2^63. */
    bool has_i = r->i_low <= r->i_high, has_u = r->u_low <= r->u_high;
    wide u_low = r->u_low > INT64_MAX ? (wide)r->u_low : (wide)INT64_MAX + 1;
    if (has_u && (wide)r->u_high > INT64_MAX) {
        v.low = has_i ? r->i_low : u_low;
        v.high = (wide)r->u_high;
    }
    return v;
}

static uint32_t number_over_ints(struct scan *s, struct scan_node *node, const struct chunk *c,
                                 const uint64_t *in, uint64_t *out) {
    return in_interval(s, node, c, int_interval(node->term, c), in, out);
}

struct double_bounds {
    double low, high;
    bool outside;
};

static enum zone_says judge_double(const struct zone *z, const void *bounds) {
    const struct double_bounds *b = bounds;
    if (!z->has_value)
        return ZONE_NONE;
    bool none_inside = !(b->low <= z->high.d && z->low.d <= b->high); /* also if all are NaN */
    if (none_inside)
        return b->outside ? ZONE_ALL : ZONE_NONE;
    if (!z->has_nan && b->low <= z->low.d && z->high.d <= b->high)
        return b->outside ? ZONE_NONE : ZONE_ALL;
    return ZONE_SOME;
}

static uint32_t loop_double(struct scan *s, const struct chunk *c, const void *bounds,
                            struct stretch at, const uint64_t *in, uint64_t *out) {
    const struct double_bounds *b = bounds;
    return s->ops->range_f64((const double *)c->data + at.from, at.to - at.from, b->low, b->high,
                             b->outside, in, out);
}

static uint32_t number_over_doubles(struct scan *s, struct scan_node *node, const struct chunk *c,
                                    const uint64_t *in, uint64_t *out) {
    const struct number_range *r = &node->term->range;
    struct double_bounds b = {r->d_low, r->d_high, wants_outside(node->term)};
    in = scan_valid(s, c, in);
    if (!(b.low <= b.high))
        return b.outside ? copied(s, in, out) : nothing(s, out);
    node->how[HOW_RANGE_F64]++;
    return by_zones(s, node, c, judge_double, loop_double, &b, in, out);
}

/* ---- timestamps ---- */

static wide ticks(struct value v, uint32_t per_second, bool up) {
    wide each = 1000000000 / per_second; /* nanoseconds of a tick */
    wide t = (wide)v.w.i * per_second + v.n / each;
    return t + (up && v.n % each != 0);
}

/* The interval of ticks that op and k mean. */
static struct interval time_interval(const struct term *t, uint32_t per_second) {
    const wide far = (wide)1 << 100;
    struct interval v = {-far, far, wants_outside(t)};
    wide floor = ticks(t->k, per_second, false), ceiling = ticks(t->k, per_second, true);
    if (t->shape == TERM_BETWEEN) {
        v.low = ceiling;
        v.high = ticks(t->k2, per_second, false);
        return v;
    }
    switch (t->op) {
    case CMP_EQ:
    case CMP_NE:
        v.low = ceiling;
        v.high = floor;
        break;
    case CMP_LT:
        v.high = ceiling - 1;
        break;
    case CMP_LE:
        v.high = floor;
        break;
    case CMP_GT:
        v.low = floor + 1;
        break;
    case CMP_GE:
        v.low = ceiling;
        break;
    }
    return v;
}

/* ---- sets ---- */

#define SET_RANGES 16u /* items that are looked for one after the other */

/* x IN integers, for a chunk whose stored numbers are few: as a dictionary of all of them. */
static uint32_t set_over_narrow(struct scan *s, struct scan_node *node, const struct chunk *c,
                                const uint64_t *in, uint64_t *out) {
    const struct term *t = node->term;
    uint64_t bits[4] = {0};
    wide base = base_of(c);
    for (unsigned stored = 0; stored < 256; stored++) {
        wide v = base + (int8_t)stored;
        bool has = v >= INT64_MIN && v <= INT64_MAX
                       ? set_has(t->set, value_int((int64_t)v))
                       : v > 0 && v <= (wide)UINT64_MAX && set_has(t->set, value_uint((uint64_t)v));
        if (has == (t->want == TRUE_))
            bits[stored / 64] |= UINT64_C(1) << (stored % 64);
    }
    node->how[HOW_LOOKUP_8]++;
    return s->ops->lookup_u8(c->data, s->n, bits, scan_valid(s, c, in), out);
}

static uint32_t set_term(struct scan *s, struct scan_node *node, const struct chunk *c,
                         const uint64_t *in, uint64_t *out) {
    const struct term *t = node->term;
    if (set_is_empty(t->set))
        return t->want == TRUE_ ? nothing(s, out) : copied(s, in, out);
    if (t->want == FALSE_ && set_has_null(t->set))
        return nothing(s, out);
    if (c->kind == CHUNK_INT && c->width == 1 && s->n >= 1024)
        return set_over_narrow(s, node, c, in, out);
    return scan_by_kernel(s, node, in, out);
}

/* ---- strings ---- */

/* A text term as one of the string loops; false: none. */
static bool string_form(const struct term *t, enum scan_how *ret, struct str *ret_k) {
    *ret_k = value_as_str(t->k);
    switch (t->shape) {
    case TERM_COMPARE:
        *ret = HOW_STR_EQUAL;
        return t->k.type == T_STR && (t->op == CMP_EQ || t->op == CMP_NE);
    case TERM_STARTS:
        *ret = HOW_STR_PREFIX;
        return true;
    case TERM_ENDS:
        *ret = HOW_STR_SUFFIX;
        return true;
    case TERM_CONTAINS:
        *ret = HOW_STR_CONTAINS;
        return true;
    case TERM_LIKE:
        *ret_k = like_literal(t->like);
        switch (like_shape(t->like)) {
        case LIKE_EXACT:
            *ret = HOW_STR_EQUAL;
            return true;
        case LIKE_PREFIX:
            *ret = HOW_STR_PREFIX;
            return true;
        case LIKE_SUFFIX:
            *ret = HOW_STR_SUFFIX;
            return true;
        case LIKE_CONTAINS:
            *ret = HOW_STR_CONTAINS;
            return true;
        default:
            return false;
        }
    default:
        return false;
    }
}

struct text_bounds {
    enum scan_how how;
    struct str k;
    uint64_t low, high; /* the first 8 bytes of what has the prefix k */
    bool outside;
};

static enum zone_says judge_text(const struct zone *z, const void *bounds) {
    const struct text_bounds *b = bounds;
    if (!z->has_value)
        return ZONE_NONE;
    if ((b->how == HOW_STR_EQUAL || b->how == HOW_STR_PREFIX) &&
        (b->high < z->low.u || b->low > z->high.u))
        return b->outside ? ZONE_ALL : ZONE_NONE;
    return ZONE_SOME;
}

static uint32_t loop_text(struct scan *s, const struct chunk *c, const void *bounds,
                          struct stretch at, const uint64_t *in, uint64_t *out) {
    const struct text_bounds *b = bounds;
    const uint8_t *k = (const uint8_t *)b->k.p;
    const uint32_t *offsets = c->offsets + at.from;
    uint32_t n = at.to - at.from;
    switch (b->how) {
    case HOW_STR_EQUAL:
        return s->ops->str_equal(offsets, c->data, n, k, b->k.n, b->outside, in, out);
    case HOW_STR_PREFIX:
        return s->ops->str_prefix(offsets, c->data, n, k, b->k.n, b->outside, in, out);
    case HOW_STR_SUFFIX:
        return s->ops->str_suffix(offsets, c->data, n, k, b->k.n, b->outside, in, out);
    default:
        return s->ops->str_contains(offsets, c->data, n, k, b->k.n, b->outside, in, out);
    }
}

/* The first 8 bytes as a number in the order of strings, what is not there filled with `fill`. */
static uint64_t head(struct str k, uint8_t fill) {
    uint64_t h = 0;
    for (size_t i = 0; i < 8; i++)
        h = h << 8 | (i < k.n ? (uint8_t)k.p[i] : fill);
    return h;
}

static uint32_t text_over_strings(struct scan *s, struct scan_node *node, const struct chunk *c,
                                  const uint64_t *in, uint64_t *out) {
    const struct term *t = node->term;
    struct text_bounds b = {0};
    if (!string_form(t, &b.how, &b.k))
        return scan_by_kernel(s, node, in, out);
    b.low = head(b.k, 0);
    b.high = head(b.k, b.how == HOW_STR_EQUAL ? 0 : 0xFF);
    b.outside = (t->want == TRUE_) == (t->shape == TERM_COMPARE && t->op == CMP_NE);
    node->how[b.how]++;
    return by_zones(s, node, c, judge_text, loop_text, &b, scan_valid(s, c, in), out);
}

/* ---- booleans, tests ---- */

static uint32_t bools(struct scan *s, struct scan_node *node, const struct chunk *c, bool want,
                      const uint64_t *in, uint64_t *out) {
    in = scan_valid(s, c, in);
    node->how[HOW_BITS]++;
    return want ? s->ops->bits_and(in, c->data, s->words, out)
                : s->ops->bits_and_not(in, c->data, s->words, out);
}

/* Rows of `in` with the bit set, or those without; bits NULL: all are set. */
static uint32_t by_bits(struct scan *s, struct scan_node *node, const uint64_t *bits, bool set,
                        const uint64_t *in, uint64_t *out) {
    node->how[HOW_BITS]++;
    if (!bits)
        return set ? copied(s, in, out) : nothing(s, out);
    return set ? s->ops->bits_and(in, bits, s->words, out)
               : s->ops->bits_and_not(in, bits, s->words, out);
}

/* IS NULL, IS MISSING over a chunk that may be NULL. */
static uint32_t null_test(struct scan *s, struct scan_node *node, const struct chunk *c,
                          const uint64_t *in, uint64_t *out) {
    bool wants_null = node->term->want == TRUE_, missing = node->term->shape == TERM_MISSING;
    if (!c)
        return wants_null ? copied(s, in, out) : nothing(s, out);
    if (c->kind == CHUNK_NONE && !missing)
        return wants_null ? copied(s, in, out) : nothing(s, out);
    return by_bits(s, node, missing ? c->present : c->valid, !wants_null, in, out);
}

/* ---- pairs ---- */

/* The relation of a term over two columns, perhaps with the columns exchanged. */
static enum dense_rel pair_rel(const struct term *t, bool *ret_swap) {
    static const enum dense_rel TRUE_REL[] = {DENSE_EQ, DENSE_NE, DENSE_LT,
                                              DENSE_LE, DENSE_LT, DENSE_LE},
                                FALSE_REL[] = {DENSE_NE,  DENSE_EQ,  DENSE_NLT,
                                               DENSE_NLE, DENSE_NLT, DENSE_NLE};
    *ret_swap = t->op == CMP_GT || t->op == CMP_GE;
    return (t->want == TRUE_ ? TRUE_REL : FALSE_REL)[t->op];
}

static const int64_t *widened(struct scan *s, const struct chunk *c, uint32_t from, uint32_t n,
                              int64_t *room) {
    if (c->width == 8 && c->base == 0)
        return (const int64_t *)c->data + from;
    s->ops->widen_i64((const uint8_t *)c->data + (size_t)from * c->width, n, c->base, c->width,
                      room);
    return room;
}

static uint32_t pair_term(struct scan *s, struct scan_node *node, const struct chunk *x,
                          const struct chunk *y, const uint64_t *in, uint64_t *out) {
    bool swap, ints = x->kind == CHUNK_INT || x->kind == CHUNK_TIME;
    bool same = x->kind == y->kind && (ints || x->kind == CHUNK_DOUBLE) && !x->is_unsigned &&
                !y->is_unsigned && x->per_second == y->per_second;
    if (!same)
        return scan_by_kernel(s, node, in, out);
    enum dense_rel rel = pair_rel(node->term, &swap);
    if (swap) {
        const struct chunk *t = x;
        x = y;
        y = t;
    }
    in = scan_valid(s, y, scan_valid(s, x, in));
    node->how[ints ? HOW_PAIR_I64 : HOW_PAIR_F64]++;
    if (!ints)
        return s->ops->pair_f64(x->data, y->data, s->n, rel, in, out);
    uint32_t kept = 0;
    for (uint32_t from = 0; from < s->n; from += ZONE_ROWS) {
        uint32_t n = s->n - from < ZONE_ROWS ? s->n - from : ZONE_ROWS;
        if (is_empty(in, from, from + n)) {
            memset(out + from / 64, 0, (n + 63) / 64 * sizeof *out);
            continue;
        }
        kept +=
            s->ops->pair_i64(widened(s, x, from, n, s->wide_x), widened(s, y, from, n, s->wide_y),
                             n, rel, in + from / 64, out + from / 64);
    }
    return kept;
}

/* ---- the choice ---- */

static uint32_t over_codes(struct scan *s, struct scan_node *node, const struct chunk *c,
                           const uint64_t *in, uint64_t *out) {
    const struct code_set *set = scan_codes(s, node, c->dict);
    return set ? scan_lookup(s, node, c, set, scan_valid(s, c, in), out)
               : scan_by_kernel(s, node, in, out);
}

/* Terms that are never TRUE nor FALSE where there is no value. */
static bool is_strict(const struct term *t) {
    switch (t->shape) {
    case TERM_COMPARE:
    case TERM_BETWEEN:
    case TERM_LIKE:
    case TERM_REGEXP:
    case TERM_STARTS:
    case TERM_ENDS:
    case TERM_CONTAINS:
    case TERM_BOOL:
        return true;
    case TERM_IN:
        return !set_is_empty(t->set);
    default:
        return false;
    }
}

uint32_t scan_term(struct scan *s, struct scan_node *node, const uint64_t *in, uint64_t *out) {
    const struct term *t = node->term;
    const struct chunk *c = s->chunks[node->x];
    bool compares = t->shape == TERM_COMPARE || t->shape == TERM_BETWEEN;
    if (t->shape == TERM_NULL || t->shape == TERM_MISSING)
        return null_test(s, node, c, in, out);
    if (node->y != NO_COLUMN) {
        const struct chunk *y = s->chunks[node->y];
        if (t->shape != TERM_COLUMNS)
            return scan_by_kernel(s, node, in, out);
        if (!c || c->kind == CHUNK_NONE || !y || y->kind == CHUNK_NONE)
            return nothing(s, out);
        return pair_term(s, node, c, y, in, out);
    }
    if (!c || c->kind == CHUNK_NONE)
        return is_strict(t) ? nothing(s, out) : scan_by_kernel(s, node, in, out);
    if (compares && value_is_null(t->k))
        return nothing(s, out);
    enum value_class class = compares ? value_class(t->k.type) : CLASS_NULL;
    if (is_strict(t) && c->kind == CHUNK_CODES)
        return over_codes(s, node, c, in, out);
    if (class == CLASS_NUMBER && c->kind == CHUNK_INT)
        return number_over_ints(s, node, c, in, out);
    if (class == CLASS_NUMBER && c->kind == CHUNK_DOUBLE)
        return number_over_doubles(s, node, c, in, out);
    if (class == CLASS_TIMESTAMP && c->kind == CHUNK_TIME)
        return in_interval(s, node, c, time_interval(t, c->per_second), in, out);
    if (t->shape == TERM_BOOL && c->kind == CHUNK_BOOL)
        return bools(s, node, c, t->want == TRUE_, in, out);
    if (class == CLASS_BOOL && c->kind == CHUNK_BOOL && t->shape == TERM_COMPARE &&
        (t->op == CMP_EQ || t->op == CMP_NE))
        return bools(s, node, c, ((t->op == CMP_EQ) == (t->want == TRUE_)) == (t->k.w.i != 0), in,
                     out);
    if (t->shape == TERM_IN)
        return set_term(s, node, c, in, out);
    if (c->kind == CHUNK_STR)
        return text_over_strings(s, node, c, in, out);
    return scan_by_kernel(s, node, in, out);
}

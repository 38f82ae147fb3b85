/* Terms over integers, doubles and timestamps as they are stored: intervals of the stored numbers.
 * See scan_zone.h. */
#include "plan/scan_zone.h"

#include <math.h>

/* low <= x <= high, or everything else. */
struct interval {
    wide low, high;
    bool outside;
};

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

uint32_t scan_int_range(struct scan *s, const struct chunk *c, struct stretch at, int64_t low,
                        int64_t high, bool outside, const uint64_t *in, uint64_t *out) {
    uint32_t n = at.to - at.from;
    switch (c->width) {
    case 1:
        return s->ops->range_i8((const int8_t *)c->data + at.from, n, (int8_t)low, (int8_t)high,
                                outside, in, out);
    case 2:
        return s->ops->range_i16((const int16_t *)c->data + at.from, n, (int16_t)low, (int16_t)high,
                                 outside, in, out);
    case 4:
        return s->ops->range_i32((const int32_t *)c->data + at.from, n, (int32_t)low, (int32_t)high,
                                 outside, in, out);
    default:
        return s->ops->range_i64((const int64_t *)c->data + at.from, n, low, high, outside, in,
                                 out);
    }
}

static uint32_t loop_int(struct scan *s, const struct chunk *c, const void *bounds,
                         struct stretch at, const uint64_t *in, uint64_t *out) {
    const struct int_bounds *b = bounds;
    return scan_int_range(s, c, at, b->low, b->high, b->outside, in, out);
}

enum scan_how scan_range_how(uint8_t width) {
    return width == 1   ? HOW_RANGE_8
           : width == 2 ? HOW_RANGE_16
           : width == 4 ? HOW_RANGE_32
                        : HOW_RANGE_64;
}

/* An interval of the chunk's stored numbers. False: none of them is in it. */
static bool stored_bounds(const struct chunk *c, struct interval v, struct int_bounds *ret) {
    wide least = -((wide)1 << (8 * c->width - 1)), most = -least - 1, base = scan_base(c);
    wide low = v.low - base, high = v.high - base;
    if (v.low > v.high || low > most || high < least)
        return false;
    *ret = (struct int_bounds){(int64_t)(low < least ? least : low),
                               (int64_t)(high > most ? most : high), v.outside};
    return true;
}

/* Cells whose number is in the interval; those without a value are not. */
static uint32_t in_interval(struct scan *s, struct scan_node *node, const struct chunk *c,
                            struct interval v, const uint64_t *in, uint64_t *out) {
    struct int_bounds b;
    in = scan_valid(s, c, in);
    if (!stored_bounds(c, v, &b))
        return scan_whole(s, node, v.outside, in, out);
    node->how[scan_range_how(c->width)]++;
    return scan_by_zones(s, node, c, judge_int, loop_int, &b, in, out);
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

uint32_t scan_ints(struct scan *s, struct scan_node *node, const struct chunk *c,
                   const uint64_t *in, uint64_t *out) {
    return in_interval(s, node, c, int_interval(node->term, c), in, out);
}

bool scan_int_bytes(const struct scan *s, const struct scan_node *node, const struct chunk *c,
                    struct byte_range *ret) {
    struct int_bounds b;
    if (c->width != 1 || !stored_bounds(c, int_interval(node->term, c), &b) ||
        !scan_is_open(s, c, judge_int, &b))
        return false;
    *ret = (struct byte_range){c->data, (int8_t)b.low, (int8_t)b.high, b.outside};
    return true;
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

uint32_t scan_doubles(struct scan *s, struct scan_node *node, const struct chunk *c,
                      const uint64_t *in, uint64_t *out) {
    const struct number_range *r = &node->term->range;
    struct double_bounds b = {r->d_low, r->d_high, wants_outside(node->term)};
    in = scan_valid(s, c, in);
    if (!(b.low <= b.high))
        return scan_whole(s, node, b.outside, in, out);
    node->how[HOW_RANGE_F64]++;
    return scan_by_zones(s, node, c, judge_double, loop_double, &b, in, out);
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

uint32_t scan_times(struct scan *s, struct scan_node *node, const struct chunk *c,
                    const uint64_t *in, uint64_t *out) {
    return in_interval(s, node, c, time_interval(node->term, c->per_second), in, out);
}

/* ---- bytes ---- */

static void set_bytes(uint64_t bits[4], unsigned from, unsigned to) {
    for (unsigned w = from / 64; w <= to / 64; w++) {
        uint64_t low = w == from / 64 ? UINT64_MAX << from % 64 : UINT64_MAX;
        uint64_t high = w == to / 64 ? UINT64_MAX >> (63 - to % 64) : UINT64_MAX;
        bits[w] |= low & high;
    }
}

bool scan_int_wanted(const struct term *t, const struct chunk *c, struct byte_set *ret) {
    enum value_class class = value_class(t->k.type);
    struct int_bounds b;
    struct interval v;
    if (class == CLASS_NUMBER && c->kind == CHUNK_INT)
        v = int_interval(t, c);
    else if (class == CLASS_TIMESTAMP && c->kind == CHUNK_TIME)
        v = time_interval(t, c->per_second);
    else
        return false;
    if (stored_bounds(c, v, &b)) { /* bytes below zero are numbers from 128 on */
        if (b.high >= 0)
            set_bytes(ret->bits, b.low < 0 ? 0 : (unsigned)b.low, (unsigned)b.high);
        if (b.low < 0)
            set_bytes(ret->bits, (unsigned)(b.low + 256),
                      b.high < 0 ? (unsigned)(b.high + 256) : 255);
    }
    for (unsigned w = 0; w < 4; w++)
        ret->bits[w] ^= v.outside ? UINT64_MAX : 0;
    return true;
}

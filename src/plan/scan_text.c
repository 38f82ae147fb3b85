/* Terms over strings that stand one behind the other. See scan_zone.h. */
#include "plan/scan_zone.h"

#include "kernel/regex.h"

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
    uint64_t low, high; /* of what has the prefix k, as zones have it */
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

/* Where k stands to what all strings of a chunk begin with: before all of them (< 0), behind (> 0),
 * or 0, and *ret_rest is what it has behind that. */
static int place_of(const struct chunk *c, struct str k, struct str *ret_rest) {
    size_t n = k.n < c->shared ? k.n : c->shared;
    int order = n ? memcmp(k.p, c->data, n) : 0;
    if (order == 0 && k.n < c->shared)
        return -1;
    *ret_rest = (struct str){k.p + n, k.n - n};
    return order;
}

uint64_t scan_text_head(const struct chunk *c, struct str k, uint8_t fill) {
    struct str rest;
    uint64_t head = 0;
    int order = place_of(c, k, &rest);
    if (order < 0 && fill && k.n < c->shared && memcmp(k.p, c->data, k.n) == 0)
        return UINT64_MAX; /* what begins with k goes on as all do */
    if (order != 0)
        return order < 0 ? 0 : UINT64_MAX;
    for (size_t i = 0; i < 8; i++)
        head = head << 8 | (i < rest.n ? (uint8_t)rest.p[i] : fill);
    return head;
}

/* ---- order ---- */

struct order_bounds {
    struct text_range range;
    uint64_t low, high; /* the bounds as zones have them */
    bool outside, is_empty;
};

static enum zone_says judge_order(const struct zone *z, const void *bounds) {
    const struct order_bounds *b = bounds;
    const struct text_range *r = &b->range;
    if (!z->has_value)
        return ZONE_NONE;
    if ((r->has_low && z->high.u < b->low) || (r->has_high && z->low.u > b->high))
        return b->outside ? ZONE_ALL : ZONE_NONE;
    if ((!r->has_low || z->low.u > b->low) && (!r->has_high || z->high.u < b->high))
        return b->outside ? ZONE_NONE : ZONE_ALL;
    return ZONE_SOME;
}

static uint32_t loop_order(struct scan *s, const struct chunk *c, const void *bounds,
                           struct stretch at, const uint64_t *in, uint64_t *out) {
    const struct order_bounds *b = bounds;
    return s->ops->str_range(c->offsets + at.from, c->data, at.to - at.from, &b->range, b->outside,
                             in, out);
}

static void set_low(struct order_bounds *b, const struct chunk *c, struct value k, bool open) {
    struct str rest;
    int order = place_of(c, value_as_str(k), &rest);
    b->is_empty |= order > 0;
    b->range.has_low = order == 0;
    if (order != 0)
        return;
    b->range.low = (const uint8_t *)rest.p;
    b->range.low_n = rest.n;
    b->range.low_open = open;
    b->low = scan_text_head(c, value_as_str(k), 0);
}

static void set_high(struct order_bounds *b, const struct chunk *c, struct value k, bool open) {
    struct str rest;
    int order = place_of(c, value_as_str(k), &rest);
    b->is_empty |= order < 0;
    b->range.has_high = order == 0;
    if (order != 0)
        return;
    b->range.high = (const uint8_t *)rest.p;
    b->range.high_n = rest.n;
    b->range.high_open = open;
    b->high = scan_text_head(c, value_as_str(k), 0);
}

/* A term that asks for the order of strings; false: it does not. */
static bool order_form(const struct term *t, const struct chunk *c, struct order_bounds *ret) {
    bool compares = t->shape == TERM_COMPARE && t->k.type == T_STR;
    *ret = (struct order_bounds){.range.skip = c->shared, .outside = t->want == FALSE_};
    if (t->shape == TERM_BETWEEN && t->k.type == T_STR && t->k2.type == T_STR) {
        set_low(ret, c, t->k, false);
        set_high(ret, c, t->k2, false);
    } else if (compares && (t->op == CMP_GT || t->op == CMP_GE)) {
        set_low(ret, c, t->k, t->op == CMP_GT);
    } else if (compares && (t->op == CMP_LT || t->op == CMP_LE)) {
        set_high(ret, c, t->k, t->op == CMP_LT);
    } else {
        return false;
    }
    return true;
}

/* ---- regular expressions ---- */

/* Rows that the engine finds. */
static uint32_t by_engine(struct scan *s, struct scan_node *node, const struct chunk *c,
                          const uint64_t *in, uint64_t *out) {
    const struct regex *r = node->term->regex;
    const uint8_t *bytes = c->data;
    uint32_t kept = 0;
    node->how[HOW_ROWS]++;
    for (uint32_t w = 0; w < s->words; w++) {
        uint64_t found = 0;
        for (uint64_t rows = in[w]; rows && !scan_is_stopped(s); rows &= rows - 1) {
            const uint32_t *at = c->offsets + 64 * (size_t)w + (unsigned)__builtin_ctzll(rows);
            bool failed;
            if (regex_match_sifted(r, bytes + at[0], at[1] - at[0], &failed))
                found |= rows & -rows;
            s->mismatches += failed;
        }
        out[w] = found;
        kept += (uint32_t)__builtin_popcountll(found);
    }
    return kept;
}

#define FIRSTS_MOST 128u /* bytes to begin with that are worth a look */

/* A regular expression: what every match begins and ends with, and what it has in it, is looked for
 * by loops, and only the rows that are left are given to the engine. */
static uint32_t regexp(struct scan *s, struct scan_node *node, const struct chunk *c,
                       const uint64_t *in, uint64_t *out) {
    const struct regex *r = node->term->regex;
    struct str suffix = regex_suffix(r), literal = regex_literal(r);
    size_t n_needles;
    const struct needle *needles = regex_needles(r, &n_needles);
    uint8_t low, high;
    in = scan_valid(s, c, in);
    if (suffix.n > 0) {
        node->how[HOW_STR_SUFFIX]++;
        s->ops->str_suffix(c->offsets, c->data, s->n, (const uint8_t *)suffix.p, suffix.n, false,
                           in, s->maybe);
        in = s->maybe;
    }
    if (regex_first(r, &low, &high) && high - low < (int)FIRSTS_MOST) {
        node->how[HOW_STR_FIRST]++;
        s->ops->str_first(c->offsets, c->data, s->n, low, high, in, s->maybe);
        in = s->maybe;
    }
    if (n_needles > 0) {
        node->how[HOW_STR_ANY]++;
        s->ops->str_any(c->offsets, c->data, s->n, needles, n_needles, in, s->maybe);
        in = s->maybe;
    } else if (literal.n > suffix.n) {
        node->how[HOW_STR_CONTAINS]++;
        s->ops->str_contains(c->offsets, c->data, s->n, (const uint8_t *)literal.p, literal.n,
                             false, in, s->maybe);
        in = s->maybe;
    }
    return by_engine(s, node, c, in, out);
}

uint32_t scan_strings(struct scan *s, struct scan_node *node, const struct chunk *c,
                      const uint64_t *in, uint64_t *out) {
    const struct term *t = node->term;
    struct text_bounds b = {0};
    if (t->shape == TERM_REGEXP && t->want == TRUE_)
        return regexp(s, node, c, in, out);
    struct order_bounds order;
    if (order_form(t, c, &order)) {
        in = scan_valid(s, c, in);
        if (order.is_empty)
            return scan_whole(s, node, order.outside, in, out);
        node->how[HOW_STR_RANGE]++;
        return scan_by_zones(s, node, c, judge_order, loop_order, &order, in, out);
    }
    if (!string_form(t, &b.how, &b.k))
        return scan_by_kernel(s, node, in, out);
    b.low = scan_text_head(c, b.k, 0);
    b.high = scan_text_head(c, b.k, b.how == HOW_STR_EQUAL ? 0 : 0xFF);
    b.outside = (t->want == TRUE_) == (t->shape == TERM_COMPARE && t->op == CMP_NE);
    node->how[b.how]++;
    return scan_by_zones(s, node, c, judge_text, loop_text, &b, scan_valid(s, c, in), out);
}

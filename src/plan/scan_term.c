/* A term over a chunk, by the form in which the chunk is stored. See scan_tree.h.
 *
 * What has no loop of its own here goes to scan_by_kernel, which judges all of this. */
#include "plan/scan_zone.h"

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
        return set ? scan_copied(s, in, out) : scan_nothing(s, out);
    return set ? s->ops->bits_and(in, bits, s->words, out)
               : s->ops->bits_and_not(in, bits, s->words, out);
}

/* IS NULL, IS MISSING over a chunk that may be NULL. */
static uint32_t null_test(struct scan *s, struct scan_node *node, const struct chunk *c,
                          const uint64_t *in, uint64_t *out) {
    bool wants_null = node->term->want == TRUE_, missing = node->term->shape == TERM_MISSING;
    if (!c)
        return wants_null ? scan_copied(s, in, out) : scan_nothing(s, out);
    if (c->kind == CHUNK_NONE && !missing)
        return wants_null ? scan_copied(s, in, out) : scan_nothing(s, out);
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

/* Whether all integers of a chunk are doubles, too. */
static bool are_doubles(const struct scan *s, const struct chunk *c) {
    const wide most = (wide)1 << 53, base = scan_base(c);
    uint32_t zones = (s->n + ZONE_ROWS - 1) / ZONE_ROWS;
    for (uint32_t z = 0; z < zones; z++) {
        const struct zone *zone = c->zones ? &c->zones[z] : NULL;
        if (!zone ||
            (zone->has_value && (base + zone->low.i < -most || base + zone->high.i > most)))
            return false;
    }
    return true;
}

/* n <= ZONE_ROWS doubles, or integers as such. */
static const double *as_doubles(struct scan *s, const struct chunk *c, uint32_t from, uint32_t n,
                                int64_t *room) {
    if (c->kind == CHUNK_DOUBLE)
        return (const double *)c->data + from;
    s->ops->widen_i64((const uint8_t *)c->data + (size_t)from * c->width, n, c->base, c->width,
                      room);
    for (uint32_t i = 0; i < n; i++) {
        double d = (double)room[i];
        memcpy(&room[i], &d, sizeof d);
    }
    return (const double *)(const void *)room;
}

/* A zone of two columns, as integers or as doubles. */
static uint32_t pair_zone(struct scan *s, const struct chunk *x, const struct chunk *y, bool ints,
                          enum dense_rel rel, uint32_t from, const uint64_t *in, uint64_t *out) {
    uint32_t n = s->n - from < ZONE_ROWS ? s->n - from : ZONE_ROWS;
    if (scan_is_empty(in, 0, n)) {
        memset(out, 0, (n + 63) / 64 * sizeof *out);
        return 0;
    }
    if (ints)
        return s->ops->pair_i64(scan_widened(s, x, from, n, s->wide_x),
                                scan_widened(s, y, from, n, s->wide_y), n, rel, in, out);
    return s->ops->pair_f64(as_doubles(s, x, from, n, s->wide_x),
                            as_doubles(s, y, from, n, s->wide_y), n, rel, in, out);
}

/* Whether two columns have a loop, and whether it is that of integers. */
static bool have_loop(const struct scan *s, const struct chunk *x, const struct chunk *y,
                      bool *ret_ints) {
    *ret_ints = x->kind == CHUNK_INT || x->kind == CHUNK_TIME;
    if (x->kind == y->kind)
        return (*ret_ints || x->kind == CHUNK_DOUBLE) && !x->is_unsigned && !y->is_unsigned &&
               x->per_second == y->per_second;
    *ret_ints = false;
    return (x->kind == CHUNK_INT && y->kind == CHUNK_DOUBLE && are_doubles(s, x)) ||
           (x->kind == CHUNK_DOUBLE && y->kind == CHUNK_INT && are_doubles(s, y));
}

static uint32_t pair_term(struct scan *s, struct scan_node *node, const struct chunk *x,
                          const struct chunk *y, const uint64_t *in, uint64_t *out) {
    bool swap, ints;
    if (!have_loop(s, x, y, &ints))
        return scan_by_kernel(s, node, in, out);
    enum dense_rel rel = pair_rel(node->term, &swap);
    if (swap) {
        const struct chunk *t = x;
        x = y;
        y = t;
    }
    in = scan_valid(s, y, scan_valid(s, x, in));
    node->how[ints ? HOW_PAIR_I64 : HOW_PAIR_F64]++;
    uint32_t kept = 0;
    for (uint32_t from = 0; from < s->n; from += ZONE_ROWS)
        kept += pair_zone(s, x, y, ints, rel, from, in + from / 64, out + from / 64);
    return kept;
}

/* ---- the choice ---- */

static uint32_t over_codes(struct scan *s, struct scan_node *node, const struct chunk *c,
                           const uint64_t *in, uint64_t *out) {
    const struct code_set *set = scan_codes(s, node, c->dict);
    return set ? scan_lookup(s, node, c, set, scan_valid(s, c, in), out)
               : scan_by_kernel(s, node, in, out);
}

bool scan_is_strict(const struct term *t) {
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
            return scan_nothing(s, out);
        return pair_term(s, node, c, y, in, out);
    }
    if (!c || c->kind == CHUNK_NONE)
        return scan_is_strict(t) ? scan_nothing(s, out) : scan_by_kernel(s, node, in, out);
    if (compares && value_is_null(t->k))
        return scan_nothing(s, out);
    enum value_class class = compares ? value_class(t->k.type) : CLASS_NULL;
    if (scan_is_strict(t) && c->kind == CHUNK_CODES)
        return over_codes(s, node, c, in, out);
    if (class == CLASS_NUMBER && c->kind == CHUNK_INT)
        return scan_ints(s, node, c, in, out);
    if (class == CLASS_NUMBER && c->kind == CHUNK_DOUBLE)
        return scan_doubles(s, node, c, in, out);
    if (class == CLASS_TIMESTAMP && c->kind == CHUNK_TIME)
        return scan_times(s, node, c, in, out);
    if (t->shape == TERM_BOOL && c->kind == CHUNK_BOOL)
        return bools(s, node, c, t->want == TRUE_, in, out);
    if (class == CLASS_BOOL && c->kind == CHUNK_BOOL && t->shape == TERM_COMPARE &&
        (t->op == CMP_EQ || t->op == CMP_NE))
        return bools(s, node, c, ((t->op == CMP_EQ) == (t->want == TRUE_)) == (t->k.w.i != 0), in,
                     out);
    if (t->shape == TERM_IN)
        return scan_set(s, node, c, in, out);
    if (c->kind == CHUNK_STR)
        return scan_strings(s, node, c, in, out);
    return scan_by_kernel(s, node, in, out);
}

/* How many rows a query keeps, by how often each byte occurs in the one column that it looks at:
 * narrow integers and short dictionaries. No row is looked at for that. See scan.h, scan_tree.h.
 *
 * The tree of a scan over one column is, for cells of one byte, a set of bytes, and whether a cell
 * without a value is wanted. */
#include "plan/scan_zone.h"

/* NULL: not yet; one of those who ask makes them, and the others do without. */
static const uint32_t *counts_of(const struct scan *s, const struct chunk *c) {
    struct byte_counts *counts = c->counts;
    uint32_t asked = atomic_load_explicit(&counts->asked, memory_order_acquire);
    if (asked == COUNTS_MADE)
        return counts->cells;
    if (asked >= COUNTS_ASKED ||
        !atomic_compare_exchange_strong_explicit(&counts->asked, &asked, asked + 1,
                                                 memory_order_relaxed, memory_order_relaxed) ||
        asked + 1 < COUNTS_ASKED)
        return NULL;
    s->ops->tally_u8(c->data, c->n, counts->cells);
    if (c->valid) /* where there is no value the byte is zero */
        counts->cells[0] -= c->n - s->ops->bits_count(c->valid, (c->n + 63) / 64);
    atomic_store_explicit(&counts->asked, COUNTS_MADE, memory_order_release);
    return counts->cells;
}

static void set_all(struct byte_set *set, bool bytes, bool absent) {
    memset(set->bits, bytes ? 0xFF : 0, sizeof set->bits);
    set->absent = absent;
}

static void set_flip(struct byte_set *set) {
    for (unsigned w = 0; w < 4; w++)
        set->bits[w] = ~set->bits[w];
    set->absent = !set->absent;
}

static void set_join(struct byte_set *set, const struct byte_set *other, bool both) {
    for (unsigned w = 0; w < 4; w++)
        set->bits[w] = both ? set->bits[w] & other->bits[w] : set->bits[w] | other->bits[w];
    set->absent = both ? set->absent && other->absent : set->absent || other->absent;
}

/* All cells of either kind are wanted, or none is. */
static bool set_is_all(const struct byte_set *set, bool all) {
    uint64_t differ = 0;
    for (unsigned w = 0; w < 4; w++)
        differ |= all ? ~set->bits[w] : set->bits[w];
    return differ == 0 && set->absent == all;
}

static bool codes_wanted(struct scan *s, struct scan_node *node, const struct chunk *c,
                         struct byte_set *ret) {
    const struct code_set *set = scan_codes(s, node, c->dict);
    if (set)
        memcpy(ret->bits, set->bits, sizeof ret->bits);
    return set != NULL;
}

/* False: the term is none that goes by the byte, or cannot be judged so. */
static bool term_wanted(struct scan *s, struct scan_node *node, const struct chunk *c,
                        struct byte_set *ret) {
    const struct term *t = node->term;
    if (node->y != NO_COLUMN)
        return false;
    if (t->shape == TERM_NULL || (t->shape == TERM_MISSING && !c)) {
        set_all(ret, t->want != TRUE_, t->want == TRUE_);
        return true;
    }
    if (!scan_is_strict(t))
        return false;
    bool compares = t->shape == TERM_COMPARE || t->shape == TERM_BETWEEN;
    set_all(ret, false, false);
    if (!c || c->kind == CHUNK_NONE || (compares && value_is_null(t->k)))
        return true;
    if (c->kind == CHUNK_CODES)
        return codes_wanted(s, node, c, ret);
    return compares              ? scan_int_wanted(t, c, ret)
           : t->shape == TERM_IN ? scan_set_wanted(node, c, ret)
                                 : false;
}

/* The cells that the node keeps. */
static bool wanted(struct scan *s, struct scan_node *node, const struct chunk *c,
                   struct byte_set *ret) {
    bool conj = node->kind == SCAN_CONJ;
    switch (node->kind) {
    case SCAN_ALL:
    case SCAN_NONE:
        set_all(ret, node->kind == SCAN_ALL, node->kind == SCAN_ALL);
        return true;
    case SCAN_TERM:
        return term_wanted(s, node, c, ret);
    case SCAN_PART:
        return false;
    case SCAN_CONJ:
    case SCAN_DISJ:
    case SCAN_REST:
        break;
    }
    set_all(ret, conj, conj);
    for (uint32_t i = 0; i < node->n_kids; i++) {
        if (i > 0 && node->kind != SCAN_REST && set_is_all(ret, !conj))
            break; /* the others do not change it, as a scan finds, too */
        struct byte_set kid;
        if (!wanted(s, node->kids[i], c, &kid))
            return false;
        set_join(ret, &kid, conj);
    }
    if (node->kind == SCAN_REST)
        set_flip(ret);
    return true;
}

static bool has_byte(const struct byte_set *set, unsigned v) {
    return set->bits[v / 64] >> v % 64 & 1;
}

/* Deleted rows that would be wanted. */
static uint32_t count_dead(const struct chunk *c, const struct byte_set *set,
                           const uint64_t *live) {
    uint32_t n = 0;
    for (uint32_t w = 0; w < (c->n + 63) / 64; w++) {
        uint64_t rows = c->n - 64 * w < 64 ? (UINT64_C(1) << (c->n - 64 * w)) - 1 : UINT64_MAX;
        for (uint64_t dead = ~live[w] & rows; dead; dead &= dead - 1) {
            uint32_t row = 64 * w + (uint32_t)__builtin_ctzll(dead);
            n += bits_get(c->valid, row) ? has_byte(set, ((const uint8_t *)c->data)[row])
                                         : set->absent;
        }
    }
    return n;
}

static uint32_t add_up(const uint32_t *cells, const struct byte_set *set, uint32_t n) {
    uint32_t with = 0, all = 0;
    for (unsigned v = 0; v < 256; v++) {
        with += has_byte(set, v) ? cells[v] : 0;
        all += cells[v];
    }
    return with + (set->absent ? n - all : 0);
}

/* The rows among n that are kept; false if counts do not tell. */
static bool count(struct scan *s, const struct chunk *c, uint32_t n, const uint64_t *live,
                  uint32_t n_live, uint32_t *ret) {
    bool has_cells = c && c->kind != CHUNK_NONE;
    struct byte_set set;
    const uint32_t *cells = NULL;
    if (has_cells && (!c->counts || n - n_live > n / COUNTS_DEAD_OF))
        return false;
    if (!wanted(s, s->root, c, &set) || (has_cells && !(cells = counts_of(s, c))))
        return false;
    if (has_cells)
        *ret = add_up(cells, &set, n) - (live ? count_dead(c, &set, live) : 0);
    else
        *ret = set.absent ? n_live : 0;
    return true;
}

bool scan_count(struct scan *s, const struct chunk *const *chunks, uint32_t n, const uint64_t *live,
                uint32_t n_live, uint32_t *ret) {
    uint32_t slots = plan_fields(s->plan)->n_slots;
    if (slots > 1 || s->failure != E_OK || scan_is_stopped(s) ||
        !count(s, slots == 1 ? chunks[0] : NULL, n, live, n_live, ret))
        return false;
    s->counted++;
    if (s->options.measures_all) /* EXPLAIN shows how rows are found; and that this would do */
        return false;
    s->segments++;
    return true;
}

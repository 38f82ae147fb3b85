/* Two neighbouring conditions of a conjunction over columns of single bytes, in one loop: narrow
 * integers and short dictionaries, as most columns of rows are. What one loop saves is the way
 * through memory for each. See scan_tree.h. */
#include "plan/scan_zone.h"

/* At least one row of so many must be wanted, and one satisfy the first condition: where they are
 * fewer, the second need not be looked at for whole words of rows. */
#define TWO_OF 32u
/* Fewer rows are in the cache, and looked at faster than their conditions are prepared. */
#define TWO_ROWS ZONE_ROWS

static bool byte_range(struct scan *s, struct scan_node *node, struct byte_range *ret) {
    const struct term *t = node->term;
    const struct chunk *c =
        node->kind == SCAN_TERM && node->y == NO_COLUMN ? s->chunks[node->x] : NULL;
    if (!c || !scan_is_strict(t))
        return false;
    bool compares = t->shape == TERM_COMPARE || t->shape == TERM_BETWEEN;
    if (compares && value_is_null(t->k))
        return false;
    if (c->kind == CHUNK_CODES)
        return scan_code_bytes(s, node, c, ret);
    return c->kind == CHUNK_INT && compares && value_class(t->k.type) == CLASS_NUMBER &&
           scan_int_bytes(s, node, c, ret);
}

static double share_of(const struct scan_node *node) {
    return node->timed_rows > 0 ? (double)node->timed_out / (double)node->timed_rows : node->share;
}

static void note(struct scan_node *node, const struct scan *s, uint64_t ns, uint32_t n_in,
                 uint32_t kept) {
    node->how[HOW_RANGE_8_BOTH]++;
    node->zones += (s->n + ZONE_ROWS - 1) / ZONE_ROWS;
    if (!scan_is_measured(s, node))
        return;
    node->ns += ns;
    node->timed_rows += n_in;
    node->timed_out += kept;
}

bool scan_two(struct scan *s, struct scan_node *first, struct scan_node *second, const uint64_t *in,
              uint32_t n_in, uint64_t *out, uint32_t *ret_kept) {
    struct byte_range a, b;
    if (s->n < TWO_ROWS || n_in < s->n / TWO_OF || share_of(first) * TWO_OF < 1 ||
        s->failure != E_OK || scan_is_stopped(s))
        return false;
    bool measured = scan_is_measured(s, first);
    uint64_t before = measured ? s->options.now_ns() : 0;
    if (!byte_range(s, first, &a) || !byte_range(s, second, &b))
        return false;
    uint32_t kept;
    in = scan_valid(s, s->chunks[first->x], in);
    in = scan_valid(s, s->chunks[second->x], in);
    *ret_kept = s->ops->range_i8_both(&a, &b, s->n, in, out, &kept);
    uint64_t half = measured ? (s->options.now_ns() - before) / 2 : 0;
    note(first, s, half, n_in, kept);
    note(second, s, half, kept, *ret_kept);
    return true;
}

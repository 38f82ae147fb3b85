/* EXPLAIN of a scan: its terms in the order in which they stand now, and what each did. See scan.h
 * and explain.c, whose form this has. */
#include "plan/scan_tree.h"

#include "query/query.h"
#include "value/mp.h"

#include <inttypes.h>

static const char *const HOW[] = {
#define X(name, text) text,
    SCAN_HOWS(X)
#undef X
};

struct explain {
    const struct scan *s;
    struct buf *steps, *text, term;
    uint32_t shown;
};

static bool is_leaf(const struct scan_node *node) { return node->n_kids == 0; }

static uint32_t count(const struct scan_node *node) {
    uint32_t n = is_leaf(node);
    for (uint32_t i = 0; i < node->n_kids; i++)
        n += count(node->kids[i]);
    return n;
}

/* The loop that it had most, or what it would be. */
static const char *name_of(const struct scan_node *node) {
    uint32_t most = SCAN_HOWS_COUNT;
    for (uint32_t i = 0; i < SCAN_HOWS_COUNT; i++)
        if (node->how[i] > 0 && (most == SCAN_HOWS_COUNT || node->how[i] > node->how[most]))
            most = i;
    if (most != SCAN_HOWS_COUNT)
        return HOW[most];
    return node->kind == SCAN_ALL    ? "all"
           : node->kind == SCAN_NONE ? "none"
           : node->kind == SCAN_PART ? "rows"
                                     : "statistics";
}

static void write_number(struct buf *b, const char *name, uint64_t n) {
    mp_write_text(b, name);
    mp_write_uint(b, n);
}

static void write_hows(const struct scan_node *node, struct buf *b) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < SCAN_HOWS_COUNT; i++)
        n += node->how[i] > 0;
    mp_write_text(b, "kernels");
    mp_write_map(b, n);
    for (uint32_t i = 0; i < SCAN_HOWS_COUNT; i++)
        if (node->how[i] > 0)
            write_number(b, HOW[i], node->how[i]);
}

static const char *reason_of(const struct scan_node *parent) {
    if (!parent)
        return "the only one";
    return parent->kind == SCAN_CONJ   ? "narrows what stands before it"
           : parent->kind == SCAN_DISJ ? "looks at the rows not found yet"
                                       : "its rows are left out";
}

static void write_leaf(struct explain *x, const struct scan_node *node,
                       const struct scan_node *parent, uint32_t depth) {
    struct buf *b = x->steps;
    mp_write_map(b, 14);
    mp_write_text(b, "kernel");
    mp_write_text(b, name_of(node));
    mp_write_text(b, "term");
    mp_write_str(b, (const char *)x->term.data, x->term.len);
    mp_write_text(b, "want");
    mp_write_text(b, node->want == TRUE_ ? "true" : "false");
    mp_write_text(b, "reason");
    mp_write_text(b, reason_of(parent));
    mp_write_text(b, "cost");
    mp_write_double(b, node->cost);
    write_number(b, "depth", depth);
    write_number(b, "rows_in", node->timed_rows);
    write_number(b, "rows_out", node->timed_out);
    write_number(b, "ns", node->ns);
    write_number(b, "zones", node->zones);
    write_number(b, "zones_none", node->zones_none);
    write_number(b, "zones_all", node->zones_all);
    write_number(b, "values", node->values_asked);
    write_hows(node, b);
}

#define TERM_SHOWN 60u

static void print_leaf(struct explain *x, const struct scan_node *node,
                       const struct scan_node *parent, uint32_t depth) {
    struct buf *b = x->text;
    int pad = (int)(2 * (depth < 16 ? depth : 16));
    size_t n = x->term.len;
    if (n > TERM_SHOWN) {
        n = TERM_SHOWN;
        while (n > 0 && (x->term.data[n] & 0xC0) == 0x80)
            n--;
    }
    buf_printf(b, "%3u  %*s%-14s  %s", ++x->shown, pad, "", name_of(node),
               node->want == FALSE_ ? "not " : "");
    buf_add(b, x->term.data, n);
    buf_printf(b, "%s\n       %*s%s; rows in %" PRIu64 ", out %" PRIu64 ", %.1f us",
               n < x->term.len ? "..." : "", pad, "", reason_of(parent), node->timed_rows,
               node->timed_out, (double)node->ns / 1000);
    if (node->zones > 0)
        buf_printf(b,
                   "; of %" PRIu64 " zones %" PRIu64 " cannot match, %" PRIu64 " match as a whole",
                   node->zones, node->zones_none, node->zones_all);
    if (node->values_asked > 0)
        buf_printf(b, "; %" PRIu64 " distinct values asked", node->values_asked);
    const char *gap = "; ";
    for (uint32_t i = 0; i < SCAN_HOWS_COUNT; i++) {
        if (node->how[i] == 0)
            continue;
        buf_printf(b, "%s%s x%" PRIu64, gap, HOW[i], node->how[i]);
        gap = ", ";
    }
    buf_add_text(b, "\n");
}

static void explain_node(struct explain *x, const struct scan_node *node,
                         const struct scan_node *parent, uint32_t depth) {
    if (is_leaf(node)) {
        x->term.len = 0;
        if (node->pred->node)
            node_print(x->s->plan->query, node->pred->node, NULL, &x->term);
        write_leaf(x, node, parent, depth);
        print_leaf(x, node, parent, depth);
    }
    for (uint32_t i = 0; i < node->n_kids; i++)
        explain_node(x, node->kids[i], node, depth + (parent != NULL));
}

bool scan_explain(const struct scan *s, struct buf *ret_steps, struct buf *ret_text) {
    struct explain x = {.s = s, .steps = ret_steps, .text = ret_text};
    buf_init(&x.term, ret_text->budget);
    mp_write_array(ret_steps, count(s->root));
    explain_node(&x, s->root, NULL, 0);
    if (s->counted > 0)
        buf_printf(ret_text,
                   "a count looks at no row in %" PRIu64 " of %" PRIu64
                   " segments: it adds up how often values occur\n",
                   s->counted, s->segments);
    if (s->log.len > 0) {
        buf_add_text(ret_text, "terms changed places:\n");
        buf_add(ret_text, s->log.data, s->log.len);
    }
    bool ok = !buf_failed(ret_steps) && !buf_failed(ret_text) && !buf_failed(&x.term);
    buf_done(&x.term);
    return ok;
}

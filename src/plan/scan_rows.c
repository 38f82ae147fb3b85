/* Rows that no loop over a whole chunk can judge: they are gathered into blocks, BLOCK_ROWS at a
 * time and only those still in question, and given to a kernel for blocks or to a plan's steps. See
 * scan_tree.h. */
#include "plan/scan_tree.h"

/* Goes over the set bits of `in`. */
struct bit_walk {
    const uint64_t *in;
    uint32_t word, words;
    uint64_t left; /* bits of `word` that are still to come */
};

static struct bit_walk walk(const uint64_t *in, uint32_t words) {
    return (struct bit_walk){in, 0, words, words > 0 ? in[0] : 0};
}

/* The next rows, at most `most`. */
static uint32_t next_cells(struct bit_walk *w, uint16_t *cells, uint32_t most) {
    uint32_t n = 0;
    while (n < most) {
        while (w->left == 0) {
            if (w->word + 1 >= w->words)
                return n;
            w->left = w->in[++w->word];
        }
        cells[n++] = (uint16_t)(64 * w->word + (uint32_t)__builtin_ctzll(w->left));
        w->left &= w->left - 1;
    }
    return n;
}

static void set_kept(uint64_t *out, const uint16_t *cells, const uint16_t *kept, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        uint16_t cell = cells[kept[i]];
        out[cell / 64] |= UINT64_C(1) << (cell % 64);
    }
}

uint32_t scan_by_kernel(struct scan *s, struct scan_node *node, const uint64_t *in, uint64_t *out) {
    struct bit_walk w = walk(in, s->words);
    struct column *x = &s->block.columns[0], *y = node->y == NO_COLUMN ? NULL : x + 1;
    struct sel_args args = {
        .x = x, .y = y, .term = node->term, .stop = s->options.stop, .mismatch = &s->mismatches};
    uint32_t n, total = 0;
    node->how[HOW_ROWS]++;
    memset(s->found, 0, s->words * sizeof *s->found);
    while (!scan_is_stopped(s) && (n = next_cells(&w, s->cells, s->block.rows)) > 0) {
        chunk_gather(s->chunks[node->x], s->cells, n, x);
        if (y)
            chunk_gather(s->chunks[node->y], s->cells, n, y);
        const struct kernel *kernel = kernel_pick(node->term, x->seen, y ? y->seen : 0);
        uint32_t kept = kernel->run(&args, NULL, n, s->kept);
        set_kept(s->found, s->cells, s->kept, kept);
        total += kept;
    }
    memcpy(out, s->found, s->words * sizeof *out);
    return total;
}

bool scan_part_ready(struct scan *s, struct scan_node *node) {
    struct scan_sub *p = node->part;
    if (!p->run) {
        struct run_options options = s->options;
        options.now_ns = NULL;
        p->run = run_new(p->plan, &options, s->arena.budget);
        if (!p->run)
            s->failure = E_MEMORY;
    }
    if (!p->run)
        return false;
    p->run->options.stop = s->options.stop;
    if (s->failure == E_OK)
        p->run->failure = E_OK; /* of an earlier request */
    return true;
}

uint32_t scan_run_block(struct scan *s, struct scan_node *node, uint32_t n,
                        const uint16_t **ret_rows) {
    struct run *r = node->part->run;
    uint64_t mismatches = run_mismatches(r), undefined = run_undefined(r);
    run_seal(r, n);
    uint32_t kept = run_block_filter(r, ret_rows);
    if (kept == RUN_FAILED) {
        s->failure = r->failure;
        s->failed = r;
        return 0;
    }
    s->mismatches += run_mismatches(r) - mismatches;
    s->undefined += run_undefined(r) - undefined;
    return kept;
}

/* The slots of a part are columns of one chunk each. */
static uint32_t run_rows(struct scan *s, struct scan_node *node, const uint64_t *in,
                         uint64_t *out) {
    struct scan_sub *p = node->part;
    struct bit_walk w = walk(in, s->words);
    uint32_t n, total = 0;
    node->how[HOW_ROWS]++;
    memset(s->found, 0, s->words * sizeof *s->found);
    if (!scan_part_ready(s, node))
        return 0;
    struct block *b = run_block(p->run);
    while (!scan_is_stopped(s) && s->failure == E_OK &&
           (n = next_cells(&w, s->cells, b->rows)) > 0) {
        const uint16_t *rows;
        for (uint32_t i = 0; i < p->n_slots; i++)
            chunk_gather(s->chunks[p->slots[i]], s->cells, n, &b->columns[i]);
        uint32_t kept = scan_run_block(s, node, n, &rows);
        set_kept(s->found, s->cells, rows, kept);
        total += kept;
    }
    memcpy(out, s->found, s->words * sizeof *out);
    return total;
}

uint32_t scan_by_plan(struct scan *s, struct scan_node *node, const uint64_t *in, uint64_t *out) {
    const struct scan_sub *p = node->part;
    const struct chunk *c = p->n_slots == 1 ? s->chunks[p->slots[0]] : NULL;
    /* A dictionary's values are asked once each. Cells without a value are asked by rows: a plan
     * may well keep them. */
    if (c && c->kind == CHUNK_CODES && !c->valid) {
        const struct code_set *set = scan_codes(s, node, c->dict);
        if (set)
            return scan_lookup(s, node, c, set, in, out);
    }
    return s->failure == E_OK ? run_rows(s, node, in, out) : 0;
}

/* Making and walking the tree of a scan, and the order of its terms. See scan.h, scan_tree.h. */
#include "plan/scan_tree.h"

#include <stdlib.h>

/* ---- making ---- */

struct builder {
    struct scan *s;
    struct error *e;
    uint32_t level; /* registers in use */
    bool failed;
};

static struct scan_node *build(struct builder *b, const struct pred *p, enum truth want);

static void *fail(struct builder *b) {
    error_set(b->e, E_MEMORY, "out of memory while compiling the query");
    b->failed = true;
    return NULL;
}

static struct scan_node *node_new(struct builder *b, enum scan_kind kind, const struct pred *p,
                                  enum truth want) {
    struct scan_node *node = arena_new(&b->s->arena, struct scan_node);
    if (!node)
        return fail(b);
    node->kind = kind;
    node->pred = p;
    node->want = want;
    node->x = node->y = NO_COLUMN;
    node->cost = p->cost;
    node->share = want == TRUE_ ? p->share : 1 - p->share;
    b->s->n_nodes++;
    return node;
}

/* A part of the query that is run as a plan of its own. */
static struct scan_node *build_part(struct builder *b, const struct pred *p, enum truth want) {
    struct scan *s = b->s;
    struct scan_node *node = node_new(b, SCAN_PART, p, want);
    struct scan_sub *part = node ? arena_new(&s->arena, struct scan_sub) : NULL;
    if (!part)
        return node ? fail(b) : NULL;
    node->part = part;
    part->next = s->parts;
    s->parts = part;
    part->plan = plan_part(s->plan, p->node, want, s->limits, s->arena.budget, b->e);
    if (!part->plan) {
        b->failed = true;
        return NULL;
    }
    part->n_slots = plan_fields(part->plan)->n_slots;
    part->slots = arena_array(&s->arena, part->n_slots, sizeof *part->slots);
    if (!part->slots) {
        plan_free(part->plan);
        part->plan = NULL;
        return fail(b);
    }
    for (uint32_t i = 0; i < part->n_slots; i++)
        part->slots[i] = fields_find(plan_fields(s->plan), plan_path(part->plan, i))->slot;
    return node;
}

/* The slot of a row's path; false if the column is something else. */
static bool slot_of(const struct scan *s, uint32_t column, uint32_t *ret) {
    if (column == NO_COLUMN) {
        *ret = NO_COLUMN;
        return true;
    }
    *ret = s->plan->scope->place[column];
    return s->plan->scope->columns[column].kind == COLUMN_PATH;
}

static struct scan_node *term_node(struct builder *b, const struct pred *p, enum truth want,
                                   const struct term *term, uint32_t x, uint32_t y) {
    struct scan_node *node = node_new(b, SCAN_TERM, p, want);
    if (!node)
        return NULL;
    node->term = term;
    node->x = x;
    node->y = y;
    return node;
}

static uint32_t take_level(struct builder *b) {
    uint32_t level = b->level++;
    if (b->level > b->s->n_levels)
        b->s->n_levels = b->level;
    return level;
}

/* IS DISTINCT FROM a constant, by terms that have loops: x <> k OR x IS NULL, and x = k for its
 * negation; for a k of which both are two-valued where x is not null. NULL without b->failed: it is
 * none of these. */
static struct scan_node *build_distinct(struct builder *b, const struct pred *p, enum truth want,
                                        uint32_t x) {
    struct value k = TERM_FOR(p, want)->k;
    struct term *test = arena_new(&b->s->arena, struct term);
    struct term *terms = test ? arena_new(&b->s->arena, struct term) : NULL;
    if (!terms)
        return fail(b);
    *test = (struct term){.shape = TERM_NULL, .want = TRUE_};
    if (value_is_null(k)) {
        test->want = truth_not(want);
        return term_node(b, p, want, test, x, NO_COLUMN);
    }
    if (value_is_nan(k) || !(value_is_ordered(k) || k.type == T_BOOL))
        return NULL;
    term_compare(terms, want == TRUE_ ? CMP_NE : CMP_EQ, k, TRUE_);
    if (want == FALSE_)
        return term_node(b, p, want, terms, x, NO_COLUMN);
    struct scan_node *node = node_new(b, SCAN_DISJ, p, want);
    if (!node || !(node->kids = arena_array(&b->s->arena, 2, sizeof(struct scan_node *))))
        return node ? fail(b) : NULL;
    node->level = take_level(b);
    node->kids[0] = term_node(b, p, want, test, x, NO_COLUMN);
    node->kids[1] = term_node(b, p, want, terms, x, NO_COLUMN);
    b->level--;
    if (!node->kids[0] || !node->kids[1])
        return NULL;
    node->n_kids = 2;
    node->kids[0]->has_siblings = node->kids[1]->has_siblings = true;
    return node;
}

static struct scan_node *build_term(struct builder *b, const struct pred *p, enum truth want) {
    uint32_t x, y;
    if (!slot_of(b->s, p->x, &x) || !slot_of(b->s, p->y, &y))
        return build_part(b, p, want);
    if (p->term[0].shape == TERM_DISTINCT) {
        struct scan_node *node = build_distinct(b, p, want, x);
        if (node || b->failed)
            return node;
    }
    return term_node(b, p, want, TERM_FOR(p, want), x, y);
}

static struct scan_node *build_junction(struct builder *b, const struct pred *p, enum truth want) {
    bool conj = (p->kind == PRED_AND) == (want == TRUE_);
    struct scan_node *node = node_new(b, conj ? SCAN_CONJ : SCAN_DISJ, p, want);
    if (!node)
        return NULL;
    uint32_t level = b->level;
    if (!conj)
        node->level = take_level(b);
    node->kids = arena_array(&b->s->arena, p->n_kids, sizeof(struct scan_node *));
    if (!node->kids)
        return fail(b);
    for (uint32_t i = 0; i < p->n_kids; i++) {
        struct scan_node *kid = build(b, p->kids[i], want);
        if (!kid)
            return NULL;
        kid->has_siblings = p->n_kids > 1;
        node->kids[node->n_kids++] = kid;
        if (kid->kind == SCAN_PART && kid->pred->node == p->node) {
            /* What was made from one operator by its definition (BETWEEN, IN): its part is all of
             * it. */
            kid->pred = p;
            b->level = level;
            return kid;
        }
    }
    b->level = level;
    return node;
}

/* IS TRUE, IS FALSE: the rows of that truth, or the rest. IS UNKNOWN is the part of a plan. */
static struct scan_node *build_is(struct builder *b, const struct pred *p, enum truth want) {
    if (p->truth == UNKNOWN_)
        return build_part(b, p, want);
    if (want == TRUE_)
        return build(b, p->kids[0], p->truth);
    struct scan_node *node = node_new(b, SCAN_REST, p, want);
    if (!node)
        return NULL;
    uint32_t level = b->level;
    node->level = take_level(b);
    node->kids = arena_array(&b->s->arena, 1, sizeof(struct scan_node *));
    if (!node->kids)
        return fail(b);
    node->kids[0] = build(b, p->kids[0], p->truth);
    node->n_kids = 1;
    b->level = level;
    return node->kids[0] ? node : NULL;
}

static struct scan_node *build(struct builder *b, const struct pred *p, enum truth want) {
    switch (p->kind) {
    case PRED_CONST:
        return node_new(b, p->truth == want ? SCAN_ALL : SCAN_NONE, p, want);
    case PRED_TERM:
        return build_term(b, p, want);
    case PRED_AND:
    case PRED_OR:
        return build_junction(b, p, want);
    case PRED_NOT:
        return build(b, p->kids[0], truth_not(want));
    case PRED_IS:
        return build_is(b, p, want);
    case PRED_QUANTIFY:
    case PRED_LET:
        break;
    }
    return build_part(b, p, want);
}

static bool add_sets(struct scan *s) {
    size_t words = CHUNK_WORDS;
    s->registers = arena_array(&s->arena, s->n_levels * LEVEL_SETS * words, sizeof(uint64_t));
    s->all = arena_array(&s->arena, words, sizeof(uint64_t));
    s->narrowed = arena_array(&s->arena, words, sizeof(uint64_t));
    s->found = arena_array(&s->arena, words, sizeof(uint64_t));
    s->maybe = arena_array(&s->arena, words, sizeof(uint64_t));
    s->cells = arena_array(&s->arena, BLOCK_ROWS, sizeof *s->cells);
    s->kept = arena_array(&s->arena, BLOCK_ROWS, sizeof *s->kept);
    s->wide_x = arena_array(&s->arena, ZONE_ROWS + 64, sizeof *s->wide_x);
    s->wide_y = arena_array(&s->arena, ZONE_ROWS + 64, sizeof *s->wide_y);
    return s->registers && s->all && s->narrowed && s->found && s->maybe && s->cells && s->kept &&
           s->wide_x && s->wide_y && block_init(&s->block, 2, false, s->arena.budget);
}

struct scan *scan_new(const struct plan *p, const struct limits *limits, struct budget *budget,
                      struct error *e) {
    struct scan *s = calloc(1, sizeof *s);
    if (!s) {
        error_set(e, E_MEMORY, "out of memory while compiling the query");
        return NULL;
    }
    s->plan = p;
    s->limits = limits;
    s->ops = dense_ops();
    arena_init(&s->arena, budget);
    buf_init(&s->log, budget);
    struct builder b = {.s = s, .e = e};
    s->root = build(&b, p->pred, TRUE_);
    if (s->root && !add_sets(s))
        fail(&b);
    if (b.failed || !s->root) {
        scan_free(s);
        return NULL;
    }
    return s;
}

static void free_node(struct scan *s, struct scan_node *node) {
    for (uint32_t i = 0; i < node->n_kids; i++)
        if (node->kids[i])
            free_node(s, node->kids[i]);
    for (uint32_t i = 0; node->sets && i < CODE_SETS; i++)
        budget_free(s->arena.budget, node->sets[i].bits,
                    node->sets[i].words * sizeof *node->sets[i].bits);
}

void scan_free(struct scan *s) {
    if (!s)
        return;
    if (s->root)
        free_node(s, s->root);
    for (struct scan_sub *part = s->parts; part; part = part->next) {
        run_free(part->run);
        plan_free(part->plan);
    }
    block_done(&s->block);
    buf_done(&s->log);
    arena_done(&s->arena);
    free(s);
}

static size_t node_bytes(const struct scan_node *node) {
    size_t bytes = 0;
    for (uint32_t i = 0; i < node->n_kids; i++)
        bytes += node_bytes(node->kids[i]);
    for (uint32_t i = 0; node->sets && i < CODE_SETS; i++)
        bytes += node->sets[i].words * sizeof *node->sets[i].bits;
    if (node->part)
        bytes += plan_held_bytes(node->part->plan) +
                 (node->part->run ? run_held_bytes(node->part->run) : 0);
    return bytes;
}

size_t scan_held_bytes(const struct scan *s) {
    return sizeof *s + s->arena.held_bytes + s->block.bytes + s->log.cap + node_bytes(s->root);
}

/* ---- order ---- */

#define TIMED_ROWS 4096u /* segments of so many rows are worth looking at the clock */
#define CLEARLY    1.25  /* how much better another order must be */
#define LOG_BYTES  4096u /* of what is told of changed orders: about so much */

static double rank_of(const struct scan_node *node, bool conj) {
    double cost = node->cost, share = node->share;
    if (node->timed_rows > 0) {
        cost = (double)node->ns / (double)node->timed_rows;
        share = (double)node->timed_out / (double)node->timed_rows;
    }
    double decided = conj ? 1 - share : share;
    return cost / (decided < 1e-6 ? 1e-6 : decided);
}

static void log_order(struct scan *s, const struct scan_node *node) {
    if (s->log.len > LOG_BYTES)
        return;
    buf_printf(&s->log, "after segment %llu: ", (unsigned long long)s->segments);
    for (uint32_t i = 0; i < node->n_kids && s->log.len < LOG_BYTES; i++) {
        const struct scan_node *kid = node->kids[i];
        buf_add_text(&s->log, i > 0 ? ", then " : "");
        if (kid->pred->node)
            node_print(s->plan->query, kid->pred->node, NULL, &s->log);
        if (kid->timed_rows > 0)
            buf_printf(&s->log, " (%.3g ns a row, keeps %.3g %%)",
                       (double)kid->ns / (double)kid->timed_rows,
                       100.0 * (double)kid->timed_out / (double)kid->timed_rows);
    }
    buf_add_text(&s->log, "\n");
}

/* Only neighbours that were both measured in this form change places, and only if it clearly pays:
 * a few passes of bubbles over the long lives of tables are enough, and none is quadratic. */
static void reorder(struct scan *s, struct scan_node *node) {
    for (uint32_t i = 0; i < node->n_kids; i++)
        reorder(s, node->kids[i]);
    if (node->kind != SCAN_CONJ && node->kind != SCAN_DISJ)
        return;
    bool conj = node->kind == SCAN_CONJ, changed = false;
    for (uint32_t i = node->n_kids; i-- > 1;) {
        struct scan_node *a = node->kids[i - 1], *b = node->kids[i];
        if (a->timed_rows == 0 || b->timed_rows == 0 ||
            rank_of(a, conj) < CLEARLY * rank_of(b, conj))
            continue;
        node->kids[i - 1] = b;
        node->kids[i] = a;
        changed = true;
    }
    if (changed)
        log_order(s, node);
}

/* ---- walking ---- */

bool scan_is_stopped(const struct scan *s) {
    return s->options.stop && atomic_load_explicit(s->options.stop, memory_order_relaxed);
}

bool scan_is_measured(const struct scan *s, const struct scan_node *node) {
    return s->options.now_ns &&
           (s->options.measures_all || (node->has_siblings && s->n >= TIMED_ROWS));
}

/* n_in: bits that are set of `in`; here and below. */
static uint32_t eval(struct scan *s, struct scan_node *node, const uint64_t *in, uint32_t n_in,
                     uint64_t *out);

static uint64_t *set_of(struct scan *s, const struct scan_node *node, uint32_t i) {
    return s->registers + ((size_t)node->level * LEVEL_SETS + i) * CHUNK_WORDS;
}

static uint32_t none(const struct scan *s, uint64_t *out) {
    memset(out, 0, s->words * sizeof *out);
    return 0;
}

static uint32_t eval_conj(struct scan *s, struct scan_node *node, const uint64_t *in, uint32_t n_in,
                          uint64_t *out) {
    uint32_t kept = n_in;
    for (uint32_t i = 0; i < node->n_kids; i++) {
        const uint64_t *from = i == 0 ? in : out;
        if (i + 1 < node->n_kids &&
            scan_two(s, node->kids[i], node->kids[i + 1], from, kept, out, &kept))
            i++;
        else
            kept = eval(s, node->kids[i], from, kept, out);
        if (kept == 0)
            return none(s, out);
    }
    return kept;
}

/* Each kid looks at the rows that none before it has kept. */
static uint32_t eval_disj(struct scan *s, struct scan_node *node, const uint64_t *in, uint32_t n_in,
                          uint64_t *out) {
    uint64_t *rest = set_of(s, node, 0), *found = set_of(s, node, 1), *all = set_of(s, node, 2);
    uint32_t kept = 0;
    none(s, all);
    memcpy(rest, in, s->words * sizeof *rest);
    for (uint32_t i = 0; i < node->n_kids && s->failure == E_OK; i++) {
        uint32_t n = eval(s, node->kids[i], rest, n_in - kept, found);
        if (n == 0)
            continue;
        kept += n;
        s->ops->bits_or(all, found, s->words, all);
        if (i + 1 < node->n_kids && s->ops->bits_and_not(rest, found, s->words, rest) == 0)
            break;
    }
    memcpy(out, all, s->words * sizeof *out);
    return kept;
}

static uint32_t eval_rest(struct scan *s, struct scan_node *node, const uint64_t *in, uint32_t n_in,
                          uint64_t *out) {
    uint64_t *found = set_of(s, node, 0);
    eval(s, node->kids[0], in, n_in, found);
    return s->ops->bits_and_not(in, found, s->words, out);
}

static uint32_t eval_kind(struct scan *s, struct scan_node *node, const uint64_t *in, uint32_t n_in,
                          uint64_t *out) {
    switch (node->kind) {
    case SCAN_ALL:
        memmove(out, in, s->words * sizeof *out);
        return n_in;
    case SCAN_NONE:
        return none(s, out);
    case SCAN_TERM:
        return scan_term(s, node, in, out);
    case SCAN_PART:
        return scan_by_plan(s, node, in, out);
    case SCAN_CONJ:
        return eval_conj(s, node, in, n_in, out);
    case SCAN_DISJ:
        return eval_disj(s, node, in, n_in, out);
    case SCAN_REST:
        return eval_rest(s, node, in, n_in, out);
    }
    return 0;
}

static uint32_t eval(struct scan *s, struct scan_node *node, const uint64_t *in, uint32_t n_in,
                     uint64_t *out) {
    if (s->failure != E_OK || scan_is_stopped(s))
        return none(s, out);
    if (!scan_is_measured(s, node))
        return eval_kind(s, node, in, n_in, out);
    uint64_t before = s->options.now_ns();
    uint32_t kept = eval_kind(s, node, in, n_in, out);
    node->ns += s->options.now_ns() - before;
    node->timed_rows += n_in;
    node->timed_out += kept;
    return kept;
}

static void set_all(struct scan *s, uint32_t n) {
    if (s->all_n == n)
        return;
    memset(s->all, 0xFF, n / 64 * sizeof *s->all);
    if (n % 64 > 0)
        s->all[n / 64] = (UINT64_C(1) << (n % 64)) - 1;
    s->all_n = n;
}

uint32_t scan_part(struct scan *s, const struct chunk *const *chunks, uint32_t n,
                   const uint64_t *live, uint64_t *ret_bits) {
    s->chunks = chunks;
    s->n = n;
    s->words = (n + 63) / 64;
    if (!live)
        set_all(s, n);
    uint32_t n_in = live ? s->ops->bits_count(live, s->words) : n;
    uint32_t kept = eval(s, s->root, live ? live : s->all, n_in, ret_bits);
    if (s->failure != E_OK)
        return SCAN_FAILED;
    s->segments++;
    if (s->options.now_ns && n >= TIMED_ROWS && (s->segments & (s->segments - 1)) == 0)
        reorder(s, s->root);
    return kept;
}

/* ---- requests ---- */

static void forget_counts(struct scan_node *node) {
    node->zones = node->zones_none = node->zones_all = node->values_asked = 0;
    node->ns = node->timed_rows = node->timed_out = 0;
    memset(node->how, 0, sizeof node->how);
    for (uint32_t i = 0; i < node->n_kids; i++)
        forget_counts(node->kids[i]);
}

void scan_begin(struct scan *s, const struct run_options *options) {
    s->options = *options;
    s->mismatches = s->undefined = 0;
    s->failure = E_OK;
    s->failed = NULL;
    s->segments = s->counted = 0;
    s->log.len = 0;
    if (options->now_ns)
        forget_counts(s->root);
}

bool scan_has_failed(const struct scan *s) { return s->failure != E_OK; }

enum status scan_failure(const struct scan *s, struct error *e) {
    if (s->failed)
        return run_failure(s->failed, e);
    return error_set(e, s->failure, "out of memory for the values of a condition");
}

uint64_t scan_mismatches(const struct scan *s) { return s->mismatches; }
uint64_t scan_undefined(const struct scan *s) { return s->undefined; }

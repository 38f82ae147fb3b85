/* See plan.h: making a plan. */
#include "plan/plan.h"

#include "base/trace.h"
#include "plan/program.h"

#include <stdlib.h>

static void fail_missing(const struct param *p, uint32_t number, struct error *e) {
    if (!p->name.p)
        error_set(e, E_PARAM_MISSING, "no value for parameter number %u", number);
    else
        error_set(e, E_PARAM_MISSING, "no value for parameter \":%.*s\"", (int)p->name.n,
                  p->name.p);
    if (!e || e->status != E_PARAM_MISSING)
        return;
    e->near_text[0] = p->name.p ? ':' : '?';
    error_text(e->near_text + 1, sizeof e->near_text - 1, p->name.p, p->name.n);
}

static bool check_params(const struct query *q, const struct value *params, struct error *e) {
    for (uint32_t i = 0; i < q->n_params; i++) {
        if (params && params[i].type != T_MISSING)
            continue;
        fail_missing(&q->params[i], i + 1, e);
        return false;
    }
    return true;
}

static enum status compile(struct plan *p, struct compiler *c, enum truth want) {
    p->scope = arena_new(c->arena, struct scope);
    if (!p->scope) {
        compile_memory(c);
        return c->status;
    }
    p->pred = lower(c, p->query->root, p->scope);
    if (p->pred) {
        warn_never(c, p->pred);
        rank(p->pred);
        p->program = emit(c, p->pred, want, false, p->scope);
    }
    p->n_steps = c->n_steps;
    p->regex_bytes = c->regex_bytes;
    for (uint32_t i = 0; p->program && i < p->program->n_paths && !p->means_more; i++)
        p->means_more = plan_meant_text(p, i) || plan_meant_no_text(p, i);
    p->warnings = c->warnings;
    p->n_warnings = c->n_warnings;
    return c->status;
}

static void trace_plan(const struct plan *p) {
    struct buf steps = {0}, text = {0};
    if (plan_explain(p, NULL, &steps, &text))
        for (size_t at = 0, n; at < text.len; at += n + 1) {
            const uint8_t *end = memchr(text.data + at, '\n', text.len - at);
            n = end ? (size_t)(end - text.data) - at : text.len - at;
            trace_line(TRACE_PLAN, "%.*s", (int)n, (const char *)text.data + at);
        }
    buf_done(&steps);
    buf_done(&text);
}

static struct plan *new_for(const struct query *query, const struct value *params, enum truth want,
                            const struct limits *limits, struct budget *budget, struct error *e) {
    struct plan *p = calloc(1, sizeof *p);
    if (!p) {
        error_set(e, E_MEMORY, "out of memory while compiling the query");
        return NULL;
    }
    arena_init(&p->arena, budget);
    p->query = query;
    p->params = params;
    struct compiler c = {.arena = &p->arena,
                         .query = query,
                         .params = params,
                         .limits = limits,
                         .error = e,
                         .regexes = &p->regexes};
    if (compile(p, &c, want) != E_OK) {
        plan_free(p);
        return NULL;
    }
    if (trace_on(TRACE_PLAN))
        trace_plan(p);
    return p;
}

struct plan *plan_new(const struct query *query, const struct value *params,
                      const struct limits *limits, struct budget *budget, struct error *e) {
    return check_params(query, params, e) ? new_for(query, params, TRUE_, limits, budget, e) : NULL;
}

struct plan *plan_part(const struct plan *p, const struct node *root, enum truth want,
                       const struct limits *limits, struct budget *budget, struct error *e) {
    struct query *part = malloc(sizeof *part);
    if (!part) {
        error_set(e, E_MEMORY, "out of memory while compiling the query");
        return NULL;
    }
    *part = *p->query; /* all of it borrowed but the root */
    part->root = (struct node *)(uintptr_t)root;
    struct plan *ret = new_for(part, p->params, want, limits, budget, e);
    if (ret)
        ret->part = part;
    else
        free(part);
    return ret;
}

void plan_free(struct plan *p) {
    if (!p)
        return;
    regex_free_list(p->regexes);
    arena_done(&p->arena);
    free(p->part);
    free(p);
}

const struct fields *plan_fields(const struct plan *p) { return &p->program->fields; }
struct path plan_path(const struct plan *p, uint32_t slot) {
    return p->program->columns[slot].path;
}

uint64_t plan_path_hash(const struct plan *p, uint32_t slot) {
    return p->program->columns[slot].root_hash;
}

/* depth: how many quantifiers stand around n. */
static const struct node *find_path(const struct node *n, struct path path, uint32_t depth) {
    if (n->kind == NODE_PATH)
        return n->scope == depth && path_eq(n->path, path) ? n : NULL;
    bool quantifies = n->kind == NODE_OP && (n->op == OP_ANY || n->op == OP_EVERY);
    const struct node *found = NULL;
    for (uint32_t i = 0; i < n->n_kids && !found; i++)
        found = find_path(n->kids[i], path, depth + (quantifies && i == 1));
    return found;
}

const struct node *plan_path_node(const struct plan *p, uint32_t slot) {
    return find_path(p->query->root, plan_path(p, slot), 0);
}

bool plan_means_more(const struct plan *p) { return p->means_more; }

const struct node *plan_meant_text(const struct plan *p, uint32_t slot) {
    return p->program->columns[slot].as_text;
}

const struct node *plan_meant_no_text(const struct plan *p, uint32_t slot) {
    const struct column_source *c = &p->program->columns[slot];
    return c->takes_text ? NULL : c->no_text;
}

const struct warning *plan_warnings(const struct plan *p, uint32_t *ret_n) {
    *ret_n = p->n_warnings;
    return p->warnings;
}
size_t plan_held_bytes(const struct plan *p) {
    return sizeof *p + p->arena.held_bytes + (size_t)p->regex_bytes;
}

/* A pattern that does not come with the query. */
static bool is_fetched(const struct node *n) {
    return n->kind != NODE_LITERAL && n->kind != NODE_PARAM;
}

/* A field compared with the element, as in `a IN tags`: no more is looked at than the element has.
 */
static bool compares_element(const struct node *n) {
    if (n->kind != NODE_OP || n->op < OP_EQ || n->op > OP_GE)
        return false;
    const struct node *a = n->kids[0], *b = n->kids[1];
    return a->kind == NODE_PATH && b->kind == NODE_PATH && (a->scope == 1 || b->scope == 1);
}

/* depth: how many quantifiers stand around n. */
static bool is_heavy(const struct node *n, uint32_t depth) {
    bool quantifies = n->kind == NODE_OP && (n->op == OP_ANY || n->op == OP_EVERY);
    switch (n->kind) {
    case NODE_PATH:
        return depth > 0 && n->scope != 1; /* read again for each element */
    case NODE_CALL:
        if (n->fn == FN_replace)
            return true;
        break;
    case NODE_OP:
        if (n->op == OP_REGEXP ||
            ((n->op == OP_LIKE || n->op == OP_ILIKE) && is_fetched(n->kids[1])))
            return true;
        if (depth > 0 && compares_element(n))
            return false;
        break;
    default:
        break;
    }
    for (uint32_t i = 0; i < n->n_kids; i++)
        if (is_heavy(n->kids[i], depth + (quantifies && i == 1)))
            return true;
    return false;
}

bool query_is_heavy(const struct query *q) { return is_heavy(q->root, 0); }

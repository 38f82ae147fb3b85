/* Query tree -> predicates: the tree, its junctions and quantifiers, and operands. See program.h
 * and lower.h.
 *
 * Here a query meets its parameters and its columns: every operand becomes a constant or a column
 * of the scope it stands in. What is constant is decided now: it goes from AND and OR, or decides
 * them. Recursive over the depth of the tree, which query_depth bounds.
 */
#include "plan/lower.h"

#include <stdlib.h>

void *compile_fail(struct compiler *c, enum status status) {
    if (c->status == E_OK)
        c->status = status;
    return NULL;
}

void *compile_memory(struct compiler *c) {
    error_set(c->error, E_MEMORY, "out of memory while compiling the query");
    return compile_fail(c, E_MEMORY);
}

void compile_near(const struct compiler *c, const struct node *n, char *ret, size_t size) {
    struct buf text;
    buf_init(&text, c->arena->budget);
    node_print(c->query, n, NULL, &text);
    if (buf_failed(&text))
        text.len = 0;
    error_text(ret, size, (const char *)text.data, text.len);
    buf_done(&text);
}

void compile_place(struct compiler *c, const struct node *n, enum status status) {
    struct error *e = c->error;
    if (!e || e->status != status || e->pos != ERROR_NONE)
        return;
    e->pos = n->pos;
    e->length = n->length;
    compile_near(c, n, e->near_text, sizeof e->near_text);
}

void *compile_fail_at(struct compiler *c, const struct node *n, enum status status,
                      const char *text) {
    error_set(c->error, status, "%s", text);
    compile_place(c, n, status);
    return compile_fail(c, status);
}

struct pred *pred_new(struct compiler *c, enum pred_kind kind, const struct node *n) {
    struct pred *p = arena_new(c->arena, struct pred);
    if (!p)
        return compile_memory(c);
    p->kind = kind;
    p->node = n;
    p->x = p->y = NO_COLUMN;
    return p;
}

struct pred *pred_const(struct compiler *c, enum truth t, const struct node *n) {
    struct pred *p = pred_new(c, PRED_CONST, n);
    if (p)
        p->truth = t;
    return p;
}

struct pred *pred_kids(struct compiler *c, enum pred_kind kind, const struct node *n,
                       uint32_t n_kids) {
    struct pred *p = pred_new(c, kind, n);
    if (!p)
        return NULL;
    p->kids = arena_array(c->arena, n_kids, sizeof(struct pred *));
    if (!p->kids)
        return compile_memory(c);
    p->n_kids = n_kids;
    return p;
}

static struct pred *pred_not(struct compiler *c, struct pred *kid) {
    if (!kid)
        return NULL;
    if (kid->kind == PRED_CONST)
        return pred_const(c, truth_not(kid->truth), kid->node);
    struct pred *p = pred_kids(c, PRED_NOT, kid->node, 1);
    if (p)
        p->kids[0] = kid;
    return p;
}

struct pred *pred_is(struct compiler *c, const struct node *n, struct pred *kid, enum truth truth) {
    if (!kid)
        return NULL;
    if (kid->kind == PRED_CONST)
        return pred_const(c, truth_of(kid->truth == truth), n);
    struct pred *p = pred_kids(c, PRED_IS, n, 1);
    if (p) {
        p->truth = truth;
        p->kids[0] = kid;
    }
    return p;
}

bool operand_of(struct compiler *c, const struct node *n, struct scope *s, struct operand *ret) {
    *ret = (struct operand){.column = NO_COLUMN};
    switch (n->kind) {
    case NODE_LITERAL:
    case NODE_PARAM:
        ret->is_const = true;
        ret->value = n->kind == NODE_LITERAL ? n->value : c->params[n->param];
        return true;
    case NODE_PATH:
        ret->column = scope_path(c, s, n->scope, n->path);
        return ret->column != NO_COLUMN;
    case NODE_CALL:
        return operand_call(c, n, s, ret);
    case NODE_CASE:
    case NODE_CASE_OF:
        return operand_case(c, n, s, ret);
    default:
        return operand_truth(c, n, s, ret);
    }
}

bool operands_of(struct compiler *c, const struct node *n, struct scope *s, struct operand *ret,
                 uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        if (!operand_of(c, n->kids[i], s, &ret[i]))
            return false;
    return true;
}

struct pred *pred_with_operands(struct compiler *c, struct pred *body,
                                const struct operand *operands, uint32_t n) {
    uint32_t n_let = 0;
    for (uint32_t i = 0; i < n; i++)
        n_let += operands[i].from != NULL;
    if (!body || body->kind == PRED_CONST || n_let == 0)
        return body;
    struct pred *p = pred_kids(c, PRED_LET, body->node, 1);
    struct operand *let = arena_array(c->arena, n_let, sizeof *let);
    if (!p || !let)
        return compile_memory(c);
    for (uint32_t i = 0; i < n; i++)
        if (operands[i].from)
            let[p->n_let++] = operands[i];
    p->let = let;
    p->kids[0] = body;
    return p;
}

static struct pred *lower_quantifier(struct compiler *c, const struct node *n, struct scope *s) {
    struct operand x;
    struct pred *p = pred_kids(c, PRED_QUANTIFY, n, 1);
    if (!p || !operand_of(c, n->kids[0], s, &x))
        return NULL;
    if (x.is_const || x.from)
        return compile_fail_at(c, n->kids[0], E_BAD_ARGUMENT, "ANY and EVERY need a field");
    p->scope = arena_new(c->arena, struct scope);
    if (!p->scope)
        return compile_memory(c);
    p->scope->outer = s;
    p->x = x.column;
    p->every = n->op == OP_EVERY;
    p->kids[0] = lower_node(c, n->kids[1], p->scope);
    return p->kids[0] ? p : NULL;
}

/* What an `x = constant` in an OR says, if n is one. */
static bool is_equality(const struct pred *p) {
    return p->kind == PRED_TERM && p->term[1].shape == TERM_COMPARE && p->term[1].op == CMP_EQ;
}

int pred_by_column(const void *a, const void *b) {
    const struct pred *x = *(struct pred *const *)a, *y = *(struct pred *const *)b;
    return (x->x > y->x) - (x->x < y->x);
}

#define MERGE_LEAST 3u

/* x = 1 OR x = 2 OR x = 3 ... is x IN (1, 2, 3, ...), by I1: one hash look-up in place of a step
 * for each. */
static bool merge_equalities(struct compiler *c, struct pred *any) {
    struct pred **equal = arena_array(c->arena, any->n_kids, sizeof *equal);
    struct value *values = arena_array(c->arena, any->n_kids, sizeof *values);
    uint32_t n_equal = 0, kept = 0;
    if (!equal || !values)
        return compile_memory(c) != NULL;
    for (uint32_t i = 0; i < any->n_kids; i++)
        if (is_equality(any->kids[i]))
            equal[n_equal++] = any->kids[i];
        else
            any->kids[kept++] = any->kids[i];
    if (n_equal > 0)
        qsort(equal, n_equal, sizeof *equal, pred_by_column);
    for (uint32_t i = 0, j; i < n_equal; i = j) {
        for (j = i; j < n_equal && equal[j]->x == equal[i]->x; j++)
            values[j - i] = equal[j]->term[1].k;
        if (j - i < MERGE_LEAST) {
            while (i < j)
                any->kids[kept++] = equal[i++];
            continue;
        }
        struct operand x = {.column = equal[i]->x};
        struct pred *in = pred_in_set(c, any->node, &x, values, j - i);
        if (!in)
            return false;
        any->kids[kept++] = in;
    }
    any->n_kids = kept;
    return true;
}

/* AND and OR: constants that decide, or that do not matter, go. */
static struct pred *lower_junction(struct compiler *c, const struct node *n, struct scope *s) {
    enum truth decides = n->op == OP_AND ? FALSE_ : TRUE_;
    struct pred *p = pred_kids(c, n->op == OP_AND ? PRED_AND : PRED_OR, n, n->n_kids);
    bool decided = false;
    if (!p)
        return NULL;
    p->n_kids = 0;
    for (uint32_t i = 0; i < n->n_kids; i++) {
        struct pred *kid = lower_node(c, n->kids[i], s);
        if (!kid)
            return NULL;
        if (kid->kind == PRED_CONST && kid->truth == decides)
            decided = true;
        if (kid->kind == PRED_CONST && kid->truth == truth_not(decides))
            continue;
        p->kids[p->n_kids++] = kid;
    }
    if (decided)
        return pred_const(c, decides, n);
    if (n->op == OP_OR && !merge_equalities(c, p))
        return NULL;
    if (p->n_kids == 0)
        return pred_const(c, truth_not(decides), n);
    return p->n_kids == 1 ? p->kids[0] : p;
}

struct pred *lower_node(struct compiler *c, const struct node *n, struct scope *s) {
    if (n->kind != NODE_OP)
        return lower_bare(c, n, s);
    switch (n->op) {
    case OP_OR:
    case OP_AND:
        return lower_junction(c, n, s);
    case OP_NOT:
        if (n->kids[0]->kind == NODE_OP && n->kids[0]->op == OP_IN)
            warn_not_in(c, n->kids[0]);
        return pred_not(c, lower_node(c, n->kids[0], s));
    case OP_EQ:
    case OP_NE:
    case OP_LT:
    case OP_LE:
    case OP_GT:
    case OP_GE:
        return lower_compare(c, n, s);
    case OP_DISTINCT:
        return lower_distinct(c, n, s);
    case OP_IN:
        return lower_in(c, n, s);
    case OP_BETWEEN:
        return lower_between(c, n, s);
    case OP_LIKE:
    case OP_ILIKE:
        return lower_like(c, n, s);
    case OP_REGEXP:
        return lower_regexp(c, n, s);
    case OP_IS_NULL:
    case OP_IS_MISSING:
    case OP_IS_NAN:
        return lower_value_test(c, n, s);
    case OP_IS_TRUE:
        return pred_is(c, n, lower_node(c, n->kids[0], s), TRUE_);
    case OP_IS_FALSE:
        return pred_is(c, n, lower_node(c, n->kids[0], s), FALSE_);
    case OP_IS_UNKNOWN:
        return pred_is(c, n, lower_node(c, n->kids[0], s), UNKNOWN_);
    case OP_STARTS_WITH:
    case OP_ENDS_WITH:
    case OP_CONTAINS:
        return lower_text(c, n, s);
    case OP_ANY:
    case OP_EVERY:
        return lower_quantifier(c, n, s);
    case OP_COUNT:
        break;
    }
    return compile_fail_at(c, n, E_INTERNAL, "an operator that the planner does not know");
}

struct pred *lower(struct compiler *c, const struct node *root, struct scope *scope) {
    return lower_node(c, root, scope);
}

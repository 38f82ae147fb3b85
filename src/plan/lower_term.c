/* Query tree -> predicates: the operators that look at values. See lower.h.
 *
 * Each becomes a term with the constants of its kernels, or a constant truth where all operands are
 * constants, by the reference comparison of value/. BETWEEN and IN that have no kernel of their own
 * are taken apart by their definitions (I1, I4).
 */
#include "plan/lower.h"

#include "value/mp.h"

#include <stdio.h>

/* A constant that a kernel needs as a column. */
static bool make_column(struct compiler *c, struct scope *s, struct operand *o) {
    if (!o->is_const)
        return true;
    o->column = scope_add(c, s, (struct column_source){.kind = COLUMN_CONST, .value = o->value});
    return o->column != NO_COLUMN;
}

static struct pred *pred_term(struct compiler *c, const struct node *n, const struct operand *x,
                              const struct operand *y) {
    struct pred *p = pred_new(c, PRED_TERM, n);
    if (!p)
        return NULL;
    p->x = x->column;
    if (y)
        p->y = y->column;
    return p;
}

static struct pred *pred_test(struct compiler *c, const struct node *n, const struct operand *x,
                              const struct operand *y, struct term t) {
    struct pred *p = pred_term(c, n, x, y);
    if (!p)
        return NULL;
    p->term[0] = p->term[1] = t;
    p->term[0].want = FALSE_;
    p->term[1].want = TRUE_;
    return p;
}

struct pred *compare_operands(struct compiler *c, const struct node *n, enum compare op,
                              struct operand x, struct operand y) {
    static const enum compare FLIPPED[] = {CMP_EQ, CMP_NE, CMP_GT, CMP_GE, CMP_LT, CMP_LE};
    if (x.is_const && y.is_const)
        return pred_const(c, value_compare(op, x.value, y.value, NULL), n);
    if (x.is_const) {
        struct operand t = x;
        x = y;
        y = t;
        op = FLIPPED[op];
    }
    if (!y.is_const)
        return pred_test(c, n, &x, &y, (struct term){.shape = TERM_COLUMNS, .op = op});
    if (value_is_null(y.value))
        return pred_const(c, UNKNOWN_, n);
    struct pred *p = pred_term(c, n, &x, NULL);
    if (!p)
        return NULL;
    term_compare(&p->term[0], op, y.value, FALSE_);
    term_compare(&p->term[1], op, y.value, TRUE_);
    return p;
}

/* Whether one of n operands is NULL for every row. */
static bool has_null(const struct operand *o, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        if (o[i].is_const && value_is_null(o[i].value))
            return true;
    return false;
}

struct pred *lower_compare(struct compiler *c, const struct node *n, struct scope *s) {
    struct operand o[2];
    if (!operands_of(c, n, s, o, 2))
        return NULL;
    if (has_null(o, 2))
        compile_warn(c, n, W_NULL_COMPARISON);
    meant_compared(s, n->kids[0], &o[0], n->kids[1], &o[1]);
    return pred_with_operands(c, compare_operands(c, n, (enum compare)(n->op - OP_EQ), o[0], o[1]),
                              o, 2);
}

static struct pred *distinct_operands(struct compiler *c, const struct node *n, struct operand x,
                                      struct operand y) {
    if (x.is_const && y.is_const)
        return pred_const(c, truth_of(value_distinct(x.value, y.value)), n);
    if (x.is_const) {
        struct operand t = x;
        x = y;
        y = t;
    }
    if (y.is_const)
        return pred_test(c, n, &x, NULL, (struct term){.shape = TERM_DISTINCT, .k = y.value});
    return pred_test(c, n, &x, &y, (struct term){.shape = TERM_DISTINCT_COLUMNS});
}

struct pred *lower_distinct(struct compiler *c, const struct node *n, struct scope *s) {
    struct operand o[2];
    if (!operands_of(c, n, s, o, 2))
        return NULL;
    meant_compared(s, n->kids[0], &o[0], n->kids[1], &o[1]);
    return pred_with_operands(c, distinct_operands(c, n, o[0], o[1]), o, 2);
}

static struct pred *between_operands(struct compiler *c, const struct node *n, struct operand x,
                                     struct operand low, struct operand high) {
    if (!x.is_const && low.is_const && high.is_const && value_is_ordered(low.value) &&
        value_class(low.value.type) == value_class(high.value.type)) {
        struct pred *p = pred_term(c, n, &x, NULL);
        if (!p)
            return NULL;
        term_between(&p->term[0], low.value, high.value, FALSE_);
        term_between(&p->term[1], low.value, high.value, TRUE_);
        return p;
    }
    struct pred *both = pred_kids(c, PRED_AND, n, 2);
    if (!both)
        return NULL;
    both->kids[0] = compare_operands(c, n, CMP_GE, x, low);
    both->kids[1] = compare_operands(c, n, CMP_LE, x, high);
    return both->kids[0] && both->kids[1] ? both : NULL;
}

struct pred *lower_between(struct compiler *c, const struct node *n, struct scope *s) {
    struct operand o[3];
    if (!operands_of(c, n, s, o, 3))
        return NULL;
    if (has_null(o, 3))
        compile_warn(c, n, W_NULL_COMPARISON);
    meant_compared(s, n->kids[0], &o[0], n->kids[1], &o[1]);
    meant_compared(s, n->kids[0], &o[0], n->kids[2], &o[2]);
    return pred_with_operands(c, between_operands(c, n, o[0], o[1], o[2]), o, 3);
}

struct pred *pred_in_set(struct compiler *c, const struct node *n, const struct operand *x,
                         const struct value *values, uint32_t n_values) {
    if (x->is_const) {
        struct set *set;
        if (!set_build(&set, c->arena, values, n_values))
            return compile_memory(c);
        return pred_const(c, set_truth(set, x->value), n);
    }
    struct pred *p = pred_term(c, n, x, NULL);
    if (!p)
        return NULL;
    if (!term_in(&p->term[1], c->arena, values, n_values, TRUE_))
        return compile_memory(c);
    p->term[0] = p->term[1];
    p->term[0].want = FALSE_;
    return p;
}

/* The items of a list parameter. */
static bool list_param(struct compiler *c, const struct node *n, const struct value **ret_values,
                       uint32_t *ret_n) {
    struct value list = c->params[n->param];
    struct mp_reader r;
    if (list.type != T_ARRAY) {
        char text[96];
        snprintf(text, sizeof text, "the parameter after IN must be an array, not %s",
                 value_type_name(list.type));
        compile_fail_at(c, n, E_PARAM_TYPE, text);
        return false;
    }
    mp_enter(&r, list, ret_n);
    if (*ret_n > c->limits->list_items) {
        error_limit(c->error, E_LIST_TOO_LONG, "list_items", c->limits->list_items, *ret_n);
        compile_place(c, n, E_LIST_TOO_LONG);
        compile_fail(c, E_LIST_TOO_LONG);
        return false;
    }
    struct value *values = arena_array(c->arena, *ret_n, sizeof *values);
    if (!values) {
        compile_memory(c);
        return false;
    }
    for (uint32_t i = 0; i < *ret_n; i++)
        values[i] = mp_read_value(&r);
    *ret_values = values;
    return true;
}

/* x = any of the items that are not constant, or x in the set of those that are (I1). Parameters
 * among the items are constants too. o[0] is x, o[1 ..] the items. */
static struct pred *in_operands(struct compiler *c, const struct node *n, const struct operand *o,
                                uint32_t n_items, const struct value *values, uint32_t n_values) {
    struct value *all = arena_array(c->arena, (size_t)n_values + n_items, sizeof *all);
    struct pred *any = pred_kids(c, PRED_OR, n, n_items + 1);
    if (!all || !any)
        return compile_memory(c);
    if (n_values > 0)
        memcpy(all, values, n_values * sizeof *all);
    any->n_kids = 0;
    for (uint32_t i = 1; i <= n_items; i++)
        if (o[i].is_const)
            all[n_values++] = o[i].value;
        else if (!(any->kids[any->n_kids++] = compare_operands(c, n, CMP_EQ, o[0], o[i])))
            return NULL;
    if (n_values > 0 && !(any->kids[any->n_kids++] = pred_in_set(c, n, &o[0], all, n_values)))
        return NULL;
    return any;
}

struct pred *lower_in(struct compiler *c, const struct node *n, struct scope *s) {
    const struct node *list = n->kids[1];
    const struct value *values = list->values;
    uint32_t n_values = list->n_values, n_items = list->n_kids;
    if (list->kind == NODE_PARAM) {
        n_items = 0;
        if (!list_param(c, list, &values, &n_values))
            return NULL;
    }
    struct operand *o = arena_array(c->arena, (size_t)n_items + 1, sizeof *o);
    if (!o)
        return compile_memory(c);
    if (!operand_of(c, n->kids[0], s, &o[0]) || !operands_of(c, list, s, o + 1, n_items))
        return NULL;
    meant_in(s, n->kids[0], &o[0], values, n_values);
    for (uint32_t i = 0; i < n_items; i++)
        meant_compared(s, n->kids[0], &o[0], list->kids[i], &o[i + 1]);
    struct pred *p = n_items == 0 ? pred_in_set(c, n, &o[0], values, n_values)
                                  : in_operands(c, n, o, n_items, values, n_values);
    return pred_with_operands(c, p, o, n_items + 1);
}

/* The escape operand of LIKE; *ret_unknown: it is null. False: it is none, c says so. */
static bool escape_of(struct compiler *c, const struct node *n, uint32_t *ret, bool *ret_unknown) {
    *ret = LIKE_NO_ESCAPE;
    *ret_unknown = false;
    if (n->n_kids < 3)
        return true;
    const struct node *e = n->kids[2];
    if (e->kind != NODE_LITERAL && e->kind != NODE_PARAM) {
        compile_fail_at(c, e, E_BAD_ARGUMENT, "ESCAPE needs a constant or a parameter");
        return false;
    }
    struct value v = e->kind == NODE_LITERAL ? e->value : c->params[e->param];
    if (value_is_null(v)) {
        *ret_unknown = true;
        return true;
    }
    const char *wrong = v.type != T_STR ? "the escape of LIKE must be a string of one character"
                        : like_escape(value_as_str(v), ret) != E_OK
                            ? "the escape of LIKE must be exactly one character"
                            : NULL;
    if (wrong)
        compile_fail_at(c, e, E_BAD_ESCAPE, wrong);
    return !wrong;
}

static struct pred *like_const(struct compiler *c, const struct node *n, const struct operand *x,
                               const struct operand *pattern, uint32_t escape) {
    bool fold = n->op == OP_ILIKE;
    const struct like *like;
    size_t bad = 0;
    enum status status =
        like_compile(c->arena, value_as_str(pattern->value), escape, fold, &like, &bad);
    if (status == E_MEMORY)
        return compile_memory(c);
    if (status != E_OK) {
        char text[160];
        snprintf(
            text, sizeof text,
            "byte %zu of the LIKE pattern: the escape character must stand before %%, _ or itself",
            bad);
        return compile_fail_at(c, n->kids[1], E_BAD_ESCAPE, text);
    }
    if (x->is_const)
        return pred_const(c,
                          x->value.type != T_STR
                              ? UNKNOWN_
                              : truth_of(like_match(like, x->value.w.p, x->value.n, NULL)),
                          n);
    if (!fold && like_shape(like) == LIKE_EXACT)
        compile_warn(c, n, W_NO_WILDCARD);
    struct term t = {.shape = TERM_LIKE, .like = like, .fold = fold};
    enum like_shape shape = fold ? LIKE_GENERAL : like_shape(like);
    if (shape == LIKE_PREFIX || shape == LIKE_SUFFIX || shape == LIKE_CONTAINS) {
        t.shape = shape == LIKE_PREFIX   ? TERM_STARTS
                  : shape == LIKE_SUFFIX ? TERM_ENDS
                                         : TERM_CONTAINS;
        t.k = value_str(like_literal(like));
    }
    return pred_test(c, n, x, NULL, t);
}

struct pred *lower_like(struct compiler *c, const struct node *n, struct scope *s) {
    struct operand o[2];
    uint32_t escape;
    bool unknown;
    if (!operands_of(c, n, s, o, 2) || !escape_of(c, n, &escape, &unknown))
        return NULL;
    warn_no_text(c, n, &o[0], &o[1]);
    meant_texts(s, n->kids[0], &o[0], n->kids[1], &o[1]);
    if (unknown || (o[1].is_const && o[1].value.type != T_STR))
        return pred_const(c, UNKNOWN_, n);
    if (o[1].is_const) /* a wrong pattern is refused even if x is NULL (K3) */
        return pred_with_operands(c, like_const(c, n, &o[0], &o[1], escape), o, 2);
    if (o[0].is_const && value_is_null(o[0].value))
        return pred_const(c, UNKNOWN_, n);
    if (!make_column(c, s, &o[0]))
        return NULL;
    struct term t = {
        .shape = TERM_TEXT_COLUMNS, .text = TERM_LIKE, .fold = n->op == OP_ILIKE, .escape = escape};
    return pred_with_operands(c, pred_test(c, n, &o[0], &o[1], t), o, 2);
}

static bool text_holds(enum term_shape shape, struct str x, struct str y) {
    if (shape == TERM_CONTAINS)
        return bytes_find((const uint8_t *)x.p, x.n, (const uint8_t *)y.p, y.n) != NULL;
    if (x.n < y.n)
        return false;
    return memcmp(shape == TERM_STARTS ? x.p : x.p + x.n - y.n, y.p, y.n) == 0;
}

struct pred *lower_text(struct compiler *c, const struct node *n, struct scope *s) {
    enum term_shape shape = n->op == OP_STARTS_WITH ? TERM_STARTS
                            : n->op == OP_ENDS_WITH ? TERM_ENDS
                                                    : TERM_CONTAINS;
    struct operand o[2];
    if (!operands_of(c, n, s, o, 2))
        return NULL;
    warn_no_text(c, n, &o[0], &o[1]);
    meant_texts(s, n->kids[0], &o[0], n->kids[1], &o[1]);
    if ((o[0].is_const && o[0].value.type != T_STR) || (o[1].is_const && o[1].value.type != T_STR))
        return pred_const(c, UNKNOWN_, n);
    if (o[0].is_const && o[1].is_const)
        return pred_const(
            c, truth_of(text_holds(shape, value_as_str(o[0].value), value_as_str(o[1].value))), n);
    if (o[1].is_const)
        return pred_with_operands(
            c, pred_test(c, n, &o[0], NULL, (struct term){.shape = shape, .k = o[1].value}), o, 2);
    if (!make_column(c, s, &o[0]))
        return NULL;
    return pred_with_operands(
        c, pred_test(c, n, &o[0], &o[1], (struct term){.shape = TERM_TEXT_COLUMNS, .text = shape}),
        o, 2);
}

/* IS NULL, IS MISSING, IS NAN look at a value; of a predicate only "is null" can hold, where it is
 * UNKNOWN. */
struct pred *lower_value_test(struct compiler *c, const struct node *n, struct scope *s) {
    const struct node *kid = n->kids[0];
    if (node_is_predicate(kid))
        return n->op == OP_IS_NULL ? pred_is(c, n, lower_node(c, kid, s), UNKNOWN_)
                                   : pred_const(c, FALSE_, n);
    struct operand x;
    if (!operand_of(c, kid, s, &x))
        return NULL;
    if (x.is_const) {
        bool t = n->op == OP_IS_NULL ? value_is_null(x.value)
                                     : n->op == OP_IS_NAN && value_is_nan(x.value);
        return pred_const(c, truth_of(t), n);
    }
    enum term_shape shape = n->op == OP_IS_NULL      ? TERM_NULL
                            : n->op == OP_IS_MISSING ? TERM_MISSING
                                                     : TERM_NAN;
    return pred_with_operands(c, pred_test(c, n, &x, NULL, (struct term){.shape = shape}), &x, 1);
}

struct pred *lower_bare(struct compiler *c, const struct node *n, struct scope *s) {
    struct operand x;
    if (!operand_of(c, n, s, &x))
        return NULL;
    if (x.is_const)
        return pred_const(c, x.value.type == T_BOOL ? truth_of(x.value.w.i != 0) : UNKNOWN_, n);
    meant_truth(s, n, &x);
    return pred_with_operands(c, pred_test(c, n, &x, NULL, (struct term){.shape = TERM_BOOL}), &x,
                              1);
}

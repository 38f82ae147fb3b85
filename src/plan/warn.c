/* Warnings of the compiler: what compiles but hardly means what its writer wants. See program.h.
 *
 * Found while lowering, where constants and parameter values are known, and on the predicates that
 * came of it. A warning never changes a plan. Of two about the same place the first stands. */
#include "plan/lower.h"
#include "value/mp.h"

#include <stdlib.h>

void compile_warn(struct compiler *c, const struct node *n, enum warning_code code) {
    if (c->n_warnings == WARNINGS_MOST)
        return;
    for (uint32_t i = 0; i < c->n_warnings; i++)
        if (c->warnings[i].pos == n->pos && c->warnings[i].length == n->length)
            return;
    if (!c->warnings)
        c->warnings = arena_zero(c->arena, WARNINGS_MOST * sizeof *c->warnings);
    if (!c->warnings) { /* the next allocation will fail the compilation */
        compile_memory(c);
        return;
    }
    struct warning *w = &c->warnings[c->n_warnings++];
    *w = (struct warning){.code = code, .pos = n->pos, .length = n->length};
    compile_near(c, n, w->near_text, sizeof w->near_text);
}

/* --- NOT IN --- */

static bool param_has_null(const struct compiler *c, const struct node *n) {
    struct value list = c->params[n->param];
    struct mp_reader r;
    uint32_t count;
    if (list.type != T_ARRAY)
        return false;
    mp_enter(&r, list, &count);
    for (uint32_t i = 0; i < count; i++)
        if (mp_read_value(&r).type == T_NULL)
            return true;
    return false;
}

void warn_not_in(struct compiler *c, const struct node *n) {
    const struct node *list = n->kids[1];
    bool has_null = list->kind == NODE_PARAM && param_has_null(c, list);
    for (uint32_t i = 0; i < list->n_values && !has_null; i++)
        has_null = value_is_null(list->values[i]);
    for (uint32_t i = 0; i < list->n_kids && !has_null; i++)
        has_null =
            list->kids[i]->kind == NODE_PARAM && value_is_null(c->params[list->kids[i]->param]);
    if (has_null)
        compile_warn(c, n, W_NOT_IN_NULL);
}

/* --- words and texts --- */

void warn_no_text(struct compiler *c, const struct node *n, const struct operand *x,
                  const struct operand *pattern) {
    bool x_known = x->is_const && x->value.type != T_STR;
    bool pattern_known = pattern->is_const && pattern->value.type != T_STR;
    if ((x_known && value_is_null(x->value)) || (pattern_known && value_is_null(pattern->value)))
        compile_warn(c, n, W_NULL_COMPARISON);
    else if (x_known || pattern_known)
        compile_warn(c, n, W_NO_TEXT);
}

void warn_word(struct compiler *c, const struct node *n) {
    const struct node *word = n->n_kids > 0 ? n->kids[0] : NULL;
    if (word && word->kind == NODE_PATH && word->scope == 0 && word->path.n == 1 &&
        word->path.steps[0].key.p && fn_has_word(n->fn, word->path.steps[0].key))
        compile_warn(c, word, W_FIELD_AS_WORD);
}

/* --- never TRUE --- */

/* What the terms of a conjunction ask of one column: bounds that may come together. */
struct bounds {
    const struct value *low, *high; /* or NULL */
    bool low_open, high_open;
    bool mixed; /* two bounds are of different types: no value is within both */
};

/* x op a and x op b at once, with op one of = and the orders: whether that cannot be. */
static bool excluded(const struct bounds *b) {
    if (b->mixed || !b->low || !b->high)
        return b->mixed;
    enum truth less = value_compare(CMP_LT, *b->low, *b->high, NULL);
    if (less != FALSE_)
        return less == UNKNOWN_;
    return b->low_open || b->high_open || value_compare(CMP_EQ, *b->low, *b->high, NULL) != TRUE_;
}

static void raise_low(struct bounds *b, const struct value *k, bool open) {
    enum truth more = b->low ? value_compare(CMP_GT, *k, *b->low, NULL) : TRUE_;
    b->mixed |= more == UNKNOWN_;
    if (more == TRUE_) {
        b->low = k;
        b->low_open = open;
    } else if (more == FALSE_ && open && value_compare(CMP_EQ, *k, *b->low, NULL) == TRUE_) {
        b->low_open = true;
    }
}

static void lower_high(struct bounds *b, const struct value *k, bool open) {
    enum truth less = b->high ? value_compare(CMP_LT, *k, *b->high, NULL) : TRUE_;
    b->mixed |= less == UNKNOWN_;
    if (less == TRUE_) {
        b->high = k;
        b->high_open = open;
    } else if (less == FALSE_ && open && value_compare(CMP_EQ, *k, *b->high, NULL) == TRUE_) {
        b->high_open = true;
    }
}

/* Adds what a term asks. Only of values that have an order: between two booleans there is none. */
static bool narrow(struct bounds *b, const struct term *t) {
    if (!value_is_ordered(t->k))
        return false;
    if (t->shape == TERM_BETWEEN) {
        raise_low(b, &t->k, false);
        lower_high(b, &t->k2, false);
        return true;
    }
    if (t->op == CMP_NE)
        return false;
    if (t->op == CMP_EQ || t->op == CMP_GT || t->op == CMP_GE)
        raise_low(b, &t->k, t->op == CMP_GT);
    if (t->op == CMP_EQ || t->op == CMP_LT || t->op == CMP_LE)
        lower_high(b, &t->k, t->op == CMP_LT);
    return true;
}

static bool has_bounds(const struct pred *p) {
    return p->kind == PRED_TERM &&
           (p->term[1].shape == TERM_COMPARE || p->term[1].shape == TERM_BETWEEN);
}

/* Whether the n terms, by column, exclude each other. */
static bool exclude(struct pred **terms, uint32_t n) {
    struct bounds b = {0};
    for (uint32_t i = 0; i < n; i++) {
        if (i > 0 && terms[i]->x != terms[i - 1]->x)
            b = (struct bounds){0};
        if (narrow(&b, &terms[i]->term[1]) && excluded(&b))
            return true;
    }
    return false;
}

static bool is_contradiction(struct compiler *c, struct pred *p) {
    if (has_bounds(p))
        return exclude(&p, 1);
    if (p->kind != PRED_AND)
        return false;
    struct pred **terms = arena_array(c->arena, p->n_kids, sizeof *terms);
    uint32_t n = 0;
    if (!terms)
        return compile_memory(c) != NULL;
    for (uint32_t i = 0; i < p->n_kids; i++)
        if (has_bounds(p->kids[i]))
            terms[n++] = p->kids[i];
    if (n > 0)
        qsort(terms, n, sizeof *terms, pred_by_column);
    return exclude(terms, n);
}

/* The whole condition, or a branch of its ORs: those that ask for what cannot be. */
static void warn_branches(struct compiler *c, struct pred *p) {
    if (p->kind == PRED_OR) {
        for (uint32_t i = 0; i < p->n_kids; i++)
            warn_branches(c, p->kids[i]);
        return;
    }
    if (p->kind == PRED_LET)
        p = p->kids[0];
    if (is_contradiction(c, p))
        compile_warn(c, p->node, W_NEVER_TRUE);
}

void warn_never(struct compiler *c, struct pred *root) {
    if (root->kind == PRED_CONST && root->truth != TRUE_ && c->n_warnings == 0)
        compile_warn(c, c->query->root, W_NEVER_TRUE);
    else if (root->kind != PRED_CONST)
        warn_branches(c, root);
}

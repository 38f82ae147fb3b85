/* Rows of values: (a, b) = (1, 2), (a, b) IN ((1, 2), (3, 4)), (a, b) BETWEEN (1, 0) AND (2, 0).
 *
 * They exist in text alone: the tree has what they mean, comparisons of single values under AND and
 * OR. Order is that of the first values that differ: (a, b) < (c, d) is a < c OR a = c AND b < d.
 * So values stand in the tree more than once; that is why `?`, of which each has a value of its
 * own, cannot be one of them. The limits of a query bound the copies. */
#include "parse.h"

/* One use of a value takes the node itself, every other a copy. */
struct row_item {
    struct node *node;
    bool used;
};

static struct node *use(struct parser *p, struct row_item *item) {
    if (item->used)
        return build_copy(&p->b, item->node);
    item->used = true;
    return item->node;
}

bool parse_row(struct parser *p, struct node *first, struct operand *ret) {
    size_t mark = build_mark(&p->b);
    bool ok = build_push(&p->b, first);
    while (ok && parse_take(p, TOK_COMMA))
        ok = build_push(&p->b, parse_condition(p));
    if (!ok || !parse_close(p, TOK_CLOSE, "\",\" or \")\""))
        return false;
    size_t n = build_count(&p->b, mark);
    ret->items = arena_array(&p->b.q->arena, n, sizeof *ret->items);
    if (!ret->items) {
        build_no_memory(&p->b);
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        ret->items[i].used = false;
        memcpy(&ret->items[i].node, p->b.kids.data + mark + i * sizeof first, sizeof first);
    }
    p->b.kids.len = mark;
    ret->n_items = (uint32_t)n;
    p->rows = true;
    ret->node = first; /* so that there is one; nobody who has looked at n_items takes it */
    ret->length = parse_since(p, ret->pos).length;
    return true;
}

/* --- parameters --- */

struct numbering {
    struct parser *p;
    const struct param *params; /* by the numbers of the text */
    struct param *ordered;      /* by those of the tree */
    uint32_t *number;           /* of the tree, plus 1, by that of the text; 0: not met yet */
    uint32_t n;
    uint32_t n_positional; /* numbers of the text below which every ? has been met */
};

/* The values of ? are counted by those who send them, in the text and in the tree alike. */
static bool in_order(struct numbering *o, const struct node *n) {
    if (n->param < o->n_positional)
        build_fail(&o->p->b, E_BAD_ARGUMENT, (struct place){n->pos, n->length}, ":name",
                   "what these rows mean asks for parameters in another order, or twice; give them "
                   "names");
    o->n_positional = n->param + 1;
    return build_ok(&o->p->b);
}

static bool number(struct numbering *o, struct node *n) {
    if (n->kind == NODE_PARAM) {
        uint32_t old = n->param;
        if (!o->params[old].name.p && !in_order(o, n))
            return false;
        if (o->number[old] == 0) {
            o->ordered[o->n] = o->params[old];
            o->number[old] = ++o->n;
        }
        n->param = o->number[old] - 1;
    }
    for (uint32_t i = 0; i < n->n_kids; i++)
        if (!number(o, n->kids[i]))
            return false;
    return true;
}

bool parse_number_params(struct parser *p, struct node *root) {
    struct buf *params = &p->b.params;
    size_t n = params->len / sizeof(struct param);
    struct numbering o = {
        .p = p,
        .params = (const struct param *)(const void *)params->data,
        .ordered = arena_array(&p->b.q->arena, n, sizeof *o.ordered),
        .number = arena_zero(&p->b.q->arena, n * sizeof *o.number),
    };
    if (n == 0)
        return true;
    if (!o.ordered || !o.number) {
        build_no_memory(&p->b);
        return false;
    }
    if (!number(&o, root))
        return false;
    memcpy(params->data, o.ordered, o.n * sizeof *o.ordered);
    params->len = o.n * sizeof *o.ordered;
    return true;
}

/* --- what they mean --- */

static struct node *compare_items(struct parser *p, enum op op, const struct operand *x,
                                  const struct operand *y, uint32_t i) {
    struct node *a = use(p, &x->items[i]), *b = use(p, &y->items[i]);
    return build_op2(&p->b, op, parse_since(p, x->pos), a, b);
}

/* op of each pair, under AND or OR. */
static struct node *each(struct parser *p, enum op op, enum op under, const struct operand *x,
                         const struct operand *y) {
    size_t mark = build_mark(&p->b);
    for (uint32_t i = 0; i < x->n_items; i++)
        if (!build_push(&p->b, compare_items(p, op, x, y, i)))
            return NULL;
    return build_op(&p->b, under, parse_since(p, x->pos), mark);
}

/* From the last pair to the first: x < y OR x = y AND (what the next pairs say). */
static struct node *ordered(struct parser *p, enum op op, const struct operand *x,
                            const struct operand *y) {
    enum op strict = op == OP_LT || op == OP_LE ? OP_LT : OP_GT;
    struct place at = parse_since(p, x->pos);
    uint32_t i = x->n_items - 1;
    struct node *n = compare_items(p, op, x, y, i);
    while (n && i-- > 0) {
        struct node *differ = compare_items(p, strict, x, y, i);
        struct node *same = compare_items(p, OP_EQ, x, y, i);
        n = build_op2(&p->b, OP_OR, at, differ, build_op2(&p->b, OP_AND, at, same, n));
    }
    return n;
}

static struct node *meaning(struct parser *p, enum op op, const struct operand *x,
                            const struct operand *y) {
    switch (op) {
    case OP_EQ:
        return each(p, op, OP_AND, x, y);
    case OP_NE:
    case OP_DISTINCT:
        return each(p, op, OP_OR, x, y);
    default:
        return ordered(p, op, x, y);
    }
}

/* --- what may follow --- */

/* A row of as many values as x. */
static bool other(struct parser *p, const struct operand *x, struct operand *ret) {
    uint32_t pos = p->tok.pos;
    if (!parse_operand(p, ret))
        return false;
    if (ret->n_items != x->n_items)
        build_fail(&p->b, E_BAD_ARGUMENT, parse_since(p, pos), NULL,
                   "a row of %u values goes only with a row of as many: (a, b) = (1, 2)",
                   x->n_items);
    return build_ok(&p->b);
}

static struct node *comparison(struct parser *p, const struct operand *x, enum op op) {
    struct operand y;
    return other(p, x, &y) ? meaning(p, op, x, &y) : NULL;
}

static struct node *between(struct parser *p, const struct operand *x) {
    struct operand low, high;
    if (!other(p, x, &low))
        return NULL;
    if (!parse_take_word(p, WORD_AND))
        return parse_fail_expected(p, "AND and the upper bound of BETWEEN");
    if (!other(p, x, &high))
        return NULL;
    struct node *from = ordered(p, OP_GE, x, &low), *to = ordered(p, OP_LE, x, &high);
    return build_op2(&p->b, OP_AND, parse_since(p, x->pos), from, to);
}

/* IN (), which is IN () of each value. */
static struct node *in_nothing(struct parser *p, const struct operand *x) {
    size_t mark = build_mark(&p->b);
    struct place at = parse_since(p, x->pos);
    for (uint32_t i = 0; i < x->n_items; i++) {
        struct node *none = build_list(&p->b, at, build_mark(&p->b), p->b.values.len, 0);
        if (!build_push(&p->b, build_op2(&p->b, OP_IN, at, x->items[i].node, none)))
            return NULL;
    }
    return build_op(&p->b, OP_AND, at, mark);
}

/* IN (row, ...) */
static struct node *in(struct parser *p, const struct operand *x) {
    size_t mark = build_mark(&p->b);
    if (!parse_take(p, TOK_OPEN))
        return parse_fail_value(p, "a list of rows in parentheses");
    if (parse_take(p, TOK_CLOSE))
        return in_nothing(p, x);
    do {
        struct operand y;
        if (!other(p, x, &y) || !build_push(&p->b, each(p, OP_EQ, OP_AND, x, &y)))
            return NULL;
    } while (parse_take(p, TOK_COMMA));
    if (!parse_close(p, TOK_CLOSE, "\",\" or \")\""))
        return NULL;
    return build_op(&p->b, OP_OR, parse_since(p, x->pos), mark);
}

struct node *parse_row_test(struct parser *p, const struct operand *x) {
    bool negated = false;
    struct node *n;
    enum op op = parse_comparison(p);
    if (op != OP_COUNT) {
        parse_next(p);
        return comparison(p, x, op);
    }
    if (parse_at(p, WORD_IS)) {
        op = parse_is(p, &negated);
        if (op == OP_COUNT)
            return NULL;
        if (op != OP_DISTINCT)
            return parse_fail_row(p, x);
        n = comparison(p, x, op);
    } else {
        negated = parse_take_word(p, WORD_NOT);
        bool is_in = parse_at(p, WORD_IN);
        if (!is_in && !parse_at(p, WORD_BETWEEN))
            return parse_fail_row(p, x);
        parse_next(p);
        n = is_in ? in(p, x) : between(p, x);
    }
    return parse_negate(p, negated, n);
}

struct node *parse_fail_row(struct parser *p, const struct operand *x) {
    build_fail(&p->b, E_BAD_ARGUMENT, (struct place){x->pos, x->length}, NULL,
               "a row of values goes only with a row of as many, in a comparison, IN, BETWEEN or "
               "IS DISTINCT FROM: (a, b) = (1, 2)");
    return NULL;
}

/* The text form (proto/QUERY.md): conditions. row.c has those on rows of values, operand.c the
 * values, parse_report.c the tokens and the reports.
 *
 *   condition := and {OR and}      and := not {AND not}      not := NOT not | test
 *   test      := value [comparison | [NOT] IN .. | [NOT] BETWEEN .. | [NOT] LIKE .. | ...] {IS ..}
 *
 * While parsing, a path of an element carries the id of its quantifier in node.scope; at the end
 * one walk over the tree turns these into distances, because a quantifier can come to stand around
 * what was parsed before it (x = ANY(a), x IN a). */
#include "parse.h"

#include "base/utf8.h"

/* --- operators behind a value --- */

enum op parse_comparison(const struct parser *p) {
    switch (p->tok.kind) {
    case TOK_EQ:
        return OP_EQ;
    case TOK_NE:
        return OP_NE;
    case TOK_LT:
        return OP_LT;
    case TOK_LE:
        return OP_LE;
    case TOK_GT:
        return OP_GT;
    case TOK_GE:
        return OP_GE;
    default:
        return OP_COUNT;
    }
}

static enum op flipped(enum op op) {
    switch (op) {
    case OP_LT:
        return OP_GT;
    case OP_LE:
        return OP_GE;
    case OP_GT:
        return OP_LT;
    case OP_GE:
        return OP_LE;
    default: /* =, <>, DISTINCT */
        return op;
    }
}

struct node *parse_negate(struct parser *p, bool negated, struct node *n) {
    return negated && n ? build_op1(&p->b, OP_NOT, (struct place){n->pos, n->length}, n) : n;
}

/* The quantifier around the test of its element. */
static struct node *quantify(struct parser *p, const struct operand *o, uint32_t pos,
                             struct node *test) {
    struct node *n = build_op2(&p->b, o->quant, parse_since(p, pos), o->array, test);
    if (n)
        n->scope = o->id;
    return n;
}

/* left op value, where one side may be ANY(path); the operator has been taken. */
static struct node *comparison(struct parser *p, const struct operand *left, enum op op,
                               bool negated) {
    struct operand right;
    if (!parse_operand(p, &right))
        return NULL;
    struct place at = parse_since(p, left->pos);
    if (operand_is_value(&right))
        return parse_negate(p, negated, build_op2(&p->b, op, at, left->node, right.node));
    if (left->quant != OP_COUNT || right.n_items > 0)
        return parse_fail_operand(p, &right);
    struct node *n = build_op2(&p->b, flipped(op), at, right.node, left->node);
    return quantify(p, &right, left->pos, parse_negate(p, negated, n));
}

/* One item: constants are kept as values without a node of their own. */
static bool list_item(struct parser *p, uint32_t *depth) {
    struct token first = p->tok, before = p->last;
    struct value v;
    uint32_t constant_depth;
    if (parse_constant(p, &v, &constant_depth)) {
        if (p->tok.kind == TOK_COMMA || p->tok.kind == TOK_CLOSE) {
            if (constant_depth > *depth)
                *depth = constant_depth;
            return build_push_value(&p->b, v);
        }
        p->tok = first; /* the constant is only the beginning of the item */
        p->last = before;
    }
    struct node *n = build_ok(&p->b) ? parse_condition(p) : NULL;
    if (n && n->kind == NODE_LITERAL) { /* in parentheses */
        if (n->depth - 1 > *depth)
            *depth = n->depth - 1;
        p->b.q->n_nodes--;
        return build_push_value(&p->b, n->value);
    }
    return build_push(&p->b, n);
}

static struct node *list(struct parser *p) {
    uint32_t pos = p->tok.pos, depth = 0;
    size_t mark = build_mark(&p->b), values_mark = p->b.values.len;
    uint64_t count = 0;
    if (!parse_enter(p))
        return NULL;
    parse_next(p);
    if (p->tok.kind != TOK_CLOSE) {
        do {
            if (++count > p->b.limits->list_items) {
                build_limit(&p->b, E_LIST_TOO_LONG, (struct place){p->tok.pos, p->tok.length},
                            "list_items", p->b.limits->list_items, ERROR_NONE);
                return NULL;
            }
            if (!list_item(p, &depth))
                return NULL;
        } while (parse_take(p, TOK_COMMA));
    }
    if (!parse_close(p, TOK_CLOSE, "\",\" or \")\""))
        return NULL;
    parse_leave(p);
    return build_list(&p->b, parse_since(p, pos), mark, values_mark, depth);
}

/* x IN path is ANY(path) = x. */
static struct node *in_path(struct parser *p, const struct operand *left, bool negated) {
    struct operand any = {.quant = OP_ANY, .id = ++p->n_binders};
    any.array = parse_value(p);
    if (!any.array)
        return NULL;
    if (any.array->kind != NODE_PATH) {
        build_fail(&p->b, E_BAD_ARGUMENT, (struct place){any.array->pos, any.array->length}, NULL,
                   "IN needs a list in parentheses, a path to an array, or a parameter");
        return NULL;
    }
    struct place at = {any.array->pos, any.array->length};
    struct node *element = build_path(&p->b, at, any.id, p->b.steps.len);
    struct node *test = build_op2(&p->b, OP_EQ, parse_since(p, left->pos), element, left->node);
    return parse_negate(p, negated, quantify(p, &any, left->pos, test));
}

static struct node *in(struct parser *p, const struct operand *left, bool negated) {
    struct node *items;
    if (p->tok.kind == TOK_OPEN)
        items = list(p);
    else if (p->tok.kind == TOK_QUESTION || p->tok.kind == TOK_COLON)
        items = parse_value(p);
    else if (parse_at_path(p))
        return in_path(p, left, negated);
    else {
        bool box = p->tok.kind == TOK_OPEN_BOX;
        parse_fail_value(p, "a list in parentheses, a path or a parameter");
        build_suggest(&p->b, box ? "(" : NULL);
        return NULL;
    }
    struct place at = parse_since(p, left->pos);
    return parse_negate(p, negated, build_op2(&p->b, OP_IN, at, left->node, items));
}

static struct node *between(struct parser *p, const struct operand *left, bool negated) {
    size_t mark = build_mark(&p->b);
    if (!build_push(&p->b, left->node) || !build_push(&p->b, parse_value(p)))
        return NULL;
    if (!parse_take_word(p, WORD_AND))
        return parse_fail_expected(p, "AND and the upper bound of BETWEEN");
    if (!build_push(&p->b, parse_value(p)))
        return NULL;
    return parse_negate(p, negated, build_op(&p->b, OP_BETWEEN, parse_since(p, left->pos), mark));
}

static struct node *like(struct parser *p, const struct operand *left, enum op op, bool negated) {
    size_t mark = build_mark(&p->b);
    if (!build_push(&p->b, left->node) || !build_push(&p->b, parse_value(p)))
        return NULL;
    if (parse_take_word(p, op == OP_REGEXP ? WORD_FLAGS : WORD_ESCAPE) &&
        !build_push(&p->b, parse_value(p)))
        return NULL;
    return parse_negate(p, negated, build_op(&p->b, op, parse_since(p, left->pos), mark));
}

/* name STARTS_WITH 'A' */
static struct node *infix_call(struct parser *p, const struct operand *left, enum op op,
                               bool negated) {
    struct node *right = parse_value(p);
    struct place at = parse_since(p, left->pos);
    return parse_negate(p, negated, build_op2(&p->b, op, at, left->node, right));
}

/* The operator of a word that can stand between two values, or OP_COUNT. */
static enum op word_operator(struct token t) {
    if (t.kind != TOK_NAME)
        return OP_COUNT;
    switch (t.word) {
    case WORD_IN:
        return OP_IN;
    case WORD_BETWEEN:
        return OP_BETWEEN;
    case WORD_LIKE:
        return OP_LIKE;
    case WORD_ILIKE:
        return OP_ILIKE;
    case WORD_REGEXP:
        return OP_REGEXP;
    case WORD_STARTS_WITH:
        return OP_STARTS_WITH;
    case WORD_ENDS_WITH:
        return OP_ENDS_WITH;
    case WORD_CONTAINS:
        return OP_CONTAINS;
    default:
        return OP_COUNT;
    }
}

enum op parse_is(struct parser *p, bool *ret_negated) {
    static const struct {
        enum keyword word;
        enum op op;
    } TESTS[] = {{WORD_NULL, OP_IS_NULL},       {WORD_MISSING, OP_IS_MISSING},
                 {WORD_TRUE, OP_IS_TRUE},       {WORD_FALSE, OP_IS_FALSE},
                 {WORD_UNKNOWN, OP_IS_UNKNOWN}, {WORD_NAN, OP_IS_NAN},
                 {WORD_DISTINCT, OP_DISTINCT}};
    parse_next(p); /* IS */
    *ret_negated = parse_take_word(p, WORD_NOT);
    for (size_t i = 0; i < sizeof TESTS / sizeof *TESTS; i++)
        if (parse_take_word(p, TESTS[i].word)) {
            if (TESTS[i].op == OP_DISTINCT && !parse_take_word(p, WORD_FROM)) {
                parse_fail_expected(p, "FROM");
                return OP_COUNT;
            }
            return TESTS[i].op;
        }
    parse_fail_is(p);
    return OP_COUNT;
}

/* The first operator behind a value; NULL after a report, left->node if there is none. */
static struct node *first_test(struct parser *p, const struct operand *left) {
    enum op op = parse_comparison(p);
    if (op != OP_COUNT) {
        parse_next(p);
        return comparison(p, left, op, false);
    }
    bool negated;
    if (parse_at(p, WORD_IS)) {
        op = parse_is(p, &negated);
        if (op == OP_COUNT)
            return NULL;
        if (op == OP_DISTINCT)
            return comparison(p, left, op, negated);
        struct place at = parse_since(p, left->pos);
        return parse_negate(p, negated, build_op1(&p->b, op, at, left->node));
    }
    negated = parse_take_word(p, WORD_NOT);
    op = word_operator(p->tok);
    if (op == OP_COUNT)
        return negated ? parse_fail_negated(p) : left->node;
    parse_next(p);
    if (op == OP_IN)
        return in(p, left, negated);
    if (op == OP_BETWEEN)
        return between(p, left, negated);
    if (op == OP_LIKE || op == OP_ILIKE || op == OP_REGEXP)
        return like(p, left, op, negated);
    return infix_call(p, left, op, negated);
}

static struct node *test(struct parser *p) {
    struct operand left;
    if (!parse_operand(p, &left))
        return NULL;
    struct node *n = left.n_items > 0 ? parse_row_test(p, &left) : first_test(p, &left);
    if (!n)
        return NULL;
    if (left.quant != OP_COUNT) {
        if (n == left.node)
            return parse_fail_expected(p, "a comparison or a test");
        n = quantify(p, &left, left.pos, n);
    }
    while (n && parse_at(p, WORD_IS)) {
        bool negated;
        struct token is = p->tok;
        enum op op = parse_is(p, &negated);
        if (op == OP_DISTINCT) { /* a comparison, and these do not chain */
            p->tok = is;
            return parse_fail_operator(p, "the end");
        }
        struct place at = parse_since(p, left.pos);
        n = op == OP_COUNT ? NULL : parse_negate(p, negated, build_op1(&p->b, op, at, n));
    }
    return n;
}

/* --- NOT, AND, OR --- */

static struct node *negation(struct parser *p) {
    if (!parse_at(p, WORD_NOT))
        return test(p);
    uint32_t pos = p->tok.pos;
    if (!parse_enter(p))
        return NULL;
    parse_next(p);
    struct node *n = negation(p);
    if (!n)
        return NULL;
    parse_leave(p);
    return build_op1(&p->b, OP_NOT, parse_since(p, pos), n);
}

/* first {word part}; one part alone stays as it is. */
static struct node *chain(struct parser *p, enum op op, enum keyword word,
                          struct node *part(struct parser *)) {
    uint32_t pos = p->tok.pos;
    struct node *n = part(p);
    if (!n || !parse_at(p, word))
        return n;
    size_t mark = build_mark(&p->b);
    build_push(&p->b, n);
    while (parse_take_word(p, word))
        if (!build_push(&p->b, part(p)))
            return NULL;
    return build_op(&p->b, op, parse_since(p, pos), mark);
}

static struct node *conjunction(struct parser *p) { return chain(p, OP_AND, WORD_AND, negation); }

struct node *parse_condition(struct parser *p) {
    return chain(p, OP_OR, WORD_OR, conjunction);
}

/* --- the whole --- */

struct level {
    uint32_t id;
    const struct level *outer;
};

/* Turns the ids of quantifiers into distances. Recursive over the tree's bounded depth. */
static void number_scopes(struct node *n, const struct level *levels) {
    if (n->kind == NODE_PATH && n->scope > 0) {
        uint32_t id = n->scope, distance = 1;
        for (; levels && levels->id != id; levels = levels->outer)
            distance++;
        n->scope = distance;
    } else if (n->kind == NODE_OP && (n->op == OP_ANY || n->op == OP_EVERY)) {
        struct level own = {n->scope, levels};
        n->scope = 0;
        number_scopes(n->kids[0], levels);
        number_scopes(n->kids[1], &own);
    } else {
        for (uint32_t i = 0; i < n->n_kids; i++)
            number_scopes(n->kids[i], levels);
    }
}

static bool check_utf8(struct build *b) {
    size_t bad = utf8_check((const uint8_t *)b->source.p, b->source.n);
    if (bad == b->source.n)
        return true;
    build_fail(b, E_BAD_UTF8, (struct place){(uint32_t)bad, 1}, NULL,
               "the query is not valid UTF-8 at byte %zu (0x%02X)", bad,
               (unsigned)(uint8_t)b->source.p[bad]);
    if (b->error) /* a message must stay UTF-8 */
        error_text(b->error->near_text, sizeof b->error->near_text, "?", 1);
    return false;
}

enum status query_parse(struct query *q, struct str text, const struct limits *limits,
                        struct budget *budget, struct error *e) {
    struct parser p = {0};
    struct node *root = NULL;
    if (build_begin(&p.b, q, false, text, limits, budget, e) == E_OK && check_utf8(&p.b)) {
        p.tok = lex_at(p.b.source, 0);
        root = parse_condition(&p);
        if (root && p.tok.kind != TOK_END)
            parse_fail_operator(&p, "the end of the query");
        if (root && build_ok(&p.b))
            number_scopes(root, NULL);
        if (root && build_ok(&p.b) && p.rows)
            parse_number_params(&p, root);
    }
    return build_end(&p.b, root);
}

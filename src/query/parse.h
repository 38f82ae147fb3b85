/* What the parts of the text parser share: parse.c (conditions), row.c (conditions on rows of
 * values), expression.c (operators, calls and CASE) and operand.c (other values). Private to
 * query/.
 *
 * Recursive descent over tokens. Every function that recurses goes through parse_enter, so that the
 * nesting of the text, too, stays within query_depth. Failure is the builder's sticky one; NULL is
 * handed up. */
#ifndef TAMIS_QUERY_PARSE_H
#define TAMIS_QUERY_PARSE_H

#include "literal.h"

/* A quantifier whose condition is being parsed: what a name may mean. On the C stack. */
struct binder {
    struct str name; /* p NULL: ANY(path) op ..., which names nothing */
    uint32_t id;     /* > 0; node.scope of its element until parse.c numbers the scopes */
    struct binder *outer;
};

struct parser {
    struct build b;
    struct token tok;  /* the next one, not yet taken */
    struct token last; /* the one before it */
    struct binder *binders;
    uint32_t n_binders; /* ids given */
    uint32_t nest;
    bool rows; /* there are rows of values */
};

/* A value on one side of an operator. For ANY(path), whose operator is still to come, quant is set,
 * node is the element and array the path. For a row of values (a, b) there are items. */
struct operand {
    struct node *node;
    enum op quant; /* OP_COUNT: an ordinary value */
    struct node *array;
    uint32_t id;
    struct row_item *items;
    uint32_t n_items;
    uint32_t pos, length; /* length: of a row */
};
static inline bool operand_is_value(const struct operand *o) {
    return o->quant == OP_COUNT && o->n_items == 0;
}

/* Tokens. */
void parse_next(struct parser *p);
struct token parse_peek(const struct parser *p); /* the one after p->tok */
bool parse_take(struct parser *p, enum tok kind);
bool parse_take_word(struct parser *p, enum keyword w);
bool parse_expect(struct parser *p, enum tok kind, const char *what);
static inline bool parse_at(const struct parser *p, enum keyword w) {
    return p->tok.kind == TOK_NAME && p->tok.word == w;
}
/* From pos to the end of the last token. */
struct place parse_since(const struct parser *p, uint32_t pos);

/* Reports; all give NULL. parse_fail_expected: something else (`what`) should stand here.
 * parse_fail_value: the same where a name could, too. parse_fail_negated: behind x NOT.
 * parse_fail_operator: behind a whole value, where `closing` is the other possibility. */
struct node *parse_fail_expected(struct parser *p, const char *what);
struct node *parse_fail_value(struct parser *p, const char *what);
struct node *parse_fail_negated(struct parser *p);
struct node *parse_fail_is(struct parser *p); /* behind x IS and x IS NOT */
struct node *parse_fail_operator(struct parser *p, const char *closing);
/* Behind a complete condition: takes the closing token or reports what stands there instead. */
bool parse_close(struct parser *p, enum tok kind, const char *closing);

bool parse_enter(struct parser *p);
static inline void parse_leave(struct parser *p) { p->nest--; }

/* A whole condition (parse.c), and parts of one: the comparison that stands here or OP_COUNT; what
 * stands behind IS, taken with it, or OP_COUNT after a report; NOT over n. */
struct node *parse_condition(struct parser *p);
enum op parse_comparison(const struct parser *p);
enum op parse_is(struct parser *p, bool *ret_negated);
struct node *parse_negate(struct parser *p, bool negated, struct node *n);
/* Rows of values (row.c): the rest of one, whose first value is followed by a comma; the test
 * behind one; where one cannot stand. */
bool parse_row(struct parser *p, struct node *first, struct operand *ret);
struct node *parse_row_test(struct parser *p, const struct operand *x);
struct node *parse_fail_row(struct parser *p, const struct operand *x);
/* Numbers the parameters of a finished tree with rows in the tree's order: both forms number them
 * so. Fails if that is not the text's order of ?. */
bool parse_number_params(struct parser *p, struct node *root);
/* A value (expression.c); for parse_value ANY(path) is an error. */
bool parse_operand(struct parser *p, struct operand *ret);
struct node *parse_value(struct parser *p);
/* A name and its arguments; CASE. */
struct node *parse_call(struct parser *p);
struct node *parse_case(struct parser *p);
/* A value that is no operator's (operand.c). */
bool parse_atom(struct parser *p, struct operand *ret);
/* Whether a constant begins here, a sign before a number included. */
bool parse_at_constant(const struct parser *p);
/* Whether a constant stands here; takes it. False without a report if there is none. */
bool parse_constant(struct parser *p, struct value *ret, uint32_t *ret_depth);
/* ANY(path) or a row where it cannot stand: ANY(a) = ANY(b) and the like. */
struct node *parse_fail_operand(struct parser *p, const struct operand *o);
bool parse_at_path(const struct parser *p);

#endif

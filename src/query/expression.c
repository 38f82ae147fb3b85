/* See parse.h: values made of other values.
 *
 *   operand := unary {infix unary}, by the bonds of infix.h      unary := {- + ~} atom {:: type}
 *   call    := name ( condition {, condition} ) | CAST ( condition AS type ) | EXTRACT ( field FROM
 * .. ) case    := CASE [condition] {WHEN condition THEN condition} [ELSE condition] END
 *
 * A unary + changes nothing and leaves no node. Recursion goes through parse_enter or is bounded by
 * the number of bonds; chains of operators are loops, whose trees' depth the builder checks. */
#include "infix.h"
#include "interval.h"
#include "parse.h"

static struct place place_of(struct token t) { return (struct place){t.pos, t.length}; }

/* --- operators --- */

static struct node *call1(struct parser *p, enum fn fn, struct place at, struct node *x) {
    size_t mark = build_mark(&p->b);
    return build_push(&p->b, x) ? build_call(&p->b, fn, at, mark) : NULL;
}

static struct node *call2(struct parser *p, enum fn fn, struct place at, struct node *x,
                          struct node *y) {
    size_t mark = build_mark(&p->b);
    return build_push(&p->b, x) && build_push(&p->b, y) ? build_call(&p->b, fn, at, mark) : NULL;
}

/* The word that stands here as a constant string: the name of a type or of a field. */
static struct node *word(struct parser *p, const char *what) {
    struct token t = p->tok;
    struct str text;
    if (t.kind != TOK_NAME && t.kind != TOK_STRING)
        return parse_fail_expected(p, what);
    if (t.kind == TOK_NAME)
        text = token_text(p->b.source, t);
    else if (!literal_quoted(&p->b, t, &text))
        return NULL;
    parse_next(p);
    return build_literal(&p->b, place_of(t), value_str(text), 0);
}

/* A type of CAST. PostgreSQL's name of the double is two words. */
static struct node *type(struct parser *p) {
    struct token t = p->tok;
    struct node *n = word(p, "a type");
    if (t.kind == TOK_NAME && t.word == WORD_DOUBLE)
        parse_take_word(p, WORD_PRECISION);
    if (n && p->tok.kind == TOK_OPEN)
        build_fail(&p->b, E_BAD_ARGUMENT, place_of(p->tok), NULL,
                   "types have no size: integer, double, text, boolean and timestamp are there");
    return build_ok(&p->b) ? n : NULL;
}

/* atom {:: type}, which is CAST(atom AS type). */
static bool converted(struct parser *p, struct operand *ret) {
    bool ok = parse_atom(p, ret);
    while (ok && p->tok.kind == TOK_CAST) {
        if (!operand_is_value(ret))
            return parse_fail_operand(p, ret) != NULL;
        parse_next(p);
        size_t mark = build_mark(&p->b);
        ok = build_push(&p->b, ret->node) && build_push(&p->b, type(p));
        ret->node = ok ? build_call(&p->b, FN_cast, parse_since(p, ret->pos), mark) : NULL;
        ok = ret->node != NULL;
    }
    return ok;
}

static bool is_sign(enum tok kind) {
    return kind == TOK_MINUS || kind == TOK_PLUS || kind == TOK_TILDE;
}

/* {sign} atom: the signs are read again from the last to the first once the atom is known, so that
 * a long run of them needs no recursion. */
static bool unary(struct parser *p, struct operand *ret) {
    if (!is_sign(p->tok.kind))
        return converted(p, ret);
    *ret = (struct operand){.quant = OP_COUNT, .pos = p->tok.pos};
    struct buf signs = {.budget = p->b.kids.budget};
    struct operand inner = {0};
    bool ok = build_ok(&p->b);
    bool looked = false; /* behind this run of - and +, where there is no number */
    while (ok && is_sign(p->tok.kind)) {
        if (p->tok.kind == TOK_TILDE)
            looked = false;
        else if (!looked && parse_at_constant(p))
            break;
        else
            looked = true;
        buf_add(&signs, &p->tok, sizeof p->tok);
        parse_next(p);
        ok = !buf_failed(&signs) || build_no_memory(&p->b) == E_OK;
    }
    ok = ok && converted(p, &inner);
    if (ok && !operand_is_value(&inner))
        ok = parse_fail_operand(p, &inner) != NULL;
    struct node *n = inner.node;
    for (size_t i = signs.len / sizeof p->tok; ok && i-- > 0;) {
        struct token t;
        memcpy(&t, signs.data + i * sizeof t, sizeof t);
        if (t.kind != TOK_PLUS)
            n = call1(p, t.kind == TOK_MINUS ? FN_negate : FN_bit_not, parse_since(p, t.pos), n);
        ok = n != NULL;
    }
    buf_done(&signs);
    ret->node = n;
    return ok;
}

/* x + INTERVAL '...', of which the operator has been taken. */
static struct node *moved(struct parser *p, const struct operand *left, bool negative) {
    struct interval by;
    struct str text;
    uint32_t pos = p->tok.pos;
    parse_next(p); /* INTERVAL */
    if (!literal_quoted(&p->b, p->tok, &text) || !interval_read(&p->b, p->tok, text, negative, &by))
        return NULL;
    parse_next(p);
    struct place at = parse_since(p, pos);
    size_t mark = build_mark(&p->b);
    bool ok = build_push(&p->b, left->node) &&
              build_push(&p->b, build_literal(&p->b, at, value_int(by.months), 0)) &&
              build_push(&p->b, build_literal(&p->b, at, value_int(by.seconds), 0)) &&
              build_push(&p->b, build_literal(&p->b, at, value_int(by.nanoseconds), 0));
    return ok ? build_call(&p->b, FN_ts_add, parse_since(p, left->pos), mark) : NULL;
}

static bool at_interval(const struct parser *p) {
    return parse_at(p, WORD_INTERVAL) && parse_peek(p).kind == TOK_STRING;
}

/* Operators that bind at least as tightly as `least`. */
static bool chain(struct parser *p, enum bond least, struct operand *ret) {
    if (!unary(p, ret))
        return false;
    const struct infix *infix;
    while ((infix = infix_at(p->tok.kind)) && infix->bond >= least) {
        struct operand right;
        if (!operand_is_value(ret))
            return parse_fail_operand(p, ret) != NULL;
        parse_next(p);
        if (infix->bond == BOND_SUM && at_interval(p)) {
            ret->node = moved(p, ret, infix->fn == FN_subtract);
        } else {
            if (!chain(p, infix->bond + 1, &right))
                return false;
            if (!operand_is_value(&right))
                return parse_fail_operand(p, &right) != NULL;
            ret->node = call2(p, infix->fn, parse_since(p, ret->pos), ret->node, right.node);
        }
        if (!ret->node)
            return false;
    }
    return true;
}

bool parse_operand(struct parser *p, struct operand *ret) { return chain(p, BOND_OPERAND, ret); }

struct node *parse_value(struct parser *p) {
    struct operand o;
    if (!parse_operand(p, &o))
        return NULL;
    return operand_is_value(&o) ? o.node : parse_fail_operand(p, &o);
}

/* --- calls --- */

/* CAST(x AS type); the parenthesis has been taken. */
static struct node *cast(struct parser *p, enum fn fn, uint32_t pos) {
    size_t mark = build_mark(&p->b);
    if (!build_push(&p->b, parse_condition(p)))
        return NULL;
    if (!parse_take_word(p, WORD_AS))
        return parse_fail_operator(p, "AS");
    if (!build_push(&p->b, type(p)) || !parse_expect(p, TOK_CLOSE, "\")\""))
        return NULL;
    return build_call(&p->b, fn, parse_since(p, pos), mark);
}

/* EXTRACT(field FROM x) is date_part('field', x). */
static struct node *extract(struct parser *p, uint32_t pos) {
    size_t mark = build_mark(&p->b);
    if (parse_at(p, WORD_FROM) || !build_push(&p->b, word(p, "a field of a timestamp")))
        return parse_fail_expected(p, "a field of a timestamp");
    if (!parse_take_word(p, WORD_FROM))
        return parse_fail_expected(p, "FROM");
    if (!build_push(&p->b, parse_condition(p)) || !parse_close(p, TOK_CLOSE, "\")\""))
        return NULL;
    return build_call(&p->b, FN_date_part, parse_since(p, pos), mark);
}

static bool arguments(struct parser *p) {
    if (p->tok.kind != TOK_CLOSE) {
        do {
            if (!build_push(&p->b, parse_condition(p)))
                return false;
        } while (parse_take(p, TOK_COMMA));
    }
    return parse_close(p, TOK_CLOSE, "\",\" or \")\"");
}

static struct node *unknown_function(struct parser *p, struct token name) {
    struct str s = token_text(p->b.source, name);
    char shown[48];
    error_text(shown, sizeof shown, s.p, s.n);
    const char *reason = function_absent(s);
    build_fail(&p->b, E_UNKNOWN_FUNCTION, place_of(name),
               reason ? NULL : word_suggest(s, PLACE_FUNCTION | PLACE_PREFIX),
               "no function \"%s\"%s%s", shown, reason ? ": " : "", reason ? reason : "");
    return NULL;
}

struct node *parse_call(struct parser *p) {
    struct token name = p->tok;
    enum op op = name.word == WORD_STARTS_WITH ? OP_STARTS_WITH
                 : name.word == WORD_ENDS_WITH ? OP_ENDS_WITH
                 : name.word == WORD_CONTAINS  ? OP_CONTAINS
                                               : OP_COUNT;
    enum fn fn = fn_named(token_text(p->b.source, name));
    if (op == OP_COUNT && fn == FN_COUNT && name.word != WORD_EXTRACT)
        return unknown_function(p, name);
    if (!parse_enter(p))
        return NULL;
    parse_next(p);
    parse_next(p); /* the parenthesis */
    size_t mark = build_mark(&p->b);
    struct node *n = NULL;
    if (fn == FN_cast || fn == FN_try_cast)
        n = cast(p, fn, name.pos);
    else if (name.word == WORD_EXTRACT)
        n = extract(p, name.pos);
    else if (arguments(p))
        n = op != OP_COUNT ? build_op(&p->b, op, parse_since(p, name.pos), mark)
                           : build_call(&p->b, fn, parse_since(p, name.pos), mark);
    parse_leave(p);
    return n;
}

/* --- CASE --- */

/* WHEN condition THEN value; behind CASE x a value of x in place of the condition. */
static bool branch(struct parser *p) {
    if (!build_push(&p->b, parse_condition(p)))
        return false;
    if (!parse_take_word(p, WORD_THEN))
        return parse_fail_operator(p, "THEN") != NULL;
    return build_push(&p->b, parse_condition(p));
}

struct node *parse_case(struct parser *p) {
    uint32_t pos = p->tok.pos;
    size_t mark = build_mark(&p->b);
    if (!parse_enter(p))
        return NULL;
    parse_next(p);
    bool of = !parse_at(p, WORD_WHEN);
    if (of && !build_push(&p->b, parse_condition(p)))
        return NULL;
    if (!parse_at(p, WORD_WHEN))
        return parse_fail_operator(p, "WHEN");
    while (parse_take_word(p, WORD_WHEN))
        if (!branch(p))
            return NULL;
    if (parse_take_word(p, WORD_ELSE) && !build_push(&p->b, parse_condition(p)))
        return NULL;
    if (!parse_take_word(p, WORD_END))
        return parse_fail_operator(p, "WHEN, ELSE or END");
    parse_leave(p);
    return build_case(&p->b, of, parse_since(p, pos), mark);
}

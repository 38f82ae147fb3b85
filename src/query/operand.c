/* See parse.h: the values that are not made by operators.
 *
 * Such a value is a constant, a path, a parameter, a quantifier, a condition in parentheses, or a
 * call or CASE, which expression.c reads. Words like any or timestamp are keywords only where what
 * follows makes them so; else they are fields. */
#include "parse.h"

#include "constant.h"

static struct place place_of(struct token t) { return (struct place){t.pos, t.length}; }

/* --- names, paths, parameters --- */

static bool at_name(const struct parser *p) {
    return p->tok.kind == TOK_QUOTED || p->tok.kind == TOK_HEX_NAME ||
           (p->tok.kind == TOK_NAME && !word_is_reserved(p->tok.word));
}

bool parse_at_path(const struct parser *p) { return at_name(p); }

/* The name that stands here, also a reserved word; takes it. */
static bool take_name(struct parser *p, struct str *ret) {
    struct token t = p->tok;
    bool ok = t.kind == TOK_QUOTED     ? literal_quoted(&p->b, t, ret)
              : t.kind == TOK_HEX_NAME ? literal_hex(&p->b, t, ret)
                                       : true;
    if (t.kind == TOK_NAME)
        *ret = token_text(p->b.source, t);
    if (ok)
        parse_next(p);
    return ok;
}

static bool dot_step(struct parser *p) {
    struct str key;
    if (!at_name(p)) {
        parse_fail_value(p, "a key");
        return false;
    }
    return take_name(p, &key) && build_push_step(&p->b, key, 0);
}

static bool index_step(struct parser *p) {
    struct value v;
    struct token t = p->tok;
    if (!literal_number(&p->b, t, place_of(t), false, &v))
        return false;
    if (t.kind != TOK_INTEGER || v.type != T_INT || v.w.i > UINT32_MAX) {
        build_fail(&p->b, E_BAD_LITERAL, place_of(t), NULL,
                   "an index is a whole number from 0 to 4294967295");
        return false;
    }
    parse_next(p);
    return build_push_step(&p->b, (struct str){0}, (uint32_t)v.w.i);
}

/* [0], ['key'], ["key"]; the bracket is taken. */
static bool bracket_step(struct parser *p) {
    struct str key;
    bool ok;
    if (p->tok.kind == TOK_INTEGER || p->tok.kind == TOK_REAL) {
        ok = index_step(p);
    } else if (p->tok.kind == TOK_STRING) {
        ok = literal_quoted(&p->b, p->tok, &key) && build_push_step(&p->b, key, 0);
        parse_next(p);
    } else if (p->tok.kind == TOK_QUOTED || p->tok.kind == TOK_HEX_NAME) {
        ok = take_name(p, &key) && build_push_step(&p->b, key, 0);
    } else if (p->tok.kind == TOK_MINUS) {
        build_fail(&p->b, E_BAD_LITERAL, place_of(p->tok), NULL,
                   "an index counts from 0; there are no negative ones");
        return false;
    } else {
        parse_fail_expected(p, "an index or a quoted key");
        return false;
    }
    return ok && parse_expect(p, TOK_CLOSE_BOX, "\"]\"");
}

/* The quantifier whose element a path that begins with name belongs to, or NULL: the row. */
static const struct binder *bound(const struct parser *p, struct str name) {
    for (const struct binder *x = p->binders; x; x = x->outer)
        if (x->name.p && str_eq(x->name, name))
            return x;
    return NULL;
}

static struct node *path(struct parser *p) {
    uint32_t pos = p->tok.pos;
    size_t mark = p->b.steps.len;
    struct str name;
    bool quoted = p->tok.kind == TOK_QUOTED;
    if (!take_name(p, &name))
        return NULL;
    const struct binder *binder = bound(p, name);
    bool ok = binder || build_push_step(&p->b, name, 0);
    while (ok) {
        if (p->tok.kind == TOK_REAL && p->b.source.p[p->tok.pos] == '.') {
            build_fail(&p->b, E_SYNTAX, place_of(p->tok), NULL,
                       "a key that begins with a digit needs double quotes; an index is written "
                       "[0]");
            return NULL;
        }
        if (parse_take(p, TOK_DOT))
            ok = dot_step(p);
        else if (parse_take(p, TOK_OPEN_BOX))
            ok = bracket_step(p);
        else
            break;
    }
    struct node *n =
        ok ? build_path(&p->b, parse_since(p, pos), binder ? binder->id : 0, mark) : NULL;
    if (n)
        n->quoted = quoted && !binder && n->path.n == 1;
    return n;
}

static struct node *param(struct parser *p) {
    uint32_t pos = p->tok.pos;
    struct str name = {0};
    if (!parse_take(p, TOK_QUESTION)) {
        parse_next(p); /* the colon */
        bool named = p->tok.kind == TOK_NAME || at_name(p);
        if (!named || p->tok.pos != pos + 1)
            return parse_fail_expected(p, "the name of a parameter");
        if (!take_name(p, &name))
            return NULL;
    }
    return build_param(&p->b, parse_since(p, pos), name);
}

/* --- constants --- */

static bool constant_item(struct parser *p, struct buf *out);

/* Behind the signs that stand here there is a number. */
static bool signs_number(const struct parser *p) {
    struct token t = p->tok;
    while (t.kind == TOK_PLUS || t.kind == TOK_MINUS)
        t = lex_at(p->b.source, t.pos + (size_t)t.length);
    return t.kind == TOK_INTEGER || t.kind == TOK_REAL;
}

bool parse_at_constant(const struct parser *p) {
    switch (p->tok.kind) {
    case TOK_PLUS:
    case TOK_MINUS:
        return signs_number(p);
    case TOK_INTEGER:
    case TOK_REAL:
    case TOK_STRING:
    case TOK_BINARY:
    case TOK_OPEN_BOX:
    case TOK_OPEN_MAP:
        return true;
    case TOK_NAME:
        break;
    default:
        return false;
    }
    switch (p->tok.word) {
    case WORD_TRUE:
    case WORD_FALSE:
    case WORD_NULL:
        return true;
    case WORD_TIMESTAMP:
    case WORD_DOUBLE:
        return parse_peek(p).kind == TOK_STRING;
    case WORD_STR:
        return parse_peek(p).kind == TOK_BINARY;
    case WORD_EXT:
        return parse_peek(p).kind == TOK_OPEN;
    default:
        return false;
    }
}

static bool signed_number(struct parser *p, struct value *ret) {
    bool negative = false;
    struct token first = p->tok;
    while (p->tok.kind == TOK_PLUS || p->tok.kind == TOK_MINUS) {
        negative ^= p->tok.kind == TOK_MINUS;
        parse_next(p);
    }
    if (p->tok.kind != TOK_INTEGER && p->tok.kind != TOK_REAL) {
        parse_fail_expected(p, "a number"); /* only EXT asks without having looked */
        return false;
    }
    struct token t = p->tok;
    parse_next(p);
    return literal_number(&p->b, t, parse_since(p, first.pos), negative, ret);
}

static bool ext(struct parser *p, struct value *ret) {
    uint32_t pos = p->tok.pos;
    struct value type;
    struct str data;
    parse_next(p);
    parse_next(p); /* the parenthesis */
    if (p->tok.kind != TOK_INTEGER && p->tok.kind != TOK_PLUS && p->tok.kind != TOK_MINUS) {
        parse_fail_expected(p, "the number of an extension type");
        return false;
    }
    if (!signed_number(p, &type))
        return false;
    if (type.type != T_INT) {
        build_fail(&p->b, E_BAD_LITERAL, parse_since(p, p->last.pos), NULL,
                   "an extension type is from -128 to 127");
        return false;
    }
    if (!parse_expect(p, TOK_COMMA, "\",\""))
        return false;
    if (p->tok.kind != TOK_BINARY) {
        parse_fail_expected(p, "a binary X'..'");
        return false;
    }
    if (!literal_hex(&p->b, p->tok, &data))
        return false;
    parse_next(p);
    return parse_expect(p, TOK_CLOSE, "\")\"") &&
           literal_ext(&p->b, parse_since(p, pos), type.w.i, data, ret);
}

/* Constants of one word or token. */
static bool scalar(struct parser *p, struct value *ret) {
    struct token t = p->tok;
    struct str s;
    if (t.kind == TOK_STRING || t.kind == TOK_BINARY) {
        if (!(t.kind == TOK_STRING ? literal_quoted : literal_hex)(&p->b, t, &s))
            return false;
        *ret = value_bytes(t.kind == TOK_STRING ? T_STR : T_BIN, s.p, (uint32_t)s.n);
        parse_next(p);
        return true;
    }
    if (t.kind != TOK_NAME)
        return signed_number(p, ret);
    if (t.word == WORD_EXT)
        return ext(p, ret);
    parse_next(p);
    if (t.word == WORD_NULL) {
        *ret = value_null();
        return true;
    }
    if (t.word == WORD_TRUE || t.word == WORD_FALSE) {
        *ret = value_bool(t.word == WORD_TRUE);
        return true;
    }
    bool ok;
    if (t.word == WORD_TIMESTAMP) {
        ok = literal_timestamp(&p->b, p->tok, ret);
    } else if (t.word == WORD_DOUBLE) {
        ok = literal_special_double(&p->b, p->tok, ret);
    } else {
        ok = literal_hex(&p->b, p->tok, &s);
        if (ok)
            *ret = value_bytes(T_STR, s.p, (uint32_t)s.n);
    }
    parse_next(p);
    return ok;
}

/* [a, b] or {k: v, ...}: encoded with a header whose count is filled in at the end. */
static bool container(struct parser *p, struct buf *out) {
    bool map = p->tok.kind == TOK_OPEN_MAP;
    enum tok closing = map ? TOK_CLOSE_MAP : TOK_CLOSE_BOX;
    const char *end = map ? "\",\" or \"}\"" : "\",\" or \"]\"";
    if (!parse_enter(p))
        return false;
    parse_next(p);
    size_t header = out->len;
    uint32_t count = 0;
    buf_add(out, map ? "\xDF\0\0\0" : "\xDD\0\0\0", 5);
    bool more = p->tok.kind != closing;
    for (; more && build_ok(&p->b); count++) {
        if (!constant_item(p, out))
            return false;
        if (map && (!parse_expect(p, TOK_COLON, "\":\"") || !constant_item(p, out)))
            return false;
        more = parse_take(p, TOK_COMMA);
    }
    if (!parse_expect(p, closing, end))
        return false;
    if (buf_failed(out)) {
        build_no_memory(&p->b);
        return false;
    }
    for (int i = 0; i < 4; i++)
        out->data[header + 1 + (size_t)i] = (uint8_t)(count >> (24 - 8 * i));
    parse_leave(p);
    return true;
}

static bool constant_item(struct parser *p, struct buf *out) {
    if (p->tok.kind == TOK_OPEN_BOX || p->tok.kind == TOK_OPEN_MAP)
        return container(p, out);
    struct value v;
    if (!parse_at_constant(p)) {
        parse_fail_expected(p, "a constant");
        return false;
    }
    if (!scalar(p, &v))
        return false;
    mp_write_value(out, v);
    return true;
}

bool parse_constant(struct parser *p, struct value *ret, uint32_t *ret_depth) {
    *ret_depth = 0;
    if (!build_ok(&p->b) || !parse_at_constant(p))
        return false;
    if (p->tok.kind != TOK_OPEN_BOX && p->tok.kind != TOK_OPEN_MAP)
        return scalar(p, ret);
    struct buf raw = {.budget = p->b.kids.budget};
    bool ok = container(p, &raw);
    if (ok) {
        struct mp_reader r;
        mp_reader_init(&r, raw.data, raw.len, MP_DEPTH_MOST);
        ok = constant_read(&p->b, &r, MP_DEPTH_MOST, ret, ret_depth);
    }
    buf_done(&raw);
    return ok;
}

/* --- quantifiers --- */

static struct node *array_path(struct parser *p, enum op quant, struct node *n) {
    if (n && n->kind != NODE_PATH)
        build_fail(&p->b, E_BAD_ARGUMENT, (struct place){n->pos, n->length}, NULL,
                   "%s needs a path to an array", op_info(quant)->text);
    return build_ok(&p->b) ? n : NULL;
}

/* ANY e IN path SATISFIES condition END */
static struct node *named_quantifier(struct parser *p, enum op quant) {
    uint32_t pos = p->tok.pos;
    struct binder binder = {.outer = p->binders, .id = ++p->n_binders};
    if (!parse_enter(p))
        return NULL;
    parse_next(p);
    if (!take_name(p, &binder.name))
        return NULL;
    parse_next(p); /* IN */
    struct node *array = array_path(p, quant, parse_value(p));
    if (!array)
        return NULL;
    if (!parse_take_word(p, WORD_SATISFIES)) {
        parse_fail_expected(p, "SATISFIES");
        build_suggest(&p->b, "SATISFIES");
        return NULL;
    }
    p->binders = &binder;
    struct node *predicate = parse_condition(p);
    p->binders = binder.outer;
    if (!predicate)
        return NULL;
    if (!parse_take_word(p, WORD_END))
        return parse_fail_operator(p, "END");
    parse_leave(p);
    struct node *n = build_op2(&p->b, quant, parse_since(p, pos), array, predicate);
    if (n) {
        n->var = binder.name;
        n->scope = binder.id;
    }
    return n;
}

/* ANY(path), whose operator follows. */
static bool open_quantifier(struct parser *p, enum op quant, struct operand *ret) {
    ret->quant = quant;
    ret->id = ++p->n_binders;
    if (!parse_enter(p))
        return false;
    parse_next(p);
    parse_next(p); /* the parenthesis */
    ret->array = array_path(p, quant, parse_condition(p));
    if (!ret->array || !parse_close(p, TOK_CLOSE, "\")\""))
        return false;
    parse_leave(p);
    ret->node = build_path(&p->b, parse_since(p, ret->pos), ret->id, p->b.steps.len);
    return ret->node != NULL;
}

/* A condition, or a row of values. */
static bool parenthesised(struct parser *p, struct operand *ret) {
    if (!parse_enter(p))
        return false;
    parse_next(p);
    ret->node = parse_condition(p);
    bool row = ret->node && p->tok.kind == TOK_COMMA;
    if (row ? !parse_row(p, ret->node, ret) : !ret->node || !parse_close(p, TOK_CLOSE, "\")\""))
        return false;
    parse_leave(p);
    return true;
}

/* --- a value --- */

/* Behind ANY or EVERY: a name and IN make it the quantifier. */
static bool names_element(const struct parser *p) {
    struct token name = parse_peek(p);
    if (name.kind == TOK_NAME ? word_is_reserved(name.word)
                              : name.kind != TOK_QUOTED && name.kind != TOK_HEX_NAME)
        return false;
    struct token in = lex_at(p->b.source, name.pos + (size_t)name.length);
    return in.kind == TOK_NAME && in.word == WORD_IN;
}

static bool named(struct parser *p, struct operand *ret) {
    enum op quant = p->tok.word == WORD_ANY     ? OP_ANY
                    : p->tok.word == WORD_EVERY ? OP_EVERY
                                                : OP_COUNT;
    bool is_call = p->tok.kind == TOK_NAME && parse_peek(p).kind == TOK_OPEN;
    if (quant != OP_COUNT && is_call)
        return open_quantifier(p, quant, ret);
    if (quant != OP_COUNT && names_element(p))
        ret->node = named_quantifier(p, quant);
    else
        ret->node = is_call ? parse_call(p) : path(p);
    return ret->node != NULL;
}

bool parse_atom(struct parser *p, struct operand *ret) {
    *ret = (struct operand){.quant = OP_COUNT, .pos = p->tok.pos};
    if (!build_ok(&p->b))
        return false;
    struct value v;
    uint32_t depth;
    if (parse_constant(p, &v, &depth))
        ret->node = build_literal(&p->b, parse_since(p, ret->pos), v, depth);
    else if (!build_ok(&p->b))
        return false;
    else if (at_name(p))
        return named(p, ret);
    else if (p->tok.kind == TOK_OPEN)
        return parenthesised(p, ret);
    else if (parse_at(p, WORD_CASE))
        ret->node = parse_case(p);
    else if (p->tok.kind == TOK_QUESTION || p->tok.kind == TOK_COLON)
        ret->node = param(p);
    else
        parse_fail_value(p, p->last.length == 0 ? "a condition" : "a value");
    return ret->node != NULL;
}

struct node *parse_fail_operand(struct parser *p, const struct operand *o) {
    if (o->n_items > 0)
        return parse_fail_row(p, o);
    build_fail(&p->b, E_BAD_ARGUMENT, (struct place){o->node->pos, o->node->length}, NULL,
               "%s(...) can stand left of any test, and right of a comparison whose left side is "
               "none; else write %s e IN ... SATISFIES ... END",
               op_info(o->quant)->text, op_info(o->quant)->text);
    return NULL;
}

/* Query tree -> predicates: REGEXP. See lower.h.
 *
 * The pattern and its flags are constants or parameters: a pattern from a field would have to be
 * compiled for every row, and a fault in it could not be told. Compiled patterns are not in the
 * arena; they are put into the plan's list, and freed with it. */
#include "plan/lower.h"

/* Where the character at byte `at` of the string that node n is stands in the query; false if it
 * stands nowhere, as in a parameter. */
static bool place_in_string(const struct compiler *c, const struct node *n, uint64_t at,
                            uint64_t *ret, uint64_t *ret_length) {
    if (n->kind != NODE_LITERAL || n->value.type != T_STR || at >= n->value.n)
        return false;
    *ret_length = 1;
    while (at + *ret_length < n->value.n && (n->value.w.p[at + *ret_length] & 0xC0) == 0x80)
        ++*ret_length;
    if (c->query->structured) { /* a header and the bytes */
        *ret = n->pos + n->length - n->value.n + at;
        return true;
    }
    uint64_t before = 0, quotes = 0; /* each written twice */
    for (uint32_t i = 0; i < n->value.n; i++) {
        before += n->value.w.p[i] == '\'' && i < at;
        quotes += n->value.w.p[i] == '\'';
    }
    *ret = n->pos + 1 + at + before;
    return n->length == n->value.n + quotes + 2; /* else STR X'..' */
}

/* The report that regex_compile has made of the string that node n is. */
static void *fail_reported(struct compiler *c, const struct node *n, enum status status) {
    struct error *e = c->error;
    if (e && e->status == status && (e->pos == ERROR_NONE || e->length == 0)) {
        uint64_t at, length;
        if (e->pos != ERROR_NONE && place_in_string(c, n, e->pos, &at, &length)) {
            error_text(e->near_text, sizeof e->near_text, (const char *)n->value.w.p + e->pos,
                       length);
            e->pos = at;
            e->length = length;
        } else {
            e->pos = ERROR_NONE;
            compile_place(c, n, status);
        }
    }
    return compile_fail(c, status);
}

/* The flags operand. False with *ret_unknown set: it is null. */
static bool flags_of(struct compiler *c, const struct node *n, unsigned *ret, bool *ret_unknown) {
    *ret = 0;
    *ret_unknown = false;
    if (n->n_kids < 3)
        return true;
    const struct node *f = n->kids[2];
    if (f->kind != NODE_LITERAL && f->kind != NODE_PARAM)
        return compile_fail_at(c, f, E_BAD_ARGUMENT, "FLAGS needs a constant or a parameter") !=
               NULL;
    struct value v = f->kind == NODE_LITERAL ? f->value : c->params[f->param];
    if (value_is_null(v)) {
        *ret_unknown = true;
        return true;
    }
    if (v.type != T_STR || !regex_flags(value_as_str(v), ret))
        return compile_fail_at(c, f, E_BAD_ARGUMENT,
                               "the flags of REGEXP are a string of the letters i (case does not "
                               "matter), m (^ and $ match at lines) and s (. matches newline)") !=
               NULL;
    return true;
}

static const struct regex *compile_pattern(struct compiler *c, const struct node *n,
                                           struct str pattern, unsigned flags) {
    struct regex *r;
    uint64_t cost = regex_cost_bytes(pattern);
    if (c->regex_bytes + cost > c->limits->regex_bytes) {
        error_limit(c->error, E_REGEX_TOO_LARGE, "regex_bytes", c->limits->regex_bytes,
                    c->regex_bytes + cost);
        return fail_reported(c, n, E_REGEX_TOO_LARGE);
    }
    enum status status = regex_compile(pattern, flags, c->arena->budget, &r, c->error);
    if (status != E_OK)
        return fail_reported(c, n, status);
    c->regex_bytes += cost;
    *c->regexes = regex_push(*c->regexes, r);
    return r;
}

static struct pred *with_pattern(struct compiler *c, const struct node *n, const struct operand *x,
                                 const struct regex *r) {
    if (x->is_const) {
        bool failed = false;
        bool t = x->value.type == T_STR && regex_match(r, x->value.w.p, x->value.n, &failed);
        return pred_const(c, x->value.type != T_STR || failed ? UNKNOWN_ : truth_of(t), n);
    }
    struct pred *p = pred_new(c, PRED_TERM, n);
    if (!p)
        return NULL;
    static const enum term_shape SHAPES[] = {[REGEX_CONTAINS] = TERM_CONTAINS,
                                             [REGEX_PREFIX] = TERM_STARTS,
                                             [REGEX_SUFFIX] = TERM_ENDS,
                                             [REGEX_GENERAL] = TERM_REGEXP};
    p->x = x->column;
    p->term[0] = (struct term){
        .shape = SHAPES[regex_shape(r)], .regex = r, .k = value_str(regex_literal(r))};
    p->term[1] = p->term[0];
    p->term[0].want = FALSE_;
    p->term[1].want = TRUE_;
    return p;
}

struct pred *lower_regexp(struct compiler *c, const struct node *n, struct scope *s) {
    struct operand o[2];
    unsigned flags;
    bool unknown;
    if (!operands_of(c, n, s, o, 2) || !flags_of(c, n, &flags, &unknown))
        return NULL;
    if (!o[1].is_const)
        return compile_fail_at(c, n->kids[1], E_BAD_ARGUMENT,
                               "the pattern of REGEXP must be a constant or a parameter");
    warn_no_text(c, n, &o[0], &o[1]);
    if (unknown || o[1].value.type != T_STR)
        return pred_const(c, UNKNOWN_, n);
    const struct regex *r = compile_pattern(c, n->kids[1], value_as_str(o[1].value), flags);
    return r ? pred_with_operands(c, with_pattern(c, n, &o[0], r), o, 2) : NULL;
}

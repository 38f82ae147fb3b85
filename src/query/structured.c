/* The structured form (proto/QUERY.md): a query as one msgpack value, read and written.
 *
 * Read in one pass, recursive over levels that query_depth bounds; counts are believed only as far
 * as bytes are there (value/mp.h). Positions are byte offsets. */
#include "constant.h"
#include "words.h"

#include "base/utf8.h"

#include <strings.h>

struct source {
    struct build b;
    struct mp_reader r;
    uint32_t level;       /* nodes around what is read now, its own array included */
    uint32_t quantifiers; /* around it */
};

static uint32_t here(const struct source *s) { return (uint32_t)(s->r.p - s->r.start); }

static struct place since(const struct source *s, uint32_t pos) {
    return (struct place){pos, here(s) - pos};
}

/* Where one value stands, for reports; 1 byte if it is broken itself. */
static struct place next_place(const struct source *s) {
    struct mp_reader r = s->r;
    r.depth_limit = MP_DEPTH_MOST;
    mp_skip(&r);
    uint32_t n = r.status == E_OK ? (uint32_t)(r.p - s->r.p) : !mp_at_end(&s->r);
    return (struct place){here(s), n};
}

static void near(struct source *s, struct place at, const char *text, size_t n) {
    struct error *e = s->b.error;
    if (e && e->status == s->b.status && e->pos == at.pos && !e->near_text[0])
        error_text(e->near_text, sizeof e->near_text, text, n);
}

/* The value that stands next is not what it must be. */
static struct node *fail_next(struct source *s, const char *expected) {
    struct place at = next_place(s);
    enum value_type type = mp_peek(&s->r);
    if (type == T_MISSING) { /* nothing, or nothing well-formed */
        mp_skip(&s->r);
        return NULL; /* reader_ok reports it */
    }
    const char *name = value_type_name(type);
    build_fail(&s->b, E_BAD_STRUCTURE, at, NULL, "expected %s, found a value of type %s", expected,
               name);
    near(s, at, name, strlen(name));
    return NULL;
}

/* Turns the reader's failure into ours. */
static bool reader_ok(struct source *s) {
    if (s->r.status == E_OK)
        return build_ok(&s->b);
    uint32_t pos = (uint32_t)mp_offset(&s->r);
    struct place at = {pos, pos < s->b.source.n};
    if (s->r.status == E_ROW_TOO_DEEP)
        build_limit(&s->b, E_QUERY_TOO_DEEP, at, "query_depth", s->b.limits->query_depth,
                    ERROR_NONE);
    else if (s->r.status == E_ROW_TRUNCATED)
        build_fail(&s->b, E_BAD_STRUCTURE, at, NULL,
                   "the structured query ends inside a value that begins at byte %u", pos);
    else
        build_fail(&s->b, E_BAD_STRUCTURE, at, NULL,
                   "byte %u of the structured query is no valid msgpack", pos);
    return false;
}

static struct node *read_node(struct source *s);

/* --- the forms that are no operator --- */

static bool read_steps(struct source *s, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        enum value_type type = mp_peek(&s->r);
        struct place at = next_place(s);
        if (type != T_STR && type != T_INT) {
            fail_next(s, "a key or an index");
            return reader_ok(s);
        }
        struct value v = mp_read_value(&s->r);
        if (!reader_ok(s))
            return false;
        if (v.type == T_STR) {
            if (!build_push_step(&s->b, value_as_str(v), 0))
                return false;
            continue;
        }
        if (v.type != T_INT || v.w.i < 0 || v.w.i > UINT32_MAX) {
            build_fail(&s->b, E_BAD_STRUCTURE, at, NULL, "an index is from 0 to 4294967295");
            return false;
        }
        if (!build_push_step(&s->b, (struct str){0}, (uint32_t)v.w.i))
            return false;
    }
    return true;
}

static struct node *read_path(struct source *s, uint32_t pos, uint32_t n) {
    size_t mark = s->b.steps.len;
    if (n > 0 && mp_peek(&s->r) != T_STR)
        fail_next(s, "the key that a path of the row begins with");
    else if (n == 0)
        build_fail(&s->b, E_BAD_STRUCTURE, since(s, pos), NULL,
                   "a path of the row has at least one key");
    if (!reader_ok(s) || !read_steps(s, n))
        return NULL;
    return build_path(&s->b, since(s, pos), 0, mark);
}

/* ["element", step...] and ["outer", k, step...] */
static struct node *read_element(struct source *s, uint32_t pos, uint32_t n, bool outer) {
    uint64_t k = 0;
    if (outer) {
        if (n == 0 || mp_peek(&s->r) != T_INT) {
            if (n > 0)
                fail_next(s, "the number of quantifiers to step out of");
            else
                build_fail(&s->b, E_BAD_STRUCTURE, since(s, pos), NULL,
                           "\"outer\" needs the number of quantifiers to step out of");
            reader_ok(s);
            return NULL;
        }
        struct place at = next_place(s);
        struct value v = mp_read_value(&s->r);
        n--;
        if (v.type != T_INT || v.w.i < 1) {
            build_fail(&s->b, E_BAD_STRUCTURE, at, NULL,
                       "\"outer\" steps out of 1 quantifier or more");
            return NULL;
        }
        k = (uint64_t)v.w.i;
    }
    size_t mark = s->b.steps.len;
    if (!read_steps(s, n))
        return NULL;
    struct place at = since(s, pos);
    if (k >= s->quantifiers) {
        build_fail(&s->b, E_BAD_STRUCTURE, at, NULL,
                   "no such element: there are %u quantifiers around it", s->quantifiers);
        return NULL;
    }
    return build_path(&s->b, at, (uint32_t)k + 1, mark);
}

static struct node *read_param(struct source *s, uint32_t pos, uint32_t n) {
    struct str name = {0};
    if (n > 1) {
        build_fail(&s->b, E_BAD_STRUCTURE, since(s, pos), NULL,
                   "\"param\" takes one name, or none for ?");
        return NULL;
    }
    if (n == 1) {
        if (mp_peek(&s->r) != T_STR) {
            fail_next(s, "the name of a parameter");
            reader_ok(s);
            return NULL;
        }
        name = value_as_str(mp_read_value(&s->r));
    }
    return build_param(&s->b, since(s, pos), name);
}

/* What a constant at this level may still nest. */
static uint32_t levels_left(const struct source *s) {
    uint64_t most = s->b.limits->query_depth;
    return most > s->level ? (uint32_t)(most - s->level) : 0;
}

static struct node *read_lit(struct source *s, uint32_t pos, uint32_t n) {
    struct value v;
    uint32_t depth;
    if (n != 1) {
        build_fail(&s->b, E_BAD_STRUCTURE, since(s, pos), NULL,
                   "\"lit\" takes one constant, not %u", n);
        return NULL;
    }
    if (!constant_read(&s->b, &s->r, levels_left(s), &v, &depth)) {
        reader_ok(s);
        return NULL;
    }
    return build_literal(&s->b, since(s, pos), v, depth);
}

/* --- lists --- */

static bool is_scalar(enum value_type type) {
    return type != T_MISSING && type != T_ARRAY && type != T_MAP && type != T_EXT;
}

/* ["list", item...]; scalar items need no node of their own. */
static struct node *read_list(struct source *s, uint32_t pos, uint32_t n) {
    size_t mark = build_mark(&s->b), values_mark = s->b.values.len;
    uint32_t depth = 0;
    if (n > s->b.limits->list_items) {
        build_limit(&s->b, E_LIST_TOO_LONG, (struct place){pos, 1}, "list_items",
                    s->b.limits->list_items, n);
        return NULL;
    }
    for (uint32_t i = 0; i < n; i++) {
        struct value v;
        uint32_t constant_depth;
        if (is_scalar(mp_peek(&s->r))) {
            if (!constant_read(&s->b, &s->r, 0, &v, &constant_depth)) {
                reader_ok(s);
                return NULL;
            }
            if (!build_push_value(&s->b, v))
                return NULL;
            continue;
        }
        struct node *item = read_node(s);
        if (!item)
            return NULL;
        if (item->kind == NODE_LITERAL) {
            if (item->depth - 1 > depth)
                depth = item->depth - 1;
            s->b.q->n_nodes--;
            if (!build_push_value(&s->b, item->value))
                return NULL;
        } else if (!build_push(&s->b, item)) {
            return NULL;
        }
    }
    return build_list(&s->b, since(s, pos), mark, values_mark, depth);
}

/* The second operand of IN: ["list", ...] or ["param", ...]. */
static struct node *read_items(struct source *s) {
    uint32_t pos = here(s);
    if (mp_peek(&s->r) != T_ARRAY)
        return fail_next(s, "[\"list\", ...] or [\"param\", ...]");
    const struct mp_reader start = s->r;
    if (s->level + 1 > s->b.limits->query_depth) {
        build_limit(&s->b, E_QUERY_TOO_DEEP, (struct place){pos, 1}, "query_depth",
                    s->b.limits->query_depth, s->level + 1);
        return NULL;
    }
    uint32_t n = mp_read_array(&s->r);
    struct str name = {0};
    if (n > 0 && mp_peek(&s->r) == T_STR)
        name = value_as_str(mp_read_value(&s->r));
    if (!reader_ok(s))
        return NULL;
    if (name.n == 5 && strncasecmp(name.p, "param", 5) == 0)
        return read_param(s, pos, n - 1);
    if (name.n != 4 || strncasecmp(name.p, "list", 4) != 0) {
        s->r = start;
        build_fail(&s->b, E_BAD_STRUCTURE, next_place(s), "list",
                   "the second operand of \"in\" is [\"list\", ...] or [\"param\", ...]");
        return NULL;
    }
    s->level++;
    struct node *list = read_list(s, pos, n - 1);
    s->level--;
    return list;
}

/* --- operators --- */

static enum op op_named(struct str name) {
    for (int i = 0; i < OP_COUNT; i++) {
        const char *text = op_info((enum op)i)->structured;
        if (strlen(text) == name.n && strncasecmp(text, name.p, name.n) == 0)
            return (enum op)i;
    }
    return OP_COUNT;
}

static struct node *read_op(struct source *s, enum op op, uint32_t pos, uint32_t n) {
    bool quantifier = op == OP_ANY || op == OP_EVERY;
    size_t mark = build_mark(&s->b);
    for (uint32_t i = 0; i < n; i++) {
        s->quantifiers += quantifier && i == 1;
        bool pushed = build_push(&s->b, op == OP_IN && i == 1 ? read_items(s) : read_node(s));
        s->quantifiers -= quantifier && i == 1;
        if (!pushed)
            return NULL;
    }
    return build_op(&s->b, op, since(s, pos), mark);
}

static struct node *read_call(struct source *s, enum fn fn, uint32_t pos, uint32_t n) {
    size_t mark = build_mark(&s->b);
    for (uint32_t i = 0; i < n; i++)
        if (!build_push(&s->b, read_node(s)))
            return NULL;
    return build_call(&s->b, fn, since(s, pos), mark);
}

static struct node *read_case(struct source *s, bool of, uint32_t pos, uint32_t n) {
    size_t mark = build_mark(&s->b);
    for (uint32_t i = 0; i < n; i++)
        if (!build_push(&s->b, read_node(s)))
            return NULL;
    return build_case(&s->b, of, since(s, pos), mark);
}

enum form {
    FORM_PATH,
    FORM_ELEMENT,
    FORM_OUTER,
    FORM_PARAM,
    FORM_LIT,
    FORM_LIST,
    FORM_CASE,
    FORM_CASE_OF,
    FORM_NONE
};

static enum form form_named(struct str name) {
    static const char *const NAMES[] = {"path", "element", "outer", "param",
                                        "lit",  "list",    "case",  "case of"};
    for (int i = 0; i < FORM_NONE; i++)
        if (strlen(NAMES[i]) == name.n && strncasecmp(NAMES[i], name.p, name.n) == 0)
            return (enum form)i;
    return FORM_NONE;
}

static struct node *fail_name(struct source *s, struct str name, struct place at) {
    char shown[48];
    error_text(shown, sizeof shown, name.p, utf8_check((const uint8_t *)name.p, name.n));
    build_fail(&s->b, E_BAD_STRUCTURE, at, op_suggest(name), "no operator \"%s\"", shown);
    near(s, at, shown, strlen(shown));
    return NULL;
}

/* [name, operand...], of which the header has been read. */
static struct node *read_form(struct source *s, uint32_t pos, uint32_t n) {
    if (n == 0) {
        build_fail(&s->b, E_BAD_STRUCTURE, since(s, pos), "lit",
                   "an array begins with the name of an operator; an array constant is written "
                   "[\"lit\", [...]]");
        return NULL;
    }
    if (mp_peek(&s->r) != T_STR)
        return fail_next(s, "the name of an operator");
    struct place at = next_place(s);
    struct str name = value_as_str(mp_read_value(&s->r));
    if (!reader_ok(s))
        return NULL;
    n--;
    switch (form_named(name)) {
    case FORM_PATH:
        return read_path(s, pos, n);
    case FORM_ELEMENT:
        return read_element(s, pos, n, false);
    case FORM_OUTER:
        return read_element(s, pos, n, true);
    case FORM_PARAM:
        return read_param(s, pos, n);
    case FORM_LIT:
        return read_lit(s, pos, n);
    case FORM_LIST:
        build_fail(&s->b, E_BAD_STRUCTURE, at, NULL,
                   "\"list\" stands only as the second operand of \"in\"");
        return NULL;
    case FORM_CASE:
    case FORM_CASE_OF:
        return read_case(s, form_named(name) == FORM_CASE_OF, pos, n);
    case FORM_NONE:
        break;
    }
    enum op op = op_named(name);
    if (op != OP_COUNT)
        return read_op(s, op, pos, n);
    enum fn fn = fn_named(name);
    return fn == FN_COUNT ? fail_name(s, name, at) : read_call(s, fn, pos, n);
}

static struct node *read_node(struct source *s) {
    if (!reader_ok(s))
        return NULL;
    uint32_t pos = here(s);
    enum value_type type = mp_peek(&s->r);
    if (type == T_MAP || type == T_EXT) {
        struct place at = next_place(s);
        build_fail(&s->b, E_BAD_STRUCTURE, at, "lit",
                   "a constant of type %s is written [\"lit\", ...]", value_type_name(type));
        near(s, at, value_type_name(type), strlen(value_type_name(type)));
        return NULL;
    }
    if (type != T_ARRAY) {
        struct value v;
        uint32_t depth;
        if (!constant_read(&s->b, &s->r, 0, &v, &depth)) {
            reader_ok(s);
            return NULL;
        }
        return build_literal(&s->b, since(s, pos), v, 0);
    }
    if (s->level >= s->b.limits->query_depth) {
        build_limit(&s->b, E_QUERY_TOO_DEEP, (struct place){pos, 1}, "query_depth",
                    s->b.limits->query_depth, s->level + 1);
        return NULL;
    }
    s->level++;
    uint32_t n = mp_read_array(&s->r);
    struct node *node = reader_ok(s) ? read_form(s, pos, n) : NULL;
    if (!node)
        reader_ok(s);
    s->level--;
    return node;
}

enum status query_parse_structured(struct query *q, const void *p, size_t n,
                                   const struct limits *limits, struct budget *budget,
                                   struct error *e) {
    struct source s = {0};
    struct node *root = NULL;
    struct str bytes = {p, n};
    if (build_begin(&s.b, q, true, bytes, limits, budget, e) == E_OK) {
        mp_reader_init(&s.r, s.b.source.p, s.b.source.n, MP_DEPTH_MOST);
        root = read_node(&s);
        if (root && !mp_at_end(&s.r)) {
            uint32_t pos = here(&s);
            build_fail(&s.b, E_BAD_STRUCTURE, (struct place){pos, (uint32_t)(n - pos)}, NULL,
                       "%zu bytes behind the structured query", n - pos);
        }
        if (!root && build_ok(&s.b)) /* every way to no root reports; this keeps it so */
            build_fail(&s.b, E_INTERNAL, (struct place){0, 0}, NULL, "a refusal without a reason");
    }
    return build_end(&s.b, root);
}

/* --- writing --- */

static void write_path(const struct node *n, struct buf *out) {
    uint32_t heads = n->scope > 1 ? 2 : 1;
    mp_write_array(out, n->path.n + heads);
    mp_write_text(out, n->scope == 0 ? "path" : n->scope == 1 ? "element" : "outer");
    if (n->scope > 1)
        mp_write_uint(out, n->scope - 1);
    for (uint32_t i = 0; i < n->path.n; i++) {
        const struct path_step *step = &n->path.steps[i];
        if (step->key.p)
            mp_write_str(out, step->key.p, step->key.n);
        else
            mp_write_uint(out, step->index);
    }
}

static void write_constant(struct value v, struct buf *out) {
    if (v.type == T_ARRAY || v.type == T_MAP || v.type == T_EXT) {
        mp_write_array(out, 2);
        mp_write_text(out, "lit");
    }
    mp_write_value(out, v);
}

static void write_node(const struct query *q, const struct node *n, struct buf *out) {
    switch (n->kind) {
    case NODE_LITERAL:
        write_constant(n->value, out);
        return;
    case NODE_PATH:
        write_path(n, out);
        return;
    case NODE_PARAM: {
        struct str name = q->params[n->param].name;
        mp_write_array(out, name.p ? 2 : 1);
        mp_write_text(out, "param");
        if (name.p)
            mp_write_str(out, name.p, name.n);
        return;
    }
    case NODE_LIST:
        mp_write_array(out, 1 + n->n_values + n->n_kids);
        mp_write_text(out, "list");
        for (uint32_t i = 0; i < n->n_values; i++)
            write_constant(n->values[i], out);
        break;
    case NODE_OP:
        mp_write_array(out, 1 + n->n_kids);
        mp_write_text(out, op_info(n->op)->structured);
        break;
    case NODE_CALL:
        mp_write_array(out, 1 + n->n_kids);
        mp_write_text(out, fn_info(n->fn)->name);
        break;
    case NODE_CASE:
    case NODE_CASE_OF:
        mp_write_array(out, 1 + n->n_kids);
        mp_write_text(out, n->kind == NODE_CASE ? "case" : "case of");
        break;
    }
    for (uint32_t i = 0; i < n->n_kids && !buf_failed(out); i++)
        write_node(q, n->kids[i], out);
}

void query_write_structured(const struct query *q, struct buf *out) { write_node(q, q->root, out); }

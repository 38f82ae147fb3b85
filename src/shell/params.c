/* See params.h. Numbers, strings and timestamps are read by the parser of queries, and JSON by the
 * reader of rows: there is one meaning of each. */
#include "shell/params.h"

#include "value/mp.h"

#include <string.h>

#define SHOWN 60 /* bytes of a value in a message */

static enum status bad_value(struct error *e, struct str text, const char *what) {
    return error_set(e, E_BAD_OPTION, "\"%.*s\" is no %s", (int)(text.n < SHOWN ? text.n : SHOWN),
                     text.p, what);
}

/* A copy in the arena, so that the value outlives the query it was read from. */
static enum status keep(struct arena *a, struct value v, struct value *ret, struct error *e) {
    *ret = v;
    if (v.type != T_STR && v.type != T_BIN && v.type != T_EXT && v.type != T_ARRAY &&
        v.type != T_MAP)
        return E_OK;
    ret->w.p = arena_copy(a, v.w.p, v.n);
    return ret->w.p ? E_OK : error_set(e, E_MEMORY, "out of memory");
}

/* prefix text suffix as the right side of a comparison; false if it is no literal. */
static enum status read_literal(const char *prefix, struct str text, const char *suffix,
                                struct arena *a, bool *ret_is, struct value *ret, struct error *e) {
    struct limits limits;
    struct query q = {0};
    struct buf b = {0};
    struct error inner;
    error_clear(&inner);
    limits_default(&limits);
    *ret_is = false;
    buf_printf(&b, "a = %s", prefix);
    buf_add(&b, text.p, text.n);
    buf_add_text(&b, suffix);
    enum status status = E_OK;
    if (buf_failed(&b)) {
        status = error_set(e, E_MEMORY, "out of memory");
    } else if (query_parse(&q, (struct str){(const char *)b.data, b.len}, &limits, NULL, &inner) ==
               E_OK) {
        const struct node *n = q.root;
        *ret_is = n->kind == NODE_OP && n->op == OP_EQ && n->kids[1]->kind == NODE_LITERAL;
        status = *ret_is ? keep(a, n->kids[1]->value, ret, e) : E_OK;
    } else if (inner.status == E_MEMORY) {
        status = error_set(e, E_MEMORY, "out of memory");
    }
    query_done(&q);
    buf_done(&b);
    return status;
}

/* The value of the only member of the object that the reader has read. */
static bool only_member(struct reader *r, const struct buf *b, struct value *ret) {
    struct block block = {0};
    struct mp_reader m;
    uint32_t n = 0, members = 0;
    bool found = false;
    if (!block_init(&block, 1, false, NULL)) {
        r->status = E_MEMORY;
        return false;
    }
    block_clear(&block, 1);
    const uint8_t *end = b->data + b->len;
    if (reader_fill(r, b->data, end, true, &block, &n) == end && r->status == E_OK && n == 1) {
        mp_enter(&m, column_get(&block.columns[0], 0), &members);
        mp_skip(&m);
        *ret = mp_read_value(&m);
        found = members == 1 && m.status == E_OK;
    }
    block_done(&block);
    return found;
}

/* Any JSON value: as the member of an object, which is read as a row and wanted whole. */
static enum status read_json(struct str text, struct arena *a, struct value *ret, struct error *e) {
    struct reader_options options = {.format = FORMAT_JSONL, .validate = true};
    struct limits limits;
    struct fields fields;
    struct path row = {.n = 0};
    struct reader r = {0};
    struct buf b = {0};
    limits_default(&limits);
    options.row_depth = (uint32_t)limits.row_depth;
    options.row_fields = (uint32_t)limits.row_fields;
    buf_add_text(&b, "{\"v\":");
    buf_add(&b, text.p, text.n);
    buf_add_text(&b, "}");
    enum status status = E_MEMORY;
    if (!buf_failed(&b) && fields_build(&fields, a, &row, 1) &&
        reader_init(&r, a, &fields, &options)) {
        struct value v;
        bool found = only_member(&r, &b, &v);
        if (found)
            status = keep(a, v, ret, e);
        else
            status = r.status == E_MEMORY ? E_MEMORY : bad_value(e, text, "value of JSON");
    }
    reader_done(&r);
    buf_done(&b);
    return status == E_MEMORY ? error_set(e, E_MEMORY, "out of memory") : status;
}

static enum status untyped(struct str text, struct arena *a, struct value *ret, struct error *e) {
    bool is_literal;
    if (text.n > 0 && (*text.p == '"' || *text.p == '[' || *text.p == '{'))
        return read_json(text, a, ret, e);
    enum status status = read_literal("", text, "", a, &is_literal, ret, e);
    if (status != E_OK || is_literal)
        return status;
    return error_set(e, E_BAD_OPTION,
                     "\"%.*s\" is no number, true, false, null, 'text' or \"text\"; to take it as "
                     "text write NAME:text=VALUE",
                     (int)(text.n < SHOWN ? text.n : SHOWN), text.p);
}

static enum status typed(struct str text, enum cell_type type, struct arena *a, struct value *ret,
                         struct error *e) {
    static const char *const NAMES[] = {[CELL_TEXT] = "text",
                                        [CELL_INTEGER] = "integer",
                                        [CELL_DOUBLE] = "double",
                                        [CELL_BOOLEAN] = "boolean",
                                        [CELL_TIMESTAMP] = "timestamp"};
    bool is = false;
    if (type == CELL_TEXT) {
        *ret = value_str(text);
        return E_OK;
    }
    if (type == CELL_TIMESTAMP && memchr(text.p, '\'', text.n))
        return bad_value(e, text, NAMES[type]);
    enum status status = type == CELL_TIMESTAMP
                             ? read_literal("TIMESTAMP '", text, "'", a, &is, ret, e)
                             : read_literal("", text, "", a, &is, ret, e);
    if (status != E_OK)
        return status;
    bool integer = is && (ret->type == T_INT || ret->type == T_UINT);
    if (type == CELL_DOUBLE && integer)
        *ret = value_double(ret->type == T_INT ? (double)ret->w.i : (double)ret->w.u);
    bool good = is && (type == CELL_INTEGER   ? integer
                       : type == CELL_DOUBLE  ? ret->type == T_DOUBLE
                       : type == CELL_BOOLEAN ? ret->type == T_BOOL
                                              : ret->type == T_TIMESTAMP);
    return good ? E_OK : bad_value(e, text, NAMES[type]);
}

enum status param_value(struct str text, struct str type, struct arena *a, struct value *ret,
                        struct error *e) {
    enum cell_type cell;
    if (text.n > UINT32_MAX)
        return error_set(e, E_BAD_OPTION, "a value of more than 4 GiB");
    if (!type.p)
        return untyped(text, a, ret, e);
    if (cell_type_named(type, &cell))
        return typed(text, cell, a, ret, e);
    return error_set(e, E_BAD_OPTION,
                     "\"%.*s\" is no type: text, integer, double, boolean, timestamp",
                     (int)(type.n < SHOWN ? type.n : SHOWN), type.p);
}

/* The parameter of that name, or the n-th ? for the number n; n_params if there is none. */
static uint32_t find_param(const struct query *q, struct str name) {
    uint64_t number = 0;
    bool digits = name.n > 0 && name.n < 10;
    for (size_t i = 0; i < name.n && digits; i++) {
        digits = name.p[i] >= '0' && name.p[i] <= '9';
        number = number * 10 + (uint64_t)(name.p[i] - '0');
    }
    for (uint32_t i = 0; i < q->n_params; i++) {
        const struct str *have = &q->params[i].name;
        if (have->p ? str_eq(*have, name) : digits && --number == 0)
            return i;
    }
    return q->n_params;
}

static enum status bind_one(const struct query *q, const char *text, struct arena *a,
                            struct value *values, struct error *e) {
    const char *equals = strchr(text, '=');
    if (!equals)
        return error_set(e, E_BAD_OPTION, "--param: \"%s\" is not NAME=VALUE", text);
    const char *colon = memchr(text, ':', (size_t)(equals - text));
    struct str name = {text, (size_t)((colon ? colon : equals) - text)}, type = {NULL, 0};
    if (colon)
        type = (struct str){colon + 1, (size_t)(equals - colon - 1)};
    uint32_t i = find_param(q, name);
    if (i == q->n_params)
        return error_set(e, E_PARAM_UNKNOWN,
                         "--param %.*s: the query has no parameter of that name",
                         (int)(name.n < SHOWN ? name.n : SHOWN), name.p);
    if (values[i].type != T_MISSING)
        return error_set(e, E_BAD_OPTION, "--param %.*s is given twice", (int)name.n, name.p);
    struct error inner;
    error_clear(&inner);
    enum status status = param_value(str_of(equals + 1), type, a, &values[i], &inner);
    if (status != E_OK)
        error_set(e, status, "--param %.*s: %s", (int)(name.n < SHOWN ? name.n : SHOWN), name.p,
                  inner.message);
    return status;
}

enum status params_bind(const struct query *q, const struct text_list *texts, struct arena *a,
                        const struct value **ret, struct error *e) {
    struct value *values = arena_array(a, q->n_params, sizeof *values);
    if (!values)
        return error_set(e, E_MEMORY, "out of memory");
    for (uint32_t i = 0; i < q->n_params; i++)
        values[i] = value_missing();
    for (uint32_t i = 0; i < texts->n; i++) {
        enum status status = bind_one(q, texts->at[i], a, values, e);
        if (status != E_OK)
            return status;
    }
    *ret = values;
    return E_OK;
}

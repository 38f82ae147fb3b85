/* Request options and parameter values. See PROTOCOL.md, "Options". A new option is a row of the
 * table here. */
#include "base/hash.h"
#include "session/state.h"

static enum status bad_option(struct error *e, struct value key, const char *text) {
    error_set(e, E_BAD_OPTION, "option \"%.*s\": %s", (int)(key.n < 40 ? key.n : 40),
              (const char *)key.w.p, text);
    if (e && !*e->near_text)
        error_text(e->near_text, sizeof e->near_text, (const char *)key.w.p, key.n);
    return E_BAD_OPTION;
}

static enum status set_result(struct request *r, struct value key, struct value v,
                              struct error *e) {
    if (v.type == T_STR && result_kind_find(value_as_str(v), &r->result_kind))
        return E_OK;
    return bad_option(
        e, key, "must be \"indices\", \"bitmap\", \"auto\", \"count\", \"rows\" or \"spans\"");
}

static enum status set_limit(struct request *r, struct value key, struct value v, struct error *e) {
    if (v.type == T_NULL)
        return E_OK;
    if (v.type != T_UINT && (v.type != T_INT || v.w.i < 0))
        return bad_option(e, key, "must be an unsigned integer");
    r->limit = v.w.u;
    return E_OK;
}

static enum status set_params(struct request *r, struct value key, struct value v,
                              struct error *e) {
    if (v.type == T_NULL)
        return E_OK;
    if (v.type != T_MAP && v.type != T_ARRAY)
        return bad_option(e, key, "must be a map of names to values, or an array of values");
    r->params_option = v;
    r->params_bytes = v.n;
    return E_OK;
}

static enum status set_strict(struct request *r, struct value key, struct value v,
                              struct error *e) {
    if (v.type != T_BOOL && v.type != T_NULL)
        return bad_option(e, key, "must be true or false");
    r->strict = v.type == T_BOOL && v.w.i != 0;
    return E_OK;
}

static const struct option {
    const char *name;
    enum status (*set)(struct request *r, struct value key, struct value v, struct error *e);
    bool runs; /* for requests that give rows or counts; not for PREPARE and EXPLAIN */
} OPTIONS[] = {
    {"result", set_result, true},
    {"limit", set_limit, true},
    {"params", set_params, false},
    {"strict", set_strict, true},
};

static enum status read_option(struct request *r, struct value key, struct value v,
                               struct error *e) {
    bool runs = r->kind == MESSAGE_FILTER || r->kind == MESSAGE_EXECUTE;
    for (size_t i = 0; i < sizeof OPTIONS / sizeof *OPTIONS; i++)
        if (str_is(value_as_str(key), OPTIONS[i].name)) {
            if (r->kind == MESSAGE_PREPARE || (OPTIONS[i].runs && !runs))
                return bad_option(e, key, "not for this message");
            return OPTIONS[i].set(r, key, v, e);
        }
    return bad_option(e, key, "no such option");
}

enum status options_read(struct request *r, struct mp_reader *reader, struct error *e) {
    if (mp_peek(reader) == T_NULL) {
        mp_skip(reader);
        return E_OK;
    }
    uint32_t n = mp_read_map(reader);
    for (uint32_t i = 0; i < n && reader->status == E_OK; i++) {
        struct value key = mp_read_value(reader), v = mp_read_value(reader);
        if (reader->status != E_OK)
            break;
        if (key.type != T_STR) {
            error_set(e, E_BAD_OPTION, "the name of an option is not a string");
            return E_BAD_OPTION;
        }
        enum status status = read_option(r, key, v, e);
        if (status != E_OK)
            return status;
    }
    if (reader->status == E_OK)
        return E_OK;
    error_set(e, E_BAD_MESSAGE, "the options are not a well-formed map");
    if (e && e->offset == ERROR_NONE)
        e->offset = mp_offset(reader);
    return E_BAD_MESSAGE;
}

/* The query's named parameters by hash: both they and the values may be tens of thousands. */
struct names {
    struct hash_key key;
    uint32_t *slots; /* number of the parameter + 1; 0: free */
    size_t mask;
};

static uint32_t *slot_of(const struct names *names, const struct query *q, struct str name) {
    size_t i = hash_bytes(names->key, name.p, name.n) & names->mask;
    while (names->slots[i] && !str_eq(q->params[names->slots[i] - 1].name, name))
        i = (i + 1) & names->mask;
    return &names->slots[i];
}

static bool names_init(struct names *names, const struct query *q, struct arena *a) {
    size_t size = 8;
    while (size < 2 * (size_t)q->n_params)
        size *= 2;
    *names = (struct names){.key = hash_key(), .mask = size - 1};
    names->slots = arena_zero(a, size * sizeof *names->slots);
    for (uint32_t i = 0; names->slots && i < q->n_params; i++)
        if (q->params[i].name.p)
            *slot_of(names, q, q->params[i].name) = i + 1;
    return names->slots != NULL;
}

static enum status bind_map(struct request *r, const struct query *q, struct mp_reader *reader,
                            uint32_t n, struct error *e) {
    struct names names;
    if (!names_init(&names, q, &r->arena))
        return error_set(e, E_MEMORY, "out of memory");
    for (uint32_t i = 0; i < n; i++) {
        struct value key = mp_read_value(reader), v = mp_read_value(reader);
        uint32_t at = key.type == T_STR ? *slot_of(&names, q, value_as_str(key)) : 0;
        if (at == 0) {
            error_set(e, E_PARAM_UNKNOWN, "the query has no parameter \"%.*s\"",
                      key.type == T_STR ? (int)(key.n < 60 ? key.n : 60) : 1,
                      key.type == T_STR ? (const char *)key.w.p : "?");
            return E_PARAM_UNKNOWN;
        }
        r->params[at - 1] = v;
    }
    return E_OK;
}

static enum status bind_array(struct request *r, const struct query *q, struct mp_reader *reader,
                              uint32_t n, struct error *e) {
    uint32_t at = 0;
    for (uint32_t i = 0; i < n; i++, at++) {
        while (at < q->n_params && q->params[at].name.p)
            at++;
        if (at == q->n_params) {
            error_set(e, E_PARAM_UNKNOWN,
                      "%u parameter values are given, but the query has only %u ?", n, i);
            return E_PARAM_UNKNOWN;
        }
        r->params[at] = mp_read_value(reader);
    }
    return E_OK;
}

enum status params_bind(struct request *r, struct error *e) {
    const struct query *q = &r->compiled->query;
    struct mp_reader reader;
    uint32_t n;
    if (q->n_params > 0) {
        r->params = arena_zero(&r->arena, q->n_params * sizeof *r->params); /* all missing */
        if (!r->params)
            return error_set(e, E_MEMORY, "out of memory");
    }
    if (r->params_option.type == T_MISSING)
        return E_OK;
    mp_enter(&reader, r->params_option, &n);
    return r->params_option.type == T_MAP ? bind_map(r, q, &reader, n, e)
                                          : bind_array(r, q, &reader, n, e);
}

/* Request options and parameter values. See PROTOCOL.md, "Options". A new option is a row of the
 * table here. */
#include "base/hash.h"
#include "session/state.h"

#define ORDERS_MOST 64u /* columns of an order */

static enum status bad_option(struct error *e, struct value key, const char *text) {
    error_set(e, E_BAD_OPTION, "option \"%.*s\": %s", (int)(key.n < 40 ? key.n : 40),
              (const char *)key.w.p, text);
    if (e && !*e->near_text)
        error_text(e->near_text, sizeof e->near_text, (const char *)key.w.p, key.n);
    return E_BAD_OPTION;
}

static enum status set_result(struct question *q, struct value key, struct value v,
                              struct error *e) {
    if (v.type == T_STR && result_kind_find(value_as_str(v), &q->result_kind))
        return E_OK;
    return bad_option(e, key,
                      "must be \"indices\", \"bitmap\", \"auto\", \"count\", \"rows\", \"spans\", "
                      "\"runs\", \"pieces\", \"columns\", \"counts\" or \"numbers\"");
}

static enum status set_limit(struct question *q, struct value key, struct value v,
                             struct error *e) {
    if (v.type == T_NULL)
        return E_OK;
    if (v.type != T_UINT && (v.type != T_INT || v.w.i < 0))
        return bad_option(e, key, "must be an unsigned integer");
    q->limit = v.w.u;
    return E_OK;
}

static enum status set_params(struct question *q, struct value key, struct value v,
                              struct error *e) {
    if (v.type == T_NULL)
        return E_OK;
    if (v.type != T_MAP && v.type != T_ARRAY)
        return bad_option(e, key, "must be a map of names to values, or an array of values");
    q->params_option = v;
    q->params_bytes = v.n;
    return E_OK;
}

static enum status set_strict(struct question *q, struct value key, struct value v,
                              struct error *e) {
    if (v.type != T_BOOL && v.type != T_NULL)
        return bad_option(e, key, "must be true or false");
    q->strict = v.type == T_BOOL && v.w.i != 0;
    return E_OK;
}

static enum status set_offset(struct question *q, struct value key, struct value v,
                              struct error *e) {
    if (v.type != T_UINT && v.type != T_NULL && (v.type != T_INT || v.w.i < 0))
        return bad_option(e, key, "must be an unsigned integer");
    q->offset = v.type == T_NULL ? 0 : v.w.u;
    q->has_table_options |= q->offset > 0;
    return E_OK;
}

static enum status no_memory(struct error *e) { return error_set(e, E_MEMORY, "out of memory"); }

static bool read_direction(struct mp_reader *reader, bool *ret_descending) {
    struct value v = mp_read_value(reader);
    *ret_descending = v.type == T_STR && str_is(value_as_str(v), "desc");
    return *ret_descending || (v.type == T_STR && str_is(value_as_str(v), "asc"));
}

static enum status set_order(struct question *q, struct value key, struct value v,
                             struct error *e) {
    static const char *const TEXT = "must be an array of [path, \"asc\" or \"desc\"]";
    struct mp_reader reader;
    uint32_t n;
    if (v.type == T_NULL)
        return E_OK;
    if (v.type != T_ARRAY)
        return bad_option(e, key, TEXT);
    mp_enter(&reader, v, &n);
    if (n > ORDERS_MOST)
        return bad_option(e, key, "has more than 64 columns");
    q->order = arena_array(&q->request->arena, n, sizeof *q->order);
    if (!q->order)
        return no_memory(e);
    for (uint32_t i = 0; i < n; i++) {
        struct order_by *by = &q->order[i];
        enum status status = mp_peek(&reader) == T_ARRAY && mp_read_array(&reader) == 2
                                 ? path_read(&reader, &q->request->arena, &by->path)
                                 : E_BAD_OPTION;
        if (status == E_MEMORY)
            return no_memory(e);
        if (status != E_OK || !read_direction(&reader, &by->descending))
            return bad_option(e, key, TEXT);
    }
    q->n_order = n;
    q->has_table_options |= n > 0;
    return E_OK;
}

static enum status set_columns(struct question *q, struct value key, struct value v,
                               struct error *e) {
    struct mp_reader reader;
    uint32_t n;
    if (v.type == T_NULL)
        return E_OK;
    if (v.type != T_ARRAY)
        return bad_option(e, key, "must be an array of paths");
    mp_enter(&reader, v, &n);
    q->columns = arena_array(&q->request->arena, n, sizeof *q->columns);
    if (!q->columns)
        return no_memory(e);
    for (uint32_t i = 0; i < n; i++) {
        enum status status = path_read(&reader, &q->request->arena, &q->columns[i]);
        if (status != E_OK)
            return status == E_MEMORY ? no_memory(e)
                                      : bad_option(e, key, "must be an array of paths");
    }
    q->n_columns = n;
    q->has_table_options = true;
    return E_OK;
}

static enum status set_by(struct question *q, struct value key, struct value v, struct error *e) {
    struct mp_reader reader;
    mp_reader_init(&reader, v.w.p, v.n, MP_DEPTH_MOST);
    if (v.type == T_NULL)
        return E_OK;
    if (v.type == T_STR) {
        struct path_step *step = arena_new(&q->request->arena, struct path_step);
        if (!step)
            return no_memory(e);
        step->key = value_as_str(v);
        q->by = (struct path){step, 1};
    } else {
        enum status status =
            v.type == T_ARRAY ? path_read(&reader, &q->request->arena, &q->by) : E_BAD_PAYLOAD;
        if (status != E_OK)
            return status == E_MEMORY ? no_memory(e) : bad_option(e, key, "must be a path");
    }
    q->has_table_options = true;
    return E_OK;
}

static bool read_size(struct mp_reader *reader, uint64_t *ret) {
    struct value v = mp_read_value(reader);
    *ret = v.w.u;
    return v.type == T_UINT || (v.type == T_INT && v.w.i >= 0);
}

static enum status set_into(struct question *q, struct value key, struct value v, struct error *e) {
    const struct session *s = q->request->session;
    struct mp_reader reader;
    uint64_t offset, bytes;
    uint32_t n = 0;
    if (v.type == T_NULL)
        return E_OK;
    if (v.type == T_ARRAY)
        mp_enter(&reader, v, &n);
    if (n != 2 || !read_size(&reader, &offset) || !read_size(&reader, &bytes))
        return bad_option(e, key, "must be [offset, bytes], two unsigned integers");
    if (!s->shared)
        return bad_option(e, key, "there is no memory that client and daemon share");
    if (bytes > s->shared_bytes || offset > s->shared_bytes - bytes)
        return bad_option(e, key, "is not all within the shared memory");
    if (offset % 4 != 0)
        return bad_option(e, key, "must begin at a multiple of 4");
    q->into = (struct into){
        .is_set = true, .p = s->shared + offset, .offset = (size_t)offset, .bytes = (size_t)bytes};
    return E_OK;
}

static enum status set_key(struct question *q, struct value key, struct value v, struct error *e) {
    if (v.type != T_STR && v.type != T_NULL)
        return bad_option(e, key, "must be the name of a column");
    q->request->use.key = v;
    return E_OK;
}

static enum status set_private(struct question *q, struct value key, struct value v,
                               struct error *e) {
    if (v.type != T_BOOL && v.type != T_NULL)
        return bad_option(e, key, "must be true or false");
    q->request->use.is_private = v.type == T_BOOL && v.w.i != 0;
    return E_OK;
}

/* One of some words; false: none of them. */
static bool is_word(struct value v, const char *const *words, int n, int *ret) {
    for (int i = 0; v.type == T_STR && i < n; i++)
        if (str_is(value_as_str(v), words[i])) {
            *ret = i;
            return true;
        }
    return false;
}

static enum status set_exists(struct question *q, struct value key, struct value v,
                              struct error *e) {
    static const char *const WORDS[] = {"fail", "open", "replace"}; /* by enum exists */
    int i = 0;
    if (v.type != T_NULL && !is_word(v, WORDS, 3, &i))
        return bad_option(e, key, "must be \"fail\", \"open\" or \"replace\"");
    q->request->use.exists = (enum exists)i;
    return E_OK;
}

static enum status set_mode(struct question *q, struct value key, struct value v, struct error *e) {
    static const char *const WORDS[] = {"append", "upsert", "replace"}; /* by enum batch_mode */
    int i = 0;
    if (v.type != T_NULL && !is_word(v, WORDS, 3, &i))
        return bad_option(e, key, "must be \"append\", \"upsert\" or \"replace\"");
    q->request->use.mode = (enum batch_mode)i;
    return E_OK;
}

#define FOR(kind) (1u << MESSAGE_##kind)
#define RUNS      (FOR(FILTER) | FOR(EXECUTE) | FOR(QUERIES)) /* give rows or counts */

static const struct option {
    const char *name;
    enum status (*set)(struct question *q, struct value key, struct value v, struct error *e);
    uint32_t kinds; /* messages that have it */
} OPTIONS[] = {
    {"result", set_result, RUNS},
    {"limit", set_limit, RUNS},
    {"params", set_params, RUNS | FOR(EXPLAIN)},
    {"strict", set_strict, RUNS},
    {"offset", set_offset, RUNS},
    {"order", set_order, RUNS},
    {"columns", set_columns, RUNS},
    {"by", set_by, RUNS},
    {"into", set_into, FOR(FILTER) | FOR(EXECUTE)},
    {"key", set_key, FOR(CREATE)},
    {"private", set_private, FOR(CREATE)},
    {"exists", set_exists, FOR(CREATE)},
    {"mode", set_mode, FOR(LOAD)},
};

static enum status read_option(struct question *q, struct value key, struct value v,
                               struct error *e) {
    for (size_t i = 0; i < sizeof OPTIONS / sizeof *OPTIONS; i++)
        if (str_is(value_as_str(key), OPTIONS[i].name)) {
            if (!(OPTIONS[i].kinds & (1u << q->request->kind)))
                return bad_option(e, key, "not for this message");
            return OPTIONS[i].set(q, key, v, e);
        }
    return bad_option(e, key, "no such option");
}

enum status options_read(struct question *q, struct mp_reader *reader, struct error *e) {
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
        enum status status = read_option(q, key, v, e);
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

static enum status bind_map(struct question *question, const struct query *q,
                            struct mp_reader *reader, uint32_t n, struct error *e) {
    struct names names;
    if (!names_init(&names, q, &question->request->arena))
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
        question->params[at - 1] = v;
    }
    return E_OK;
}

static enum status bind_array(struct question *question, const struct query *q,
                              struct mp_reader *reader, uint32_t n, struct error *e) {
    uint32_t at = 0;
    for (uint32_t i = 0; i < n; i++, at++) {
        while (at < q->n_params && q->params[at].name.p)
            at++;
        if (at == q->n_params) {
            error_set(e, E_PARAM_UNKNOWN,
                      "%u parameter values are given, but the query has only %u ?", n, i);
            return E_PARAM_UNKNOWN;
        }
        question->params[at] = mp_read_value(reader);
    }
    return E_OK;
}

enum status params_bind(struct question *question, struct error *e) {
    const struct query *q = &question->compiled->query;
    struct mp_reader reader;
    uint32_t n;
    if (q->n_params > 0) {
        question->params = arena_zero(&question->request->arena,
                                      q->n_params * sizeof *question->params); /* all missing */
        if (!question->params)
            return error_set(e, E_MEMORY, "out of memory");
    }
    if (question->params_option.type == T_MISSING)
        return E_OK;
    mp_enter(&reader, question->params_option, &n);
    return question->params_option.type == T_MAP ? bind_map(question, q, &reader, n, e)
                                                 : bind_array(question, q, &reader, n, e);
}

/* Questions: a query as a request asks it, from its bytes to the plan that is run. See state.h. */
#include "session/state.h"

void question_init(struct question *q, struct request *r) {
    memset(q, 0, offsetof(struct question, scans));
    q->request = r;
    q->limit = UINT64_MAX;
}

void question_done(struct question *q) {
    plan_free(q->own_plan);
    q->own_plan = NULL;
    compiled_unref(q->compiled);
    q->compiled = NULL;
}

size_t question_bytes(const struct question *q) {
    return (q->compiled ? q->compiled->bytes : q->text.n) + q->params_bytes;
}

/* ---- reading ---- */

void question_skip(struct mp_reader *reader) {
    for (uint64_t left = 1; left > 0 && reader->status == E_OK; left--) {
        enum value_type type = mp_peek(reader);
        if (type == T_ARRAY)
            left += mp_read_array(reader);
        else if (type == T_MAP)
            left += 2 * (uint64_t)mp_read_map(reader);
        else
            mp_skip(reader);
    }
}

/* What is wrong with the bytes of a query, before it is looked at as one. */
static enum status query_error(const struct mp_reader *reader, const struct limits *l,
                               struct error *e) {
    if (reader->status == E_ROW_TOO_DEEP)
        return error_limit(e, E_QUERY_TOO_DEEP, "query_depth", l->query_depth, ERROR_NONE);
    error_set(e, E_BAD_MESSAGE, "the query is not well-formed msgpack");
    if (e->offset == ERROR_NONE)
        e->offset = mp_offset(reader);
    return E_BAD_MESSAGE;
}

static bool is_number(const struct question *q, const struct mp_reader *reader) {
    enum message_kind kind = q->request->kind;
    return kind == MESSAGE_EXECUTE ||
           ((kind == MESSAGE_EXPLAIN || kind == MESSAGE_QUERIES) && mp_peek(reader) == T_INT);
}

enum status question_read(struct question *q, struct mp_reader *reader, struct error *e) {
    if (is_number(q, reader)) {
        mp_skip(reader);
        return q->compiled ? E_OK
                           : error_set(e, E_PLAN_UNKNOWN, "no prepared plan has that number");
    }
    q->text = mp_read_value(reader);
    if (reader->status != E_OK)
        return query_error(reader, &q->request->session->service->limits, e);
    if (q->text.type == T_STR || q->text.type == T_ARRAY)
        return E_OK;
    return error_set(e, E_BAD_MESSAGE, "a query is a string or an array, not %s",
                     value_type_name(q->text.type));
}

/* ---- compiling ---- */

void question_find(struct question *q) {
    if (!q->compiled && q->text.type != T_MISSING)
        q->compiled = plan_cache_find(&q->request->session->service->plans, q->text);
}

static enum status parse_query(struct question *q, struct error *e) {
    struct service *service = q->request->session->service;
    const struct limits *l = &service->limits;
    struct budget *budget = &service->budget;
    struct compiled *c = compiled_new();
    if (!c)
        return error_set(e, E_MEMORY, "out of memory");
    c->bytes = q->text.n;
    q->compiled = c;
    q->made_query = true;
    enum status status =
        q->text.type == T_STR
            ? query_parse(&c->query, value_as_str(q->text), l, budget, e)
            : query_parse_structured(&c->query, q->text.w.p, q->text.n, l, budget, e);
    if (status == E_OK)
        c->heavy = query_is_heavy(&c->query);
    return status;
}

/* The plan of a query that this request has brought; then others may share both. */
static enum status plan_query(struct question *q, struct error *e) {
    struct service *service = q->request->session->service;
    struct compiled *c = q->compiled;
    if (c->query.n_params == 0)
        c->plan = plan_new(&c->query, NULL, &service->limits, &service->budget, e);
    if (c->plan || c->query.n_params > 0)
        plan_cache_add(&service->plans, q->text, c);
    return e->status;
}

enum status question_compile(struct question *q, struct error *e) {
    struct request *r = q->request;
    struct service *service = r->session->service;
    enum status status = q->compiled ? E_OK : parse_query(q, e);
    if (status != E_OK)
        return status;
    struct compiled *c = q->compiled;
    if (c->heavy && r->is_inline) {
        r->yielded = true;
        return E_OK;
    }
    status = params_bind(q, e);
    if (status == E_OK && q->made_query)
        status = plan_query(q, e);
    if (status == E_OK && !c->plan && r->kind != MESSAGE_PREPARE)
        q->own_plan = plan_new(&c->query, q->params, &service->limits, &service->budget, e);
    return e->status;
}

const struct plan *question_plan(const struct question *q) {
    return q->own_plan ? q->own_plan : q->compiled->plan;
}

uint32_t question_warnings(const struct question *q, struct warning *ret) {
    uint32_t n = 0;
    const struct plan *plan = question_plan(q);
    const struct warning *found = plan ? plan_warnings(plan, &n) : NULL;
    if (n > 0)
        memcpy(ret, found, n * sizeof *ret);
    const struct snapshot *s = q->request->use.snapshot;
    if (!plan || !s || !plan_means_more(plan))
        return n;
    n += absent_columns(plan, s, ret + n, WARNINGS_MOST - n);
    return n + all_text_columns(plan, s, ret + n, WARNINGS_MOST - n);
}

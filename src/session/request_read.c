/* The first message of a request: which query, which options, and where its payload begins. See
 * state.h. Nothing is compiled here; a query that is in the plan cache is found there. */
#include "session/state.h"

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

static enum status read_query(struct request *r, struct error *e) {
    struct mp_reader *reader = &r->message.r;
    if (r->kind == MESSAGE_EXECUTE || (r->kind == MESSAGE_EXPLAIN && mp_peek(reader) == T_INT)) {
        mp_skip(reader); /* the session has looked the plan up */
        if (!r->prepared_missing)
            return E_OK;
        error_set(e, E_PLAN_UNKNOWN, "no prepared plan has that number");
        return E_PLAN_UNKNOWN;
    }
    r->query_value = mp_read_value(reader);
    if (reader->status != E_OK)
        return query_error(reader, &r->session->service->limits, e);
    if (r->query_value.type == T_STR || r->query_value.type == T_ARRAY)
        return E_OK;
    error_set(e, E_BAD_MESSAGE, "a query is a string or an array, not %s",
              value_type_name(r->query_value.type));
    return E_BAD_MESSAGE;
}

static bool is_file(struct mp_reader r) {
    struct value form = mp_read_array(&r) > 0 ? mp_read_value(&r) : value_missing();
    return r.status == E_OK && form.type == T_STR && str_is(value_as_str(form), "file");
}

/* ["table", name or number] as the payload. */
static bool is_table(struct mp_reader r) {
    struct value form = mp_read_array(&r) == 2 ? mp_read_value(&r) : value_missing();
    return r.status == E_OK && form.type == T_STR && str_is(value_as_str(form), "table");
}

static enum status read_table(struct request *r, struct error *e) {
    struct mp_reader *reader = &r->message.r;
    mp_read_array(reader);
    mp_skip(reader);
    enum status status = table_read(r, reader, e);
    return status == E_OK ? message_end(&r->message, e) : status;
}

/* The payload is the message's last element; nil opens a row stream. */
enum status request_read_payload(struct request *r, struct error *e) {
    struct mp_reader *reader = &r->message.r;
    if (r->kind != MESSAGE_LOAD && is_table(*reader))
        return read_table(r, e);
    if (mp_peek(reader) != T_NULL || reader->status != E_OK) {
        r->payload_at = mp_offset(reader);
        r->reads_file = is_file(*reader);
        if (!mp_at_end(reader))
            return E_OK;
        return message_end(&r->message, e) == E_OK
                   ? error_set(e, E_BAD_MESSAGE, "the message has no payload")
                   : E_BAD_MESSAGE;
    }
    mp_skip(reader);
    r->is_stream = r->kind != MESSAGE_EXPLAIN;
    return message_end(&r->message, e);
}

static enum status parse(struct request *r, struct error *e) {
    if (message_is_for_tables(r->kind))
        return table_parse(r, e);
    bool has_options = r->kind != MESSAGE_PREPARE || r->message.n > 3;
    bool has_payload = r->kind != MESSAGE_PREPARE && r->message.n > 4;
    enum status status = read_query(r, e);
    if (status == E_OK && has_options)
        status = options_read(r, &r->message.r, e);
    if (status != E_OK)
        return status;
    status = has_payload ? request_read_payload(r, e) : message_end(&r->message, e);
    return status == E_OK ? table_query_check(r, e) : status;
}

/* Steps over a value however deep it is. */
static void skip_value(struct mp_reader *reader) {
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

/* A message that is refused may open a row stream all the same: its client sends ROWS before it
 * knows, and they are not to be answered one by one. */
static bool opens_stream(const struct request *r, struct mp_reader at_query) {
    if (r->kind != MESSAGE_FILTER && r->kind != MESSAGE_EXECUTE && r->kind != MESSAGE_LOAD)
        return false;
    skip_value(&at_query); /* the query or plan */
    skip_value(&at_query); /* the options */
    return mp_peek(&at_query) == T_NULL;
}

void request_parse(struct request *r) {
    struct error e;
    error_clear(&e);
    struct mp_reader at_query = r->message.r;
    r->parsed = true;
    if (parse(r, &e) == E_OK) {
        if (!r->compiled && r->query_value.type != T_MISSING)
            r->compiled = plan_cache_find(&r->session->service->plans, r->query_value);
        return;
    }
    r->is_stream = opens_stream(r, at_query);
    request_finish(r, &e);
}

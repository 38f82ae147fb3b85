/* The first message of a request: which query, which options, and where its payload begins. See
 * state.h. Nothing is compiled here; a query that is in the plan cache is found there. */
#include "session/state.h"

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
    enum status status = question_read(&r->own, &r->message.r, e);
    if (status == E_OK && has_options)
        status = options_read(&r->own, &r->message.r, e);
    if (status != E_OK)
        return status;
    status = has_payload ? request_read_payload(r, e) : message_end(&r->message, e);
    return status == E_OK ? table_query_check(&r->own, e) : status;
}

/* A message that is refused may open a row stream all the same: its client sends ROWS before it
 * knows, and they are not to be answered one by one. */
static bool opens_stream(const struct request *r, struct mp_reader at_query) {
    if (r->kind != MESSAGE_FILTER && r->kind != MESSAGE_EXECUTE && r->kind != MESSAGE_LOAD)
        return false;
    question_skip(&at_query); /* the query or plan */
    question_skip(&at_query); /* the options */
    return mp_peek(&at_query) == T_NULL;
}

void request_parse(struct request *r) {
    struct error e;
    error_clear(&e);
    struct mp_reader at_query = r->message.r;
    r->parsed = true;
    if (parse(r, &e) == E_OK) {
        question_find(&r->own);
        return;
    }
    r->is_stream = opens_stream(r, at_query);
    request_finish(r, &e);
}

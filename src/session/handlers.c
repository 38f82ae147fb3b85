/* One function a message. A new message is a row of the table at the end. */
#include "session/state.h"

#include "base/trace.h"

#include <stdlib.h>

/* The message as it came: some handlers keep its bytes. */
struct incoming {
    struct message message;
    const uint8_t *p;
    size_t n;
};

typedef void handler(struct session *s, struct incoming *in);

static void refuse(struct session *s, uint32_t id, enum status status, const char *text) {
    struct error e;
    error_clear(&e);
    error_set(&e, status, "%s", text);
    session_reply_error(s, id, &e);
}

/* True if the message is used up; else it is answered with an error. */
static bool ends(struct session *s, struct incoming *in) {
    struct error e;
    error_clear(&e);
    if (message_end(&in->message, &e) == E_OK)
        return true;
    session_reply_error(s, in->message.id, &e);
    return false;
}

#define PROOF_LEAST_BYTES 16u
#define PROOF_MOST_BYTES  256u

/* [address, bytes]: what the client says stands in its memory. If it does in the process that may
 * be read, that is the client's. */
static bool is_proof(const struct session *s, struct value proof) {
    struct mp_reader r;
    uint32_t n = 0;
    if (proof.type == T_ARRAY)
        mp_enter(&r, proof, &n);
    if (n != 2 || s->may_read.pid <= 0)
        return false;
    struct value address = mp_read_value(&r), bytes = mp_read_value(&r);
    uint8_t found[PROOF_MOST_BYTES];
    return (address.type == T_INT || address.type == T_UINT) && bytes.type == T_BIN &&
           bytes.n >= PROOF_LEAST_BYTES && bytes.n <= sizeof found &&
           peer_read(&s->may_read, address.w.u, found, bytes.n) &&
           memcmp(found, bytes.w.p, bytes.n) == 0;
}

static void handle_hello(struct session *s, struct incoming *in) {
    struct mp_reader *r = &in->message.r;
    struct value version = value_missing(), proof = value_missing();
    uint32_t n = mp_read_map(r);
    for (uint32_t i = 0; i < n && r->status == E_OK; i++) {
        struct value key = mp_read_value(r), v = mp_read_value(r);
        if (key.type == T_STR && str_is(value_as_str(key), "version"))
            version = v;
        else if (key.type == T_STR && str_is(value_as_str(key), "memory"))
            proof = v;
    }
    if (!ends(s, in)) {
        session_break(s, E_BAD_MESSAGE);
        return;
    }
    if (version.type != T_INT || version.w.i != 1) {
        refuse(s, in->message.id, E_VERSION, "this daemon speaks version 1 of the protocol");
        session_break(s, E_VERSION);
        return;
    }
    if (is_proof(s, proof))
        s->peer = s->may_read;
    s->hello_done = true;
    session_replied(s, welcome_reply(s, in->message.id));
}

/* The plan that an EXECUTE or EXPLAIN names by number, and those of QUERIES. False: no memory. */
static bool find_plans(struct session *s, struct request *r, const struct incoming *in) {
    struct mp_reader reader = in->message.r;
    if (r->kind == MESSAGE_QUERIES)
        return table_queries_find_plans(s, r, reader);
    if (r->kind != MESSAGE_EXECUTE && !(r->kind == MESSAGE_EXPLAIN && mp_peek(&reader) == T_INT))
        return true;
    struct value number = mp_read_value(&reader);
    const struct prepared *p =
        number.type == T_INT && number.w.i > 0 ? session_plan(s, (uint64_t)number.w.i) : NULL;
    if (!p)
        return true;
    compiled_ref(p->compiled);
    r->own.compiled = p->compiled;
    return true;
}

static bool may_open(struct session *s, const struct incoming *in) {
    uint32_t id = in->message.id;
    const struct limits *l = &s->service->limits;
    uint64_t open = (uint64_t)s->n_requests + s->n_dropping;
    struct error e;
    error_clear(&e);
    if (s->draining)
        error_set(&e, E_SHUTDOWN, "%s", status_text(E_SHUTDOWN));
    else if (session_find(s, id))
        error_set(&e, E_ID_IN_USE, "request %u is still open", id);
    else if (open >= l->requests)
        error_limit(&e, E_TOO_MANY_REQUESTS, "requests", l->requests, open + 1);
    else if (in->message.kind == MESSAGE_PREPARE && s->n_plans >= l->plans)
        error_limit(&e, E_TOO_MANY_PLANS, "plans", l->plans, s->n_plans + UINT64_C(1));
    else
        return true;
    session_reply_error(s, id, &e);
    return false;
}

static void insert(struct session *s, struct request *r) {
    r->next = s->requests[r->id % BUCKETS];
    s->requests[r->id % BUCKETS] = r;
    r->older = s->newest;
    *(s->newest ? &s->newest->newer : &s->oldest) = r;
    s->newest = r;
    s->n_requests++;
    r->first_charged = r->first.len;
    s->queued_bytes += r->first_charged;
}

static void handle_request(struct session *s, struct incoming *in) {
    if (!may_open(s, in))
        return;
    struct request *r = request_new(s, in->message.kind, in->message.id);
    if (r && r->kind == MESSAGE_PREPARE)
        r->entry = calloc(1, sizeof *r->entry);
    if (!r || (r->kind == MESSAGE_PREPARE && !r->entry) ||
        !frames_take(&s->frames, in->p, in->n, &r->first)) {
        if (r)
            request_free(r);
        refuse(s, in->message.id, E_MEMORY, "out of memory for the request");
        return;
    }
    message_move(&in->message, r->first.data);
    r->message = in->message;
    if (!find_plans(s, r, in)) {
        request_free(r);
        refuse(s, in->message.id, E_MEMORY, "out of memory for the request");
        return;
    }
    r->bytes.passed = session_take_passed(s, &r->passed_fd);
    r->bytes.fd = r->passed_fd;
    insert(s, r);
    if (r->kind == MESSAGE_PREPARE) {
        s->n_plans++;
        r->entry->number = s->next_plan++;
    }
    session_queue(s, r);
}

static void handle_rows(struct session *s, struct incoming *in) {
    struct request *r = session_find(s, in->message.id);
    struct buf message;
    buf_init(&message, &s->service->budget);
    if (!r) {
        refuse(s, in->message.id, E_ID_UNKNOWN, "ROWS for a request that is not open");
        return;
    }
    if (r->state == REQUEST_CLOSED)
        return;
    if (r->end_seen) {
        refuse(s, in->message.id, E_BAD_MESSAGE, "ROWS after END");
        return;
    }
    size_t at = mp_offset(&in->message.r);
    if (!frames_take(&s->frames, in->p, in->n, &message) || !request_add_payload(r, &message, at))
        session_stop_request(r, E_MEMORY);
    session_queue(s, r);
}

static void handle_end(struct session *s, struct incoming *in) {
    struct request *r = session_find(s, in->message.id);
    if (!ends(s, in))
        return;
    if (!r || (r->state != REQUEST_CLOSED && r->end_seen)) {
        refuse(s, in->message.id, E_ID_UNKNOWN, "END for a request that is not open");
        return;
    }
    r->end_seen = true;
    if (r->state == REQUEST_CLOSED)
        session_close_request(s, r);
    else
        session_queue(s, r);
}

static void handle_cancel(struct session *s, struct incoming *in) {
    struct request *r = session_find(s, in->message.id);
    if (!ends(s, in) || !r || r->cancelled)
        return;
    r->cancelled = true;
    if (r->state == REQUEST_CLOSED)
        session_close_request(s, r);
    else
        session_cancel(s, r);
}

static void handle_taken(struct session *s, struct incoming *in) {
    struct value end = mp_read_value(&in->message.r);
    struct request *r = session_find(s, in->message.id);
    if (!ends(s, in))
        return;
    if (end.type != T_UINT && (end.type != T_INT || end.w.i < 0))
        refuse(s, in->message.id, E_BAD_MESSAGE, "TAKEN without an unsigned integer");
    else if (r && r->state != REQUEST_CLOSED)
        into_note_taken(r, end.w.u);
}

static void handle_ping(struct session *s, struct incoming *in) {
    struct mp_reader *r = &in->message.r;
    const uint8_t *from = r->p;
    if (in->message.n > 2)
        mp_skip(r);
    size_t n = (size_t)(r->p - from);
    if (!ends(s, in))
        return;
    size_t mark = reply_begin(&s->pending, MESSAGE_PONG, in->message.id, 3);
    if (n > 0)
        buf_add(&s->pending, from, n);
    else
        mp_write_nil(&s->pending);
    session_replied(s, reply_end(&s->pending, mark));
}

static void handle_stats(struct session *s, struct incoming *in) {
    if (ends(s, in))
        session_replied(s, stats_reply(s, in->message.id));
}

static void handle_close(struct session *s, struct incoming *in) {
    struct value number = mp_read_value(&in->message.r);
    if (!ends(s, in))
        return;
    struct prepared *p =
        number.type == T_INT && number.w.i > 0 ? session_plan(s, (uint64_t)number.w.i) : NULL;
    if (!p) {
        refuse(s, in->message.id, E_PLAN_UNKNOWN, "no prepared plan has that number");
        return;
    }
    struct prepared **at = &s->plans[p->number % BUCKETS];
    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    s->n_plans--;
    size_t mark = reply_begin(&s->pending, MESSAGE_CLOSED, in->message.id, 3);
    mp_write_uint(&s->pending, p->number);
    session_replied(s, reply_end(&s->pending, mark));
    compiled_unref(p->compiled);
    free(p);
}

static handler *handler_of(enum message_kind kind) {
    switch (kind) {
    case MESSAGE_HELLO:
        return handle_hello;
    case MESSAGE_FILTER:
    case MESSAGE_PREPARE:
    case MESSAGE_EXECUTE:
    case MESSAGE_EXPLAIN:
    case MESSAGE_CREATE:
    case MESSAGE_OPEN:
    case MESSAGE_LOAD:
    case MESSAGE_DELETE:
    case MESSAGE_DROP:
    case MESSAGE_DESCRIBE:
    case MESSAGE_QUERIES:
        return handle_request;
    case MESSAGE_ROWS:
        return handle_rows;
    case MESSAGE_END:
        return handle_end;
    case MESSAGE_CANCEL:
        return handle_cancel;
    case MESSAGE_TAKEN:
        return handle_taken;
    case MESSAGE_PING:
        return handle_ping;
    case MESSAGE_STATS:
        return handle_stats;
    case MESSAGE_CLOSE:
        return handle_close;
    default:
        return NULL; /* message_read lets no reply pass */
    }
}

void session_handle(struct session *s, const uint8_t *p, size_t n) {
    struct incoming in = {.p = p, .n = n};
    struct error e;
    error_clear(&e);
    enum status status = message_read(&in.message, p, n, MP_DEPTH_MOST, &e);
    if (trace_on(TRACE_FRAME))
        trace_line(TRACE_FRAME, "in, %zu bytes: %s id %u%s%s", n, message_name(in.message.kind),
                   in.message.id, e.status == E_OK ? "" : ": ", e.message);
    if (status != E_OK && (s->hello_done || status != E_KIND_UNKNOWN)) {
        session_reply_error(s, in.message.id, &e);
        if (!s->hello_done)
            session_break(s, status);
        return;
    }
    if (!s->hello_done && in.message.kind != MESSAGE_HELLO) { /* a kind that there is, or none */
        refuse(s, in.message.id, E_HELLO_FIRST, "the first message must be HELLO");
        session_break(s, E_HELLO_FIRST);
        return;
    }
    handler_of(in.message.kind)(s, &in);
}

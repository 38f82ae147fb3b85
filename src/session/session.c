/* See session.h: the connection's bytes, its table of requests, and their turns. */
#include "session/state.h"

#include "base/build.h"

#include <stdlib.h>

/* Parts of memory_bytes: that compiled queries may keep from clients, and that tables leave for
 * questions to them, of which more than so many bytes are enough. */
#define CACHE_SHARE    16u
#define QUESTION_SHARE 8u
#define QUESTION_BYTES (UINT64_C(256) << 20)

static uint64_t for_tables(uint64_t memory_bytes) {
    uint64_t left = memory_bytes / QUESTION_SHARE;
    return memory_bytes - (left < QUESTION_BYTES ? left : QUESTION_BYTES);
}

void service_init(struct service *service, const struct limits *limits) {
    *service = (struct service){.limits = *limits};
    budget_init(&service->budget, (size_t)limits->memory_bytes);
    budget_init_part(&service->table_budget, &service->budget,
                     (size_t)for_tables(limits->memory_bytes));
    uint64_t most = limits->plan_cache_bytes, share = limits->memory_bytes / CACHE_SHARE;
    if (limits->memory_bytes > 0 && most > share)
        most = share;
    plan_cache_init(&service->plans, (size_t)most, &service->budget);
    tables_init(&service->tables);
    frame_store_init(&service->frames, &service->budget);
    service->spares.budget = &service->budget;
}

void service_done(struct service *service) {
    plan_cache_done(&service->plans);
    tables_done(&service->tables);
    frame_store_done(&service->frames);
    spares_done(&service->spares);
}

struct session *session_new(struct service *service) {
    struct session *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->service = service;
    frames_init(&s->frames, &service->budget, &service->frames);
    buf_init(&s->sending, &service->budget);
    buf_init(&s->pending, &service->budget);
    s->queue_tail = &s->queue;
    s->next_plan = 1;
    s->viewer.session = atomic_fetch_add(&service->next_session, 1) + 1;
    atomic_fetch_add(&service->clients, 1);
    return s;
}

void session_set_user(struct session *s, uint64_t user) { s->viewer.user = user; }

void session_share(struct session *s, uint8_t *p, size_t n) {
    s->shared = p;
    s->shared_bytes = n;
}

void session_may_read(struct session *s, pid_t pid) { s->may_read.pid = pid; }

void session_free(struct session *s) {
    if (!s)
        return;
    for (uint32_t i = 0; i < BUCKETS; i++) {
        while (s->requests[i]) {
            struct request *r = s->requests[i];
            s->requests[i] = r->next;
            request_free(r);
        }
        while (s->plans[i]) {
            struct prepared *p = s->plans[i];
            s->plans[i] = p->next;
            compiled_unref(p->compiled);
            free(p);
        }
    }
    tables_drop_session(&s->service->tables, s->viewer.session);
    session_free_passed(s);
    frames_done(&s->frames);
    buf_done(&s->sending);
    buf_done(&s->pending);
    atomic_fetch_sub(&s->service->clients, 1);
    free(s);
}

/* ---- ends and errors ---- */

void session_break(struct session *s, enum status why) {
    s->over = true;
    if (s->verdict == E_OK)
        s->verdict = why;
}

bool session_replied(struct session *s, bool ok) {
    if (!ok)
        session_break(s, E_MEMORY);
    return ok;
}

void session_reply_error(struct session *s, uint32_t id, struct error *e) {
    atomic_fetch_add_explicit(&s->service->errors, 1, memory_order_relaxed);
    session_replied(s, reply_error(&s->pending, id, e));
}

void session_fail(struct session *s, enum status why, const char *detail) {
    struct error e;
    error_clear(&e);
    error_set(&e, why, "%s%s%s", status_text(why), *detail ? ": " : "", detail);
    session_reply_error(s, 0, &e);
    session_break(s, why);
}

/* ---- input ---- */

uint8_t *session_space(struct session *s, size_t *ret_n) {
    uint8_t *p = s->over ? NULL : frames_space(&s->frames, ret_n);
    if (!p && !s->over)
        session_fail(s, E_MEMORY, "no room for input");
    return p;
}

static void frame_too_large(struct session *s, size_t n) {
    const struct limits *l = &s->service->limits;
    struct error e;
    error_clear(&e);
    if (s->hello_done) {
        error_limit(&e, E_FRAME_TOO_LARGE, "frame_bytes", l->frame_bytes, n);
        session_reply_error(s, 0, &e);
        return;
    }
    error_limit(&e, E_HELLO_TOO_LARGE, "hello_bytes", l->hello_bytes, n);
    session_reply_error(s, 0, &e);
    session_break(s, E_HELLO_TOO_LARGE);
}

/* Input that waits to be run. The message of the oldest request does not count: it is being run,
 * and what comes behind it (CANCEL, PING) must get through however large it is. */
static bool queue_is_full(const struct session *s) {
    size_t running = s->oldest ? s->oldest->first_charged : 0;
    return s->queued_bytes - running > s->service->limits.queue_bytes;
}

static size_t unsent(const struct session *s) { return s->sending.len - s->sent + s->pending.len; }

static bool output_is_full(const struct session *s) {
    return unsent(s) > s->service->limits.output_bytes;
}

static bool may_take(const struct session *s) { return !queue_is_full(s) && !output_is_full(s); }

/* Handles what is complete, until there is enough waiting to be run. */
static void handle_frames(struct session *s) {
    while (!s->over && may_take(s)) {
        const struct limits *l = &s->service->limits;
        uint64_t limit = s->hello_done                     ? l->frame_bytes
                         : l->hello_bytes < l->frame_bytes ? l->hello_bytes
                                                           : l->frame_bytes;
        const uint8_t *p;
        size_t n;
        switch (frames_next(&s->frames, (uint32_t)limit, &p, &n)) {
        case FRAME_NONE:
            return;
        case FRAME_READY:
            session_drop_passed(s, frames_position(&s->frames) - n - FRAME_LENGTH_BYTES);
            session_handle(s, p, n);
            session_drop_passed(s, frames_position(&s->frames));
            break;
        case FRAME_TOO_LARGE:
            frame_too_large(s, n);
            break;
        case FRAME_NO_MEMORY:
            session_fail(s, E_MEMORY, "no room for a frame");
            break;
        }
    }
}

static void take_frames(struct session *s) {
    if (!frames_are_empty(&s->frames))
        handle_frames(s);
    frames_rest(&s->frames);
}

/* The end of input, once everything complete has been answered. */
static void check_end(struct session *s) {
    if (!s->ended || s->over || s->queue || s->held || !may_take(s))
        return;
    if (frames_at_boundary(&s->frames) && s->n_requests == 0)
        return;
    struct error e;
    error_clear(&e);
    error_set(&e, E_TRUNCATED, "%s, after %llu bytes", status_text(E_TRUNCATED),
              (unsigned long long)s->bytes_in);
    e.offset = s->bytes_in;
    session_reply_error(s, 0, &e);
    session_break(s, E_TRUNCATED);
}

void session_fed(struct session *s, size_t n) {
    s->bytes_in += n;
    atomic_fetch_add_explicit(&s->service->bytes_in, n, memory_order_relaxed);
    frames_fed(&s->frames, n);
    spares_take_output(&s->service->spares, &s->pending);
    take_frames(s);
}

void session_end(struct session *s) {
    s->ended = true;
    take_frames(s);
    check_end(s);
}

bool session_wants_input(const struct session *s) { return !s->over && !s->ended && may_take(s); }

/* ---- the table of requests ---- */

struct request *session_find(struct session *s, uint32_t id) {
    struct request *r = s->requests[id % BUCKETS];
    while (r && r->id != id)
        r = r->next;
    return r;
}

struct prepared *session_plan(struct session *s, uint64_t number) {
    struct prepared *p = s->plans[number % BUCKETS];
    while (p && p->number != number)
        p = p->next;
    return p;
}

void session_queue(struct session *s, struct request *r) {
    if (r->state != REQUEST_WAITING)
        return;
    r->state = REQUEST_QUEUED;
    r->queue_next = NULL;
    r->queue_at = s->queue_tail;
    *s->queue_tail = r;
    s->queue_tail = &r->queue_next;
}

/* Takes it out of the run queue, wherever it stands there. */
static void unqueue(struct session *s, struct request *r) {
    *r->queue_at = r->queue_next;
    *(r->queue_next ? &r->queue_next->queue_at : &s->queue_tail) = r->queue_at;
}

static void forget(struct session *s, struct request *r) {
    struct request **at = &s->requests[r->id % BUCKETS];
    while (*at != r)
        at = &(*at)->next;
    *at = r->next;
    request_retire(r);
}

void session_close_request(struct session *s, struct request *r) {
    if (r->state == REQUEST_QUEUED)
        unqueue(s, r);
    if (r->state != REQUEST_CLOSED) {
        *(r->older ? &r->older->newer : &s->oldest) = r->newer;
        *(r->newer ? &r->newer->older : &s->newest) = r->older;
        s->n_requests--;
        s->queued_bytes -= r->first_charged;
        r->first_charged = 0;
        atomic_fetch_add_explicit(&s->service->requests, 1, memory_order_relaxed);
    }
    if (s->n_requests == 0)
        frames_shrink(&s->frames);
    bool was_dropping = r->state == REQUEST_CLOSED;
    r->state = REQUEST_CLOSED;
    if (r->is_stream && !r->end_seen && !r->cancelled && !s->ended) {
        request_strip(r); /* its number stays taken until END, CANCEL or the end */
        s->n_dropping++;
    } else {
        s->n_dropping -= was_dropping;
        forget(s, r);
    }
}

/* ---- turns ---- */

static void stopped(struct session *s, struct request *r);

/* What came in goes over to the run side. */
static void hand_over(struct request *r) {
    if (!r->inbox)
        return;
    *r->payloads_tail = r->inbox;
    r->payloads_tail = r->inbox_tail;
    r->payloads_bytes += r->inbox_bytes;
    r->inbox = NULL;
    r->inbox_tail = &r->inbox;
    r->inbox_bytes = 0;
}

bool session_next_reads(const struct session *s) {
    return !s->held && s->queue && s->queue->passed_fd != PASSED_NO_FD;
}

struct request *session_next(struct session *s, bool *ret_small) {
    if (s->over)
        return NULL;
    if (s->oldest && s->oldest->state == REQUEST_WAITING &&
        atomic_load(&s->oldest->stop_why) != E_OK)
        stopped(s, s->oldest);
    struct request *r = s->queue;
    if (!r || s->held || output_is_full(s))
        return NULL;
    unqueue(s, r);
    r->state = REQUEST_HELD;
    s->held = r;
    hand_over(r);
    r->all_in = r->end_seen;
    if (!r->parsed && r->first.len <= INLINE_BYTES)
        request_parse(r);
    *ret_small = r->is_inline = request_is_small(r);
    return r;
}

static void free_spent(struct session *s, struct request *r) {
    while (r->spent) {
        struct payload *p = r->spent;
        r->spent = p->next;
        s->queued_bytes -= p->charged;
        frames_give_back(&s->frames, &p->message);
        free(p);
    }
}

/* The request's replies become the session's: the buffers change places if nothing waits before
 * them (so that all goes on in the same memory), else they are copied. */
static void take_output(struct session *s, struct request *r) {
    if (s->pending.len == 0 && !s->pending.failed) {
        struct buf empty = s->pending;
        s->pending = r->out;
        r->out = empty;
        return;
    }
    buf_add(&s->pending, r->out.data, r->out.len);
    r->out.len = 0;
    if (buf_failed(&s->pending))
        session_break(s, E_MEMORY);
}

/* A PREPARE that went well leaves its plan with the session; one that did not gives back its place.
 */
static void settle_plan(struct session *s, struct request *r, bool good) {
    struct prepared *p = r->entry;
    if (r->kind != MESSAGE_PREPARE)
        return;
    if (!good || !r->own.compiled || r->error.status != E_OK) {
        s->n_plans--;
        return;
    }
    r->entry = NULL;
    compiled_ref(r->own.compiled);
    p->compiled = r->own.compiled;
    p->next = s->plans[p->number % BUCKETS];
    s->plans[p->number % BUCKETS] = p;
}

static void stopped(struct session *s, struct request *r) {
    enum status why = (enum status)atomic_load(&r->stop_why);
    struct error e;
    error_clear(&e);
    if (why == E_DEADLINE)
        error_limit(&e, why, "deadline_ms", s->service->limits.deadline_ms, ERROR_NONE);
    else
        error_set(&e, why, "%s", status_text(why));
    settle_plan(s, r, false);
    session_reply_error(s, r->id, &e);
    session_close_request(s, r);
}

/* Input that has been run no longer counts as waiting. */
static void uncharge(struct session *s, struct request *r) {
    free_spent(s, r);
    if (r->parsed && r->is_stream) {
        s->queued_bytes -= r->first_charged;
        r->first_charged = 0;
    }
}

void session_ran(struct session *s, struct request *r) {
    s->held = NULL;
    r->state = REQUEST_WAITING;
    uncharge(s, r);
    if (s->over) { /* the last word has been said */
        session_close_request(s, r);
    } else if (atomic_load(&r->stop_why) != E_OK && (!r->done || r->cancelled)) {
        stopped(s, r);
    } else {
        if (r->done && r->out.len == 0) /* there was no memory even for the error */
            session_reply_error(s, r->id, &r->error);
        take_output(s, r);
        if (r->done) {
            settle_plan(s, r, true);
            session_close_request(s, r);
        } else if (r->yielded || r->source_open || r->payloads || r->inbox || r->end_seen ||
                   r->use.snapshot) {
            r->yielded = false;
            session_queue(s, r);
        }
    }
    take_frames(s);
    check_end(s);
}

void session_stop_request(struct request *r, enum status why) {
    int none = E_OK;
    atomic_compare_exchange_strong(&r->stop_why, &none, (int)why);
    atomic_store(&r->stop, true);
}

/* A request that nobody holds is stopped here and now; a held one when it comes back. */
void session_cancel(struct session *s, struct request *r) {
    session_stop_request(r, E_CANCELLED);
    if (r != s->held)
        stopped(s, r);
}

struct request *session_oldest(struct session *s, uint64_t *ret_opened_ns) {
    struct request *r = s->oldest;
    if (!r || atomic_load(&r->stop_why) != E_OK)
        return NULL;
    *ret_opened_ns = r->opened_ns;
    return r;
}

void session_alone(struct session *s, bool alone) { s->alone = alone; }

void session_drain(struct session *s) { s->draining = true; }

/* ---- output ---- */

/* Nothing is to be sent, and nobody is about to have something. */
static void give_back_output(struct session *s) {
    if (s->n_requests > 0 || unsent(s) > 0)
        return;
    spares_put_output(&s->service->spares, &s->sending);
    spares_put_output(&s->service->spares, &s->pending);
    s->sent = 0;
}

const uint8_t *session_output(struct session *s, size_t *ret_n) {
    if (s->sent == s->sending.len) { /* all sent: what has gathered meanwhile is next */
        struct buf empty = s->sending;
        empty.len = 0;
        s->sending = s->pending;
        s->pending = empty;
        s->sent = 0;
        if (s->pending.cap > (s->sending.len > 0 ? READ_BYTES : KEPT_BYTES))
            buf_trim(&s->pending);
    }
    *ret_n = s->sending.len - s->sent;
    return *ret_n ? s->sending.data + s->sent : NULL;
}

void session_sent(struct session *s, size_t n) {
    s->sent += n;
    s->bytes_out += n;
    atomic_fetch_add_explicit(&s->service->bytes_out, n, memory_order_relaxed);
    take_frames(s); /* what had to wait for room in the output */
    check_end(s);
    give_back_output(s);
}

bool session_is_over(const struct session *s) {
    return s->over || (s->ended && s->n_requests == 0);
}

bool session_is_idle(const struct session *s) { return s->n_requests == 0 && unsent(s) == 0; }

enum status session_verdict(const struct session *s, uint64_t *ret_offset) {
    *ret_offset = s->bytes_in;
    return s->verdict;
}

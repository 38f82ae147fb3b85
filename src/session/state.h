/* Inside of sessions. Private to session/.
 *
 * A request is one FILTER, EXECUTE, PREPARE or EXPLAIN, from its first message to its last reply.
 * It waits in its session's table; those that can go on stand in the run queue. Whoever holds a
 * request (session_next) may touch what is under `run side`, nobody else; the rest belongs to the
 * session's thread. The two sides meet in session_ran, and in `stop`, which is atomic.
 */
#ifndef TAMIS_SESSION_STATE_H
#define TAMIS_SESSION_STATE_H

#include "base/buf.h"
#include "engine/absent.h"
#include "engine/bytes.h"
#include "engine/result.h"
#include "engine/source.h"
#include "plan/plan.h"
#include "session/cache.h"
#include "session/session.h"
#include "wire/frame.h"
#include "wire/message.h"
#include "wire/reply.h"

#define BUCKETS 256u

/* What a PREPARE leaves with the session. */
struct prepared {
    uint64_t number;       /* as the client knows it */
    struct prepared *next; /* in its bucket */
    struct compiled *compiled;
};

struct payload {
    struct payload *next;
    struct buf message; /* owns the frame */
    size_t at;          /* where the payload stands in it */
    size_t charged;     /* of the session's queued_bytes: its own size too, many may be tiny */
};

enum request_state {
    REQUEST_WAITING, /* for more ROWS */
    REQUEST_QUEUED,  /* in the run queue */
    REQUEST_HELD,    /* by the owner or a worker */
    REQUEST_CLOSED,  /* answered; what the client still sends for its row stream is dropped */
};

struct request {
    struct session *session;
    struct request *next;          /* in its bucket */
    struct request *queue_next;    /* in the run queue */
    struct request *older, *newer; /* in the order of opening, while not answered */
    enum message_kind kind;
    uint32_t id;
    uint64_t opened_ns;
    enum request_state state;
    bool cancelled;
    bool end_seen;                       /* END has come */
    size_t first_charged;                /* of the session's queued_bytes, for the first message */
    struct payload *inbox, **inbox_tail; /* payloads that came since the last run */
    size_t inbox_bytes;
    atomic_bool stop;
    _Atomic int stop_why; /* enum status */

    /* run side */
    struct message message;   /* the first message, at its third element */
    struct buf first;         /* owns its bytes */
    struct value query_value; /* the query as it came: STR or ARRAY; missing for a prepared one */
    size_t payload_at;        /* of the first message's payload; 0: none */
    struct prepared *entry;   /* PREPARE: what it will leave */
    bool prepared_missing;    /* a plan number that the session does not know */
    bool reads_file;          /* its payload is one: never on the session's thread */
    bool parsed, is_stream, all_in; /* all_in: no payload will come any more */
    bool is_inline;                 /* this run is on the session's thread ... */
    bool yielded; /* ... where it does not belong: it has stopped before its heavy part */
    struct compiled *compiled;
    bool made_query; /* it is not from the cache, nor a prepared one: nobody else has it yet */
    struct value *params;
    size_t params_bytes;
    struct value params_option; /* as it came, until the query is known; missing: none */
    enum result_kind result_kind;
    uint64_t limit; /* rows still wanted; UINT64_MAX: no limit */
    bool limit_reached;
    bool strict; /* the first type mismatch is an error */
    struct absent absent;
    struct plan *own_plan;
    struct arena arena;         /* life of the request */
    struct arena payload_arena; /* life of a payload */
    struct run *run;
    struct scanner scanner;
    struct payload *payloads, **payloads_tail, *spent; /* to be run, and to be given back */
    size_t payloads_bytes;                             /* of the messages to be run */
    bool source_open;
    struct source source;
    struct byte_rows bytes; /* of payloads that are bytes of a format */
    struct result result;
    struct reply_result reply;
    bool result_open;
    uint64_t rows, matched; /* so far */
    struct buf out;         /* replies made by this run */
    struct error error;
    bool done; /* the last reply is in out */
};

struct session {
    struct service *service;
    struct frames frames;
    bool hello_done, ended, over, draining;
    enum status verdict;
    struct buf sending, pending; /* output: `sending` is fixed until it is sent */
    size_t sent;
    uint64_t bytes_in, bytes_out;
    struct request *requests[BUCKETS];
    struct request *queue, **queue_tail;
    struct request *oldest, *newest;
    struct request *held;
    uint32_t n_requests; /* not answered */
    uint32_t n_dropping; /* answered streams whose END has not come */
    size_t queued_bytes;
    struct prepared *plans[BUCKETS];
    uint32_t n_plans;
    uint64_t next_plan;
};

/* session.c */
void session_reply_error(struct session *s, uint32_t id, struct error *e);
void session_break(struct session *s, enum status why); /* ends it: nothing more is read */
bool session_replied(struct session *s,
                     bool ok); /* a reply that did not fit into memory ends the session */
struct request *session_find(struct session *s, uint32_t id);
struct prepared *session_plan(struct session *s, uint64_t number);
void session_queue(struct session *s, struct request *r);
void session_close_request(
    struct session *s, struct request *r); /* answered: forget it, or drop what may still come */
void session_cancel(struct session *s, struct request *r); /* by its client */

/* handlers.c: one message. */
void session_handle(struct session *s, const uint8_t *p, size_t n);

/* request.c */
struct request *request_new(struct session *s, enum message_kind kind, uint32_t id);
void request_free(struct request *r);
void request_strip(struct request *r); /* gives back all memory but the request itself */
bool request_add_payload(struct request *r, struct buf *message,
                         size_t at); /* takes message, also on failure */
bool request_is_small(const struct request *r);
void request_finish(struct request *r, struct error *e); /* last reply: ERROR */

/* request_read.c */
void request_parse(struct request *r); /* query, options and payload of the first message */

/* options.c */
enum status options_read(struct request *r, struct mp_reader *reader, struct error *e);
enum status params_bind(struct request *r,
                        struct error *e); /* option -> r->params, by the query's parameters */

/* stats.c */
bool stats_reply(struct session *s, uint32_t id);
bool welcome_reply(struct session *s, uint32_t id);

/* What there is to warn of, in ret, which has room for WARNINGS_MOST; gives how many. Run side. */
uint32_t request_warnings(const struct request *r, struct warning *ret);

/* explain.c: run side */
void explain_reply(struct request *r);
enum status prepare_reply(struct request *r, struct error *e);

#endif

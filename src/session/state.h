/* Inside of sessions. Private to session/.
 *
 * A request is one FILTER, PREPARE, LOAD or the like, from its first message to its last reply.
 * It waits in its session's table; those that can go on stand in the run queue. Whoever holds a
 * request (session_next) may touch what is under `run side`, nobody else; the rest belongs to the
 * session's thread. The two sides meet in session_ran, and in `stop`, which is atomic.
 */
#ifndef TAMIS_SESSION_STATE_H
#define TAMIS_SESSION_STATE_H

#include "base/buf.h"
#include "base/build.h"
#include "engine/absent.h"
#include "engine/all_text.h"
#include "engine/bytes.h"
#include "engine/resident.h"
#include "engine/result.h"
#include "engine/source.h"
#include "plan/plan.h"
#include "session/cache.h"
#include "session/passed.h"
#include "session/session.h"
#include "wire/frame.h"
#include "wire/message.h"
#include "wire/reply.h"

#define BUCKETS    256u
#define KEPT_BYTES (READ_BYTES / 4) /* of a buffer, that is kept for the next request */

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

/* A region of the memory that the client shares, in which results go one behind the other, and once
 * it is at the end, again from the beginning as far as the client has taken what was there. In use
 * is [taken, head), or if it has turned [taken, turn) and [0, head). */
struct into {
    bool is_set;
    uint8_t *p;
    size_t offset, bytes; /* of the region: offset in the whole */
    size_t head, taken, turn;
    bool turned;
    /* of tables */
    bool is_direct;              /* results are made there, not copied */
    struct resident_chunk chunk; /* put there and not told yet, if it has data */
    size_t chunk_at, chunk_bytes;
    /* of other payloads: the chunk of rows that is being made there */
    bool is_open;
    struct buf rows;
};

/* A query, how its request asks it, and its run over a table. A request has one, or none; QUERIES
 * has many. Run side. */
struct question {
    struct request *request;
    struct value text;         /* the query as it came: STR or ARRAY; missing for a prepared one */
    struct compiled *compiled; /* of a prepared one from the start; NULL: there is none */
    bool made_query; /* it is not from the cache, nor a prepared one: nobody else has it yet */
    struct value *params;
    size_t params_bytes;
    struct value params_option; /* as it came, until the query is known; missing: none */
    struct plan *own_plan;
    enum result_kind result_kind;
    uint64_t limit; /* rows still wanted; UINT64_MAX: no limit */
    bool strict;    /* the first type mismatch is an error */
    /* of tables alone */
    uint64_t offset;
    struct order_by *order;
    struct path *columns;
    uint32_t n_order, n_columns;
    struct path by;
    bool has_table_options;
    struct into into; /* not of QUERIES */
    struct resident *resident;
    uint64_t took_ns; /* so far */
    uint32_t n_scans;
    bool scans_are_shared; /* they go back to `compiled` */
    /* of QUERIES alone */
    bool over; /* `failure` or `counts` say how it went */
    struct error *failure;
    struct reply_counts counts;
    struct scan *scans[SCANS_KEPT]; /* last: not cleared beforehand */
};

/* What a request has to do with a table; zero for one that has nothing. Run side. */
struct table_use {
    struct named_table *table; /* with a reference */
    /* queries */
    const struct snapshot *snapshot; /* from the first turn on, the same for all questions */
    struct buf data;                 /* of a RESULT that is no bin, or whose place is open */
    uint32_t asked;                  /* the question of QUERIES whose turn it is ... */
    uint32_t to;                     /* ... up to this part, like the others' */
    uint32_t n_over;                 /* questions */
    /* changes */
    struct value name, key, keys;
    bool is_private;
    enum exists exists;
    enum batch_mode mode;
    struct loader *loader;
    struct fetcher *fetcher; /* the loader's, or NULL: nothing is in the client's memory */
    uint64_t n_payloads;     /* that the loader has */
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
    struct request *queue_next;    /* in the run queue, */
    struct request **queue_at;     /* and what points to it there */
    struct request *older, *newer; /* in the order of opening, while not answered */
    enum message_kind kind;
    uint32_t id;
    uint64_t opened_ns;
    enum request_state state;
    bool cancelled;
    int passed_fd;        /* came with the message, lent to `bytes`; or PASSED_NO_FD */
    bool end_seen;        /* END has come */
    size_t first_charged; /* of the session's queued_bytes, for the first message */
    struct payload *inbox, **inbox_tail; /* payloads that came since the last run */
    size_t inbox_bytes;
    atomic_bool stop;
    _Atomic int stop_why;   /* enum status */
    _Atomic uint64_t taken; /* the latest TAKEN that nobody has looked at, plus 1; 0: none */

    /* run side */
    struct question *questions; /* &own, but for QUERIES */
    uint32_t n_questions;
    size_t payload_at;              /* of the first message's payload; 0: none */
    struct prepared *entry;         /* PREPARE: what it will leave */
    bool reads_file;                /* its payload is one: never on the session's thread */
    bool parsed, is_stream, all_in; /* all_in: no payload will come any more */
    bool is_inline;                 /* this run is on the session's thread ... */
    bool is_short;                  /* ... as it was when it was asked last: up to ALONE_NS ... */
    bool yielded; /* ... where it does not belong: it has stopped before its heavy part */
    bool limit_reached;
    struct run *run;
    struct payload *payloads, **payloads_tail, *spent; /* to be run, and to be given back */
    size_t payloads_bytes;                             /* of the messages to be run */
    bool source_open;
    struct result result;
    struct reply_result reply;
    bool result_open;
    uint64_t rows, matched; /* so far */
    struct table_use use;
    bool done; /* the last reply is in out */

    /* Memory that a spare request keeps for the next. */
    struct buf first;           /* owns the bytes of the first message */
    struct buf out;             /* replies made by this run */
    struct arena arena;         /* life of the request */
    struct arena payload_arena; /* life of a payload */
    struct resident *idle;      /* one that is over, if any */

    /* Not cleared as a whole for a new request, as this is most of its bytes. */
    struct question own;
    struct byte_rows bytes; /* of payloads that are bytes of a format */
    struct absent absent;
    struct all_text all_text;
    struct error error;
    struct message message; /* the first message, at its third element */
    struct scanner scanner; /* with `run` */
    struct source source;   /* while source_open */
};

struct session {
    struct service *service;
    struct frames frames;
    bool hello_done, ended, over, draining, alone;
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
    bool may_pass; /* descriptors */
    struct passed_queue passed;
    uint64_t n_descriptors; /* held: those that wait for their frame, and those of requests */
    struct prepared *plans[BUCKETS];
    uint32_t n_plans;
    uint64_t next_plan;
    struct viewer viewer;
    uint8_t *shared; /* NULL: nothing */
    size_t shared_bytes;
    struct peer may_read, peer; /* whose memory may be read, if it agrees; and has agreed */
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

/* spares.c */
void spares_done(struct spares *s);
struct request *spares_take_request(struct spares *s);        /* NULL: there is none */
bool spares_put_request(struct spares *s, struct request *r); /* false: there are enough */
void spares_take_output(struct spares *s, struct buf *ret);   /* if ret has no memory */
void spares_put_output(struct spares *s, struct buf *b);      /* b is empty then */

/* passed.c */
/* The descriptor that came with the message that is being handled: *ret_fd is the caller's if it is
 * PASSED_FD. */
enum passed session_take_passed(struct session *s, int *ret_fd);
/* Closes one that was taken; PASSED_NO_FD is fine. */
void session_let_go(struct session *s, int fd);
/* Closes those that came with bytes before `end` and that no message has taken. */
void session_drop_passed(struct session *s, uint64_t end);
void session_free_passed(struct session *s);

/* handlers.c: one message. */
void session_handle(struct session *s, const uint8_t *p, size_t n);

/* request.c */
struct request *request_new(struct session *s, enum message_kind kind, uint32_t id);
void request_free(struct request *r);    /* NULL is fine */
void request_retire(struct request *r);  /* the same, but it may become a spare one */
void request_destroy(struct request *r); /* one that has retired */
void request_strip(struct request *r);   /* gives back all memory but the request itself */
bool request_add_payload(struct request *r, struct buf *message,
                         size_t at);                 /* takes message, also on failure */
size_t request_query_bytes(const struct request *r); /* of all its queries and their parameters */
bool request_is_small(struct request *r);
void request_finish(struct request *r, struct error *e); /* last reply: ERROR */

/* request_read.c */
/* The message's last element as the payload, or nil for a row stream. */
enum status request_read_payload(struct request *r, struct error *e);
void request_parse(struct request *r); /* query, options and payload of the first message */

/* question.c: run side */
void question_init(struct question *q, struct request *r);
void question_done(struct question *q);
/* Steps over a value however deep it is. */
void question_skip(struct mp_reader *reader);
/* The query, or the number of a prepared one, which the session has looked up already. */
enum status question_read(struct question *q, struct mp_reader *reader, struct error *e);
void question_find(struct question *q); /* compiled, if the plan cache has it */
/* After this compiled and the plan to run are there, or an error; or the request has yielded. */
enum status question_compile(struct question *q, struct error *e);
const struct plan *question_plan(const struct question *q); /* NULL before it is compiled */
size_t question_bytes(const struct question *q);            /* that running it takes time by */
/* What there is to warn of in the query itself, and in it over the request's table, in ret, which
 * has room for WARNINGS_MOST. */
uint32_t question_warnings(const struct question *q, struct warning *ret);

/* options.c */
enum status options_read(struct question *q, struct mp_reader *reader, struct error *e);
enum status params_bind(struct question *q,
                        struct error *e); /* option -> params, by the query's parameters */

/* request.c: run side */
/* What its only query runs; NULL before it is compiled. */
const struct plan *request_plan(const struct request *r);
/* How its queries are run; timed: their steps are measured. */
struct run_options request_run_options(const struct request *r, bool timed);
enum status request_open_source(struct request *r, struct error *e);
void request_close_source(struct request *r);
bool request_has_input(const struct request *r);
bool request_may_go_on(const struct request *r, uint64_t began, uint64_t rows); /* this turn */

/* table_query.c: run side. FILTER, EXECUTE and EXPLAIN over a table. */
enum status table_query_check(const struct question *q,
                              struct error *e); /* once options are known */
enum status table_query_advance(struct request *r, struct error *e);
void table_query_done(struct request *r);
/* The rows that it is about, the same from the first call on. */
const struct snapshot *table_query_snapshot(struct request *r);
bool table_query_is_small(struct request *r);
/* A compiled question, over the request's snapshot: begins; tells a chunk at most, not looking at
 * parts from `to` on; gives back what it held for it. */
enum status table_query_start(struct question *q, struct error *e);
enum status table_query_take(struct question *q, uint32_t to, struct error *e);
void table_query_end(struct question *q);
struct reply_counts table_query_counts(const struct question *q);

/* table_queries.c: QUERIES */
/* On the session's thread: the plans that the message names by number. False: no memory. */
bool table_queries_find_plans(struct session *s, struct request *r, struct mp_reader at_table);
enum status table_queries_parse(struct request *r, struct error *e);   /* run side */
enum status table_queries_advance(struct request *r, struct error *e); /* run side */

/* rows.c: run side */
/* Adds n rows of the block, of which `matches` are kept, to the open result, or to a new one. */
enum status rows_add(struct request *r, uint32_t n, const uint16_t *matches, uint32_t kept,
                     struct error *e);
/* Ends the open result. */
enum status rows_end(struct request *r, struct error *e);

/* into.c: run side, but for the first. Results in memory that the client shares. */
/* TAKEN has come, on the session's thread: what is before `end` in the shared memory. */
void into_note_taken(struct request *r, uint64_t end);
/* Begins a chunk of rows where there is room for so many bytes, if there is (then is_open). */
enum status into_open(struct question *q, size_t bytes, struct error *e);
/* RESULT of the rows that the open chunk has; none if it has none. */
enum status into_close(struct question *q, struct error *e);
/* Of tables: the next chunk, as far as it fits there, else in a RESULT with all its bytes. */
enum status into_take(struct question *q, struct resident_chunk *chunk, struct error *e);
/* RESULT of what is there and has not been told. */
enum status into_tell(struct question *q, struct error *e);

/* table_change.c: run side. The other messages about tables. */
bool message_is_for_tables(enum message_kind kind);
enum status table_parse(struct request *r, struct error *e);
enum status table_advance(struct request *r, struct error *e);
/* The table that the reader's next value names, into r->use. */
enum status table_read(struct request *r, struct mp_reader *reader, struct error *e);
void table_use_done(struct request *r);
/* Its last reply: CHANGED. */
enum status changed_reply(struct request *r, uint64_t added, uint64_t replaced, uint64_t deleted,
                          uint64_t rows, struct error *e);
uint64_t table_rows(struct table *t);
bool table_message_is_small(struct request *r);

/* table_load.c: run side */
enum status table_load_advance(struct request *r, struct error *e);
void table_load_done(struct request *r);

/* table_describe.c: run side */
enum status table_describe(struct request *r, struct error *e);

/* stats.c */
bool stats_reply(struct session *s, uint32_t id);
bool welcome_reply(struct session *s, uint32_t id);

/* What there is to warn of, in ret, which has room for WARNINGS_MOST; gives how many. Run side. */
uint32_t request_warnings(const struct request *r, struct warning *ret);

/* explain.c: run side */
void explain_reply(struct request *r);
enum status prepare_reply(struct request *r, struct error *e);

#endif

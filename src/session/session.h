/* A session: the protocol state of one connection. Bytes in, bytes out; no sockets, no clock, no
 * threads of its own.
 *
 * Threads: every function but session_run belongs to the thread that owns all sessions of a service
 * (the event loop). session_run may be called on another thread, for at most one request of a
 * session at a time, while the owner goes on feeding, sending and cancelling.
 *
 * The owner's loop:
 *
 * - read: p = session_space(s, &n); read up to n bytes to p; session_fed(s, got). Not while
 *   session_wants_input is false.
 * - end: session_end(s) at end of input.
 * - run: r = session_next(s): a request that can go on, or NULL. session_run(r, ...) here or on a
 *   worker, then session_ran(s, r).
 * - write: p = session_output(s, &n); write; session_sent(s, written).
 * - close: when session_is_over(s) and all output is sent; session_free (only when no request is on
 *   a worker).
 *
 * Errors that a peer causes never come back as a status: they are replies. Out of memory inside the
 * session becomes a reply, or, if even that does not fit, an ended session.
 */
#ifndef TAMIS_SESSION_SESSION_H
#define TAMIS_SESSION_SESSION_H

#include "base/alloc.h"
#include "base/crew.h"
#include "base/limits.h"
#include "session/cache.h"
#include "session/tables.h"
#include "wire/frame.h"

#include <stdatomic.h>

struct session;
struct request;

#define SPARES_MOST 32u
#define ALONE_NS    250000u /* of a question that runs on the owner's thread, see session_alone */

/* Memory that a session without work does not keep, and the next one with some takes: requests that
 * are over, with up to 16 KiB of each of their buffers, and buffers for output of the same size. It
 * stays charged; while memory is scarce, one of each is kept. One thread: the sessions'. */
struct spares {
    struct request *requests; /* the last one first, as its memory is in the cache */
    uint32_t n_requests, n_outputs;
    struct buf outputs[SPARES_MOST];
    struct budget *budget;
};

/* What all sessions share: owned by the server, outlives them. Counters are atomic. */
struct service {
    struct limits limits;
    struct budget budget;       /* memory_bytes ... */
    struct budget table_budget; /* ... and what tables may have of it */
    uint64_t (*now_ns)(
        void); /* a monotonic clock for quanta, EXPLAIN ANALYZE and uptime; may be NULL */
    uint64_t started_ns;
    bool may_open; /* the files that clients name: for a client that could open them itself */
    /* Descriptors that clients have passed and that are not closed yet; at most so many are kept.
     * let_go closes one without making the session's thread wait, and counts it down when that is
     * done; NULL: it is closed at once. */
    _Atomic uint64_t descriptors;
    uint64_t descriptors_most;
    void (*let_go)(struct service *service, int fd);
    _Atomic uint64_t clients, requests, rows, matched, bytes_in, bytes_out, errors;
    struct plan_cache plans;
    struct tables tables;
    struct crew *crew;         /* for large tables; NULL: none */
    struct frame_store frames; /* memory that sessions do not keep: of input ... */
    struct spares spares;      /* ... and all else */
    _Atomic uint64_t next_session;
};
void service_init(struct service *service, const struct limits *limits);
void service_done(struct service *service); /* after its last session */

struct session *session_new(struct service *service); /* NULL: no memory */
/* The owner can receive descriptors beside the bytes: WELCOME says so, if any are taken. Before the
 * first byte. */
void session_may_pass(struct session *s);
void session_free(struct session *s);
/* Whose shared tables it sees; 0 unless it is told. */
void session_set_user(struct session *s, uint64_t user);
/* Memory that its client has, too, for the data of results: n bytes that stay mapped while the
 * session lives, aligned to a page. The client may change them at any time, so they are written and
 * never read. Before the first bytes of the client. */
void session_share(struct session *s, uint8_t *p, size_t n);

/* The process whose memory may be read, once the client tells in HELLO what stands there: what a
 * LOAD brings may then stay there. Before the first bytes of the client. */
void session_may_read(struct session *s, pid_t pid);

uint8_t *session_space(struct session *s, size_t *ret_n); /* NULL: no memory, the session is over */
void session_fed(struct session *s, size_t n); /* 0: there was nothing to read after all */
/* Whether descriptors may be received now; if not, they are to be lost on the way. */
bool session_takes_passed(const struct session *s);
/* Takes descriptors that came with the `bytes` bytes that are fed next: with the last one of them.
 * lost: there were more, for which the process had no room. */
void session_passed(struct session *s, const int *fds, size_t n, bool lost, size_t bytes);
void session_end(struct session *s);
bool session_wants_input(const struct session *s);

/* The next request to run for a while, in turn; it is then held by the caller until session_ran.
 * NULL: nothing can run (no request, one is already held, or unsent output is over output_bytes).
 * *ret_small: it will take few microseconds and may run on the owner's thread. */
struct request *session_next(struct session *s, bool *ret_small);
/* Whether nobody but this session is likely to need the owner's thread. While that is so, a
 * question about a table is small, too, if it took no more than ALONE_NS when it was asked last. */
void session_alone(struct session *s, bool alone);
/* Whether session_next would give a request with a descriptor: running it reads a file of the
 * client's choice, which may take any time. */
bool session_next_reads(const struct session *s);
void session_run(struct request *r); /* a quantum: STEP_ROWS rows, 5 ms, or 1 MiB of output,
                                        whatever comes first; any thread */
void session_ran(struct session *s, struct request *r);

/* Stops a request that the owner's clock says has run too long, or that must end with its
 * connection. Takes effect at the latest with the next session_next or session_ran. Any thread. */
void session_stop_request(struct request *r, enum status why);
/* The request that has been open longest without being answered, with the time of service.now_ns at
 * which it came; NULL if there is none, or if it is being stopped already. For the deadline timer.
 */
struct request *session_oldest(struct session *s, uint64_t *ret_opened_ns);
/* Refuses new requests and lets those that are open end: for SIGTERM. */
void session_drain(struct session *s);
/* Puts a last error (id 0) in the output and ends the session: TOO_MANY_CLIENTS, SLOW_CLIENT,
 * SHUTDOWN. */
void session_fail(struct session *s, enum status why, const char *detail);

/* What is to be written next: these bytes stay where they are until session_sent has counted all of
 * them, whatever is appended. */
const uint8_t *session_output(struct session *s, size_t *ret_n);
void session_sent(struct session *s, size_t n);

bool session_is_over(const struct session *s); /* nothing more will be read or run */
bool session_is_idle(const struct session *s); /* no request open, no output unsent */
/* E_OK, or why the connection ended early (TRUNCATED, HELLO_FIRST ...); *ret_offset: bytes
 * received. For the exit status of --stdio. */
enum status session_verdict(const struct session *s, uint64_t *ret_offset);

#endif

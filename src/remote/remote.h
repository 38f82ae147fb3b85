/* A service at the other end of a Unix socket: one request at a time, rows as bytes out and the
 * kept ones back.
 *
 * Nothing waits in here but remote_connect and remote_explain. While a request is under way its
 * owner polls remote_fd for remote_events, calls remote_step when it is ready, and gives bytes when
 * remote_wants says so: so both directions may be full and nothing stands still. Memory is bounded:
 * one piece that is on its way, and one frame of the service. Knows the protocol; knows no files,
 * no terminals and nothing of what the rows are for. One thread at a time.
 */
#ifndef TAMIS_REMOTE_REMOTE_H
#define TAMIS_REMOTE_REMOTE_H

#include "format/reader.h"
#include "wire/answer.h"

struct remote;

/* A query and its parameters. All borrowed. */
struct remote_query {
    struct str text;
    const struct str *names;    /* of the parameters; p NULL for a ?. All are of one kind. */
    const struct value *values; /* missing: none */
    uint32_t n_params;
};

/* What is asked of an input. All borrowed, until remote_ask is done. */
struct remote_request {
    struct remote_query query;
    const struct reader_options *rows; /* format, validate and csv; the rest is the service's */
    bool skip;                         /* step over broken rows */
    bool strict;
    bool wants_rows; /* else they are only counted */
    uint64_t limit;  /* UINT64_MAX: none */
    int fd; /* of a file that the service reads itself, from byte `at` on; -1: bytes follow.
               Must stay open until the request is over */
    uint64_t at;
};

/* Connects and greets. NULL, with what is wrong in e->message: E_SYSTEM, E_BAD_MESSAGE (it is
 * something else that listens there), or what the service says. */
struct remote *remote_connect(const char *path, struct error *e);
void remote_free(struct remote *r); /* NULL is fine */

/* Whether the service names that capability. */
bool remote_can(const struct remote *r, const char *capability);
/* How long it waits for a client that takes nothing, in ms; 0: for ever, or it has not said. */
uint64_t remote_stall_ms(const struct remote *r);

/* The plan of the query, and what there is to warn of; *ret borrows until the next call. Waits. */
enum status remote_explain(struct remote *r, const struct remote_query *q,
                           struct answer_explained *ret, struct error *e);

/* Begins a request; the one before must be over. E_MEMORY. */
enum status remote_ask(struct remote *r, const struct remote_request *request, struct error *e);
/* Whether more bytes of rows are taken, and how many: 0 while earlier ones are on their way, when
 * remote_end was called, and once the request is over. */
size_t remote_wants(const struct remote *r);
/* The next bytes of the input, at most so many; copied. False: no memory. */
bool remote_give(struct remote *r, const uint8_t *p, size_t n);
/* No more bytes come; or the request is given up, which is answered by REMOTE_FAILED, CANCELLED. */
bool remote_end(struct remote *r);
bool remote_cancel(struct remote *r);

int remote_fd(const struct remote *r);
short remote_events(const struct remote *r); /* of poll(2) */

enum remote_state {
    REMOTE_WAITS,  /* nothing more can be done now */
    REMOTE_GOES,   /* something was done: call again */
    REMOTE_ROWS,   /* `rows` are kept rows, until the next call */
    REMOTE_DONE,   /* the request is over: `done` */
    REMOTE_FAILED, /* the same, with `error` */
    REMOTE_LOST,   /* the connection is, for good: `error` */
};

/* What came of a step. */
struct remote_event {
    struct str rows;
    const struct answer_done *done;
    const struct error *error;
};

/* Writes and reads what is possible without waiting. */
enum remote_state remote_step(struct remote *r, struct remote_event *ret);

/* While the owner is kept from calling remote_step: takes a little of what the service has sent, so
 * that it is seen to be alive. Not without end: up to 32 MiB. */
void remote_keep(struct remote *r);

/* Rows that are known to be looked at, and kept if they are only counted, of the request so far. */
uint64_t remote_rows(const struct remote *r);
uint64_t remote_matched(const struct remote *r);

#endif

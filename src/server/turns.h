/* Turns of the loop, as far as requests run on its own thread.
 *
 * Small requests run there, and while one client alone asks, also its questions about tables that
 * take less time than a worker takes to wake up for them and back: nobody stands behind them. In a
 * turn a client has so many runs and so much time; what is left is for its next turn, before which
 * the loop does not wait.
 *
 * After an answer the loop looks for more to do for some time before it sleeps (busy polling), as
 * a client that asks again at once would wait longer for it to wake up than for the answer.
 *
 * The loop's thread. */
#ifndef TAMIS_SERVER_TURNS_H
#define TAMIS_SERVER_TURNS_H

#include "server/link.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct client;

struct turns {
    uv_idle_t awake; /* active while the loop is not to wait */
    uv_prepare_t tick;
    struct link more; /* clients with inline work left for the next turn, by client.more */
    uint64_t number;
    uint64_t busy_poll_ns; /* after answered_ns */
    uint64_t answered_ns;
    const struct client *asker; /* whose requests have run last ... */
    unsigned asked;             /* ... so many of them without one of another between */
};

/* busy_poll_ns 0: sleeps at once, as it does with one processor. */
void turns_init(struct turns *t, uv_loop_t *loop, uint64_t busy_poll_ns);
void turns_close(struct turns *t);

/* Whether the client may run something more in this turn; if not, it goes on in the next one. */
bool turns_may_run(struct turns *t, struct client *c);
/* Whether the client alone has had something to run, for some time. */
bool turns_alone(const struct turns *t, const struct client *c);
/* It has something, here or on a worker. */
void turns_asked(struct turns *t, const struct client *c);
/* Something of it has run on the loop's thread. */
void turns_ran(struct client *c);
/* Bytes for a client are on their way. */
void turns_answered(struct turns *t);
/* The client runs nothing any more. */
void turns_forget(struct turns *t, struct client *c);

#endif

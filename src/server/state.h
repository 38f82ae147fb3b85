/* The server's own state: what its files share, and nothing outside this folder sees. One struct,
 * owned by server_run. */
#ifndef TAMIS_SERVER_STATE_H
#define TAMIS_SERVER_STATE_H

#include "server/closer.h"
#include "server/heap.h"
#include "server/link.h"
#include "server/parent.h"
#include "server/server.h"
#include "server/shared.h"
#include "server/turns.h"
#include "server/uids.h"
#include "session/session.h"

#include <uv.h>

struct client_outcome;
struct listener;

#define SCRATCH_BYTES 65536u

struct server {
    uv_loop_t loop;
    const struct server_options *options;
    struct service service;

    struct link clients;            /* all, by client.all */
    struct link readers;            /* those whose next request reads a file, while too many do, by
                                       client.reader */
    unsigned reading, reading_most; /* workers that may be inside of a client's file */
    struct closer *closer;
    uint64_t counted;   /* clients that count for the limit */
    unsigned lingering; /* connections that are over and only wait for their peer to notice */
    struct uids uids;

    struct turns turns;
    struct heap heap;

    struct listener *listeners;
    uv_timer_t accept_timer; /* after the descriptors ran out */
    int reserve_fd;          /* given up for a moment to refuse a client when they did */

    struct shared shared; /* --stdio: the client's memory */
    struct parent_watch parent;
    uv_signal_t signals[3];
    size_t signal_count; /* of them that are initialized */
    uv_timer_t drain_timer;
    uv_work_t warm_up;
    int stdio_flags[2]; /* of descriptors 0 and 1 as we found them; -1: not ours to restore */

    bool draining;
    bool ended; /* our own handles are closing; the loop runs out */
    int exit_status;
    uint64_t note_ms; /* start of the second in which notes are counted */
    unsigned notes;

    uint8_t scratch[SCRATCH_BYTES]; /* input that nobody wants */
};

/* A line on stderr, "tamisd: " before it. */
void server_log(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same for events that peers can cause at will: a few lines a second, the rest is dropped. */
void server_note(struct server *server, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A client of `server` is being freed; outcome says how it went. */
void server_client_gone(struct server *server, const struct client_outcome *outcome);

#endif

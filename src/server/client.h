/* A client: one connection, which is a session with descriptors, a place on the thread pool and a
 * watchdog.
 *
 * It moves bytes and requests and keeps them bounded: what runs inline in one turn of the loop,
 * what is read while the session wants none, how long output may wait and a request may take. It
 * never looks into the bytes.
 *
 * Life: open -> (lingering) -> closing -> freed. A client is freed in a callback of the loop, when
 * its last handle is closed and no request of it is on a worker, never inside a call from its
 * owner.
 */
#ifndef TAMIS_SERVER_CLIENT_H
#define TAMIS_SERVER_CLIENT_H

#include "server/channel.h"
#include "server/state.h"

enum client_state { CLIENT_OPEN, CLIENT_LINGERING, CLIENT_CLOSING };

struct client {
    struct link all;    /* first: a link is its client */
    struct link more;   /* in turns.more while inline work is left */
    struct link reader; /* in server.readers while it waits for its turn to read a file */
    struct server *server;
    struct session *session;
    enum client_state state;
    bool counted; /* for the limits clients and clients_per_uid */
    bool is_socket;
    uid_t uid;

    struct channel in;
    struct channel out_own; /* --stdio: descriptor 1 */
    struct channel *out;    /* &out_own, or &in for a socket */
    unsigned handles;       /* libuv handles not yet closed */
    bool eof;               /* the peer sends no more */
    bool writing;           /* a piece of the output is with channel_write_later */
    int write_error, read_error;

    uv_work_t work;
    struct request *held;   /* with a worker */
    bool reading;           /* it reads a file that was passed */
    uint64_t turn, turn_ns; /* that inline_left is for, and when it began for this client */
    unsigned inline_left;

    uv_timer_t watch;
    uint64_t watch_due_ms;
    uint64_t progress_ms; /* when output was last taken */
    size_t waiting_seen;  /* channel_waiting at that time */
    uint64_t linger_ms;   /* when lingering ends */
};

/* How a connection went; for --stdio's exit status. */
struct client_outcome {
    enum status verdict; /* the session's */
    uint64_t offset;
    int read_error, write_error; /* libuv errors, 0 if none */
};

static inline struct client *client_of_reader(struct link *l) {
    return (struct client *)(void *)((char *)l - offsetof(struct client, reader));
}

/* A connection that was accepted; takes fd, also on failure. counted: uid was taken from
 * server->uids. */
struct client *client_new_socket(struct server *server, int fd, uid_t uid, bool counted);
/* Descriptors 0 and 1. NULL, with a line on stderr, if they cannot be used; the rest of the loop
 * must then still be run. */
struct client *client_new_stdio(struct server *server);

/* Sends a last error and closes. */
void client_refuse(struct client *c, enum status why, const char *detail);
/* The same at once, for a descriptor that gets no client; takes fd. */
void client_refuse_fd(struct server *server, int fd, enum status why, const char *detail);

void client_drain(struct client *c);
/* Closes without a word: the peer is gone, or does not deserve one. */
void client_abort(struct client *c);
/* Another round of inline work, for the server's next turn. */
void client_continue(struct client *c);

static inline struct client *client_of_all(struct link *l) { return (struct client *)(void *)l; }
static inline struct client *client_of_more(struct link *l) {
    return (struct client *)(void *)((char *)l - offsetof(struct client, more));
}

/* watch.c: the watchdog. */
void watch_init(struct client *c);
/* Arms the watchdog for what can go wrong next. After every change. */
void watch_update(struct client *c);
void watch_progress(struct client *c); /* output was taken */

#endif

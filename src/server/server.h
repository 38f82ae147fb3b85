/* The server: libuv, descriptors, signals and the thread pool around sessions.
 *
 * One call runs the daemon to its end, in one of two shapes: a single client on descriptors 0 and 1
 * (--stdio), or any number of clients on Unix sockets that were named or passed in by systemd.
 * libuv is visible only in this folder; what the bytes mean is known only to the session.
 *
 * Threads: everything here runs on the caller's thread, the loop, but session_run, which also runs
 * on libuv's pool. The pool is first in, first out and a request gives its place up after a
 * quantum, so clients take turns.
 *
 * Logging: one line an event on stderr, and only from this layer.
 */
#ifndef TAMIS_SERVER_SERVER_H
#define TAMIS_SERVER_SERVER_H

#include "base/limits.h"

#define SERVER_THREADS_MOST 1024u

/* Exit statuses. */
enum {
    SERVER_CLEAN = 0,
    SERVER_FAILED = 1, /* start-up or the system failed, or the drain was cut short */
    SERVER_BAD_STREAM =
        2, /* --stdio: the client's stream ended badly; also the status of a usage error */
};

/* How to run; const and owned by the caller for the whole of server_run. */
struct server_options {
    struct limits limits;
    bool stdio;
    bool activated;           /* take the sockets that systemd passed */
    bool files;               /* open the files that the client names */
    bool reads_parent;        /* the memory of the parent process, for what its client loads */
    int shared_fd;            /* --stdio: a memfd to write results to, which is taken; 0: none */
    bool watch_parent;        /* --stdio: exit when the process that started this one ends */
    const char *const *paths; /* sockets to make */
    size_t path_count;
    unsigned socket_mode;  /* permission bits of those sockets */
    unsigned threads;      /* of the pool; 0: a core each, at least 2 */
    uint64_t busy_poll_us; /* after an answer, before the loop sleeps; 0: not at all */
    uint64_t drain_ms; /* after a signal, the longest wait for running requests; 0: do not wait */
    unsigned
        closed_fds; /* bit n: standard descriptor n was closed at start, and is /dev/null now */
};

/* Sockets that systemd passed to this process (LISTEN_FDS, LISTEN_PID); 0 if none. */
unsigned server_activated(void);

/* Runs the daemon and returns its exit status; has told stderr why, if that is not SERVER_CLEAN.
 * Sets UV_THREADPOOL_SIZE and takes SIGTERM, SIGINT, SIGHUP and SIGPIPE. Does not return when a
 * second signal or the drain limit ends the process. */
int server_run(const struct server_options *options);

#endif

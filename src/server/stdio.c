/* See stdio.h. */
#include "server/stdio.h"

#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#define PIPE_BYTES                                                                                 \
    1048576 /* a pipe of 64 KiB, the default, moves a third of the bytes a second                  \
             */

static void on_parent_gone(void *arg) {
    struct server *server = arg;
    /* Nobody is left who wants the answers, even if a sibling holds the pipe. */
    if (!link_is_empty(&server->clients))
        client_abort(client_of_all(server->clients.next)); /* the only one; freed by the loop */
}

bool stdio_start(struct server *server) {
    const struct server_options *o = server->options;
    for (int fd = STDIN_FILENO; fd <= STDOUT_FILENO; fd++) {
        if (o->closed_fds & 1u << fd) {
            server_log("%s is closed", fd == STDIN_FILENO ? "stdin" : "stdout");
            return false;
        }
        /* libuv makes them non-blocking, for all processes that share them: remember how they were.
         */
        server->stdio_flags[fd] = fcntl(fd, F_GETFL);
        (void)fcntl(fd, F_SETPIPE_SZ, PIPE_BYTES); /* no pipe, or not allowed: slower, not wrong */
    }
    if (o->shared_fd > 0) {
        const char *wrong = shared_map(&server->shared, o->shared_fd, o->limits.shared_bytes);
        if (wrong) {
            server_log("--shared-memory %d: %s", o->shared_fd, wrong);
            return false;
        }
    }
    struct client *client = client_new_stdio(server);
    if (!client)
        return false;
    session_share(client->session, server->shared.p, server->shared.n);
    if (o->reads_parent)
        session_may_read(client->session, getppid());
    if (!o->watch_parent)
        return true;
    int err = parent_watch_start(&server->parent, &server->loop, on_parent_gone, server);
    if (err)
        server_log("the parent process cannot be watched: %s", uv_strerror(err));
    return !err;
}

void stdio_restore(struct server *server) {
    for (int fd = STDIN_FILENO; fd <= STDOUT_FILENO; fd++)
        if (server->stdio_flags[fd] >= 0)
            (void)fcntl(fd, F_SETFL, server->stdio_flags[fd]);
}

static bool is_departure(int err) { return err == UV_EPIPE || err == UV_ECONNRESET; }

int stdio_status(const struct server *server, const struct client_outcome *outcome) {
    if (server->draining)
        return SERVER_CLEAN;
    if (outcome->verdict != E_OK) {
        server_log("%s at byte %" PRIu64, status_text(outcome->verdict), outcome->offset);
        return SERVER_BAD_STREAM;
    }
    if (outcome->read_error && !is_departure(outcome->read_error)) {
        server_log("reading stdin: %s", uv_strerror(outcome->read_error));
        return SERVER_FAILED;
    }
    if (outcome->write_error && !is_departure(outcome->write_error)) {
        server_log("writing stdout: %s", uv_strerror(outcome->write_error));
        return SERVER_FAILED;
    }
    return SERVER_CLEAN; /* also when the reader went away: it had enough */
}

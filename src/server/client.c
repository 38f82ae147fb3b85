/* See client.h. The heart is pump(): run what can run, write what can be written, until neither
 * goes on; every event ends there.
 *
 * What keeps one client from holding the others up: it runs small requests here, as far as turns.h
 * lets it, large ones go to the pool a quantum at a time, and each write and read is bounded.
 */
#include "server/client.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define LATER_BYTES                                                                                \
    65536u /* of output handed to libuv when the peer is slow: small, so that progress shows */
#define LINGER_MS      1000u
#define LINGER_CLIENTS 64u /* that may linger at once */

static void pump(struct client *c);

/* ---- the end of a client ---- */

static void free_if_done(struct client *c) {
    if (c->handles > 0 || c->held)
        return;
    struct server *server = c->server;
    struct client_outcome outcome = {.read_error = c->read_error, .write_error = c->write_error};
    outcome.verdict = session_verdict(c->session, &outcome.offset);
    session_free(c->session);
    link_remove(&c->all);
    free(c);
    heap_look(&server->heap);
    server_client_gone(server, &outcome);
}

static void uncount(struct client *c) {
    if (!c->counted)
        return;
    c->counted = false;
    c->server->counted--;
    uids_release(&c->server->uids, c->uid);
}

static void on_closed(struct channel *ch) {
    struct client *c = ch->owner;
    c->handles--;
    free_if_done(c);
}

static void on_watch_closed(uv_handle_t *h) {
    struct client *c = h->data;
    c->handles--;
    free_if_done(c);
}

void client_abort(struct client *c) {
    if (c->state == CLIENT_CLOSING)
        return;
    if (c->state == CLIENT_LINGERING)
        c->server->lingering--;
    c->state = CLIENT_CLOSING;
    uncount(c);
    turns_forget(&c->server->turns, c);
    link_remove(&c->reader);
    if (c->held)
        session_stop_request(c->held, E_CANCELLED);
    channel_close(&c->in);
    if (c->out == &c->out_own)
        channel_close(&c->out_own);
    uv_close((uv_handle_t *)&c->watch, on_watch_closed);
}

/* All is said. A peer that is still sending would get EPIPE or ECONNRESET, perhaps before it reads
 * our last error: so a socket stays half open for a moment, what comes is thrown away, and the
 * peer's end of input closes it. */
static void finish(struct client *c) {
    struct server *server = c->server;
    if (!c->is_socket || c->eof || server->draining || server->lingering >= LINGER_CLIENTS) {
        client_abort(c);
        return;
    }
    shutdown(c->in.fd, SHUT_WR);
    c->state = CLIENT_LINGERING;
    c->linger_ms = uv_now(&server->loop) + LINGER_MS;
    server->lingering++;
    uncount(c);
    if (channel_read(&c->in, true) != 0)
        client_abort(c);
    else
        watch_update(c);
}

/* ---- requests ---- */

static void on_work(uv_work_t *work) {
    struct client *c = work->data;
    session_run(c->held); /* on a worker: nothing else of c is touched here */
}

/* A place is free for those who wait to read a file. */
static void wake_readers(struct server *server) {
    while (server->reading < server->reading_most && !link_is_empty(&server->readers)) {
        struct client *c = client_of_reader(server->readers.next);
        link_remove(&c->reader);
        client_continue(c);
    }
}

static void on_worked(uv_work_t *work, int status) {
    (void)status; /* work is never taken back */
    struct client *c = work->data;
    struct request *r = c->held;
    struct server *server = c->server;
    bool read = c->reading;
    heap_look(&server->heap); /* while it has all that it took */
    server->reading -= read;
    c->reading = false;
    c->held = NULL;
    session_ran(c->session, r);
    if (c->state == CLIENT_OPEN)
        pump(c);
    else
        free_if_done(c);
    if (read)
        wake_readers(server);
}

/* Runs small requests here, as many as this turn allows, and hands a large one to the pool. */
static void run(struct client *c) {
    struct server *server = c->server;
    while (!c->held && turns_may_run(&server->turns, c)) {
        bool small = false, reads = session_next_reads(c->session);
        if (reads && server->reading >= server->reading_most) {
            if (link_is_empty(&c->reader))
                link_append(&server->readers, &c->reader);
            return;
        }
        session_alone(c->session, turns_alone(&server->turns, c));
        struct request *r = session_next(c->session, &small);
        if (!r)
            return;
        turns_asked(&server->turns, c);
        if (!small) {
            c->held = r;
            c->reading = reads;
            server->reading += reads;
            c->work.data = c;
            uv_queue_work(&server->loop, &c->work, on_work,
                          on_worked); /* fails for no function only */
            return;
        }
        session_run(r);
        session_ran(c->session, r);
        turns_ran(c);
    }
}

/* ---- output ---- */

static void write_failed(struct client *c, int err) {
    if (c->state != CLIENT_OPEN)
        return;
    c->write_error = err;
    client_abort(c);
}

/* Writes what the peer takes; the rest is left to libuv. True if some was written. */
static bool flush(struct client *c) {
    bool progress = false;
    size_t n;
    const uint8_t *p;
    while (!c->writing && (p = session_output(c->session, &n)) && n > 0) {
        ssize_t put = channel_write(c->out, p, n);
        if (put > 0) {
            session_sent(c->session, (size_t)put);
            turns_answered(&c->server->turns);
            progress = true;
            continue;
        }
        c->writing = put == 0;
        if (c->writing) {
            put = channel_write_later(c->out, p, n < LATER_BYTES ? n : LATER_BYTES);
            watch_progress(c);
        }
        if (put < 0) {
            c->writing = false;
            write_failed(c, (int)put);
            return false;
        }
    }
    return progress;
}

static void on_written(struct channel *ch, size_t n, int err) {
    struct client *c = ch->owner;
    c->writing = false;
    if (c->state != CLIENT_OPEN)
        return;
    if (err) {
        write_failed(c, err);
        return;
    }
    session_sent(c->session, n);
    pump(c);
}

/* ---- input ---- */

static uint8_t *on_space(struct channel *ch, size_t *ret_n) {
    struct client *c = ch->owner;
    if (c->state == CLIENT_OPEN)
        return session_space(c->session, ret_n);
    *ret_n = SCRATCH_BYTES;
    return c->server->scratch;
}

static void on_fed(struct channel *ch, ssize_t got) {
    struct client *c = ch->owner;
    if (c->state != CLIENT_OPEN) {
        if (got < 0)
            client_abort(c);
        return;
    }
    if (got >= 0)
        session_fed(c->session, (size_t)got);
    else if (got == UV_EOF) {
        c->eof = true;
        session_end(c->session);
    } else if (got != UV_ENOBUFS || !session_is_over(c->session)) {
        /* ENOBUFS: the session had no memory for input, and has said so in its output */
        c->read_error = (int)got;
        client_abort(c);
        return;
    }
    pump(c);
}

static bool on_takes(struct channel *ch) {
    struct client *c = ch->owner;
    return session_takes_passed(c->session);
}

static void on_passed(struct channel *ch, const int *fds, size_t n, bool lost, size_t bytes) {
    struct client *c = ch->owner; /* what comes for a session that is over is let go by it */
    session_passed(c->session, fds, n, lost, bytes);
}

static const struct channel_events EVENTS = {on_space,  on_fed,   on_written,
                                             on_closed, on_takes, on_passed};

static bool has_output(const struct client *c) {
    size_t n = 0;
    return c->writing || (session_output(c->session, &n) && n > 0);
}

/* Reads on, or not, or is done. */
static void settle(struct client *c) {
    bool over = session_is_over(c->session);
    if (over && !c->held && !has_output(c)) {
        finish(c);
        return;
    }
    int err = channel_read(&c->in, !over && !c->eof && session_wants_input(c->session));
    if (err) {
        c->read_error = err;
        client_abort(c);
        return;
    }
    watch_update(c);
}

static void pump(struct client *c) {
    do
        run(c);
    while (flush(c)); /* what was written may have been what the next request waited for */
    if (c->state != CLIENT_OPEN)
        return;
    if (c->server->draining && !c->held && !session_is_over(c->session) &&
        session_is_idle(c->session)) {
        session_fail(c->session, E_SHUTDOWN, "");
        flush(c);
    }
    heap_look(&c->server->heap);
    if (c->state == CLIENT_OPEN)
        settle(c);
}

void client_continue(struct client *c) {
    if (c->state == CLIENT_OPEN)
        pump(c);
}

void client_drain(struct client *c) {
    if (c->state == CLIENT_LINGERING) {
        client_abort(c);
        return;
    }
    if (c->state != CLIENT_OPEN)
        return;
    session_drain(c->session);
    pump(c);
}

/* ---- the beginning ---- */

/* A client without channels. */
static struct client *client_new(struct server *server) {
    struct client *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->session = session_new(&server->service);
    if (!c->session) {
        free(c);
        return NULL;
    }
    c->server = server;
    link_init(&c->more);
    link_init(&c->reader);
    watch_init(c);
    c->handles = 1;
    link_append(&server->clients, &c->all);
    return c;
}

struct client *client_new_socket(struct server *server, int fd, uid_t uid, bool counted) {
    struct client *c = client_new(server);
    if (!c) {
        if (counted) {
            server->counted--;
            uids_release(&server->uids, uid);
        }
        close(fd);
        return NULL;
    }
    c->uid = uid;
    session_set_user(c->session, uid);
    c->counted = counted;
    c->is_socket = true;
    c->out = &c->in;
    session_may_pass(c->session);
    int err = channel_open_socket(&c->in, &server->loop, fd, &EVENTS, c);
    c->handles++;
    if (err) {
        close(fd);
        client_abort(c);
        return NULL;
    }
    settle(c);
    return c;
}

struct client *client_new_stdio(struct server *server) {
    struct client *c = client_new(server);
    if (!c) {
        server_log("no memory for a session");
        return NULL;
    }
    c->out = &c->out_own;
    session_set_user(c->session, getuid());
    int in = channel_open(&c->in, &server->loop, STDIN_FILENO, uv_guess_handle(STDIN_FILENO),
                          &EVENTS, c);
    int out = channel_open(&c->out_own, &server->loop, STDOUT_FILENO,
                           uv_guess_handle(STDOUT_FILENO), &EVENTS, c);
    c->handles += 2;
    if (!in && !out)
        in = channel_read(&c->in, true); /* fails now if it is not open for reading */
    if (in || out) {
        server_log("%s: %s", in ? "stdin cannot be read" : "stdout cannot be written",
                   uv_strerror(in ? in : out));
        client_abort(c);
        return NULL;
    }
    return c;
}

void client_refuse(struct client *c, enum status why, const char *detail) {
    session_fail(c->session, why, detail);
    pump(c);
}

void client_refuse_fd(struct server *server, int fd, enum status why, const char *detail) {
    struct session *s = session_new(&server->service);
    if (s)
        session_fail(s, why, detail);
    size_t n = 0;
    const uint8_t *p;
    while (s && (p = session_output(s, &n)) && n > 0) { /* fits the empty buffer of a new socket */
        ssize_t put = send(fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (put <= 0)
            break; /* gone already */
        session_sent(s, (size_t)put);
    }
    session_free(s);
    close(fd);
}

/* See server.h. The life of the process: set up, turns, signals, drain, the end. */
#include "server/server.h"

#include "server/activation.h"
#include "server/client.h"
#include "server/listen.h"
#include "server/stdio.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define NOTES_A_SECOND 5u
#define SPARE_FDS                                                                                  \
    64u /* beyond a descriptor a client: sockets, pipes of libuv, lingering connections */

/* ---- what it says ---- */

static void log_line(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

static void log_line(const char *format, va_list args) {
    char line[512];
    int n = vsnprintf(line, sizeof line, format, args);
    if (n >= 0)
        fprintf(stderr, "tamisd: %s\n", line);
}

void server_log(const char *format, ...) {
    va_list args;
    va_start(args, format);
    log_line(format, args);
    va_end(args);
}

void server_note(struct server *server, const char *format, ...) {
    uint64_t now = uv_now(&server->loop);
    if (now - server->note_ms >= 1000) {
        server->note_ms = now;
        server->notes = 0;
    }
    if (server->notes++ >= NOTES_A_SECOND)
        return;
    va_list args;
    va_start(args, format);
    log_line(format, args);
    va_end(args);
}

/* ---- the end ---- */

static void close_handle(uv_handle_t *h) {
    if (!uv_is_closing(h))
        uv_close(h, NULL);
}

/* The last client is gone and no more can come: close what is ours, then uv_run returns. */
static void end(struct server *server) {
    if (server->ended)
        return;
    server->ended = true;
    listen_close(server);
    parent_watch_stop(&server->parent);
    turns_close(&server->turns);
    close_handle((uv_handle_t *)&server->accept_timer);
    close_handle((uv_handle_t *)&server->drain_timer);
    heap_close(&server->heap);
    for (size_t i = 0; i < server->signal_count; i++)
        close_handle((uv_handle_t *)&server->signals[i]);
}

void server_client_gone(struct server *server, const struct client_outcome *outcome) {
    if (server->options->stdio && server->exit_status == SERVER_CLEAN)
        server->exit_status = stdio_status(server, outcome);
    if (link_is_empty(&server->clients) && (server->options->stdio || server->draining))
        end(server);
}

/* Without waiting for anything: workers may be in the middle of a request. */
static void quit_now(struct server *server, const char *why) {
    size_t left = 0;
    for (struct link *l = server->clients.next; l != &server->clients; l = l->next)
        left++;
    server_log("%s: leaving at once, %zu connections are cut off", why, left);
    listen_unlink(server);
    stdio_restore(server);
    _exit(SERVER_FAILED);
}

static void on_drain_limit(uv_timer_t *timer) { quit_now(timer->data, "drain limit reached"); }

/* Stops accepting, lets requests end, then ends the loop. */
static void drain(struct server *server) {
    if (server->draining || server->ended)
        return;
    server->draining = true;
    if (!server->options->stdio)
        activation_notify("STOPPING=1");
    listen_close(server);
    for (struct link *l = server->clients.next; l != &server->clients; l = l->next)
        client_drain(client_of_all(l)); /* frees nothing: that is done by the loop */
    if (link_is_empty(&server->clients))
        end(server);
    else
        uv_timer_start(&server->drain_timer, on_drain_limit, server->options->drain_ms, 0);
}

static void on_signal(uv_signal_t *handle, int number) {
    struct server *server = handle->data;
    (void)number;
    if (server->draining)
        quit_now(server, "second signal");
    drain(server);
}

/* ---- set up ---- */

static void init_handles(struct server *server) {
    /* None of these allocates or fails. */
    turns_init(&server->turns, &server->loop, server->options->busy_poll_us * 1000);
    uv_timer_init(&server->loop, &server->accept_timer);
    uv_timer_init(&server->loop, &server->drain_timer);
    heap_init(&server->heap, &server->loop, &server->service.budget);
    server->accept_timer.data = server->drain_timer.data = server;
}

static int start_signals(struct server *server) {
    static const int NUMBERS[] = {SIGTERM, SIGINT, SIGHUP};
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < sizeof NUMBERS / sizeof *NUMBERS; i++) {
        struct sigaction before;
        int err = uv_signal_init(&server->loop, &server->signals[i]);
        if (err)
            return err;
        server->signals[i].data = server;
        server->signal_count++;
        /* nohup and shells without job control mean it when they ignore these */
        if (NUMBERS[i] != SIGTERM && sigaction(NUMBERS[i], NULL, &before) == 0 &&
            before.sa_handler == SIG_IGN)
            continue;
        err = uv_signal_start(&server->signals[i], on_signal, NUMBERS[i]);
        if (err)
            return err;
    }
    return 0;
}

/* Threads that help a worker with a large table: with it, as many as there are cores to use. */
static struct crew *start_crew(const struct server_options *options) {
    unsigned threads = uv_available_parallelism();
    if (options->threads > 0 && options->threads < threads)
        threads = options->threads;
    return crew_new((threads < SCANS_KEPT ? threads : SCANS_KEPT) - 1,
                    options->busy_poll_us * 1000);
}

static void on_warm_up(uv_work_t *work) { (void)work; }

/* The pool is made at its first use, and libuv aborts if it cannot: better now than in the middle
 * of the day. */
static void start_pool(struct server *server) {
    unsigned threads = server->options->threads;
    if (threads == 0)
        threads = uv_available_parallelism() > 2 ? uv_available_parallelism() : 2;
    char text[16];
    snprintf(text, sizeof text, "%u",
             threads < SERVER_THREADS_MOST ? threads : SERVER_THREADS_MOST);
    /* A file may let its reader wait: then the others go on with one thread at least. */
    server->reading_most = threads > 2 ? threads - 1 : 1;
    setenv("UV_THREADPOOL_SIZE", text, 1);
    uv_queue_work(&server->loop, &server->warm_up, on_warm_up, NULL);
}

/* Room for a descriptor a client, and for those that clients pass, as far as we may. The latter
 * never take the place of a client. */
static void raise_descriptors(struct server *server) {
    const struct limits *l = &server->service.limits;
    struct rlimit limit;
    rlim_t least = (rlim_t)l->clients + SPARE_FDS,
           want = least + CHANNEL_PASSED_MOST + (rlim_t)l->clients * (rlim_t)l->descriptors;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    rlim_t have = limit.rlim_cur;
    if (have < want) {
        limit.rlim_cur = limit.rlim_max < want ? limit.rlim_max : want;
        have = setrlimit(RLIMIT_NOFILE, &limit) < 0 ? have : limit.rlim_cur;
    }
    if (have < least)
        server_log("only %llu descriptors for up to %" PRIu64 " clients", (unsigned long long)have,
                   l->clients);
    least += CHANNEL_PASSED_MOST; /* those that come when just one more is taken */
    server->service.descriptors_most = have > least ? have - least : 0;
}

static void let_go(struct service *service, int fd) {
    struct server *server =
        (struct server *)(void *)((char *)service - offsetof(struct server, service));
    closer_close(server->closer, fd);
}

static bool start_listening(struct server *server) {
    const struct server_options *o = server->options;
    raise_descriptors(server);
    server->closer = closer_new(&server->service.descriptors);
    server->service.let_go = server->closer ? let_go : NULL;
    server->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    unsigned passed = o->activated ? activation_take() : 0;
    if (o->activated && passed == 0) {
        server_log("no sockets were passed (LISTEN_FDS, LISTEN_PID)");
        return false;
    }
    for (unsigned i = 0; i < passed; i++)
        if (!listen_passed(server, ACTIVATION_FIRST_FD + (int)i))
            return false;
    for (size_t i = 0; i < o->path_count; i++)
        if (!listen_path(server, o->paths[i], o->socket_mode))
            return false;
    activation_notify("READY=1");
    return true;
}

static bool start(struct server *server) {
    int err = start_signals(server);
    if (err) {
        server_log("signals: %s", uv_strerror(err));
        return false;
    }
    start_pool(server);
    return server->options->stdio ? stdio_start(server) : start_listening(server);
}

int server_run(const struct server_options *options) {
    struct server *server = calloc(1, sizeof *server);
    int err = server ? uv_loop_init(&server->loop) : UV_ENOMEM;
    if (err) {
        server_log("the event loop: %s", uv_strerror(err));
        free(server);
        return SERVER_FAILED;
    }
    server->options = options;
    server->reserve_fd = server->stdio_flags[0] = server->stdio_flags[1] = -1;
    link_init(&server->clients);
    link_init(&server->readers);
    service_init(&server->service, &options->limits);
    server->service.now_ns = uv_hrtime;
    server->service.may_open = options->files;
    server->service.crew = start_crew(options);
    server->service.started_ns = uv_hrtime();
    init_handles(server);
    if (!start(server)) {
        server->exit_status = SERVER_FAILED;
        end(server);
    }
    uv_run(&server->loop, UV_RUN_DEFAULT);
    stdio_restore(server);
    if (server->reserve_fd >= 0)
        close(server->reserve_fd);
    uids_done(&server->uids);
    int status = server->exit_status;
    if (uv_loop_close(&server->loop) != 0) {
        server_log("a handle was left open");
        status = SERVER_FAILED;
    }
    if (!closer_free(server->closer))
        return status; /* its thread may still count: all of it goes with the process */
    shared_unmap(&server->shared);
    service_done(&server->service);
    crew_free(server->service.crew);
    free(server);
    return status;
}

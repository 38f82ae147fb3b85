/* See listen.h. The sockets are polled and accepted by hand, not by uv_listen: libuv would unlink
 * the path whosever it is by then, and cannot pause when the descriptors run out. */
#include "server/listen.h"

#include "server/client.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define ACCEPT_MOST     64  /* a wake-up of one socket */
#define ACCEPT_RETRY_MS 100 /* when there are no descriptors */
#define LOCK_TRIES      20
#define LOCK_WAIT_US    50000

struct listener {
    struct listener *next;
    struct server *server;
    uv_poll_t poll;
    int fd;
    char *path; /* NULL: passed to us, not ours to remove */
    dev_t dev;
    ino_t ino;
};

/* ---- accepting ---- */

static void on_connection(uv_poll_t *poll, int status, int events);

static void on_retry(uv_timer_t *timer) {
    struct server *server = timer->data;
    for (struct listener *l = server->listeners; l; l = l->next)
        uv_poll_start(&l->poll, UV_READABLE, on_connection);
}

/* No descriptor is left. With the reserve one the next client is at least told; then all sockets
 * rest for a while, as the ready socket would otherwise wake us without end. */
static void out_of_descriptors(struct listener *l, int err) {
    struct server *server = l->server;
    server_note(server, "accepting a client: %s", strerror(err));
    if (server->reserve_fd >= 0)
        close(server->reserve_fd);
    int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0)
        client_refuse_fd(server, fd, E_TOO_MANY_CLIENTS, "the daemon has no descriptor left");
    server->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    for (struct listener *each = server->listeners; each; each = each->next)
        uv_poll_stop(&each->poll);
    uv_timer_start(&server->accept_timer, on_retry, ACCEPT_RETRY_MS, 0);
}

static void refuse(struct server *server, int fd, uid_t uid, const char *limit, uint64_t most) {
    char detail[96];
    snprintf(detail, sizeof detail, "more than %" PRIu64 " clients (limit %s)", most, limit);
    server_note(server, "refused a client of uid %ld: %s", (long)uid, detail);
    struct client *c = client_new_socket(server, fd, uid, false);
    if (c)
        client_refuse(c, E_TOO_MANY_CLIENTS, detail);
}

static void welcome(struct server *server, int fd) {
    const struct limits *limits = &server->service.limits;
    struct ucred peer;
    socklen_t length = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0)
        peer.uid = (uid_t)-1; /* all of whom nothing is known count as one */
    if (server->counted >= limits->clients)
        refuse(server, fd, peer.uid, "clients", limits->clients);
    else if (!uids_take(&server->uids, peer.uid, limits->clients_per_uid))
        refuse(server, fd, peer.uid, "clients_per_uid", limits->clients_per_uid);
    else {
        server->counted++;
        client_new_socket(server, fd, peer.uid, true);
    }
}

static void on_connection(uv_poll_t *poll, int status, int events) {
    struct listener *l = poll->data;
    (void)status; /* an error shows in accept */
    (void)events;
    for (int i = 0; i < ACCEPT_MOST; i++) {
        int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            welcome(l->server, fd);
            continue;
        }
        if (errno == EAGAIN)
            return;
        if (errno == ECONNABORTED || errno == EINTR)
            continue;
        out_of_descriptors(l, errno); /* EMFILE, ENFILE, ENOMEM, ENOBUFS: all pass with time */
        return;
    }
}

/* ---- making sockets ---- */

/* Takes fd, which listens, and path. */
static bool add_listener(struct server *server, int fd, char *path) {
    struct listener *l = calloc(1, sizeof *l);
    struct stat st;
    if (!l || uv_poll_init(&server->loop, &l->poll, fd) != 0) {
        server_log("listening on %s: no memory", path ? path : "a passed socket");
        free(l);
        free(path);
        close(fd);
        return false;
    }
    l->server = server;
    l->fd = fd;
    l->path = path;
    l->poll.data = l;
    if (path && stat(path, &st) == 0) {
        l->dev = st.st_dev;
        l->ino = st.st_ino;
    }
    l->next = server->listeners;
    server->listeners = l;
    uv_poll_start(&l->poll, UV_READABLE, on_connection);
    return true;
}

/* Makes the path free: nothing there, or a socket at which nobody listens. */
static bool claim(const char *path, const struct sockaddr_un *address) {
    struct stat st;
    if (lstat(path, &st) < 0)
        return true; /* bind tells what else may be wrong */
    if (!S_ISSOCK(st.st_mode)) {
        server_log("listening on %s: it exists and is not a socket", path);
        return false;
    }
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0) {
        server_log("listening on %s: %s", path, strerror(errno));
        return false;
    }
    int err = connect(probe, (const struct sockaddr *)address, sizeof *address) < 0 ? errno : 0;
    close(probe);
    if (err == ECONNREFUSED) {
        if (unlink(path) == 0 || errno == ENOENT)
            return true;
        server_log("removing the stale socket %s: %s", path, strerror(errno));
    } else if (err == 0 || err == EAGAIN || err == EPROTOTYPE)
        server_log("listening on %s: another process is listening", path);
    else
        server_log("listening on %s: %s", path, strerror(err));
    return false;
}

/* A descriptor that locks the path's folder while it is open; -1 if the folder cannot be locked,
 * which only gives the lock up. */
static int lock_folder(const char *path) {
    char *copy = strdup(path);
    int fd = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    free(copy);
    for (int i = 0; fd >= 0 && i < LOCK_TRIES && flock(fd, LOCK_EX | LOCK_NB) < 0; i++) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            break;
        usleep(LOCK_WAIT_US); /* another daemon is starting */
    }
    return fd;
}

/* A socket that listens at address, with the permissions mode from its first moment; -1 and errno.
 */
static int bind_and_listen(const struct sockaddr_un *address, unsigned mode) {
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    mode_t before = umask(~(mode_t)mode & 0777);
    int err = bind(fd, (const struct sockaddr *)address, sizeof *address) < 0 ? errno : 0;
    umask(before);
    if (!err && listen(fd, SOMAXCONN) < 0) {
        err = errno;
        unlink(address->sun_path);
    }
    if (!err)
        return fd;
    close(fd);
    errno = err;
    return -1;
}

bool listen_path(struct server *server, const char *path, unsigned mode) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (*path == '\0' || strlen(path) >= sizeof address.sun_path) {
        server_log("listening on %s: a socket path has 1 to %zu bytes", path,
                   sizeof address.sun_path - 1);
        return false;
    }
    memcpy(address.sun_path, path, strlen(path));
    char *own = strdup(path);
    int lock = lock_folder(path);
    bool ok = own && claim(path, &address);
    if (ok) {
        int fd = bind_and_listen(&address, mode);
        ok = fd >= 0;
        if (!ok)
            server_log("listening on %s: %s", path, strerror(errno));
        else {
            ok = add_listener(server, fd, own);
            own = NULL;
        }
    }
    free(own);
    if (lock >= 0)
        close(lock);
    if (ok)
        server_log("listening on %s", path);
    return ok;
}

bool listen_passed(struct server *server, int fd) {
    struct sockaddr_un address = {0};
    socklen_t length = sizeof address;
    int listening = 0, type = 0;
    socklen_t int_length = sizeof(int), type_length = sizeof(int);
    if (getsockname(fd, (struct sockaddr *)&address, &length) < 0 ||
        getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_length) < 0 ||
        getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &int_length) < 0 ||
        address.sun_family != AF_UNIX || type != SOCK_STREAM || !listening) {
        server_log("descriptor %d was passed and is no listening Unix stream socket", fd);
        return false;
    }
    if (!add_listener(server, fd, NULL))
        return false;
    bool named = length > offsetof(struct sockaddr_un, sun_path) && address.sun_path[0];
    server_log("listening on %.*s (passed)", (int)sizeof address.sun_path,
               named ? address.sun_path : "an unnamed socket");
    return true;
}

/* ---- the end ---- */

static void unlink_own(const struct listener *l) {
    struct stat st;
    if (l->path && lstat(l->path, &st) == 0 && st.st_dev == l->dev && st.st_ino == l->ino)
        unlink(l->path);
}

void listen_unlink(const struct server *server) {
    for (const struct listener *l = server->listeners; l; l = l->next)
        unlink_own(l);
}

static void on_closed(uv_handle_t *h) {
    struct listener *l = h->data;
    close(l->fd);
    free(l->path);
    free(l);
}

void listen_close(struct server *server) {
    uv_timer_stop(&server->accept_timer);
    listen_unlink(server);
    while (server->listeners) {
        struct listener *l = server->listeners;
        server->listeners = l->next;
        uv_close((uv_handle_t *)&l->poll, on_closed);
    }
}

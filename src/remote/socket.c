/* See state.h: the bytes of the connection. */
#include "remote/state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int remote_socket(const char *path, struct error *e) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (*path == '\0' || strlen(path) >= sizeof address.sun_path) {
        error_set(e, E_SYSTEM, "the path of a socket has 1 to %zu bytes",
                  sizeof address.sun_path - 1);
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int done = fd < 0 ? -1 : 0;
    while (fd >= 0 && (done = connect(fd, (struct sockaddr *)&address, sizeof address)) < 0 &&
           errno == EINTR)
        continue;
    if (done == 0)
        return fd;
    error_set(e, E_SYSTEM, "%s%s", strerror(errno),
              errno == ECONNREFUSED ? " (nobody listens there: is tamisd running?)" : "");
    if (fd >= 0)
        close(fd);
    return -1;
}

/* A frame whose descriptor has not been sent goes alone, as the protocol asks. */
static ssize_t send_some(struct remote *r) {
    struct iovec piece = {.iov_base = r->out.data + r->out_at, .iov_len = r->out.len - r->out_at};
    struct msghdr m = {.msg_iov = &piece, .msg_iovlen = 1};
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {{0}};
    bool passes = r->passed >= 0 && r->passed_at == r->out_at;
    if (r->passed >= 0)
        piece.iov_len = (passes ? r->passed_end : r->passed_at) - r->out_at;
    if (passes) {
        m.msg_control = control.bytes;
        m.msg_controllen = sizeof control.bytes;
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &r->passed, sizeof(int));
    }
    ssize_t n;
    do
        n = sendmsg(r->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    if (n > 0 && passes)
        r->passed = -1;
    return n;
}

bool remote_write(struct remote *r) {
    if (r->no_output || r->out_at == r->out.len)
        return false;
    ssize_t n = send_some(r);
    if (n < 0 && errno == EAGAIN)
        return false;
    if (n < 0) {
        r->no_output = true; /* it may have said why: reading goes on */
        n = (ssize_t)(r->out.len - r->out_at);
    }
    r->out_at += (size_t)n;
    if (r->out_at == r->out.len)
        r->out.len = r->out_at = 0;
    return true;
}

bool remote_read(struct remote *r) {
    size_t room;
    if (r->ended)
        return false;
    uint8_t *p = frames_space(&r->frames, &room);
    if (!p) {
        error_set(&r->error, E_MEMORY, "out of memory for what the service says");
        r->ended = true;
        return true;
    }
    ssize_t n;
    do
        n = recv(r->fd, p, room, MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN)
        return false;
    if (n > 0)
        frames_fed(&r->frames, (size_t)n);
    r->ended = n <= 0;
    return true;
}

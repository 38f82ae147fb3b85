/* See channel.h. The three ways of moving bytes, streams, files and sockets, meet only in this
 * file.
 */
#include "server/channel.h"

#include <errno.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define FILE_BYTES 262144u /* of a file, a turn */
#define TURN_BYTES                                                                                 \
    524288u                  /* of a stream or a socket, a turn, and what the last read has beyond \
                              */
#define WRITE_BYTES 1048576u /* of one write: a length that every interface can take */
#define READS_MOST  16       /* of a socket, a wake-up */

static struct channel *of_handle(const uv_handle_t *h) { return h->data; }

static void on_space(uv_handle_t *h, size_t suggested, uv_buf_t *ret) {
    (void)suggested;
    struct channel *ch = of_handle(h);
    size_t n = 0;
    *ret = uv_buf_init(NULL, 0);
    if (ch->turn_bytes >= TURN_BYTES)
        return; /* on_read is told of it, and that is all for this turn */
    uint8_t *p = ch->events->space(ch, &n);
    if (p)
        *ret = uv_buf_init((char *)p, (unsigned)(n < WRITE_BYTES ? n : WRITE_BYTES));
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *space) {
    struct channel *ch = of_handle((uv_handle_t *)stream);
    bool is_enough = ch->turn_bytes >= TURN_BYTES;
    if (got > 0 && (size_t)got == space->len)
        ch->turn_bytes += (size_t)got; /* libuv reads on */
    else
        ch->turn_bytes = 0;
    if (got != 0 && !is_enough) /* 0 is libuv's "not now" */
        ch->events->fed(ch, got);
}

static void on_file_turn(uv_idle_t *idle) {
    struct channel *ch = of_handle((uv_handle_t *)idle);
    size_t n = 0;
    uint8_t *p = ch->events->space(ch, &n);
    if (!p) {
        ch->events->fed(ch, UV_ENOBUFS);
        return;
    }
    ssize_t got = read(ch->fd, p, n < FILE_BYTES ? n : FILE_BYTES);
    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    ch->events->fed(ch, got > 0 ? got : got == 0 ? UV_EOF : uv_translate_sys_error(errno));
}

/* ---- sockets ---- */

static int poll_socket(struct channel *ch);

/* The descriptors of a message that was received go to the owner. Only those that found a free
 * number are there; MSG_CTRUNC tells of the others. */
static void hand_passed(struct channel *ch, struct msghdr *m, size_t bytes) {
    int fds[CHANNEL_PASSED_MOST];
    size_t n = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t here = (c->cmsg_len - CMSG_LEN(0)) / sizeof *fds;
        memcpy(fds + n, CMSG_DATA(c), here * sizeof *fds); /* one such message, all its room */
        n += here;
    }
    bool lost = (m->msg_flags & MSG_CTRUNC) != 0;
    if (n > 0 || lost)
        ch->events->passed(ch, fds, n, lost, bytes);
}

/* One read. False: that was all for now. */
static bool read_socket(struct channel *ch) {
    union {
        char bytes[CMSG_SPACE(CHANNEL_PASSED_MOST * sizeof(int))];
        struct cmsghdr align;
    } control;
    size_t n = 0;
    uint8_t *p = ch->events->space(ch, &n);
    if (!p) {
        ch->events->fed(ch, UV_ENOBUFS);
        return false;
    }
    struct iovec room = {.iov_base = p, .iov_len = n < WRITE_BYTES ? n : WRITE_BYTES};
    struct msghdr m = {.msg_iov = &room,
                       .msg_iovlen = 1,
                       .msg_control = control.bytes,
                       .msg_controllen = ch->events->takes(ch) ? sizeof control.bytes : 0};
    ssize_t got;
    do
        got = recvmsg(ch->fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got < 0 && errno == EAGAIN) {
        ch->events->fed(ch, 0);
        return false;
    }
    if (got > 0) {
        ch->turn_bytes += (size_t)got;
        hand_passed(ch, &m, (size_t)got);
    }
    ch->events->fed(ch, got > 0 ? got : got == 0 ? UV_EOF : uv_translate_sys_error(errno));
    return got > 0 && (size_t)got == room.iov_len;
}

/* The bytes that were sent; 0: none at the moment. */
static ssize_t write_socket(struct channel *ch, const uint8_t *p, size_t n) {
    ssize_t put;
    do
        put = send(ch->fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (put < 0 && errno == EINTR);
    return put >= 0 ? put : errno == EAGAIN ? 0 : uv_translate_sys_error(errno);
}

static void write_socket_on(struct channel *ch) {
    ssize_t put = write_socket(ch, ch->later_p, ch->later_left);
    if (put > 0) {
        ch->later_p += put;
        ch->later_left -= (size_t)put;
    }
    if (put >= 0 && ch->later_left > 0)
        return;
    size_t n = ch->later_n;
    ch->later_n = ch->later_left = 0;
    ch->events->written(ch, n, put < 0 ? (int)put : 0);
}

static void on_socket(uv_poll_t *poll, int status, int events) {
    struct channel *ch = of_handle((uv_handle_t *)poll);
    if (status < 0) { /* libuv polls no longer; what is wrong is told by the socket itself */
        events = ch->polled;
        ch->polled = 0;
    }
    if ((events & UV_WRITABLE) && ch->later_left > 0)
        write_socket_on(ch);
    ch->turn_bytes = 0;
    if (events & UV_READABLE)
        for (int i = 0; i < READS_MOST && ch->is_reading && read_socket(ch); i++)
            if (ch->turn_bytes >= TURN_BYTES)
                break;
    if (!uv_is_closing(&ch->u.handle) && poll_socket(ch) < 0)
        ch->events->fed(ch, UV_ENOMEM);
}

/* Polls for what is wanted now. */
static int poll_socket(struct channel *ch) {
    int want = (ch->is_reading ? UV_READABLE : 0) | (ch->later_left > 0 ? UV_WRITABLE : 0);
    if (want == ch->polled)
        return 0;
    ch->polled = want;
    return want ? uv_poll_start(&ch->u.poll, want, on_socket) : uv_poll_stop(&ch->u.poll);
}

/* ---- all of them ---- */

/* A handle that does nothing, where there is no stream: so that closing is the same for all. */
static void open_idle(struct channel *ch, uv_loop_t *loop) {
    uv_idle_init(loop, &ch->u.idle); /* cannot fail */
    ch->u.handle.data = ch;
}

int channel_open(struct channel *ch, uv_loop_t *loop, int fd, uv_handle_type type,
                 const struct channel_events *events, void *owner) {
    memset(ch, 0, sizeof *ch);
    ch->events = events;
    ch->owner = owner;
    ch->fd = fd;
    ch->is_file = type == UV_FILE;
    int err = UV_EINVAL;
    if (type == UV_NAMED_PIPE || type == UV_TCP) { /* all stream sockets are the same to it */
        err = uv_pipe_init(loop, &ch->u.pipe, 0);
        if (!err) {
            ch->u.handle.data = ch;
            return uv_pipe_open(&ch->u.pipe, fd);
        }
    } else if (type ==
               UV_TTY) { /* opens the terminal anew: its flags are not shared with the shell */
        err = uv_tty_init(loop, &ch->u.tty, fd, 0);
        ch->u.handle.data = ch;
    }
    if (err)
        open_idle(ch, loop);
    return ch->is_file ? 0 : err;
}

int channel_open_socket(struct channel *ch, uv_loop_t *loop, int fd,
                        const struct channel_events *events, void *owner) {
    *ch = (struct channel){.events = events, .owner = owner, .fd = fd};
    int err = uv_poll_init(loop, &ch->u.poll, fd);
    ch->u.handle.data = ch;
    ch->is_socket = !err;
    if (err)
        open_idle(ch, loop);
    return err;
}

int channel_read(struct channel *ch, bool on) {
    if (on == ch->is_reading)
        return 0;
    ch->is_reading = on;
    if (ch->is_file)
        return on ? uv_idle_start(&ch->u.idle, on_file_turn) : uv_idle_stop(&ch->u.idle);
    if (ch->is_socket)
        return poll_socket(ch);
    return on ? uv_read_start(&ch->u.stream, on_space, on_read) : uv_read_stop(&ch->u.stream);
}

ssize_t channel_write(struct channel *ch, const uint8_t *p, size_t n) {
    if (n > WRITE_BYTES)
        n = WRITE_BYTES;
    if (ch->is_file) {
        ssize_t put;
        do
            put = write(ch->fd, p, n);
        while (put < 0 && errno == EINTR);
        return put >= 0 ? put : uv_translate_sys_error(errno);
    }
    if (ch->is_socket)
        return write_socket(ch, p, n);
    uv_buf_t piece = {.base = (char *)(uintptr_t)p, .len = n};
    int put = uv_try_write(&ch->u.stream, &piece, 1);
    return put == UV_EAGAIN ? 0 : put;
}

static void on_written(uv_write_t *req, int err) {
    struct channel *ch = req->data;
    size_t n = ch->later_n;
    ch->later_n = 0;
    ch->events->written(ch, n, err);
}

int channel_write_later(struct channel *ch, const uint8_t *p, size_t n) {
    if (ch->is_file) /* a file takes bytes or fails; "later" is a descriptor that epoll would have
                        to watch */
        return UV_EAGAIN;
    ch->later_n = n;
    if (ch->is_socket) {
        ch->later_p = p;
        ch->later_left = n;
        return poll_socket(ch);
    }
    uv_buf_t piece = {.base = (char *)(uintptr_t)p, .len = n};
    ch->later.data = ch;
    return uv_write(&ch->later, &ch->u.stream, &piece, 1, on_written);
}

size_t channel_waiting(const struct channel *ch) {
    if (ch->is_file)
        return 0;
    int queued = 0; /* a socket knows the one, a pipe the other */
    if (ioctl(ch->fd, SIOCOUTQ, &queued) < 0 && ioctl(ch->fd, FIONREAD, &queued) < 0)
        queued = 0;
    size_t held = ch->is_socket ? ch->later_left : uv_stream_get_write_queue_size(&ch->u.stream);
    return held + (size_t)queued;
}

static void on_closed(uv_handle_t *h) {
    struct channel *ch = of_handle(h);
    ch->events->closed(ch);
}

void channel_close(struct channel *ch) {
    if (uv_is_closing(&ch->u.handle))
        return;
    ch->is_reading = false;
    uv_close(&ch->u.handle, on_closed);
    if (ch->is_socket) { /* polled no longer */
        close(ch->fd);
        ch->later_left = 0;
    }
}

/* See channel.h. The two ways of moving bytes, streams and files, meet only in this file. */
#include "server/channel.h"

#include <errno.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define FILE_BYTES  262144u  /* of a file, a turn */
#define WRITE_BYTES 1048576u /* of one write: a length that every interface can take */

static struct channel *of_handle(const uv_handle_t *h) { return h->data; }

static void on_space(uv_handle_t *h, size_t suggested, uv_buf_t *ret) {
    (void)suggested;
    struct channel *ch = of_handle(h);
    size_t n = 0;
    uint8_t *p = ch->events->space(ch, &n);
    *ret = uv_buf_init((char *)p, p ? (unsigned)(n < WRITE_BYTES ? n : WRITE_BYTES) : 0);
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *space) {
    (void)space;
    struct channel *ch = of_handle((uv_handle_t *)stream);
    if (got != 0) /* 0 is libuv's "not now" */
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

int channel_read(struct channel *ch, bool on) {
    if (on == ch->is_reading)
        return 0;
    ch->is_reading = on;
    if (ch->is_file)
        return on ? uv_idle_start(&ch->u.idle, on_file_turn) : uv_idle_stop(&ch->u.idle);
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
    uv_buf_t piece = {.base = (char *)(uintptr_t)p, .len = n};
    ch->later.data = ch;
    ch->later_n = n;
    return uv_write(&ch->later, &ch->u.stream, &piece, 1, on_written);
}

size_t channel_waiting(const struct channel *ch) {
    if (ch->is_file)
        return 0;
    int queued = 0; /* a socket knows the one, a pipe the other */
    if (ioctl(ch->fd, SIOCOUTQ, &queued) < 0 && ioctl(ch->fd, FIONREAD, &queued) < 0)
        queued = 0;
    return uv_stream_get_write_queue_size(&ch->u.stream) + (size_t)queued;
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
}

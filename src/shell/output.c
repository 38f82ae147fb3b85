/* See output.h. */
#include "shell/output.h"

#include "shell/report.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIPE_BYTES   (1 << 20)
#define ENOUGH_BYTES (SHELL_WRITE_BYTES / 4) /* worth a write of their own, and no copy */
#define STATUS_PIPE  141                     /* as a shell shows a process that SIGPIPE has ended */

void output_init(struct output *o, int fd, bool eager) {
    struct stat s;
    bool terminal = isatty(fd);
    *o = (struct output){.fd = fd, .eager = eager || terminal, .watched = terminal};
    if (fstat(fd, &s) != 0)
        return; /* the first write will say what is wrong */
    o->watched |= S_ISFIFO(s.st_mode) || S_ISSOCK(s.st_mode);
    if (S_ISFIFO(s.st_mode))
        fcntl(fd, F_SETPIPE_SZ, PIPE_BYTES); /* or it stays as it is */
}

void output_done(struct output *o) { buf_done(&o->held); }

int output_watch(const struct output *o) { return o->watched ? o->fd : -1; }

_Noreturn void output_gone(void) {
    signal(SIGPIPE, SIG_DFL);
    raise(SIGPIPE);
    _exit(STATUS_PIPE); /* where the signal is blocked */
}

static void fail(struct output *o) {
    if (!o->failed)
        report("writing standard output: %s", strerror(errno));
    o->failed = true;
}

static void write_all(struct output *o, const uint8_t *p, size_t n) {
    while (n > 0 && !o->failed) {
        ssize_t done = write(o->fd, p, n);
        if (done >= 0) {
            p += done;
            n -= (size_t)done;
            o->written += (uint64_t)done;
        } else if (errno == EPIPE) {
            output_gone();
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            struct pollfd wait = {.fd = o->fd, .events = POLLOUT};
            poll(&wait, 1, -1);
        } else if (errno != EINTR) {
            fail(o);
        }
        if (n > 0 && o->interrupted)
            o->interrupted(o->owner);
    }
}

bool output_flush(struct output *o) {
    write_all(o, o->held.data, o->held.len);
    o->held.len = 0;
    return !o->failed;
}

void output_add(struct output *o, const void *p, size_t n) {
    if (n == 0 || o->failed)
        return;
    if (o->held.len + n > SHELL_WRITE_BYTES || n >= ENOUGH_BYTES)
        output_flush(o);
    if (n >= ENOUGH_BYTES) {
        write_all(o, p, n);
        return;
    }
    buf_add(&o->held, p, n);
    if (buf_failed(&o->held)) {
        errno = ENOMEM;
        fail(o);
    }
}

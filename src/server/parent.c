/* See parent.h. */
#include "server/parent.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOOK_MS 1000

static void on_exit_seen(uv_poll_t *poll, int status, int events) {
    (void)status;
    (void)events;
    struct parent_watch *w = poll->data;
    parent_watch_stop(w);
    w->gone(w->arg);
}

static void on_look(uv_timer_t *timer) {
    struct parent_watch *w = timer->data;
    if (getppid() == w->pid)
        return;
    parent_watch_stop(w);
    w->gone(w->arg);
}

static int open_pidfd(pid_t pid) {
#ifdef SYS_pidfd_open
    return (int)syscall(SYS_pidfd_open, pid, 0);
#else
    (void)pid;
    errno = ENOSYS;
    return -1;
#endif
}

int parent_watch_start(struct parent_watch *w, uv_loop_t *loop, void (*gone)(void *arg),
                       void *arg) {
    *w = (struct parent_watch){.pidfd = -1, .pid = getppid(), .gone = gone, .arg = arg};
    if (w->pid <= 1)
        return 0;
    w->pidfd = open_pidfd(w->pid);
    int err;
    if (w->pidfd >= 0 &&
        getppid() == w->pid) { /* else the number may belong to a stranger by now */
        err = uv_poll_init(loop, &w->u.poll, w->pidfd);
        if (!err)
            err = uv_poll_start(&w->u.poll, UV_READABLE, on_exit_seen);
    } else {
        if (w->pidfd >= 0)
            close(w->pidfd);
        w->pidfd = -1;
        err = uv_timer_init(loop, &w->u.timer);
        if (!err) /* looks at once: the parent may be gone already */
            err = uv_timer_start(&w->u.timer, on_look, 0, LOOK_MS);
    }
    w->u.handle.data = w;
    w->is_on = !err;
    return err;
}

static void on_closed(uv_handle_t *h) {
    struct parent_watch *w = h->data;
    if (w->pidfd >= 0)
        close(w->pidfd);
}

void parent_watch_stop(struct parent_watch *w) {
    if (!w->is_on)
        return;
    w->is_on = false;
    uv_close(&w->u.handle, on_closed);
}

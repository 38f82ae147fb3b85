/* Watches the process that started us, for --stdio.
 *
 * A child on a pipe learns of its parent's death by end of input, unless a sibling that was forked
 * later holds the pipe open too. So the parent itself is watched: by a pidfd where the kernel has
 * them, else by looking at getppid once a second. (PR_SET_PDEATHSIG is no help: it fires when the
 * parent's *thread* ends.)
 */
#ifndef TAMIS_SERVER_PARENT_H
#define TAMIS_SERVER_PARENT_H

#include <stdbool.h>
#include <sys/types.h>
#include <uv.h>

struct parent_watch {
    union {
        uv_handle_t handle;
        uv_poll_t poll;
        uv_timer_t timer;
    } u;
    int pidfd; /* -1: the timer is used */
    bool is_on;
    pid_t pid;
    void (*gone)(void *arg);
    void *arg;
};

/* Calls gone(arg) once, from the loop, when the parent has ended. Watches nothing if the parent is
 * init or in another pid namespace. A libuv error if no watch could be set up. */
int parent_watch_start(struct parent_watch *w, uv_loop_t *loop, void (*gone)(void *arg), void *arg);
void parent_watch_stop(struct parent_watch *w); /* w must outlive the loop's next turn */

#endif

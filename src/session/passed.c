/* See passed.h, session.h and state.h: descriptors on their way from the connection to a request.
 */
#include "session/state.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Behind the others; at never goes back. False: no memory, fd stays the caller's. */
static bool add(struct passed_queue *q, int fd, uint64_t at) {
    if (q->n == q->cap) {
        size_t cap = q->cap > 0 ? 2 * q->cap : 4;
        struct passed_one *list = realloc(q->list, cap * sizeof *list);
        if (!list)
            return false;
        q->list = list;
        q->cap = cap;
    }
    q->list[q->n++] = (struct passed_one){fd, at};
    return true;
}

/* The first one, if it came with a byte before `end`. */
static bool take_first(struct passed_queue *q, uint64_t end, int *ret_fd) {
    if (q->n == 0 || q->list[0].at >= end)
        return false;
    *ret_fd = q->list[0].fd;
    memmove(q->list, q->list + 1, --q->n * sizeof *q->list);
    return true;
}

void session_may_pass(struct session *s) {
    s->may_pass = s->service->limits.descriptors > 0 && s->service->descriptors_most > 0;
}

static void close_fd(struct service *service, int fd) {
    if (service->let_go)
        service->let_go(service, fd);
    else {
        close(fd);
        atomic_fetch_sub(&service->descriptors, 1);
    }
}

void session_let_go(struct session *s, int fd) {
    if (fd == PASSED_NO_FD)
        return;
    s->n_descriptors--;
    close_fd(s->service, fd);
}

enum passed session_take_passed(struct session *s, int *ret_fd) {
    if (!take_first(&s->passed, frames_position(&s->frames), ret_fd))
        return PASSED_NONE;
    if (*ret_fd != PASSED_NO_FD)
        return PASSED_FD;
    s->n_descriptors--;
    return PASSED_LOST;
}

void session_drop_passed(struct session *s, uint64_t end) {
    int fd;
    while (take_first(&s->passed, end, &fd)) {
        s->n_descriptors -= fd == PASSED_NO_FD;
        session_let_go(s, fd);
    }
}

bool session_takes_passed(const struct session *s) {
    return atomic_load(&s->service->descriptors) < s->service->descriptors_most;
}

/* False: there is no memory to remember it. */
static bool hold(struct session *s, int fd, uint64_t at) {
    struct service *service = s->service;
    if (fd != PASSED_NO_FD && atomic_load(&service->descriptors) > service->descriptors_most) {
        close_fd(service, fd);
        fd = PASSED_NO_FD;
    }
    if (add(&s->passed, fd, at)) {
        s->n_descriptors++;
        return true;
    }
    if (fd != PASSED_NO_FD)
        close_fd(service, fd);
    return false;
}

void session_passed(struct session *s, const int *fds, size_t n, bool lost, size_t bytes) {
    const struct limits *l = &s->service->limits;
    uint64_t at = s->bytes_in + bytes - 1;
    bool good = true;
    size_t i = 0;
    atomic_fetch_add(&s->service->descriptors, n);
    if (!s->over && s->n_descriptors + n + lost > l->descriptors) {
        char detail[96];
        snprintf(detail, sizeof detail,
                 "a connection holds at most %" PRIu64 " (limit descriptors)", l->descriptors);
        session_fail(s, E_TOO_MANY_DESCRIPTORS, detail);
    }
    for (; i < n && !s->over && good; i++)
        good = hold(s, fds[i], at);
    if (lost && !s->over && good)
        good = hold(s, PASSED_NO_FD, at);
    for (; i < n; i++)
        close_fd(s->service, fds[i]);
    if (!good)
        session_fail(s, E_MEMORY, "no room for a descriptor");
}

void session_free_passed(struct session *s) {
    session_drop_passed(s, UINT64_MAX);
    free(s->passed.list);
}

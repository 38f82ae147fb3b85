/* See closer.h. */
#include "server/closer.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define END_SECONDS 1

struct closer {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t more;
    int *fds; /* a stack: the order is all the same */
    size_t n, cap;
    bool quit;
    _Atomic uint64_t *count;
};

static void close_one(struct closer *c, int fd) {
    close(fd);
    atomic_fetch_sub(c->count, 1);
}

static void *work(void *arg) {
    struct closer *c = arg;
    pthread_mutex_lock(&c->lock);
    while (c->n > 0 || !c->quit) {
        if (c->n == 0) {
            pthread_cond_wait(&c->more, &c->lock);
            continue;
        }
        int fd = c->fds[--c->n];
        pthread_mutex_unlock(&c->lock);
        close_one(c, fd);
        pthread_mutex_lock(&c->lock);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

struct closer *closer_new(_Atomic uint64_t *count) {
    struct closer *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->count = count;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->more, NULL);
    if (pthread_create(&c->thread, NULL, work, c) == 0)
        return c;
    free(c);
    return NULL;
}

/* Under the lock. */
static bool push(struct closer *c, int fd) {
    if (c->n == c->cap) {
        size_t cap = c->cap > 0 ? 2 * c->cap : 64;
        int *fds = realloc(c->fds, cap * sizeof *fds);
        if (!fds)
            return false;
        c->fds = fds;
        c->cap = cap;
    }
    c->fds[c->n++] = fd;
    return true;
}

void closer_close(struct closer *c, int fd) {
    pthread_mutex_lock(&c->lock);
    bool good = push(c, fd);
    pthread_cond_signal(&c->more);
    pthread_mutex_unlock(&c->lock);
    if (!good)
        close_one(c, fd);
}

bool closer_free(struct closer *c) {
    struct timespec until;
    if (!c)
        return true;
    pthread_mutex_lock(&c->lock);
    c->quit = true;
    pthread_cond_signal(&c->more);
    pthread_mutex_unlock(&c->lock);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += END_SECONDS;
    if (pthread_timedjoin_np(c->thread, NULL, &until) != 0) {
        pthread_detach(c->thread); /* it hangs, and goes with the process */
        return false;
    }
    pthread_mutex_destroy(&c->lock);
    pthread_cond_destroy(&c->more);
    free(c->fds);
    free(c);
    return true;
}

/* See crew.h: one mutex, two conditions, and a counter that hands out the tasks. */
#include "base/crew.h"

#include "base/clock.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

struct helper {
    struct crew *crew;
    uint32_t hand;
    pthread_t thread;
};

struct crew {
    pthread_mutex_t lock;
    pthread_cond_t wanted, ready;
    uint64_t look_ns;
    int avoided; /* by helpers: the caller's processor; -1: none */
    uint32_t n_helpers, n_started;
    bool is_taken, is_open; /* is_open: helpers may join this round */
    _Atomic bool ends;
    _Atomic uint64_t round; /* of work: grows with each crew_run; under the lock */
    _Atomic uint32_t busy;  /* helpers that are in this round; under the lock */
    crew_task *task;
    void *data;
    uint32_t n;
    _Atomic uint32_t next;
    struct helper helpers[];
};

struct crew *crew_new(uint32_t helpers, uint64_t look_ns) {
    struct crew *c = helpers > 0 ? calloc(1, sizeof *c + helpers * sizeof *c->helpers) : NULL;
    if (!c)
        return NULL;
    c->n_helpers = helpers;
    c->look_ns = look_ns;
    c->avoided = -1;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->wanted, NULL);
    pthread_cond_init(&c->ready, NULL);
    return c;
}

void crew_free(struct crew *c) {
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    c->ends = true;
    pthread_cond_broadcast(&c->wanted);
    pthread_mutex_unlock(&c->lock);
    for (uint32_t i = 0; i < c->n_started; i++)
        pthread_join(c->helpers[i].thread, NULL);
    pthread_cond_destroy(&c->ready);
    pthread_cond_destroy(&c->wanted);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

uint32_t crew_size(const struct crew *c) { return c ? c->n_helpers + 1 : 1; }

static void do_tasks(struct crew *c, uint32_t hand) {
    uint32_t i;
    while ((i = atomic_fetch_add_explicit(&c->next, 1, memory_order_relaxed)) < c->n)
        c->task(c->data, i, hand);
}

/* Before it sleeps a thread looks for a while whether what it waits for happens: to sleep and to be
 * woken takes some ten microseconds, and where the system then puts it beside a thread that works
 * it may wait for milliseconds. Who else wants the processor gets it. */
static void look_for_round(struct crew *c, uint64_t done) {
    uint64_t until = clock_ns() + c->look_ns;
    while (atomic_load_explicit(&c->round, memory_order_relaxed) == done && !c->ends &&
           clock_ns() < until)
        sched_yield();
}

static void look_for_helpers(struct crew *c) {
    uint64_t until = clock_ns() + c->look_ns;
    while (atomic_load_explicit(&c->busy, memory_order_relaxed) > 0 && clock_ns() < until)
        sched_yield();
}

static void *help(void *arg) {
    struct helper *h = arg;
    struct crew *c = h->crew;
    uint64_t done = 0;
    pthread_mutex_lock(&c->lock);
    for (;;) {
        while (!c->ends && (c->round == done || !c->is_open))
            pthread_cond_wait(&c->wanted, &c->lock);
        if (c->ends)
            break;
        done = c->round;
        c->busy++;
        pthread_mutex_unlock(&c->lock);
        do_tasks(c, h->hand);
        pthread_mutex_lock(&c->lock);
        if (--c->busy == 0)
            pthread_cond_signal(&c->ready);
        pthread_mutex_unlock(&c->lock);
        look_for_round(c, done);
        pthread_mutex_lock(&c->lock);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

/* Under the lock. A thread that cannot be started is done without. */
static void start_helpers(struct crew *c) {
    sigset_t all, before;
    if (c->n_started == c->n_helpers)
        return;
    sigfillset(&all); /* signals are for the thread that waits for them */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (c->n_started < c->n_helpers) {
        struct helper *h = &c->helpers[c->n_started];
        h->crew = c;
        h->hand = c->n_started + 1;
        if (pthread_create(&h->thread, NULL, help, h) != 0)
            break;
        c->n_started++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* Where there are few processors, and others have some to do when a helper is woken, the system
 * puts it behind the caller, who works on, and finds it another processor only after milliseconds.
 * So it is told. Under the lock; with many processors there is an idle one. */
#define FEW_HELPERS 3u

static void keep_away(struct crew *c) {
    int here = c->n_helpers <= FEW_HELPERS ? sched_getcpu() : -1;
    cpu_set_t others; /* of those that the process's first thread may use */
    if (here < 0 || here == c->avoided || here >= CPU_SETSIZE ||
        sched_getaffinity(getpid(), sizeof others, &others) != 0)
        return;
    CPU_CLR((unsigned)here, &others);
    for (uint32_t i = 0; i < c->n_started && CPU_COUNT(&others) > 0; i++)
        pthread_setaffinity_np(c->helpers[i].thread, sizeof others, &others);
    c->avoided = here;
}

void crew_start(struct crew *c) {
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    start_helpers(c);
    pthread_mutex_unlock(&c->lock);
}

void crew_run(struct crew *c, crew_task *task, void *data, uint32_t n) {
    bool mine = false;
    if (c && n > 1) {
        pthread_mutex_lock(&c->lock);
        mine = !c->is_taken;
        if (mine) {
            start_helpers(c);
            keep_away(c);
            c->is_taken = c->is_open = true;
            c->round++;
            c->task = task;
            c->data = data;
            c->n = n;
            atomic_store_explicit(&c->next, 0, memory_order_relaxed);
            pthread_cond_broadcast(&c->wanted);
        }
        pthread_mutex_unlock(&c->lock);
    }
    if (!mine) {
        for (uint32_t i = 0; i < n; i++)
            task(data, i, 0);
        return;
    }
    do_tasks(c, 0);
    pthread_mutex_lock(&c->lock);
    c->is_open = false; /* a helper that wakes only now has nothing to do */
    if (c->busy > 0) {
        pthread_mutex_unlock(&c->lock);
        look_for_helpers(c);
        pthread_mutex_lock(&c->lock);
    }
    while (c->busy > 0)
        pthread_cond_wait(&c->ready, &c->lock);
    c->is_taken = false;
    pthread_mutex_unlock(&c->lock);
}

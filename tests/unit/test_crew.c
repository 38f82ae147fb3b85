/* base/crew.h: every task is done once, whoever does it, and nobody waits for a crew that is taken.
 */
#include "base/crew.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define TASKS 1000u

struct work {
    _Atomic uint32_t times[TASKS];
    _Atomic uint32_t hands[8]; /* tasks that are under way, by hand */
    _Atomic uint32_t faults;
};

static void task(void *data, uint32_t i, uint32_t hand) {
    struct work *w = data;
    if (atomic_fetch_add(&w->hands[hand], 1) != 0)
        atomic_fetch_add(&w->faults, 1);
    atomic_fetch_add(&w->times[i], 1);
    atomic_fetch_sub(&w->hands[hand], 1);
}

static void check(struct work *w, uint32_t n) {
    for (uint32_t i = 0; i < TASKS; i++)
        assert_int_equal(atomic_load(&w->times[i]), i < n);
    assert_int_equal(atomic_load(&w->faults), 0);
}

static void each_once(void **state) {
    (void)state;
    for (uint32_t k = 0; k < 8; k++) {
        uint32_t helpers = k / 2;
        struct crew *c = crew_new(helpers, k % 2 ? 50000 : 0);
        if (helpers > 1)
            crew_start(c);
        assert_int_equal(crew_size(c), helpers + 1);
        for (uint32_t n = 0; n <= TASKS; n = n < 4 ? n + 1 : n * 5) {
            struct work w = {0};
            crew_run(c, task, &w, n);
            check(&w, n);
        }
        for (int round = 0; round < 2000; round++) { /* short rounds: helpers come late */
            struct work w = {0};
            crew_run(c, task, &w, 3);
            check(&w, 3);
        }
        crew_free(c);
    }
}

static void *many_rounds(void *crew) {
    for (int round = 0; round < 300; round++) {
        struct work w = {0};
        crew_run(crew, task, &w, 50);
        check(&w, 50);
    }
    return NULL;
}

static void several_callers(void **state) {
    (void)state;
    struct crew *c = crew_new(2, 20000);
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, many_rounds, c), 0);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    crew_free(c);
}

/* --- processors --- */

struct places {
    _Atomic uint32_t helped; /* tasks that a helper did ... */
    _Atomic uint32_t here;   /* ... where the caller is */
    int caller;
    struct crew *crew;
};

static void place(void *data, uint32_t i, uint32_t hand) {
    struct places *p = data;
    (void)i;
    usleep(hand == 0 ? 1000 : 100);
    if (hand > 0) {
        atomic_fetch_add(&p->helped, 1);
        atomic_fetch_add(&p->here, sched_getcpu() == p->caller);
    }
}

/* A thread that stays on one processor. */
static void *call_from(void *arg) {
    struct places *p = arg;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET((unsigned)p->caller, &one);
    if (pthread_setaffinity_np(pthread_self(), sizeof one, &one) == 0)
        for (int round = 0; round < 10000 && p->helped < 20; round++)
            crew_run(p->crew, place, p, 10);
    return NULL;
}

/* Few helpers are kept away from the caller's processor, wherever that is. */
static void elsewhere(void **state) {
    (void)state;
    cpu_set_t all;
    assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
    if (CPU_COUNT(&all) < 2)
        skip(); /* nowhere else */
    struct crew *c = crew_new(1, 20000);
    for (int cpu = 0, n = 0; n < 4; cpu = (cpu + 1) % CPU_SETSIZE) {
        if (!CPU_ISSET(cpu, &all))
            continue;
        struct places p = {.crew = c, .caller = cpu};
        pthread_t caller;
        assert_int_equal(pthread_create(&caller, NULL, call_from, &p), 0);
        pthread_join(caller, NULL);
        assert_true(p.helped >= 20);
        assert_int_equal(p.here, 0);
        n++;
    }
    crew_free(c);
}

/* --- looking and sleeping --- */

static void tell_thread(void *data, uint32_t i, uint32_t hand) {
    _Atomic int *helper = data;
    (void)i;
    if (hand > 0)
        atomic_store(helper, gettid());
    usleep(500);
}

/* A thread's state as the system has it: 'S' asleep, 'R' on a processor or waiting for one, so
 * that it does not matter what else the machine has to do. */
static char thread_state(int thread) {
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", thread);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    size_t len = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[len] = 0;
    char *name_end = strrchr(text, ')');
    assert_non_null(name_end);
    return name_end[2];
}

/* Does the thread come to this state, and stay there for a while? */
static bool settles(int thread, char state) {
    for (int looked = 0, alike = 0; looked < 20000; looked++) {
        alike = thread_state(thread) == state ? alike + 1 : 0;
        if (alike == 30)
            return true;
        usleep(1000);
    }
    return false;
}

/* Between two loops helpers look for as long as they are told, and no longer. */
static void look_before_sleep(void **state) {
    (void)state;
    static const struct {
        uint64_t ns;
        char settled;
    } looks[] = {{0, 'S'}, {UINT64_C(50000000), 'S'}, {UINT64_C(1) << 40, 'R'}};
    for (size_t i = 0; i < sizeof looks / sizeof *looks; i++) {
        struct crew *c = crew_new(1, looks[i].ns);
        _Atomic int helper = 0;
        for (int round = 0; round < 10000 && helper == 0; round++)
            crew_run(c, tell_thread, &helper, 10);
        assert_true(helper > 0);
        assert_true(settles(helper, looks[i].settled));
        crew_free(c);
    }
}

static void unused(void **state) {
    (void)state;
    crew_free(crew_new(3, 0));
    struct crew *started =
        crew_new(3, UINT64_C(1) << 40); /* they look no longer than it is there */
    crew_start(started);
    crew_run(started, task, &(struct work){0}, 5);
    crew_free(started);
    crew_start(NULL);
    crew_free(NULL);
    assert_null(crew_new(0, 0));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_once), cmocka_unit_test(several_callers),
        cmocka_unit_test(elsewhere), cmocka_unit_test(look_before_sleep),
        cmocka_unit_test(unused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

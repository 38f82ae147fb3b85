/* base/pages.h: blocks of all sizes keep what is written to them, whatever else comes and goes, and
 * what is freed goes back to the system. Linked with mmap wrapped. */
#include "base/pages.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

enum { BLOCKS = 64, STEPS = 600, THREADS = 3 };

#define MIB ((size_t)1 << 20)

static bool mmap_fails;
static struct pages pages;

void *__real_mmap(void *p, size_t n, int prot, int flags, int fd, off_t at);
void *__wrap_mmap(void *p, size_t n, int prot, int flags, int fd, off_t at);
void *__wrap_mmap(void *p, size_t n, int prot, int flags, int fd, off_t at) {
    return mmap_fails ? MAP_FAILED : __real_mmap(p, n, prot, flags, fd, at);
}

struct block {
    uint8_t *p;
    size_t n;
    uint8_t with;
};

struct hand {
    uint32_t seed;
    uint32_t faults;
    struct block blocks[BLOCKS];
};

static uint32_t draw(struct hand *h, uint32_t below) {
    h->seed = h->seed * 1664525u + 1013904223u;
    return (h->seed >> 8) % below;
}

/* Around the sizes at which something changes, and between. */
static size_t any_size(struct hand *h) {
    static const size_t EDGES[] = {1, PAGES_LEAST_BYTES, MIB, 2 * MIB, 3 * MIB};
    size_t edge = EDGES[draw(h, 5)];
    return draw(h, 2) ? edge + draw(h, 130) - (edge > 65 ? 65 : 0) : 1 + draw(h, 1 << 19);
}

static void release(struct hand *h, struct block *b) {
    size_t step = b->n > 4096 ? 997 : 1;
    for (size_t i = 0; i < b->n; i += step)
        h->faults += b->p[i] != b->with;
    h->faults += b->n > 0 && b->p[b->n - 1] != b->with;
    pages_free(&pages, b->p, b->n);
    *b = (struct block){0};
}

static void *work(void *data) {
    struct hand *h = data;
    for (uint32_t i = 0; i < STEPS; i++) {
        struct block *b = &h->blocks[draw(h, BLOCKS)];
        if (b->p) {
            release(h, b);
            continue;
        }
        *b = (struct block){.n = any_size(h), .with = (uint8_t)(1 + draw(h, 255))};
        b->p = pages_alloc(&pages, b->n);
        if (!b->p || (uintptr_t)b->p % PAGES_ALIGN != 0)
            abort();
        memset(b->p, b->with, b->n);
    }
    for (uint32_t i = 0; i < BLOCKS; i++)
        if (h->blocks[i].p)
            release(h, &h->blocks[i]);
    return NULL;
}

static void keep_their_bytes(void **state) {
    (void)state;
    static struct hand hands[THREADS];
    pthread_t threads[THREADS];
    for (uint32_t i = 0; i < THREADS; i++) {
        hands[i].seed = i + 1;
        assert_int_equal(pthread_create(&threads[i], NULL, work, &hands[i]), 0);
    }
    for (uint32_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(hands[i].faults, 0);
    }
}

#if !PAGES_ARE_WATCHED && !defined(__SANITIZE_THREAD__) /* whose shadows are resident, too */
static size_t resident_bytes(void) {
    long count = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%*d %ld", &count), 1);
    fclose(f);
    return (size_t)count * (size_t)sysconf(_SC_PAGESIZE);
}

/* One block in eight stays: what is resident is not much more than these. */
static void goes_back(void **state) {
    (void)state;
    enum { MANY = 512 };
    static uint8_t *p[MANY];
    const size_t n = MIB / 4;
    size_t before = resident_bytes();
    for (uint32_t i = 0; i < MANY; i++) {
        p[i] = pages_alloc(&pages, n);
        assert_non_null(p[i]);
        memset(p[i], 1, n);
    }
    assert_true(resident_bytes() - before >= MANY * n * 9 / 10);
    for (uint32_t i = 0; i < MANY; i++)
        if (i % 8 != 0)
            pages_free(&pages, p[i], n);
    size_t some = resident_bytes() - before;
    for (uint32_t i = 0; i < MANY; i += 8)
        pages_free(&pages, p[i], n);
    size_t none = resident_bytes();
    assert_true(some < MANY / 8 * n * 3 / 2 + 4 * MIB);
    assert_true(none < before + 4 * MIB);
}

#endif

#if !PAGES_ARE_WATCHED
static void no_memory(void **state) {
    (void)state;
    assert_null(pages_alloc(&pages, SIZE_MAX));
    assert_null(pages_alloc(&pages, SIZE_MAX / 4));
    pages_free(&pages, NULL, MIB);
    uint8_t *blocks[64];
    uint32_t n = 0;
    mmap_fails = true;
    assert_null(pages_alloc(&pages, 3 * MIB));
    while (n < 64 && (blocks[n] = pages_alloc(&pages, MIB))) /* of a region that is open yet */
        memset(blocks[n++], 2, MIB);
    assert_true(n < 64);
    mmap_fails = false;
    uint8_t *p = pages_alloc(&pages, MIB);
    assert_non_null(p);
    memset(p, 3, MIB);
    for (uint32_t i = 0; i < n; i++) {
        assert_int_equal(blocks[i][MIB - 1], 2);
        pages_free(&pages, blocks[i], MIB);
    }
    assert_int_equal(p[0], 3);
    pages_free(&pages, p, MIB);
}
#endif

int main(void) {
    pages_init(&pages);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keep_their_bytes),
#if !PAGES_ARE_WATCHED && !defined(__SANITIZE_THREAD__)
        cmocka_unit_test(goes_back),
#endif
#if !PAGES_ARE_WATCHED
        cmocka_unit_test(no_memory),
#endif
    };
    return cmocka_run_group_tests_name("pages", tests, NULL, NULL);
}

/* See pages.h. A region begins at a multiple of its size with a head, which is so found from any
 * of its blocks. */
#include "base/pages.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define REGION_BYTES ((size_t)16 << 20)
#define LARGE_BYTES  ((size_t)2 << 20) /* a block of more has a region of its own */

struct region {
    size_t bytes, used; /* used: of the open region; both with this head */
    uint32_t refs;      /* blocks, and being open */
};

#define HEAD_BYTES ((sizeof(struct region) + PAGES_ALIGN - 1) / PAGES_ALIGN * PAGES_ALIGN)

static size_t page_bytes(void) { return (size_t)sysconf(_SC_PAGESIZE); }
static bool is_small(size_t n) { return PAGES_ARE_WATCHED || n < PAGES_LEAST_BYTES; }
static size_t up(size_t n, size_t to) { return (n + to - 1) / to * to; }

/* A region with one reference; NULL: no memory. */
static struct region *region_new(size_t bytes) {
    size_t room = bytes + REGION_BYTES; /* there is a multiple of REGION_BYTES in it */
    uint8_t *p = room > bytes ? mmap(NULL, room, PROT_READ | PROT_WRITE,
                                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
                              : MAP_FAILED;
    if (p == MAP_FAILED)
        return NULL;
    size_t before = -(uintptr_t)p % REGION_BYTES;
    if (before > 0)
        munmap(p, before);
    if (room - before > bytes)
        munmap(p + before + bytes, room - before - bytes);
    struct region *r = (struct region *)(void *)(p + before);
#ifdef MADV_HUGEPAGE
    (void)madvise(r, bytes, MADV_HUGEPAGE); /* refused where the system has none */
#endif
    *r = (struct region){.bytes = bytes, .used = HEAD_BYTES, .refs = 1};
    return r;
}

void pages_init(struct pages *pages) { *pages = (struct pages){.lock = PTHREAD_MUTEX_INITIALIZER}; }

/* So many bytes of the open region, or NULL. */
static uint8_t *take(struct pages *pages, size_t n) {
    struct region *r = pages->open;
    if (!r || r->bytes - r->used < n)
        return NULL;
    uint8_t *p = (uint8_t *)r + r->used;
    r->used += n;
    r->refs++;
    return p;
}

static uint8_t *take_shared(struct pages *pages, size_t n) {
    pthread_mutex_lock(&pages->lock);
    uint8_t *p = take(pages, n);
    struct region *fresh = p ? NULL : region_new(REGION_BYTES);
    if (fresh) {
        if (pages->open)
            pages->open->refs--; /* not its last: it has blocks */
        pages->open = fresh;
        p = take(pages, n);
    }
    pthread_mutex_unlock(&pages->lock);
    return p;
}

/* All common pages of a block, where it got no large one: touched one by one they cost a fault
 * each.
 */
static void populate(uint8_t *p, size_t n) {
#ifdef MADV_POPULATE_WRITE
    size_t page = page_bytes(), before = (uintptr_t)p % page;
    (void)madvise(p - before, up(before + n, page), MADV_POPULATE_WRITE);
#else
    (void)p;
    (void)n;
#endif
}

void *pages_alloc(struct pages *pages, size_t n) {
    if (n > SIZE_MAX / 2)
        return NULL;
    n = up(n, PAGES_ALIGN);
    if (is_small(n))
        return aligned_alloc(PAGES_ALIGN, n);
    uint8_t *p = NULL;
    if (n <= LARGE_BYTES) {
        p = take_shared(pages, n);
    } else {
        struct region *r = region_new(up(HEAD_BYTES + n, page_bytes()));
        p = r ? (uint8_t *)r + HEAD_BYTES : NULL;
    }
    if (p)
        populate(p, n);
    return p;
}

/* The pages that are a block's alone, to the system. */
static void give_back(uint8_t *p, size_t n) {
    size_t page = page_bytes(), before = -(uintptr_t)p % page;
    if (n > before)
        (void)madvise(p + before, (n - before) / page * page, MADV_DONTNEED);
}

/* A block has gone: whether it was the region's last one, and nothing can come after it. */
static bool leave(struct pages *pages, struct region *r) {
    uint32_t least = r == pages->open ? 1 : 0;
    if (--r->refs > least)
        return false;
    if (r == pages->open)
        pages->open = NULL;
    return true;
}

void pages_free(struct pages *pages, void *p, size_t n) {
    n = up(n, PAGES_ALIGN);
    if (is_small(n) || !p) {
        free(p);
        return;
    }
    struct region *r = (struct region *)(void *)((uint8_t *)p - (uintptr_t)p % REGION_BYTES);
    pthread_mutex_lock(&pages->lock);
    bool is_shared = r->refs > (r == pages->open ? 2 : 1), is_empty = !is_shared && leave(pages, r);
    pthread_mutex_unlock(&pages->lock);
    if (is_shared) { /* the block keeps it there meanwhile */
        give_back(p, n);
        pthread_mutex_lock(&pages->lock);
        is_empty = leave(pages, r);
        pthread_mutex_unlock(&pages->lock);
    }
    if (is_empty)
        munmap(r, r->bytes);
}

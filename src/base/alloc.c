/* See alloc.h. */
#include "base/alloc.h"

#include <stdlib.h>

void budget_init(struct budget *b, size_t limit_bytes) { budget_init_part(b, NULL, limit_bytes); }

void budget_init_part(struct budget *b, struct budget *whole, size_t limit_bytes) {
    atomic_init(&b->used_bytes, 0);
    atomic_init(&b->peak_bytes, 0);
    b->limit_bytes = limit_bytes;
    b->whole = whole;
    pages_init(&b->pages);
}

/* Of this budget alone. */
static bool take(struct budget *b, size_t n) {
    size_t used = atomic_load_explicit(&b->used_bytes, memory_order_relaxed);
    size_t after;
    do {
        if (!size_add(used, n, &after) || (b->limit_bytes && after > b->limit_bytes))
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&b->used_bytes, &used, after,
                                                    memory_order_relaxed, memory_order_relaxed));
    size_t peak = atomic_load_explicit(&b->peak_bytes, memory_order_relaxed);
    while (after > peak &&
           !atomic_compare_exchange_weak_explicit(&b->peak_bytes, &peak, after,
                                                  memory_order_relaxed, memory_order_relaxed)) {
    }
    return true;
}

static void give(struct budget *b, size_t n) {
    atomic_fetch_sub_explicit(&b->used_bytes, n, memory_order_relaxed);
}

bool budget_charge(struct budget *b, size_t n) {
    if (!b || n == 0)
        return true;
    if (!take(b, n))
        return false;
    if (!b->whole || take(b->whole, n))
        return true;
    give(b, n);
    return false;
}

void budget_release(struct budget *b, size_t n) {
    if (!b || n == 0)
        return;
    give(b, n);
    if (b->whole)
        give(b->whole, n);
}

bool budget_is_scarce(const struct budget *b) {
    size_t used = b ? atomic_load_explicit(&b->used_bytes, memory_order_relaxed) : 0;
    return b && b->limit_bytes > 0 && used > b->limit_bytes / 2;
}

void *budget_realloc(struct budget *b, void *p, size_t old_n, size_t new_n) {
    if (new_n > old_n && !budget_charge(b, new_n - old_n))
        return NULL;
    void *q = realloc(p, new_n);
    if (!q) {
        if (new_n > old_n)
            budget_release(b, new_n - old_n);
        return NULL;
    }
    if (new_n < old_n)
        budget_release(b, old_n - new_n);
    return q;
}

void budget_free(struct budget *b, void *p, size_t n) {
    if (!p)
        return;
    free(p);
    budget_release(b, n);
}

void *budget_pages(struct budget *b, size_t n) {
    size_t up = (n + PAGES_ALIGN - 1) / PAGES_ALIGN * PAGES_ALIGN;
    if (!b)
        return aligned_alloc(PAGES_ALIGN, up);
    if (!budget_charge(b, n))
        return NULL;
    void *p = pages_alloc(&b->pages, n);
    if (!p)
        budget_release(b, n);
    return p;
}

void budget_pages_free(struct budget *b, void *p, size_t n) {
    if (!b)
        free(p);
    if (!b || !p)
        return;
    pages_free(&b->pages, p, n);
    budget_release(b, n);
}

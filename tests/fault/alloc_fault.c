/* See alloc_fault.h. The wrapped allocator keeps the addresses of live blocks in a hash set of its
 * own, so that freeing a block that came from somewhere else (libc's own, say) does not disturb the
 * count. */
#include "alloc_fault.h"

#include "unit.h"

#include <stdbool.h>

void *__real_malloc(size_t n);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t n);
void *__real_aligned_alloc(size_t alignment, size_t n);
void __real_free(void *p);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_aligned_alloc(size_t alignment, size_t n);
void __wrap_free(void *p);

static size_t in_all; /* allocations */

static struct {
    unsigned seen;     /* allocations since arm */
    unsigned fail_at;  /* counted from 1; 0: never */
    bool fail_after;   /* and all that follow */
    unsigned failures; /* given since arm */
} plan;

static struct {
    uintptr_t *slots; /* open addressing, 0: free; a power of two of them */
    size_t n_slots, used;
} live;

static size_t slot_of(uintptr_t p) {
    size_t i = (size_t)((p >> 4) * 0x9E3779B97F4A7C15u >> 20) & (live.n_slots - 1);
    while (live.slots[i] != 0 && live.slots[i] != p)
        i = (i + 1) & (live.n_slots - 1);
    return i;
}

static void live_add(void *p);

static void live_grow(void) {
    uintptr_t *old = live.slots;
    size_t n_old = live.n_slots;
    live.n_slots = n_old ? n_old * 2 : 1024;
    live.used = 0;
    live.slots = __real_calloc(live.n_slots, sizeof *live.slots);
    assert_non_null(live.slots);
    for (size_t i = 0; i < n_old; i++)
        if (old[i])
            live_add((void *)old[i]);
    __real_free(old);
}

static void live_add(void *p) {
    if (live.used * 2 >= live.n_slots)
        live_grow();
    size_t i = slot_of((uintptr_t)p);
    live.used += live.slots[i] == 0;
    live.slots[i] = (uintptr_t)p;
}

static void live_remove(void *p) {
    if (!live.n_slots)
        return;
    size_t i = slot_of((uintptr_t)p);
    if (!live.slots[i])
        return;
    live.slots[i] = 0;
    live.used--;
    for (size_t k = (i + 1) & (live.n_slots - 1); live.slots[k]; k = (k + 1) & (live.n_slots - 1)) {
        uintptr_t moved = live.slots[k]; /* close the gap for what probed past it */
        live.slots[k] = 0;
        live.slots[slot_of(moved)] = moved;
    }
}

static bool fails(void) {
    in_all++;
    plan.seen++;
    bool now =
        plan.fail_at && (plan.fail_after ? plan.seen >= plan.fail_at : plan.seen == plan.fail_at);
    plan.failures += now;
    return now;
}

void *__wrap_malloc(size_t n) {
    void *p = fails() ? NULL : __real_malloc(n);
    if (p)
        live_add(p);
    return p;
}

void *__wrap_calloc(size_t count, size_t size) {
    void *p = fails() ? NULL : __real_calloc(count, size);
    if (p)
        live_add(p);
    return p;
}

void *__wrap_realloc(void *p, size_t n) {
    if (fails())
        return NULL;
    void *q = __real_realloc(p, n);
    if (q && q != p) {
        live_remove(p);
        live_add(q);
    }
    return q;
}

void *__wrap_aligned_alloc(size_t alignment, size_t n) {
    void *p = fails() ? NULL : __real_aligned_alloc(alignment, n);
    if (p)
        live_add(p);
    return p;
}

void __wrap_free(void *p) {
    live_remove(p);
    __real_free(p);
}

size_t fault_live_blocks(void) { return live.used; }
size_t fault_allocations(void) { return in_all; }

/* One run with allocation n failing; true if it came that far. */
static bool run_once(const char *what, fault_fn *run, void *arg, unsigned n, bool after) {
    size_t before = live.used;
    plan.seen = plan.failures = 0;
    plan.fail_at = n;
    plan.fail_after = after;
    enum status status = run(arg);
    unsigned failures = plan.failures;
    plan.fail_at = 0;
    if (live.used != before)
        fail_msg("%s: %zu blocks more than before when allocation %u fails", what,
                 live.used - before, n);
    if (status != E_OK && (status != E_MEMORY || failures == 0))
        fail_msg("%s: status %s when allocation %u fails", what, status_name(status), n);
    return failures > 0;
}

unsigned fault_each(const char *what, fault_fn *run, void *arg) {
    unsigned n = 1;
    while (run_once(what, run, arg, n, false))
        n++;
    if (n == 1)
        fail_msg("%s: no allocation was seen", what);
    for (unsigned k = 1; k < n; k++)
        run_once(what, run, arg, k, true);
    return n - 1;
}

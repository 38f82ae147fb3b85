/* See heap.h. */
#include "server/heap.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

#define MUCH_BYTES 16777216u /* less than was charged before */
#define WAIT_MS    5000u     /* it may be wanted again at once: pages cost a fault each */

static size_t charged(const struct heap *h) {
    return atomic_load_explicit(&h->budget->used_bytes, memory_order_relaxed);
}

static bool is_much_less(const struct heap *h, size_t now) {
    return h->high_bytes > MUCH_BYTES && now < h->high_bytes - MUCH_BYTES;
}

/* On a worker: of some hundred MiB this takes some 10 ms. */
static void on_work(uv_work_t *work) {
    (void)work;
#ifdef __GLIBC__
    malloc_trim(MUCH_BYTES / 16);
#endif
}

static void on_worked(uv_work_t *work, int status) {
    struct heap *h = work->data;
    (void)status; /* work is never taken back */
    h->is_waiting = false;
}

static void on_due(uv_timer_t *timer) {
    struct heap *h = timer->data;
    size_t now = charged(h);
    h->is_waiting = is_much_less(h, now);
    if (!h->is_waiting)
        return;
    h->high_bytes = now;
    h->work.data = h;
    uv_queue_work(timer->loop, &h->work, on_work, on_worked); /* fails for no function only */
}

void heap_init(struct heap *h, uv_loop_t *loop, const struct budget *budget) {
    *h = (struct heap){.budget = budget};
    uv_timer_init(loop, &h->timer); /* cannot fail */
    uv_unref((uv_handle_t *)&h->timer);
    h->timer.data = h;
}

void heap_look(struct heap *h) {
    size_t now = charged(h);
    if (now > h->high_bytes)
        h->high_bytes = now;
    if (h->is_waiting || !is_much_less(h, now))
        return;
    h->is_waiting = true;
    uv_timer_start(&h->timer, on_due, WAIT_MS, 0);
}

void heap_close(struct heap *h) {
    if (!uv_is_closing((uv_handle_t *)&h->timer))
        uv_close((uv_handle_t *)&h->timer, NULL);
}

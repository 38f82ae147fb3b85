/* See sort.h. Merges from the bottom up, from runs that are sorted by insertion; two runs that are
 * in order already are not merged (natural merge sort, Knuth, TAOCP 3, 5.2.4). */
#include "base/sort.h"

#include <string.h>

#define RUN        12u    /* items of a first run */
#define LOOK_ITEMS 65536u /* merged between two looks at `stop` */

struct sorting {
    sort_order *order;
    const void *data;
    const atomic_bool *stop;
    uint64_t merged; /* items since the last look */
};

static void insertion(const struct sorting *s, uint32_t *items, uint64_t n) {
    for (uint64_t i = 1; i < n; i++) {
        uint32_t item = items[i];
        uint64_t to = i;
        for (; to > 0 && s->order(items[to - 1], item, s->data) > 0; to--)
            items[to] = items[to - 1];
        items[to] = item;
    }
}

static bool is_stopped(struct sorting *s, uint64_t n) {
    s->merged += n;
    if (s->merged < LOOK_ITEMS || !s->stop)
        return false;
    s->merged = 0;
    return atomic_load_explicit(s->stop, memory_order_relaxed);
}

/* The runs from .. mid - 1 and mid .. end - 1 of `from` into one, at the same place of `to`. */
static bool merge(struct sorting *s, const uint32_t *from, uint32_t *to, uint64_t first,
                  uint64_t mid, uint64_t end) {
    uint64_t a = first, b = mid, out = first;
    if (mid >= end || s->order(from[mid - 1], from[mid], s->data) <= 0) {
        memcpy(to + first, from + first, (end - first) * sizeof *to);
        return true;
    }
    while (a < mid && b < end) {
        if (out % LOOK_ITEMS == 0 && is_stopped(s, LOOK_ITEMS))
            return false;
        to[out++] = s->order(from[a], from[b], s->data) <= 0 ? from[a++] : from[b++];
    }
    memcpy(to + out, from + a, (mid - a) * sizeof *to);
    memcpy(to + out + (mid - a), from + b, (end - b) * sizeof *to);
    return true;
}

bool sort_items(uint32_t *items, uint64_t n, uint32_t *room, sort_order *order, const void *data,
                const atomic_bool *stop) {
    struct sorting s = {order, data, stop, 0};
    uint32_t *from = items, *to = room;
    for (uint64_t first = 0; first < n; first += RUN) {
        insertion(&s, items + first, n - first < RUN ? n - first : RUN);
        if (is_stopped(&s, RUN))
            return false;
    }
    for (uint64_t width = RUN; width < n; width *= 2) {
        for (uint64_t first = 0; first < n; first += 2 * width) {
            uint64_t mid = n - first < width ? n : first + width,
                     end = n - first < 2 * width ? n : first + 2 * width;
            if (!merge(&s, from, to, first, mid, end) || is_stopped(&s, end - first))
                return false;
        }
        uint32_t *other = from;
        from = to;
        to = other;
    }
    if (from != items)
        memcpy(items, from, n * sizeof *items);
    return true;
}

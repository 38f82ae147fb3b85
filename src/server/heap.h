/* The heap's way back to the system.
 *
 * What many requests took together comes back to malloc in pieces between others that are still
 * used; malloc keeps the pages under them for ever. So when memory has become much less than it
 * was, and stays so for a while, the pages go back to the system. Where the C library cannot, this
 * does nothing. The loop's thread. */
#ifndef TAMIS_SERVER_HEAP_H
#define TAMIS_SERVER_HEAP_H

#include "base/alloc.h"

#include <uv.h>

struct heap {
    uv_timer_t timer;
    uv_work_t work;
    const struct budget *budget;
    size_t high_bytes; /* the most that was charged since the pages went back */
    bool is_waiting;   /* for the timer, or for the work */
};

void heap_init(struct heap *h, uv_loop_t *loop, const struct budget *budget);
/* After requests have taken or given back memory; cheap. */
void heap_look(struct heap *h);
void heap_close(struct heap *h);

#endif

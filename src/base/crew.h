/* A crew: threads that help with one loop at a time, for work that is worth waking them.
 *
 * crew_run calls a task for each number below n, on the caller's thread and those of the crew, and
 * returns when all are done. Only one caller has the crew at a time; another one that comes
 * meanwhile does its tasks alone, so nobody ever waits for the crew. The threads are started when
 * they are first wanted; in between they look for the next loop for some microseconds and then
 * sleep.
 *
 * A NULL crew has no threads. Any thread may call crew_run; a task must not. */
#ifndef TAMIS_BASE_CREW_H
#define TAMIS_BASE_CREW_H

#include <stdint.h>

struct crew;

/* helpers: threads beside the caller's; 0 gives NULL, and so does a lack of memory: then callers
 * work alone. look_ns: how long a thread looks before it sleeps, giving way to all others; 0: not
 * at all. */
struct crew *crew_new(uint32_t helpers, uint64_t look_ns);
void crew_free(struct crew *c); /* while nobody runs anything; NULL is fine */

/* Starts the threads, which takes some time: crew_run does it else. NULL is fine. */
void crew_start(struct crew *c);

/* The most threads that a task may be on: helpers + 1. */
uint32_t crew_size(const struct crew *c);

/* hand is below crew_size, and no two tasks that run at the same time have the same. */
typedef void crew_task(void *data, uint32_t i, uint32_t hand);
void crew_run(struct crew *c, crew_task *task, void *data, uint32_t n);

#endif

/* Memory that a client shares with the daemon: a memfd of its, mapped.
 *
 * Only what can never raise SIGBUS is taken: a memfd on ordinary pages (large ones may run out)
 * that is sealed against shrinking. */
#ifndef TAMIS_SERVER_SHARED_H
#define TAMIS_SERVER_SHARED_H

#include <stddef.h>
#include <stdint.h>

struct shared {
    uint8_t *p; /* NULL: nothing is shared */
    size_t n;
};

/* Maps all of the descriptor, at most `most` bytes, and closes it. Gives NULL, or what is wrong
 * with it: then it is left open. */
const char *shared_map(struct shared *ret, int fd, uint64_t most);
void shared_unmap(struct shared *s); /* fine on a zeroed struct */

#endif

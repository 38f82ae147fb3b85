/* Closes descriptors that clients have passed, on a thread of its own: close() asks the file
 * system, and one that a client serves (FUSE) may never answer. What waits here keeps nobody else
 * waiting.
 */
#ifndef TAMIS_SERVER_CLOSER_H
#define TAMIS_SERVER_CLOSER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct closer;

/* *count goes down with every descriptor that is closed. NULL: no memory, or no thread. */
struct closer *closer_new(_Atomic uint64_t *count);
/* Closes fd, soon; here and now if it has no memory for that. Any thread. */
void closer_close(struct closer *closer, int fd);
/* Closes what is left, as far as that takes no longer than a second; false: it hangs, and *count
 * must stay. NULL is fine. */
bool closer_free(struct closer *closer);

#endif

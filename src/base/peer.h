/* The memory of the process at the other end, which it allows to be read.
 *
 * What is read is a copy: the other process may write to its memory, or unmap it, at any time. The
 * system decides whether it may be read at all (ptrace(2): the same user, at least). Any thread.
 */
#ifndef TAMIS_BASE_PEER_H
#define TAMIS_BASE_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct peer {
    pid_t pid; /* 0: none */
};

/* Copies n bytes from an address of the peer's. False, and `to` is of any content, if they are not
 * all there, or may not be read. */
bool peer_read(const struct peer *peer, uint64_t address, void *to, size_t n);

#endif

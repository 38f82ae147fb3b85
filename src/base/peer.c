/* See peer.h. */
#include "base/peer.h"

#include <sys/uio.h>

bool peer_read(const struct peer *peer, uint64_t address, void *to, size_t n) {
    uint8_t *p = to;
    while (n > 0) {
        struct iovec here = {p, n}, there = {(void *)(uintptr_t)address, n};
        ssize_t got = process_vm_readv(peer->pid, &here, 1, &there, 1, 0);
        if (got <= 0)
            return false;
        p += got;
        address += (size_t)got;
        n -= (size_t)got;
    }
    return true;
}

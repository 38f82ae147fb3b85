/* A fetcher: what of a payload is in its sender's memory, read by several hands.
 *
 * Belongs to a loader and serves its payloads, one after the other: what was fetched for one is
 * there until fetcher_begin. One thread at a time, but for fetcher_count; of the arenas each is one
 * hand's.
 */
#ifndef TAMIS_ENGINE_FETCHER_H
#define TAMIS_ENGINE_FETCHER_H

#include "base/arena.h"
#include "base/crew.h"
#include "base/peer.h"

#include <stdatomic.h>

struct fetcher {
    const struct peer *peer;
    struct crew *crew;
    struct budget *budget;
    struct arena *arenas; /* one a hand, so that none waits for another */
    uint32_t n_arenas;
    _Atomic uint64_t bytes; /* of this payload, so far */
};

/* crew: may be NULL; peer: borrowed. False: no memory; fetcher_done is fine even then, and for a
 * zeroed one. */
bool fetcher_init(struct fetcher *f, const struct peer *peer, struct crew *crew,
                  struct budget *budget);
void fetcher_done(struct fetcher *f);

/* The next payload. */
void fetcher_begin(struct fetcher *f);

/* Whether the payload may have n bytes more, at most `most` in all; they then count. Any task. */
bool fetcher_count(struct fetcher *f, uint64_t n, uint64_t most);

#endif

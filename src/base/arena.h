/* An arena: many small objects with one lifetime, freed together.
 *
 * Chunks grow geometrically, so n allocations cost O(log n) mallocs. Memory is aligned to 16 and
 * not cleared (arena_new clears). The arena owns all of it; pointers stay valid until arena_reset
 * or arena_done. Failure gives NULL and leaves the arena usable. One thread at a time.
 */
#ifndef TAMIS_BASE_ARENA_H
#define TAMIS_BASE_ARENA_H

#include "base/alloc.h"

struct arena_chunk;

struct arena {
    struct arena_chunk *chunk; /* newest first */
    struct arena_chunk *spare; /* of arena_settle: to be used again */
    size_t left;               /* bytes left in the newest chunk */
    size_t next_bytes;         /* size of the next chunk */
    size_t held_bytes;         /* of all chunks */
    struct budget *budget;
    bool in_pages; /* chunks are blocks of pages.h: for bulk that comes again and again */
};

void arena_init(struct arena *a, struct budget *budget);
void arena_init_pages(struct arena *a, struct budget *budget); /* in_pages */
void arena_done(struct arena *a);                              /* a zeroed arena is fine */
void arena_reset(struct arena *a);                             /* frees all but the first chunk */
/* For one that is to hold as much again and again: all is free, but the chunks stay to be used
 * again; those that were not, since it was said last, go. */
void arena_settle(struct arena *a);
void arena_reuse(struct arena *a); /* the same, and the first if it is larger than usual */

void *arena_alloc(struct arena *a, size_t n);                  /* n == 0 gives a valid pointer */
void *arena_array(struct arena *a, size_t count, size_t size); /* checked count * size */
void *arena_zero(struct arena *a, size_t n);
void *arena_copy(struct arena *a, const void *p, size_t n); /* a copy, with a NUL behind it */

#define arena_new(a, type) ((type *)arena_zero((a), sizeof(type)))

#endif

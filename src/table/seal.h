/* Chunks from cells: the form that takes the least room.
 *
 * A chunk is one block of memory, charged to the budget, with all its arrays. It holds a reference
 * on its dictionary.
 */
#ifndef TAMIS_TABLE_SEAL_H
#define TAMIS_TABLE_SEAL_H

#include "table/cells.h"

struct raw; /* raw.c */

struct sealed {
    struct chunk chunk; /* with `raw` it has no cells: n, seen and bytes alone say something */
    struct dict *dict;  /* chunk.dict */
    struct budget *budget;
    size_t text;     /* STR, MIXED: bytes of the values; with `raw`: at most */
    struct raw *raw; /* what the chunk is made of at first use, and then the chunk; or NULL */
};

/* A chunk of n > 0 rows from the cells, which have at most n. May change their form; they can then
 * only be cleared or done with. NULL: no memory, or is_unread of the cells is set. */
struct sealed *cells_seal(struct cells *c, uint32_t n);
void sealed_free(struct sealed *s); /* NULL is fine */
void raw_done(struct sealed *s);    /* raw.c: the part of that, of one with `raw` */

#endif

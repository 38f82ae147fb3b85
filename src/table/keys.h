/* The keys of a batch's rows: told apart, and found among those of the table. Private to table/. */
#ifndef TAMIS_TABLE_KEYS_H
#define TAMIS_TABLE_KEYS_H

#include "table/batch.h"

#define NO_SLOT_FOUND UINT64_MAX

struct key_plan {
    struct budget *budget;
    uint32_t n;         /* rows of the batch */
    uint64_t *hashes;   /* by row */
    uint32_t *later;    /* by row: the row behind it with the same key, or UINT32_MAX */
    uint64_t *found;    /* by row, of those that stay: its key's slot in the index, or
                           NO_SLOT_FOUND */
    struct index index; /* REPLACE: the new one, with room */
};

/* Reads the keys of the batch's sealed rows; any thread. BAD_KEY, DUPLICATE_KEY (a key comes twice
 * and the mode is not UPSERT), MEMORY. */
enum status keys_read(struct key_plan *k, const struct batch *b, enum batch_mode mode,
                      struct error *e);
/* The pieces of the snapshot that a list began with. */
struct old_pieces {
    const struct piece *v;
    uint32_t n;
};

/* Finds them in the index, and deletes from `pieces` (which begin with the old ones; the rest are
 * the batch's) what they replace. column: of the key. Makes room in the index, but changes nothing
 * else of the table. DUPLICATE_KEY, MEMORY. */
enum status keys_place(struct key_plan *k, struct table *t, enum batch_mode mode,
                       struct pieces *pieces, const struct old_pieces *old, uint32_t column,
                       struct error *e);
/* Enters the rows, from number t->next on. Sets what was added and replaced. */
void keys_apply(struct key_plan *k, struct table *t, enum batch_mode mode,
                struct batch_counts *ret);
void keys_done(struct key_plan *k); /* a zeroed plan is fine */

/* Where the row of a key stands. */
struct key_place {
    uint64_t hash, slot, number;
    uint32_t piece, row;
};

/* False if no live row of the pieces has this (canonical) key. */
bool keys_find(const struct table *t, const struct pieces *pieces, uint32_t column,
               struct value key, struct key_place *ret);
/* Row `row` of piece i does not count any more; it did before. False: no memory. */
bool pieces_remove(struct pieces *pieces, uint32_t i, uint32_t row, const struct piece *old,
                   uint32_t n_old);

#endif

/* The key index: from the hash of a row's key to the row's number. Open addressing with linear
 * probing, at most three quarters full; removal moves the entries behind it back, so nothing is
 * left of what is gone. The keys themselves stand in the segments: who looks something up compares
 * them.
 *
 * One thread at a time: only writers of a table use it.
 */
#ifndef TAMIS_TABLE_INDEX_H
#define TAMIS_TABLE_INDEX_H

#include "base/alloc.h"
#include "value/value.h"

struct index_slot {
    uint64_t hash;
    uint64_t number1; /* the row's number + 1; 0: empty */
};

struct index {
    struct index_slot *slots;
    uint64_t mask; /* slots - 1; 0 without slots */
    uint64_t n;
    struct budget *budget;
};

void index_init(struct index *x, struct budget *budget);
void index_done(struct index *x);
/* Room for n more entries. False: no memory, and nothing has changed. */
bool index_room(struct index *x, uint64_t n);
size_t index_bytes(const struct index *x);

/* The first slot with this hash at or behind *at, which begins as the hash; false if there is no
 * other. Step on by *at = *at + 1. */
bool index_next(const struct index *x, uint64_t hash, uint64_t *at);
static inline uint64_t index_number(const struct index *x, uint64_t at) {
    return x->slots[at & x->mask].number1 - 1;
}
void index_set(struct index *x, uint64_t at, uint64_t number);   /* of a slot found */
void index_add(struct index *x, uint64_t hash, uint64_t number); /* there is room */
void index_remove(struct index *x, uint64_t hash, uint64_t number);

/* Whether a value (canonical or not) can be a key: STR, BIN, BOOL, a number but NaN, TIMESTAMP. */
bool key_is_good(struct value v);
/* Keys in their canonical form. */
uint64_t key_hash(struct value v);
bool key_equal(struct value a, struct value b);

#endif

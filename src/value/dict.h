/* Dictionaries: the writing side. What readers may do is in chunk.h.
 *
 * A dictionary has one writer at a time, for which its users see (a table's by the lock `writing`,
 * a path's by its own); the slots by which values are found are the writer's alone, so there is no
 * lock in here. Entries, which others may read meanwhile, stand in blocks of doubling size that
 * never move, their bytes in an arena.
 *
 * Memory is charged to the budget given to dict_new. */
#ifndef TAMIS_VALUE_DICT_H
#define TAMIS_VALUE_DICT_H

#include "base/alloc.h"
#include "value/chunk.h"

/* An empty dictionary with one reference; NULL: no memory. */
struct dict *dict_new(struct budget *budget);
struct dict *dict_ref(struct dict *d); /* d itself */
void dict_unref(struct dict *d);       /* NULL is fine */

/* The code of v (STR, BIN, ARRAY, MAP or EXT), which is copied if it is new. False: no memory, and
 * nothing has changed. */
bool dict_add(struct dict *d, struct value v, uint32_t *ret_code);
/* The same for a value that is not to be entered: false if it is not there. For the writer. */
bool dict_has(const struct dict *d, struct value v, uint32_t *ret_code);

/* Many at once, for the writer: the codes of n <= DICT_GROUP values, or NO_CODE and the hash of one
 * that is not there, with which it may be added. All stand in memory that can be read up to `end`.
 */
#define DICT_GROUP 128u
#define NO_CODE    UINT32_MAX
void dict_look(const struct dict *d, const struct value *v, uint32_t n, const uint8_t *end,
               uint32_t *ret_hash, uint32_t *ret_code);
/* Whether there are some values, but few, as in a column of words. Then: the codes of n values of a
 * type, STR or BIN, of which value i has bytes[i] bytes at data + places[i]; places ascend, and can
 * be read up to `end`. False: they are not all short, or not all there, and nothing is known. */
bool dict_has_few(const struct dict *d);
bool dict_find_words(const struct dict *d, enum value_type type, const uint8_t *data,
                     const uint8_t *end, const uint64_t *places, const uint32_t *bytes, uint32_t n,
                     uint32_t *ret_code);
bool dict_add_hashed(struct dict *d, struct value v, uint32_t hash, uint32_t *ret_code);

size_t dict_bytes(const struct dict *d); /* that it takes; any thread */

#endif

/* Columns that stay as they came until somebody asks for their cells. Private to table/.
 *
 * Codes of strings and values of lists and structs take several times as long to make as to copy
 * what they are made of. So a load copies the rows of a segment as they came; who first asks
 * for the column (segment_column) makes its chunk, and what it was made of goes then. Before that
 * nothing looks at the bytes, which were checked when they came.
 *
 * Any number of threads may ask; one of them makes it, the others wait for that. */
#ifndef TAMIS_TABLE_RAW_H
#define TAMIS_TABLE_RAW_H

#include "table/segment.h"
#include "table/stretch.h"

/* Whether columns of this type may stay so. */
bool raw_can(const struct array *a);

/* The rows of a stretch as a column of a segment that has no others: with its types and bytes, and
 * no chunk yet. MEMORY; BAD_PAYLOAD: what is in the memory of another process cannot be read. */
enum status raw_new(const struct stretch *s, struct budget *budget, struct sealed **ret);

/* Puts its rows, before anybody has asked for it, into cells that have none. False: no memory. */
bool raw_feed(const struct sealed *s, struct cells *c, struct lists *lists);

/* The rows of a stretch of any type as an array whose rows begin at 0 and of which all is here:
 * what was elsewhere is in a block, which goes back with budget_pages_free. Errors as of raw_new.
 */
enum status raw_fetch(const struct stretch *s, struct budget *budget, struct array *ret,
                      uint8_t **ret_block, size_t *ret_bytes);

/* What the column is still made of, which stays until raw_release; NULL: it has its chunk. */
const struct array *raw_hold(const struct sealed *s);
void raw_release(const struct sealed *s);

/* What a path leads to in the rows of an array, without their values: it goes through structs
 * alone. */
enum raw_path {
    RAW_PATH_FOUND,
    RAW_PATH_NONE, /* nothing, in no row */
    RAW_PATH_OTHER /* it is to be looked for in the values */
};
/* room: for an array that differs from what is there. */
enum raw_path raw_path(const struct array *a, uint32_t n, struct path path, struct stretch *ret,
                       struct array *room);
/* The chunk of a stretch, made with a dictionary of its own, whose values the shared one then has.
 * NULL: no memory. */
struct sealed *raw_make_apart(const struct stretch *s, struct shared_dict *shared,
                              struct budget *budget);

/* It becomes a column of a table, which has this dictionary. Before anybody asks for it. */
void raw_bind(struct sealed *s, struct shared_dict *shared);

#endif

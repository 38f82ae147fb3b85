/* Columns of nested values: "array", "map" and "struct" of PROTOCOL.md, "Row payloads".
 *
 * They are read and checked as all columns are (column_read.h), into a tree of arrays of any depth
 * up to row_depth. What uses a column wants values one behind the other, so that tree is then
 * written down as those of a "list" column, for the columns that are wanted alone.
 */
#ifndef TAMIS_ENGINE_NESTED_H
#define TAMIS_ENGINE_NESTED_H

#include "base/crew.h"
#include "engine/source.h"
#include "value/array.h"

/* Whether a column's type is a nested one. */
bool nested_type(struct str name, enum array_type *ret);

/* Reads the data at r, of the type and number of cells that *a has. Errors: BAD_PAYLOAD, ROW_*,
 * MEMORY, with the position in the message. */
enum status nested_read(const struct source *s, struct mp_reader *r, struct array *a,
                        struct error *e);

/* Where the values of one column stand: memory that serves one payload after the other. Zeroed, or
 * with a budget in each; to be freed with buf_done. */
struct nested_room {
    struct buf values, offsets;
};

/* Makes of a nested array one of VALUES with offsets: nil, an array or a map each. Others stay as
 * they are. They stand in *room, whose contents go; NULL: in the source's arena.
 *
 * A dictionary, a long name and an item without bytes are few bytes in a message and many as
 * values. So that these do not take more memory, or time, than a message can have, the values of
 * all nested columns of a payload have at most frame_bytes: FRAME_TOO_LARGE. MEMORY. */
enum status nested_to_values(struct source *s, struct array *a, struct nested_room *room,
                             struct error *e);
/* The same of n nested arrays, with a room for each and a crew that may be NULL. */
enum status nested_all_to_values(struct source *s, struct array *const *arrays, uint32_t n,
                                 struct nested_room *rooms, struct crew *crew, struct error *e);

#endif

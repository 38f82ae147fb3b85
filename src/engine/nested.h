/* Columns of nested values: "array", "map" and "struct" of PROTOCOL.md, "Row payloads".
 *
 * They are read and checked as all columns are (column_read.h), into a tree of arrays of any depth
 * up to row_depth. A filter wants values one behind the other, so that tree is then written down as
 * those of a "list" column, for the columns that are wanted alone. A table takes it as it is.
 */
#ifndef TAMIS_ENGINE_NESTED_H
#define TAMIS_ENGINE_NESTED_H

#include "engine/source.h"
#include "value/array.h"

/* Whether a column's type is a nested one. */
bool nested_type(struct str name, enum array_type *ret);

/* Reads the data at r, of the type and number of cells that *a has. Errors: BAD_PAYLOAD, ROW_*,
 * MEMORY, with the position in the message. */
enum status nested_read(struct source *s, struct mp_reader *r, struct array *a, struct error *e);

/* Makes of a nested array one of VALUES with offsets in the source's arena: nil, an array or a map
 * each. Others stay as they are.
 *
 * A dictionary, a long name and an item without bytes are few bytes in a message and many as
 * values. So that these do not take more memory, or time, than a message can have, the values of
 * all nested columns of a payload have at most frame_bytes: FRAME_TOO_LARGE. MEMORY. */
enum status nested_to_values(struct source *s, struct array *a, struct error *e);

#endif

/* A cell of an array of any type as msgpack: lists as arrays, maps and structs as maps, numbers,
 * strings and times in their shortest forms, null as nil. A field of a struct that is missing is
 * left out; elsewhere missing is nil, too. */
#ifndef TAMIS_VALUE_ARRAY_CELL_H
#define TAMIS_VALUE_ARRAY_CELL_H

#include "base/buf.h"
#include "value/array.h"

/* Appends cell i. False: there is no memory (as the buffer says), or it would have more than `most`
 * bytes in all; what was appended is then of no use. An array that was checked nests at most as
 * deep as rows may: this calls itself for what is inside. */
bool array_cell_write(const struct array *a, uint64_t i, struct buf *out, uint64_t most);

#endif

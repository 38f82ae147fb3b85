/* Cells of an array of any type as msgpack: lists as arrays, maps and structs as maps, numbers,
 * strings and times in their shortest forms, null as nil. A field of a struct that is missing is
 * left out; elsewhere missing is nil, too.
 *
 * An array that was checked nests at most as deep as rows may: all of this calls itself for what is
 * inside. */
#ifndef TAMIS_VALUE_ARRAY_CELL_H
#define TAMIS_VALUE_ARRAY_CELL_H

#include "base/buf.h"
#include "value/array.h"

/* Bytes that cells [from, to) have at most, by where their strings begin and end: in no time,
 * however many they are. UINT64_MAX: no less is known. */
uint64_t array_cells_most(const struct array *a, uint64_t from, uint64_t to);

/* Writes n cells one behind the other; gives where they end, and the bytes of each: 0 for one that
 * has no value, of which nothing is written. At `to` there is room for array_cells_most bytes and
 * ARRAY_CELL_SLACK more, which may be overwritten. */
#define ARRAY_CELL_SLACK 32u
uint8_t *array_cells_put(const struct array *a, uint64_t from, uint32_t n, uint8_t *to,
                         uint32_t *ret_bytes);

/* Appends cell i. False: there is no memory (as the buffer says), or it would have more than `most`
 * bytes in all; what was appended is then of no use. Takes no more time than `most` bytes do. */
bool array_cell_write(const struct array *a, uint64_t i, struct buf *out, uint64_t most);

#endif

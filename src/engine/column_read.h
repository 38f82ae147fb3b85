/* The columns of a "columns" payload (PROTOCOL.md), read and checked, not yet used: what fills
 * blocks from them (source_columns.c) and what loads them into a table need not check again.
 *
 * Checked is: sizes against the number of rows, bytes that are booleans, offsets (not decreasing,
 * inside the bytes), codes of cells that are neither null nor missing, and that the values of a
 * list are well-formed msgpack. Everything is borrowed from the message, but for the steps of paths
 * and the values' array of codes, which are in the source's arena.
 */
#ifndef TAMIS_ENGINE_COLUMN_READ_H
#define TAMIS_ENGINE_COLUMN_READ_H

#include "engine/source.h"
#include "value/array.h"

struct sent_column {
    struct path path; /* at least one step */
    uint32_t number;  /* its place in the payload */
    struct array array;
};

/* Reads the column at r, of as many rows as the source has. Errors: BAD_PAYLOAD, ROW_*, MEMORY,
 * with the position in the message. */
enum status column_read(const struct source *s, struct mp_reader *r, struct sent_column *ret,
                        struct error *e);

#endif

/* The columns of a "columns" payload (PROTOCOL.md), read and checked, not yet used: what fills
 * blocks from them (source_columns.c) and what loads them into a table need not check again.
 *
 * Checked is: sizes against the number of rows, bytes that are booleans, offsets (not decreasing,
 * inside the bytes), codes of cells that are neither null nor missing, and that the values of a
 * list are well-formed msgpack. Everything is borrowed from the message, but for the steps of
 * paths, arrays inside of arrays, and bytes that were fetched from the sender's memory, which are
 * in the source's arena. Numbers and timestamps of 8 bytes, and the bytes of strings, may still
 * be in the sender's memory (array.peer): nothing of these has been looked at.
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
enum status column_read(struct source *s, struct mp_reader *r, struct sent_column *ret,
                        struct error *e);

/* For nested.c. The cells of a column, `a->n` of them: what stands behind its path in so many
 * elements, [type, data, valid, present]. */
enum status column_cells(struct source *s, struct mp_reader *r, uint32_t parts, struct array *a,
                         struct error *e);
/* A bin of any length, or a copy of what is in the sender's memory; BAD_PAYLOAD with the text if it
 * is neither. */
enum status column_bin(struct source *s, struct mp_reader *r, struct value *ret, struct error *e,
                       const char *text);
/* Enters an array of so many elements, or (where ret_more is not NULL) of one more, a base behind
 * offsets; BAD_PAYLOAD with the text if it is none. */
enum status column_enter(const struct source *s, struct mp_reader *r, uint32_t elements,
                         bool *ret_more, struct error *e, const char *text);
/* The base of an array's offsets, which stands at `at`: at most the first of them, BAD_PAYLOAD
 * else. Before column_check_offsets. */
enum status column_base(const struct source *s, const uint8_t *at, struct value base,
                        struct array *a, struct error *e);
/* Whether the n + 1 offsets of an array do not decrease, and do not pass `end`. */
enum status column_check_offsets(const struct source *s, const struct array *a, uint32_t n,
                                 uint64_t end, const char *order_text, const char *end_text,
                                 struct error *e);

#endif

/* The msgpack row scanner: walks a row once, in place, and puts just the wanted fields into the
 * columns of a block.
 *
 * Nothing is allocated a row and no object is made a value. Iterative; every read is checked
 * against the end; every skipped value is checked to be well-formed msgpack (UTF-8 is not looked
 * at, S3). The last of equal keys wins. Keys that are no str never match.
 *
 * Rows of one batch usually repeat their keys in one order, and the types of their values: for each
 * wanted map the scanner remembers the keys that came before (as bytes in the input), and a key
 * that comes where it is expected is recognised by two word comparisons, for members of the row
 * itself the type of an unwanted value with it.
 *
 * One scanner serves one thread. `fields` must outlive it.
 */
#ifndef TAMIS_FORMAT_SCAN_H
#define TAMIS_FORMAT_SCAN_H

#include "base/arena.h"
#include "base/status.h"
#include "format/fields.h"
#include "value/column.h"

struct shape;
struct level;

struct scanner {
    const struct fields *fields;
    uint32_t depth_limit, fields_limit;
    struct shape *shapes; /* one for each node of fields */
    struct level *levels; /* open wanted containers, depth_limit of them */
    enum status status;   /* why the last scan failed ... */
    const uint8_t *fault; /* ... and where */
};

/* False if there is no memory; what it takes is in the arena. depth_limit and fields_limit are
 * row_depth and row_fields. */
bool scanner_init(struct scanner *s, struct arena *a, const struct fields *fields,
                  uint32_t depth_limit, uint32_t fields_limit);

/* Forgets remembered keys: to be called before the bytes that were scanned go away. */
void scanner_forget(struct scanner *s);

/* Scans one row, a map at p, into row `row` of b, whose cells must be missing. The field of a path
 * of no steps is the map itself, as it stands. Returns the end of
 * the row, or NULL with s->status (ROW_NOT_MAP, ROW_TRUNCATED, ROW_INVALID, ROW_TOO_DEEP,
 * ROW_TOO_WIDE) and s->fault. */
const uint8_t *scan_row(struct scanner *s, const uint8_t *p, const uint8_t *end, struct block *b,
                        uint32_t row);

/* Scans one value of any type that stands at `field` of a row (NULL: nothing of it is wanted, it is
 * skipped), inside `depth` open containers. */
const uint8_t *scan_value(struct scanner *s, const struct field *field, const uint8_t *p,
                          const uint8_t *end, uint32_t depth, struct block *b, uint32_t row);

#endif

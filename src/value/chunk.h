/* Chunks: the cells of one column in one segment of a resident table, in the form that takes the
 * least room and the fastest loops.
 *
 * A chunk is immutable once it is sealed, but for `counts`; any number of threads may read it. It
 * is plain memory that somebody else owns (table/segment.h). Every array of a chunk begins at a
 * multiple of CHUNK_ALIGN bytes and may be read up to the next multiple of 64 rows, and at least 64
 * bytes, behind its last row, so that loops need no tail: what stands there is zero.
 *
 * Two bitmaps say which cells hold a value, and which are there at all; bit i of word i / 64 at
 * value 1 << (i % 64), bits behind the last row are clear. What a typed array holds where `valid`
 * is clear is zero (codes, offsets: an empty string).
 */
#ifndef TAMIS_VALUE_CHUNK_H
#define TAMIS_VALUE_CHUNK_H

#include "base/build.h"
#include "value/value.h"

#include <stdatomic.h>

#define CHUNK_ALIGN 64u
#define CHUNK_WORDS ((SEGMENT_ROWS + 63) / 64)

enum chunk_kind {
    CHUNK_NONE,   /* no cell holds a value: all are null or missing */
    CHUNK_INT,    /* integers: base + a signed number of `width` bytes, modulo 2^64 */
    CHUNK_TIME,   /* timestamps: the same, counted in 1 / per_second seconds since 1970 */
    CHUNK_DOUBLE, /* 8 bytes */
    CHUNK_BOOL,   /* a bitmap of 64-bit words */
    CHUNK_CODES,  /* values of dict, by unsigned numbers of `width` bytes; they may be of several
                     types */
    CHUNK_STR,    /* strings: offsets (n + 1) into bytes */
    CHUNK_MIXED,  /* anything: the arrays of a struct column */
};

/* What is known of ZONE_ROWS rows. Of cells that hold no value nothing is said. */
struct zone {
    union word low, high; /* INT, TIME: as stored (word.i, without base). DOUBLE: of those that are
                             no NaN. CODES: the code (word.u). STR: the first 8 bytes behind
                             those that all strings share, big-endian, filled up with zeros
                             (word.u). Else unused. */
    bool has_value;       /* some cell holds a value ... */
    bool has_null;        /* ... some does not */
    bool has_nan;         /* DOUBLE: some value is NaN. low and high then tell of the others; if
                             there is no other, low > high */
};

/* How often each byte of an array occurs. Who wants to know it takes part in making it: see
 * plan/scan_count.c. */
struct byte_counts {
    _Atomic uint32_t asked; /* so often; COUNTS_MADE: `cells` are there, and stay as they are */
    uint32_t cells[256];    /* those that hold a value, by the byte as an unsigned number */
};
#define COUNTS_MADE UINT32_MAX
#define COUNTS_ROWS (SEGMENT_ROWS / 2) /* chunks of fewer have none */

struct dict;

struct chunk {
    enum chunk_kind kind;
    uint8_t width;    /* INT, TIME: 1, 2, 4, 8. CODES: 1, 2, 4 */
    bool is_unsigned; /* INT: values are 0 .. 2^64 - 1 (base + stored as uint64_t), else int64_t */
    uint32_t n;       /* rows, at most SEGMENT_ROWS */
    uint32_t seen;    /* types of the cells, SEEN(...), null and missing included */
    uint32_t per_second; /* TIME: 1, 1000, 1000000 or 1000000000 */
    uint64_t base;       /* INT, TIME: as int64_t, or as uint64_t if is_unsigned, a number to which
                            the stored ones can be added without wrapping */
    const void *data;    /* INT, TIME, DOUBLE, BOOL, CODES: the array. STR: the bytes. MIXED: union
                            word[n], pointing into memory of the segment */
    uint32_t shared;     /* STR: bytes that all strings begin with, the first of `data` */
    const uint32_t *offsets;    /* STR: n + 1 */
    const uint8_t *tags;        /* MIXED: n */
    const uint32_t *lens;       /* MIXED: n */
    const struct dict *dict;    /* CODES */
    const uint64_t *valid;      /* cells that hold a value; NULL: all */
    const uint64_t *present;    /* cells that are not missing; NULL: all */
    const struct zone *zones;   /* (n + ZONE_ROWS - 1) / ZONE_ROWS */
    struct byte_counts *counts; /* INT, TIME, CODES of one byte and COUNTS_ROWS rows; else NULL */
    size_t bytes;               /* that it takes, dictionary apart */
};

/* What stands in the array of an INT or TIME chunk, sign-extended; and in that of a CODES chunk. */
static inline int64_t chunk_stored(const struct chunk *c, uint32_t i) {
    switch (c->width) {
    case 1:
        return ((const int8_t *)c->data)[i];
    case 2:
        return ((const int16_t *)c->data)[i];
    case 4:
        return ((const int32_t *)c->data)[i];
    default:
        return ((const int64_t *)c->data)[i];
    }
}
static inline uint32_t chunk_code(const struct chunk *c, uint32_t i) {
    switch (c->width) {
    case 1:
        return ((const uint8_t *)c->data)[i];
    case 2:
        return ((const uint16_t *)c->data)[i];
    default:
        return ((const uint32_t *)c->data)[i];
    }
}

/* The value of cell i < c->n; borrows from the chunk and its dictionary. */
struct value chunk_value(const struct chunk *c, uint32_t i);

/* Puts the cells with these numbers (ascending or not) into rows 0 .. n - 1 of a column, and sets
 * its `seen`. c is NULL for cells that are all missing. n is at most BLOCK_ROWS. */
struct column;
void chunk_gather(const struct chunk *c, const uint16_t *cells, uint32_t n, struct column *ret);

static inline bool bits_get(const uint64_t *bits, uint32_t i) {
    return !bits || (bits[i / 64] >> (i % 64) & 1);
}

/* Dictionaries: the distinct values of a column, numbered from 0 in the order of their coming.
 * Values are scalars or nested ones (STR, BIN, ARRAY, MAP, EXT), told apart by type and bytes.
 *
 * Append-only: an entry never changes or moves, so readers need no lock for the entries below a
 * count that they got before (a snapshot's). One writer at a time (dict_add). Owned by reference
 * count. */
struct dict_entry {
    const uint8_t *p;
    uint32_t n;
    uint8_t type;
};

/* The entry with this number, which must be below dict_count. */
struct value dict_value(const struct dict *d, uint32_t code);
uint64_t dict_id(const struct dict *d);    /* no two dictionaries of a process have the same */
uint32_t dict_count(const struct dict *d); /* acquires: all entries below it can be read */

#endif

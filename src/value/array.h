/* Arrays: how the cells of a column come from outside, as numpy, Arrow and their like keep them.
 *
 * Only described here: whoever receives one checks it (engine/column_read.h) and says what it
 * borrows. Bitmaps are bytes, bit i of byte i / 8; numbers are little-endian and need not be
 * aligned.
 */
#ifndef TAMIS_VALUE_ARRAY_H
#define TAMIS_VALUE_ARRAY_H

#include "base/bitmap.h"
#include "base/load.h"
#include "base/peer.h"
#include "value/value.h"

enum array_type {
    ARRAY_I8,
    ARRAY_I16,
    ARRAY_I32,
    ARRAY_I64,
    ARRAY_U8,
    ARRAY_U16,
    ARRAY_U32,
    ARRAY_U64,
    ARRAY_F32,
    ARRAY_F64,
    ARRAY_BYTES_BOOL, /* a byte a row, 0 or 1 */
    ARRAY_BITS_BOOL,  /* a bit a row, from bit `bit_offset` */
    ARRAY_TIME,       /* i64 in 1 / per_second seconds since 1970 */
    ARRAY_STR,        /* offsets (n + 1 of 4 or 8 bytes, not decreasing) into bytes */
    ARRAY_CODES,      /* i8 ... u64 numbers of `codes_type` into another array of strings; what they
                         are where a cell is null or missing says nothing */
    ARRAY_BIN,        /* as STR, but binary */
    ARRAY_VALUES,     /* msgpack values one behind the other */
    /* What follows is nested: array_cell.h makes msgpack of it. */
    ARRAY_LIST,   /* offsets (n + 1 of 4 bytes, not decreasing) into the cells of one child */
    ARRAY_MAP,    /* the same into two children, keys and values */
    ARRAY_STRUCT, /* a child for each name, all of n cells */
};

#define ARRAY_KEY_BYTES 16u

struct array {
    enum array_type type;
    uint32_t n;          /* cells; whoever is given arrays of one length is told that apart */
    const uint8_t *data; /* STR, BIN, VALUES: the bytes, [data, data_end) */
    const uint8_t *data_end;
    const struct peer *peer; /* the numbers (of columns that are not nested: those of 8 bytes), the
                                bytes of STR and BIN are in its memory instead of data; or NULL */
    uint64_t address;        /* ... there */
    const uint8_t *offsets;  /* VALUES: where each begins, and the end of the last; or NULL */
    uint8_t offset_bytes;    /* 4, 8 */
    uint64_t base;           /* subtracted from each offset, none of which is below it */
    uint32_t per_second;
    enum array_type codes_type;
    const struct array *values; /* CODES: an ARRAY_STR of n_values ... */
    uint64_t n_values;
    uint32_t longest;             /* ... and the bytes of the longest of them */
    const struct array *children; /* LIST, MAP, STRUCT */
    uint32_t n_children;
    struct str key;                 /* of a child of a STRUCT: its name, encoded; at least
                                       ARRAY_KEY_BYTES can be read */
    const uint8_t *valid, *present; /* or NULL: all. A cell that is not valid is null, one that is
                                       not present is missing, valid or not */
    uint64_t bit_offset;            /* of valid, present and BITS_BOOL */
};

/* Bytes of a number of the types I8 to F64; else 0. */
static inline uint32_t array_number_bytes(enum array_type type) {
    static const uint8_t BYTES[] = {1, 2, 4, 8, 1, 2, 4, 8, 4, 8};
    return type <= ARRAY_F64 ? BYTES[type] : 0;
}

static inline bool array_may_be_elsewhere(enum array_type type) {
    return array_number_bytes(type) > 0 || type == ARRAY_TIME || type == ARRAY_STR ||
           type == ARRAY_BIN;
}

/* The i-th integer of the types I8 to U64, as 64 bits (signed ones in two's complement). In a loop
 * over a constant type nothing is left of the switch. */
static inline uint64_t array_integer(enum array_type type, const uint8_t *p, uint64_t i) {
    switch (type) {
    case ARRAY_I8:
        return (uint64_t)(int8_t)p[i];
    case ARRAY_I16:
        return (uint64_t)(int16_t)load_le16(p + 2 * i);
    case ARRAY_I32:
        return (uint64_t)(int32_t)load_le32(p + 4 * i);
    case ARRAY_U8:
        return p[i];
    case ARRAY_U16:
        return load_le16(p + 2 * i);
    case ARRAY_U32:
        return load_le32(p + 4 * i);
    default:
        return load_le64(p + 8 * i);
    }
}

/* The i-th offset as it stands there. */
static inline uint64_t array_offset(uint32_t offset_bytes, const uint8_t *offsets, uint64_t i) {
    return offset_bytes == 4 ? load_le32(offsets + 4 * i) : load_le64(offsets + 8 * i);
}

/* Where the i-th of strings, lists or values begins. */
static inline uint64_t array_begin(const struct array *a, uint64_t i) {
    return array_offset(a->offset_bytes, a->offsets, i) - a->base;
}

/* Bytes of the data of an array that may be elsewhere. */
static inline uint64_t array_data_bytes(const struct array *a) {
    if (a->type == ARRAY_STR || a->type == ARRAY_BIN)
        return array_begin(a, a->n);
    return (uint64_t)a->n * (a->type == ARRAY_TIME ? 8 : array_number_bytes(a->type));
}

static inline struct value array_bytes(const struct array *a, uint64_t i) {
    uint64_t from = array_begin(a, i), to = array_begin(a, i + 1);
    return value_bytes(a->type == ARRAY_BIN ? T_BIN : T_STR, a->data + from, (uint32_t)(to - from));
}

/* Seconds are rounded down, so that the nanoseconds are not negative (QUERY.md D2). With the
 * divisor known to the compiler. */
static inline __attribute__((always_inline)) struct value array_time_of(int64_t count,
                                                                        int64_t per_second) {
    int64_t seconds = count / per_second, rest = count % per_second;
    if (rest < 0) {
        seconds--;
        rest += per_second;
    }
    return value_timestamp(seconds, (uint32_t)(rest * (1000000000 / per_second)));
}

static inline struct value array_time(const struct array *a, uint64_t i) {
    int64_t count = (int64_t)load_le64(a->data + i * 8);
    switch (a->per_second) {
    case 1:
        return array_time_of(count, 1);
    case 1000:
        return array_time_of(count, 1000);
    case 1000000:
        return array_time_of(count, 1000000);
    default:
        return array_time_of(count, 1000000000);
    }
}

static inline bool array_is_present(const struct array *a, uint64_t i) {
    return !a->present || bitmap_get(a->present, a->bit_offset + i);
}

/* Neither null nor missing. */
static inline bool array_has_value(const struct array *a, uint64_t i) {
    return (!a->valid || bitmap_get(a->valid, a->bit_offset + i)) && array_is_present(a, i);
}

#endif

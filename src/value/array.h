/* Arrays: how the cells of a column come from outside, as numpy, Arrow and their like keep them.
 *
 * Only described here: whoever receives one checks it (engine/column_read.h) and says what it
 * borrows. Bitmaps are bytes, bit i of byte i / 8; numbers are little-endian and need not be
 * aligned.
 */
#ifndef TAMIS_VALUE_ARRAY_H
#define TAMIS_VALUE_ARRAY_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

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
    ARRAY_VALUES,     /* msgpack values one behind the other */
};

struct array {
    enum array_type type;
    const uint8_t *data; /* STR: the bytes. VALUES: [data, data_end) */
    const uint8_t *data_end;
    const uint8_t *offsets;
    uint8_t offset_bytes; /* 4, 8 */
    uint32_t per_second;
    enum array_type codes_type;
    const struct array *values; /* CODES: an ARRAY_STR of n_values */
    uint64_t n_values;
    const uint8_t *valid, *present; /* or NULL: all. A cell that is not valid is null, one that is
                                       not present is missing, valid or not */
    uint64_t bit_offset;            /* of valid, present and BITS_BOOL */
};

static inline uint16_t array_le16(const uint8_t *p) {
    uint16_t v;
    memcpy(&v, p, 2);
    return le16toh(v);
}
static inline uint32_t array_le32(const uint8_t *p) {
    uint32_t v;
    memcpy(&v, p, 4);
    return le32toh(v);
}
static inline uint64_t array_le64(const uint8_t *p) {
    uint64_t v;
    memcpy(&v, p, 8);
    return le64toh(v);
}

/* Bytes of a number of the types I8 to F64; else 0. */
static inline uint32_t array_number_bytes(enum array_type type) {
    static const uint8_t BYTES[] = {1, 2, 4, 8, 1, 2, 4, 8, 4, 8};
    return type <= ARRAY_F64 ? BYTES[type] : 0;
}

/* The i-th integer of the types I8 to U64, as 64 bits (signed ones in two's complement). In a loop
 * over a constant type nothing is left of the switch. */
static inline uint64_t array_integer(enum array_type type, const uint8_t *p, uint64_t i) {
    switch (type) {
    case ARRAY_I8:
        return (uint64_t)(int8_t)p[i];
    case ARRAY_I16:
        return (uint64_t)(int16_t)array_le16(p + 2 * i);
    case ARRAY_I32:
        return (uint64_t)(int32_t)array_le32(p + 4 * i);
    case ARRAY_U8:
        return p[i];
    case ARRAY_U16:
        return array_le16(p + 2 * i);
    case ARRAY_U32:
        return array_le32(p + 4 * i);
    default:
        return array_le64(p + 8 * i);
    }
}

/* The i-th offset of strings. */
static inline uint64_t array_offset(uint32_t offset_bytes, const uint8_t *offsets, uint64_t i) {
    return offset_bytes == 4 ? array_le32(offsets + 4 * i) : array_le64(offsets + 8 * i);
}

#endif

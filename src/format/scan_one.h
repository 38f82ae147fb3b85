/* One value of a row: how scan_msgpack.c and scan_row.c step over it or put it into a cell. Private
 * to the scanner (scan.h).
 *
 * p is where the value begins, end that of the input, depth the containers it is in. Gives where it
 * ends; NULL and why (scan_fail) if it is not all there or not well-formed. What is common is here,
 * to be inlined; what is not goes to scan_one.c, and from there to the slow twin that knows every
 * format byte, value/mp_read.c. */
#ifndef TAMIS_FORMAT_SCAN_ONE_H
#define TAMIS_FORMAT_SCAN_ONE_H

#include "format/scan.h"

#include <endian.h>
#include <string.h>

/* Encoded size of values whose first byte tells it; 0: it does not. */
#define R4(v)  v, v, v, v
#define R16(v) R4(v), R4(v), R4(v), R4(v)
/* clang-format off */
static const uint8_t SCAN_SIZE[256] = {
    R16(1), R16(1), R16(1), R16(1), R16(1), R16(1), R16(1), R16(1), /* 00-7f positive fixint */
    R16(0), R16(0),                                                 /* 80-9f fixmap, fixarray */
    1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, /* a0-bf fixstr */
    17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32,
    1,  0,  1,  1,                                                  /* nil, never used, false, true */
    0,  0,  0,  0,  0,  0,                                          /* bin, ext */
    5,  9,  2,  3,  5,  9,  2,  3,  5,  9,                          /* float, uint, int */
    0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,                  /* fixext, str, array, map */
    R16(1), R16(1),                                                 /* e0-ff negative fixint */
};
/* clang-format on */
#undef R4
#undef R16

/* Notes why the scan ends; gives NULL. */
static inline const uint8_t *scan_fail(struct scanner *s, enum status status, const uint8_t *at) {
    s->status = status;
    s->fault = at;
    return NULL;
}

/* Any value, by the complete reader. */
const uint8_t *scan_read_slow(struct scanner *s, const uint8_t *p, const uint8_t *end,
                              uint32_t depth, struct value *ret);
/* Steps over a container and all in it. */
const uint8_t *scan_skip_container(struct scanner *s, const uint8_t *p, const uint8_t *end,
                                   uint32_t depth);
/* Any value into a cell. */
const uint8_t *scan_take_slow(struct scanner *s, const uint8_t *p, const uint8_t *end,
                              uint32_t depth, struct column *c, uint32_t row);

static inline uint32_t be16(const uint8_t *p) { return (uint32_t)p[0] << 8 | p[1]; }
static inline uint32_t be32(const uint8_t *p) {
    uint32_t v;
    memcpy(&v, p, 4);
    return be32toh(v);
}
static inline uint64_t be64(const uint8_t *p) {
    uint64_t v;
    memcpy(&v, p, 8);
    return be64toh(v);
}

/* The header of an array or a map at p: how many items (a pair is two) and where they begin. False:
 * no container, or broken. */
static inline bool open_container(struct scanner *s, const uint8_t *p, const uint8_t *end,
                                  uint32_t *ret_n, bool *ret_map, const uint8_t **ret_body) {
    uint8_t c = *p;
    size_t room = (size_t)(end - p);
    if (c >= 0x80 && c <= 0x9F) {
        *ret_map = c < 0x90;
        *ret_n = c & 0x0F;
        *ret_body = p + 1;
    } else if ((c == 0xDC || c == 0xDE) && room >= 3) {
        *ret_map = c == 0xDE;
        *ret_n = be16(p + 1);
        *ret_body = p + 3;
    } else if ((c == 0xDD || c == 0xDF) && room >= 5) {
        *ret_map = c == 0xDF;
        *ret_n = be32(p + 1);
        *ret_body = p + 5;
    } else {
        if (c >= 0xDC && c <= 0xDF)
            scan_fail(s, E_ROW_TRUNCATED, p);
        return false;
    }
    if ((uint64_t)*ret_n * (*ret_map ? 2u : 1u) > (uint64_t)(end - *ret_body)) {
        scan_fail(s, E_ROW_TRUNCATED, p);
        return false;
    }
    if (*ret_map && *ret_n > s->fields_limit) {
        scan_fail(s, E_ROW_TOO_WIDE, p);
        return false;
    }
    return true;
}

static inline bool is_container(uint8_t c) {
    return (c >= 0x80 && c <= 0x9F) || (c >= 0xDC && c <= 0xDF);
}

/* Steps over a value. */
static inline const uint8_t *scan_skip(struct scanner *s, const uint8_t *p, const uint8_t *end,
                                       uint32_t depth) {
    if (p == end)
        return scan_fail(s, E_ROW_TRUNCATED, p);
    size_t n = SCAN_SIZE[*p];
    if (n > 0)
        return (size_t)(end - p) < n ? scan_fail(s, E_ROW_TRUNCATED, p) : p + n;
    if (*p == 0xD9 && end - p >= 2) { /* str 8 */
        n = 2u + p[1];
        return (size_t)(end - p) < n ? scan_fail(s, E_ROW_TRUNCATED, p) : p + n;
    }
    if (is_container(*p))
        return scan_skip_container(s, p, end, depth);
    struct value ignored;
    return scan_read_slow(s, p, end, depth, &ignored);
}

static inline const uint8_t *take_int(struct column *c, uint32_t row, int64_t i,
                                      const uint8_t *next) {
    c->tag[row] = T_INT;
    c->word[row].i = i;
    return next;
}

/* Puts a value into a cell. */
static inline const uint8_t *scan_take(struct scanner *s, const uint8_t *p, const uint8_t *end,
                                       uint32_t depth, struct column *c, uint32_t row) {
    if (p == end)
        return scan_fail(s, E_ROW_TRUNCATED, p);
    uint8_t h = *p;
    size_t n = SCAN_SIZE[h];
    if (n == 0)
        return scan_take_slow(s, p, end, depth, c, row);
    if ((size_t)(end - p) < n)
        return scan_fail(s, E_ROW_TRUNCATED, p);
    if (h < 0x80 || h >= 0xE0)
        return take_int(c, row, (int8_t)h, p + 1);
    if (h < 0xC0) { /* fixstr */
        c->tag[row] = T_STR;
        c->word[row].p = p + 1;
        c->len[row] = h & 0x1Fu;
        return p + n;
    }
    switch (h) {
    case 0xCB: {
        uint64_t bits = be64(p + 1);
        c->tag[row] = T_DOUBLE;
        memcpy(&c->word[row].d, &bits, 8);
        return p + 9;
    }
    case 0xC2:
    case 0xC3:
        c->tag[row] = T_BOOL;
        c->word[row].i = h & 1;
        return p + 1;
    case 0xC0:
        c->tag[row] = T_NULL;
        return p + 1;
    case 0xCC:
        return take_int(c, row, p[1], p + 2);
    case 0xCD:
        return take_int(c, row, be16(p + 1), p + 3);
    case 0xCE:
        return take_int(c, row, be32(p + 1), p + 5);
    default:
        return scan_take_slow(s, p, end, depth, c, row);
    }
}

#endif

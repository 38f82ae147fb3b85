/* Short strings as two words, in which they are hashed and compared at once. */
#ifndef TAMIS_VALUE_WORDS_H
#define TAMIS_VALUE_WORDS_H

#include "base/load.h"

#define WORDS_BYTES 16u /* most strings are as short as that */

/* A string of at most WORDS_BYTES bytes as two little-endian words, with zeros behind it. */
struct words {
    uint64_t a, b;
};

/* The first n bytes of a little-endian word. */
static const uint64_t BYTES_BELOW[9] = {0,          0xFF,         0xFFFF,         0xFFFFFF,
                                        0xFFFFFFFF, 0xFFFFFFFFFF, 0xFFFFFFFFFFFF, 0xFFFFFFFFFFFFFF,
                                        UINT64_MAX};

static inline struct words words_of(const uint8_t *p, uint32_t n) {
    if (n >= 8)
        return (struct words){load_le64(p), n > 8 ? load_le64(p + n - 8) >> 8 * (16 - n) : 0};
    if (n >= 4)
        return (struct words){load_le32(p) | (uint64_t)load_le32(p + n - 4) << 8 * (n - 4), 0};
    if (n == 0)
        return (struct words){0, 0};
    return (struct words){
        p[0] | (uint64_t)p[n / 2] << 8 * (n / 2) | (uint64_t)p[n - 1] << 8 * (n - 1), 0};
}

/* The same of one at which WORDS_BYTES bytes can be read: without a branch on n. */
static inline struct words words_within(const uint8_t *p, uint32_t n) {
    uint32_t first = n < 8 ? n : 8;
    return (struct words){load_le64(p) & BYTES_BELOW[first],
                          load_le64(p + 8) & BYTES_BELOW[n - first]};
}

/* The same of one that stands in memory that can be read up to `end`. */
static inline struct words words_until(const uint8_t *p, uint32_t n, const uint8_t *end) {
    return end - p < (ptrdiff_t)WORDS_BYTES ? words_of(p, n) : words_within(p, n);
}

#endif

/* Primitives (dense_level.h) that look at one row after the other, for the levels where a gather
 * of many is no faster. Private to src/kernel/dense*. */
#ifndef TAMIS_KERNEL_DENSE_SCALAR_H
#define TAMIS_KERNEL_DENSE_SCALAR_H

#include "kernel/dense_level.h"

/* For few rows: one after the other. */
INLINE uint64_t few_words(const uint8_t *bytes, const uint32_t *at, uint32_t back, uint64_t want,
                          uint64_t word, uint64_t care) {
    uint64_t hits = 0;
    for (; want; want &= want - 1) {
        unsigned i = (unsigned)__builtin_ctzll(want);
        hits |= (uint64_t)(((load_word(bytes + (at[i] - back)) ^ word) & care) == 0) << i;
    }
    return hits;
}
#define FEW_ROWS 12

/* put_indices of dense_level.h. The last of some at once may not count, and are written over. */
#define PUT_AT_ONCE 8
INLINE uint32_t *put_each(uint32_t *to, uint64_t bits, uint32_t base) {
    uint32_t *end = to + __builtin_popcountll(bits);
    while (to < end) {
        for (unsigned i = 0; i < PUT_AT_ONCE; i++) {
            *to++ = base + (bits ? (uint32_t)__builtin_ctzll(bits) : 0);
            bits &= bits - 1;
        }
    }
    return end;
}

#endif

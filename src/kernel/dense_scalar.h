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

#endif

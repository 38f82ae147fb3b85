/* Blocks of rows with a mask of one byte a row, 0 or 1, for plain C over columns: what fits the
 * first cache, and what the compiler makes vector code of. Knows no query.
 */
#ifndef BENCH_MASK_H
#define BENCH_MASK_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

enum { BLOCK = 4096, LANES = 64 };

/* How many rows the block has that begins at `start`; the mask behind them is cleared. */
INLINE size_t mask_rows(size_t all, size_t start, uint8_t mask[BLOCK]) {
    size_t rows = all - start < BLOCK ? all - start : BLOCK;
    memset(mask + rows, 0, BLOCK - rows);
    return rows;
}

/* How many are set: in lanes of a byte, each of which comes to BLOCK / LANES at the most. */
INLINE size_t mask_count(const uint8_t mask[BLOCK]) {
    uint8_t lanes[LANES] = {0};
    for (size_t i = 0; i < BLOCK; i += LANES)
        for (size_t k = 0; k < LANES; k++)
            lanes[k] += mask[i + k];
    size_t found = 0;
    for (size_t k = 0; k < LANES; k++)
        found += lanes[k];
    return found;
}

#endif

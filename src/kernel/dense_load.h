/* The dense loops that make chunks: bounds, counts, order, and numbers in fewer bytes. Included by
 * dense_loops.h. */
#ifndef TAMIS_KERNEL_DENSE_LOAD_H
#define TAMIS_KERNEL_DENSE_LOAD_H

#include "kernel/dense_level.h"

#include <math.h>

/* Vectors as wide as the level's registers (VECTOR_BYTES), at any address; four side by side, as
 * each comparison waits for the one before. */
typedef int64_t i64_lanes __attribute__((vector_size(VECTOR_BYTES), aligned(1), may_alias));
typedef double f64_lanes __attribute__((vector_size(VECTOR_BYTES), aligned(1), may_alias));
typedef int64_t loose_i64 __attribute__((aligned(1), may_alias));
typedef double loose_f64 __attribute__((aligned(1), may_alias));
#define LANES (VECTOR_BYTES / 8)
#define SIDE  4

static void bounds_i64(const void *numbers, uint32_t n, int64_t *ret_low, int64_t *ret_high) {
    const loose_i64 *x = numbers;
    int64_t low = x[0], high = x[0];
    i64_lanes lows[SIDE], highs[SIDE];
    uint32_t i = 0;
    for (int s = 0; s < SIDE; s++)
        lows[s] = highs[s] = (i64_lanes){0} + x[0];
    for (; n - i >= SIDE * LANES; i += SIDE * LANES)
        for (uint32_t s = 0; s < SIDE; s++) {
            i64_lanes v = *(const i64_lanes *)(x + i + s * LANES);
            ask_ahead(x + i + s * LANES, VECTOR_BYTES);
            i64_lanes less = v<lows[s], more = v> highs[s];
            lows[s] = (v & less) | (lows[s] & ~less);
            highs[s] = (v & more) | (highs[s] & ~more);
        }
    for (uint32_t l = 0; l < SIDE * LANES; l++) {
        int64_t least = lows[l / LANES][l % LANES], most = highs[l / LANES][l % LANES];
        low = least < low ? least : low;
        high = most > high ? most : high;
    }
    for (; i < n; i++) {
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
    }
    *ret_low = low;
    *ret_high = high;
}

/* A NaN is neither less nor greater, so it never becomes a bound. */
static void bounds_f64(const void *numbers, uint32_t n, double *ret_low, double *ret_high,
                       bool *ret_nan) {
    const loose_f64 *x = numbers;
    double low = INFINITY, high = -INFINITY;
    f64_lanes lows[SIDE], highs[SIDE];
    i64_lanes nans = {0};
    uint32_t i = 0;
    for (int s = 0; s < SIDE; s++) {
        lows[s] = (f64_lanes){0} + low;
        highs[s] = (f64_lanes){0} + high;
    }
    for (; n - i >= SIDE * LANES; i += SIDE * LANES)
        for (uint32_t s = 0; s < SIDE; s++) {
            f64_lanes v = *(const f64_lanes *)(x + i + s * LANES);
            ask_ahead(x + i + s * LANES, VECTOR_BYTES);
            i64_lanes less = v<lows[s], more = v> highs[s];
            lows[s] = (f64_lanes)(((i64_lanes)v & less) | ((i64_lanes)lows[s] & ~less));
            highs[s] = (f64_lanes)(((i64_lanes)v & more) | ((i64_lanes)highs[s] & ~more));
            nans |= v != v;
        }
    bool nan = false;
    for (uint32_t l = 0; l < SIDE * LANES; l++) {
        double least = lows[l / LANES][l % LANES], most = highs[l / LANES][l % LANES];
        low = least < low ? least : low;
        high = most > high ? most : high;
        nan |= nans[l % LANES] != 0;
    }
    for (; i < n; i++) {
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
        nan |= x[i] != x[i];
    }
    *ret_low = low;
    *ret_high = high;
    *ret_nan = nan;
}

static void bounds_u32(const uint32_t *restrict x, uint32_t n, uint32_t *ret_low,
                       uint32_t *ret_high) {
    uint32_t low = UINT32_MAX, high = 0;
    for (uint32_t i = 0; i < n; i++) {
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
    }
    *ret_low = low;
    *ret_high = high;
}

/* Neighbours are counted in tables of their own: where they are alike, one count would wait for the
 * other. */
static void tally_u8(const uint8_t *x, uint32_t n, uint32_t ret[256]) {
    uint32_t side[SIDE][256], i = 0;
    memset(side, 0, sizeof side);
    for (; n - i >= 8; i += 8) {
        uint64_t word = load_word(x + i);
        for (uint32_t b = 0; b < 8; b++)
            side[b % SIDE][word >> (8 * b) & 0xFF]++;
    }
    for (; i < n; i++)
        side[0][x[i]]++;
    for (uint32_t v = 0; v < 256; v++)
        ret[v] = side[0][v] + side[1][v] + side[2][v] + side[3][v];
}

typedef uint32_t loose_u32 __attribute__((aligned(1), may_alias));
typedef uint64_t loose_u64 __attribute__((aligned(1), may_alias));
#define ASCENDS(bits)                                                                              \
    static bool ascends_u##bits(const void *numbers, uint32_t n) {                                 \
        const loose_u##bits *x = numbers;                                                          \
        uint##bits##_t below = 0;                                                                  \
        for (uint32_t i = 1; i < n; i++)                                                           \
            below |= x[i] < x[i - 1];                                                              \
        return below == 0;                                                                         \
    }

ASCENDS(32)
ASCENDS(64)
#undef ASCENDS

#define WIDTH(bits)                                                                                \
    static void narrow_##bits(const loose_i64 *restrict x, uint32_t n, uint64_t base,              \
                              uint##bits##_t *restrict out) {                                      \
        for (uint32_t i = 0; i < n; i++)                                                           \
            out[i] = (uint##bits##_t)((uint64_t)x[i] - base);                                      \
    }                                                                                              \
    static void widen_##bits(const int##bits##_t *restrict x, uint32_t n, uint64_t base,           \
                             int64_t *restrict out) {                                              \
        for (uint32_t i = 0; i < n; i++)                                                           \
            out[i] = (int64_t)(base + (uint64_t)x[i]);                                             \
    }

WIDTH(8)
WIDTH(16)
WIDTH(32)
WIDTH(64)
#undef WIDTH

static void narrow_i64(const void *x, uint32_t n, uint64_t base, unsigned width, void *out) {
    if (width == 1)
        narrow_8(x, n, base, out);
    else if (width == 2)
        narrow_16(x, n, base, out);
    else if (width == 4)
        narrow_32(x, n, base, out);
    else
        narrow_64(x, n, base, out);
}

static void narrow_u32(const uint32_t *restrict x, uint32_t n, unsigned width, void *out) {
    uint8_t *restrict o1 = out;
    uint16_t *restrict o2 = out;
    if (width == 1) {
        for (uint32_t i = 0; i < n; i++)
            o1[i] = (uint8_t)x[i];
    } else if (width == 2) {
        for (uint32_t i = 0; i < n; i++)
            o2[i] = (uint16_t)x[i];
    } else {
        memcpy(out, x, (size_t)n * sizeof *x);
    }
}

static void widen_i64(const void *x, uint32_t n, uint64_t base, unsigned width, int64_t *out) {
    if (width == 1)
        widen_8(x, n, base, out);
    else if (width == 2)
        widen_16(x, n, base, out);
    else if (width == 4)
        widen_32(x, n, base, out);
    else
        widen_64(x, n, base, out);
}

#endif

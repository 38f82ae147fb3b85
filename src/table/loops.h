/* Loops over the arrays of cells that are being sealed: least and greatest, narrower and wider. */
#ifndef TAMIS_TABLE_LOOPS_H
#define TAMIS_TABLE_LOOPS_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static inline void bounds_i64(const int64_t *x, uint32_t n, int64_t *ret_low, int64_t *ret_high) {
    int64_t low = x[0], high = x[0];
    for (uint32_t i = 1; i < n; i++) {
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
    }
    *ret_low = low;
    *ret_high = high;
}

static inline void bounds_f64(const double *x, uint32_t n, double *ret_low, double *ret_high,
                              bool *ret_nan) {
    double low = INFINITY, high = -INFINITY;
    bool nan = false;
    for (uint32_t i = 0; i < n; i++) {
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
        nan |= x[i] != x[i];
    }
    *ret_low = low;
    *ret_high = high;
    *ret_nan = nan;
}

static inline void narrow_i64(const int64_t *x, uint32_t n, uint64_t base, unsigned width,
                              void *out) {
    int8_t *o1 = out;
    int16_t *o2 = out;
    int32_t *o4 = out;
    int64_t *o8 = out;
    for (uint32_t i = 0; width == 1 && i < n; i++)
        o1[i] = (int8_t)((uint64_t)x[i] - base);
    for (uint32_t i = 0; width == 2 && i < n; i++)
        o2[i] = (int16_t)((uint64_t)x[i] - base);
    for (uint32_t i = 0; width == 4 && i < n; i++)
        o4[i] = (int32_t)((uint64_t)x[i] - base);
    for (uint32_t i = 0; width == 8 && i < n; i++)
        o8[i] = (int64_t)((uint64_t)x[i] - base);
}

static inline void widen_i64(const void *x, uint32_t n, uint64_t base, unsigned width,
                             int64_t *out) {
    const int8_t *x1 = x;
    const int16_t *x2 = x;
    const int32_t *x4 = x;
    const int64_t *x8 = x;
    for (uint32_t i = 0; width == 1 && i < n; i++)
        out[i] = (int64_t)(base + (uint64_t)x1[i]);
    for (uint32_t i = 0; width == 2 && i < n; i++)
        out[i] = (int64_t)(base + (uint64_t)x2[i]);
    for (uint32_t i = 0; width == 4 && i < n; i++)
        out[i] = (int64_t)(base + (uint64_t)x4[i]);
    for (uint32_t i = 0; width == 8 && i < n; i++)
        out[i] = (int64_t)(base + (uint64_t)x8[i]);
}

#endif

/* See spread.h. Full words of the bitmap, the usual case, are moved at once. */
#include "table/spread.h"

#include <string.h>

void bits_set(uint64_t *bits, uint32_t from, uint32_t to) {
    while (from < to) {
        uint32_t at = from % 64, n = to - from < 64 - at ? to - from : 64 - at;
        bits[from / 64] |= (n == 64 ? UINT64_MAX : (UINT64_C(1) << n) - 1) << at;
        from += n;
    }
}

uint32_t bits_count(const uint64_t *bits, uint32_t n) {
    uint32_t count = 0;
    for (uint32_t w = 0; w < n / 64; w++)
        count += (uint32_t)__builtin_popcountll(bits[w]);
    if (n % 64)
        count += (uint32_t)__builtin_popcountll(bits[n / 64] & ((UINT64_C(1) << n % 64) - 1));
    return count;
}

static inline __attribute__((always_inline)) void
spread_sized(uint8_t *p, unsigned size, const uint64_t *valid, uint32_t n, uint32_t values) {
    uint32_t row = n;
    while (row > 0) {
        if (row % 64 == 0 && valid[row / 64 - 1] == UINT64_MAX) {
            row -= 64;
            values -= 64;
            memmove(p + (size_t)row * size, p + (size_t)values * size, (size_t)64 * size);
            continue;
        }
        row--;
        if (valid[row / 64] >> row % 64 & 1)
            memmove(p + (size_t)row * size, p + (size_t)--values * size, size);
        else
            memset(p + (size_t)row * size, 0, size);
    }
}

void spread(void *p, unsigned size, const uint64_t *valid, uint32_t n, uint32_t values) {
    switch (size) {
    case 1:
        spread_sized(p, 1, valid, n, values);
        break;
    case 2:
        spread_sized(p, 2, valid, n, values);
        break;
    case 4:
        spread_sized(p, 4, valid, n, values);
        break;
    default:
        spread_sized(p, 8, valid, n, values);
        break;
    }
}

static inline __attribute__((always_inline)) uint32_t
gather_sized(const uint8_t *rows, unsigned size, const uint64_t *valid, uint32_t n, uint8_t *out) {
    uint32_t count = 0;
    for (uint32_t row = 0; row < n; row += 64) {
        uint64_t word = valid[row / 64];
        if (word == UINT64_MAX) {
            memmove(out + (size_t)count * size, rows + (size_t)row * size, (size_t)64 * size);
            count += 64;
            continue;
        }
        for (; word; word &= word - 1) {
            uint32_t at = row + (uint32_t)__builtin_ctzll(word);
            memmove(out + (size_t)count++ * size, rows + (size_t)at * size, size);
        }
    }
    return count;
}

uint32_t gather(const void *rows, unsigned size, const uint64_t *valid, uint32_t n, void *out) {
    switch (size) {
    case 1:
        return gather_sized(rows, 1, valid, n, out);
    case 2:
        return gather_sized(rows, 2, valid, n, out);
    case 4:
        return gather_sized(rows, 4, valid, n, out);
    default:
        return gather_sized(rows, 8, valid, n, out);
    }
}

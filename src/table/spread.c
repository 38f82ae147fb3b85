/* See spread.h. Full words of the bitmap, the usual case, are moved at once. Values of less than 8
 * bytes are handled as the first ones of a word, as they stand in memory: nothing here asks for
 * their order. */
#include "table/spread.h"

#include "kernel/dense.h"

#include <string.h>

void bits_set(uint64_t *bits, uint32_t from, uint32_t to) {
    while (from < to) {
        uint32_t at = from % 64, n = to - from < 64 - at ? to - from : 64 - at;
        bits[from / 64] |= (n == 64 ? UINT64_MAX : (UINT64_C(1) << n) - 1) << at;
        from += n;
    }
}

uint32_t bits_count(const uint64_t *bits, uint32_t n) {
    uint32_t count = dense_ops()->bits_count(bits, n / 64);
    if (n % 64)
        count += (uint32_t)__builtin_popcountll(bits[n / 64] & ((UINT64_C(1) << n % 64) - 1));
    return count;
}

/* A value of `size` bytes, which is known to the compiler. */
static inline uint64_t get_value(const uint8_t *p, unsigned size) {
    uint64_t v = 0;
    memcpy(&v, p, size);
    return v;
}

static inline __attribute__((always_inline)) void
spread_sized(uint8_t *p, unsigned size, const uint64_t *valid, uint32_t n, uint32_t values) {
    uint32_t row = n;
    while (row > 0) {
        uint64_t word = valid[(row - 1) / 64];
        if (row % 64 == 0 && word == UINT64_MAX) {
            row -= 64;
            values -= 64;
            memmove(p + (size_t)row * size, p + (size_t)values * size, (size_t)64 * size);
            continue;
        }
        /* without a branch on a row's bit: where it is clear the value read is another's */
        for (uint32_t end = (row - 1) / 64 * 64; row > end;) {
            uint64_t bit = word >> --row % 64 & 1;
            values -= (uint32_t)bit;
            uint64_t v = get_value(p + (size_t)values * size, size) & -bit;
            memcpy(p + (size_t)row * size, &v, size);
        }
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
        uint32_t end = n - row < 64 ? n - row : 64;
        for (uint32_t i = 0; i < end; i++) { /* the next value overwrites one that does not count */
            uint64_t v = get_value(rows + (size_t)(row + i) * size, size);
            memcpy(out + (size_t)count * size, &v, size);
            count += word >> i & 1;
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

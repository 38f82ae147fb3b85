/* See resident_bits.h. */
#include "engine/resident_bits.h"

#include "base/bitmap.h"
#include "kernel/dense.h"

#include <endian.h>
#include <string.h>

void bits_drop_first(uint64_t *bits, uint64_t n) {
    for (uint32_t w = 0; n > 0; w++) {
        uint64_t here = (uint64_t)__builtin_popcountll(bits[w]);
        if (here <= n) {
            bits[w] = 0;
            n -= here;
            continue;
        }
        for (; n > 0; n--)
            bits[w] &= bits[w] - 1;
    }
}

uint32_t bits_keep_first(uint64_t *bits, uint32_t words, uint64_t n) {
    uint32_t w = 0;
    for (;; w++) {
        uint64_t here = (uint64_t)__builtin_popcountll(bits[w]);
        if (here >= n)
            break;
        n -= here;
    }
    uint64_t rest = bits[w];
    for (; n > 1; n--)
        rest &= rest - 1;
    uint32_t last = (uint32_t)__builtin_ctzll(rest);
    bits[w] &= last == 63 ? UINT64_MAX : (UINT64_C(1) << (last + 1)) - 1;
    memset(bits + w + 1, 0, (words - w - 1) * sizeof *bits);
    return 64 * w + last + 1;
}

uint32_t bits_count_live(const struct part *p, uint32_t from, uint32_t to) {
    if (!p->live)
        return to - from;
    uint32_t n = 0;
    for (uint32_t i = from; i < to;) {
        uint64_t word = p->live[i / 64] >> (i % 64);
        uint32_t here = 64 - i % 64 < to - i ? 64 - i % 64 : to - i;
        if (here < 64)
            word &= (UINT64_C(1) << here) - 1;
        n += (uint32_t)__builtin_popcountll(word);
        i += here;
    }
    return n;
}

const uint64_t *bits_by_live_row(const uint64_t *bits, const struct part *p, uint64_t *compact) {
    uint32_t at = 0, words = (p->n + 63) / 64;
    if (!p->live)
        return bits;
    memset(compact, 0, (words + 1) * sizeof *compact);
    for (uint32_t w = 0; w < words; w++) {
        uint64_t live = p->live[w], cells = bits[w], packed = cells;
        uint32_t n = (uint32_t)__builtin_popcountll(live);
        if (live != UINT64_MAX) {
            packed = 0;
            for (uint32_t i = 0; live; i++, live &= live - 1)
                packed |= (cells >> __builtin_ctzll(live) & 1) << i;
        }
        compact[at / 64] |= packed << (at % 64);
        if (at % 64 > 0)
            compact[at / 64 + 1] |= packed >> (64 - at % 64);
        at += n;
    }
    return compact;
}

#define SPARE 16u /* numbers that the loop may write behind its own */

/* The numbers, and nothing behind them: the last ones are made aside. */
static void put_indices(const uint64_t *bits, uint32_t words, uint32_t n_set, uint32_t base,
                        uint32_t *to) {
    uint32_t last[SPARE + 64 + SPARE], n_last = 0, w = words;
    while (w > 0 && n_last < SPARE)
        n_last += (uint32_t)__builtin_popcountll(bits[--w]);
    dense_ops()->indices(bits, w, base, to);
    dense_ops()->indices(bits + w, words - w, base + 64 * w, last);
    memcpy(to + (n_set - n_last), last, n_last * sizeof *last);
}

static void to_little_endian(uint8_t *p, uint32_t n) {
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    for (uint32_t i = 0; i < n; i++) {
        uint32_t le;
        memcpy(&le, p + 4 * (size_t)i, 4);
        le = htole32(le);
        memcpy(p + 4 * (size_t)i, &le, 4);
    }
#else
    (void)p, (void)n;
#endif
}

bool bits_add_indices(const uint64_t *bits, uint32_t words, uint32_t n_set, uint32_t base,
                      struct buf *data) {
    if (data->is_fixed) {
        uint8_t *at = data->data + data->len;
        if (!buf_reserve(data, 4 * (size_t)n_set))
            return false;
        put_indices(bits, words, n_set, base, (uint32_t *)(void *)at);
        to_little_endian(at, n_set);
        data->len += 4 * (size_t)n_set;
        return true;
    }
    size_t room = 4 * ((size_t)n_set + SPARE + 1);
    if (!buf_reserve(data, room))
        return false;
    /* in a frame the bytes stand anywhere: the loop writes aligned, and the bytes are moved down */
    uint8_t *at = data->data + data->len;
    uint32_t *to = (uint32_t *)(void *)(((uintptr_t)at + 3) & ~(uintptr_t)3);
    uint32_t n = dense_ops()->indices(bits, words, base, to);
    if ((uint8_t *)to != at)
        memmove(at, to, 4 * (size_t)n);
    to_little_endian(at, n);
    data->len += 4 * (size_t)n;
    return true;
}

bool bits_add(const uint64_t *bits, uint32_t rows, uint64_t done, struct buf *data, size_t start) {
    size_t need = start + bitmap_bytes(done + rows);
    if (need > data->len) {
        if (!buf_reserve(data, need - data->len + 8))
            return false;
        memset(data->data + data->len, 0, need - data->len + 8);
        data->len = need;
    }
    uint8_t *to = data->data + start + done / 8;
    uint32_t shift = done % 8;
    for (uint32_t w = 0; w < (rows + 63) / 64; w++) {
        uint64_t word = bits[w], left = rows - 64 * w;
        if (left < 64)
            word &= (UINT64_C(1) << left) - 1;
        uint64_t low = htole64(word << shift), old;
        size_t bytes = left < 64 ? (shift + left + 7) / 8 : 8;
        memcpy(&old, to + 8 * (size_t)w, 8); /* reads what the reserve has cleared */
        low |= old;
        memcpy(to + 8 * (size_t)w, &low, bytes < 8 ? bytes : 8);
        if (shift > 0 && left + shift > 64) {
            uint8_t high = (uint8_t)(word >> (64 - shift));
            to[8 * (size_t)w + 8] |= high;
        }
    }
    return true;
}

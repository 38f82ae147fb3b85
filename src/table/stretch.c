/* See stretch.h: which rows of a stretch have a value. */
#include "table/stretch.h"

#include "table/spread.h"

void stretch_bits(const uint8_t *map, uint64_t from, uint32_t n, uint64_t *out) {
    memset(out, 0, (n + 63) / 64 * sizeof *out);
    if (!map) {
        bits_set(out, 0, n);
        return;
    }
    for (uint32_t i = 0; i < n; i += 64) {
        uint32_t bits = n - i < 64 ? n - i : 64, shift = (from + i) % 8;
        const uint8_t *p = map + (from + i) / 8;
        size_t bytes = (shift + bits + 7) / 8;
        uint64_t word = stretch_load(p, bytes < 8 ? (unsigned)bytes : 8) >> shift;
        if (bytes > 8)
            word |= (uint64_t)p[8] << (64 - shift);
        out[i / 64] = bits < 64 ? word & ((UINT64_C(1) << bits) - 1) : word;
    }
}

void stretch_look(struct stretch *p, const struct array *a, uint64_t from, uint32_t n) {
    p->a = a;
    p->from = from;
    p->n = p->n_valid = n;
    p->all = !a->valid && !a->present;
    if (p->all)
        return;
    stretch_bits(a->valid, a->bit_offset + from, n, p->valid);
    stretch_bits(a->present, a->bit_offset + from, n, p->present);
    for (uint32_t w = 0; w < (n + 63) / 64; w++)
        p->valid[w] &= p->present[w];
    p->n_valid = bits_count(p->valid, n);
    p->all = p->n_valid == n;
}

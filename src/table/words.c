/* See stretch.h: numbers of all sizes as words of 8 bytes. */
#include "table/stretch.h"

#include <endian.h>

unsigned stretch_item_bytes(enum array_type type) {
    switch (type) {
    case ARRAY_I8:
    case ARRAY_U8:
    case ARRAY_BYTES_BOOL:
        return 1;
    case ARRAY_I16:
    case ARRAY_U16:
        return 2;
    case ARRAY_I32:
    case ARRAY_U32:
    case ARRAY_F32:
        return 4;
    default:
        return 8;
    }
}

static inline __attribute__((always_inline)) void widen(const uint8_t *p, uint32_t n, unsigned size,
                                                        bool is_signed, union word *out) {
    if (size == 8 && htole64(1) == 1) {
        memcpy(out, p, (size_t)n * 8);
        return;
    }
    unsigned shift = is_signed ? 64 - 8 * size : 0;
    for (uint32_t i = 0; i < n; i++)
        out[i].i = (int64_t)(stretch_load(p + (size_t)i * size, size) << shift) >> shift;
}

static void widen_floats(const uint8_t *p, uint32_t n, union word *out) {
    for (uint32_t i = 0; i < n; i++) {
        uint32_t bits = (uint32_t)stretch_load(p + (size_t)i * 4, 4);
        float f;
        memcpy(&f, &bits, 4);
        out[i].d = (double)f;
    }
}

bool stretch_words(const struct stretch *s, union word *out) {
    if (s->a->peer)
        return peer_read(s->a->peer, s->a->address + s->from * 8, out, (size_t)s->n * 8);
    const uint8_t *p = s->a->data + s->from * stretch_item_bytes(s->a->type);
    switch (s->a->type) {
    case ARRAY_I8:
        widen(p, s->n, 1, true, out);
        break;
    case ARRAY_I16:
        widen(p, s->n, 2, true, out);
        break;
    case ARRAY_I32:
        widen(p, s->n, 4, true, out);
        break;
    case ARRAY_U8:
        widen(p, s->n, 1, false, out);
        break;
    case ARRAY_U16:
        widen(p, s->n, 2, false, out);
        break;
    case ARRAY_U32:
        widen(p, s->n, 4, false, out);
        break;
    case ARRAY_F32:
        widen_floats(p, s->n, out);
        break;
    default:
        widen(p, s->n, 8, false, out);
        break;
    }
    return true;
}

bool words_have_top_bit(const union word *word, uint32_t n) {
    uint64_t any = 0;
    for (uint32_t i = 0; i < n; i++)
        any |= word[i].u;
    return any >> 63;
}

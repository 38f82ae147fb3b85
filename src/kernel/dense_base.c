/* Dense loops for any machine: NEON on AArch64, elsewhere plain C, which the compiler makes vectors
 * of where it can. Answers are made as 64 bytes, and then drawn together to bits. */
#include "kernel/dense_level.h"
#include "kernel/dense_scalar.h"

#if defined(__aarch64__)
#include "kernel/dense_neon.h"
#else

/* --- plain C: a byte of an answer is 0 or 1 --- */

#if defined(__SSE2__)
#include <emmintrin.h>

INLINE uint64_t bits_of(const uint8_t hit[64]) {
    uint64_t bits = 0;
    for (unsigned i = 0; i < 64; i += 16) {
        __m128i v = _mm_loadu_si128((const void *)(hit + i));
        bits |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_slli_epi16(v, 7)) << i;
    }
    return bits;
}
#else
INLINE uint64_t bits_of(const uint8_t hit[64]) {
    uint64_t bits = 0;
    for (unsigned i = 0; i < 64; i += 8) {
        uint64_t w = load_word(hit + i);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        w = __builtin_bswap64(w);
#endif
        bits |= (w * UINT64_C(0x0102040810204080) >> 56) << i;
    }
    return bits;
}
#endif

#define ROWS_IN(suffix, type, unsigned_type)                                                       \
    INLINE uint64_t rows_in_##suffix(const type *x, type low, unsigned_type span) {                \
        uint8_t hit[64];                                                                           \
        for (unsigned i = 0; i < 64; i++)                                                          \
            hit[i] = (unsigned_type)((unsigned_type)x[i] - (unsigned_type)low) <= span;            \
        return bits_of(hit);                                                                       \
    }

ROWS_IN(i8, int8_t, uint8_t)
ROWS_IN(i16, int16_t, uint16_t)
ROWS_IN(i32, int32_t, uint32_t)
ROWS_IN(i64, int64_t, uint64_t)
#undef ROWS_IN

INLINE uint64_t rows_in_f64(const double *x, double low, double high) {
    uint8_t hit[64];
    for (unsigned i = 0; i < 64; i++)
        hit[i] = (uint8_t)((x[i] >= low) & (x[i] <= high));
    return bits_of(hit);
}

INLINE uint64_t rows_spans(const uint32_t *offsets, uint32_t low, uint32_t span) {
    uint8_t hit[64];
    for (unsigned i = 0; i < 64; i++)
        hit[i] = offsets[i + 1] - offsets[i] - low <= span;
    return bits_of(hit);
}

#define ROWS_PAIR(rel, suffix, type, op)                                                           \
    INLINE uint64_t rows_##rel##_##suffix(const type *x, const type *y) {                          \
        uint8_t hit[64];                                                                           \
        for (unsigned i = 0; i < 64; i++)                                                          \
            hit[i] = x[i] op y[i];                                                                 \
        return bits_of(hit);                                                                       \
    }

ROWS_PAIR(eq, i64, int64_t, ==)
ROWS_PAIR(lt, i64, int64_t, <)
ROWS_PAIR(eq, f64, double, ==)
ROWS_PAIR(lt, f64, double, <)
ROWS_PAIR(le, f64, double, <=)
#undef ROWS_PAIR

struct set_u8 {
    const uint64_t *bits;
};
INLINE struct set_u8 set_u8(const uint64_t *set) { return (struct set_u8){set}; }

INLINE uint64_t rows_set_u8(const uint8_t *codes, const struct set_u8 *set) {
    uint64_t hits = 0;
    for (unsigned i = 0; i < 64; i++)
        hits |= (uint64_t)set_has(set->bits, codes[i]) << i;
    return hits;
}

INLINE uint64_t rows_word(const uint8_t *bytes, const uint32_t *at, uint32_t back, uint64_t want,
                          uint64_t word, uint64_t care) {
    if (__builtin_popcountll(want) <= FEW_ROWS)
        return few_words(bytes, at, back, want, word, care);
    uint8_t hit[64];
    for (unsigned i = 0; i < 64; i++)
        hit[i] = ((load_word(bytes + word_at(at[i], back)) ^ word) & care) == 0;
    return bits_of(hit);
}

INLINE uint32_t *put_indices(uint32_t *to, uint64_t bits, uint32_t base) {
    return put_each(to, bits, base);
}

INLINE uint8_t fit_at(const uint8_t *p, const struct search *s, int i, unsigned place, bool fold) {
    uint8_t v = p[s->at[i] + place];
    return (uint8_t)(v | (fold ? s->fold_byte[i][place] : 0)) == s->byte[i][place];
}

INLINE uint64_t rows_fit(const uint8_t *p, const struct search *s, bool fold) {
    uint8_t hit[64];
    for (unsigned i = 0; i < 64; i++)
        hit[i] = fit_at(p, s, 0, i, fold) & fit_at(p, s, 1, i, fold) & fit_at(p, s, 2, i, fold) &
                 fit_at(p, s, 3, i, fold);
    return bits_of(hit);
}

#endif

/* --- what no vectors help with --- */

INLINE uint64_t rows_set_u16(const uint16_t *codes, const uint64_t *set, uint64_t want) {
    uint64_t hits = 0;
    (void)want;
    for (unsigned i = 0; i < 64; i++)
        hits |= (uint64_t)set_has(set, codes[i]) << i;
    return hits;
}

INLINE uint64_t rows_set_u32(const uint32_t *codes, const uint64_t *set, uint64_t want) {
    uint64_t hits = 0;
    (void)want;
    for (unsigned i = 0; i < 64; i++)
        hits |= (uint64_t)set_has(set, codes[i]) << i;
    return hits;
}

#define LEVEL        dense_base
#define LEVEL_NAME   "base"
#define VECTOR_BYTES 16
#include "kernel/dense_loops.h"

/* Primitives (dense_level.h) of the base level on AArch64, all of which has NEON. Private to
 * src/kernel/dense*.
 *
 * There is no instruction that makes bits of the answers of a comparison, which are lanes of ones
 * or zeros. Lanes are narrowed to bytes, every second byte of two registers, and 64 bytes become a
 * word in three additions of neighbours (after Langdale and Lemire, "Parsing Gigabytes of JSON per
 * Second", 2019).
 *
 * Loops over a few registers are unrolled at any -O, so that these stay registers.
 */
#ifndef TAMIS_KERNEL_DENSE_NEON_H
#define TAMIS_KERNEL_DENSE_NEON_H

#include "kernel/dense_level.h"
#include "kernel/dense_places.h"
#include "kernel/dense_scalar.h"

#include <arm_neon.h>

/* --- from lanes to bits --- */

INLINE uint8x16_t powers(void) {
    return vreinterpretq_u8_u64(vdupq_n_u64(UINT64_C(0x8040201008040201)));
}

INLINE uint64_t bits_of(const uint8x16_t v[4]) {
    const uint8x16_t bit = powers();
    uint8x16_t low = vpaddq_u8(vandq_u8(v[0], bit), vandq_u8(v[1], bit));
    uint8x16_t high = vpaddq_u8(vandq_u8(v[2], bit), vandq_u8(v[3], bit));
    low = vpaddq_u8(low, high);
    return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(low, low)), 0);
}

/* Sixteen answers as bytes: one register of them, two, four, eight. */
INLINE uint8x16_t bytes_8(const uint8x16_t *v) { return v[0]; }

INLINE uint8x16_t bytes_16(const uint16x8_t *v) {
    return vuzp1q_u8(vreinterpretq_u8_u16(v[0]), vreinterpretq_u8_u16(v[1]));
}

INLINE uint16x8_t narrow_two(uint32x4_t a, uint32x4_t b) {
    return vuzp1q_u16(vreinterpretq_u16_u32(a), vreinterpretq_u16_u32(b));
}

INLINE uint8x16_t bytes_32(const uint32x4_t *v) {
    const uint16x8_t half[2] = {narrow_two(v[0], v[1]), narrow_two(v[2], v[3])};
    return bytes_16(half);
}

INLINE uint8x16_t bytes_64(const uint64x2_t *v) {
    uint32x4_t half[4];
#pragma GCC unroll 4
    for (unsigned i = 0; i < 4; i++)
        half[i] = vuzp1q_u32(vreinterpretq_u32_u64(v[2 * i]), vreinterpretq_u32_u64(v[2 * i + 1]));
    return bytes_32(half);
}

/* Gives the bits of 64 rows. `answer` is the comparison of those from row i on that fill a
 * register, `lanes` of `bits` bits. */
#define ANSWER_ROWS(bits, lanes, answer)                                                           \
    do {                                                                                           \
        uint8x16_t all[4];                                                                         \
        _Pragma("GCC unroll 4") for (unsigned part = 0; part < 4; part++) {                        \
            uint##bits##x##lanes##_t some[16 / lanes];                                             \
            _Pragma("GCC unroll 8") for (unsigned l = 0; l < 16 / lanes; l++) {                    \
                unsigned i = part * 16 + l * lanes;                                                \
                some[l] = answer;                                                                  \
            }                                                                                      \
            all[part] = bytes_##bits(some);                                                        \
        }                                                                                          \
        return bits_of(all);                                                                       \
    } while (0)

/* --- ranges --- */

#define ROWS_IN(bits, lanes)                                                                       \
    INLINE uint64_t rows_in_i##bits(const int##bits##_t *x, int##bits##_t low,                     \
                                    uint##bits##_t span) {                                         \
        const uint##bits##_t *u = (const uint##bits##_t *)x;                                       \
        const uint##bits##x##lanes##_t from = vdupq_n_u##bits((uint##bits##_t)low);                \
        const uint##bits##x##lanes##_t most = vdupq_n_u##bits(span);                               \
        ANSWER_ROWS(bits, lanes, vcleq_u##bits(vsubq_u##bits(vld1q_u##bits(u + i), from), most));  \
    }

ROWS_IN(8, 16)
ROWS_IN(16, 8)
ROWS_IN(32, 4)
ROWS_IN(64, 2)
#undef ROWS_IN

INLINE uint64_t rows_in_f64(const double *x, double low, double high) {
    const float64x2_t least = vdupq_n_f64(low), most = vdupq_n_f64(high);
    ANSWER_ROWS(64, 2,
                vandq_u64(vcgeq_f64(vld1q_f64(x + i), least), vcleq_f64(vld1q_f64(x + i), most)));
}

INLINE uint64_t rows_spans(const uint32_t *offsets, uint32_t low, uint32_t span) {
    const uint32x4_t from = vdupq_n_u32(low), most = vdupq_n_u32(span);
    const uint32_t *next = offsets + 1;
    ANSWER_ROWS(
        32, 4,
        vcleq_u32(vsubq_u32(vsubq_u32(vld1q_u32(next + i), vld1q_u32(offsets + i)), from), most));
}

/* --- two columns --- */

#define ROWS_PAIR(rel, suffix, type, lanes_suffix, compare)                                        \
    INLINE uint64_t rows_##rel##_##suffix(const type *x, const type *y) {                          \
        ANSWER_ROWS(64, 2, compare(vld1q_##lanes_suffix(x + i), vld1q_##lanes_suffix(y + i)));     \
    }

ROWS_PAIR(eq, i64, int64_t, s64, vceqq_s64)
ROWS_PAIR(lt, i64, int64_t, s64, vcltq_s64)
ROWS_PAIR(eq, f64, double, f64, vceqq_f64)
ROWS_PAIR(lt, f64, double, f64, vcltq_f64)
ROWS_PAIR(le, f64, double, f64, vcleq_f64)
#undef ROWS_PAIR

/* --- sets --- */

/* The 32 bytes of the set's bitmap: the code's upper five bits choose the byte, the lower three the
 * bit, as in dense_avx2.c. A table of 256 bytes would be four such choices. */
struct set_u8 {
    uint8x16x2_t bytes;
};

INLINE struct set_u8 set_u8(const uint64_t *set) {
    return (struct set_u8){
        {{vreinterpretq_u8_u64(vld1q_u64(set)), vreinterpretq_u8_u64(vld1q_u64(set + 2))}}};
}

INLINE uint8x16_t set_bytes(uint8x16_t codes, const struct set_u8 *set) {
    uint8x16_t byte = vqtbl2q_u8(set->bytes, vshrq_n_u8(codes, 3));
    return vtstq_u8(byte, vqtbl1q_u8(powers(), vandq_u8(codes, vdupq_n_u8(7))));
}

INLINE uint64_t rows_set_u8(const uint8_t *codes, const struct set_u8 *set) {
    ANSWER_ROWS(8, 16, set_bytes(vld1q_u8(codes + i), set));
}

/* --- text --- */

INLINE uint64x2_t words_at(const uint8_t *bytes, const uint32_t *at, uint32_t back) {
    return vcombine_u64(vcreate_u64(load_word(bytes + word_at(at[0], back))),
                        vcreate_u64(load_word(bytes + word_at(at[1], back))));
}

/* Rows with a bit that differs and counts. */
INLINE uint64_t rows_word_not(const uint8_t *bytes, const uint32_t *at, uint32_t back,
                              uint64_t word, uint64_t care) {
    const uint64x2_t words = vdupq_n_u64(word), cares = vdupq_n_u64(care);
    ANSWER_ROWS(64, 2, vtstq_u64(veorq_u64(words_at(bytes, at + i, back), words), cares));
}

INLINE uint64_t rows_word(const uint8_t *bytes, const uint32_t *at, uint32_t back, uint64_t want,
                          uint64_t word, uint64_t care) {
    if (__builtin_popcountll(want) <= FEW_ROWS)
        return few_words(bytes, at, back, want, word, care);
    return ~rows_word_not(bytes, at, back, word, care);
}

INLINE uint8x16_t fit_at(const uint8_t *p, const struct search *s, int i, bool fold) {
    uint8x16_t v = vld1q_u8(p + s->at[i]);
    if (fold)
        v = vorrq_u8(v, vld1q_u8(s->fold_byte[i]));
    return vceqq_u8(v, vld1q_u8(s->byte[i]));
}

INLINE uint64_t rows_fit(const uint8_t *p, const struct search *s, bool fold) {
    ANSWER_ROWS(8, 16,
                vandq_u8(vandq_u8(fit_at(p + i, s, 0, fold), fit_at(p + i, s, 1, fold)),
                         vandq_u8(fit_at(p + i, s, 2, fold), fit_at(p + i, s, 3, fold))));
}

#undef ANSWER_ROWS

/* --- bitmaps --- */

/* The compiler counts bits in a vector register, but word by word: so these are not those of
 * dense_loops.h. Eight words at a time, whose bytes have at most 32 bits together. */
#define OWN_BITMAPS

INLINE uint64x2_t add_counts(uint64x2_t counts, const uint64x2_t v[4]) {
    uint8x16_t bytes = vdupq_n_u8(0);
#pragma GCC unroll 4
    for (unsigned i = 0; i < 4; i++)
        bytes = vaddq_u8(bytes, vcntq_u8(vreinterpretq_u8_u64(v[i])));
    return vpadalq_u32(counts, vpaddlq_u16(vpaddlq_u8(bytes)));
}

#define BITS(name, vectors, word)                                                                  \
    static uint32_t bits_##name(const uint64_t *a, const uint64_t *b, uint32_t words,              \
                                uint64_t *out) {                                                   \
        uint64x2_t counts = vdupq_n_u64(0);                                                        \
        size_t w = 0;                                                                              \
        for (; words - w >= 8; w += 8) {                                                           \
            uint64x2_t v[4];                                                                       \
            _Pragma("GCC unroll 4") for (unsigned i = 0; i < 4; i++) {                             \
                v[i] = vectors(vld1q_u64(a + w + 2 * i), vld1q_u64(b + w + 2 * i));                \
                vst1q_u64(out + w + 2 * i, v[i]);                                                  \
            }                                                                                      \
            counts = add_counts(counts, v);                                                        \
        }                                                                                          \
        uint64_t count = vaddvq_u64(counts);                                                       \
        for (; w < words; w++)                                                                     \
            count += (uint64_t)__builtin_popcountll(out[w] = a[w] word b[w]);                      \
        return (uint32_t)count;                                                                    \
    }

BITS(and, vandq_u64, &)
BITS(and_not, vbicq_u64, &~)
BITS(or, vorrq_u64, |)
#undef BITS

static uint32_t bits_count(const uint64_t *a, uint32_t words) {
    uint64x2_t counts = vdupq_n_u64(0);
    size_t w = 0;
    for (; words - w >= 8; w += 8) {
        uint64x2_t v[4];
#pragma GCC unroll 4
        for (unsigned i = 0; i < 4; i++)
            v[i] = vld1q_u64(a + w + 2 * i);
        counts = add_counts(counts, v);
    }
    uint64_t count = vaddvq_u64(counts);
    for (; w < words; w++)
        count += (uint64_t)__builtin_popcountll(a[w]);
    return (uint32_t)count;
}

/* --- indices --- */

/* Many by table, a byte of bits at a time. Where each byte's begin is known beforehand, so that
 * none waits for another: the product has in byte i the sum of the counts up to it. */
INLINE uint32_t *put_indices(uint32_t *to, uint64_t bits, uint32_t base) {
    uint64_t counts = vget_lane_u64(vreinterpret_u64_u8(vcnt_u8(vcreate_u8(bits))), 0);
    uint64_t begins = counts * UINT64_C(0x0101010101010101) << 8;
    uint32_t *end = to + __builtin_popcountll(bits);
    if (end - to <= PUT_AT_ONCE)
        return put_each(to, bits, base);
    uint32x4_t first = vdupq_n_u32(base);
    for (unsigned i = 0; i < 64; i += 8) {
        uint32_t *here = to + (begins >> i & 0xFF);
        uint16x8_t places = vmovl_u8(vcreate_u8(PLACES_OF[bits >> i & 0xFF]));
        vst1q_u32(here, vaddw_u16(first, vget_low_u16(places)));
        vst1q_u32(here + 4, vaddw_high_u16(first, places));
        first = vaddq_u32(first, vdupq_n_u32(8));
    }
    return end;
}

#endif

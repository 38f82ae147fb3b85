/* Dense loops for AVX2 (with BMI and POPCNT). It has signed comparisons only: the unsigned x - low
 * <= span is asked as its opposite, signed, of numbers that are moved by the least integer. */
#include "kernel/dense_level.h"
#include "kernel/dense_places.h"
#include "kernel/dense_scalar.h"

#include <immintrin.h>

INLINE __m256i load(const void *p) { return _mm256_loadu_si256(p); }

/* The signs of 32 bytes; of 32 numbers of two bytes, of four; of 4 doubles. */
INLINE uint64_t signs_8(__m256i v) { return (uint32_t)_mm256_movemask_epi8(v); }

INLINE uint64_t signs_16(__m256i a, __m256i b) {
    /* packs takes half of a and half of b in turns */
    return signs_8(_mm256_permute4x64_epi64(_mm256_packs_epi16(a, b), 0xD8));
}

INLINE uint64_t signs_32(__m256i a, __m256i b, __m256i c, __m256i d) {
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    __m256i packed = _mm256_packs_epi16(_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d));
    return signs_8(_mm256_permutevar8x32_epi32(packed, order));
}

INLINE uint64_t signs_64(__m256i v) {
    return (uint64_t)(uint32_t)_mm256_movemask_pd(_mm256_castsi256_pd(v));
}

/* --- ranges --- */

INLINE uint64_t rows_in_i8(const int8_t *x, int8_t low, uint8_t span) {
    const __m256i from = _mm256_set1_epi8((char)(low ^ INT8_MIN));
    const __m256i most = _mm256_set1_epi8((char)(span ^ 0x80));
    uint64_t out = 0;
    for (unsigned i = 0; i < 64; i += 32)
        out |= signs_8(_mm256_cmpgt_epi8(_mm256_sub_epi8(load(x + i), from), most)) << i;
    return ~out;
}

INLINE __m256i out_16(const int16_t *x, __m256i from, __m256i most) {
    return _mm256_cmpgt_epi16(_mm256_sub_epi16(load(x), from), most);
}

INLINE uint64_t rows_in_i16(const int16_t *x, int16_t low, uint16_t span) {
    const __m256i from = _mm256_set1_epi16((short)(low ^ INT16_MIN));
    const __m256i most = _mm256_set1_epi16((short)(span ^ 0x8000));
    uint64_t out = 0;
    for (unsigned i = 0; i < 64; i += 32)
        out |= signs_16(out_16(x + i, from, most), out_16(x + i + 16, from, most)) << i;
    return ~out;
}

INLINE __m256i out_32(__m256i x, __m256i from, __m256i most) {
    return _mm256_cmpgt_epi32(_mm256_sub_epi32(x, from), most);
}

INLINE uint64_t rows_in_i32(const int32_t *x, int32_t low, uint32_t span) {
    const __m256i from = _mm256_set1_epi32(low ^ INT32_MIN);
    const __m256i most = _mm256_set1_epi32((int)(span ^ UINT32_C(0x80000000)));
    uint64_t out = 0;
    for (unsigned i = 0; i < 64; i += 32)
        out |= signs_32(out_32(load(x + i), from, most), out_32(load(x + i + 8), from, most),
                        out_32(load(x + i + 16), from, most), out_32(load(x + i + 24), from, most))
               << i;
    return ~out;
}

INLINE uint64_t rows_in_i64(const int64_t *x, int64_t low, uint64_t span) {
    const __m256i from = _mm256_set1_epi64x(low ^ INT64_MIN);
    const __m256i most = _mm256_set1_epi64x((long long)(span ^ UINT64_C(0x8000000000000000)));
    uint64_t out = 0;
    for (unsigned i = 0; i < 64; i += 4)
        out |= signs_64(_mm256_cmpgt_epi64(_mm256_sub_epi64(load(x + i), from), most)) << i;
    return ~out;
}

INLINE uint64_t rows_in_f64(const double *x, double low, double high) {
    const __m256d least = _mm256_set1_pd(low), most = _mm256_set1_pd(high);
    uint64_t in = 0;
    for (unsigned i = 0; i < 64; i += 4) {
        __m256d v = _mm256_loadu_pd(x + i);
        __m256d both =
            _mm256_and_pd(_mm256_cmp_pd(v, least, _CMP_GE_OQ), _mm256_cmp_pd(v, most, _CMP_LE_OQ));
        in |= (uint64_t)(uint32_t)_mm256_movemask_pd(both) << i;
    }
    return in;
}

INLINE __m256i span_at(const uint32_t *offsets) {
    return _mm256_sub_epi32(load(offsets + 1), load(offsets));
}

INLINE uint64_t rows_spans(const uint32_t *offsets, uint32_t low, uint32_t span) {
    const __m256i from = _mm256_set1_epi32((int)(low ^ UINT32_C(0x80000000)));
    const __m256i most = _mm256_set1_epi32((int)(span ^ UINT32_C(0x80000000)));
    uint64_t out = 0;
    for (unsigned i = 0; i < 64; i += 32) {
        const uint32_t *o = offsets + i;
        out |= signs_32(out_32(span_at(o), from, most), out_32(span_at(o + 8), from, most),
                        out_32(span_at(o + 16), from, most), out_32(span_at(o + 24), from, most))
               << i;
    }
    return ~out;
}

/* --- two columns --- */

INLINE uint64_t rows_eq_i64(const int64_t *x, const int64_t *y) {
    uint64_t in = 0;
    for (unsigned i = 0; i < 64; i += 4)
        in |= signs_64(_mm256_cmpeq_epi64(load(x + i), load(y + i))) << i;
    return in;
}

INLINE uint64_t rows_lt_i64(const int64_t *x, const int64_t *y) {
    uint64_t in = 0;
    for (unsigned i = 0; i < 64; i += 4)
        in |= signs_64(_mm256_cmpgt_epi64(load(y + i), load(x + i))) << i;
    return in;
}

#define ROWS_F64(rel, predicate)                                                                   \
    INLINE uint64_t rows_##rel##_f64(const double *x, const double *y) {                           \
        uint64_t in = 0;                                                                           \
        for (unsigned i = 0; i < 64; i += 4) {                                                     \
            __m256d v = _mm256_cmp_pd(_mm256_loadu_pd(x + i), _mm256_loadu_pd(y + i), predicate);  \
            in |= (uint64_t)(uint32_t)_mm256_movemask_pd(v) << i;                                  \
        }                                                                                          \
        return in;                                                                                 \
    }

ROWS_F64(eq, _CMP_EQ_OQ)
ROWS_F64(lt, _CMP_LT_OQ)
ROWS_F64(le, _CMP_LE_OQ)
#undef ROWS_F64

/* --- sets --- */

/* The 32 bytes of the set's bitmap in registers (after Mula, "SIMDized check which bytes are in a
 * set", 2018): the code's upper five bits choose the byte, the lower three the bit. */
struct set_u8 {
    __m256i low, high; /* bytes of the codes below 128, and of the others, in both halves */
};

INLINE struct set_u8 set_u8(const uint64_t *set) {
    __m256i low = _mm256_broadcastsi128_si256(_mm_loadu_si128((const void *)set));
    __m256i high = _mm256_broadcastsi128_si256(_mm_loadu_si128((const void *)(set + 2)));
    return (struct set_u8){low, high};
}

INLINE uint64_t rows_set_u8(const uint8_t *codes, const struct set_u8 *set) {
    const __m256i powers = _mm256_set1_epi64x((long long)UINT64_C(0x8040201008040201));
    uint64_t hits = 0;
    for (unsigned i = 0; i < 64; i += 32) {
        __m256i v = load(codes + i);
        __m256i place = _mm256_and_si256(_mm256_srli_epi16(v, 3), _mm256_set1_epi8(15));
        __m256i byte = _mm256_blendv_epi8(_mm256_shuffle_epi8(set->low, place),
                                          _mm256_shuffle_epi8(set->high, place), v);
        __m256i bit = _mm256_shuffle_epi8(powers, _mm256_and_si256(v, _mm256_set1_epi8(7)));
        hits |= signs_8(_mm256_cmpeq_epi8(_mm256_and_si256(byte, bit), bit)) << i;
    }
    return hits;
}

/* The bits of 8 codes, as signs. */
INLINE uint64_t set_bits(__m256i codes, const uint64_t *set) {
    __m256i word =
        _mm256_i32gather_epi32((const int *)(const void *)set, _mm256_srli_epi32(codes, 5), 4);
    __m256i up = _mm256_andnot_si256(codes, _mm256_set1_epi32(31)); /* 31 - code % 32 */
    __m256i v = _mm256_sllv_epi32(word, up);
    return (uint64_t)(uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(v));
}

INLINE uint64_t rows_set_u16(const uint16_t *codes, const uint64_t *set, uint64_t want) {
    uint64_t hits = 0;
    (void)want;
    for (unsigned i = 0; i < 64; i += 8)
        hits |= set_bits(_mm256_cvtepu16_epi32(_mm_loadu_si128((const void *)(codes + i))), set)
                << i;
    return hits;
}

INLINE uint64_t rows_set_u32(const uint32_t *codes, const uint64_t *set, uint64_t want) {
    uint64_t hits = 0;
    (void)want;
    for (unsigned i = 0; i < 64; i += 8)
        hits |= set_bits(load(codes + i), set) << i;
    return hits;
}

/* --- text --- */

INLINE __m256i fit_at(const uint8_t *p, const struct search *s, int i, bool fold) {
    __m256i v = load(p + s->at[i]);
    if (fold)
        v = _mm256_or_si256(v, load(s->fold_byte[i]));
    return _mm256_cmpeq_epi8(v, load(s->byte[i]));
}

INLINE uint64_t rows_fit(const uint8_t *p, const struct search *s, bool fold) {
    uint64_t fit = 0;
    for (unsigned i = 0; i < 64; i += 32) {
        __m256i v = fit_at(p + i, s, 0, fold);
        for (int k = 1; k < SEARCH_BYTES; k++)
            v = _mm256_and_si256(v, fit_at(p + i, s, k, fold));
        fit |= signs_8(v) << i;
    }
    return fit;
}

INLINE uint64_t rows_word(const uint8_t *bytes, const uint32_t *at, uint32_t back, uint64_t want,
                          uint64_t word, uint64_t care) {
    if (__builtin_popcountll(want) <= FEW_ROWS)
        return few_words(bytes, at, back, want, word, care);
    const __m256i words = _mm256_set1_epi64x((long long)word);
    const __m256i cares = _mm256_set1_epi64x((long long)care);
    uint64_t hits = 0;
    for (unsigned i = 0; i < 64; i += 4) {
        uint64_t w[4];
        for (unsigned l = 0; l < 4; l++)
            w[l] = load_word(bytes + word_at(at[i + l], back));
        __m256i v =
            _mm256_set_epi64x((long long)w[3], (long long)w[2], (long long)w[1], (long long)w[0]);
        v = _mm256_and_si256(_mm256_xor_si256(v, words), cares);
        hits |= signs_64(_mm256_cmpeq_epi64(v, _mm256_setzero_si256())) << i;
    }
    return hits;
}

/* --- indices --- */

INLINE uint32_t *put_indices(uint32_t *to, uint64_t bits, uint32_t base) {
    for (unsigned i = 0; i < 64; i += 8) {
        uint64_t byte = bits >> i & 0xFF;
        __m256i places = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long)PLACES_OF[byte]));
        places = _mm256_add_epi32(places, _mm256_set1_epi32((int)(base + i)));
        _mm256_storeu_si256((void *)to, places);
        to += __builtin_popcountll(byte);
    }
    return to;
}

#define LEVEL        dense_avx2
#define LEVEL_NAME   "avx2"
#define VECTOR_BYTES 32
#include "kernel/dense_loops.h"

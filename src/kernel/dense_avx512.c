/* Dense loops for AVX-512 as it is since Ice Lake and Zen 4: F, BW, DQ, VL, VBMI, VBMI2, VPOPCNTDQ.
 * A comparison gives a mask, which is the answer. */
#include "kernel/dense_level.h"
#include "kernel/dense_scalar.h"

#include <immintrin.h>

INLINE __m512i load(const void *p) { return _mm512_loadu_si512(p); }

/* --- ranges --- */

INLINE uint64_t rows_in_i8(const int8_t *x, int8_t low, uint8_t span) {
    __m512i from_low = _mm512_sub_epi8(load(x), _mm512_set1_epi8(low));
    return _mm512_cmple_epu8_mask(from_low, _mm512_set1_epi8((char)span));
}

INLINE uint64_t rows_in_i16(const int16_t *x, int16_t low, uint16_t span) {
    uint64_t in = 0;
    for (unsigned i = 0; i < 64; i += 32) {
        __m512i from_low = _mm512_sub_epi16(load(x + i), _mm512_set1_epi16(low));
        in |= (uint64_t)_mm512_cmple_epu16_mask(from_low, _mm512_set1_epi16((short)span)) << i;
    }
    return in;
}

INLINE uint64_t rows_in_i32(const int32_t *x, int32_t low, uint32_t span) {
    uint64_t in = 0;
    for (unsigned i = 0; i < 64; i += 16) {
        __m512i from_low = _mm512_sub_epi32(load(x + i), _mm512_set1_epi32(low));
        in |= (uint64_t)_mm512_cmple_epu32_mask(from_low, _mm512_set1_epi32((int)span)) << i;
    }
    return in;
}

INLINE uint64_t rows_in_i64(const int64_t *x, int64_t low, uint64_t span) {
    uint64_t in = 0;
    for (unsigned i = 0; i < 64; i += 8) {
        __m512i from_low = _mm512_sub_epi64(load(x + i), _mm512_set1_epi64(low));
        in |= (uint64_t)_mm512_cmple_epu64_mask(from_low, _mm512_set1_epi64((long long)span)) << i;
    }
    return in;
}

INLINE uint64_t rows_in_f64(const double *x, double low, double high) {
    uint64_t in = 0;
    for (unsigned i = 0; i < 64; i += 8) {
        __m512d v = _mm512_loadu_pd(x + i);
        __mmask8 least = _mm512_cmp_pd_mask(v, _mm512_set1_pd(low), _CMP_GE_OQ);
        in |= (uint64_t)_mm512_mask_cmp_pd_mask(least, v, _mm512_set1_pd(high), _CMP_LE_OQ) << i;
    }
    return in;
}

INLINE uint64_t rows_spans(const uint32_t *offsets, uint32_t low, uint32_t span) {
    uint64_t in = 0;
    for (unsigned i = 0; i < 64; i += 16) {
        __m512i length = _mm512_sub_epi32(load(offsets + i + 1), load(offsets + i));
        __m512i from_low = _mm512_sub_epi32(length, _mm512_set1_epi32((int)low));
        in |= (uint64_t)_mm512_cmple_epu32_mask(from_low, _mm512_set1_epi32((int)span)) << i;
    }
    return in;
}

/* --- two columns --- */

INLINE uint64_t rows_eq_i64(const int64_t *x, const int64_t *y) {
    uint64_t in = 0;
    for (unsigned i = 0; i < 64; i += 8)
        in |= (uint64_t)_mm512_cmpeq_epi64_mask(load(x + i), load(y + i)) << i;
    return in;
}

INLINE uint64_t rows_lt_i64(const int64_t *x, const int64_t *y) {
    uint64_t in = 0;
    for (unsigned i = 0; i < 64; i += 8)
        in |= (uint64_t)_mm512_cmplt_epi64_mask(load(x + i), load(y + i)) << i;
    return in;
}

#define ROWS_F64(rel, predicate)                                                                   \
    INLINE uint64_t rows_##rel##_f64(const double *x, const double *y) {                           \
        uint64_t in = 0;                                                                           \
        for (unsigned i = 0; i < 64; i += 8)                                                       \
            in |= (uint64_t)_mm512_cmp_pd_mask(_mm512_loadu_pd(x + i), _mm512_loadu_pd(y + i),     \
                                               predicate)                                          \
                  << i;                                                                            \
        return in;                                                                                 \
    }

ROWS_F64(eq, _CMP_EQ_OQ)
ROWS_F64(lt, _CMP_LT_OQ)
ROWS_F64(le, _CMP_LE_OQ)
#undef ROWS_F64

/* --- sets --- */

/* A byte for each code, in four registers: its sign says whether the set has it. */
struct set_u8 {
    __m512i part[4];
};

INLINE struct set_u8 set_u8(const uint64_t *set) {
    struct set_u8 s;
    for (unsigned i = 0; i < 4; i++)
        s.part[i] = _mm512_movm_epi8(set[i]);
    return s;
}

INLINE uint64_t rows_set_u8(const uint8_t *codes, const struct set_u8 *set) {
    __m512i v = load(codes);
    __m512i low = _mm512_permutex2var_epi8(set->part[0], v, set->part[1]);
    __m512i high = _mm512_permutex2var_epi8(set->part[2], v, set->part[3]);
    return _mm512_movepi8_mask(_mm512_mask_blend_epi8(_mm512_movepi8_mask(v), low, high));
}

/* Bits of 16 codes; words are loaded only for those in `want`. */
INLINE uint64_t set_bits(__m512i codes, const uint64_t *set, __mmask16 want) {
    __m512i word = _mm512_mask_i32gather_epi32(_mm512_setzero_si512(), want,
                                               _mm512_srli_epi32(codes, 5), set, 4);
    /* rotated by the code, whose lower five bits count */
    return _mm512_test_epi32_mask(_mm512_rorv_epi32(word, codes), _mm512_set1_epi32(1));
}

INLINE uint64_t rows_set_u16(const uint16_t *codes, const uint64_t *set, uint64_t want) {
    uint64_t hits = 0;
    for (unsigned i = 0; i < 64; i += 16) {
        __m512i v = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const void *)(codes + i)));
        hits |= set_bits(v, set, (__mmask16)(want >> i)) << i;
    }
    return hits;
}

INLINE uint64_t rows_set_u32(const uint32_t *codes, const uint64_t *set, uint64_t want) {
    uint64_t hits = 0;
    for (unsigned i = 0; i < 64; i += 16)
        hits |= set_bits(load(codes + i), set, (__mmask16)(want >> i)) << i;
    return hits;
}

/* --- text --- */

INLINE uint64_t rows_word(const uint8_t *bytes, const uint32_t *at, uint32_t back, uint64_t want,
                          uint64_t word, uint64_t care) {
    if (__builtin_popcountll(want) <= FEW_ROWS)
        return few_words(bytes, at, back, want, word, care);
    const __m512i words = _mm512_set1_epi64((long long)word);
    const __m512i cares = _mm512_set1_epi64((long long)care);
    uint64_t hits = 0;
    for (unsigned i = 0; i < 64; i += 8) {
        __mmask8 some = (__mmask8)(want >> i);
        __m256i place = _mm256_sub_epi32(_mm256_loadu_si256((const void *)(at + i)),
                                         _mm256_set1_epi32((int)back));
        __m512i v =
            _mm512_mask_i64gather_epi64(words, some, _mm512_cvtepu32_epi64(place), bytes, 1);
        hits |= (uint64_t)_mm512_mask_testn_epi64_mask(some, _mm512_xor_si512(v, words), cares)
                << i;
    }
    return hits;
}

INLINE __mmask64 fit_at(__mmask64 before, const uint8_t *p, const struct search *s, int i,
                        bool fold) {
    __m512i v = load(p + s->at[i]);
    if (fold)
        v = _mm512_or_si512(v, load(s->fold_byte[i]));
    return _mm512_mask_cmpeq_epi8_mask(before, v, load(s->byte[i]));
}

INLINE uint64_t rows_fit(const uint8_t *p, const struct search *s, bool fold) {
    __mmask64 fit = ~UINT64_C(0);
    for (int i = 0; i < SEARCH_BYTES; i++)
        fit = fit_at(fit, p, s, i, fold);
    return fit;
}

/* --- indices --- */

static const uint8_t PLACES[64] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
                                   16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
                                   32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47,
                                   48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};

/* Few are drawn together as bytes, in one piece; many in four. Packed in a register and then
 * stored: some processors store packed numbers one by one. */
INLINE uint32_t *put_indices(uint32_t *to, uint64_t bits, uint32_t base) {
    const __m512i places = load(PLACES), first = _mm512_set1_epi32((int)base);
    if (__builtin_popcountll(bits) <= 16) {
        __m512i packed = _mm512_maskz_compress_epi8(bits, places);
        packed = _mm512_cvtepu8_epi32(_mm512_castsi512_si128(packed));
        _mm512_storeu_si512(to, _mm512_add_epi32(packed, first));
        return to + __builtin_popcountll(bits);
    }
    __m512i row = _mm512_add_epi32(_mm512_cvtepu8_epi32(_mm512_castsi512_si128(places)), first);
    for (unsigned i = 0; i < 64; i += 16) {
        __mmask16 some = (__mmask16)(bits >> i);
        _mm512_storeu_si512(to, _mm512_maskz_compress_epi32(some, row));
        to += __builtin_popcount(some);
        row = _mm512_add_epi32(row, _mm512_set1_epi32(16));
    }
    return to;
}

#define LEVEL        dense_avx512
#define LEVEL_NAME   "avx512"
#define VECTOR_BYTES 64
#include "kernel/dense_loops.h"

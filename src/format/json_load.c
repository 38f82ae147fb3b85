/* The values of cells that json_sift.c has deferred.
 *
 * Their rows have passed: a cell's text is a string, a number or a word by the grammar, of which
 * only escapes have not been looked at, and there is more of the row behind it. A column at a time,
 * so that a loop meets values of one kind. */
#include "format/json.h"
#include "format/lanes.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#define WIDE                                                                                       \
    __attribute__((                                                                                \
        target("avx512f,avx512bw,avx512cd,avx512dq,avx512vl,bmi,bmi2,popcnt"))) /* as the sieve */
#else
#define WIDE
#endif

/* , } ] */
static inline bool ends_scalar(uint8_t c) { return (c == ',') | ((c | 0x20) == '}'); }

/* The first quote or backslash from p on, where the string ends before `end`. */
WIDE INLINE const uint8_t *string_stop(const uint8_t *p, const uint8_t *end) {
#if defined(__x86_64__)
    const __m512i quotes = _mm512_set1_epi8('"'), slashes = _mm512_set1_epi8('\\');
    for (; end - p >= 64; p += 64) {
        __m512i v = _mm512_loadu_si512(p);
        uint64_t found = _mm512_cmpeq_epi8_mask(v, quotes) | _mm512_cmpeq_epi8_mask(v, slashes);
        if (__builtin_expect(found != 0, 1))
            return p + _tzcnt_u64(found);
    }
#else
    (void)end;
#endif
    while (*p != '"' && *p != '\\')
        p++;
    return p;
}

/* The string whose quote is at p. False: r->status says why, by json_scalar. */
WIDE INLINE bool load_string(struct reader *r, const uint8_t *p, struct value *ret) {
    const uint8_t *stop = string_stop(p + 1, r->end);
    if (__builtin_expect(*stop == '"', 1)) {
        *ret = value_bytes(T_STR, p + 1, (uint32_t)(stop - p - 1));
        return true;
    }
    while (*stop != '"')
        stop += *stop == '\\' ? 2 : 1;
    return json_scalar(r, p, stop + 1, ret);
}

/* What ends the number at p. */
static inline const uint8_t *number_end(const uint8_t *p, const uint8_t *end) {
#if defined(__SSE2__)
    if (end - p >= 16) { /* nothing in a number is above a 9 but its exponent */
        __m128i v = _mm_loadu_si128((const void *)p);
        __m128i found = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8(',')),
                                     _mm_cmpgt_epi8(v, _mm_set1_epi8('Z')));
        unsigned bits = (unsigned)_mm_movemask_epi8(found);
        if (bits && ends_scalar(p[__builtin_ctz(bits)]))
            return p + __builtin_ctz(bits);
    }
#else
    (void)end;
#endif
    while (!ends_scalar(*p))
        p++;
    return p;
}

/* The number of the digits in the first `bits` bits of w, 8 to 56, each byte its digit's value. */
static inline int64_t digits_number(uint64_t w, unsigned bits) {
    w <<= 64 - bits;       /* zeros in front */
    w = w * 10 + (w >> 8); /* pairs, then fours, then all, as in number_text.c */
    w = (w & UINT64_C(0x000000FF000000FF)) * (100 + (UINT64_C(1000000) << 32)) +
        (w >> 16 & UINT64_C(0x000000FF000000FF)) * (1 + (UINT64_C(10000) << 32));
    return (int64_t)(w >> 32);
}

/* A number of up to seven characters, digits and at most one point, at p, where 8 bytes may be
 * read. With a point it is a quotient of two numbers that a double holds, which is rounded once. */
static inline bool small_number(const uint8_t *p, struct value *ret) {
    static const double POWERS[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6};
    uint64_t w = load_le64(p) ^ EACH(0x30); /* a digit is its value then */
    uint64_t other = (((w & EACH(0x7F)) + EACH(0x76)) | w) & EACH(0x80);
    unsigned bits = (unsigned)__builtin_ctzll(other | UINT64_C(1) << 63) & ~7u;
    if (bits == 0 || bits == 56)
        return false;
    if (ends_scalar(p[bits / 8])) {
        *ret = value_int(digits_number(w, bits));
        return true;
    }
    other &= other - 1;
    if (p[bits / 8] != '.' || other == 0)
        return false;
    unsigned end = (unsigned)__builtin_ctzll(other) & ~7u;
    if (!ends_scalar(p[end / 8]))
        return false;
    uint64_t whole = w & ((UINT64_C(1) << bits) - 1), part = w >> bits >> 8 << bits;
    *ret =
        value_double((double)digits_number(whole | part, end - 8) / POWERS[(end - bits) / 8 - 1]);
    return true;
}

static inline bool load_number(struct reader *r, const uint8_t *p, struct value *ret) {
    if (r->end - p >= 8 && small_number(p, ret))
        return true;
    const uint8_t *end = number_end(p, r->end);
    return ((size_t)(r->end - p) > NUMBER_ROOM && number_read_fast(p, (size_t)(end - p), ret)) ||
           json_scalar(r, p, end, ret);
}

WIDE INLINE bool load_value(struct reader *r, const uint8_t *p, struct value *ret) {
    if (*p == '"')
        return load_string(r, p, ret);
    if ((uint8_t)(*p - '0') < 10 || *p == '-')
        return load_number(r, p, ret);
    *ret = *p == 'n' ? value_null() : value_bool(*p == 't');
    return true;
}

/* One cell, if it has no value yet. */
WIDE INLINE bool load_cell(struct reader *r, struct column *c, uint32_t row, uint32_t *seen) {
    struct value v = {.type = c->tag[row]};
    if (v.type == TAG_DEFERRED) {
        if (!load_value(r, c->word[row].p, &v))
            return false;
        column_put(c, row, v);
    }
    *seen |= SEEN(v.type);
    return true;
}

#if defined(__x86_64__)
#define EIGHT 8u

/* The digits of eight numbers, in each the last one highest and zeros in front, as numbers. */
WIDE INLINE __m512i digits_numbers(__m512i digits) {
    __m512i pairs = _mm512_maddubs_epi16(digits, _mm512_set1_epi16(1 << 8 | 10));
    __m512i fours = _mm512_madd_epi16(pairs, _mm512_set1_epi32(1 << 16 | 100));
    return _mm512_add_epi64(_mm512_mul_epu32(fours, _mm512_set1_epi64(10000)),
                            _mm512_srli_epi64(fours, 32));
}

/* Values of eight cells, and a bit for each that is an integer, a double, null, a boolean. */
struct eight {
    __m512i word;
    __mmask8 whole, real, null, truth;
};

/* As small_number and load_value, of eight cells by the first eight bytes of each. What has a bit
 * in none of the masks is another value. */
WIDE INLINE struct eight eight_values(__m512i v) {
    const __m512d powers = _mm512_set_pd(1e7, 1e6, 1e5, 1e4, 1e3, 1e2, 1e1, 1); /* by index */
    struct eight e;
    __m512i w = _mm512_xor_si512(v, _mm512_set1_epi8('0')), zero = _mm512_setzero_si512();
    __m512i other = _mm512_movm_epi8(_mm512_cmpgt_epu8_mask(w, _mm512_set1_epi8(9)));
    __m512i first = _mm512_and_si512(other, _mm512_sub_epi64(zero, other));
    __m512i up = _mm512_or_si512(v, _mm512_set1_epi8(0x20));
    __m512i enders = _mm512_movm_epi8(_mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8(',')) |
                                      _mm512_cmpeq_epi8_mask(up, _mm512_set1_epi8('}')));
    __m512i points = _mm512_movm_epi8(_mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('.')));
    __m512i digits = w, left = _mm512_add_epi64(_mm512_lzcnt_epi64(first), _mm512_set1_epi64(1));
    __m512i letter = _mm512_and_si512(v, _mm512_set1_epi64(0xFF));
    e.whole = _mm512_test_epi64_mask(enders, first);
    e.real = _mm512_test_epi64_mask(points, first);
    e.null = _mm512_cmpeq_epi64_mask(letter, _mm512_set1_epi64('n'));
    e.truth = _mm512_cmpge_epu64_mask(letter, _mm512_set1_epi64('a')) & (__mmask8)~e.null;
    if (e.real) { /* the point is taken out */
        __m512i byte = _mm512_sub_epi64(_mm512_slli_epi64(first, 8), first);
        __m512i rest = _mm512_andnot_si512(byte, other);
        __m512i second = _mm512_and_si512(rest, _mm512_sub_epi64(zero, rest));
        __m512i before = _mm512_sub_epi64(first, _mm512_set1_epi64(1));
        e.real &= _mm512_test_epi64_mask(enders, second);
        __m512i after = _mm512_add_epi64(_mm512_lzcnt_epi64(second), _mm512_set1_epi64(9));
        __m512i places = _mm512_srli_epi64(_mm512_sub_epi64(left, after), 3);
        digits = _mm512_mask_mov_epi64(
            w, e.real,
            _mm512_or_si512(_mm512_and_si512(w, before),
                            _mm512_andnot_si512(before, _mm512_srli_epi64(w, 8))));
        left = _mm512_mask_mov_epi64(left, e.real, after);
        e.word = digits_numbers(_mm512_sllv_epi64(digits, left));
        e.word = _mm512_mask_mov_epi64(
            e.word, e.real,
            _mm512_castpd_si512(
                _mm512_div_pd(_mm512_cvtepi64_pd(e.word), _mm512_permutexvar_pd(places, powers))));
    } else {
        e.word = digits_numbers(_mm512_sllv_epi64(digits, left));
    }
    e.word = _mm512_mask_mov_epi64(e.word, e.null, zero);
    e.word = _mm512_mask_mov_epi64(
        e.word, e.truth,
        _mm512_maskz_set1_epi64(_mm512_cmpeq_epi64_mask(letter, _mm512_set1_epi64('t')), 1));
    return e;
}

/* Eight cells, of which those that are no small numbers or words are left as they are: a bit for
 * each in *ret_left. The input has eight bytes, as it has eight rows. */
WIDE INLINE void load_eight(const struct reader *r, struct column *c, const uint16_t *rows,
                            uint32_t from, uint32_t *seen, unsigned *ret_left) {
    const __m512i last = _mm512_set1_epi64((long long)(uintptr_t)(r->end - 8));
    __m512i at, row = _mm512_setzero_si512();
    __mmask8 good;
    uint64_t tags;
    if (rows) {
        row = _mm512_cvtepu16_epi64(_mm_loadu_si128((const void *)(rows + from)));
        at = _mm512_i64gather_epi64(row, c->word, 8);
        for (unsigned i = good = 0; i < EIGHT; i++)
            good |= (__mmask8)((c->tag[rows[from + i]] == TAG_DEFERRED) << i);
    } else {
        at = _mm512_loadu_si512(c->word + from);
        good = (__mmask8)_mm_cmpeq_epi8_mask(_mm_loadl_epi64((const void *)(c->tag + from)),
                                             _mm_set1_epi8((char)TAG_DEFERRED));
    }
    good = _mm512_mask_cmple_epu64_mask(good, at, last);
    struct eight e =
        eight_values(_mm512_mask_i64gather_epi64(_mm512_setzero_si512(), good, at, NULL, 1));
    good &= e.whole | e.real | e.null | e.truth;
    *seen |= (e.whole & good ? SEEN(T_INT) : 0) | (e.real & good ? SEEN(T_DOUBLE) : 0) |
             (e.null & good ? SEEN(T_NULL) : 0) | (e.truth & good ? SEEN(T_BOOL) : 0);
    __m512i tag = _mm512_maskz_set1_epi64(e.whole, T_INT);
    tag = _mm512_mask_set1_epi64(tag, e.real, T_DOUBLE);
    tag = _mm512_mask_set1_epi64(tag, e.null, T_NULL);
    tag = _mm512_mask_set1_epi64(tag, e.truth, T_BOOL);
    __m128i tag_bytes = _mm512_cvtepi64_epi8(tag);
    *ret_left = (unsigned)(__mmask8)~good;
    if (!rows) {
        _mm512_mask_storeu_epi64(c->word + from, good, e.word);
        _mm256_mask_storeu_epi32(c->len + from, good, _mm256_setzero_si256());
        _mm_mask_storeu_epi8(c->tag + from, good, tag_bytes);
        return;
    }
    _mm512_mask_i64scatter_epi64(c->word, good, row, e.word, 8);
    _mm512_mask_i64scatter_epi32(c->len, good, row, _mm256_setzero_si256(), 4);
    tags = (uint64_t)_mm_cvtsi128_si64(tag_bytes);
    for (unsigned i = 0; i < EIGHT; i++, tags >>= 8)
        if (good >> i & 1)
            c->tag[rows[from + i]] = (uint8_t)tags;
}
#endif

WIDE INLINE bool load(struct reader *r, struct column *c, const uint16_t *rows, uint32_t n) {
    uint32_t seen = c->seen, i = 0;
#if defined(__x86_64__)
    bool few = false; /* of eight cells too few have been made at once */
    for (; n - i >= EIGHT && !few; i += EIGHT) {
        unsigned left;
        load_eight(r, c, rows, i, &seen, &left);
        few = (unsigned)_mm_popcnt_u32(left) > EIGHT / 2;
        for (; left; left &= left - 1) {
            uint32_t k = i + (uint32_t)__builtin_ctz(left);
            if (!load_cell(r, c, rows ? rows[k] : k, &seen))
                return false;
        }
    }
#endif
    for (; i < n; i++)
        if (!load_cell(r, c, rows ? rows[i] : i, &seen))
            return false;
    c->seen = seen;
    return true;
}

WIDE bool json_load(void *state, struct column *c, const uint16_t *rows, uint32_t n) {
    if (rows)
        return load(state, c, rows, n);
    c->deferred = !load(state, c, NULL, n);
    return !c->deferred;
}

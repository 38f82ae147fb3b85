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
    __attribute__((target("avx512f,avx512bw,avx512vl,bmi,bmi2"))) /* the sieve needs more */
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

WIDE INLINE bool load(struct reader *r, struct column *c, const uint16_t *rows, uint32_t n) {
    uint32_t seen = c->seen;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t row = rows ? rows[i] : i;
        struct value v = {.type = c->tag[row]};
        if (v.type == TAG_DEFERRED) {
            if (!load_value(r, c->word[row].p, &v))
                return false;
            column_put(c, row, v);
        }
        seen |= SEEN(v.type);
    }
    c->seen = seen;
    return true;
}

WIDE bool json_load(void *state, struct column *c, const uint16_t *rows, uint32_t n) {
    if (rows)
        return load(state, c, rows, n);
    c->deferred = !load(state, c, NULL, n);
    return !c->deferred;
}

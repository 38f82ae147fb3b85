/* See text.h.
 *
 * The searches look at 16 bytes at a time where the machine has SSE2, and do without it elsewhere.
 * bytes_find compares the needle's first and last byte with all positions at once and the rest
 * where both fit. A haystack made to fit often would make that quadratic, so the bytes that were
 * compared in vain are counted, and the C library's two-way search takes over what is left once
 * they are too many for the way that was gone.
 */
#include "kernel/text.h"

#include "kernel/needle.h"

#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define VAIN_AT_FIRST 512u /* bytes compared in vain that are let pass */
#define VAIN_PER_BYTE 4u   /* and those for each byte of the haystack that is done with */

static inline uint8_t lower_of(uint8_t c) { return (uint8_t)(c - 'A') < 26 ? c | 0x20 : c; }

#ifdef __SSE2__

static inline uint64_t load_64(const uint8_t *p) {
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

static inline uint32_t load_32(const uint8_t *p) {
    uint32_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

/* The n <= 16 bytes at p and zeros behind them; reads nothing else. */
static inline __m128i load_some(const uint8_t *p, size_t n) {
    if (n == 16)
        return _mm_loadu_si128((const __m128i *)(const void *)p);
    if (n > 8)
        return _mm_set_epi64x((long long)(load_64(p + n - 8) >> 8 * (16 - n)),
                              (long long)load_64(p));
    if (n >= 4)
        return _mm_cvtsi64_si128(
            (long long)(load_32(p) | (uint64_t)load_32(p + n - 4) << 8 * (n - 4)));
    uint32_t word = 0;
    if (n > 0)
        word =
            (uint32_t)p[0] | (uint32_t)p[n / 2] << 8 * (n / 2) | (uint32_t)p[n - 1] << 8 * (n - 1);
    return _mm_cvtsi32_si128((int)word);
}

/* Whether the bytes between a needle's first and last are at p too; if not, adds to *vain what it
 * took to see that. */
static inline bool same_middle(const uint8_t *p, const uint8_t *needle, size_t m, bool lower,
                               size_t *vain) {
    if (lower || m < 10) {
        for (size_t i = 1; i + 1 < m; i++)
            if ((lower ? lower_of(p[i]) : p[i]) != needle[i]) {
                *vain += i;
                return false;
            }
        return true;
    }
    if (load_64(p + 1) != load_64(needle + 1)) {
        *vain += 8;
        return false;
    }
    *vain += m;
    return memcmp(p + 9, needle + 9, m - 10) == 0;
}

/* A needle of 1 <= m <= n bytes. NULL with *ret_left < n: given up, there is no occurrence before
 * *ret_left. */
__attribute__((always_inline)) static inline const uint8_t *find_pairs(const uint8_t *s, size_t n,
                                                                       const uint8_t *needle,
                                                                       size_t m, bool lower,
                                                                       size_t *ret_left) {
    const __m128i first = _mm_set1_epi8((char)needle[0]);
    const __m128i last = _mm_set1_epi8((char)needle[m - 1]);
    const __m128i first_case = _mm_set1_epi8((char)(lower ? needle_case(needle[0]) : 0));
    const __m128i last_case = _mm_set1_epi8((char)(lower ? needle_case(needle[m - 1]) : 0));
    const size_t starts = n - m + 1;
    size_t vain = 0;
    for (size_t at = 0; at < starts; at += 16) {
        size_t k = starts - at < 16 ? starts - at : 16;
        __m128i is_first = _mm_cmpeq_epi8(_mm_or_si128(load_some(s + at, k), first_case), first);
        __m128i is_last =
            _mm_cmpeq_epi8(_mm_or_si128(load_some(s + at + m - 1, k), last_case), last);
        unsigned fits = (unsigned)_mm_movemask_epi8(_mm_and_si128(is_first, is_last));
        fits &= 0xFFFFu >> (16 - k);
        for (; fits; fits &= fits - 1) {
            const uint8_t *p = s + at + (unsigned)__builtin_ctz(fits);
            if (same_middle(p, needle, m, lower, &vain))
                return p;
        }
        if (vain > VAIN_AT_FIRST + VAIN_PER_BYTE * at && at + k < starts) {
            *ret_left = at + k;
            return NULL;
        }
    }
    *ret_left = n;
    return NULL;
}

#else

static const uint8_t *find_pairs(const uint8_t *s, size_t n, const uint8_t *needle, size_t m,
                                 bool lower, size_t *ret_left) {
    const uint8_t either[3] = {needle[0], needle[0],
                               needle[0] ^ (lower ? needle_case(needle[0]) : 0)};
    const size_t starts = n - m + 1;
    size_t vain = 0;
    for (size_t at = 0; (at = bytes_find_any(s, starts, at, either)) < starts; at++) {
        size_t i = 1;
        while (i < m && (lower ? lower_of(s[at + i]) : s[at + i]) == needle[i])
            i++;
        if (i == m)
            return s + at;
        vain += i;
        if (vain > VAIN_AT_FIRST + VAIN_PER_BYTE * at && at + 1 < starts) {
            *ret_left = at + 1;
            return NULL;
        }
    }
    *ret_left = n;
    return NULL;
}

#endif

const uint8_t *bytes_find(const uint8_t *s, size_t n, const uint8_t *needle, size_t m) {
    if (m == 0)
        return s;
    if (m > n)
        return NULL;
    if (m == 1)
        return memchr(s, needle[0], n);
    size_t left = n;
    const uint8_t *p = find_pairs(s, n, needle, m, false, &left);
    return p || left == n ? p : memmem(s + left, n - left, needle, m);
}

const uint8_t *bytes_find_lower(const uint8_t *s, size_t n, const uint8_t *needle, size_t m,
                                size_t *ret_left) {
    *ret_left = n;
    return m > n ? NULL : find_pairs(s, n, needle, m, true, ret_left);
}

size_t bytes_find_any(const uint8_t *s, size_t n, size_t pos, const uint8_t of[3]) {
#ifdef __SSE2__
    const __m128i a = _mm_set1_epi8((char)of[0]);
    const __m128i b = _mm_set1_epi8((char)of[1]);
    const __m128i c = _mm_set1_epi8((char)of[2]);
    for (; pos < n; pos += 16) {
        size_t k = n - pos < 16 ? n - pos : 16;
        __m128i bytes = load_some(s + pos, k);
        __m128i is = _mm_or_si128(_mm_cmpeq_epi8(bytes, a), _mm_cmpeq_epi8(bytes, b));
        unsigned fits = (unsigned)_mm_movemask_epi8(_mm_or_si128(is, _mm_cmpeq_epi8(bytes, c)));
        fits &= 0xFFFFu >> (16 - k);
        if (fits)
            return pos + (unsigned)__builtin_ctz(fits);
    }
    return n;
#else
    while (pos < n && s[pos] != of[0] && s[pos] != of[1] && s[pos] != of[2])
        pos++;
    return pos;
#endif
}

size_t bytes_skip_ascii(const uint8_t *s, size_t n, size_t pos) {
    uint64_t word;
    while (n - pos >= 8 && (memcpy(&word, s + pos, 8), (word & 0x8080808080808080u) == 0))
        pos += 8;
    while (pos < n && s[pos] < 0x80)
        pos++;
    return pos;
}

/* The start of the unit that ends at the boundary pos > 0. */
static size_t unit_before(const uint8_t *s, size_t n, size_t pos) {
    if (!text_continues(s[pos - 1]))
        return pos - 1;
    for (size_t back = 2; back <= 4 && back <= pos; back++) {
        if (text_continues(s[pos - back]))
            continue;
        uint32_t cp;
        size_t length = utf8_decode(s + pos - back, n - (pos - back), &cp);
        return length == back ? pos - back : pos - 1;
    }
    return pos - 1;
}

bool text_boundary(const uint8_t *s, size_t n, size_t pos) {
    if (pos == n || !text_continues(s[pos]))
        return true;
    for (size_t back = 1; back <= 3 && back <= pos; back++) {
        if (text_continues(s[pos - back]))
            continue;
        uint32_t cp;
        return utf8_decode(s + pos - back, n - (pos - back), &cp) <= back;
    }
    return true;
}

size_t text_forward(const uint8_t *s, size_t n, size_t pos, size_t units) {
    for (; units > 0; units--) {
        if (pos == n)
            return TEXT_NONE;
        uint32_t cp;
        pos += utf8_decode(s + pos, n - pos, &cp);
    }
    return pos;
}

size_t text_back(const uint8_t *s, size_t n, size_t pos, size_t least, size_t units) {
    for (; units > 0; units--) {
        if (pos <= least)
            return TEXT_NONE;
        pos = unit_before(s, n, pos);
    }
    return pos;
}

/* Numbers from text, exactly: integers of int64 and uint64 as they are, everything else as the
 * nearest double, ties to even, whatever the process's locale.
 *
 * Up to 19 digits with a power of ten from -19 to 19 are converted with integers alone; what is
 * beyond goes to the C library. An integer beyond uint64 and below int64 is the nearest double; a
 * number beyond the doubles is an infinity and one too small a zero, as IEEE 754 rounds them. -0 is
 * the double -0.0.
 */
#ifndef TAMIS_FORMAT_NUMBER_TEXT_H
#define TAMIS_FORMAT_NUMBER_TEXT_H

#include "base/arena.h"
#include "value/value.h"

#include <locale.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

enum number_form {
    NUMBER_JSON, /* RFC 8259: -?(0|[1-9][0-9]*)(.[0-9]+)?([eE][+-]?[0-9]+)? */
    NUMBER_INTEGER /* [+-]?[0-9]+ of int64 or uint64, as CAST(text AS integer) takes it */,
    NUMBER_DOUBLE /* [+-] digits [. digits] [e [+-] digits], a digit before or behind the point, or
                     [+-] nan, inf, infinity in any case: as CAST(text AS double) takes it. Always a
                     double; a number beyond the doubles is none */
};

enum number_read { NUMBER_READ, NUMBER_NOT_READ, NUMBER_NO_MEMORY };

/* The whole of [p, p + n) as a number. c is the "C" locale; long texts are copied to the arena. */
enum number_read number_read(locale_t c, struct arena *a, enum number_form form, const uint8_t *p,
                             size_t n, struct value *ret);

/* Whether [p, p + n) is a number by RFC 8259. */
bool number_is_json(const uint8_t *p, size_t n);

#define NUMBER_ROOM 32u /* bytes that may be read at p */

/* The form of most numbers, found without a branch on their digits: n <= 16 bytes at p, where there
 * is NUMBER_ROOM, are digits, or digits around one point, without a needless zero in front. Gives
 * the place of the point (n: none), or 0 where it is something else. */
static inline unsigned number_shape(const uint8_t *p, size_t n) {
    unsigned other; /* a bit for each byte that is no digit */
#if defined(__SSE2__)
    __m128i v = _mm_loadu_si128((const void *)p), nine = _mm_set1_epi8(9);
    v = _mm_sub_epi8(v, _mm_set1_epi8('0'));
    other = ~(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(v, nine), v));
#else
    other = 0;
    for (unsigned i = 0; i < 16; i++)
        other |= (unsigned)((uint8_t)(p[i] - '0') > 9) << i;
#endif
    other &= (1u << n) - 1;
    if (other == 0)
        return p[0] != '0' || n == 1 ? (unsigned)n : 0;
    unsigned point = (unsigned)__builtin_ctz(other);
    bool one = (other & (other - 1)) == 0 && point + 1 != n && p[point] == '.';
    return one && (p[0] != '0' || point == 1) ? point : 0;
}

/* number_read by NUMBER_JSON of most numbers; n > 0 and there is NUMBER_ROOM. False: it is none, or
 * another one. */
bool number_read_fast(const uint8_t *p, size_t n, struct value *ret);

#endif

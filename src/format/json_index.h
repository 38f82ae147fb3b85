/* Where the structure of JSON is: the positions of { } [ ] : , (and of the ends of lines, where a
 * line is a row) outside of strings, found 64 bytes at a time.
 *
 * The way is that of G. Langdale and D. Lemire, "Parsing gigabytes of JSON per second" (2019): byte
 * classes as bit masks, strings by a running exclusive or over the quotes. On the way it is checked
 * that no control character stands in a string and that no two strings stand between two structural
 * characters. It knows no grammar; json_read.c goes over the positions.
 *
 * Four implementations with one result: AVX-512, AVX2, SSE2 or NEON, and plain C. Private
 * to format/.
 */
#ifndef TAMIS_FORMAT_JSON_INDEX_H
#define TAMIS_FORMAT_JSON_INDEX_H

#include "base/build.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef TAMIS_HOSTILE
#define INDEX_BYTES 128u /* input of one step */
#else
#define INDEX_BYTES 16384u
#endif
#define INDEX_SLACK 64u /* positions may be written beyond the last one that counts */

/* How it is looked for, the slowest first. LOOPS_BASE are the vectors that every machine of the
 * kind has: SSE2 or NEON. */
enum json_loops { LOOPS_PORTABLE, LOOPS_BASE, LOOPS_AVX2, LOOPS_AVX512 };

/* What one block leaves to the next. */
struct json_carry {
    uint64_t in_string; /* all ones: inside a string */
    uint64_t escaped;   /* 1: the next byte is escaped */
    uint64_t quoted;    /* 1: there has been a string since the last structural character */
};

/* The bytes behind an odd backslash, of 64; *carry: 1 if the first byte of the next is one.
 * Backslashes are few: one after the other. */
static inline uint64_t json_escaped_by(uint64_t backslash, uint64_t *carry) {
    uint64_t escaped = *carry;
    *carry = 0;
    backslash &= ~escaped;
    while (backslash) {
        uint64_t one = backslash & -backslash;
        *carry = one >> 63;
        escaped |= one << 1;
        backslash &= ~(one | one << 1);
    }
    return escaped;
}

struct json_index {
    const uint8_t *p, *end; /* what has not been looked at */
    struct json_carry carry;
    uint8_t row_end; /* '\n' if it is structural, else ',' */
    enum json_loops loops;
    const uint8_t *bad;  /* what cannot be: the positions go up to here; or NULL */
    const uint8_t *base; /* the positions count from here */
    uint32_t n;
    uint32_t at[INDEX_BYTES + INDEX_SLACK];
};

/* Begins at p, outside of a string. */
void json_index_begin(struct json_index *x, const uint8_t *p, const uint8_t *end);

/* The positions in the next `bytes` (at most INDEX_BYTES; rounded up to whole steps of 64) bytes
 * replace those before; more is looked at if there are none. x->n is 0 at the end and when
 * something is bad. */
void json_index_next(struct json_index *x, size_t bytes);

/* The fastest that this machine has. */
enum json_loops json_index_loops(void);

#endif

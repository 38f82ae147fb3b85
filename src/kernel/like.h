/* LIKE and ILIKE (QUERY.md K1-K7): a pattern compiled once, matched many times.
 *
 * Pattern and subject are sequences of units (text.h): code points and single bytes of malformed
 * sequences. A literal unit matches the same unit; with fold, code points that casefold.h folds
 * alike. _ matches any one unit, % any run.
 *
 * A pattern is split at its runs of %. Each segment is a list of literals and counts of _; the
 * first and last are anchored at the ends, the others are found leftmost in order. Time is linear
 * without _ and O(n * m) at worst with it (_ at the edge of a segment is only counted); no
 * recursion. Compiled patterns are immutable and live in an arena; any thread.
 */
#ifndef TAMIS_KERNEL_LIKE_H
#define TAMIS_KERNEL_LIKE_H

#include "base/arena.h"
#include "base/status.h"
#include "base/str.h"
#include "kernel/text.h" /* bytes_find */

#include <stdatomic.h>
#include <stdint.h>

struct like;

/* What a pattern turned out to be, for kernels and EXPLAIN. The shapes from EXACT to CONTAINS
 * promise that comparing the bytes of like_literal gives the same answers for every subject,
 * malformed UTF-8 too; so a pattern with fold, or with a literal that might match half a character,
 * is GENERAL. */
enum like_shape {
    LIKE_ALL,      /* only %: any string */
    LIKE_EXACT,    /* no wildcard */
    LIKE_PREFIX,   /* abc%  */
    LIKE_SUFFIX,   /* %abc  */
    LIKE_CONTAINS, /* %abc% */
    LIKE_GENERAL,
};

#define LIKE_NO_ESCAPE UINT32_MAX

/* Compiles; escape is a code point or LIKE_NO_ESCAPE. E_BAD_ESCAPE: the escape character stands
 * before something else than
 * %, _ or itself, or at the end; *ret_bad is its byte position. E_MEMORY, also for patterns of 4
 * GiB. The pattern's bytes are copied. On failure *ret is untouched. */
enum status like_compile(struct arena *a, struct str pattern, uint32_t escape, bool fold,
                         const struct like **ret, size_t *ret_bad);

/* Whether the whole of s matches. stop (may be NULL) is looked at from time to time in long
 * searches; once it is true the answer is meaningless and false. */
bool like_match(const struct like *l, const uint8_t *s, size_t n, const atomic_bool *stop);

enum like_shape like_shape(const struct like *l);

/* The literal of a shape from EXACT to CONTAINS, unescaped; empty for the others. */
struct str like_literal(const struct like *l);

/* A pattern that comes from a row: nothing compiled, nothing allocated, same answers, O(n * m) at
 * worst also without _. E_BAD_ESCAPE whenever the pattern is wrong, whatever s is; else E_OK and
 * *ret_match. */
enum status like_match_once(struct str pattern, uint32_t escape, bool fold, const uint8_t *s,
                            size_t n, const atomic_bool *stop, bool *ret_match);

/* The escape operand: exactly one code point (E_BAD_ESCAPE otherwise). */
enum status like_escape(struct str s, uint32_t *ret_escape);

#endif

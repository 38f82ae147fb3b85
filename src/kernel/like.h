/* LIKE and ILIKE (SEMANTICS K1-K7): a pattern compiled once, matched many times.
 *
 * A pattern is split at its runs of %. Each segment is a list of literal bytes and _ wildcards; the first and last are anchored at the ends,
 * the others are found leftmost in order. Linear for segments without _, O(n * m) at worst with it; no recursion, no backtracking.
 * ILIKE folds by CaseFolding.txt statuses C and S (casefold.h). Compiled patterns are immutable and live in an arena; any thread.
 */
#ifndef TAMIS_KERNEL_LIKE_H
#define TAMIS_KERNEL_LIKE_H

#include "base/arena.h"
#include "base/status.h"
#include "base/str.h"

#include <stdatomic.h>
#include <stdint.h>

struct like;

/* What a pattern turned out to be, for kernels and EXPLAIN. */
enum like_shape {
    LIKE_ALL,      /* only %: any string */
    LIKE_EXACT,    /* no wildcard */
    LIKE_PREFIX,   /* abc%  */
    LIKE_SUFFIX,   /* %abc  */
    LIKE_CONTAINS, /* %abc% */
    LIKE_GENERAL,
};

#define LIKE_NO_ESCAPE UINT32_MAX

/* Compiles; escape is a code point or LIKE_NO_ESCAPE. E_BAD_ESCAPE: the escape character stands before something else than %, _ or itself, or
 * at the end; *ret_bad is its byte position. E_MEMORY. The pattern's bytes are copied. Malformed UTF-8 in a pattern matches the same bytes. */
enum status like_compile(struct arena *a, struct str pattern, uint32_t escape, bool fold, const struct like **ret, size_t *ret_bad);

/* Whether the whole of s matches. stop (may be NULL) is looked at from time to time in long searches; once it is true the answer is
 * meaningless and false. */
bool like_match(const struct like *l, const uint8_t *s, size_t n, const atomic_bool *stop);

enum like_shape like_shape(const struct like *l);
/* The literal of a shape other than GENERAL and ALL, unescaped, not folded; only when compiled without fold. */
struct str like_literal(const struct like *l);

/* A pattern that comes from a row: nothing compiled, nothing allocated, same answers. E_BAD_ESCAPE as above; else E_OK and *ret_match. */
enum status like_match_once(struct str pattern, uint32_t escape, bool fold, const uint8_t *s, size_t n, const atomic_bool *stop, bool *ret_match);

/* The escape operand: exactly one code point (E_BAD_ESCAPE otherwise). */
enum status like_escape(struct str s, uint32_t *ret_escape);

/* Linear-time search for a byte string: its first position or NULL. */
const uint8_t *bytes_find(const uint8_t *s, size_t n, const uint8_t *needle, size_t m);

#endif

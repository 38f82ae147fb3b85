/* REGEXP: a regular expression compiled once, matched many times (QUERY.md R1-R6).
 *
 * RE2's syntax and meaning, UTF-8, unanchored: whether the pattern matches anywhere in the subject.
 * An invalid byte of a subject is matched by nothing but \C; sequences that only have the shape of
 * a character (overlong, surrogates, above U+10FFFF) may count as one for . and for negated
 * classes.
 *
 * A pattern may hold a literal that every match contains: it is looked for first, by bytes_find. If
 * the pattern is nothing but that literal, perhaps anchored at one end, the shape says so and no
 * engine is needed. For other patterns the engine may know needles of which every match has one,
 * which are looked for as well. Matching time is linear; since it cannot be interrupted, a subject
 * longer than REGEX_WORK_MOST / size of the program is not looked at.
 *
 * Compiled patterns are immutable; any thread may match. They hold memory of their own (not of an
 * arena), charged to the budget: regex_free gives it back. */
#ifndef TAMIS_KERNEL_REGEX_H
#define TAMIS_KERNEL_REGEX_H

#include "base/alloc.h"
#include "base/status.h"
#include "base/str.h"
#include "kernel/needle.h"

#include <stdint.h>

struct regex;

enum regex_shape {
    REGEX_CONTAINS, /* abc */
    REGEX_PREFIX,   /* ^abc */
    REGEX_SUFFIX,   /* abc$ */
    REGEX_GENERAL,
};

enum regex_flag { REGEX_FOLD = 1, REGEX_LINES = 2, REGEX_DOT_ALL = 4 }; /* i, m, s */

#define REGEX_MEMORY_BYTES (1u << 20) /* program and caches of one pattern, at most */
#define REGEX_WORK_MOST    (1u << 27) /* instructions times bytes of a subject: about a second */

/* What compiling this pattern may take at most, transient memory and REGEX_MEMORY_BYTES: known
 * before it is compiled, by counting what expands (counted repetitions, Unicode classes). */
uint64_t regex_cost_bytes(struct str pattern);
#define REGEX_COST_MOST (16u << 20) /* of a pattern; regex_compile refuses others */

/* The flags that a string of letters i, m and s (each any number of times) names; false for others.
 */
bool regex_flags(struct str s, unsigned *ret_flags);

/* Compiles. E_BAD_PATTERN, E_REGEX_TOO_LARGE, E_NO_REGEX, E_MEMORY, with a report in e (may be
 * NULL), whose position is a byte of the pattern, or ERROR_NONE. The pattern's bytes are copied. On
 * failure *ret is untouched. */
enum status regex_compile(struct str pattern, unsigned flags, struct budget *budget,
                          struct regex **ret, struct error *e);
void regex_free(struct regex *r); /* NULL is fine */

/* Whether r matches in s. False with *ret_failed set: s is too long for the pattern, or memory ran
 * out. */
bool regex_match(const struct regex *r, const uint8_t *s, size_t n, bool *ret_failed);

/* The same, for subjects most of which have what the functions below tell of: the engine is asked
 * without looking for it first. */
bool regex_match_sifted(const struct regex *r, const uint8_t *s, size_t n, bool *ret_failed);

enum regex_shape regex_shape(const struct regex *r);
/* What every match contains; empty if nothing is known. */
struct str regex_literal(const struct regex *r);
/* What every subject that is matched ends with; empty if nothing is known. */
struct str regex_suffix(const struct regex *r);
/* Whether only subjects that begin with a byte of *ret_low .. *ret_high are matched. */
bool regex_first(const struct regex *r, uint8_t *ret_low, uint8_t *ret_high);
/* Needles (*ret_count of them, at most NEEDLES_MOST) of which every subject that is matched has
 * one; *ret_count is 0 if nothing is known. */
const struct needle *regex_needles(const struct regex *r, size_t *ret_count);
/* The greatest subject that regex_match looks at. */
size_t regex_subject_most(const struct regex *r);

/* A list of compiled patterns with one owner: the owner frees them all. */
struct regex *regex_push(struct regex *list, struct regex *r); /* the new list */
void regex_free_list(struct regex *list);

#endif

/* Byte strings as text: searching bytes, and walking over units.
 *
 * A unit is what _ of LIKE stands for: one code point, or one byte of a malformed sequence, as
 * utf8_decode steps from the string's start (QUERY.md K5). A position is a boundary if a unit
 * begins there or the string ends there. Whether it is one can be told from the bytes around it: no
 * lead byte is ever inside a valid sequence, so only the nearest byte before that is no
 * continuation byte can begin a sequence over it.
 *
 * Nothing here allocates, folds case or knows patterns. All functions are pure and may run on any
 * thread.
 */
#ifndef TAMIS_KERNEL_TEXT_H
#define TAMIS_KERNEL_TEXT_H

#include "base/utf8.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEXT_NONE      SIZE_MAX    /* no position */
#define TEXT_MALFORMED 0x80000000u /* a unit that is a single byte: this bit and the byte */

/* The first position of needle (m bytes) in s (n bytes), or NULL; s if m is 0. Time is linear in n
 * + m. */
const uint8_t *bytes_find(const uint8_t *s, size_t n, const uint8_t *needle, size_t m);

/* The same with the ASCII letters of s folded to lower case; needle has none in upper case and m >
 * 0. It gives up when it has compared too much in vain: on NULL no occurrence begins before
 * *ret_left, which is n if there is none at all. */
const uint8_t *bytes_find_lower(const uint8_t *s, size_t n, const uint8_t *needle, size_t m,
                                size_t *ret_left);

/* The first position from pos on that holds one of the three bytes, or n. */
size_t bytes_find_any(const uint8_t *s, size_t n, size_t pos, const uint8_t of[3]);

/* The first position from pos on that holds a byte from 0x80 on, or n. */
size_t bytes_skip_ascii(const uint8_t *s, size_t n, size_t pos);

/* Whether pos <= n is a boundary of s. */
bool text_boundary(const uint8_t *s, size_t n, size_t pos);

/* The boundary `units` units behind, or before, the boundary pos. TEXT_NONE if the string ends
 * first; text_back gives it also if that would be before the boundary `least`. */
size_t text_forward(const uint8_t *s, size_t n, size_t pos, size_t units);
size_t text_back(const uint8_t *s, size_t n, size_t pos, size_t least, size_t units);

static inline bool text_continues(uint8_t byte) { return (byte & 0xC0) == 0x80; }

/* The unit at p (n > 0 bytes are left); gives its length. */
static inline size_t text_unit(const uint8_t *p, size_t n, uint32_t *ret_unit) {
    size_t length = utf8_decode(p, n, ret_unit);
    if (*ret_unit == UINT32_MAX)
        *ret_unit = TEXT_MALFORMED | p[0];
    return length;
}

#endif

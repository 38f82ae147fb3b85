/* UTF-8: decoding by the Unicode rules (no surrogates, no overlong forms, at most U+10FFFF). */
#ifndef TAMIS_BASE_UTF8_H
#define TAMIS_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Decodes the sequence at p (n > 0 bytes are left). Sets *ret_cp to the code point and gives its
 * length 1 to 4; for a malformed sequence sets *ret_cp to 0xFFFFFFFF and gives 1, so that a caller
 * steps over one byte (QUERY.md K5). */
static inline size_t utf8_decode(const uint8_t *p, size_t n, uint32_t *ret_cp) {
    uint32_t c = p[0];
    if (c < 0x80) {
        *ret_cp = c;
        return 1;
    }
    if (c >= 0xC2 && c <= 0xDF && n >= 2 && (p[1] & 0xC0) == 0x80) {
        *ret_cp = (c & 0x1F) << 6 | (p[1] & 0x3Fu);
        return 2;
    }
    if ((c & 0xF0) == 0xE0 && n >= 3 && (p[1] & 0xC0) == 0x80 && (p[2] & 0xC0) == 0x80) {
        uint32_t cp = (c & 0x0F) << 12 | (p[1] & 0x3Fu) << 6 | (p[2] & 0x3Fu);
        if (cp >= 0x800 && (cp < 0xD800 || cp > 0xDFFF)) {
            *ret_cp = cp;
            return 3;
        }
    }
    if (c >= 0xF0 && c <= 0xF4 && n >= 4 && (p[1] & 0xC0) == 0x80 && (p[2] & 0xC0) == 0x80 &&
        (p[3] & 0xC0) == 0x80) {
        uint32_t cp =
            (c & 0x07) << 18 | (p[1] & 0x3Fu) << 12 | (p[2] & 0x3Fu) << 6 | (p[3] & 0x3Fu);
        if (cp >= 0x10000 && cp <= 0x10FFFF) {
            *ret_cp = cp;
            return 4;
        }
    }
    *ret_cp = UINT32_MAX;
    return 1;
}

/* The bytes of the mark of the encoding (U+FEFF) that a text of n bytes begins with: 3, or 0. */
static inline size_t utf8_mark(const void *p, size_t n) {
    return n >= 3 && memcmp(p, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
}

/* The position of the first malformed sequence, or n if all is well. */
size_t utf8_check(const uint8_t *p, size_t n);

#endif

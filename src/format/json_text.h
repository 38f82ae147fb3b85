/* The scalars of JSON text: strings with their escapes, numbers, the three words. What stands
 * between two structural characters is given whole; blanks around it are passed over here.
 *
 * Bytes of strings are kept as they are, malformed UTF-8 too (QUERY.md S3); only full validation
 * looks at it. An escaped surrogate without its other half becomes the three bytes that UTF-8 would
 * have for it: different texts stay different. Private to format/.
 */
#ifndef TAMIS_FORMAT_JSON_TEXT_H
#define TAMIS_FORMAT_JSON_TEXT_H

#include "format/number_text.h"
#include "format/reader.h"

#include <string.h>

/* Four characters as they stand in memory. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define JSON_WORD(s)                                                                               \
    ((uint32_t)(s)[0] | (uint32_t)(s)[1] << 8 | (uint32_t)(s)[2] << 16 | (uint32_t)(s)[3] << 24)
#else
#define JSON_WORD(s)                                                                               \
    ((uint32_t)(s)[3] | (uint32_t)(s)[2] << 8 | (uint32_t)(s)[1] << 16 | (uint32_t)(s)[0] << 24)
#endif

static inline bool json_is_blank(uint8_t c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Whether only blanks stand in [p, end). */
static inline bool json_blank(const uint8_t *p, const uint8_t *end) {
    while (p < end && json_is_blank(*p))
        p++;
    return p == end;
}

/* Without the blanks around. */
static inline void json_trim(const uint8_t **p, const uint8_t **end) {
    while (*p < *end && json_is_blank(**p))
        ++*p;
    while (*p < *end && json_is_blank((*end)[-1]))
        --*end;
}

/* Whether the inside of a string has no backslash and, if `ascii`, nothing but ASCII; 16 bytes may
 * be read behind the end. */
static inline bool json_plain(const uint8_t *p, const uint8_t *end, bool ascii) {
#if defined(__SSE2__)
    const __m128i slashes = _mm_set1_epi8('\\');
    for (; p < end; p += 16) {
        __m128i v = _mm_loadu_si128((const void *)p), found = _mm_cmpeq_epi8(v, slashes);
        uint32_t bits = (uint32_t)_mm_movemask_epi8(ascii ? _mm_or_si128(found, v) : found);
        if (end - p < 16)
            bits &= (1u << (end - p)) - 1;
        if (bits)
            return false;
    }
    return true;
#else
    for (; p < end; p++)
        if (*p == '\\' || (ascii && *p >= 0x80))
            return false;
    return true;
#endif
}

/* Writes [p, end), the inside of a string, to out, which has room for as many bytes, without its
 * escapes. Gives the length, or SIZE_MAX and where an escape is wrong. */
size_t json_unescape(const uint8_t *p, const uint8_t *end, uint8_t *out, const uint8_t **ret_fault);

/* [p, end) as a value; strings are borrowed, or in r->values if they have escapes. False: r->status
 * says why. */
bool json_scalar(struct reader *r, const uint8_t *p, const uint8_t *end, struct value *ret);

/* The same for a value that nobody wants: a string is looked into only if r->validate says so. */
bool json_scalar_check(struct reader *r, const uint8_t *p, const uint8_t *end);

/* The same for most of them, with few branches; `end` is a structural character and the input goes
 * on behind it for more than NUMBER_ROOM. False: it is another one. */
static inline bool json_scalar_usual(const uint8_t *p, const uint8_t *end, bool validate) {
    size_t n = (size_t)(end - p);
    if (*p == '"') /* its last quote is another one: the string is closed before end */
        return end[-1] == '"' && (!validate || json_plain(p + 1, end - 1, true));
    uint32_t word;
    memcpy(&word, p, 4);
    if ((uint8_t)(*p - '0') < 10 || *p == '-') {
        size_t sign = *p == '-';
        return n - sign - 1 < 16 && number_shape(p + sign, n - sign) > 0;
    }
    bool four = (word == JSON_WORD("null")) | (word == JSON_WORD("true"));
    bool five = (word == JSON_WORD("fals")) & (p[4] == 'e');
    return (four & (n == 4)) | (five & (n == 5));
}

/* json_scalar for most of them, under the same conditions. */
static inline bool json_value_usual(const uint8_t *p, const uint8_t *end, bool validate,
                                    struct value *ret) {
    if (*p == '"') {
        if (end[-1] != '"' || !json_plain(p + 1, end - 1, validate))
            return false;
        *ret = value_bytes(T_STR, p + 1, (uint32_t)(end - p - 2));
        return true;
    }
    if ((uint8_t)(*p - '0') < 10 || *p == '-')
        return number_read_fast(p, (size_t)(end - p), ret);
    if (!json_scalar_usual(p, end, validate))
        return false;
    *ret = *p == 'n' ? value_null() : value_bool(*p == 't');
    return true;
}

#endif

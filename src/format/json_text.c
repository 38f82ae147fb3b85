/* See json_text.h. */
#include "format/json_text.h"

#include "base/utf8.h"

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* The first backslash in [p, end), or end. */
static const uint8_t *escape_in(const uint8_t *p, const uint8_t *end) {
    for (; end - p >= 8; p += 8) {
        uint64_t w;
        memcpy(&w, p, 8);
        w ^= EACH('\\');
        if ((w - EACH(1)) & ~w & EACH(0x80)) /* some byte is zero */
            break;
    }
    while (p < end && *p != '\\')
        p++;
    return p;
}

/* --- escapes --- */

/* The four hexadecimal digits at p, or -1. */
static int hex4(const uint8_t *p, const uint8_t *end) {
    int v = 0;
    if (end - p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        uint8_t c = p[i], letter = c | 0x20;
        if (c >= '0' && c <= '9')
            v = v << 4 | (c - '0');
        else if (letter >= 'a' && letter <= 'f')
            v = v << 4 | (letter - 'a' + 10);
        else
            return -1;
    }
    return v;
}

/* Any code point up to 10FFFF, surrogates too. */
static size_t put_utf8(uint8_t *out, uint32_t c) {
    if (c < 0x80) {
        out[0] = (uint8_t)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (uint8_t)(0xC0 | c >> 6);
        out[1] = (uint8_t)(0x80 | (c & 0x3F));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (uint8_t)(0xE0 | c >> 12);
        out[1] = (uint8_t)(0x80 | (c >> 6 & 0x3F));
        out[2] = (uint8_t)(0x80 | (c & 0x3F));
        return 3;
    }
    out[0] = (uint8_t)(0xF0 | c >> 18);
    out[1] = (uint8_t)(0x80 | (c >> 12 & 0x3F));
    out[2] = (uint8_t)(0x80 | (c >> 6 & 0x3F));
    out[3] = (uint8_t)(0x80 | (c & 0x3F));
    return 4;
}

/* The escape at p, a backslash: writes what it stands for and gives what is behind it, or NULL. */
static const uint8_t *put_escape(const uint8_t *p, const uint8_t *end, uint8_t **out) {
    static const char NAMES[] = "\"\\/bfnrt", MEANT[] = "\"\\/\b\f\n\r\t";
    if (end - p < 2)
        return NULL;
    if (p[1] != 'u') {
        const char *name = memchr(NAMES, p[1], sizeof NAMES - 1);
        if (!name)
            return NULL;
        *(*out)++ = (uint8_t)MEANT[name - NAMES];
        return p + 2;
    }
    int unit = hex4(p + 2, end), low = -1;
    if (unit < 0)
        return NULL;
    p += 6;
    if (unit >= 0xD800 && unit <= 0xDBFF && end - p >= 6 && p[0] == '\\' && p[1] == 'u')
        low = hex4(p + 2, end);
    uint32_t c = (uint32_t)unit;
    if (low >= 0xDC00 && low <= 0xDFFF) {
        c = 0x10000 + (((uint32_t)unit & 0x3FF) << 10 | ((uint32_t)low & 0x3FF));
        p += 6;
    }
    *out += put_utf8(*out, c);
    return p;
}

size_t json_unescape(const uint8_t *p, const uint8_t *end, uint8_t *out,
                     const uint8_t **ret_fault) {
    uint8_t *start = out;
    for (;;) {
        const uint8_t *escape = escape_in(p, end);
        if (escape > p)
            memcpy(out, p, (size_t)(escape - p));
        out += escape - p;
        if (escape == end)
            return (size_t)(out - start);
        p = put_escape(escape, end, &out);
        if (!p) {
            *ret_fault = escape;
            return SIZE_MAX;
        }
    }
}

/* Where the inside of a string has a wrong escape or malformed UTF-8, or NULL. */
static const uint8_t *string_fault(const uint8_t *p, const uint8_t *end) {
    const uint8_t *s = p;
    uint8_t meant[4], *out;
    for (;;) {
        s = escape_in(s, end);
        if (s == end)
            break;
        out = meant;
        const uint8_t *next = put_escape(s, end, &out);
        if (!next)
            return s;
        s = next;
    }
    size_t good = utf8_check(p, (size_t)(end - p)); /* an escape is ASCII and parts no sequence */
    return p + good < end ? p + good : NULL;
}

/* --- scalars --- */

/* Notes that [p, end) is no value of JSON. Gives false. */
static bool not_scalar(struct reader *r, const uint8_t *p, const uint8_t *end) {
    size_t n = (size_t)(end - p);
    const uint8_t *word = p + (n > 1 && (*p == '-' || *p == '+'));
    const char *why = "this is no JSON value";
    if (n == 0)
        why = "a value or a name is missing here";
    else if (*p == '"')
        why = "there is something behind a string";
    else if (*p == '\'')
        why = "strings of JSON have double quotes";
    else if (*word == 'N' || *word == 'I' || *word == 'n' || *word == 'i')
        why = "NaN and Infinity are not JSON: write null";
    else if (*word >= '0' && *word <= '9')
        why = "this is no number of JSON";
    return reader_fail(r, E_ROW_INVALID, p, why);
}

static bool is_word(const uint8_t *p, const uint8_t *end, const char *word, size_t n) {
    return (size_t)(end - p) == n && memcmp(p, word, n) == 0;
}

/* null, true, false */
static bool word_value(const uint8_t *p, const uint8_t *end, struct value *ret) {
    if (is_word(p, end, "null", 4))
        *ret = value_null();
    else if (is_word(p, end, "true", 4))
        *ret = value_bool(true);
    else if (is_word(p, end, "false", 5))
        *ret = value_bool(false);
    else
        return false;
    return true;
}

static bool string_value(struct reader *r, const uint8_t *p, const uint8_t *end,
                         struct value *ret) {
    const uint8_t *fault = r->validate ? string_fault(p, end) : NULL;
    size_t n = (size_t)(end - p);
    if (!fault && escape_in(p, end) < end) {
        uint8_t *out = arena_alloc(&r->values, n);
        if (!out)
            return reader_fail(r, E_MEMORY, p, NULL);
        n = json_unescape(p, end, out, &fault);
        p = out;
    }
    if (fault)
        return reader_fail(r, E_ROW_INVALID, fault,
                           *fault == '\\' ? "this is no escape of JSON"
                                          : "the string is not UTF-8");
    *ret = value_bytes(T_STR, p, (uint32_t)n);
    return true;
}

bool json_scalar(struct reader *r, const uint8_t *p, const uint8_t *end, struct value *ret) {
    json_trim(&p, &end);
    size_t n = (size_t)(end - p);
    if (n > 0 && ((uint8_t)(*p - '0') < 10 || *p == '-')) {
        if ((size_t)(r->end - p) > NUMBER_ROOM && number_read_fast(p, n, ret))
            return true;
        enum number_read read = number_read(r->c, &r->values, NUMBER_JSON, p, n, ret);
        if (read == NUMBER_NO_MEMORY)
            return reader_fail(r, E_MEMORY, p, NULL);
        return read == NUMBER_READ || not_scalar(r, p, end);
    }
    if (n >= 2 && *p == '"' && end[-1] == '"')
        return string_value(r, p + 1, end - 1, ret);
    return word_value(p, end, ret) || not_scalar(r, p, end);
}

bool json_scalar_check(struct reader *r, const uint8_t *p, const uint8_t *end) {
    struct value ignored;
    json_trim(&p, &end);
    size_t n = (size_t)(end - p);
    if (n >= 2 && *p == '"' && end[-1] == '"')
        return !r->validate || !string_fault(p + 1, end - 1) ||
               string_value(r, p + 1, end - 1, &ignored);
    if (n > 0 && ((uint8_t)(*p - '0') < 10 || *p == '-'))
        return number_is_json(p, n) || not_scalar(r, p, end);
    return word_value(p, end, &ignored) || not_scalar(r, p, end);
}

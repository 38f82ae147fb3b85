/* See literal.h: numbers, strings and binaries. timestamp.c has the dates. */
#include "literal.h"

#include "value/mp.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

static struct place place_of(struct token t) { return (struct place){t.pos, t.length}; }

/* --- numbers --- */

static bool integer(struct build *b, struct token t, struct place at, bool negative,
                    struct value *ret) {
    struct str s = token_text(b->source, t);
    uint64_t u = 0;
    bool fits = true;
    for (size_t i = 0; i < s.n && fits; i++)
        fits = !__builtin_mul_overflow(u, 10u, &u) &&
               !__builtin_add_overflow(u, (uint64_t)(s.p[i] - '0'), &u);
    if (!fits || (negative && u > (uint64_t)INT64_MAX + 1)) {
        build_fail(b, E_BAD_LITERAL, at, NULL,
                   "integer out of range: it must be from -9223372036854775808 to "
                   "18446744073709551615");
        return false;
    }
    *ret = negative ? value_int((int64_t)(0 - u)) : value_uint(u);
    return true;
}

/* The nearest double of text, whatever the process's decimal point. */
static bool text_to_double(const char *text, double *ret) {
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!c)
        return false;
    *ret = strtod_l(text, NULL, c);
    freelocale(c);
    return true;
}

bool literal_number(struct build *b, struct token t, struct place at, bool negative,
                    struct value *ret) {
    if (!build_ok(b))
        return false;
    if (t.kind == TOK_INTEGER)
        return integer(b, t, at, negative, ret);
    double d; /* the source ends with NUL and the token where strtod stops: see lex.c, number() */
    if (!text_to_double(b->source.p + t.pos, &d)) {
        build_no_memory(b);
        return false;
    }
    if (isinf(d)) {
        build_fail(b, E_BAD_LITERAL, at, NULL, "number out of the range of a double");
        return false;
    }
    *ret = value_double(negative ? -d : d);
    return true;
}

bool literal_special_double(struct build *b, struct token t, struct value *ret) {
    static const struct {
        const char *text;
        double d;
    } NAMES[] = {{"nan", NAN},
                 {"inf", INFINITY},
                 {"infinity", INFINITY},
                 {"-inf", -INFINITY},
                 {"-infinity", -INFINITY}};
    struct str s;
    if (!literal_quoted(b, t, &s))
        return false;
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
        if (s.n == strlen(NAMES[i].text) && strncasecmp(s.p, NAMES[i].text, s.n) == 0) {
            *ret = value_double(NAMES[i].d);
            return true;
        }
    build_fail(b, E_BAD_LITERAL, place_of(t), NULL, "DOUBLE takes 'nan', 'inf' or '-inf'");
    return false;
}

void put_double(struct buf *out, double d) {
    if (isnan(d) || isinf(d)) {
        buf_add_text(out, isnan(d) ? "DOUBLE 'nan'" : d > 0 ? "DOUBLE 'inf'" : "DOUBLE '-inf'");
        return;
    }
    char text[64];
    for (int digits = 15; digits <= 17; digits++) {
        char raw[48];
        snprintf(raw, sizeof raw, "%.*g", digits, d);
        size_t n = 0;
        bool real = false;
        for (const char *p = raw; *p; p++) {
            bool ours = strchr("0123456789+-e", *p) != NULL;
            if (!ours && n > 0 && text[n - 1] == '.')
                continue; /* a decimal point of several bytes */
            real = real || !ours || *p == 'e';
            text[n++] = ours ? *p : '.';
        }
        memcpy(text + n, ".0", 3);
        if (real)
            text[n] = '\0';
        double back;
        if (!text_to_double(text, &back)) {
            out->failed = true;
            return;
        }
        if (back == d)
            break;
    }
    buf_add_text(out, text);
}

/* --- strings and binaries --- */

bool literal_quoted(struct build *b, struct token t, struct str *ret) {
    struct str s = {b->source.p + t.pos + 1, t.length - 2u};
    char quote = b->source.p[t.pos];
    const char *doubled = memchr(s.p, quote, s.n);
    if (!doubled) {
        *ret = s;
        return build_ok(b);
    }
    char *copy = arena_alloc(&b->q->arena, s.n);
    if (!copy) {
        build_no_memory(b);
        return false;
    }
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        copy[n++] = s.p[i];
        if (s.p[i] == quote)
            i++;
    }
    *ret = (struct str){copy, n};
    return build_ok(b);
}

static int hex_digit(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

bool literal_hex(struct build *b, struct token t, struct str *ret) {
    uint32_t start = t.pos + 2, n = t.length - 3;
    const char *digits = b->source.p + start;
    for (uint32_t i = 0; i < n; i++)
        if (hex_digit(digits[i]) < 0) {
            uint32_t next = i + 1; /* the whole of a character */
            while (next < n && ((unsigned char)digits[next] & 0xC0) == 0x80)
                next++;
            build_fail(b, E_BAD_LITERAL, (struct place){start + i, next - i}, NULL,
                       "expected a hexadecimal digit in X'..'");
            return false;
        }
    if (n % 2) {
        build_fail(b, E_BAD_LITERAL, place_of(t), NULL,
                   "X'..' needs two hexadecimal digits a byte; there are %u", n);
        return false;
    }
    uint8_t *bytes = arena_alloc(&b->q->arena, n / 2);
    if (!bytes) {
        build_no_memory(b);
        return false;
    }
    for (uint32_t i = 0; i < n / 2; i++)
        bytes[i] = (uint8_t)(hex_digit(digits[2 * i]) << 4 | hex_digit(digits[2 * i + 1]));
    *ret = (struct str){(const char *)bytes, n / 2};
    return build_ok(b);
}

void put_hex(struct buf *out, struct str bytes) {
    static const char DIGITS[] = "0123456789abcdef";
    if (!buf_reserve(out, bytes.n * 2))
        return;
    for (size_t i = 0; i < bytes.n; i++) {
        buf_byte(out, (uint8_t)DIGITS[(uint8_t)bytes.p[i] >> 4]);
        buf_byte(out, (uint8_t)DIGITS[(uint8_t)bytes.p[i] & 15]);
    }
}

/* --- extensions --- */

bool literal_ext(struct build *b, struct place at, int64_t type, struct str data,
                 struct value *ret) {
    if (type < INT8_MIN || type > INT8_MAX) {
        build_fail(b, E_BAD_LITERAL, at, NULL, "an extension type is from -128 to 127");
        return false;
    }
    if (type == -1 && data.n != 4 && data.n != 8 && data.n != 12) {
        build_fail(b, E_BAD_LITERAL, at, NULL, "a timestamp has 4, 8 or 12 bytes, not %zu", data.n);
        return false;
    }
    uint8_t *bytes = arena_alloc(&b->q->arena, data.n + 6);
    if (!bytes) {
        build_no_memory(b);
        return false;
    }
    bytes[0] = 0xC9; /* ext 32: its reader knows the forms of a timestamp */
    for (int i = 0; i < 4; i++)
        bytes[1 + i] = (uint8_t)(data.n >> (24 - 8 * i));
    bytes[5] = (uint8_t)type;
    memcpy(bytes + 6, data.p, data.n);
    struct mp_reader r;
    mp_reader_init(&r, bytes, data.n + 6, 0);
    *ret = mp_read_value(&r);
    if (r.status != E_OK)
        build_fail(b, E_BAD_LITERAL, at, NULL, "a timestamp with more than 999999999 nanoseconds");
    return build_ok(b);
}

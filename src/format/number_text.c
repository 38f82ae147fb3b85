/* See number_text.h.
 *
 * A number is w * 10 ** e with w of up to 19 digits. For w below 2 ** 53 and small e one operation
 * of two exact doubles rounds once and is right (W. Clinger, "How to read floating point numbers
 * accurately", 1990); for e from -19 to 19 the product or the quotient is taken in 128 bits and
 * rounded by hand. */
#include "format/number_text.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A number below it has room for one digit more: any 19 fit a uint64. */
#define NEARLY_FULL UINT64_C(1000000000000000000)

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

typedef unsigned __int128 wide;

static const uint64_t TEN[] = {1u,
                               10u,
                               100u,
                               1000u,
                               10000u,
                               100000u,
                               1000000u,
                               10000000u,
                               100000000u,
                               1000000000u,
                               10000000000u,
                               100000000000u,
                               1000000000000u,
                               10000000000000u,
                               100000000000000u,
                               1000000000000000u,
                               10000000000000000u,
                               100000000000000000u,
                               1000000000000000000u,
                               10000000000000000000u};

#if FLT_EVAL_METHOD == 0
static const double TEN_EXACT[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                   1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                   1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
#endif

/* A text taken apart. */
struct parts {
    bool negative, is_integer, is_exact; /* exact: no digit but zeros was left out of w */
    uint64_t w;
    int64_t exponent;
};

static inline bool is_digit(uint8_t c) { return (uint8_t)(c - '0') < 10; }

/* Digits into w, up to 19 that count; `behind` the point each taken one lowers the
 * exponent, before it each that was left out raises it. */
static const uint8_t *take_digits(struct parts *t, const uint8_t *p, const uint8_t *end,
                                  bool behind) {
    uint64_t w = t->w;
    int64_t exponent = t->exponent;
    for (; p < end && is_digit(*p); p++) {
        if (w < NEARLY_FULL) {
            w = w * 10 + (*p - '0');
            exponent -= behind;
        } else {
            t->is_exact &= *p == '0';
            exponent += !behind;
        }
    }
    t->w = w;
    t->exponent = exponent;
    return p;
}

static const uint8_t *take_exponent(struct parts *t, const uint8_t *p, const uint8_t *end) {
    int64_t e = 0;
    bool negative = p < end && *p == '-';
    if (p < end && (*p == '+' || *p == '-'))
        p++;
    if (p == end || !is_digit(*p))
        return NULL;
    for (; p < end && is_digit(*p); p++)
        if (e < INT64_C(1000000000000000)) /* beyond what any length of digits could make up for */
            e = e * 10 + (*p - '0');
    t->exponent += negative ? -e : e;
    return p;
}

/* False: no number of that form. */
static bool take_apart(struct parts *t, enum number_form form, const uint8_t *p,
                       const uint8_t *end) {
    *t = (struct parts){.is_integer = true, .is_exact = true};
    if (p < end && (*p == '-' || (*p == '+' && form != NUMBER_JSON)))
        t->negative = *p++ == '-';
    const uint8_t *whole = p, *part = NULL;
    p = take_digits(t, p, end, false);
    size_t n_whole = (size_t)(p - whole), n_part = 0;
    if (form == NUMBER_JSON && (n_whole == 0 || (n_whole > 1 && *whole == '0')))
        return false;
    if (form == NUMBER_INTEGER)
        return n_whole > 0 && p == end;
    if (p < end && *p == '.') {
        part = ++p;
        p = take_digits(t, p, end, true);
        n_part = (size_t)(p - part);
        t->is_integer = false;
        if (form == NUMBER_JSON && n_part == 0)
            return false;
    }
    if (n_whole + n_part == 0)
        return false;
    if (p < end && (*p | 0x20) == 'e') {
        t->is_integer = false;
        p = take_exponent(t, p + 1, end);
    }
    return p == end;
}

/* q * 2 ** exponent as the nearest double; `more`: the exact value is a little above. q has at
 * least 54 bits if there is more. The result is a normal double. */
static double round_wide(wide q, bool more, int exponent) {
    uint64_t high = (uint64_t)(q >> 64);
    int bits = high ? 128 - __builtin_clzll(high) : 64 - __builtin_clzll((uint64_t)q);
    if (bits > 53) {
        int cut = bits - 53;
        wide rest = q & (((wide)1 << cut) - 1), half = (wide)1 << (cut - 1);
        q >>= cut;
        exponent += cut;
        q += rest > half || (rest == half && (more || (q & 1)));
    }
    uint64_t power = (uint64_t)(exponent + 1023) << 52;
    double scale;
    memcpy(&scale, &power, 8);
    return (double)(uint64_t)q * scale;
}

/* w / 10 ** k, 1 <= k <= 19: w is shifted to the top, so that the quotient has 63 bits or more. */
static double quotient(uint64_t w, int k) {
    int shift = __builtin_clzll(w);
    wide over = (wide)(w << shift) << 64, q = over / TEN[k];
    return round_wide(q, q * TEN[k] != over, -64 - shift);
}

/* By integers or exact doubles; false if the number is not of that kind. */
static bool convert(const struct parts *t, double *ret) {
    if (t->w == 0) {
        *ret = 0;
        return true;
    }
    if (!t->is_exact || t->exponent < -22 || t->exponent > 22)
        return false;
    int e = (int)t->exponent;
#if FLT_EVAL_METHOD == 0
    if (t->w <= UINT64_C(1) << 53) {
        *ret = e < 0 ? (double)t->w / TEN_EXACT[-e] : (double)t->w * TEN_EXACT[e];
        return true;
    }
#endif
    if (e < -19 || e > 19)
        return false;
    *ret = e < 0 ? quotient(t->w, -e) : round_wide((wide)t->w * TEN[e], false, 0);
    return true;
}

static enum number_read by_library(locale_t c, struct arena *a, const uint8_t *p, size_t n,
                                   double *ret) {
    char small[64], *text = small;
    if (n < sizeof small) {
        memcpy(small, p, n);
        small[n] = '\0';
    } else if (!(text = arena_copy(a, p, n))) {
        return NUMBER_NO_MEMORY;
    }
    *ret = strtod_l(text, NULL, c);
    return NUMBER_READ;
}

/* [+-] nan, inf, infinity */
static bool read_word(const uint8_t *p, size_t n, double *ret) {
    static const struct {
        const char *text;
        double d;
    } WORDS[] = {{"nan", NAN}, {"inf", INFINITY}, {"infinity", INFINITY}};
    bool sign = n > 0 && (*p == '+' || *p == '-');
    for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++) {
        size_t k = 0;
        while (k < n - sign && WORDS[i].text[k] && (p[sign + k] | 0x20) == WORDS[i].text[k])
            k++;
        if (k == n - sign && k > 0 && !WORDS[i].text[k]) {
            *ret = *p == '-' ? -WORDS[i].d : WORDS[i].d;
            return true;
        }
    }
    return false;
}

/* An integer of up to 19 digits, or of 20 if it fits. */
static bool as_integer(const struct parts *t, const uint8_t *p, size_t n, struct value *ret) {
    uint64_t w = t->w;
    if (t->exponent == 1 && w <= UINT64_MAX / 10) {
        unsigned digit = (unsigned)(p[n - 1] - '0');
        if (w == UINT64_MAX / 10 && digit > UINT64_MAX % 10)
            return false;
        w = w * 10 + digit;
    } else if (t->exponent != 0) {
        return false;
    }
    if (t->negative && w > (uint64_t)INT64_MAX + 1)
        return false;
    *ret = t->negative ? value_int((int64_t)(0 - w)) : value_uint(w);
    return true;
}

enum number_read number_read(locale_t c, struct arena *a, enum number_form form, const uint8_t *p,
                             size_t n, struct value *ret) {
    struct parts t;
    double d;
    if (!take_apart(&t, form, p, p + n)) {
        if (form != NUMBER_DOUBLE || !read_word(p, n, &d))
            return NUMBER_NOT_READ;
        *ret = value_double(d);
        return NUMBER_READ;
    }
    bool minus_zero = t.negative && t.w == 0 && form != NUMBER_INTEGER;
    if (form != NUMBER_DOUBLE && t.is_integer && !minus_zero && as_integer(&t, p, n, ret))
        return NUMBER_READ;
    if (form == NUMBER_INTEGER)
        return NUMBER_NOT_READ;
    if (convert(&t, &d)) {
        d = t.negative ? -d : d;
    } else {
        enum number_read read = by_library(c, a, p, n, &d);
        if (read != NUMBER_READ)
            return read;
    }
    if (form == NUMBER_DOUBLE && isinf(d))
        return NUMBER_NOT_READ;
    *ret = value_double(d);
    return NUMBER_READ;
}

/* Up to eight digits. */
static inline uint64_t eight_digits(const uint8_t *p, size_t n) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    uint64_t w;
    memcpy(&w, p, 8);
    w = n > 0 ? (w - EACH('0')) << (64 - 8 * n) : 0; /* zeros in front */
    w = w * 10 + (w >> 8);                           /* every second byte: a pair */
    w = (w & UINT64_C(0x000000FF000000FF)) * (100 + (UINT64_C(1000000) << 32)) +
        (w >> 16 & UINT64_C(0x000000FF000000FF)) * (1 + (UINT64_C(10000) << 32));
    return w >> 32;
#else
    uint64_t w = 0;
    for (size_t i = 0; i < n; i++)
        w = w * 10 + (uint64_t)(p[i] - '0');
    return w;
#endif
}

/* Digits around a point that number_shape has found: false if it takes more than two words. */
static bool read_shape(const uint8_t *p, size_t n, unsigned point, bool negative,
                       struct value *ret) {
    size_t behind = point < n ? n - point - 1 : 0;
    if (point > 8) { /* up to 16 digits */
        if (behind > 0)
            return false;
        uint64_t w = eight_digits(p, n - 8) * 100000000u + eight_digits(p + n - 8, 8);
        *ret = value_int(negative ? -(int64_t)w : (int64_t)w);
        return true;
    }
    uint64_t w = eight_digits(p, point);
    if (behind == 0 && !(negative && w == 0)) {
        *ret = value_int(negative ? -(int64_t)w : (int64_t)w);
        return true;
    }
    if (behind > 8)
        return false;
    struct parts t = {.is_exact = true, .exponent = -(int64_t)behind};
    t.w = w * TEN[behind] + eight_digits(p + point + 1, behind);
    double d;
    if (!convert(&t, &d))
        return false;
    *ret = value_double(negative ? -d : d);
    return true;
}

bool number_read_fast(const uint8_t *p, size_t n, struct value *ret) {
    bool negative = *p == '-';
    p += negative;
    n -= negative;
    unsigned point = n > 0 && n <= 16 ? number_shape(p, n) : 0;
    return point > 0 && read_shape(p, n, point, negative, ret);
}

bool number_is_json(const uint8_t *p, size_t n) {
    const uint8_t *end = p + n;
    p += n > 0 && *p == '-';
    const uint8_t *whole = p;
    while (p < end && is_digit(*p))
        p++;
    if (p == whole || (*whole == '0' && p - whole > 1))
        return false;
    if (p < end && *p == '.') {
        const uint8_t *part = ++p;
        while (p < end && is_digit(*p))
            p++;
        if (p == part)
            return false;
    }
    if (p < end && (*p | 0x20) == 'e') {
        p++;
        p += p < end && (*p == '+' || *p == '-');
        const uint8_t *power = p;
        while (p < end && is_digit(*p))
            p++;
        if (p == power)
            return false;
    }
    return p == end;
}

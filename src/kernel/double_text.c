/* See double_text.h. The C library converts; what is here keeps it in the "C" locale and puts the
 * digits where they belong. */
#include "kernel/double_text.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define TWO_52 4503599627370496.0

/* The thread's locale is "C" between the two; false if there is none. */
static bool enter_c(locale_t *ret_c, locale_t *ret_before) {
    *ret_c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!*ret_c)
        return false;
    *ret_before = uselocale(*ret_c);
    return true;
}
static void leave_c(locale_t c, locale_t before) {
    uselocale(before);
    freelocale(c);
}

/* --- reading --- */

static size_t digits_at(struct str s, size_t i) {
    size_t n = 0;
    while (i + n < s.n && s.p[i + n] >= '0' && s.p[i + n] <= '9')
        n++;
    return n;
}

/* Whether s has the form of a number. Hexadecimal, blanks and the like, which strtod takes, are
 * not. */
static bool is_number(struct str s) {
    size_t i = s.n > 0 && (s.p[0] == '+' || s.p[0] == '-');
    size_t whole = digits_at(s, i), part = 0;
    i += whole;
    if (i < s.n && s.p[i] == '.') {
        part = digits_at(s, i + 1);
        i += 1 + part;
    }
    if (whole + part == 0)
        return false;
    if (i < s.n && (s.p[i] == 'e' || s.p[i] == 'E')) {
        i++;
        i += i < s.n && (s.p[i] == '+' || s.p[i] == '-');
        size_t exponent = digits_at(s, i);
        if (exponent == 0)
            return false;
        i += exponent;
    }
    return i == s.n;
}

static bool is_word(struct str s, const char *word) {
    for (size_t i = 0; i < s.n; i++)
        if (word[i] == '\0' || (s.p[i] | 0x20) != word[i])
            return false;
    return word[s.n] == '\0';
}

static bool read_word(struct str s, double *ret) {
    bool sign = s.n > 0 && (s.p[0] == '+' || s.p[0] == '-');
    struct str word = {s.p + sign, s.n - sign};
    if (is_word(word, "nan"))
        *ret = NAN;
    else if (is_word(word, "inf") || is_word(word, "infinity"))
        *ret = s.p[0] == '-' ? -INFINITY : INFINITY;
    else
        return false;
    return true;
}

enum double_read double_read(struct arena *a, struct str s, double *ret) {
    if (!is_number(s))
        return read_word(s, ret) ? DOUBLE_READ : DOUBLE_NOT_READ;
    char small[64];
    char *text = small;
    if (s.n < sizeof small) {
        memcpy(small, s.p, s.n);
        small[s.n] = '\0';
    } else if (!(text = arena_copy(a, s.p, s.n))) {
        return DOUBLE_NO_MEMORY;
    }
    locale_t c, before;
    if (!enter_c(&c, &before))
        return DOUBLE_NO_MEMORY;
    double d = strtod(text, NULL);
    leave_c(c, before);
    if (isinf(d))
        return DOUBLE_NOT_READ;
    *ret = d;
    return DOUBLE_READ;
}

/* --- writing --- */

/* The digits of d > 0, and the power of ten of the first. */
struct decimal {
    char digits[24];
    int n, exponent;
};

static void decimal_parse(struct decimal *t, const char *text) {
    t->n = 0;
    for (; *text != 'e'; text++)
        if (*text != '.')
            t->digits[t->n++] = *text;
    t->exponent = atoi(text + 1);
    while (t->n > 1 && t->digits[t->n - 1] == '0')
        t->n--;
}

/* One more in the last digit of a text as %e writes it. No power of two is all nines. */
static void step_up(char *text) {
    char *p = strchr(text, 'e') - 1;
    for (; p > text && (*p == '9' || *p == '.'); p--)
        if (*p == '9')
            *p = '0';
    ++*p;
}

/* The shortest digits that give d back; of these the nearest. At a power of two the doubles below
 * are closer to each other than those above, so there the nearest digits may belong to the double
 * below while one more still belongs to d. */
static void decimal_shortest(struct decimal *t, double d) {
    int exponent;
    bool edge = frexp(d, &exponent) == 0.5 && d > DBL_MIN;
    char text[40];
    for (int precision = d < DBL_MIN ? 0 : 14; precision < 17; precision++) {
        snprintf(text, sizeof text, "%.*e", precision, d);
        if (strtod(text, NULL) != d && edge && precision == 15)
            step_up(text);
        if (strtod(text, NULL) == d)
            break;
    }
    decimal_parse(t, text);
}

/* digits and point as a person writes them. */
static size_t put_fixed(char *out, const struct decimal *t) {
    size_t n = 0;
    int at = t->exponent < 0 ? t->exponent : 0;
    int end = t->n > t->exponent + 2 ? t->n : t->exponent + 2; /* one digit behind the point */
    for (; at < end; at++) {
        if (at == t->exponent + 1)
            out[n++] = '.';
        out[n++] = at < 0 || at >= t->n ? '0' : t->digits[at];
    }
    return n;
}

static size_t put_scientific(char *out, const struct decimal *t) {
    size_t n = 0;
    out[n++] = t->digits[0];
    if (t->n > 1)
        out[n++] = '.';
    memcpy(out + n, t->digits + 1, (size_t)t->n - 1);
    n += (size_t)t->n - 1;
    unsigned exponent = (unsigned)abs(t->exponent) % 1000;
    n += (size_t)snprintf(out + n, 8, "e%c%02u", t->exponent < 0 ? '-' : '+', exponent);
    return n;
}

size_t double_write(char out[DOUBLE_TEXT_BYTES], double d) {
    size_t n = 0;
    if (!isnan(d) && signbit(d))
        out[n++] = '-';
    if (isnan(d) || isinf(d)) {
        memcpy(out + n, isnan(d) ? "nan" : "inf", 3);
        return n + 3;
    }
    if (d == 0) {
        memcpy(out + n, "0.0", 3);
        return n + 3;
    }
    locale_t c, before;
    if (!enter_c(&c, &before))
        return 0;
    struct decimal t;
    decimal_shortest(&t, fabs(d));
    bool fixed = t.exponent >= -4 && t.exponent < 16;
    n += fixed ? put_fixed(out + n, &t) : put_scientific(out + n, &t);
    leave_c(c, before);
    return n;
}

/* --- rounding --- */

/* Behind the point: printf rounds the exact value, but half to even. d lies exactly between two
 * results if and only if d * 2 ** (digits + 1) is an odd integer; then the next double away from
 * zero is rounded where d has to go. */
static double round_behind(double d, int digits) {
    double scaled = ldexp(fabs(d), digits + 1);
    if (scaled == trunc(scaled) && fmod(scaled, 2) == 1)
        d = nextafter(d, d < 0 ? -INFINITY : INFINITY);
    char text[400]; /* 17 digits, the point and up to DOUBLE_DIGITS_MOST */
    snprintf(text, sizeof text, "%.*f", digits, d);
    return strtod(text, NULL);
}

/* Before the point: the digits that go begin with 5 or more, or not; what they were does not
 * matter. */
static double round_before(double d, int places) {
    char text[340] = "0"; /* a zero that may become 1, and 309 digits */
    int n = snprintf(text + 1, sizeof text - 1, "%.0f", trunc(fabs(d)));
    int kept = 1 + n - places;
    if (kept < 1)
        return copysign(0, d);
    if (text[kept] >= '5') {
        int i = kept - 1;
        for (; text[i] == '9'; i--)
            text[i] = '0';
        text[i]++;
    }
    snprintf(text + kept, sizeof text - (size_t)kept, "e%d", places);
    return copysign(strtod(text, NULL), d);
}

bool double_round(double d, int digits, double *ret) {
    locale_t c, before;
    if (!isfinite(d) || (digits >= 0 && fabs(d) >= TWO_52)) {
        *ret = d;
        return true;
    }
    if (!enter_c(&c, &before))
        return false;
    *ret = digits >= 0 ? round_behind(d, digits) : round_before(d, -digits);
    leave_c(c, before);
    return true;
}

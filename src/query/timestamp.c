/* See literal.h: TIMESTAMP '2020-01-01T00:00:00.5Z' (QUERY.md D1-D3), read and written.
 *
 * The proleptic Gregorian calendar without leap seconds, years 0000 to 9999. An instant outside of
 * these (also reached by an offset) has no date form and is written EXT(-1, X'..'). */
#include "literal.h"

#include <stdio.h>

#define DAY_SECONDS 86400

/* Days from 1970-01-01. The year is counted from March, so that a leap day is its last. */
static int64_t days_of(int64_t year, unsigned month, unsigned day) {
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    unsigned year_of_era = (unsigned)(year - era * 400);
    unsigned day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    unsigned day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + (int64_t)day_of_era - 719468;
}

static void date_of(int64_t days, int64_t *ret_year, unsigned *ret_month, unsigned *ret_day) {
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    unsigned doe = (unsigned)(days - era * 146097);
    unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    unsigned mp = (5 * doy + 2) / 153;
    *ret_day = doy - (153 * mp + 2) / 5 + 1;
    *ret_month = mp < 10 ? mp + 3 : mp - 9;
    *ret_year = (int64_t)yoe + era * 400 + (*ret_month <= 2);
}

static unsigned month_days(unsigned year, unsigned month) {
    static const unsigned char DAYS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return DAYS[month - 1] + (month == 2 && leap);
}

/* The text between the quotes and where we are in it. */
struct scan {
    struct build *b;
    const char *p;
    uint32_t pos, i, n;
};

static bool fail(struct scan *s, uint32_t from, uint32_t length, const char *what) {
    if (length == 0)
        length = 1; /* the closing quote */
    build_fail(s->b, E_BAD_LITERAL, (struct place){s->pos + from, length}, NULL, "%s", what);
    return false;
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* What stands at i, up to a whole character. */
static uint32_t width(const struct scan *s) {
    uint32_t n = s->i < s->n;
    while (s->i + n < s->n && ((unsigned char)s->p[s->i + n] & 0xC0) == 0x80)
        n++;
    return n;
}

/* `digits` digits that make a number from least to most. */
static bool field(struct scan *s, unsigned digits, unsigned least, unsigned most, const char *what,
                  unsigned *ret) {
    unsigned v = 0;
    uint32_t from = s->i;
    for (unsigned k = 0; k < digits; k++, s->i++) {
        if (s->i == s->n || !is_digit(s->p[s->i]))
            return fail(s, s->i, width(s),
                        "a timestamp is written 'YYYY-MM-DDTHH:MM:SS.fffffffffZ' or with an offset "
                        "+HH:MM");
        v = v * 10 + (unsigned)(s->p[s->i] - '0');
    }
    if (v < least || v > most)
        return fail(s, from, digits, what);
    *ret = v;
    return true;
}

static bool separator(struct scan *s, const char *any_of) {
    if (s->i == s->n || !s->p[s->i] || !strchr(any_of, s->p[s->i]))
        return fail(s, s->i, width(s),
                    "a timestamp is written 'YYYY-MM-DDTHH:MM:SS.fffffffffZ' or with an offset "
                    "+HH:MM");
    s->i++;
    return true;
}

static bool date(struct scan *s, int64_t *ret_days) {
    unsigned year, month, day;
    if (!field(s, 4, 0, 9999, "", &year) || !separator(s, "-") ||
        !field(s, 2, 1, 12, "a month is from 01 to 12", &month) || !separator(s, "-") ||
        !field(s, 2, 1, month_days(year, month), "the month has no such day", &day))
        return false;
    *ret_days = days_of(year, month, day);
    return true;
}

static bool fraction(struct scan *s, uint32_t *ret_nanoseconds) {
    *ret_nanoseconds = 0;
    if (s->i == s->n || s->p[s->i] != '.')
        return true;
    uint32_t from = ++s->i, digits = 0;
    for (; s->i < s->n && is_digit(s->p[s->i]); s->i++, digits++)
        if (digits < 9)
            *ret_nanoseconds = *ret_nanoseconds * 10 + (uint32_t)(s->p[s->i] - '0');
    if (digits == 0)
        return fail(s, s->i, width(s), "expected digits behind the point of a second");
    if (digits > 9)
        return fail(s, from, digits, "a second has at most 9 digits behind its point");
    for (; digits < 9; digits++)
        *ret_nanoseconds *= 10;
    return true;
}

static bool offset(struct scan *s, int *ret_seconds) {
    if (s->i == s->n)
        return fail(s, s->i, 0, "a timestamp needs an offset: Z or +HH:MM");
    char sign = s->p[s->i];
    unsigned hours, minutes;
    if (!separator(s, "Zz+-"))
        return false;
    *ret_seconds = 0;
    if (sign == 'Z' || sign == 'z')
        return true;
    if (!field(s, 2, 0, 23, "an offset is from -23:59 to +23:59", &hours) || !separator(s, ":") ||
        !field(s, 2, 0, 59, "an offset is from -23:59 to +23:59", &minutes))
        return false;
    *ret_seconds = (int)(hours * 3600 + minutes * 60) * (sign == '-' ? -1 : 1);
    return true;
}

bool literal_timestamp(struct build *b, struct token t, struct value *ret) {
    struct scan s = {.b = b, .p = b->source.p + t.pos + 1, .pos = t.pos + 1, .n = t.length - 2};
    int64_t days;
    unsigned hour, minute, second;
    uint32_t nanoseconds;
    int offset_seconds;
    if (!build_ok(b) || !date(&s, &days))
        return false;
    if (s.i == s.n)
        return fail(&s, s.i, 0, "a timestamp needs a time and an offset behind its date");
    if (!separator(&s, "Tt ") || !field(&s, 2, 0, 23, "an hour is from 00 to 23", &hour) ||
        !separator(&s, ":") || !field(&s, 2, 0, 59, "a minute is from 00 to 59", &minute) ||
        !separator(&s, ":") ||
        !field(&s, 2, 0, 59, "a second is from 00 to 59; leap seconds are not offered", &second) ||
        !fraction(&s, &nanoseconds) || !offset(&s, &offset_seconds))
        return false;
    if (s.i < s.n)
        return fail(&s, s.i, s.n - s.i, "a timestamp ends with its offset");
    int64_t seconds = days * DAY_SECONDS + hour * 3600 + minute * 60 + second - offset_seconds;
    *ret = value_timestamp(seconds, nanoseconds);
    return true;
}

void put_timestamp(struct buf *out, struct value v) {
    int64_t seconds = v.w.i;
    if (seconds < days_of(0, 1, 1) * DAY_SECONDS || seconds >= days_of(10000, 1, 1) * DAY_SECONDS) {
        uint8_t bytes[12];
        for (int i = 0; i < 4; i++)
            bytes[i] = (uint8_t)(v.n >> (24 - 8 * i));
        for (int i = 0; i < 8; i++)
            bytes[4 + i] = (uint8_t)((uint64_t)seconds >> (56 - 8 * i));
        buf_add_text(out, "EXT(-1, X'");
        put_hex(out, (struct str){(const char *)bytes, 12});
        buf_add_text(out, "')");
        return;
    }
    int64_t days = seconds / DAY_SECONDS - (seconds % DAY_SECONDS < 0);
    unsigned rest = (unsigned)(seconds - days * DAY_SECONDS);
    int64_t year;
    unsigned month, day;
    date_of(days, &year, &month, &day);
    buf_printf(out, "TIMESTAMP '%04d-%02u-%02uT%02u:%02u:%02u", (int)year, month, day, rest / 3600,
               rest / 60 % 60, rest % 60);
    if (v.n) {
        char digits[16];
        int n = snprintf(digits, sizeof digits, "%09u", v.n);
        while (digits[n - 1] == '0')
            n--;
        buf_byte(out, '.');
        buf_add(out, digits, (size_t)n);
    }
    buf_add_text(out, "Z'");
}

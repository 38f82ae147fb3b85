/* See literal.h: TIMESTAMP '2020-01-01T00:00:00.5Z' (QUERY.md D1-D3), read and written.
 *
 * Read here and not by calendar_read, for the errors, which say what is wrong and where. An instant
 * outside of the years 0000 to 9999 (also reached by an offset) has no date form and is written
 * EXT(-1, X'..'). */
#include "literal.h"
#include "value/calendar.h"

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
        !field(s, 2, 1, calendar_month_days(year, month), "the month has no such day", &day))
        return false;
    *ret_days = calendar_days(year, month, day);
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
    char text[CALENDAR_TEXT_BYTES];
    size_t n = calendar_write(text, v);
    if (n == 0) {
        uint8_t bytes[12];
        for (int i = 0; i < 4; i++)
            bytes[i] = (uint8_t)(v.n >> (24 - 8 * i));
        for (int i = 0; i < 8; i++)
            bytes[4 + i] = (uint8_t)((uint64_t)v.w.i >> (56 - 8 * i));
        buf_add_text(out, "EXT(-1, X'");
        put_hex(out, (struct str){(const char *)bytes, 12});
        buf_add_text(out, "')");
        return;
    }
    buf_add_text(out, "TIMESTAMP '");
    buf_add(out, text, n);
    buf_byte(out, '\'');
}

/* See interval.h. A text of numbers and units: [+|-] digits unit, one or more, in any order. */
#include "interval.h"

#include "words.h"

#include <strings.h>

enum part { MONTHS, SECONDS, NANOSECONDS };

static const struct unit {
    const char *name; /* one; an s behind it is fine */
    enum part part;
    int64_t factor;
} UNITS[] = {
    {"year", MONTHS, 12},
    {"quarter", MONTHS, 3},
    {"month", MONTHS, 1},
    {"week", SECONDS, 604800},
    {"day", SECONDS, 86400},
    {"hour", SECONDS, 3600},
    {"minute", SECONDS, 60},
    {"second", SECONDS, 1},
    {"millisecond", NANOSECONDS, 1000000},
    {"microsecond", NANOSECONDS, 1000},
    {"nanosecond", NANOSECONDS, 1},
};

static const struct unit *unit_named(const char *p, size_t n) {
    for (size_t i = 0; i < sizeof UNITS / sizeof *UNITS; i++) {
        size_t length = strlen(UNITS[i].name);
        bool plural = n == length + 1 && (p[length] == 's' || p[length] == 'S');
        if ((n == length || plural) && strncasecmp(UNITS[i].name, p, length) == 0)
            return &UNITS[i];
    }
    return NULL;
}

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n'; }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

static void skip_blanks(struct str s, size_t *i) {
    while (*i < s.n && is_blank(s.p[*i]))
        ++*i;
}

/* What is being read, and where its text stands in the query: at text, unless the text is not as it
 * stands there because of a doubled quote; then everything is at the whole. */
struct reading {
    struct build *b;
    struct str s;
    struct place whole;
    uint32_t text; /* 0: unknown */
    size_t i;
    bool negative;
    int64_t sums[3];
};

static struct place place_in(const struct reading *r, size_t from, size_t to) {
    return r->text > 0 ? (struct place){r->text + (uint32_t)from, (uint32_t)(to - from)} : r->whole;
}

/* At the character that begins at `from`; at the text's end that is the quote behind it. */
static bool malformed(const struct reading *r, size_t from) {
    size_t to = from + 1;
    while (to < r->s.n && ((unsigned char)r->s.p[to] & 0xC0) == 0x80)
        to++;
    build_fail(r->b, E_BAD_LITERAL, place_in(r, from, to), NULL,
               "an interval is whole numbers with units, like '1 day 12 hours'");
    return false;
}

static bool out_of_range(const struct reading *r, size_t from, size_t to) {
    build_fail(r->b, E_BAD_LITERAL, place_in(r, from, to), NULL, "the interval is out of range");
    return false;
}

static bool no_unit(const struct reading *r, size_t from, size_t to) {
    const char *names[sizeof UNITS / sizeof *UNITS];
    char shown[48];
    if (from == to)
        return malformed(r, from);
    for (size_t i = 0; i < sizeof UNITS / sizeof *UNITS; i++)
        names[i] = UNITS[i].name;
    struct str found = {r->s.p + from, to - from};
    error_text(shown, sizeof shown, found.p, found.n);
    found.n -= found.n > 1 && (found.p[found.n - 1] | 0x20) == 's'; /* of several */
    build_fail(
        r->b, E_BAD_LITERAL, place_in(r, from, to),
        word_nearest(found, names, sizeof names / sizeof *names),
        "an interval has no unit \"%s\": it has years, quarters, months, weeks, days, hours, "
        "minutes, seconds, milliseconds, microseconds and nanoseconds",
        shown);
    return false;
}

/* One number and its unit, added to the sums; false after a report. */
static bool read_part(struct reading *r) {
    struct str s = r->s;
    int64_t number = 0;
    size_t begin = r->i;
    bool negative = r->negative, range = false;
    if (s.p[r->i] == '+' || s.p[r->i] == '-')
        negative ^= s.p[r->i++] == '-';
    skip_blanks(s, &r->i);
    size_t digits = r->i;
    for (; r->i < s.n && is_digit(s.p[r->i]); r->i++) {
        int digit = s.p[r->i] - '0';
        range |= __builtin_mul_overflow(number, 10, &number) ||
                 __builtin_add_overflow(number, negative ? -digit : digit, &number);
    }
    if (r->i == digits)
        return malformed(r, digits);
    size_t end = r->i;
    skip_blanks(s, &r->i);
    size_t word = r->i;
    while (r->i < s.n && is_letter(s.p[r->i]))
        r->i++;
    const struct unit *unit = unit_named(s.p + word, r->i - word);
    if (!unit)
        return no_unit(r, word, r->i);
    range |= __builtin_mul_overflow(number, unit->factor, &number) ||
             __builtin_add_overflow(r->sums[unit->part], number, &r->sums[unit->part]);
    return !range || out_of_range(r, begin, end);
}

bool interval_read(struct build *b, struct token text, struct str s, bool negative,
                   struct interval *ret) {
    struct reading r = {.b = b,
                        .s = s,
                        .whole = {text.pos, text.length},
                        .text = text.length == s.n + 2 ? text.pos + 1 : 0,
                        .negative = negative};
    skip_blanks(s, &r.i);
    if (r.i == s.n)
        return malformed(&r, r.i);
    for (; r.i < s.n; skip_blanks(s, &r.i))
        if (!read_part(&r))
            return false;
    *ret = (struct interval){r.sums[MONTHS], r.sums[SECONDS], r.sums[NANOSECONDS]};
    return build_ok(b);
}

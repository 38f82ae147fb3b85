/* See interval.h. A text of numbers and units: [+|-] digits unit, one or more, in any order. */
#include "interval.h"

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

/* One number and its unit. False: malformed, or out of range (*ret_range). */
static bool read_part(struct str s, size_t *i, bool negative, int64_t sums[3], bool *ret_range) {
    int64_t number = 0;
    if (s.p[*i] == '+' || s.p[*i] == '-')
        negative ^= s.p[(*i)++] == '-';
    skip_blanks(s, i);
    size_t digits = *i;
    for (; *i < s.n && is_digit(s.p[*i]); ++*i) {
        int digit = s.p[*i] - '0';
        *ret_range |= __builtin_mul_overflow(number, 10, &number) ||
                      __builtin_add_overflow(number, negative ? -digit : digit, &number);
    }
    if (*i == digits)
        return false;
    skip_blanks(s, i);
    size_t word = *i;
    while (*i < s.n && is_letter(s.p[*i]))
        ++*i;
    const struct unit *unit = unit_named(s.p + word, *i - word);
    if (!unit)
        return false;
    *ret_range |= __builtin_mul_overflow(number, unit->factor, &number) ||
                  __builtin_add_overflow(sums[unit->part], number, &sums[unit->part]);
    return !*ret_range;
}

bool interval_read(struct build *b, struct place at, struct str s, bool negative,
                   struct interval *ret) {
    int64_t sums[3] = {0};
    bool range = false, ok = true;
    size_t i = 0, parts = 0;
    for (skip_blanks(s, &i); ok && i < s.n; skip_blanks(s, &i), parts++)
        ok = read_part(s, &i, negative, sums, &range);
    if (range)
        build_fail(b, E_BAD_LITERAL, at, NULL, "the interval is out of range");
    else if (!ok || parts == 0)
        build_fail(b, E_BAD_LITERAL, at, NULL,
                   "an interval is whole numbers with units, like '1 day 12 hours'");
    *ret = (struct interval){sums[MONTHS], sums[SECONDS], sums[NANOSECONDS]};
    return build_ok(b);
}

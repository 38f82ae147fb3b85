/* See calendar.h. Years are counted from March, so that a leap day is the last of its year, and in
 * eras of 400 years, which all have 146097 days. */
#include "value/calendar.h"

#include <stdio.h>

#define ERA_DAYS   146097
#define EPOCH_DAYS 719468 /* from 0000-03-01 to 1970-01-01 */

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

int64_t calendar_days(int64_t year, unsigned month, unsigned day) {
    year -= month <= 2;
    int64_t era = floor_div(year, 400);
    unsigned year_of_era = (unsigned)(year - era * 400);
    unsigned day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    unsigned day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * ERA_DAYS + (int64_t)day_of_era - EPOCH_DAYS;
}

void calendar_of(int64_t seconds, struct calendar *ret) {
    int64_t second = seconds % DAY_SECONDS; /* the day of INT64_MIN begins before it */
    calendar_date(floor_div(seconds, DAY_SECONDS), ret);
    ret->second = (unsigned)(second < 0 ? second + DAY_SECONDS : second);
}

void calendar_date(int64_t from_1970, struct calendar *ret) {
    *ret = (struct calendar){.days = from_1970};
    int64_t days = from_1970 + EPOCH_DAYS;
    int64_t era = floor_div(days, ERA_DAYS);
    unsigned doe = (unsigned)(days - era * ERA_DAYS);
    unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    unsigned mp = (5 * doy + 2) / 153;
    ret->day = doy - (153 * mp + 2) / 5 + 1;
    ret->month = mp < 10 ? mp + 3 : mp - 9;
    ret->year = (int64_t)yoe + era * 400 + (ret->month <= 2);
}

unsigned calendar_month_days(int64_t year, unsigned month) {
    static const unsigned char DAYS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return DAYS[month - 1] + (month == 2 && leap);
}

unsigned calendar_weekday(int64_t days) {
    int64_t from_monday = days + 3; /* 1970-01-01 was a Thursday */
    return (unsigned)(from_monday - floor_div(from_monday, 7) * 7);
}

/* --- text --- */

/* What is left of a text; once something is wrong it stays so. */
struct scan {
    const char *p, *end;
    bool wrong;
};

static unsigned field(struct scan *s, int digits, unsigned least, unsigned most) {
    unsigned v = 0;
    for (int i = 0; i < digits && !s->wrong; i++) {
        if (s->p == s->end || *s->p < '0' || *s->p > '9')
            s->wrong = true;
        else
            v = v * 10 + (unsigned)(*s->p++ - '0');
    }
    s->wrong = s->wrong || v < least || v > most;
    return s->wrong ? least : v;
}

/* One of the characters, which is given back. */
static char one_of(struct scan *s, const char *characters) {
    if (s->wrong || s->p == s->end || *s->p == '\0' || !strchr(characters, *s->p)) {
        s->wrong = true;
        return '\0';
    }
    return *s->p++;
}

static uint32_t fraction(struct scan *s) {
    uint32_t nanoseconds = 0, unit = 100000000;
    if (s->wrong || s->p == s->end || *s->p != '.')
        return 0;
    s->p++;
    do {
        nanoseconds += field(s, 1, 0, 9) * unit;
        unit /= 10;
    } while (unit > 0 && !s->wrong && s->p < s->end && *s->p >= '0' && *s->p <= '9');
    return nanoseconds; /* a tenth digit is found wrong by what follows */
}

static int offset(struct scan *s) {
    char sign = one_of(s, "Zz+-");
    if (sign != '+' && sign != '-')
        return 0;
    unsigned hours = field(s, 2, 0, 23);
    one_of(s, ":");
    int seconds = (int)(hours * 3600 + field(s, 2, 0, 59) * 60);
    return sign == '-' ? -seconds : seconds;
}

bool calendar_read(struct str text, struct value *ret) {
    struct scan s = {.p = text.p, .end = text.p + text.n};
    unsigned year = field(&s, 4, 0, 9999);
    one_of(&s, "-");
    unsigned month = field(&s, 2, 1, 12);
    one_of(&s, "-");
    unsigned day = field(&s, 2, 1, calendar_month_days(year, month));
    one_of(&s, "Tt ");
    unsigned hour = field(&s, 2, 0, 23);
    one_of(&s, ":");
    unsigned minute = field(&s, 2, 0, 59);
    one_of(&s, ":");
    unsigned second = field(&s, 2, 0, 59);
    uint32_t nanoseconds = fraction(&s);
    int offset_seconds = offset(&s);
    if (s.wrong || s.p != s.end)
        return false;
    int64_t seconds = calendar_days(year, month, day) * DAY_SECONDS + hour * 3600 + minute * 60 +
                      second - offset_seconds;
    *ret = value_timestamp(seconds, nanoseconds);
    return true;
}

size_t calendar_write(char out[CALENDAR_TEXT_BYTES], struct value timestamp) {
    struct calendar t;
    calendar_of(timestamp.w.i, &t);
    if (t.year < 0 || t.year > 9999)
        return 0;
    int n = snprintf(out, CALENDAR_TEXT_BYTES, "%04u-%02u-%02uT%02u:%02u:%02u",
                     (unsigned)t.year % 10000, t.month % 100, t.day % 100, t.second / 3600 % 100,
                     t.second / 60 % 60, t.second % 60);
    if (timestamp.n > 0) {
        n += snprintf(out + n, 12, ".%09u", timestamp.n % 1000000000);
        while (out[n - 1] == '0')
            n--;
    }
    out[n] = 'Z';
    return (size_t)n + 1;
}

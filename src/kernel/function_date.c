/* Functions of a timestamp's date and time of the day: date_part, date_trunc, ts_add. In UTC, by
 * the proleptic Gregorian calendar, for every timestamp there is. */
#include "kernel/function_impl.h"
#include "value/calendar.h"

#define YEAR_MOST 600000000000 /* more than twice what int64 has seconds for */

enum field {
#define X(name, text, truncates) FIELD_##name,
#include "fields.def"
#undef X
    FIELD_COUNT
};

static const struct {
    const char *name;
    bool truncates;
} FIELDS[] = {
#define X(name, text, truncates) {text, truncates},
#include "fields.def"
#undef X
};

static enum field field_named(struct str name) {
    unsigned i = 0;
    while (i < FIELD_COUNT && !word_is(name, FIELDS[i].name))
        i++;
    return (enum field)i;
}

/* The arguments (field, timestamp). FIELD_COUNT: the result is null, and counted if need be. */
static enum field field_of(struct call *c, const struct value *args, bool truncate) {
    const uint32_t types[] = {SEEN(T_STR), SEEN(T_TIMESTAMP)};
    if (!admitted(c, args, 2, types))
        return FIELD_COUNT;
    enum field f = field_named(value_as_str(args[0]));
    if (f < FIELD_COUNT && (!truncate || FIELDS[f].truncates))
        return f;
    ++*c->undefined;
    return FIELD_COUNT;
}

/* A week belongs to the year of its Thursday (ISO 8601). */
static int64_t iso_week(int64_t days, int64_t *ret_year) {
    struct calendar thursday;
    calendar_date(days - calendar_weekday(days) + 3, &thursday);
    *ret_year = thursday.year;
    return (thursday.days - calendar_days(thursday.year, 1, 1)) / 7 + 1;
}

static int64_t date_field(enum field f, const struct calendar *t) {
    int64_t year;
    switch (f) {
    case FIELD_YEAR:
        return t->year;
    case FIELD_QUARTER:
        return (t->month - 1) / 3 + 1;
    case FIELD_MONTH:
        return t->month;
    case FIELD_WEEK:
        return iso_week(t->days, &year);
    case FIELD_ISOYEAR:
        iso_week(t->days, &year);
        return year;
    case FIELD_DOW:
        return (calendar_weekday(t->days) + 1) % 7;
    case FIELD_ISODOW:
        return calendar_weekday(t->days) + 1;
    case FIELD_DOY:
        return t->days - calendar_days(t->year, 1, 1) + 1;
    default:
        return t->day;
    }
}

/* The fields of a second hold its minute's whole seconds too, as in SQL. */
struct value function_date_part(struct call *c, const struct value *args, uint32_t n) {
    (void)n;
    enum field f = field_of(c, args, false);
    if (f == FIELD_COUNT)
        return value_null();
    struct calendar t;
    calendar_of(args[1].w.i, &t);
    int64_t second = t.second % 60, nanoseconds = args[1].n;
    switch (f) {
    case FIELD_EPOCH:
        return value_double(timestamp_epoch(args[1]));
    case FIELD_HOUR:
        return value_int(t.second / 3600);
    case FIELD_MINUTE:
        return value_int(t.second / 60 % 60);
    case FIELD_SECOND:
        return value_double((double)(second * SECOND_NS + nanoseconds) / 1e9);
    case FIELD_MILLISECOND:
        return value_int(second * 1000 + nanoseconds / 1000000);
    case FIELD_MICROSECOND:
        return value_int(second * 1000000 + nanoseconds / 1000);
    case FIELD_NANOSECOND:
        return value_int(second * SECOND_NS + nanoseconds);
    default:
        return value_int(date_field(f, &t));
    }
}

static int64_t truncated_days(enum field f, const struct calendar *t) {
    switch (f) {
    case FIELD_YEAR:
        return calendar_days(t->year, 1, 1);
    case FIELD_QUARTER:
        return calendar_days(t->year, (t->month - 1) / 3 * 3 + 1, 1);
    case FIELD_MONTH:
        return calendar_days(t->year, t->month, 1);
    case FIELD_WEEK:
        return t->days - calendar_weekday(t->days);
    default:
        return t->days;
    }
}

struct value function_date_trunc(struct call *c, const struct value *args, uint32_t n) {
    (void)n;
    enum field f = field_of(c, args, true);
    if (f == FIELD_COUNT)
        return value_null();
    struct calendar t;
    calendar_of(args[1].w.i, &t);
    uint32_t second = 0, nanoseconds = args[1].n;
    switch (f) {
    case FIELD_MICROSECOND:
        return value_timestamp(args[1].w.i, nanoseconds - nanoseconds % 1000);
    case FIELD_MILLISECOND:
        return value_timestamp(args[1].w.i, nanoseconds - nanoseconds % 1000000);
    case FIELD_SECOND:
        return value_timestamp(args[1].w.i, 0);
    case FIELD_MINUTE:
        second = t.second - t.second % 60;
        break;
    case FIELD_HOUR:
        second = t.second - t.second % 3600;
        break;
    default:
        break;
    }
    return call_timestamp(c, ((wide)truncated_days(f, &t) * DAY_SECONDS + second) * SECOND_NS);
}

/* The months first: the same day of another month, or that month's last if it has no such day. Then
 * the seconds and nanoseconds. Only the end must be within the range. */
struct value function_ts_add(struct call *c, const struct value *args, uint32_t n) {
    const uint32_t types[] = {SEEN(T_TIMESTAMP), SEEN_INTEGER, SEEN_INTEGER, SEEN_INTEGER};
    if (!admitted(c, args, n, types))
        return value_null();
    struct calendar t;
    calendar_of(args[0].w.i, &t);
    wide months = (wide)t.year * 12 + (t.month - 1) + integer_of(args[1]);
    wide year = wide_floor_div(months, 12);
    if (year < -YEAR_MOST || year > YEAR_MOST)
        return call_undefined(c); /* no number of seconds and nanoseconds leads back from there */
    unsigned month = (unsigned)(months - year * 12) + 1;
    unsigned last = calendar_month_days((int64_t)year, month);
    wide days = calendar_days((int64_t)year, month, t.day < last ? t.day : last);
    wide seconds = days * DAY_SECONDS + t.second + integer_of(args[2]);
    return call_timestamp(c, seconds * SECOND_NS + args[0].n + integer_of(args[3]));
}

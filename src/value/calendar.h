/* The proleptic Gregorian calendar in UTC, without leap seconds, for every int64 of seconds from
 * 1970 on or before it: dates, and timestamps as text. Pure; any thread. */
#ifndef TAMIS_VALUE_CALENDAR_H
#define TAMIS_VALUE_CALENDAR_H

#include "value/value.h"

#define DAY_SECONDS 86400

struct calendar {
    int64_t days; /* from 1970-01-01 on */
    int64_t year; /* 0 is the year before 1 */
    unsigned month, day;
    unsigned second; /* of the day */
};

void calendar_of(int64_t seconds, struct calendar *ret);

/* The midnight that begins a day; some days more than int64 has seconds for. */
void calendar_date(int64_t days, struct calendar *ret);

/* The days from 1970-01-01 to a date of a year from -600000000000 to 600000000000. */
int64_t calendar_days(int64_t year, unsigned month, unsigned day);
unsigned calendar_month_days(int64_t year, unsigned month);

/* 0 Monday to 6 Sunday. */
unsigned calendar_weekday(int64_t days);

/* The whole of s as RFC 3339: 2020-01-01T00:00:00[.fraction](Z|+hh:mm), with 1 to 9 digits of a
 * second; T and Z in any case, a blank for T. False if it is something else, or no such time. */
bool calendar_read(struct str s, struct value *ret);

#define CALENDAR_TEXT_BYTES 40

/* The same in UTC with as many digits of a second as are needed; gives the length, or 0 outside of
 * the years 0000 to 9999, which RFC 3339 cannot write. */
size_t calendar_write(char out[CALENDAR_TEXT_BYTES], struct value timestamp);

#endif

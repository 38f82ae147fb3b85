/* Timestamps: dates against the C library's own calendar over its whole range, and the edges of
 * int64. */
#include "function_unit.h"

#include "value/calendar.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static int64_t part(struct calls *c, const char *field, struct value t) {
    struct value v = run(c, "date_part", (const struct value[]){s_(field), t}, 2);
    assert_int_equal(v.type, T_INT);
    return v.w.i;
}

static void check_part(struct calls *c, const char *field, int64_t seconds, int64_t want) {
    int64_t got = part(c, field, t_(seconds, 0));
    if (got != want)
        fail_msg("%s of %lld: %lld, not %lld", field, (long long)seconds, (long long)got,
                 (long long)want);
}

static void check_instant(struct calls *c, int64_t seconds) {
    time_t time = seconds;
    struct tm tm;
    if (!gmtime_r(&time, &tm))
        return; /* its year is no int */
    check_part(c, "year", seconds, (int64_t)tm.tm_year + 1900);
    check_part(c, "month", seconds, tm.tm_mon + 1);
    check_part(c, "quarter", seconds, tm.tm_mon / 3 + 1);
    check_part(c, "day", seconds, tm.tm_mday);
    check_part(c, "hour", seconds, tm.tm_hour);
    check_part(c, "minute", seconds, tm.tm_min);
    check_part(c, "dow", seconds, tm.tm_wday);
    check_part(c, "isodow", seconds, tm.tm_wday ? tm.tm_wday : 7);
    check_part(c, "doy", seconds, tm.tm_yday + 1);
    check_part(c, "millisecond", seconds, tm.tm_sec * 1000);
    char week[32];
    strftime(week, sizeof week, "%V", &tm);
    check_part(c, "week", seconds, atoi(week));
    assert_int_equal(
        calendar_days((int64_t)tm.tm_year + 1900, (unsigned)tm.tm_mon + 1, (unsigned)tm.tm_mday) *
                DAY_SECONDS +
            tm.tm_hour * 3600 + tm.tm_min * 60 + tm.tm_sec,
        seconds);
}

static void test_dates(void **state) {
    (void)state;
    struct calls calls;
    calls_init(&calls, 0);
    for (int64_t day = -62091; day < 84006; day++) /* every day of an era: 1800 to 2199 */
        check_instant(&calls, day * DAY_SECONDS + (day % DAY_SECONDS + DAY_SECONDS) % DAY_SECONDS);
    uint64_t bits = 88172645463325252u;
    for (int i = 0; i < 20000; i++) {
        bits ^= bits << 13, bits ^= bits >> 7, bits ^= bits << 17;
        check_instant(&calls, (int64_t)bits >> (i % 40));
    }
    check_instant(&calls, 67768036191676799); /* the last second of the year 2 ** 31 - 1 + 1900 */
    calls_done(&calls);
}

/* Beyond the C library's years: eras of 400 years repeat. */
static void test_eras(void **state) {
    (void)state;
    static const char *const FIELDS[] = {"month", "day",  "hour",    "minute",    "dow",
                                         "doy",   "week", "quarter", "nanosecond"};
    const int64_t era = INT64_C(146097) * DAY_SECONDS;
    struct calls calls;
    calls_init(&calls, 0);
    for (int64_t seconds = -era; seconds < era; seconds += 12345677)
        for (int64_t k = -730000000; k <= 730000000; k += 365000000) {
            struct value near = t_(seconds, 0), far = t_(seconds + k * era, 0);
            for (size_t i = 0; i < COUNT_OF(FIELDS); i++)
                assert_int_equal(part(&calls, FIELDS[i], far), part(&calls, FIELDS[i], near));
            assert_int_equal(part(&calls, "year", far), part(&calls, "year", near) + k * 400);
            assert_int_equal(part(&calls, "isoyear", far), part(&calls, "isoyear", near) + k * 400);
        }
    calls_done(&calls);
}

static void test_edges(void **state) {
    (void)state;
    struct calls calls;
    calls_init(&calls, 0);
    GIVES(i_(-292277022657), "date_part", s_("year"), t_(INT64_MIN, 0));
    GIVES(i_(292277026596), "date_part", s_("YEAR"), t_(INT64_MAX, 999999999));
    IS_UNDEFINED("date_trunc", s_("year"), t_(INT64_MIN, 0));
    IS_UNDEFINED("date_trunc", s_("minute"), t_(INT64_MIN, 5));
    GIVES(t_(INT64_MIN, 0), "date_trunc", s_("second"), t_(INT64_MIN, 5));
    IS_UNDEFINED("date_trunc", s_("dow"), t_(0, 0));
    IS_UNDEFINED("date_part", s_("years"), t_(0, 0));
    GIVES(d_(59.999999999), "date_part", s_("second"), t_(-1, 999999999));
    GIVES(t_(-86400, 0), "date_trunc", s_("day"), t_(-1, 999999999));
    IS_UNDEFINED("ts_add", t_(INT64_MAX, 999999999), i_(0), i_(0), i_(1));
    GIVES(t_(INT64_MAX, 0), "ts_add", t_(INT64_MAX, 1), i_(0), i_(0), i_(-1));
    IS_UNDEFINED("ts_add", t_(0, 0), i_(INT64_MAX), i_(0), i_(0));
    IS_UNDEFINED("ts_add", t_(0, 0), u_(UINT64_MAX), i_(INT64_MIN), i_(INT64_MIN));
    GIVES(t_(-1, 0), "ts_add", t_(INT64_MAX, 0), i_(0), i_(INT64_MIN), i_(0));
    GIVES(t_(9223372035, 854775807), "ts_add", t_(-1, 0), i_(0), i_(0), i_(INT64_MAX));
    /* out of the range on the way, and back */
    GIVES(t_(0, 0), "ts_add", t_(0, 0), i_(4800), i_(-146097 * INT64_C(86400)), i_(0));
    struct value far =
        run(&calls, "ts_add",
            (const struct value[]){t_(INT64_MAX - 59, 0), i_(12), i_(INT64_MIN), i_(0)}, 4);
    assert_int_equal(far.type, T_TIMESTAMP);
    assert_true(far.w.i == 365 * DAY_SECONDS - 60 || far.w.i == 366 * DAY_SECONDS - 60);
    calls_done(&calls);
}

static void test_epochs(void **state) {
    (void)state;
    struct calls calls;
    calls_init(&calls, 0);
    GIVES(i_(-1), "epoch_s", t_(-1, 999999999));
    GIVES(i_(-1), "epoch_us", t_(-1, 999999999));
    GIVES(u_(UINT64_MAX), "epoch_ns", t_(18446744073, 709551615));
    IS_UNDEFINED("epoch_ns", t_(18446744073, 709551616));
    GIVES(i_(INT64_MIN), "epoch_ns", t_(-9223372037, 145224192));
    IS_UNDEFINED("epoch_ns", t_(-9223372037, 145224191));
    IS_UNDEFINED("epoch_ms", t_(INT64_MAX, 0));
    GIVES(i_(INT64_MAX), "epoch_s", t_(INT64_MAX, 1));
    GIVES(d_(-0.5), "epoch", t_(-1, 500000000));
    GIVES(d_(-0.003), "epoch", t_(-1, 997000000));
    GIVES(d_(1e-9), "epoch", t_(0, 1));
    GIVES(d_(0.0), "epoch", t_(0, 0));
    GIVES(d_(1700000000.123456789), "epoch", t_(1700000000, 123456789));
    GIVES(d_(-9223372036854775808.0), "epoch", t_(INT64_MIN, 0));
    GIVES(d_(9223372036854775808.0), "epoch", t_(INT64_MAX, 999999999));
    GIVES(d_(9007199254740993.5), "epoch", t_(9007199254740993, 499999999)); /* to ...992 or 994 */
    GIVES(d_(9007199254740994.0), "epoch", t_(9007199254740993, 1)); /* just above the tie */
    GIVES(t_(-3, 550000000), "to_timestamp_s", d_(-2.45));
    GIVES(t_(0, 0), "to_timestamp_s", d_(-1e-20));
    GIVES(t_(0, 1), "to_timestamp_ns", d_(0.5));
    GIVES(t_(0, 0), "to_timestamp_ns", d_(-0.5));
    GIVES(t_(0, 0), "to_timestamp_ns", d_(0.49999999999999994));
    GIVES(t_(INT64_MIN, 0), "to_timestamp_s", d_(-0x1p63));
    IS_UNDEFINED("to_timestamp_s", d_(0x1p63));
    IS_UNDEFINED("to_timestamp_s", u_((uint64_t)INT64_MAX + 1));
    GIVES(t_(INT64_MIN, 0), "to_timestamp_ms", d_(-0x1p63 * 1000));
    IS_UNDEFINED("to_timestamp_ms", d_(0x1p63 * 1000));
    IS_UNDEFINED("to_timestamp_ns", d_(NAN));
    IS_UNDEFINED("to_timestamp_ns", d_(-INFINITY));
    IS_UNDEFINED("to_timestamp_ns", d_(1e300));
    GIVES(t_(18446744073, 709551615), "to_timestamp_ns", u_(UINT64_MAX));
    calls_done(&calls);
}

/* What is written is read back; what RFC 3339 does not know is refused. */
static void test_text(void **state) {
    (void)state;
    char text[CALENDAR_TEXT_BYTES];
    struct value back;
    for (int64_t seconds = -62167219200; seconds <= 253402300799; seconds += 86399 * 97) {
        uint32_t nanoseconds = (uint32_t)(seconds & 1 ? 0 : (seconds & 0xFFFF) * 15258);
        size_t n = calendar_write(text, t_(seconds, nanoseconds));
        assert_true(n >= 20 && n <= 30);
        assert_true(calendar_read((struct str){text, n}, &back));
        assert_true(same_value(back, t_(seconds, nanoseconds)));
        for (size_t cut = 0; cut < n; cut++) /* no beginning of it is a time */
            assert_false(calendar_read((struct str){text, cut}, &back));
    }
    assert_int_equal(calendar_write(text, t_(-62167219201, 0)), 0);
    assert_int_equal(calendar_write(text, t_(253402300800, 0)), 0);
    static const char *const WRONG[] = {
        "2023-02-29T00:00:00Z",      "2023-00-01T00:00:00Z",  "2023-13-01T00:00:00Z",
        "2023-01-32T00:00:00Z",      "2023-01-01T24:00:00Z",  "2023-01-01T00:60:00Z",
        "2023-01-01T00:00:60Z",      "2023-01-01T00:00:00.Z", "2023-01-01T00:00:00.1234567890Z",
        "2023-01-01T00:00:00",       "2023-01-01T00:00:00+1", "2023-01-01T00:00:00+24:00",
        "2023-01-01T00:00:00+00:60", "2023-01-01T00:00:00ZZ", " 2023-01-01T00:00:00Z",
        "12023-01-01T00:00:00Z",     "2023-1-1T00:00:00Z",    "2023-01-01",
    };
    for (size_t i = 0; i < COUNT_OF(WRONG); i++)
        if (calendar_read(str_of(WRONG[i]), &back))
            fail_msg("%s was read", WRONG[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dates),  cmocka_unit_test(test_eras), cmocka_unit_test(test_edges),
        cmocka_unit_test(test_epochs), cmocka_unit_test(test_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Functions of strings, CAST, addresses: the edges of units and of memory. */
#include "function_unit.h"

#include "kernel/casemap.h"
#include "kernel/double_text.h"

#include <float.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static struct value raw(const char *p, uint32_t n) { return value_bytes(T_STR, p, n); }
#define RAW(text) raw(text, sizeof(text) - 1)

static void test_units(void **state) {
    (void)state;
    struct calls calls;
    calls_init(&calls, 0);
    GIVES(i_(0), "length", s_(""));
    GIVES(i_(4), "length", RAW("a\xC3\xA9\xFF\0"));
    GIVES(i_(3), "length", RAW("\xE2\x82\xC3")); /* three bytes that begin nothing */
    GIVES(i_(2), "octet_length", value_bytes(T_BIN, "ab", 2));
    MISMATCHES("length", value_bytes(T_BIN, "ab", 2));
    GIVES(RAW("\xC3\xA9\xFF"), "substr", RAW("a\xC3\xA9\xFFz"), i_(2), i_(2));
    GIVES(s_("a"), "substr", s_("abc"), i_(0), i_(2));
    GIVES(s_(""), "substr", s_("abc"), i_(INT64_MIN), i_(INT64_MAX));
    GIVES(s_("abc"), "substr", s_("abc"), i_(INT64_MIN), u_(UINT64_MAX));
    GIVES(s_("abc"), "substr", s_("abc"), i_(INT64_MIN));
    GIVES(s_(""), "substr", s_("abc"), u_(UINT64_MAX), u_(UINT64_MAX));
    GIVES(s_("c"), "substr", s_("abc"), i_(3), i_(INT64_MAX));
    GIVES(s_(""), "substr", s_("abc"), i_(2), i_(0));
    IS_UNDEFINED("substr", s_("abc"), i_(1), i_(-1));
    GIVES(i_(1), "strpos", s_(""), s_(""));
    GIVES(i_(0), "strpos", s_(""), s_("a"));
    GIVES(i_(3), "strpos", s_("\xC3\xA9\xC3\xA9x"), s_("x"));
    GIVES(i_(2), "strpos", RAW("a\xC3\xA9"), RAW("\xA9")); /* the character that it is in */
    calls_done(&calls);
}

static void test_trim(void **state) {
    (void)state;
    struct calls calls;
    calls_init(&calls, 0);
    GIVES(s_(""), "trim", s_("   "));
    GIVES(s_("\ta\n"), "trim", s_(" \ta\n "));
    GIVES(s_("a"), "trim",
          s_("\xC3\xA9\xC3\xA8"
             "a\xC3\xA9"),
          s_("\xC3\xA9\xC3\xA8"));
    GIVES(s_("a\xC3\xA9"), "rtrim", s_("a\xC3\xA9"), RAW("\xA9")); /* half a character is none */
    GIVES(s_("a"), "rtrim", RAW("a\xA9\xA9"), RAW("\xA9"));
    GIVES(RAW("\xE2\x82z"), "ltrim", RAW("\xFF\xE2\x82z"), RAW("\xFF"));
    char many[400], *p = many; /* more characters than the set holds in place */
    for (unsigned cp = 0x100; cp < 0x100 + 60; cp++) {
        *p++ = (char)(0xC0 | cp >> 6);
        *p++ = (char)(0x80 | (cp & 63));
    }
    struct value set = raw(many, (uint32_t)(p - many));
    GIVES(s_(""), "trim", set, set);
    GIVES(raw(p - 2, 2), "ltrim", set, raw(many, set.n - 2));
    calls_done(&calls);
}

static void test_replace(void **state) {
    (void)state;
    struct calls calls;
    calls_init(&calls, 0);
    GIVES(s_("ba"), "replace", s_("aaa"), s_("aa"), s_("b"));
    GIVES(s_("abc"), "replace", s_("abc"), s_(""), s_("x"));
    GIVES(s_(""), "replace", s_("aaaa"), s_("a"), s_(""));
    GIVES(RAW("x\0\0y"), "replace", RAW("x\0y"), RAW("\0"), RAW("\0\0"));
    GIVES(s_("ab"), "||", s_("a"), s_("b"));
    GIVES(s_(""), "||", s_(""), s_(""));
    calls_done(&calls);
}

/* Results are bounded by themselves and by the budget; then the call has failed. */
static void test_memory(void **state) {
    (void)state;
    enum { N = 1 << 20 };
    struct calls calls;
    calls_init(&calls, 0);
    char *many = malloc(N);
    assert_non_null(many);
    memset(many, 'a', N);
    const struct value args[] = {raw(many, N), s_("a"), raw(many, 100)};
    assert_int_equal(run(&calls, "replace", args, 3).type, T_NULL); /* 100 MiB */
    assert_true(calls.call.failed);
    calls.call.failed = false;
    const struct value huge[] = {args[0], s_("a"), raw(many, 63)};
    assert_int_equal(run(&calls, "replace", huge, 3).n, 63u << 20);
    assert_false(calls.call.failed);
    calls_done(&calls);

    calls_init(&calls, 100000);
    assert_int_equal(run(&calls, "upper", args, 1).type, T_NULL);
    assert_true(calls.call.failed);
    assert_int_equal(calls.undefined + calls.mismatch, 0);
    calls.call.failed = false;
    memset(many, '1', N);
    const struct value cast[] = {args[0], s_("double")};
    assert_int_equal(run(&calls, "try_cast", cast, 2).type, T_NULL); /* the long text is copied */
    assert_true(calls.call.failed);
    calls_done(&calls);
    free(many);
}

/* Nothing that fits often, or nearly, makes a search or a set slow: a second is for machines that
 * are busy, quadratic time would take minutes. */
static void test_time(void **state) {
    (void)state;
    enum { N = 4 << 20 };
    struct calls calls;
    calls_init(&calls, 0);
    char *many = malloc(N);
    assert_non_null(many);
    memset(many, 'a', N);
    many[N / 2 - 1] = 'b';
    clock_t start = clock();
    const struct value args[] = {raw(many + N / 2, N / 2), raw(many, N / 2), s_("x")};
    run(&calls, "replace", args, 3);
    run(&calls, "strpos", args, 2);
    run(&calls, "trim", args, 2);
    for (size_t i = 0; i < N; i++) /* a different malformed byte or code point each time */
        many[i] = (char)(0x80 | (i * 7919 >> 3 & 0x7F));
    run(&calls, "trim", args, 2);
    run(&calls, "length", args, 1);
    run(&calls, "lower", args, 1);
    assert_true((double)(clock() - start) / CLOCKS_PER_SEC < 20);
    calls_done(&calls);
    free(many);
}

static void test_case(void **state) {
    (void)state;
    struct calls calls;
    calls_init(&calls, 0);
    GIVES(s_("az09[`"), "lower", s_("AZ09[`"));
    GIVES(s_("AZ@[{"), "upper", s_("az@[{"));
    GIVES(s_("\xE2\xB1\xA5"), "lower", s_("\xC8\xBA")); /* U+023A to U+2C65: longer */
    GIVES(s_("I"), "upper", s_("\xC4\xB1"));            /* U+0131: shorter */
    GIVES(s_("\xF0\x90\x90\xA8"), "lower", s_("\xF0\x90\x90\x80"));
    GIVES(RAW("\xFF\xC3\xA9\xED\xA0\x80"), "lower", RAW("\xFF\xC3\x89\xED\xA0\x80"));
    size_t upper = 0, lower = 0;
    for (uint32_t cp = 0; cp <= 0x110000; cp++) {
        upper += casemap(CASEMAP_UPPER, cp) != cp;
        lower += casemap(CASEMAP_LOWER, cp) != cp;
        assert_true(cp >= 0x80 ||
                    casemap(CASEMAP_LOWER, cp) == (cp >= 'A' && cp <= 'Z' ? cp + 32 : cp));
    }
    assert_int_equal(upper, 1450); /* as many as UnicodeData.txt 15.0.0 has */
    assert_int_equal(lower, 1433);
    assert_int_equal(casemap(CASEMAP_LOWER, UINT32_MAX), UINT32_MAX);
    calls_done(&calls);
}

static void test_cast(void **state) {
    (void)state;
    struct calls calls;
    calls_init(&calls, 0);
    GIVES(u_(UINT64_MAX), "cast", s_("18446744073709551615"), s_("integer"));
    IS_UNDEFINED("cast", s_("18446744073709551616"), s_("integer"));
    GIVES(i_(INT64_MIN), "cast", s_("-9223372036854775808"), s_("INTEGER"));
    IS_UNDEFINED("cast", s_("-9223372036854775809"), s_("integer"));
    IS_UNDEFINED("cast", s_("99999999999999999999999999999999999999999999"), s_("integer"));
    GIVES(i_(0), "cast", s_("-000000000000000000000000000000000000000000000"), s_("integer"));
    IS_UNDEFINED("cast", s_("+"), s_("integer"));
    IS_UNDEFINED("cast", RAW("1\0"), s_("integer"));
    GIVES(u_(UINT64_MAX - 2047), "cast", d_(0x1p64 - 2048), s_("integer"));
    IS_UNDEFINED("cast", d_(0x1p64), s_("integer"));
    GIVES(i_(INT64_MIN), "cast", d_(-0x1p63), s_("integer"));
    IS_UNDEFINED("cast", d_(NAN), s_("integer"));
    GIVES(i_(-3), "cast", d_(-2.5), s_("integer"));
    IS_UNDEFINED("cast", s_("1"), s_("json"));
    GIVES(NUL, "try_cast", s_("x"), s_("integer"));
    GIVES(value_bool(true), "cast", s_("tRUE"), s_("boolean"));
    IS_UNDEFINED("cast", i_(-1), s_("boolean"));
    IS_UNDEFINED("cast", s_("1e400"), s_("double"));
    IS_UNDEFINED("cast", RAW("1\0"), s_("double"));
    IS_UNDEFINED("cast", s_("infi"), s_("double"));
    GIVES(d_(-INFINITY), "cast", s_("-Infinity"), s_("double"));
    GIVES(d_(0.0), "cast", s_(".0"), s_("double"));
    GIVES(s_("-9223372036854775808"), "cast", i_(INT64_MIN), s_("text"));
    IS_UNDEFINED("cast", t_(253402300800, 0), s_("text")); /* the year 10000 */
    GIVES(s_("0000-01-01T00:00:00Z"), "cast", t_(-62167219200, 0), s_("text"));
    MISMATCHES("cast", value_bytes(T_BIN, "a", 1), s_("text"));
    MISMATCHES("cast", i_(0), s_("timestamp"));
    calls_done(&calls);
}

static void check_double(double d, const char *want) {
    char text[DOUBLE_TEXT_BYTES];
    size_t n = double_write(text, d);
    assert_true(n > 0 && n < sizeof text);
    if (want && (n != strlen(want) || memcmp(text, want, n) != 0))
        fail_msg("%.*s, not %s", (int)n, text, want);
    struct arena none = {0};
    double back;
    assert_int_equal(double_read(&none, (struct str){text, n}, &back), DOUBLE_READ);
    assert_true(isnan(d) ? isnan(back) : memcmp(&back, &d, sizeof d) == 0);
    char shorter[48]; /* no text with a digit less is the same double */
    size_t digits = 0;
    for (size_t i = 0; i < n && text[i] != 'e'; i++)
        digits += text[i] >= '0' && text[i] <= '9';
    if (isfinite(d) && digits > 2 && memchr(text, 'e', n)) {
        snprintf(shorter, sizeof shorter, "%.*e", (int)digits - 2, d);
        if (strtod(shorter, NULL) == d)
            fail_msg("%.*s, but %s is enough", (int)n, text, shorter);
    }
}

static void test_double_text(void **state) {
    (void)state;
    check_double(0.1, "0.1");
    check_double(-0.0, "-0.0");
    check_double(100, "100.0");
    check_double(1e15, "1000000000000000.0");
    check_double(9999999999999998, "9999999999999998.0");
    check_double(1e16, "1e+16");
    check_double(123456789012345680000.0, "1.2345678901234568e+20");
    check_double(0.0001, "0.0001");
    check_double(0.00001, "1e-05");
    check_double(5e-324, "5e-324");
    check_double(DBL_MAX, "1.7976931348623157e+308");
    check_double(DBL_MIN, "2.2250738585072014e-308");
    check_double(0x1p-44, "5.684341886080802e-14"); /* not the nearest of 16 digits */
    check_double(NAN, "nan");
    check_double(-INFINITY, "-inf");
    for (int exponent = -1074; exponent <= 1023; exponent++) {
        check_double(ldexp(1, exponent), NULL);
        check_double(nextafter(ldexp(1, exponent), 0), NULL);
    }
    uint64_t bits = 88172645463325252u;
    for (int i = 0; i < 20000; i++) {
        double d;
        bits ^= bits << 13, bits ^= bits >> 7, bits ^= bits << 17;
        memcpy(&d, &bits, sizeof d);
        if (!isnan(d))
            check_double(d, NULL);
    }
}

/* A process that has set a locale with another decimal point gives the same answers. */
static void test_locale(void **state) {
    (void)state;
    static const char *const NAMES[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "uk_UA.UTF-8"};
    for (size_t i = 0; i < COUNT_OF(NAMES); i++)
        if (setlocale(LC_ALL, NAMES[i])) {
            struct calls calls;
            calls_init(&calls, 0);
            GIVES(s_("1.5"), "cast", d_(1.5), s_("text"));
            GIVES(d_(1.5), "cast", s_("1.5"), s_("double"));
            GIVES(d_(0.13), "round", d_(0.125), i_(2));
            calls_done(&calls);
            setlocale(LC_ALL, "C");
            return;
        }
    skip(); /* no such locale is installed */
}

static void test_addresses(void **state) {
    (void)state;
    struct calls calls;
    calls_init(&calls, 0);
    GIVES(value_bool(true), "ip_in", s_("255.255.255.255"), s_("0.0.0.0/0"));
    GIVES(value_bool(true), "ip_in", s_("10.0.0.1"), s_("10.0.0.1"));
    GIVES(value_bool(false), "ip_in", s_("10.0.0.1"), s_("10.0.0.0/32"));
    GIVES(value_bool(true), "ip_in", s_("10.0.0.127"), s_("10.0.0.64/25"));
    GIVES(value_bool(false), "ip_in", s_("10.0.0.128"), s_("10.0.0.64/25"));
    GIVES(value_bool(true), "ip_in", s_("1:2:3:4:5:6:7:8"), s_("1:2:3::/47"));
    GIVES(value_bool(false), "ip_in", s_("::1"), s_("0.0.0.0/0"));
    IS_UNDEFINED("ip_in", RAW("10.0.0.1\0"), s_("10.0.0.0/8"));
    IS_UNDEFINED("ip_in", s_(""), s_("10.0.0.0/8"));
    IS_UNDEFINED("ip_in", s_("10.0.0.01"), s_("10.0.0.0/8"));
    IS_UNDEFINED("ip_in", s_("fe80::1%lo"), s_("fe80::/10"));
    IS_UNDEFINED("ip_in", s_("10.0.0.1"), s_("10.0.0.0/"));
    IS_UNDEFINED("ip_in", s_("10.0.0.1"), s_("10.0.0.0/08"));
    IS_UNDEFINED("ip_in", s_("10.0.0.1"), s_("10.0.0.0/33"));
    IS_UNDEFINED("ip_in", s_("10.0.0.1"), s_("10.0.0.0/255.0.0.0"));
    IS_UNDEFINED("ip_in", s_("::1"), s_("::/129"));
    calls_done(&calls);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_units),   cmocka_unit_test(test_trim),
        cmocka_unit_test(test_replace), cmocka_unit_test(test_memory),
        cmocka_unit_test(test_time),    cmocka_unit_test(test_case),
        cmocka_unit_test(test_cast),    cmocka_unit_test(test_double_text),
        cmocka_unit_test(test_locale),  cmocka_unit_test(test_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

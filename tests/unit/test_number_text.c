/* Numbers from text: against the C library where that is slow and right, and against the grammar.
 */
#include "format/number_text.h"

#include "mp_unit.h"

#include <errno.h>
#include <inttypes.h>

static locale_t c_locale;

static enum number_read read_text(enum number_form form, const char *text, struct value *ret) {
    struct arena a;
    arena_init(&a, NULL);
    struct bytes b = bytes_copy(text, strlen(text));
    enum number_read read = number_read(c_locale, &a, form, b.p, b.n, ret);
    arena_done(&a);
    free(kept.p[--kept.n]);
    return read;
}

/* By the fast way too, where there is one, with room behind the text. */
static void assert_reads(const char *text, struct value want) {
    struct value got, fast;
    char room[200];
    assert_int_equal(read_text(NUMBER_JSON, text, &got), NUMBER_READ);
    assert_value_same(got, want, text);
    if (strlen(text) > 150)
        return;
    memset(room, '9', sizeof room);
    memcpy(room, text, strlen(text));
    if (number_read_fast((uint8_t *)room, strlen(text), &fast))
        assert_value_same(fast, want, text);
}

static struct value of_library(const char *text) {
    const char *digits = text + (*text == '-');
    if (strspn(digits, "0123456789") == strlen(digits) && strcmp(text, "-0") != 0) {
        errno = 0;
        long long i = strtoll(text, NULL, 10);
        if (errno == 0)
            return value_int(i);
        errno = 0;
        unsigned long long u = strtoull(digits, NULL, 10);
        if (errno == 0 && *text != '-')
            return value_uint(u);
    }
    return value_double(strtod(text, NULL));
}

static void test_edges(void **state) {
    (void)state;
    static const char *const TEXTS[] = {
        "0",
        "-0",
        "-0.0",
        "0.0",
        "0e5",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808",
        "-9223372036854775809",
        "18446744073709551615",
        "18446744073709551616",
        "99999999999999999999",
        "100000000000000000000",
        "1e19",
        "1e22",
        "1e23",
        "1e-22",
        "1e-23",
        "9007199254740993",
        "9007199254740993.0",
        "9007199254740993e0",
        "9007199254740992.5",
        "1.7976931348623157e308",
        "1.7976931348623159e308",
        "5e-324",
        "2.4703282292062327e-324",
        "2.4703282292062328e-324",
        "2.2250738585072011e-308",
        "0.1",
        "0.3",
        "123456789012345678",
        "1234567890123456789.5",
        "12345678.12345678",
        "0.00000000000000000001",
        "9999999999999999.9e10",
        "8.41470984807896506652",
        "179769313486231580793728971405301e276",
        "1e400",
        "-1e400",
        "1e-400",
        "1e99999999999999999999",
        "1e-99999999999999999999",
        "0e99999999999999999999",
    };
    for (size_t i = 0; i < COUNT_OF(TEXTS); i++)
        assert_reads(TEXTS[i], of_library(TEXTS[i]));
    char text[3000]; /* digits beyond what counts, and zeros on both sides */
    memset(text, '0', sizeof text);
    memcpy(text, "0.", 2);
    memcpy(text + 1500, "123456789e1498", 15);
    assert_reads(text, of_library(text));
    memset(text, '9', 2000);
    text[2000] = '\0';
    assert_reads(text, value_double(INFINITY));
}

static void test_random(void **state) {
    (void)state;
    uint64_t seed = 88172645463325252u;
    for (int i = 0; i < 200000; i++) {
        seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
        char text[80];
        uint64_t digits = seed >> (seed % 61);
        unsigned point = (unsigned)(seed >> 20) % 20;
        int n = snprintf(text, sizeof text, "%" PRIu64, digits);
        if (point < (unsigned)n && point > 0) {
            memmove(text + point + 1, text + point, (size_t)n - point + 1);
            text[point] = '.';
            n++;
        }
        if (seed % 3 == 0)
            snprintf(text + n, sizeof text - (size_t)n, "e%d", (int)(seed >> 40) % 60 - 30);
        assert_reads(text, of_library(text));
    }
}

/* Every text of a few characters: the two checks and the reader have one opinion. */
static void test_grammar(void **state) {
    (void)state;
    static const char LETTERS[] = "019.-+eE x";
    enum { N = sizeof LETTERS - 1, LENGTH = 5 };
    unsigned count = 0;
    for (unsigned length = 1, all = N; length <= LENGTH; length++, all *= N)
        for (unsigned i = 0; i < all; i++) {
            char text[40];
            memset(text, '7', sizeof text);
            for (unsigned k = 0, rest = i; k < length; k++, rest /= N)
                text[k] = LETTERS[rest % N];
            struct value v;
            const uint8_t *p = (const uint8_t *)text;
            struct arena a = {0};
            bool good = number_is_json(p, length);
            assert_int_equal(number_read(c_locale, &a, NUMBER_JSON, p, length, &v) == NUMBER_READ,
                             good);
            assert_true(good || *p == '-' || number_shape(p, length) == 0);
            if (number_read_fast(p, length, &v))
                assert_true(good);
            count += good;
        }
    assert_true(count > 700);
}

static void test_forms(void **state) {
    (void)state;
    static const struct {
        enum number_form form;
        const char *text;
        bool good;
    } CASES[] = {
        {NUMBER_INTEGER, "+007", true},    {NUMBER_INTEGER, "-0", true},
        {NUMBER_INTEGER, "", false},       {NUMBER_INTEGER, "+", false},
        {NUMBER_INTEGER, "1.0", false},    {NUMBER_INTEGER, "1e2", false},
        {NUMBER_INTEGER, " 1", false},     {NUMBER_INTEGER, "18446744073709551616", false},
        {NUMBER_DOUBLE, ".5", true},       {NUMBER_DOUBLE, "5.", true},
        {NUMBER_DOUBLE, ".", false},       {NUMBER_DOUBLE, "+1e+2", true},
        {NUMBER_DOUBLE, "1e", false},      {NUMBER_DOUBLE, "nan", true},
        {NUMBER_DOUBLE, "-INF", true},     {NUMBER_DOUBLE, "Infinity", true},
        {NUMBER_DOUBLE, "infinit", false}, {NUMBER_DOUBLE, "", false},
        {NUMBER_DOUBLE, "-", false},       {NUMBER_DOUBLE, "0x10", false},
        {NUMBER_DOUBLE, "1e999", false},   {NUMBER_DOUBLE, "inff", false},
    };
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        struct value v;
        assert_status(read_text(CASES[i].form, CASES[i].text, &v) == NUMBER_READ, CASES[i].good,
                      CASES[i].text);
        if (CASES[i].good && CASES[i].form == NUMBER_DOUBLE)
            assert_int_equal(v.type, T_DOUBLE);
    }
}

int main(void) {
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    const struct CMUnitTest tests[] = {
        value_test(test_edges),
        value_test(test_random),
        value_test(test_grammar),
        value_test(test_forms),
    };
    int failed = cmocka_run_group_tests_name("number_text", tests, NULL, NULL);
    freelocale(c_locale);
    return failed;
}

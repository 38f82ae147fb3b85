/* The table of functions, the rules that all of them keep (null, mismatch), and those of numbers
 * and of choice. test_function_text.c has the strings, test_function_time.c the timestamps; the
 * rules one by one are examples of proto/FUNCTIONS.md, and random calls are compared in tests/diff.
 */
#include "function_unit.h"

static void test_table(void **state) {
    (void)state;
    size_t n = 0;
    for (; function_at(n); n++) {
        const struct function *f = function_at(n);
        assert_ptr_equal(function_find(str_of(f->name)), f); /* no name twice */
        assert_true(f->least >= 1 && f->least <= f->most);
        assert_true(f->cost >= 1);
    }
    assert_true(n > 50);
    assert_non_null(function_find(str_of("LoWeR")));
    assert_int_equal(function_find(str_of("coalesce"))->most, UINT32_MAX);
    assert_null(function_find(str_of("lowe")));
    assert_null(function_find(str_of("lowerx")));
    assert_null(function_find((struct str){"lower\0", 6}));
    assert_null(function_find(str_of("")));
}

static bool takes_null(const char *name) {
    static const char *const NAMES[] = {"coalesce", "nullif", "least", "greatest", "type_of"};
    for (size_t i = 0; i < COUNT_OF(NAMES); i++)
        if (strcmp(NAMES[i], name) == 0)
            return true;
    return false;
}

/* N1, V1: a null anywhere gives null and counts nothing, whatever stands beside it. */
static void test_null(void **state) {
    (void)state;
    struct calls calls;
    calls_init(&calls, 0);
    const struct value others[] = {i_(1), s_("a"), value_bool(true), t_(0, 0), d_(NAN)};
    for (size_t k = 0; function_at(k); k++) {
        const struct function *f = function_at(k);
        uint32_t most = f->most < 4 ? f->most : 4;
        for (uint32_t n = f->least; n <= most && !takes_null(f->name); n++)
            for (uint32_t at = 0; at < n; at++)
                for (size_t o = 0; o < COUNT_OF(others); o++) {
                    struct value args[4];
                    for (uint32_t i = 0; i < n; i++)
                        args[i] = others[o];
                    args[at] = o % 2 ? value_null() : value_missing();
                    check_call(&calls, f->name, args, n, value_null(), NOTHING, __LINE__);
                }
    }
    calls_done(&calls);
}

/* V2: a map is taken by nothing but the functions of any type. */
static void test_mismatch(void **state) {
    (void)state;
    struct calls calls;
    calls_init(&calls, 0);
    const struct value map = value_bytes(T_MAP, "\x80", 1);
    for (size_t k = 0; function_at(k); k++) {
        const struct function *f = function_at(k);
        struct value args[4] = {map, map, map, map};
        if (strcmp(f->name, "coalesce") == 0 || strcmp(f->name, "type_of") == 0 ||
            strcmp(f->name, "nullif") == 0 || strcmp(f->name, "try_cast") == 0)
            continue;
        check_call(&calls, f->name, args, f->least, value_null(), MISMATCH, __LINE__);
    }
    GIVES(NUL, "try_cast", map, s_("text"));
    MISMATCHES("cast", map, s_("text"));
    MISMATCHES("+", i_(1), value_bool(true));
    MISMATCHES("&", i_(1), d_(1));
    MISMATCHES("round", d_(1), d_(1));
    MISMATCHES("substr", s_("a"), d_(1));
    calls_done(&calls);
}

static void test_integers(void **state) {
    (void)state;
    struct calls calls;
    calls_init(&calls, 0);
    GIVES(u_(UINT64_MAX), "+", i_(INT64_MAX), u_((uint64_t)INT64_MAX + 1));
    GIVES(i_(0), "+", u_((uint64_t)INT64_MAX + 1), i_(INT64_MIN));
    IS_UNDEFINED("+", u_(UINT64_MAX), i_(1));
    IS_UNDEFINED("+", i_(INT64_MIN), i_(-1));
    GIVES(i_(INT64_MIN), "-", i_(0), u_((uint64_t)INT64_MAX + 1));
    IS_UNDEFINED("-", i_(INT64_MIN), u_(UINT64_MAX));
    GIVES(u_(UINT64_MAX), "*", u_(UINT64_MAX), i_(1));
    IS_UNDEFINED("*", u_(UINT64_MAX), u_(UINT64_MAX)); /* more than int128 holds */
    IS_UNDEFINED("*", i_(INT64_MIN), u_(UINT64_MAX));
    GIVES(u_((uint64_t)INT64_MAX + 1), "*", i_(INT64_MIN), i_(-1));
    GIVES(u_((uint64_t)INT64_MAX + 1), "/", i_(INT64_MIN), i_(-1));
    GIVES(i_(0), "%", i_(INT64_MIN), i_(-1));
    GIVES(i_(-3), "/", i_(-7), i_(2));
    GIVES(i_(-1), "%", i_(-7), i_(2));
    IS_UNDEFINED("/", i_(1), i_(0));
    IS_UNDEFINED("%", i_(1), d_(-0.0));
    GIVES(u_((uint64_t)INT64_MAX + 1), "neg", i_(INT64_MIN));
    GIVES(i_(INT64_MIN), "neg", u_((uint64_t)INT64_MAX + 1));
    IS_UNDEFINED("neg", u_((uint64_t)INT64_MAX + 2));
    GIVES(u_((uint64_t)INT64_MAX + 1), "abs", i_(INT64_MIN));
    IS_UNDEFINED("round", u_(UINT64_MAX), i_(-1));
    GIVES(i_(0), "round", u_(UINT64_MAX), i_(-20));
    GIVES(i_(0), "round", u_(UINT64_MAX), i_(INT64_MIN));
    GIVES(u_(UINT64_MAX), "round", u_(UINT64_MAX), u_(UINT64_MAX));
    GIVES(i_(-20), "round", i_(-15), i_(-1));
    calls_done(&calls);
}

static void test_bits(void **state) {
    (void)state;
    struct calls calls;
    calls_init(&calls, 0);
    GIVES(u_(UINT64_MAX), "&", i_(-1), u_(UINT64_MAX));
    GIVES(i_(INT64_MIN), "|", i_(INT64_MIN), i_(0));
    GIVES(i_(INT64_MAX), "~", u_((uint64_t)INT64_MAX + 1));
    GIVES(i_(-1), "~", i_(0));
    GIVES(i_(INT64_MIN), "<<", i_(1), i_(63));
    GIVES(u_((uint64_t)INT64_MAX + 1), "<<", u_(UINT64_MAX), i_(63));
    IS_UNDEFINED("<<", i_(1), i_(64));
    IS_UNDEFINED(">>", i_(1), i_(-1));
    IS_UNDEFINED(">>", i_(1), u_(UINT64_MAX));
    GIVES(i_(-1), ">>", i_(INT64_MIN), i_(63));
    GIVES(i_(-2), ">>", i_(-7), i_(2));
    GIVES(i_(1), ">>", u_(UINT64_MAX), i_(63));
    calls_done(&calls);
}

static void test_doubles(void **state) {
    (void)state;
    struct calls calls;
    calls_init(&calls, 0);
    GIVES(d_(INFINITY), "*", d_(1e308), i_(10));
    GIVES(d_(NAN), "-", d_(INFINITY), d_(INFINITY));
    GIVES(d_(-0.0), "neg", d_(0.0));
    GIVES(d_(0x1p64), "+", u_(UINT64_MAX), d_(0)); /* the nearest double */
    GIVES(d_(-1), "%", d_(-7), d_(2));
    GIVES(d_(-0.0), "ceil", d_(-0.5));
    GIVES(d_(NAN), "sign", d_(NAN));
    GIVES(d_(-0.0), "sign", d_(-0.0));
    GIVES(d_(-0.0), "sqrt", d_(-0.0));
    GIVES(d_(NAN), "sqrt", d_(NAN));
    IS_UNDEFINED("sqrt", i_(-1));
    IS_UNDEFINED("power", d_(-0.0), d_(-1));
    IS_UNDEFINED("power", i_(-8), d_(0.5));
    GIVES(d_(1), "power", d_(NAN), i_(0));
    GIVES(d_(-8), "power", i_(-2), i_(3));
    GIVES(d_(INFINITY), "power", i_(10), i_(400));
    GIVES(d_(-3), "round", d_(-2.5));
    GIVES(d_(0.5), "round", d_(0.49999999999999994), i_(1));
    GIVES(d_(0), "round", d_(0.49999999999999994));
    GIVES(d_(0.13), "round", d_(0.125), i_(2));
    GIVES(d_(-0.13), "round", d_(-0.125), i_(2));
    GIVES(d_(1.0), "round", d_(1.005), i_(2)); /* it is less than 1.005 */
    GIVES(d_(5e-324), "round", d_(5e-324), i_(324));
    GIVES(d_(0), "round", d_(5e-324), i_(323));
    GIVES(d_(100), "round", d_(50), i_(-2));
    GIVES(d_(0), "round", d_(49.999), i_(-2));
    GIVES(d_(1000), "round", d_(999.5), i_(-1));
    GIVES(d_(INFINITY), "round", d_(1.7e308), i_(-308));
    GIVES(d_(-0.0), "round", d_(-1.7e308), i_(-309));
    GIVES(d_(NAN), "round", d_(NAN), i_(2));
    GIVES(d_(INFINITY), "round", d_(INFINITY), i_(-2));
    calls_done(&calls);
}

static void test_choice(void **state) {
    (void)state;
    struct calls calls;
    calls_init(&calls, 0);
    GIVES(NUL, "coalesce", value_missing());
    GIVES(i_(2), "coalesce", value_missing(), NUL, i_(2), i_(3));
    GIVES(NUL, "nullif", i_(1), d_(1));
    GIVES(NUL, "nullif", value_missing(), i_(1));
    GIVES(i_(1), "nullif", i_(1), NUL);
    GIVES(d_(NAN), "nullif", d_(NAN), d_(NAN));
    GIVES(i_(1), "nullif", i_(1), value_bool(true));
    GIVES(i_(1), "least", d_(2), i_(1), d_(1), NUL);
    GIVES(u_(UINT64_MAX), "greatest", d_(1e19), u_(UINT64_MAX), i_(-1));
    GIVES(d_(NAN), "least", i_(1), d_(NAN), i_(0));
    GIVES(d_(NAN), "greatest", d_(NAN), d_(INFINITY));
    GIVES(t_(1, 1), "greatest", t_(1, 0), t_(1, 1));
    GIVES(NUL, "least", NUL, value_missing());
    MISMATCHES("least", d_(NAN), s_("a"));
    MISMATCHES("least", s_("a"), value_bytes(T_BIN, "a", 1));
    MISMATCHES("greatest", value_bool(true));
    GIVES(s_("missing"), "type_of", value_missing());
    GIVES(s_("null"), "type_of", NUL);
    GIVES(s_("integer"), "type_of", u_(UINT64_MAX));
    GIVES(s_("string"), "type_of", s_(""));
    GIVES(i_(2), "array_length", value_bytes(T_ARRAY, "\x92\x01\x02", 3));
    GIVES(i_(1), "array_length", value_bytes(T_ARRAY, "\xDD\0\0\0\x01\x02", 6));
    calls_done(&calls);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),    cmocka_unit_test(test_null),
        cmocka_unit_test(test_mismatch), cmocka_unit_test(test_integers),
        cmocka_unit_test(test_bits),     cmocka_unit_test(test_doubles),
        cmocka_unit_test(test_choice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

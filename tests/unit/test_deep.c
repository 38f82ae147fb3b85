/* Deep equality of arrays and maps (QUERY.md A7): by cases, each also in maps so wide that they
 * are sorted, and random maps against a model that knows nothing of msgpack. */
#include "mp_unit.h"

/* One value where values are counted: what is the same has the same hash. */
static bool same(struct value a, struct value b) {
    uint64_t x, y;
    bool found = value_alike(a, b);
    assert_int_equal(value_alike(b, a), found);
    assert_true(value_hash(hash_key(), a, &x));
    assert_true(value_hash(hash_key(), b, &y));
    assert_int_equal(x == y, found);
    return found;
}

static bool equal(struct value a, struct value b) {
    enum truth eq = value_compare(CMP_EQ, a, b, NULL), ne = value_compare(CMP_NE, a, b, NULL);
    assert_int_equal(ne, truth_not(eq)); /* two-valued */
    assert_true(eq != UNKNOWN_);
    assert_int_equal(value_distinct(a, b), eq == FALSE_);
    if (eq == TRUE_)
        assert_true(same(a, b));
    return eq == TRUE_;
}

static const struct {
    const char *a, *b;
    bool equal;
} CASES[] = {
    {"[]", "[]", true},
    {"[]", "{}", false},
    {"[1, 2]", "[1, 2]", true},
    {"[1, 2]", "[2, 1]", false}, /* arrays by position */
    {"[1]", "[1, 1]", false},
    {"[1, 2]", "[1]", false},
    {"[1]", "<dc 00 01 01>", true}, /* the width of a header never matters */
    {"[1]", "<dd 00 00 00 01 d3 00 00 00 00 00 00 00 01>", true},
    {"[1]", "[1.0]", true}, /* inner values by X1 ... */
    {"[0]", "[-0.0]", true},
    {"[1]", "['1']", false}, /* ... and T2 */
    {"[1]", "[true]", false},
    {"[0]", "[false]", false},
    {"['a']", "[<c4 01 61>]", false},
    {"['a']", "[<d9 01 61>]", true},
    {"[9007199254740993]", "[9007199254740992.0]", false},
    {"[18446744073709551615]", "[-1]", false},
    {"[null]", "[null]", true}, /* inner null equals null */
    {"[null]", "[]", false},
    {"[null]", "[0]", false},
    {"[null]", "[false]", false},
    {"[nan]", "[nan]", false}, /* NaN equals nothing */
    {"[[1, [2]], {}]", "[[1, [2]], {}]", true},
    {"[[1, [2]], {}]", "[[1, [3]], {}]", false},
    {"[<d6 ff 00 00 00 01>]", "[<d7 ff 00 00 00 00 00 00 00 01>]", true},
    {"[<d6 ff 00 00 00 01>]", "[1]", false},
    {"[<d4 05 01>]", "[<c7 01 05 01>]", true},
    {"[<d4 05 01>]", "[<d4 06 01>]", false},
    {"{}", "{}", true},
    {"{}", "<de 00 00>", true},
    {"{}", "<df 00 00 00 00>", true},
    {"{'a': 1}", "{'a': 1}", true},
    {"{'a': 1}", "{'a': 2}", false},
    {"{'a': 1}", "{'b': 1}", false},
    {"{'a': 1}", "{}", false},
    {"{'a': 1, 'b': 2}", "{'b': 2, 'a': 1}", true}, /* without regard to order */
    {"{'a': 1, 'b': 2}", "{'a': 2, 'b': 1}", false},
    {"{'a': 1, 'b': 2}", "{'a': 1}", false},
    {"{'a': 9, 'a': 1}", "{'a': 1}", true}, /* the last of equal keys counts */
    {"{'a': 1, 'a': 9}", "{'a': 1}", false},
    {"{'a': 1, 'a': 1}", "{'a': 1, 'b': 1}", false},
    {"{'a': 1, 'b': 2, 'a': 3}", "{'a': 3, 'b': 2}", true},
    {"{'a': null}", "{'a': null}", true},
    {"{'a': null}", "{}", false}, /* null is there, missing is not */
    {"{'a': null}", "{'b': null}", false},
    {"{'a': nan}", "{'a': nan}", false},
    {"{'a': nan, 'a': 1}", "{'a': 1}", true}, /* overwritten, so not looked at */
    {"{1: 'x'}", "{1.0: 'x'}", true},
    {"{1: 'x'}", "{'1': 'x'}", false},
    {"{1: 'x'}", "{true: 'x'}", false},
    {"{1: 'x', 1.0: 'y'}", "{1: 'y'}", true}, /* equal keys of two encodings */
    {"{0: 1}", "{-0.0: 1}", true},
    {"{9223372036854775808: 1}", "{9223372036854775808.0: 1}", true},
    {"{9223372036854775807: 1}", "{9223372036854775808.0: 1}", false},
    {"{nan: 1}", "{nan: 1}", false},
    {"{nan: 1}", "{}", false},
    {"{null: 1}", "{null: 1}", true},
    {"{null: 1}", "{false: 1}", false},
    {"{'a': 1}", "{<c4 01 61>: 1}", false},
    {"{[1]: 1}", "{[1]: 1}", true},
    {"{[1]: 1}", "{[2]: 1}", false},
    {"{[1]: 1}", "{<dc 00 01 01>: 1}", false}, /* keys that are containers: by bytes */
    {"{<d4 05 01>: 1}", "{<c7 01 05 01>: 1}", true},
    {"{<d6 ff 00 00 00 01>: 1}", "{<d7 ff 00 00 00 00 00 00 00 01>: 1}", true},
    {"{'a': {'b': [1, {'c': null}]}}", "{'a': {'b': [1.0, {'c': null}]}}", true},
    {"{'a': {'b': [1, {'c': null}]}}", "{'a': {'b': [1.0, {'d': null}]}}", false},
    {"{'a': [1]}", "{'a': {0: 1}}", false},
};

static void check_case(const char *a, const char *b, bool want) {
    struct value x = value_of(a), y = value_of(b);
    if (equal(x, y) != want || equal(y, x) != want)
        fail_msg("%s = %s is not %s", a, b, want ? "true" : "false");
}

static void test_cases(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(CASES); i++)
        check_case(CASES[i].a, CASES[i].b, CASES[i].equal);
}

/* The pairs of a map in text with n more around them. */
static struct value padded(struct value map, uint32_t n, bool in_front) {
    struct buf b = {0};
    const uint8_t *body;
    uint32_t count = mp_container(map, &body);
    size_t bytes = (size_t)(map.w.p + map.n - body);
    mp_write_map(&b, count + n);
    if (!in_front)
        buf_add(&b, body, bytes);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t k = in_front ? n - 1 - i : i;
        char key[32];
        snprintf(key, sizeof key, "padding %u", k);
        mp_write_text(&b, key);
        mp_write_uint(&b, k);
    }
    if (in_front)
        buf_add(&b, body, bytes);
    struct bytes copy = bytes_take(&b);
    return value_bytes(T_MAP, copy.p, (uint32_t)copy.n);
}

/* 8 pairs are compared one way, 9 another: no case may tell. */
static void test_cases_in_wide_maps(void **state) {
    (void)state;
    static const uint32_t WIDTHS[] = {1, 5, 6, 7, 8, 9, 20, 300};
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        struct value a = value_of(CASES[i].a), b = value_of(CASES[i].b);
        if (a.type != T_MAP || b.type != T_MAP)
            continue;
        for (size_t k = 0; k < COUNT_OF(WIDTHS); k++) {
            struct value x = padded(a, WIDTHS[k], false), y = padded(b, WIDTHS[k], true);
            if (equal(x, y) != CASES[i].equal || equal(y, x) != CASES[i].equal)
                fail_msg("%s = %s among %u more", CASES[i].a, CASES[i].b, WIDTHS[k]);
            assert_false(equal(x, padded(b, WIDTHS[k] + 1, true)));
        }
    }
}

/* Keys and values by identity: all texts of one row are equal, those of different rows are not. */
static const char *const KEYS[][4] = {
    {"1", "1.0", "<d0 01>", "<ca 3f 80 00 00>"},
    {"'1'", "<d9 01 31>", "<da 00 01 31>", "<db 00 00 00 01 31>"},
    {"<c4 01 31>", "<c5 00 01 31>", "<c6 00 00 00 01 31>", "<c4 01 31>"},
    {"0", "0.0", "-0.0", "<ce 00 00 00 00>"},
    {"null", "null", "<c0>", "<c0>"},
    {"true", "true", "<c3>", "<c3>"},
    {"false", "false", "<c2>", "<c2>"},
    {"-1", "-1.0", "<d3 ff ff ff ff ff ff ff ff>", "<d1 ff ff>"},
    {"18446744073709551615", "18446744073709551615", "<cf ff ff ff ff ff ff ff ff>",
     "<cf ff ff ff ff ff ff ff ff>"},
    {"''", "<d9 00>", "<da 00 00>", "<db 00 00 00 00>"},
    {"<c4 00>", "<c5 00 00>", "<c6 00 00 00 00>", "<c4 00>"},
    {"[1]", "[1]", "<91 01>", "<91 01>"},
    {"0.5", "<ca 3f 00 00 00>", "0.5", "0.5"},
    {"<d6 ff 00 00 00 00>", "<d7 ff 00 00 00 00 00 00 00 00>",
     "<c7 0c ff 00 00 00 00 00 00 00 00 00 00 00 00>", "<d6 ff 00 00 00 00>"},
    {"<d4 01 00>", "<c7 01 01 00>", "<c8 00 01 01 00>", "<c9 00 00 00 01 01 00>"},
};
enum { N_KEYS = COUNT_OF(KEYS) };

/* A random map as bytes, and as what it means: for each key, which value it has (-1: none). */
static struct value random_map(uint64_t *seed, uint32_t pairs, uint32_t n_keys, int *meaning) {
    struct buf b = {0};
    for (uint32_t i = 0; i < N_KEYS; i++)
        meaning[i] = -1;
    mp_write_map(&b, pairs);
    for (uint32_t i = 0; i < pairs; i++) {
        uint32_t key = random_below(seed, n_keys), v = random_below(seed, 2);
        mp_text(&b, KEYS[key][random_below(seed, 4)]);
        mp_text(&b, KEYS[v * 3][random_below(seed, 4)]);
        meaning[key] = (int)v;
    }
    struct bytes copy = bytes_take(&b);
    return value_bytes(T_MAP, copy.p, (uint32_t)copy.n);
}

static void test_random_maps(void **state) {
    (void)state;
    uint64_t seed = 7;
    unsigned equals = 0, wide_equals = 0;
    for (int i = 0; i < 20000; i++) {
        int ma[N_KEYS], mb[N_KEYS];
        uint32_t n_keys = 1 + random_below(&seed, i % 3 ? 4 : N_KEYS);
        uint32_t na = random_below(&seed, 20), nb = random_below(&seed, 20);
        struct value a = random_map(&seed, na, n_keys, ma);
        struct value b = random_map(&seed, nb, n_keys, mb);
        bool want = memcmp(ma, mb, sizeof ma) == 0;
        if (equal(a, b) != want)
            fail_msg("maps %d are not %s", i, want ? "equal" : "unequal");
        equals += want;
        wide_equals += want && na > 8 && nb > 8;
        kept_free(NULL);
    }
    assert_true(equals > 500 && wide_equals > 100);
}

/* What is counted as one value, though it does not equal itself, or is not an array. */
static void test_same(void **state) {
    (void)state;
    static const struct {
        const char *a, *b;
        bool same;
    } SAME[] = {
        {"[nan]", "[nan]", true},
        {"[nan, 1]", "[nan, 1.0]", true},
        {"[nan]", "[null]", false},
        {"{'a': nan, 'b': [nan]}", "{'b': [nan], 'a': nan}", true},
        {"{'a': nan}", "{'a': 0}", false},
        {"{<ca 7f c0 00 00>: 1}", "{<cb 7f f8 00 00 00 00 00 00>: 1}", true},
        {"nan", "nan", true},
        {"null", "null", true},
        {"null", "[null]", false},
        {"1", "1.0", true},
        {"-0.0", "0", true},
        {"1", "true", false},
        {"'a'", "<c4 01 61>", false},
        {"<d4 05 01>", "<c7 01 05 01>", true},
        {"<d4 05 01>", "<d4 06 01>", false},
        {"<d6 ff 00 00 00 01>", "<d7 ff 00 00 00 00 00 00 00 01>", true},
        {"<d6 ff 00 00 00 01>", "<d6 ff 00 00 00 02>", false},
    };
    for (size_t i = 0; i < COUNT_OF(SAME); i++)
        if (same(value_of(SAME[i].a), value_of(SAME[i].b)) != SAME[i].same)
            fail_msg("%s and %s", SAME[i].a, SAME[i].b);
}

/* --- cost and depth --- */

static struct value nested(uint32_t depth, bool maps, const char *inner) {
    struct buf b = {0};
    for (uint32_t i = 0; i < depth; i++)
        mp_text(&b, maps ? "<81 a1 6b>" : "<91>");
    mp_text(&b, inner);
    struct bytes copy = bytes_take(&b);
    return value_bytes(maps ? T_MAP : T_ARRAY, copy.p, (uint32_t)copy.n);
}

static void test_deepest(void **state) {
    (void)state;
    for (int maps = 0; maps < 2; maps++) {
        struct value a = nested(MP_DEPTH_MOST, maps, "1"), b = nested(MP_DEPTH_MOST, maps, "1.0");
        struct value c = nested(MP_DEPTH_MOST, maps, "2");
        assert_true(equal(a, b));
        assert_false(equal(a, c));
    }
}

/* 50,000 pairs in opposite orders: quadratic work would take minutes. */
static void test_wide_is_not_quadratic(void **state) {
    (void)state;
    enum { N = 50000 };
    struct value empty = value_of("{}");
    struct value up = padded(empty, N, false), down = padded(empty, N, true);
    assert_true(equal(up, down));
    assert_false(equal(up, padded(value_of("{'x': 1}"), N - 1, true)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        value_test(test_cases),       value_test(test_cases_in_wide_maps),
        value_test(test_random_maps), value_test(test_same),
        value_test(test_deepest),     value_test(test_wide_is_not_quadratic),
    };
    return cmocka_run_group_tests_name("deep", tests, NULL, NULL);
}

/* The value layer's types: classes, truth, the reference comparison over every pair of types, IS
 * DISTINCT FROM, and blocks. Numbers: test_number.c; arrays and maps: test_deep.c. */
#include "value/column.h"

#include "mp_unit.h"

static const enum compare OPS[] = {CMP_EQ, CMP_NE, CMP_LT, CMP_LE, CMP_GT, CMP_GE};

/* What op says of two values whose order is `order`. */
static bool by_order(enum compare op, int order) {
    return op == CMP_EQ   ? order == 0
           : op == CMP_NE ? order != 0
           : op == CMP_LT ? order < 0
           : op == CMP_LE ? order <= 0
           : op == CMP_GT ? order > 0
                          : order >= 0;
}

/* --- truth --- */

static void test_truth(void **state) {
    (void)state;
    /* Kleene's tables, row by row: FALSE, UNKNOWN, TRUE */
    static const enum truth AND[3][3] = {
        {FALSE_, FALSE_, FALSE_}, {FALSE_, UNKNOWN_, UNKNOWN_}, {FALSE_, UNKNOWN_, TRUE_}};
    static const enum truth OR[3][3] = {
        {FALSE_, UNKNOWN_, TRUE_}, {UNKNOWN_, UNKNOWN_, TRUE_}, {TRUE_, TRUE_, TRUE_}};
    for (int a = 0; a < 3; a++)
        for (int b = 0; b < 3; b++) {
            assert_int_equal(a < b ? a : b, AND[a][b]); /* the numbers that all kernels rely on */
            assert_int_equal(a > b ? a : b, OR[a][b]);
        }
    assert_int_equal(truth_not(TRUE_), FALSE_);
    assert_int_equal(truth_not(FALSE_), TRUE_);
    assert_int_equal(truth_not(UNKNOWN_), UNKNOWN_);
    assert_int_equal(truth_of(true), TRUE_);
    assert_int_equal(truth_of(false), FALSE_);
}

/* --- types --- */

static void test_types(void **state) {
    (void)state;
    static const struct {
        enum value_type type;
        enum value_class class;
        const char *name;
    } ALL[] = {
        {T_MISSING, CLASS_NULL, "missing"},
        {T_NULL, CLASS_NULL, "null"},
        {T_BOOL, CLASS_BOOL, "boolean"},
        {T_INT, CLASS_NUMBER, "integer"},
        {T_UINT, CLASS_NUMBER, "unsigned integer"},
        {T_DOUBLE, CLASS_NUMBER, "double"},
        {T_STR, CLASS_STR, "string"},
        {T_BIN, CLASS_BIN, "binary"},
        {T_ARRAY, CLASS_ARRAY, "array"},
        {T_MAP, CLASS_MAP, "map"},
        {T_TIMESTAMP, CLASS_TIMESTAMP, "timestamp"},
        {T_EXT, CLASS_EXT, "extension"},
    };
    assert_int_equal(COUNT_OF(ALL), T_COUNT);
    for (size_t i = 0; i < COUNT_OF(ALL); i++) {
        assert_int_equal(ALL[i].type, i);
        assert_int_equal(value_class(ALL[i].type), ALL[i].class);
        assert_string_equal(value_type_name(ALL[i].type), ALL[i].name);
        assert_int_equal(value_is_null((struct value){.type = (uint8_t)ALL[i].type}), i <= T_NULL);
    }
    assert_int_equal(sizeof(struct value), 16);
    assert_int_equal(value_uint(INT64_MAX).type, T_INT);
    assert_int_equal(value_uint((uint64_t)INT64_MAX + 1).type, T_UINT);
    assert_true(value_is_nan(value_double(NAN)));
    assert_true(value_is_nan(value_double(-NAN)));
    assert_false(value_is_nan(value_double(INFINITY)));
    struct value null = value_null();
    null.w.d = NAN; /* a stale word is not looked at */
    assert_false(value_is_nan(null));
}

/* --- comparison: ascending within a group; values of different groups have no order --- */

static const struct {
    const char *text;
    enum value_class class;
    int rank; /* equal values have equal ranks; -1: the class has no order */
} SAMPLES[] = {
    {"missing", CLASS_NULL, 0},
    {"null", CLASS_NULL, 0},
    {"false", CLASS_BOOL, -1},
    {"true", CLASS_BOOL, -1},
    {"-9223372036854775808", CLASS_NUMBER, 0},
    {"-1", CLASS_NUMBER, 1},
    {"0", CLASS_NUMBER, 2},
    {"-0.0", CLASS_NUMBER, 2},
    {"1", CLASS_NUMBER, 3},
    {"1.0", CLASS_NUMBER, 3},
    {"18446744073709551615", CLASS_NUMBER, 4},
    {"inf", CLASS_NUMBER, 5},
    {"''", CLASS_STR, 0},
    {"<a1 00>", CLASS_STR, 1},
    {"'1'", CLASS_STR, 2},
    {"<d9 01 31>", CLASS_STR, 2},
    {"'a'", CLASS_STR, 3},
    {"<a2 61 00>", CLASS_STR, 4}, /* a shorter string before its continuation */
    {"'aa'", CLASS_STR, 5},
    {"'b'", CLASS_STR, 6},
    {"<a3 ef bf bd>", CLASS_STR, 7}, /* U+FFFD before U+1F600: by bytes, not by UTF-16 */
    {"<a4 f0 9f 98 80>", CLASS_STR, 8},
    {"<a1 ff>", CLASS_STR, 9}, /* not UTF-8 */
    {"<c4 00>", CLASS_BIN, 0},
    {"<c4 01 31>", CLASS_BIN, 1},
    {"<c5 00 01 31>", CLASS_BIN, 1},
    {"<c4 02 31 00>", CLASS_BIN, 2},
    {"<c4 01 ff>", CLASS_BIN, 3},
    {"[]", CLASS_ARRAY, -1},
    {"[1]", CLASS_ARRAY, -1},
    {"{}", CLASS_MAP, -1},
    {"{'a': 1}", CLASS_MAP, -1},
    {"<c7 0c ff 3b 9a c9 ff ff ff ff ff ff ff ff fe>", CLASS_TIMESTAMP, 0}, /* -2 s + 999999999 */
    {"<c7 0c ff 00 00 00 00 ff ff ff ff ff ff ff ff>", CLASS_TIMESTAMP, 1}, /* -1 s */
    {"<d6 ff 00 00 00 00>", CLASS_TIMESTAMP, 2},
    {"<d7 ff 00 00 00 00 00 00 00 00>", CLASS_TIMESTAMP, 2},
    {"<d7 ff 00 00 00 04 00 00 00 00>", CLASS_TIMESTAMP, 3}, /* 1 ns */
    {"<d6 ff ff ff ff ff>", CLASS_TIMESTAMP, 4},
    {"<d4 05 31>", CLASS_EXT, -1},
    {"<d4 06 31>", CLASS_EXT, -1},
    {"<d5 05 31 00>", CLASS_EXT, -1},
    {"<c7 00 05>", CLASS_EXT, -1},
};

/* Classes without order: the samples differ unless they are one and the same. */
static bool sample_equal(size_t i, size_t j) {
    return SAMPLES[i].rank < 0 ? i == j : SAMPLES[i].rank == SAMPLES[j].rank;
}

static enum truth expected(enum compare op, size_t i, size_t j, bool *mismatch) {
    *mismatch = false;
    if (SAMPLES[i].class == CLASS_NULL || SAMPLES[j].class == CLASS_NULL)
        return UNKNOWN_;
    bool same = SAMPLES[i].class == SAMPLES[j].class;
    if (op == CMP_EQ || op == CMP_NE)
        return truth_of((same && sample_equal(i, j)) == (op == CMP_EQ));
    if (same && SAMPLES[i].rank >= 0)
        return truth_of(by_order(op, SAMPLES[i].rank - SAMPLES[j].rank));
    *mismatch = true;
    return UNKNOWN_;
}

static void check_pair(size_t i, size_t j, struct value a, struct value b) {
    for (size_t k = 0; k < COUNT_OF(OPS); k++) {
        bool want_mismatch, mismatch = false, stays = true;
        enum truth want = expected(OPS[k], i, j, &want_mismatch);
        enum truth got = value_compare(OPS[k], a, b, &mismatch);
        if (got != want || mismatch != want_mismatch)
            fail_msg("%s op %d %s: %d, expected %d; mismatch %d, expected %d", SAMPLES[i].text,
                     (int)OPS[k], SAMPLES[j].text, (int)got, (int)want, mismatch, want_mismatch);
        assert_int_equal(value_compare(OPS[k], a, b, NULL), want);
        value_compare(OPS[k], a, b, &stays);
        assert_true(stays); /* set, never cleared */
    }
    bool equal = SAMPLES[i].class == SAMPLES[j].class && sample_equal(i, j);
    if (value_distinct(a, b) == equal)
        fail_msg("%s is distinct from %s: %d", SAMPLES[i].text, SAMPLES[j].text, equal);
}

static void test_every_pair_of_types(void **state) {
    (void)state;
    uint32_t seen = 0;
    for (size_t i = 0; i < COUNT_OF(SAMPLES); i++) {
        struct value a = value_of(SAMPLES[i].text);
        assert_int_equal(value_class(a.type), SAMPLES[i].class);
        seen |= SEEN(a.type);
        for (size_t j = 0; j < COUNT_OF(SAMPLES); j++)
            check_pair(i, j, a, value_of(SAMPLES[j].text));
    }
    assert_int_equal(seen, (1u << T_COUNT) - 1);
}

static void test_distinct_is_two_valued(void **state) {
    (void)state;
    struct value nan = value_double(NAN), other = value_double(-NAN);
    assert_false(value_distinct(value_null(), value_missing()));
    assert_false(value_distinct(nan, other)); /* and only here NaN equals NaN */
    assert_true(value_distinct(nan, value_null()));
    assert_true(value_distinct(value_null(), nan));
    assert_true(value_distinct(nan, value_int(0)));
    assert_true(value_distinct(nan, value_of("'nan'")));
    assert_true(value_distinct(value_null(), value_bool(false)));
    assert_true(value_distinct(value_null(), value_of("''")));
    assert_false(value_distinct(value_int(1), value_double(1.0)));
    assert_true(value_distinct(value_int(1), value_bool(true)));
    assert_false(value_distinct(value_of("[1, null]"), value_of("[1.0, null]")));
}

/* --- blocks --- */

static void test_block(void **state) {
    (void)state;
    struct budget budget;
    struct block b;
    budget_init(&budget, 0);
    assert_true(block_init(&b, 3, true, &budget));
    assert_true(budget.used_bytes >= 3 * (BLOCK_ROWS * 13u) + BLOCK_ROWS * sizeof(struct span));
    assert_non_null(b.spans);
    for (uint32_t c = 0; c < 3; c++) {
        assert_int_equal((uintptr_t)b.columns[c].word % 64, 0);
        assert_int_equal((uintptr_t)b.columns[c].len % 64, 0);
        assert_int_equal((uintptr_t)b.columns[c].tag % 64, 0);
    }
    block_clear(&b, 3);
    for (uint32_t row = 0; row < BLOCK_ROWS; row++) { /* all of it can be written */
        assert_int_equal(column_get(&b.columns[1], row).type, T_MISSING);
        column_put(&b.columns[0], row, value_int((int64_t)row - 3));
        column_put(&b.columns[2], row, value_timestamp(row, 5));
        b.spans[row] = (struct span){(const uint8_t *)"x", row};
    }
    for (uint32_t row = 0; row < BLOCK_ROWS; row++) {
        assert_value_same(column_get(&b.columns[0], row), value_int((int64_t)row - 3), "int");
        assert_value_same(column_get(&b.columns[2], row), value_timestamp(row, 5), "timestamp");
        assert_int_equal(b.spans[row].n, row);
    }
    block_done(&b);
    assert_int_equal(budget.used_bytes, 0);
    block_done(&b); /* twice is fine */
    block_done(&(struct block){0});
}

static void test_block_seal_sees_each_type(void **state) {
    (void)state;
    struct block b;
    assert_true(block_init(&b, 2, false, NULL));
    assert_null(b.spans);
    block_clear(&b, 2);
    block_seal(&b, 2, 0);
    assert_int_equal(b.n, 0);
    assert_int_equal(b.columns[0].seen, 0);
    for (uint32_t n = 1; n <= BLOCK_ROWS; n++) { /* the odd one in the first and the last place */
        block_clear(&b, 2);
        for (uint32_t row = 0; row < n; row++)
            column_put(&b.columns[0], row, value_int(row));
        column_put(&b.columns[0], n - 1, value_null());
        column_put(&b.columns[1], 0, value_bool(true));
        if (n < BLOCK_ROWS)
            column_put(&b.columns[0], n, value_double(1)); /* behind the end */
        block_seal(&b, 2, n);
        assert_int_equal(b.n, n);
        assert_int_equal(b.columns[0].seen, SEEN(T_NULL) | (n > 1 ? SEEN(T_INT) : 0));
        assert_int_equal(b.columns[1].seen, SEEN(T_BOOL) | (n > 1 ? SEEN(T_MISSING) : 0));
    }
    block_done(&b);
}

static void test_block_refuses(void **state) {
    (void)state;
    struct budget budget;
    struct block b;
    budget_init(&budget, 0);
    assert_true(block_init(&b, 0, false, &budget));
    block_done(&b);
    assert_true(block_init(&b, 5, true, &budget));
    size_t need = budget.used_bytes;
    block_done(&b);
    budget_init(&budget, need - 1);
    assert_false(block_init(&b, 5, true, &budget));
    assert_int_equal(budget.used_bytes, 0);
    block_done(&b);
    budget_init(&budget, need);
    assert_true(block_init(&b, 5, true, &budget));
    block_done(&b);
    budget_init(&budget, need);
    assert_false(block_init(&b, UINT32_MAX, true, &budget)); /* terabytes: a refusal, no wrap */
    block_done(&b);
    assert_int_equal(budget.used_bytes, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        value_test(test_truth),
        value_test(test_types),
        value_test(test_every_pair_of_types),
        value_test(test_distinct_is_two_valued),
        value_test(test_block),
        value_test(test_block_seal_sees_each_type),
        value_test(test_block_refuses),
    };
    return cmocka_run_group_tests_name("value", tests, NULL, NULL);
}

/* Every kernel against truths computed from the definitions, row by row: all shapes of terms, over
 * columns of every kind, dense, selected and in place, for TRUE and for FALSE.
 */
#include "kernel/regex.h"
#include "kernel_unit.h"

static const enum compare OPS[] = {CMP_EQ, CMP_NE, CMP_LT, CMP_LE, CMP_GT, CMP_GE};

static struct arena arena;

/* --- comparisons --- */

struct comparison {
    enum compare op;
    struct value k, k2;
};

static enum truth compare_truth(const void *arg, struct value x, struct value y, bool *mismatch) {
    const struct comparison *c = arg;
    (void)y;
    return value_compare(c->op, x, c->k, mismatch);
}

static void compare_build(const void *arg, enum truth want, struct term *t) {
    const struct comparison *c = arg;
    term_compare(t, c->op, c->k, want);
}

static void describe(char *text, size_t size, const char *shape, struct comparison c) {
    snprintf(text, size, "%s %d, type %d word %llx, type %d word %llx", shape, c.op, c.k.type,
             (unsigned long long)c.k.w.u, c.k2.type, (unsigned long long)c.k2.w.u);
}

static void test_constants(void **state) {
    (void)state;
    for (size_t i = 0; i < POOLED; i++)
        for (size_t o = 0; o < COUNT_OF(OPS); o++) {
            struct comparison c = {.op = OPS[o], .k = POOL[i]};
            char what[128];
            describe(what, sizeof what, "compare", c);
            check_profiles(compare_build, compare_truth, &c, false, what);
        }
}

/* Every number constant against every value, in columns that hold just that value: so each of the
 * forms that a constant takes meets each value. */
static void test_number_forms(void **state) {
    (void)state;
    static const uint32_t MORE[] = {0, SEEN(T_NULL), SEEN(T_STR), SEEN_NUMBER};
    struct block b;
    assert_true(block_init(&b, 2, false, NULL));
    for (size_t i = 0; i < POOLED; i++)
        for (size_t o = 0; o < 2 * COUNT_OF(OPS); o++) {
            struct comparison c = {.op = OPS[o / 2], .k = POOL[i]};
            struct term t;
            if (value_class(c.k.type) != CLASS_NUMBER)
                continue;
            term_compare(&t, c.op, c.k, o % 2 ? TRUE_ : FALSE_);
            for (size_t k = 0; k < POOLED; k++) {
                column_put(&b.columns[0], 0, POOL[k]);
                block_seal(&b, 1, 1);
                for (size_t m = 0; m < COUNT_OF(MORE); m++) {
                    char what[128];
                    describe(what, sizeof what, "number form", c);
                    b.columns[0].seen |= MORE[m]; /* a superset must give the same */
                    check_term(&t, &b, false, compare_truth, &c, what);
                }
            }
        }
    block_done(&b);
}

static enum truth columns_truth(const void *arg, struct value x, struct value y, bool *mismatch) {
    const struct comparison *c = arg;
    return value_compare(c->op, x, y, mismatch);
}

static void columns_build(const void *arg, enum truth want, struct term *t) {
    const struct comparison *c = arg;
    *t = (struct term){.shape = TERM_COLUMNS, .op = c->op, .want = want};
}

static void test_columns(void **state) {
    (void)state;
    for (size_t o = 0; o < COUNT_OF(OPS); o++) {
        struct comparison c = {.op = OPS[o]};
        char what[128];
        describe(what, sizeof what, "columns", c);
        for (int round = 0; round < (BLOCK_ROWS < 50 ? 40 : 4); round++)
            check_profiles(columns_build, columns_truth, &c, true, what);
    }
}

/* Every pair of values once. */
static void test_column_pairs(void **state) {
    (void)state;
    struct block b;
    assert_true(block_init(&b, 2, false, NULL));
    for (size_t o = 0; o < COUNT_OF(OPS); o++)
        for (size_t i = 0; i < POOLED; i++)
            for (size_t from = 0, n; from < POOLED; from += n) {
                struct comparison c = {.op = OPS[o]};
                n = POOLED - from < BLOCK_ROWS ? POOLED - from : BLOCK_ROWS;
                for (size_t row = 0; row < n; row++) {
                    column_put(&b.columns[0], (uint32_t)row, POOL[i]);
                    column_put(&b.columns[1], (uint32_t)row, POOL[from + row]);
                }
                block_seal(&b, 2, (uint32_t)n);
                for (int want = 0; want < 2; want++) {
                    struct term t;
                    columns_build(&c, want ? TRUE_ : FALSE_, &t);
                    check_term(&t, &b, true, columns_truth, &c, "pairs");
                }
            }
    block_done(&b);
}

/* --- between --- */

static enum truth between_truth(const void *arg, struct value x, struct value y, bool *mismatch) {
    const struct comparison *c = arg;
    (void)y;
    enum truth low = value_compare(CMP_GE, x, c->k, mismatch);
    enum truth high = value_compare(CMP_LE, x, c->k2, mismatch);
    return low < high ? low : high;
}

static void between_build(const void *arg, enum truth want, struct term *t) {
    const struct comparison *c = arg;
    term_between(t, c->k, c->k2, want);
}

static void test_between(void **state) {
    (void)state;
    for (size_t i = 0; i < POOLED; i++)
        for (size_t k = 0; k < POOLED; k++) {
            struct comparison c = {.k = POOL[i], .k2 = POOL[k]};
            if (!value_is_ordered(c.k) || value_class(c.k.type) != value_class(c.k2.type))
                continue;
            if (i != k && roll(8) > 0) /* an eighth of the pairs */
                continue;
            char what[128];
            describe(what, sizeof what, "between", c);
            check_profiles(between_build, between_truth, &c, false, what);
        }
}

/* --- distinct, and tests of one value --- */

static enum truth distinct_truth(const void *arg, struct value x, struct value y, bool *mismatch) {
    const struct comparison *c = arg;
    (void)mismatch;
    return truth_of(value_distinct(x, c ? c->k : y));
}

static void distinct_build(const void *arg, enum truth want, struct term *t) {
    const struct comparison *c = arg;
    *t = (struct term){.shape = c ? TERM_DISTINCT : TERM_DISTINCT_COLUMNS, .want = want};
    if (c)
        t->k = c->k;
}

static void test_distinct(void **state) {
    (void)state;
    for (size_t i = 0; i < POOLED; i++) {
        struct comparison c = {.k = POOL[i]};
        check_profiles(distinct_build, distinct_truth, &c, false, "distinct");
    }
    check_profiles(distinct_build, distinct_truth, NULL, true, "distinct columns");
}

static enum truth test_truth(const void *arg, struct value x, struct value y, bool *mismatch) {
    (void)y;
    switch (*(const enum term_shape *)arg) {
    case TERM_NULL:
        return truth_of(x.type == T_NULL || x.type == T_MISSING);
    case TERM_MISSING:
        return truth_of(x.type == T_MISSING);
    case TERM_NAN:
        return truth_of(x.type == T_DOUBLE && x.w.d != x.w.d);
    default:
        *mismatch = x.type > T_NULL && x.type != T_BOOL;
        return x.type == T_BOOL ? truth_of(x.w.i != 0) : UNKNOWN_;
    }
}

static void test_build(const void *arg, enum truth want, struct term *t) {
    *t = (struct term){.shape = *(const enum term_shape *)arg, .want = want};
}

static void test_value_tests(void **state) {
    (void)state;
    static const enum term_shape SHAPES[] = {TERM_NULL, TERM_MISSING, TERM_NAN, TERM_BOOL};
    for (size_t i = 0; i < COUNT_OF(SHAPES); i++)
        for (int round = 0; round < 10; round++)
            check_profiles(test_build, test_truth, &SHAPES[i], false, "test of a value");
}

/* --- texts --- */

struct text_case {
    enum term_shape shape;
    bool fold;
    uint32_t escape;
    struct value k; /* constant; missing: a column */
};

static enum truth like_truth(const struct text_case *c, struct value x, struct value pattern,
                             bool *mismatch) {
    const struct like *like;
    size_t bad;
    struct arena a;
    arena_init(&a, NULL);
    enum status status = like_compile(&a, value_as_str(pattern), c->escape, c->fold, &like, &bad);
    bool match = status == E_OK && like_match(like, x.w.p, x.n, NULL);
    arena_done(&a);
    assert_true(status == E_OK || status == E_BAD_ESCAPE);
    *mismatch = status != E_OK;
    return status == E_OK ? truth_of(match) : UNKNOWN_;
}

static bool slow_contains(struct value x, struct value y) {
    for (uint32_t at = 0; at + y.n <= x.n; at++)
        if (memcmp(x.w.p + at, y.w.p, y.n) == 0)
            return true;
    return false;
}

static enum truth text_truth(const void *arg, struct value x, struct value y, bool *mismatch) {
    const struct text_case *c = arg;
    if (c->k.type != T_MISSING)
        y = c->k;
    if (value_is_null(x) || value_is_null(y))
        return UNKNOWN_;
    if (x.type != T_STR || y.type != T_STR) {
        *mismatch = true;
        return UNKNOWN_;
    }
    switch (c->shape) {
    case TERM_STARTS:
        return truth_of(x.n >= y.n && memcmp(x.w.p, y.w.p, y.n) == 0);
    case TERM_ENDS:
        return truth_of(x.n >= y.n && memcmp(x.w.p + x.n - y.n, y.w.p, y.n) == 0);
    case TERM_CONTAINS:
        return truth_of(slow_contains(x, y));
    default:
        return like_truth(c, x, y, mismatch);
    }
}

static void text_build(const void *arg, enum truth want, struct term *t) {
    const struct text_case *c = arg;
    size_t bad;
    *t = (struct term){.want = want, .fold = c->fold, .escape = c->escape};
    t->shape = c->k.type == T_MISSING ? TERM_TEXT_COLUMNS : c->shape;
    t->text = c->shape;
    t->k = c->k;
    if (t->shape == TERM_LIKE)
        assert_int_equal(
            like_compile(&arena, value_as_str(c->k), c->escape, c->fold, &t->like, &bad), E_OK);
}

static void test_texts(void **state) {
    (void)state;
    static const struct value CONSTANTS[] = {
        RAW(T_STR, ""),     RAW(T_STR, "a"),   RAW(T_STR, "%"),    RAW(T_STR, "a%"),
        RAW(T_STR, "%b"),   RAW(T_STR, "%a%"), RAW(T_STR, "a_"),   RAW(T_STR, "_"),
        RAW(T_STR, "a!%b"), RAW(T_STR, "\0"),  RAW(T_STR, "%AB%"), RAW(T_STR, "\xC3\xA9"),
        {.type = T_MISSING}};
    static const enum term_shape SHAPES[] = {TERM_STARTS, TERM_ENDS, TERM_CONTAINS, TERM_LIKE,
                                             TERM_LIKE};
    for (size_t i = 0; i < COUNT_OF(SHAPES); i++)
        for (size_t k = 0; k < COUNT_OF(CONSTANTS); k++) {
            struct text_case c = {SHAPES[i], i == 4, k % 2 ? LIKE_NO_ESCAPE : '!', CONSTANTS[k]};
            char what[64];
            snprintf(what, sizeof what, "text %zu with constant %zu", i, k);
            check_profiles(text_build, text_truth, &c, c.k.type == T_MISSING, what);
        }
}

/* --- regular expressions: what they match is in test_regex.c --- */

static enum truth regexp_truth(const void *arg, struct value x, struct value y, bool *mismatch) {
    bool failed;
    (void)y;
    if (x.type == T_STR)
        return truth_of(regex_match(arg, x.w.p, x.n, &failed));
    *mismatch = !value_is_null(x);
    return UNKNOWN_;
}

static void regexp_build(const void *arg, enum truth want, struct term *t) {
    *t = (struct term){.shape = TERM_REGEXP, .want = want, .regex = arg};
}

static void test_regexps(void **state) {
    (void)state;
    static const char *const PATTERNS[] = {"", "a", "^a.*b$", "[^a]", "(?i)A|B", "\\x{E9}|\\x00"};
    for (size_t i = 0; i < COUNT_OF(PATTERNS); i++) {
        struct regex *r = NULL;
        enum status status = regex_compile(str_of(PATTERNS[i]), 0, NULL, &r, NULL);
        if (status == E_NO_REGEX) {
            /* the kernels exist all the same, and nothing picks them */
            for (size_t k = 0; kernel_at(k); k++)
                reached[k] |= strstr(kernel_at(k)->name, "regexp") != NULL;
            return;
        }
        assert_int_equal(status, E_OK);
        check_profiles(regexp_build, regexp_truth, r, false, PATTERNS[i]);
        regex_free(r);
    }
}

/* --- sets: all kinds of them are in test_kernel_set.c --- */

struct items {
    const struct value *items;
    size_t n;
};

static enum truth in_truth(const void *arg, struct value x, struct value y, bool *mismatch) {
    const struct items *s = arg;
    enum truth t = FALSE_;
    (void)y, (void)mismatch;
    for (size_t i = 0; i < s->n && t != TRUE_; i++) {
        enum truth equal = value_compare(CMP_EQ, x, s->items[i], NULL);
        t = equal > t ? equal : t;
    }
    return t;
}

static void in_build(const void *arg, enum truth want, struct term *t) {
    const struct items *s = arg;
    assert_true(term_in(t, &arena, s->items, s->n, want));
}

/* Stretches of the pool, with and without its null; and one item each. */
static void test_sets(void **state) {
    (void)state;
    for (size_t from = 0; from < POOLED; from += 3)
        for (size_t n = 0; from + n <= POOLED; n += 1 + n * 2) {
            struct items s = {POOL + from, n};
            char what[64];
            snprintf(what, sizeof what, "in %zu items from %zu", n, from);
            check_profiles(in_build, in_truth, &s, false, what);
        }
}

/* --- all of them --- */

static void test_every_kernel_was_reached(void **state) {
    (void)state;
    size_t n = 0;
    for (; kernel_at(n); n++) {
        assert_true(n < COUNT_OF(reached));
        if (!reached[n])
            print_error("%s was never picked\n", kernel_at(n)->name);
    }
    for (size_t i = 0; i < n; i++)
        assert_true(reached[i]);
    assert_true(n > 150);
    assert_null(kernel_at(n + 1));
}

/* Costs and shares order terms: they must be sound numbers for every shape. */
static void test_guesses(void **state) {
    (void)state;
    static const struct value LIKES[] = {RAW(T_STR, "a%b"), RAW(T_STR, "a")};
    for (int shape = 0; shape < TERM_SHAPES; shape++)
        for (size_t i = 0; i < POOLED; i++)
            for (int want = 0; want < 2; want++) {
                struct term t = {.shape = (enum term_shape)shape, .k = POOL[i], .k2 = POOL[i]};
                size_t bad;
                t.want = want ? TRUE_ : FALSE_;
                assert_int_equal(like_compile(&arena, value_as_str(LIKES[i % 2]), LIKE_NO_ESCAPE,
                                              false, &t.like, &bad),
                                 E_OK);
                assert_true(term_cost(&t) >= 1 && term_cost(&t) < 1000);
                assert_true(term_share(&t) >= 0 && term_share(&t) <= 1);
            }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_constants),
        cmocka_unit_test(test_number_forms),
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_column_pairs),
        cmocka_unit_test(test_between),
        cmocka_unit_test(test_distinct),
        cmocka_unit_test(test_value_tests),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_regexps),
        cmocka_unit_test(test_sets),
        cmocka_unit_test(test_every_kernel_was_reached),
        cmocka_unit_test(test_guesses),
    };
    arena_init(&arena, NULL);
    int failed = cmocka_run_group_tests_name("kernel", tests, NULL, NULL);
    arena_done(&arena);
    return failed;
}

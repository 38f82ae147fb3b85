/* REGEXP in plans: rows kept, what it becomes, what is refused and where, and the limit of a query.
 */
#include "plan/program.h"

#include "plan_unit.h"

static struct rows rows;

static void make_rows(void) {
    static const char *const TEXTS[] = {"",       "abc",      "ABC",  "a\nb", "GET /api/v1/users",
                                        "x\xFFy", "\xC3\xA9", "zabc", "abcz"};
    for (size_t i = 0; i < COUNT_OF(TEXTS) + 4; i++) {
        mp_write_map(&rows.bytes, i == COUNT_OF(TEXTS) ? 0 : 1);
        if (i != COUNT_OF(TEXTS)) {
            mp_write_text(&rows.bytes, "s");
            if (i < COUNT_OF(TEXTS))
                mp_write_text(&rows.bytes, TEXTS[i]);
            else if (i == COUNT_OF(TEXTS) + 1)
                mp_write_nil(&rows.bytes);
            else if (i == COUNT_OF(TEXTS) + 2)
                mp_write_uint(&rows.bytes, 7);
            else
                mp_write_bool(&rows.bytes, true);
        }
        rows_end_one(&rows);
    }
}

static void test_rows(void **state) {
    (void)state;
    static const char *const QUERIES[] = {
        "s REGEXP 'abc'",
        "s REGEXP '^abc'",
        "s REGEXP 'abc$'",
        "s REGEXP '^abc$'",
        "s REGEXP 'a.b' FLAGS 's'",
        "s REGEXP 'B' FLAGS 'i'",
        "s NOT REGEXP 'B' FLAGS 'i'",
        "s NOT REGEXP '^abc'",
        "NOT (s REGEXP '[a-z]+')",
        "(s REGEXP 'a') IS UNKNOWN",
        "(s REGEXP 'a+|b') IS UNKNOWN",
        "s REGEXP '^(GET|POST) /api/v[0-9]+/' AND s REGEXP 'users$'",
        "s REGEXP 'b$' FLAGS 'm' OR s REGEXP '\\\\pL' OR s REGEXP '\xC3\xA9'",
        "s REGEXP NULL",
        "s REGEXP 'a' FLAGS NULL",
        "s REGEXP 5",
        "'abc' REGEXP 'b.'",
        "NULL REGEXP 'b.'",
    };
    size_t counts[3] = {0};
    for (size_t i = 0; i < COUNT_OF(QUERIES); i++)
        check_plan(QUERIES[i], NULL, &rows, counts);
    assert_true(counts[TRUE_] > 20 && counts[FALSE_] > 20 && counts[UNKNOWN_] > 20);
}

static uint64_t mismatches(const char *text) {
    static bool kept[COUNT_OF(rows.start)];
    struct compiled c;
    compile_or_fail(&c, text, NULL);
    uint64_t n = run_rows(c.plan, &rows, BLOCK_ROWS, kept);
    compiled_done(&c);
    return n;
}

static void test_mismatches_count(void **state) {
    (void)state;
    assert_int_equal(mismatches("s REGEXP '^a+'"), 2);
    assert_int_equal(mismatches("s NOT REGEXP '^a+'"), 2);
    assert_int_equal(mismatches("s REGEXP 'a'"), 2); /* as CONTAINS */
}

static void test_shapes(void **state) {
    (void)state;
    static const struct {
        const char *text;
        enum term_shape shape;
    } SHAPES[] = {{"s REGEXP 'abc'", TERM_CONTAINS},
                  {"s REGEXP '^abc'", TERM_STARTS},
                  {"s REGEXP 'abc$'", TERM_ENDS},
                  {"s REGEXP 'a.c'", TERM_REGEXP},
                  {"s REGEXP 'abc' FLAGS 'i'", TERM_REGEXP}};
    for (size_t i = 0; i < COUNT_OF(SHAPES); i++) {
        struct compiled c;
        compile_or_fail(&c, SHAPES[i].text, NULL);
        const struct step *s = c.plan->program->steps;
        assert_int_equal(s->kind, STEP_TERM);
        assert_int_equal(s->term->shape, SHAPES[i].shape);
        compiled_done(&c);
    }
}

static enum status refuse(const char *text, const struct value *params, struct budget *b,
                          struct error *e) {
    struct query q = {0};
    error_clear(e);
    enum status status = query_parse(&q, str_of(text), &limits, b, e);
    if (status == E_OK) {
        struct plan *p = plan_new(&q, params, &limits, b, e);
        status = p ? E_OK : e->status;
        plan_free(p);
    }
    query_done(&q);
    return status;
}

static void test_refusals(void **state) {
    (void)state;
    static const struct {
        const char *text;
        enum status status;
        uint64_t pos;
        const char *says;
    } REFUSALS[] = {
        {"a = 1 AND s REGEXP '('", E_BAD_PATTERN, 20, "missing ), at character 1"},
        {"NULL REGEXP '('", E_BAD_PATTERN, 13, "missing )"},
        {"s REGEXP 'it''s \xC3\xA4('", E_BAD_PATTERN, 18, "missing ), at character 7"},
        {"s REGEXP STR X'6128'", E_BAD_PATTERN, 9, "missing ), at character 2"},
        {"s REGEXP STR X'27616128'", E_BAD_PATTERN, 9, "missing ), at character 4"},
        {"s REGEXP 'x' || '('", E_BAD_PATTERN, 9, "missing ), at character 2"},
        {"s REGEXP t", E_BAD_ARGUMENT, 9, "constant or a parameter"},
        {"s REGEXP 'a' FLAGS 'x'", E_BAD_ARGUMENT, 19, "letters i"},
        {"s REGEXP 'a' FLAGS t", E_BAD_ARGUMENT, 19, "constant or a parameter"},
        {"s REGEXP 'a' FLAGS 1", E_BAD_ARGUMENT, 19, "FLAGS needs a string"},
        {"s REGEXP '((((a{10}){10}){10}){10})'", E_BAD_PATTERN, 15, "repetition"},
        {"s REGEXP 'a' ESCAPE '!'", E_SYNTAX, 13, ""},
        {"s LIKE 'a' FLAGS 'i'", E_SYNTAX, 11, ""},
        {"s RLIKE 'a'", E_SYNTAX, 2, ""},
    };
    for (size_t i = 0; i < COUNT_OF(REFUSALS); i++) {
        struct error e;
        struct budget b;
        budget_init(&b, 0);
        assert_status(refuse(REFUSALS[i].text, NULL, &b, &e), REFUSALS[i].status, REFUSALS[i].text);
        assert_int_equal(e.pos, REFUSALS[i].pos);
        assert_non_null(strstr(e.message, REFUSALS[i].says));
        assert_int_equal(atomic_load(&b.used_bytes), 0);
    }
}

static void test_parameters(void **state) {
    (void)state;
    struct error e;
    struct value bad = value_str(str_of("[")), binary = value_str((struct str){"\xFF", 1});
    assert_int_equal(refuse("s REGEXP :p", &bad, NULL, &e), E_BAD_PATTERN);
    assert_int_equal(e.pos, 9);
    assert_int_equal(refuse("s REGEXP ?", &binary, NULL, &e), E_BAD_PATTERN);
    struct value flags = value_str(str_of("i")), number = value_int(1);
    check_plan("s REGEXP 'B' FLAGS :f", &flags, &rows, NULL);
    assert_int_equal(refuse("s REGEXP 'B' FLAGS :f", &number, NULL, &e), E_BAD_ARGUMENT);
}

/* regex_bytes bounds all patterns of a query together. */
static void test_limit(void **state) {
    (void)state;
    struct error e;
    uint64_t two = regex_cost_bytes(str_of("a.b")) + regex_cost_bytes(str_of("c.d"));
    uint64_t before = limits.regex_bytes;
    for (int over = -1; over <= 1; over++) {
        limits.regex_bytes = two - (uint64_t)(int64_t)over;
        enum status status = refuse("s REGEXP 'a.b' OR s REGEXP 'c.d'", NULL, NULL, &e);
        assert_int_equal(status, over > 0 ? E_REGEX_TOO_LARGE : E_OK);
        if (over > 0) {
            assert_int_equal(e.pos, 27);
            assert_int_equal(e.limit, limits.regex_bytes);
            assert_int_equal(e.actual, two);
        }
    }
    limits.regex_bytes = before;
}

int main(void) {
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(test_rows),       cmocka_unit_test(test_mismatches_count),
        cmocka_unit_test(test_shapes),     cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_parameters), cmocka_unit_test(test_limit),
    };
    limits_default(&limits);
    struct error e;
    make_rows();
    if (refuse("s REGEXP 'a'", NULL, NULL, &e) == E_NO_REGEX) {
        buf_done(&rows.bytes);
        fprintf(stderr, "REGEXP is not built in: refused at %llu\n", (unsigned long long)e.pos);
        return e.pos == 9 ? 0 : 1;
    }
    int failed = cmocka_run_group_tests(TESTS, NULL, NULL);
    buf_done(&rows.bytes);
    return failed;
}

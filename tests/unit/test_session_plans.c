/* Prepared plans of a session, and what it tells of itself: PREPARE, EXECUTE, CLOSE, EXPLAIN,
 * STATS. */
#include "session_unit.h"

/* --- plans --- */

static void test_plans(void **state) {
    (void)state;
    struct talk t;
    talk_begin(&t, NULL);
    say(&t, "[3, 5, 'a.b[0] = :x and c > ? and a.b[0] < :x and d = ?', {}]");
    expect(&t, "[69, 5, 1, {'fields': [['a', 'b', 0], ['c'], ['d']], 'params': ['x', nil, nil], "
               "'text': 'a.b[0] = :x AND c > ? AND a.b[0] < :x AND d = ?'}]");
    say(&t, "[3, 6, ['>=', ['path', 'a'], 2]]");
    expect(&t, "[69, 6, 2, {'fields': [['a']], 'params': [], 'text': 'a >= 2'}]");
    say(&t, "[3, 6, 'a = :low', nil]");
    expect(&t, "[69, 6, 3, {'fields': [['a']], 'params': ['low'], 'text': 'a = :low'}]");
    say(&t, "[3, 7, 'a =']");
    expect_error(&t, 7, E_SYNTAX, "'pos': 3");
    check_request(&t, "[4, 8, 2, nil, " ROWS3 "]", "[66, 8, 'indices', 0, 3, #0100000002000000]",
                  E_OK, DONE3("8", "2"));
    check_request(&t, "[4, 8, 3, {'params': {'low': 3}}, " ROWS3 "]",
                  "[66, 8, 'indices', 0, 3, #02000000]", E_OK, DONE3("8", "1"));
    check_request(&t, "[4, 8, 3, {'params': {'low': 1}}, " ROWS3 "]",
                  "[66, 8, 'indices', 0, 3, #00000000]", E_OK, DONE3("8", "1"));
    check_request(&t, "[4, 8, 3, nil, " ROWS3 "]", "", E_PARAM_MISSING, "");
    check_request(&t, "[4, 8, 2, {'params': {'low': 1}}, " ROWS3 "]", "", E_PARAM_UNKNOWN, "");
    check_request(&t, "[4, 8, 2, {'params': [1]}, " ROWS3 "]", "", E_PARAM_UNKNOWN, "");
    static const char *const NO_PLAN[] = {"0",   "4",   "-1",         "1.0",
                                          "nil", "'1'", "4294967298", "18446744073709551615"};
    for (size_t i = 0; i < COUNT_OF(NO_PLAN); i++) {
        char message[120];
        snprintf(message, sizeof message, "[4, 8, %s, nil, " ROWS3 "]", NO_PLAN[i]);
        check_request(&t, message, "", E_PLAN_UNKNOWN, "");
        snprintf(message, sizeof message, "[11, 8, %s]", NO_PLAN[i]);
        check_request(&t, message, "", E_PLAN_UNKNOWN, "");
    }
    say(&t, "[11, 9, 2]");
    expect(&t, "[73, 9, 2]");
    check_request(&t, "[11, 9, 2]", "", E_PLAN_UNKNOWN, "");
    check_request(&t, "[4, 8, 2, nil, " ROWS3 "]", "", E_PLAN_UNKNOWN, "");
    check_request(&t, "[10, 8, 2, nil]", "", E_PLAN_UNKNOWN, "");
    check_request(&t, "[11, 9, @c1]", "", E_BAD_MESSAGE, "");
    expect_alive(&t);
    talk_stop(&t);
}

/* A plan that is closed while a request with it is open serves that request to its end. */
static void test_plan_closed_in_use(void **state) {
    (void)state;
    struct talk t;
    talk_begin(&t, NULL);
    say(&t, "[3, 5, 'a >= 2']");
    hear(&t);
    say(&t, "[4, 6, 1, {'result': 'count'}, nil]");
    say(&t, "[5, 6, " ROWS3 "]");
    expect_silence(&t);
    say(&t, "[4, 7, 1, {'result': 'count'}, " ROWS3 "]"); /* queued */
    say(&t, "[11, 8, 1]");
    say(&t, "[4, 9, 1, nil, " ROWS3 "]");
    say(&t, "[5, 6, " ROWS3 "]");
    say(&t, "[6, 6]");
    expect(&t, "[73, 8, 1]");
    expect(&t, DONE3("7", "2"));
    expect_error(&t, 9, E_PLAN_UNKNOWN, NULL);
    expect(&t, "[67, 6, {'matched': 4, 'rows': 6, 'type_mismatch': 0, 'undefined': 0, "
               "'limit_reached': false}]");
    expect_silence(&t);
    talk_stop(&t);
}

/* --- EXPLAIN, STATS --- */

static void test_explain(void **state) {
    (void)state;
    struct talk t;
    talk_begin(&t, NULL);
    say(&t, "[3, 5, 'a >= :low']");
    hear(&t);
    static const struct {
        const char *request, *begin, *part, *end;
    } CASES[] = {
        {"[10, 6, 'a>=2', nil]",
         "[72, 6, {'text': 'a >= 2', 'structured': ['>=', ['path', 'a'], 2], 'fields': [['a']], "
         "'steps': [{'kernel': '",
         "'term': 'a >= 2', 'want': 'true'", "'rows': 0, 'matched': 0}]"},
        {"[10, 6, ['not', ['=', ['path', 'b'], 'x']], {}]", "[72, 6, {'text': ", "'want': 'false'",
         "'rows': 0, 'matched': 0}]"},
        {"[10, 6, 1, {'params': {'low': 2}}]", "[72, 6, {'text': 'a >= :low'", "'steps': [{",
         "'rows': 0, 'matched': 0}]"},
        {"[10, 6, 'a >= 2', nil, nil]", "[72, 6, {'text': 'a >= 2'", "'steps': [{",
         "'rows': 0, 'matched': 0}]"},
        {"[10, 6, 'a >= 2', nil, " ROWS3 "]", "[72, 6, {'text': 'a >= 2'",
         "'rows_in': 3, 'rows_out': 2", "'rows': 3, 'matched': 2}]"},
        {"[10, 6, 1, {'params': {'low': 3}}, " ROWS3 "]", "[72, 6, {'text': 'a >= :low'",
         "'rows_in': 3, 'rows_out': 1", "'rows': 3, 'matched': 1}]"},
    };
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        say(&t, CASES[i].request);
        const char *line = hear(&t);
        size_t n = strlen(line), end = strlen(CASES[i].end);
        if (strncmp(line, CASES[i].begin, strlen(CASES[i].begin)) != 0 ||
            !strstr(line, CASES[i].part) || n < end || strcmp(line + n - end, CASES[i].end) != 0)
            fail_msg("%s: %s", CASES[i].request, line);
        expect_silence(&t);
    }
    check_request(&t, "[10, 6, 'a >= ', nil]", "", E_SYNTAX, "");
    check_request(&t, "[10, 6, 1, nil]", "", E_PARAM_MISSING, "");
    check_request(&t, "[10, 6, 2, nil]", "", E_PLAN_UNKNOWN, "");
    check_request(&t, "[10, 6, 'a', nil, ['maps', [{'a': 1}, 5]]]", "", E_ROW_NOT_MAP, "'row': 1");
    t.service.now_ns = NULL; /* without a clock there are no times, but there is an answer */
    check_request(&t, "[10, 6, 'a >= 2', nil, " ROWS3 "]", "", E_OK, "'rows': 3, 'matched': 2}]");
    talk_stop(&t);
}

/* The number behind the first `key` of a reply. */
static uint64_t number_in(const char *line, const char *key) {
    const char *at = strstr(line, key);
    assert_non_null(at);
    return strtoull(at + strlen(key) + 2, NULL, 10);
}

static void test_stats(void **state) {
    (void)state;
    struct talk t;
    talk_begin(&t, NULL);
    say(&t, "[2, 5, 'a >= 2', nil, " ROWS3 "]");
    while (*hear(&t)) {
    }
    say(&t, "[2, 5, 'a >=', nil, " ROWS3 "]");
    say(&t, "[3, 6, 'a']");
    while (*hear(&t)) {
    }
    say(&t, "[2, 7, 'a', nil, nil]");
    settle(&t);
    size_t sent = t.out.len;
    say(&t, "[9, 8]");
    char *line = strdup(hear(&t));
    assert_int_equal(strncmp(line, "[71, 8, {'version': '", 20), 0);
    assert_int_equal(number_in(line, "'clients'"), 1);
    assert_int_equal(number_in(line, "'requests'"), 3);
    assert_int_equal(number_in(line, "'rows'"), 3);
    assert_int_equal(number_in(line, "'matched'"), 2);
    assert_int_equal(number_in(line, "'errors'"), 1);
    uint64_t offset;
    session_verdict(t.s, &offset);
    const char *connection = strstr(line, "'connection'");
    assert_non_null(connection);
    for (const char *at = line; at; at = at == line ? connection : NULL) {
        assert_int_equal(number_in(at, "'bytes_in'"), offset);
        assert_int_equal(number_in(at, "'bytes_out'"), sent);
    }
    assert_int_equal(number_in(connection, "'requests_open'"), 1);
    assert_int_equal(number_in(connection, "'plans'"), 1);
    assert_true(number_in(line, "'memory_bytes'") > 0);
    assert_true(number_in(line, "'memory_peak_bytes'") >= number_in(line, "'memory_bytes'"));
    assert_int_equal(number_in(line, "'frame_bytes'"), 67108864);
    free(line);
    talk_stop(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plans),
        cmocka_unit_test(test_plan_closed_in_use),
        cmocka_unit_test(test_explain),
        cmocka_unit_test(test_stats),
    };
    return cmocka_run_group_tests_name("session_plans", tests, NULL, NULL);
}

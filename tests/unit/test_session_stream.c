/* Row streams: rows that count on over messages, limits anywhere, what is dropped and what is
 * refused. */
#include "session_unit.h"

#define DONE(matched, rows, reached)                                                               \
    "{'matched': " matched ", 'rows': " rows                                                       \
    ", 'type_mismatch': 0, 'undefined': 0, 'limit_reached': " reached "}"                          \
    "]"

/* --- rows --- */

static void test_rows_count_on(void **state) {
    (void)state;
    struct talk t;
    talk_begin(&t, NULL);
    say(&t, "[2, 5, 'a >= 2', {}, nil]");
    expect_silence(&t);
    say(&t, "[5, 5, " ROWS3 "]");
    expect(&t, "[66, 5, 'indices', 0, 3, #0100000002000000]");
    say(&t, "[5, 5, ['template', ['b', 'a'], [[0, 2], [5]]]]");
    expect(&t, "[66, 5, 'indices', 3, 2, #00000000]");
    say(&t, "[5, 5, ['maps', []]]");
    say(&t, "[5, 5, ['maps', [{'a': 1}]]]"); /* nothing matches: no RESULT */
    expect_silence(&t);
    say(&t, "[5, 5, ['columns', 2, [['a', 'list', [0, 7]]]]]");
    expect(&t, "[66, 5, 'indices', 6, 2, #01000000]");
    expect_silence(&t);
    say(&t, "[6, 5]");
    expect(&t, "[67, 5, " DONE("4", "8", "false"));
    expect_silence(&t);
    say(&t, "[2, 5, 'a', nil, nil]"); /* the id is free again; an empty stream */
    say(&t, "[6, 5]");
    expect(&t, "[67, 5, " DONE("0", "0", "false"));
    talk_stop(&t);
}

/* All of a long stream at once and in many pieces gives the same rows, in every kind. */
static void test_long_stream(void **state) {
    (void)state;
    static const char *const KINDS[] = {"indices", "bitmap", "auto", "count", "rows"};
    struct buf bytes[2] = {0};
    for (size_t kind = 0; kind < COUNT_OF(KINDS); kind++)
        for (uint32_t piece = 3000; piece > 1; piece /= 7) {
            struct talk t;
            struct answer a;
            char open[80];
            talk_begin(&t, NULL);
            snprintf(open, sizeof open,
                     "[2, 9, 'a >= 1500 and a < 2500 or a = 7', {'result': '%s'}, nil]",
                     KINDS[kind]);
            say(&t, open);
            for (uint32_t row = 0; row < 3000; row += piece) {
                say_rows(&t, "5 9", 3, row, 3000 - row < piece ? 3000 - row : piece);
                settle(&t);
            }
            say(&t, "[6, 9]");
            hear_answer(&t, 9, &a);
            assert_non_null(strstr(a.last, "[67, 9, " DONE("1001", "3000", "false")));
            if (kind < 3) {
                assert_int_equal(a.rows.len, 1001 * 8);
                for (uint64_t i = 0; i < 1001; i++) {
                    uint64_t row;
                    memcpy(&row, a.rows.data + 8 * i, 8);
                    assert_int_equal(row, i == 0 ? 7 : 1499 + i);
                }
            }
            assert_true(kind != 3 || a.results == 0);
            if (kind == 4) {
                struct buf *b = &bytes[piece != 3000];
                b->len = 0;
                buf_add(b, a.bytes.data, a.bytes.len);
                assert_int_equal(bytes[0].len, 4 + 1000 * 6);
                assert_memory_equal(b->data, bytes[0].data, bytes[0].len);
            }
            answer_done(&a);
            talk_stop(&t);
        }
    buf_done(&bytes[0]);
    buf_done(&bytes[1]);
}

static void test_limits_anywhere(void **state) {
    (void)state;
    static const uint32_t LIMITS[] = {1,   2,    6,    7,    8,    20,   21,  22,
                                      999, 1000, 1001, 1024, 1025, 2999, 3000};
    for (size_t i = 0; i < COUNT_OF(LIMITS); i++)
        for (int split = 0; split < 2; split++) {
            struct talk t;
            struct answer a;
            char text[80];
            talk_begin(&t, NULL);
            snprintf(text, sizeof text, "[2, 9, 'a >= 0', {'limit': %u}, nil]", LIMITS[i]);
            say(&t, text);
            for (uint32_t row = 0; row < 3000; row += split ? 1000 : 3000)
                say_rows(&t, "5 9", 3, row, split ? 1000 : 3000);
            say(&t, "[6, 9]");
            hear_answer(&t, 9, &a);
            snprintf(text, sizeof text, "{'matched': %u, 'rows': %u, ", LIMITS[i], LIMITS[i]);
            assert_non_null(strstr(a.last, text));
            assert_non_null(strstr(a.last, "'limit_reached': true"));
            assert_int_equal(a.rows.len, LIMITS[i] * 8);
            answer_done(&a);
            expect_alive(&t);
            say(&t, "[2, 9, 'a', nil, ['maps', []]]"); /* END has freed the id */
            expect(&t, "[67, 9, " DONE("0", "0", "false"));
            talk_stop(&t);
        }
}

/* --- what is dropped, what is refused --- */

/* A stream that is refused: the client has sent more before it could know. That is dropped, whether
 * it came before or after the refusal, and the id stays taken until END or CANCEL. */
static void test_refused_streams(void **state) {
    (void)state;
    static const struct {
        const char *open;
        enum status status;
    } CASES[] = {
        {"[2, 5, 'a >', nil, nil]", E_SYNTAX},
        {"[2, 5, ['odd'], nil, nil]", E_BAD_STRUCTURE},
        {"[2, 5, 5, nil, nil]", E_BAD_MESSAGE},
        {"[2, 5, 'a = :x', nil, nil]", E_PARAM_MISSING},
        {"[2, 5, 'a', {'params': {'x': 1}}, nil]", E_PARAM_UNKNOWN},
        {"[2, 5, 'a', {'odd': 1}, nil]", E_BAD_OPTION},
        {"[2, 5, 'a', {'odd': 1, 'limit': 5, 'more': [nil]}, nil]", E_BAD_OPTION},
        {"[2, 5, 'a', {5: 1, 'limit': 5}, nil]", E_BAD_OPTION},
        {"[2, 5, 'a', {'limit': 'x', 'result': 'rows'}, nil]", E_BAD_OPTION},
        {"[2, 5, 'a', 7, nil]", E_BAD_MESSAGE},
        {"[4, 5, 1, nil, nil]", E_PLAN_UNKNOWN},
        {"[4, 5, 'x', {'odd': 1}, nil]", E_PLAN_UNKNOWN},
    };
    for (size_t i = 0; i < COUNT_OF(CASES); i++)
        for (int late = 0; late < 4; late++) {
            struct talk t;
            talk_begin(&t, NULL);
            say(&t, CASES[i].open);
            if (late & 1)
                expect_error(&t, 5, CASES[i].status, NULL);
            say(&t, "[5, 5, " ROWS3 "]");
            say(&t, "[5, 5, 'not even a payload']");
            if (!(late & 1))
                expect_error(&t, 5, CASES[i].status, NULL);
            expect_silence(&t);
            say(&t, "[3, 5, 'a']");
            expect_error(&t, 5, E_ID_IN_USE, NULL);
            say(&t, late & 2 ? "[7, 5]" : "[6, 5]");
            expect_silence(&t);
            say(&t, "[5, 5, " ROWS3 "]");
            expect_error(&t, 5, E_ID_UNKNOWN, NULL);
            say(&t, "[2, 5, 'a >= 2', {'result': 'count'}, " ROWS3 "]");
            expect(&t, "[67, 5, " DONE("2", "3", "false"));
            talk_stop(&t);
        }
}

/* Deeper than any reader goes: still it is known to be a stream. */
static void test_deep_refused_stream(void **state) {
    (void)state;
    struct talk t;
    talk_begin(&t, NULL);
    for (int in_options = 0; in_options < 2; in_options++) {
        struct buf m = {0};
        char head[100];
        write_notation(&m, in_options ? "@950205a161" : "@950205");
        if (in_options)
            write_notation(&m, "@81a6706172616d73"); /* {"params": */
        for (int i = 0; i < 5000; i++)
            write_notation(&m, i % 2 ? "@91" : "@8101");
        write_notation(&m, in_options ? "@c0c0" : "@c0c0c0");
        snprintf(head, sizeof head, "%c%c%c%c", 0, 0, (int)(m.len >> 8), (int)(m.len & 255));
        struct buf frame = {0};
        buf_add(&frame, head, 4);
        buf_add(&frame, m.data, m.len);
        say_frame(&t, &frame);
        say(&t, "[5, 5, " ROWS3 "]");
        expect_error(&t, 5, in_options ? E_BAD_MESSAGE : E_QUERY_TOO_DEEP, NULL);
        say(&t, "[5, 5, " ROWS3 "]");
        expect_silence(&t);
        say(&t, "[6, 5]");
        expect_silence(&t);
        buf_done(&m);
        buf_done(&frame);
    }
    talk_stop(&t);
}

static void test_failed_row(void **state) {
    (void)state;
    struct talk t;
    talk_begin(&t, NULL);
    say(&t, "[2, 5, 'a >= 2', {}, nil]");
    say(&t, "[5, 5, " ROWS3 "]");
    say(&t, "[5, 5, ['maps', [{'a': 5}, 7]]]");
    say(&t, "[5, 5, " ROWS3 "]");
    expect(&t, "[66, 5, 'indices', 0, 3, #0100000002000000]");
    expect_error(&t, 5, E_ROW_NOT_MAP, "'row': 4");
    say(&t, "[5, 5, " ROWS3 "]");
    say(&t, "[6, 5]");
    expect_silence(&t);
    expect_alive(&t);
    talk_stop(&t);
}

static void test_not_a_stream(void **state) {
    (void)state;
    static const char *const REQUESTS[] = {
        "[2, 5, 'a', nil, " ROWS3 "]", "[3, 5, 'a']",
        "[10, 5, 'a', nil]",           "[10, 5, 'a', nil, " ROWS3 "]",
        "[10, 5, 'a', nil, nil]",
    };
    struct talk t;
    talk_begin(&t, NULL);
    for (size_t i = 0; i < COUNT_OF(REQUESTS); i++)
        for (int end = 0; end < 2; end++) {
            say(&t, REQUESTS[i]);
            say(&t, end ? "[6, 5]" : "[5, 5, " ROWS3 "]");
            expect_error(&t, 5, E_BAD_MESSAGE, end ? "END for" : "ROWS for");
            expect_silence(&t);
            say(&t, end ? "[6, 5]" : "[5, 5, " ROWS3 "]");
            expect_error(&t, 5, E_ID_UNKNOWN, NULL);
        }
    say(&t, "[9, 6]");
    assert_non_null(strstr(hear(&t), "'plans': 0, ")); /* what was refused holds no place */
    talk_stop(&t);
}

static void test_end_twice(void **state) {
    (void)state;
    struct talk t;
    talk_begin(&t, NULL);
    say(&t, "[6, 5]");
    expect_error(&t, 5, E_ID_UNKNOWN, NULL);
    say(&t, "[5, 5, nil]");
    expect_error(&t, 5, E_ID_UNKNOWN, NULL);
    say(&t, "[2, 5, 'a', {'result': 'count'}, nil]");
    say(&t, "[5, 5, " ROWS3 "]");
    say(&t, "[6, 5]");
    say(&t, "[6, 5]");
    say(&t, "[5, 5, " ROWS3 "]");
    expect_error(&t, 5, E_ID_UNKNOWN, NULL);
    expect_error(&t, 5, E_BAD_MESSAGE, "ROWS after END");
    expect(&t, "[67, 5, {'matched': 0, 'rows': 3, 'type_mismatch': 3, 'undefined': 0, "
               "'limit_reached': false}]");
    expect_silence(&t);
    talk_stop(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_count_on),       cmocka_unit_test(test_long_stream),
        cmocka_unit_test(test_limits_anywhere),     cmocka_unit_test(test_refused_streams),
        cmocka_unit_test(test_deep_refused_stream), cmocka_unit_test(test_failed_row),
        cmocka_unit_test(test_not_a_stream),        cmocka_unit_test(test_end_twice),
    };
    return cmocka_run_group_tests_name("session_stream", tests, NULL, NULL);
}

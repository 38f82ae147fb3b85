/* Row streams and the ends of requests: rows that count on over messages, what is dropped and what
 * is refused, CANCEL, deadlines, SHUTDOWN and the end of input in every state of a request. */
#include "session_unit.h"

#define ROWS3 "['maps', [{'a': 1}, {'a': 2}, {'a': 3}]]"
#define DONE(matched, rows, reached)                                                               \
    "{'matched': " matched ", 'rows': " rows ", 'type_mismatch': 0, 'undefined': 0, 'limit_reached': " reached "}]"

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
            snprintf(open, sizeof open, "[2, 9, 'a >= 1500 and a < 2500 or a = 7', {'result': '%s'}, nil]",
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
    static const uint32_t LIMITS[] = {1, 2, 6, 7, 8, 20, 21, 22, 999, 1000, 1001, 1024, 1025, 2999, 3000};
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
        "[2, 5, 'a', nil, " ROWS3 "]", "[3, 5, 'a']", "[10, 5, 'a', nil]",
        "[10, 5, 'a', nil, " ROWS3 "]", "[10, 5, 'a', nil, nil]",
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
    expect(&t, "[67, 5, {'matched': 0, 'rows': 3, 'type_mismatch': 3, 'undefined': 0, 'limit_reached': false}]");
    expect_silence(&t);
    talk_stop(&t);
}

/* --- CANCEL and other stops --- */

enum where { WAITING, QUEUED, HELD_BEFORE, HELD_AFTER, PARTLY, NOWHERE };

/* A request with id 5 in that state; the one that is held, if any. */
static struct request *bring_to(struct talk *t, enum where where, bool stream) {
    bool small;
    say(t, stream ? "[2, 5, 'a >= 2', {}, nil]" : "[2, 5, 'a >= 2', {}, " ROWS3 "]");
    if (where == WAITING || where == PARTLY) {
        expect_silence(t);
        if (where == PARTLY) {
            say(t, "[5, 5, " ROWS3 "]");
            expect(t, "[66, 5, 'indices', 0, 3, #0100000002000000]");
        }
        return NULL;
    }
    if (stream) {
        say(t, "[5, 5, " ROWS3 "]");
        say(t, "[6, 5]");
    }
    if (where == QUEUED)
        return NULL;
    struct request *r = session_next(t->s, &small);
    assert_non_null(r);
    assert_true(small);
    if (where == HELD_AFTER)
        session_run(r);
    return r;
}

static void test_cancel(void **state) {
    (void)state;
    for (int where = WAITING; where < NOWHERE; where++)
        for (int stream = 0; stream < 2; stream++) {
            struct talk t;
            if (!stream && (where == WAITING || where == PARTLY))
                continue;
            talk_begin(&t, NULL);
            struct request *r = bring_to(&t, (enum where)where, stream);
            say(&t, "[7, 5]");
            say(&t, "[7, 5]");
            if (where == HELD_BEFORE)
                session_run(r);
            if (r)
                session_ran(t.s, r);
            expect_error(&t, 5, E_CANCELLED, NULL);
            expect_silence(&t);
            say(&t, "[7, 5]");
            expect_silence(&t);
            say(&t, "[5, 5, " ROWS3 "]");
            expect_error(&t, 5, E_ID_UNKNOWN, NULL);
            say(&t, "[2, 5, 'a >= 2', {'result': 'count'}, " ROWS3 "]"); /* the id again */
            expect(&t, "[67, 5, " DONE("2", "3", "false"));
            assert_true(session_is_idle(t.s));
            talk_stop(&t);
        }
}

static void test_cancel_others(void **state) {
    (void)state;
    struct talk t;
    bool small;
    talk_begin(&t, NULL);
    say(&t, "[7, 99]");
    expect_silence(&t);
    say(&t, "[3, 5, 'a']"); /* a PREPARE gives its place back, done or not */
    say(&t, "[7, 5]");
    expect_error(&t, 5, E_CANCELLED, NULL);
    say(&t, "[3, 5, 'a']");
    struct request *r = session_next(t.s, &small);
    session_run(r);
    say(&t, "[7, 5]");
    session_ran(t.s, r);
    expect_error(&t, 5, E_CANCELLED, NULL);
    say(&t, "[9, 6]");
    assert_non_null(strstr(hear(&t), "'plans': 0, "));
    for (unsigned i = 10; i < 20; i++) { /* from the middle of the queue */
        char text[60];
        snprintf(text, sizeof text, "[2, %u, 'a', {'result': 'count'}, ['maps', []]]", i);
        say(&t, text);
    }
    say(&t, "[7, 10]");
    say(&t, "[7, 15]");
    say(&t, "[7, 19]");
    expect_error(&t, 10, E_CANCELLED, NULL);
    expect_error(&t, 15, E_CANCELLED, NULL);
    expect_error(&t, 19, E_CANCELLED, NULL);
    for (unsigned i = 11; i < 19; i++)
        if (i != 15)
            assert_int_equal(strtoul(hear(&t) + 5, NULL, 10), i);
    expect_silence(&t);
    talk_stop(&t);
}

static void test_deadline(void **state) {
    (void)state;
    struct limits limits;
    limits_default(&limits);
    limits.deadline_ms = 50;
    for (int where = WAITING; where < NOWHERE; where++) {
        struct talk t;
        uint64_t opened = 0;
        talk_begin(&t, &limits);
        assert_null(session_oldest(t.s, &opened));
        struct request *held = bring_to(&t, (enum where)where, true);
        say(&t, "[2, 6, 'a', {'result': 'count'}, nil]"); /* a younger one is not touched */
        struct request *r = session_oldest(t.s, &opened);
        assert_non_null(r);
        assert_true(opened > 0);
        assert_true(!held || held == r);
        session_stop_request(r, E_DEADLINE);
        if (where == HELD_BEFORE)
            session_run(held);
        if (held)
            session_ran(t.s, held);
        if (where == HELD_AFTER) { /* it was done already */
            expect(&t, "[66, 5, 'indices', 0, 3, #0100000002000000]");
            expect(&t, "[67, 5, " DONE("2", "3", "false"));
        } else {
            expect_error(&t, 5, E_DEADLINE, "'limit': 50");
        }
        if (where == WAITING || where == PARTLY) { /* the client could not know */
            say(&t, "[5, 5, " ROWS3 "]");
            say(&t, "[6, 5]");
        }
        expect_silence(&t);
        say(&t, "[6, 6]");
        expect(&t, "[67, 6, " DONE("0", "0", "false"));
        assert_true(session_is_idle(t.s));
        talk_stop(&t);
    }
}

static void test_drain(void **state) {
    (void)state;
    struct talk t;
    talk_begin(&t, NULL);
    say(&t, "[2, 5, 'a >= 2', {'result': 'count'}, nil]");
    say(&t, "[2, 6, 'a >= 2', {'result': 'count'}, " ROWS3 "]");
    session_drain(t.s);
    say(&t, "[2, 7, 'a', nil, " ROWS3 "]");
    expect_error(&t, 7, E_SHUTDOWN, NULL);
    expect(&t, "[67, 6, " DONE("2", "3", "false"));
    say(&t, "[3, 7, 'a']");
    expect_error(&t, 7, E_SHUTDOWN, NULL);
    say(&t, "[10, 7, 'a', nil]");
    expect_error(&t, 7, E_SHUTDOWN, NULL);
    expect_alive(&t);
    say(&t, "[5, 5, " ROWS3 "]");
    say(&t, "[6, 5]");
    expect(&t, "[67, 5, " DONE("2", "3", "false"));
    assert_true(session_is_idle(t.s));
    talk_stop(&t);
}

/* After the last word nothing is run and nothing is said, whatever was going on. */
static void test_fail(void **state) {
    (void)state;
    for (int where = WAITING; where < NOWHERE; where++) {
        struct talk t;
        talk_begin(&t, NULL);
        struct request *r = bring_to(&t, (enum where)where, true);
        session_fail(t.s, E_SLOW_CLIENT, "a detail");
        assert_true(session_is_over(t.s));
        if (where == HELD_BEFORE)
            session_run(r);
        if (r)
            session_ran(t.s, r);
        expect_error(&t, 0, E_SLOW_CLIENT, "a detail");
        expect_end(&t, E_SLOW_CLIENT);
        talk_stop(&t);
    }
}

/* --- the end of input --- */

static void test_end_of_input(void **state) {
    (void)state;
    struct talk t;
    talk_start(&t, NULL); /* nothing at all is a clean end */
    session_end(t.s);
    expect_end(&t, E_OK);
    talk_stop(&t);

    talk_begin(&t, NULL);
    say(&t, "[2, 5, 'a >= 2', {'result': 'count'}, " ROWS3 "]"); /* is still answered */
    say(&t, "[2, 6, 'a >= 2', {'result': 'count'}, nil]");
    say(&t, "[5, 6, " ROWS3 "]");
    say(&t, "[6, 6]");
    session_end(t.s);
    assert_false(session_is_over(t.s));
    assert_false(session_wants_input(t.s));
    expect(&t, "[67, 5, " DONE("2", "3", "false"));
    expect(&t, "[67, 6, " DONE("2", "3", "false"));
    expect_end(&t, E_OK);
    talk_stop(&t);

    talk_begin(&t, NULL); /* an open stream: what is complete is answered */
    say(&t, "[2, 5, 'a >= 2', {}, nil]");
    say(&t, "[5, 5, " ROWS3 "]");
    session_end(t.s);
    expect(&t, "[66, 5, 'indices', 0, 3, #0100000002000000]");
    uint64_t offset;
    session_verdict(t.s, &offset);
    char extra[40];
    snprintf(extra, sizeof extra, "'offset': %u}", (unsigned)offset);
    expect_error(&t, 0, E_TRUNCATED, extra);
    expect_end(&t, E_TRUNCATED);
    talk_stop(&t);

    talk_begin(&t, NULL); /* a stream that was refused is not open */
    say(&t, "[2, 5, 'a >=', {}, nil]");
    expect_error(&t, 5, E_SYNTAX, NULL);
    session_end(t.s);
    expect_end(&t, E_OK);
    talk_stop(&t);
}

static void test_cut_frames(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        unsigned n;
        enum status first;
    } CASES[] = {
        {"\0", 1, E_TRUNCATED},
        {"\0\0\0", 3, E_TRUNCATED},
        {"\0\0\0\5", 4, E_TRUNCATED},
        {"\0\0\0\5\x92", 5, E_TRUNCATED},
        {"\0\4\0\0\x92", 5, E_TRUNCATED},
        {"\xFF\xFF\xFF\xFFxyz", 7, E_FRAME_TOO_LARGE},
    };
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        struct talk t;
        uint64_t before;
        char extra[40];
        talk_begin(&t, NULL);
        session_verdict(t.s, &before);
        assert_int_equal(feed(&t, CASES[i].bytes, CASES[i].n, SIZE_MAX), CASES[i].n);
        session_end(t.s);
        if (CASES[i].first == E_FRAME_TOO_LARGE)
            expect_error(&t, 0, E_FRAME_TOO_LARGE, "'limit': 67108864, 'actual': 4294967295");
        snprintf(extra, sizeof extra, "'offset': %u}", (unsigned)before + CASES[i].n);
        expect_error(&t, 0, E_TRUNCATED, extra);
        expect_end(&t, E_TRUNCATED);
        talk_stop(&t);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_count_on),   cmocka_unit_test(test_long_stream),
        cmocka_unit_test(test_limits_anywhere), cmocka_unit_test(test_refused_streams),
        cmocka_unit_test(test_deep_refused_stream),
        cmocka_unit_test(test_failed_row),      cmocka_unit_test(test_not_a_stream),
        cmocka_unit_test(test_end_twice),       cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_cancel_others),   cmocka_unit_test(test_deadline),
        cmocka_unit_test(test_drain),           cmocka_unit_test(test_fail),
        cmocka_unit_test(test_end_of_input),    cmocka_unit_test(test_cut_frames),
    };
    return cmocka_run_group_tests_name("session_stream", tests, NULL, NULL);
}

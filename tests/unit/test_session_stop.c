/* The ends of requests and of sessions: CANCEL, deadlines, SHUTDOWN, a last error and the end of
 * input, in every state that a request can be in. */
#include "session_unit.h"

#define DONE(matched, rows, reached)                                                               \
    "{'matched': " matched ", 'rows': " rows                                                       \
    ", 'type_mismatch': 0, 'undefined': 0, 'limit_reached': " reached "}"                          \
    "]"

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
        bool small;
        if (!r)
            assert_null(session_next(t.s, &small));
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
        {"\0", 1, E_TRUNCATED},           {"\0\0\0", 3, E_TRUNCATED},
        {"\0\0\0\5", 4, E_TRUNCATED},     {"\0\0\0\5\x92", 5, E_TRUNCATED},
        {"\0\4\0\0\x92", 5, E_TRUNCATED}, {"\xFF\xFF\xFF\xFFxyz", 7, E_FRAME_TOO_LARGE},
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
        cmocka_unit_test(test_cancel),     cmocka_unit_test(test_cancel_others),
        cmocka_unit_test(test_deadline),   cmocka_unit_test(test_drain),
        cmocka_unit_test(test_fail),       cmocka_unit_test(test_end_of_input),
        cmocka_unit_test(test_cut_frames),
    };
    return cmocka_run_group_tests_name("session_stop", tests, NULL, NULL);
}

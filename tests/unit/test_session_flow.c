/* The flow through a session: when it reads and when not, what it keeps still while it is written,
 * whose turn it is, and every limit of a connection at one below, at and one above. */
#include "session_unit.h"

/* The most that one quantum adds: as long as there is room it makes 4 chunks, each closed by a
 * block (of rows of at most 6 bytes here) and a header. */
enum { QUANTUM_BYTES = 5 * CHUNK_BYTES + 10 * BLOCK_ROWS + 1000 };
#ifdef TAMIS_HOSTILE
enum { MANY = 5000 };
#else
enum { MANY = 400000 };
#endif

static void tight(struct limits *l) {
    limits_default(l);
    l->output_bytes = 4096;
    l->queue_bytes = 4096;
}

/* --- output --- */

static void test_output_pauses(void **state) {
    (void)state;
    struct limits limits;
    struct talk t;
    struct answer a;
    bool small;
    tight(&limits);
    talk_begin(&t, &limits);
    say_rows(&t, "2 5 'a >= 0' {'result': 'rows'}", 5, 0, MANY);
    run_all(&t);
    assert_false(session_wants_input(t.s));
    assert_null(session_next(t.s, &small));
    assert_false(session_is_over(t.s));
    size_t n, most = 0;
    unsigned turns = 0;
    for (const uint8_t *p; (p = session_output(t.s, &n)); turns++) {
        most = n > most ? n : most;
        uint8_t *copy = malloc(n);
        assert_non_null(copy);
        memcpy(copy, p, n);
        size_t part = n > 2000 ? n - 2000 : n; /* below the limit again: more is made, behind */
        for (size_t sent = 0; sent < part; sent += part / 3 + 1) {
            size_t step = part - sent < part / 3 + 1 ? part - sent : part / 3 + 1;
            size_t left;
            assert_ptr_equal(session_output(t.s, &left), p + sent);
            assert_true(left >= n - sent);
            assert_memory_equal(p + sent, copy + sent, n - sent);
            buf_add(&t.out, p + sent, step);
            session_sent(t.s, step);
            run_all(&t);
        }
        size_t left;
        if (part < n) {
            assert_ptr_equal(session_output(t.s, &left), p + part);
            assert_int_equal(left, n - part);
            assert_memory_equal(p + part, copy + part, n - part);
            buf_add(&t.out, p + part, n - part);
            session_sent(t.s, n - part);
        }
        free(copy);
        run_all(&t);
    }
    assert_true(session_wants_input(t.s));
    assert_true(turns > 3);
    assert_true(most <= 4096 + QUANTUM_BYTES);
    hear_answer(&t, 5, &a);
    char want[60];
    snprintf(want, sizeof want, "{'matched': %d, 'rows': %d, ", MANY, MANY);
    assert_non_null(strstr(a.last, want));
    for (size_t i = 0, at = 0; i < MANY; i++) { /* byte for byte as they came */
        struct mp_reader r;
        mp_reader_init(&r, a.bytes.data + at, a.bytes.len - at, 4);
        assert_int_equal(mp_read_map(&r), 1);
        mp_skip(&r);
        assert_int_equal(mp_read_value(&r).w.u, i);
        at += mp_offset(&r);
        assert_true(i + 1 < MANY || at == a.bytes.len);
    }
    answer_done(&a);
    talk_stop(&t);
}

/* Replies that are made at once stop the input as well, and what waits is answered in the end. */
static void test_pongs_pause(void **state) {
    (void)state;
    struct limits limits;
    struct talk t;
    struct buf frames = {0};
    tight(&limits);
    talk_begin(&t, &limits);
    for (unsigned i = 0; i < 5000; i++) {
        char text[40];
        snprintf(text, sizeof text, "[8, %u, 'twelve bytes']", i);
        write_frame(&frames, text);
    }
    size_t done = feed(&t, frames.data, frames.len, SIZE_MAX), unsent;
    assert_true(done < frames.len);
    session_output(t.s, &unsent);
    assert_true(unsent > 4096 && unsent < 4096 + 100);
    assert_false(session_wants_input(t.s));
    take_output(&t, unsent - 4096 - 1);
    assert_false(session_wants_input(t.s)); /* still one byte over */
    take_output(&t, 1);
    while (done < frames.len) {
        assert_true(take_output(&t, 3000) > 0 || session_wants_input(t.s));
        done += feed(&t, frames.data + done, frames.len - done, 5000);
    }
    for (unsigned i = 0; i < 5000; i++) {
        char text[40];
        snprintf(text, sizeof text, "[70, %u, 'twelve bytes']", i);
        expect(&t, text);
    }
    expect_silence(&t);
    buf_done(&frames);
    talk_stop(&t);
}

/* The end of input comes while frames still wait for room in the output. */
static void test_end_behind_full_output(void **state) {
    (void)state;
    struct limits limits;
    struct talk t;
    struct buf frames = {0};
    tight(&limits);
    talk_begin(&t, &limits);
    while (frames.len < 3 * 4096)
        write_frame(&frames, "[8, 1, 'a text of forty bytes that is echoed']");
    write_frame(&frames, "[2, 2, 'a', {'result': 'count'}, ['maps', []]]");
    size_t done = 0;
    while (done < frames.len) {
        if (!session_wants_input(t.s))
            take_output(&t, 100);
        done += feed(&t, frames.data + done, frames.len - done, SIZE_MAX);
    }
    session_end(t.s);
    unsigned pongs = 0;
    while (strncmp(hear(&t), "[70, ", 5) == 0)
        pongs++;
    assert_true(pongs > 200);
    assert_int_equal(strncmp((char *)t.line.data, "[67, 2, ", 8), 0);
    expect_end(&t, E_OK);
    buf_done(&frames);
    talk_stop(&t);
}

/* --- input --- */

static void test_queue_pauses(void **state) {
    (void)state;
    struct limits limits;
    struct talk t;
    bool small;
    tight(&limits);
    talk_begin(&t, &limits);
    say(&t, "[2, 5, 'a >= 0', {'result': 'count'}, nil]");
    settle(&t);
    say_rows(&t, "5 5", 3, 0, 10);
    struct request *r = session_next(t.s, &small); /* on a worker, for long */
    assert_non_null(r);
    struct buf frame = {0};
    rows_frame(&frame, "5 5", 3, 0, 10);
    unsigned frames = 1;
    while (session_wants_input(t.s)) {
        frames++;
        assert_int_equal(feed(&t, frame.data, frame.len, SIZE_MAX), frame.len);
    }
    assert_true(frames * frame.len <= 4096 + 2 * frame.len);
    assert_true(frames > 20);
    session_run(r);
    assert_false(session_wants_input(t.s)); /* not before it is told */
    session_ran(t.s, r);
    settle(&t);
    assert_true(session_wants_input(t.s));
    say(&t, "[6, 5]");
    char want[120];
    snprintf(want, sizeof want,
             "[67, 5, {'matched': %u, 'rows': %u, 'type_mismatch': 0, 'undefined': 0, "
             "'limit_reached': false}]",
             10 * frames, 10 * frames);
    expect(&t, want);
    buf_done(&frame);
    talk_stop(&t);
}

/* A first message larger than the queue does not keep CANCEL and PING out; a second one does. */
static void test_large_request_lets_through(void **state) {
    (void)state;
    struct limits limits;
    struct talk t;
    bool small;
    tight(&limits);
    talk_begin(&t, &limits);
    say_rows(&t, "2 5 'a >= 0' {'result': 'count'}", 5, 0, 3000);
    struct request *r = session_next(t.s, &small);
    assert_non_null(r);
    assert_true(session_wants_input(t.s));
    say(&t, "[8, 6]");
    say(&t, "[7, 5]");
    expect(&t, "[70, 6, nil]");
    session_run(r);
    say_rows(&t, "2 7 'a >= 0' {'result': 'count'}", 5, 0, 3000);
    assert_false(session_wants_input(t.s));
    session_ran(t.s, r);
    assert_true(session_wants_input(t.s)); /* now that is the oldest */
    expect_error(&t, 5, E_CANCELLED, NULL);
    assert_non_null(strstr(hear(&t), "[67, 7, {'matched': 3000,"));
    talk_stop(&t);
}

/* --- turns --- */

static void test_turns(void **state) {
    (void)state;
    struct talk t;
    struct request *r, *turn[3];
    bool small;
    talk_begin(&t, NULL);
    say_rows(&t, "2 5 'a >= 0' {'result': 'count'}", 5, 0, MANY);
    say_rows(&t, "2 6 'a >= 0' {'result': 'count'}", 5, 0, MANY);
    say(&t, "[2, 7, 'a >= 2', {'result': 'count'}, " ROWS3 "]");
    for (int i = 0; i < 3; i++) {
        turn[i] = session_next(t.s, &small);
        assert_non_null(turn[i]);
        assert_int_equal(small, i == 2);
        assert_null(session_next(t.s, &small)); /* one at a time */
        session_run(turn[i]);
        session_ran(t.s, turn[i]);
    }
    unsigned turns = 0;
    for (; (r = session_next(t.s, &small)); turns++) {
        assert_ptr_equal(r, turn[turns % 2]); /* in turn, to the end of both */
        session_run(r);
        session_ran(t.s, r);
    }
    assert_true(turns % 2 == 0 && turns >= 2 * (MANY / STEP_ROWS - 1));
    assert_non_null(strstr(hear(&t), "[67, 7, {'matched': 2,")); /* was not kept waiting */
    assert_non_null(strstr(hear(&t), "[67, 5, {'matched': "));
    assert_non_null(strstr(hear(&t), "[67, 6, {'matched': "));
    talk_stop(&t);
}

/* A flood of tiny messages is work as well: it is cut into turns, and it counts as waiting with
 * what it really takes. */
static void test_empty_rows_take_turns(void **state) {
    (void)state;
    struct talk t;
    bool small;
    struct limits limits;
    limits_default(&limits);
    limits.queue_bytes = 4 << 20;
    talk_begin(&t, &limits);
    say(&t, "[2, 5, 'a', {'result': 'count'}, nil]");
    settle(&t);
    say(&t, "[5, 5, ['maps', []]]");
    struct request *r = session_next(t.s, &small);
    struct buf frames = {0};
    while (frames.len < 4 << 20)
        write_frame(&frames, "[5, 5, ['maps', []]]");
    size_t fed = feed(&t, frames.data, frames.len, SIZE_MAX);
    assert_true(fed < frames.len / 2);
    unsigned turns = 0;
    for (; r; r = session_next(t.s, &small), turns++) {
        session_run(r);
        session_ran(t.s, r);
    }
    assert_true(turns >= fed / 14 / (STEP_ROWS / 64 + 1));       /* 64 rows' worth each */
    feed(&t, frames.data + fed, (14 - fed % 14) % 14, SIZE_MAX); /* the rest of a frame */
    say(&t, "[6, 5]");
    assert_non_null(strstr(hear(&t), "[67, 5, {'matched': 0, 'rows': 0,"));
    buf_done(&frames);
    talk_stop(&t);
}

/* --- limits --- */

static void say_stream(struct talk *t, const char *query, unsigned id) {
    char text[60];
    snprintf(text, sizeof text, "[2, %u, '%s', {'result': 'count'}, nil]", id, query);
    say(t, text);
}

static void test_requests_limit(void **state) {
    (void)state;
    struct limits limits;
    struct talk t;
    limits_default(&limits);
    limits.requests = 3;
    for (int refused = 0; refused < 2; refused++) { /* what waits for its END only counts too */
        talk_begin(&t, &limits);
        for (unsigned id = 5; id < 8; id++) {
            say_stream(&t, refused ? "a >" : "a", id);
            if (refused)
                expect_error(&t, id, E_SYNTAX, NULL);
            else
                expect_silence(&t);
        }
        for (unsigned id = 8; id < 200; id++) {
            say_stream(&t, "a", id);
            expect_error(&t, id, E_TOO_MANY_REQUESTS, "'limit': 3, 'actual': 4}");
        }
        say(&t, "[3, 8, 'a']");
        expect_error(&t, 8, E_TOO_MANY_REQUESTS, NULL);
        expect_alive(&t);
        say(&t, "[6, 6]");
        if (!refused)
            assert_non_null(strstr(hear(&t), "[67, 6, "));
        say(&t, "[3, 8, 'a']");
        assert_non_null(strstr(hear(&t), "[69, 8, 1, "));
        say_stream(&t, "a", 6);
        say_stream(&t, "a", 8);
        expect_error(&t, 8, E_TOO_MANY_REQUESTS, NULL);
        talk_stop(&t);
    }
}

static void test_plans_limit(void **state) {
    (void)state;
    struct limits limits;
    struct talk t;
    limits_default(&limits);
    limits.plans = 3;
    talk_begin(&t, &limits);
    say(&t, "[3, 5, 'a >']"); /* takes no place, though it has a number */
    expect_error(&t, 5, E_SYNTAX, NULL);
    for (unsigned i = 2; i < 5; i++) {
        char want[40];
        say(&t, "[3, 5, 'a']");
        snprintf(want, sizeof want, "[69, 5, %u, ", i);
        assert_non_null(strstr(hear(&t), want));
    }
    say(&t, "[3, 5, 'a']");
    expect_error(&t, 5, E_TOO_MANY_PLANS, "'limit': 3, 'actual': 4}");
    say(&t, "[11, 5, 3]");
    expect(&t, "[73, 5, 3]");
    say(&t, "[3, 5, 'a']");
    say(&t, "[3, 6, 'a']"); /* what is not compiled yet counts already */
    expect_error(&t, 6, E_TOO_MANY_PLANS, NULL);
    assert_non_null(strstr(hear(&t), "[69, 5, 5, "));
    say(&t, "[9, 7]");
    assert_non_null(strstr(hear(&t), "'plans': 3, "));
    talk_stop(&t);
}

/* PING with a bin so that the message has n bytes. */
static void ping_frame(struct buf *out, size_t n) {
    struct buf m = {0};
    write_notation(&m, "@930805c5");
    size_t pad = n - m.len - 2;
    buf_byte(&m, (uint8_t)(pad >> 8));
    buf_byte(&m, (uint8_t)pad);
    while (m.len < n)
        buf_byte(&m, 0xC1); /* bytes of a bin mean nothing */
    uint8_t head[4] = {0, 0, (uint8_t)(n >> 8), (uint8_t)n};
    buf_add(out, head, 4);
    buf_add(out, m.data, n);
    buf_done(&m);
}

static void test_frame_limit(void **state) {
    (void)state;
    struct limits limits;
    limits_default(&limits);
    limits.frame_bytes = 2000;
    for (size_t n = 1999; n <= 2002; n++)
        for (size_t piece = 1; piece < 4000; piece *= 61) {
            struct talk t;
            struct buf frame = {0};
            char extra[60];
            talk_begin(&t, &limits);
            ping_frame(&frame, n);
            assert_int_equal(feed(&t, frame.data, frame.len, piece), frame.len);
            snprintf(extra, sizeof extra, "'limit': 2000, 'actual': %zu}", n);
            if (n > 2000)
                expect_error(&t, 0, E_FRAME_TOO_LARGE, extra);
            else
                assert_int_equal(strncmp(hear(&t), "[70, 5, #c1c1", 13), 0);
            expect_alive(&t);
            buf_done(&frame);
            talk_stop(&t);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_output_pauses),
        cmocka_unit_test(test_pongs_pause),
        cmocka_unit_test(test_end_behind_full_output),
        cmocka_unit_test(test_queue_pauses),
        cmocka_unit_test(test_large_request_lets_through),
        cmocka_unit_test(test_turns),
        cmocka_unit_test(test_empty_rows_take_turns),
        cmocka_unit_test(test_requests_limit),
        cmocka_unit_test(test_plans_limit),
        cmocka_unit_test(test_frame_limit),
    };
    return cmocka_run_group_tests_name("session_flow", tests, NULL, NULL);
}

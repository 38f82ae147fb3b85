/* The memory of a session: none for a claim, a large frame once, little when idle, and never more
 * than memory_bytes, whatever that is. */
#include "session_unit.h"

#include "session/state.h"

/* What the service keeps for the next sessions with work. */
static size_t bytes_kept(const struct service *s) {
    size_t n = 0;
    for (uint32_t i = 0; i < s->frames.n_reads; i++)
        n += s->frames.reads[i].cap;
    for (uint32_t i = 0; i < s->frames.n_spare; i++)
        n += s->frames.spare[i].cap;
    for (uint32_t i = 0; i < s->spares.n_outputs; i++)
        n += s->spares.outputs[i].cap;
    for (const struct request *r = s->spares.requests; r; r = r->next)
        n += r->first.cap + r->out.cap + r->arena.held_bytes + r->payload_arena.held_bytes;
    return n;
}

/* 4 GiB are claimed: an error at once, no memory, and what comes is thrown away. */
static void test_huge_claim(void **state) {
    (void)state;
    struct talk t;
    static const uint8_t JUNK[65536];
    talk_begin(&t, NULL);
    feed(&t, "\xFF\xFF\xFF\xFE", 4, SIZE_MAX);
    expect_error(&t, 0, E_FRAME_TOO_LARGE, "'actual': 4294967294}");
    size_t used = t.service.budget.used_bytes;
    for (int i = 0; i < 100; i++)
        assert_int_equal(feed(&t, JUNK, sizeof JUNK, SIZE_MAX), sizeof JUNK);
    assert_true(t.service.budget.used_bytes <= used + 4 * READ_BYTES);
    expect_silence(&t);
    session_end(t.s);
    expect_error(&t, 0, E_TRUNCATED, NULL);
    expect_end(&t, E_TRUNCATED);
    talk_stop(&t);
}

/* A large frame is in memory once: it grows as it comes, and is handed on as it is. */
static void test_large_frame_is_not_copied(void **state) {
    (void)state;
    struct talk t;
    struct buf frame = {0};
    talk_begin(&t, NULL);
    rows_frame(&frame, "2 5 'a < 0' {'result': 'count'}", 5, 0, 600000);
    assert_int_equal(feed(&t, "\x00\x40\x00\x00", 4, SIZE_MAX),
                     4); /* a claim alone takes nothing */
    assert_true(t.service.budget.used_bytes < 3 * READ_BYTES + 1000);
    talk_stop(&t);
    talk_begin(&t, NULL);
    assert_int_equal(feed(&t, frame.data, frame.len / 2, 100000), frame.len / 2);
    assert_true(t.service.budget.used_bytes <= frame.len + 3 * READ_BYTES + 1000);
    assert_int_equal(feed(&t, frame.data + frame.len / 2, frame.len - frame.len / 2, 100000),
                     frame.len - frame.len / 2);
    assert_non_null(strstr(hear(&t), "[67, 5, {'matched': 0, 'rows': 600000,"));
    assert_true(t.service.budget.peak_bytes < frame.len + frame.len / 4);
    assert_true(t.service.budget.used_bytes < frame.len / 2); /* and is given back */
    buf_done(&frame);
    talk_stop(&t);
}

/* One request of three large frames, to its end. */
static void stream_frames(struct talk *t) {
    say(t, "[2, 5, 'a < 0', {'result': 'count'}, nil]");
    for (int i = 0; i < 3; i++) {
        say_rows(t, "5 5", 3, 0, 30000);
        settle(t);
    }
    assert_true(t->service.budget.used_bytes > 4 * READ_BYTES || READ_BYTES < 100);
    say(t, "[6, 5]");
    assert_non_null(strstr(hear(t), "[67, 5, {'matched': 0, 'rows': 90000,"));
    expect_silence(t);
}

/* Of the memory that a stream's frames go round in, a session keeps nothing when nothing is open;
 * what the service keeps of it is used by the next request, of whatever session. */
static void test_idle_is_small(void **state) {
    (void)state;
    struct talk t;
    struct limits limits;
    limits_default(&limits);
    limits.plan_cache_bytes = 0;
    talk_begin(&t, &limits);
    stream_frames(&t);
    const struct frame_store *kept = &t.service.frames;
    size_t bytes = 0;
    for (uint32_t i = 0; i < kept->n_spare; i++)
        bytes += kept->spare[i].cap;
    assert_true(bytes > 0);
    assert_true(t.service.budget.used_bytes - bytes < 3 * READ_BYTES + 1000);
    for (int i = 0; i < 3; i++) { /* the same blocks, not more of them */
        stream_frames(&t);
        size_t now = 0;
        for (uint32_t k = 0; k < kept->n_spare; k++)
            now += kept->spare[k].cap;
        assert_int_equal(now, bytes);
    }
    session_free(t.s);
    assert_int_equal(t.service.budget.used_bytes, bytes_kept(&t.service));
    t.s = session_new(&t.service);
    assert_non_null(t.s);
    talk_stop(&t);
}

/* An idle session keeps nothing that is charged, whatever it has done before: large and small
 * requests, in streams, over a table and prepared ones, messages that are answered at once, large
 * answers; nor does one that has only been greeted. */
static void test_idle_is_nothing(void **state) {
    (void)state;
    static const char *const SAYS[] = {
        "[8, 2, 'x']",
        "[9, 3]",
        "[12, 4, 't', {'private': true}]",
        "[14, 5, 't', nil, " ROWS3 "]",
        "[3, 6, 'a >= 2']",
        "[4, 7, 1, {'result': 'indices'}, ['table', 't']]",
        "[4, 8, 1, {'result': 'rows'}, " ROWS3 "]",
        "[10, 9, 'a = 1', nil]",
        "[2, 10, 'a >', nil, nil]",
        "[16, 11, 't']",
        "[11, 12, 1]",
    };
    enum { SESSIONS = 5 };
    struct session *idle[SESSIONS];
    struct limits limits;
    struct talk t;
    limits_default(&limits);
    limits.plan_cache_bytes = 0;
    talk_begin(&t, &limits);
    assert_int_equal(t.service.budget.used_bytes, bytes_kept(&t.service));
    for (int k = 0; k < SESSIONS; k++) {
        for (size_t i = 0; i < COUNT_OF(SAYS); i++) {
            say(&t, SAYS[i]);
            while (*hear(&t))
                continue;
        }
        stream_frames(&t);
        say_rows(&t, "2 5 'a >= 0' {'result': 'rows'}", 5, 0, 30000);
        while (*hear(&t))
            continue;
        assert_true(session_is_idle(t.s));
        assert_int_equal(t.service.budget.used_bytes, bytes_kept(&t.service));
        assert_true(bytes_kept(&t.service) < 6 << 20);
        idle[k] = t.s;
        t.s = session_new(&t.service);
        assert_non_null(t.s);
        say(&t, HELLO_TEXT);
        hear(&t);
    }
    for (int k = 0; k < SESSIONS; k++)
        session_free(idle[k]);
    talk_stop(&t);
}

/* While memory is scarce it is not kept for frames that may never come. */
static void test_scarce_memory_is_not_kept(void **state) {
    (void)state;
    struct talk t;
    struct limits limits;
    limits_default(&limits);
    limits.plan_cache_bytes = 0;
    limits.memory_bytes = 64 << 20;
    talk_begin(&t, &limits);
    assert_true(budget_charge(&t.service.budget, 33 << 20));
    stream_frames(&t);
    assert_int_equal(t.service.frames.n_spare, 0);
    budget_release(&t.service.budget, 33 << 20);
    stream_frames(&t);
    assert_true(t.service.frames.n_spare > 0);
    talk_stop(&t);
}

/* Whatever memory_bytes is, a request is answered, or refused for memory, or the connection ends
 * for memory; and a second connection is served once the first has let go. */
static void test_memory_limit(void **state) {
    (void)state;
    struct limits limits;
    unsigned refused = 0, ended = 0, answered = 0;
    limits_default(&limits);
    limits.plan_cache_bytes = 0;
    for (uint64_t memory = 50; memory < 8u << 20; memory += memory / 7) {
        struct talk t;
        uint64_t offset;
        struct buf frame = {0};
        limits.memory_bytes = memory;
        talk_start(&t, &limits);
        rows_frame(&frame, "2 5 'a >= 0 and b is missing' {'result': 'rows'}", 5, 0, 30000);
        write_frame(&frame, "[3, 6, 'a = 1']");
        say(&t, HELLO_TEXT);
        hear(&t);
        feed(&t, frame.data, frame.len, SIZE_MAX);
        const char *line;
        while (*(line = hear(&t))) {
            answered += strncmp(line, "[67, 5, {'matched': 30000,", 26) == 0;
            refused += strstr(line, "'name': 'MEMORY'") != NULL;
            assert_true(strstr(line, "'name': ") == NULL || strstr(line, "'name': 'MEMORY'"));
        }
        if (session_is_over(t.s)) {
            assert_int_equal(session_verdict(t.s, &offset), E_MEMORY);
            ended++;
        }
        assert_true(t.service.budget.peak_bytes <= memory);
        session_free(t.s);
        assert_int_equal(t.service.budget.used_bytes, bytes_kept(&t.service));
        t.s = session_new(&t.service);
        assert_non_null(t.s);
        buf_done(&frame);
        talk_stop(&t);
    }
    assert_true(refused > 5 && ended > 5 && answered > 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_huge_claim),
        cmocka_unit_test(test_large_frame_is_not_copied),
        cmocka_unit_test(test_idle_is_small),
        cmocka_unit_test(test_idle_is_nothing),
        cmocka_unit_test(test_scarce_memory_is_not_kept),
        cmocka_unit_test(test_memory_limit),
    };
    return cmocka_run_group_tests_name("session_memory", tests, NULL, NULL);
}

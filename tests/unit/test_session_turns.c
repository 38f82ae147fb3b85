/* Which requests run on the thread that owns the sessions, and which leave it. */
#include "session_unit.h"

/* Whether the request may run on the session's own thread; it is run to its end. */
static bool is_small(struct talk *t, const char *message) {
    bool small = false;
    say(t, message);
    struct request *r = session_next(t->s, &small);
    assert_non_null(r);
    session_run(r);
    session_ran(t->s, r);
    settle(t);
    while (strncmp(hear(t), "[66, ", 5) == 0)
        ;
    if (strncmp((const char *)t->line.data, "[67, ", 5) != 0 &&
        strncmp((const char *)t->line.data, "[72, ", 5) != 0)
        fail_msg("%s: %s", message, (const char *)t->line.data);
    return small;
}

/* One behind the other: cells of 64 KiB. */
static void say_long_rows(struct talk *t, const char *table, uint32_t n) {
    struct buf b = {0};
    buf_printf(&b, "[14, 6, '%s', nil, ['maps', [", table);
    for (uint32_t i = 0; i < n; i++) {
        buf_printf(&b, "{'a': %u, 's': '%u", i, i);
        for (uint32_t k = 0; k < 1024; k++)
            buf_add_text(&b, "0123456789 0123456789 0123456789 0123456789 0123456789 01234567");
        buf_add_text(&b, "'}, ");
    }
    buf_add_text(&b, "]]]");
    buf_byte(&b, '\0');
    assert_false(buf_failed(&b));
    say(t, (const char *)b.data);
    buf_done(&b);
}

/* What may take longer than others should wait leaves the loop's thread. */
static void test_whose_thread(void **state) {
    (void)state;
    struct talk t;
    talk_begin(&t, NULL);
    say(&t, "[12, 5, 'few', nil]");
    say(&t, "[12, 6, 'many', nil]");
    say(&t, "[12, 7, 'long', nil]");
    settle(&t);
    say_rows(&t, "14 5 'few' nil", 5, 0, 50);
    say_rows(&t, "14 6 'many' nil", 5, 0, 5000);
    settle(&t);
    say_long_rows(&t, "long", 80);
    settle(&t);
    t.at = t.out.len;
    assert_true(is_small(&t, "[2, 7, 'a > 7', {}, ['table', 'few']]"));
    assert_true(is_small(&t, "[2, 7, 'a > 7', {'order': [['a', 'asc']]}, ['table', 'few']]"));
    assert_true(is_small(&t, "[2, 7, 'a > 7', {'result': 'rows'}, ['table', 'few']]"));
    assert_false(is_small(&t, "[2, 7, 'a > 7', {'strict': true}, ['table', 'few']]"));
    assert_true(is_small(&t, "[2, 7, 'a > 7', {'result': 'count'}, ['table', 'many']]"));
    assert_false(is_small(&t, "[2, 7, 'a > 7', {'order': [['a', 'asc']]}, ['table', 'many']]"));
    assert_false(is_small(&t, "[2, 7, 'a > 7', {'result': 'rows'}, ['table', 'many']]"));
    assert_false(is_small(&t, "[2, 7, 'a > 7', {'result': 'columns'}, ['table', 'many']]"));
    assert_false(
        is_small(&t, "[2, 7, 'a > 7', {'result': 'counts', 'by': 'a'}, ['table', 'many']]"));
    assert_false(is_small(&t, "[2, 7, \"s like '%x%y'\", {'result': 'count'}, ['table', 'long']]"));
    talk_stop(&t);
}

static uint64_t tick_ns; /* each look at the clock lets so much time go by */

static _Atomic uint64_t now, looks;

static uint64_t ticking_clock(void) {
    looks++;
    return atomic_fetch_add(&now, tick_ns) + tick_ns;
}

/* A table "many" of so many rows. */
static void begin_many(struct talk *t, uint64_t tick, uint32_t rows) {
    talk_begin(t, NULL);
    t->service.now_ns = ticking_clock;
    tick_ns = tick;
    say(t, "[12, 6, 'many', nil]");
    settle(t);
    say_rows(t, "14 6 'many' nil", 5, 0, rows);
    settle(t);
    t->at = t->out.len;
}

/* A question about a larger table stays on the loop's thread while nobody else needs it and the
 * like of it was short; how short is told for a row, and for each kind of result. */
static void test_alone(void **state) {
    (void)state;
    static const char ROWS[] = "[2, 7, 'a > 7', {'result': 'rows'}, ['table', 'many']]",
                      COLUMNS[] = "[2, 7, 'a > 7', {'result': 'columns'}, ['table', 'many']]",
                      NUMBERS[] = "[2, 7, 'a > 7', {}, ['table', 'many']]",
                      STRICT[] =
                          "[2, 7, 'a > 7', {'result': 'rows', 'strict': true}, ['table', 'many']]",
                      EXPLAIN[] = "[10, 7, 'a > 7', {}, ['table', 'many']]";
    struct talk t;
    begin_many(&t, 100, 40000);
    assert_false(is_small(&t, ROWS)); /* nobody knows yet */
    assert_false(is_small(&t, ROWS)); /* there are others */
    session_alone(t.s, true);
    assert_true(is_small(&t, ROWS));
    assert_false(is_small(&t, COLUMNS)); /* of this kind it is not known */
    assert_true(is_small(&t, COLUMNS));
    assert_true(is_small(&t, ROWS));
    assert_false(is_small(&t, STRICT)); /* another pass over all goes before it */
    assert_true(is_small(&t, ROWS));
    assert_false(is_small(&t, NUMBERS));
    assert_true(is_small(&t, NUMBERS));
    assert_false(is_small(&t, EXPLAIN)); /* of the same kind, but measured in all its steps */
    session_alone(t.s, false);
    assert_false(is_small(&t, ROWS));
    session_alone(t.s, true);
    assert_true(is_small(&t, ROWS));

    tick_ns = 2 * ALONE_NS;
    assert_true(is_small(&t, ROWS)); /* the last one was short, this is not */
    assert_false(is_small(&t, ROWS));
    tick_ns = 100;
    assert_false(is_small(&t, ROWS));
    assert_true(is_small(&t, ROWS));

    looks = 0;
    assert_true(is_small(&t, NUMBERS));
    tick_ns = ALONE_NS / 10 * 9 / looks; /* that is short, but not for four times as many rows */
    assert_true(is_small(&t, NUMBERS));
    assert_true(is_small(&t, NUMBERS));
    tick_ns = 0;
    say_rows(&t, "14 6 'many' nil", 5, 40000, 120000);
    settle(&t);
    t.at = t.out.len;
    assert_false(is_small(&t, NUMBERS));
    assert_true(is_small(&t, NUMBERS));
    talk_stop(&t);
}

/* One that takes longer than the last time goes on elsewhere. */
static void test_alone_no_more(void **state) {
    (void)state;
    struct talk t;
    begin_many(&t, 0, 20000);
    session_alone(t.s, true);
    static const char ROWS[] = "[2, 7, 'a > 7', {'result': 'rows'}, ['table', 'many']]";
    assert_false(is_small(&t, ROWS));
    tick_ns = 2 * ALONE_NS;
    say(&t, ROWS);
    bool small;
    unsigned here = 0, elsewhere = 0;
    for (struct request *r; (r = session_next(t.s, &small));) {
        *(small ? &here : &elsewhere) += 1;
        session_run(r);
        session_ran(t.s, r);
        take_output(&t, SIZE_MAX);
    }
    assert_int_equal(here, 1);
    assert_true(elsewhere > 0);
    while (strncmp(hear(&t), "[66, ", 5) == 0)
        ;
    assert_int_equal(strncmp((const char *)t.line.data, "[67, ", 5), 0);
    talk_stop(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whose_thread),
        cmocka_unit_test(test_alone),
        cmocka_unit_test(test_alone_no_more),
    };
    return cmocka_run_group_tests_name("session_turns", tests, NULL, NULL);
}

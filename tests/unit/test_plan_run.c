/* What a run of a plan counts, and how it is stopped. */
#include "plan/program.h"

#include "plan_unit.h"

static uint64_t count_mismatches(const char *text, const char *bytes, size_t n, size_t n_rows) {
    struct rows rows = {0};
    struct mp_reader r;
    struct compiled c;
    bool kept[64];
    mp_reader_init(&r, bytes, n, 64);
    while (!mp_at_end(&r)) {
        mp_write_map(&rows.bytes, 1);
        mp_write_text(&rows.bytes, "v");
        mp_write_value(&rows.bytes, mp_read_value(&r));
        rows_end_one(&rows);
    }
    assert_int_equal(rows.n, n_rows);
    compile_or_fail(&c, text, NULL);
    uint64_t count = run_rows(c.plan, &rows, BLOCK_ROWS, kept);
    compiled_done(&c);
    buf_done(&rows.bytes);
    return count;
}

static void test_mismatches_are_counted(void **state) {
    (void)state;
    static const char V[] = "\xA2"
                            "50\x05\x32\x91\x63\xC0\xC3"; /* "50", 5, 50, [99], null, true */
#define COUNT(text) count_mismatches(text, V, sizeof V - 1, 6)
    assert_int_equal(COUNT("v > 10"), 3);
    assert_int_equal(COUNT("NOT (v > 10)"), 3);
    assert_int_equal(COUNT("v <= 'x'"), 4);
    assert_int_equal(COUNT("v BETWEEN 1 AND 20"), 3);
    assert_int_equal(COUNT("v = 10"), 0);
    assert_int_equal(COUNT("v <> 'x' AND v IN (1, 'x')"), 0);
    assert_int_equal(COUNT("v"), 4);
    assert_int_equal(COUNT("v LIKE '5%'"), 4);
    assert_int_equal(COUNT("CONTAINS(v, 'x')"), 4);
    assert_int_equal(COUNT("v < v"), 2);
    assert_int_equal(COUNT("ANY(v) = 1"), 4);
    assert_int_equal(COUNT("v < TRUE"), 5);
    assert_int_equal(COUNT("missing > 10"), 0);
#undef COUNT
}

/* The stop flag, set before a run: it ends at once, whatever the plan, and no memory is read that
 * was never written. */
static void test_stop(void **state) {
    (void)state;
    static const char *const QUERIES[] = {"a = 1",
                                          "a = 1 AND b = 1",
                                          "ANY(t) = 1",
                                          "(ANY(t) = 1) IS UNKNOWN",
                                          "(ANY e IN t SATISFIES ANY(e) = 1 END) = a",
                                          "a LIKE b"};
    for (size_t i = 0; i < COUNT_OF(QUERIES); i++) {
        struct compiled c;
        const uint16_t *rows;
        atomic_bool stop = true;
        struct run_options options = {.stop = &stop, .row_depth = 64, .row_fields = 64};
        struct scanner scanner;
        compile_or_fail(&c, QUERIES[i], NULL);
        assert_true(scanner_init(&scanner, &c.query.arena, plan_fields(c.plan), 64, 64));
        struct run *run = run_new(c.plan, &options, NULL);
        static const uint8_t ROW[] = "\x82\xA1"
                                     "a\x01\xA1t\x92\x91\x01\x01";
        run_clear(run);
        assert_non_null(scan_row(&scanner, ROW, ROW + sizeof ROW - 1, run_block(run), 0));
        run_seal(run, 1);
        assert_int_equal(run_block_filter(run, &rows), 0);
        atomic_store(&stop, false); /* and the run is as good as new */
        assert_int_equal(run_block_filter(run, &rows), i == 0 || i == 2);
        run_free(run);
        compiled_done(&c);
    }
}

/* It is looked at between steps, also inside of arrays. */
static atomic_bool stop_later;
static int clock_calls;

static uint64_t stopping_clock(void) {
    if (++clock_calls == 5)
        atomic_store(&stop_later, true);
    return (uint64_t)clock_calls;
}

static void test_stop_while_running(void **state) {
    (void)state;
    static const char *const QUERIES[] = {"(ANY(t) = 1) IS UNKNOWN",
                                          "(ANY e IN t SATISFIES e = 1 OR e = a END) = a"};
    for (size_t i = 0; i < COUNT_OF(QUERIES); i++) {
        struct compiled c;
        const uint16_t *rows;
        struct run_options options = {
            .stop = &stop_later, .now_ns = stopping_clock, .row_depth = 64, .row_fields = 64};
        struct scanner scanner;
        struct buf row = {0};
        mp_write_map(&row, 1);
        mp_write_text(&row, "t");
        mp_write_array(&row, 3 * BLOCK_ROWS);
        for (uint32_t k = 0; k < 3 * BLOCK_ROWS; k++)
            mp_write_int(&row, k % 2);
        compile_or_fail(&c, QUERIES[i], NULL);
        assert_true(scanner_init(&scanner, &c.query.arena, plan_fields(c.plan), 64, 64));
        struct run *run = run_new(c.plan, &options, NULL);
        atomic_store(&stop_later, false);
        clock_calls = 0;
        run_clear(run);
        assert_non_null(scan_row(&scanner, row.data, row.data + row.len, run_block(run), 0));
        run_seal(run, 1);
        assert_int_equal(run_block_filter(run, &rows), 0);
        assert_true(clock_calls >= 5 && clock_calls < 20);
        run_free(run);
        compiled_done(&c);
        buf_done(&row);
    }
}
int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mismatches_are_counted),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_stop_while_running),
    };
    limits_default(&limits);
    return cmocka_run_group_tests_name("plan_run", tests, NULL, NULL);
}

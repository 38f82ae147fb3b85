/* EXPLAIN: the texts of tests/golden/plans.txt, and that the steps as msgpack say the same; what a
 * run adds to them.
 */
#include "plan_unit.h"

#define GOLDEN TAMIS_SOURCE "/tests/golden/plans.txt"

static struct str text_of(const struct buf *b) {
    return (struct str){b->data ? (const char *)b->data : "", b->len};
}

static struct value get(struct value map, const char *key) {
    struct path_step step = {.key = str_of(key)};
    return path_lookup(map, (struct path){&step, 1});
}

static uint32_t lines_in(struct str s) {
    uint32_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += s.p[i] == '\n';
    return n;
}

/* The steps are well-formed, and as many as the text has. Each is named and stands in the text. */
static void check_steps(const struct buf *steps, struct str text, bool counted) {
    struct mp_reader r;
    mp_reader_init(&r, steps->data, steps->len, 8);
    uint32_t n = mp_read_array(&r);
    assert_int_equal(n == 0 ? 1 : (counted ? 3 : 2) * n, lines_in(text));
    for (uint32_t i = 0; i < n; i++) {
        struct value step = mp_read_value(&r), kernel = get(step, "kernel");
        assert_int_equal(step.type, T_MAP);
        assert_int_equal(kernel.type, T_STR);
        assert_non_null(memmem(text.p, text.n, kernel.w.p, kernel.n));
        assert_int_equal(get(step, "term").type, T_STR);
        assert_int_equal(get(step, "reason").type, T_STR);
        assert_true(get(step, "want").n == 4 || get(step, "want").n == 5);
        assert_int_equal(get(step, "cost").type, T_DOUBLE);
        assert_int_equal(get(step, "depth").type, T_INT);
        assert_int_equal(get(step, "rows_in").type, counted ? T_INT : T_MISSING);
        assert_int_equal(get(step, "kernels").type, counted ? T_MAP : T_MISSING);
    }
    assert_int_equal(r.status, E_OK);
    assert_true(mp_at_end(&r));
}

/* --- golden texts --- */

/* The next block: the query's line, then its plan's lines up to a blank one. False at the end. */
static bool next_block(FILE *f, struct buf *query, struct buf *plan) {
    char line[4096];
    query->len = plan->len = 0;
    while (fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '\0') {
            if (query->len > 0)
                break;
        } else if (query->len == 0) {
            if (strncmp(line, "## ", 3) != 0)
                buf_add_text(query, line);
        } else {
            buf_printf(plan, "%s\n", line);
        }
    }
    buf_byte(query, '\0');
    return query->len > 1;
}

/* Whether this build cannot run a query, since REGEXP is left out of it. */
static bool not_built(const char *query) {
    struct regex *r = NULL;
    bool without = regex_compile(str_of("a"), 0, NULL, &r, NULL) == E_NO_REGEX;
    regex_free(r);
    return without && strstr(query, " REGEXP ");
}

static void test_golden_plans(void **state) {
    (void)state;
    FILE *f = fopen(GOLDEN, "r");
    struct buf query = {0}, plan = {0};
    unsigned cases = 0, wrong = 0;
    assert_non_null(f);
    for (; next_block(f, &query, &plan); cases++) {
        struct buf steps = {0}, text = {0};
        struct compiled c;
        if (not_built((const char *)query.data))
            continue;
        compile_or_fail(&c, (const char *)query.data, NULL);
        assert_true(plan_explain(c.plan, NULL, &steps, &text));
        check_steps(&steps, text_of(&text), false);
        if (!str_eq(text_of(&text), text_of(&plan))) {
            print_error("%s\n%.*s\n", (const char *)query.data, (int)text.len,
                        (const char *)text.data);
            wrong++;
        }
        buf_done(&steps);
        buf_done(&text);
        compiled_done(&c);
    }
    fclose(f);
    buf_done(&query);
    buf_done(&plan);
    if (wrong > 0)
        fail_msg("%u plans are not as in " GOLDEN "; they are above as they are now", wrong);
    assert_true(cases >= 45);
}

/* --- after a run --- */

static uint64_t ticks;

static uint64_t ticking_clock(void) { return ticks += 1000; }

static uint64_t number(struct value step, const char *key) {
    struct value v = get(step, key);
    assert_int_equal(v.type, T_INT);
    return (uint64_t)v.w.i;
}

/* Runs over n rows {"a": i, "t": [i, 1]}, in blocks of three and less. */
static void run_counted(struct compiled *c, struct run *run, uint32_t n) {
    struct scanner scanner;
    assert_true(scanner_init(&scanner, &c->query.arena, plan_fields(c->plan), 64, 64));
    struct buf *rows = calloc(n, sizeof *rows);
    assert_non_null(rows);
    for (uint32_t i = 0; i < n;) {
        uint32_t k = 0;
        const uint16_t *found;
        run_clear(run);
        for (; k < 3 && i < n; k++, i++) {
            mp_write_map(&rows[i], 2);
            mp_write_text(&rows[i], "a");
            if (i % 2 && i > 6)
                mp_write_text(&rows[i], "x");
            else
                mp_write_uint(&rows[i], i);
            mp_write_text(&rows[i], "t");
            mp_write_array(&rows[i], 2);
            mp_write_uint(&rows[i], i);
            mp_write_uint(&rows[i], 1);
            assert_non_null(
                scan_row(&scanner, rows[i].data, rows[i].data + rows[i].len, run_block(run), k));
        }
        run_seal(run, k);
        run_block_filter(run, &found);
    }
    for (uint32_t i = 0; i < n; i++)
        buf_done(&rows[i]);
    free(rows);
}

static void test_counts(void **state) {
    (void)state;
    struct compiled c;
    struct run_options options = {.now_ns = ticking_clock, .row_depth = 64, .row_fields = 64};
    compile_or_fail(&c, "a > 1 AND (ANY e IN t SATISFIES e = 4 END)", NULL);
    struct run *run = run_new(c.plan, &options, NULL);
    assert_non_null(run);
    run_counted(&c, run, 11);
    struct buf steps = {0}, text = {0};
    assert_true(plan_explain(c.plan, run, &steps, &text));
    check_steps(&steps, text_of(&text), true);
    struct mp_reader r;
    mp_reader_init(&r, steps.data, steps.len, 8);
    assert_int_equal(mp_read_array(&r), 3);
    struct value compare = mp_read_value(&r), any = mp_read_value(&r), inner = mp_read_value(&r);
    assert_int_equal(number(compare, "rows_in"), 11);
    assert_int_equal(number(compare, "rows_out"), 7); /* 2 to 6, 8, 10 */
    assert_int_equal(number(compare, "ns"), 4 * 1000);
    assert_int_equal(number(any, "rows_in"), 7);
    assert_int_equal(number(any, "rows_out"), 1);
    assert_int_equal(number(inner, "rows_in"), 14);
    assert_int_equal(number(inner, "rows_out"), 1);
    struct value kernels = get(compare, "kernels");
    assert_int_equal(number(kernels, "sel_gt_i64"), 2); /* blocks 0-2 and 3-5 */
    assert_int_equal(number(kernels, "sel_between_num"), 2);
    assert_non_null(memmem(text.data, text.len, "sel_gt_i64 x2, sel_between_num x2", 33));
    assert_non_null(memmem(text.data, text.len, "rows in 11, out 7, 4.0 us", 25));
    buf_done(&steps);
    buf_done(&text);
    run_free(run);
    compiled_done(&c);
}

/* A run that keeps no counts is explained like none at all. */
static void test_run_without_counts(void **state) {
    (void)state;
    struct compiled c;
    struct run_options options = {.row_depth = 64, .row_fields = 64};
    struct buf steps = {0}, text = {0}, steps2 = {0}, text2 = {0};
    compile_or_fail(&c, "a > 1 OR b LIKE 'x%'", NULL);
    struct run *run = run_new(c.plan, &options, NULL);
    run_counted(&c, run, 2);
    assert_true(plan_explain(c.plan, run, &steps, &text));
    assert_true(plan_explain(c.plan, NULL, &steps2, &text2));
    assert_true(str_eq(text_of(&steps), text_of(&steps2)));
    assert_true(str_eq(text_of(&text), text_of(&text2)));
    buf_done(&steps);
    buf_done(&text);
    buf_done(&steps2);
    buf_done(&text2);
    run_free(run);
    compiled_done(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden_plans),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_run_without_counts),
    };
    limits_default(&limits);
    return cmocka_run_group_tests_name("plan_explain", tests, NULL, NULL);
}

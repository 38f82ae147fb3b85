/* Compiling and running plans with every allocation failing in turn.
 */
#include "plan/plan.h"
#include "value/mp.h"

#include "alloc_fault.h"
#include "unit.h"

static struct limits limits;

/* --- rows: in static memory, so that they are no part of what may fail --- */

#define ROWS 40u

static uint8_t row_bytes[ROWS * 400];
static size_t row_start[ROWS + 1];

/* {"a": i, "s": "x...", "t": [i, 1], "items": [{"x": i, "t": [i]}], "m": {0: 1, ... 19: 1, 7: i}}
 */
static void make_rows(void) {
    struct buf b = {0};
    for (uint32_t i = 0; i < ROWS; i++) {
        row_start[i] = b.len;
        mp_write_map(&b, 5);
        mp_write_text(&b, "a");
        mp_write_uint(&b, i);
        mp_write_text(&b, "s");
        mp_write_str(&b, "xyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxy", i);
        mp_write_text(&b, "t");
        mp_write_array(&b, 2);
        mp_write_uint(&b, i);
        mp_write_uint(&b, 1);
        mp_write_text(&b, "items");
        mp_write_array(&b, 1);
        mp_write_map(&b, 2);
        mp_write_text(&b, "x");
        mp_write_uint(&b, i);
        mp_write_text(&b, "t");
        mp_write_array(&b, 1);
        mp_write_uint(&b, i);
        mp_write_text(&b, "m");
        mp_write_map(&b, 21);
        for (uint32_t k = 0; k < 21; k++) {
            mp_write_uint(&b, k < 20 ? k : 7);
            mp_write_uint(&b, k < 20 ? 1 : i);
        }
    }
    row_start[ROWS] = b.len;
    assert_true(!buf_failed(&b) && b.len <= sizeof row_bytes);
    memcpy(row_bytes, b.data, b.len);
    buf_done(&b);
}

/* --- the operation --- */

struct query_case {
    const char *text;
    const char *params; /* msgpack, one behind the other */
    size_t n_params;
    uint32_t kept;
    bool analyze;
};

static uint64_t no_clock(void) { return 0; }

static enum status run_plan(const struct query_case *c, const struct plan *plan) {
    struct run_options options = {
        .now_ns = c->analyze ? no_clock : NULL, .row_depth = 64, .row_fields = 64};
    struct run *run = run_new(plan, &options, NULL);
    struct scanner scanner;
    struct arena arena;
    struct buf steps = {0}, text = {0};
    enum status status = E_MEMORY;
    uint32_t kept = 0;
    arena_init(&arena, NULL);
    if (!run || !scanner_init(&scanner, &arena, plan_fields(plan), 64, 64))
        goto done;
    for (uint32_t row = 0; row < ROWS;) {
        const uint16_t *rows;
        uint32_t n = 0;
        run_clear(run);
        for (; n < run_block(run)->rows && row < ROWS; n++, row++)
            assert_non_null(scan_row(&scanner, row_bytes + row_start[row],
                                     row_bytes + row_start[ROWS], run_block(run), n));
        run_seal(run, n);
        uint32_t found = run_block_filter(run, &rows);
        if (found == RUN_FAILED)
            goto done;
        kept += found;
    }
    assert_int_equal(kept, c->kept); /* right, or not at all */
    if (plan_explain(plan, run, &steps, &text)) {
        assert_true(steps.len > 10 && text.len > 10);
        status = E_OK;
    }
done:
    buf_done(&steps);
    buf_done(&text);
    run_free(run);
    arena_done(&arena);
    return status;
}

static enum status compile_and_run(void *arg) {
    const struct query_case *c = arg;
    struct query q = {0};
    struct error e;
    struct value params[4] = {{0}};
    error_clear(&e);
    enum status status = query_parse(&q, str_of(c->text), &limits, NULL, &e);
    if (status == E_OK) {
        struct mp_reader r;
        mp_reader_init(&r, c->params ? c->params : "", c->n_params, 64);
        for (uint32_t i = 0; i < q.n_params; i++)
            params[i] = mp_read_value(&r);
        struct plan *plan = plan_new(&q, params, &limits, NULL, &e);
        status = plan ? run_plan(c, plan) : e.status;
        plan_free(plan);
    }
    query_done(&q);
    return status;
}

static void test_compile_and_run(void **state) {
    (void)state;
    static const struct query_case CASES[] = {
        {"a >= 30", NULL, 0, 10, false},
        {"a >= 30 AND s LIKE '%xyx%' AND NOT (a = 31 OR a = 33 OR a = 35)", NULL, 0, 7, true},
        {"a IN (1, 2, 1000000000000, 5, 6, 7, 'x', 'xy')", NULL, 0, 5, false},
        {"s IN ('x', 'xy', 'c', 'd', 'e', 'f', 'g', 'h', 'i')", NULL, 0, 2, false},
        {"a IN :list OR s LIKE :p ESCAPE '!'", "\x93\x01\x02\xA1x\xA3x!%", 9, 2, false},
        {"ANY e IN items SATISFIES e.x = a AND (ANY f IN e.t SATISFIES f > 20 END) END", NULL, 0,
         19, true},
        {"((a > 5) = (1 IN t)) IS NOT TRUE", NULL, 0, 6, false},
        {"(a < 5 AND s IS NOT NULL) IS UNKNOWN OR (a = 1) IN (TRUE, b)", NULL, 0, 1, false},
        {"s || 'y' = 'xyxy' OR CASE WHEN a + 1 = 5 THEN s || 'z' ELSE s END = 'xyxyz' OR (a + 1 = "
         "7) = "
         "(a + 1 = 8 OR s || 'y' = 'q')",
         NULL, 0, 38, true},
        {"s LIKE s AND a BETWEEN a AND 7 AND a IS NOT DISTINCT FROM a", NULL, 0, 8, false},
        {"m = {0: 1, 1: 1, 2: 1, 3: 1, 4: 1, 5: 1, 6: 1, 7: 5, 8: 1, 9: 1, 10: 1, 11: 1, 12: 1, "
         "13: 1, 14: 1, 15: 1, 16: 1, 17: 1, 18: 1, 19: 1}",
         NULL, 0, 1, false},
        {"m IN ({}, 5, {19: 1, 1: 1, 2: 1, 3: 1, 4: 1, 5: 1, 6: 1, 7: 5, 8: 1, 9: 1, 10: 1, 11: 1, "
         "12: 1, 13: 1, 14: 1, 15: 1, 16: 1, 17: 1, 18: 1, 0: 1})",
         NULL, 0, 1, false},
    };
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        struct query_case c = CASES[i];
        fault_each(c.text, compile_and_run, &c);
    }
}

/* Enough fields and terms that every array of the compiler grows. */
static void test_large_plan(void **state) {
    (void)state;
    struct buf text = {0};
    buf_add_text(&text, "a = 7");
    for (int i = 0; i < 120; i++)
        buf_printf(&text, " OR f%d.g > %d AND (f%d.g < 5 OR ANY(f%d.t) = %d)", i, i, i, i, i);
    buf_byte(&text, '\0');
    struct query_case c = {(const char *)text.data, NULL, 0, 1, true};
    fault_each("large plan", compile_and_run, &c);
    buf_done(&text);
}

/* A refusal stays what it is, or is for lack of memory. */
static enum status refused(void *arg) {
    struct query_case *c = arg;
    enum status status = compile_and_run(c);
    if (status == E_MEMORY)
        return status;
    assert_true(status == E_PARAM_TYPE || status == E_BAD_ESCAPE);
    return E_OK;
}

static void test_refusals(void **state) {
    (void)state;
    static const struct query_case CASES[] = {
        {"a = 1 AND (b = 2) = c AND a IN :list", "\x05", 1, 0, false},
        {"(b = 2) = c AND a LIKE :p ESCAPE '!'", "\xA2!x", 3, 0, false},
    };
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        struct query_case c = CASES[i];
        fault_each(c.text, refused, &c);
    }
}

int main(void) {
    limits_default(&limits);
    make_rows();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compile_and_run),
        cmocka_unit_test(test_large_plan),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests_name("fault_plan", tests, NULL, NULL);
}

/* Sources, results and the public API with every allocation failing in turn.
 */
#include "engine/result.h"
#include "engine/source.h"
#include "plan/plan.h"
#include "tamis/tamis.h"

#include "alloc_fault.h"
#include "unit.h"

#include <stdlib.h>

static struct limits limits;

#define ROWS 60u

/* --- payloads of the same rows a = 0, 1, 2 ..., in all forms --- */

static uint8_t payloads[3][ROWS * 16];
static size_t payload_bytes[3];

static void make_payload(int form) {
    static const char *const NAMES[] = {"maps", "template", "columns"};
    struct buf b = {0};
    mp_write_array(&b, form == 0 ? 2 : 3);
    mp_write_text(&b, NAMES[form]);
    if (form == 1) {
        mp_write_array(&b, 2);
        mp_write_text(&b, "z");
        mp_write_text(&b, "a");
    } else if (form == 2) {
        mp_write_uint(&b, ROWS);
        mp_write_array(&b, 1);
        mp_write_array(&b, 3);
        mp_write_text(&b, "a");
        mp_write_text(&b, "list");
    }
    mp_write_array(&b, ROWS);
    for (uint32_t i = 0; i < ROWS; i++) {
        if (form == 0) {
            mp_write_map(&b, 1);
            mp_write_text(&b, "a");
        } else if (form == 1) {
            mp_write_array(&b, 2);
            mp_write_nil(&b);
        }
        mp_write_uint(&b, i);
    }
    assert_true(!buf_failed(&b) && b.len <= sizeof payloads[form]);
    memcpy(payloads[form], b.data, b.len);
    payload_bytes[form] = b.len;
    buf_done(&b);
}

/* --- query, source, run and result, from nothing to nothing --- */

struct request {
    int form;
    enum result_kind kind;
};

struct parts {
    struct query query;
    struct plan *plan;
    struct run *run;
    struct arena arena;
    struct scanner scanner;
    struct source source;
    struct buf data;
};

static enum status answer(struct parts *p, const struct request *r) {
    struct result result = {.kind = r->kind};
    struct run_options options = {.row_depth = 64, .row_fields = 64};
    struct error e;
    error_clear(&e);
    enum status status =
        query_parse(&p->query, str_of("a >= 50 OR a = 3 OR a = 'x'"), &limits, NULL, &e);
    if (status != E_OK)
        return status;
    if (!(p->plan = plan_new(&p->query, NULL, &limits, NULL, &e)))
        return e.status;
    if (!(p->run = run_new(p->plan, &options, NULL)) ||
        !scanner_init(&p->scanner, &p->arena, plan_fields(p->plan), 64, 64))
        return E_MEMORY;
    status = source_open(&p->source, payloads[r->form], 0, payload_bytes[r->form], 0, &p->scanner,
                         NULL, NULL, &limits, &p->arena, &e);
    result_begin(&result, 0, RESULT_PIPED_RUN);
    for (uint32_t n = 1; status == E_OK && n > 0;) {
        const uint16_t *rows;
        run_clear(p->run);
        status = source_fill(&p->source, run_block(p->run), &n, &e);
        if (status != E_OK || n == 0)
            break;
        run_seal(p->run, n);
        uint32_t kept = run_block_filter(p->run, &rows);
        result_add(&result, run_block(p->run), n, rows, kept, &p->data, 0);
    }
    if (status != E_OK)
        return status;
    enum result_kind kind = result_end(&result, &p->data, 0);
    if (buf_failed(&p->data))
        return E_MEMORY;
    assert_int_equal(result.matched, 11);
    size_t row_bytes = r->form == 0 ? 4 : 3;
    assert_int_equal(p->data.len, kind == RESULT_COUNT    ? 0
                                  : kind == RESULT_BITMAP ? (ROWS + 7) / 8
                                  : kind == RESULT_ROWS   ? 11 * row_bytes
                                                          : 44);
    return E_OK;
}

static enum status request(void *arg) {
    struct parts p = {0};
    arena_init(&p.arena, NULL);
    enum status status = answer(&p, arg);
    buf_done(&p.data);
    run_free(p.run);
    plan_free(p.plan);
    arena_done(&p.arena);
    query_done(&p.query);
    return status;
}

static void test_requests(void **state) {
    (void)state;
    for (int form = 0; form < 3; form++)
        for (int kind = 0; kind < RESULT_SPANS; kind++) {
            struct request r = {form, (enum result_kind)kind};
            if (form < 2 || kind != RESULT_ROWS)
                fault_each(result_kind_name(r.kind), request, &r);
        }
}

/* --- the public API --- */

static int count(void *arg, uint64_t row, const void *bytes, size_t length) {
    (void)row, (void)bytes, (void)length;
    ++*(unsigned *)arg;
    return 0;
}

static enum status use_api(void *arg) {
    tamis_error e = {0};
    tamis_counts counts;
    unsigned n = 0;
    (void)arg;
    static const char QUERY[] = "a >= 50 AND (ANY(t) = 1) IS UNKNOWN";
    tamis_query *q = tamis_compile(QUERY, sizeof QUERY - 1, &e);
    if (!q)
        return (enum status)e.code;
    const uint8_t *rows = payloads[0] + 9; /* behind [ "maps", [ */
    enum status status =
        (enum status)tamis_filter_msgpack(q, rows, payload_bytes[0] - 9, count, &n, &counts, &e);
    assert_int_equal(e.code, status);
    if (status == E_OK)
        assert_true(n == 10 && counts.matched == 10 && counts.rows == ROWS);
    else
        assert_true(n == 0 && counts.rows == 0);
    tamis_query_free(q);
    return status;
}

static void test_api(void **state) {
    (void)state;
    fault_each("public API", use_api, NULL);
}

int main(void) {
    limits_default(&limits);
    for (int form = 0; form < 3; form++)
        make_payload(form);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_api),
    };
    return cmocka_run_group_tests_name("fault_engine", tests, NULL, NULL);
}

/* Parsing, printing and the structured form with every allocation failing in turn. */
#include "query/query.h"

#include "alloc_fault.h"
#include "unit.h"

#include <stdlib.h>

static struct limits limits;

/* --- the harness itself: it must see leaks, wrong statuses and wrong counts --- */

static enum status three_blocks(void *arg) {
    (void)arg;
    char *a = malloc(10), *b = calloc(2, 10);
    char *c = a && b ? realloc(a, 100) : NULL;
    if (c)
        a = NULL;
    enum status status = c ? E_OK : E_MEMORY;
    free(a);
    free(b);
    free(c);
    return status;
}

static void test_harness_counts(void **state) {
    (void)state;
    size_t before = fault_live_blocks();
    assert_int_equal(fault_each("three blocks", three_blocks, NULL), 3);
    void *volatile p = malloc(1);
    assert_int_equal(fault_live_blocks(), before + 1);
    free(p);
    assert_int_equal(fault_live_blocks(), before);
}

/* --- queries --- */

static const char *const QUERIES[] = {
    "a = 1",
    "a.b[0].\"odd key\" >= 1.5 and not (c like 'x!%%' escape '!' or d ilike 'Y_')",
    "a in (1, 2, 'three', X'00FF', null, true) or b between :low and :high",
    "any e in items satisfies e.x = 1 and e.y is not null end",
    "'vip' in tags and any(scores) > 3 and starts_with(name, 'A')",
    "t < timestamp '2020-01-01T00:00:00.5Z' and u is distinct from ? and (v is true) is not true",
    "(a, b + 1, c::text) < (1, 2, 'x') and (a, x in t) in ((1, true), (2, d like 'y'))",
};

/* parse -> print -> parse -> same tree -> structured -> parse -> same tree */
static enum status round_trip(void *arg) {
    struct query q = {0}, again = {0}, third = {0};
    struct buf text = {0}, bytes = {0};
    enum status status = query_parse(&q, str_of(arg), &limits, NULL, NULL);
    if (status != E_OK)
        goto done;
    query_print(&q, &text);
    query_write_structured(&q, &bytes);
    if (buf_failed(&text) || buf_failed(&bytes)) {
        status = E_MEMORY;
        goto done;
    }
    status = query_parse(&again, (struct str){(char *)text.data, text.len}, &limits, NULL, NULL);
    if (status != E_OK)
        goto done;
    status = query_parse_structured(&third, bytes.data, bytes.len, &limits, NULL, NULL);
    if (status != E_OK)
        goto done;
    assert_true(node_eq(q.root, again.root));
    assert_true(node_eq(q.root, third.root));
done:
    buf_done(&text);
    buf_done(&bytes);
    query_done(&q);
    query_done(&again);
    query_done(&third);
    return status;
}

static void test_round_trips(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(QUERIES); i++)
        fault_each(QUERIES[i], round_trip, (void *)(uintptr_t)QUERIES[i]);
}

/* A tree that outgrows every first size. Every run is repeated for each allocation: fewer where
 * chunks are tiny. */
#ifdef TAMIS_HOSTILE
enum { ITEMS = 100, TERMS = 30 };
#else
enum { ITEMS = 3000, TERMS = 1000 };
#endif

static void test_large_query(void **state) {
    (void)state;
    struct buf text = {0};
    buf_add_text(&text, "x in (0");
    for (int i = 1; i < ITEMS; i++)
        buf_printf(&text, ", %d", i);
    buf_add_text(&text, ")");
    for (int i = 0; i < TERMS; i++)
        buf_printf(&text, " or f%d = 'value %d'", i, i);
    buf_byte(&text, '\0');
    assert_false(buf_failed(&text));
    fault_each("large query", round_trip, text.data);
    buf_done(&text);
}

/* A query that is refused fails as itself or for memory, and leaves nothing behind. */
static enum status refused(void *arg) {
    struct query q = {0};
    struct error e;
    error_clear(&e);
    enum status status = query_parse(&q, str_of(arg), &limits, NULL, &e);
    query_done(&q);
    if (status == E_MEMORY)
        return status;
    assert_int_equal(status, E_SYNTAX);
    assert_int_equal(e.status, E_SYNTAX);
    return E_OK;
}

static void test_refusals(void **state) {
    (void)state;
    static const char *const BAD[] = {"a = 1 and (b in (1, 2, 3) or", "a = 1 and b lik 'x'",
                                      "a in (1, 2,, 3)"};
    for (size_t i = 0; i < COUNT_OF(BAD); i++)
        fault_each(BAD[i], refused, (void *)(uintptr_t)BAD[i]);
}

int main(void) {
    limits_default(&limits);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_harness_counts),
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_large_query),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests_name("fault_query", tests, NULL, NULL);
}

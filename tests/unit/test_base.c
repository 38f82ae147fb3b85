/* The base layer: status, budget, buf, bitmap, str, limits, trace. (arena: test_arena.c; utf8 and
 * hash: test_utf8.c.)
 *
 * Sizes of build.h differ in the hostile preset: nothing here may expect a certain chunk or first
 * size. */
#include "base/bitmap.h"
#include "base/buf.h"
#include "base/build.h"
#include "base/limits.h"
#include "base/status.h"
#include "base/str.h"
#include "base/trace.h"

#include "unit.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* --- status --- */

static void test_status_names(void **state) {
    (void)state;
    assert_string_equal(status_name(E_OK), "OK");
    assert_string_equal(status_name(E_FRAME_TOO_LARGE), "FRAME_TOO_LARGE");
    assert_string_equal(status_name((enum status)9999), "INTERNAL");
    assert_int_equal(E_SYNTAX, 1);
    assert_int_equal(E_INTERNAL, 65);
    assert_int_equal(status_kind(E_SYNTAX), KIND_USER);
    assert_int_equal(status_kind(E_BAD_MESSAGE), KIND_PEER);
    assert_int_equal(status_kind(E_MEMORY), KIND_RESOURCE);
    assert_int_equal(status_kind((enum status)9999), KIND_INTERNAL);
    assert_true(strlen(status_text(E_MEMORY)) > 0);
}

static void test_error_first_report_wins(void **state) {
    (void)state;
    struct error e;
    error_clear(&e);
    assert_int_equal(e.status, E_OK);
    assert_true(e.pos == ERROR_NONE && e.row == ERROR_NONE && e.offset == ERROR_NONE);
    assert_int_equal(error_set(&e, E_SYNTAX, "bad '%s' at %d", "%n", 3), E_SYNTAX);
    assert_string_equal(e.message, "bad '%n' at 3");
    assert_int_equal(error_set(&e, E_MEMORY, "later"),
                     E_MEMORY); /* the status is still passed on */
    assert_int_equal(e.status, E_SYNTAX);
    assert_string_equal(e.message, "bad '%n' at 3");
    assert_int_equal(error_set(NULL, E_MEMORY, "nobody"), E_MEMORY);
    assert_int_equal(error_limit(NULL, E_LIST_TOO_LONG, "list_items", 1, 2), E_LIST_TOO_LONG);
}

static void test_error_limit(void **state) {
    (void)state;
    struct error e;
    error_clear(&e);
    error_limit(&e, E_LIST_TOO_LONG, "list_items", 10, 11);
    assert_int_equal(e.limit, 10);
    assert_int_equal(e.actual, 11);
    assert_non_null(strstr(e.message, "list_items"));
    assert_non_null(strstr(e.message, "11"));
    error_clear(&e);
    error_limit(&e, E_QUERY_TOO_DEEP, "query_depth", 256, ERROR_NONE);
    assert_int_equal(e.limit, 256);
    assert_true(e.actual == ERROR_NONE);
}

static void test_error_text_is_cut_at_a_code_point(void **state) {
    (void)state;
    char field[6];
    error_text(field, sizeof field, "abcdefgh", 8);
    assert_string_equal(field, "abcde");
    error_text(field, sizeof field, "abc\xE2\x82\xAC", 6); /* 3 + 3 bytes into 5 */
    assert_string_equal(field, "abc");
    error_text(field, sizeof field, "ab\xE2\x82\xAC", 5); /* just fits */
    assert_string_equal(field, "ab\xE2\x82\xAC");
    error_text(field, sizeof field, "a\nb\0c", 5);
    assert_string_equal(field, "a?b?c");
    error_text(field, sizeof field, "", 0);
    assert_string_equal(field, "");

    struct error e;
    char text[1000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    error_clear(&e);
    error_set(&e, E_SYNTAX, "%s", text);
    assert_int_equal(strlen(e.message), ERROR_TEXT_BYTES - 1);
}

/* --- budget --- */

static void test_budget_bounds(void **state) {
    (void)state;
    struct budget b;
    budget_init(&b, 100);
    assert_true(budget_charge(&b, 60));
    assert_false(budget_charge(&b, 41));
    assert_true(budget_charge(&b, 40)); /* exactly the limit */
    assert_false(budget_charge(&b, 1));
    assert_false(budget_charge(&b, SIZE_MAX)); /* no wrap */
    assert_int_equal(b.used_bytes, 100);
    budget_release(&b, 70);
    assert_int_equal(b.used_bytes, 30);
    assert_int_equal(b.peak_bytes, 100);
    budget_release(&b, 30);

    budget_init(&b, 0); /* no limit, yet counted */
    assert_true(budget_charge(&b, SIZE_MAX));
    assert_false(budget_charge(&b, 1));
    assert_true(budget_charge(NULL, SIZE_MAX));
    budget_release(NULL, 1);
}

static void test_budget_part(void **state) {
    (void)state;
    struct budget whole, part;
    budget_init(&whole, 100);
    budget_init_part(&part, &whole, 60);
    assert_ptr_equal(budget_whole(&part), &whole);
    assert_ptr_equal(budget_whole(&whole), &whole);
    assert_null(budget_whole(NULL));
    assert_false(budget_charge(&part, 61)); /* of the part */
    assert_int_equal(whole.used_bytes, 0);
    assert_true(budget_charge(&part, 60));
    assert_int_equal(whole.used_bytes, 60);
    assert_true(budget_charge(&whole, 40)); /* what the part leaves */
    budget_release(&part, 30);
    assert_true(budget_charge(&whole, 20));
    assert_false(budget_charge(&part, 11)); /* of the whole: the part has 30 left, that 10 */
    assert_int_equal(part.used_bytes, 30);
    assert_int_equal(whole.used_bytes, 90);
    assert_true(budget_charge(&part, 10));
    budget_release(&part, 40);
    assert_int_equal(part.used_bytes, 0);
    assert_int_equal(whole.used_bytes, 60);
    assert_int_equal(part.peak_bytes, 60);
}

static void test_budget_realloc(void **state) {
    (void)state;
    struct budget b;
    budget_init(&b, 100);
    char *p = budget_realloc(&b, NULL, 0, 50);
    assert_non_null(p);
    memset(p, 7, 50);
    assert_null(budget_realloc(&b, p, 50, 101)); /* p stays */
    assert_int_equal(b.used_bytes, 50);
    assert_int_equal(p[49], 7);
    p = budget_realloc(&b, p, 50, 100);
    assert_non_null(p);
    p = budget_realloc(&b, p, 100, 10);
    assert_int_equal(b.used_bytes, 10);
    assert_int_equal(p[9], 7);
    budget_free(&b, p, 10);
    budget_free(&b, NULL, 99);
    assert_int_equal(b.used_bytes, 0);
    assert_int_equal(b.peak_bytes, 100);
}

static void *charge_and_release(void *arg) {
    struct budget *b = arg;
    for (int i = 0; i < 20000; i++)
        if (budget_charge(b, 3))
            budget_release(b, 3);
    return NULL;
}

static void test_budget_from_threads(void **state) {
    (void)state;
    struct budget b;
    budget_init(&b, 7); /* room for two of four threads */
    pthread_t threads[4];
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, charge_and_release, &b), 0);
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(b.used_bytes, 0);
    assert_true(b.peak_bytes >= 3 && b.peak_bytes <= 6);
}

/* --- buf --- */

static void test_buf_grows_and_drops(void **state) {
    (void)state;
    struct buf b = {0};
    for (int i = 0; i < 5000; i++)
        buf_byte(&b, (uint8_t)i);
    assert_false(buf_failed(&b));
    assert_int_equal(b.len, 5000);
    for (int i = 0; i < 5000; i++)
        assert_int_equal(b.data[i], i & 0xFF);
    buf_drop(&b, 0);
    buf_drop(&b, 4990);
    assert_int_equal(b.len, 10);
    assert_int_equal(b.data[0], 4990 & 0xFF);
    buf_trim(&b);
    assert_true(b.cap < 5000);
    assert_int_equal(b.data[9], 4999 & 0xFF);
    struct buf taken;
    buf_take(&b, &taken);
    assert_int_equal(b.len, 0);
    assert_null(b.data);
    assert_int_equal(taken.len, 10);
    buf_done(&taken);
    buf_done(&b);
}

static void test_buf_printf(void **state) {
    (void)state;
    struct buf b = {0};
    buf_add_text(&b, "<");
    buf_printf(&b, "%0300d", 7);
    buf_printf(&b, "%s", "");
    buf_add_text(&b, ">");
    assert_int_equal(b.len, 302);
    assert_int_equal(b.data[0], '<');
    assert_int_equal(b.data[300], '7');
    assert_int_equal(b.data[301], '>');
    buf_add(&b, NULL, 0);
    assert_int_equal(b.len, 302);
    buf_done(&b);
}

static void test_buf_fixed(void **state) {
    (void)state;
    struct buf b;
    uint8_t memory[8] = "........";
    buf_init_fixed(&b, memory, 7);
    buf_add(&b, "abcde", 5);
    buf_trim(&b);
    assert_true(buf_reserve_exact(&b, 2));
    assert_true(b.data == memory);
    buf_byte(&b, 'f');
    assert_false(buf_reserve(&b, 2));
    assert_true(buf_failed(&b));
    b.failed = false; /* as who goes on with another buffer does */
    buf_add(&b, "g", 1);
    assert_false(buf_failed(&b));
    buf_byte(&b, 'h');
    assert_true(buf_failed(&b));
    assert_int_equal(b.len, 7);
    assert_memory_equal(memory, "abcdefg.", 8);
    buf_done(&b);
    buf_byte(&b, 'a'); /* a growing one, elsewhere */
    assert_true(b.data != memory);
    buf_done(&b);
    assert_memory_equal(memory, "abcdefg.", 8);
}

static void test_buf_failure_is_sticky(void **state) {
    (void)state;
    struct budget budget;
    struct buf b;
    budget_init(&budget, 300);
    buf_init(&b, &budget);
    char bytes[300];
    memset(bytes, 'x', sizeof bytes);
    buf_add(&b, bytes, 290); /* doubling passes the budget, the exact size does not */
    assert_false(buf_failed(&b));
    assert_true(buf_reserve(&b, 10));
    assert_false(buf_reserve(&b, 11));
    assert_true(buf_failed(&b));
    buf_byte(&b, 'y');
    buf_add(&b, "z", 1);
    buf_printf(&b, "%d", 1);
    assert_int_equal(b.len, 290);
    assert_int_equal(b.data[289], 'x');
    assert_false(buf_reserve(&b, 0));
    buf_done(&b);
    assert_int_equal(budget.used_bytes, 0);
    assert_false(buf_failed(&b)); /* and usable again */
    buf_byte(&b, 'a');
    assert_int_equal(b.len, 1);
    assert_false(buf_reserve(&b, SIZE_MAX));
    buf_done(&b);
    assert_int_equal(budget.used_bytes, 0);
}

/* --- small things --- */

static void test_bitmap(void **state) {
    (void)state;
    assert_int_equal(bitmap_bytes(0), 0);
    assert_int_equal(bitmap_bytes(1), 1);
    assert_int_equal(bitmap_bytes(8), 1);
    assert_int_equal(bitmap_bytes(9), 2);
    assert_true(bitmap_bytes(SIZE_MAX) == SIZE_MAX / 8 + 1);
    uint8_t map[3] = {0};
    bitmap_set(map, 0);
    bitmap_set(map, 9);
    bitmap_set(map, 23);
    assert_memory_equal(map, "\x01\x02\x80", 3);
    for (size_t i = 0; i < 24; i++)
        assert_int_equal(bitmap_get(map, i), i == 0 || i == 9 || i == 23);
}

/* Of every length, with a difference at every place and behind. */
static void test_bytes_same(void **state) {
    (void)state;
    char a[40], b[40];
    assert_true(bytes_same(NULL, NULL, 0));
    for (size_t n = 0; n < sizeof a; n++) {
        memset(a, 'x', sizeof a);
        memcpy(b, a, sizeof b);
        for (size_t at = 0; at < sizeof a; at++)
            for (int bit = 0; bit < 8; bit++) {
                b[at] = (char)(a[at] ^ 1 << bit);
                assert_int_equal(bytes_same(a, b, n), at >= n);
                b[at] = a[at];
            }
        assert_true(bytes_same(a, b, n));
    }
}

static void test_str(void **state) {
    (void)state;
    struct str nul = {"a\0b", 3}, a = str_of("a"), none = {NULL, 0};
    assert_true(str_eq(none, str_of("")));
    assert_false(str_eq(nul, a));
    assert_true(str_cmp(nul, a) > 0);
    assert_true(str_cmp(a, nul) < 0);
    assert_int_equal(str_cmp(none, str_of("")), 0);
    assert_true(str_cmp(str_of("\xEF\xBF\xBD"), str_of("\xF0\x9F\x98\x80")) <
                0); /* bytes, not UTF-16 */
    assert_true(str_is(a, "a"));
}

static void test_limits(void **state) {
    (void)state;
    struct limits l;
    limits_default(&l);
    size_t n = 0;
    for (const struct limit_info *info; (info = limit_at(n)); n++) {
        assert_int_equal(*limit_value(&l, info), info->def);
        assert_true(info->def >= info->least && info->def <= info->most);
        assert_true(status_kind(info->error) == KIND_RESOURCE ||
                    status_kind(info->error) == KIND_PEER);
        for (size_t k = 0; k < n; k++)
            assert_string_not_equal(limit_at(k)->name, info->name);
    }
    assert_int_equal(n, sizeof(struct limits) / sizeof(uint64_t));
    assert_null(limit_at(n));
    assert_null(limit_at(SIZE_MAX));
    assert_int_equal(l.frame_bytes, 64 << 20);
}

/* --- trace --- */

static void test_trace_parse(void **state) {
    (void)state;
    assert_int_equal(trace_parse(NULL), 0);
    assert_int_equal(trace_parse(""), 0);
    assert_int_equal(trace_parse("frame"), TRACE_FRAME);
    assert_int_equal(trace_parse("step,frame"), TRACE_STEP | TRACE_FRAME);
    assert_int_equal(trace_parse(",plan,,nonsense, step"), TRACE_PLAN | TRACE_STEP);
    assert_int_equal(trace_parse("all"), TRACE_ALL);
    assert_int_equal(trace_parse("fram,frames"), 0);
}

static void test_trace_line(void **state) {
    (void)state;
    assert_true(trace_on(TRACE_PLAN)); /* main set TAMIS_TRACE=plan */
    assert_false(trace_on(TRACE_STEP));
    int ends[2], saved = dup(STDERR_FILENO);
    assert_int_equal(pipe(ends), 0);
    dup2(ends[1], STDERR_FILENO);
    trace_line(TRACE_PLAN, "%d steps\n%s", 3, "second");
    char text[2000], got[4000] = {0};
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    trace_line(TRACE_FRAME, "%s", text);
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(ends[1]);
    ssize_t n = read(ends[0], got, sizeof got - 1);
    close(ends[0]);
    static const char FIRST[] = "tamis plan: 3 steps?second\n";
    assert_true(n > (ssize_t)strlen(FIRST) && n < 1000);
    assert_memory_equal(got, FIRST, strlen(FIRST));
    assert_memory_equal(got + strlen(FIRST), "tamis frame: xxx", 16);
    assert_int_equal(got[n - 1], '\n');
}

int main(void) {
    setenv("TAMIS_TRACE", "plan", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status_names),
        cmocka_unit_test(test_error_first_report_wins),
        cmocka_unit_test(test_error_limit),
        cmocka_unit_test(test_error_text_is_cut_at_a_code_point),
        cmocka_unit_test(test_budget_bounds),
        cmocka_unit_test(test_budget_part),
        cmocka_unit_test(test_budget_realloc),
        cmocka_unit_test(test_budget_from_threads),
        cmocka_unit_test(test_buf_fixed),
        cmocka_unit_test(test_buf_grows_and_drops),
        cmocka_unit_test(test_buf_printf),
        cmocka_unit_test(test_buf_failure_is_sticky),
        cmocka_unit_test(test_bitmap),
        cmocka_unit_test(test_bytes_same),
        cmocka_unit_test(test_str),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_trace_parse),
        cmocka_unit_test(test_trace_line),
    };
    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}

/* Tables: rows in as maps, rows out, and the chunks between. */
#include "table_unit.h"

#include <math.h>

enum { COLUMNS = 14 };

/* A value for column k: each column has a character of its own. */
static struct value any_value(struct dice *d, uint32_t k, char *text) {
    static const int64_t EDGE[] = {0,     -1,    127,       128,       -128,      -129,
                                   32767, 32768, INT32_MAX, INT64_MAX, INT64_MIN, UINT32_MAX};
    static const double DOUBLES[] = {0.0, -0.0, 1.5, -1e300, INFINITY, NAN, 0.1, 3.0};
    static const char *const CITIES[] = {"Oslo", "Bergen", "", "Reykjavik is a longer name"};
    switch (k) {
    case 0:
        return value_int((int64_t)below(d, 200));
    case 1:
        return value_int(1700000000 + (int64_t)below(d, 30000));
    case 2:
        return value_int(EDGE[below(d, COUNT_OF(EDGE))]);
    case 3:
        return value_uint(UINT64_MAX - below(d, 300));
    case 4:
        return value_double(DOUBLES[below(d, COUNT_OF(DOUBLES))]);
    case 5:
        return value_bool(below(d, 2));
    case 6:
        return value_str(str_of(CITIES[below(d, COUNT_OF(CITIES))]));
    case 7:
        snprintf(text, 64, "name %llu", (unsigned long long)draw(d));
        return value_str(str_of(text));
    case 8:
        return value_timestamp((int64_t)below(d, 1000) - 500, below(d, 2) * 500000000);
    case 9:
        return value_timestamp((int64_t)draw(d), below(d, 1000000000));
    case 10:
        text[0] = (char)0x92;
        text[1] = (char)below(d, 3);
        text[2] = (char)0xC0;
        return value_bytes(T_ARRAY, text, 3);
    case 11:
        memcpy(text, "\x81\xA1k\xCE", 4);
        uint32_t r = (uint32_t)draw(d) | 0x80000000u;
        memcpy(text + 4, &r, 4);
        text[4] |= (char)0x80;
        return value_bytes(T_MAP, text, 8);
    case 12:
        return below(d, 2) ? value_int(-5) : value_uint(UINT64_MAX);
    default:
        return any_value(d, below(d, 12), text);
    }
}

/* n rows; the first has all columns, in order, so that rows come out as they went in. */
static void make_rows(struct dice *d, struct buf *out, uint32_t n, uint32_t gaps, bool first) {
    for (uint32_t row = 0; row < n; row++) {
        bool has[COLUMNS];
        uint32_t pairs = 0;
        for (uint32_t k = 0; k < COLUMNS; k++)
            pairs += has[k] = (first && row == 0) || !gaps || below(d, gaps) > 0;
        mp_write_map(out, pairs);
        for (uint32_t k = 0; k < COLUMNS; k++) {
            char name[40], text[64];
            if (!has[k])
                continue;
            snprintf(name, sizeof name, k % 2 ? "c%u" : "a column of number %u", k);
            mp_write_text(out, name);
            if (gaps && below(d, gaps) == 0)
                mp_write_nil(out);
            else
                mp_write_value(out, any_value(d, k, text));
        }
    }
}

static void round_trip(uint32_t n, uint32_t gaps) {
    struct limits l = table_limits();
    struct budget budget;
    budget_init(&budget, 0);
    struct table *t = table_new((struct str){NULL, 0}, &l, &budget);
    struct batch *b = batch_new(t);
    struct dice d = {n * 100 + gaps + 1};
    struct buf rows = {0};
    make_rows(&d, &rows, n, gaps, true);
    add_rows(b, &rows);
    assert_int_equal(batch_rows(b), n);
    assert_int_equal(commit_as(b, BATCH_APPEND).added, n);
    check_rows(t, &rows);
    batch_free(b);
    table_unref(t);
    buf_done(&rows);
    assert_int_equal(budget.used_bytes, 0);
}

static void test_round_trip(void **state) {
    (void)state;
    static const uint32_t SIZES[] = {1,   2,   63,  64,   65,   127,  128,
                                     149, 150, 151, 4095, 4096, 4097, 5000};
    for (uint32_t gaps = 0; gaps < 5; gaps += 2)
        for (size_t i = 0; i < COUNT_OF(SIZES); i++)
            round_trip(SIZES[i], gaps);
    round_trip(SEGMENT_ROWS - 1, 0);
    round_trip(SEGMENT_ROWS, 3);
    round_trip(SEGMENT_ROWS + 1, 0);
}

/* Many small commits: merged as they come. */
static void test_small_commits(void **state) {
    (void)state;
    struct limits l = table_limits();
    struct budget budget;
    budget_init(&budget, 0);
    struct table *t = table_new((struct str){NULL, 0}, &l, &budget);
    struct dice d = {77};
    struct buf all = {0};
    for (uint32_t i = 0; i < 600; i++) {
        struct buf rows = {0};
        struct batch *b = batch_new(t);
        make_rows(&d, &rows, 1 + below(&d, i % 40 ? 4 : 50), 3, i == 0);
        add_rows(b, &rows);
        commit_as(b, BATCH_APPEND);
        buf_add(&all, rows.data, rows.len);
        buf_done(&rows);
        batch_free(b);
    }
    const struct snapshot *s = table_snapshot(t);
    assert_true(s->n_parts <= 2 * (s->n_rows / SEGMENT_ROWS + 1) + 8);
    snapshot_unref(s);
    check_rows(t, &all);
    table_unref(t);
    buf_done(&all);
    assert_int_equal(budget.used_bytes, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_small_commits),
    };
    return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}

/* Lists, maps and structs of arrays: as msgpack, and in a table. */
#include "nested_unit.h"

#include "value/array_cell.h"

enum { MOST_CELLS = 400, GUARD = 64 };

/* --- as msgpack --- */

/* Cells [from, from + n): where there is exactly the room that is asked for. */
static void check_put(const struct array *a, uint32_t from, uint32_t n) {
    struct buf want = {0};
    uint32_t bytes[MOST_CELLS], at = 0;
    uint64_t most = array_cells_most(a, from, from + n);
    uint8_t *room = malloc(most + ARRAY_CELL_SLACK + GUARD);
    memset(room + most + ARRAY_CELL_SLACK, 0xA5, GUARD);
    uint8_t *end = array_cells_put(a, from, n, room, bytes);
    for (uint32_t i = 0; i < n; i++) {
        size_t before = want.len;
        if (has_value(a, from + i))
            expect(a, from + i, &want);
        assert_int_equal(bytes[i], want.len - before);
        at += bytes[i];
    }
    assert_int_equal(end - room, want.len);
    assert_int_equal(at, want.len);
    assert_true(want.len <= most);
    if (want.len)
        assert_memory_equal(room, want.data, want.len);
    for (uint32_t i = 0; i < GUARD; i++)
        assert_int_equal(room[most + ARRAY_CELL_SLACK + i], 0xA5);
    free(room);
    buf_done(&want);
}

/* One cell, which may have just as many bytes as it has, and not one less. */
static void check_write(const struct array *a, uint32_t i) {
    struct buf want = {0}, got = {0};
    buf_add(&got, "before", 6);
    expect(a, i, &want);
    assert_false(array_cell_write(a, i, &got, 6 + want.len - 1));
    assert_false(buf_failed(&got));
    got.len = 6;
    assert_true(array_cell_write(a, i, &got, 6 + want.len));
    assert_int_equal(got.len, 6 + want.len);
    assert_memory_equal(got.data + 6, want.data, want.len);
    buf_done(&want);
    buf_done(&got);
}

static void test_cells(void **state) {
    (void)state;
    struct dice d = {77};
    static struct pool pool;
    for (uint32_t round = 0; round < 3000; round++) {
        struct array a;
        uint32_t n = below(&d, 40);
        give(&a, &pool, any_type(&d, 2), n, any_taste(&d), 2, &d);
        for (uint32_t i = 0; i < n; i++)
            check_write(&a, i);
        uint32_t from = below(&d, n + 1);
        check_put(&a, 0, n);
        check_put(&a, from, n - from);
        pool_done(&pool);
    }
}

/* A dictionary makes much of few bytes: what it may be is known before it is written. */
static void test_most(void **state) {
    (void)state;
    static uint8_t codes[1000], offsets[8], places[4004];
    const uint32_t longest = UINT32_MAX;
    memcpy(offsets + 4, &longest, 4);
    struct array values = {.type = ARRAY_STR, .offsets = offsets, .offset_bytes = 4};
    struct array items = {.type = ARRAY_CODES,
                          .data = codes,
                          .codes_type = ARRAY_U8,
                          .values = &values,
                          .n_values = 1,
                          .longest = UINT32_MAX};
    struct array list = {.type = ARRAY_LIST,
                         .offsets = places,
                         .offset_bytes = 4,
                         .children = &items,
                         .n_children = 1};
    places[4] = 0xE8; /* 1000 */
    places[5] = 3;
    assert_int_equal(array_cells_most(&list, 0, 1), 5 + 1000 * (UINT64_C(4294967295) + 5));
    struct buf out = {0};
    assert_false(array_cell_write(&list, 0, &out, 1u << 20)); /* nothing is read or reserved */
    assert_false(buf_failed(&out));
    assert_int_equal(out.cap, 0);
    struct array huge = {.type = ARRAY_CODES, .longest = UINT32_MAX};
    assert_int_equal(array_cells_most(&huge, 0, UINT32_MAX), UINT64_MAX);
}

/* --- in a table --- */

/* A table that gets one column, piece by piece, and the rows that it should have. */
struct trial {
    struct limits limits;
    struct budget budget;
    struct table *table;
    struct batch *batch;
    struct buf rows;
    struct pool pool; /* of the piece */
};

static void begin(struct trial *t) {
    t->limits = table_limits();
    budget_init(&t->budget, 0);
    t->table = table_new((struct str){NULL, 0}, &t->limits, &t->budget);
    t->batch = batch_new(t->table);
    t->rows = (struct buf){0};
}

static void add_piece(struct trial *t, const struct array *a) {
    struct error e;
    struct str name = str_of("c");
    error_clear(&e);
    assert_int_equal(batch_add_arrays(t->batch, a->n, &name, a, 1, &e), E_OK);
    for (uint32_t i = 0; i < a->n; i++)
        append_cell(&t->rows, a, i);
    pool_done(&t->pool);
}

/* storage: how the column should be kept, or NULL. */
static void end(struct trial *t, const char *storage) {
    commit_as(t->batch, BATCH_APPEND);
    check_rows(t->table, &t->rows);
    if (storage) {
        const struct snapshot *s = table_snapshot(t->table);
        struct column_report report;
        assert_true(column_report(t->table, s, 0, &report));
        assert_string_equal(report.storage, storage);
        snapshot_unref(s);
    }
    batch_free(t->batch);
    table_unref(t->table);
    buf_done(&t->rows);
    assert_int_equal(t->budget.used_bytes, 0);
}

/* Some pieces, each of a type of `types`. */
static void check_table(struct dice *d, const enum array_type *types, uint32_t n_types,
                        uint32_t most, struct taste taste) {
    static struct trial t;
    begin(&t);
    for (uint32_t piece = 0; piece < 4; piece++) {
        struct array a;
        uint32_t n = below(d, most);
        give(&a, &t.pool, types[below(d, n_types)], n, taste, 2, d);
        if (taste.gaps && below(d, 2))
            a.present = bits_of(&t.pool, d, n + 20, taste.gaps);
        add_piece(&t, &a);
    }
    end(&t, NULL);
}

static void test_tables(void **state) {
    (void)state;
    static const enum array_type TYPES[] = {ARRAY_LIST, ARRAY_MAP, ARRAY_STRUCT, ARRAY_STR,
                                            ARRAY_I64};
    struct dice d = {99};
    for (uint32_t round = 0; round < 200; round++)
        check_table(&d, TYPES, round % 2 ? 5 : 1 + round % 3, 700, any_taste(&d));
}

/* Pieces of such a column, with other words from piece to piece. */
static void check_words(struct dice *d, uint32_t most, const struct taste *tastes, uint32_t n,
                        const char *storage) {
    static struct trial t;
    begin(&t);
    for (uint32_t piece = 0; piece < n; piece++) {
        struct array a;
        give_words(&a, &t.pool, most / 2 + below(d, most), tastes[piece], d);
        add_piece(&t, &a);
    }
    end(&t, storage);
}

static void test_words(void **state) {
    (void)state;
    struct dice d = {2024};
    const struct taste FEW = {.words = 6, .longest = 3},
                       HOLED = {.gaps = 5, .words = 6, .longest = 3},
                       LONG = {.words = 30, .longest = 12, .long_words = true},
                       MANY = {.words = 300, .longest = 2}, ALL = {.words = 100000, .longest = 9};
    for (uint32_t round = 0; round < 10; round++) {
        check_words(&d, 3000, (struct taste[]){FEW, HOLED, FEW}, 3, "dictionary");
        check_words(&d, 3000, (struct taste[]){FEW, HOLED, FEW, LONG}, 4, NULL);
        check_words(&d, 3000, (struct taste[]){FEW, MANY, FEW, HOLED}, 4, NULL);
        check_words(&d, 3000, (struct taste[]){FEW, ALL, FEW, ALL, LONG}, 5, NULL);
        check_words(&d, 3000, (struct taste[]){ALL, FEW, HOLED}, 3, NULL);
        check_words(&d, 100, (struct taste[]){FEW, FEW, FEW, LONG, MANY, ALL}, 6, NULL);
    }
    /* some segments: the one after one that had hardly any repeated goes without codes */
    check_words(&d, 90000, (struct taste[]){FEW, HOLED}, 2, "dictionary");
    check_words(&d, 60000, (struct taste[]){ALL, ALL, FEW}, 3, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cells),
        cmocka_unit_test(test_most),
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests_name("nested", tests, NULL, NULL);
}

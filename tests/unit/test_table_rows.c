/* Rows as they may come: broken at any byte, with odd keys, wide, deep and ragged. The scanner of
 * format/ is the judge of what a row is. */
#include "format/scan.h"
#include "table_unit.h"

struct fixture {
    struct limits limits;
    struct budget budget;
    struct table *table;
};

static struct fixture fixture_new(void) {
    struct fixture f = {.limits = table_limits()};
    budget_init(&f.budget, 0);
    return f;
}

static void open_table(struct fixture *f) {
    f->table = table_new((struct str){NULL, 0}, &f->limits, &f->budget);
}

static void close_table(struct fixture *f) {
    table_unref(f->table);
    assert_int_equal(f->budget.used_bytes, 0);
}

/* A row that has a bit of everything. */
static void whole_row(struct buf *out) {
    mp_write_map(out, 12);
    mp_write_text(out, "int");
    mp_write_int(out, 70000);
    mp_write_text(out, "negative");
    mp_write_int(out, -70000);
    mp_write_text(out, "a name of more than eight bytes");
    mp_write_uint(out, UINT64_MAX);
    mp_write_text(out, "double");
    mp_write_double(out, 0.5);
    mp_write_text(out, "nil");
    mp_write_nil(out);
    mp_write_text(out, "bool");
    mp_write_bool(out, true);
    mp_write_text(out, "text");
    mp_write_text(out, "a string that is longer than thirty-one bytes");
    mp_write_text(out, "bin");
    mp_write_bin(out, "\1\2\3", 3);
    mp_write_text(out, "time");
    mp_write_value(out, value_timestamp(1234567890123, 5));
    mp_write_text(out, "list");
    mp_write_array(out, 2);
    mp_write_map(out, 1);
    mp_write_text(out, "x");
    mp_write_int(out, 1);
    mp_write_double(out, 1);
    mp_write_int(out, 5); /* keys that are no str */
    mp_write_text(out, "five");
    mp_write_nil(out);
    mp_write_text(out, "nil");
}

/* Both read [p, end): the same end, or the same error at the same byte. */
static void check_same(struct fixture *f, struct scanner *s, const uint8_t *p, const uint8_t *end) {
    struct block block;
    assert_true(block_init(&block, 0, false, NULL));
    block_clear(&block, 0);
    struct batch *b = batch_new(f->table);
    const uint8_t *fault = NULL;
    struct error e;
    error_clear(&e);
    s->status = E_OK;
    for (uint32_t i = 0; i < 2; i++) { /* the second time keys are where they are expected */
        const uint8_t *want = scan_row(s, p, end, &block, 0);
        const uint8_t *got = batch_add_map(b, p, end, &fault, &e);
        assert_ptr_equal(got, want);
        if (got)
            continue;
        assert_int_equal(e.status, s->status);
        assert_ptr_equal(fault, s->fault);
        assert_int_equal(e.row, i);
        break;
    }
    batch_free(b);
    block_done(&block);
}

static void test_broken(void **state) {
    (void)state;
    struct fixture f = fixture_new();
    f.limits.row_depth = 4;
    f.limits.row_fields = 14;
    open_table(&f);
    struct arena arena;
    struct fields fields;
    struct scanner s;
    arena_init(&arena, NULL);
    assert_true(fields_build(&fields, &arena, NULL, 0));
    assert_true(scanner_init(&s, &arena, &fields, 4, 14));
    struct buf row = {0};
    struct dice d = {31};
    whole_row(&row);
    for (size_t n = 0; n <= row.len; n++) { /* cut: in memory of its own, so that a read behind it
                                               is seen */
        uint8_t *cut = malloc(n + 1);
        memcpy(cut, row.data, n);
        check_same(&f, &s, cut, cut + n);
        free(cut);
    }
    for (uint32_t i = 0; i < 40000; i++) {
        uint8_t *wrong = malloc(row.len);
        memcpy(wrong, row.data, row.len);
        for (uint32_t k = 0; k <= i % 3; k++)
            wrong[below(&d, (uint32_t)row.len)] = (uint8_t)draw(&d);
        check_same(&f, &s, wrong, wrong + row.len);
        free(wrong);
    }
    buf_done(&row);
    arena_done(&arena);
    close_table(&f);
}

/* Of equal keys the last counts, whatever forms their values have; others than str are kept. */
static void test_keys(void **state) {
    (void)state;
    struct fixture f = fixture_new();
    open_table(&f);
    const struct value values[] = {value_int(1),
                                   value_str(str_of("one")),
                                   value_null(),
                                   value_double(2.5),
                                   value_bytes(T_ARRAY, "\x92\x01\x02", 3),
                                   value_timestamp(5, 5),
                                   value_bool(true),
                                   value_uint(UINT64_MAX)};
    struct batch *b = batch_new(f.table);
    struct buf rows = {0}, want = {0};
    for (uint32_t i = 0; i < COUNT_OF(values); i++)
        for (uint32_t k = 0; k < COUNT_OF(values); k++)
            for (uint32_t n = 0; n < 3; n++) {
                mp_write_map(&rows, 5);
                mp_write_text(&rows, "x");
                mp_write_value(&rows, values[i]);
                mp_write_int(&rows, 7);
                mp_write_value(&rows, values[i]);
                mp_write_text(&rows, "y");
                mp_write_int(&rows, n);
                mp_write_text(&rows, "x");
                mp_write_value(&rows, values[k]);
                mp_write_array(&rows, 0);
                mp_write_text(&rows, "of an array");
                mp_write_map(&want, 4);
                mp_write_text(&want, "x");
                mp_write_value(&want, values[k]);
                mp_write_text(&want, "y");
                mp_write_int(&want, n);
                mp_write_int(&want, 7);
                mp_write_value(&want, values[i]);
                mp_write_array(&want, 0);
                mp_write_text(&want, "of an array");
            }
    add_rows(b, &rows);
    commit_as(b, BATCH_APPEND);
    batch_free(b);
    check_rows(f.table, &want);
    const struct snapshot *s = table_snapshot(f.table);
    assert_int_equal(s->n_columns, 3);
    assert_null(s->names[2].p);
    assert_int_equal(snapshot_column(s, str_of("y")), 1);
    assert_int_equal(snapshot_column(s, str_of("")), NO_TABLE_COLUMN);
    assert_int_equal(snapshot_column(s, (struct str){NULL, 0}), NO_TABLE_COLUMN);
    assert_int_equal(snapshot_column(s, str_of("z")), NO_TABLE_COLUMN);
    snapshot_unref(s);
    buf_done(&rows);
    buf_done(&want);
    close_table(&f);
}

static void write_one(struct buf *row, uint32_t column) {
    char name[16];
    snprintf(name, sizeof name, "c%u", column);
    mp_write_map(row, 1);
    mp_write_text(row, name);
    mp_write_int(row, column);
}

static enum status add_one(struct batch *b, uint32_t column, struct error *e) {
    struct buf row = {0};
    const uint8_t *fault;
    write_one(&row, column);
    error_clear(e);
    bool done = batch_add_map(b, row.data, row.data + row.len, &fault, e);
    buf_done(&row);
    return done ? E_OK : e->status;
}

/* row_fields bounds the columns of a table, too: in one batch, and over several. */
static void test_columns_limit(void **state) {
    (void)state;
    struct fixture f = fixture_new();
    f.limits.row_fields = 10;
    open_table(&f);
    struct error e;
    struct batch_counts counts;
    for (uint32_t n = 9; n <= 11; n++) {
        struct batch *b = batch_new(f.table);
        for (uint32_t i = 0; i < n; i++)
            assert_int_equal(add_one(b, i, &e), i < 10 ? E_OK : E_ROW_TOO_WIDE);
        assert_true(n < 11 || (e.limit == 10 && e.row == 10));
        batch_free(b);
    }
    struct buf want = {0};
    for (uint32_t from = 0; from < 12; from += 3) {
        struct batch *b = batch_new(f.table);
        for (uint32_t i = from; i < from + 3; i++)
            assert_int_equal(add_one(b, i, &e), E_OK);
        enum status status = batch_commit(b, BATCH_APPEND, &counts, &e);
        assert_int_equal(status, from + 3 <= 10 ? E_OK : E_ROW_TOO_WIDE);
        for (uint32_t i = from; status == E_OK && i < from + 3; i++)
            write_one(&want, i);
        batch_free(b);
    }
    check_rows(f.table, &want);
    struct batch *b = batch_new(f.table); /* a table that is replaced begins with no columns */
    for (uint32_t i = 20; i < 30; i++)
        assert_int_equal(add_one(b, i, &e), E_OK);
    commit_as(b, BATCH_REPLACE);
    assert_int_equal(add_one(b, 30, &e), E_OK); /* and a batch is empty after it */
    assert_int_equal(batch_commit(b, BATCH_APPEND, &counts, &e), E_ROW_TOO_WIDE);
    const struct snapshot *s = table_snapshot(f.table);
    assert_int_equal(s->n_rows, 10);
    assert_int_equal(s->n_columns, 10);
    snapshot_unref(s);
    batch_free(b);
    buf_done(&want);
    close_table(&f);
}

/* Rows of which each has another column: what is missing takes no room while rows are gathered. */
static void test_ragged(void **state) {
    (void)state;
    enum { COLUMNS = 2000 };
    struct fixture f = fixture_new();
    open_table(&f);
    struct batch *b = batch_new(f.table);
    struct buf want = {0};
    struct error e;
    for (uint32_t i = 0; i < COLUMNS; i++) {
        assert_int_equal(add_one(b, i, &e), E_OK);
        write_one(&want, i);
    }
    /* 8 bytes a cell would be 32 MB. With tiny segments some are sealed, with room for counts. */
    const size_t counts = COLUMNS >= COUNTS_ROWS ? sizeof(struct byte_counts) + CHUNK_ALIGN : 0;
    assert_true(f.budget.peak_bytes < COLUMNS * (2500u + counts));
    commit_as(b, BATCH_APPEND);
    batch_free(b);
    check_rows(f.table, &want);
    buf_done(&want);
    close_table(&f);
}

/* A segment ends where its strings take too much. */
static void test_long_strings(void **state) {
    (void)state;
    struct fixture f = fixture_new();
    open_table(&f);
    enum { LONG = 1500, ROWS = 40 };
    char *text = malloc(LONG);
    struct buf rows = {0};
    struct dice d = {3};
    for (uint32_t i = 0; i < ROWS; i++) {
        for (uint32_t k = 0; k < LONG; k++)
            text[k] = (char)('a' + below(&d, 26));
        mp_write_map(&rows, 2);
        mp_write_text(&rows, "x");
        mp_write_str(&rows, text, LONG);
        mp_write_text(&rows, "y");
        mp_write_bin(&rows, text, LONG);
    }
    struct batch *b = batch_new(f.table);
    add_rows(b, &rows);
    commit_as(b, BATCH_APPEND);
    batch_free(b);
    check_rows(f.table, &rows);
#ifdef TAMIS_HOSTILE
    const struct snapshot *s = table_snapshot(f.table);
    assert_true(s->n_parts > 5);
    snapshot_unref(s);
#endif
    free(text);
    buf_done(&rows);
    close_table(&f);
}

/* A commit that does not fit the budget changes nothing; what is freed can be used again. */
static void test_budget(void **state) {
    (void)state;
    struct fixture f = fixture_new();
    open_table(&f);
    struct buf rows = {0}, want = {0};
    struct error e;
    for (uint32_t i = 0; i < 300; i++)
        write_one(&rows, i % 7);
    struct batch *b = batch_new(f.table);
    add_rows(b, &rows);
    commit_as(b, BATCH_APPEND);
    buf_add(&want, rows.data, rows.len);
    uint32_t refused = 0, accepted = 0;
    for (size_t room = 0; room < 120000; room += 997) {
        size_t before = f.budget.used_bytes;
        f.budget.limit_bytes = before + room;
        struct batch_counts counts;
        const uint8_t *p = rows.data, *end = p + rows.len, *fault;
        error_clear(&e);
        while (p && p < end)
            p = batch_add_map(b, p, end, &fault, &e);
        enum status status = p ? batch_commit(b, BATCH_APPEND, &counts, &e) : e.status;
        assert_true(status == E_OK || status == E_MEMORY);
        f.budget.limit_bytes = 0;
        batch_free(b);
        b = batch_new(f.table);
        if (status == E_OK)
            buf_add(&want, rows.data, rows.len);
        accepted += status == E_OK;
        refused += status != E_OK;
        check_rows(f.table, &want);
    }
    assert_true(refused > 5 && accepted > 5);
    batch_free(b);
    buf_done(&rows);
    buf_done(&want);
    close_table(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_broken),        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_columns_limit), cmocka_unit_test(test_ragged),
        cmocka_unit_test(test_long_strings),  cmocka_unit_test(test_budget),
    };
    return cmocka_run_group_tests_name("table_rows", tests, NULL, NULL);
}

/* Tables with every allocation failing in turn, and under every budget that is too small: whatever
 * fails, the table is what it was before, and usable. */
#include "alloc_fault.h"
#include "table_unit.h"

enum { ROWS = 90 };

struct given {
    struct limits limits;
    struct budget *budget;
};

/* Rows from..to of a table with a key: each column of another form, and a nested one. */
static void write_rows(struct buf *out, uint32_t from, uint32_t to, uint32_t stamp) {
    for (uint32_t i = from; i < to; i++) {
        char name[40];
        mp_write_map(out, 8);
        mp_write_text(out, "id");
        mp_write_int(out, i);
        mp_write_text(out, "stamp");
        mp_write_int(out, stamp);
        mp_write_text(out, "city");
        mp_write_text(out, i % 3 ? "Oslo" : "Bergen");
        mp_write_text(out, "name");
        snprintf(name, sizeof name, "name %u of %u", i, stamp);
        mp_write_text(out, name);
        mp_write_text(out, "at");
        mp_write_value(out, value_timestamp(i, 0));
        mp_write_text(out, "mixed");
        mp_write_value(out, i % 2 ? value_int(i) : value_str(str_of(name)));
        mp_write_text(out, "in");
        mp_write_map(out, 1);
        mp_write_text(out, "side");
        mp_write_text(out, i % 2 ? "left" : "right");
        mp_write_int(out, 7); /* a key that is no str */
        mp_write_double(out, i / 2.0);
    }
}

/* Fills a batch; false: no memory. */
static bool fill(struct batch *b, const struct buf *rows) {
    const uint8_t *p = rows->data, *end = p + rows->len, *fault;
    struct error e;
    error_clear(&e);
    while (p && p < end)
        p = batch_add_map(b, p, end, &fault, &e);
    assert_true(p || e.status == E_MEMORY);
    return p != NULL;
}

/* The sum over a column of numbers, which says what a table holds; and its rows. */
static int64_t sum_of(struct table *t, const char *name, uint64_t *ret_rows) {
    const struct snapshot *s = table_snapshot(t);
    uint32_t column = snapshot_column(s, str_of(name));
    int64_t sum = 0;
    for (uint32_t i = 0; i < s->n_parts && column != NO_TABLE_COLUMN; i++) {
        const struct chunk *c = chunk_of(&s->parts[i], column);
        for (uint32_t row = 0; row < s->parts[i].n; row++)
            sum += bits_get(s->parts[i].live, row) ? chunk_value(c, row).w.i : 0;
    }
    *ret_rows = s->n_rows;
    snapshot_unref(s);
    return sum;
}

static enum status commit(struct table *t, const struct buf *rows, enum batch_mode mode) {
    uint64_t before, after;
    int64_t sum = sum_of(t, "stamp", &before);
    struct batch *b = batch_new(t);
    if (!b)
        return E_MEMORY;
    struct batch_counts counts;
    struct error e;
    error_clear(&e);
    enum status status = fill(b, rows) ? batch_commit(b, mode, &counts, &e) : E_MEMORY;
    if (status != E_OK) {
        assert_int_equal(sum_of(t, "stamp", &after), sum);
        assert_int_equal(before, after);
    }
    batch_free(b);
    return status;
}

static enum status delete_some(struct table *t) {
    struct value keys[ROWS / 2];
    for (uint32_t i = 0; i < ROWS / 2; i++)
        keys[i] = value_int(2 * i);
    uint64_t deleted, before, after;
    struct error e;
    error_clear(&e);
    int64_t sum = sum_of(t, "id", &before);
    enum status status = table_delete(t, keys, ROWS / 2, &deleted, &e);
    if (status == E_OK) {
        assert_int_equal(deleted, ROWS / 2);
    } else {
        assert_int_equal(sum_of(t, "id", &after), sum);
        assert_int_equal(before, after);
    }
    return status;
}

static enum status look(struct table *t) {
    struct path_step step = {.key = str_of("side")};
    const struct snapshot *s = table_snapshot(t);
    uint32_t column = snapshot_column(s, str_of("in"));
    enum status status = E_OK;
    for (uint32_t i = 0; i < s->n_parts && status == E_OK; i++) {
        const struct chunk *c = part_path_chunk(&s->parts[i], column, (struct path){&step, 1});
        status = c ? E_OK : E_MEMORY;
        for (uint32_t row = 0; c && row < s->parts[i].n; row++)
            assert_int_equal(chunk_value(c, row).type, T_STR);
    }
    struct column_report r;
    for (uint32_t i = 0; i < s->n_columns && status == E_OK; i++)
        status = column_report(t, s, i, &r) ? E_OK : E_MEMORY;
    snapshot_unref(s);
    return status;
}

/* Made before anything fails. */
static struct buf first, second, third;

static enum status life(void *arg) {
    struct given *g = arg;
    struct table *t = table_new(str_of("id"), &g->limits, g->budget);
    if (!t)
        return E_MEMORY;
    uint64_t rows;
    enum status status = commit(t, &first, BATCH_APPEND);
    if (status == E_OK)
        status = look(t);
    if (status == E_OK)
        status = commit(t, &second, BATCH_UPSERT);
    if (status == E_OK)
        status = delete_some(t);
    if (status == E_OK)
        status = look(t);
    if (status == E_OK) {
        sum_of(t, "stamp", &rows);
        assert_int_equal(rows, ROWS / 2 + 30 - 15);
        status = commit(t, &third, BATCH_REPLACE);
    }
    if (status == E_OK) {
        sum_of(t, "stamp", &rows);
        assert_int_equal(rows, 10);
        assert_true(table_bytes(t) > 0);
    }
    table_unref(t);
    assert_int_equal(g->budget->used_bytes, 0);
    return status;
}

static void test_each_allocation(void **state) {
    (void)state;
    struct budget budget;
    budget_init(&budget, 0);
    struct given g = {.limits = table_limits(), .budget = &budget};
    assert_true(fault_each("table", life, &g) >= 100);
}

static void test_each_budget(void **state) {
    (void)state;
    struct budget budget;
    budget_init(&budget, 0);
    struct given g = {.limits = table_limits(), .budget = &budget};
    assert_int_equal(life(&g), E_OK);
    size_t need = budget.peak_bytes, refused = 0;
    for (size_t limit = 1; limit < need; limit += limit < 100 ? 1 : limit / 64) {
        size_t blocks = fault_live_blocks();
        budget_init(&budget, limit);
        refused += life(&g) == E_MEMORY;
        assert_true(budget.peak_bytes <= limit);
        assert_int_equal(fault_live_blocks(), blocks);
    }
    assert_true(refused > 100);
    budget_init(&budget, need);
    assert_int_equal(life(&g), E_OK);
}

int main(void) {
    write_rows(&first, 0, ROWS, 1);
    write_rows(&second, ROWS - 15, ROWS + 15, 2);
    write_rows(&third, 0, 10, 3);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_allocation),
        cmocka_unit_test(test_each_budget),
    };
    int failed = cmocka_run_group_tests_name("fault_table", tests, NULL, NULL);
    buf_done(&first);
    buf_done(&second);
    buf_done(&third);
    return failed;
}

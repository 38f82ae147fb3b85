/* Columns of whole segments that stay as they came until somebody asks for them (table/raw.h). */
#include "raw_unit.h"
#include "table/cells.h"

enum { ROUNDS = SEGMENT_ROWS < 1000 ? 60 : 1 };

/* What may be there is in the memory of another process, or some of it. */
static void send_away(struct array *a, struct dice *d, bool nested) {
    for (uint32_t i = 0; i < a->n_children; i++)
        send_away((struct array *)(uintptr_t)&a->children[i], d, true);
    uint32_t bytes = array_number_bytes(a->type);
    if (!array_may_be_elsewhere(a->type) || (!nested && bytes > 0 && bytes < 8) || below(d, 4) == 0)
        return;
    a->peer = &self;
    a->address = (uintptr_t)a->data;
    a->data = a->data_end = NULL;
}

/* Codes and values are not copied. */
static bool stays(const struct array *a) {
    bool can = a->type != ARRAY_CODES && a->type != ARRAY_VALUES;
    for (uint32_t i = 0; i < a->n_children; i++)
        can &= stays(&a->children[i]);
    return can;
}

/* A copy whose children may be changed. */
static void copy_tree(struct array *to, const struct array *from, struct pool *pool) {
    *to = *from;
    if (from->n_children == 0)
        return;
    struct array *children = keep(pool, from->n_children * sizeof *children);
    for (uint32_t i = 0; i < from->n_children; i++)
        copy_tree(&children[i], &from->children[i], pool);
    to->children = children;
}

/* Some segments of a type, as the column "c". */
static void load(struct trial *t, enum array_type type, uint32_t n, struct taste taste,
                 struct dice *d) {
    begin(t, (struct str){NULL, 0});
    give(&t->array, &t->pool, type, n, taste, 2, d);
    if (taste.gaps && below(d, 2))
        t->array.present = bits_of(&t->pool, d, n + 20, taste.gaps);
    copy_tree(&t->sent, &t->array, &t->pool);
    send_away(&t->sent, d, false);
    assert_int_equal(add(t->batch, "c", &t->sent), E_OK);
    for (uint32_t i = 0; i < n; i++)
        append_cell(&t->rows, &t->array, i);
    commit_as(t->batch, BATCH_APPEND);
}

/* Parts whose column is not made yet, and the types that it tells of. */
static uint32_t count_raw(struct table *t, uint32_t *ret_seen) {
    const struct snapshot *s = table_snapshot(t);
    uint32_t raw = 0;
    *ret_seen = 0;
    for (uint32_t i = 0; i < s->n_parts; i++) {
        raw += !part_is_made(&s->parts[i], 0);
        *ret_seen |= part_column_seen(&s->parts[i], 0);
        assert_true(part_column_bytes(&s->parts[i], 0) > 0);
    }
    snapshot_unref(s);
    return raw;
}

/* They tell the same before and after they are made, and are what eager ones would be. */
static void test_types(void **state) {
    (void)state;
    static const enum array_type TYPES[] = {ARRAY_STR, ARRAY_BIN, ARRAY_LIST, ARRAY_MAP,
                                            ARRAY_STRUCT};
    static struct trial t;
    struct dice d = {31};
    uint32_t seen, after, looked = 0;
    for (uint32_t round = 0; round < ROUNDS * COUNT_OF(TYPES); round++) {
        struct taste taste = {.gaps = below(&d, 2) * 7, .words = 5, .longest = 2};
        enum array_type type = TYPES[round % COUNT_OF(TYPES)];
        bool is_nested = type >= ARRAY_LIST;
        uint32_t n = (SEGMENT_ROWS > 1000 && is_nested ? 1 : 2) * SEGMENT_ROWS + SEGMENT_ROWS / 8;
        load(&t, type, n, taste, &d);
        uint32_t raw = count_raw(t.table, &seen);
        if (array_cells_most(&t.array, 0, n) <= SEGMENT_BYTES) /* else segments have less rows */
            assert_int_equal(raw, stays(&t.array) ? n / SEGMENT_ROWS + is_nested : 0);
        looked += raw > 0;
        uint64_t bytes = table_bytes(t.table);
        assert_true(bytes <= t.budget.used_bytes);
        check_rows(t.table, &t.rows);
        check_chunks(t.table);
        assert_int_equal(count_raw(t.table, &after), 0);
        assert_int_equal(after, seen);
        assert_true(table_bytes(t.table) <= t.budget.used_bytes);
        end(&t);
    }
    assert_true(looked >= 2);
}

/* Rows behind those of the open segment that are kept as they came: of an array, as maps, or such
 * that have no such column. */
static void test_rest(void **state) {
    (void)state;
    static const enum array_type TYPES[] = {ARRAY_STR, ARRAY_LIST, ARRAY_MAP, ARRAY_STRUCT};
    static struct trial t;
    struct dice d = {41};
    uint32_t kept = 0;
    for (uint32_t round = 0; round < (ROUNDS > 1 ? 80 : 12); round++) {
        struct taste taste = {.gaps = below(&d, 2) * 7, .words = 5, .longest = 2};
        uint32_t pieces = 2 + below(&d, 4);
        begin(&t, (struct str){NULL, 0});
        for (uint32_t i = 0; i < pieces; i++) {
            uint32_t kind = i == 0 ? 0 : below(&d, 4);
            uint32_t n = 1 + below(&d, kind == 2 ? 30 : SEGMENT_ROWS + SEGMENT_ROWS / 4);
            struct buf maps = {0};
            give(&t.array, &t.pool, TYPES[round % COUNT_OF(TYPES)], n, taste, 1, &d);
            copy_tree(&t.sent, &t.array, &t.pool);
            send_away(&t.sent, &d, false);
            for (uint32_t row = 0; row < n && kind < 3; row++)
                append_cell(&maps, &t.array, row);
            if (kind == 3) {
                uint64_t *numbers = keep(&t.pool, n * sizeof *numbers);
                struct array other = {.type = ARRAY_I64, .n = n, .data = (uint8_t *)numbers};
                assert_int_equal(add(t.batch, "d", &other), E_OK);
                for (uint32_t row = 0; row < n; row++)
                    buf_add(&maps,
                            "\x81\xA1"
                            "d\x00",
                            4);
            } else if (kind == 2) {
                add_rows(t.batch, &maps);
            } else {
                assert_int_equal(add(t.batch, "c", &t.sent), E_OK);
            }
            buf_add(&t.rows, maps.data, maps.len);
            buf_done(&maps);
        }
        commit_as(t.batch, BATCH_APPEND);
        const struct snapshot *s = table_snapshot(t.table);
        kept += s->parts[s->n_parts - 1].n < SEGMENT_ROWS &&
                !part_is_made(&s->parts[s->n_parts - 1], 0);
        snapshot_unref(s);
        check_chunks(t.table);
        check_rows(t.table, &t.rows);
        end(&t);
    }
    assert_true(kept >= 2);
}

/* Strings that do not repeat are bytes from the first segment on, which is as they came. */
static void test_plain(void **state) {
    (void)state;
    static struct trial t;
    struct dice d = {5};
    struct taste taste = {.words = 100 * SEGMENT_ROWS};
    uint32_t seen;
    load(&t, ARRAY_STR, 2 * SEGMENT_ROWS, taste, &d);
    assert_int_equal(count_raw(t.table, &seen), 0);
    check_rows(t.table, &t.rows);
    end(&t);
}

/* Doubles, and strings once they were seen not to repeat, are read to where they stay. */
static void test_far(void **state) {
    (void)state;
    static struct trial t;
    struct dice d = {15};
    for (uint32_t round = 0; round < 4 * ROUNDS; round++) {
        bool text = round % 2;
        uint32_t n = 3 * SEGMENT_ROWS;
        struct taste taste = {.words = 100 * SEGMENT_ROWS, .gaps = round % 4 < 2 ? 0 : 90};
        begin(&t, (struct str){NULL, 0});
        give(&t.array, &t.pool, text ? ARRAY_STR : ARRAY_F64, n, taste, 0, &d);
        copy_tree(&t.sent, &t.array, &t.pool);
        t.sent.peer = &self;
        t.sent.address = (uintptr_t)t.array.data;
        t.sent.data = t.sent.data_end = NULL;
        assert_int_equal(add(t.batch, "c", &t.sent), E_OK);
        for (uint32_t i = 0; i < n; i++)
            append_cell(&t.rows, &t.array, i);
        t.sent.address = UINT64_MAX - (UINT64_C(1) << 40);
        struct batch *b = batch_new(t.table); /* whose first segment can be read, the others not */
        assert_int_equal(add(b, "c", &t.array), E_OK);
        assert_int_equal(add(b, "c", &t.sent), E_BAD_PAYLOAD);
        batch_free(b);
        commit_as(t.batch, BATCH_APPEND);
        const struct snapshot *s = table_snapshot(t.table);
        assert_int_equal(s->n_rows, n);
        for (uint32_t i = 0; i < s->n_parts; i++)
            check_chunk(chunk_of(&s->parts[i], 0));
        assert_int_equal(chunk_of(&s->parts[1], 0)->kind, text ? CHUNK_STR : CHUNK_DOUBLE);
        snapshot_unref(s);
        check_rows(t.table, &t.rows);
        end(&t);
    }
}

/* Where much of the memory is used nothing is kept that may take more than its cells. */
static void test_scarce(void **state) {
    (void)state;
    static struct trial t;
    struct dice d = {6};
    uint32_t seen;
    const size_t most = 1u << 30;
    for (uint32_t half = 0; half < 2; half++) {
        begin(&t, (struct str){NULL, 0});
        t.budget.limit_bytes = most;
        assert_true(budget_charge(&t.budget, half ? most / 2 + 1 : most / 4));
        give(&t.array, &t.pool, ARRAY_LIST, 2 * SEGMENT_ROWS, (struct taste){.words = 3}, 1, &d);
        ((struct array *)(uintptr_t)t.array.children)->type = ARRAY_I8; /* of no items */
        assert_int_equal(add(t.batch, "c", &t.array), E_OK);
        commit_as(t.batch, BATCH_APPEND);
        assert_int_equal(count_raw(t.table, &seen), half ? 0 : 2);
        budget_release(&t.budget, half ? most / 2 + 1 : most / 4);
        end(&t);
    }
}

/* A key is looked at when it comes. */
static void test_keys(void **state) {
    (void)state;
    static struct trial t;
    struct dice d = {8};
    uint32_t seen;
    begin(&t, str_of("c"));
    give(&t.array, &t.pool, ARRAY_STR, 2 * SEGMENT_ROWS, (struct taste){.words = 4}, 0, &d);
    assert_int_equal(add(t.batch, "c", &t.array), E_OK);
    commit_as(t.batch, BATCH_UPSERT);
    assert_int_equal(count_raw(t.table, &seen), 0);
    end(&t);
}

/* What is elsewhere and cannot be read is no load. */
static void test_unread(void **state) {
    (void)state;
    static struct trial t;
    struct dice d = {9};
    begin(&t, (struct str){NULL, 0});
    give(&t.array, &t.pool, ARRAY_LIST, 2 * SEGMENT_ROWS, (struct taste){.words = 4, .longest = 3},
         1, &d);
    struct array *items = (struct array *)(uintptr_t)t.array.children;
    *items = (struct array){
        .type = ARRAY_U16, .n = items->n, .peer = &self, .address = UINT64_MAX - (1u << 30)};
    for (uint32_t n = 1; n <= 2 * SEGMENT_ROWS; n += 2 * SEGMENT_ROWS - 1) {
        t.array.n = n;
        bool any = array_begin(&t.array, n) > array_begin(&t.array, 0);
        struct batch *b = batch_new(t.table);
        assert_int_equal(add(b, "c", &t.array), any ? E_BAD_PAYLOAD : E_OK);
        batch_free(b);
    }
    end(&t);
}

/* --- paths --- */

/* The path's chunks are what it finds in the rows. */
static void check_path(struct trial *t, struct path path) {
    const struct snapshot *s = table_snapshot(t->table);
    uint32_t row = 0;
    for (uint32_t i = 0; i < s->n_parts; i++) {
        const struct chunk *c = part_path_chunk(&s->parts[i], 0, path);
        assert_non_null(c);
        check_chunk(c);
        for (uint32_t k = 0; k < s->parts[i].n; k++, row++) {
            struct buf cell = {0};
            struct mp_reader r;
            expect(&t->array, row, &cell);
            mp_reader_init(&r, cell.data, cell.len, 64);
            struct value want =
                array_is_present(&t->array, row) ? mp_read_value(&r) : value_missing();
            want = path_lookup(want, path);
            struct value got = chunk_value(c, k);
            assert_int_equal(got.type, want.type);
            if (value_has_bytes((enum value_type)want.type)) {
                assert_int_equal(got.n, want.n);
                assert_memory_equal(got.w.p, want.w.p, want.n);
            } else {
                assert_false(value_distinct(got, want));
            }
            buf_done(&cell);
        }
    }
    snapshot_unref(s);
}

static bool is_text(const struct array *a) { return a->type == ARRAY_STR || a->type == ARRAY_BIN; }

/* Fields of structs are found without the structs being made. */
static void test_paths(void **state) {
    (void)state;
    static struct trial t;
    struct dice d = {71};
    uint32_t seen, looked = 0;
    for (uint32_t round = 0; round < (ROUNDS == 1 ? 1 : 4 * ROUNDS); round++) {
        struct taste taste = {.gaps = below(&d, 2) * 5, .words = 4, .longest = 2};
        load(&t, ARRAY_STRUCT, SEGMENT_ROWS + 70, taste, &d);
        uint32_t raw = count_raw(t.table, &seen);
        for (uint32_t k = 0; k < t.array.n_children; k++) {
            const struct array *child = &t.array.children[k];
            struct path_step steps[2] = {{.key = key_text(child)}};
            check_path(&t, (struct path){steps, 1});
            looked += is_text(child);
            for (uint32_t j = 0; child->type == ARRAY_STRUCT && j < child->n_children; j++) {
                steps[1].key = key_text(&child->children[j]);
                check_path(&t, (struct path){steps, 2});
            }
            steps[1].key = str_of("none");
            check_path(&t, (struct path){steps, 2});
        }
        check_path(&t, (struct path){&(struct path_step){.key = str_of("none")}, 1});
        check_path(&t, (struct path){&(struct path_step){.index = 1}, 1});
        assert_int_equal(count_raw(t.table, &seen), raw);
        check_rows(t.table, &t.rows);
        assert_int_equal(count_raw(t.table, &seen), 0);
        for (uint32_t k = 0; k < t.array.n_children; k++) /* again, as it was or from values */
            check_path(
                &t, (struct path){&(struct path_step){.key = key_text(&t.array.children[k])}, 1});
        end(&t);
    }
    assert_true(ROUNDS == 1 || looked > 20);
}

/* Of two fields of one name it is as in the values, where the last one counts. */
static void test_equal_names(void **state) {
    (void)state;
    static struct trial t;
    struct dice d = {72};
    begin(&t, (struct str){NULL, 0});
    struct array children[2];
    for (uint32_t k = 0; k < 2; k++) {
        give(&children[k], &t.pool, ARRAY_I32, SEGMENT_ROWS, (struct taste){.words = 1}, 0, &d);
        uint8_t *key = keep(&t.pool, 2 + ARRAY_KEY_BYTES);
        memcpy(key, "\xA1k", 2);
        children[k].key = (struct str){(const char *)key, 2};
    }
    t.array = (struct array){
        .type = ARRAY_STRUCT, .n = SEGMENT_ROWS, .children = children, .n_children = 2};
    assert_int_equal(add(t.batch, "c", &t.array), E_OK);
    commit_as(t.batch, BATCH_APPEND);
    check_path(&t, (struct path){&(struct path_step){.key = str_of("k")}, 1});
    end(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),       cmocka_unit_test(test_rest),
        cmocka_unit_test(test_plain),       cmocka_unit_test(test_far),
        cmocka_unit_test(test_scarce),      cmocka_unit_test(test_keys),
        cmocka_unit_test(test_unread),      cmocka_unit_test(test_paths),
        cmocka_unit_test(test_equal_names),
    };
    return cmocka_run_group_tests_name("table_raw", tests, NULL, NULL);
}

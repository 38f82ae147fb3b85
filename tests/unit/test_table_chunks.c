/* Chunks: which form a column gets, that statistics and padding are as chunk.h says, paths inside
 * nested values, and what is reported of a column. */
#include "chunk_unit.h"
#include "table/distinct.h"

#include <math.h>

static struct limits limits;
static struct budget budget;

static struct table *new_table(void) {
    limits = table_limits();
    budget_init(&budget, 0);
    return table_new((struct str){NULL, 0}, &limits, &budget);
}

static void put(struct batch *b, const char *name, struct value v) {
    struct buf row = {0};
    mp_write_map(&row, 1);
    mp_write_text(&row, name);
    mp_write_value(&row, v);
    add_rows(b, &row);
    buf_done(&row);
}

struct form {
    enum chunk_kind kind;
    unsigned width;
    uint64_t base;
    bool is_unsigned;
    uint32_t per_second;
};

/* A column of these values has this form, with and without nulls and gaps. */
static void check_form(const struct value *v, uint32_t n, struct form want) {
    for (uint32_t gaps = 0; gaps < 4; gaps++) {
        struct table *t = new_table();
        struct batch *b = batch_new(t);
        struct value back[600];
        uint32_t rows = 0;
        for (uint32_t i = 0; i < 70 || i < n; i++) {
            if (gaps & 1 && i % 5 == 3) {
                put(b, "x", value_null());
                back[rows++] = value_null();
            }
            if (gaps & 2 && i % 7 == 2) {
                put(b, "other", value_int(1));
                back[rows++] = value_missing();
            }
            put(b, "x", v[i % n]);
            back[rows++] = v[i % n];
        }
        commit_as(b, BATCH_APPEND);
        const struct snapshot *s = table_snapshot(t);
        assert_int_equal(s->n_parts, 1);
        const struct chunk *c = chunk_of(s->parts, snapshot_column(s, str_of("x")));
        assert_int_equal(c->n, rows);
        assert_int_equal(c->kind, want.kind);
        if (want.width)
            assert_int_equal(c->width, want.width);
        assert_int_equal(c->base, want.base);
        assert_int_equal(c->is_unsigned, want.is_unsigned);
        assert_int_equal(c->per_second, want.per_second);
        check_chunk(c);
        for (uint32_t i = 0; i < rows; i++) {
            struct value got = chunk_value(c, i);
            assert_int_equal(got.type, back[i].type);
            assert_false(value_distinct(got, back[i]));
        }
        snapshot_unref(s);
        batch_free(b);
        table_unref(t);
        assert_int_equal(budget.used_bytes, 0);
    }
}

static struct form form(enum chunk_kind kind, unsigned width, uint64_t base, bool is_unsigned,
                        uint32_t per_second) {
    return (struct form){kind, width, base, is_unsigned, per_second};
}

#define CHECK_FORM(form_, ...)                                                                     \
    check_form((const struct value[]){__VA_ARGS__},                                                \
               sizeof((const struct value[]){__VA_ARGS__}) / sizeof(struct value), form_)

static void test_integers(void **state) {
    (void)state;
    CHECK_FORM(form(CHUNK_INT, 1, 0, false, 0), value_int(-128), value_int(127), value_int(0));
    CHECK_FORM(form(CHUNK_INT, 1, 128, false, 0), value_int(0), value_int(255));
    CHECK_FORM(form(CHUNK_INT, 2, 0, false, 0), value_int(0), value_int(256));
    CHECK_FORM(form(CHUNK_INT, 1, 1000 + 128, false, 0), value_int(1000), value_int(1255));
    CHECK_FORM(form(CHUNK_INT, 2, 0, false, 0), value_int(-32768), value_int(32767));
    CHECK_FORM(form(CHUNK_INT, 2, 70000 + 32768, false, 0), value_int(70000),
               value_int(70000 + 65535));
    CHECK_FORM(form(CHUNK_INT, 4, 0, false, 0), value_int(0), value_int(65536));
    CHECK_FORM(form(CHUNK_INT, 4, 0, false, 0), value_int(INT32_MIN), value_int(INT32_MAX));
    CHECK_FORM(form(CHUNK_INT, 4, INT64_C(1) << 31, false, 0), value_int(0), value_int(UINT32_MAX));
    CHECK_FORM(form(CHUNK_INT, 8, 0, false, 0), value_int(0), value_int(INT64_C(1) << 32));
    CHECK_FORM(form(CHUNK_INT, 8, 0, false, 0), value_int(INT64_MIN), value_int(INT64_MAX));
    CHECK_FORM(form(CHUNK_INT, 1, (uint64_t)INT64_MIN + 128, false, 0), value_int(INT64_MIN));
    CHECK_FORM(form(CHUNK_INT, 1, (uint64_t)INT64_MAX - 127, false, 0), value_int(INT64_MAX));
    CHECK_FORM(form(CHUNK_INT, 1, UINT64_MAX - 127, true, 0), value_uint(UINT64_MAX));
    CHECK_FORM(form(CHUNK_INT, 1, UINT64_MAX - 127, true, 0), value_uint(UINT64_MAX - 255),
               value_uint(UINT64_MAX));
    CHECK_FORM(form(CHUNK_INT, 8, UINT64_C(1) << 63, true, 0), value_int(0),
               value_uint(UINT64_MAX));
    CHECK_FORM(form(CHUNK_INT, 1, (UINT64_C(1) << 63) - 1 + 128, true, 0), value_int(INT64_MAX),
               value_uint(UINT64_C(1) << 63));
    CHECK_FORM(form(CHUNK_MIXED, 0, 0, false, 0), value_int(-1), value_uint(UINT64_MAX));
    CHECK_FORM(form(CHUNK_MIXED, 0, 0, false, 0), value_uint(UINT64_MAX), value_int(5),
               value_int(-1));
}

static void test_others(void **state) {
    (void)state;
    CHECK_FORM(form(CHUNK_DOUBLE, 0, 0, false, 0), value_double(-0.0), value_double(NAN),
               value_double(1));
    CHECK_FORM(form(CHUNK_DOUBLE, 0, 0, false, 0), value_double(NAN));
    CHECK_FORM(form(CHUNK_MIXED, 0, 0, false, 0), value_double(1.5), value_int(1));
    CHECK_FORM(form(CHUNK_BOOL, 0, 0, false, 0), value_bool(true), value_bool(false),
               value_bool(false));
    CHECK_FORM(form(CHUNK_MIXED, 0, 0, false, 0), value_bool(true), value_int(1));
    CHECK_FORM(form(CHUNK_TIME, 2, 0, false, 1), value_timestamp(-1000, 0),
               value_timestamp(999, 0));
    CHECK_FORM(form(CHUNK_TIME, 2, 0, false, 1000), value_timestamp(-2, 5000000),
               value_timestamp(3, 0));
    CHECK_FORM(form(CHUNK_TIME, 4, 0, false, 1000000), value_timestamp(-2, 1000),
               value_timestamp(3, 5000000));
    CHECK_FORM(form(CHUNK_TIME, 8, 0, false, 1000000000), value_timestamp(-2, 1),
               value_timestamp(3, 999999999));
    CHECK_FORM(form(CHUNK_TIME, 8, 0, false, 1), value_timestamp(INT64_MIN, 0),
               value_timestamp(INT64_MAX, 0));
    CHECK_FORM(form(CHUNK_MIXED, 0, 0, false, 0), value_timestamp(INT64_MIN, 0),
               value_timestamp(0, 1));
    CHECK_FORM(form(CHUNK_TIME, 8, 0, false, 1000000000), value_timestamp(9223372036, 854775807),
               value_timestamp(-9223372037, 145224192));
    CHECK_FORM(form(CHUNK_MIXED, 0, 0, false, 0), value_timestamp(9223372036, 854775808));
    CHECK_FORM(form(CHUNK_MIXED, 0, 0, false, 0), value_timestamp(-9223372037, 145224191));
    CHECK_FORM(form(CHUNK_CODES, 1, 0, false, 0), value_str(str_of("a")), value_str(str_of("")));
    CHECK_FORM(form(CHUNK_CODES, 1, 0, false, 0), value_bytes(T_ARRAY, "\x91\x01", 2),
               value_bytes(T_ARRAY, "\x90", 1));
    CHECK_FORM(form(CHUNK_CODES, 1, 0, false, 0), value_str(str_of("a")),
               value_bytes(T_BIN, "a", 1));
    CHECK_FORM(form(CHUNK_MIXED, 0, 0, false, 0), value_str(str_of("a")), value_int(1));
    CHECK_FORM(form(CHUNK_NONE, 0, 0, false, 0), value_null());
}

/* Values that do not repeat: no dictionary. */
static void test_unique(void **state) {
    (void)state;
    struct value v[200];
    char text[200][32];
    for (uint32_t i = 0; i < 200; i++) {
        snprintf(text[i], sizeof text[i], "%u and more", i * 7919);
        v[i] = value_str(str_of(text[i]));
    }
    check_form(v, 100, (struct form){.kind = CHUNK_STR});
    for (uint32_t i = 0; i < 200; i++)
        v[i].type = T_BIN;
    check_form(v, 100, (struct form){.kind = CHUNK_MIXED});
}

/* The same dictionary in all segments of a column, whatever commits they came by; a column of many
 * values keeps it from growing. */
static void test_dictionary(void **state) {
    (void)state;
    struct table *t = new_table();
    const struct dict *dict = NULL;
    char text[40];
    for (uint32_t round = 0; round < 30; round++) {
        struct batch *b = batch_new(t);
        for (uint32_t i = 0; i < 2 * SEGMENT_ROWS && i < 3000; i++) {
            snprintf(text, sizeof text, "town %u", (i + round) % (10 + round));
            put(b, "town", value_str(str_of(text)));
        }
        commit_as(b, BATCH_APPEND);
        batch_free(b);
        const struct snapshot *s = table_snapshot(t);
        for (uint32_t i = 0; i < s->n_parts; i++) {
            const struct chunk *c = chunk_of(&s->parts[i], 0);
            assert_int_equal(c->kind, CHUNK_CODES);
            dict = dict ? dict : c->dict;
            assert_ptr_equal(c->dict, dict);
            check_chunk(c);
        }
        assert_int_equal(dict_count(dict), 10 + round);
        uint32_t code;
        assert_true(dict_has(dict, value_str(str_of("town 3")), &code));
        assert_true(str_is(value_as_str(dict_value(dict, code)), "town 3"));
        assert_false(dict_has(dict, value_bytes(T_BIN, "town 3", 6), &code));
        snapshot_unref(s);
    }
    table_unref(t);
    assert_int_equal(budget.used_bytes, 0);
}

/* Nested values at random, and paths into them against path_lookup. */
static void test_paths(void **state) {
    (void)state;
    struct table *t = new_table();
    struct dice d = {99};
    for (uint32_t commit = 0; commit < 3; commit++) {
        struct batch *b = batch_new(t);
        for (uint32_t i = 0; i < 400; i++) {
            struct buf v = {0};
            char zip[16];
            uint32_t what = below(&d, 12);
            snprintf(zip, sizeof zip, "%05u", below(&d, commit == 1 ? 3 : 1000000));
            mp_write_map(&v, 3);
            mp_write_text(&v, "city");
            mp_write_text(&v, what % 2 ? "Oslo" : "Bergen");
            mp_write_text(&v, "zip");
            mp_write_text(&v, zip);
            mp_write_text(&v, "list");
            mp_write_array(&v, what % 3);
            for (uint32_t k = 0; k < what % 3; k++)
                mp_write_int(&v, below(&d, 100));
            if (what == 0)
                put(b, "in", value_null());
            else if (what == 1)
                put(b, "in", value_int(3));
            else if (what == 2)
                put(b, "out", value_int(3));
            else
                put(b, "in", value_bytes(T_MAP, v.data, (uint32_t)v.len));
            buf_done(&v);
        }
        commit_as(b, BATCH_APPEND);
        batch_free(b);
    }
    struct path_step city = {.key = str_of("city")}, zip = {.key = str_of("zip")},
                     none = {.key = str_of("none")},
                     list[] = {{.key = str_of("list")}, {.index = 1}};
    const struct path paths[] = {{&city, 1}, {&zip, 1},     {&none, 1},
                                 {list, 2},  {list + 1, 1}, {list, 1}};
    const struct snapshot *s = table_snapshot(t);
    for (uint32_t k = 0; k < COUNT_OF(paths); k++)
        for (uint32_t i = 0; i < s->n_parts; i++)
            for (uint32_t column = 0; column < s->n_columns; column++) {
                const struct chunk *c = part_path_chunk(&s->parts[i], column, paths[k]);
                const struct chunk *whole = chunk_of(&s->parts[i], column);
                assert_non_null(c);
                assert_int_equal(c->n, s->parts[i].n);
                check_chunk(c);
                for (uint32_t row = 0; row < c->n; row++) {
                    struct value v = whole ? chunk_value(whole, row) : value_missing();
                    struct value want = path_lookup(v, paths[k]), got = chunk_value(c, row);
                    assert_int_equal(got.type, want.type);
                    assert_false(value_distinct(got, want));
                }
                assert_ptr_equal(part_path_chunk(&s->parts[i], column, paths[k]), c);
            }
    uint32_t in = snapshot_column(s, str_of("in"));
    const struct chunk *c = part_path_chunk(s->parts, in, paths[0]);
    assert_int_equal(c->kind, CHUNK_CODES);
    snapshot_unref(s);
    table_unref(t);
    assert_int_equal(budget.used_bytes, 0);
}

static void test_report(void **state) {
    (void)state;
    struct table *t = new_table();
    struct batch *b = batch_new(t);
    for (uint32_t i = 0; i < 1000; i++) {
        put(b, "number", value_double(i % 100 / 2.0));
        put(b, "number", value_int(i % 50)); /* the same numbers again, as integers */
        put(b, "town", value_str(str_of(i % 3 ? "Oslo" : "Bergen")));
        put(b, "town", value_null());
    }
    commit_as(b, BATCH_APPEND);
    batch_free(b);
    const struct snapshot *s = table_snapshot(t);
    struct column_report r;
    assert_true(column_report(t, s, snapshot_column(s, str_of("number")), &r));
    assert_true(str_is(r.name, "number"));
    assert_int_equal(r.distinct, 100);
    assert_true(r.is_exact);
    assert_int_equal(r.missing, 2000);
    assert_int_equal(r.nulls, 0);
    assert_int_equal(r.seen, SEEN(T_DOUBLE) | SEEN(T_INT) | SEEN(T_MISSING));
    assert_string_equal(r.storage, "mixed");
    assert_true(column_report(t, s, snapshot_column(s, str_of("town")), &r));
    assert_int_equal(r.distinct, 2);
    assert_int_equal(r.missing, 2000);
    assert_int_equal(r.nulls, 1000);
    assert_string_equal(r.storage, "dictionary");
    assert_true(r.bytes > 0 && table_bytes(t) > r.bytes);
    assert_true(table_bytes(t) <= budget.used_bytes);
    assert_true(table_bytes(t) + 4096 >= budget.used_bytes);
    snapshot_unref(s);
    table_unref(t);
}

/* The estimate, where the set is full. */
static void test_distinct(void **state) {
    (void)state;
    struct distinct d;
    bool exact;
    budget_init(&budget, 0);
    distinct_init(&d, &budget);
    for (uint32_t i = 0; i < DISTINCT_MOST; i++)
        assert_true(distinct_add(&d, value_int(i)));
    assert_int_equal(distinct_count(&d, &exact), DISTINCT_MOST);
    assert_true(exact);
    for (uint32_t i = 0; i < 2 * DISTINCT_MOST; i++)
        assert_true(distinct_add(&d, value_double(i)));
    double n = (double)distinct_count(&d, &exact) / (2.0 * DISTINCT_MOST);
    assert_false(exact);
    assert_true(n > 0.96 && n < 1.04); /* five standard errors */
    distinct_done(&d);
    assert_int_equal(budget.used_bytes, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers), cmocka_unit_test(test_others),
        cmocka_unit_test(test_unique),   cmocka_unit_test(test_dictionary),
        cmocka_unit_test(test_paths),    cmocka_unit_test(test_report),
        cmocka_unit_test(test_distinct),
    };
    return cmocka_run_group_tests_name("table_chunks", tests, NULL, NULL);
}

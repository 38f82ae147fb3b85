/* Lists, maps and structs of arrays: as msgpack, and in a table. What they should be is written
 * here another way, cell by cell; long because each type is drawn and written in its own way. */
#include "table_unit.h"

#include "value/array_cell.h"

enum { MOST_CELLS = 400, GUARD = 64 };

/* Memory of one array and all that is inside of it. */
struct pool {
    void *p[4096];
    uint32_t n;
};

static void *keep(struct pool *pool, size_t n) {
    void *p = calloc(1, n + 1);
    assert_non_null(p);
    assert_in_range(pool->n, 0, COUNT_OF(pool->p) - 1);
    return pool->p[pool->n++] = p;
}

static void pool_done(struct pool *pool) {
    while (pool->n > 0)
        free(pool->p[--pool->n]);
}

/* --- arrays at random --- */

/* What an array may be like. */
struct taste {
    uint32_t gaps;    /* one cell in so many is null or missing; 0: none */
    uint32_t words;   /* strings are one of so many */
    uint32_t longest; /* items of a list, pairs of a map */
    bool long_words;  /* some strings have more than 16 bytes */
};

static uint8_t *bits_of(struct pool *pool, struct dice *d, uint64_t n, uint32_t gaps) {
    uint8_t *bits = keep(pool, n / 8 + 1);
    for (uint64_t i = 0; i < n; i++)
        bits[i / 8] |= (uint8_t)((gaps == 0 || below(d, gaps) > 0) << i % 8);
    return bits;
}

static uint32_t word_text(char *text, struct taste t, struct dice *d) {
    uint32_t word = below(d, t.words), bytes = word % (t.long_words && word % 5 == 0 ? 40 : 17);
    memset(text, 'a' + (int)(word % 26), 64);
    uint32_t digits = (uint32_t)snprintf(text, 64, "%u", word);
    text[digits] = word % 2 ? '\0' : '.';
    return bytes;
}

static void give_text(struct array *a, struct pool *pool, uint32_t n, struct taste t,
                      struct dice *d) {
    uint8_t *data = keep(pool, (size_t)n * 64 + 64), *offsets = keep(pool, (size_t)(n + 1) * 8);
    uint32_t at = below(d, 5);
    for (uint32_t i = 0; i <= n; i++) {
        uint64_t offset = htole64(at + a->base);
        memcpy(offsets + (size_t)i * a->offset_bytes, &offset, a->offset_bytes);
        char text[64];
        uint32_t bytes = word_text(text, t, d);
        if (i < n)
            memcpy(data + at, text, bytes);
        at += i < n ? bytes : 0;
    }
    uint8_t *tight = keep(pool, at); /* so that reading behind it is seen */
    memcpy(tight, data, at);
    a->data = tight;
    a->data_end = tight + at;
    a->offsets = offsets;
}

static void give_numbers(struct array *a, struct pool *pool, uint32_t n, struct dice *d) {
    uint8_t *data = keep(pool, (size_t)n * 8);
    for (uint32_t i = 0; i < n; i++) {
        uint64_t x = below(d, 2) ? draw(d) : below(d, 300) - 150u;
        if (a->type == ARRAY_BYTES_BOOL)
            x &= 1;
        x = htole64(x);
        uint32_t size = a->type == ARRAY_BYTES_BOOL || a->type == ARRAY_BITS_BOOL ? 1
                        : a->type == ARRAY_TIME                                   ? 8
                                                : array_number_bytes(a->type);
        memcpy(data + (size_t)i * size, &x, size);
    }
    a->data = data;
}

static void give_codes(struct array *a, struct pool *pool, uint32_t n, struct taste t,
                       struct dice *d) {
    struct array *values = keep(pool, sizeof *values);
    uint8_t *data = keep(pool, n);
    *values = (struct array){.type = ARRAY_STR, .offset_bytes = 4};
    a->n_values = 1 + below(d, 20);
    a->codes_type = ARRAY_U8;
    give_text(values, pool, (uint32_t)a->n_values, t, d);
    for (uint32_t i = 0; i < a->n_values; i++)
        if (array_bytes(values, i).n > a->longest)
            a->longest = array_bytes(values, i).n;
    for (uint32_t i = 0; i < n; i++)
        data[i] = (uint8_t)below(d, (uint32_t)a->n_values);
    a->values = values;
    a->data = data;
}

static void give_values(struct array *a, struct pool *pool, uint32_t n, struct dice *d) {
    struct buf out = {0}, offsets = {0};
    a->offset_bytes = 4;
    a->base = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = htole32((uint32_t)out.len);
        buf_add(&offsets, &at, 4);
        if (below(d, 2))
            mp_write_int(&out, (int64_t)draw(d));
        else
            mp_write_text(&out, "x");
    }
    uint32_t at = htole32((uint32_t)out.len);
    buf_add(&offsets, &at, 4);
    a->data = memcpy(keep(pool, out.len), out.data ? out.data : (const uint8_t *)"", out.len);
    a->data_end = a->data + out.len;
    a->offsets = memcpy(keep(pool, offsets.len), offsets.data, offsets.len);
    buf_done(&out);
    buf_done(&offsets);
}

static void give(struct array *a, struct pool *pool, enum array_type type, uint32_t n,
                 struct taste t, uint32_t depth, struct dice *d);

static enum array_type any_type(struct dice *d, uint32_t depth) {
    return (enum array_type)below(d, depth > 0 ? ARRAY_STRUCT + 1 : ARRAY_VALUES + 1);
}

static void give_lists(struct array *a, struct pool *pool, uint32_t n, struct taste t,
                       uint32_t depth, struct dice *d) {
    uint8_t *offsets = keep(pool, (size_t)(n + 1) * 4);
    uint32_t at = below(d, 3), inside = a->type == ARRAY_MAP ? 2 : 1;
    a->offset_bytes = 4;
    a->base = below(d, 2) ? 0 : 1u << 30;
    for (uint32_t i = 0; i <= n; i++) {
        uint32_t offset = htole32(at + (uint32_t)a->base);
        memcpy(offsets + (size_t)i * 4, &offset, 4);
        at += i < n ? below(d, t.longest + 1) : 0;
    }
    struct array *children = keep(pool, inside * sizeof *children);
    for (uint32_t k = 0; k < inside; k++)
        give(&children[k], pool, k == 0 && inside == 2 ? ARRAY_STR : any_type(d, depth - 1), at, t,
             depth - 1, d);
    a->offsets = offsets;
    a->children = children;
    a->n_children = inside;
}

static void give_struct(struct array *a, struct pool *pool, uint32_t n, struct taste t,
                        uint32_t depth, struct dice *d) {
    uint32_t fields = below(d, 4) ? below(d, 4) : 14 + below(d, 4);
    bool texts = below(d, 3) == 0;
    struct array *children = keep(pool, fields * sizeof *children);
    for (uint32_t k = 0; k < fields; k++) {
        struct buf key = {0};
        char name[40];
        snprintf(name, sizeof name, "%s%u", below(d, 3) ? "k" : "a name that is rather long", k);
        mp_write_text(&key, name);
        uint8_t *copy = keep(pool, key.len + ARRAY_KEY_BYTES);
        memcpy(copy, key.data, key.len);
        give(&children[k], pool, texts ? ARRAY_STR : any_type(d, depth - 1), n, t, depth - 1, d);
        children[k].key = (struct str){(const char *)copy, key.len};
        buf_done(&key);
        if (t.gaps && below(d, 3) == 0)
            children[k].present = bits_of(pool, d, n + 20, t.gaps);
    }
    a->children = children;
    a->n_children = fields;
}

/* n cells of a type. */
static void give(struct array *a, struct pool *pool, enum array_type type, uint32_t n,
                 struct taste t, uint32_t depth, struct dice *d) {
    *a = (struct array){.type = type, .n = n, .bit_offset = below(d, 20)};
    a->per_second = (uint32_t[]){1, 1000, 1000000, 1000000000}[below(d, 4)];
    a->offset_bytes = below(d, 2) ? 4 : 8;
    a->base = below(d, 2) ? 0 : 1u << 30;
    if (type == ARRAY_STR || type == ARRAY_BIN)
        give_text(a, pool, n, t, d);
    else if (type == ARRAY_CODES)
        give_codes(a, pool, n, t, d);
    else if (type == ARRAY_VALUES)
        give_values(a, pool, n, d);
    else if (type == ARRAY_LIST || type == ARRAY_MAP)
        give_lists(a, pool, n, t, depth, d);
    else if (type == ARRAY_STRUCT)
        give_struct(a, pool, n, t, depth, d);
    else
        give_numbers(a, pool, n + 20, d);
    if (t.gaps && below(d, 2) && type != ARRAY_VALUES)
        a->valid = bits_of(pool, d, n + 20, t.gaps);
}

/* --- what they should be --- */

static bool has_value(const struct array *a, uint64_t i) {
    uint64_t bit = a->bit_offset + i;
    return (!a->valid || a->valid[bit / 8] >> bit % 8 & 1) &&
           (!a->present || a->present[bit / 8] >> bit % 8 & 1);
}

static void expect(const struct array *a, uint64_t i, struct buf *out);

static void expect_inside(const struct array *a, uint64_t i, struct buf *out) {
    uint64_t from = array_begin(a, i), to = array_begin(a, i + 1);
    if (a->type == ARRAY_LIST)
        mp_write_array(out, (uint32_t)(to - from));
    else
        mp_write_map(out, (uint32_t)(to - from));
    for (; from < to; from++)
        for (uint32_t k = 0; k < a->n_children; k++)
            expect(&a->children[k], from, out);
}

static void expect_struct(const struct array *a, uint64_t i, struct buf *out) {
    struct buf fields = {0};
    uint32_t n = 0;
    for (uint32_t k = 0; k < a->n_children; k++) {
        const struct array *child = &a->children[k];
        uint64_t bit = child->bit_offset + i;
        if (child->present && !(child->present[bit / 8] >> bit % 8 & 1))
            continue;
        buf_add(&fields, child->key.p, child->key.n);
        expect(child, i, &fields);
        n++;
    }
    mp_write_map(out, n);
    buf_add(out, fields.data, fields.len);
    buf_done(&fields);
}

static struct value scalar(const struct array *a, uint64_t i) {
    double d;
    float f;
    switch (a->type) {
    case ARRAY_U64:
        return value_uint(load_le64(a->data + 8 * i));
    case ARRAY_F32:
        memcpy(&f, a->data + 4 * i, 4);
        return value_double((double)f);
    case ARRAY_F64:
        memcpy(&d, a->data + 8 * i, 8);
        return value_double(d);
    case ARRAY_BYTES_BOOL:
        return value_bool(a->data[i] != 0);
    case ARRAY_BITS_BOOL:
        return value_bool(a->data[(a->bit_offset + i) / 8] >> (a->bit_offset + i) % 8 & 1);
    case ARRAY_TIME:
        return array_time(a, i);
    case ARRAY_STR:
    case ARRAY_BIN:
        return array_bytes(a, i);
    case ARRAY_CODES:
        return array_bytes(a->values, a->data[i]);
    default:
        return value_int((int64_t)array_integer(a->type, a->data, i));
    }
}

static void expect(const struct array *a, uint64_t i, struct buf *out) {
    if (!has_value(a, i))
        mp_write_nil(out);
    else if (a->type == ARRAY_LIST || a->type == ARRAY_MAP)
        expect_inside(a, i, out);
    else if (a->type == ARRAY_STRUCT)
        expect_struct(a, i, out);
    else if (a->type == ARRAY_VALUES)
        buf_add(out, a->data + array_begin(a, i), array_begin(a, i + 1) - array_begin(a, i));
    else
        mp_write_value(out, scalar(a, i));
}

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

static struct taste any_taste(struct dice *d) {
    return (struct taste){.gaps = below(d, 2) * (2 + below(d, 20)),
                          .words = 1 + below(d, below(d, 2) ? 10 : 1000),
                          .longest = below(d, 2) ? 3 : 20,
                          .long_words = below(d, 2)};
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

static void append_cell(struct buf *rows, const struct array *a, uint32_t i) {
    bool present = !a->present || bitmap_get(a->present, a->bit_offset + i);
    mp_write_map(rows, present);
    if (!present)
        return;
    mp_write_text(rows, "c");
    expect(a, i, rows);
}

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

/* Lists of strings, which are known by their words or not. */
static void give_words(struct array *a, struct pool *pool, uint32_t n, struct taste t,
                       struct dice *d) {
    struct array *items = keep(pool, sizeof *items);
    uint8_t *offsets = keep(pool, (size_t)(n + 1) * 4);
    uint32_t at = 0;
    for (uint32_t i = 0; i <= n; i++) {
        uint32_t offset = htole32(at);
        memcpy(offsets + (size_t)i * 4, &offset, 4);
        at += i < n ? below(d, t.longest + 1) : 0;
    }
    *items = (struct array){.type = ARRAY_STR, .offset_bytes = below(d, 2) ? 4 : 8};
    give_text(items, pool, at, t, d);
    *a = (struct array){.type = ARRAY_LIST,
                        .n = n,
                        .offsets = offsets,
                        .offset_bytes = 4,
                        .children = items,
                        .n_children = 1};
    if (t.gaps)
        a->valid = bits_of(pool, d, n, t.gaps);
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

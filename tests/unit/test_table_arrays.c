/* Rows that come as columns: the same rows as maps are the same table. */
#include "chunk_unit.h"

#include <math.h>

enum { MOST = 70000 };

/* One column: an array with the values that it should give. */
struct given {
    struct array array, strings;
    struct buf data, offsets, valid, present;
    struct value *values; /* MOST */
    char name[16];
    bool nested;     /* VALUES with offsets */
    uint32_t before; /* bytes before the numbers, which may stand at any address */
};

static void set_bit(struct buf *b, uint64_t at, bool bit) {
    while (b->len <= at / 8)
        buf_byte(b, 0xFF);
    if (!bit)
        b->data[at / 8] &= (uint8_t) ~(1u << at % 8);
}

static void put_number(struct buf *b, uint64_t x, unsigned size) { buf_add(b, &x, size); }

static uint64_t any_number(struct dice *d, uint32_t kind, unsigned size) {
    uint64_t x = kind == 0 ? draw(d) : kind == 1 ? below(d, 100) : (uint64_t)0 - below(d, 100);
    return size == 8 ? x : x & ((UINT64_C(1) << 8 * size) - 1);
}

static const char *const WORDS[] = {"", "a", "Oslo", "a rather long name of a town"};

/* What decides the values of a column. */
struct taste {
    uint32_t kind, unique;
    uint32_t words; /* of WORDS, the last of which is long */
};

static struct value give_number(struct given *g, struct taste taste, struct dice *d) {
    static const unsigned SIZE[] = {1, 2, 4, 8, 1, 2, 4, 8};
    enum array_type type = g->array.type;
    uint64_t x = any_number(d, taste.kind, SIZE[type]);
    put_number(&g->data, x, SIZE[type]);
    switch (type) {
    case ARRAY_I8:
        return value_int((int8_t)x);
    case ARRAY_I16:
        return value_int((int16_t)x);
    case ARRAY_I32:
        return value_int((int32_t)x);
    case ARRAY_I64:
        return value_int((int64_t)x);
    default:
        return value_uint(x);
    }
}

static struct value give_double(struct given *g, struct dice *d) {
    double f = below(d, 50) == 0 ? NAN : below(d, 50) == 0 ? -0.0 : (double)draw(d) / 3;
    float small = (float)below(d, 1000) / 7;
    if (g->array.type == ARRAY_F32)
        buf_add(&g->data, &small, 4);
    else
        buf_add(&g->data, &f, 8);
    return value_double(g->array.type == ARRAY_F32 ? (double)small : f);
}

static struct value give_bool(struct given *g, uint32_t row, struct dice *d) {
    bool b = below(d, 2);
    if (g->array.type == ARRAY_BYTES_BOOL)
        buf_byte(&g->data, b);
    else
        set_bit(&g->data, g->array.bit_offset + row, b);
    return value_bool(b);
}

static struct value give_time(struct given *g, struct taste taste, struct dice *d) {
    int64_t at = taste.kind == 0 ? (int64_t)draw(d) : (int64_t)below(d, 100000) - 50000;
    int64_t per = g->array.per_second, seconds = at / per - (at % per < 0);
    buf_add(&g->data, &at, 8);
    uint32_t rest = (uint32_t)((uint64_t)at - (uint64_t)seconds * (uint64_t)per);
    return value_timestamp(seconds, rest * (uint32_t)(1000000000 / per));
}

/* The bytes are the value's own: given_done frees them. */
static struct value give_string(struct given *g, struct taste taste, struct dice *d) {
    char text[64];
    snprintf(text, sizeof text, "%s%u", WORDS[below(d, taste.words)],
             taste.unique ? (unsigned)draw(d) : below(d, 3));
    buf_add_text(&g->data, text);
    put_number(&g->offsets, g->array.base + g->data.len, g->array.offset_bytes);
    return value_bytes(g->array.type == ARRAY_BIN ? T_BIN : T_STR, strdup(text),
                       (uint32_t)strlen(text));
}

/* An array or a map, small or of more than 15 elements. */
static struct value give_nested(struct given *g, struct taste taste, struct dice *d) {
    size_t from = g->data.len;
    uint32_t kind = below(d, 4), n = kind < 2 ? below(d, 3) : 16 + below(d, 2);
    if (kind % 2)
        mp_write_array(&g->data, n);
    else
        mp_write_map(&g->data, n);
    for (uint32_t i = 0; i < n; i++) {
        if (kind % 2 == 0)
            mp_write_int(&g->data, i);
        mp_write_uint(&g->data, taste.unique ? draw(d) : below(d, 2));
    }
    put_number(&g->offsets, g->array.base + g->data.len, g->array.offset_bytes);
    size_t bytes = g->data.len - from;
    uint8_t *copy = malloc(bytes);
    assert_non_null(copy);
    memcpy(copy, g->data.data + from, bytes);
    return value_bytes(kind % 2 ? T_ARRAY : T_MAP, copy, (uint32_t)bytes);
}

/* Whether the values' bytes are their own. */
static bool owns_values(const struct given *g) {
    return g->array.type == ARRAY_STR || g->array.type == ARRAY_BIN || g->nested;
}

static struct value give_value(struct given *g, struct taste taste, uint32_t row, struct dice *d) {
    switch (g->array.type) {
    case ARRAY_F32:
    case ARRAY_F64:
        return give_double(g, d);
    case ARRAY_BYTES_BOOL:
    case ARRAY_BITS_BOOL:
        return give_bool(g, row, d);
    case ARRAY_TIME:
        return give_time(g, taste, d);
    case ARRAY_STR:
    case ARRAY_BIN:
        return give_string(g, taste, d);
    case ARRAY_CODES: {
        uint32_t x = below(d, COUNT_OF(WORDS));
        put_number(&g->data, x, g->array.codes_type == ARRAY_I8 ? 1 : 4);
        return value_str(str_of(WORDS[x]));
    }
    case ARRAY_VALUES: {
        if (g->nested)
            return give_nested(g, taste, d);
        struct value v =
            below(d, 3) ? value_int((int64_t)below(d, 500)) : value_str(str_of(WORDS[1]));
        mp_write_value(&g->data, v);
        return v;
    }
    default:
        return give_number(g, taste, d);
    }
}

static void begin_offsets(struct given *g) {
    struct array *a = &g->array;
    uint64_t at = a->base;
    if (a->type == ARRAY_STR || a->type == ARRAY_BIN || a->type == ARRAY_CODES || g->nested)
        put_number(&g->offsets, at, a->offset_bytes);
    for (uint32_t i = 0; i < COUNT_OF(WORDS) && a->type == ARRAY_CODES; i++)
        put_number(&g->offsets, at += strlen(WORDS[i]), a->offset_bytes);
}

static void end_arrays(struct given *g) {
    static const char JOINED[] = "aOsloa rather long name of a town";
    struct array *a = &g->array;
    a->data = g->data.data ? g->data.data + g->before : NULL;
    a->data_end = g->data.data + g->data.len;
    a->offsets = g->offsets.data;
    a->valid = g->valid.data;
    a->present = g->present.data;
    if (a->type != ARRAY_CODES)
        return;
    g->strings = (struct array){.type = ARRAY_STR,
                                .data = (const uint8_t *)JOINED,
                                .offsets = g->offsets.data,
                                .data_end = (const uint8_t *)JOINED + sizeof JOINED - 1,
                                .base = a->base,
                                .offset_bytes = a->offset_bytes};
    a->values = &g->strings;
    a->n_values = COUNT_OF(WORDS);
    a->longest = (uint32_t)strlen(WORDS[3]);
}

/* Fills the arrays with n values. */
static void give(struct given *g, enum array_type type, uint32_t n, struct dice *d, uint32_t gaps) {
    struct array *a = &g->array;
    struct taste taste = {below(d, 3), below(d, 2), 3 + below(d, 2)};
    *a = (struct array){.type = type, .bit_offset = below(d, 20)};
    a->per_second = (uint32_t[]){1, 1000, 1000000, 1000000000}[below(d, 4)];
    a->offset_bytes = below(d, 2) ? 4 : 8;
    a->base = below(d, 2) ? 0 : a->offset_bytes == 4 ? 1u << 31 : UINT64_C(1) << 63;
    a->codes_type = below(d, 2) ? ARRAY_I8 : ARRAY_U32;
    g->nested = type == ARRAY_VALUES && below(d, 2);
    begin_offsets(g);
    g->before = type <= ARRAY_F64 || type == ARRAY_TIME ? below(d, 8) : 0;
    buf_add(&g->data, "before!", g->before);
    for (uint32_t i = 0; i < n; i++) {
        struct value v = give_value(g, taste, i, d);
        if (gaps) {
            bool present = below(d, gaps) > 0, valid = below(d, gaps) > 0;
            if (owns_values(g) && !(present && valid))
                free((void *)(uintptr_t)v.w.p);
            set_bit(&g->valid, a->bit_offset + i, valid);
            set_bit(&g->present, a->bit_offset + i, present);
            v = !present ? value_missing() : !valid ? value_null() : v;
        }
        g->values[i] = v;
    }
    end_arrays(g);
}

static void given_done(struct given *g, uint32_t n) {
    for (uint32_t i = 0; i < n && owns_values(g); i++)
        if (g->values[i].type > T_NULL)
            free((void *)(uintptr_t)g->values[i].w.p);
    buf_done(&g->data);
    buf_done(&g->offsets);
    buf_done(&g->valid);
    buf_done(&g->present);
}

static void append_rows(const struct given *g, uint32_t columns, uint32_t n, struct buf *rows) {
    for (uint32_t i = 0; i < n; i++) {
        uint32_t pairs = 0;
        for (uint32_t k = 0; k < columns; k++)
            pairs += g[k].values[i].type != T_MISSING;
        mp_write_map(rows, pairs);
        for (uint32_t k = 0; k < columns; k++) {
            if (g[k].values[i].type == T_MISSING)
                continue;
            mp_write_text(rows, g[k].name);
            mp_write_value(rows, g[k].values[i]);
        }
    }
}

/* A batch of some pieces of columns whose types may change from piece to piece. */
static void check_arrays(struct dice *d, struct given *g, uint32_t most, bool change,
                         struct crew *crew) {
    struct limits l = table_limits();
    struct budget budget;
    budget_init(&budget, 0);
    struct table *t = table_new((struct str){NULL, 0}, &l, &budget);
    struct batch *b = batch_new(t);
    batch_use_crew(b, crew);
    struct buf rows = {0};
    enum { COLUMNS = ARRAY_VALUES + 1 };
    for (uint32_t piece = 0; piece < 3; piece++) {
        struct array arrays[COLUMNS];
        struct str names[COLUMNS];
        uint32_t n = most > SEGMENT_ROWS && below(d, 3) == 0 ? SEGMENT_ROWS : below(d, most);
        uint32_t gaps = below(d, 3) * 3;
        for (uint32_t k = 0; k < COLUMNS; k++) {
            enum array_type type = (enum array_type)k;
            if (change && below(d, 2))
                type = (enum array_type)below(d, COLUMNS);
            snprintf(g[k].name, sizeof g[k].name, "c%u", k);
            give(&g[k], type, n, d, gaps);
            arrays[k] = g[k].array;
            names[k] = str_of(g[k].name);
        }
        struct error e;
        error_clear(&e);
        assert_int_equal(batch_add_arrays(b, n, names, arrays, COLUMNS, &e), E_OK);
        append_rows(g, COLUMNS, n, &rows);
        for (uint32_t k = 0; k < COLUMNS; k++)
            given_done(&g[k], n);
    }
    commit_as(b, BATCH_APPEND);
    check_rows(t, &rows);
    check_chunks(t);
    batch_free(b);
    table_unref(t);
    buf_done(&rows);
    assert_int_equal(budget.used_bytes, 0);
}

static void test_arrays(void **state) {
    (void)state;
    struct dice d = {4242};
    struct crew *crew = crew_new(2, 0);
    struct given *g = calloc(ARRAY_VALUES + 1, sizeof *g);
    for (uint32_t k = 0; k <= ARRAY_VALUES; k++)
        g[k].values = calloc(MOST, sizeof(struct value));
    for (uint32_t i = 0; i < 150; i++)
        check_arrays(&d, g, i % 2 ? 400 : 70, i % 4 < 2, i % 8 < 4 ? crew : NULL);
    for (uint32_t i = 0; i < 6; i++)
        check_arrays(&d, g, MOST, false, i % 2 ? crew : NULL);
    for (uint32_t k = 0; k <= ARRAY_VALUES; k++)
        free(g[k].values);
    free(g);
    crew_free(crew);
}

/* Strings none of which comes twice, with offsets of `offset_bytes` above a base. */
static void give_names(struct given *g, const char *name, uint8_t offset_bytes, uint32_t first,
                       uint32_t n) {
    struct array *a = &g->array;
    *a = (struct array){.type = ARRAY_STR, .n = n, .offset_bytes = offset_bytes, .base = 77};
    uint64_t at = a->base;
    snprintf(g->name, sizeof g->name, "%s", name);
    put_number(&g->offsets, at, offset_bytes);
    for (uint32_t i = first; i < first + n; i++) {
        char text[40];
        int bytes = snprintf(text, sizeof text, "%s%u%.*s", i % 3 ? "" : "head of some ", i,
                             (int)(i % 11), "-----------");
        buf_add(&g->data, text, (size_t)bytes);
        put_number(&g->offsets, at += (uint64_t)bytes, offset_bytes);
    }
    end_arrays(g);
    for (uint32_t i = 0; i < n; i++)
        g->values[i] = array_bytes(a, i);
}

/* Whole segments on their way into a table, by a crew. */
struct load {
    struct limits limits;
    struct budget budget;
    struct crew *crew;
    struct table *table;
    struct batch *batch;
    struct buf rows; /* what is loaded, as maps */
    struct given *given;
    uint32_t columns;
};

static void load_begin(struct load *l, uint32_t columns, uint32_t most_segments) {
    *l = (struct load){.limits = table_limits(), .crew = crew_new(1, 0), .columns = columns};
    budget_init(&l->budget, 0);
    l->table = table_new((struct str){NULL, 0}, &l->limits, &l->budget);
    l->batch = batch_new(l->table);
    batch_use_crew(l->batch, l->crew);
    l->given = calloc(columns, sizeof *l->given);
    for (uint32_t k = 0; k < columns; k++)
        l->given[k].values = calloc((size_t)most_segments * SEGMENT_ROWS, sizeof(struct value));
}

/* The columns that were given, of n rows. */
static void load_add(struct load *l, uint32_t n) {
    struct array arrays[8];
    struct str names[8];
    struct error e;
    error_clear(&e);
    assert_in_range(l->columns, 1, COUNT_OF(arrays));
    for (uint32_t k = 0; k < l->columns; k++) {
        arrays[k] = l->given[k].array;
        names[k] = str_of(l->given[k].name);
    }
    assert_int_equal(batch_add_arrays(l->batch, n, names, arrays, l->columns, &e), E_OK);
    append_rows(l->given, l->columns, n, &l->rows);
    for (uint32_t k = 0; k < l->columns; k++)
        given_done(&l->given[k], 0);
}

static void load_end(struct load *l) {
    commit_as(l->batch, BATCH_APPEND);
    check_rows(l->table, &l->rows);
    check_chunks(l->table);
    batch_free(l->batch);
    table_unref(l->table);
    buf_done(&l->rows);
    for (uint32_t k = 0; k < l->columns; k++)
        free(l->given[k].values);
    free(l->given);
    crew_free(l->crew);
    assert_int_equal(l->budget.used_bytes, 0);
}

/* Whole segments, of which the first is found to be worth no dictionary, and the third known to be
 * beforehand: bytes stay where they are until they are sealed. */
static void test_segments_of_strings(void **state) {
    (void)state;
    struct load l;
    load_begin(&l, 2, 2);
    for (uint32_t segment = 0, segments = 1; segment < 6; segment += segments) {
        segments = segment == 4 ? 2 : 1;
        uint32_t n = segments * SEGMENT_ROWS;
        give_names(&l.given[0], "a", 4, segment * SEGMENT_ROWS, n);
        give_names(&l.given[1], "b", 8, segment * SEGMENT_ROWS + 7, n);
        load_add(&l, n);
    }
    load_end(&l);
}

/* Whether row i has a value: by stretches, of which some are longer than a zone, or here and there.
 */
static bool is_there(struct dice *d, uint32_t gaps, uint32_t i) {
    if (gaps == 0)
        return i / (ZONE_ROWS + 17) % 2 == 1; /* the first zone has none, and another one */
    return gaps == 1 ? i % (SEGMENT_ROWS / 2) == 77 : below(d, gaps) > 0;
}

/* Whole segments of numbers with gaps, where anything may stand. */
static void test_segments_with_gaps(void **state) {
    (void)state;
    struct load l;
    struct dice d = {77};
    load_begin(&l, 4, 1);
    for (uint32_t segment = 0; segment < 8; segment++) {
        struct taste taste = {segment % 3, 0, 0};
        for (uint32_t k = 0; k < l.columns; k++) {
            struct given *g = &l.given[k];
            g->array = (struct array){.type = k % 2 ? ARRAY_F64 : ARRAY_I64, .bit_offset = k};
            snprintf(g->name, sizeof g->name, "c%u", k);
            for (uint32_t i = 0; i < SEGMENT_ROWS; i++) {
                bool there = is_there(&d, (segment + k) % 5, i);
                struct value v = give_value(g, taste, i, &d);
                set_bit(&g->valid, k + i, there);
                g->values[i] = there ? v : value_null();
            }
            end_arrays(g);
        }
        load_add(&l, SEGMENT_ROWS);
    }
    load_end(&l);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_segments_with_gaps),
        cmocka_unit_test(test_segments_of_strings),
        cmocka_unit_test(test_arrays),
    };
    return cmocka_run_group_tests_name("table_arrays", tests, NULL, NULL);
}

/* Typed columns: every type, over more rows than a block has, with nulls and missing cells in all
 * patterns. Each cell is drawn first and then written in the form of the column, and the block must
 * have it again. What stands where a cell is null or missing is rubbish. The same cells, as fields
 * of a struct and as items of arrays, are the same again.
 */
#include "engine_unit.h"

#include <math.h>

enum { ROWS_MOST = 3 * BLOCK_ROWS + 5, WORDS = 5 };

static const char *const STRINGS[WORDS] = {"", "x", "two words", "a\nb", "\xFF"};

static uint64_t seed = 88172645463325252u;

static uint64_t draw(void) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* A column of one type: its cells, and its data as they are written. */
struct drawn {
    uint32_t rows;
    bool *valid, *present;
    struct value *cells;
    struct buf data, offsets;
};

static void put_le(struct buf *b, uint64_t v, unsigned bytes) {
    for (unsigned i = 0; i < bytes; i++)
        buf_byte(b, (uint8_t)(v >> 8 * i));
}

static bool has_value(const struct drawn *d, uint32_t i) { return d->valid[i] && d->present[i]; }

/* --- the types --- */

struct type {
    const char *name, *unit; /* or the type of the codes */
    unsigned bytes;
    bool is_signed;
    void (*draw)(const struct type *t, struct drawn *d);
    int64_t per_second;
};

static void draw_integers(const struct type *t, struct drawn *d) {
    for (uint32_t i = 0; i < d->rows; i++) {
        unsigned unused = 64 - 8 * t->bytes;
        uint64_t v = draw() << unused;
        if (t->is_signed)
            d->cells[i] = value_int((int64_t)v >> unused);
        else
            d->cells[i] = value_uint(v >> unused);
        put_le(&d->data, v >> unused, t->bytes);
    }
}

static void draw_floats(const struct type *t, struct drawn *d) {
    static const double ODD[] = {0.0, -0.0, 0.1, INFINITY, 1e-45, 3.4028234663852886e38};
    for (uint32_t i = 0; i < d->rows; i++) {
        double v = draw() % 3 ? (double)(int64_t)draw() / 1e9 : ODD[draw() % COUNT_OF(ODD)];
        uint64_t bits = 0;
        float narrow = (float)v;
        if (t->bytes == 4) {
            uint32_t bits32;
            memcpy(&bits32, &narrow, 4);
            bits = bits32;
            v = narrow;
        } else {
            memcpy(&bits, &v, 8);
        }
        d->cells[i] = value_double(v);
        put_le(&d->data, bits, t->bytes);
    }
}

static void draw_bools(const struct type *t, struct drawn *d) {
    (void)t;
    for (uint32_t i = 0; i < d->rows; i++) {
        d->cells[i] = value_bool(draw() % 2);
        buf_byte(&d->data, (uint8_t)d->cells[i].w.i);
    }
}

static void put_bits(struct buf *b, const bool *bits, uint32_t n) {
    for (uint32_t i = 0; i < n; i += 8) {
        uint8_t byte = 0;
        for (uint32_t k = 0; k < 8; k++) /* those behind the last row are anything */
            byte |= (uint8_t)((i + k < n ? bits[i + k] : draw() % 2) << k);
        buf_byte(b, byte);
    }
}

static void draw_bits(const struct type *t, struct drawn *d) {
    bool bits[ROWS_MOST];
    (void)t;
    for (uint32_t i = 0; i < d->rows; i++) {
        bits[i] = draw() % 2;
        d->cells[i] = value_bool(bits[i]);
    }
    put_bits(&d->data, bits, d->rows);
}

static void draw_times(const struct type *t, struct drawn *d) {
    int64_t per_second = t->per_second;
    for (uint32_t i = 0; i < d->rows; i++) {
        int64_t seconds = (int64_t)(draw() % 2000000000) - 1000000000;
        int64_t parts = draw() % 2 ? 0 : (int64_t)(draw() % (uint64_t)per_second);
        d->cells[i] = value_timestamp(seconds, (uint32_t)(parts * (1000000000 / per_second)));
        put_le(&d->data, (uint64_t)(seconds * per_second + parts), 8);
    }
}

static void draw_strings(const struct type *t, struct drawn *d) {
    put_le(&d->offsets, 0, t->bytes);
    for (uint32_t i = 0; i < d->rows; i++) {
        const char *s = STRINGS[draw() % WORDS];
        d->cells[i] =
            value_bytes(strcmp(t->name, "bin") == 0 ? T_BIN : T_STR, s, (uint32_t)strlen(s));
        buf_add_text(&d->data, s);
        put_le(&d->offsets, d->data.len, t->bytes);
    }
}

/* A byte 0 between each two. */
static void draw_zstr(const struct type *t, struct drawn *d) {
    (void)t;
    for (uint32_t i = 0; i < d->rows; i++) {
        const char *s = STRINGS[draw() % WORDS];
        d->cells[i] = value_str(str_of(s));
        if (i > 0)
            buf_byte(&d->data, 0);
        buf_add_text(&d->data, s);
    }
}

static void draw_codes(const struct type *t, struct drawn *d) {
    for (uint32_t i = 0; i < d->rows; i++) {
        unsigned code = draw() % WORDS;
        d->cells[i] = value_str(str_of(STRINGS[code]));
        put_le(&d->data, has_value(d, i) ? code : draw() % 2 ? UINT64_MAX : WORDS, t->bytes);
    }
}

static const struct type TYPES[] = {
    {"i8", NULL, 1, true, draw_integers, 0},
    {"i16", NULL, 2, true, draw_integers, 0},
    {"i32", NULL, 4, true, draw_integers, 0},
    {"i64", NULL, 8, true, draw_integers, 0},
    {"u8", NULL, 1, false, draw_integers, 0},
    {"u16", NULL, 2, false, draw_integers, 0},
    {"u32", NULL, 4, false, draw_integers, 0},
    {"u64", NULL, 8, false, draw_integers, 0},
    {"f32", NULL, 4, true, draw_floats, 0},
    {"f64", NULL, 8, true, draw_floats, 0},
    {"bool", NULL, 1, false, draw_bools, 0},
    {"bits", NULL, 0, false, draw_bits, 0},
    {"timestamp", "s", 8, true, draw_times, 1},
    {"timestamp", "ms", 8, true, draw_times, 1000},
    {"timestamp", "us", 8, true, draw_times, 1000000},
    {"timestamp", "ns", 8, true, draw_times, 1000000000},
    {"str", NULL, 4, false, draw_strings, 0},
    {"str64", NULL, 8, false, draw_strings, 0},
    {"zstr", NULL, 0, false, draw_zstr, 0},
    {"bin", NULL, 4, false, draw_strings, 0},
    {"dict", "i8", 1, true, draw_codes, 0},
    {"dict", "i16", 2, true, draw_codes, 0},
    {"dict", "i32", 4, true, draw_codes, 0},
    {"dict", "i64", 8, true, draw_codes, 0},
    {"dict", "u8", 1, false, draw_codes, 0},
    {"dict", "u16", 2, false, draw_codes, 0},
    {"dict", "u32", 4, false, draw_codes, 0},
    {"dict", "u64", 8, false, draw_codes, 0},
};

static void write_dict_values(struct buf *b, unsigned offset_bytes) {
    struct buf offsets = {0}, bytes = {0};
    uint64_t base = draw() % 3 * 1000;
    put_le(&offsets, base, offset_bytes);
    for (unsigned i = 0; i < WORDS; i++) {
        buf_add_text(&bytes, STRINGS[i]);
        put_le(&offsets, base + bytes.len, offset_bytes);
    }
    mp_write_array(b, base ? 3 : 2);
    mp_write_bin(b, offsets.data, offsets.len);
    mp_write_bin(b, bytes.data, bytes.len);
    if (base)
        mp_write_uint(b, base);
    buf_done(&offsets);
    buf_done(&bytes);
}

static void write_data(struct buf *b, const struct type *t, const struct drawn *d) {
    if (t->draw == draw_strings) {
        mp_write_array(b, 2);
        mp_write_bin(b, d->offsets.data, d->offsets.len);
    } else if (t->unit) {
        mp_write_array(b, t->draw == draw_codes ? 4 : 2);
        mp_write_text(b, t->unit);
    }
    mp_write_bin(b, d->data.data, d->data.len);
    if (t->draw == draw_codes) {
        write_dict_values(b, t->is_signed ? 4 : 8);
        mp_write_int(b, WORDS);
    }
}

static void write_bits(struct buf *b, const bool *bits, uint32_t n) {
    struct buf map = {0};
    put_bits(&map, bits, n);
    mp_write_bin(b, map.data, map.len);
    buf_done(&map);
}

static void assert_cell(struct value got, struct value want, const char *name, uint32_t row) {
    bool same = got.type == want.type;
    if (same && (want.type == T_STR || want.type == T_BIN))
        same = str_eq(value_as_str(got), value_as_str(want));
    else if (same && want.type > T_NULL)
        same = got.w.u == want.w.u && (want.type != T_TIMESTAMP || got.n == want.n);
    if (!same)
        fail_msg("%s: row %u is a %s of %llx", name, row,
                 value_type_name((enum value_type)got.type), (unsigned long long)got.w.u);
}

/* How many of the cells are null or missing: none, some, all. */
enum density { NONE, SOME, ALL };

static void draw_flags(bool *flags, uint32_t n, enum density clear) {
    for (uint32_t i = 0; i < n; i++)
        flags[i] = clear == NONE || (clear == SOME && draw() % 3 > 0);
}

/* Where the cells are. */
enum inside { PLAIN, FIELD, ITEM };

static void write_flags(struct buf *b, const bool *flags, uint32_t n, enum density clear) {
    if (clear == NONE && draw() % 2)
        mp_write_nil(b);
    else
        write_bits(b, flags, n);
}

static void write_offsets(struct buf *b, uint32_t rows) {
    struct buf offsets = {0};
    for (uint32_t i = 0; i <= rows; i++)
        put_le(&offsets, i, 4);
    mp_write_bin(b, offsets.data, offsets.len);
    buf_done(&offsets);
}

/* The cells as they are, as the field b of a struct, or as the items of arrays of one. */
static void write_column(struct buf *m, const struct type *t, const struct drawn *d,
                         enum inside inside, enum density nulls, enum density missing) {
    mp_write_array(m, 5);
    mp_write_text(m, "a");
    if (inside == FIELD) {
        mp_write_text(m, "struct");
        mp_write_array(m, 1);
        mp_write_array(m, 5);
        mp_write_text(m, "b");
    } else if (inside == ITEM) {
        mp_write_text(m, "array");
        mp_write_array(m, 2);
        write_offsets(m, d->rows);
        mp_write_array(m, 4);
        mp_write_int(m, d->rows);
    }
    mp_write_text(m, t->name);
    write_data(m, t, d);
    write_flags(m, d->valid, d->rows, nulls);
    if (inside == ITEM)
        mp_write_nil(m); /* the arrays' validity: items have no presence of their own */
    write_flags(m, d->present, d->rows, missing);
    if (inside == FIELD) {
        mp_write_nil(m);
        mp_write_nil(m);
    }
}

static void check_column(const struct type *t, uint32_t rows, enum inside inside,
                         enum density nulls, enum density missing) {
    static const char *const QUERIES[] = {"a = 1", "a.b = 1", "a[0] = 1"};
    static bool valid[ROWS_MOST], present[ROWS_MOST];
    static struct value cells[ROWS_MOST];
    struct drawn d = {.rows = rows, .valid = valid, .present = present, .cells = cells};
    struct buf m = {0};
    struct opened o;
    draw_flags(valid, rows, nulls);
    draw_flags(present, rows, missing);
    if (inside == ITEM && t->draw == draw_codes) /* codes are judged by what items know */
        memset(present, true, sizeof present);
    t->draw(t, &d);
    mp_write_array(&m, 3);
    mp_write_text(&m, "columns");
    mp_write_int(&m, rows);
    mp_write_array(&m, 1);
    write_column(&m, t, &d, inside, nulls, missing);
    assert_false(buf_failed(&m));
    uint8_t *copy = malloc(m.len); /* of its exact size, for sanitizers */
    assert_non_null(copy);
    memcpy(copy, m.data, m.len);
    enum status status = open_source(&o, QUERIES[inside], copy, 0, m.len, &limits);
    if (status != E_OK)
        fail_msg("%s: %s", t->name, o.error.message);
    assert_non_null(o.source.columns);
    uint32_t row = 0, n;
    do {
        block_clear(&o.block, 1);
        assert_int_equal(source_fill(&o.source, &o.block, &n, &o.error), E_OK);
        for (uint32_t i = 0; i < n; i++, row++) {
            struct value want = !present[row] ? value_missing()
                                : !valid[row] ? value_null()
                                              : cells[row];
            assert_cell(column_get(&o.block.columns[0], i), want, t->name, row);
        }
        for (uint32_t i = n; i < o.block.rows; i++)
            assert_int_equal(o.block.columns[0].tag[i], T_MISSING);
    } while (n > 0);
    assert_int_equal(row, rows);
    opened_done(&o);
    free(copy);
    buf_done(&m);
    buf_done(&d.data);
    buf_done(&d.offsets);
}

static void test_every_type(void **state) {
    (void)state;
    static const uint32_t ROWS[] = {0, 1, 7, 8, 9, 63, BLOCK_ROWS, BLOCK_ROWS + 1, ROWS_MOST};
    for (size_t i = 0; i < COUNT_OF(TYPES); i++)
        for (size_t k = 0; k < COUNT_OF(ROWS); k++)
            for (int how = 0; how < 27; how++)
                if (ROWS[k] <= ROWS_MOST)
                    check_column(&TYPES[i], ROWS[k], (enum inside)(how / 9),
                                 (enum density)(how / 3 % 3), (enum density)(how % 3));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_type)};
    limits_default(&limits);
    return cmocka_run_group_tests_name("columns", tests, NULL, NULL);
}

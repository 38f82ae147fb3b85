/* Arrays of every type at random, lists, maps and structs too, and the msgpack that their cells
 * should be, written another way than array_cell.h does it, cell by cell. */
#ifndef TAMIS_TESTS_NESTED_UNIT_H
#define TAMIS_TESTS_NESTED_UNIT_H

#include "table_unit.h"

/* Memory of one array and all that is inside of it. */
struct pool {
    void *p[4096];
    uint32_t n;
};

static inline void *keep(struct pool *pool, size_t n) {
    void *p = calloc(1, n + 1);
    assert_non_null(p);
    assert_in_range(pool->n, 0, COUNT_OF(pool->p) - 1);
    return pool->p[pool->n++] = p;
}

static inline void pool_done(struct pool *pool) {
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

static inline uint8_t *bits_of(struct pool *pool, struct dice *d, uint64_t n, uint32_t gaps) {
    uint8_t *bits = keep(pool, n / 8 + 1);
    for (uint64_t i = 0; i < n; i++)
        bits[i / 8] |= (uint8_t)((gaps == 0 || below(d, gaps) > 0) << i % 8);
    return bits;
}

static inline uint32_t word_text(char *text, struct taste t, struct dice *d) {
    uint32_t word = below(d, t.words), bytes = word % (t.long_words && word % 5 == 0 ? 40 : 17);
    memset(text, 'a' + (int)(word % 26), 64);
    uint32_t digits = (uint32_t)snprintf(text, 64, "%u", word);
    text[digits] = word % 2 ? '\0' : '.';
    return bytes;
}

static inline void give_text(struct array *a, struct pool *pool, uint32_t n, struct taste t,
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

static inline void give_numbers(struct array *a, struct pool *pool, uint32_t n, struct dice *d) {
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

static inline void give_codes(struct array *a, struct pool *pool, uint32_t n, struct taste t,
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

static inline void give_values(struct array *a, struct pool *pool, uint32_t n, struct dice *d) {
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

static inline void give(struct array *a, struct pool *pool, enum array_type type, uint32_t n,
                        struct taste t, uint32_t depth, struct dice *d);

static inline enum array_type any_type(struct dice *d, uint32_t depth) {
    return (enum array_type)below(d, depth > 0 ? ARRAY_STRUCT + 1 : ARRAY_VALUES + 1);
}

static inline void give_lists(struct array *a, struct pool *pool, uint32_t n, struct taste t,
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

static inline void give_struct(struct array *a, struct pool *pool, uint32_t n, struct taste t,
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
static inline void give(struct array *a, struct pool *pool, enum array_type type, uint32_t n,
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

/* Lists of strings, which are known by their words or not. */
static inline void give_words(struct array *a, struct pool *pool, uint32_t n, struct taste t,
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

static inline struct taste any_taste(struct dice *d) {
    return (struct taste){.gaps = below(d, 2) * (2 + below(d, 20)),
                          .words = 1 + below(d, below(d, 2) ? 10 : 1000),
                          .longest = below(d, 2) ? 3 : 20,
                          .long_words = below(d, 2)};
}

/* --- what they should be --- */

static inline bool has_value(const struct array *a, uint64_t i) {
    uint64_t bit = a->bit_offset + i;
    return (!a->valid || a->valid[bit / 8] >> bit % 8 & 1) &&
           (!a->present || a->present[bit / 8] >> bit % 8 & 1);
}

static inline void expect(const struct array *a, uint64_t i, struct buf *out);

static inline void expect_inside(const struct array *a, uint64_t i, struct buf *out) {
    uint64_t from = array_begin(a, i), to = array_begin(a, i + 1);
    if (a->type == ARRAY_LIST)
        mp_write_array(out, (uint32_t)(to - from));
    else
        mp_write_map(out, (uint32_t)(to - from));
    for (; from < to; from++)
        for (uint32_t k = 0; k < a->n_children; k++)
            expect(&a->children[k], from, out);
}

static inline void expect_struct(const struct array *a, uint64_t i, struct buf *out) {
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

static inline struct value scalar(const struct array *a, uint64_t i) {
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

static inline void expect(const struct array *a, uint64_t i, struct buf *out) {
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

/* --- rows --- */

/* Row i of a table whose only column is the array. */
static inline void append_cell(struct buf *rows, const struct array *a, uint32_t i) {
    bool present = !a->present || bitmap_get(a->present, a->bit_offset + i);
    mp_write_map(rows, present);
    if (!present)
        return;
    mp_write_text(rows, "c");
    expect(a, i, rows);
}

#endif

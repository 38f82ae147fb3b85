/* The payload form "columns": each column's data is read along with the others, block by block. See
 * source.h and PROTOCOL.md.
 *
 * A column may hold a wanted path, or a container in which wanted paths lie. Columns are read in
 * order of their paths' lengths, so that a column ["a", "b"] overrides what column "a" has said of
 * a.b, whatever their order in the message. */
#include "base/bitmap.h"
#include "engine/source.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

enum column_type { DATA_LIST, DATA_I64, DATA_U64, DATA_F64, DATA_BOOL, DATA_STR };

struct column_data {
    enum column_type type;
    const struct field *field; /* NULL: not wanted */
    uint32_t path_steps, index;
    const uint8_t *data;            /* LIST: the next value; STR: the bytes */
    const uint8_t *offsets;         /* STR */
    const uint8_t *valid, *present; /* bitmaps or NULL */
};

static uint64_t le64(const uint8_t *p) {
    uint64_t v;
    memcpy(&v, p, 8);
    return le64toh(v);
}

static uint32_t le32(const uint8_t *p) {
    uint32_t v;
    memcpy(&v, p, 4);
    return le32toh(v);
}

static enum status read_bin(struct source *s, struct mp_reader *r, uint64_t bytes,
                            const uint8_t **ret, struct error *e, const char *text) {
    const uint8_t *at = r->p;
    struct value v = mp_read_value(r);
    if (r->status != E_OK)
        return source_reader_error(s, r, e);
    if (v.type != T_BIN || (bytes != UINT64_MAX && v.n != bytes))
        return source_bad(s, at, e, text);
    *ret = v.w.p;
    return E_OK;
}

static enum status read_list(struct source *s, struct mp_reader *r, struct column_data *c,
                             struct error *e) {
    const uint8_t *at = r->p;
    uint32_t n = mp_read_array(r);
    if (r->status == E_ROW_INVALID)
        return source_bad(s, at, e, "the data of a list column is not an array");
    if (r->status != E_OK)
        return source_reader_error(s, r, e);
    if (n != s->rows)
        return source_bad(s, at, e,
                          "a list column has another number of values than the payload has rows");
    c->data = r->p;
    for (uint32_t i = 0; i < n; i++) {
        mp_skip(r);
        if (r->status != E_OK)
            return source_reader_row_error(s, r, i, e);
    }
    return E_OK;
}

static enum status read_strings(struct source *s, struct mp_reader *r, struct column_data *c,
                                struct error *e) {
    const uint8_t *at = r->p;
    if (mp_read_array(r) != 2)
        return r->status != E_OK && r->status != E_ROW_INVALID
                   ? source_reader_error(s, r, e)
                   : source_bad(s, at, e, "the data of a str column must be [offsets, bytes]");
    enum status status =
        read_bin(s, r, 4 * ((uint64_t)s->rows + 1), &c->offsets, e,
                 "the offsets of a str column must be bin with rows + 1 numbers of 4 bytes");
    if (status != E_OK)
        return status;
    at = r->p;
    struct value bytes = mp_read_value(r);
    if (r->status != E_OK)
        return source_reader_error(s, r, e);
    if (bytes.type != T_BIN)
        return source_bad(s, at, e, "the bytes of a str column must be bin");
    c->data = bytes.w.p;
    uint32_t before = le32(c->offsets);
    for (uint32_t i = 1; i <= s->rows; i++) {
        uint32_t next = le32(c->offsets + 4 * (size_t)i);
        if (next < before)
            return source_bad(s, c->offsets + 4 * (size_t)i, e,
                              "the offsets of a str column must not decrease");
        before = next;
    }
    if (before > bytes.n)
        return source_bad(s, c->offsets, e,
                          "the offsets of a str column pass the end of its bytes");
    return E_OK;
}

static enum status read_bools(struct source *s, struct mp_reader *r, struct column_data *c,
                              struct error *e) {
    enum status status = read_bin(s, r, s->rows, &c->data, e,
                                  "the data of a bool column must be bin with a byte a row");
    for (uint32_t i = 0; status == E_OK && i < s->rows; i++)
        if (c->data[i] > 1)
            return source_bad(s, c->data + i, e, "a byte of a bool column is neither 0 nor 1");
    return status;
}

static enum status read_data(struct source *s, struct mp_reader *r, struct column_data *c,
                             struct error *e) {
    const uint8_t *at = r->p;
    struct value type = mp_read_value(r);
    if (r->status != E_OK)
        return source_reader_error(s, r, e);
    struct str name = type.type == T_STR ? value_as_str(type) : (struct str){"", 0};
    if (str_is(name, "list")) {
        c->type = DATA_LIST;
        return read_list(s, r, c, e);
    }
    if (str_is(name, "str")) {
        c->type = DATA_STR;
        return read_strings(s, r, c, e);
    }
    if (str_is(name, "bool")) {
        c->type = DATA_BOOL;
        return read_bools(s, r, c, e);
    }
    if (str_is(name, "i64") || str_is(name, "u64") || str_is(name, "f64")) {
        c->type = name.p[0] == 'i' ? DATA_I64 : name.p[0] == 'u' ? DATA_U64 : DATA_F64;
        return read_bin(s, r, 8 * (uint64_t)s->rows, &c->data, e,
                        "the data of a number column must be bin with 8 bytes a row");
    }
    return source_bad(
        s, at, e,
        "a column's type must be \"list\", \"i64\", \"u64\", \"f64\", \"bool\" or \"str\"");
}

static enum status read_bitmap(struct source *s, struct mp_reader *r, const uint8_t **ret,
                               struct error *e, const char *text) {
    if (mp_peek(r) == T_NULL) {
        mp_skip(r);
        return E_OK;
    }
    return read_bin(s, r, bitmap_bytes(s->rows), ret, e, text);
}

static enum status read_column(struct source *s, struct mp_reader *r, struct column_data *c,
                               struct error *e) {
    const uint8_t *at = r->p;
    uint32_t parts = mp_read_array(r);
    if (r->status != E_OK && r->status != E_ROW_INVALID)
        return source_reader_error(s, r, e);
    if (parts < 3 || parts > 5)
        return source_bad(s, at, e, "a column must be [path, type, data, valid, present]");
    at = r->p;
    struct path path;
    enum status status = path_read(r, s->arena, &path);
    if (status == E_MEMORY)
        return error_set(e, E_MEMORY, "out of memory");
    if (status == E_BAD_PAYLOAD)
        return source_bad(s, at, e,
                          "a column's path must be a string or an array of strings and numbers");
    if (status != E_OK)
        return source_reader_error(s, r, e);
    c->field = fields_find(s->scanner->fields, path);
    c->path_steps = path.n;
    status = read_data(s, r, c, e);
    at = r->p;
    if (status == E_OK && parts > 3)
        status = read_bitmap(s, r, &c->valid, e,
                             "the validity of a column must be nil or bin with a bit a row");
    if (status == E_OK && c->valid && c->type == DATA_LIST)
        return source_bad(s, at, e, "a list column has its own nulls, and no validity");
    if (status == E_OK && parts > 4)
        status = read_bitmap(s, r, &c->present, e,
                             "the presence of a column must be nil or bin with a bit a row");
    return status;
}

static int by_path_steps(const void *a, const void *b) {
    const struct column_data *x = a, *y = b;
    if (x->path_steps != y->path_steps)
        return x->path_steps < y->path_steps ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

enum status columns_open(struct source *s, struct mp_reader *r, uint32_t parts, struct error *e) {
    const uint8_t *at = r->p;
    if (parts != 2)
        return source_bad(s, at, e,
                          "a \"columns\" payload has three elements: the form, rows and columns");
    struct value rows = mp_read_value(r);
    if (r->status != E_OK)
        return source_reader_error(s, r, e);
    if (rows.type != T_INT || rows.w.i < 0)
        return source_bad(s, at, e, "the number of rows must be an unsigned integer");
    if ((uint64_t)rows.w.i > s->limits->batch_rows)
        return error_limit(e, E_TOO_MANY_ROWS, "batch_rows", s->limits->batch_rows,
                           (uint64_t)rows.w.i);
    s->rows = (uint32_t)rows.w.i;
    at = r->p;
    s->n_columns = mp_read_array(r);
    if (r->status != E_OK)
        return r->status == E_ROW_INVALID
                   ? source_bad(s, at, e, "the columns of the payload are not an array")
                   : source_reader_error(s, r, e);
    if (s->n_columns > s->limits->row_fields)
        return error_limit(e, E_ROW_TOO_WIDE, "row_fields", s->limits->row_fields, s->n_columns);
    s->columns = arena_zero(s->arena, s->n_columns * sizeof *s->columns);
    if (!s->columns)
        return error_set(e, E_MEMORY, "out of memory");
    for (uint32_t i = 0; i < s->n_columns; i++) {
        s->columns[i].index = i;
        enum status status = read_column(s, r, &s->columns[i], e);
        if (status != E_OK)
            return status;
    }
    if (!mp_at_end(r))
        return source_trailing(s, r, e);
    qsort(s->columns, s->n_columns, sizeof *s->columns, by_path_steps);
    return E_OK;
}

static struct value typed_value(const struct column_data *c, size_t i) {
    if (c->valid && !bitmap_get(c->valid, i))
        return value_null();
    switch (c->type) {
    case DATA_I64:
        return value_int((int64_t)le64(c->data + 8 * i));
    case DATA_U64:
        return value_uint(le64(c->data + 8 * i));
    case DATA_F64: {
        uint64_t bits = le64(c->data + 8 * i);
        double d;
        memcpy(&d, &bits, 8);
        return value_double(d);
    }
    case DATA_BOOL:
        return value_bool(c->data[i] != 0);
    default: {
        uint32_t from = le32(c->offsets + 4 * i), to = le32(c->offsets + 4 * (i + 1));
        return value_bytes(T_STR, c->data + from, to - from);
    }
    }
}

static void set_missing(const struct field *f, struct block *b, uint32_t row) {
    for (uint32_t i = 0; i < f->n_slots; i++)
        b->columns[f->slots[i]].tag[row] = T_MISSING;
}

static void fill_typed(const struct source *s, const struct column_data *c, struct block *b,
                       uint32_t n) {
    const struct field *f = c->field;
    for (uint32_t row = 0; row < n; row++) {
        size_t i = (size_t)s->done + row;
        if (f->n_slots > 1 || f->slot == NO_SLOT)
            set_missing(f, b, row);
        if (f->slot == NO_SLOT)
            continue;
        if (c->present && !bitmap_get(c->present, i))
            b->columns[f->slot].tag[row] = T_MISSING;
        else
            column_put(&b->columns[f->slot], row, typed_value(c, i));
    }
}

static enum status fill_list(struct source *s, struct column_data *c, struct block *b, uint32_t n,
                             struct error *e) {
    for (uint32_t row = 0; row < n; row++) {
        bool present = !c->present || bitmap_get(c->present, (size_t)s->done + row);
        if (!present)
            set_missing(c->field, b, row);
        c->data = scan_value(s->scanner, present ? c->field : NULL, c->data, s->end, 1, b, row);
        if (!c->data)
            return source_row_error(s, row, e);
    }
    return E_OK;
}

enum status columns_fill(struct source *s, struct block *b, uint32_t *ret_n, struct error *e) {
    uint32_t n = *ret_n;
    for (uint32_t i = 0; i < s->n_columns; i++) {
        struct column_data *c = &s->columns[i];
        if (!c->field)
            continue;
        if (c->type != DATA_LIST) {
            fill_typed(s, c, b, n);
            continue;
        }
        enum status status = fill_list(s, c, b, n, e);
        if (status != E_OK)
            return status;
    }
    return E_OK;
}

/* See table.h: rows that come as maps. */
#include "table/batch.h"

#include "value/mp.h"

#include <endian.h>

/* Reading one row. */
struct row_reader {
    struct batch *b;
    const uint8_t *end;
    enum status status;
    const uint8_t *fault;
    struct error *e;
};

static const uint8_t *fail(struct row_reader *r, enum status status, const uint8_t *at) {
    r->status = status;
    r->fault = at;
    return NULL;
}

static uint32_t be16(const uint8_t *p) { return (uint32_t)p[0] << 8 | p[1]; }
static uint32_t be32(const uint8_t *p) {
    uint32_t v;
    memcpy(&v, p, 4);
    return be32toh(v);
}

static const uint8_t *read_any(struct row_reader *r, const uint8_t *p, struct value *ret) {
    const struct scanner *s = &r->b->skip;
    struct mp_reader reader;
    mp_reader_init(&reader, p, (size_t)(r->end - p), s->depth_limit - 1);
    reader.fields_limit = s->fields_limit;
    *ret = mp_read_value(&reader);
    return reader.status == E_OK ? reader.p : fail(r, reader.status, reader.fault);
}

static const uint8_t *put(struct row_reader *r, const uint8_t *p, struct cells *c, struct value v,
                          const uint8_t *next) {
    if (!cells_put(c, r->b->rows, v))
        return fail(r, E_MEMORY, p);
    r->b->is_full |= cells_bytes(c) >= SEGMENT_BYTES;
    return next;
}

/* An array or a map: stepped over by the scanner, kept as bytes. */
static const uint8_t *take_nested(struct row_reader *r, const uint8_t *p, struct cells *c) {
    struct scanner *s = &r->b->skip;
    const uint8_t *q = scan_value(s, NULL, p, r->end, 1, NULL, 0);
    if (!q)
        return fail(r, s->status, s->fault);
    if ((uint64_t)(q - p) > UINT32_MAX)
        return fail(r, E_ROW_INVALID, p);
    bool map = (*p & 0xF0) == 0x80 || *p == 0xDE || *p == 0xDF;
    return put(r, p, c, value_bytes(map ? T_MAP : T_ARRAY, p, (uint32_t)(q - p)), q);
}

static inline const uint8_t *put_int(struct row_reader *r, const uint8_t *p, struct cells *c,
                                     int64_t i, const uint8_t *next) {
    return cells_put_int(c, r->b->rows, i) ? next : fail(r, E_MEMORY, p);
}

/* The others by the complete reader. */
static const uint8_t *take_slow(struct row_reader *r, const uint8_t *p, struct cells *c) {
    struct value v;
    const uint8_t *next = read_any(r, p, &v);
    return next ? put(r, p, c, v, next) : NULL;
}

static const uint8_t *take_double(struct row_reader *r, const uint8_t *p, struct cells *c) {
    uint64_t bits;
    double d;
    memcpy(&bits, p + 1, 8);
    bits = be64toh(bits);
    memcpy(&d, &bits, 8);
    return cells_put_double(c, r->b->rows, d) ? p + 9 : fail(r, E_MEMORY, p);
}

/* The frequent ones. */
static const uint8_t *take_value(struct row_reader *r, const uint8_t *p, struct cells *c) {
    size_t room = (size_t)(r->end - p);
    if (room == 0)
        return fail(r, E_ROW_TRUNCATED, p);
    uint8_t h = *p;
    if (h < 0x80 || h >= 0xE0)
        return put_int(r, p, c, (int8_t)h, p + 1);
    if ((h & 0xE0) == 0xA0 && room > (h & 0x1Fu))
        return put(r, p, c, value_bytes(T_STR, p + 1, h & 0x1Fu), p + 1 + (h & 0x1F));
    if (h < 0xA0 || (h >= 0xDC && h <= 0xDF))
        return take_nested(r, p, c);
    switch (h) {
    case 0xC0:
        return put(r, p, c, value_null(), p + 1);
    case 0xC2:
    case 0xC3:
        return put(r, p, c, value_bool(h == 0xC3), p + 1);
    case 0xCB:
        return room >= 9 ? take_double(r, p, c) : fail(r, E_ROW_TRUNCATED, p);
    case 0xCC:
        return room >= 2 ? put_int(r, p, c, p[1], p + 2) : fail(r, E_ROW_TRUNCATED, p);
    case 0xCD:
        return room >= 3 ? put_int(r, p, c, be16(p + 1), p + 3) : fail(r, E_ROW_TRUNCATED, p);
    case 0xCE:
        return room >= 5 ? put_int(r, p, c, be32(p + 1), p + 5) : fail(r, E_ROW_TRUNCATED, p);
    case 0xD9:
        if (room >= 2 && room - 2 >= p[1])
            return put(r, p, c, value_bytes(T_STR, p + 2, p[1]), p + 2 + p[1]);
        return fail(r, E_ROW_TRUNCATED, p);
    default:
        return take_slow(r, p, c);
    }
}

static bool expect(struct batch *b, uint32_t place, uint32_t inlet) {
    if (place >= b->expected_room) {
        uint32_t to = b->expected_room ? 2 * b->expected_room : 16;
        while (to <= place)
            to *= 2;
        uint32_t *expected =
            budget_realloc(b->budget, b->expected, b->expected_room * sizeof *expected,
                           (size_t)to * sizeof *expected);
        if (!expected)
            return false;
        memset(expected + b->expected_room, 0, (to - b->expected_room) * sizeof *expected);
        b->expected = expected;
        b->expected_room = to;
    }
    b->expected[place] = inlet;
    if (place >= b->n_expected)
        b->n_expected = place + 1;
    return true;
}

/* A pair whose key, which ends at `value`, is no str. */
static const uint8_t *take_other(struct row_reader *r, const uint8_t *p, const uint8_t *value) {
    struct scanner *s = &r->b->skip;
    const uint8_t *q = scan_value(s, NULL, value, r->end, 1, NULL, 0);
    if (!q)
        return fail(r, s->status, s->fault);
    buf_add(&r->b->other, p, (size_t)(q - p));
    return buf_failed(&r->b->other) ? fail(r, E_MEMORY, p) : q;
}

/* The key at p: *ret its inlet, or NO_TABLE_COLUMN for one that is no str. */
static const uint8_t *read_key(struct row_reader *r, uint32_t place, const uint8_t *p,
                               uint32_t *ret) {
    struct value key;
    const uint8_t *next = read_any(r, p, &key);
    *ret = NO_TABLE_COLUMN;
    if (!next || key.type != T_STR)
        return next;
    struct error e;
    error_clear(&e);
    *ret = batch_inlet(r->b, value_as_str(key), &e);
    if (*ret == NO_TABLE_COLUMN)
        return fail(r, e.status, p);
    return expect(r->b, place, *ret) ? next : fail(r, E_MEMORY, p);
}

static inline const uint8_t *match_key(struct row_reader *r, uint32_t place, const uint8_t *p,
                                       uint32_t *ret) {
    const struct batch *b = r->b;
    if (place < b->n_expected && r->end - p >= 8) {
        const struct inlet *in = &b->inlets[b->expected[place]];
        uint64_t word;
        memcpy(&word, p, 8);
        if ((word & in->mask) == in->word &&
            (in->key_n <= 8 || ((size_t)(r->end - p) >= in->key_n &&
                                memcmp(p + 8, in->key + 8, in->key_n - 8) == 0))) {
            *ret = b->expected[place];
            return p + in->key_n;
        }
    }
    return read_key(r, place, p, ret);
}

/* The header of the row: how many pairs, and where they begin. */
static const uint8_t *open_row(struct row_reader *r, const uint8_t *p, uint32_t *ret_pairs) {
    if (p == r->end)
        return fail(r, E_ROW_TRUNCATED, p);
    uint8_t h = *p;
    size_t room = (size_t)(r->end - p), head = h == 0xDE ? 3 : h == 0xDF ? 5 : 1;
    if ((h & 0xF0) != 0x80 && head == 1)
        return fail(r, h == 0xC1 ? E_ROW_INVALID : E_ROW_NOT_MAP, p);
    if (room < head)
        return fail(r, E_ROW_TRUNCATED, p);
    *ret_pairs = head == 1 ? h & 0x0Fu : head == 3 ? be16(p + 1) : be32(p + 1);
    if (2 * (uint64_t)*ret_pairs > room - head)
        return fail(r, E_ROW_TRUNCATED, p);
    if (*ret_pairs > r->b->skip.fields_limit)
        return fail(r, E_ROW_TOO_WIDE, p);
    return p + head;
}

/* The row's pairs with other keys than str become one map. */
static const uint8_t *put_other(struct row_reader *r, const uint8_t *p, uint32_t pairs,
                                const uint8_t *next) {
    struct batch *b = r->b;
    struct buf map;
    struct error e;
    error_clear(&e);
    if (b->nameless == NO_TABLE_COLUMN)
        b->nameless = batch_inlet(b, (struct str){NULL, 0}, &e);
    if (b->nameless == NO_TABLE_COLUMN)
        return fail(r, e.status, p);
    buf_init(&map, b->budget);
    mp_write_map(&map, pairs);
    buf_add(&map, b->other.data, b->other.len);
    b->other.len = 0;
    if (buf_failed(&map))
        fail(r, E_MEMORY, p);
    else
        put(r, p, &b->inlets[b->nameless].cells, value_bytes(T_MAP, map.data, (uint32_t)map.len),
            next);
    buf_done(&map);
    return r->status == E_OK ? next : NULL;
}

static const uint8_t *read_row(struct row_reader *r, const uint8_t *p) {
    struct batch *b = r->b;
    const uint8_t *row = p;
    uint32_t pairs, others = 0;
    p = open_row(r, p, &pairs);
    for (uint32_t i = 0; p && i < pairs; i++) {
        uint32_t inlet;
        const uint8_t *key = p;
        p = match_key(r, i, p, &inlet);
        if (!p)
            break;
        others += inlet == NO_TABLE_COLUMN;
        p = inlet == NO_TABLE_COLUMN ? take_other(r, key, p)
                                     : take_value(r, p, &b->inlets[inlet].cells);
    }
    return p && others ? put_other(r, row, others, p) : p;
}

const uint8_t *batch_add_map(struct batch *b, const uint8_t *p, const uint8_t *end,
                             const uint8_t **ret_fault, struct error *e) {
    struct row_reader r = {.b = b, .end = end};
    const uint8_t *next = batch_take_kept(b) ? read_row(&r, p) : fail(&r, E_MEMORY, p);
    if (next) {
        b->rows++;
        b->total++;
        if ((b->rows < SEGMENT_ROWS && !b->is_full) || batch_seal(b))
            return next;
        fail(&r, E_MEMORY, p);
    }
    const struct limits *l = b->table->limits;
    if (r.status == E_ROW_TOO_WIDE)
        error_limit(e, r.status, "row_fields", l->row_fields, ERROR_NONE);
    else if (r.status == E_ROW_TOO_DEEP)
        error_limit(e, r.status, "row_depth", l->row_depth, ERROR_NONE);
    else if (r.status == E_MEMORY)
        table_no_memory(b->budget, e);
    else
        error_set(e, r.status, "row %llu: %s", (unsigned long long)b->total, status_text(r.status));
    if (e && e->row == ERROR_NONE && r.status != E_MEMORY)
        e->row = b->total;
    *ret_fault = r.fault;
    return NULL;
}

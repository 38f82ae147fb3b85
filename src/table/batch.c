/* See table.h and batch.h: batches, and rows that come as maps. */
#include "table/batch.h"

#include "base/hash.h"
#include "value/mp.h"

#include <endian.h>
#include <stdatomic.h>
#include <stdlib.h>

struct batch *batch_new(struct table *t) {
    struct batch *b = budget_realloc(t->budget, NULL, 0, sizeof *b);
    if (!b)
        return NULL;
    uint64_t depth = t->limits->row_depth, fields = t->limits->row_fields;
    *b = (struct batch){.table = t, .budget = t->budget, .nameless = NO_TABLE_COLUMN};
    b->skip.depth_limit = depth < MP_DEPTH_MOST ? (uint32_t)depth : MP_DEPTH_MOST;
    b->skip.fields_limit = (uint32_t)fields;
    arena_init(&b->arena, t->budget);
    buf_init(&b->other, t->budget);
    table_ref(t);
    return b;
}

static void stage_done(struct stage *s, struct budget *budget) {
    for (uint32_t i = 0; s->columns && i < s->n_columns; i++)
        sealed_free(s->columns[i]);
    budget_free(budget, s->columns, s->n_columns * sizeof *s->columns);
}

void batch_clear(struct batch *b) {
    for (uint32_t i = 0; i < b->n_inlets; i++) {
        cells_done(&b->inlets[i].cells);
        lists_done(&b->inlets[i].lists);
    }
    for (uint32_t i = 0; i < b->n_stages; i++)
        stage_done(&b->stages[i], b->budget);
    budget_free(b->budget, b->inlets, b->inlets_room * sizeof *b->inlets);
    budget_free(b->budget, b->slots, b->mask ? (b->mask + 1) * sizeof *b->slots : 0);
    budget_free(b->budget, b->expected, b->expected_room * sizeof *b->expected);
    budget_free(b->budget, b->stages, b->stages_room * sizeof *b->stages);
    hands_free(&b->hands, b->budget);
    arena_done(&b->arena);
    buf_done(&b->other);
    struct batch empty = {.table = b->table,
                          .budget = b->budget,
                          .nameless = NO_TABLE_COLUMN,
                          .skip = b->skip,
                          .crew = b->crew};
    *b = empty;
    arena_init(&b->arena, b->budget);
    buf_init(&b->other, b->budget);
}

void batch_free(struct batch *b) {
    if (!b)
        return;
    struct table *t = b->table;
    batch_clear(b);
    arena_done(&b->arena);
    buf_done(&b->other);
    budget_free(b->budget, b, sizeof *b);
    table_unref(t);
}

uint64_t batch_rows(const struct batch *b) { return b->total; }

void batch_use_crew(struct batch *b, struct crew *crew) { b->crew = crew; }

struct crew *batch_crew(const struct batch *b, uint64_t n, uint32_t n_columns) {
    return n_columns > 1 && n * n_columns >= CREW_CELLS ? b->crew : NULL;
}

/* --- columns --- */

static bool grow_slots(struct batch *b) {
    uint32_t mask = b->mask ? 2 * b->mask + 1 : 15;
    if (b->mask && b->n_inlets + 1 <= b->mask / 2)
        return true;
    uint32_t *slots = budget_realloc(b->budget, NULL, 0, ((size_t)mask + 1) * sizeof *slots);
    if (!slots)
        return false;
    memset(slots, 0, ((size_t)mask + 1) * sizeof *slots);
    for (uint32_t i = 0; i < b->n_inlets; i++) {
        uint32_t at = b->inlets[i].hash & mask;
        while (slots[at])
            at = (at + 1) & mask;
        slots[at] = i + 1;
    }
    budget_free(b->budget, b->slots, b->mask ? ((size_t)b->mask + 1) * sizeof *slots : 0);
    b->slots = slots;
    b->mask = mask;
    return true;
}

static bool name_inlet(struct batch *b, struct inlet *in, struct str name) {
    if (!name.p) {
        in->word = 1; /* with no bit in the mask: never met where it is expected */
        return true;
    }
    struct buf encoded;
    buf_init(&encoded, b->budget);
    mp_write_str(&encoded, name.p, name.n);
    size_t n = encoded.len;
    buf_add(&encoded, "\0\0\0\0\0\0\0", 8);
    uint8_t *copy = buf_failed(&encoded) ? NULL : arena_copy(&b->arena, encoded.data, encoded.len);
    buf_done(&encoded);
    if (!copy)
        return false;
    in->key = copy;
    in->key_n = (uint32_t)n;
    in->name = (struct str){(const char *)copy + n - name.n, name.n};
    in->mask = n >= 8 ? UINT64_MAX : htole64((UINT64_C(1) << (8 * n)) - 1);
    memcpy(&in->word, copy, 8);
    in->word &= in->mask;
    return true;
}

static bool add_inlet(struct batch *b, struct str name, uint32_t hash) {
    if (b->n_inlets == b->inlets_room) {
        uint32_t to = b->inlets_room ? 2 * b->inlets_room : 8;
        struct inlet *inlets = budget_realloc(b->budget, b->inlets, b->inlets_room * sizeof *inlets,
                                              to * sizeof *inlets);
        if (!inlets)
            return false;
        b->inlets = inlets;
        b->inlets_room = to;
    }
    struct inlet *in = &b->inlets[b->n_inlets];
    *in = (struct inlet){.hash = hash};
    if (!grow_slots(b) || !name_inlet(b, in, name))
        return false;
    cells_init(&in->cells, b->budget);
    lists_init(&in->lists, b->budget);
    uint32_t at = hash & b->mask;
    while (b->slots[at])
        at = (at + 1) & b->mask;
    b->slots[at] = ++b->n_inlets;
    return true;
}

uint32_t batch_inlet(struct batch *b, struct str name, struct error *e) {
    uint32_t hash = (uint32_t)hash_bytes(hash_key(), name.n ? name.p : "", name.n);
    for (uint32_t at = hash & b->mask; b->mask && b->slots[at]; at = (at + 1) & b->mask) {
        const struct inlet *in = &b->inlets[b->slots[at] - 1];
        if (in->hash == hash && str_eq(in->name, name) && !in->name.p == !name.p)
            return b->slots[at] - 1;
    }
    if (b->n_inlets >= b->table->limits->row_fields) {
        error_limit(e, E_ROW_TOO_WIDE, "row_fields", b->table->limits->row_fields, ERROR_NONE);
        return NO_TABLE_COLUMN;
    }
    if (!add_inlet(b, name, hash)) {
        table_no_memory(b->budget, e);
        return NO_TABLE_COLUMN;
    }
    return b->n_inlets - 1;
}

/* --- segments --- */

bool batch_stage(struct batch *b, uint32_t n) {
    if (b->n_stages == b->stages_room) {
        uint32_t to = b->stages_room ? 2 * b->stages_room : 4;
        struct stage *stages = budget_realloc(b->budget, b->stages, b->stages_room * sizeof *stages,
                                              to * sizeof *stages);
        if (!stages)
            return false;
        b->stages = stages;
        b->stages_room = to;
    }
    struct stage s = {.n = n, .n_columns = b->n_inlets};
    size_t bytes = s.n_columns * sizeof *s.columns;
    if (bytes > 0 && !(s.columns = budget_realloc(b->budget, NULL, 0, bytes)))
        return false;
    if (bytes > 0)
        memset(s.columns, 0, bytes);
    b->stages[b->n_stages++] = s;
    return true;
}

bool batch_seal_inlet(struct batch *b, uint32_t i) {
    struct stage *s = &b->stages[b->n_stages - 1];
    struct cells *c = &b->inlets[i].cells;
    bool done = c->rows == 0 || (s->columns[i] = cells_seal(c, s->n));
    cells_clear(c);
    return done;
}

/* Columns of a stage in the making. */
struct sealing {
    struct batch *batch;
    _Atomic bool failed;
};

static void seal_column(void *data, uint32_t i, uint32_t hand) {
    struct sealing *s = data;
    (void)hand;
    if (!batch_seal_inlet(s->batch, i))
        atomic_store_explicit(&s->failed, true, memory_order_relaxed);
}

bool batch_seal_rest(struct batch *b) {
    uint32_t n = b->stages[b->n_stages - 1].n, rest = 0;
    struct sealing sealing = {.batch = b};
    for (uint32_t i = 0; i < b->n_inlets; i++)
        rest += b->inlets[i].cells.rows > 0;
    if (rest > 0)
        crew_run(batch_crew(b, n, rest), seal_column, &sealing, b->n_inlets);
    b->rows = 0;
    b->is_full = false;
    return !atomic_load_explicit(&sealing.failed, memory_order_relaxed);
}

bool batch_seal(struct batch *b) {
    return b->rows == 0 || (batch_stage(b, b->rows) && batch_seal_rest(b));
}

/* --- rows --- */

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
    const uint8_t *next = read_row(&r, p);
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

/* The payload form "columns": blocks filled from columns that column_read.c has read and checked.
 * See source.h and PROTOCOL.md.
 *
 * A column may hold a wanted path, or a container in which wanted paths lie. Columns are used in
 * order of their paths' lengths, so that a column ["a", "b"] overrides what column "a" has said of
 * a.b, whatever their order in the message.
 *
 * Typed columns are copied by one loop a type, over all cells, null and missing ones too: these get
 * their tags afterwards, eight at a time. */
#include "base/bitmap.h"
#include "engine/column_read.h"
#include "engine/fetcher.h"
#include "engine/nested.h"

#include <stdlib.h>

#define INLINE static inline __attribute__((always_inline))

/* What a column is wanted for. */
struct column_use {
    const struct field *field; /* NULL: nothing */
    const uint8_t *next;       /* VALUES: the next one */
};

static int by_path_steps(const void *a, const void *b) {
    const struct sent_column *x = a, *y = b;
    if (x->path.n != y->path.n)
        return x->path.n < y->path.n ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

/* The columns of a payload, read by a crew. */
struct reading {
    const struct source *source;
    const struct mp_reader *reader;
    const uint8_t **at; /* where each begins, and the last one ends */
    _Atomic bool failed;
};

static void read_task(void *data, uint32_t i, uint32_t hand) {
    struct reading *g = data;
    struct source s = *g->source; /* what its rows are is known: the rest is each hand's own */
    struct mp_reader r = *g->reader;
    s.arena = &s.fetcher->arenas[hand];
    r.p = g->at[i];
    if (column_read(&s, &r, &s.columns[i], NULL) != E_OK || r.p != g->at[i + 1])
        atomic_store_explicit(&g->failed, true, memory_order_relaxed);
}

/* Fetching is most of the work, and can be shared. False: not all is well, or it is not worth it.
 */
static bool read_together(struct source *s, struct mp_reader *r) {
    struct mp_reader ahead = *r;
    struct reading g = {.source = s, .reader = r};
    if (!s->fetcher || (uint64_t)s->rows * s->n_columns < CREW_CELLS)
        return false;
    g.at = arena_array(s->arena, (size_t)s->n_columns + 1, sizeof *g.at);
    if (!g.at)
        return false;
    for (uint32_t i = 0; i < s->n_columns && ahead.status == E_OK; i++) {
        g.at[i] = ahead.p;
        mp_skip(&ahead);
    }
    g.at[s->n_columns] = ahead.p;
    if (ahead.status != E_OK)
        return false;
    crew_run(s->fetcher->crew, read_task, &g, s->n_columns);
    if (atomic_load_explicit(&g.failed, memory_order_relaxed))
        return false;
    *r = ahead;
    return true;
}

/* One by one, the first fault is told. */
static enum status read_columns(struct source *s, struct mp_reader *r, struct error *e) {
    if (s->fetcher)
        fetcher_begin(s->fetcher);
    if (read_together(s, r))
        return E_OK;
    if (s->fetcher)
        fetcher_begin(s->fetcher);
    enum status status = E_OK;
    for (uint32_t i = 0; i < s->n_columns && status == E_OK; i++)
        status = column_read(s, r, &s->columns[i], e);
    return status;
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
    s->columns = arena_array(s->arena, s->n_columns, sizeof *s->columns);
    s->uses = arena_array(s->arena, s->n_columns, sizeof *s->uses);
    if (!s->columns || !s->uses)
        return error_set(e, E_MEMORY, "out of memory");
    for (uint32_t i = 0; i < s->n_columns; i++)
        s->columns[i].number = i;
    enum status status = read_columns(s, r, e);
    if (status != E_OK)
        return status;
    if (!mp_at_end(r))
        return source_trailing(s, r, e);
    if (s->n_columns > 1)
        qsort(s->columns, s->n_columns, sizeof *s->columns, by_path_steps);
    for (uint32_t i = 0; i < s->n_columns; i++) {
        const struct field *field = fields_find(s->scanner->fields, s->columns[i].path);
        status = field ? nested_to_values(s, &s->columns[i].array, e) : E_OK;
        if (status != E_OK)
            return status;
        s->uses[i] = (struct column_use){field, s->columns[i].array.data};
    }
    return E_OK;
}

/* --- loops over the cells of one type: n of them, from the `first` of the array on --- */

INLINE void put_integers(union word *restrict to, const uint8_t *restrict p, size_t first,
                         uint32_t n, enum array_type type) {
    p += first * array_number_bytes(type);
    for (uint32_t i = 0; i < n; i++)
        to[i].u = array_integer(type, p, i);
}

static void put_u64_tags(uint8_t *restrict tag, const union word *restrict from, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        tag[i] = from[i].i < 0 ? T_UINT : T_INT;
}

static void put_floats(union word *restrict to, const uint8_t *restrict p, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        uint32_t bits = load_le32(p + 4 * (size_t)i);
        float f;
        memcpy(&f, &bits, 4);
        to[i].d = f;
    }
}

static void put_bytes(union word *restrict to, const uint8_t *restrict p, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        to[i].u = p[i];
}

static void put_bits(union word *restrict to, const uint8_t *restrict map, size_t first,
                     uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        to[i].u = bitmap_get(map, first + i);
}

/* Seconds are rounded down, so that the nanoseconds are not negative (QUERY.md D2). */
INLINE void put_times_of(union word *restrict to, uint32_t *restrict len, const uint8_t *restrict p,
                         uint32_t n, int64_t per_second) {
    for (uint32_t i = 0; i < n; i++) {
        int64_t v = (int64_t)load_le64(p + 8 * (size_t)i);
        int64_t seconds = v / per_second, rest = v % per_second;
        to[i].i = seconds - (rest < 0);
        len[i] = (uint32_t)((rest < 0 ? rest + per_second : rest) * (1000000000 / per_second));
    }
}

static void put_times(union word *to, uint32_t *len, const uint8_t *p, uint32_t n,
                      uint32_t per_second) {
    switch (per_second) {
    case 1:
        put_times_of(to, len, p, n, 1);
        break;
    case 1000:
        put_times_of(to, len, p, n, 1000);
        break;
    case 1000000:
        put_times_of(to, len, p, n, 1000000);
        break;
    default:
        put_times_of(to, len, p, n, 1000000000);
    }
}

INLINE void put_strings_of(union word *restrict to, uint32_t *restrict len, const struct array *a,
                           size_t first, uint32_t n, uint32_t offset_bytes) {
    const uint8_t *bytes = a->data, *offsets = a->offsets + first * offset_bytes;
    uint64_t base = a->base, from = array_offset(offset_bytes, offsets, 0) - base;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t end = array_offset(offset_bytes, offsets, i + 1u) - base;
        to[i].p = bytes + from;
        len[i] = (uint32_t)(end - from);
        from = end;
    }
}

static void put_strings(union word *to, uint32_t *len, const struct array *a, size_t first,
                        uint32_t n) {
    if (a->offset_bytes == 4)
        put_strings_of(to, len, a, first, n, 4);
    else
        put_strings_of(to, len, a, first, n, 8);
}

/* The codes, where the lengths of their strings will stand. Those of null and missing cells may be
 * anything. */
INLINE void put_codes_of(uint32_t *restrict len, const struct array *a, size_t first, uint32_t n,
                         enum array_type type) {
    const uint8_t *p = a->data + first * array_number_bytes(type);
    uint64_t n_values = a->n_values;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t code = array_integer(type, p, i);
        len[i] = code < n_values ? (uint32_t)code : 0;
    }
}

static void put_codes(uint32_t *len, const struct array *a, size_t first, uint32_t n) {
    switch (a->codes_type) {
    case ARRAY_I8:
        put_codes_of(len, a, first, n, ARRAY_I8);
        break;
    case ARRAY_I16:
        put_codes_of(len, a, first, n, ARRAY_I16);
        break;
    case ARRAY_I32:
        put_codes_of(len, a, first, n, ARRAY_I32);
        break;
    case ARRAY_U8:
        put_codes_of(len, a, first, n, ARRAY_U8);
        break;
    case ARRAY_U16:
        put_codes_of(len, a, first, n, ARRAY_U16);
        break;
    case ARRAY_U32:
        put_codes_of(len, a, first, n, ARRAY_U32);
        break;
    default:
        put_codes_of(len, a, first, n, ARRAY_U64);
    }
}

INLINE void put_coded_of(union word *restrict to, uint32_t *restrict len,
                         const struct array *values, uint32_t n, uint32_t offset_bytes) {
    for (uint32_t i = 0; i < n; i++) {
        uint64_t from = array_offset(offset_bytes, values->offsets, len[i]);
        uint64_t end = array_offset(offset_bytes, values->offsets, len[i] + UINT64_C(1));
        to[i].p = values->data + (from - values->base);
        len[i] = (uint32_t)(end - from);
    }
}

static void put_coded(union word *to, uint32_t *len, const struct array *a, size_t first,
                      uint32_t n) {
    if (a->n_values == 0)
        return; /* then no cell has a value */
    put_codes(len, a, first, n);
    if (a->values->offset_bytes == 4)
        put_coded_of(to, len, a->values, n, 4);
    else
        put_coded_of(to, len, a->values, n, 8);
}

/* --- tags --- */

#define BYTES(v) (UINT64_C(0x0101010101010101) * (v))

/* Cells whose bit is clear get this tag; the first cell's bit is number `first`. */
static void mark_clear(uint8_t *tag, const uint8_t *map, size_t first, uint32_t n, uint8_t as) {
    uint32_t i = 0;
    for (; i < n && (first + i) % 8 != 0; i++)
        tag[i] = bitmap_get(map, first + i) ? tag[i] : as;
    for (; n - i >= 8; i += 8) {
        /* bit k alone in byte k; then 0xFF where it is set */
        uint64_t set = BYTES(map[(first + i) / 8]) & UINT64_C(0x8040201008040201), tags;
        set = ((set + BYTES(0x7F)) >> 7 & BYTES(1)) * 0xFF;
        memcpy(&tags, tag + i, 8);
        tags = le64toh(tags);
        tags = htole64((tags & set) | (BYTES(as) & ~set));
        memcpy(tag + i, &tags, 8);
    }
    for (; i < n; i++)
        tag[i] = bitmap_get(map, first + i) ? tag[i] : as;
}

/* --- columns --- */

/* Words and lengths of n cells; gives the type of those that have a value. */
static enum value_type put_cells(const struct array *a, size_t first, struct column *c,
                                 uint32_t n) {
    switch (a->type) {
    case ARRAY_I8:
        put_integers(c->word, a->data, first, n, ARRAY_I8);
        return T_INT;
    case ARRAY_I16:
        put_integers(c->word, a->data, first, n, ARRAY_I16);
        return T_INT;
    case ARRAY_I32:
        put_integers(c->word, a->data, first, n, ARRAY_I32);
        return T_INT;
    case ARRAY_I64:
        put_integers(c->word, a->data, first, n, ARRAY_I64);
        return T_INT;
    case ARRAY_U8:
        put_integers(c->word, a->data, first, n, ARRAY_U8);
        return T_INT;
    case ARRAY_U16:
        put_integers(c->word, a->data, first, n, ARRAY_U16);
        return T_INT;
    case ARRAY_U32:
        put_integers(c->word, a->data, first, n, ARRAY_U32);
        return T_INT;
    case ARRAY_U64:
        put_integers(c->word, a->data, first, n, ARRAY_U64);
        return T_UINT; /* put_u64_tags */
    case ARRAY_F32:
        put_floats(c->word, a->data + 4 * first, n);
        return T_DOUBLE;
    case ARRAY_F64: /* the same bits */
        put_integers(c->word, a->data, first, n, ARRAY_U64);
        return T_DOUBLE;
    case ARRAY_BYTES_BOOL:
        put_bytes(c->word, a->data + first, n);
        return T_BOOL;
    case ARRAY_BITS_BOOL:
        put_bits(c->word, a->data, first, n);
        return T_BOOL;
    case ARRAY_TIME:
        put_times(c->word, c->len, a->data + 8 * first, n, a->per_second);
        return T_TIMESTAMP;
    case ARRAY_STR:
        put_strings(c->word, c->len, a, first, n);
        return T_STR;
    case ARRAY_BIN:
        put_strings(c->word, c->len, a, first, n);
        return T_BIN;
    case ARRAY_CODES:
        put_coded(c->word, c->len, a, first, n);
        return T_STR;
    case ARRAY_VALUES: /* fill_list */
    case ARRAY_LIST:   /* made VALUES if wanted */
    case ARRAY_MAP:
    case ARRAY_STRUCT:
        break;
    }
    return T_MISSING;
}

static void set_missing(const struct field *f, struct block *b, uint32_t row, uint32_t n) {
    for (uint32_t i = 0; i < f->n_slots; i++)
        memset(b->columns[f->slots[i]].tag + row, T_MISSING, n);
}

static void fill_typed(const struct source *s, const struct array *a, const struct field *f,
                       struct block *b, uint32_t n) {
    if (f->n_slots > 1 || f->slot == NO_SLOT) /* no path goes further */
        set_missing(f, b, 0, n);
    if (f->slot == NO_SLOT)
        return;
    struct column *c = &b->columns[f->slot];
    enum value_type type = put_cells(a, s->done, c, n);
    if (a->type == ARRAY_U64)
        put_u64_tags(c->tag, c->word, n);
    else
        memset(c->tag, type, n);
    if (a->valid)
        mark_clear(c->tag, a->valid, s->done, n, T_NULL);
    if (a->present)
        mark_clear(c->tag, a->present, s->done, n, T_MISSING);
}

static enum status fill_list(struct source *s, const struct array *a, struct column_use *use,
                             struct block *b, uint32_t n, struct error *e) {
    for (uint32_t row = 0; row < n; row++) {
        bool present = !a->present || bitmap_get(a->present, (size_t)s->done + row);
        if (!present)
            set_missing(use->field, b, row, 1);
        use->next =
            scan_value(s->scanner, present ? use->field : NULL, use->next, a->data_end, 1, b, row);
        if (!use->next)
            return source_row_error(s, row, e);
    }
    return E_OK;
}

enum status columns_fill(struct source *s, struct block *b, uint32_t *ret_n, struct error *e) {
    for (uint32_t i = 0; i < s->n_columns; i++) {
        struct column_use *use = &s->uses[i];
        const struct array *a = &s->columns[i].array;
        if (!use->field)
            continue;
        if (a->type != ARRAY_VALUES) {
            fill_typed(s, a, use->field, b, *ret_n);
            continue;
        }
        enum status status = fill_list(s, a, use, b, *ret_n, e);
        if (status != E_OK)
            return status;
    }
    return E_OK;
}

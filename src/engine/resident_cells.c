/* Results that are made of cells: rows as maps, and columns as typed arrays. See resident_state.h.
 */
#include "engine/resident_state.h"

#include "base/bitmap.h"
#include "value/column.h"
#include "value/mp.h"

#include <endian.h>
#include <string.h>

/* ---- values of rows ---- */

/* The values of one path in rows of one part, into r->values from `to` on. False: no memory. */
static bool read_run(struct resident *r, uint32_t path, const struct row_at *rows, uint32_t n,
                     uint32_t to) {
    const struct chunk *c;
    struct column *column = &r->block.columns[0];
    if (!resident_chunks(&r->snapshot->parts[rows[0].part], &r->paths[path], 1, &c))
        return false;
    for (uint32_t done = 0; done < n;) {
        uint32_t some = n - done < r->block.rows ? n - done : r->block.rows;
        for (uint32_t i = 0; i < some; i++)
            r->cells[i] = rows[done + i].cell;
        chunk_gather(c, r->cells, some, column);
        for (uint32_t i = 0; i < some; i++)
            r->values[to + done + i] = column_get(column, i);
        done += some;
    }
    return true;
}

static bool read_path(struct resident *r, uint32_t path, const struct row_at *rows, uint32_t n) {
    for (uint32_t i = 0, j; i < n; i = j) {
        for (j = i + 1; j < n && rows[j].part == rows[i].part; j++)
            ;
        if (!read_run(r, path, rows + i, j - i, i))
            return false;
    }
    return true;
}

/* ---- columns ---- */

static uint32_t seen_in(const struct value *v, uint32_t n) {
    uint32_t seen = 0;
    for (uint32_t i = 0; i < n; i++)
        seen |= SEEN(v[i].type);
    return seen;
}

static bool bin_header(struct buf *b, size_t n) {
    mp_write_bin(b, "", 0); /* as long as any header of bin 32 is written over */
    b->len -= b->failed ? 0 : 2;
    if (!buf_reserve(b, 5 + n))
        return false;
    uint32_t be = htobe32((uint32_t)n);
    b->data[b->len] = 0xC6;
    memcpy(b->data + b->len + 1, &be, 4);
    b->len += 5;
    return true;
}

static void put64(uint8_t *to, uint32_t i, uint64_t v) {
    v = htole64(v);
    memcpy(to + 8 * (size_t)i, &v, 8);
}

static void write_words(const struct value *v, uint32_t n, const char *type, struct buf *b) {
    mp_write_text(b, type);
    if (!bin_header(b, 8 * (size_t)n))
        return;
    for (uint32_t i = 0; i < n; i++)
        put64(b->data + b->len, i, value_is_null(v[i]) ? 0 : v[i].w.u);
    b->len += 8 * (size_t)n;
}

static void write_bools(const struct value *v, uint32_t n, struct buf *b) {
    mp_write_text(b, "bool");
    if (!bin_header(b, n))
        return;
    for (uint32_t i = 0; i < n; i++)
        b->data[b->len + i] = v[i].type == T_BOOL && v[i].w.i != 0;
    b->len += n;
}

static void write_strings(const struct value *v, uint32_t n, struct buf *b) {
    uint32_t total = 0;
    mp_write_text(b, "str");
    mp_write_array(b, 2);
    if (!bin_header(b, 4 * ((size_t)n + 1)))
        return;
    for (uint32_t i = 0; i <= n; i++) {
        uint32_t le = htole32(total);
        memcpy(b->data + b->len + 4 * (size_t)i, &le, 4);
        if (i < n && v[i].type == T_STR)
            total += v[i].n;
    }
    b->len += 4 * ((size_t)n + 1);
    if (!bin_header(b, total))
        return;
    for (uint32_t i = 0; i < n; i++)
        if (v[i].type == T_STR) {
            memcpy(b->data + b->len, v[i].w.p, v[i].n);
            b->len += v[i].n;
        }
}

/* Nanoseconds since 1970; false if they do not fit. */
static bool nanoseconds(struct value v, int64_t *ret) {
    return !__builtin_mul_overflow(v.w.i, INT64_C(1000000000), ret) &&
           !__builtin_add_overflow(*ret, (int64_t)v.n, ret);
}

/* Timestamps in the coarsest unit that has all of them; NULL: there is none. */
static const char *time_unit(const struct value *v, uint32_t n, int64_t *ret_per_second) {
    uint32_t finest = 0; /* 0 s, 1 ms, 2 us, 3 ns */
    static const uint32_t EACH[] = {1000000000, 1000000, 1000, 1};
    static const char *const UNITS[] = {"s", "ms", "us", "ns"};
    static const int64_t PER[] = {1, 1000, 1000000, 1000000000};
    for (uint32_t i = 0; i < n; i++)
        while (v[i].type == T_TIMESTAMP && v[i].n % EACH[finest] != 0)
            finest++;
    for (uint32_t i = 0; i < n; i++) {
        int64_t t;
        if (v[i].type == T_TIMESTAMP &&
            (finest == 3 ? !nanoseconds(v[i], &t)
                         : __builtin_mul_overflow(v[i].w.i, PER[finest] * 2, &t)))
            return NULL;
    }
    *ret_per_second = PER[finest];
    return UNITS[finest];
}

static void write_times(const struct value *v, uint32_t n, const char *unit, int64_t per_second,
                        struct buf *b) {
    mp_write_text(b, "timestamp");
    mp_write_array(b, 2);
    mp_write_text(b, unit);
    if (!bin_header(b, 8 * (size_t)n))
        return;
    for (uint32_t i = 0; i < n; i++)
        put64(b->data + b->len, i,
              v[i].type == T_TIMESTAMP
                  ? (uint64_t)(v[i].w.i * per_second + v[i].n / (1000000000 / per_second))
                  : 0);
    b->len += 8 * (size_t)n;
}

static void write_list(const struct value *v, uint32_t n, struct buf *b) {
    mp_write_text(b, "list");
    mp_write_array(b, n);
    for (uint32_t i = 0; i < n; i++)
        mp_write_value(b, v[i]);
}

static bool is_negative_somewhere(const struct value *v, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        if (v[i].type == T_INT && v[i].w.i < 0)
            return true;
    return false;
}

static uint64_t total_bytes(const struct value *v, uint32_t n) {
    uint64_t total = 0;
    for (uint32_t i = 0; i < n; i++)
        total += v[i].type >= T_STR && v[i].type != T_TIMESTAMP ? v[i].n : 0;
    return total;
}

/* type and data; false: it was a list, which tells of nulls itself. */
static bool write_data(const struct value *v, uint32_t n, uint32_t seen, struct buf *b) {
    int64_t per_second;
    const char *unit;
    switch (seen & ~SEEN_NONE) {
    case SEEN(T_INT):
        write_words(v, n, "i64", b);
        return true;
    case SEEN(T_UINT):
    case SEEN(T_UINT) | SEEN(T_INT):
        if (is_negative_somewhere(v, n))
            break;
        write_words(v, n, "u64", b);
        return true;
    case SEEN(T_DOUBLE):
        write_words(v, n, "f64", b);
        return true;
    case SEEN(T_BOOL):
        write_bools(v, n, b);
        return true;
    case SEEN(T_STR):
        if (total_bytes(v, n) > UINT32_MAX)
            break;
        write_strings(v, n, b);
        return true;
    case SEEN(T_TIMESTAMP):
        unit = time_unit(v, n, &per_second);
        if (!unit)
            break;
        write_times(v, n, unit, per_second, b);
        return true;
    default:
        break;
    }
    write_list(v, n, b);
    return false;
}

/* A bitmap of the rows whose type is above `least`. */
static void write_bitmap(const struct value *v, uint32_t n, enum value_type least, struct buf *b) {
    size_t bytes = bitmap_bytes(n);
    if (!bin_header(b, bytes))
        return;
    memset(b->data + b->len, 0, bytes);
    for (uint32_t i = 0; i < n; i++)
        if (v[i].type > (int)least)
            bitmap_set(b->data + b->len, i);
    b->len += bytes;
}

static void write_path(struct resident *r, uint32_t i, struct buf *b) {
    if (!r->q.columns) {
        struct str name = r->snapshot->names[i];
        mp_write_str(b, name.p ? name.p : "", name.n);
        return;
    }
    struct path p = r->q.columns[i];
    if (p.n == 1 && p.steps[0].key.p) {
        mp_write_str(b, p.steps[0].key.p, p.steps[0].key.n);
        return;
    }
    mp_write_array(b, p.n);
    for (uint32_t k = 0; k < p.n; k++)
        if (p.steps[k].key.p)
            mp_write_str(b, p.steps[k].key.p, p.steps[k].key.n);
        else
            mp_write_uint(b, p.steps[k].index);
}

/* The column that has no name is not told. */
static bool is_told(const struct resident *r, uint32_t i) {
    return r->q.columns || r->snapshot->names[i].p;
}

static bool write_column(struct resident *r, uint32_t i, const struct row_at *rows, uint32_t n,
                         struct buf *b) {
    if (!read_path(r, r->q.n_order + i, rows, n))
        return false;
    uint32_t seen = seen_in(r->values, n);
    mp_write_array(b, 5);
    write_path(r, i, b);
    bool typed = write_data(r->values, n, seen, b);
    if (typed && (seen & SEEN_NONE))
        write_bitmap(r->values, n, T_NULL, b);
    else
        mp_write_nil(b);
    if (seen & SEEN(T_MISSING))
        write_bitmap(r->values, n, T_MISSING, b);
    else
        mp_write_nil(b);
    return true;
}

static uint32_t n_columns(const struct resident *r) { return r->n_paths - r->q.n_order; }

/* So few of the rows that their columns are not much more than a chunk; at least one. Halved, for
 * rows of very unlike sizes end in short chunks soon enough. */
static bool fit(struct resident *r, const struct row_at *rows, uint32_t *n) {
    for (;;) {
        uint64_t total = 0;
        for (uint32_t i = 0; i < n_columns(r) && total <= RESIDENT_CHUNK_BYTES; i++) {
            if (!read_path(r, r->q.n_order + i, rows, *n))
                return false;
            total += 8 * (uint64_t)*n + total_bytes(r->values, *n);
        }
        if (total <= RESIDENT_CHUNK_BYTES || *n == 1)
            return true;
        *n = (*n + 1) / 2;
    }
}

static bool write_columns(struct resident *r, const struct row_at *rows, uint32_t n, struct buf *b,
                          uint32_t *ret_n) {
    if (!fit(r, rows, &n))
        return false;
    uint32_t told = 0;
    for (uint32_t i = 0; i < n_columns(r); i++)
        told += is_told(r, i);
    mp_write_array(b, told);
    for (uint32_t i = 0; i < n_columns(r); i++)
        if (is_told(r, i) && !write_column(r, i, rows, n, b))
            return false;
    *ret_n = n;
    return !buf_failed(b);
}

/* ---- rows ---- */

/* The key that a path has in a map of chosen columns: its last step. */
static void write_key(struct path p, struct buf *b) {
    const struct path_step *last = &p.steps[p.n - 1];
    if (last->key.p)
        mp_write_str(b, last->key.p, last->key.n);
    else
        mp_write_uint(b, last->index);
}

static bool write_chosen(struct resident *r, struct row_at at, struct buf *b) {
    uint32_t n = n_columns(r), has = 0;
    const struct chunk **chunks = r->path_chunks + r->q.n_order;
    if (!resident_chunks(&r->snapshot->parts[at.part], r->paths + r->q.n_order, n, chunks))
        return false;
    for (uint32_t i = 0; i < n; i++)
        has += chunks[i] && bits_get(chunks[i]->present, at.cell);
    mp_write_map(b, has);
    for (uint32_t i = 0; i < n; i++)
        if (chunks[i] && bits_get(chunks[i]->present, at.cell)) {
            write_key(r->q.columns[i], b);
            mp_write_value(b, chunk_value(chunks[i], at.cell));
        }
    return true;
}

static bool write_rows(struct resident *r, const struct row_at *rows, uint32_t n, struct buf *b,
                       uint32_t *ret_n) {
    size_t start = b->len;
    uint32_t i = 0;
    while (i < n && (i == 0 || b->len - start < RESIDENT_CHUNK_BYTES)) {
        if (r->q.columns) {
            if (!write_chosen(r, rows[i], b))
                return false;
        } else {
            part_row(r->snapshot, &r->snapshot->parts[rows[i].part], rows[i].cell, b);
        }
        i++;
    }
    *ret_n = i;
    return !buf_failed(b);
}

bool result_write_cells(struct resident *r, const struct row_at *rows, uint32_t n, struct buf *data,
                        uint32_t *ret_n) {
    return r->q.kind == RESULT_ROWS ? write_rows(r, rows, n, data, ret_n)
                                    : write_columns(r, rows, n, data, ret_n);
}

bool result_take_cells(struct resident *r, struct buf *data, struct resident_chunk *chunk) {
    uint32_t at = r->from, n = 0, some, written = 0;
    while (n < RESIDENT_ROWS &&
           (some = resident_cells(r, &at, r->cells,
                                  RESIDENT_ROWS - n < BLOCK_ROWS ? RESIDENT_ROWS - n
                                                                 : BLOCK_ROWS)) > 0) {
        for (uint32_t i = 0; i < some; i++)
            r->taken[n + i] = (struct row_at){r->part, r->cells[i]};
        n += some;
    }
    if (n > 0 && !result_write_cells(r, r->taken, n, data, &written))
        return false;
    chunk->matched = written;
    r->part_left -= written;
    r->from = r->part_left == 0 ? r->to : r->taken[written - 1].cell + 1u;
    return true;
}

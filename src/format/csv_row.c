/* Rows of CSV as values: a map of all named columns, in their order, for whoever wants the row
 * itself (a path of no steps, reader.h).
 *
 * The records are read as always, into a block that has a column for each of theirs; the maps are
 * made from its rows. So whoever wants single fields pays nothing. A cell that the record does not
 * have is not in its map; of columns with equal names the last counts. */
#include "format/reader_csv.h"

#include "value/mp.h"

#include <stdlib.h>
#include <string.h>

struct csv_rows {
    uint32_t slot;      /* of the rows */
    uint32_t n;         /* columns */
    struct str *keys;   /* their names in msgpack */
    uint32_t *slots;    /* where their cells are wanted, too; or NO_SLOT */
    struct block block; /* their cells */
    struct buf map;     /* that is being made */
};

/* --- columns --- */

static int by_name(const void *a, const void *b) {
    const struct csv_column *x = a, *y = b;
    int order = str_cmp(x->name, y->name);
    return order ? order : (x->index > y->index) - (x->index < y->index);
}

/* The columns by their names, of equal names the last; gives how many. */
static uint32_t last_of_each(struct csv_column *c, uint32_t n) {
    uint32_t kept = 0;
    qsort(c, n, sizeof *c, by_name);
    for (uint32_t i = 0; i < n; i++)
        if (i + 1 == n || !str_eq(c[i].name, c[i + 1].name))
            c[kept++] = c[i];
    return kept;
}

/* c is in order of the names. */
static void declare_types(struct csv_column *c, uint32_t n, const struct csv_options *o) {
    for (uint32_t i = 0; i < o->n_types; i++) {
        uint32_t low = 0, high = n;
        while (low < high) {
            uint32_t mid = low + (high - low) / 2;
            if (str_cmp(c[mid].name, o->types[i].name) < 0)
                low = mid + 1;
            else
                high = mid;
        }
        if (low < n && str_eq(c[low].name, o->types[i].name))
            c[low].type = o->types[i].type;
    }
}

/* What is kept of the columns for each row; from here on their slots are those of w->block. */
static bool keep_columns(struct reader *r, struct csv_rows *w, struct csv_column *c) {
    for (uint32_t i = 0; i < w->n; i++) {
        const struct field *f = field_by_name(r->fields->root, c[i].name);
        w->slots[i] = f ? f->slot : NO_SLOT;
        w->map.len = 0;
        mp_write_str(&w->map, c[i].name.p, c[i].name.n);
        const char *key =
            buf_failed(&w->map) ? NULL : arena_copy(r->arena, w->map.data, w->map.len);
        if (!key)
            return false;
        w->keys[i] = (struct str){key, w->map.len};
        c[i].slot = i;
        c[i].name = (struct str){NULL, 0};
    }
    return true;
}

bool csv_rows_init(struct reader *r, const struct str *names, uint32_t n) {
    struct csv_reader *s = r->state;
    struct csv_rows *w = arena_new(r->arena, struct csv_rows);
    s->wanted = arena_array(r->arena, n, sizeof *s->wanted);
    s->slices = arena_array(r->arena, n, sizeof *s->slices);
    s->rows = w; /* csv_rows_done gives back what has been taken */
    if (!w || !s->wanted || !s->slices)
        return reader_fail(r, E_MEMORY, r->p, NULL);
    for (uint32_t i = 0; i < n; i++)
        s->wanted[i] = (struct csv_column){.index = i, .type = CELL_TEXT, .name = names[i]};
    w->n = last_of_each(s->wanted, n);
    declare_types(s->wanted, w->n, &s->options);
    qsort(s->wanted, w->n, sizeof *s->wanted, csv_by_index);
    w->slot = r->fields->root->slot;
    w->keys = arena_array(r->arena, w->n, sizeof *w->keys);
    w->slots = arena_array(r->arena, w->n, sizeof *w->slots);
    buf_init(&w->map, r->arena->budget);
    if (!w->keys || !w->slots || !keep_columns(r, w, s->wanted) ||
        !block_init(&w->block, w->n, true, r->arena->budget))
        return reader_fail(r, E_MEMORY, r->p, NULL);
    s->n_wanted = w->n;
    s->n_columns = n;
    return true;
}

void csv_rows_done(struct csv_rows *w) {
    if (!w)
        return;
    block_done(&w->block);
    buf_done(&w->map);
}

/* --- rows --- */

static bool make_map(struct reader *r, struct csv_rows *w, uint32_t row, struct value *ret) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < w->n; i++)
        n += w->block.columns[i].tag[row] != T_MISSING;
    w->map.len = 0;
    mp_write_map(&w->map, n);
    for (uint32_t i = 0; i < w->n; i++) {
        struct value v = column_get(&w->block.columns[i], row);
        if (v.type == T_MISSING)
            continue;
        buf_add(&w->map, w->keys[i].p, w->keys[i].n);
        mp_write_value(&w->map, v);
    }
    const uint8_t *at = w->block.spans[row].p;
    if (w->map.len > UINT32_MAX) {
        reader_fail(r, E_ROW_TOO_LONG, at, NULL);
        return false;
    }
    const void *copy = buf_failed(&w->map) ? NULL : arena_copy(&r->values, w->map.data, w->map.len);
    if (!copy) {
        reader_fail(r, E_MEMORY, at, NULL);
        return false;
    }
    *ret = value_bytes(T_MAP, copy, (uint32_t)w->map.len);
    return true;
}

/* The cells and the map of a row of w->block, as row `to` of b. */
static bool put_row(struct reader *r, struct csv_rows *w, uint32_t row, struct block *b,
                    uint32_t to) {
    struct value map = {0};
    if (!make_map(r, w, row, &map))
        return false;
    column_put(&b->columns[w->slot], to, map);
    for (uint32_t i = 0; i < w->n; i++)
        if (w->slots[i] != NO_SLOT)
            column_put(&b->columns[w->slots[i]], to, column_get(&w->block.columns[i], row));
    if (b->spans)
        b->spans[to] = w->block.spans[row];
    return true;
}

uint32_t csv_read_rows(struct reader *r, struct block *b) {
    struct csv_reader *s = r->state;
    struct csv_rows *w = s->rows;
    uint32_t n = 0, most = w->block.rows, got;
    do { /* a block of many columns has few rows */
        w->block.rows = most < b->rows - n ? most : b->rows - n;
        block_clear(&w->block, w->n);
        got = csv_read_records(r, &w->block);
        for (uint32_t i = 0; i < got; i++, n++)
            if (!put_row(r, w, i, b, n)) { /* those behind it are read again */
                r->p = w->block.spans[i].p;
                s->broken_bytes = w->block.spans[i].n;
                w->block.rows = most;
                return n;
            }
    } while (got == w->block.rows && n < b->rows);
    w->block.rows = most;
    return n;
}

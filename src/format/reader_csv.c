/* The CSV reader (reader.h): records by the positions of csv_index.c, or cell by cell.
 *
 * The positions of a window tell for each record how many cells it has and where each begins, so
 * that only wanted cells are looked at. A window begins with a record; the last one in it that is
 * not all there begins the next. A record with quotes that the positions cannot judge, one that is
 * longer than a window, and the last line without an end are read by csv_header.c. */
#include "format/reader_csv.h"

#include "base/utf8.h"

#include <stdio.h>
#include <string.h>

static bool is_blank(const uint8_t *p, const uint8_t *end) {
    return p == end || (p + 1 == end && *p == '\r');
}

/* --- faults of a whole record --- */

static bool wrong_count(struct reader *r, const uint8_t *p, uint32_t n_cells) {
    const struct csv_reader *s = r->state;
    snprintf(r->text, sizeof r->text, "the row has %u cells, and there are %u columns", n_cells,
             s->n_columns);
    return reader_fail(r, E_ROW_INVALID, p, r->text);
}

/* What is to be said of the record [p, end) as a whole. */
static bool check_record(struct reader *r, const uint8_t *p, const uint8_t *end, uint32_t n_cells) {
    struct csv_reader *s = r->state;
    size_t n = (size_t)(end - p);
    s->broken_bytes = n; /* if it is */
    if (n > r->row_bytes)
        return reader_fail(r, E_ROW_TOO_LONG, p, NULL);
    if (n_cells != s->n_columns && !s->options.ragged)
        return wrong_count(r, p, n_cells);
    if (n_cells > r->row_fields)
        return reader_fail(r, E_ROW_TOO_WIDE, p, NULL);
    size_t good = r->validate ? utf8_check(p, n) : n;
    return good == n || reader_fail(r, E_ROW_INVALID, p + good, "the row is not UTF-8");
}

/* --- cell by cell --- */

/* The wanted cells of the record at r->p. False: a fault, or it is not all there. */
static bool find_cells(struct reader *r, uint32_t *ret_cells, uint32_t *ret_wanted,
                       const uint8_t **ret_next) {
    struct csv_reader *s = r->state;
    const uint8_t *p = r->p, *end, *next;
    uint32_t n = 0, k = 0;
    enum csv_end what;
    s->broken_bytes = 0;
    do {
        what = csv_cell(r, p, &end, &next);
        if (what == CSV_INPUT || what == CSV_FAULT)
            return false;
        if (k < s->n_wanted && s->wanted[k].index == n)
            s->slices[k++] = (struct csv_slice){p, end};
        n++;
        p = next;
    } while (what == CSV_CELL);
    *ret_cells = n == 1 && end == r->p ? 0 : n;
    *ret_wanted = k;
    *ret_next = next;
    return true;
}

/* The record at r->p. False: a fault, or it is not all there. *ret_is_row: it is no blank line. */
static bool read_slowly(struct reader *r, struct block *b, uint32_t row, bool *ret_is_row) {
    struct csv_reader *s = r->state;
    const uint8_t *start = r->p, *next;
    uint32_t n, k;
    if (!find_cells(r, &n, &k, &next))
        return false;
    *ret_is_row = n > 0 || s->n_columns == 1;
    if (*ret_is_row && !check_record(r, start, next, n > 0 ? n : 1))
        return false;
    for (uint32_t i = 0; *ret_is_row && i < k; i++)
        if (!csv_put_cell(r, &s->dialect, &s->wanted[i], s->slices[i].p, s->slices[i].end, b, row))
            return false;
    reader_span(b, row, start, next);
    r->p = next;
    return true;
}

/* --- by positions --- */

/* The record at p that ends with position `last` of the window, its first cell ends with `first`.
 */
static bool read_record(struct reader *r, const uint8_t *p, uint32_t first, uint32_t last,
                        struct block *b, uint32_t row) {
    const struct csv_reader *s = r->state;
    const struct csv_index *x = &s->index;
    uint32_t n_cells = last - first + 1;
    const uint8_t *end = x->base + x->at[last];
    bool usual = n_cells == s->n_columns && (size_t)(end - p) < r->row_bytes && !r->validate;
    if (__builtin_expect(!usual, 0) && !check_record(r, p, end + 1, n_cells))
        return false;
    for (uint32_t k = 0; k < s->n_wanted && s->wanted[k].index < n_cells; k++) {
        const struct csv_column *c = &s->wanted[k];
        uint32_t at = first + c->index;
        const uint8_t *cell = c->index ? x->base + x->at[at - 1] + 1 : p;
        const uint8_t *cell_end = x->base + x->at[at];
        if (at == last && cell_end > cell && cell_end[-1] == '\r')
            cell_end--;
        if (!csv_put_cell(r, &s->dialect, c, cell, cell_end, b, row))
            return false;
    }
    reader_span(b, row, p, end + 1);
    r->p = end + 1;
    return true;
}

/* The records of the window at r->p, up to a full block. False: at a fault. */
static bool read_window(struct reader *r, struct csv_reader *s, struct block *b, uint32_t *n) {
    const struct csv_index *x = &s->index;
    uint32_t first = 0;
    for (uint32_t i = 0; i < x->n_ends && *n < b->rows; i++) {
        uint32_t last = x->ends[i];
        const uint8_t *p = r->p, *end = x->base + x->at[last];
        if (first == last && s->n_columns > 1 && is_blank(p, end))
            r->p = end + 1;
        else if (read_record(r, p, first, last, b, *n))
            ++*n;
        else
            return false;
        first = last + 1;
    }
    return true;
}

uint32_t csv_read_records(struct reader *r, struct block *b) {
    struct csv_reader *s = r->state;
    uint32_t n = 0;
    while (n < b->rows && r->p < r->end) {
        const uint8_t *start = r->p;
        csv_index(&s->index, &s->dialect, r->p, r->end, s->portable);
        if (!read_window(r, s, b, &n) || n == b->rows)
            break;
        if (r->p != start && !s->index.bad && r->p < r->end &&
            (size_t)(r->end - start) > CSV_WINDOW_BYTES)
            continue; /* the window ended inside a record, and begins with it now */
        bool is_row;
        if (r->p == r->end || !read_slowly(r, b, n, &is_row))
            break;
        n += is_row;
    }
    return n;
}

/* --- all of it --- */

/* The mark of the encoding. False: more must come, or a fault. */
static bool begin(struct reader *r) {
    static const uint8_t BOM[] = {0xEF, 0xBB, 0xBF};
    size_t n = (size_t)(r->end - r->p), k = n < sizeof BOM ? n : sizeof BOM;
    if (n > 0 && *r->p >= 0xFE)
        return reader_fail(r, E_ROW_INVALID, r->p, "the input is UTF-16: make it UTF-8 first");
    bool mark = n > 0 && memcmp(r->p, BOM, k) == 0;
    if (n == 0 || (mark && k < sizeof BOM))
        return r->last;
    r->p += mark ? sizeof BOM : 0;
    return r->begun = true;
}

static uint32_t csv_fill(struct reader *r, struct block *b);
static bool csv_skip(struct reader *r);
static void csv_done(struct reader *r);

static const struct str *csv_columns(const struct reader *r, uint32_t *ret_n) {
    const struct csv_reader *s = r->state;
    *ret_n = s->n_columns;
    return s->columns;
}

static bool csv_restart(struct reader *r) {
    struct csv_reader *s = r->state;
    s->broken_bytes = 0;
    return true;
}

/* without it there are no rows */
static const struct reader_ops HEADER = {.fill = csv_fill, .done = csv_done};
static const struct reader_ops ROWS = {.fill = csv_fill,
                                       .skip = csv_skip,
                                       .done = csv_done,
                                       .columns = csv_columns,
                                       .restart = csv_restart};

static uint32_t csv_fill(struct reader *r, struct block *b) {
    struct csv_reader *s = r->state;
    if ((!r->begun && !begin(r)) || (!s->has_columns && !csv_find_columns(r)))
        return 0;
    r->ops = &ROWS;
    if (r->sought > 0 && !r->last && !csv_has_grown(r))
        return 0;
    r->sought = 0;
    uint32_t n = s->rows ? csv_read_rows(r, b) : csv_read_records(r, b);
    if (n < b->rows && r->status == E_OK && r->p < r->end)
        csv_has_grown(r);
    return n;
}

/* Behind the record where its end is known. Otherwise quotes are wrong in it, and the next record
 * begins behind the next line feed from the fault on. */
static bool csv_skip(struct reader *r) {
    struct csv_reader *s = r->state;
    size_t n = (size_t)(r->end - r->p), known = s->broken_bytes;
    s->broken_bytes = 0;
    if (known > 0 && !r->skipping) {
        r->p += known < n ? known : n;
        return known <= n;
    }
    const uint8_t *from = r->p + (r->sought < n ? r->sought : n);
    const uint8_t *end = from < r->end ? memchr(from, '\n', (size_t)(r->end - from)) : NULL;
    r->p = end ? end + 1 : r->end;
    return end || r->last;
}

static void csv_done(struct reader *r) {
    const struct csv_reader *s = r->state;
    csv_rows_done(s->rows);
}

bool csv_reader_init(struct reader *r, const struct reader_options *o) {
    struct csv_reader *s = arena_new(r->arena, struct csv_reader);
    r->ops = &HEADER;
    r->state = s;
    if (!s)
        return false;
    s->options = o->csv;
    s->dialect = (struct csv_dialect){
        .delimiter = o->csv.delimiter ? o->csv.delimiter : ',',
        .quote = o->csv.quote ? o->csv.quote : '"',
        .quotes = !o->csv.no_quotes,
    };
    s->portable = r->simd >= SIMD_BASE || !csv_index_is_fast();
    uint8_t d = s->dialect.delimiter, q = s->dialect.quote;
    return d != '\n' && d != '\r' && q != '\n' && q != '\r' && (d != q || o->csv.no_quotes);
}

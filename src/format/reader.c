/* See reader.h: what all formats have in common. */
#include "format/reader.h"

#include "value/mp.h"

#include <stdio.h>

#define ROW_BYTES_MOST ((size_t)1 << 31) /* lengths in a block have 32 bits */

bool reader_init(struct reader *r, struct arena *a, const struct fields *fields,
                 const struct reader_options *o) {
    *r = (struct reader){
        .fields = fields,
        .validate = o->validate,
        .simd = o->simd,
        .row_depth = o->row_depth < MP_DEPTH_MOST ? o->row_depth : MP_DEPTH_MOST,
        .row_fields = o->row_fields,
        .row_bytes =
            o->row_bytes > 0 && o->row_bytes < ROW_BYTES_MOST ? o->row_bytes : ROW_BYTES_MOST,
        .arena = a,
    };
    arena_init(&r->values, a->budget);
    r->c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    bool made = false;
    if (r->c && o->format == FORMAT_MSGPACK)
        made = msgpack_reader_init(r, o);
    else if (r->c && o->format == FORMAT_JSONL)
        made = json_reader_init(r, o);
    else if (r->c && o->format == FORMAT_CSV)
        made = csv_reader_init(r, o);
    if (!made)
        reader_done(r);
    return made;
}

void reader_done(struct reader *r) {
    arena_done(&r->values);
    if (r->ops && r->ops->done && r->state)
        r->ops->done(r);
    r->state = NULL;
    if (r->c)
        freelocale(r->c);
    r->c = (locale_t)0;
}

const struct str *reader_columns(const struct reader *r, uint32_t *ret_n) {
    *ret_n = 0;
    return r->ops->columns ? r->ops->columns(r, ret_n) : NULL;
}

const void *reader_fail(struct reader *r, enum status status, const uint8_t *at, const char *why) {
    r->status = status;
    r->fault = at;
    r->why = why;
    return NULL;
}

/* The input of one call. */
static void begin(struct reader *r, const uint8_t *p, const uint8_t *end) {
    r->start = r->p = p;
    r->end = end;
}

/* How far the call came. */
static const uint8_t *finish(struct reader *r) {
    r->offset += (uint64_t)(r->p - r->start);
    return r->p;
}

/* The values of all n rows, for a block that does not defer. */
static void load_all(struct reader *r, struct block *b, uint32_t n) {
    for (uint32_t i = 0; i < r->fields->n_slots; i++)
        if (!block_load(b, i, NULL, n)) {
            reader_fail(r, E_MEMORY, r->start, NULL);
            return;
        }
}

/* What was put of row n, which is broken or not all there, goes. */
static void leave_row(const struct reader *r, struct block *b, uint32_t n) {
    for (uint32_t i = 0; n < b->rows && i < r->fields->n_slots; i++)
        b->columns[i].tag[n] = T_MISSING;
}

const uint8_t *reader_fill(struct reader *r, const uint8_t *p, const uint8_t *end, bool last,
                           struct block *b, uint32_t *ret_n) {
    *ret_n = 0;
    if (r->status != E_OK)
        return p;
    begin(r, p, end);
    r->last = last;
    r->fault = NULL;
    if (r->sought > (size_t)(end - p)) /* not the bytes that were left: nothing is known of these */
        r->sought = 0;
    arena_reset(&r->values);
    if (r->skipping)
        r->skipping = !r->ops->skip(r);
    if (!r->skipping)
        *ret_n = r->ops->fill(r, b);
    leave_row(r, b, *ret_n);
    if (!b->defers)
        load_all(r, b, *ret_n);
    r->rows += *ret_n;
    if (r->status == E_OK && !last && (size_t)(end - r->p) > r->row_bytes && *ret_n < b->rows)
        reader_fail(r, E_ROW_TOO_LONG, r->p, NULL);
    return finish(r);
}

const uint8_t *reader_skip(struct reader *r, const uint8_t *p, const uint8_t *end) {
    if (r->status == E_OK || r->status == E_MEMORY || !r->ops->skip)
        return NULL;
    r->sought = (size_t)(r->fault - r->p);
    r->status = E_OK;
    begin(r, p, end);
    r->skipping = !r->ops->skip(r);
    r->sought = 0;
    r->skipped++;
    return finish(r);
}

bool reader_restart(struct reader *r) {
    if (r->status == E_MEMORY || !r->ops->restart || !r->ops->restart(r))
        return false;
    r->status = E_OK;
    r->fault = NULL;
    r->why = NULL;
    r->sought = 0;
    r->skipping = false;
    r->begun = true;
    return true;
}

uint64_t reader_fault_offset(const struct reader *r) {
    /* finish has moved the offset from the start of the fill to where it stopped */
    return r->offset - (uint64_t)(r->p - r->start) + (uint64_t)(r->fault - r->start);
}

enum status reader_error(const struct reader *r, struct error *e) {
    if (r->status == E_OK)
        return E_OK;
    if (r->status == E_MEMORY)
        return error_set(e, E_MEMORY, "out of memory for the values of rows");
    uint64_t row = r->rows + r->skipped, offset = reader_fault_offset(r);
    if (r->status == E_ROW_TOO_WIDE)
        error_limit(e, r->status, "row_fields", r->row_fields, ERROR_NONE);
    else if (r->status == E_ROW_TOO_DEEP)
        error_limit(e, r->status, "row_depth", r->row_depth, ERROR_NONE);
    else if (r->status == E_ROW_TOO_LONG)
        error_limit(e, r->status, "row_bytes", r->row_bytes, ERROR_NONE);
    else
        error_set(e, r->status, "row %llu: %s, at byte %llu", (unsigned long long)row,
                  r->why ? r->why : status_text(r->status), (unsigned long long)offset);
    if (e && e->offset == ERROR_NONE) {
        e->row = row;
        e->offset = offset;
    }
    return r->status;
}

/* See result.h. */
#include "engine/result.h"

#include "base/bitmap.h"

#include <endian.h>

static const char *const NAMES[RESULT_KINDS] = {"indices", "bitmap", "auto",   "count",
                                                "rows",    "spans",  "runs",   "pieces",
                                                "columns", "counts", "numbers"};

const char *result_kind_name(enum result_kind kind) { return NAMES[kind]; }

bool result_tells_offsets(enum result_kind kind) {
    return kind == RESULT_SPANS || kind == RESULT_RUNS || kind == RESULT_PIECES;
}

bool result_kind_find(struct str name, enum result_kind *ret) {
    for (int i = 0; i < RESULT_KINDS; i++)
        if (str_is(name, NAMES[i])) {
            *ret = (enum result_kind)i;
            return true;
        }
    return false;
}

enum result_kind result_choose(struct result *r, uint32_t run_bytes) {
    if (r->kind != RESULT_PIECES)
        return r->kind == RESULT_AUTO ? RESULT_INDICES : r->kind;
    r->copies = r->run_before > 0 && r->run_before < run_bytes;
    return r->copies ? RESULT_ROWS : RESULT_RUNS;
}

enum result_kind result_begin(struct result *r, uint64_t base, uint32_t run_bytes) {
    if (r->runs > 0)
        r->run_before = r->run_bytes / r->runs;
    r->base = base;
    r->rows = 0;
    r->matched = 0;
    r->runs = r->run_bytes = 0;
    return result_choose(r, run_bytes);
}

static void add_indices(const struct result *r, const uint16_t *matches, uint32_t n,
                        struct buf *data) {
    if (!buf_reserve(data, 4 * (size_t)n))
        return;
    uint8_t *out = data->data + data->len;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t le = htole32(r->rows + matches[i]);
        memcpy(out + 4 * (size_t)i, &le, 4);
    }
    data->len += 4 * (size_t)n;
}

static void add_bits(const struct result *r, uint32_t n_rows, const uint16_t *matches, uint32_t n,
                     struct buf *data, size_t at) {
    size_t need = at + bitmap_bytes((size_t)r->rows + n_rows);
    if (need > data->len) {
        if (!buf_reserve(data, need - data->len))
            return;
        memset(data->data + data->len, 0, need - data->len);
        data->len = need;
    }
    for (uint32_t i = 0; i < n; i++)
        bitmap_set(data->data + at, (size_t)r->rows + matches[i]);
}

static void put_span(const struct result *r, uint8_t *out, const uint8_t *p, size_t n) {
    uint64_t le[2] = {htole64(r->origin_offset + (uint64_t)(p - r->origin)), htole64(n)};
    memcpy(out, le, sizeof le);
}

size_t result_row_bytes(const struct result *r, const struct block *b, const uint16_t *matches,
                        uint32_t n) {
    size_t bytes = 0;
    for (uint32_t i = 0; i < n; i++)
        bytes += b->spans[matches[i]].n;
    return bytes + (r->lines ? n : 0); /* there may be ends of lines to be added */
}

/* Rows that stand one behind the other in the payload together: their bytes, or where they are. */
static void add_runs(struct result *r, const struct block *b, const uint16_t *matches, uint32_t n,
                     bool copies, struct buf *data) {
    if (!copies && !buf_reserve(data, 16 * (size_t)n))
        return;
    for (uint32_t i = 0; i < n;) {
        const struct span *first = &b->spans[matches[i]];
        const uint8_t *end = first->p + first->n;
        for (i++; i < n && b->spans[matches[i]].p == end; i++)
            end += b->spans[matches[i]].n;
        size_t bytes = (size_t)(end - first->p);
        r->runs++;
        r->run_bytes += bytes;
        if (!copies) {
            put_span(r, data->data + data->len, first->p, bytes);
            data->len += 16;
            continue;
        }
        buf_add(data, first->p, bytes);
        if (r->lines && bytes > 0 && end[-1] != '\n')
            buf_byte(data, '\n');
    }
}

static void add_spans(const struct result *r, const struct block *b, const uint16_t *matches,
                      uint32_t n, struct buf *data) {
    if (!buf_reserve(data, 16 * (size_t)n))
        return;
    uint8_t *out = data->data + data->len;
    for (uint32_t i = 0; i < n; i++)
        put_span(r, out + 16 * (size_t)i, b->spans[matches[i]].p, b->spans[matches[i]].n);
    data->len += 16 * (size_t)n;
}

void result_add(struct result *r, const struct block *b, uint32_t n_rows, const uint16_t *matches,
                uint32_t n_matches, struct buf *data, size_t at) {
    if (r->kind == RESULT_ROWS || r->kind == RESULT_RUNS || r->kind == RESULT_PIECES)
        add_runs(r, b, matches, n_matches,
                 r->kind == RESULT_ROWS || (r->kind == RESULT_PIECES && r->copies), data);
    else if (r->kind == RESULT_SPANS)
        add_spans(r, b, matches, n_matches, data);
    else if (r->kind == RESULT_BITMAP)
        add_bits(r, n_rows, matches, n_matches, data, at);
    else if (r->kind != RESULT_COUNT)
        add_indices(r, matches, n_matches, data);
    r->rows += n_rows;
    r->matched += n_matches;
}

/* Indices become bits where they lie: bit positions never pass the index that is being read, once
 * the bitmap is smaller than the list; so the bits are gathered in a second stretch behind and
 * moved down. */
static void to_bitmap(const struct result *r, struct buf *data, size_t at) {
    size_t bytes = bitmap_bytes(r->rows);
    if (!buf_reserve(data, bytes))
        return;
    uint8_t *bits = data->data + data->len;
    memset(bits, 0, bytes);
    for (uint32_t i = 0; i < r->matched; i++) {
        uint32_t le;
        memcpy(&le, data->data + at + 4 * (size_t)i, 4);
        bitmap_set(bits, le32toh(le));
    }
    memmove(data->data + at, bits, bytes);
    data->len = at + bytes;
}

enum result_kind result_end(struct result *r, struct buf *data, size_t at) {
    if (r->kind == RESULT_PIECES)
        return r->copies ? RESULT_ROWS : RESULT_RUNS;
    if (r->kind != RESULT_AUTO)
        return r->kind;
    if (bitmap_bytes(r->rows) >= 4 * (size_t)r->matched)
        return RESULT_INDICES;
    to_bitmap(r, data, at);
    return RESULT_BITMAP;
}

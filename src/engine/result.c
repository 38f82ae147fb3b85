/* See result.h. */
#include "engine/result.h"

#include "base/bitmap.h"

#include <endian.h>

static const char *const NAMES[RESULT_KINDS] = {"indices", "bitmap", "auto",    "count",
                                                "rows",    "spans",  "columns", "counts"};

const char *result_kind_name(enum result_kind kind) { return NAMES[kind]; }

bool result_kind_find(struct str name, enum result_kind *ret) {
    for (int i = 0; i < RESULT_KINDS; i++)
        if (str_is(name, NAMES[i])) {
            *ret = (enum result_kind)i;
            return true;
        }
    return false;
}

void result_begin(struct result *r, uint64_t base) {
    r->base = base;
    r->rows = 0;
    r->matched = 0;
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

/* Rows that stand one behind the other in the payload are copied together. */
static void add_rows(const struct result *r, const struct block *b, const uint16_t *matches,
                     uint32_t n, struct buf *data) {
    for (uint32_t i = 0; i < n;) {
        const struct span *first = &b->spans[matches[i]];
        const uint8_t *end = first->p + first->n;
        for (i++; i < n && b->spans[matches[i]].p == end; i++)
            end += b->spans[matches[i]].n;
        buf_add(data, first->p, (size_t)(end - first->p));
        if (r->lines && end > first->p && end[-1] != '\n')
            buf_byte(data, '\n');
    }
}

static void add_spans(const struct result *r, const struct block *b, const uint16_t *matches,
                      uint32_t n, struct buf *data) {
    if (!buf_reserve(data, 16 * (size_t)n))
        return;
    uint8_t *out = data->data + data->len;
    for (uint32_t i = 0; i < n; i++) {
        const struct span *span = &b->spans[matches[i]];
        uint64_t le[2] = {htole64(r->origin_offset + (uint64_t)(span->p - r->origin)),
                          htole64(span->n)};
        memcpy(out + 16 * (size_t)i, le, 16);
    }
    data->len += 16 * (size_t)n;
}

void result_add(struct result *r, const struct block *b, uint32_t n_rows, const uint16_t *matches,
                uint32_t n_matches, struct buf *data, size_t at) {
    if (r->kind == RESULT_ROWS)
        add_rows(r, b, matches, n_matches, data);
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
    if (r->kind != RESULT_AUTO)
        return r->kind;
    if (bitmap_bytes(r->rows) >= 4 * (size_t)r->matched)
        return RESULT_INDICES;
    to_bitmap(r, data, at);
    return RESULT_BITMAP;
}

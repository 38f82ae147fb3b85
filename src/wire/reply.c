/* See reply.h. */
#include "wire/reply.h"

#include "base/utf8.h"

#include <endian.h>

size_t reply_begin(struct buf *b, enum message_kind kind, uint32_t id, uint32_t n) {
    size_t mark = b->len;
    buf_add(b, "\0\0\0\0", 4);
    mp_write_array(b, n);
    mp_write_uint(b, kind);
    mp_write_uint(b, id);
    return mark;
}

bool reply_end(struct buf *b, size_t mark) {
    if (buf_failed(b) || b->len - mark - 4 > UINT32_MAX) {
        b->failed = false;
        b->len = mark;
        return false;
    }
    uint32_t n = htobe32((uint32_t)(b->len - mark - 4));
    memcpy(b->data + mark, &n, 4);
    return true;
}

static void write_number(struct buf *b, const char *key, uint64_t v) {
    if (v == ERROR_NONE)
        return;
    mp_write_text(b, key);
    mp_write_uint(b, v);
}

/* What a peer sent is quoted, perhaps cut: what goes out is UTF-8 whatever came in. */
static void write_text(struct buf *b, const char *key, const char *text) {
    uint8_t clean[ERROR_TEXT_BYTES];
    size_t n = strnlen(text, sizeof clean), step;
    if (n == 0)
        return;
    memcpy(clean, text, n);
    for (size_t i = 0; i < n; i += step) {
        uint32_t cp;
        step = utf8_decode(clean + i, n - i, &cp);
        if (cp == UINT32_MAX)
            clean[i] = '?';
    }
    mp_write_text(b, key);
    mp_write_str(b, (const char *)clean, n);
}

void reply_error_map(struct buf *b, const struct error *e) {
    bool has_pos = e->pos != ERROR_NONE;
    uint32_t n = 3 + 2 * has_pos + (*e->near_text != 0) + (*e->suggestion != 0) +
                 (e->row != ERROR_NONE) + (e->offset != ERROR_NONE) + (e->limit != ERROR_NONE) +
                 (e->actual != ERROR_NONE);
    mp_write_map(b, n);
    mp_write_text(b, "code");
    mp_write_uint(b, e->status);
    mp_write_text(b, "name");
    mp_write_text(b, status_name(e->status));
    write_text(b, "message", *e->message ? e->message : status_text(e->status));
    write_number(b, "pos", e->pos);
    write_number(b, "length", has_pos ? e->length : ERROR_NONE);
    write_text(b, "near", e->near_text);
    write_text(b, "suggestion", e->suggestion);
    write_number(b, "row", e->row);
    write_number(b, "offset", e->offset);
    write_number(b, "limit", e->limit);
    write_number(b, "actual", e->actual);
}

bool reply_error(struct buf *b, uint32_t id, const struct error *e) {
    size_t mark = reply_begin(b, MESSAGE_ERROR, id, 3);
    reply_error_map(b, e);
    return reply_end(b, mark);
}

void reply_counts(struct buf *b, const struct reply_counts *c) {
    MP_WRITE_WORD(b, "matched");
    mp_write_uint(b, c->matched);
    MP_WRITE_WORD(b, "rows");
    mp_write_uint(b, c->rows);
    MP_WRITE_WORD(b, "type_mismatch");
    mp_write_uint(b, c->type_mismatch);
    MP_WRITE_WORD(b, "undefined");
    mp_write_uint(b, c->undefined);
    MP_WRITE_WORD(b, "limit_reached");
    mp_write_bool(b, c->limit_reached);
}

void reply_warnings(struct buf *b, const struct warning *warnings, uint32_t n) {
    if (n == 0)
        return;
    mp_write_text(b, "warnings");
    mp_write_array(b, n);
    for (uint32_t i = 0; i < n; i++) {
        const struct warning *w = &warnings[i];
        bool has_pos = w->pos != ERROR_NONE;
        mp_write_map(b, 3 + 2 * has_pos + (*w->near_text != 0) + (*w->suggestion != 0));
        mp_write_text(b, "code");
        mp_write_uint(b, w->code);
        mp_write_text(b, "name");
        mp_write_text(b, warning_name(w->code));
        mp_write_text(b, "message");
        mp_write_text(b, warning_text(w->code));
        write_number(b, "pos", w->pos);
        write_number(b, "length", has_pos ? w->length : ERROR_NONE);
        write_text(b, "near", w->near_text);
        write_text(b, "suggestion", w->suggestion);
    }
}

/* Before the data: length, array, kind, id, kind's name, base, rows and bin header, and the number
 * of the query, if there is one. All but the name are of fixed width. */
enum { HEAD_BYTES = 4 + 1 + 1 + 5 + 1 + 9 + 5 + 5, QUERY_BYTES = 5 };

void reply_result_begin(struct reply_result *r, struct buf *b, uint32_t id, uint32_t query,
                        const char *kind) {
    size_t room = HEAD_BYTES + strlen(kind) + (query == REPLY_OF_ALL ? 0 : QUERY_BYTES);
    *r = (struct reply_result){.mark = b->len, .data = b->len + room, .id = id, .query = query};
    if (buf_reserve(b, room)) {
        memset(b->data + b->len, 0, room);
        b->len += room;
    }
}

static uint8_t *put_be(uint8_t *p, uint8_t header, uint64_t v, unsigned bytes) {
    *p++ = header;
    for (unsigned i = bytes; i-- > 0;)
        *p++ = (uint8_t)(v >> (8 * i));
    return p;
}

bool reply_result_end(const struct reply_result *r, struct buf *b, const char *kind, uint64_t base,
                      uint32_t rows) {
    if (buf_failed(b) || b->len - r->mark > UINT32_MAX) {
        b->failed = false;
        b->len = r->mark;
        return false;
    }
    size_t kind_bytes = strlen(kind), data_bytes = b->len - r->data;
    uint8_t *p = b->data + r->mark + 4;
    bool of_all = r->query == REPLY_OF_ALL;
    *p++ = of_all ? 0x96 : 0x97;
    *p++ = of_all ? MESSAGE_RESULT : MESSAGE_RESULT_OF;
    p = put_be(p, 0xCE, r->id, 4);
    if (!of_all)
        p = put_be(p, 0xCE, r->query, 4);
    *p++ = (uint8_t)(0xA0 | kind_bytes);
    memcpy(p, kind, kind_bytes);
    p = put_be(p + kind_bytes, 0xCF, base, 8);
    p = put_be(p, 0xCE, rows, 4);
    p = put_be(p, 0xC6, data_bytes, 4);
    if (p != b->data + r->data) { /* close the gap that a shorter name leaves */
        memmove(p, b->data + r->data, data_bytes);
        b->len = (size_t)(p - b->data) + data_bytes;
    }
    return reply_end(b, r->mark);
}

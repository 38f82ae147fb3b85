/* Reading and writing single msgpack values.
 *
 * A struct mp_reader walks bytes with a sticky error: read as many items as you like, check
 * r->status once. After an error every read gives a missing value and the position stays where the
 * error is. Nothing is allocated, nothing is copied; strings and nested values point into the
 * input. Counts are checked against the bytes left (an element has at least one byte) before they
 * are believed. The fast row scanner is in format/; this is for envelopes, literals and the slow
 * paths.
 */
#ifndef TAMIS_VALUE_MP_H
#define TAMIS_VALUE_MP_H

#include "base/buf.h"
#include "base/status.h"
#include "value/value.h"

struct mp_reader {
    const uint8_t *start, *p, *end;
    uint32_t depth_limit;  /* nesting that mp_read_value and mp_skip accept */
    uint32_t fields_limit; /* pairs of one map that they accept; mp_reader_init sets UINT32_MAX */
    enum status status; /* E_OK, E_ROW_TRUNCATED, E_ROW_INVALID, E_ROW_TOO_DEEP or E_ROW_TOO_WIDE */
    const uint8_t *fault; /* where it is wrong */
};

#define MP_DEPTH_MOST 1024u

void mp_reader_init(struct mp_reader *r, const void *p, size_t n, uint32_t depth_limit);

static inline size_t mp_offset(const struct mp_reader *r) {
    return (size_t)((r->fault ? r->fault : r->p) - r->start);
}
static inline bool mp_at_end(const struct mp_reader *r) { return r->p == r->end; }

/* One whole value. ARRAY and MAP come as their encoded bytes, checked to be well-formed and within
 * the depth limit. */
struct value mp_read_value(struct mp_reader *r);

/* Enters an array or a map: reads the header and gives the number of elements or pairs. Any other
 * type is E_ROW_INVALID with the position of that value, and 0. */
uint32_t mp_read_array(struct mp_reader *r);
uint32_t mp_read_map(struct mp_reader *r);

/* What stands next, without moving; T_MISSING at the end or after an error. INT stands for every
 * integer. */
enum value_type mp_peek(const struct mp_reader *r);

/* Steps over one value, checking it. Iterative. */
void mp_skip(struct mp_reader *r);

/* Header of an encoded ARRAY or MAP value (which mp_read_value has checked): the count, and
 * *ret_body after the header. */
uint32_t mp_container(struct value v, const uint8_t **ret_body);

/* A reader over the elements of an encoded ARRAY or MAP value; *ret_count elements or pairs. */
void mp_enter(struct mp_reader *r, struct value v, uint32_t *ret_count);

/* Writers. Shortest forms. */
void mp_write_nil(struct buf *b);
void mp_write_bool(struct buf *b, bool v);
void mp_write_int(struct buf *b, int64_t v);
void mp_write_uint(struct buf *b, uint64_t v);
void mp_write_double(struct buf *b, double v);
void mp_write_str(struct buf *b, const char *p, size_t n);
void mp_write_text(struct buf *b, const char *text);
/* The same of a literal of less than 32 bytes, which is copied in one go. */
#define MP_WRITE_WORD(b, literal)                                                                  \
    do {                                                                                           \
        _Static_assert(sizeof(literal) <= 32, "not a short string");                               \
        mp_write_short((b), "" literal, sizeof(literal) - 1);                                      \
    } while (0)
static inline void mp_write_short(struct buf *b, const char *p, size_t n) {
    if (!buf_reserve(b, n + 1))
        return;
    b->data[b->len] = (uint8_t)(0xA0 | n);
    memcpy(b->data + b->len + 1, p, n);
    b->len += n + 1;
}
void mp_write_bin(struct buf *b, const void *p, size_t n);
void mp_write_array(struct buf *b, uint32_t count);
void mp_write_map(struct buf *b, uint32_t count);
void mp_write_value(struct buf *b, struct value v); /* missing is written as nil */

#endif

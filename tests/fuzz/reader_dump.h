/* What a row reader makes of an input, as text: the tests of format/ and the fuzz targets compare
 * it with what it should be, and with what the same reader makes of the same bytes in other pieces.
 *
 * A line a row: its bytes in hexadecimal, then each wanted value. At a fault a line with the code,
 * the row, the offset and what is wrong. At the end the counts. Every fill gets its input in a
 * block of its exact size, so that a sanitizer sees one byte read too far. */
#ifndef TAMIS_TESTS_READER_DUMP_H
#define TAMIS_TESTS_READER_DUMP_H

#include "format/reader.h"

#include "base/buf.h"
#include "fuzz.h"

#include <inttypes.h>
#include <string.h>

struct dump {
    const struct fields *fields;
    struct reader_options options;
    size_t piece_bytes; /* of input that comes at once; 0: all */
    bool skip;          /* over broken rows */
    bool plain;         /* for people: no bytes of the row, strings and doubles to be read */
    bool defers;        /* the block does: every third row's values are asked for, then all */
};

static inline void dump_hex(struct buf *out, const uint8_t *p, size_t n) {
    for (size_t i = 0; i < n; i++)
        buf_printf(out, "%02x", p[i]);
}

static inline void dump_value(struct buf *out, struct value v) {
    static const char NAMES[] = "mnbiudsxAMte"; /* by enum value_type */
    buf_printf(out, " %c", NAMES[v.type]);
    switch ((enum value_type)v.type) {
    case T_BOOL:
    case T_INT:
        buf_printf(out, "%" PRId64, v.w.i);
        break;
    case T_UINT:
        buf_printf(out, "%" PRIu64, v.w.u);
        break;
    case T_DOUBLE:
        buf_printf(out, "%016" PRIx64, v.w.u);
        break;
    case T_TIMESTAMP:
        buf_printf(out, "%" PRId64 ".%09u", v.w.i, v.n);
        break;
    case T_MISSING:
    case T_NULL:
    case T_COUNT:
        break;
    default:
        dump_hex(out, v.w.p, v.n);
    }
}

static inline void dump_plain(struct buf *out, struct value v) {
    if (v.type == T_STR)
        buf_printf(out, " '%.*s'", (int)v.n, (const char *)v.w.p);
    else if (v.type == T_DOUBLE)
        buf_printf(out, " %.17gd", v.w.d);
    else
        dump_value(out, v);
}

/* Makes the values of a block that defers, and sees to it that `seen` knows their types. */
static inline void dump_load(const struct dump *d, struct block *b, uint32_t n) {
    uint16_t some[BLOCK_ROWS];
    uint32_t n_some = 0;
    for (uint32_t row = n % 2; row < n; row += 3)
        some[n_some++] = (uint16_t)row;
    block_seal(b, d->fields->n_slots, n);
    for (uint32_t i = 0; i < d->fields->n_slots; i++) {
        struct column *c = &b->columns[i];
        FUZZ_CHECK(block_load(b, i, some, n_some));
        for (uint32_t k = 0; k < n_some; k++)
            FUZZ_CHECK(c->tag[some[k]] != TAG_DEFERRED && (c->seen & SEEN(c->tag[some[k]])));
        FUZZ_CHECK(block_load(b, i, NULL, n) && !c->deferred);
        for (uint32_t row = 0; row < n; row++)
            FUZZ_CHECK(c->tag[row] != TAG_DEFERRED && (c->seen & SEEN(c->tag[row])));
    }
}

static inline void dump_rows(struct buf *out, const struct dump *d, struct block *b, uint32_t n) {
    if (d->defers)
        dump_load(d, b, n);
    for (uint32_t row = 0; row < n; row++) {
        buf_add_text(out, d->plain ? "-" : "row ");
        if (!d->plain)
            dump_hex(out, b->spans[row].p, b->spans[row].n);
        for (uint32_t i = 0; i < d->fields->n_slots; i++)
            (d->plain ? dump_plain : dump_value)(out, column_get(&b->columns[i], row));
        buf_byte(out, '\n');
    }
}

/* True: reading goes on behind the broken row. */
static inline bool dump_fault(struct buf *out, const struct dump *d, struct reader *r,
                              const uint8_t **p, const uint8_t *end) {
    struct error e;
    error_clear(&e);
    FUZZ_CHECK(reader_error(r, &e) == r->status && r->status != E_OK);
    buf_printf(out, "fault %s row %" PRIu64 " at %" PRIu64 ": %s\n", status_name(r->status), e.row,
               e.offset, r->why ? r->why : "");
    const uint8_t *next = d->skip ? reader_skip(r, *p, end) : NULL;
    if (next)
        *p = next;
    return next != NULL;
}

/* Feeds [data, data + size) piece by piece, what is left first. Gives the rows. */
static inline uint64_t dump_feed(struct buf *out, const struct dump *d, struct reader *r,
                                 struct block *b, const uint8_t *data, size_t size) {
    size_t at = 0, fed = 0;
    bool last = false, more = true;
    while (more) {
        fed = d->piece_bytes && size - fed > d->piece_bytes ? fed + d->piece_bytes : size;
        last = fed == size;
        size_t n_bytes = fed - at;
        uint8_t *piece = malloc(n_bytes ? n_bytes : 1);
        FUZZ_CHECK(piece != NULL);
        if (n_bytes > 0)
            memcpy(piece, data + at, n_bytes);
        const uint8_t *p = piece, *end = piece + n_bytes;
        for (;;) {
            uint32_t n;
            block_clear(b, d->fields->n_slots);
            p = reader_fill(r, p, end, last, b, &n);
            FUZZ_CHECK(p >= piece && p <= end && n <= BLOCK_ROWS);
            dump_rows(out, d, b, n);
            if (r->status != E_OK) {
                more = dump_fault(out, d, r, &p, end);
                if (!more)
                    break;
            } else if (n < BLOCK_ROWS) {
                break;
            }
        }
        at += (size_t)(p - piece);
        free(piece);
        more = more && !last;
    }
    return r->rows;
}

/* The whole of it, into out. False: there is no such reader. */
static inline bool dump_reader(struct buf *out, const struct dump *d, const uint8_t *data,
                               size_t size) {
    struct arena arena;
    struct reader r;
    struct block b;
    struct budget budget;
    budget_init(&budget, 0);
    arena_init(&arena, &budget);
    bool made = reader_init(&r, &arena, d->fields, &d->options);
    if (made) {
        FUZZ_CHECK(block_init(&b, d->fields->n_slots, true, &budget));
        b.defers = d->defers;
        dump_feed(out, d, &r, &b, data, size);
        buf_printf(out, "rows %" PRIu64 " skipped %" PRIu64 " unfit %" PRIu64 "\n", r.rows,
                   r.skipped, r.unfit);
        block_done(&b);
    }
    reader_done(&r);
    arena_done(&arena);
    FUZZ_CHECK(budget.used_bytes == 0);
    return made;
}

#endif

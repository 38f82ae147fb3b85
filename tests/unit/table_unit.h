/* What the tests of tables share: values and rows at random, made the same each time. */
#ifndef TAMIS_TESTS_TABLE_UNIT_H
#define TAMIS_TESTS_TABLE_UNIT_H

#include "table/table.h"
#include "value/mp.h"

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

/* xorshift64* (Vigna, 2016). */
struct dice {
    uint64_t state;
};

/* The cells of a column, for which there is memory; NULL: all missing. */
static inline const struct chunk *chunk_of(const struct part *p, uint32_t column) {
    const struct chunk *c = NULL;
    assert_true(part_chunk(p, column, &c));
    return c;
}

static inline uint64_t draw(struct dice *d) {
    d->state ^= d->state >> 12;
    d->state ^= d->state << 25;
    d->state ^= d->state >> 27;
    return d->state * 0x2545F4914F6CDD1Du;
}
static inline uint32_t below(struct dice *d, uint32_t n) { return (uint32_t)(draw(d) >> 32) % n; }

static inline struct limits table_limits(void) {
    struct limits l;
    limits_default(&l);
    return l;
}

/* Adds the rows in a buffer, one map behind the other. */
static inline void add_rows(struct batch *b, const struct buf *rows) {
    const uint8_t *p = rows->data, *end = p + rows->len, *fault;
    struct error e;
    error_clear(&e);
    while (p < end) {
        p = batch_add_map(b, p, end, &fault, &e);
        if (!p)
            fail_msg("%s", e.message);
    }
}

static inline struct batch_counts commit_as(struct batch *b, enum batch_mode mode) {
    struct batch_counts counts = {0};
    struct error e;
    error_clear(&e);
    if (batch_commit(b, mode, &counts, &e) != E_OK)
        fail_msg("%s", e.message);
    return counts;
}

/* All live rows of the table, in order. */
static inline void table_rows(struct table *t, struct buf *out) {
    const struct snapshot *s = table_snapshot(t);
    uint64_t rows = 0;
    for (uint32_t i = 0; i < s->n_parts; i++) {
        const struct part *p = &s->parts[i];
        uint32_t live = 0;
        assert_int_equal(p->first, rows);
        for (uint32_t row = 0; row < p->n; row++) {
            if (!bits_get(p->live, row))
                continue;
            part_row(s, p, row, out);
            live++;
        }
        assert_int_equal(live, p->n_live);
        rows += live;
    }
    assert_int_equal(rows, s->n_rows);
    assert_false(buf_failed(out));
    snapshot_unref(s);
}

static inline void check_rows(struct table *t, const struct buf *want) {
    struct buf got = {0};
    table_rows(t, &got);
    assert_int_equal(got.len, want->len);
    if (want->len)
        assert_memory_equal(got.data, want->data, want->len);
    buf_done(&got);
}

#endif

/* What the tests of columns that stay as they came share: a table of one column. */
#ifndef TAMIS_TESTS_RAW_UNIT_H
#define TAMIS_TESTS_RAW_UNIT_H

#include "chunk_unit.h"
#include "nested_unit.h"
#include "value/array_cell.h"

#include <unistd.h>

static struct peer self; /* the other process is this one */

/* A table of one column and the array that it came as. */
struct trial {
    struct limits limits;
    struct budget budget;
    struct table *table;
    struct batch *batch;
    struct pool pool;
    struct array sent, array; /* some of `sent` is elsewhere */
    struct buf rows;
};

static inline void begin(struct trial *t, struct str key) {
    self.pid = getpid();
    t->limits = table_limits();
    budget_init(&t->budget, 0);
    t->table = table_new(key, &t->limits, &t->budget);
    t->batch = batch_new(t->table);
    t->rows = (struct buf){0};
}

static inline enum status add(struct batch *b, const char *text, const struct array *a) {
    struct error e;
    struct str name = str_of(text);
    error_clear(&e);
    return batch_add_arrays(b, a->n, &name, a, 1, &e);
}

static inline void end(struct trial *t) {
    batch_free(t->batch);
    table_unref(t->table);
    buf_done(&t->rows);
    pool_done(&t->pool);
    assert_int_equal(t->budget.used_bytes, 0);
}

static inline struct str key_text(const struct array *a) {
    struct mp_reader r;
    mp_reader_init(&r, (const uint8_t *)a->key.p, a->key.n, 1);
    return value_as_str(mp_read_value(&r));
}

#endif

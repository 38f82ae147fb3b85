/* See loader.h. */
#include "engine/loader.h"

#include "engine/column_read.h"
#include "engine/nested.h"
#include "value/array_cell.h"

#include <stdlib.h>

struct loader {
    struct batch *batch;
    struct crew *crew;
    struct fetcher fetcher;
    struct arena arena;
    struct fields fields;
    struct block block;
    uint64_t rows;  /* taken so far */
    struct buf row; /* of a template, as a map */
};

struct loader *loader_new(struct table *t, struct budget *budget, struct crew *crew) {
    static const struct path ROW = {NULL, 0};
    struct loader *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    arena_init(&l->arena, budget);
    buf_init(&l->row, budget);
    l->crew = crew;
    l->batch = batch_new(t);
    if (l->batch && fields_build(&l->fields, &l->arena, &ROW, 1) &&
        block_init(&l->block, 1, true, budget)) {
        batch_use_crew(l->batch, crew);
        return l;
    }
    loader_free(l);
    return NULL;
}

void loader_free(struct loader *l) {
    if (!l)
        return;
    batch_free(l->batch);
    fetcher_done(&l->fetcher);
    block_done(&l->block);
    buf_done(&l->row);
    arena_done(&l->arena);
    free(l);
}

const struct fields *loader_fields(const struct loader *l) { return &l->fields; }

struct fetcher *loader_fetcher(struct loader *l, const struct peer *peer) {
    crew_start(l->crew);
    return fetcher_init(&l->fetcher, peer, l->crew, l->arena.budget) ? &l->fetcher : NULL;
}

/* The report of the batch tells the row's number in the batch; the request's is meant. */
static enum status row_error(const struct source *s, uint64_t row, const uint8_t *fault,
                             struct error *e) {
    e->row = row;
    if (fault && fault >= s->message && fault < s->end)
        e->offset = (uint64_t)(fault - s->message);
    return e->status;
}

static enum status add_row(struct loader *l, const struct source *s, const uint8_t *p,
                           const uint8_t *end, struct error *e) {
    const uint8_t *fault = NULL;
    if (batch_add_map(l->batch, p, end, &fault, e)) {
        l->rows++;
        return E_OK;
    }
    return row_error(s, l->rows, fault, e);
}

/* Rows of a template, as many as a block has. */
static enum status take_template(struct loader *l, struct source *s, uint32_t *ret_n,
                                 struct error *e) {
    enum status status = E_OK;
    for (*ret_n = 0; *ret_n < l->block.rows && status == E_OK; ++*ret_n) {
        l->row.len = 0;
        if (!source_map(s, &l->row, e))
            return buf_failed(&l->row) ? error_set(e, E_MEMORY, "out of memory") : e->status;
        status = add_row(l, s, l->row.data, l->row.data + l->row.len, e);
    }
    return status;
}

static int by_name(const void *a, const void *b) {
    const struct sent_column *x = *(const struct sent_column *const *)a,
                             *y = *(const struct sent_column *const *)b;
    int order = str_cmp(x->path.steps[0].key, y->path.steps[0].key);
    return order ? order : (x->number > y->number) - (x->number < y->number);
}

/* The columns of a table: paths of one name, of which the last counts if there are several. */
static enum status read_names(const struct source *s, struct str *names, struct array *arrays,
                              uint32_t *ret_n, struct error *e) {
    const struct sent_column **order = arena_array(s->arena, s->n_columns, sizeof *order);
    bool *loses = arena_zero(s->arena, s->n_columns * sizeof *loses);
    uint32_t n = 0;
    if (!order || !loses)
        return error_set(e, E_MEMORY, "out of memory");
    for (uint32_t i = 0; i < s->n_columns; i++) {
        order[i] = &s->columns[i];
        if (order[i]->path.n != 1 || !order[i]->path.steps[0].key.p)
            return error_set(e, E_BAD_PAYLOAD, "the path of column %u is not a single name",
                             order[i]->number);
    }
    if (s->n_columns > 0)
        qsort(order, s->n_columns, sizeof(struct sent_column *), by_name);
    for (uint32_t i = 0; i + 1 < s->n_columns; i++)
        loses[order[i] - s->columns] =
            str_eq(order[i]->path.steps[0].key, order[i + 1]->path.steps[0].key);
    for (uint32_t i = 0; i < s->n_columns; i++)
        if (!loses[i]) {
            names[n] = s->columns[i].path.steps[0].key;
            arrays[n++] = s->columns[i].array;
        }
    *ret_n = n;
    return E_OK;
}

/* Nested columns have their values written down where they will stand, unless it is not sure that
 * they are allowed to be so many bytes: then it is seen now. */
static enum status check_nested(struct source *s, struct array *arrays, uint32_t n,
                                struct error *e) {
    uint64_t left = s->limits->frame_bytes - s->nested_bytes, bytes;
    uint32_t i = 0;
    for (; i < n; i++) {
        bytes = arrays[i].type >= ARRAY_LIST ? array_cells_most(&arrays[i], 0, s->rows) : 0;
        if (bytes > left)
            break;
        left -= bytes;
    }
    if (i == n)
        return E_OK;
    enum status status = E_OK;
    for (i = 0; i < n && status == E_OK; i++)
        status = nested_to_values(s, &arrays[i], e);
    return status;
}

/* A "columns" payload: all of its rows at once. */
static enum status take_arrays(struct loader *l, struct source *s, uint32_t *ret_n,
                               struct error *e) {
    *ret_n = s->rows - s->done;
    if (*ret_n == 0)
        return E_OK;
    struct str *names = arena_array(s->arena, s->n_columns, sizeof *names);
    struct array *arrays = arena_array(s->arena, s->n_columns, sizeof *arrays);
    if (!names || !arrays)
        return error_set(e, E_MEMORY, "out of memory");
    uint32_t n = 0;
    enum status status = read_names(s, names, arrays, &n, e);
    if (status == E_OK)
        status = check_nested(s, arrays, n, e);
    if (status == E_OK)
        status = batch_add_arrays(l->batch, s->rows, names, arrays, n, e);
    s->done = s->rows;
    l->rows += *ret_n;
    return status;
}

enum status loader_take(struct loader *l, struct source *s, uint32_t *ret_n, struct error *e) {
    if (s->columns)
        return take_arrays(l, s, ret_n, e);
    if (source_is_template(s))
        return take_template(l, s, ret_n, e);
    block_clear(&l->block, 1);
    enum status status = source_fill(s, &l->block, ret_n, e);
    for (uint32_t i = 0; status == E_OK && i < *ret_n; i++) {
        struct value row = column_get(&l->block.columns[0], i);
        status = add_row(l, s, row.w.p, row.w.p + row.n, e);
    }
    return status;
}

bool loader_has_all(const struct source *s) { return s->columns && s->done == s->rows; }

enum status loader_commit(struct loader *l, enum batch_mode mode, struct batch_counts *ret,
                          struct error *e) {
    return batch_commit(l->batch, mode, ret, e);
}

/* See store.h: pieces become fewer.
 *
 * A group of neighbours becomes one segment of their live rows. Groups grow from a seed, a piece of
 * which more than half is deleted or the last one, to neighbours that have less than twice as many
 * rows as the group: so the sizes of small segments at the end of a table are like the digits of a
 * binary counter, and a row is copied O(log n) times (Bentley and Saxe, "Decomposable searching
 * problems I", 1980). */
#include "table/store.h"

#include "kernel/dense.h"
#include "table/spread.h"

/* --- one column --- */

/* All rows of a chunk whose form the cells have, at once. */
static bool put_whole(struct cells *c, uint32_t row, const struct chunk *k) {
    uint32_t n = k->valid ? bits_count(k->valid, k->n) : k->n;
    if (!cells_room(c, k->n))
        return false;
    if (k->kind == CHUNK_INT) {
        int64_t *to = &c->word[c->n].i;
        dense_ops()->widen_i64(k->data, k->n, k->base, k->width, to);
        if (n < k->n)
            gather(to, 8, k->valid, k->n, to);
    } else if (n < k->n) {
        gather(k->data, 8, k->valid, k->n, c->word + c->n);
    } else {
        memcpy(c->word + c->n, k->data, (size_t)n * 8);
    }
    c->n += n;
    return cells_mark_bits(c, row, k->n, k->valid, k->present);
}

static bool is_whole(struct cells *c, const struct chunk *k, const uint64_t *live, bool *ret) {
    *ret = false;
    if (live || (k->kind != CHUNK_INT && k->kind != CHUNK_DOUBLE) || k->is_unsigned)
        return true;
    enum cells_form form = k->kind == CHUNK_INT ? CELLS_INT : CELLS_DOUBLE;
    if (c->n > 0 && c->form != form)
        return true;
    *ret = true;
    return cells_take(c, k->kind == CHUNK_INT ? T_INT : T_DOUBLE);
}

/* Codes of the dictionary that the cells have. */
static bool put_codes(struct cells *c, uint32_t row, const struct chunk *k, const uint64_t *live) {
    if (!cells_room(c, k->n))
        return false;
    c->types |= k->seen & ~SEEN_NONE;
    for (uint32_t i = 0; i < k->n; i++) {
        if (!bits_get(live, i))
            continue;
        bool valid = bits_get(k->valid, i), present = bits_get(k->present, i);
        if (valid)
            c->len[c->n++] = chunk_code(k, i);
        if (present && !cells_mark(c, row, 1, valid, true))
            return false;
        row++;
    }
    return true;
}

bool cells_put_chunk(struct cells *c, uint32_t row, const struct sealed *s, uint32_t n,
                     const uint64_t *live) {
    if (!s)
        return true; /* missing cells are what is not given */
    const struct chunk *k = &s->chunk;
    bool whole;
    if (!is_whole(c, k, live, &whole))
        return false;
    if (whole)
        return put_whole(c, row, k);
    if (k->kind == CHUNK_CODES && c->form == CELLS_CODES && c->dict == s->dict)
        return put_codes(c, row, k, live);
    for (uint32_t i = 0; i < n; i++) {
        if (!bits_get(live, i))
            continue;
        struct value v = chunk_value(k, i);
        if (v.type != T_MISSING && !cells_put(c, row, v))
            return false;
        row++;
    }
    return true;
}

static uint32_t live_rows(const struct piece *p, uint32_t n) {
    uint32_t rows = 0;
    for (uint32_t i = 0; i < n; i++)
        rows += p[i].n_live;
    return rows;
}

/* The dictionary that all values of a column have, or NULL. */
static struct dict *common_dict(const struct piece *p, uint32_t n, uint32_t column) {
    struct dict *dict = NULL;
    for (uint32_t i = 0; i < n; i++) {
        const struct sealed *s = segment_made(p[i].segment, column);
        if (!s || s->chunk.kind == CHUNK_NONE)
            continue;
        if (!s->dict || (dict && s->dict != dict))
            return NULL;
        dict = s->dict;
    }
    return dict;
}

/* The chunk of a column of n pieces, *ret NULL if all is missing. */
static bool merge_column(const struct piece *p, uint32_t n, uint32_t column,
                         struct catalog *catalog, struct sealed **ret) {
    struct cells c;
    uint32_t row = 0;
    bool done = true;
    for (uint32_t i = 0; i < n; i++)
        if (!segment_column_aside(p[i].segment, column))
            return false;
    cells_init(&c, catalog->budget);
    struct dict *dict = common_dict(p, n, column);
    if (dict) { /* nothing is added to it */
        c.dict = dict_ref(dict);
        c.form = CELLS_CODES;
    }
    for (uint32_t i = 0; done && i < n; i++) {
        const uint64_t *live = p[i].live ? p[i].live->words : NULL;
        done = cells_put_chunk(&c, row, segment_made(p[i].segment, column), p[i].segment->n, live);
        row += p[i].n_live;
    }
    *ret = NULL;
    if (done && c.rows > 0) {
        struct code_map map = {0};
        *ret = cells_seal(&c, row);
        done = *ret && sealed_share(ret, catalog->columns[column], &map, c.dropped);
        code_map_done(&map, catalog->budget);
    }
    cells_done(&c);
    return done;
}

static bool merge_numbers(struct segment *s, const struct piece *p, uint32_t n) {
    s->first = p[0].segment->first;
    s->offsets = budget_realloc(s->catalog->budget, NULL, 0, s->n * sizeof *s->offsets);
    if (!s->offsets)
        return false;
    uint32_t to = 0;
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t row = 0; row < p[i].segment->n; row++)
            if (!p[i].live || bits_get(p[i].live->words, row))
                s->offsets[to++] = (uint32_t)(segment_number(p[i].segment, row) - s->first);
    if (s->offsets[s->n - 1] == s->n - 1) { /* nothing has been deleted between */
        budget_free(s->catalog->budget, s->offsets, s->n * sizeof *s->offsets);
        s->offsets = NULL;
    }
    return true;
}

static struct segment *merge(const struct piece *p, uint32_t n, struct catalog *catalog,
                             bool has_key) {
    uint32_t columns = 0;
    for (uint32_t i = 0; i < n; i++)
        columns = p[i].segment->n_columns > columns ? p[i].segment->n_columns : columns;
    struct segment *s = segment_new(catalog, live_rows(p, n), columns);
    if (!s)
        return NULL;
    bool done = !has_key || merge_numbers(s, p, n);
    for (uint32_t i = 0; done && i < columns; i++)
        done = merge_column(p, n, i, catalog, &s->columns[i]);
    if (done)
        return s;
    segment_unref(s);
    return NULL;
}

/* --- which --- */

static bool is_worn(const struct piece *p) { return p->n_live < p->segment->n - p->segment->n / 2; }

/* Bytes of the strings and nested values in the column that has most of them. */
static size_t text_bytes(const struct piece *p) {
    size_t bytes = 0;
    for (uint32_t i = 0; i < p->segment->n_columns; i++) {
        const struct sealed *s = p->segment->columns[i];
        bytes = s && s->text > bytes ? s->text : bytes;
    }
    return bytes;
}

/* Neighbours that become one. */
struct group {
    uint32_t rows;
    size_t bytes;
    uint64_t first, last; /* row numbers */
};

static bool joins(struct group *g, const struct piece *x) {
    size_t bytes = text_bytes(x);
    uint64_t first = x->segment->first < g->first ? x->segment->first : g->first;
    uint64_t last = segment_last(x->segment) > g->last ? segment_last(x->segment) : g->last;
    if (g->rows + (uint64_t)x->n_live > SEGMENT_ROWS || x->n_live >= 2 * (uint64_t)g->rows ||
        g->bytes + bytes > SEGMENT_BYTES || last - first > UINT32_MAX)
        return false;
    *g = (struct group){g->rows + x->n_live, g->bytes + bytes, first, last};
    return true;
}

static void drop(struct piece *p) {
    segment_unref(p->segment);
    live_unref(p->live);
}

/* Takes out the pieces of which nothing is left. */
static void drop_empty(struct pieces *p) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < p->n; i++) {
        if (p->v[i].n_live > 0)
            p->v[kept++] = p->v[i];
        else
            drop(&p->v[i]);
    }
    p->n = kept;
}

/* One pass: v[0 .. done) is finished, v[next .. n) still to come. */
bool pieces_compact(struct pieces *p, struct catalog *catalog, bool has_key) {
    drop_empty(p);
    uint32_t done = 0, next = 0, n = p->n;
    while (next < n) {
        struct piece *v = p->v;
        const struct piece *seed = &v[next];
        bool worn = is_worn(seed);
        if (!worn && next + 1 < n) {
            v[done++] = v[next++];
            continue;
        }
        struct group g = {seed->n_live, text_bytes(seed), seed->segment->first,
                          segment_last(seed->segment)};
        uint32_t end = next + 1, left = 0;
        while (end < n && joins(&g, &v[end]))
            end++;
        while (left < done && joins(&g, &v[done - left - 1]))
            left++;
        if (!worn && left == 0) { /* the last one, alone */
            v[done++] = v[next++];
            continue;
        }
        memmove(v + next - left, v + done - left, left * sizeof *v);
        done -= left;
        next -= left;
        struct segment *s = merge(v + next, end - next, catalog, has_key);
        if (!s)
            break;
        for (; next < end; next++)
            drop(&v[next]);
        v[done++] = (struct piece){.segment = s, .n_live = s->n};
    }
    if (next < n) /* no memory: what is still to come closes up */
        memmove(p->v + done, p->v + next, (n - next) * sizeof *p->v);
    p->n = done + n - next;
    return next == n;
}

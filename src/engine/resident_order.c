/* Rows in an order: a heap of the best offset + limit rows, or all of them, sorted once. See
 * resident_state.h, and PROTOCOL.md for the order of values. */
#include "engine/resident_state.h"

#include "base/sort.h"
#include "value/column.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    uint64_t number; /* in the order of the table, for ties */
    struct row_at row;
    struct value keys[]; /* as many as the order has */
};

struct ranked {
    size_t entry_bytes;
    uint64_t most; /* rows that are kept; UINT64_MAX: all */
    uint64_t n, cap;
    uint8_t *entries;
    uint32_t *sorted;      /* rows in order */
    struct value *scratch; /* keys of BLOCK_ROWS rows */
    struct entry *spare;
    uint64_t seen; /* rows that came by */
    bool is_heap;
};

static struct entry *entry_at(const struct ranked *k, uint64_t i) {
    return (struct entry *)(void *)(k->entries + i * k->entry_bytes);
}

/* Where a value stands among others: the class in the order of PROTOCOL.md, or LAST. */
enum { LAST = 9 };

static int rank_of(struct value v) {
    switch (value_class(v.type)) {
    case CLASS_BOOL:
        return 0;
    case CLASS_NUMBER:
        return value_is_nan(v) ? 2 : 1;
    case CLASS_STR:
        return 3;
    case CLASS_BIN:
        return 4;
    case CLASS_TIMESTAMP:
        return 5;
    default:
        return LAST;
    }
}

static int bytes_order(struct value a, struct value b) {
    uint32_t n = a.n < b.n ? a.n : b.n;
    int order = n > 0 ? memcmp(a.w.p, b.w.p, n) : 0;
    return order ? order : (a.n > b.n) - (a.n < b.n);
}

static int same_rank_order(int rank, struct value a, struct value b) {
    switch (rank) {
    case 1:
        return number_order(a, b);
    case 3:
    case 4:
        return bytes_order(a, b);
    case 5:
        if (a.w.i != b.w.i)
            return a.w.i < b.w.i ? -1 : 1;
        return (a.n > b.n) - (a.n < b.n);
    case 0:
        return (int)(a.w.i - b.w.i);
    default:
        return 0;
    }
}

static int key_order(struct value a, struct value b, bool descending) {
    int x = rank_of(a), y = rank_of(b);
    if (x != y) {
        if (x == LAST || y == LAST)
            return x == LAST ? 1 : -1;
        return (x < y) == descending ? 1 : -1;
    }
    int order = same_rank_order(x, a, b);
    return descending ? -order : order;
}

static int order_of(const struct resident *r, const struct entry *a, const struct entry *b) {
    for (uint32_t i = 0; i < r->q.n_order; i++) {
        int order = key_order(a->keys[i], b->keys[i], r->q.order[i].descending);
        if (order)
            return order;
    }
    return (a->number > b->number) - (a->number < b->number);
}

bool ranked_new(struct resident *r) {
    struct ranked *k = arena_new(&r->arena, struct ranked);
    if (!k)
        return false;
    k->entry_bytes = sizeof(struct entry) + r->q.n_order * sizeof(struct value);
    k->most = UINT64_MAX;
    if (r->q.limit != UINT64_MAX && r->q.limit < UINT64_MAX - r->q.offset)
        k->most = r->q.limit + r->q.offset;
    k->scratch = arena_array(&r->arena, (size_t)r->q.n_order * BLOCK_ROWS, sizeof *k->scratch);
    k->spare = arena_alloc(&r->arena, 2 * k->entry_bytes);
    r->ranked = k;
    return k->scratch && k->spare;
}

void ranked_free(struct resident *r) {
    struct ranked *k = r->ranked;
    if (!k)
        return;
    budget_free(r->budget, k->entries, k->cap * k->entry_bytes);
    budget_free(r->budget, k->sorted, k->sorted ? k->n * sizeof *k->sorted : 0);
}

static bool grow(struct resident *r, struct ranked *k) {
    uint64_t cap = k->cap ? 2 * k->cap : 64;
    if (cap > k->most)
        cap = k->most;
    if (cap > UINT32_MAX)
        return false;
    void *entries =
        budget_realloc(r->budget, k->entries, k->cap * k->entry_bytes, cap * k->entry_bytes);
    if (!entries)
        return false;
    k->entries = entries;
    k->cap = cap;
    return true;
}

/* ---- a heap whose root is the last of the best ---- */

static int heap_order(const struct resident *r, uint64_t a, uint64_t b) {
    return order_of(r, entry_at(r->ranked, a), entry_at(r->ranked, b));
}

static void exchange(struct ranked *k, uint64_t a, uint64_t b) {
    memcpy(k->spare, entry_at(k, a), k->entry_bytes);
    memcpy(entry_at(k, a), entry_at(k, b), k->entry_bytes);
    memcpy(entry_at(k, b), k->spare, k->entry_bytes);
}

static void sink(const struct resident *r, uint64_t at) {
    struct ranked *k = r->ranked;
    for (;;) {
        uint64_t kid = 2 * at + 1;
        if (kid >= k->n)
            return;
        if (kid + 1 < k->n && heap_order(r, kid + 1, kid) > 0)
            kid++;
        if (heap_order(r, kid, at) <= 0)
            return;
        exchange(k, kid, at);
        at = kid;
    }
}

static void make_heap(const struct resident *r) {
    struct ranked *k = r->ranked;
    for (uint64_t i = k->n / 2; i-- > 0;)
        sink(r, i);
    k->is_heap = true;
}

static bool add(struct resident *r, struct row_at row, const struct value *keys) {
    struct ranked *k = r->ranked;
    struct entry *e = (struct entry *)(void *)((uint8_t *)k->spare + k->entry_bytes);
    e->number = k->seen++;
    e->row = row;
    memcpy(e->keys, keys, r->q.n_order * sizeof *keys);
    if (k->n < k->most) {
        if (k->n == k->cap && !grow(r, k))
            return false;
        memcpy(entry_at(k, k->n++), e, k->entry_bytes);
        return true;
    }
    if (!k->is_heap)
        make_heap(r);
    if (order_of(r, e, entry_at(k, 0)) < 0) {
        memcpy(entry_at(k, 0), e, k->entry_bytes);
        sink(r, 0);
    }
    return true;
}

bool ranked_add_part(struct resident *r) {
    struct ranked *k = r->ranked;
    uint32_t at = 0, n;
    struct column *column = &r->block.columns[0];
    if (!resident_chunks(&r->snapshot->parts[r->part], r->paths, r->q.n_order, r->path_chunks))
        return false;
    while ((n = resident_cells(r, &at, r->cells, BLOCK_ROWS)) > 0) {
        for (uint32_t i = 0; i < r->q.n_order; i++) {
            chunk_gather(r->path_chunks[i], r->cells, n, column);
            for (uint32_t row = 0; row < n; row++)
                k->scratch[(size_t)row * r->q.n_order + i] = column_get(column, row);
        }
        for (uint32_t row = 0; row < n; row++)
            if (!add(r, (struct row_at){r->part, r->cells[row]},
                     k->scratch + (size_t)row * r->q.n_order))
                return false;
    }
    return true;
}

static int by_order(uint32_t a, uint32_t b, const void *data) { return heap_order(data, a, b); }

static uint64_t first_of(const struct ranked *k, uint64_t offset) {
    return offset < k->n ? offset : k->n;
}

bool ranked_sort(struct resident *r) {
    struct ranked *k = r->ranked;
    if (k->n > 0) {
        k->sorted = budget_realloc(r->budget, NULL, 0, k->n * sizeof *k->sorted);
        if (!k->sorted)
            return false;
        uint32_t *room = budget_realloc(r->budget, NULL, 0, k->n * sizeof *room);
        if (!room)
            return false;
        for (uint64_t i = 0; i < k->n; i++)
            k->sorted[i] = (uint32_t)i;
        sort_items(k->sorted, k->n, room, by_order, r, r->stop);
        budget_free(r->budget, room, k->n * sizeof *room);
    }
    r->told = first_of(k, r->q.offset);
    r->matched = k->n - r->told;
    r->limit_reached = k->n == k->most;
    return true;
}

/* The number of a row in the snapshot, without deleted ones. */
static uint64_t row_number(const struct resident *r, struct row_at at) {
    const struct part *p = &r->snapshot->parts[at.part];
    uint64_t n = p->first;
    if (!p->live)
        return n + at.cell;
    for (uint32_t w = 0; w < at.cell / 64u; w++)
        n += (uint64_t)__builtin_popcountll(p->live[w]);
    return n + (uint64_t)__builtin_popcountll(p->live[at.cell / 64] &
                                              ((UINT64_C(1) << (at.cell % 64)) - 1));
}

static bool write_numbers(struct resident *r, uint64_t n, struct buf *data) {
    const struct ranked *k = r->ranked;
    if (!buf_reserve(data, 4 * n))
        return false;
    for (uint64_t i = 0; i < n; i++) {
        uint32_t le = htole32((uint32_t)row_number(r, entry_at(k, k->sorted[r->told + i])->row));
        memcpy(data->data + data->len, &le, 4);
        data->len += 4;
    }
    return true;
}

bool ranked_take(struct resident *r, struct buf *data, struct resident_chunk *chunk) {
    const struct ranked *k = r->ranked;
    uint64_t left = k->n - r->told;
    uint32_t n = left < RESIDENT_ROWS ? (uint32_t)left : RESIDENT_ROWS;
    chunk->kind = r->q.kind == RESULT_AUTO ? RESULT_INDICES : r->q.kind;
    if (chunk->kind == RESULT_INDICES || chunk->kind == RESULT_NUMBERS) {
        if (!write_numbers(r, n, data))
            return false;
    } else if (n > 0 && chunk->kind != RESULT_COUNT) {
        for (uint32_t i = 0; i < n; i++)
            r->taken[i] = entry_at(k, k->sorted[r->told + i])->row;
        if (!result_write_cells(r, r->taken, n, data, &n))
            return false;
    }
    chunk->matched = n;
    chunk->has_data = n > 0 && chunk->kind != RESULT_COUNT;
    r->told += n;
    r->over = r->told == k->n;
    return true;
}

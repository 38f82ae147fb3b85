/* See column.h. All arrays of a block are one allocation, each array aligned for vector loads. */
#include "value/column.h"

#include <stdlib.h>
#include <string.h>

#define ALIGN 64u

static size_t aligned(size_t n) { return (n + ALIGN - 1) & ~(size_t)(ALIGN - 1); }

static uint32_t rows_for(uint32_t n_columns) {
    if (n_columns <= BLOCK_CELLS / BLOCK_ROWS)
        return BLOCK_ROWS;
    uint32_t rows = BLOCK_CELLS / n_columns;
    return rows > BLOCK_ROWS_LEAST ? rows : BLOCK_ROWS_LEAST;
}

bool block_init(struct block *b, uint32_t n_columns, bool spans, struct budget *budget) {
    uint32_t rows = rows_for(n_columns);
    size_t words = aligned(rows * sizeof(union word)), lens = aligned(rows * sizeof(uint32_t));
    size_t tags = aligned(rows), heads = aligned(n_columns * sizeof(struct column));
    size_t span_bytes = spans ? aligned(rows * sizeof(struct span)) : 0;
    size_t columns, bytes;
    *b = (struct block){.rows = rows, .budget = budget};
    if (!size_mul(words + lens + tags, n_columns, &columns) ||
        !size_add(columns, heads + span_bytes, &bytes) || !size_add(bytes, ALIGN, &bytes))
        return false;
    if (!budget_charge(budget, bytes))
        return false;
    uint8_t *p = aligned_alloc(ALIGN, aligned(bytes));
    if (!p) {
        budget_release(budget, bytes);
        return false;
    }
    b->memory = p;
    b->bytes = bytes;
    b->n_columns = n_columns;
    b->columns = (struct column *)(void *)p;
    p += heads;
    for (uint32_t i = 0; i < n_columns; i++) {
        b->columns[i].word = (union word *)(void *)p;
        b->columns[i].len = (uint32_t *)(void *)(p + words);
        b->columns[i].tag = p + words + lens;
        b->columns[i].deferred = false;
        p += words + lens + tags;
    }
    b->spans = spans ? (struct span *)(void *)p : NULL;
    return true;
}

void block_done(struct block *b) {
    budget_free(b->budget, b->memory, b->bytes);
    *b = (struct block){.budget = b->budget};
}

void block_clear(struct block *b, uint32_t n_columns) {
    b->n = 0;
    for (uint32_t i = 0; i < n_columns; i++) {
        memset(b->columns[i].tag, T_MISSING, b->rows);
        b->columns[i].seen = 0;
        b->columns[i].deferred = false;
    }
}

static uint32_t seen_of(const uint8_t *tag, uint32_t n) {
    uint32_t seen = 0;
    if (n > 0 && memcmp(tag, tag + 1, n - 1) == 0) /* one type throughout: the usual case */
        return 1u << tag[0];
    for (uint32_t i = 0; i < n; i++)
        seen |= 1u << tag[i];
    return seen;
}

void block_seal(struct block *b, uint32_t n_columns, uint32_t n) {
    b->n = n;
    for (uint32_t i = 0; i < n_columns; i++)
        if (!b->columns[i].deferred)
            b->columns[i].seen = seen_of(b->columns[i].tag, n);
}

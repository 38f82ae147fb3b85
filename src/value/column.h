/* Blocks of rows as columns: what scanners fill and kernels read.
 *
 * A column holds one wanted field of up to BLOCK_ROWS rows as three parallel arrays: a tag (enum
 * value_type), a word and a length, which are the parts of a struct value. `seen` has a bit for
 * each type that occurs in rows 0 .. n-1, so that a kernel for one type can be chosen once a block
 * and then read the words as a dense array. Strings and nested values are borrowed from the rows'
 * bytes.
 *
 * Where the owner of a block says so, a reader may put cells off: it leaves in them where their
 * text is, and makes the values of those rows that are asked for (block_load). So of the later
 * terms of a conjunction only the rows are read that the earlier ones have left.
 *
 * A block belongs to one run of one request; one thread at a time.
 */
#ifndef TAMIS_VALUE_COLUMN_H
#define TAMIS_VALUE_COLUMN_H

#include "base/alloc.h"
#include "base/build.h"
#include "value/value.h"

#define TAG_DEFERRED 0xFFu /* of a cell without a value yet; its word is the loader's */

struct column {
    uint8_t *tag;
    union word *word;
    uint32_t *len;
    uint32_t seen; /* while cells are deferred: of those that were loaded */
    bool deferred; /* some cells are, perhaps */
};

struct block;

/* Makes the values of those n rows (NULL: rows 0 .. n-1) of c that have none yet, and adds the
 * types of all n to c->seen. False: no memory. */
typedef bool block_loader(void *state, struct column *c, const uint16_t *rows, uint32_t n);

struct span {
    const uint8_t *p;
    uint32_t n;
};

struct block {
    uint32_t n;    /* rows */
    uint32_t rows; /* that there is room for, at most BLOCK_ROWS */
    uint32_t n_columns;
    struct column *columns;
    struct span *spans; /* the rows' bytes, or NULL if they are not wanted or have none */
    bool defers;        /* set by the owner, who calls block_load before it looks at cells */
    block_loader *load; /* of the columns that are deferred; with ... */
    void *loader;
    struct budget *budget;
    void *memory;
    size_t bytes;
};

/* Room for n_columns columns of BLOCK_ROWS rows, or of fewer if that were more than BLOCK_CELLS
 * cells: a block of thousands of columns is not to take hundreds of MiB. False if there is no
 * memory. Ends with block_done (a zeroed block is fine). */
bool block_init(struct block *b, uint32_t n_columns, bool spans, struct budget *budget);
void block_done(struct block *b);

/* Begins a new filling: no rows, every cell of the first n_columns columns missing. */
void block_clear(struct block *b, uint32_t n_columns);
/* Sets n, and seen of those of the first n_columns columns that are not deferred from their tags.
 */
void block_seal(struct block *b, uint32_t n_columns, uint32_t n);

/* Before cells of rows 0 .. n-1 (NULL), or of these n rows, are looked at. False: no memory. */
static inline bool block_load(struct block *b, uint32_t column, const uint16_t *rows, uint32_t n) {
    struct column *c = &b->columns[column];
    return !c->deferred || b->load(b->loader, c, rows, n);
}

static inline void column_put(struct column *c, uint32_t row, struct value v) {
    c->tag[row] = v.type;
    c->word[row] = v.w;
    c->len[row] = v.n;
}
static inline struct value column_get(const struct column *c, uint32_t row) {
    return (struct value){.type = c->tag[row], .n = c->len[row], .w = c->word[row]};
}

#endif

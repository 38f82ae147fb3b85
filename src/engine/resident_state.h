/* Inside of queries over tables. Private to engine/.
 *
 * - resident.c: parts, and the results that are made of bits alone (resident_bits.c)
 * - resident_scan.c: the parts' bits, and who makes them
 * - resident_cells.c: the results that are made of cells: rows and columns
 * - resident_order.c: rows in an order
 * - resident_counts.c: counts of values
 */
#ifndef TAMIS_ENGINE_RESIDENT_STATE_H
#define TAMIS_ENGINE_RESIDENT_STATE_H

#include "engine/resident.h"

#include "base/hash.h"
#include "engine/resident_bits.h"

/* A path of the query as it looks in a snapshot. */
struct bound_path {
    uint32_t column; /* or NO_TABLE_COLUMN: missing in every row */
    struct path inside;
};

struct ahead;
struct ranked;
struct tally;
struct row_at;

struct resident {
    struct resident_query q;
    const struct snapshot *snapshot;
    struct scan *const *scans;
    uint32_t n_scans;
    struct crew *crew;
    struct ahead *ahead; /* parts that were run by the crew; NULL: without one */
    struct budget *budget;
    struct arena arena;
    const atomic_bool *stop;
    uint64_t (*now_ns)(void); /* NULL: nothing is measured, and the crew is always called */
    uint64_t part_ns;         /* of scanning one part alone, when that was last measured */

    uint32_t n_slots;
    struct bound_path *slots; /* of the plan's fields */
    const struct chunk **chunks;
    struct bound_path *paths; /* of order, columns or by */
    uint32_t n_paths;
    const struct chunk **path_chunks;

    uint32_t next;      /* part */
    uint32_t part;      /* the one that `bits` are of, while part < next */
    uint64_t *bits;     /* its rows that are in the result, by cell */
    uint64_t *compact;  /* the same by live row, for parts with deleted rows */
    uint32_t from;      /* cell: what was before has been told */
    uint32_t to;        /* cell: where looking ended (a limit was reached), or the part's n */
    uint32_t part_left; /* set bits from `from` on */
    uint64_t rows, matched, skipped; /* skipped: matches that the offset took */
    bool limit_reached, over;

    struct ranked *ranked; /* order */
    uint64_t told;         /* of them */
    bool sorted;
    struct tally *tally;  /* counts */
    uint16_t *cells;      /* BLOCK_ROWS */
    struct block block;   /* one column, for gathering */
    struct row_at *taken; /* RESIDENT_ROWS, for results of cells */
    struct value *values; /* the same, of one column */

    struct { /* what the pointers of those names are for, to begin with */
        uint64_t bits[CHUNK_WORDS];
        uint64_t compact[CHUNK_WORDS + 1];
        uint16_t cells[BLOCK_ROWS];
    } room;
};

/* The chunks of n bound paths in a part. False: no memory. */
bool resident_chunks(const struct part *p, const struct bound_path *paths, uint32_t n,
                     const struct chunk **ret);

static inline bool resident_is_stopped(const struct resident *r) {
    return r->stop && atomic_load_explicit(r->stop, memory_order_relaxed);
}

/* For a crew's work. NULL: no memory. */
struct ahead *ahead_new(struct resident *r);
/* The bits of the next part, and how many are set. */
enum status resident_scan(struct resident *r, uint32_t *ret_kept, struct error *e);

/* The next set bits of the part, from cell *at on, at most `most`; *at becomes the cell behind the
 * last. */
uint32_t resident_cells(const struct resident *r, uint32_t *at, uint16_t *ret, uint32_t most);

/* A row of the snapshot. */
struct row_at {
    uint32_t part;
    uint16_t cell;
};

/* Cells. Appends what fits of the current part, at least a row if there is one; false: no memory.
 */
bool result_take_cells(struct resident *r, struct buf *data, struct resident_chunk *chunk);
/* Appends the rows as maps, or as one value with their columns, as the kind of the query has it,
 * until there are RESIDENT_CHUNK_BYTES; *ret_n is how many were. */
bool result_write_cells(struct resident *r, const struct row_at *rows, uint32_t n, struct buf *data,
                        uint32_t *ret_n);

/* Order. */
bool ranked_new(struct resident *r);
void ranked_free(struct resident *r);
bool ranked_add_part(struct resident *r); /* the matches of the current part */
bool ranked_sort(struct resident *r);     /* once all are in; false: no memory */
/* Appends what comes next of the result, and says when it is over. */
bool ranked_take(struct resident *r, struct buf *data, struct resident_chunk *chunk);

/* Counts. */
bool tally_new(struct resident *r);
void tally_free(struct resident *r);
bool tally_add_part(struct resident *r);
bool tally_write(struct resident *r, struct buf *data);

#define PARTS_AT_ONCE        16u                /* after which others have a look */
#define RESIDENT_ROWS        (16u * BLOCK_ROWS) /* of cells in one chunk of a result, at most */
#define RESIDENT_CHUNK_BYTES (4 * CHUNK_BYTES)  /* of result, after which a chunk is closed */

#endif

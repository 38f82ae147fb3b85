/* Results: the matches of a run as bytes, chunk by chunk, in the kinds of PROTOCOL.md.
 *
 * A chunk covers rows [base, base + rows) of the request. The bytes are appended to a buffer of the
 * caller, who frames them. */
#ifndef TAMIS_ENGINE_RESULT_H
#define TAMIS_ENGINE_RESULT_H

#include "base/buf.h"
#include "value/column.h"

enum result_kind {
    RESULT_INDICES,
    RESULT_BITMAP,
    RESULT_AUTO,
    RESULT_COUNT,
    RESULT_ROWS,
    RESULT_SPANS,
    RESULT_RUNS,
    RESULT_PIECES,  /* ROWS or RUNS, as it suits who has the input: chosen for each chunk */
    RESULT_COLUMNS, /* of tables: typed arrays, counts of values, row numbers in the whole table */
    RESULT_COUNTS,
    RESULT_NUMBERS,
    RESULT_KINDS
};

const char *result_kind_name(enum result_kind kind);
/* The kinds that tell where in an input of bytes rows are. */
bool result_tells_offsets(enum result_kind kind);
/* False if there is no such kind. */
bool result_kind_find(struct str name, enum result_kind *ret);

struct result {
    enum result_kind kind;
    uint64_t base; /* first row of the chunk */
    uint32_t rows; /* rows of the chunk so far */
    uint32_t matched;
    bool lines;            /* ROWS: each row ends with a line feed, also one that has none */
    const uint8_t *origin; /* SPANS, RUNS: byte origin_offset of the input stands here */
    uint64_t origin_offset;
    /* of this chunk: stretches of matching rows that stand one behind the other, and their bytes */
    uint64_t runs, run_bytes;
    uint64_t run_before; /* bytes of a run in the chunk before; 0: not known */
    bool copies;         /* PIECES: this chunk is ROWS */
};

/* A reader slices its input by a run, or takes the bytes of one that is shorter than this: the run
 * costs it some hundred nanoseconds, which is what a pipe takes to carry so many bytes, or what
 * copying so many to shared memory takes. */
#define RESULT_PIPED_RUN  96u
#define RESULT_SHARED_RUN 2048u

/* Begins a chunk at row base. Gives the kind that it has; for RESULT_AUTO result_end knows better,
 * RESULT_PIECES are rows if the runs before were shorter than run_bytes. */
enum result_kind result_begin(struct result *r, uint64_t base, uint32_t run_bytes);
/* The same again for a chunk without rows, by another run_bytes. */
enum result_kind result_choose(struct result *r, uint32_t run_bytes);

/* How many bytes RESULT_ROWS takes for the rows `matches` of a block. */
size_t result_row_bytes(const struct result *r, const struct block *b, const uint16_t *matches,
                        uint32_t n_matches);

/* Adds a block of n_rows rows of which `matches` are kept. data holds this chunk's bytes from
 * position `at` on. */
void result_add(struct result *r, const struct block *b, uint32_t n_rows, const uint16_t *matches,
                uint32_t n_matches, struct buf *data, size_t at);

/* Finishes the chunk's bytes: for RESULT_AUTO chooses the form. Gives the kind they are in. */
enum result_kind result_end(struct result *r, struct buf *data, size_t at);

#endif

/* Row readers: bytes of a format in, blocks of rows out, with just the wanted fields in columns.
 *
 * One interface over msgpack streams, JSON lines and CSV (docs/FORMATS.md says what each takes).
 * The caller holds the input and feeds it in pieces of any size:
 *
 *     block_clear(b, n_columns);
 *     p = reader_fill(&r, p, end, last, b, &n);        // rows 0 .. n-1 of b
 *     ... use the n rows ...
 *     if (r.status != E_OK)                            // report it and stop, or step over the row
 *         p = reader_skip(&r, p, end);
 *     else if (n < b->rows && last)                 // the end
 *     else if (n < b->rows)                         // give [p, end) again with more behind it
 *
 * until a fill with `last` gives less than a full block and no fault: a reader may have something
 * to say about an empty input.
 *
 * A wanted path of no steps is the row itself, a T_MAP: of msgpack its own bytes, of JSON what the
 * object would be in msgpack, of CSV a map of all columns in their order, with their declared types
 * (cells that a ragged row lacks are not in it; of equal names the last counts).
 *
 * Where b->defers, cells of JSON may be left without a value until block_load asks for it.
 *
 * A reader knows no query and no file. Values in the block are borrowed from the input and from the
 * reader's own memory: they stand until the next call of reader_fill. That memory is bounded by the
 * rows of one block. One thread at a time.
 */
#ifndef TAMIS_FORMAT_READER_H
#define TAMIS_FORMAT_READER_H

#include "base/arena.h"
#include "base/status.h"
#include "format/fields.h"
#include "value/column.h"

#include <locale.h>

enum reader_format { FORMAT_MSGPACK, FORMAT_JSONL, FORMAT_CSV };

/* Which loops look for structure: the best that the machine has, or these at most (SIMD_BASE: what
 * every machine of the kind has). All give the same rows. */
enum reader_simd { SIMD_BEST, SIMD_AVX2, SIMD_BASE, SIMD_PORTABLE };

/* What the cells of a CSV column are. */
enum cell_type { CELL_TEXT, CELL_INTEGER, CELL_DOUBLE, CELL_BOOLEAN, CELL_TIMESTAMP };

struct csv_declared {
    struct str name; /* of a column; one that does not exist is an error with the header */
    enum cell_type type;
};

struct csv_options {
    uint8_t delimiter, quote; /* 0: comma, double quote */
    bool no_quotes;           /* nothing is quoted: a quote is a character as any other */
    bool no_header; /* the first record is a row: columns are called by `names`, or c1, c2 ... */
    bool ragged;    /* cells may be too few (missing) or too many (passed over) */
    const struct str *names; /* instead of those in the header */
    uint32_t n_names;
    const struct csv_declared *types;
    uint32_t n_types;
};

struct reader_options {
    enum reader_format format;
    enum reader_simd simd;
    bool validate;      /* check also what nobody asked for (docs/FORMATS.md) */
    uint32_t row_depth; /* as the limits of the same names */
    uint32_t row_fields;
    size_t row_bytes;       /* of one row; at most, and 0 for, 2 GiB */
    struct csv_options csv; /* names and types are borrowed */
};

struct reader;

/* What a format has to offer. Private to format/. */
struct reader_ops {
    /* Rows from r->p on until the block is full, [p, end) is used up or broken, or ends inside a
     * row; r->p is then where the next row begins. Gives the rows. */
    uint32_t (*fill)(struct reader *r, struct block *b);
    /* Moves r->p, which is in a broken row, behind it; the fault is r->sought bytes further. False:
     * its end is not in [p, end). NULL: the format cannot. */
    bool (*skip)(struct reader *r);
    void (*done)(struct reader *r); /* gives back what is not in the arena; or NULL */
    const struct str *(*columns)(const struct reader *r, uint32_t *ret_n); /* or NULL */
    bool (*restart)(struct reader *r); /* for reader_restart; NULL: the format cannot */
};

struct reader {
    /* Of the last fill: E_OK, or why the row behind the rows it gave is none. Stays until
     * reader_skip. */
    enum status status;
    const uint8_t *fault; /* where it is wrong, in the input of that fill */
    const char *why;      /* what is wrong, and what to do, in words; or NULL */
    uint64_t rows;        /* read so far, without skipped ones */
    uint64_t skipped;     /* by reader_skip */
    uint64_t unfit;       /* cells that were not of their declared type, and so are null */

    /* The rest is the reader's own. */
    const struct reader_ops *ops;
    const struct fields *fields;
    void *state;
    bool validate;
    enum reader_simd simd;
    uint32_t row_depth, row_fields;
    size_t row_bytes;
    struct arena values;            /* of the rows in the block */
    struct arena *arena;            /* of the reader's life */
    locale_t c;                     /* "C", for numbers */
    const uint8_t *start, *p, *end; /* of this fill */
    bool last, begun, skipping;
    uint64_t offset; /* of `start` in the whole input */
    size_t sought;   /* so many bytes from p on are known not to hold the end of the row at p */
    char text[160];  /* for a `why` that is not constant */
};

/* False if there is no memory or an option cannot be (a delimiter that is also the quote, or an end
 * of line). `fields` must outlive the reader; what it takes for its life is in the arena, and
 * reader_done gives back the rest. */
bool reader_init(struct reader *r, struct arena *a, const struct fields *fields,
                 const struct reader_options *options);
void reader_done(struct reader *r); /* a zeroed reader is fine */

/* Reads up to b->rows rows into b, whose cells must be missing, and gives where it stopped: all
 * before that has been used. *ret_n rows stand in b, also when r->status says that the next one is
 * broken; the cells behind them are still missing, so that a block without rows can be filled
 * again. Bytes of a last row that is not all there are left, unless `last` says that no more will
 * come; they must stand at the beginning of the next input, at the same or another place.
 *
 * b->spans, if there, gets the bytes of each row so that the input is the spans one behind the
 * other but for what is no row: of a line format with the end of the line as it was (none on a last
 * line that has none), of an array just the element. */
const uint8_t *reader_fill(struct reader *r, const uint8_t *p, const uint8_t *end, bool last,
                           struct block *b, uint32_t *ret_n);

/* The columns of CSV, in their order: those of the header, the names given in its place, or c1, c2
 * ... NULL as long as the reader has not passed the header, and of other formats. Stand as long as
 * the reader. */
const struct str *reader_columns(const struct reader *r, uint32_t *ret_n);

/* After a fault, p where reader_fill stopped: steps over the broken row and clears the fault, so
 * that reader_fill may go on at the place that is returned. If the row's end is not in [p, end) the
 * next reader_fill looks for it. NULL, and the fault stays, if the format has no way to find the
 * next row (msgpack, the rows of a JSON array). */
const uint8_t *reader_skip(struct reader *r, const uint8_t *p, const uint8_t *end);

/* Goes on elsewhere in the input, or in one of the same kind: at the next fill a row begins. What
 * was seen of a row that was not all there is forgotten, and a fault; the kind of input, the
 * columns of CSV and the counts stay, and the numbers of rows and bytes go on as if nothing were
 * between. False, and nothing has changed: rows cannot be found there (msgpack, the rows of a JSON
 * array), or the header of CSV has not been passed. */
bool reader_restart(struct reader *r);

/* The report of the fault: row counts all rows and skipped ones before it, offset bytes from the
 * beginning of the whole input. */
enum status reader_error(const struct reader *r, struct error *e);
uint64_t reader_fault_offset(const struct reader *r);

/* --- for the formats --- */

/* Notes a fault; gives NULL. */
const void *reader_fail(struct reader *r, enum status status, const uint8_t *at, const char *why);

static inline void reader_span(struct block *b, uint32_t row, const uint8_t *p,
                               const uint8_t *end) {
    if (b->spans)
        b->spans[row] = (struct span){p, (uint32_t)(end - p)};
}

bool msgpack_reader_init(struct reader *r, const struct reader_options *o);
bool json_reader_init(struct reader *r, const struct reader_options *o);
bool csv_reader_init(struct reader *r, const struct reader_options *o);

#endif

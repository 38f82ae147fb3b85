/* The filter: bytes of an input in, the bytes of the rows that are kept out.
 *
 * One filter belongs to one thread; what several share (struct job) is constant. It knows no files:
 * who feeds it reads, and writes what it leaves in `out`. A filter goes over any number of inputs,
 * one after the other: filter_begin, then filter_step until the input is used up.
 */
#ifndef TAMIS_SHELL_FILTER_H
#define TAMIS_SHELL_FILTER_H

#include "engine/absent.h"
#include "engine/all_text.h"
#include "plan/plan.h"
#include "shell/options.h"

/* What is asked of all rows. */
struct job {
    const struct shell_options *options;
    struct str text; /* of the query */
    struct query query;
    const struct value *params;
    struct plan *plan;
    struct run_options run;
};

struct counts {
    uint64_t rows, matched, skipped, unfit, type_mismatch, undefined;
};

enum filter_step {
    FILTER_ROWS,   /* a block is done: go on */
    FILTER_INPUT,  /* more input is needed behind [p, end) */
    FILTER_END,    /* the last input is used up */
    FILTER_ENOUGH, /* as many rows as were asked for */
    FILTER_BROKEN, /* the next row is: see filter_fault, filter_skip */
    FILTER_FAILED, /* f->error says why */
};

struct filter {
    const struct job *job;
    struct run *run;
    struct arena arena; /* of the input's reader */
    struct reader reader;
    bool reading, csv, lines; /* lines: rows end in a line feed */
    bool has_header;          /* the header of this input is known: ... */
    struct buf header;        /* ... its record, without the end of the line, */
    bool header_ends_crlf;    /* which was this, or a line feed */
    struct buf out;
    uint64_t left;   /* rows that may still be kept */
    bool ends_lines; /* rows that end in a line feed have been seen */
    uint64_t fed;    /* bytes of this input that were given to the reader */
    /* What is before the rows and bytes that the reader has seen: for the numbers in messages. */
    uint64_t row_base, byte_base;

    struct counts counts; /* of all inputs; mismatches are brought in by filter_end */
    struct error error;
    enum input_format format;
    struct absent absent; /* of all inputs */
    struct all_text all_text;
    uint16_t others[BLOCK_ROWS];
};

/* False: no memory. Ends with filter_done in any case. A job without a plan is done elsewhere, and
 * the filter is only where its rows and counts meet. */
bool filter_init(struct filter *f, const struct job *job);
void filter_done(struct filter *f);

/* For who finds the header of CSV without the filter: [p, end) are the next bytes that a reader has
 * passed before the first row. Then has_header and what follows it tell. */
void filter_take_header(struct filter *f, const uint8_t *p, const uint8_t *end);

/* A new input. False: no memory. */
bool filter_begin(struct filter *f, enum input_format format);
/* The input has ended, or is given up: its counts are added. */
void filter_end(struct filter *f);

/* One block of rows from *p on, which moves. `last`: nothing comes behind end. */
enum filter_step filter_step(struct filter *f, const uint8_t **p, const uint8_t *end, bool last);

/* A new reader in the middle of an input of lines or CSV, where a row begins; header is that of the
 * input. False: no memory. */
bool filter_begin_inside(struct filter *f, enum input_format format, const struct buf *header);
/* The same for the input that f reads: what the reader has seen of an unfinished row is forgotten,
 * and the numbers of rows and bytes go on. False: reader_restart cannot. */
bool filter_begin_again(struct filter *f);

/* Rows of the input so far, broken ones that were stepped over with them. */
static inline uint64_t filter_rows(const struct filter *f) {
    return f->reader.rows + f->reader.skipped;
}

/* After FILTER_BROKEN: what is wrong, where; and the way on behind that row (false: there is none).
 */
void filter_fault(const struct filter *f, struct error *e);
bool filter_skip(struct filter *f, const uint8_t **p, const uint8_t *end);

#endif

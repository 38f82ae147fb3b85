/* What the parts of the CSV reader share. Private to format/. */
#ifndef TAMIS_FORMAT_CSV_H
#define TAMIS_FORMAT_CSV_H

#include "base/build.h"
#include "format/reader.h"

#ifdef TAMIS_HOSTILE
#define CSV_WINDOW_BYTES 128u /* input whose structure is looked for at once */
#else
#define CSV_WINDOW_BYTES 16384u
#endif
#define CSV_SLACK 64u

/* How the input is written. */
struct csv_dialect {
    uint8_t delimiter, quote;
    bool quotes; /* the quote is one */
};

/* The ends of cells and of records in a window that begins with a record: delimiters and line feeds
 * outside of quotes. `bad` is where the quotes are not what csv_index.c can judge: the window ends
 * there, and the record has to be read cell by cell. */
struct csv_index {
    const uint8_t *base, *bad;
    uint32_t n, n_ends;
    uint32_t at[CSV_WINDOW_BYTES + CSV_SLACK];
    uint32_t ends[CSV_WINDOW_BYTES + CSV_SLACK]; /* places in `at` that end a record */
};

/* Looks over the window at p, of up to CSV_WINDOW_BYTES. */
void csv_index(struct csv_index *x, const struct csv_dialect *d, const uint8_t *p,
               const uint8_t *end, bool portable);
bool csv_index_is_fast(void);

/* A column: what its cells are, and where they go. */
struct csv_column {
    uint32_t index; /* in the record */
    uint32_t slot;  /* in the block */
    enum cell_type type;
    struct str name;
};

/* The text of one cell, quotes around it and all, into a row of the block. False: r->status says
 * why. */
bool csv_put_cell(struct reader *r, const struct csv_dialect *d, const struct csv_column *c,
                  const uint8_t *p, const uint8_t *end, struct block *b, uint32_t row);

/* The text of a cell without its quotes; in the arena if it had doubled ones. False: no memory. */
bool csv_cell_text(struct arena *a, const struct csv_dialect *d, const uint8_t *p,
                   const uint8_t *end, struct str *ret);

#endif

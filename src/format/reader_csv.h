/* The state of the CSV reader. Private to format/. */
#ifndef TAMIS_FORMAT_READER_CSV_H
#define TAMIS_FORMAT_READER_CSV_H

#include "format/csv.h"

/* What ends a cell. */
enum csv_end { CSV_CELL, CSV_RECORD, CSV_INPUT, CSV_FAULT };

/* Where a walker through a record that comes in pieces is. */
enum csv_seek { SEEK_CELL, SEEK_BARE, SEEK_QUOTED, SEEK_QUOTE };

struct csv_slice {
    const uint8_t *p, *end;
};

struct csv_rows;

struct csv_reader {
    struct csv_dialect dialect;
    struct csv_options options;
    bool has_columns, portable;
    uint32_t n_columns; /* of the input */
    struct str *columns;
    uint32_t n_wanted;
    struct csv_column *wanted; /* by index, ascending ... */
    struct csv_slice *slices;  /* ... and their cells in a record that is read cell by cell */
    enum csv_seek seek;
    size_t broken_bytes;   /* of a record at fault whose end is known, else 0 */
    struct csv_rows *rows; /* NULL: nobody wants the rows themselves */
    struct csv_index index;
};

/* One cell at p: *ret_end is its end, quotes included, without the carriage return of a line end;
 * *ret_next what is behind the delimiter or the line end. CSV_INPUT: the input ends inside it.
 * CSV_FAULT: r->status says why. */
enum csv_end csv_cell(struct reader *r, const uint8_t *p, const uint8_t **ret_end,
                      const uint8_t **ret_next);

/* Reads the header, or finds the columns without one, at r->p. False: more must come, or a fault.
 */
bool csv_find_columns(struct reader *r);
/* The order of two struct csv_column, for qsort. */
int csv_by_index(const void *a, const void *b);

/* The end of the record at r->p is known not to be in its first r->sought bytes: whether it is in
 * the rest. */
bool csv_has_grown(struct reader *r);

/* Records from r->p on, up to a full block of what s->wanted says. Gives the rows. */
uint32_t csv_read_records(struct reader *r, struct block *b);

/* For rows that are wanted themselves (csv_row.c): the columns, which are called by these names;
 * the same as csv_read_records; the end. False: no memory, r->status says so. */
bool csv_rows_init(struct reader *r, const struct str *names, uint32_t n);
uint32_t csv_read_rows(struct reader *r, struct block *b);
void csv_rows_done(struct csv_rows *w); /* NULL is fine */

#endif

/* Rows that come out in another form than they came in: --select and --to.
 *
 * It is a second stage behind the filter: the bytes of the kept rows go in, are read once more for
 * the fields that are wanted, and are written in the output's format. So rows that are not kept
 * cost nothing here. One thread at a time. */
#ifndef TAMIS_SHELL_RESHAPE_H
#define TAMIS_SHELL_RESHAPE_H

#include "shell/header.h"
#include "shell/options.h"
#include "shell/select.h"

struct reshape {
    const struct shell_options *options;
    enum input_format to; /* INPUT_UNKNOWN: as the first input */
    uint8_t delimiter;    /* of CSV that is written */
    enum input_format from;
    struct arena arena; /* of the input */
    struct arena life;  /* ... and of all inputs: names that were taken from the first row */
    struct fields fields;
    struct reader reader;
    struct block block;
    bool reading;
    bool whole;              /* slot 0 is the row */
    struct columns columns;  /* of whole rows */
    const struct str *names; /* of what is written; in slots of the same numbers, unless whole */
    uint32_t n_names;
    uint64_t skipped;
};

/* Whether rows of a format are changed at all. */
bool reshape_is_needed(const struct shell_options *o, enum input_format from);

void reshape_init(struct reshape *r, const struct shell_options *o);
void reshape_done(struct reshape *r);

/* A new input; header: the record with the names of its columns, if it is CSV that has one,
 * or else its first row. Errors:
 * BAD_OPTION (a selected column that is not there), MEMORY. */
enum status reshape_begin(struct reshape *r, enum input_format from, struct str header,
                          struct error *e);

/* Rewrites whole rows. Errors: those of readers, RESULT_KIND (a row has a field that the header has
 * no column for), MEMORY. */
enum status reshape_rows(struct reshape *r, const uint8_t *p, size_t n, struct buf *out,
                         struct error *e);

/* Appends the line of names of CSV, without its end; nothing for other formats, or while the names
 * are not known. True: there is one. */
bool reshape_header(const struct reshape *r, struct buf *out);

#endif

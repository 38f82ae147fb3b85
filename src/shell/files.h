/* The inputs of a command, one after the other through a filter, to the output. */
#ifndef TAMIS_SHELL_FILES_H
#define TAMIS_SHELL_FILES_H

#include "shell/filter.h"
#include "shell/input.h"
#include "shell/output.h"
#include "shell/progress.h"
#include "shell/reshape.h"

/* Where the bytes of an input stand until they are rows: [at, n) of data. */
struct window {
    uint8_t *data;
    size_t at, n, cap;
    bool last; /* nothing comes behind */
};

struct parallel;
struct service;

struct files {
    const struct job *job;
    struct output *out;
    struct filter filter;
    struct window window;
    struct input input;        /* the one that is being read */
    bool trouble;              /* something has been told that makes the status 2 */
    bool enough;               /* rows; or nobody takes them any more */
    enum input_format format;  /* of this input */
    enum input_format written; /* of the rows that came out; INPUT_UNKNOWN: none yet */
    const char *header_of;     /* the input whose header was written, or NULL */
    struct buf header;
    struct reshape shape; /* what the rows go through, if `shapes` */
    bool shapes, shaping; /* this input's rows; and it has begun */
    struct buf shaped;
    uint64_t bytes;        /* of all inputs, unpacked ... */
    uint64_t bytes_before; /* ... but this one */
    uint64_t skipped;      /* broken rows of this input that were stepped over */
    struct progress progress;
    uint64_t taken_before;     /* bytes of the files before this one, as they are there */
    uint64_t size;             /* of all files together; 0: not known */
    struct service *service;   /* that filters instead of `filter`, or NULL; borrowed */
    struct parallel *parallel; /* NULL: one thread */
    bool no_parallel;          /* for the rest of this input */
    bool input_failed;         /* and not yet told */
};

/* Reads the files that the options name, or standard input. Everything that goes wrong is told.
 * Ends with files_done. */
void files_run(struct files *fs, const struct job *job, struct service *service,
               struct output *out);
void files_done(struct files *fs);

/* --- for the parts: files.c, parallel.c and service.c --- */

/* Tells what is wrong with the input, behind the rows that came before; the status will be 2. */
void files_tell(struct files *fs, const char *what);
/* ... about a broken row, with the way on: skipped (as --on-error says) or not. */
void files_tell_row(struct files *fs, const struct error *e, bool skipped);
/* ... about one that was skipped, if it is among the first. */
void files_tell_skipped(struct files *fs, const char *text);
/* ... about a failed run: everything ends. */
void files_failed(struct files *fs, const struct error *e);

/* The header and the rows that are in the filter, on their way out. False: the input is not to be
 * read on, which is told. */
bool files_put(struct files *fs);

/* Shows how far it is, if it is time. */
void files_progress(struct files *fs);

/* More bytes of the input behind those of w, by one read. Before it sleeps, everything that is
 * there goes out. False: fs->input.message says why. */
bool files_read(struct files *fs, struct window *w);
/* The same for the window of fs. False: told. */
bool files_read_on(struct files *fs);

#endif

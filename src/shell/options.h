/* The command line of tamis: what was asked for, not yet done. options.def is the list.
 *
 * Values that need the query or a file to be understood (parameters) are kept as text. All texts
 * are borrowed from argv; lists are in the arena. */
#ifndef TAMIS_SHELL_OPTIONS_H
#define TAMIS_SHELL_OPTIONS_H

#include "base/arena.h"
#include "base/limits.h"
#include "format/reader.h"
#include "shell/guess.h"
#include "shell/select.h"

#define EXIT_NONE_KEPT 1
#define EXIT_TROUBLE   2

struct text_list {
    const char **at;
    uint32_t n;
};

struct shell_options {
    const char *query; /* or NULL, with query_file */
    const char *query_file;
    struct text_list files; /* none: standard input */
    struct text_list params;

#define GROUP(heading)
#define FLAG(field, letter, name, help) bool field;
#define VALUE(taker, letter, name, value, help)
#include "shell/options.def"
#undef GROUP
#undef FLAG
#undef VALUE

    uint64_t limit;             /* UINT64_MAX: none */
    enum input_format format;   /* INPUT_UNKNOWN: to be found out */
    unsigned threads;           /* 0: not given */
    const char *connect;        /* the socket of a service, or NULL */
    const char *completion;     /* a shell, or NULL */
    enum input_format to;       /* INPUT_UNKNOWN: as they are */
    struct selection selection; /* n 0: whole rows */
    bool skip_broken;           /* --on-error skip */
    struct csv_options csv;     /* delimiter 0: by the format */
    struct limits limits;
    size_t row_bytes; /* 0: not given */
};

/* Fills *o, which needs the arena to live as long. Gives false for a wrong command line, which it
 * has told to standard error. With help, version or completion set, nothing else was checked. */
bool options_parse(struct shell_options *o, struct arena *a, int argc, char **argv);

/* How rows of a known format are read; neither validated in full nor bounded in bytes. */
struct reader_options options_reader(const struct shell_options *o, enum input_format format);

/* "integer", "int" ...: the names of proto/casts.def. False if it is none. */
bool cell_type_named(struct str text, enum cell_type *ret);

/* --help, to standard output. */
void options_help(void);

#endif

/* --select: which fields of the kept rows come out, in which order. */
#ifndef TAMIS_SHELL_SELECT_H
#define TAMIS_SHELL_SELECT_H

#include "query/query.h"

/* n distinct paths and their names: as in queries, "address.city". */
struct selection {
    const struct path *paths;
    const struct str *names;
    uint32_t n;
};

/* Reads a C string "a, b.c, \"odd key\"[0]"; what it keeps is in the arena. Errors: SYNTAX and
 * others of queries, with positions in text; BAD_OPTION for a path that is there twice; MEMORY. */
enum status selection_parse(struct selection *s, struct str text, struct arena *a, struct error *e);

#endif

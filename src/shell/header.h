/* Columns by name: from the header of CSV, or from the keys of a row. */
#ifndef TAMIS_SHELL_HEADER_H
#define TAMIS_SHELL_HEADER_H

#include "base/arena.h"
#include "base/str.h"

#include <stdint.h>

/* Splits one record, without its end, that a reader has found to be well-formed; a mark of UTF-8 in
 * front is passed over. Names are in the arena. False: no memory. */
bool header_split(struct arena *a, struct str record, char delimiter, struct str **ret,
                  uint32_t *ret_n);

/* The first record of rows that are whole, without its end. */
struct str header_first_record(const uint8_t *p, size_t n);

/* Names of columns without doubles, in their order, and how to find one. */
struct columns {
    const struct str *names;
    const uint32_t *order; /* their numbers, by str_cmp of the names */
    uint32_t n;
};

/* Of the n names, which are put in another order: of equal ones the last is kept. What is made is
 * in the arena, the texts are borrowed. False: no memory. */
bool columns_make(struct columns *c, struct arena *a, struct str *names, uint32_t n);
/* The number of a column, or c->n. */
uint32_t columns_find(const struct columns *c, struct str name);

#endif

/* Where an input may be cut so that each part holds whole rows. */
#ifndef TAMIS_SHELL_BOUNDARY_H
#define TAMIS_SHELL_BOUNDARY_H

#include "shell/guess.h"
#include "shell/input.h"

/* How many of the n bytes, which begin with a row of lines or CSV, are whole rows; 0: not one. Of
 * CSV that has quotes where RFC 4180 has none it may be wrong: then a reader of the part finds its
 * last row unfinished. */
size_t boundary_last(enum input_format format, const uint8_t *p, size_t n);

/* The same of the n bytes of a file of lines from a place on: it is read for just that. */
size_t boundary_last_at(const struct input *in, uint64_t at, size_t n);

#endif

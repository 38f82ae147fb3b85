/* The header of CSV as its names. */
#ifndef TAMIS_SHELL_HEADER_H
#define TAMIS_SHELL_HEADER_H

#include "base/arena.h"
#include "base/str.h"

#include <stdint.h>

/* Splits one record, without its end, that a reader has found to be well-formed; a mark of UTF-8 in
 * front is passed over. Names are in the arena. False: no memory. */
bool header_split(struct arena *a, struct str record, char delimiter, const struct str **ret,
                  uint32_t *ret_n);

#endif

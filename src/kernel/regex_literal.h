/* The literal that every match of a regular expression must contain, found in the pattern's text
 * alone. Private to kernel/. */
#ifndef TAMIS_KERNEL_REGEX_LITERAL_H
#define TAMIS_KERNEL_REGEX_LITERAL_H

#include "kernel/regex.h"

/* Writes the longest such run of bytes that is found to out (room for pattern.n bytes) and gives
 * its length; 0 if none. *ret_shape: not REGEX_GENERAL if the pattern is that run and nothing else.
 * The pattern is one that RE2 has accepted; flags are those it was compiled with. */
size_t regex_literal_find(struct str pattern, unsigned flags, char *out,
                          enum regex_shape *ret_shape);

#endif

/* Doubles between binary and decimal, whatever the process's locale: read, written with as few
 * digits as give the same double back, and rounded at a decimal place. Any thread. */
#ifndef TAMIS_KERNEL_DOUBLE_TEXT_H
#define TAMIS_KERNEL_DOUBLE_TEXT_H

#include "base/arena.h"
#include "base/str.h"

#define DOUBLE_TEXT_BYTES 32

/* No double has a digit that matters further than this from its decimal point. */
#define DOUBLE_DIGITS_MOST 323

enum double_read { DOUBLE_READ, DOUBLE_NOT_READ, DOUBLE_NO_MEMORY };

/* The nearest double of the whole of s: [+-] digits [. digits] [e [+-] digits], with a digit before
 * or behind the point, or [+-] inf, infinity or nan; letters in any case. DOUBLE_NOT_READ: s is
 * something else, or a number beyond the range of doubles. Long texts are copied to the arena. */
enum double_read double_read(struct arena *a, struct str s, double *ret);

/* Writes d as Python does: 0.1, 100.0, 1e+16, 1e-05, nan, inf, -inf. Gives the length, or 0 if
 * there is no memory. */
size_t double_write(char out[DOUBLE_TEXT_BYTES], double d);

/* The double nearest to d's exact value rounded, half away from zero, to so many digits behind the
 * decimal point (negative: before it), from -DOUBLE_DIGITS_MOST to DOUBLE_DIGITS_MOST. False if
 * there is no memory. */
bool double_round(double d, int digits, double *ret);

#endif

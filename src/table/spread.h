/* Packed arrays and rows: a packed array has the values alone, one behind the other; a bitmap says
 * to which rows they belong. Pure functions. */
#ifndef TAMIS_TABLE_SPREAD_H
#define TAMIS_TABLE_SPREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bits [from, to) set. */
void bits_set(uint64_t *bits, uint32_t from, uint32_t to);
/* How many of the bits [0, n) are set. */
uint32_t bits_count(const uint64_t *bits, uint32_t n);

/* Moves the values at the beginning of p (`size` bytes each: 1, 2, 4, 8) to their rows, in place,
 * and puts zero into the others. Room for n rows. `values` is the number of bits of valid set. */
void spread(void *p, unsigned size, const uint64_t *valid, uint32_t n, uint32_t values);
/* The other way; out has room for n values, and may be rows. Gives the number of values. */
uint32_t gather(const void *rows, unsigned size, const uint64_t *valid, uint32_t n, void *out);

#endif

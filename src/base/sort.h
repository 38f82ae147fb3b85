/* Sorting of row numbers by what they stand for: for results that may have millions of rows, so
 * that it takes no memory of its own and can be stopped. */
#ifndef TAMIS_BASE_SORT_H
#define TAMIS_BASE_SORT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Negative: a stands before b. */
typedef int sort_order(uint32_t a, uint32_t b, const void *data);

/* Sorts `items` (n of them) so that equal ones keep their order: a merge sort. room: as many. stop
 * may be NULL; false: it was set, and the order is any. */
bool sort_items(uint32_t *items, uint64_t n, uint32_t *room, sort_order *order, const void *data,
                const atomic_bool *stop);

#endif

/* Sets of a part's rows as bitmaps of its cells: cut, packed, and written as results. Private to
 * engine/. */
#ifndef TAMIS_ENGINE_RESIDENT_BITS_H
#define TAMIS_ENGINE_RESIDENT_BITS_H

#include "base/buf.h"
#include "table/table.h"

/* Clears the first n set bits, which there are. */
void bits_drop_first(uint64_t *bits, uint64_t n);
/* Clears all set bits but the first n > 0, which there are; gives the cell behind the last. */
uint32_t bits_keep_first(uint64_t *bits, uint32_t words, uint64_t n);

/* Live cells among [from, to). */
uint32_t bits_count_live(const struct part *p, uint32_t from, uint32_t to);
/* The bits of live cells alone, close together: bits themselves, or in `compact`, which has room
 * for CHUNK_WORDS + 1 words. */
const uint64_t *bits_by_live_row(const uint64_t *bits, const struct part *p, uint64_t *compact);

/* Appends the numbers of the n_set set bits, each plus base, as little-endian u32. Into a fixed
 * buffer, whose end must be at a multiple of 4, it writes just these. False: no memory, or room. */
bool bits_add_indices(const uint64_t *bits, uint32_t words, uint32_t n_set, uint32_t base,
                      struct buf *data);
/* Appends `rows` bits behind the first `done` of a bitmap that begins at `start`. */
bool bits_add(const uint64_t *bits, uint32_t rows, uint64_t done, struct buf *data, size_t start);

#endif

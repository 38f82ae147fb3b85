/* How fast memory can be read by one thread: plain loops that add up all bytes' numbers, or take
 * the greatest, with vectors of each size that the machine has, with and without asking for memory
 * ahead. The best of them is what other loops over the same bytes are held against.
 */
#ifndef BENCH_READER_H
#define BENCH_READER_H

#include <stddef.h>
#include <stdint.h>

/* Reads `bytes`, a multiple of READER_STEP; gives a number that depends on them all. */
typedef uint64_t reader_fn(const uint8_t *p, size_t bytes);

struct reader {
    const char *name; /* "sum", "max", with the level and "ahead" */
    reader_fn *run;
};

#define READER_STEP 256u /* p is a multiple of 64 */

/* The readers of this machine, ended by one without a name. */
const struct reader *readers(void);

#endif

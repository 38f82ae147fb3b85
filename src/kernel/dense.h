/* Dense kernels: loops over the arrays of a chunk, from bitmap to bitmap.
 *
 * A row set is a bitmap of 64-bit words, bit i of word i / 64 for row i. A loop reads the words of
 * `in`, looks at the rows whose bits are set (and may look at any other row of a word that is not
 * zero), and writes to out[w] the bits of in[w] whose rows it keeps; out may be in. Bits of `in`
 * behind row n - 1 are clear, so those of out are. Each gives the number of bits it has set.
 * Arrays may be read up to the next multiple of 64 rows (value/chunk.h).
 *
 * Every ordering, equality and BETWEEN of numbers is an interval, low <= x <= high, or its
 * complement. A loop never branches on the operator or on data but to pass over words that are
 * zero.
 *
 * There is one set of loops for each level of SIMD, with the same names and one answer. dense_ops()
 * gives the best that the machine has. All are pure functions: any thread.
 */
#ifndef TAMIS_KERNEL_DENSE_H
#define TAMIS_KERNEL_DENSE_H

#include "kernel/needle.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dense_level { DENSE_BASE, DENSE_AVX2, DENSE_AVX512, DENSE_LEVELS };

/* x op y, for columns: NLT ... are "not less than" for doubles, whose NaN has no order. */
enum dense_rel { DENSE_EQ, DENSE_NE, DENSE_LT, DENSE_LE, DENSE_NLT, DENSE_NLE, DENSE_RELS };

/* A condition of a column of single bytes: as the arguments of range_i8, low <= high. */
struct byte_range {
    const int8_t *x;
    int8_t low, high;
    bool outside;
};

/* Strings in the order of their bytes, a prefix first: from low to high, each if there is one, and
 * itself among them unless it is open. The first `skip` bytes do not count; all rows that are
 * wanted have so many. */
struct text_range {
    uint32_t skip;
    const uint8_t *low, *high;
    size_t low_n, high_n;
    bool has_low, has_high, low_open, high_open;
};

struct dense_ops {
    const char *name; /* "base" (SSE2, NEON or plain C), "avx2", "avx512" */

    /* low <= x <= high; with `outside` those that are not (a NaN is outside). low > high: empty. */
    uint32_t (*range_i8)(const int8_t *x, uint32_t n, int8_t low, int8_t high, bool outside,
                         const uint64_t *in, uint64_t *out);
    /* Both of two; *ret_first: how many satisfy the first. One way through two columns is faster
     * than two ways, unless hardly any row satisfies the first. */
    uint32_t (*range_i8_both)(const struct byte_range *first, const struct byte_range *second,
                              uint32_t n, const uint64_t *in, uint64_t *out, uint32_t *ret_first);
    uint32_t (*range_i16)(const int16_t *x, uint32_t n, int16_t low, int16_t high, bool outside,
                          const uint64_t *in, uint64_t *out);
    uint32_t (*range_i32)(const int32_t *x, uint32_t n, int32_t low, int32_t high, bool outside,
                          const uint64_t *in, uint64_t *out);
    uint32_t (*range_i64)(const int64_t *x, uint32_t n, int64_t low, int64_t high, bool outside,
                          const uint64_t *in, uint64_t *out);
    uint32_t (*range_f64)(const double *x, uint32_t n, double low, double high, bool outside,
                          const uint64_t *in, uint64_t *out);

    /* Equal to one of `count` numbers, each of which is compared with all x; with `outside` to none
     * of them, as a NaN is. Integers are of the type of x. */
    uint32_t (*any_i8)(const int8_t *x, uint32_t n, const int64_t *k, size_t count, bool outside,
                       const uint64_t *in, uint64_t *out);
    uint32_t (*any_i16)(const int16_t *x, uint32_t n, const int64_t *k, size_t count, bool outside,
                        const uint64_t *in, uint64_t *out);
    uint32_t (*any_i32)(const int32_t *x, uint32_t n, const int64_t *k, size_t count, bool outside,
                        const uint64_t *in, uint64_t *out);
    uint32_t (*any_i64)(const int64_t *x, uint32_t n, const int64_t *k, size_t count, bool outside,
                        const uint64_t *in, uint64_t *out);
    uint32_t (*any_f64)(const double *x, uint32_t n, const double *k, size_t count, bool outside,
                        const uint64_t *in, uint64_t *out);

    /* x rel y. */
    uint32_t (*pair_i64)(const int64_t *x, const int64_t *y, uint32_t n, enum dense_rel rel,
                         const uint64_t *in, uint64_t *out);
    uint32_t (*pair_f64)(const double *x, const double *y, uint32_t n, enum dense_rel rel,
                         const uint64_t *in, uint64_t *out);

    /* Rows whose code is in a set, given as a bitmap of 2^8, 2^16 bits, or of n_codes bits: codes
     * are below n_codes. */
    uint32_t (*lookup_u8)(const uint8_t *codes, uint32_t n, const uint64_t *set, const uint64_t *in,
                          uint64_t *out);
    uint32_t (*lookup_u16)(const uint16_t *codes, uint32_t n, const uint64_t *set,
                           const uint64_t *in, uint64_t *out);
    uint32_t (*lookup_u32)(const uint32_t *codes, uint32_t n, const uint64_t *set,
                           const uint64_t *in, uint64_t *out);

    /* Strings: row i is bytes[offsets[i] .. offsets[i + 1]). Equal to k, with k as prefix, suffix,
     * anywhere. `outside`: those that are not. */
    uint32_t (*str_equal)(const uint32_t *offsets, const uint8_t *bytes, uint32_t n,
                          const uint8_t *k, size_t k_n, bool outside, const uint64_t *in,
                          uint64_t *out);
    uint32_t (*str_prefix)(const uint32_t *offsets, const uint8_t *bytes, uint32_t n,
                           const uint8_t *k, size_t k_n, bool outside, const uint64_t *in,
                           uint64_t *out);
    uint32_t (*str_suffix)(const uint32_t *offsets, const uint8_t *bytes, uint32_t n,
                           const uint8_t *k, size_t k_n, bool outside, const uint64_t *in,
                           uint64_t *out);
    uint32_t (*str_contains)(const uint32_t *offsets, const uint8_t *bytes, uint32_t n,
                             const uint8_t *k, size_t k_n, bool outside, const uint64_t *in,
                             uint64_t *out);

    /* With some needle of at most NEEDLES_MOST in them, ASCII letters of either case. */
    uint32_t (*str_any)(const uint32_t *offsets, const uint8_t *bytes, uint32_t n,
                        const struct needle *needles, size_t count, const uint64_t *in,
                        uint64_t *out);
    /* Between bounds; `outside`: those that are not. */
    uint32_t (*str_range)(const uint32_t *offsets, const uint8_t *bytes, uint32_t n,
                          const struct text_range *range, bool outside, const uint64_t *in,
                          uint64_t *out);
    /* With a first byte of low .. high. */
    uint32_t (*str_first)(const uint32_t *offsets, const uint8_t *bytes, uint32_t n, uint8_t low,
                          uint8_t high, const uint64_t *in, uint64_t *out);

    /* Bitmaps, `words` words. */
    uint32_t (*bits_and)(const uint64_t *a, const uint64_t *b, uint32_t words, uint64_t *out);
    uint32_t (*bits_and_not)(const uint64_t *a, const uint64_t *b, uint32_t words, uint64_t *out);
    uint32_t (*bits_or)(const uint64_t *a, const uint64_t *b, uint32_t words, uint64_t *out);
    uint32_t (*bits_count)(const uint64_t *a, uint32_t words);

    /* The numbers of the set bits, each plus base, ascending; gives how many. out has room for them
     * and for 16 more. */
    uint32_t (*indices)(const uint64_t *bits, uint32_t words, uint32_t base, uint32_t *out);

    /* Least and greatest of n > 0 numbers, those of 8 bytes at any address; of doubles those that
     * are no NaN (low > high if there is none), and whether there is a NaN. */
    void (*bounds_i64)(const void *x, uint32_t n, int64_t *ret_low, int64_t *ret_high);
    void (*bounds_f64)(const void *x, uint32_t n, double *ret_low, double *ret_high, bool *ret_nan);
    void (*bounds_u32)(const uint32_t *x, uint32_t n, uint32_t *ret_low, uint32_t *ret_high);
    /* How often each byte occurs. */
    void (*tally_u8)(const uint8_t *x, uint32_t n, uint32_t ret[256]);
    /* Whether no number of 4 or of 8 bytes, at any address, is below the one before it. */
    bool (*ascends_u32)(const void *x, uint32_t n);
    bool (*ascends_u64)(const void *x, uint32_t n);
    /* x[i] - base, which fits, in fewer bytes, x at any address; x[i], which fits; and
     * back. */
    void (*narrow_i64)(const void *x, uint32_t n, uint64_t base, unsigned width, void *out);
    void (*narrow_u32)(const uint32_t *x, uint32_t n, unsigned width, void *out);
    void (*widen_i64)(const void *x, uint32_t n, uint64_t base, unsigned width, int64_t *out);
};

const struct dense_ops *dense_ops(void);
/* A level's loops, or NULL if this machine or this build has not got it. */
const struct dense_ops *dense_ops_at(enum dense_level level);

#endif

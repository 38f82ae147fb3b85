/* What the levels of the dense loops share. Private to src/kernel/dense*.
 *
 * A level is a file, dense_base.c and so on, that is compiled for its own instructions
 * (CMakeLists.txt): it defines the primitives below for 64 rows at once, and then includes
 * dense_loops.h, which makes all loops of them and gathers them in dense_LEVEL.
 *
 *   rows_in_i8, _i16, _i32, _i64 (x, low, span)   x - low <= span, unsigned, so wrapped around
 *   rows_in_f64 (x, low, high)                    low <= x <= high
 *   rows_spans (offsets, low, span)               the same of offsets[i + 1] - offsets[i]
 *   rows_eq_i64, _f64, rows_lt_i64, _f64, rows_le_f64 (x, y)
 *   rows_set_u8 (codes, set)                      with what set_u8 made of a set
 *   rows_set_u16, _u32 (codes, set, want)
 *   rows_word (bytes, at, back, want, word, care) of the rows in `want` (others may come out as
 *                                                 they like): the 8 bytes at bytes[at[i] - back],
 *                                                 but for those that `care` leaves out, are word
 *   rows_fit (p, search, fold)                    of 64 places in text, not rows: struct search;
 *                                                 fold, a constant: with its fold_byte
 *   put_indices (to, bits, base)                  as dense.h says of indices; gives the new end
 *
 * A level may define OWN_BITMAPS, and then bits_and, bits_and_not, bits_or and bits_count itself.
 *
 * Bit i of an answer is for row i. "Rows" of an argument are a pointer to the first of 64.
 */
#ifndef TAMIS_KERNEL_DENSE_LEVEL_H
#define TAMIS_KERNEL_DENSE_LEVEL_H

#include "kernel/dense.h"

#include <string.h>

#define INLINE static inline __attribute__((always_inline))

extern const struct dense_ops dense_base;
#if defined(__x86_64__)
extern const struct dense_ops dense_avx2, dense_avx512;
#endif

/* How far ahead memory is asked for: what the processor does by itself ends with the page.
 * Measured; an address behind the array does no harm. */
#define AHEAD_BYTES 4096u

INLINE void ask_ahead(const void *p, size_t bytes) {
    for (size_t i = 0; i < bytes; i += 64)
        __builtin_prefetch((const void *)((uintptr_t)p + AHEAD_BYTES + i));
}

/* Eight bytes as they stand. */
INLINE uint64_t load_word(const void *p) {
    uint64_t w;
    memcpy(&w, p, 8);
    return w;
}

/* Where the word of a row begins; inside the bytes for any row. */
INLINE uint32_t word_at(uint32_t at, uint32_t back) { return (at > back ? at : back) - back; }

INLINE bool set_has(const uint64_t *set, uint32_t code) { return set[code / 64] >> code % 64 & 1; }

/* What is looked for in text, and how: four of its bytes are compared at 64 places at once, and
 * where all fit the rest is looked at. */
#define SEARCH_BYTES 4
struct search {
    const uint8_t *k;
    size_t k_n;          /* > 0 */
    uint64_t word, care; /* its first 8 bytes, and which of them there are */
    size_t at[SEARCH_BYTES];
    uint8_t byte[SEARCH_BYTES][64]; /* k[at[i]], as often as there are places */
    /* If ASCII letters of either case are the same (k is in lower case then, and no longer than its
     * word): the bits to set in text before it is compared. */
    uint64_t fold;
    uint8_t fold_byte[SEARCH_BYTES][64];
};

#endif

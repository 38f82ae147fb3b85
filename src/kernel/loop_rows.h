/* The row loop of kernels whose test is a function of (arguments, row): bool test(const struct
 * sel_args *, uint32_t row, ...). Included by the files that have such tests. Private to kernel/.
 */
#ifndef TAMIS_KERNEL_LOOP_ROWS_H
#define TAMIS_KERNEL_LOOP_ROWS_H

#include "kernel/kernels.h"

#define ARGS const struct sel_args *a, const uint16_t *in, uint32_t n, uint16_t *out

/* `variant` is a constant that the test switches on: a relation, or which text function; `want` the
 * truth that is looked for. */
typedef bool row_test(const struct sel_args *a, uint32_t row, int variant, enum truth want);

INLINE uint32_t rows_loop(ARGS, row_test *test, int variant, enum truth want) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t r = in ? in[i] : i;
        out[kept] = (uint16_t)r;
        kept += test(a, r, variant, want);
    }
    return kept;
}

#endif

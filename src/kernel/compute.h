/* Computing: a function applied to the rows of a block, the result a column.
 *
 * As with kernels, the loop is chosen once a block by the types that its columns hold. The function
 * of function.h is the judge: a typed loop does what is common, and calls the function for every
 * row where it cannot (an overflow, a division by zero). Rows outside of the selection are left as
 * they are; `seen` of the result grows by the types that are written.
 */
#ifndef TAMIS_KERNEL_COMPUTE_H
#define TAMIS_KERNEL_COMPUTE_H

#include "kernel/function.h"
#include "value/column.h"

/* An argument: a column, or the same value in every row. */
struct compute_arg {
    const struct column *column; /* NULL: value */
    struct value value;
};

struct compute_args {
    const struct function *function;
    struct call *call;
    const struct compute_arg *args;
    uint32_t n_args;
    struct value *scratch; /* room for n_args */
    struct column *out;    /* none of the arguments */
};

/* in NULL: the rows 0 .. n-1. */
typedef void compute_fn(const struct compute_args *a, const uint16_t *in, uint32_t n);

struct compute_loop {
    const char *name; /* calc_<function>_<type> */
    compute_fn *run;
};

/* The loop for these arguments. Never NULL. */
const struct compute_loop *compute_pick(const struct compute_args *a);
/* Every loop there is; NULL past the end. */
const struct compute_loop *compute_at(size_t i);

#endif

/* Functions of values: what every operator and function of the language computes for one row's
 * values.
 *
 * These are the definitions (proto/QUERY.md says them in words, tests/diff/reference.py again in
 * Python). A plan runs a function as one step over a block: the loop calls `run` for each row, or,
 * for the common types of arithmetic, a typed loop that must agree with it.
 *
 * Rules that hold for all unless QUERY.md says otherwise: a null or missing argument gives null; an
 * argument of a type that the function does not take gives null and counts in *mismatch (T4); what
 * has no result for its arguments (overflow, division by zero, a text that is no number in CAST
 * ...) gives null and counts in *undefined (X7). Nothing traps, wraps or is converted silently.
 *
 * Results that are new bytes live in c->arena until the block is done. If memory runs out, `failed`
 * is set and the result is null; the run then ends with E_MEMORY. Pure otherwise; any thread, one
 * context each.
 */
#ifndef TAMIS_KERNEL_FUNCTION_H
#define TAMIS_KERNEL_FUNCTION_H

#include "base/arena.h"
#include "value/value.h"

#include <stdatomic.h>

struct call {
    struct arena *arena;
    uint64_t *mismatch, *undefined;
    const atomic_bool *stop;
    bool failed;
};

typedef struct value function_run(struct call *c, const struct value *args, uint32_t n);

struct function {
    const char *name;     /* lower case, as in the structured form and functions.def */
    uint32_t least, most; /* arguments; most UINT32_MAX: any number */
    function_run *run;
    double cost; /* of one call, in comparisons with a constant */
};

/* By name, ASCII case-insensitive; NULL if there is none. */
const struct function *function_find(struct str name);
const struct function *function_at(size_t i); /* NULL past the end */

/* For functions: null that counts. */
static inline struct value call_mismatch(struct call *c) {
    ++*c->mismatch;
    return value_null();
}
static inline struct value call_undefined(struct call *c) {
    ++*c->undefined;
    return value_null();
}

#endif

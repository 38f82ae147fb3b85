/* Kernels for REGEXP. Anything that is no string is UNKNOWN, null silently, other types counted; so
 * is, counted, a string too long to be matched in bounded time (regex.h). */
#include "kernel/loop_rows.h"
#include "kernel/regex.h"

INLINE bool regexp_str(const struct sel_args *a, uint32_t row, int variant, enum truth want) {
    (void)variant;
    bool failed;
    if (a->stop && atomic_load_explicit(a->stop, memory_order_relaxed))
        return false; /* the answer does not matter any more */
    bool t = regex_match(a->term->regex, a->x->word[row].p, a->x->len[row], &failed);
    *a->mismatch += failed;
    return !failed && t == (want == TRUE_);
}

INLINE bool regexp_any(const struct sel_args *a, uint32_t row, int variant, enum truth want) {
    uint8_t tag = a->x->tag[row];
    if (tag == T_STR)
        return regexp_str(a, row, variant, want);
    *a->mismatch += tag > T_NULL;
    return false;
}

uint32_t sel_regexp_str(ARGS) { return rows_loop(a, in, n, out, regexp_str, 0, TRUE_); }
uint32_t sel_not_regexp_str(ARGS) { return rows_loop(a, in, n, out, regexp_str, 0, FALSE_); }
uint32_t sel_regexp_any(ARGS) { return rows_loop(a, in, n, out, regexp_any, 0, TRUE_); }
uint32_t sel_not_regexp_any(ARGS) { return rows_loop(a, in, n, out, regexp_any, 0, FALSE_); }

/* Kernels that take columns of any types: comparisons by the reference comparison of value/,
 * numbers against a constant by intervals, sets, and the two-valued tests. The other kernels must
 * agree with these. */
#include "kernel/loop_rows.h"
#include "kernel/set.h"

#include <math.h>

INLINE bool compare_test(const struct sel_args *a, uint32_t row, int rel, enum truth want,
                         struct value y) {
    bool mismatch = false;
    enum truth t = value_compare(rel_compare((enum rel)rel), column_get(a->x, row), y, &mismatch);
    *a->mismatch += mismatch;
    return t == want;
}

INLINE bool constant_any(const struct sel_args *a, uint32_t row, int rel, enum truth want) {
    return compare_test(a, row, rel, want, a->term->k);
}

INLINE bool columns_any(const struct sel_args *a, uint32_t row, int rel, enum truth want) {
    return compare_test(a, row, rel, want, column_get(a->y, row));
}

/* BETWEEN with bounds of one ordered class: UNKNOWN for null and for other classes. */
INLINE bool between_any(const struct sel_args *a, uint32_t row, int variant, enum truth want) {
    (void)variant;
    bool mismatch = false;
    struct value x = column_get(a->x, row);
    enum truth low = value_compare(CMP_GE, x, a->term->k, &mismatch);
    enum truth high = value_compare(CMP_LE, x, a->term->k2, &mismatch);
    *a->mismatch += mismatch;
    return (low < high ? low : high) == want;
}

INLINE bool in_range(const struct column *x, uint32_t row, const struct number_range *k) {
    union word w = x->word[row];
    switch (x->tag[row]) {
    case T_INT:
        return w.i >= k->i_low && w.i <= k->i_high;
    case T_DOUBLE:
        return w.d >= k->d_low && w.d <= k->d_high;
    default:
        return w.u >= k->u_low && w.u <= k->u_high;
    }
}

INLINE bool is_number(uint8_t tag) { return (1u << tag) & SEEN_NUMBER; }

/* Order against a number constant. */
INLINE bool range_num(const struct sel_args *a, uint32_t row, int variant, enum truth want) {
    (void)variant;
    uint8_t tag = a->x->tag[row];
    if (is_number(tag))
        return in_range(a->x, row, &a->term->range) == (want == TRUE_);
    *a->mismatch += tag > T_NULL;
    return false;
}

/* Equality with a number constant: two-valued for everything that is not null. */
INLINE bool equal_num(const struct sel_args *a, uint32_t row, int variant, enum truth want) {
    (void)variant;
    uint8_t tag = a->x->tag[row];
    return tag > T_NULL &&
           (is_number(tag) && in_range(a->x, row, &a->term->range)) == (want == TRUE_);
}

INLINE bool set_any(const struct sel_args *a, uint32_t row, int variant, enum truth want) {
    (void)variant;
    return set_truth(a->term->set, column_get(a->x, row)) == want;
}

/* The typed set loops: rows of other types in a nullable column are null, so neither in nor not in.
 * A set with a null gives no FALSE, which kernel_pick has seen to. */
INLINE bool set_i64(const struct sel_args *a, uint32_t row, int nullable, enum truth want) {
    return (!nullable || a->x->tag[row] == T_INT) &&
           set_has_int(a->term->set, a->x->word[row].i) == (want == TRUE_);
}

INLINE bool set_str(const struct sel_args *a, uint32_t row, int nullable, enum truth want) {
    return (!nullable || a->x->tag[row] == T_STR) &&
           set_has_string(a->term->set, a->x->word[row].p, a->x->len[row]) == (want == TRUE_);
}

INLINE bool distinct_test(const struct sel_args *a, uint32_t row, int columns, enum truth want) {
    struct value y = columns ? column_get(a->y, row) : a->term->k;
    return value_distinct(column_get(a->x, row), y) == (want == TRUE_);
}

INLINE bool null_test(const struct sel_args *a, uint32_t row, int most, enum truth want) {
    return (a->x->tag[row] <= most) == (want == TRUE_);
}

INLINE bool nan_test(const struct sel_args *a, uint32_t row, int any, enum truth want) {
    return ((!any || a->x->tag[row] == T_DOUBLE) && isnan(a->x->word[row].d)) == (want == TRUE_);
}

INLINE bool bool_test(const struct sel_args *a, uint32_t row, int any, enum truth want) {
    uint8_t tag = a->x->tag[row];
    if (any && tag != T_BOOL) {
        *a->mismatch += tag > T_NULL;
        return false;
    }
    return (a->x->word[row].i != 0) == (want == TRUE_);
}

#define X(op, REL)                                                                                 \
    uint32_t sel_##op##_any(ARGS) {                                                                \
        return rows_loop(a, in, n, out, constant_any, REL_##REL, rel_truth(REL_##REL));            \
    }                                                                                              \
    uint32_t sel_##op##_any_any(ARGS) {                                                            \
        return rows_loop(a, in, n, out, columns_any, REL_##REL, rel_truth(REL_##REL));             \
    }
RELS_ORDER(X)
RELS_NOT(X)
#undef X

#define KERNEL(name, test, variant, want)                                                          \
    uint32_t sel_##name(ARGS) { return rows_loop(a, in, n, out, test, variant, want); }
KERNEL(between_any, between_any, 0, TRUE_)
KERNEL(outside_any, between_any, 0, FALSE_)
KERNEL(eq_num, equal_num, 0, TRUE_)
KERNEL(ne_num, equal_num, 0, FALSE_)
KERNEL(between_num, range_num, 0, TRUE_)
KERNEL(outside_num, range_num, 0, FALSE_)
KERNEL(in_i64, set_i64, 0, TRUE_)
KERNEL(in_i64_null, set_i64, 1, TRUE_)
KERNEL(in_str, set_str, 0, TRUE_)
KERNEL(in_str_null, set_str, 1, TRUE_)
KERNEL(in_any, set_any, 0, TRUE_)
KERNEL(notin_i64, set_i64, 0, FALSE_)
KERNEL(notin_i64_null, set_i64, 1, FALSE_)
KERNEL(notin_str, set_str, 0, FALSE_)
KERNEL(notin_str_null, set_str, 1, FALSE_)
KERNEL(notin_any, set_any, 0, FALSE_)
KERNEL(distinct_any, distinct_test, 0, TRUE_)
KERNEL(not_distinct_any, distinct_test, 0, FALSE_)
KERNEL(distinct_any_any, distinct_test, 1, TRUE_)
KERNEL(not_distinct_any_any, distinct_test, 1, FALSE_)
KERNEL(null_any, null_test, T_NULL, TRUE_)
KERNEL(notnull_any, null_test, T_NULL, FALSE_)
KERNEL(missing_any, null_test, T_MISSING, TRUE_)
KERNEL(present_any, null_test, T_MISSING, FALSE_)
KERNEL(nan_f64, nan_test, 0, TRUE_)
KERNEL(notnan_f64, nan_test, 0, FALSE_)
KERNEL(nan_any, nan_test, 1, TRUE_)
KERNEL(notnan_any, nan_test, 1, FALSE_)
KERNEL(true_bool, bool_test, 0, TRUE_)
KERNEL(false_bool, bool_test, 0, FALSE_)
KERNEL(true_any, bool_test, 1, TRUE_)
KERNEL(false_any, bool_test, 1, FALSE_)

uint32_t sel_all(ARGS) {
    (void)a;
    for (uint32_t i = 0; i < n; i++)
        out[i] = in ? in[i] : (uint16_t)i;
    return n;
}

uint32_t sel_none(ARGS) {
    (void)a, (void)in, (void)n, (void)out;
    return 0;
}

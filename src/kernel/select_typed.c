/* Comparison kernels for columns that hold one type: int64, double, string, timestamp. See
 * kernels.h for how they are made. */
#include "kernel/kernels.h"

INLINE bool holds_i64(enum rel rel, int64_t a, int64_t b) {
    switch (rel) {
    case REL_EQ:
        return a == b;
    case REL_NE:
        return a != b;
    case REL_LT:
        return a < b;
    case REL_LE:
        return a <= b;
    case REL_GT:
        return a > b;
    default:
        return a >= b;
    }
}

INLINE bool holds_f64(enum rel rel, double a, double b) {
    switch (rel) {
    case REL_EQ:
        return a == b;
    case REL_NE:
        return a != b;
    case REL_LT:
        return a < b;
    case REL_LE:
        return a <= b;
    case REL_GT:
        return a > b;
    case REL_GE:
        return a >= b;
    case REL_NLT:
        return !(a < b);
    case REL_NLE:
        return !(a <= b);
    case REL_NGT:
        return !(a > b);
    default:
        return !(a >= b);
    }
}

INLINE bool holds_str(enum rel rel, struct str a, struct str b) {
    if (rel == REL_EQ || rel == REL_NE)
        return str_eq(a, b) == (rel == REL_EQ);
    return rel_order(rel, str_cmp(a, b));
}

/* A timestamp: the pair that QUERY.md D1 compares. */
struct instant {
    int64_t seconds;
    uint32_t nanoseconds;
};

INLINE bool holds_time(enum rel rel, struct instant a, struct instant b) {
    int same = a.seconds == b.seconds;
    int equal = same & (a.nanoseconds == b.nanoseconds);
    int less = (a.seconds < b.seconds) | (same & (a.nanoseconds < b.nanoseconds));
    switch (rel) {
    case REL_EQ:
        return equal;
    case REL_NE:
        return !equal;
    case REL_LT:
        return less;
    case REL_LE:
        return less | equal;
    case REL_GT:
        return !(less | equal);
    default:
        return !less;
    }
}

INLINE struct instant instant_of(struct value v) { return (struct instant){v.w.i, v.n}; }

INLINE int64_t constant_i64(const struct term *t) { return t->i_k; }
INLINE int64_t low_i64(const struct term *t) { return t->range.i_low; }
INLINE int64_t high_i64(const struct term *t) { return t->range.i_high; }
INLINE double constant_f64(const struct term *t) { return t->d_k; }
INLINE double low_f64(const struct term *t) { return t->range.d_low; }
INLINE double high_f64(const struct term *t) { return t->range.d_high; }
INLINE struct str constant_str(const struct term *t) { return value_as_str(t->k); }
INLINE struct str low_str(const struct term *t) { return value_as_str(t->k); }
INLINE struct str high_str(const struct term *t) { return value_as_str(t->k2); }
INLINE struct instant constant_time(const struct term *t) { return instant_of(t->k); }
INLINE struct instant low_time(const struct term *t) { return instant_of(t->k); }
INLINE struct instant high_time(const struct term *t) { return instant_of(t->k2); }

#define TYPE      int64_t
#define SUFFIX    i64
#define TAG       T_INT
#define GET(c, r) ((c)->word[r].i)
#define HOLDS     holds_i64
#define SAFE      1
#include "kernel/loop_typed.h"

#define TYPE      double
#define SUFFIX    f64
#define TAG       T_DOUBLE
#define GET(c, r) ((c)->word[r].d)
#define HOLDS     holds_f64
#define SAFE      1
#include "kernel/loop_typed.h"

#define TYPE      struct str
#define SUFFIX    str
#define TAG       T_STR
#define GET(c, r) ((struct str){(const char *)(c)->word[r].p, (c)->len[r]})
#define HOLDS     holds_str
#define SAFE      0
#include "kernel/loop_typed.h"

#define TYPE      struct instant
#define SUFFIX    time
#define TAG       T_TIMESTAMP
#define GET(c, r) ((struct instant){(c)->word[r].i, (c)->len[r]})
#define HOLDS     holds_time
#define SAFE      1
#include "kernel/loop_typed.h"

#define ARGS const struct sel_args *a, const uint16_t *in, uint32_t n, uint16_t *out

#define X(op, REL)                                                                                 \
    uint32_t sel_##op##_i64(ARGS) { return constant_loop_i64(a, in, n, out, REL_##REL, false); }   \
    uint32_t sel_##op##_i64_null(ARGS) { return constant_loop_i64(a, in, n, out, REL_##REL, true); }
RELS_ORDER(X)
RELS_RANGE(X)
#undef X

#define X(op, REL)                                                                                 \
    uint32_t sel_##op##_f64(ARGS) { return constant_loop_f64(a, in, n, out, REL_##REL, false); }   \
    uint32_t sel_##op##_f64_null(ARGS) { return constant_loop_f64(a, in, n, out, REL_##REL, true); }
RELS_ORDER(X)
RELS_NOT(X)
RELS_RANGE(X)
#undef X

#define X(op, REL)                                                                                 \
    uint32_t sel_##op##_str(ARGS) { return constant_loop_str(a, in, n, out, REL_##REL, false); }   \
    uint32_t sel_##op##_str_null(ARGS) { return constant_loop_str(a, in, n, out, REL_##REL, true); }
RELS_ORDER(X)
RELS_RANGE(X)
#undef X

#define X(op, REL)                                                                                 \
    uint32_t sel_##op##_time(ARGS) { return constant_loop_time(a, in, n, out, REL_##REL, false); } \
    uint32_t sel_##op##_time_null(ARGS) {                                                          \
        return constant_loop_time(a, in, n, out, REL_##REL, true);                                 \
    }
RELS_ORDER(X)
RELS_RANGE(X)
#undef X

/* One loop for columns without nulls, and one for those with some. */
#define COLUMNS(op, REL, type)                                                                     \
    uint32_t sel_##op##_##type##_##type(ARGS) {                                                    \
        return columns_loop_##type(a, in, n, out, REL_##REL, false);                               \
    }                                                                                              \
    uint32_t sel_##op##_##type##_##type##_null(ARGS) {                                             \
        return columns_loop_##type(a, in, n, out, REL_##REL, true);                                \
    }

#define X(op, REL)                                                                                 \
    COLUMNS(op, REL, i64) COLUMNS(op, REL, f64) COLUMNS(op, REL, str) COLUMNS(op, REL, time)
RELS_ORDER(X)
#undef X

#define X(op, REL) COLUMNS(op, REL, f64)
RELS_NOT(X)
#undef X

/* Numbers compared by exact mathematical value (QUERY.md X1-X3, X6). No rounding anywhere: an
 * integer is never turned into a double unless it is known to be exact. */
#include "value/value.h"

#include <math.h>

#define TWO_63 9223372036854775808.0
#define TWO_64 18446744073709551616.0

static int order_i64(int64_t a, int64_t b) { return (a > b) - (a < b); }
static int order_u64(uint64_t a, uint64_t b) { return (a > b) - (a < b); }
static int order_f64(double a, double b) { return (a > b) - (a < b); }

/* i against d, d not NaN: by the truncated double, and on a tie by the sign of what was cut off. */
static int order_i64_f64(int64_t i, double d) {
    if (d >= TWO_63)
        return -1;
    if (d < -TWO_63)
        return 1;
    double t = trunc(d);
    int c = order_i64(i, (int64_t)t);
    return c ? c : order_f64(t, d);
}

static int order_u64_f64(uint64_t u, double d) {
    if (d >= TWO_64)
        return -1;
    if (d < 0)
        return 1;
    double t = trunc(d);
    int c = order_u64(u, (uint64_t)t);
    return c ? c : order_f64(t, d);
}

int number_order(struct value a, struct value b) {
    if (a.type == T_INT) {
        if (b.type == T_INT)
            return order_i64(a.w.i, b.w.i);
        return b.type == T_UINT ? -1 : order_i64_f64(a.w.i, b.w.d);
    }
    if (a.type == T_UINT) {
        if (b.type == T_UINT)
            return order_u64(a.w.u, b.w.u);
        return b.type == T_INT ? 1 : order_u64_f64(a.w.u, b.w.d);
    }
    if (b.type == T_DOUBLE)
        return order_f64(a.w.d, b.w.d);
    return -number_order(b, a);
}

struct value value_canonical(struct value v) {
    if (v.type != T_DOUBLE || !(v.w.d >= -TWO_63 && v.w.d < TWO_64) || trunc(v.w.d) != v.w.d)
        return v;
    if (v.w.d < TWO_63)
        return value_int((int64_t)v.w.d); /* -0.0 becomes 0 */
    return value_uint((uint64_t)v.w.d);
}

/* Functions of one number, and power. Integers stay integers where the result is one by nature
 * (abs, round, floor, ceil, sign); sqrt and power give doubles. What IEEE 754 would answer with a
 * NaN for arguments that are none is undefined; an overflow to infinity is a result. */
#include "kernel/double_text.h"
#include "kernel/function_impl.h"

#include <math.h>

struct value function_abs(struct call *c, const struct value *args, uint32_t n) {
    (void)n;
    if (!admitted_1(c, args, SEEN_NUMBER))
        return value_null();
    if (args[0].type == T_DOUBLE)
        return value_double(fabs(args[0].w.d));
    wide v = integer_of(args[0]);
    return call_integer(c, v < 0 ? -v : v);
}

struct value function_floor(struct call *c, const struct value *args, uint32_t n) {
    (void)n;
    if (!admitted_1(c, args, SEEN_NUMBER))
        return value_null();
    return args[0].type == T_DOUBLE ? value_double(floor(args[0].w.d)) : args[0];
}

struct value function_ceil(struct call *c, const struct value *args, uint32_t n) {
    (void)n;
    if (!admitted_1(c, args, SEEN_NUMBER))
        return value_null();
    return args[0].type == T_DOUBLE ? value_double(ceil(args[0].w.d)) : args[0];
}

/* 0.0, -0.0 and NaN stay what they are. */
struct value function_sign(struct call *c, const struct value *args, uint32_t n) {
    (void)n;
    if (!admitted_1(c, args, SEEN_NUMBER))
        return value_null();
    double d = args[0].w.d;
    if (args[0].type == T_DOUBLE)
        return d > 0 || d < 0 ? value_double(d > 0 ? 1 : -1) : args[0];
    wide v = integer_of(args[0]);
    return value_int((v > 0) - (v < 0));
}

struct value function_sqrt(struct call *c, const struct value *args, uint32_t n) {
    (void)n;
    if (!admitted_1(c, args, SEEN_NUMBER))
        return value_null();
    double d = double_of(args[0]);
    return d < 0 ? call_undefined(c) : value_double(sqrt(d));
}

/* Undefined: a negative base to a power that is no whole number, and zero to a negative one. */
struct value function_power(struct call *c, const struct value *args, uint32_t n) {
    (void)n;
    if (!admitted_2(c, args, SEEN_NUMBER))
        return value_null();
    double x = double_of(args[0]), y = double_of(args[1]);
    if (x == 0 && y < 0)
        return call_undefined(c);
    if (y == 0 || x == 1)
        return value_double(1); /* also for a NaN, whatever its payload */
    double result = pow(x, y);
    if (isnan(result) && !isnan(x) && !isnan(y))
        return call_undefined(c);
    return value_double(result);
}

/* --- round --- */

/* An integer to a multiple of 10 ** places. */
static struct value round_integer(struct call *c, wide v, uint64_t places) {
    if (places > 20)
        return value_int(0); /* no integer is half of that */
    wide unit = 1;
    for (uint64_t i = 0; i < places; i++)
        unit *= 10;
    wide magnitude = v < 0 ? -v : v;
    magnitude = (magnitude + unit / 2) / unit * unit;
    return call_integer(c, v < 0 ? -magnitude : magnitude);
}

static struct value round_double(struct call *c, double d, wide digits) {
    if (digits == 0)
        return value_double(round(d));
    if (digits > DOUBLE_DIGITS_MOST)
        return value_double(d);
    if (digits < -DOUBLE_DIGITS_MOST)
        return value_double(isfinite(d) ? copysign(0, d) : d);
    double result;
    if (!double_round(d, (int)digits, &result))
        return call_failed(c);
    return value_double(result);
}

struct value function_round(struct call *c, const struct value *args, uint32_t n) {
    const uint32_t types[] = {SEEN_NUMBER, SEEN_INTEGER};
    if (!admitted(c, args, n, types))
        return value_null();
    wide digits = n > 1 ? integer_of(args[1]) : 0;
    if (args[0].type == T_DOUBLE)
        return round_double(c, args[0].w.d, digits);
    return digits >= 0 ? args[0] : round_integer(c, integer_of(args[0]), (uint64_t)-digits);
}

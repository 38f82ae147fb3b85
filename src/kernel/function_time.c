/* Timestamps to numbers and back (QUERY.md D1-D4). A timestamp is a pair of seconds, floored, and
 * nanoseconds; the way goes by 128-bit nanoseconds, so that the whole range of seconds works. What
 * leaves the range of the result is undefined. */
#include "kernel/function_impl.h"

#include <math.h>

struct value call_timestamp(struct call *c, wide nanoseconds) {
    wide seconds = wide_floor_div(nanoseconds, SECOND_NS);
    if (seconds < INT64_MIN || seconds > INT64_MAX)
        return call_undefined(c);
    return value_timestamp((int64_t)seconds, (uint32_t)(nanoseconds - seconds * SECOND_NS));
}

/* The nearest double of nanoseconds / 10^9: the quotient with 56 bits or more and, in its lowest
 * bit, whether anything is left, is rounded once. */
double timestamp_epoch(struct value t) {
    wide total = (wide)t.w.i * SECOND_NS + t.n;
    unsigned __int128 n = total < 0 ? -(unsigned __int128)total : (unsigned __int128)total;
    if (n == 0)
        return 0;
    uint64_t high = (uint64_t)(n >> 64);
    int bits = high ? 128 - __builtin_clzll(high) : 64 - __builtin_clzll((uint64_t)n);
    int shift = bits < 87 ? 87 - bits : 0; /* 2^86 / 10^9 has 57 bits */
    n <<= shift;
    unsigned __int128 quotient = n / SECOND_NS;
    quotient |= n % SECOND_NS != 0;
    double d = ldexp((double)quotient, -shift);
    return total < 0 ? -d : d;
}

/* --- numbers to timestamps --- */

/* d units of unit_ns each, less than 2 ** 94 in all, as the nearest nanosecond; of two the later
 * one. d is a whole number times a power of two, so nothing is lost before the one rounding. */
static wide scale_double(double d, int64_t unit_ns) {
    int exponent;
    wide mantissa = (wide)ldexp(frexp(d, &exponent), 53);
    wide scaled = mantissa * unit_ns; /* below 2 ** 83 */
    exponent -= 53;
    if (exponent >= 0)
        return scaled * ((wide)1 << exponent);
    if (exponent < -100)
        return 0; /* less than half a nanosecond */
    return wide_floor_div(scaled + ((wide)1 << (-exponent - 1)), (wide)1 << -exponent);
}

static struct value to_timestamp(struct call *c, const struct value *args, int64_t unit_ns) {
    if (!admitted_1(c, args, SEEN_NUMBER))
        return value_null();
    if (args[0].type != T_DOUBLE)
        return call_timestamp(c, integer_of(args[0]) * unit_ns);
    double d = args[0].w.d;
    if (!(fabs(d) * (double)unit_ns < 0x1p94))
        return call_undefined(c); /* far beyond the range, or no number */
    return call_timestamp(c, scale_double(d, unit_ns));
}

struct value function_to_timestamp_s(struct call *c, const struct value *args, uint32_t n) {
    (void)n;
    return to_timestamp(c, args, SECOND_NS);
}
struct value function_to_timestamp_ms(struct call *c, const struct value *args, uint32_t n) {
    (void)n;
    return to_timestamp(c, args, 1000000);
}
struct value function_to_timestamp_us(struct call *c, const struct value *args, uint32_t n) {
    (void)n;
    return to_timestamp(c, args, 1000);
}
struct value function_to_timestamp_ns(struct call *c, const struct value *args, uint32_t n) {
    (void)n;
    return to_timestamp(c, args, 1);
}

/* --- timestamps to numbers --- */

static struct value epoch_in(struct call *c, const struct value *args, int64_t unit_ns) {
    if (!admitted_1(c, args, SEEN(T_TIMESTAMP)))
        return value_null();
    wide nanoseconds = (wide)args[0].w.i * SECOND_NS + args[0].n;
    return call_integer(c, wide_floor_div(nanoseconds, unit_ns));
}

struct value function_epoch_s(struct call *c, const struct value *args, uint32_t n) {
    (void)n;
    return epoch_in(c, args, SECOND_NS);
}
struct value function_epoch_ms(struct call *c, const struct value *args, uint32_t n) {
    (void)n;
    return epoch_in(c, args, 1000000);
}
struct value function_epoch_us(struct call *c, const struct value *args, uint32_t n) {
    (void)n;
    return epoch_in(c, args, 1000);
}
struct value function_epoch_ns(struct call *c, const struct value *args, uint32_t n) {
    (void)n;
    return epoch_in(c, args, 1);
}

struct value function_epoch(struct call *c, const struct value *args, uint32_t n) {
    (void)n;
    if (!admitted_1(c, args, SEEN(T_TIMESTAMP)))
        return value_null();
    return value_double(timestamp_epoch(args[0]));
}

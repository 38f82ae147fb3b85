/* The operators of numbers: + - * / % and the bits (QUERY.md X7).
 *
 * The integers are those of int64 and uint64 together. A result that is one of them is exact; any
 * other is undefined. One double among the operands makes the operation IEEE 754's, but for
 * division by zero, which is undefined too.
 *
 * Bit operators see 64-bit patterns. Their result is unsigned if an operand is above INT64_MAX, and
 * two's complement otherwise, so that x & m = m works for every mask m >= 0. */
#include "kernel/function_impl.h"

#include <math.h>

static bool any_double(const struct value *args) {
    return args[0].type == T_DOUBLE || args[1].type == T_DOUBLE;
}

struct value function_add(struct call *c, const struct value *args, uint32_t n) {
    (void)n;
    int64_t sum;
    if (args[0].type == T_INT && args[1].type == T_INT &&
        !__builtin_add_overflow(args[0].w.i, args[1].w.i, &sum))
        return value_int(sum);
    if (!admitted_2(c, args, SEEN_NUMBER))
        return value_null();
    if (any_double(args))
        return value_double(double_of(args[0]) + double_of(args[1]));
    return call_integer(c, integer_of(args[0]) + integer_of(args[1]));
}

struct value function_subtract(struct call *c, const struct value *args, uint32_t n) {
    (void)n;
    int64_t difference;
    if (args[0].type == T_INT && args[1].type == T_INT &&
        !__builtin_sub_overflow(args[0].w.i, args[1].w.i, &difference))
        return value_int(difference);
    if (!admitted_2(c, args, SEEN_NUMBER))
        return value_null();
    if (any_double(args))
        return value_double(double_of(args[0]) - double_of(args[1]));
    return call_integer(c, integer_of(args[0]) - integer_of(args[1]));
}

struct value function_multiply(struct call *c, const struct value *args, uint32_t n) {
    (void)n;
    int64_t product;
    if (args[0].type == T_INT && args[1].type == T_INT &&
        !__builtin_mul_overflow(args[0].w.i, args[1].w.i, &product))
        return value_int(product);
    if (!admitted_2(c, args, SEEN_NUMBER))
        return value_null();
    if (any_double(args))
        return value_double(double_of(args[0]) * double_of(args[1]));
    wide exact; /* two uint64 can be too much even for 128 bits with a sign */
    if (__builtin_mul_overflow(integer_of(args[0]), integer_of(args[1]), &exact))
        return call_undefined(c);
    return call_integer(c, exact);
}

/* The divisor of / and %: not zero. */
static bool divisible(struct call *c, const struct value *args) {
    if (!admitted_2(c, args, SEEN_NUMBER))
        return false;
    bool zero = args[1].type == T_DOUBLE ? args[1].w.d == 0 : integer_of(args[1]) == 0;
    *c->undefined += zero;
    return !zero;
}

struct value function_divide(struct call *c, const struct value *args, uint32_t n) {
    (void)n;
    if (!divisible(c, args))
        return value_null();
    if (any_double(args))
        return value_double(double_of(args[0]) / double_of(args[1]));
    return call_integer(c, integer_of(args[0]) / integer_of(args[1]));
}

struct value function_modulo(struct call *c, const struct value *args, uint32_t n) {
    (void)n;
    if (!divisible(c, args))
        return value_null();
    if (any_double(args))
        return value_double(fmod(double_of(args[0]), double_of(args[1])));
    return call_integer(c, integer_of(args[0]) % integer_of(args[1]));
}

struct value function_mod(struct call *c, const struct value *args, uint32_t n) {
    return function_modulo(c, args, n);
}

struct value function_negate(struct call *c, const struct value *args, uint32_t n) {
    (void)n;
    if (!admitted_1(c, args, SEEN_NUMBER))
        return value_null();
    if (args[0].type == T_DOUBLE)
        return value_double(-args[0].w.d);
    return call_integer(c, -integer_of(args[0]));
}

/* --- bits --- */

/* The pattern of an integer; w.i and w.u are the same 64 bits. */
static uint64_t bits_of(struct value v) { return v.w.u; }

static struct value value_bits(uint64_t bits, bool is_unsigned) {
    return is_unsigned ? value_uint(bits) : value_int((int64_t)bits);
}

static bool any_unsigned(const struct value *args) {
    return args[0].type == T_UINT || args[1].type == T_UINT;
}

struct value function_bit_and(struct call *c, const struct value *args, uint32_t n) {
    (void)n;
    if (!admitted_2(c, args, SEEN_INTEGER))
        return value_null();
    return value_bits(bits_of(args[0]) & bits_of(args[1]), any_unsigned(args));
}

struct value function_bit_or(struct call *c, const struct value *args, uint32_t n) {
    (void)n;
    if (!admitted_2(c, args, SEEN_INTEGER))
        return value_null();
    return value_bits(bits_of(args[0]) | bits_of(args[1]), any_unsigned(args));
}

struct value function_bit_not(struct call *c, const struct value *args, uint32_t n) {
    (void)n;
    if (!admitted_1(c, args, SEEN_INTEGER))
        return value_null();
    return value_bits(~bits_of(args[0]), args[0].type == T_UINT);
}

/* The count of << and >>: 0 to 63. */
static bool shiftable(struct call *c, const struct value *args) {
    if (!admitted_2(c, args, SEEN_INTEGER))
        return false;
    bool right = args[1].w.u < 64; /* as a pattern, a negative count is large */
    *c->undefined += !right;
    return right;
}

struct value function_shift_left(struct call *c, const struct value *args, uint32_t n) {
    (void)n;
    if (!shiftable(c, args))
        return value_null();
    return value_bits(bits_of(args[0]) << args[1].w.u, args[0].type == T_UINT);
}

/* A negative number is filled up with ones: x >> k is floor(x / 2 ** k) for all x. */
struct value function_shift_right(struct call *c, const struct value *args, uint32_t n) {
    (void)n;
    if (!shiftable(c, args))
        return value_null();
    bool negative = args[0].type == T_INT && args[0].w.i < 0;
    uint64_t bits =
        negative ? ~(~bits_of(args[0]) >> args[1].w.u) : bits_of(args[0]) >> args[1].w.u;
    return value_bits(bits, args[0].type == T_UINT);
}

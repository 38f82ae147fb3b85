/* What the functions share. Private to kernel/.
 *
 * Every function_NAME of functions.def is a function_run, found through function.c's table alone.
 * Each begins the same way: null arguments give null, then types are looked at (call_mismatch),
 * then the values (call_undefined). The order matters: a null beside a value of a wrong type is
 * not counted, as in comparisons.
 */
#ifndef TAMIS_KERNEL_FUNCTION_IMPL_H
#define TAMIS_KERNEL_FUNCTION_IMPL_H

#include "kernel/function.h"

#define X(name, text, least, most, cost, what) function_run function_##name;
#include "functions.def"
#undef X

/* The longest string that a function makes; more is a failure for want of memory, so that a row
 * cannot make its like of a small one. */
#define FUNCTION_TEXT_BYTES (64u << 20)
/* And of all of them in one block of rows. */
#define BLOCK_TEXT_BYTES (128u << 20)

__extension__ typedef __int128 wide; /* holds every sum and step between 64-bit integers */

#define SEEN_INTEGER (SEEN(T_INT) | SEEN(T_UINT))

/* Whether a call goes on: no argument is null and argument i has one of types[i]. If not, the
 * result is null, and counted where it has to be. */
bool admitted(struct call *c, const struct value *args, uint32_t n, const uint32_t *types);

/* The same with the same types for one argument, or for two. */
static inline bool admitted_1(struct call *c, const struct value *args, uint32_t types) {
    return admitted(c, args, 1, &types);
}
static inline bool admitted_2(struct call *c, const struct value *args, uint32_t types) {
    return admitted(c, args, 2, (uint32_t[]){types, types});
}

static inline wide integer_of(struct value v) { return v.type == T_INT ? v.w.i : (wide)v.w.u; }

/* A number as the nearest double. */
static inline double double_of(struct value v) {
    return v.type == T_DOUBLE ? v.w.d : v.type == T_INT ? (double)v.w.i : (double)v.w.u;
}

/* An integer if one of the two integer types holds it. */
static inline struct value call_integer(struct call *c, wide v) {
    if (v < INT64_MIN || v > UINT64_MAX)
        return call_undefined(c);
    return v <= INT64_MAX ? value_int((int64_t)v) : value_uint((uint64_t)v);
}

#define SECOND_NS 1000000000

static inline wide wide_floor_div(wide a, wide b) { return a / b - (a % b < 0); } /* b > 0 */

/* A timestamp from nanoseconds after 1970, if its seconds are an int64. */
struct value call_timestamp(struct call *c, wide nanoseconds);

/* Its seconds after 1970, as a double: two roundings beyond 2 ** 53 seconds. */
double timestamp_epoch(struct value t);

/* Ends a call for which there is no memory. */
static inline struct value call_failed(struct call *c) {
    c->failed = true;
    return value_null();
}

/* Room for a string of n bytes in the block's arena; NULL (and failed set) if there is none. */
uint8_t *call_text(struct call *c, size_t n);

/* A constant text for a value, which is not copied. */
static inline struct value value_text(const char *text) { return value_str(str_of(text)); }

/* Whether s is a word, whose letters are lower case, in any case. ASCII only. */
bool word_is(struct str s, const char *word);

#endif

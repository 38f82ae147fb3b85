/* Functions that choose among values of any type, and those about types: coalesce, nullif, least,
 * greatest, type_of, array_length. Nulls are what they are for, so most of them take nulls. */
#include "kernel/function_impl.h"
#include "value/mp.h"

struct value function_coalesce(struct call *c, const struct value *args, uint32_t n) {
    (void)c;
    for (uint32_t i = 0; i < n; i++)
        if (!value_is_null(args[i]))
            return args[i];
    return value_null();
}

/* Equality is that of `=`: 1 equals 1.0, NaN equals nothing, and neither does null. */
struct value function_nullif(struct call *c, const struct value *args, uint32_t n) {
    (void)c, (void)n;
    bool same = value_compare(CMP_EQ, args[0], args[1], NULL) == TRUE_;
    return same || value_is_null(args[0]) ? value_null() : args[0];
}

#define SEEN_ORDERED (SEEN_NUMBER | SEEN(T_STR) | SEEN(T_BIN) | SEEN(T_TIMESTAMP))

/* Of the arguments that are not null, the first that `op` sets before all others. They must be of
 * one class that has an order. A NaN among them is the result, wherever it stands. */
static struct value extreme(struct call *c, const struct value *args, uint32_t n, enum compare op) {
    struct value best = value_null();
    bool nan = false;
    for (uint32_t i = 0; i < n; i++) {
        struct value v = args[i];
        if (value_is_null(v))
            continue;
        if (!(SEEN(v.type) & SEEN_ORDERED) ||
            (!value_is_null(best) && value_class(v.type) != value_class(best.type)))
            return call_mismatch(c);
        if (value_is_null(best) || (!nan && value_is_nan(v)) ||
            value_compare(op, v, best, NULL) == TRUE_)
            best = v;
        nan = value_is_nan(best);
    }
    return best;
}

struct value function_least(struct call *c, const struct value *args, uint32_t n) {
    return extreme(c, args, n, CMP_LT);
}
struct value function_greatest(struct call *c, const struct value *args, uint32_t n) {
    return extreme(c, args, n, CMP_GT);
}

struct value function_type_of(struct call *c, const struct value *args, uint32_t n) {
    (void)c, (void)n;
    enum value_type type = args[0].type;
    return value_text(value_type_name(type == T_UINT ? T_INT : type));
}

struct value function_array_length(struct call *c, const struct value *args, uint32_t n) {
    (void)n;
    const uint8_t *body;
    if (!admitted_1(c, args, SEEN(T_ARRAY)))
        return value_null();
    return value_int(mp_container(args[0], &body));
}

/* The reference comparison of two values: slow, complete, and what every fast kernel must agree
 * with (QUERY.md T, X, F, S, D). */
#include "value/deep.h"
#include "value/value.h"

#include <math.h>

static bool order_holds(enum compare op, int order) {
    switch (op) {
    case CMP_EQ:
        return order == 0;
    case CMP_NE:
        return order != 0;
    case CMP_LT:
        return order < 0;
    case CMP_LE:
        return order <= 0;
    case CMP_GT:
        return order > 0;
    case CMP_GE:
        return order >= 0;
    }
    return false;
}

static int timestamp_order(struct value a, struct value b) {
    if (a.w.i != b.w.i)
        return a.w.i < b.w.i ? -1 : 1;
    return (a.n > b.n) - (a.n < b.n);
}

/* Equality of two values of one class. */
static bool same_class_equal(enum value_class class, struct value a, struct value b) {
    switch (class) {
    case CLASS_NULL:
        return true;
    case CLASS_BOOL:
        return a.w.i == b.w.i;
    case CLASS_NUMBER:
        return !value_is_nan(a) && !value_is_nan(b) && number_order(a, b) == 0;
    case CLASS_TIMESTAMP:
        return timestamp_order(a, b) == 0;
    case CLASS_ARRAY:
    case CLASS_MAP:
        return deep_equal(a, b);
    default:
        return str_eq(value_as_str(a), value_as_str(b));
    }
}

enum truth value_compare(enum compare op, struct value a, struct value b, bool *ret_mismatch) {
    if (value_is_null(a) || value_is_null(b))
        return UNKNOWN_;
    enum value_class class = value_class(a.type);
    bool same = class == value_class(b.type);
    if (op == CMP_EQ || op == CMP_NE)
        return truth_of((same && same_class_equal(class, a, b)) == (op == CMP_EQ));
    if (same)
        switch (class) {
        case CLASS_NUMBER:
            if (value_is_nan(a) || value_is_nan(b))
                return FALSE_;
            return truth_of(order_holds(op, number_order(a, b)));
        case CLASS_STR:
        case CLASS_BIN:
            return truth_of(order_holds(op, str_cmp(value_as_str(a), value_as_str(b))));
        case CLASS_TIMESTAMP:
            return truth_of(order_holds(op, timestamp_order(a, b)));
        default:
            break;
        }
    if (ret_mismatch)
        *ret_mismatch = true;
    return UNKNOWN_;
}

bool value_distinct(struct value a, struct value b) {
    if (value_is_null(a) || value_is_null(b))
        return !(value_is_null(a) && value_is_null(b));
    if (value_is_nan(a) || value_is_nan(b))
        return !(value_is_nan(a) && value_is_nan(b));
    enum value_class class = value_class(a.type);
    return class != value_class(b.type) || !same_class_equal(class, a, b);
}

bool value_alike(struct value a, struct value b) {
    if (a.type == b.type && (a.type == T_ARRAY || a.type == T_MAP))
        return deep_alike(a, b);
    return !value_distinct(a, b);
}

bool value_hash(struct hash_key key, struct value v, uint64_t *ret) {
    struct value c = value_canonical(v);
    switch (c.type) {
    case T_MISSING:
    case T_NULL:
        *ret = 0;
        return true;
    case T_STR:
    case T_BIN:
    case T_EXT:
        *ret = hash_bytes(key, c.w.p, c.n) ^ c.type;
        return true;
    case T_ARRAY:
    case T_MAP:
        return deep_hash(key, c, ret);
    case T_DOUBLE:
        *ret = value_is_nan(c) ? 1 : hash_u64(key, c.w.u ^ 0x5555);
        return true;
    case T_TIMESTAMP:
        *ret = hash_u64(key, c.w.u ^ (uint64_t)c.n << 32 ^ 0xAAAA);
        return true;
    default:
        *ret = hash_u64(key, c.w.u ^ (uint64_t)c.type << 60);
        return true;
    }
}

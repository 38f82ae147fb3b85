/* Values: the types of proto/types.def, three-valued truth, and the slow reference comparison.
 *
 * A struct value is 16 bytes and borrows: strings, binaries, arrays, maps and extensions point into
 * the bytes they came from. Numbers have one form each (UINT only above INT64_MAX; float32 is
 * widened), so equal integers have equal tags. Everything here is a pure function; any thread.
 */
#ifndef TAMIS_VALUE_VALUE_H
#define TAMIS_VALUE_VALUE_H

#include "base/hash.h"
#include "base/str.h"

#include <stdint.h>

enum value_type {
#define X(name, bit, class, text) T_##name = (bit),
#include "types.def"
#undef X
    T_COUNT
};

enum value_class {
    CLASS_NULL,
    CLASS_BOOL,
    CLASS_NUMBER,
    CLASS_STR,
    CLASS_BIN,
    CLASS_ARRAY,
    CLASS_MAP,
    CLASS_TIMESTAMP,
    CLASS_EXT
};

/* Masks of types, as in struct column's `seen`. */
#define SEEN(type)  (1u << (type))
#define SEEN_NONE   (SEEN(T_MISSING) | SEEN(T_NULL))
#define SEEN_NUMBER (SEEN(T_INT) | SEEN(T_UINT) | SEEN(T_DOUBLE))

union word {
    int64_t i;        /* INT; BOOL as 0 or 1; TIMESTAMP: seconds */
    uint64_t u;       /* UINT, > INT64_MAX */
    double d;         /* DOUBLE */
    const uint8_t *p; /* STR, BIN: the bytes. ARRAY, MAP: the whole encoded value, header first.
                         EXT: type byte, then data */
};

struct value {
    uint8_t type; /* enum value_type */
    uint32_t n; /* STR, BIN, ARRAY, MAP, EXT: bytes at p. TIMESTAMP: nanoseconds, 0 to 999999999 */
    union word w;
};

/* Truth values. The numbers matter: AND is the least, OR the greatest, NOT is 2 - t (Kleene;
 * QUERY.md L1). */
enum truth { FALSE_ = 0, UNKNOWN_ = 1, TRUE_ = 2 };

static inline enum truth truth_not(enum truth t) { return (enum truth)(2 - (int)t); }
static inline enum truth truth_of(bool b) { return b ? TRUE_ : FALSE_; }

static inline struct value value_missing(void) { return (struct value){.type = T_MISSING}; }
static inline struct value value_null(void) { return (struct value){.type = T_NULL}; }
static inline struct value value_bool(bool b) { return (struct value){.type = T_BOOL, .w.i = b}; }
static inline struct value value_int(int64_t i) { return (struct value){.type = T_INT, .w.i = i}; }
static inline struct value value_uint(uint64_t u) {
    return u <= INT64_MAX ? value_int((int64_t)u) : (struct value){.type = T_UINT, .w.u = u};
}
static inline struct value value_double(double d) {
    return (struct value){.type = T_DOUBLE, .w.d = d};
}
static inline struct value value_bytes(enum value_type type, const void *p, uint32_t n) {
    return (struct value){.type = (uint8_t)type, .n = n, .w.p = p};
}
static inline struct value value_str(struct str s) {
    return value_bytes(T_STR, s.p, (uint32_t)s.n);
}
static inline struct value value_timestamp(int64_t seconds, uint32_t nanoseconds) {
    return (struct value){.type = T_TIMESTAMP, .n = nanoseconds, .w.i = seconds};
}
static inline struct str value_as_str(struct value v) {
    return (struct str){(const char *)v.w.p, v.n};
}

static inline bool value_is_null(struct value v) {
    return v.type <= T_NULL;
} /* null or missing (N1) */
enum value_class value_class(enum value_type type);
const char *value_type_name(enum value_type type);
bool value_is_nan(struct value v);
bool value_is_ordered(struct value v); /* of a type that has an order (T3) */

/* Comparison operators. The order is used: see order_holds. */
enum compare { CMP_EQ, CMP_NE, CMP_LT, CMP_LE, CMP_GT, CMP_GE };

/* a op b by QUERY.md T1-T3, X1-X4, F1, S1, D1, A4, A7: UNKNOWN if either is null or missing, or if
 * op orders values that have no order. Sets *ret_mismatch (may be NULL) to true if types alone made
 * it UNKNOWN (T4), and leaves it otherwise. */
enum truth value_compare(enum compare op, struct value a, struct value b, bool *ret_mismatch);

/* IS DISTINCT FROM (L3): null equals null and missing, NaN equals NaN. */
bool value_distinct(struct value a, struct value b);

/* Whether a and b are one value where values are counted: not distinct, inside of arrays and maps,
 * too. And a hash that is the same for such; false: no memory. */
bool value_alike(struct value a, struct value b);
bool value_hash(struct hash_key key, struct value v, uint64_t *ret);

/* Exact order of two numbers, neither NaN: < 0, 0, > 0 (X2, X3). */
int number_order(struct value a, struct value b);

/* The canonical form for hash sets (X6): integral doubles become integers, -0.0 becomes 0. */
struct value value_canonical(struct value v);

#endif

/* See compute.h. The typed loops are written once, as inline functions whose operator, kinds of
 * argument and shape of selection are constants at each call. */
#include "kernel/compute.h"

#include <math.h>

#define INLINE static inline __attribute__((always_inline))

enum function_index {
#define X(name, structured, least, most, cost, line) F_##name,
#include "functions.def"
#undef X
    FUNCTIONS
};

/* How an argument is read. */
enum kind { KIND_CONST, KIND_I64, KIND_F64 };

/* --- the function itself --- */

static void call_row(const struct compute_args *a, uint32_t row) {
    for (uint32_t i = 0; i < a->n_args; i++)
        a->scratch[i] = a->args[i].column ? column_get(a->args[i].column, row) : a->args[i].value;
    struct value v = a->function->run(a->call, a->scratch, a->n_args);
    if (v.type == T_MISSING) /* an argument handed through: a value is never missing */
        v = value_null();
    column_put(a->out, row, v);
    a->out->seen |= SEEN(v.type);
}

static void calc_any(const struct compute_args *a, const uint16_t *in, uint32_t n) {
    for (uint32_t i = 0; i < n && !a->call->failed; i++)
        call_row(a, in ? in[i] : i);
}

/* --- int64 with int64 --- */

/* False: the function must say. */
INLINE bool apply_i64(enum function_index f, int64_t x, int64_t y, int64_t *ret) {
    switch (f) {
    case F_add:
        return !__builtin_add_overflow(x, y, ret);
    case F_subtract:
        return !__builtin_sub_overflow(x, y, ret);
    case F_multiply:
        return !__builtin_mul_overflow(x, y, ret);
    default:
        if (y == 0 || y == -1)
            return false;
        *ret = f == F_divide ? x / y : x % y;
        return true;
    }
}

INLINE bool is_typed(const struct compute_arg *arg, enum kind kind, uint32_t row) {
    return kind == KIND_CONST ||
           arg->column->tag[row] == (kind == KIND_I64 ? (uint8_t)T_INT : (uint8_t)T_DOUBLE);
}

INLINE int64_t get_i64(const struct compute_arg *arg, enum kind kind, uint32_t row) {
    return kind == KIND_CONST ? arg->value.w.i : arg->column->word[row].i;
}

/* plain: all rows, none of them null. */
INLINE void loop_i64(const struct compute_args *a, const uint16_t *in, uint32_t n,
                     enum function_index f, enum kind x, enum kind y, bool plain) {
    const struct compute_arg *args = a->args;
    struct column *out = a->out;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t row = !plain && in ? in[i] : i;
        int64_t v;
        if ((!plain && (!is_typed(&args[0], x, row) || !is_typed(&args[1], y, row))) ||
            !apply_i64(f, get_i64(&args[0], x, row), get_i64(&args[1], y, row), &v)) {
            call_row(a, row);
            continue;
        }
        out->word[row].i = v;
        out->tag[row] = T_INT;
    }
    out->seen |= n > 0 ? SEEN(T_INT) : 0; /* at most one type too many */
}

/* --- with a double --- */

INLINE double get_f64(const struct compute_arg *arg, enum kind kind, uint32_t row) {
    if (kind == KIND_CONST)
        return arg->value.type == T_DOUBLE ? arg->value.w.d : (double)arg->value.w.i;
    return kind == KIND_F64 ? arg->column->word[row].d : (double)arg->column->word[row].i;
}

INLINE double apply_f64(enum function_index f, double x, double y) {
    switch (f) {
    case F_add:
        return x + y;
    case F_subtract:
        return x - y;
    case F_multiply:
        return x * y;
    case F_divide:
        return x / y;
    default:
        return fmod(x, y);
    }
}

INLINE void loop_f64(const struct compute_args *a, const uint16_t *in, uint32_t n,
                     enum function_index f, enum kind x, enum kind y, bool plain) {
    const struct compute_arg *args = a->args;
    struct column *out = a->out;
    bool divides = f == F_divide || f == F_modulo;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t row = !plain && in ? in[i] : i;
        double right = get_f64(&args[1], y, row);
        if ((!plain && (!is_typed(&args[0], x, row) || !is_typed(&args[1], y, row))) ||
            (divides && right == 0)) {
            call_row(a, row);
            continue;
        }
        out->word[row].d = apply_f64(f, get_f64(&args[0], x, row), right);
        out->tag[row] = T_DOUBLE;
    }
    out->seen |= n > 0 ? SEEN(T_DOUBLE) : 0;
}

/* --- the choice --- */

static uint32_t seen_of(const struct compute_arg *arg) {
    return arg->column ? arg->column->seen : SEEN(arg->value.type);
}

/* Nulls beside the one type are left to the function. False for anything else. */
static bool kind_of(const struct compute_arg *arg, enum kind *ret) {
    uint32_t seen = seen_of(arg) & ~SEEN_NONE;
    if (seen != SEEN(T_INT) && seen != SEEN(T_DOUBLE))
        return false;
    *ret = !arg->column ? KIND_CONST : seen == SEEN(T_INT) ? KIND_I64 : KIND_F64;
    return true;
}

static bool is_plain(const struct compute_args *a, const uint16_t *in) {
    return !in && !((seen_of(&a->args[0]) | seen_of(&a->args[1])) & SEEN_NONE);
}

/* One loop for each pair of kinds. Constants with constants were folded. */
#define BOTH(loop, f, x, y)                                                                        \
    (is_plain(a, in) ? loop(a, in, n, f, x, y, true) : loop(a, in, n, f, x, y, false))

#define LOOPS_i64(name)                                                                            \
    static void calc_##name##_i64(const struct compute_args *a, const uint16_t *in, uint32_t n) {  \
        if (!a->args[0].column)                                                                    \
            BOTH(loop_i64, F_##name, KIND_CONST, KIND_I64);                                        \
        else if (!a->args[1].column)                                                               \
            BOTH(loop_i64, F_##name, KIND_I64, KIND_CONST);                                        \
        else                                                                                       \
            BOTH(loop_i64, F_##name, KIND_I64, KIND_I64);                                          \
    }

#define LOOPS_f64(name)                                                                            \
    static void calc_##name##_f64(const struct compute_args *a, const uint16_t *in, uint32_t n) {  \
        enum kind x = KIND_F64, y = KIND_F64;                                                      \
        kind_of(&a->args[0], &x);                                                                  \
        kind_of(&a->args[1], &y);                                                                  \
        if (x == KIND_F64 && y == KIND_F64)                                                        \
            BOTH(loop_f64, F_##name, KIND_F64, KIND_F64);                                          \
        else if (x == KIND_F64 && y == KIND_I64)                                                   \
            BOTH(loop_f64, F_##name, KIND_F64, KIND_I64);                                          \
        else if (x == KIND_I64 && y == KIND_F64)                                                   \
            BOTH(loop_f64, F_##name, KIND_I64, KIND_F64);                                          \
        else if (x == KIND_F64)                                                                    \
            BOTH(loop_f64, F_##name, KIND_F64, KIND_CONST);                                        \
        else if (y == KIND_F64)                                                                    \
            BOTH(loop_f64, F_##name, KIND_CONST, KIND_F64);                                        \
        else if (x == KIND_I64)                                                                    \
            BOTH(loop_f64, F_##name, KIND_I64, KIND_CONST);                                        \
        else                                                                                       \
            BOTH(loop_f64, F_##name, KIND_CONST, KIND_I64);                                        \
    }

#define X(name, type) LOOPS_##type(name)
#include "kernel/computes.def"
#undef X

enum {
    LOOP_any, /* and the typed ones */
#define X(name, type) LOOP_##name##_##type,
#include "kernel/computes.def"
#undef X
    LOOP_COUNT
};

static const struct compute_loop LOOPS[] = {
    {"calc_any", calc_any},
#define X(name, type) {"calc_" #name "_" #type, calc_##name##_##type},
#include "kernel/computes.def"
#undef X
};

const struct compute_loop *compute_at(size_t i) { return i < LOOP_COUNT ? &LOOPS[i] : NULL; }

const struct compute_loop *compute_pick(const struct compute_args *a) {
    static const uint8_t INTEGERS[FUNCTIONS] = {[F_add] = LOOP_add_i64,
                                                [F_subtract] = LOOP_subtract_i64,
                                                [F_multiply] = LOOP_multiply_i64,
                                                [F_divide] = LOOP_divide_i64,
                                                [F_modulo] = LOOP_modulo_i64};
    static const uint8_t DOUBLES[FUNCTIONS] = {[F_add] = LOOP_add_f64,
                                               [F_subtract] = LOOP_subtract_f64,
                                               [F_multiply] = LOOP_multiply_f64,
                                               [F_divide] = LOOP_divide_f64,
                                               [F_modulo] = LOOP_modulo_f64};
    size_t f = (size_t)(a->function - function_at(0));
    enum kind x, y;
    if (!INTEGERS[f] || !kind_of(&a->args[0], &x) || !kind_of(&a->args[1], &y))
        return &LOOPS[LOOP_any];
    uint32_t types = (seen_of(&a->args[0]) | seen_of(&a->args[1])) & ~SEEN_NONE;
    return &LOOPS[types == SEEN(T_INT) ? INTEGERS[f] : DOUBLES[f]];
}

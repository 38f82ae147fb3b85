/* The dense loops over numbers, codes and bitmaps, included once by each level behind its
 * primitives (dense_level.h). LEVEL is the name of its table, LEVEL_NAME that for people,
 * VECTOR_BYTES what a register holds.
 *
 * One skeleton, each_word, goes from word to word; what it asks of 64 rows is a function that the
 * compiler puts in its place, so that constants stay in registers.
 */
#ifndef TAMIS_KERNEL_DENSE_LOOPS_H
#define TAMIS_KERNEL_DENSE_LOOPS_H

#include "kernel/dense_level.h"

#include <math.h>

/* The rows row .. row + 63 that satisfy; bits outside `want` do not count. */
typedef uint64_t look_fn(const void *condition, size_t row, uint64_t want);

INLINE uint32_t words_of(uint32_t n) { return n / 64 + (n % 64 != 0); }

INLINE uint32_t each_word(look_fn *look, const void *condition, uint32_t n, bool outside,
                          const uint64_t *in, uint64_t *out) {
    const uint64_t flip = outside ? ~UINT64_C(0) : 0;
    const size_t words = words_of(n);
    uint64_t count = 0;
    for (size_t w = 0; w < words; w++) {
        uint64_t want = in[w];
        if (want) {
            want &= look(condition, w * 64, want) ^ flip;
            count += (uint64_t)__builtin_popcountll(want);
        }
        out[w] = want;
    }
    return (uint32_t)count;
}

static uint32_t bits_count(const uint64_t *a, uint32_t words);

/* The same for what takes hardly longer than going on to the next word: four words at a time, which
 * are passed if none of their rows is wanted, and counted in the end. `outside` is a constant. */
INLINE uint32_t each_four(look_fn *look, const void *condition, uint32_t n, const bool outside,
                          const uint64_t *in, uint64_t *out) {
    const uint64_t flip = outside ? ~UINT64_C(0) : 0;
    const size_t words = words_of(n);
    size_t w = 0;
    for (; words - w >= 4; w += 4) {
        uint64_t want[4], any = 0;
        for (size_t i = 0; i < 4; i++)
            any |= want[i] = in[w + i];
        if (any)
            for (size_t i = 0; i < 4; i++)
                want[i] &= look(condition, (w + i) * 64, want[i]) ^ flip;
        for (size_t i = 0; i < 4; i++)
            out[w + i] = want[i];
    }
    for (; w < words; w++)
        out[w] = in[w] ? in[w] & (look(condition, w * 64, in[w]) ^ flip) : 0;
    return bits_count(out, (uint32_t)words);
}

INLINE uint64_t look_none(const void *condition, size_t row, uint64_t want) {
    (void)condition, (void)row, (void)want;
    return 0;
}

/* No row satisfies, whatever it holds. */
static uint32_t none(uint32_t n, bool outside, const uint64_t *in, uint64_t *out) {
    return each_word(look_none, NULL, n, outside, in, out);
}

/* --- ranges --- */

#define RANGE(suffix, type, unsigned_type, each)                                                   \
    struct range_##suffix {                                                                        \
        const type *x;                                                                             \
        type low;                                                                                  \
        unsigned_type span;                                                                        \
    };                                                                                             \
    INLINE uint64_t look_##suffix(const void *condition, size_t row, uint64_t want) {              \
        const struct range_##suffix *c = condition;                                                \
        (void)want;                                                                                \
        ask_ahead(c->x + row, 64 * sizeof *c->x);                                                  \
        return rows_in_##suffix(c->x + row, c->low, c->span);                                      \
    }                                                                                              \
    static uint32_t range_##suffix(const type *x, uint32_t n, type low, type high, bool outside,   \
                                   const uint64_t *in, uint64_t *out) {                            \
        struct range_##suffix c = {x, low,                                                         \
                                   (unsigned_type)((unsigned_type)high - (unsigned_type)low)};     \
        if (low > high)                                                                            \
            return none(n, outside, in, out);                                                      \
        return outside ? each(look_##suffix, &c, n, true, in, out)                                 \
                       : each(look_##suffix, &c, n, false, in, out);                               \
    }

RANGE(i8, int8_t, uint8_t, each_four)
RANGE(i16, int16_t, uint16_t, each_four)
RANGE(i32, int32_t, uint32_t, each_word)
RANGE(i64, int64_t, uint64_t, each_word)
#undef RANGE

static struct range_i8 bytes_of(const struct byte_range *r) {
    return (struct range_i8){r->x, r->low, (uint8_t)((uint8_t)r->high - (uint8_t)r->low)};
}

/* Memory is not asked for ahead: two columns at once keep it busy, and where they are in the cache
 * that is an eighth faster. */
static uint32_t range_i8_both(const struct byte_range *first, const struct byte_range *second,
                              uint32_t n, const uint64_t *in, uint64_t *out, uint32_t *ret_first) {
    const struct range_i8 a = bytes_of(first), b = bytes_of(second);
    const uint64_t flip_a = first->outside ? ~UINT64_C(0) : 0,
                   flip_b = second->outside ? ~UINT64_C(0) : 0;
    const size_t words = words_of(n);
    uint64_t count = 0;
    for (size_t w = 0; w < words; w++) {
        uint64_t want = in[w] & (rows_in_i8(a.x + w * 64, a.low, a.span) ^ flip_a);
        count += (uint64_t)__builtin_popcountll(want);
        out[w] = want & (rows_in_i8(b.x + w * 64, b.low, b.span) ^ flip_b);
    }
    *ret_first = (uint32_t)count;
    return bits_count(out, (uint32_t)words);
}

struct range_f64 {
    const double *x;
    double low, high;
};

INLINE uint64_t look_f64(const void *condition, size_t row, uint64_t want) {
    const struct range_f64 *c = condition;
    (void)want;
    ask_ahead(c->x + row, 64 * sizeof *c->x);
    return rows_in_f64(c->x + row, c->low, c->high);
}

static uint32_t range_f64(const double *x, uint32_t n, double low, double high, bool outside,
                          const uint64_t *in, uint64_t *out) {
    struct range_f64 c = {x, low, high};
    return each_word(look_f64, &c, n, outside, in, out);
}

/* --- few numbers --- */

/* equal(x, k): the rows of x that are k. */
#define ANY(suffix, type, k_type, equal)                                                           \
    struct any_##suffix {                                                                          \
        const type *x;                                                                             \
        const k_type *k;                                                                           \
        size_t count;                                                                              \
    };                                                                                             \
    INLINE uint64_t look_any_##suffix(const void *condition, size_t row, uint64_t want) {          \
        const struct any_##suffix *c = condition;                                                  \
        uint64_t found = 0;                                                                        \
        (void)want;                                                                                \
        ask_ahead(c->x + row, 64 * sizeof *c->x);                                                  \
        for (size_t i = 0; i < c->count; i++)                                                      \
            found |= equal(c->x + row, c->k[i]);                                                   \
        return found;                                                                              \
    }                                                                                              \
    static uint32_t any_##suffix(const type *x, uint32_t n, const k_type *k, size_t count,         \
                                 bool outside, const uint64_t *in, uint64_t *out) {                \
        struct any_##suffix c = {x, k, count};                                                     \
        return each_word(look_any_##suffix, &c, n, outside, in, out);                              \
    }

#define EQUAL_I8(x, k)  rows_in_i8(x, (int8_t)(k), 0)
#define EQUAL_I16(x, k) rows_in_i16(x, (int16_t)(k), 0)
#define EQUAL_I32(x, k) rows_in_i32(x, (int32_t)(k), 0)
#define EQUAL_I64(x, k) rows_in_i64(x, k, 0)
#define EQUAL_F64(x, k) rows_in_f64(x, k, k)

ANY(i8, int8_t, int64_t, EQUAL_I8)
ANY(i16, int16_t, int64_t, EQUAL_I16)
ANY(i32, int32_t, int64_t, EQUAL_I32)
ANY(i64, int64_t, int64_t, EQUAL_I64)
ANY(f64, double, double, EQUAL_F64)
#undef ANY

/* --- two columns --- */

struct pair {
    const void *x, *y;
};

#define PAIR(rel, suffix, type)                                                                    \
    INLINE uint64_t look_##rel##_##suffix(const void *condition, size_t row, uint64_t want) {      \
        const struct pair *c = condition;                                                          \
        const type *x = (const type *)c->x + row, *y = (const type *)c->y + row;                   \
        (void)want;                                                                                \
        ask_ahead(x, 64 * sizeof *x);                                                              \
        ask_ahead(y, 64 * sizeof *y);                                                              \
        return rows_##rel##_##suffix(x, y);                                                        \
    }

PAIR(eq, i64, int64_t)
PAIR(lt, i64, int64_t)
PAIR(eq, f64, double)
PAIR(lt, f64, double)
PAIR(le, f64, double)
#undef PAIR

/* Integers are ordered: x <= y is not y < x, and so on. */
static uint32_t pair_i64(const int64_t *x, const int64_t *y, uint32_t n, enum dense_rel rel,
                         const uint64_t *in, uint64_t *out) {
    bool swap = rel == DENSE_LE || rel == DENSE_NLE;
    struct pair c = {swap ? y : x, swap ? x : y};
    if (rel == DENSE_EQ || rel == DENSE_NE)
        return each_word(look_eq_i64, &c, n, rel == DENSE_NE, in, out);
    return each_word(look_lt_i64, &c, n, rel == DENSE_LE || rel == DENSE_NLT, in, out);
}

static uint32_t pair_f64(const double *x, const double *y, uint32_t n, enum dense_rel rel,
                         const uint64_t *in, uint64_t *out) {
    struct pair c = {x, y};
    if (rel == DENSE_EQ || rel == DENSE_NE)
        return each_word(look_eq_f64, &c, n, rel == DENSE_NE, in, out);
    if (rel == DENSE_LT || rel == DENSE_NLT)
        return each_word(look_lt_f64, &c, n, rel == DENSE_NLT, in, out);
    return each_word(look_le_f64, &c, n, rel == DENSE_NLE, in, out);
}

/* --- sets of codes --- */

struct lookup_u8 {
    const uint8_t *codes;
    struct set_u8 set;
};

INLINE uint64_t look_set_u8(const void *condition, size_t row, uint64_t want) {
    const struct lookup_u8 *c = condition;
    (void)want;
    ask_ahead(c->codes + row, 64);
    return rows_set_u8(c->codes + row, &c->set);
}

static uint32_t lookup_u8(const uint8_t *codes, uint32_t n, const uint64_t *set, const uint64_t *in,
                          uint64_t *out) {
    struct lookup_u8 c = {codes, set_u8(set)};
    return each_word(look_set_u8, &c, n, false, in, out);
}

struct lookup {
    const void *codes;
    const uint64_t *set;
};

INLINE uint64_t look_set_u16(const void *condition, size_t row, uint64_t want) {
    const struct lookup *c = condition;
    const uint16_t *codes = (const uint16_t *)c->codes + row;
    ask_ahead(codes, 64 * sizeof *codes);
    return rows_set_u16(codes, c->set, want);
}

static uint32_t lookup_u16(const uint16_t *codes, uint32_t n, const uint64_t *set,
                           const uint64_t *in, uint64_t *out) {
    struct lookup c = {codes, set};
    return each_word(look_set_u16, &c, n, false, in, out);
}

INLINE uint64_t look_set_u32(const void *condition, size_t row, uint64_t want) {
    const struct lookup *c = condition;
    const uint32_t *codes = (const uint32_t *)c->codes + row;
    ask_ahead(codes, 64 * sizeof *codes);
    return rows_set_u32(codes, c->set, want);
}

static uint32_t lookup_u32(const uint32_t *codes, uint32_t n, const uint64_t *set,
                           const uint64_t *in, uint64_t *out) {
    struct lookup c = {codes, set};
    return each_word(look_set_u32, &c, n, false, in, out);
}

/* --- bitmaps --- */

#if !defined(OWN_BITMAPS)
static uint32_t bits_and(const uint64_t *a, const uint64_t *b, uint32_t words, uint64_t *out) {
    uint64_t count = 0;
    for (size_t w = 0; w < words; w++)
        count += (uint64_t)__builtin_popcountll(out[w] = a[w] & b[w]);
    return (uint32_t)count;
}

static uint32_t bits_and_not(const uint64_t *a, const uint64_t *b, uint32_t words, uint64_t *out) {
    uint64_t count = 0;
    for (size_t w = 0; w < words; w++)
        count += (uint64_t)__builtin_popcountll(out[w] = a[w] & ~b[w]);
    return (uint32_t)count;
}

static uint32_t bits_or(const uint64_t *a, const uint64_t *b, uint32_t words, uint64_t *out) {
    uint64_t count = 0;
    for (size_t w = 0; w < words; w++)
        count += (uint64_t)__builtin_popcountll(out[w] = a[w] | b[w]);
    return (uint32_t)count;
}

static uint32_t bits_count(const uint64_t *a, uint32_t words) {
    uint64_t count = 0;
    for (size_t w = 0; w < words; w++)
        count += (uint64_t)__builtin_popcountll(a[w]);
    return (uint32_t)count;
}
#endif

static uint32_t indices(const uint64_t *bits, uint32_t words, uint32_t base, uint32_t *out) {
    uint32_t *to = out;
    for (size_t w = 0; w < words; w++)
        if (bits[w])
            to = put_indices(to, bits[w], base + (uint32_t)w * 64);
    return (uint32_t)(to - out);
}

#include "kernel/dense_load.h"
#include "kernel/dense_text.h"

const struct dense_ops LEVEL = {
    .name = LEVEL_NAME,
    .range_i8 = range_i8,
    .range_i8_both = range_i8_both,
    .range_i16 = range_i16,
    .range_i32 = range_i32,
    .range_i64 = range_i64,
    .range_f64 = range_f64,
    .any_i8 = any_i8,
    .any_i16 = any_i16,
    .any_i32 = any_i32,
    .any_i64 = any_i64,
    .any_f64 = any_f64,
    .pair_i64 = pair_i64,
    .pair_f64 = pair_f64,
    .lookup_u8 = lookup_u8,
    .lookup_u16 = lookup_u16,
    .lookup_u32 = lookup_u32,
    .str_equal = str_equal,
    .str_prefix = str_prefix,
    .str_suffix = str_suffix,
    .str_contains = str_contains,
    .str_any = str_any,
    .str_range = str_range,
    .str_first = str_first,
    .bits_and = bits_and,
    .bits_and_not = bits_and_not,
    .bits_or = bits_or,
    .bits_count = bits_count,
    .indices = indices,
    .bounds_i64 = bounds_i64,
    .bounds_f64 = bounds_f64,
    .bounds_u32 = bounds_u32,
    .tally_u8 = tally_u8,
    .ascends_u32 = ascends_u32,
    .ascends_u64 = ascends_u64,
    .narrow_i64 = narrow_i64,
    .narrow_u32 = narrow_u32,
    .widen_i64 = widen_i64,
};

#endif

/* What the tests of the kernels share: values that are easily got wrong, columns of them, and the
 * check of a term's kernels against a truth that is computed row by row. */
#ifndef TAMIS_TESTS_KERNEL_UNIT_H
#define TAMIS_TESTS_KERNEL_UNIT_H

#include "kernel/kernel.h"

#include "unit.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define INT(x)                                                                                     \
    { .type = T_INT, .w.i = (x) }
#define UINT(x)                                                                                    \
    { .type = T_UINT, .w.u = (x) }
#define DBL(x)                                                                                     \
    { .type = T_DOUBLE, .w.d = (x) }
#define RAW(t, bytes)                                                                              \
    { .type = (t), .n = sizeof(bytes) - 1, .w.p = (const uint8_t *)(bytes) }
#define TIME(x, ns)                                                                                \
    { .type = T_TIMESTAMP, .n = (ns), .w.i = (x) }

#define TWO_53  9007199254740992
#define NEAR(x) INT((x)-1), INT(x), INT((x) + 1)

static const struct value POOL[] = {
    {.type = T_MISSING},
    {.type = T_NULL},
    {.type = T_BOOL, .w.i = 0},
    {.type = T_BOOL, .w.i = 1},
    /* integers */
    NEAR(0),
    NEAR(10),
    NEAR(TWO_53),
    NEAR(-TWO_53),
    INT(INT64_MIN),
    INT(INT64_MIN + 1),
    INT(INT64_MAX - 1),
    INT(INT64_MAX),
    INT(INT64_MAX - 512),
    INT(-3),
    UINT(UINT64_C(1) << 63),
    UINT((UINT64_C(1) << 63) + 1),
    UINT((UINT64_C(1) << 63) + 2048),
    UINT(UINT64_MAX),
    UINT(UINT64_MAX - 1),
    UINT(UINT64_MAX - 2047),
    UINT(UINT64_MAX - 1023),
    /* doubles */
    DBL(NAN),
    DBL(-NAN),
    DBL(INFINITY),
    DBL(-INFINITY),
    DBL(0.0),
    DBL(-0.0),
    DBL(0.5),
    DBL(-0.5),
    DBL(1),
    DBL(9),
    DBL(9.5),
    DBL(10),
    DBL(10.000000000000002),
    DBL(11),
    DBL(-1),
    DBL(-1.5),
    DBL(-3.0),
    DBL(9007199254740991.0),
    DBL(9007199254740992.0),
    DBL(9007199254740994.0),
    DBL(-9007199254740992.0),
    DBL(-9007199254740994.0),
    DBL(9223372036854775808.0),
    DBL(9223372036854774784.0),
    DBL(9223372036854777856.0),
    DBL(-9223372036854775808.0),
    DBL(-9223372036854777856.0),
    DBL(-9223372036854774784.0),
    DBL(18446744073709551616.0),
    DBL(18446744073709549568.0),
    DBL(18446744073709555712.0),
    DBL(1e300),
    DBL(-1e300),
    DBL(DBL_MAX),
    DBL(-DBL_MAX),
    DBL(4.9406564584124654e-324),
    DBL(-4.9406564584124654e-324),
    DBL(0.1),
    DBL(0.10000000149011612),
    /* strings */
    RAW(T_STR, ""),
    RAW(T_STR, "a"),
    RAW(T_STR, "A"),
    RAW(T_STR, "ab"),
    RAW(T_STR, "a\0b"),
    RAW(T_STR, "a\0"),
    RAW(T_STR, "b"),
    RAW(T_STR, "abcab"),
    RAW(T_STR, "\xC3\xA9"),
    RAW(T_STR, "\xC3\x89"),
    RAW(T_STR, "\xFF"),
    RAW(T_STR, "a%b"),
    RAW(T_STR, "a!"),
    RAW(T_STR, "1"),
    RAW(T_STR, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxab"),
    /* the rest */
    RAW(T_BIN, ""),
    RAW(T_BIN, "a"),
    RAW(T_BIN, "ab"),
    RAW(T_BIN, "\xFF"),
    RAW(T_ARRAY, "\x90"),
    RAW(T_ARRAY, "\x91\x01"),
    RAW(T_ARRAY, "\x92\x01\xA1"
                 "a"),
    RAW(T_ARRAY, "\x91\xCB\x3F\xF0\0\0\0\0\0\0"),
    RAW(T_ARRAY, "\x91\xC0"),
    RAW(T_ARRAY, "\x91\xCB\x7F\xF8\0\0\0\0\0\0"),
    RAW(T_MAP, "\x80"),
    RAW(T_MAP, "\x82\xA1"
               "a\x01\xA1"
               "b\x02"),
    RAW(T_MAP, "\x82\xA1"
               "b\x02\xA1"
               "a\x01"),
    RAW(T_MAP, "\x83\xA1"
               "b\x07\xA1"
               "a\x01\xA1"
               "b\x02"),
    RAW(T_MAP, "\x81\xA1"
               "a\x01"),
    RAW(T_MAP, "\x81\x01\xA1"
               "a"),
    TIME(0, 0),
    TIME(0, 1),
    TIME(-1, 999999999),
    TIME(1, 0),
    TIME(INT64_MAX, 0),
    RAW(T_EXT, "\x05"
               "ab"),
    RAW(T_EXT, "\x05"
               "ac"),
    RAW(T_EXT, "\x06"
               "ab"),
};

#define POOLED COUNT_OF(POOL)

/* --- a small generator --- */

static uint64_t dice = 88172645463325252u;

static inline uint32_t roll(uint32_t below) {
    dice ^= dice << 13;
    dice ^= dice >> 7;
    dice ^= dice << 17;
    return (uint32_t)((dice >> 16) % below);
}

/* --- columns --- */

#define S SEEN
/* What columns hold: the types between which kernel_pick tells apart, with and without nulls. */
static const uint32_t PROFILES[] = {
    S(T_INT),
    S(T_INT) | S(T_NULL),
    S(T_INT) | S(T_MISSING),
    S(T_DOUBLE),
    S(T_DOUBLE) | SEEN_NONE,
    S(T_STR),
    S(T_STR) | SEEN_NONE,
    S(T_BOOL),
    S(T_BOOL) | S(T_NULL),
    S(T_NULL),
    S(T_MISSING),
    SEEN_NONE,
    S(T_UINT),
    S(T_INT) | S(T_UINT),
    SEEN_NUMBER,
    SEEN_NUMBER | S(T_STR) | S(T_MISSING),
    S(T_BIN),
    S(T_TIMESTAMP),
    S(T_TIMESTAMP) | S(T_NULL),
    S(T_ARRAY) | S(T_MAP) | S(T_EXT),
    (1u << T_COUNT) - 1,
};
#undef S

/* Values of the types. Null cells get a word that must not be looked at. */
static inline void fill_column(struct column *c, uint32_t n, uint32_t types) {
    uint8_t choice[POOLED];
    uint32_t n_choice = 0;
    for (size_t i = 0; i < POOLED; i++)
        if (SEEN(POOL[i].type) & types)
            choice[n_choice++] = (uint8_t)i;
    for (uint32_t row = 0; row < n; row++) {
        struct value v = POOL[choice[roll(n_choice)]];
        if (v.type <= T_NULL) {
            v.w.u = (uint64_t)roll(UINT32_MAX) << 3;
            v.n = roll(UINT32_MAX);
        }
        column_put(c, row, v);
    }
}

/* --- the check --- */

/* The truth of a term for a row, from its definition. Sets *mismatch if types made it UNKNOWN. */
typedef enum truth truth_fn(const void *arg, struct value x, struct value y, bool *mismatch);

static bool reached[512];

static inline void fail_row(const char *what, const struct kernel *k, struct value x,
                            struct value y, const char *how) {
    fail_msg("%s: %s (%s): x type %d word %llx, y type %d word %llx", what, k->name, how, x.type,
             (unsigned long long)x.w.u, y.type, (unsigned long long)y.w.u);
}

/* One kernel over rows `in` (NULL: all n); in place if out is in. */
static inline void check_run(const struct kernel *k, const struct sel_args *a, const uint16_t *in,
                             uint32_t n, uint16_t *out, truth_fn *truth, const void *arg,
                             const char *what, const char *how) {
    uint16_t rows[BLOCK_ROWS], expected[BLOCK_ROWS];
    uint32_t n_expected = 0;
    uint64_t mismatches = 0;
    for (uint32_t i = 0; i < n; i++) {
        bool mismatch = false;
        rows[i] = in ? in[i] : (uint16_t)i;
        struct value y = a->y ? column_get(a->y, rows[i]) : value_missing();
        if (truth(arg, column_get(a->x, rows[i]), y, &mismatch) == a->term->want)
            expected[n_expected++] = rows[i];
        mismatches += mismatch;
    }
    *a->mismatch = 0;
    uint32_t kept = k->run(a, in, n, out);
    for (uint32_t i = 0; i < kept || i < n_expected; i++)
        if (i >= kept || i >= n_expected || out[i] != expected[i]) {
            uint32_t row = i >= kept                                 ? expected[i]
                           : i >= n_expected || out[i] < expected[i] ? out[i]
                                                                     : expected[i];
            fail_row(what, k, column_get(a->x, row), a->y ? column_get(a->y, row) : value_missing(),
                     how);
        }
    if (*a->mismatch != mismatches)
        fail_msg("%s: %s (%s): %llu mismatches, expected %llu", what, k->name, how,
                 (unsigned long long)*a->mismatch, (unsigned long long)mismatches);
}

/* All ways to run a term over a sealed block with columns x and y: the kernel for the types that
 * are there, and the one for columns of all types; dense, selected, and in place. */
static inline void check_term(const struct term *t, const struct block *b, bool columns,
                              truth_fn *truth, const void *arg, const char *what) {
    const uint32_t every = (1u << T_COUNT) - 1;
    uint64_t mismatch;
    struct sel_args a = {.x = &b->columns[0],
                         .y = columns ? &b->columns[1] : NULL,
                         .term = t,
                         .mismatch = &mismatch};
    for (int general = 0; general < 2; general++) {
        const struct kernel *k = kernel_pick(t, general ? every : a.x->seen,
                                             !columns  ? 0
                                             : general ? every
                                                       : a.y->seen);
        reached[k - kernel_at(0)] = true;
        uint16_t out[BLOCK_ROWS], in[BLOCK_ROWS];
        uint32_t n = 0;
        check_run(k, &a, NULL, b->n, out, truth, arg, what, "dense");
        for (uint32_t row = 0; row < b->n; row++)
            if (roll(3) > 0)
                in[n++] = (uint16_t)row;
        check_run(k, &a, in, n, out, truth, arg, what, "selected");
        check_run(k, &a, in, n, in, truth, arg, what, "in place");
    }
}

/* check_term for both truths over columns of every profile. build makes the term for `want`. */
typedef void build_fn(const void *arg, enum truth want, struct term *t);

static inline void check_profiles(build_fn *build, truth_fn *truth, const void *arg, bool columns,
                                  const char *what) {
    struct block b;
    struct term t[2];
    assert_true(block_init(&b, 2, false, NULL));
    build(arg, FALSE_, &t[0]);
    build(arg, TRUE_, &t[1]);
    uint32_t n = BLOCK_ROWS < 50 ? BLOCK_ROWS : 50;
    for (size_t i = 0; i < COUNT_OF(PROFILES); i++)
        for (size_t k = 0; k < (columns ? COUNT_OF(PROFILES) : 1); k++) {
            fill_column(&b.columns[0], n, PROFILES[i]);
            fill_column(&b.columns[1], n, PROFILES[k]);
            block_seal(&b, 2, n);
            check_term(&t[0], &b, columns, truth, arg, what);
            check_term(&t[1], &b, columns, truth, arg, what);
        }
    block_done(&b);
}

#endif

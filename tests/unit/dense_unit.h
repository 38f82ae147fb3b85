/* What the tests of the dense loops share: arrays as chunks have them, one call of any loop, its
 * truth for one row as dense.h says it, and the comparison of both on every kind of row set.
 *
 * Arrays have exactly the padding that value/chunk.h promises, and bitmaps none, so that a
 * sanitizer sees every look too far.
 */
#ifndef TAMIS_TESTS_DENSE_UNIT_H
#define TAMIS_TESTS_DENSE_UNIT_H

#include "kernel/dense.h"

#include "value/chunk.h"

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

static const struct dense_ops *ops; /* the level that is tested */

static uint64_t seed;
static uint64_t random_u64(void) { /* splitmix64 */
    uint64_t z = seed += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}
static uint32_t below(uint32_t n) { return (uint32_t)(random_u64() % n); }

/* --- arrays as chunks have them --- */

static void *padded(size_t items, size_t size) {
    size_t whole = (items + 63) / 64 * 64 * size, least = items * size + 64;
    size_t bytes = whole > least ? whole : least;
    void *p = NULL;
    assert_int_equal(posix_memalign(&p, CHUNK_ALIGN, bytes), 0);
    memset(p, 0, bytes);
    return p;
}

static uint32_t words_of(uint32_t n) { return (n + 63) / 64; }

static uint64_t *bitmap_new(uint32_t words) {
    uint64_t *bits = calloc(words ? words : 1, sizeof *bits);
    assert_non_null(bits);
    return bits;
}

static bool bit(const uint64_t *bits, uint32_t i) { return bits[i / 64] >> i % 64 & 1; }
static void set_bit(uint64_t *bits, uint32_t i) { bits[i / 64] |= UINT64_C(1) << i % 64; }

/* How many of 64 rows are wanted; in the last kind whole words are not. */
enum { IN_ALL, IN_NONE, IN_ONE, IN_FEW, IN_HALF, IN_MOST, IN_WORDS, IN_KINDS };

static uint64_t in_word(int kind, uint32_t w) {
    switch (kind) {
    case IN_ALL:
        return ~UINT64_C(0);
    case IN_FEW:
        return random_u64() & random_u64() & random_u64() & random_u64() & random_u64();
    case IN_HALF:
        return random_u64();
    case IN_MOST:
        return random_u64() | random_u64() | random_u64() | random_u64() | random_u64();
    case IN_WORDS:
        return w % 3 == 1 ? random_u64() : 0;
    default:
        return 0;
    }
}

static void fill_in(uint64_t *in, uint32_t n, int kind) {
    for (uint32_t w = 0; w < words_of(n); w++)
        in[w] = in_word(kind, w);
    if (n % 64)
        in[n / 64] &= (UINT64_C(1) << n % 64) - 1;
    if (kind == IN_ONE)
        set_bit(in, below(n));
}

/* --- one call, and its truth for a row --- */

enum op {
    RANGE_I8,
    RANGE_I16,
    RANGE_I32,
    RANGE_I64,
    RANGE_F64,
    ANY_I8,
    ANY_I16,
    ANY_I32,
    ANY_I64,
    ANY_F64,
    PAIR_I64,
    PAIR_F64,
    LOOKUP_U8,
    LOOKUP_U16,
    LOOKUP_U32,
    STR_EQUAL,
    STR_PREFIX,
    STR_SUFFIX,
    STR_CONTAINS,
    STR_ANY,
    STR_FIRST,
    STR_RANGE,
};

struct call {
    enum op op;
    uint32_t n;
    const void *x, *y;
    int64_t low, high;
    double low_f, high_f;
    const int64_t *ints; /* `items` of them, or of doubles */
    const double *doubles;
    size_t items;
    enum dense_rel rel;
    const uint64_t *set;
    const uint32_t *offsets;
    const uint8_t *k;
    size_t k_n;
    const struct needle *needles;
    const struct text_range *range;
    size_t n_needles;
    bool outside;
};

static uint32_t run(const struct call *c, const uint64_t *in, uint64_t *out) {
    switch (c->op) {
    case RANGE_I8:
        return ops->range_i8(c->x, c->n, (int8_t)c->low, (int8_t)c->high, c->outside, in, out);
    case RANGE_I16:
        return ops->range_i16(c->x, c->n, (int16_t)c->low, (int16_t)c->high, c->outside, in, out);
    case RANGE_I32:
        return ops->range_i32(c->x, c->n, (int32_t)c->low, (int32_t)c->high, c->outside, in, out);
    case RANGE_I64:
        return ops->range_i64(c->x, c->n, c->low, c->high, c->outside, in, out);
    case RANGE_F64:
        return ops->range_f64(c->x, c->n, c->low_f, c->high_f, c->outside, in, out);
    case ANY_I8:
        return ops->any_i8(c->x, c->n, c->ints, c->items, c->outside, in, out);
    case ANY_I16:
        return ops->any_i16(c->x, c->n, c->ints, c->items, c->outside, in, out);
    case ANY_I32:
        return ops->any_i32(c->x, c->n, c->ints, c->items, c->outside, in, out);
    case ANY_I64:
        return ops->any_i64(c->x, c->n, c->ints, c->items, c->outside, in, out);
    case ANY_F64:
        return ops->any_f64(c->x, c->n, c->doubles, c->items, c->outside, in, out);
    case PAIR_I64:
        return ops->pair_i64(c->x, c->y, c->n, c->rel, in, out);
    case PAIR_F64:
        return ops->pair_f64(c->x, c->y, c->n, c->rel, in, out);
    case LOOKUP_U8:
        return ops->lookup_u8(c->x, c->n, c->set, in, out);
    case LOOKUP_U16:
        return ops->lookup_u16(c->x, c->n, c->set, in, out);
    case LOOKUP_U32:
        return ops->lookup_u32(c->x, c->n, c->set, in, out);
    case STR_EQUAL:
        return ops->str_equal(c->offsets, c->x, c->n, c->k, c->k_n, c->outside, in, out);
    case STR_PREFIX:
        return ops->str_prefix(c->offsets, c->x, c->n, c->k, c->k_n, c->outside, in, out);
    case STR_SUFFIX:
        return ops->str_suffix(c->offsets, c->x, c->n, c->k, c->k_n, c->outside, in, out);
    case STR_ANY:
        return ops->str_any(c->offsets, c->x, c->n, c->needles, c->n_needles, in, out);
    case STR_RANGE:
        return ops->str_range(c->offsets, c->x, c->n, c->range, c->outside, in, out);
    case STR_FIRST:
        return ops->str_first(c->offsets, c->x, c->n, (uint8_t)c->low, (uint8_t)c->high, in, out);
    default:
        return ops->str_contains(c->offsets, c->x, c->n, c->k, c->k_n, c->outside, in, out);
    }
}

static bool holds_i64(enum dense_rel rel, int64_t x, int64_t y) {
    const bool truth[DENSE_RELS] = {x == y, x != y, x<y, x <= y, x >= y, x> y};
    return truth[rel];
}

static bool holds_f64(enum dense_rel rel, double x, double y) {
    const bool truth[DENSE_RELS] = {x == y, x != y, x < y, x <= y, !(x < y), !(x <= y)};
    return truth[rel];
}

static bool holds_needle(const struct needle *k, const uint8_t *p, size_t n) {
    for (size_t at = 0; at + k->n <= n; at++) {
        size_t i = 0;
        while (i < k->n &&
               (p[at + i] >= 'A' && p[at + i] <= 'Z' ? p[at + i] + 32 : p[at + i]) == k->bytes[i])
            i++;
        if (i == k->n)
            return true;
    }
    return false;
}

static int order_of(const uint8_t *p, size_t n, const uint8_t *k, size_t k_n) {
    size_t i = 0;
    while (i < n && i < k_n && p[i] == k[i])
        i++;
    return i < n && i < k_n ? (p[i] > k[i]) - (p[i] < k[i]) : (n > k_n) - (n < k_n);
}

static bool text_holds(const struct call *c, uint32_t i) {
    const uint8_t *p = (const uint8_t *)c->x + c->offsets[i];
    size_t n = c->offsets[i + 1] - c->offsets[i], k_n = c->k_n;
    if (c->op == STR_FIRST)
        return n > 0 && p[0] >= c->low && p[0] <= c->high;
    if (c->op == STR_RANGE) {
        const struct text_range *r = c->range;
        int low = r->has_low ? order_of(p, n, r->low, r->low_n) : 1;
        int high = r->has_high ? order_of(p, n, r->high, r->high_n) : -1;
        return (r->low_open ? low > 0 : low >= 0) && (r->high_open ? high < 0 : high <= 0);
    }
    if (c->op == STR_ANY) {
        for (size_t k = 0; k < c->n_needles; k++)
            if (holds_needle(&c->needles[k], p, n))
                return true;
        return false;
    }
    if (n < k_n)
        return false;
    if (k_n == 0)
        return c->op != STR_EQUAL || n == 0;
    if (c->op == STR_EQUAL)
        return n == k_n && memcmp(p, c->k, k_n) == 0;
    if (c->op == STR_PREFIX)
        return memcmp(p, c->k, k_n) == 0;
    if (c->op == STR_SUFFIX)
        return memcmp(p + n - k_n, c->k, k_n) == 0;
    for (size_t at = 0; at + k_n <= n; at++)
        if (memcmp(p + at, c->k, k_n) == 0)
            return true;
    return false;
}

static int64_t int_at(const void *x, unsigned width, uint32_t i) {
    return width == 1   ? ((const int8_t *)x)[i]
           : width == 2 ? ((const int16_t *)x)[i]
           : width == 4 ? ((const int32_t *)x)[i]
                        : ((const int64_t *)x)[i];
}

static bool is_item(const struct call *c, uint32_t i) {
    for (size_t k = 0; k < c->items; k++)
        if (c->op == ANY_F64 ? ((const double *)c->x)[i] == c->doubles[k]
                             : int_at(c->x, 1u << (c->op - ANY_I8), i) == c->ints[k])
            return true;
    return false;
}

static bool truth(const struct call *c, uint32_t i) {
    int64_t v = 0;
    switch (c->op) {
    case ANY_I8:
    case ANY_I16:
    case ANY_I32:
    case ANY_I64:
    case ANY_F64:
        return is_item(c, i) != c->outside;
    case RANGE_I8:
    case RANGE_I16:
    case RANGE_I32:
    case RANGE_I64:
        v = int_at(c->x, 1u << (c->op - RANGE_I8), i);
        break;
    case RANGE_F64:
        return (c->low_f <= ((const double *)c->x)[i] && ((const double *)c->x)[i] <= c->high_f) !=
               c->outside;
    case PAIR_I64:
        return holds_i64(c->rel, ((const int64_t *)c->x)[i], ((const int64_t *)c->y)[i]);
    case PAIR_F64:
        return holds_f64(c->rel, ((const double *)c->x)[i], ((const double *)c->y)[i]);
    case LOOKUP_U8:
        return bit(c->set, ((const uint8_t *)c->x)[i]);
    case LOOKUP_U16:
        return bit(c->set, ((const uint16_t *)c->x)[i]);
    case LOOKUP_U32:
        return bit(c->set, ((const uint32_t *)c->x)[i]);
    default:
        return text_holds(c, i) != c->outside;
    }
    return (c->low <= v && v <= c->high) != c->outside;
}

/* Every kind of `in`, into another bitmap and into itself. */
static void check(const struct call *c) {
    uint32_t words = words_of(c->n);
    uint64_t *hits = bitmap_new(words);
    for (uint32_t i = 0; i < c->n; i++)
        if (truth(c, i))
            set_bit(hits, i);
    for (int kind = 0; kind < IN_KINDS; kind++) {
        uint64_t *in = bitmap_new(words), *out = bitmap_new(words);
        uint32_t count = 0;
        fill_in(in, c->n, kind);
        memset(out, 0xA5, words * sizeof *out);
        uint32_t got = run(c, in, out);
        for (uint32_t w = 0; w < words; w++) {
            uint64_t want = in[w] & hits[w];
            count += (uint32_t)__builtin_popcountll(want);
            if (out[w] != want)
                fail_msg("%s: op %d, n %u, in %d, word %u: %016llx, not %016llx", ops->name, c->op,
                         c->n, kind, w, (unsigned long long)out[w], (unsigned long long)want);
        }
        assert_int_equal(got, count);
        assert_int_equal(run(c, in, in), count);
        assert_memory_equal(in, out, words * sizeof *in);
        free(in);
        free(out);
    }
    free(hits);
}

static void check_both(struct call c) {
    check(&c);
    c.outside = true;
    check(&c);
}

static const uint32_t SIZES[] = {1, 2, 63, 64, 65, 127, 128, 129, 150, 1000, SEGMENT_ROWS};
#define SIZES_N COUNT_OF(SIZES)

/* Of a whole segment every third case: the truth, row by row, is slow. */
static bool passed_over(uint32_t n, size_t number) { return n >= 1000 && number % 3 != 1; }

/* A group of tests on every level that this machine has; gives how many failed. */
static int on_every_level(const struct CMUnitTest *tests, size_t n) {
    int failed = 0;
    for (int level = 0; level < DENSE_LEVELS; level++) {
        ops = dense_ops_at(level);
        if (!ops)
            continue;
        seed = 20261126;
        printf("level %s\n", ops->name);
        failed += _cmocka_run_group_tests(ops->name, tests, n, NULL, NULL);
    }
    return failed;
}

#endif

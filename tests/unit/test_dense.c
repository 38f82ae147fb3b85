/* The dense loops of every level that this machine has: numbers, sets of codes, bitmaps, loading.
 */
#include "dense_unit.h"

#include <float.h>
#include <math.h>

/* --- numbers --- */

static int64_t least_of(unsigned width) { return INT64_MIN >> (64 - 8 * width); }

/* Small, extreme, or anything, as a number of `width` bytes. */
static int64_t some_int(unsigned width) {
    int64_t least = least_of(width), most = -(least + 1);
    const int64_t pool[] = {0,         1,    -1,       10,        -10,     least,
                            least + 1, most, most - 1, least / 2, most / 2};
    switch (below(3)) {
    case 0:
        return pool[below(COUNT_OF(pool))];
    case 1:
        return (int64_t)below(20) - 10;
    default:
        return (int64_t)random_u64() >> (64 - 8 * width);
    }
}

static void put_int(void *x, uint32_t i, unsigned width, int64_t v) {
    if (width == 1)
        ((int8_t *)x)[i] = (int8_t)v;
    else if (width == 2)
        ((int16_t *)x)[i] = (int16_t)v;
    else if (width == 4)
        ((int32_t *)x)[i] = (int32_t)v;
    else
        ((int64_t *)x)[i] = v;
}

static double some_double(void) {
    const double pool[] = {0.0,      -0.0,         NAN,      -NAN,     INFINITY, -INFINITY,
                           1,        -1,           0.5,      DBL_MAX,  -DBL_MAX, DBL_MIN,
                           -DBL_MIN, DBL_TRUE_MIN, 2.5e-308, 1e15 + .5};
    if (below(2))
        return pool[below(COUNT_OF(pool))];
    return (double)below(40) / 4 - 5;
}

static struct byte_range some_range(uint32_t n) {
    int8_t *x = padded(n, 1), low = (int8_t)some_int(1), high = (int8_t)some_int(1);
    for (uint32_t i = 0; i < n; i++)
        x[i] = (int8_t)some_int(1);
    return (struct byte_range){x, low < high ? low : high, low < high ? high : low, below(2) == 0};
}

static bool is_in(const struct byte_range *r, uint32_t i) {
    return (r->low <= r->x[i] && r->x[i] <= r->high) != r->outside;
}

/* Also where the answer takes the place of what was wanted. */
static void test_both(void **state) {
    (void)state;
    for (size_t s = 0; s < SIZES_N; s++)
        for (int turn = 0; turn < 40; turn++) {
            uint32_t n = SIZES[s], first, both = 0, firsts = 0;
            struct byte_range a = some_range(n), b = some_range(n);
            uint64_t *in = bitmap_new(words_of(n)), *out = bitmap_new(words_of(n));
            fill_in(in, n, turn % IN_KINDS);
            memcpy(out, in, words_of(n) * sizeof *out);
            uint32_t kept = turn % 2 ? ops->range_i8_both(&a, &b, n, in, out, &first)
                                     : ops->range_i8_both(&a, &b, n, out, out, &first);
            for (uint32_t i = 0; i < n; i++) {
                bool one = bit(in, i) && is_in(&a, i), two = one && is_in(&b, i);
                firsts += one;
                both += two;
                assert_int_equal(bit(out, i), two);
            }
            assert_int_equal(kept, both);
            assert_int_equal(first, firsts);
            free(in);
            free(out);
            free((void *)(uintptr_t)a.x);
            free((void *)(uintptr_t)b.x);
        }
}

static void test_range_int(void **state) {
    (void)state;
    for (size_t s = 0; s < SIZES_N; s++)
        for (unsigned op = RANGE_I8; op <= RANGE_I64; op++) {
            unsigned width = 1u << (op - RANGE_I8);
            struct call c = {.op = op, .n = SIZES[s]};
            int64_t least = least_of(width), most = -(least + 1);
            void *x = padded(c.n, width);
            for (uint32_t i = 0; i < c.n; i++)
                put_int(x, i, width, some_int(width));
            c.x = x;
            const int64_t bounds[][2] = {
                {least, most}, {least, least}, {most, most}, {most, least}, {0, 0},
                {1, 0},        {-10, 9},       {least, -1},  {0, most},     {least + 1, most - 1}};
            for (size_t b = 0; b < COUNT_OF(bounds); b++) {
                c.low = bounds[b][0], c.high = bounds[b][1];
                if (!passed_over(c.n, b))
                    check_both(c);
            }
            for (int k = 0; k < 4; k++) {
                c.low = some_int(width), c.high = some_int(width);
                if (!passed_over(c.n, (size_t)k))
                    check_both(c);
            }
            free(x);
        }
}

static void test_range_double(void **state) {
    (void)state;
    const double bounds[][2] = {{-INFINITY, INFINITY},
                                {0.0, 0.0},
                                {-0.0, -0.0},
                                {0.0, -0.0},
                                {1, -1},
                                {NAN, 1},
                                {-1, NAN},
                                {NAN, NAN},
                                {INFINITY, INFINITY},
                                {DBL_TRUE_MIN, 1},
                                {-1.5, 2.25},
                                {-DBL_MAX, DBL_MAX}};
    for (size_t s = 0; s < SIZES_N; s++) {
        struct call c = {.op = RANGE_F64, .n = SIZES[s]};
        double *x = padded(c.n, sizeof *x);
        for (uint32_t i = 0; i < c.n; i++)
            x[i] = some_double();
        c.x = x;
        for (size_t b = 0; b < COUNT_OF(bounds); b++) {
            c.low_f = bounds[b][0], c.high_f = bounds[b][1];
            if (!passed_over(c.n, b))
                check_both(c);
        }
        free(x);
    }
}

static void test_any(void **state) {
    (void)state;
    for (size_t s = 0; s < SIZES_N; s++)
        for (unsigned op = ANY_I8; op <= ANY_F64; op++) {
            unsigned width = op == ANY_F64 ? 8 : 1u << (op - ANY_I8);
            struct call c = {.op = op, .n = SIZES[s]};
            void *x = padded(c.n, width);
            int64_t ints[20];
            double doubles[20];
            c.x = x, c.ints = ints, c.doubles = doubles;
            for (uint32_t i = 0; i < c.n; i++)
                if (op == ANY_F64)
                    ((double *)x)[i] = some_double();
                else
                    put_int(x, i, width, some_int(width));
            for (c.items = 0; c.items <= COUNT_OF(ints); c.items += c.items < 9 ? 1 : 11) {
                for (size_t k = 0; k < c.items; k++)
                    ints[k] = some_int(width), doubles[k] = some_double();
                if (!passed_over(c.n, c.items))
                    check_both(c);
            }
            free(x);
        }
}

static void test_pairs(void **state) {
    (void)state;
    for (size_t s = 0; s < SIZES_N; s++) {
        uint32_t n = SIZES[s];
        int64_t *x = padded(n, sizeof *x), *y = padded(n, sizeof *y);
        double *xd = padded(n, sizeof *xd), *yd = padded(n, sizeof *yd);
        for (uint32_t i = 0; i < n; i++) {
            x[i] = some_int(8);
            y[i] = below(4) ? some_int(8) : x[i];
            xd[i] = some_double();
            yd[i] = some_double();
        }
        for (int rel = 0; rel < DENSE_RELS; rel++) {
            check(&(struct call){.op = PAIR_I64, .n = n, .x = x, .y = y, .rel = rel});
            check(&(struct call){.op = PAIR_F64, .n = n, .x = xd, .y = yd, .rel = rel});
        }
        free(x);
        free(y);
        free(xd);
        free(yd);
    }
}

/* --- sets --- */

static void fill_set(uint64_t *set, uint32_t n_codes, int kind) {
    for (uint32_t i = 0; i < n_codes; i++)
        if (kind == 0 || (kind == 1 && below(2)) || (kind == 2 && i == n_codes - 1) ||
            (kind == 3 && i == 0))
            set_bit(set, i); /* kind 4: empty */
}

static void check_lookup(enum op op, uint32_t n, uint32_t n_codes, uint32_t set_codes) {
    unsigned width = 1u << (op - LOOKUP_U8);
    void *codes = padded(n, width);
    for (uint32_t i = 0; i < n; i++)
        put_int(codes, i, width, below(8) ? below(n_codes) : below(2) ? n_codes - 1 : 0);
    for (int kind = 0; kind < 5; kind++) {
        if (passed_over(n, (size_t)kind))
            continue;
        uint64_t *set = bitmap_new(words_of(set_codes)); /* no padding */
        fill_set(set, n_codes, kind);
        check(&(struct call){.op = op, .n = n, .x = codes, .set = set});
        free(set);
    }
    free(codes);
}

static void test_lookup(void **state) {
    (void)state;
    const uint32_t n_codes[] = {1, 2, 64, 65, 1000, 70001};
    for (size_t s = 0; s < SIZES_N; s++) {
        check_lookup(LOOKUP_U8, SIZES[s], 256, 256);
        check_lookup(LOOKUP_U16, SIZES[s], 65536, 65536);
        check_lookup(LOOKUP_U16, SIZES[s], 300, 65536);
        for (size_t k = 0; k < COUNT_OF(n_codes); k++)
            check_lookup(LOOKUP_U32, SIZES[s], n_codes[k], n_codes[k]);
    }
}

/* --- bitmaps --- */

static void test_bits(void **state) {
    (void)state;
    const uint32_t sizes[] = {0, 1, 2, 7, 8, 9, 31, 1024};
    for (size_t s = 0; s < COUNT_OF(sizes); s++) {
        uint32_t words = sizes[s], counts[4] = {0};
        uint64_t *a = bitmap_new(words), *b = bitmap_new(words), *out = bitmap_new(words);
        for (uint32_t w = 0; w < words; w++) {
            a[w] = below(4) ? random_u64() : 0;
            b[w] = below(4) ? random_u64() : ~UINT64_C(0);
            counts[0] += (uint32_t)__builtin_popcountll(a[w] & b[w]);
            counts[1] += (uint32_t)__builtin_popcountll(a[w] & ~b[w]);
            counts[2] += (uint32_t)__builtin_popcountll(a[w] | b[w]);
            counts[3] += (uint32_t)__builtin_popcountll(a[w]);
        }
        assert_int_equal(ops->bits_and(a, b, words, out), counts[0]);
        for (uint32_t w = 0; w < words; w++)
            assert_true(out[w] == (a[w] & b[w]));
        assert_int_equal(ops->bits_and_not(a, b, words, out), counts[1]);
        for (uint32_t w = 0; w < words; w++)
            assert_true(out[w] == (a[w] & ~b[w]));
        assert_int_equal(ops->bits_or(a, b, words, out), counts[2]);
        for (uint32_t w = 0; w < words; w++)
            assert_true(out[w] == (a[w] | b[w]));
        assert_int_equal(ops->bits_count(a, words), counts[3]);
        assert_int_equal(ops->bits_and(a, b, words, a), counts[0]); /* into itself */
        assert_int_equal(ops->bits_count(a, words), counts[0]);
        free(a);
        free(b);
        free(out);
    }
}

static void test_indices(void **state) {
    (void)state;
    for (size_t s = 0; s < SIZES_N; s++)
        for (int kind = 0; kind < IN_KINDS; kind++) {
            uint32_t n = SIZES[s], words = words_of(n), base = below(2) ? 0 : UINT32_MAX - n + 1;
            uint64_t *bits = bitmap_new(words);
            fill_in(bits, n, kind);
            uint32_t count = 0, at = 0;
            for (uint32_t i = 0; i < n; i++)
                count += bit(bits, i);
            uint32_t *out = malloc((count + 16) * sizeof *out);
            assert_non_null(out);
            assert_int_equal(ops->indices(bits, words, base, out), count);
            for (uint32_t i = 0; i < n; i++)
                if (bit(bits, i))
                    assert_int_equal(out[at++], base + i);
            free(out);
            free(bits);
        }
}

/* --- loading: arrays without padding, at odd places --- */

static void test_bounds(void **state) {
    (void)state;
    for (uint32_t n = 1; n < 200; n++) {
        int64_t *x = malloc(n * sizeof *x), low, high, least = INT64_MAX, most = INT64_MIN;
        double *d = malloc(n * sizeof *d), low_d, high_d, least_d = INFINITY, most_d = -INFINITY;
        bool nan, has_nan = false, some = false;
        unsigned mode = below(4);
        assert_true(x && d);
        for (uint32_t i = 0; i < n; i++) {
            x[i] = some_int(8);
            least = x[i] < least ? x[i] : least;
            most = x[i] > most ? x[i] : most;
            d[i] = mode == 0 ? NAN : mode == 1 ? (double)below(100) : some_double();
            if (isnan(d[i])) {
                has_nan = true;
                continue;
            }
            some = true;
            least_d = d[i] < least_d ? d[i] : least_d;
            most_d = d[i] > most_d ? d[i] : most_d;
        }
        uint8_t *odd = malloc(n * sizeof *x + 7); /* at any address, to its very end */
        size_t shift = below(8);
        assert_non_null(odd);
        memcpy(odd + shift, x, n * sizeof *x);
        ops->bounds_i64(odd + shift, n, &low, &high);
        assert_true(low == least && high == most);
        memcpy(odd + shift, d, n * sizeof *d);
        ops->bounds_f64(odd + shift, n, &low_d, &high_d, &nan);
        free(odd);
        assert_int_equal(nan, has_nan);
        if (some)
            assert_true(low_d == least_d && high_d == most_d);
        else
            assert_true(low_d > high_d);
        free(x);
        free(d);
    }
}

static void test_codes(void **state) {
    (void)state;
    for (uint32_t n = 1; n < 200; n++)
        for (unsigned width = 1; width <= 4; width *= 2) {
            uint32_t *x = malloc(n * sizeof *x), least = UINT32_MAX, most = 0, low, high;
            uint8_t *narrow = malloc(n * width);
            assert_true(x && narrow);
            for (uint32_t i = 0; i < n; i++) {
                x[i] = below(width == 1 ? 1u << 8 : width == 2 ? 1u << 16 : 1u << 31);
                least = x[i] < least ? x[i] : least;
                most = x[i] > most ? x[i] : most;
            }
            ops->bounds_u32(x, n, &low, &high);
            assert_true(low == least && high == most);
            ops->narrow_u32(x, n, width, narrow);
            for (uint32_t i = 0; i < n; i++) {
                int64_t got = 0, want = 0;
                memcpy(&got, narrow + i * width, width);
                put_int(&want, 0, width, x[i]);
                assert_true(got == want);
            }
            free(x);
            free(narrow);
        }
}

static void test_tally(void **state) {
    (void)state;
    for (uint32_t n = 0; n < 300; n++)
        for (uint32_t of = 1; of <= 256; of *= 4) { /* one byte, few, all */
            uint8_t *x = malloc(n ? n : 1);
            uint32_t want[256] = {0}, got[256];
            assert_non_null(x);
            for (uint32_t i = 0; i < n; i++)
                want[x[i] = (uint8_t)(255 - below(of))]++;
            memset(got, 0x5A, sizeof got);
            ops->tally_u8(x, n, got);
            assert_memory_equal(got, want, sizeof got);
            free(x);
        }
}

/* Numbers that ascend, and the same with one that is below the one before it, by little. */
static void test_ascends(void **state) {
    (void)state;
    for (uint32_t n = 0; n < 150; n++) {
        uint32_t x[150];
        uint64_t y[150];
        uint8_t *odd = malloc(n * sizeof *y + 7); /* at any address, to its very end */
        size_t shift = below(8);
        uint64_t from = below(2) ? UINT32_MAX - 5 * n : INT64_MAX - 3 * n;
        assert_non_null(odd);
        for (uint32_t i = 0; i < n; i++) {
            x[i] = (i ? x[i - 1] : (uint32_t)INT32_MAX - n) + below(3);
            y[i] = (i ? y[i - 1] : from) + below(3);
        }
        for (uint32_t at = 0; at <= n; at++) { /* 0 and n: none is below */
            uint32_t was_x = at < n ? x[at] : 0;
            uint64_t was_y = at < n ? y[at] : 0;
            bool fine = at == 0 || at == n;
            if (!fine) {
                x[at] = x[at - 1] - 1;
                y[at] = y[at - 1] - 1;
            }
            memcpy(odd + shift, x, n * sizeof *x);
            assert_int_equal(ops->ascends_u32(odd + shift, n), fine);
            memcpy(odd + shift, y, n * sizeof *y);
            assert_int_equal(ops->ascends_u64(odd + shift, n), fine);
            if (!fine) {
                x[at] = was_x;
                y[at] = was_y;
            }
        }
        free(odd);
    }
}

static void test_narrow(void **state) {
    (void)state;
    const uint64_t bases[] = {0, 5, UINT64_C(1) << 63, UINT64_MAX - 3};
    for (uint32_t n = 0; n < 150; n++)
        for (unsigned width = 1; width <= 8; width *= 2) {
            uint64_t base = bases[below(4)];
            int64_t *x = malloc((n ? n : 1) * sizeof *x),
                    *back = malloc((n ? n : 1) * sizeof *back);
            uint8_t *narrow = malloc(n ? n * width : 1);
            assert_true(x && back && narrow);
            for (uint32_t i = 0; i < n; i++)
                x[i] = (int64_t)(base + (uint64_t)some_int(width));
            uint8_t *odd = malloc(n * sizeof *x + 7);
            size_t shift = below(8);
            assert_non_null(odd);
            memcpy(odd + shift, x, n * sizeof *x);
            ops->narrow_i64(odd + shift, n, base, width, narrow);
            free(odd);
            for (uint32_t i = 0; i < n; i++) {
                int64_t v = (int64_t)((uint64_t)x[i] - base), got = 0;
                memcpy(&got, narrow + i * width, width); /* little-endian or not: compare bytes */
                int64_t want = 0;
                put_int(&want, 0, width, v);
                assert_true(got == want);
            }
            ops->widen_i64(narrow, n, base, width, back);
            assert_memory_equal(x, back, n * sizeof *x);
            free(x);
            free(back);
            free(narrow);
        }
}

/* --- levels --- */

static void test_levels(void **state) {
    (void)state;
    const char *const names[DENSE_LEVELS] = {"base", "avx2", "avx512"};
    const struct dense_ops *best = NULL;
    for (int level = 0; level < DENSE_LEVELS; level++) {
        const struct dense_ops *o = dense_ops_at(level);
        if (o) {
            assert_string_equal(o->name, names[level]);
            best = o;
        }
    }
    assert_non_null(dense_ops_at(DENSE_BASE));
    assert_ptr_equal(dense_ops(), best);
    assert_null(dense_ops_at(DENSE_LEVELS));
}

int main(void) {
    const struct CMUnitTest levels[] = {cmocka_unit_test(test_levels)};
    const struct CMUnitTest loops[] = {
        cmocka_unit_test(test_range_int),    cmocka_unit_test(test_both),
        cmocka_unit_test(test_range_double), cmocka_unit_test(test_any),
        cmocka_unit_test(test_pairs),        cmocka_unit_test(test_lookup),
        cmocka_unit_test(test_bits),         cmocka_unit_test(test_indices),
        cmocka_unit_test(test_bounds),       cmocka_unit_test(test_narrow),
        cmocka_unit_test(test_codes),        cmocka_unit_test(test_tally),
        cmocka_unit_test(test_ascends),
    };
    return cmocka_run_group_tests(levels, NULL, NULL) + on_every_level(loops, COUNT_OF(loops));
}

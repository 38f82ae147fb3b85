/* Numbers: every comparison over a set of awkward ones, against an oracle that does not share the
 * code's method: long double holds every int64, uint64 and double exactly. */
#include "mp_unit.h"

#include <assert.h>
#include <float.h>

static_assert(LDBL_MANT_DIG >= 64, "the oracle must hold every int64, uint64 and double exactly");

enum { MOST = 2000 };
static struct value set[MOST];
static long double exact[MOST];
static size_t n_set;

static void add(struct value v, long double x) {
    assert_true(n_set < MOST);
    set[n_set] = v;
    exact[n_set++] = x;
}

static void add_double(double d) { add(value_double(d), (long double)d); }

static void add_integer(__int128 i) {
    if (i >= INT64_MIN && i <= INT64_MAX)
        add(value_int((int64_t)i), (long double)(int64_t)i);
    else if (i > 0 && i <= UINT64_MAX)
        add(value_uint((uint64_t)i), (long double)(uint64_t)i);
}

/* A power of two with its neighbours, as integers and as doubles, and what lies between them. */
static void add_around(int exponent) {
    __int128 power = (__int128)1 << exponent;
    double d = ldexp(1.0, exponent);
    for (int k = -2; k <= 2; k++) {
        add_integer(power + k);
        add_integer(-power + k);
    }
    for (int sign = -1; sign <= 1; sign += 2) {
        add_double(sign * d);
        add_double(sign * nextafter(d, INFINITY));
        add_double(sign * nextafter(d, 0));
        add_double(sign * (d + 0.5));
        add_double(sign * (d - 0.5));
        add_double(sign * (d + 1));
        add_double(sign * (d - 1));
        add_double(sign * (double)(float)nextafter(d, 0));
    }
}

static void fill(void) {
    static const int EXPONENTS[] = {0, 1, 7, 8, 15, 16, 31, 32, 51, 52, 53, 54, 61, 62, 63, 64};
    static const double DOUBLES[] = {
        0.0,       -0.0,  0.1,    (double)0.1f, 1e-310, -1e-310,   DBL_TRUE_MIN, -DBL_TRUE_MIN,
        DBL_MIN,   1e19,  1.8e19, 1e20,         -1e19,  DBL_MAX,   -DBL_MAX,     INFINITY,
        -INFINITY, 1e300, 0.5,    -0.5,         0.9999, -0.000001,
    };
    n_set = 0;
    for (size_t i = 0; i < COUNT_OF(EXPONENTS); i++)
        add_around(EXPONENTS[i]);
    add_integer(0);
    for (size_t i = 0; i < COUNT_OF(DOUBLES); i++)
        add_double(DOUBLES[i]);
    add(value_double(NAN), (long double)NAN);
    add(value_double(-NAN), (long double)NAN);
    uint64_t payload = 0xFFF0000000000001u;
    struct value signalling = value_double(0);
    signalling.w.u = payload;
    add(signalling, (long double)NAN);
}

static bool oracle(enum compare op, long double a, long double b) {
    return op == CMP_EQ   ? a == b
           : op == CMP_NE ? a != b
           : op == CMP_LT ? a < b
           : op == CMP_LE ? a <= b
           : op == CMP_GT ? a > b
                          : a >= b; /* C's own are IEEE 754's: what F1 asks for NaN */
}

static void test_every_comparison(void **state) {
    (void)state;
    fill();
    for (size_t i = 0; i < n_set; i++)
        for (size_t j = 0; j < n_set; j++)
            for (int op = CMP_EQ; op <= CMP_GE; op++) {
                bool mismatch = false;
                enum truth got = value_compare((enum compare)op, set[i], set[j], &mismatch);
                if (got == truth_of(oracle((enum compare)op, exact[i], exact[j])) && !mismatch)
                    continue;
                fail_msg("%Lg (%s) op %d %Lg (%s) gives %d", exact[i],
                         value_type_name((enum value_type)set[i].type), op, exact[j],
                         value_type_name((enum value_type)set[j].type), (int)got);
            }
}

static void test_order_and_distinct(void **state) {
    (void)state;
    fill();
    for (size_t i = 0; i < n_set; i++)
        for (size_t j = 0; j < n_set; j++) {
            bool nan_i = isnan(exact[i]), nan_j = isnan(exact[j]);
            bool equal = nan_i || nan_j ? nan_i && nan_j : exact[i] == exact[j];
            assert_int_equal(value_distinct(set[i], set[j]), !equal);
            if (nan_i || nan_j)
                continue;
            int c = number_order(set[i], set[j]);
            assert_int_equal((c > 0) - (c < 0), (exact[i] > exact[j]) - (exact[i] < exact[j]));
        }
}

/* Integers once more, by an oracle without any floating point. */
static void test_integers(void **state) {
    (void)state;
    fill();
    for (size_t i = 0; i < n_set; i++)
        for (size_t j = 0; j < n_set; j++) {
            if (set[i].type == T_DOUBLE || set[j].type == T_DOUBLE)
                continue;
            __int128 a = set[i].type == T_INT ? (__int128)set[i].w.i : (__int128)set[i].w.u;
            __int128 b = set[j].type == T_INT ? (__int128)set[j].w.i : (__int128)set[j].w.u;
            int c = number_order(set[i], set[j]);
            assert_int_equal((c > 0) - (c < 0), (a > b) - (a < b));
        }
}

/* X6: equal numbers, and only they, have one canonical form. */
static void test_canonical(void **state) {
    (void)state;
    fill();
    for (size_t i = 0; i < n_set; i++) {
        struct value a = value_canonical(set[i]);
        assert_value_same(value_canonical(a), a, "canonical twice");
        if (isnan(exact[i])) {
            assert_int_equal(a.w.u, set[i].w.u);
            continue;
        }
        assert_int_equal(number_order(a, set[i]), 0);
        bool whole = truncl(exact[i]) == exact[i];
        bool fits = exact[i] >= -0x1p63L && exact[i] < 0x1p64L;
        assert_int_equal(a.type == T_DOUBLE, !(whole && fits));
        for (size_t j = 0; j < n_set; j++)
            if (!isnan(exact[j]))
                assert_int_equal(value_same(a, value_canonical(set[j])), exact[i] == exact[j]);
    }
    assert_value_same(value_canonical(value_double(-0.0)), value_int(0), "-0.0");
    assert_value_same(value_canonical(value_double(0x1p63)), value_uint(1ull << 63), "2^63");
    assert_value_same(value_canonical(value_double(0x1p64)), value_double(0x1p64), "2^64");
    assert_value_same(value_canonical(value_of("'1'")), value_of("'1'"), "a string");
    assert_value_same(value_canonical(value_bool(true)), value_bool(true), "a boolean");
}

/* --- as they come from bytes --- */

static void put(struct buf *b, uint8_t header, uint64_t v, unsigned bytes) {
    buf_byte(b, header);
    for (unsigned i = bytes; i-- > 0;)
        buf_byte(b, (uint8_t)(v >> (8 * i)));
}

static void check_encoded(struct buf *b, struct value want, const char *what) {
    struct mp_reader r;
    struct bytes bytes = bytes_take(b);
    mp_reader_init(&r, bytes.p, bytes.n, 1);
    assert_value_same(mp_read_value(&r), want, what);
    assert_status(r.status, E_OK, what);
    assert_true(mp_at_end(&r));
}

/* Every width that holds an integer gives one value: 05, d005, cf..05 are the same (X4). */
static void test_width_never_matters(void **state) {
    (void)state;
    fill();
    size_t encodings = 0;
    for (size_t i = 0; i < n_set; i++) {
        struct buf b = {0};
        if (set[i].type == T_DOUBLE)
            continue;
        bool negative = set[i].type == T_INT && set[i].w.i < 0;
        for (unsigned k = 0; k < 4; k++) {
            unsigned bytes = 1u << k, bits = 8 * bytes;
            uint64_t most = bits == 64 ? UINT64_MAX : (1ull << bits) - 1;
            if (!negative && set[i].w.u <= most) {
                put(&b, (uint8_t)(0xCC + k), set[i].w.u, bytes);
                check_encoded(&b, set[i], "uint");
                encodings++;
            }
            int64_t top = (int64_t)(most >> 1);
            if (set[i].type == T_INT && set[i].w.i <= top && set[i].w.i >= -top - 1) {
                put(&b, (uint8_t)(0xD0 + k), set[i].w.u, bytes);
                check_encoded(&b, set[i], "int");
                encodings++;
            }
        }
        if (set[i].type == T_INT && set[i].w.i >= -32 && set[i].w.i < 128) {
            put(&b, (uint8_t)set[i].w.i, 0, 0);
            check_encoded(&b, set[i], "fixint");
            encodings++;
        }
    }
    assert_true(encodings > 300);
}

/* X4: a float32 is widened exactly. Every exponent and sign, with awkward fractions. */
static void test_float32(void **state) {
    (void)state;
    static const uint32_t FRACTIONS[] = {0, 1, 2, 0x400000, 0x4CCCCD, 0x7FFFFE, 0x7FFFFF};
    for (uint32_t high = 0; high < 512; high++)
        for (size_t k = 0; k < COUNT_OF(FRACTIONS); k++) {
            struct buf b = {0};
            uint32_t bits = high << 23 | FRACTIONS[k], fraction = FRACTIONS[k];
            int exponent = (int)(high & 0xFF);
            double want = exponent == 0 ? ldexp(fraction, -149)
                                        : ldexp((double)(fraction | 0x800000), exponent - 150);
            if (exponent == 255)
                want = fraction ? NAN : INFINITY;
            put(&b, 0xCA, bits, 4);
            check_encoded(&b, value_double(high & 0x100 ? -want : want), "float32");
        }
    struct value tenth = value_of("<ca 3d cc cc cd>");
    assert_int_equal(value_compare(CMP_EQ, tenth, value_double(0.1), NULL), FALSE_);
    assert_int_equal(value_compare(CMP_GT, tenth, value_double(0.1), NULL), TRUE_);
}

static void test_float64_keeps_its_bits(void **state) {
    (void)state;
    uint64_t seed = 1;
    fill();
    for (int i = 0; i < 2000; i++) {
        struct buf b = {0};
        struct value want = value_double(0);
        want.w.u = random_u64(&seed);
        if (i < (int)n_set && set[i].type == T_DOUBLE)
            want = set[i];
        put(&b, 0xCB, want.w.u, 8);
        struct bytes bytes = bytes_take(&b);
        struct mp_reader r;
        mp_reader_init(&r, bytes.p, bytes.n, 1);
        struct value got = mp_read_value(&r);
        assert_int_equal(got.type, T_DOUBLE);
        assert_true(got.w.u == want.w.u); /* NaN payloads and signs, too */
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        value_test(test_every_comparison),
        value_test(test_order_and_distinct),
        value_test(test_integers),
        value_test(test_canonical),
        value_test(test_width_never_matters),
        value_test(test_float32),
        value_test(test_float64_keeps_its_bits),
    };
    return cmocka_run_group_tests_name("number", tests, NULL, NULL);
}

/* The msgpack writers: shortest forms, and round trips with msgpack-c in both directions. */
#include "mp_encodings.h"

/* Writes v, reads it back with our reader and with msgpack-c: the same value, in `want` bytes
 * (0: not checked). */
static void check_round_trip(struct value v, size_t want, const char *what) {
    struct buf b = {0};
    struct mp_reader r;
    mp_write_value(&b, v);
    struct bytes bytes = bytes_take(&b);
    if (want && bytes.n != want)
        fail_msg("%s: %zu bytes, expected %zu", what, bytes.n, want);
    mp_reader_init(&r, bytes.p, bytes.n, 64);
    assert_value_same(mp_read_value(&r), v, what);
    assert_true(mp_at_end(&r));
    assert_oracle(bytes, what);
}

static size_t shortest_int(int64_t i) {
    return i >= -32 && i < 128                 ? 1
           : i >= INT8_MIN && i <= UINT8_MAX   ? 2
           : i >= INT16_MIN && i <= UINT16_MAX ? 3
           : i >= INT32_MIN && i <= UINT32_MAX ? 5
                                               : 9;
}

static void test_integers(void **state) {
    (void)state;
    for (int exponent = 0; exponent < 64; exponent++)
        for (int k = -2; k <= 2; k++) {
            uint64_t u = (1ull << exponent) + (uint64_t)(int64_t)k;
            size_t n = u <= INT64_MAX ? shortest_int((int64_t)u) : 9;
            check_round_trip(value_uint(u), n, "uint");
            check_round_trip(value_int((int64_t)u), shortest_int((int64_t)u), "int");
            check_round_trip(value_int((int64_t)(0 - u)), shortest_int((int64_t)(0 - u)), "minus");
            struct buf a = {0}, b = {0};
            mp_write_uint(&a, u); /* the two writers agree where both can */
            mp_write_value(&b, value_uint(u));
            assert_int_equal(a.len, b.len);
            assert_memory_equal(a.data, b.data, a.len);
            buf_done(&a);
            buf_done(&b);
        }
}

static void test_others(void **state) {
    (void)state;
    check_round_trip(value_null(), 1, "null");
    check_round_trip(value_bool(false), 1, "false");
    check_round_trip(value_bool(true), 1, "true");
    static const double DOUBLES[] = {0.0, -0.0, 1.0, 0.1, 1e300, -1e-310, INFINITY, -INFINITY, NAN};
    for (size_t i = 0; i < COUNT_OF(DOUBLES); i++)
        check_round_trip(value_double(DOUBLES[i]), 9, "double");
    struct buf b = {0};
    mp_write_value(&b, value_missing()); /* missing is written as nil */
    assert_int_equal(b.len, 1);
    assert_int_equal(b.data[0], 0xC0);
    buf_done(&b);
    for (size_t i = 0; i < COUNT_OF(ENCODINGS); i++) /* containers: byte for byte */
        check_round_trip(value_of(ENCODINGS[i].bytes), 0, ENCODINGS[i].bytes);
}

static size_t str_head(size_t n) { return n < 32 ? 1 : n < 256 ? 2 : n < 65536 ? 3 : 5; }
static size_t bin_head(size_t n) { return n < 256 ? 2 : n < 65536 ? 3 : 5; }
static size_t ext_head(size_t n) {
    bool fixed = n == 1 || n == 2 || n == 4 || n == 8 || n == 16;
    return fixed ? 2 : n < 256 ? 3 : n < 65536 ? 4 : 6;
}

static void test_lengths(void **state) {
    (void)state;
    static const uint32_t LENGTHS[] = {0,  1,  2,  3,  4,   5,   7,     8,     9,     15,   16,
                                       17, 31, 32, 33, 255, 256, 65535, 65536, 65537, 70000};
    uint8_t *data = keep(malloc(70001));
    for (uint32_t i = 0; i < 70001; i++)
        data[i] = (uint8_t)(i * 7 + 5); /* data[0]: extension type 5 */
    for (size_t i = 0; i < COUNT_OF(LENGTHS); i++) {
        uint32_t n = LENGTHS[i];
        check_round_trip(value_bytes(T_STR, data, n), str_head(n) + n, "str");
        check_round_trip(value_bytes(T_BIN, data, n), bin_head(n) + n, "bin");
        check_round_trip(value_bytes(T_EXT, data, n + 1), ext_head(n) + n, "ext");
        struct buf a = {0}, b = {0};
        mp_write_str(&a, (const char *)data, n);
        mp_write_bin(&b, data, n);
        assert_int_equal(a.len, str_head(n) + n);
        assert_int_equal(b.len, bin_head(n) + n);
        buf_done(&a);
        buf_done(&b);
    }
    struct buf b = {0};
    mp_write_text(&b, "text");
    assert_int_equal(b.len, 5);
    assert_memory_equal(b.data, "\xA4text", 5);
    buf_done(&b);
}

static void test_counts(void **state) {
    (void)state;
    static const uint32_t COUNTS[] = {0, 1, 15, 16, 65535, 65536, 1000000, UINT32_MAX};
    for (size_t i = 0; i < COUNT_OF(COUNTS); i++) {
        struct buf a = {0}, m = {0};
        uint32_t n = COUNTS[i];
        size_t head = n < 16 ? 1 : n < 65536 ? 3 : 5;
        mp_write_array(&a, n);
        mp_write_map(&m, n);
        assert_int_equal(a.len, head);
        assert_int_equal(m.len, head);
        assert_int_equal(a.data[0], n < 16 ? 0x90 + n : n < 65536 ? 0xDC : 0xDD);
        assert_int_equal(m.data[0], n < 16 ? 0x80 + n : n < 65536 ? 0xDE : 0xDF);
        uint32_t told = n < 16 ? n : 0;
        for (size_t k = 1; k < head; k++)
            told = told << 8 | a.data[k];
        assert_true(told == n);
        assert_memory_equal(a.data + 1, m.data + 1, head - 1);
        buf_done(&a);
        buf_done(&m);
    }
}

static void test_timestamps(void **state) {
    (void)state;
    static const struct {
        int64_t seconds;
        uint32_t nanoseconds;
        size_t bytes;
    } TIMES[] = {
        {0, 0, 6},           {4294967295, 0, 6},           {4294967296, 0, 10},        {0, 1, 10},
        {1, 999999999, 10},  {17179869183, 999999999, 10}, {17179869184, 0, 15},       {-1, 0, 15},
        {-3, 550000000, 15}, {INT64_MIN, 0, 15},           {INT64_MAX, 999999999, 15},
    };
    for (size_t i = 0; i < COUNT_OF(TIMES); i++)
        check_round_trip(value_timestamp(TIMES[i].seconds, TIMES[i].nanoseconds), TIMES[i].bytes,
                         "timestamp");
}

/* What msgpack-c packs, we read: one message of everything it can pack. */
static int sink(void *data, const char *p, size_t n) {
    buf_add(data, p, n);
    return 0;
}

static void test_from_msgpack_c(void **state) {
    (void)state;
    struct buf b = {0};
    msgpack_packer pk;
    msgpack_packer_init(&pk, &b, sink);
    msgpack_pack_array(&pk, 20);
    msgpack_pack_uint8(&pk, 200);
    msgpack_pack_fix_uint8(&pk, 5);
    msgpack_pack_fix_uint16(&pk, 5);
    msgpack_pack_fix_uint32(&pk, 5);
    msgpack_pack_fix_uint64(&pk, UINT64_MAX);
    msgpack_pack_fix_int8(&pk, -5);
    msgpack_pack_fix_int16(&pk, -5);
    msgpack_pack_fix_int32(&pk, -5);
    msgpack_pack_fix_int64(&pk, INT64_MIN);
    msgpack_pack_float(&pk, 0.1f);
    msgpack_pack_double(&pk, 0.1);
    msgpack_pack_nil(&pk);
    msgpack_pack_true(&pk);
    msgpack_pack_v4raw(&pk, 40); /* the old str, without str 8 */
    msgpack_pack_v4raw_body(&pk, "0123456789012345678901234567890123456789", 40);
    msgpack_pack_str_with_body(&pk, "x", 1);
    msgpack_pack_bin_with_body(&pk, "\0\1", 2);
    msgpack_pack_ext_with_body(&pk, "abc", 3, -2);
    msgpack_pack_timestamp(&pk, &(msgpack_timestamp){-1, 1});
    msgpack_pack_map(&pk, 1);
    msgpack_pack_nil(&pk);
    msgpack_pack_array(&pk, 0);
    msgpack_pack_char(&pk, 1);
    struct bytes bytes = bytes_take(&b);
    assert_oracle(bytes, "msgpack-c's");
    struct mp_reader r;
    mp_reader_init(&r, bytes.p, bytes.n, 8);
    assert_int_equal(mp_read_array(&r), 20);
    assert_value_same(mp_read_value(&r), value_int(200), "uint8");
}

/* The buffer's failure is sticky through every writer. */
static void test_no_memory(void **state) {
    (void)state;
    struct budget budget;
    struct buf b;
    char big[3000] = {0};
    budget_init(&budget, 2000);
    buf_init(&b, &budget);
    mp_write_array(&b, 2);
    size_t before = b.len;
    mp_write_str(&b, big, sizeof big);
    assert_true(buf_failed(&b));
    mp_write_int(&b, 1);
    mp_write_value(&b, value_of("[1, 2]"));
    mp_write_value(&b, value_of("<d4 05 01>"));
    assert_true(b.len >= before && b.len <= before + 5); /* nothing behind the failure */
    buf_done(&b);
    assert_int_equal(budget.used_bytes, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        value_test(test_integers),  value_test(test_others),     value_test(test_lengths),
        value_test(test_counts),    value_test(test_timestamps), value_test(test_from_msgpack_c),
        value_test(test_no_memory),
    };
    return cmocka_run_group_tests_name("mp_write", tests, NULL, NULL);
}

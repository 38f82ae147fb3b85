/* The base layer's functions over bytes: UTF-8, each code point and each way to be malformed, and
 * the keyed hash. */
#include "base/hash.h"
#include "base/utf8.h"

#include "unit.h"

/* --- utf8 --- */

static size_t encode(uint32_t cp, uint8_t *p) {
    if (cp < 0x80)
        return p[0] = (uint8_t)cp, 1;
    if (cp < 0x800)
        return p[0] = (uint8_t)(0xC0 | cp >> 6), p[1] = (uint8_t)(0x80 | (cp & 0x3F)), 2;
    size_t n = cp < 0x10000 ? 3 : 4;
    p[0] = (uint8_t)((n == 3 ? 0xE0 : 0xF0) | cp >> (6 * (n - 1)));
    for (size_t i = 1; i < n; i++)
        p[i] = (uint8_t)(0x80 | (cp >> (6 * (n - 1 - i)) & 0x3F));
    return n;
}

static void test_utf8_every_code_point(void **state) {
    (void)state;
    for (uint32_t cp = 0; cp <= 0x110010; cp++) {
        uint8_t p[4];
        size_t n = encode(cp, p);
        uint32_t got;
        size_t length = utf8_decode(p, n, &got);
        if (cp > 0x10FFFF || (cp >= 0xD800 && cp <= 0xDFFF)) {
            if (length != 1 || got != UINT32_MAX)
                fail_msg("U+%X was accepted", cp);
            continue;
        }
        if (length != n || got != cp)
            fail_msg("U+%X came back as U+%X in %zu bytes", cp, got, length);
        if (n > 1 && (utf8_decode(p, n - 1, &got) != 1 || got != UINT32_MAX)) /* cut short */
            fail_msg("U+%X was accepted without its last byte", cp);
    }
}

static void test_utf8_malformed(void **state) {
    (void)state;
    static const char *const BAD[] = {
        "\x80",
        "\xBF",
        "\xC0\x80",
        "\xC1\xBF",
        "\xC2",
        "\xC2\x41",
        "\xE0\x80\x80",
        "\xE0\x9F\xBF",
        "\xE1\x80",
        "\xE1\x80\x41",
        "\xED\xA0\x80",
        "\xF0\x80\x80\x80",
        "\xF0\x8F\xBF\xBF",
        "\xF1\x80\x80",
        "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80",
        "\xF8\x88\x80\x80\x80",
        "\xFE",
        "\xFF",
    };
    for (size_t i = 0; i < COUNT_OF(BAD); i++) {
        uint8_t text[64];
        for (size_t before = 0; before < 20;
             before++) { /* every place relative to the 8-byte steps */
            size_t n = strlen(BAD[i]);
            memset(text, 'a', sizeof text);
            memcpy(text + before, BAD[i], n);
            assert_int_equal(utf8_check(text, before), before);
            assert_int_equal(utf8_check(text, before + n), before);
            assert_int_equal(utf8_check(text, sizeof text), before);
        }
    }
    static const char GOOD[] = "gr\xC3\xBC\xC3\x9F dich \xE2\x82\xAC \xF0\x9F\x98\x80, all of it";
    assert_int_equal(utf8_check((const uint8_t *)GOOD, sizeof GOOD), sizeof GOOD);
}

/* --- hash --- */

static void test_hash_bytes_is_siphash13(void **state) {
    (void)state;
    /* bytes 0, 1, ... n - 1 under the key 0, as CPython 3.11 hashes them with PYTHONHASHSEED=0 */
    static const struct {
        size_t n;
        uint64_t hash;
    } VECTORS[] = {
        {1, 0x68a914128e01e473},  {2, 0x010bac45c41e3669},  {7, 0x2f098ab0c751325a},
        {8, 0xead411e67ebe2eea},  {9, 0x75927f9d95124362},  {15, 0xf30eb725bb91c9ea},
        {16, 0x8972188433a5c5b7}, {63, 0x385d3e39e5f37359}, {64, 0x75e05fd5bbc870c6},
    };
    unsigned char bytes[64];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)i;
    for (size_t i = 0; i < COUNT_OF(VECTORS); i++)
        assert_true(hash_bytes((struct hash_key){0, 0}, bytes, VECTORS[i].n) == VECTORS[i].hash);
}

static void test_hash_keys(void **state) {
    (void)state;
    struct hash_key key = hash_key(), again = hash_key();
    assert_true(key.k0 == again.k0 && key.k1 == again.k1);
    assert_true(key.k0 != 0 || key.k1 != 0);
    struct hash_key other = {key.k0 + 1, key.k1};
    assert_true(hash_bytes(key, "a", 1) != hash_bytes(other, "a", 1));
    assert_true(hash_u64(key, 5) != hash_u64(other, 5));
    unsigned used[64] = {
        0}; /* consecutive words spread over buckets, by their low and by their high bits */
    for (uint64_t i = 0; i < 6400; i++) {
        used[hash_u64(key, i) % 64]++;
        used[hash_u64(key, i) >> 58]++;
    }
    for (size_t i = 0; i < COUNT_OF(used); i++)
        assert_in_range(used[i], 100, 320);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_utf8_every_code_point),
        cmocka_unit_test(test_utf8_malformed),
        cmocka_unit_test(test_hash_bytes_is_siphash13),
        cmocka_unit_test(test_hash_keys),
    };
    return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}

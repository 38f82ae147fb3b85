/* Row numbers and bitmaps of a part's bits as they go into results. */
#include "engine/resident_bits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define WORDS 40u
#define BASE  1000000u

/* Words of which one bit in 2^sparse is set, by numbers that anybody can make again. */
static uint32_t fill(uint64_t *bits, uint32_t words, unsigned sparse, uint64_t seed) {
    uint32_t n = 0;
    for (uint32_t w = 0; w < words; w++) {
        bits[w] = UINT64_MAX;
        for (unsigned i = 0; i < sparse; i++) {
            seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
            bits[w] &= seed ^ seed >> 29;
        }
        n += (uint32_t)__builtin_popcountll(bits[w]);
    }
    return n;
}

static void check_numbers(const uint64_t *bits, uint32_t words, const uint8_t *found) {
    for (uint32_t row = 0; row < 64 * words; row++) {
        if (!(bits[row / 64] >> (row % 64) & 1))
            continue;
        uint32_t want = BASE + row;
        uint8_t le[4] = {(uint8_t)want, (uint8_t)(want >> 8), (uint8_t)(want >> 16),
                         (uint8_t)(want >> 24)};
        assert_memory_equal(found, le, 4);
        found += 4;
    }
}

/* Into memory of just their size, and in a growing buffer behind any number of bytes. */
static void test_indices(void **state) {
    (void)state;
    uint64_t bits[WORDS];
    for (uint32_t words = 0; words <= WORDS; words++)
        for (unsigned sparse = 0; sparse < 9; sparse++) {
            uint32_t n = fill(bits, words, sparse, words * 100 + sparse);
            uint8_t *memory = malloc(4 * (size_t)n + 1); /* what is behind is a sanitizer's */
            assert_non_null(memory);
            memory[4 * (size_t)n] = 0xEE;
            struct buf fixed;
            buf_init_fixed(&fixed, memory, 4 * (size_t)n);
            assert_true(bits_add_indices(bits, words, n, BASE, &fixed));
            assert_int_equal(fixed.len, 4 * (size_t)n);
            assert_int_equal(memory[4 * (size_t)n], 0xEE);
            check_numbers(bits, words, memory);
            free(memory);
            struct buf grows = {0};
            for (uint32_t i = 0; i < sparse; i++)
                buf_byte(&grows, 'x');
            assert_true(bits_add_indices(bits, words, n, BASE, &grows));
            assert_int_equal(grows.len, sparse + 4 * (size_t)n);
            if (n > 0)
                check_numbers(bits, words, grows.data + sparse);
            buf_done(&grows);
        }
}

static void test_no_room(void **state) {
    (void)state;
    uint64_t bits[1] = {7};
    uint8_t memory[12] = {0};
    struct buf fixed;
    buf_init_fixed(&fixed, memory, 11);
    assert_false(bits_add_indices(bits, 1, 3, BASE, &fixed));
    assert_int_equal(fixed.len, 0);
    for (size_t i = 0; i < sizeof memory; i++)
        assert_int_equal(memory[i], 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_indices),
        cmocka_unit_test(test_no_room),
    };
    return cmocka_run_group_tests_name("resident_bits", tests, NULL, NULL);
}

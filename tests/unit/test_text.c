/* Case folding and the byte searches and unit walks of text.h, against the plainest code that does
 * the same. */
#include "base/str.h"
#include "kernel/casefold.h"
#include "kernel/text.h"
#include "strings_unit.h"

static uint64_t random_next(uint64_t *seed) {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* --- case folding --- */

static void test_casefold(void **state) {
    (void)state;
    size_t mapped = 0;
    for (uint32_t cp = 0; cp <= 0x10FFFF; cp++) {
        uint32_t folded = casefold(cp);
        mapped += folded != cp;
        assert_int_equal(casefold(folded), folded);
        /* The search for a folded literal relies on these being the only ways into ASCII. */
        if (folded < 0x80 && cp >= 0x80)
            assert_true((cp == 0x212A && folded == 'k') || (cp == 0x17F && folded == 's'));
        if (cp < 0x80)
            assert_int_equal(folded, cp >= 'A' && cp <= 'Z' ? cp + 32 : cp);
    }
    assert_int_equal(mapped, 1454); /* lines of status C or S in CaseFolding-15.0.0.txt */
    static const uint32_t pairs[][2] = {
        {0xB5, 0x3BC},      {0xDE, 0xFE},
        {0x130, 0x130},     {0x178, 0xFF},
        {0x1E9E, 0xDF},     {0x1FFC, 0x1FF3},
        {0x2126, 0x3C9},    {0xAB70, 0x13A0},
        {0x13F8, 0x13F0},   {0x10400, 0x10428},
        {0x1E921, 0x1E943}, {0x1E922, 0x1E922},
        {0xFB06, 0xFB06},   {UINT32_MAX, UINT32_MAX},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        assert_int_equal(casefold(pairs[i][0]), pairs[i][1]);
}

/* --- text.h --- */

static void test_bytes_find(void **state) {
    (void)state;
    uint64_t seed = 7;
    for (size_t round = 0; round < 200000; round++) {
        size_t n = random_next(&seed) % 80, m = random_next(&seed) % (round % 4 ? 5 : 40);
        unsigned letters = 1 + (unsigned)(random_next(&seed) % 3);
        char *s = malloc(n + 1), *needle = malloc(m + 1);
        assert_true(s && needle);
        char *p = s + 1, *q = needle + 1; /* at the blocks' ends, and not aligned */
        for (size_t i = 0; i < n; i++)
            p[i] = (char)('a' + random_next(&seed) % letters);
        for (size_t i = 0; i < m; i++)
            q[i] = (char)('a' + random_next(&seed) % letters);
        if (m > 0 && m <= n && round % 3 == 0)
            memcpy(q, p + random_next(&seed) % (n - m + 1), m);
        const char *want = NULL;
        for (size_t i = 0; !want && i + m <= n; i++)
            want = m == 0 || memcmp(p + i, q, m) == 0 ? p + i : NULL;
        assert_ptr_equal(bytes_find((uint8_t *)p, n, (uint8_t *)q, m), want);
        const uint8_t of[3] = {'b', 'c', (uint8_t)(m > 0 ? q[0] : 'x')};
        size_t from = random_next(&seed) % (n + 1), first = from;
        while (first < n && p[first] != 'b' && p[first] != 'c' && (uint8_t)p[first] != of[2])
            first++;
        assert_int_equal(bytes_find_any((uint8_t *)p, n, from, of), first);
        free(s);
        free(needle);
    }
}

/* Haystacks of nearly equal bytes, long enough that the first way to search gives up. */
static void test_bytes_find_long(void **state) {
    (void)state;
    uint64_t seed = 11;
    size_t gave_up = 0;
    for (size_t round = 0; round < 3000; round++) {
        size_t n = 1 + random_next(&seed) % 3000, m = 1 + random_next(&seed) % 60;
        char *s = malloc(n), needle[64];
        assert_non_null(s);
        size_t rare = 20 + random_next(&seed) % 100;
        for (size_t i = 0; i < n; i++)
            s[i] = random_next(&seed) % rare ? 'a' : 'b';
        memset(needle, 'a', m);
        needle[random_next(&seed) % m] = 'b';
        if (round % 2 && m <= n)
            memcpy(needle, s + random_next(&seed) % (n - m + 1), m);
        bool want = contains_naively((struct str){s, n}, (struct str){needle, m});
        const uint8_t *p = bytes_find((uint8_t *)s, n, (uint8_t *)needle, m);
        assert_true((p != NULL) == want);
        if (p) {
            assert_memory_equal(p, needle, m);
            size_t before = (size_t)(p - (uint8_t *)s) + m - 1;
            assert_false(contains_naively((struct str){s, before}, (struct str){needle, m}));
        }
        for (size_t i = 0; i < n; i++)
            s[i] = random_next(&seed) % 2 ? s[i] : (char)(s[i] - 'a' + 'A');
        size_t left = SIZE_MAX;
        const uint8_t *q = bytes_find_lower((uint8_t *)s, n, (uint8_t *)needle, m, &left);
        if (q)
            assert_ptr_equal(q, p);
        else if (left == n)
            assert_null(p);
        else
            assert_true(left < n && (!p || (size_t)(p - (uint8_t *)s) >= left));
        gave_up += !q && left < n;
        free(s);
    }
    assert_true(gave_up > 10);
}

static void test_boundaries_exhaustive(void **state) {
    (void)state;
    struct strings set = strings_over("a\xC3\xE2\xED\xF0\x80\xAA", 7, 5);
    for (size_t k = 0; k < set.count; k++) {
        const uint8_t *s = bytes_of(set.all[k]);
        size_t n = set.all[k].n, before = 0, units = 0;
        for (size_t pos = 0; pos < n; units++) {
            uint32_t unit;
            before = pos;
            pos += text_unit(s + pos, n - pos, &unit);
            assert_true(text_boundary(s, n, before) && text_boundary(s, n, pos));
            for (size_t i = before + 1; i < pos; i++)
                assert_false(text_boundary(s, n, i));
            assert_int_equal(text_back(s, n, pos, 0, 1), before);
            assert_int_equal(text_back(s, n, pos, pos, 1), TEXT_NONE);
            assert_int_equal(text_back(s, n, pos, 0, units + 1), 0);
            assert_int_equal(text_forward(s, n, 0, units + 1), pos);
        }
        assert_int_equal(text_forward(s, n, 0, units + 1), TEXT_NONE);
        assert_int_equal(text_back(s, n, n, 0, units + 1), TEXT_NONE);
    }
    strings_done(&set);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_casefold),
        cmocka_unit_test(test_bytes_find),
        cmocka_unit_test(test_bytes_find_long),
        cmocka_unit_test(test_boundaries_exhaustive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

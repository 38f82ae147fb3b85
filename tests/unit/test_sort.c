/* base/sort.h: the order is the one that was asked for, equal items keep theirs, and it stops. */
#include "base/sort.h"

#include "unit.h"

#include <stdlib.h>

enum { MOST = 200000 };

static uint32_t keys[MOST];
static uint64_t asked;

static int by_key(uint32_t a, uint32_t b, const void *data) {
    const uint32_t *k = data;
    asked++;
    return (k[a] > k[b]) - (k[a] < k[b]);
}

static void check(uint32_t n, uint32_t kinds, uint32_t seed) {
    uint32_t *items = malloc((n + 1) * sizeof *items), *room = malloc((n + 1) * sizeof *room);
    assert_true(items && room);
    items[n] = room[n] = 0xABCD;
    for (uint32_t i = 0; i < n; i++) {
        seed = seed * 1664525 + 1013904223;
        keys[i] = kinds == 0 ? i : kinds == 1 ? n - i : (seed >> 8) % kinds;
        items[i] = i;
    }
    assert_true(sort_items(items, n, room, by_key, keys, NULL));
    for (uint32_t i = 1; i < n; i++) {
        assert_true(keys[items[i - 1]] <= keys[items[i]]);
        if (keys[items[i - 1]] == keys[items[i]])
            assert_true(items[i - 1] < items[i]);
    }
    assert_true(items[n] == 0xABCD && room[n] == 0xABCD);
    free(items);
    free(room);
}

static void test_orders(void **state) {
    (void)state;
    static const uint32_t KINDS[] = {0, 1, 2, 10, UINT32_MAX};
    for (size_t k = 0; k < COUNT_OF(KINDS); k++) {
        for (uint32_t n = 0; n < 200; n++)
            check(n, KINDS[k], n);
        check(12 * 4096, KINDS[k], 1);
        check(MOST, KINDS[k], 2);
    }
}

/* What is in order already is looked at about once. */
static void test_sorted_is_cheap(void **state) {
    (void)state;
    asked = 0;
    check(MOST, 0, 1);
    assert_true(asked < 2 * (uint64_t)MOST);
}

static void test_stop(void **state) {
    (void)state;
    static uint32_t items[MOST], room[MOST];
    atomic_bool stop = true;
    asked = 0;
    for (uint32_t i = 0; i < MOST; i++) {
        items[i] = i;
        keys[i] = MOST - i;
    }
    assert_false(sort_items(items, MOST, room, by_key, keys, &stop));
    assert_true(asked < 8 * UINT64_C(65536));
    stop = false;
    assert_true(sort_items(items, MOST, room, by_key, keys, &stop));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_orders),
        cmocka_unit_test(test_sorted_is_cheap),
        cmocka_unit_test(test_stop),
    };
    return cmocka_run_group_tests_name("sort", tests, NULL, NULL);
}

/* Arenas. Sizes of build.h differ in the hostile preset: nothing here may expect a certain chunk or
 * first size. */
#include "base/arena.h"
#include "base/build.h"

#include "unit.h"

static void check_blocks_stand_apart(bool in_pages) {
    struct budget budget;
    struct arena a;
    budget_init(&budget, 0);
    if (in_pages)
        arena_init_pages(&a, &budget);
    else
        arena_init(&a, &budget);
    enum { N = 2000 };
    unsigned char *blocks[N];
    for (int i = 0; i < N; i++) {
        size_t n = (size_t)(i * 7 % 97);
        blocks[i] = arena_alloc(&a, n);
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % 16, 0);
        memset(blocks[i], i & 0xFF, n);
    }
    for (int i = 0; i < N; i++)
        for (size_t k = 0; k < (size_t)(i * 7 % 97); k++)
            assert_int_equal(blocks[i][k], i & 0xFF);
    arena_done(&a);
    assert_int_equal(budget.used_bytes, 0);
    assert_non_null(arena_alloc(&a, 3u << 20));
    arena_settle(&a);
    assert_non_null(arena_alloc(&a, 1u << 20));
    assert_int_equal(a.in_pages, in_pages);
    arena_done(&a);
    assert_int_equal(budget.used_bytes, 0);
    arena_done(&a); /* twice is fine */
    arena_done(&(struct arena){0});
}

static void test_arena_blocks_stand_apart(void **state) {
    (void)state;
    check_blocks_stand_apart(false);
    check_blocks_stand_apart(true);
}

/* What is settled takes the smallest chunk that has room, no new memory, and lets go of what the
 * round before did not use. */
static void check_chunks_are_used_again(bool in_pages) {
    struct budget budget;
    struct arena a;
    enum { SMALL = 2 * ARENA_MOST_BYTES, LARGE = 3 * ARENA_MOST_BYTES };
    budget_init(&budget, 0);
    if (in_pages)
        arena_init_pages(&a, &budget);
    else
        arena_init(&a, &budget);
    void *large = arena_alloc(&a, LARGE), *small = arena_alloc(&a, SMALL);
    uint64_t held = budget.used_bytes;
    for (int round = 0; round < 3; round++) {
        arena_settle(&a);
        assert_ptr_equal(arena_alloc(&a, SMALL), small);
        assert_ptr_equal(arena_alloc(&a, LARGE), large);
        assert_int_equal(budget.used_bytes, held);
    }
    arena_settle(&a);
    assert_ptr_equal(arena_alloc(&a, SMALL), small);
    assert_int_equal(budget.used_bytes, held); /* the large one may still be wanted */
    arena_settle(&a);
    assert_in_range(budget.used_bytes, SMALL, held - LARGE);
    assert_int_equal(budget.used_bytes, a.held_bytes);
    assert_ptr_equal(arena_alloc(&a, SMALL), small);
    arena_reset(&a);
    arena_done(&a);
    assert_int_equal(budget.used_bytes, 0);
}

static void test_arena_settle(void **state) {
    (void)state;
    check_chunks_are_used_again(false);
    check_chunks_are_used_again(true);
}

static void test_arena_big_block_and_reset(void **state) {
    (void)state;
    struct budget budget;
    struct arena a;
    budget_init(&budget, 0);
    arena_init(&a, &budget);
    assert_non_null(arena_alloc(&a, 1));
    size_t first = budget.used_bytes;
    unsigned char *big = arena_zero(&a, 3 * ARENA_MOST_BYTES);
    assert_non_null(big);
    assert_int_equal(big[0] | big[3 * ARENA_MOST_BYTES - 1], 0);
    assert_true(budget.used_bytes > 3 * ARENA_MOST_BYTES);
    arena_reset(&a);
    assert_int_equal(budget.used_bytes, first);
    for (int round = 0; round < 50; round++) { /* a used arena does not creep */
        assert_non_null(arena_alloc(&a, 8));
        arena_reset(&a);
    }
    assert_int_equal(budget.used_bytes, first);
    assert_string_equal(arena_copy(&a, "text", 4), "text");
    assert_string_equal(arena_copy(&a, NULL, 0), "");
    arena_done(&a);
    assert_int_equal(budget.used_bytes, 0);
}

static void test_arena_refuses(void **state) {
    (void)state;
    struct budget budget;
    struct arena a;
    budget_init(&budget, ARENA_FIRST_BYTES + 200);
    arena_init(&a, &budget);
    assert_null(arena_alloc(&a, SIZE_MAX));
    assert_null(arena_alloc(&a, SIZE_MAX / 2));
    assert_null(arena_array(&a, SIZE_MAX / 4, 8));
    assert_null(arena_zero(&a, ARENA_FIRST_BYTES + 201));
    assert_int_equal(budget.used_bytes, 0);
    assert_non_null(arena_alloc(&a, 8)); /* still usable */
    assert_null(arena_copy(&a, "", SIZE_MAX - 1));
    arena_done(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arena_blocks_stand_apart),
        cmocka_unit_test(test_arena_settle),
        cmocka_unit_test(test_arena_big_block_and_reset),
        cmocka_unit_test(test_arena_refuses),
    };
    return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}

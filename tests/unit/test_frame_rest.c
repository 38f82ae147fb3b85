/* The memory that readers of frames share: who has nothing to look at has none of it. */
#include "base/build.h"
#include "wire/frame.h"

#include "unit.h"

/* Who has nothing left to look at reads into no memory of its own: the next one gets it. */
static void test_rest(void **state) {
    (void)state;
    struct budget budget;
    struct frame_store store;
    struct frames a, b;
    const uint8_t *p;
    size_t n, room;
    budget_init(&budget, 0);
    frame_store_init(&store, &budget);
    frames_init(&a, &budget, &store);
    frames_init(&b, &budget, &store);
    uint8_t *first = frames_space(&a, &room);
    memcpy(first, "\0\0\0\1x\0", 6); /* and the beginning of a second one */
    frames_fed(&a, 6);
    assert_false(frames_are_empty(&a));
    assert_int_equal(frames_next(&a, 100, &p, &n), FRAME_READY);
    assert_int_equal(frames_next(&a, 100, &p, &n), FRAME_NONE);
    frames_rest(&a);
    assert_int_equal(store.n_reads, 0);
    assert_ptr_not_equal(frames_space(&b, &room), first);
    frames_rest(&b); /* nothing has been read to it */
    assert_int_equal(store.n_reads, 1);
    uint8_t *more = frames_space(&a, &room);
    memcpy(more, "\0\0\1y", 4);
    frames_fed(&a, 4);
    assert_int_equal(frames_next(&a, 100, &p, &n), FRAME_READY);
    assert_true(n == 1 && *p == 'y');
    frames_rest(&a);
    assert_true(frames_are_empty(&a) && frames_at_boundary(&a));
    assert_int_equal(frames_position(&a), 10);
    assert_int_equal(store.n_reads, 2);
    size_t used = budget.used_bytes;
    assert_non_null(frames_space(&b, &room));
    assert_true(room >= READ_BYTES);
    assert_int_equal(store.n_reads, 1);
    assert_int_equal(budget.used_bytes, used);
    frames_done(&a);
    frames_done(&b);
    frame_store_done(&store);
    assert_int_equal(budget.used_bytes, 0);
}

/* While memory is scarce one block is kept. */
static void test_rest_is_bounded(void **state) {
    (void)state;
    struct budget budget;
    struct frame_store store;
    struct frames f[FRAMES_SPARE + 2];
    size_t room;
    budget_init(&budget, 100 * READ_BYTES);
    frame_store_init(&store, &budget);
    for (int scarce = 0; scarce < 2; scarce++) {
        for (size_t i = 0; i < COUNT_OF(f); i++) {
            frames_init(&f[i], &budget, &store);
            assert_non_null(frames_space(&f[i], &room));
        }
        if (scarce)
            assert_true(budget_charge(&budget, 51 * READ_BYTES));
        for (size_t i = 0; i < COUNT_OF(f); i++)
            frames_rest(&f[i]);
        assert_int_equal(store.n_reads, scarce ? 1 : FRAMES_SPARE);
        for (size_t i = 0; i < COUNT_OF(f); i++)
            frames_done(&f[i]);
    }
    budget_release(&budget, 51 * READ_BYTES);
    frame_store_done(&store);
    assert_int_equal(budget.used_bytes, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rest),
        cmocka_unit_test(test_rest_is_bounded),
    };
    return cmocka_run_group_tests_name("frame_rest", tests, NULL, NULL);
}

/* The field tree, the scanner and a block with every allocation failing in turn, and under every
 * budget that is too small. */
#include "format/scan.h"
#include "value/mp.h"

#include "alloc_fault.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

enum { N_PATHS = 60, N_ROWS = 5 };

/* Made before anything fails: the paths k, k.k, k.k.k ..., f0, f1[0] ..., and rows that have them.
 */
static struct {
    struct path_step deep[N_PATHS / 2], flat[N_PATHS / 2][2];
    char names[N_PATHS / 2][16];
    struct path paths[N_PATHS];
    struct buf rows;
} given;

static void make_paths(void) {
    for (uint32_t i = 0; i < N_PATHS / 2; i++) {
        snprintf(given.names[i], sizeof given.names[i], "f%u", i);
        given.deep[i].key = str_of("k");
        given.paths[i] = (struct path){given.deep, i + 1};
        given.flat[i][0].key = str_of(given.names[i]);
        given.flat[i][1].index = i;
        given.paths[N_PATHS / 2 + i] = (struct path){given.flat[i], 1 + i % 2};
    }
}

static void make_rows(void) {
    for (int row = 0; row < N_ROWS; row++) {
        mp_write_map(&given.rows, 1 + N_PATHS / 2);
        for (uint32_t i = 0; i < N_PATHS / 2; i++) {
            mp_write_text(&given.rows, given.names[i]);
            mp_write_array(&given.rows, i + 1);
            for (uint32_t k = 0; k <= i; k++)
                mp_write_uint(&given.rows, k);
        }
        for (uint32_t i = 0; i < N_PATHS / 2; i++) {
            mp_write_text(&given.rows, "k");
            if (i + 1 < N_PATHS / 2)
                mp_write_map(&given.rows, 1);
        }
        mp_write_int(&given.rows, row);
    }
    assert_false(buf_failed(&given.rows));
}

static void check_row(const struct block *b, uint32_t row) {
    for (uint32_t i = 0; i < N_PATHS / 2; i++) {
        enum value_type leaf = i + 1 < N_PATHS / 2 ? T_MAP : T_INT;
        assert_int_equal(column_get(&b->columns[i], row).type, leaf);
        struct value flat = column_get(&b->columns[N_PATHS / 2 + i], row);
        assert_int_equal(flat.type, i % 2 ? T_INT : T_ARRAY);
        assert_true(flat.type != T_INT || flat.w.i == i);
    }
    assert_int_equal(column_get(&b->columns[N_PATHS / 2 - 1], row).w.i, row);
}

/* From nothing to the values of all rows, and back to nothing. */
static enum status scan(void *arg) {
    struct budget *budget = arg;
    struct arena arena;
    struct fields fields;
    struct scanner scanner;
    struct block block = {0};
    enum status status = E_MEMORY;
    arena_init(&arena, budget);
    if (!fields_build(&fields, &arena, given.paths, N_PATHS) ||
        !scanner_init(&scanner, &arena, &fields, 64, 64) ||
        !block_init(&block, N_PATHS, true, budget))
        goto done;
    block_clear(&block, N_PATHS);
    const uint8_t *p = given.rows.data, *end = p + given.rows.len;
    for (uint32_t row = 0; row < N_ROWS; row++) {
        size_t before = budget->used_bytes;
        p = scan_row(&scanner, p, end, &block, row);
        assert_non_null(p); /* whatever fails: a row takes no memory */
        assert_int_equal(budget->used_bytes, before);
        check_row(&block, row);
    }
    assert_ptr_equal(p, end);
    status = E_OK;
done:
    block_done(&block);
    arena_done(&arena);
    assert_int_equal(budget->used_bytes, 0);
    return status;
}

static void test_each_allocation(void **state) {
    (void)state;
    struct budget budget;
    budget_init(&budget, 0);
    assert_true(fault_each("scan", scan, &budget) >= 2);
}

/* A budget refuses at another place than malloc does, and also stands before the block. */
static void test_each_budget(void **state) {
    (void)state;
    struct budget budget;
    budget_init(&budget, 0);
    assert_int_equal(scan(&budget), E_OK);
    size_t need = budget.peak_bytes, refused = 0;
    for (size_t limit = 1; limit <= need + 64; limit += limit < 100 ? 1 : limit / 16) {
        size_t blocks = fault_live_blocks();
        budget_init(&budget, limit);
        enum status status = scan(&budget);
        assert_int_equal(status, limit < need ? E_MEMORY : E_OK);
        assert_true(budget.peak_bytes <= limit);
        assert_int_equal(fault_live_blocks(), blocks);
        refused += status == E_MEMORY;
    }
    assert_true(refused > 100);
    budget_init(&budget, need - 1);
    assert_int_equal(scan(&budget), E_MEMORY);
    budget_init(&budget, need);
    assert_int_equal(scan(&budget), E_OK);
}

int main(void) {
    make_paths();
    make_rows();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_allocation),
        cmocka_unit_test(test_each_budget),
    };
    int failed = cmocka_run_group_tests_name("fault_scan", tests, NULL, NULL);
    buf_done(&given.rows);
    return failed;
}

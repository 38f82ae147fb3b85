/* What the tests of the format layer share: a scanner for fields in the path notation of mp_unit.h,
 * whose every row is held to the slow reader (tests/fuzz/scan_check.h). */
#ifndef TAMIS_TESTS_SCAN_UNIT_H
#define TAMIS_TESTS_SCAN_UNIT_H

#include "mp_unit.h"
#include "scan_check.h"

enum { MOST_PATHS = 16, DEPTH = 8, WIDTH = 400 };

struct scanning {
    struct arena arena;
    struct fields fields;
    struct scanner scanner;
    struct block block;
    struct path paths[MOST_PATHS];
    uint32_t n;
};

/* Begins with the fields of `text`, separated by spaces; "." is the row itself. */
static inline void scanning_begin(struct scanning *t, const char *text, uint32_t depth_limit,
                                  uint32_t fields_limit) {
    char *copy = keep(strdup(text));
    *t = (struct scanning){0};
    for (char *save, *p = strtok_r(copy, " ", &save); p; p = strtok_r(NULL, " ", &save)) {
        assert_true(t->n < MOST_PATHS);
        t->paths[t->n++] = path_of(strcmp(p, ".") == 0 ? "" : p);
    }
    arena_init(&t->arena, NULL);
    assert_true(fields_build(&t->fields, &t->arena, t->paths, t->n));
    assert_true(scanner_init(&t->scanner, &t->arena, &t->fields, depth_limit, fields_limit));
    assert_true(block_init(&t->block, t->n, false, NULL));
    block_clear(&t->block, t->n);
}

static inline void scanning_end(struct scanning *t) {
    block_done(&t->block);
    arena_done(&t->arena);
}

/* Scans one row, all of b, into row 0. */
static inline enum status scan_one(struct scanning *t, struct bytes b) {
    block_clear(&t->block, t->n);
    const uint8_t *next = scan_checked(&t->scanner, t->paths, b.p, b.p + b.n, &t->block, 0);
    if (!next)
        return t->scanner.status;
    assert_ptr_equal(next, b.p + b.n);
    return E_OK;
}

static inline struct value cell(const struct scanning *t, uint32_t column) {
    return column_get(&t->block.columns[column], 0);
}

/* The row's values in the order of the fields, as texts: "missing" for what is not there. */
#define assert_row(t, row, ...)                                                                    \
    check_row((t), (row), (const char *const[]){__VA_ARGS__}, __FILE__, __LINE__)
static inline void check_row(struct scanning *t, const char *row, const char *const *want,
                             const char *file, int line) {
    check_status((int)scan_one(t, bytes_of(row)), E_OK, row, file, line);
    for (uint32_t i = 0; i < t->n; i++)
        check_value(cell(t, i), value_of(want[i]), row, file, line);
}

#endif

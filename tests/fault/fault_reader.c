/* Each reader over an input that makes it allocate all it can, with every allocation failing in
 * turn. */
#include "format/reader.h"

#include "alloc_fault.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#define TEXT(s) s, sizeof(s) - 1

static const struct {
    enum reader_format format;
    const char *input;
    size_t n;
    uint32_t rows;
    bool whole; /* rows are wanted themselves, too */
} INPUTS[] = {
    {FORMAT_JSONL,
     TEXT("{\"a\":\"\\u00e9\",\"b\":[1,{\"c\":\"\\n\"},2.5]}\n"
          "{\"a\":0.1234567890123456789012345678901234567890123456789012345678901234567"
          "890,\"b\":{\"x\":[[],[]]},\"\\u0061\":2}\n"),
     2, false},
    {FORMAT_CSV, TEXT("a,\"b\"\"\",b\n\"x\"\"y\",1,2\n\"\",,\"\"\"\"\n"), 2, false},
    {FORMAT_CSV, TEXT("a,\"b\"\"\",b\n\"x\"\"y\",1,2\n\"\",,\"\"\"\"\n"), 2, true},
    {FORMAT_JSONL, TEXT("{\"a\":\"\\u00e9\",\"b\":[1,{\"c\":\"\\n\"},2.5]}\n{}"), 2, true},
    {FORMAT_MSGPACK,
     TEXT("\x82\xA1"
          "a\x01\xA1"
          "b\x93\x01\x02\x03\x80"),
     2, false},
};

static enum status read_input(void *arg) {
    static const struct path_step A = {.key = {"a", 1}}, B = {.key = {"b", 1}};
    static const struct path PATHS[] = {{&A, 1}, {&B, 1}, {NULL, 0}};
    size_t which = *(const size_t *)arg;
    struct reader_options options = {
        .format = INPUTS[which].format, .row_depth = 8, .row_fields = 20};
    struct arena arena;
    struct fields fields;
    struct reader r = {0};
    struct block b = {0};
    uint32_t n = 0, n_paths = INPUTS[which].whole ? 3 : 2;
    enum status status = E_MEMORY;
    const uint8_t *input = (const uint8_t *)INPUTS[which].input;
    arena_init(&arena, NULL);
    if (fields_build(&fields, &arena, PATHS, n_paths) &&
        reader_init(&r, &arena, &fields, &options) && block_init(&b, n_paths, true, NULL)) {
        block_clear(&b, n_paths);
        const uint8_t *p = reader_fill(&r, input, input + INPUTS[which].n, true, &b, &n);
        status = r.status;
        if (status == E_OK) {
            assert_int_equal(n, INPUTS[which].rows);
            assert_ptr_equal(p, input + INPUTS[which].n);
        } else {
            assert_null(reader_skip(&r, p, input + INPUTS[which].n)); /* no row is to blame */
        }
    }
    block_done(&b);
    reader_done(&r);
    arena_done(&arena);
    return status;
}

static void test_each_allocation(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(INPUTS); i++)
        assert_true(fault_each("reader", read_input, &i) >= 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_each_allocation)};
    return cmocka_run_group_tests_name("fault_reader", tests, NULL, NULL);
}

/* The msgpack reader: a stream of maps and an array of maps, in pieces; truncated against not yet
 * there; counts that claim too much. The values themselves are the scanner's (test_scan.c). */
#include "reader_unit.h"

#define STREAM    OPTIONS(.format = FORMAT_MSGPACK)
#define END(rows) "rows " #rows " skipped 0 unfit 0\n"

/* Like assert_once, for msgpack text. */
static void assert_rows(const char *paths, struct reader_options options, const char *text,
                        const char *want) {
    struct bytes b = bytes_of(text);
    check_once(paths, options, false, (const char *)b.p, b.n, want, text, __LINE__);
}

static void test_stream(void **state) {
    (void)state;
    assert_rows("a", STREAM, "", END(0));
    assert_rows("a b[1].c", STREAM, "{'a': 1}{}{'b': [0, {'c': 'x'}], 'a': [1]}",
                "- i1 m\n- m m\n- A9101 'x'\n" END(3));
}

/* A path of no steps: the row, in its own bytes. */
static void test_whole_rows(void **state) {
    (void)state;
    assert_rows(".", STREAM, "{}<de 00 01 a1 61 c0><81 d9 01 61 cd 00 01>",
                "- M80\n- Mde0001a161c0\n- M81d90161cd0001\n" END(3));
}

static void test_array(void **state) {
    (void)state;
    assert_rows("a", STREAM, "[]", END(0));
    assert_rows("a", STREAM, "[{'a': 1}, {'a': 2}]", "- i1\n- i2\n" END(2));
    assert_rows("a", STREAM, "<dc 00 01>{'a': 1}", "- i1\n" END(1));
    assert_rows("a", STREAM, "<dd 00 00 00 02>{'a': 1}{}", "- i1\n- m\n" END(2));
    assert_rows(
        "a", STREAM, "[{'a': 1}]{'a': 2}",
        "- i1\nfault ROW_INVALID row 1 at 5: there is something behind the array of rows\n" END(1));
    assert_rows(
        "a", STREAM, "<92>{'a': 1}",
        "- i1\nfault ROW_TRUNCATED row 1 at 5: the array has fewer rows than its header says\n" END(
            1));
    assert_rows("a", STREAM, "[{'a': 1}, 2]", "- i1\nfault ROW_NOT_MAP row 1 at 5: \n" END(1));
}

static void test_faults(void **state) {
    (void)state;
    assert_rows("a", STREAM, "{'a': 1}1", "- i1\nfault ROW_NOT_MAP row 1 at 4: \n" END(1));
    assert_rows("a", STREAM, "{'a': 1}{'a': <c1>}",
                "- i1\nfault ROW_INVALID row 1 at 7: \n" END(1));
    assert_rows("a", STREAM, "{'a': 1}<81 a1>", "- i1\nfault ROW_TRUNCATED row 1 at 4: \n" END(1));
    assert_rows("a", STREAM, "<dc 00>", "fault ROW_TRUNCATED row 0 at 0: \n" END(0));
}

/* What claims more than a row may have is refused at once, before any of it has come. */
static void test_claims(void **state) {
    (void)state;
    static const char *const CLAIMS[] = {"<81 a1 61 dd ff ff ff ff>", "<df ff ff ff ff>"};
    struct reader_options o = STREAM;
    o.row_bytes = 1000;
    for (size_t i = 0; i < COUNT_OF(CLAIMS); i++) {
        struct bytes b = bytes_of(CLAIMS[i]);
        struct reads t;
        struct reader r;
        struct arena arena;
        struct block block;
        uint32_t n;
        reads_begin(&t, "a", o);
        arena_init(&arena, NULL);
        assert_true(reader_init(&r, &arena, &t.fields, &o));
        assert_true(block_init(&block, 1, true, NULL));
        block_clear(&block, 1);
        assert_ptr_equal(reader_fill(&r, b.p, b.p + b.n, false, &block, &n), b.p);
        assert_int_equal(r.status, E_ROW_TOO_LONG);
        assert_null(reader_skip(&r, b.p, b.p + b.n)); /* there is no next row to be found */
        assert_int_equal(r.status, E_ROW_TOO_LONG);
        block_done(&block);
        reader_done(&r);
        arena_done(&arena);
        reads_end(&t);
    }
}

static void test_limits(void **state) {
    (void)state;
    struct reader_options o = STREAM;
    o.row_depth = 3;
    assert_rows("a", o, "{'a': [[1]]}{'a': [[[]]]}",
                "- A919101\nfault ROW_TOO_DEEP row 1 at 11: \n" END(1));
    o.row_fields = 2;
    assert_rows("a", o, "{'a': 1, 'b': 2, 'c': 3}", "fault ROW_TOO_WIDE row 0 at 0: \n" END(0));
    o.row_bytes = 4;
    assert_rows("a", o, "{'a': 1}{'a': 200}", "- i1\nfault ROW_TOO_LONG row 1 at 4: \n" END(1));
}

/* A long row in small pieces: in linear time. */
static void test_long_row(void **state) {
    (void)state;
    enum { ITEMS = 300000 };
    struct buf in = {0};
    struct reads t;
    mp_write_map(&in, 2);
    mp_write_text(&in, "x");
    mp_write_array(&in, ITEMS);
    for (unsigned i = 0; i < ITEMS; i++)
        mp_write_text(&in, "12345");
    mp_write_text(&in, "a");
    mp_write_int(&in, 5);
    struct bytes input = bytes_take(&in);
    reads_begin(&t, "a", STREAM);
    assert_string_equal(reads_text(&t, input.p, input.n, 4096), "- i5\n" END(1));
    reads_end(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        value_test(test_stream),   value_test(test_whole_rows), value_test(test_array),
        value_test(test_faults),   value_test(test_claims),     value_test(test_limits),
        value_test(test_long_row),
    };
    return cmocka_run_group_tests_name("reader_msgpack", tests, NULL, NULL);
}

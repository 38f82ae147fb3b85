/* The JSON reader: what is a row, what its values are, what is refused, and where. */
#include "reader_unit.h"

#define LINES     OPTIONS(.format = FORMAT_JSONL)
#define STRICT    OPTIONS(.format = FORMAT_JSONL, .validate = true)
#define END(rows) "rows " #rows " skipped 0 unfit 0\n"

static void test_values(void **state) {
    (void)state;
    assert_once("a", LINES,
                "{\"a\":1}\n{\"a\":-9223372036854775808}\n{\"a\":9223372036854775807}\n",
                "- i1\n- i-9223372036854775808\n- i9223372036854775807\n" END(3));
    assert_once("a", LINES, "{\"a\":9223372036854775808}\n{\"a\":18446744073709551615}",
                "- u9223372036854775808\n- u18446744073709551615\n" END(2));
    assert_once("a", LINES,
                "{\"a\":18446744073709551616}\n{\"a\":-9223372036854775809}\n{\"a\":-0}",
                "- 1.8446744073709552e+19d\n- -9.2233720368547758e+18d\n- -0d\n" END(3));
    assert_once("a", LINES,
                "{\"a\":0.1}\n{\"a\":1e400}\n{\"a\":1e-400}\n{\"a\":1E2}\n{\"a\":-1.50}",
                "- 0.10000000000000001d\n- infd\n- 0d\n- 100d\n- -1.5d\n" END(5));
    assert_once("a b c", LINES, "{\"a\":true,\"b\":false,\"c\":null}\n{}\n",
                "- b1 b0 n\n- m m m\n" END(2));
    assert_once("a a.b a.c[1]", LINES, "{\"a\":{\"b\":\"x\",\"c\":[1,2.5,[]]}}\n",
                "- M82a162a178a1639301cb400400000000000090 'x' 2.5d\n" END(1));
}

/* No field at all, and the row itself. */
static void test_whole_rows(void **state) {
    (void)state;
    assert_once("", LINES, "{}\n{\"a\":[{}]}\n[{\"a\":1}]",
                "-\n-\nfault ROW_NOT_MAP row 2 at 14: the row is an array, not an object\n" END(2));
    assert_once(".", LINES, "{}\n{\"a\":[{}, 1.5]}",
                "- M80\n- M81a1619280cb3ff8000000000000\n" END(2));
    assert_once(". a", LINES, "{\"a\" : 1}\n", "- M81a16101 i1\n" END(1));
}

static void test_strings(void **state) {
    (void)state;
    assert_once("a", LINES, "{\"a\":\"\"}\n{\"a\":\"x\"}\n{\"a\":\"\\\"\\\\\\/\"}\n",
                "- ''\n- 'x'\n- '\"\\/'\n" END(3));
    assert_once("a", LINES, "{\"a\":\"\\b\\f\\n\\r\\t\\u0041\"}\n", "- '\b\f\n\r\tA'\n" END(1));
    assert_once("a", LINES, "{\"a\":\"\\u00e9\\u20AC\\ud83d\\ude00\"}\n",
                "- '\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80'\n" END(1));
    /* surrogates alone stay what they are */
    assert_once("a", LINES,
                "{\"a\":\"\\ud800\"}\n{\"a\":\"\\udc00x\"}\n{\"a\":\"\\ud800\\ud83d\\ude00\"}",
                "- '\xED\xA0\x80'\n- '\xED\xB0\x80x'\n- '\xED\xA0\x80\xF0\x9F\x98\x80'\n" END(3));
    assert_once("a", LINES, "{\"a\":\"\xFF\"}\n", "- '\xFF'\n" END(1));
    assert_once("a", STRICT, "{\"a\":1}\n{\"a\":\"\xFF\"}\n",
                "- i1\nfault ROW_INVALID row 1 at 14: the string is not UTF-8\n" END(1));
    assert_once("a", STRICT, "{\"b\":\"\xC3\"}\n",
                "fault ROW_INVALID row 0 at 6: the string is not UTF-8\n" END(0));
    assert_once("a/b \xC3\xA9", LINES, "{\"a\\/b\":1,\"\\u00E9\":2}\n", "- i1 i2\n" END(1));
}

static void test_names(void **state) {
    (void)state;
    assert_once("a", LINES, "{\"a\":1,\"a\":2}\n{\"a\":1,\"\\u0061\":3}", "- i2\n- i3\n" END(2));
    assert_once("a.b a.c", LINES, "{\"a\":{\"b\":1},\"a\":{\"c\":2}}\n{\"a\":{\"b\":1},\"a\":3}",
                "- m i2\n- m m\n" END(2));
    assert_once("a.b", LINES, "{\"a\":{\"b\":1}}\n{\"a\":[{\"b\":1}]}\n{\"a\":{\"b\":{\"c\":1}}}",
                "- i1\n- m\n- M81a16301\n" END(3));
    assert_once("a[1] a[0].x", LINES, "{\"a\":[1,2]}\n{\"a\":[{\"x\":5}]}\n{\"a\":{\"1\":7}}",
                "- i2 m\n- m i5\n- m m\n" END(3));
    /* the same names in other orders, and others of the same length */
    assert_once("name_a name_b", LINES,
                "{\"name_a\":1,\"name_b\":2,\"name_c\":3}\n{\"name_b\":4,\"name_a\":5}\n"
                "{\"name_c\":6,\"name_a\":7}\n{\"name_a\":8,\"name_c\":9}\n"
                "{\"name_a \":8,\"name_b\":9}\n{ \"name_a\" : 1 , \"name_b\" : 2 }\n",
                "- i1 i2\n- i5 i4\n- i7 m\n- i8 m\n- m i9\n- i1 i2\n" END(6));
}

static void test_lines(void **state) {
    (void)state;
    assert_once("a", LINES, "", END(0));
    assert_once("a", LINES, "\n \n\t\r\n", END(0));
    assert_once("a", LINES, "\xEF\xBB\xBF{\"a\":1}\r\n\r\n  {\"a\" : 2 } \r\n{\"a\":3}",
                "- i1\n- i2\n- i3\n" END(3));
    struct reads t; /* the rows' own bytes */
    reads_begin(&t, "a", LINES);
    t.dump.plain = false;
    assert_reads(&t, "\n {\"a\":1} \r\n\n{\"a\":2}",
                 "row 207b2261223a317d200d0a i1\n"
                 "row 7b2261223a327d i2\n" END(2));
    reads_end(&t);
}

static void test_array(void **state) {
    (void)state;
    assert_once("a", LINES, "[]", END(0));
    assert_once("a", LINES, " \n[ ]\n\n", END(0));
    assert_once("a", LINES, "[{\"a\":1},\n {\n\"a\"\n:\n2}\n,{}]\n", "- i1\n- i2\n- m\n" END(3));
    assert_once(
        "a", LINES, "[{\"a\":1},2]",
        "- i1\nfault ROW_NOT_MAP row 1 at 9: the row is a single value, not an object\n" END(1));
    assert_once("a", LINES, "[[1]]",
                "fault ROW_NOT_MAP row 0 at 1: the row is an array, not an object\n" END(0));
    assert_once("a", LINES, "[{\"a\":1} {\"a\":2}]",
                "- i1\nfault ROW_INVALID row 1 at 9: a comma is missing between the rows\n" END(1));
    assert_once("a", LINES, "[{\"a\":1},]",
                "- i1\nfault ROW_INVALID row 1 at 9: a row is missing here\n" END(1));
    assert_once(
        "a", LINES, "[{\"a\":1}] x",
        "- i1\nfault ROW_INVALID row 1 at 10: there is something behind the array of rows\n" END(
            1));
    assert_once(
        "a", LINES, "[{\"a\":1},",
        "- i1\nfault ROW_TRUNCATED row 1 at 9: the input ends inside the array of rows\n" END(1));
    assert_once(
        "a", LINES, "[{\"a\":\"x\ny\"}]",
        "fault ROW_INVALID row 0 at 8: a control character in a string must be escaped\n" END(0));
}

/* One line that is no row: the same wherever nobody looks. */
static void assert_refused(const char *row, const char *want) {
    char text[400];
    static const char *const WANTED[] = {"n", "a b b.c x.y[0]", "", "."};
    for (size_t i = 0; i < COUNT_OF(WANTED); i++) {
        struct reads t;
        int n = snprintf(text, sizeof text, "{\"a\":1}\n%s\n{\"a\":2}\n", row);
        reads_begin(&t, WANTED[i], LINES);
        const char *got = reads_text(&t, text, (size_t)n, 0), *fault = strstr(got, "fault ");
        if (!fault || strncmp(fault, want, strlen(want)) != 0) {
            print_error("%s: got\n%s\nwanted\n%s\n", row, got, want);
            fail();
        }
        for (size_t piece = 1; piece < (size_t)n; piece++)
            assert_string_equal(reads_text(&t, text, (size_t)n, piece), got);
        reads_end(&t);
    }
}

static void test_refused(void **state) {
    (void)state;
    static const char *const ROWS[] = {
        "{",
        "}",
        "{]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{,\"a\":1}",
        "{\"a\":1 \"b\":2}",
        "{\"a\":1,,\"b\":2}",
        "{\"a\":1:2}",
        "{\"a\" 1}",
        "{a:1}",
        "{'a':1}",
        "{1:1}",
        "{:1}",
        "{\"a\":01}",
        "{\"a\":1.}",
        "{\"a\":.5}",
        "{\"a\":+1}",
        "{\"a\":1e}",
        "{\"a\":0x10}",
        "{\"a\":1 2}",
        "{\"a\":--1}",
        "{\"a\":NaN}",
        "{\"a\":-Infinity}",
        "{\"a\":tru}",
        "{\"a\":nulll}",
        "{\"a\":True}",
        "{\"a\":\"x\"\"y\"}",
        "{\"a\":\"x\" \"y\"}",
        "{\"a\":\"x\"y}",
        "{\"a\":x\"y\"}",
        "{\"a\":[1 2]}",
        "{\"a\":[1,]}",
        "{\"a\":[,1]}",
        "{\"a\":[1}}",
        "{\"a\":{\"b\":1]}",
        "{\"a\":[\"b\":1]}",
        "{\"a\":{\"b\"}}",
        "{\"a\":{1}}",
        "{\"a\":[]]}",
        "{\"a\":{}}}",
        "{\"a\":1}}",
        "{\"a\":1}]",
        "{\"a\":1},",
        "{\"a\":1} x",
        "{\"a\":1}{\"a\":2}",
        "{\"a\":[1,2",
        "{\"a\":\"x\ty\"}",
        "{\"a\":\"x",
        "{\"a\":\"x\\\"}",
        "{\"a\":\f1}",
        "{\"a\":1}\v",
        "{\"a\":[{}{}]}",
        "{\"a\":{}\"b\":1}",
        "{\"a\"[1]}",
        "{\"x\":{\"y\":[tru]}}",
        "{\"x\":{\"y\":[1],\"y\"}}",
        "/* */ {\"a\":1}",
        "{\"a\":1} // x",
        "{/**/}",
    };
    for (size_t i = 0; i < COUNT_OF(ROWS); i++)
        assert_refused(ROWS[i], "fault ROW_INVALID row 1 at ");
    static const char *const OTHERS[] = {"1", "\"x\"", "null", "true", "-1.5e3", " 7 ", "\"a,b\""};
    for (size_t i = 0; i < COUNT_OF(OTHERS); i++)
        assert_refused(OTHERS[i], "fault ROW_NOT_MAP row 1 at ");
    assert_refused("[1]", "fault ROW_NOT_MAP row 1 at 8: the row is an array");
}

static void test_says_what_to_do(void **state) {
    (void)state;
    assert_once("a", LINES, "{\n  \"a\": 1\n}\n",
                "fault ROW_INVALID row 0 at 1: the line ends inside an object: a row must stand on "
                "one line (jq -c . makes it so)\n" END(0));
    assert_once("a", LINES, "{\"a\":1}{\"a\":2}",
                "fault ROW_INVALID row 0 at 7: a second object on the line: each row needs a line "
                "of its own (jq -c . makes it so)\n" END(0));
    assert_once(
        "a", LINES, "{\"a\":1,\"b\":NaN}",
        "fault ROW_INVALID row 0 at 11: NaN and Infinity are not JSON: write null\n" END(0));
    assert_once("a", LINES, "\xFF\xFE{\0",
                "fault ROW_INVALID row 0 at 0: the input is UTF-16: make it UTF-8 first\n" END(0));
    assert_once("a", LINES, "{\"a\":1}\n{\"a\":\"x",
                "- i1\nfault ROW_TRUNCATED row 1 at 15: the input ends inside a string\n" END(1));
    assert_once("a", LINES, "{\"a\":1}\n{\"a\":[1",
                "- i1\nfault ROW_TRUNCATED row 1 at 15: the input ends inside an object\n" END(1));
}

static void test_escapes_where_nobody_looks(void **state) {
    (void)state;
    assert_once("a", LINES, "{\"a\":\"\\q\"}",
                "fault ROW_INVALID row 0 at 6: this is no escape of JSON\n" END(0));
    assert_once("b", LINES, "{\"a\":\"\\q\",\"b\":1}", "- i1\n" END(1));
    assert_once("b", STRICT, "{\"a\":\"\\q\",\"b\":1}",
                "fault ROW_INVALID row 0 at 6: this is no escape of JSON\n" END(0));
    assert_once("b", STRICT, "{\"x\":{\"\\q\":1},\"b\":1}",
                "fault ROW_INVALID row 0 at 7: this is no escape of JSON\n" END(0));
}

static void test_limits(void **state) {
    (void)state;
    struct reader_options o = LINES;
    o.row_depth = 3;
    assert_once("a b[0][0]", o, "{\"a\":[[1]],\"b\":[[2]]}\n{\"a\":[[[]]]}\n",
                "- A919101 i2\nfault ROW_TOO_DEEP row 1 at 29: \n" END(1));
    assert_once("b[0][0]", o, "{\"b\":[[[]]]}\n", "fault ROW_TOO_DEEP row 0 at 7: \n" END(0));
    o.row_fields = 2;
    assert_once("a", o, "{\"a\":1,\"b\":2}\n{\"a\":1,\"b\":2,\"c\":3}\n",
                "- i1\nfault ROW_TOO_WIDE row 1 at 27: \n" END(1));
    assert_once("a", o, "{\"x\":{\"a\":1,\"b\":2,\"c\":3}}\n",
                "fault ROW_TOO_WIDE row 0 at 18: \n" END(0));
    o = LINES;
    o.row_bytes = 10;
    assert_once("a", o, "{\"a\":123}\n{\"a\":1234}\n{\"a\":1}\n",
                "- i123\nfault ROW_TOO_LONG row 1 at 10: \n" END(1));
    assert_skips("a", o, "{\"a\":123}\n{\"a\":1234567890123456}\n{\"a\":1}\n",
                 "- i123\nfault ROW_TOO_LONG row 1 at 10: \n- i1\nrows 2 skipped 1 unfit 0\n");
    assert_once("a", o, "[{\"a\":123 },{\"a\":1234}, {\"a\":12345}]",
                "- i123\n- i1234\nfault ROW_TOO_LONG row 2 at 24: \n" END(2));
}

static void test_skip(void **state) {
    (void)state;
    assert_skips(
        "a", LINES, "{\"a\":1}\n{\"a\":\n{\"a\":\"x\n[1]\n{\"a\":1}}\n\n{\"a\":2}\ntrue",
        "- i1\n"
        "fault ROW_INVALID row 1 at 13: the line ends inside an object: a row must stand on "
        "one line (jq -c . makes it so)\n"
        "fault ROW_INVALID row 2 at 21: the line ends inside a string\n"
        "fault ROW_NOT_MAP row 3 at 22: the row is an array, not an object\n"
        "fault ROW_INVALID row 4 at 33: there is something behind the object on its line\n"
        "- i2\n"
        "fault ROW_NOT_MAP row 6 at 44: the row is a single value, not an object\n"
        "rows 2 skipped 5 unfit 0\n");
    /* an array has no next line */
    assert_skips(
        "a", LINES, "[{\"a\":1},\n2,\n{\"a\":3}]",
        "- i1\nfault ROW_NOT_MAP row 1 at 10: the row is a single value, not an object\n" END(1));
}

/* Rows of all lengths across windows and blocks, told apart by their number. */
static void test_many_rows(void **state) {
    (void)state;
    struct buf in = {0}, want = {0};
    for (unsigned i = 0; i < 5000; i++) {
        buf_printf(&in, "{\"pad\":\"%.*s\",\"a\":%u,\"t\":[\"x,y\",{\"z\":\"\\\\\"}]}\n",
                   (int)(i * 7 % 131),
                   "----------------------------------------------------------------------"
                   "----------------------------------------------------------------------",
                   i);
        buf_printf(&want, "- i%u\n", i);
    }
    buf_printf(&want, "rows 5000 skipped 0 unfit 0\n");
    buf_byte(&want, '\0');
    struct bytes input = bytes_take(&in);
    struct reads t;
    reads_begin(&t, "a", STRICT);
    static const size_t PIECES[] = {0, 64, 1000, 16384, 65537};
    for (size_t i = 0; i < COUNT_OF(PIECES); i++) {
        t.dump.options.simd = i % 2 ? SIMD_PORTABLE : SIMD_BEST;
        assert_string_equal(reads_text(&t, input.p, input.n, PIECES[i]), (char *)want.data);
    }
    reads_end(&t);
    buf_done(&want);
}

/* A row far longer than anything that is looked at at once, in small pieces: in linear time. */
static void test_long_row(void **state) {
    (void)state;
    enum { ITEMS = 400000 };
    for (int array = 0; array < 2; array++) {
        struct buf in = {0};
        struct reads t;
        buf_add_text(&in, array ? "[{\"x\":[1" : "{\"x\":[1");
        for (unsigned i = 0; i < ITEMS; i++)
            buf_add_text(&in, ",\"2\"");
        buf_add_text(&in, array ? "],\"a\":5}]" : "],\"a\":5}\n");
        struct bytes input = bytes_take(&in);
        reads_begin(&t, "a", LINES);
        assert_string_equal(reads_text(&t, input.p, input.n, 4096), "- i5\n" END(1));
        reads_end(&t);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        value_test(test_values),
        value_test(test_whole_rows),
        value_test(test_strings),
        value_test(test_names),
        value_test(test_lines),
        value_test(test_array),
        value_test(test_refused),
        value_test(test_says_what_to_do),
        value_test(test_escapes_where_nobody_looks),
        value_test(test_limits),
        value_test(test_skip),
        value_test(test_many_rows),
        value_test(test_long_row),
    };
    return cmocka_run_group_tests_name("reader_json", tests, NULL, NULL);
}

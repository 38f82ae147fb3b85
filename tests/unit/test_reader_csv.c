/* The CSV reader: what is a record and what a cell, declared types, what is refused, and where. */
#include "reader_unit.h"

#define CSV(...)  OPTIONS(.format = FORMAT_CSV, .csv = {__VA_ARGS__})
#define END(rows) "rows " #rows " skipped 0 unfit 0\n"

static const struct reader_options COMMA = {.format = FORMAT_CSV, .row_depth = 8, .row_fields = 30};

static void test_cells(void **state) {
    (void)state;
    assert_once("a c x", COMMA, "a,b,c\n1,2,3\n,,\n", "- '1' '3' m\n- '' '' m\n" END(2));
    assert_once("a b", COMMA, "a,b\r\n1,2\r\n3,4", "- '1' '2'\n- '3' '4'\n" END(2));
    assert_once("a b", COMMA, "\xEF\xBB\xBF\"a\",b\n\"1\",\"\"\n", "- '1' ''\n" END(1));
    assert_once("a b", COMMA, "a,b\n\"x,\"\"y\"\"\",\"\n\r\n\"\n\"\"\"\",\",\"\r\n",
                "- 'x,\"y\"' '\n\r\n'\n- '\"' ','\n" END(2));
    assert_once("a b", COMMA, "a,b\n 1 , \"2\"\n007,NA", "- ' 1 ' ' \"2\"'\n- '007' 'NA'\n" END(2));
    assert_once("a b", COMMA, "a,b\n5\" pipe,x\"\"y\n1,2\n",
                "- '5\" pipe' 'x\"\"y'\n- '1' '2'\n" END(2));
    assert_once("a b.c", COMMA, "a,b,b.c\n1,2,3", "- '1' m\n" END(1));
    assert_once("a", COMMA, "a,b,a\n1,2,3", "- '3'\n" END(1));
    assert_once("a", COMMA, "a\n\n\r\nx\n\n", "- ''\n- ''\n- 'x'\n- ''\n" END(4));
    assert_once("a", COMMA, "\n\na,b\n\n\r\n1,2\n\n", "- '1'\n" END(1)); /* blank lines */
    assert_once("a b", COMMA, "a,b\n1,2\r\r\n3,4", "- '1' '2\r'\n- '3' '4'\n" END(2));
    assert_once("a b", COMMA, "a,b\n1,2\r\r", "- '1' '2\r'\n" END(1));
    assert_once("a b", COMMA, "a,b\n1,\"2\"\r", "- '1' '2'\n" END(1));
}

static void test_spans(void **state) {
    (void)state;
    struct reads t;
    reads_begin(&t, "a", COMMA);
    t.dump.plain = false;
    assert_reads(&t, "a,b\r\n1,\"\n\"\r\n\n2,x\"y\n\n3,4",
                 "row 312c220a220d0a s31\nrow 322c7822790a s32\nrow 332c34 s33\n" END(3));
    reads_end(&t);
}

static void test_dialects(void **state) {
    (void)state;
    assert_once("a b", CSV(.delimiter = '\t'), "a\tb\n1,\t\"2\t\"\n", "- '1,' '2\t'\n" END(1));
    assert_once("a b", CSV(.delimiter = ';', .quote = '\''), "a;b\n'1;''';\"2\"\n",
                "- '1;'' '\"2\"'\n" END(1));
    assert_once("a b", CSV(.no_quotes = true), "a,b\n\"1,2\"\n", "- '\"1' '2\"'\n" END(1));
    assert_once("a b", CSV(.delimiter = 0xFE),
                "a\xFE"
                "b\n1\xFE"
                "2",
                "- '1' '2'\n" END(1));
    struct reads t;
    reads_begin(&t, "a", COMMA);
    static const struct csv_options WRONG[] = {
        {.delimiter = '"'}, {.delimiter = '\n'}, {.quote = '\r'}, {.delimiter = 'x', .quote = 'x'}};
    for (size_t i = 0; i < COUNT_OF(WRONG); i++) {
        struct buf out = {0};
        t.dump.options.csv = WRONG[i];
        assert_false(dump_reader(&out, &t.dump, (const uint8_t *)"a\n", 2));
        buf_done(&out);
    }
    reads_end(&t);
}

static void test_header(void **state) {
    (void)state;
    static const struct str NAMES[] = {{"x", 1}, {"y", 1}};
    assert_once("c1 c2 c3", CSV(.no_header = true), "1,2\n3,4",
                "- '1' '2' m\n- '3' '4' m\n" END(2));
    assert_once("x y", CSV(.no_header = true, .names = NAMES, .n_names = 2), "1,2\n\n3,4",
                "- '1' '2'\n- '3' '4'\n" END(2));
    assert_once("x y", CSV(.names = NAMES, .n_names = 2), "a,b\n3,4", "- '3' '4'\n" END(1));
    assert_once("c1", CSV(.no_header = true), "\n\n", "- ''\n- ''\n" END(2));
    assert_once("c1", CSV(.no_header = true), "", END(0));
    assert_once("a", COMMA, "a,b", END(0));
    assert_once("a", COMMA, "",
                "fault ROW_TRUNCATED row 0 at 0: the input is empty: there is no header\n" END(0));
    assert_skips("a", COMMA, "\n",
                 "fault ROW_TRUNCATED row 0 at 1: the input is empty: there is no header\n" END(0));
    assert_once("a", COMMA, "a,b\r1,2\r",
                "fault ROW_INVALID row 0 at 2: a carriage return in the first line: lines that end "
                "in one alone must be made to end in a line feed (tr '\\r' '\\n')\n" END(0));
    assert_once(
        "a", COMMA, "a,\"b",
        "fault ROW_TRUNCATED row 0 at 2: the quote that opens a cell is never closed\n" END(0));
    struct reader_options o = COMMA;
    o.row_fields = 2;
    assert_once("a", o, "a,b\n1,2", "- '1'\n" END(1));
    assert_once("a", o, "a,b,c\n1,2,3", "fault ROW_TOO_WIDE row 0 at 0: \n" END(0));
}

static void test_types(void **state) {
    (void)state;
    static const struct csv_declared TYPES[] = {{{"i", 1}, CELL_INTEGER},
                                                {{"d", 1}, CELL_DOUBLE},
                                                {{"b", 1}, CELL_BOOLEAN},
                                                {{"t", 1}, CELL_TIMESTAMP},
                                                {{"s", 1}, CELL_TEXT}};
    struct reader_options o = CSV(.types = TYPES, .n_types = 5);
    assert_once("i d b t s", o,
                "i,d,b,t,s\n1,1,true,1970-01-01T00:00:01.5Z,1\n-007,-.5,FALSE,,\n"
                "\"18446744073709551615\",+1e3,,\"2000-01-01 01:00:00+01:00\",x\n",
                "- i1 1d b1 t1.500000000 '1'\n- i-7 -0.5d b0 n ''\n"
                "- u18446744073709551615 1000d n t946684800.000000000 'x'\n" END(3));
    assert_once("i d b t", o,
                "i,d,b,t,s\n1.5,x,yes,2000-01-01,\n 1,1 ,1,0,\n18446744073709551616,1e999,,,\n"
                "-0,nan,,,\n+,-Infinity,,,\n",
                "- n n n n\n- n n n n\n- n n n n\n- i0 nand n n\n- n -infd n n\n"
                "rows 5 skipped 0 unfit 11\n");
    o.validate = true;
    assert_skips("i", o, "i,d,b,t,s\n1,,,,\nx,,,,\n2,,,,\n",
                 "- i1\nfault ROW_INVALID row 1 at 16: a cell is not of its declared type\n- i2\n"
                 "rows 2 skipped 1 unfit 0\n");
    assert_once(
        "i", o, "i,d,b,t\n1,,,\n",
        "fault ROW_INVALID row 0 at 0: a type is declared for \"s\", which is no column\n" END(0));
}

static void test_ragged(void **state) {
    (void)state;
    assert_skips("a b", COMMA, "a,b\n1\n1,2,3\n\"x\ny\"\n1,2\n1,2,3",
                 "fault ROW_INVALID row 0 at 4: the row has 1 cells, and there are 2 columns\n"
                 "fault ROW_INVALID row 1 at 6: the row has 3 cells, and there are 2 columns\n"
                 "fault ROW_INVALID row 2 at 12: the row has 1 cells, and there are 2 columns\n"
                 "- '1' '2'\n"
                 "fault ROW_INVALID row 4 at 22: the row has 3 cells, and there are 2 columns\n"
                 "rows 1 skipped 4 unfit 0\n");
    assert_once("a b", CSV(.ragged = true), "a,b\n1\n1,2,3\n\"\"\n\n,\n1",
                "- '1' m\n- '1' '2'\n- '' m\n- '' ''\n- '1' m\n" END(5));
}

static void test_quotes_refused(void **state) {
    (void)state;
    assert_skips(
        "a", COMMA, "a,b\n\"1\"x,2\n3,4\n\"5\" ,6\n\"7\"\r,8\n9,\"never\n1,2\n",
        "fault ROW_INVALID row 0 at 7: there is something behind the closing quote of a cell\n"
        "- '3'\n"
        "fault ROW_INVALID row 2 at 18: there is something behind the closing quote of a cell\n"
        "fault ROW_INVALID row 3 at 25: there is something behind the closing quote of a cell\n"
        "fault ROW_TRUNCATED row 4 at 31: the quote that opens a cell is never closed\n"
        "- '1'\n"
        "rows 2 skipped 4 unfit 0\n");
    struct reader_options o = COMMA;
    o.validate = true;
    assert_skips("a", o, "a,b\n1,x\"y\n3,4\n\xFF,5\n",
                 "fault ROW_INVALID row 0 at 7: a quote inside a cell that has none around it\n"
                 "- '3'\n"
                 "fault ROW_INVALID row 2 at 14: the row is not UTF-8\n"
                 "rows 1 skipped 2 unfit 0\n");
    o = COMMA;
    o.row_bytes = 8;
    assert_skips("a", o, "a,b\n1,23456\n1,234567\n3,4\n",
                 "- '1'\nfault ROW_TOO_LONG row 1 at 12: \n- '3'\nrows 2 skipped 1 unfit 0\n");
}

/* A path of no steps: the row as a map. */
static void test_rows_as_maps(void **state) {
    (void)state;
    assert_once(".", COMMA, "a,b\n1,x\n,\"q\"\"\"\n",
                "- M82a161a131a162a178\n- M82a161a0a162a27122\n" END(2));
    assert_once("b . q", COMMA, "a,b\n1,x\n", "- 'x' M82a161a131a162a178 m\n" END(1));
    assert_once(". a.b", COMMA, "a\n1\n", "- M81a161a131 m\n" END(1));
    assert_once(". a", COMMA, "a,b,a\n1,2,3\n", "- M82a162a132a161a133 '3'\n" END(1));
    assert_once(".", COMMA, "\n\n\n",
                "fault ROW_TRUNCATED row 0 at 3: the input is empty: there is "
                "no header\n" END(0));
    assert_once(".", COMMA, "\"\"\n\nx\n", "- M81a0a0\n- M81a0a178\n" END(2));
    assert_once(". b", CSV(.ragged = true), "a,b,a\n1\n1,2\n1,2,3,4\n",
                "- M80 m\n- M81a162a132 '2'\n- M82a162a132a161a133 '2'\n" END(3));
    assert_once(".", CSV(.no_header = true), "1,2\n", "- M82a26331a131a26332a132\n" END(1));
    static const struct csv_declared TYPES[] = {{{"i", 1}, CELL_TEXT},
                                                {{"t", 1}, CELL_TIMESTAMP},
                                                {{"i", 1}, CELL_INTEGER},
                                                {{"b", 1}, CELL_BOOLEAN},
                                                {{"d", 1}, CELL_DOUBLE}};
    struct reader_options o = CSV(.types = TYPES, .n_types = 5);
    assert_once(". i", o, "s,i,d,b,t\n7,-7,1.5,True,1970-01-01T00:00:01Z\n,,x,,\n",
                "- M85a173a137a169f9a164cb3ff8000000000000a162c3a174d6ff00000001 i-7\n"
                "- M85a173a0a169c0a164c0a162c0a174c0 n\nrows 2 skipped 0 unfit 1\n");
    o.validate = true;
    assert_skips(".", o, "i,d,b,t\n1,,,\n1,x,,\n2,,,\n3\n",
                 "- M84a16901a164c0a162c0a174c0\n"
                 "fault ROW_INVALID row 1 at 15: a cell is not of its declared type\n"
                 "- M84a16902a164c0a162c0a174c0\n"
                 "fault ROW_INVALID row 3 at 24: the row has 1 cells, and there are 4 columns\n"
                 "rows 2 skipped 2 unfit 0\n");
}

/* More columns than a block of BLOCK_ROWS rows has room for, and rows of several blocks. */
static void test_wide_rows_as_maps(void **state) {
    (void)state;
    enum { COLUMNS = 2 * BLOCK_CELLS / BLOCK_ROWS, ROWS = 3 * BLOCK_ROWS / 2 };
    struct buf in = {0};
    for (unsigned i = 0; i < COLUMNS; i++)
        buf_printf(&in, "%sc%u", i ? "," : "", i);
    for (unsigned row = 0; row < ROWS; row++)
        for (unsigned i = 0; i < COLUMNS; i++)
            buf_printf(&in, "%c%u", i ? ',' : '\n', (row + i) % 10);
    struct bytes input = bytes_take(&in);
    struct reads t;
    struct reader r;
    struct arena arena;
    struct block b;
    uint32_t n, rows = 0;
    reads_begin(&t, ". c5", OPTIONS(.format = FORMAT_CSV));
    t.dump.options.row_fields = COLUMNS;
    arena_init(&arena, NULL);
    assert_true(reader_init(&r, &arena, &t.fields, &t.dump.options));
    assert_true(block_init(&b, 2, true, NULL));
    const uint8_t *p = input.p;
    do {
        block_clear(&b, 2);
        p = reader_fill(&r, p, input.p + input.n, true, &b, &n);
        assert_int_equal(r.status, E_OK);
        for (uint32_t i = 0; i < n; i++, rows++) {
            struct value map = column_get(&b.columns[0], i);
            const uint8_t *body;
            assert_int_equal(map.type, T_MAP);
            assert_int_equal(mp_container(map, &body), COLUMNS);
            assert_memory_equal(body,
                                "\xA2"
                                "c0",
                                3);
            assert_int_equal(body[4], '0' + rows % 10);
            assert_int_equal(map.w.p[map.n - 1], '0' + (rows + COLUMNS - 1) % 10);
            assert_int_equal(*column_get(&b.columns[1], i).w.p, '0' + (rows + 5) % 10);
            assert_int_equal(*b.spans[i].p, '0' + rows % 10);
        }
        assert_true(n == b.rows || rows == ROWS);
    } while (n == b.rows);
    assert_int_equal(rows, ROWS);
    block_done(&b);
    reader_done(&r);
    arena_done(&arena);
    reads_end(&t);
}

/* Records of all lengths across windows and blocks, quoted and bare. */
static void test_many_records(void **state) {
    (void)state;
    static const char PAD[] = "------------------------------------------------------------------"
                              "------------------------------------------------------------------";
    struct buf in = {0}, want = {0};
    buf_add_text(&in, "pad,a,z\n");
    for (unsigned i = 0; i < 6000; i++) {
        int n = (int)(i * 7 % 131);
        switch (i * i % 7 % 4) {
        case 0:
            buf_printf(&in, "%.*s,%u,x\n", n, PAD, i);
            break;
        case 1:
            buf_printf(&in, "\"%.*s\",%u,\"y\"\r\n", n, PAD, i);
            break;
        case 2:
            buf_printf(&in, "\"%.*s\n\"\"\",\"%u\",\"\"\n", n, PAD, i);
            break;
        default:
            buf_printf(&in, "%.*s\" ,%u,z\"\"\n", n > 0 ? n : 1, PAD, i);
        }
        buf_printf(&want, "- i%u\n", i);
    }
    buf_printf(&want, "rows 6000 skipped 0 unfit 0\n");
    buf_byte(&want, '\0');
    static const struct csv_declared TYPE = {{"a", 1}, CELL_INTEGER};
    static const size_t PIECES[] = {0, 64, 1000, 16384, 65537};
    struct bytes input = bytes_take(&in);
    struct reads t;
    reads_begin(&t, "a", CSV(.types = &TYPE, .n_types = 1));
    for (size_t i = 0; i < COUNT_OF(PIECES); i++) {
        t.dump.options.simd = i % 2 ? SIMD_PORTABLE : SIMD_BEST;
        assert_string_equal(reads_text(&t, input.p, input.n, PIECES[i]), (char *)want.data);
    }
    reads_end(&t);
    buf_done(&want);
}

/* A cell far longer than a window, in small pieces: in linear time. */
static void test_long_cell(void **state) {
    (void)state;
    struct buf in = {0};
    struct reads t;
    buf_add_text(&in, "x,a\n\"");
    for (unsigned i = 0; i < 400000; i++)
        buf_add_text(&in, "\"\",\n");
    buf_add_text(&in, "\",5\n1,6\n");
    struct bytes input = bytes_take(&in);
    reads_begin(&t, "a", COMMA);
    assert_string_equal(reads_text(&t, input.p, input.n, 4096), "- '5'\n- '6'\n" END(2));
    reads_end(&t);
}

/* The columns are told once the header has been passed, and stay when its bytes are gone. */
static void test_columns(void **state) {
    (void)state;
    static const char INPUT[] = "\n\"a\"\"b\",,c\n1,2,3\n";
    static const char *const WANT[] = {"a\"b", "", "c"};
    struct reads t;
    struct reader r;
    struct block b;
    struct arena arena;
    uint32_t n, rows;
    reads_begin(&t, "c", COMMA);
    arena_init(&arena, NULL);
    assert_true(reader_init(&r, &arena, &t.fields, &COMMA));
    assert_true(block_init(&b, 1, true, NULL));
    for (size_t at = 0, end = 1; end < sizeof INPUT; end++) {
        size_t size = end - at;
        uint8_t *piece = memcpy(malloc(size), INPUT + at, size);
        const struct str *columns = reader_columns(&r, &n);
        assert_true((columns != NULL) == (at > 1)); /* the header goes as a whole */
        assert_int_equal(n, columns ? 3 : 0);
        block_clear(&b, 1);
        at += (size_t)(reader_fill(&r, piece, piece + size, false, &b, &rows) - piece);
        free(piece);
    }
    const struct str *columns = reader_columns(&r, &n);
    for (uint32_t i = 0; i < 3; i++)
        assert_true(str_is(columns[i], WANT[i]));
    block_done(&b);
    reader_done(&r);
    arena_done(&arena);
    reads_end(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        value_test(test_cells),
        value_test(test_spans),
        value_test(test_dialects),
        value_test(test_header),
        value_test(test_types),
        value_test(test_ragged),
        value_test(test_quotes_refused),
        value_test(test_many_records),
        value_test(test_long_cell),
        value_test(test_rows_as_maps),
        value_test(test_wide_rows_as_maps),
        value_test(test_columns),
    };
    return cmocka_run_group_tests_name("reader_csv", tests, NULL, NULL);
}

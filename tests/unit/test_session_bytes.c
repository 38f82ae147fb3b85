/* Rows that come as bytes of a format: every cut of a row stream gives the same, broken rows are
 * told or stepped over, and what a stream may not do. */
#include "session_unit.h"

#include <unistd.h>

static const char LINES[] = "{\"a\":1,\"s\":\"x\"}\n\n{\"a\":5}\r\n{\"a\":7,\"t\":[1,{\"b\":2}]}";
static const char KEPT[] = "{\"a\":5}\r\n{\"a\":7,\"t\":[1,{\"b\":2}]}\n";
static const char TABLE[] = "\xEF\xBB\xBF"
                            "a,s\r\n5,x\r\n\"7\",\"a\r\n\"\"b\"\r\n3,y";
static const char TABLE_KEPT[] = "5,x\r\n\"7\",\"a\r\n\"\"b\"\r\n";

/* A frame of ROWS with a piece of bytes. */
static void say_piece(struct talk *t, const char *format, const char *p, size_t n) {
    struct buf m = {0};
    mp_write_array(&m, 3);
    mp_write_uint(&m, 5);
    mp_write_uint(&m, 5);
    mp_write_array(&m, 3);
    mp_write_text(&m, "bytes");
    mp_write_text(&m, format);
    mp_write_bin(&m, p, n);
    struct buf frame = {0};
    uint8_t length[4] = {0, 0, (uint8_t)(m.len >> 8), (uint8_t)m.len};
    buf_add(&frame, length, 4);
    buf_add(&frame, m.data, m.len);
    say_frame(t, &frame);
    buf_done(&m);
    buf_done(&frame);
}

/* The bytes of all "rows" results, and the last reply in the notation. */
static const char *hear_rows(struct talk *t, struct buf *rows) {
    settle(t);
    rows->len = 0;
    for (;;) {
        size_t at = t->at;
        const char *line = hear(t);
        if (strncmp(line, "[66, ", 5) != 0)
            return line;
        struct mp_reader r;
        mp_reader_init(&r, t->out.data + at + 4, t->at - at - 4, MP_DEPTH_MOST);
        mp_read_array(&r);
        for (int i = 0; i < 5; i++)
            mp_skip(&r);
        struct value data = mp_read_value(&r);
        assert_int_equal(data.type, T_BIN);
        buf_add(rows, data.w.p, data.n);
    }
}

static void expect_rows(struct talk *t, const char *want, const char *part) {
    struct buf rows = {0};
    const char *last = hear_rows(t, &rows);
    if (rows.len != strlen(want) || (rows.len > 0 && memcmp(rows.data, want, rows.len) != 0) ||
        !strstr(last, part))
        fail_msg("%.*s\n%s", (int)rows.len, (const char *)rows.data, last);
    buf_done(&rows);
    expect_silence(t);
}

static void check_cuts(const char *format, const char *data, size_t n, const char *options,
                       const char *want) {
    struct talk t;
    char open[200];
    talk_begin(&t, NULL);
    for (size_t first = 0; first <= n; first++)
        for (size_t step = 1; step <= n; step = step * 3 + 1) {
            say(&t, "[2, 5, \"a in (5, 7, '5', '7')\", {'result': 'rows'}, nil]");
            snprintf(open, sizeof open, "[5, 5, ['bytes', '%s', '', %s]]", format, options);
            say(&t, open);
            say_piece(&t, format, data, first);
            for (size_t at = first; at < n; at += step)
                say_piece(&t, format, data + at, n - at < step ? n - at : step);
            say(&t, "[6, 5]");
            char part[48];
            snprintf(part, sizeof part, "'bytes': %zu, 'unfit': 0}]", n);
            expect_rows(&t, want, part);
        }
    talk_stop(&t);
}

static void test_lines_cut_anywhere(void **state) {
    (void)state;
    check_cuts("jsonl", LINES, sizeof LINES - 1, "nil", KEPT);
}

static void test_table_cut_anywhere(void **state) {
    (void)state;
    check_cuts("csv", TABLE, sizeof TABLE - 1, "{'types': {'a': 'integer'}}", TABLE_KEPT);
    check_cuts("csv", TABLE, sizeof TABLE - 1, "nil", TABLE_KEPT);
}

static void test_msgpack_cut_anywhere(void **state) {
    (void)state;
    static const char ROWS[] = "\x81\xA1"
                               "a\x05\x82\xA1"
                               "b\x01\xA1"
                               "a\xD9\x01"
                               "8\x81\xA1"
                               "a\x06";
    check_cuts("msgpack", ROWS, sizeof ROWS - 1, "nil",
               "\x81\xA1"
               "a\x05");
}

static void test_results(void **state) {
    (void)state;
    struct talk t;
    talk_begin(&t, NULL);
#define ASK(result)                                                                                \
    "[2, 5, 'a > 1', {'result': '" result                                                          \
    "'}, ['bytes', 'csv', 'a\n2\n1\n3\n', {'types': {'a': 'integer'}}]]"
    check_request(&t, ASK("indices"), "[66, 5, 'indices', 0, 3, #0000000002000000]", E_OK,
                  "{'matched': 2, 'rows': 3, ");
    check_request(&t, ASK("bitmap"), "[66, 5, 'bitmap', 0, 3, #05]", E_OK, "'matched': 2");
    check_request(&t, ASK("rows"), "[66, 5, 'rows', 0, 3, #320a330a]", E_OK, "'matched': 2");
    check_request(&t, ASK("spans"),
                  "[66, 5, 'spans', 0, 3, #02000000000000000200000000000000"
                  "06000000000000000200000000000000]",
                  E_OK, "'limit_reached': false, 'bytes': 8, 'unfit': 0}]");
    check_request(&t, ASK("runs"),
                  "[66, 5, 'runs', 0, 3, #02000000000000000200000000000000"
                  "06000000000000000200000000000000]",
                  E_OK, "{'matched': 2, 'rows': 3, ");
    check_request(&t, "[2, 5, 'a > 1', {'result': 'pieces'}, ['bytes', 'csv', 'a\n2\n3\n1\n']]", "",
                  E_OK, "{'matched': 0, 'rows': 3, ");
    check_request(&t,
                  "[2, 5, 'a > 1', {'result': 'pieces'}, ['bytes', 'jsonl', "
                  "'{\"a\":2}\n{\"a\":3}\n{\"a\":1}\n']]",
                  "[66, 5, 'runs', 0, 3, #00000000000000001000000000000000]", E_OK,
                  "{'matched': 2, 'rows': 3, ");
    check_request(&t, ASK("count"), "", E_OK, "'matched': 2");
    check_request(&t, "[2, 5, 'a', {'result': 'spans'}, ['maps', [{'a': true}]]]", "",
                  E_RESULT_KIND, "spans");
    check_request(&t, "[2, 5, 'a', {'result': 'runs'}, ['maps', [{'a': true}]]]", "", E_RESULT_KIND,
                  "spans");
    check_request(&t, "[2, 5, 'a', {'result': 'pieces'}, ['maps', [{'a': true}]]]", "",
                  E_RESULT_KIND, "spans");
    check_request(&t,
                  "[2, 5, 'a > 1', {'result': 'count', 'limit': 1}, ['bytes', 'csv', "
                  "'a\n2\nx\n3\n', {'types': {'a': 'integer'}}]]",
                  "", E_OK, "{'matched': 1, 'rows': 1, ");
    check_request(&t,
                  "[2, 5, 'a > 1', {'result': 'count'}, ['bytes', 'csv', 'a\n2\nx\n3\n', "
                  "{'types': {'a': 'integer'}}]]",
                  "", E_OK, "'unfit': 1}]");
    talk_stop(&t);
}

static void test_broken_rows(void **state) {
    (void)state;
    struct talk t;
    talk_begin(&t, NULL);
#define BROKEN(option)                                                                             \
    "[2, 5, 'a > 1', {'result': 'count'}, ['bytes', 'jsonl', "                                     \
    "'{\"a\":2}\n{\"a\":\n7\n{\"a\":3}\n', " option "]]"
    check_request(&t, BROKEN("nil"), "", E_ROW_INVALID, "'row': 1, 'offset': 13}]");
    check_request(&t, BROKEN("{'on_error': 'skip'}"), "", E_OK,
                  "{'matched': 2, 'rows': 2, 'type_mismatch': 0, 'undefined': 0, 'limit_reached': "
                  "false, 'bytes': 24, 'unfit': 0, 'skipped': [2, 13, 14]}]");
    check_request(&t, "[2, 5, 'a > 1', nil, ['bytes', 'msgpack', #81a161, {'on_error': 'skip'}]]",
                  "", E_ROW_TRUNCATED, "'row': 0");
    expect_alive(&t);
    talk_stop(&t);
}

static void test_refusals(void **state) {
    (void)state;
    static const struct {
        const char *payload, *part;
    } CASES[] = {
        {"['bytes']", "three or four elements"},
        {"['bytes', 'jsonl']", "three or four elements"},
        {"['bytes', 'jsonl', '', nil, nil]", "three or four elements"},
        {"['bytes', 'json', '']", "the format of the bytes must be"},
        {"['bytes', 5, '']", "the format of the bytes must be"},
        {"['bytes', 'jsonl', 5]", "no bin and no str"},
        {"['bytes', 'jsonl', '', 5]", "are no map"},
        {"['bytes', 'jsonl', '', {'nothing': 1}]", "the option \"nothing\" of jsonl bytes"},
        {"['bytes', 'jsonl', '', {1: 1}]", "the option \"\""},
        {"['bytes', 'jsonl', '', {'delimiter': ';'}]", "the option \"delimiter\""},
        {"['bytes', 'csv', '', {'delimiter': ';;'}]", "the option \"delimiter\""},
        {"['bytes', 'csv', '', {'header': 1}]", "the option \"header\""},
        {"['bytes', 'csv', '', {'names': ['a', 1]}]", "the option \"names\""},
        {"['bytes', 'csv', '', {'types': {'a': 'int9'}}]", "the option \"types\""},
        {"['bytes', 'csv', '', {'on_error': 'ask'}]", "the option \"on_error\""},
        {"['bytes', 'csv', '', {'delimiter': '|', 'quote': '|'}]", "the same character"},
    };
    struct talk t;
    char message[300];
    talk_begin(&t, NULL);
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        snprintf(message, sizeof message, "[2, 5, 'a > 1', nil, %s]", CASES[i].payload);
        say(&t, message);
        const char *line = hear(&t);
        if (!strstr(line, "'name': 'BAD_PAYLOAD'") || !strstr(line, CASES[i].part))
            fail_msg("%s: %s", message, line);
        expect_silence(&t);
    }
    expect_alive(&t);
    talk_stop(&t);
}

/* Format and options are told once, and there is no other form in a stream of bytes. */
static void test_streams_stay_what_they_are(void **state) {
    (void)state;
    static const char *const SECOND[] = {"['bytes', 'csv', 'a\n']", "['bytes', 'jsonl', '', nil]",
                                         "['maps', [{'a': 1}]]"};
    struct talk t;
    char message[200];
    talk_begin(&t, NULL);
    for (size_t i = 0; i < COUNT_OF(SECOND); i++) {
        say(&t, "[2, 5, 'a > 1', {'result': 'count'}, nil]");
        say(&t, "[5, 5, ['bytes', 'jsonl', '{\"a\":']]");
        snprintf(message, sizeof message, "[5, 5, %s]", SECOND[i]);
        say(&t, message);
        expect_error(&t, 5, E_BAD_PAYLOAD, NULL);
        say(&t, "[6, 5]");
        expect_silence(&t);
    }
    say(&t, "[2, 5, 'a > 1', {'result': 'count'}, nil]");
    say(&t, "[5, 5, ['maps', [{'a': 1}]]]");
    say(&t, "[5, 5, ['bytes', 'jsonl', '{\"a\":1}']]");
    expect_error(&t, 5, E_BAD_PAYLOAD, "no payloads of another form");
    say(&t, "[6, 5]");
    expect_alive(&t);
    talk_stop(&t);
}

/* N - 1, N and N + 1 bytes of a row. */
static void test_row_bytes(void **state) {
    (void)state;
    struct talk t;
    struct limits limits;
    limits_default(&limits);
    limits.row_bytes = 64;
    talk_begin(&t, &limits);
    for (size_t n = 63; n <= 65; n++)
        for (int stream = 0; stream < 2; stream++) {
            char row[100];
            snprintf(row, sizeof row, "{\"a\":5,\"s\":\"%0*d\"}\n", (int)n - 15, 0);
            assert_int_equal(strlen(row), n);
            say(&t, "[2, 5, 'a > 1', {'result': 'count'}, nil]");
            for (size_t at = 0, step = stream ? 9 : n; at < n; at += step)
                say_piece(&t, "jsonl", row + at, n - at < step ? n - at : step);
            say(&t, "[6, 5]");
            if (n <= 64)
                assert_non_null(strstr(hear(&t), "{'matched': 1, "));
            else
                expect_error(&t, 5, E_ROW_TOO_LONG, "'limit': 64");
            expect_silence(&t);
        }
    talk_stop(&t);
}

/* A request over the file at path; what it must say. */
static void check_file(struct talk *t, const char *path, const char *format, const char *want,
                       const char *part) {
    char message[300];
    snprintf(message, sizeof message, "[2, 5, 'a > 1', {'result': 'rows'}, ['file', '%s', '%s']]",
             format, path);
    say(t, message);
    expect_rows(t, want, part);
}

static void test_files(void **state) {
    (void)state;
    char path[] = "/tmp/tamis-file-XXXXXX", row[900];
    struct talk t;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    talk_begin(&t, NULL);
    check_file(&t, path, "jsonl", "", "this daemon opens no files");
    t.service.may_open = true;
    check_file(&t, path, "jsonl", "", "{'matched': 0, 'rows': 0, ");
    assert_int_equal(write(fd, "{\"a\":1}\n{\"a\":2}\n", 16), 16);
    check_file(&t, path, "jsonl", "{\"a\":2}\n", "'bytes': 16, 'unfit': 0}]");
    snprintf(row, sizeof row, "{\"a\":3,\"s\":\"%0800d\"}", 0); /* longer than a read is here */
    assert_int_equal(write(fd, row, strlen(row)), strlen(row));
    char want[1000];
    snprintf(want, sizeof want, "{\"a\":2}\n%s\n", row);
    check_file(&t, path, "jsonl", want, "{'matched': 2, 'rows': 3, ");
    assert_int_equal(write(fd, "\n{\"a\"", 6), 6);
    check_file(&t, path, "jsonl", want, "'name': 'ROW_TRUNCATED'");
    check_file(&t, "/tmp", "jsonl", "", "not a regular file");
    check_file(&t, "/nothing/there", "jsonl", "", "No such file or directory");
    check_file(&t, "", "jsonl", "", "no path of a file");
    check_file(&t, path, "xml", "", "the format of the bytes must be");
    say(&t, "[2, 5, 'a > 1', {'result': 'count'}, nil]");
    say(&t, "[5, 5, ['file', 'jsonl', '/tmp']]");
    expect_error(&t, 5, E_BAD_PAYLOAD, "no part of a row stream");
    say(&t, "[6, 5]");
    expect_alive(&t);
    talk_stop(&t);
    unlink(path);
    close(fd);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_cut_anywhere),
        cmocka_unit_test(test_table_cut_anywhere),
        cmocka_unit_test(test_msgpack_cut_anywhere),
        cmocka_unit_test(test_results),
        cmocka_unit_test(test_broken_rows),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_streams_stay_what_they_are),
        cmocka_unit_test(test_row_bytes),
        cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests_name("session_bytes", tests, NULL, NULL);
}

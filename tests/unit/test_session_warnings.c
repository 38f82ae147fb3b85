/* Warnings and strict mode as a session says them: where they stand, over blocks, chunks and
 * payload forms; and that looking for a culprit changes no count. */
#include "session_unit.h"

static void expect_part(struct talk *t, const char *message, const char *part) {
    say(t, message);
    const char *line = hear(t);
    while (strncmp(line, "[66, ", 5) == 0)
        line = hear(t);
    if (!strstr(line, part))
        fail_msg("%s: %s", message, line);
    expect_silence(t);
}

#define NULL_WARNING                                                                               \
    "'warnings': [{'code': 1, 'name': 'NULL_COMPARISON', 'message': 'a comparison with NULL is "   \
    "never TRUE: write IS NULL, or IS [NOT] DISTINCT FROM', 'pos': 0, 'length': 8, 'near': 'a = "  \
    "NULL'}]}]"

static void test_where_warnings_stand(void **state) {
    (void)state;
    struct talk t;
    talk_begin(&t, NULL);
    expect_part(&t, "[2, 5, 'a = NULL', nil, " ROWS3 "]", "'limit_reached': false, " NULL_WARNING);
    expect_part(&t, "[2, 5, 'a = NULL', {'result': 'count'}, " ROWS3 "]", NULL_WARNING);
    expect_part(&t, "[3, 6, 'a = NULL']", "'text': 'a = NULL', " NULL_WARNING);
    expect_part(&t, "[4, 7, 1, nil, " ROWS3 "]", NULL_WARNING);
    expect_part(&t, "[10, 8, 'a = NULL', nil]", "'matched': 0, " NULL_WARNING);
    expect_part(&t, "[3, 6, 'a = ?']", "'text': 'a = ?'}]");
    expect_part(&t, "[4, 7, 2, {'params': [nil]}, " ROWS3 "]",
                "'warnings': [{'code': 1, 'name': 'NULL_COMPARISON'");
    expect_part(&t, "[4, 7, 2, {'params': [1]}, " ROWS3 "]", "'limit_reached': false}]");
    talk_stop(&t);
}

/* Absent until a later payload of the stream has it; a form without row bytes tells no names. */
static void test_absent_fields(void **state) {
    (void)state;
    static const char SUGGESTED[] =
        "'code': 5, 'name': 'FIELD_ABSENT', 'message': 'no row has this "
        "field, but one whose name is like it', 'pos': 0, 'length': 6, "
        "'near': 'amount', 'suggestion': 'amuont'}]}]";
    struct talk t;
    talk_begin(&t, NULL);
    expect_part(&t, "[2, 5, 'amount > 1', nil, ['maps', [{'x': 1}, {'amuont': 2}]]]", SUGGESTED);
    expect_part(&t, "[10, 5, 'amount > 1', nil, ['maps', [{'amuont': 2}]]]", SUGGESTED);
    expect_part(&t, "[2, 5, 'amount > 1', nil, ['maps', [{'x': 1}, {'abacus': 2}]]]",
                "'limit_reached': false}]");
    expect_part(&t,
                "[2, 5, 'amount > 1', nil, ['columns', 1, [['amuont', 'list', [1], nil, nil]]]]",
                "'limit_reached': false}]");
    expect_part(&t, "[2, 5, 'amount > 1', nil, ['template', ['amuont'], [[1]]]]",
                "'limit_reached': false}]");
    for (int late = 0; late < 2; late++) {
        say(&t, "[2, 5, 'amount > 1', {'result': 'count'}, nil]");
        say(&t, "[5, 5, ['maps', [{'amuont': 1}]]]");
        say(&t, late ? "[5, 5, ['maps', [{'amount': 1}]]]" : "[5, 5, ['maps', [{'amuont': 1}]]]");
        expect_part(&t, "[6, 5]", late ? "'limit_reached': false}]" : SUGGESTED);
    }
    talk_stop(&t);
}

/* A text in double quotes needs no names to be told, so it is, of every form. */
static void test_text_in_double_quotes(void **state) {
    (void)state;
    static const char *const FORMS[] = {
        "['maps', [{'a': 'x'}]]", "['columns', 1, [['a', 'list', ['x'], nil, nil]]]",
        "['columns', 1, [['a', 'list', ['x'], nil, nil], ['x', 'list', [1], nil, #00]]]",
        "['template', ['a'], [['x']]]", "['bytes', 'jsonl', '{\"a\":\"x\"}', nil]"};
    static const char WARNED[] =
        "'warnings': [{'code': 8, 'name': 'FIELD_AS_TEXT', 'message': 'no row has a field of this "
        "name: write it in single quotes to mean a text', 'pos': 4, 'length': 3, 'near': 'x'}]";
    struct talk t;
    talk_begin(&t, NULL);
    for (size_t i = 0; i < COUNT_OF(FORMS); i++) {
        char message[200];
        snprintf(message, sizeof message, "[2, 5, 'a = \"x\"', nil, %s]", FORMS[i]);
        expect_part(&t, message, WARNED);
    }
    expect_part(&t, "[10, 8, 'a = \"x\"', nil, ['maps', [{'a': 'x'}]]]", WARNED);
    expect_part(&t, "[3, 6, 'a = \"x\"']", "'text': 'a = x'}]");
    expect_part(&t, "[2, 5, 'a = \"x\"', nil, ['maps', [{'a': 'x'}, {'x': nil}]]]",
                "'limit_reached': false}]");
    expect_part(&t, "[2, 5, ['=', ['path', 'a'], ['path', 'x']], nil, ['maps', [{'a': 'x'}]]]",
                "'limit_reached': false}]");
    talk_stop(&t);
}

/* The names of rows that come as bytes: keys of JSON, wherever the field is, columns of CSV. */
static void test_absent_in_bytes(void **state) {
    (void)state;
    static const struct {
        const char *query, *format, *data, *options, *suggestion; /* NULL: no warning */
    } CASES[] = {
        {"amount > 1", "jsonl", "{\"x\":1}\n{\"amuont\":2}\n", "nil", "amuont"},
        {"amount > 1", "jsonl", "[{\"x\":1}, {\"amuont\":2}]", "nil", "amuont"},
        {"amount > 1", "jsonl", "{\"amuont\":2,\"amount\":3}\n", "nil", NULL},
        {"amount > 1", "jsonl", "{\"amu\\u006fnt\":2}\n", "nil", NULL},
        {"amount > 1", "jsonl", "{\"x\":{\"amuont\":2}}\n", "nil", NULL},
        {"x.amount > 1", "jsonl", "{\"x\":[],\"x\":{\"amuont\":2}}\n", "nil", "amuont"},
        {"x[1].amount > 1", "jsonl", "{\"x\":[1,{\"amuont\":2}]}\n", "nil", "amuont"},
        {"x[2].amount > 1", "jsonl", "{\"x\":[1,{\"amuont\":2}]}\n", "nil", NULL},
        {"amount > 1", "csv", "x,amuont\n1,2\n", "nil", "amuont"},
        {"amount > 1", "csv", "x,amount\n1,2\n", "{'types': {'amount': 'integer'}}", NULL},
        {"amount > 1", "csv", "x,amuont\n", "nil", NULL}, /* no row, nothing missed */
        {"x.amount > 1", "csv", "x,amuont\n1,2\n", "nil", NULL},
        {"amount > 1", "csv", "1,2\n", "{'header': false, 'names': ['x', 'amuont']}", "amuont"},
        {"amount > 1", "csv", "1,2\n", "{'header': false}", NULL},
        {"amount > 1", "msgpack", "\x81\xa6\x61muont\x02", "nil", "amuont"},
    };
    struct talk t;
    talk_begin(&t, NULL);
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        char message[400], want[100];
        snprintf(message, sizeof message,
                 "[2, 5, '%s', {'result': 'count'}, ['bytes', '%s', '%s', %s]]", CASES[i].query,
                 CASES[i].format, CASES[i].data, CASES[i].options);
        snprintf(want, sizeof want, "'near': 'amount', 'suggestion': '%s'}]}]",
                 CASES[i].suggestion ? CASES[i].suggestion : "");
        expect_part(&t, message, CASES[i].suggestion ? want : "'unfit': 0}]");
    }
    for (int late = 0; late < 2; late++) { /* a later piece of the stream has it, or none has */
        say(&t, "[2, 5, 'amount > 1', {'result': 'count'}, nil]");
        say(&t, "[5, 5, ['bytes', 'jsonl', '{\"amuont\":1}\n{\"am']]");
        say(&t, late ? "[5, 5, ['bytes', 'jsonl', 'ount\":1}\n']]"
                     : "[5, 5, ['bytes', 'jsonl', 'uont\":1}\n']]");
        expect_part(&t, "[6, 5]", late ? "'unfit': 0}]" : "'suggestion': 'amuont'}]}]");
    }
    talk_stop(&t);
}

/* Over the blocks of a stream: a text somewhere, and nothing else anywhere. */
static void test_all_text(void **state) {
    (void)state;
    static const struct {
        const char *first, *second;
        bool warned;
    } CASES[] = {{"[{'a': 'x'}]", "[{'a': nil}, {}]", true},
                 {"[{'a': nil}, {}]", "[{'a': 'x'}]", true},
                 {"[{'a': nil}]", "[{}]", false},
                 {"[{'a': 'x'}]", "[{'a': 1}]", false},
                 {"[{'a': 1.5}]", "[{'a': 'x'}]", false},
                 {"[{'a': 'x'}]", "[{'a': true}]", false},
                 {"[{'a': 'x'}]", "[{'a': ['x']}]", false}};
    struct talk t;
    talk_begin(&t, NULL);
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        char message[200];
        say(&t, "[2, 5, 'b = 1 or a > 1', {'result': 'count'}, nil]");
        snprintf(message, sizeof message, "[5, 5, ['maps', %s]]", CASES[i].first);
        say(&t, message);
        snprintf(message, sizeof message, "[5, 5, ['maps', %s]]", CASES[i].second);
        say(&t, message);
        expect_part(&t, "[6, 5]",
                    CASES[i].warned ? "'warnings': [{'code': 9, 'name': 'ALL_TEXT', 'message': "
                                      "'every value of this field is a text, which is no number, "
                                      "boolean or time: declare the type of a CSV column (--types "
                                      "x=integer), or write CAST(x AS integer)', 'pos': 9, "
                                      "'length': 1, 'near': 'a'}]}]"
                                    : "'limit_reached': false}]");
    }
    expect_part(&t, "[10, 8, 'a > 1', nil, ['maps', [{'a': 'x'}]]]", "'name': 'ALL_TEXT'");
    expect_part(&t, "[2, 5, ['>', ['path', 'a'], 1], nil, ['maps', [{'a': 'x'}]]]",
                "'pos': 3, 'length': 8, 'near': 'a'}]}]");
    talk_stop(&t);
}

/* Rows {"a": first + i}, but `odd` of them {"a": "x"} from row `at` on. */
static void say_mixed(struct talk *t, const char *head, uint32_t n, uint32_t at, uint32_t odd) {
    struct buf m = {0}, frame = {0};
    mp_write_array(&m, 5);
    for (const char *p = head; *(p += strspn(p, " ,"));)
        p = write_notation(&m, p);
    mp_write_array(&m, 2);
    mp_write_text(&m, "maps");
    mp_write_array(&m, n);
    for (uint32_t i = 0; i < n; i++) {
        mp_write_map(&m, 1);
        mp_write_text(&m, "a");
        if (i >= at && i < at + odd)
            mp_write_text(&m, "x");
        else
            mp_write_uint(&m, i);
    }
    uint8_t length[4] = {(uint8_t)(m.len >> 24), (uint8_t)(m.len >> 16), (uint8_t)(m.len >> 8),
                         (uint8_t)m.len};
    buf_add(&frame, length, 4);
    buf_add(&frame, m.data, m.len);
    say_frame(t, &frame);
    buf_done(&m);
    buf_done(&frame);
}

/* Wherever the mismatch is in its block, that row is named; one behind the limit does not count. */
static void test_strict_finds_the_row(void **state) {
    (void)state;
    enum { ROWS = 5000 };
    struct talk t;
    char want[160];
    talk_begin(&t, NULL);
    for (uint32_t at = 0; at < ROWS; at += at < 40 ? 1 : 397) {
        for (uint32_t odd = 1; odd < 400; odd += 150) {
            say_mixed(&t, "2 5 'a >= 0 and a < 100000' {'result': 'count' 'strict': true}", ROWS,
                      at, odd);
            snprintf(want, sizeof want,
                     "'message': 'a is a string, in a >= 0', 'pos': 0, 'length': 6, 'near': 'a', "
                     "'row': %u}]",
                     at);
            const char *line = hear(&t);
            if (!strstr(line, "[68, 5, {'code': 28, 'name': 'TYPE_MISMATCH'") ||
                !strstr(line, want))
                fail_msg("%u, %u: %s", at, odd, line);
            expect_silence(&t);
        }
        say_mixed(&t, "2 5 'a >= 0' {'result': 'count' 'strict': false}", ROWS, at, 1);
        assert_non_null(strstr(hear(&t), "'matched': 4999, 'rows': 5000, 'type_mismatch': 1,"));
        snprintf(want, sizeof want, "2 5 'a >= 0' {'result': 'indices' 'limit': %u 'strict': true}",
                 at);
        say_mixed(&t, want, ROWS, at, 1); /* enough is found just before it */
        const char *line = hear(&t);
        uint32_t rows = 0;
        for (; strncmp(line, "[66, ", 5) == 0; line = hear(&t))
            rows++;
        assert_true(at == 0 || rows > 0);
        snprintf(want, sizeof want, "{'matched': %u, 'rows': %u, ", at, at);
        if (!strstr(line, want))
            fail_msg("limit %u: %s", at, line);
    }
    talk_stop(&t);
}

/* Once an error is found, matches of blocks before it stand, and the stream is closed. */
static void test_strict_in_a_stream(void **state) {
    (void)state;
    struct talk t;
    talk_begin(&t, NULL);
    say(&t, "[2, 5, 'a >= 2', {'strict': true}, nil]");
    say(&t, "[5, 5, " ROWS3 "]");
    expect(&t, "[66, 5, 'indices', 0, 3, #0100000002000000]");
    say(&t, "[5, 5, ['maps', [{'a': 5}, {'a': []}, {'a': 'x'}]]]");
    expect(&t, "[66, 5, 'indices', 3, 1, #00000000]"); /* what is before it is kept */
    expect_error(&t, 5, E_TYPE_MISMATCH, "'row': 4}]");
    say(&t, "[5, 5, " ROWS3 "]");
    say(&t, "[6, 5]");
    expect_silence(&t);
    check_request(&t, "[2, 5, 'a >= 2', {'strict': 1}, " ROWS3 "]", "", E_BAD_OPTION, "strict");
    check_request(&t, "[3, 5, 'a >= 2', {'strict': true}]", "", E_BAD_OPTION,
                  "not for this message");
    check_request(&t, "[10, 5, 'a >= 2', {'strict': true}]", "", E_BAD_OPTION,
                  "not for this message");
    expect_alive(&t);
    talk_stop(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_where_warnings_stand),  cmocka_unit_test(test_absent_fields),
        cmocka_unit_test(test_text_in_double_quotes), cmocka_unit_test(test_all_text),
        cmocka_unit_test(test_absent_in_bytes),       cmocka_unit_test(test_strict_finds_the_row),
        cmocka_unit_test(test_strict_in_a_stream),
    };
    return cmocka_run_group_tests_name("session_warnings", tests, NULL, NULL);
}

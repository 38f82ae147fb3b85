/* Every message of a session and every way of getting it wrong, one at a time: envelopes, HELLO,
 * options, parameters, PING. Plans, streams, flow and hostile peers have files of their own. */
#include "session_unit.h"

/* --- HELLO --- */

static void test_hello(void **state) {
    (void)state;
    struct talk t;
    talk_start(&t, NULL);
    say(&t, "[1, 7, {'version': 1, 'capabilities': ['odd'], 'client': 'x', 5: nil}]");
    const char *welcome = hear(&t);
    assert_non_null(strstr(welcome, "[65, 7, {'version': 1, 'capabilities': ['filter', "));
    assert_non_null(strstr(welcome, "'server': 'tamisd "));
    assert_non_null(strstr(welcome, "'limits': {'frame_bytes': 67108864, 'hello_bytes': 16384, "));
    say(&t, "[@cc01, @d20000ffff, {'version': @cf0000000000000001}]"); /* any width, any time */
    assert_non_null(strstr(hear(&t), "[65, 65535, {'version': 1"));
    expect_alive(&t);
    talk_stop(&t);
}

static void test_bad_first_messages(void **state) {
    (void)state;
    static const struct {
        const char *message;
        unsigned id;
        enum status status;
    } CASES[] = {
        {"[1, 3, {'version': 2}]", 3, E_VERSION},
        {"[1, 3, {'version': '1'}]", 3, E_VERSION},
        {"[1, 3, {'version': 1.0}]", 3, E_VERSION},
        {"[1, 3, {}]", 3, E_VERSION},
        {"[1, 3, {1: 1, 'version': -1}]", 3, E_VERSION},
        {"[1, 3, nil]", 3, E_BAD_MESSAGE},
        {"[1, 3, @81a1]", 3, E_BAD_MESSAGE},
        {"[1, 3, {}, 1]", 3, E_BAD_MESSAGE},
        {"[1, 3]", 3, E_BAD_MESSAGE},
        {"@", 0, E_BAD_MESSAGE},
        {"@c1", 0, E_BAD_MESSAGE},
        {"[2, 3, 'a', nil, nil]", 3, E_HELLO_FIRST},
        {"[3, 3, 'a']", 3, E_HELLO_FIRST},
        {"[5, 3, nil]", 3, E_HELLO_FIRST},
        {"[6, 3]", 3, E_HELLO_FIRST},
        {"[7, 3]", 3, E_HELLO_FIRST},
        {"[8, 3]", 3, E_HELLO_FIRST},
        {"[9, 3]", 3, E_HELLO_FIRST},
        {"[11, 3, 1]", 3, E_HELLO_FIRST},
        {"[50, 3]", 3, E_HELLO_FIRST},
    };
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        struct talk t;
        talk_start(&t, NULL);
        say(&t, CASES[i].message);
        expect_error(&t, CASES[i].id, CASES[i].status, NULL);
        expect_end(&t, CASES[i].status);
        say(&t, HELLO_TEXT); /* too late */
        expect_end(&t, CASES[i].status);
        talk_stop(&t);
    }
}

/* A HELLO of exactly n bytes. */
static void say_hello_of(struct talk *t, size_t n) {
    struct buf m = {0};
    write_notation(&m, "[1, 1, {'version': 1, 'client': @da}]");
    size_t pad = n - m.len - 2;
    buf_byte(&m, (uint8_t)(pad >> 8));
    buf_byte(&m, (uint8_t)pad);
    while (m.len < n)
        buf_byte(&m, 'x');
    struct buf frame = {0};
    uint8_t head[4] = {0, 0, (uint8_t)(n >> 8), (uint8_t)n};
    buf_add(&frame, head, 4);
    buf_add(&frame, m.data, m.len);
    say_frame(t, &frame);
    buf_done(&frame);
    buf_done(&m);
}

static void test_hello_bytes(void **state) {
    (void)state;
    for (size_t n = 16383; n <= 16385; n++) {
        struct talk t;
        talk_start(&t, NULL);
        say_hello_of(&t, n);
        if (n <= 16384) {
            assert_non_null(strstr(hear(&t), "[65, 1, {'version': 1"));
            say_hello_of(&t, 20000); /* now only frame_bytes counts */
            assert_non_null(strstr(hear(&t), "[65, 1, {'version': 1"));
            expect_alive(&t);
        } else {
            expect_error(&t, 0, E_HELLO_TOO_LARGE, "'limit': 16384, 'actual': 16385");
            expect_end(&t, E_HELLO_TOO_LARGE);
        }
        talk_stop(&t);
    }
}

/* --- envelopes --- */

static void test_bad_messages(void **state) {
    (void)state;
    static const struct {
        const char *message;
        uint64_t id;
        enum status status;
        const char *extra;
    } CASES[] = {
        {"@", 0, E_BAD_MESSAGE, "'offset': 0"},
        {"{}", 0, E_BAD_MESSAGE, "'offset': 0"},
        {"'text'", 0, E_BAD_MESSAGE, "'offset': 0"},
        {"@c1", 0, E_BAD_MESSAGE, "'offset': 0"},
        {"[]", 0, E_BAD_MESSAGE, "'offset': 0"},
        {"[8]", 0, E_BAD_MESSAGE, "'offset': 0"},
        {"@92", 0, E_BAD_MESSAGE, NULL},
        {"@9208", 0, E_BAD_MESSAGE, NULL},
        {"@ddffffffff", 0, E_BAD_MESSAGE, NULL},
        {"@ddffffffff08010203040506", 0, E_BAD_MESSAGE, NULL},
        {"['8', 1]", 0, E_BAD_MESSAGE, "'offset': 1"},
        {"[8.0, 1]", 0, E_BAD_MESSAGE, "'offset': 1"},
        {"[-8, 1]", 0, E_BAD_MESSAGE, "'offset': 1"},
        {"[nil, 1]", 0, E_BAD_MESSAGE, "'offset': 1"},
        {"[18446744073709551615, 1]", 0, E_BAD_MESSAGE, "'offset': 1"},
        {"[8, -1]", 0, E_BAD_MESSAGE, "'offset': 2"},
        {"[8, 4294967296]", 0, E_BAD_MESSAGE, "'offset': 2"},
        {"[8, 18446744073709551615]", 0, E_BAD_MESSAGE, "'offset': 2"},
        {"[8, '1']", 0, E_BAD_MESSAGE, "'offset': 2"},
        {"[8, 1.0]", 0, E_BAD_MESSAGE, "'offset': 2"},
        {"[8, [1]]", 0, E_BAD_MESSAGE, "'offset': 2"},
        {"[8, 9, 1, 2]", 9, E_BAD_MESSAGE, "PING has 2 to 3 elements, not 4"},
        {"@920809c0", 9, E_BAD_MESSAGE, "'offset': 3"},
        {"@930809", 0, E_BAD_MESSAGE, NULL},
        {"[8, 9, @c1]", 9, E_BAD_MESSAGE, "'offset': 3"},
        {"[8, 9, @da00]", 9, E_BAD_MESSAGE, "'offset': 3"},
        {"[9, 9, 1]", 9, E_BAD_MESSAGE, NULL},
        {"@920909c0", 9, E_BAD_MESSAGE, NULL},
        {"@920709c0", 9, E_BAD_MESSAGE, NULL},
        {"@920609c0", 9, E_BAD_MESSAGE, NULL},
        {"[11, 9]", 9, E_BAD_MESSAGE, NULL},
        {"[11, 9, 1, 2]", 9, E_BAD_MESSAGE, NULL},
        {"@930b0901c0", 9, E_BAD_MESSAGE, NULL},
        {"[5, 9]", 9, E_BAD_MESSAGE, NULL},
        {"[2, 9, 'a', nil]", 9, E_BAD_MESSAGE, "FILTER has 5 to 5 elements, not 4"},
        {"[2, 9, 5, nil, nil]", 9, E_BAD_MESSAGE, "integer"},
        {"[2, 9, {}, nil, nil]", 9, E_BAD_MESSAGE, "map"},
        {"[2, 9, nil, nil, nil]", 9, E_BAD_MESSAGE, NULL},
        {"[2, 9, @c1, nil, nil]", 9, E_BAD_MESSAGE, "'offset': 3"},
        {"[2, 9, @da0005, nil, nil]", 9, E_BAD_MESSAGE, "'offset': 3"},
        {"@950209a161c0", 9, E_BAD_MESSAGE, NULL},              /* no payload */
        {"@950209a161", 0, E_BAD_MESSAGE, NULL},                /* no options */
        {"@950209a161c0c0c0", 9, E_BAD_MESSAGE, "'offset': 7"}, /* more than a stream */
        {"[3, 9, 'a', nil, nil]", 9, E_BAD_MESSAGE, NULL},
        {"[3, 9]", 9, E_BAD_MESSAGE, NULL},
        {"@930309a16100", 9, E_BAD_MESSAGE, "'offset': 5"},
        {"[3, 9, 5]", 9, E_BAD_MESSAGE, NULL},
        {"[4, 9, 1, nil]", 9, E_BAD_MESSAGE, NULL},
        {"[10, 9, 'a']", 9, E_BAD_MESSAGE, NULL},
        {"@940a09a161c000", 9, E_BAD_MESSAGE, "'offset': 6"},
        {"[1, 9, {}, 1]", 9, E_BAD_MESSAGE, NULL},
        {"@950209a161c092a46d6170739181a16101c0", 9, E_BAD_MESSAGE, "'offset': 17"},
    };
    struct talk t;
    talk_begin(&t, NULL);
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        say(&t, CASES[i].message);
        const char *message = CASES[i].message;
        struct answer a; /* what matched before the fault stands */
        hear_answer(&t, (uint32_t)CASES[i].id, &a);
        char want[60];
        snprintf(want, sizeof want, "[68, %u, {'code': %d,", (unsigned)CASES[i].id,
                 CASES[i].status);
        if (strncmp(a.last, want, strlen(want)) != 0 ||
            (CASES[i].extra && !strstr(a.last, CASES[i].extra)))
            fail_msg("%s: %s", message, a.last);
        answer_done(&a);
        if (strcmp(a.last, "") != 0 && strstr(message, "nil, nil]")) /* what opened a stream */
            say(&t, "[7, 9]");
        expect_alive(&t);
    }
    talk_stop(&t);
}

static void test_kinds(void **state) {
    (void)state;
    struct talk t;
    talk_begin(&t, NULL);
    for (unsigned kind = 0; kind < 300; kind++) {
        char message[40];
        if (kind >= 1 && kind <= 19)
            continue;
        snprintf(message, sizeof message, "[%u, 5, nil, nil, nil]", kind);
        say(&t, message);
        expect_error(&t, 5, E_KIND_UNKNOWN, NULL);
    }
    say(&t, "[9223372036854775807, 4294967295]");
    expect_error(&t, 4294967295, E_KIND_UNKNOWN, "no request has kind 9223372036854775807");
    expect_alive(&t);
    talk_stop(&t);
}

static void test_ping(void **state) {
    (void)state;
    struct talk t;
    talk_begin(&t, NULL);
    static const char *const SAME[] = {
        "nil",
        "true",
        "-5",
        "18446744073709551615",
        "'text'",
        "''",
        "#",
        "#00ff",
        "[]",
        "[1, [2, ['x', {'k': [nil, #01]}]], {}]",
        "{1: {2: {3: []}}, 'a': 'b'}",
    };
    for (size_t i = 0; i < COUNT_OF(SAME); i++) {
        char message[120];
        snprintf(message, sizeof message, "[8, 4, %s]", SAME[i]);
        say(&t, message);
        snprintf(message, sizeof message, "[70, 4, %s]", SAME[i]);
        expect(&t, message);
    }
    say(&t, "[8, 0]");
    expect(&t, "[70, 0, nil]");
    say(&t, "[8, 4294967295, @d30000000000000005]"); /* byte for byte, not in the shortest form */
    hear(&t);
    static const uint8_t REPLY[] = {0x93, 70, 0xCE, 255, 255, 255, 255, 0xD3,
                                    0,    0,  0,    0,   0,   0,   0,   5};
    assert_memory_equal(t.out.data + t.out.len - sizeof REPLY, REPLY, sizeof REPLY);
    talk_stop(&t);
}

/* --- FILTER: options, parameters, payloads --- */

static void test_results(void **state) {
    (void)state;
    static const struct {
        const char *options, *payload, *results;
    } CASES[] = {
        {"nil", ROWS3, "[66, 5, 'indices', 0, 3, #0100000002000000]"},
        {"{}", ROWS3, "[66, 5, 'indices', 0, 3, #0100000002000000]"},
        {"{'result': 'indices', 'limit': nil, 'params': nil}", ROWS3,
         "[66, 5, 'indices', 0, 3, #0100000002000000]"},
        {"{'result': 'bitmap'}", ROWS3, "[66, 5, 'bitmap', 0, 3, #06]"},
        {"{'result': 'auto'}", ROWS3, "[66, 5, 'bitmap', 0, 3, #06]"},
        {"{'result': 'count'}", ROWS3, ""},
        {"{'result': 'rows'}", ROWS3, "[66, 5, 'rows', 0, 3, #81a1610281a16103]"},
        {"{'result': 'count', 'result': 'rows'}", ROWS3,
         "[66, 5, 'rows', 0, 3, #81a1610281a16103]"},
        {"{'result': 'rows'}", "['template', ['b', 'a'], [[7, 1], [7, 2], [7, 3]]]",
         "[66, 5, 'rows', 0, 3, #9207029207"
         "03]"},
        {"nil", "['template', ['a'], [[5], [2], [3]], #06]",
         "[66, 5, 'indices', 0, 3, #0100000002000000]"},
        {"nil", "['columns', 3, [['a', 'list', [1, 2, 3]]]]",
         "[66, 5, 'indices', 0, 3, #0100000002000000]"},
        {"{'result': 'bitmap'}",
         "['columns', 3, [[['a'], 'i64', #010000000000000002000000000000000300000000000000]]]",
         "[66, 5, 'bitmap', 0, 3, #06]"},
        {"{'limit': 3}", ROWS3, "[66, 5, 'indices', 0, 3, #0100000002000000]"},
        {"{'limit': 18446744073709551615}", ROWS3, "[66, 5, 'indices', 0, 3, #0100000002000000]"},
    };
    struct talk t;
    talk_begin(&t, NULL);
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        char message[300];
        snprintf(message, sizeof message, "[2, 5, 'a >= 2', %s, %s]", CASES[i].options,
                 CASES[i].payload);
        check_request(&t, message, CASES[i].results, E_OK, DONE3("5", "2"));
    }
    check_request(&t, "[2, 5, ['<', ['path', 'a'], 2], nil, " ROWS3 "]",
                  "[66, 5, 'indices', 0, 3, #00000000]", E_OK, DONE3("5", "1"));
    check_request(&t, "[2, 5, \"a < 'x'\", nil, " ROWS3 "]", "", E_OK, "'type_mismatch': 3");
    check_request(&t, "[2, 5, '6 / (a - 2) > 0 or a + b = ~true', nil, " ROWS3 "]",
                  "[66, 5, 'indices', 0, 3, #02000000]", E_OK,
                  "'type_mismatch': 0, 'undefined': 1, 'limit_reached': false");
    check_request(
        &t, "[2, 5, 'a > 0', {'limit': 2}, " ROWS3 "]",
        "[66, 5, 'indices', 0, 2, #0000000001000000]", E_OK,
        "{'matched': 2, 'rows': 2, 'type_mismatch': 0, 'undefined': 0, 'limit_reached': true}");
    check_request(
        &t, "[2, 5, 'a > 0', {'limit': 0}, " ROWS3 "]", "", E_OK,
        "{'matched': 0, 'rows': 0, 'type_mismatch': 0, 'undefined': 0, 'limit_reached': true}");
    check_request(
        &t, "[2, 5, 'a > 0', {}, ['maps', []]]", "", E_OK,
        "{'matched': 0, 'rows': 0, 'type_mismatch': 0, 'undefined': 0, 'limit_reached': false}");
    talk_stop(&t);
}

static void test_refused_requests(void **state) {
    (void)state;
    static const struct {
        const char *query, *options, *payload;
        enum status status;
        const char *extra;
    } CASES[] = {
        {"'a >'", "nil", ROWS3, E_SYNTAX, "'pos': 3"},
        {"'a = :x'", "nil", ROWS3, E_PARAM_MISSING, ":x"},
        {"'a = :x'", "{'params': {}}", ROWS3, E_PARAM_MISSING, NULL},
        {"'a = ?'", "{'params': []}", ROWS3, E_PARAM_MISSING, NULL},
        {"'a = :x'", "{'params': {'x': 1, 'y': 2}}", ROWS3, E_PARAM_UNKNOWN, "\"y\""},
        {"'a = :x'", "{'params': {1: 1}}", ROWS3, E_PARAM_UNKNOWN, NULL},
        {"'a = ?'", "{'params': {'': 1}}", ROWS3, E_PARAM_UNKNOWN, NULL},
        {"'a = ?'", "{'params': [1, 2]}", ROWS3, E_PARAM_UNKNOWN, NULL},
        {"'a = 1'", "{'params': {'x': 1}}", ROWS3, E_PARAM_UNKNOWN, NULL},
        {"'a = 1'", "{'params': [1]}", ROWS3, E_PARAM_UNKNOWN, NULL},
        {"'a IN :x'", "{'params': {'x': 1}}", ROWS3, E_PARAM_TYPE, "'pos': 5"},
        {"'a = :x'", "{'params': 'x'}", ROWS3, E_BAD_OPTION, "'near': 'params'"},
        {"'a = 1'", "{'limit': -1}", ROWS3, E_BAD_OPTION, "'near': 'limit'"},
        {"'a = 1'", "{'limit': 1.0}", ROWS3, E_BAD_OPTION, NULL},
        {"'a = 1'", "{'limit': '1'}", ROWS3, E_BAD_OPTION, NULL},
        {"'a = 1'", "{'result': 'Rows'}", ROWS3, E_BAD_OPTION, "'near': 'result'"},
        {"'a = 1'", "{'result': nil}", ROWS3, E_BAD_OPTION, NULL},
        {"'a = 1'", "{'result': 5}", ROWS3, E_BAD_OPTION, NULL},
        {"'a = 1'", "{'limits': 5}", ROWS3, E_BAD_OPTION, "'near': 'limits'"},
        {"'a = 1'", "{5: 5}", ROWS3, E_BAD_OPTION, NULL},
        {"'a = 1'", "{@a2fffe: 5}", ROWS3, E_BAD_OPTION, "'near': '?\?'"},
        {"'a = 1'", "[]", ROWS3, E_BAD_MESSAGE, "the options are not a well-formed map"},
        {"'a = 1'", "5", ROWS3, E_BAD_MESSAGE, NULL},
        {"'a = 1'", "@81", ROWS3, E_BAD_MESSAGE, NULL}, /* the payload is its key */
        {"'a = 1'", "@dfffffffff", ROWS3, E_BAD_MESSAGE, NULL},
        {"'a = 1'", "{'params': @c1}", ROWS3, E_BAD_MESSAGE, NULL},
        {"'a = 1'", "nil", "5", E_BAD_PAYLOAD, "'offset': 10"},
        {"'a = 1'", "nil", "[]", E_BAD_PAYLOAD, NULL},
        {"'a = 1'", "nil", "['piles', []]", E_BAD_PAYLOAD, NULL},
        {"'a = 1'", "nil", "['maps', [1]]", E_ROW_NOT_MAP, "'row': 0"},
        {"'a = 1'", "nil", "@c1", E_BAD_PAYLOAD, "'offset': 10"},
        {"'a = 1'", "{'result': 'rows'}", "['columns', 1, [['a', 'list', [1]]]]", E_RESULT_KIND,
         NULL},
    };
    struct talk t;
    talk_begin(&t, NULL);
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        char message[300];
        snprintf(message, sizeof message, "[2, 5, %s, %s, %s]", CASES[i].query, CASES[i].options,
                 CASES[i].payload);
        check_request(&t, message, "", CASES[i].status, CASES[i].extra ? CASES[i].extra : "");
        expect_alive(&t);
    }
    check_request(&t, "[3, 5, 'a = 1', {'limit': 1}]", "", E_BAD_OPTION, "not for this message");
    check_request(&t, "[3, 5, 'a = :x', {'params': {'x': 1}}]", "", E_BAD_OPTION, "");
    check_request(&t, "[10, 5, 'a = 1', {'result': 'rows'}]", "", E_BAD_OPTION,
                  "not for this message");
    talk_stop(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hello),       cmocka_unit_test(test_bad_first_messages),
        cmocka_unit_test(test_hello_bytes), cmocka_unit_test(test_bad_messages),
        cmocka_unit_test(test_kinds),       cmocka_unit_test(test_ping),
        cmocka_unit_test(test_results),     cmocka_unit_test(test_refused_requests),
    };
    return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}

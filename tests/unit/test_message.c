/* The envelope of a message: what message_read accepts, and what it says of the rest. */
#include "wire/message.h"

#include "mp_unit.h"

static const struct {
    const char *text;
    uint32_t kind, id, n;
    size_t offset; /* of the third element */
} GOOD[] = {
    {"[1, 0, {}]", 1, 0, 3, 3},
    {"[2, 7, 'a = 1', null, null]", 2, 7, 5, 3},
    {"[3, 7, 'a']", 3, 7, 3, 3},
    {"[3, 7, 'a', {}]", 3, 7, 4, 3},
    {"[4, 7, 1, null, []]", 4, 7, 5, 3},
    {"[5, 7, []]", 5, 7, 3, 3},
    {"[6, 7]", 6, 7, 2, 3},
    {"[7, 4294967295]", 7, UINT32_MAX, 2, 7},
    {"[8, 127]", 8, 127, 2, 3},
    {"[8, 128, [[]]]", 8, 128, 3, 4},
    {"[9, 1]", 9, 1, 2, 3},
    {"[10, 1, 'a', null]", 10, 1, 4, 3},
    {"[10, 1, 'a', null, []]", 10, 1, 5, 3},
    {"[11, 1, 1]", 11, 1, 3, 3},
    /* any encoding of a number, and of the array */
    {"<dc 00 02 d0 06 d1 00 07>", 6, 7, 2, 8},
    {"<dd 00 00 00 02 cf 00 00 00 00 00 00 00 06 d3 00 00 00 00 00 00 00 07>", 6, 7, 2, 23},
};

static void test_accepted(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(GOOD); i++) {
        struct bytes b = bytes_of(GOOD[i].text);
        struct message m;
        struct error e;
        error_clear(&e);
        assert_status(message_read(&m, b.p, b.n, 64, &e), E_OK, GOOD[i].text);
        assert_int_equal(m.kind, GOOD[i].kind);
        assert_true(m.id == GOOD[i].id);
        assert_int_equal(m.n, GOOD[i].n);
        assert_int_equal(mp_offset(&m.r), GOOD[i].offset);
        assert_int_equal(e.status, E_OK);
        for (uint32_t k = 2; k < m.n; k++)
            mp_skip(&m.r);
        assert_int_equal(message_end(&m, &e), E_OK);
        assert_int_equal(message_read(&m, b.p, b.n, 64, NULL), E_OK);
    }
}

static const struct {
    const char *text;
    enum status status;
    uint32_t id;
    uint64_t offset;
} BAD[] = {
    {"", E_BAD_MESSAGE, 0, 0},
    {"null", E_BAD_MESSAGE, 0, 0},
    {"{1: 2}", E_BAD_MESSAGE, 0, 0},
    {"8", E_BAD_MESSAGE, 0, 0},
    {"<c1>", E_BAD_MESSAGE, 0, 0},
    {"[]", E_BAD_MESSAGE, 0, 0},
    {"[8]", E_BAD_MESSAGE, 0, 0},
    {"<92>", E_BAD_MESSAGE, 0, 0},
    {"<dc 00>", E_BAD_MESSAGE, 0, 0},
    {"<dd ff ff ff ff 01 01>", E_BAD_MESSAGE, 0, 0},
    {"['PING', 1]", E_BAD_MESSAGE, 0, 1},
    {"[-1, 1]", E_BAD_MESSAGE, 0, 1},
    {"[8.0, 1]", E_BAD_MESSAGE, 0, 1},
    {"[18446744073709551615, 1]", E_BAD_MESSAGE, 0, 1},
    {"<dc 00 02 a1 78 01>", E_BAD_MESSAGE, 0, 3}, /* where the kind stands, not byte 1 */
    {"<dd 00 00 00 02 a1 78 01>", E_BAD_MESSAGE, 0, 5},
    {"<92 c1 01>", E_BAD_MESSAGE, 0, 1},
    {"[8, null]", E_BAD_MESSAGE, 0, 2},
    {"[8, -1]", E_BAD_MESSAGE, 0, 2},
    {"[8, 4294967296]", E_BAD_MESSAGE, 0, 2},
    {"[8, 18446744073709551615]", E_BAD_MESSAGE, 0, 2},
    {"[8, 1.0]", E_BAD_MESSAGE, 0, 2},
    {"<92 cd 00 08 a1 78>", E_BAD_MESSAGE, 0, 4},
    {"<92 08 cd 00>", E_BAD_MESSAGE, 0, 2},
    {"[0, 5]", E_KIND_UNKNOWN, 5, ERROR_NONE},
    {"[100, 5]", E_KIND_UNKNOWN, 5, ERROR_NONE},
    {"[9223372036854775807, 5]", E_KIND_UNKNOWN, 5, ERROR_NONE},
    {"[4294967304, 5]", E_KIND_UNKNOWN, 5, ERROR_NONE},             /* 8 + 2^32 is not 8 */
    {"[66, 5, 'indices', 0, 0, 0]", E_KIND_UNKNOWN, 5, ERROR_NONE}, /* only the daemon's */
    {"[68, 5, {}]", E_KIND_UNKNOWN, 5, ERROR_NONE},
    {"[1, 5]", E_BAD_MESSAGE, 5, 0}, /* wrong numbers of elements */
    {"[1, 5, {}, 1]", E_BAD_MESSAGE, 5, 0},
    {"[2, 5, 'a', null]", E_BAD_MESSAGE, 5, 0},
    {"[2, 5, 'a', null, null, null]", E_BAD_MESSAGE, 5, 0},
    {"[6, 5, null]", E_BAD_MESSAGE, 5, 0},
    {"[8, 5, 1, 2]", E_BAD_MESSAGE, 5, 0},
    {"[10, 5, 'a']", E_BAD_MESSAGE, 5, 0},
};

static void test_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(BAD); i++) {
        struct bytes b = bytes_of(BAD[i].text);
        struct message m;
        struct error e;
        error_clear(&e);
        assert_status(message_read(&m, b.p, b.n, 64, &e), BAD[i].status, BAD[i].text);
        assert_int_equal(e.status, BAD[i].status);
        if (e.offset != BAD[i].offset)
            fail_msg("%s: offset %lld, expected %lld", BAD[i].text, (long long)e.offset,
                     (long long)BAD[i].offset);
        assert_int_equal(m.id, BAD[i].id);
        assert_true(strlen(e.message) > 0);
        assert_int_equal(message_read(&m, b.p, b.n, 64, NULL), BAD[i].status);
    }
}

static void test_every_cut(void **state) {
    (void)state;
    struct bytes b = bytes_of("[10, 4294967295, 'a = 1', {'params': [1, 2]}, ['maps', [{}]]]");
    for (size_t n = 0; n < b.n; n++) {
        struct bytes cut = bytes_copy(b.p, n);
        struct message m;
        struct error e;
        error_clear(&e);
        enum status status = message_read(&m, cut.p, cut.n, 64, &e);
        if (status == E_OK) { /* the envelope is there: the end sees it */
            for (uint32_t k = 2; k < m.n; k++)
                mp_skip(&m.r);
            status = message_end(&m, &e);
        }
        assert_int_equal(status, E_BAD_MESSAGE);
        assert_true(e.offset <= n);
    }
}

static void test_end(void **state) {
    (void)state;
    struct bytes b = bytes_of("[8, 1, 'x'] null");
    struct message m;
    struct error e;
    error_clear(&e);
    assert_int_equal(message_read(&m, b.p, b.n, 64, &e), E_OK);
    mp_skip(&m.r);
    assert_int_equal(message_end(&m, &e), E_BAD_MESSAGE); /* bytes behind the array */
    assert_int_equal(e.offset, 5);
    error_clear(&e);
    b = bytes_of("<93 08 01 c1>");
    assert_int_equal(message_read(&m, b.p, b.n, 64, &e), E_OK);
    mp_skip(&m.r);
    assert_int_equal(message_end(&m, &e), E_BAD_MESSAGE);
    assert_int_equal(e.offset, 3);
    error_clear(&e);
    b = bytes_of("[8, 1, [[[]]]]");
    assert_int_equal(message_read(&m, b.p, b.n, 2, &e), E_OK);
    mp_skip(&m.r);
    assert_int_equal(m.r.status, E_ROW_TOO_DEEP); /* the limit is the reader's */
    assert_int_equal(message_end(&m, &e), E_BAD_MESSAGE);
}

static void test_names(void **state) {
    (void)state;
    assert_string_equal(message_name(MESSAGE_HELLO), "HELLO");
    assert_string_equal(message_name(MESSAGE_FILTER), "FILTER");
    assert_string_equal(message_name(MESSAGE_CLOSED), "CLOSED");
    assert_string_equal(message_name((enum message_kind)0), "?");
    assert_string_equal(message_name((enum message_kind)63), "?");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        value_test(test_accepted), value_test(test_refused), value_test(test_every_cut),
        value_test(test_end),      value_test(test_names),
    };
    return cmocka_run_group_tests_name("message", tests, NULL, NULL);
}

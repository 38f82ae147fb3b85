/* Replies as a client reads them: what reply.h writes comes back, and what is wrong is refused. */
#include "unit.h"

#include "base/limits.h"
#include "wire/answer.h"
#include "wire/reply.h"

/* The message of the only frame in b. */
static void read_only(const struct buf *b, struct message *m) {
    struct error e;
    error_clear(&e);
    assert_false(buf_failed(b));
    assert_int_equal(answer_read(m, b->data + 4, b->len - 4, &e), E_OK);
}

static void test_errors_come_back(void **state) {
    (void)state;
    struct error told, got, e;
    struct message m;
    struct buf b = {0};
    error_clear(&told);
    error_clear(&e);
    error_limit(&told, E_ROW_TOO_LONG, "row_bytes", 64, 65);
    told.row = 3;
    told.offset = 17;
    told.pos = 0;
    told.length = 4;
    error_text(told.near_text, sizeof told.near_text, "near", 4);
    error_text(told.suggestion, sizeof told.suggestion, "that", 4);
    assert_true(reply_error(&b, 9, &told));
    read_only(&b, &m);
    assert_int_equal(m.kind, MESSAGE_ERROR);
    assert_int_equal(m.id, 9);
    assert_int_equal(answer_error(&m, &got, &e), E_OK);
    assert_int_equal(got.status, E_ROW_TOO_LONG);
    assert_string_equal(got.message, told.message);
    assert_string_equal(got.near_text, "near");
    assert_string_equal(got.suggestion, "that");
    assert_int_equal(got.row, 3);
    assert_int_equal(got.offset, 17);
    assert_int_equal(got.pos, 0);
    assert_int_equal(got.length, 4);
    assert_int_equal(got.limit, 64);
    assert_int_equal(got.actual, 65);
    buf_done(&b);
    /* What was not told stays so, and a code from the future is an error all the same. */
    size_t mark = reply_begin(&b, MESSAGE_ERROR, 1, 3);
    mp_write_map(&b, 2);
    mp_write_text(&b, "new key");
    mp_write_nil(&b);
    mp_write_text(&b, "code");
    mp_write_uint(&b, 31999);
    assert_true(reply_end(&b, mark));
    read_only(&b, &m);
    assert_int_equal(answer_error(&m, &got, &e), E_OK);
    assert_int_equal(got.status, E_INTERNAL);
    assert_true(got.pos == ERROR_NONE && got.row == ERROR_NONE && *got.message);
    buf_done(&b);
}

static void test_results(void **state) {
    (void)state;
    struct reply_result r;
    struct answer_result got;
    struct message m;
    struct error e;
    struct buf b = {0};
    error_clear(&e);
    reply_result_begin(&r, &b, 7, REPLY_OF_ALL, "rows");
    buf_add(&b, "abc", 3);
    assert_true(reply_result_end(&r, &b, "rows", UINT64_C(1) << 40, 5));
    read_only(&b, &m);
    assert_int_equal(answer_result(&m, &got, &e), E_OK);
    assert_true(str_is(got.kind, "rows"));
    assert_int_equal(got.base, UINT64_C(1) << 40);
    assert_int_equal(got.rows, 5);
    assert_int_equal(got.n, 3);
    assert_memory_equal(got.data, "abc", 3);
    buf_done(&b);
}

/* DONE with the value for a key; everything else is left out. */
static enum status read_done(const char *key, void (*value)(struct buf *b),
                             struct answer_done *ret) {
    struct message m;
    struct error e;
    struct buf b = {0};
    error_clear(&e);
    size_t mark = reply_begin(&b, MESSAGE_DONE, 1, 3);
    mp_write_map(&b, 1);
    mp_write_text(&b, key);
    value(&b);
    assert_true(reply_end(&b, mark));
    read_only(&b, &m);
    enum status status = answer_done(&m, ret, &e);
    assert_int_equal(e.status, status);
    buf_done(&b);
    return status;
}

static void forty_skipped(struct buf *b) {
    mp_write_array(b, 41);
    for (unsigned i = 0; i <= 40; i++)
        mp_write_uint(b, 1000 - i);
}
static void none_at_all(struct buf *b) { mp_write_array(b, 0); }
static void negative(struct buf *b) { mp_write_int(b, -1); }
static void text(struct buf *b) { mp_write_text(b, "true"); }
static void list_of_text(struct buf *b) {
    mp_write_array(b, 1);
    mp_write_text(b, "x");
}
static void many_warnings(struct buf *b) {
    mp_write_array(b, 40);
    for (unsigned i = 0; i < 40; i++) {
        mp_write_map(b, 2);
        mp_write_text(b, "code");
        mp_write_uint(b, i % 2 ? 77 : W_NEVER_TRUE); /* 77: not known here */
        mp_write_text(b, "pos");
        mp_write_uint(b, i);
    }
}

static void test_done(void **state) {
    (void)state;
    struct answer_done d;
    assert_int_equal(read_done("skipped", forty_skipped, &d), E_OK);
    assert_int_equal(d.skipped, 1000);
    assert_int_equal(d.n_skipped_at, ANSWER_SKIPPED_MOST);
    assert_int_equal(d.skipped_at[ANSWER_SKIPPED_MOST - 1], 1000 - ANSWER_SKIPPED_MOST);
    assert_int_equal(read_done("warnings", many_warnings, &d), E_OK);
    assert_int_equal(d.n_warnings, WARNINGS_MOST);
    assert_int_equal(d.warnings[WARNINGS_MOST - 1].pos, 2 * (WARNINGS_MOST - 1));
    assert_int_equal(read_done("unheard of", text, &d), E_OK);
    assert_int_equal(read_done("skipped", none_at_all, &d), E_BAD_MESSAGE);
    assert_int_equal(read_done("skipped", list_of_text, &d), E_BAD_MESSAGE);
    assert_int_equal(read_done("rows", negative, &d), E_BAD_MESSAGE);
    assert_int_equal(read_done("limit_reached", text, &d), E_BAD_MESSAGE);
    assert_int_equal(read_done("warnings", text, &d), E_BAD_MESSAGE);
    assert_int_equal(read_done("warnings", list_of_text, &d), E_BAD_MESSAGE);
}

static void test_only_replies(void **state) {
    (void)state;
    struct message m;
    struct error e;
    static const uint8_t PING[] = {0x92, 0x08, 0x01}, LATER[] = {0x92, 0x7F, 0x01};
    error_clear(&e);
    assert_int_equal(answer_read(&m, PING, sizeof PING, &e), E_KIND_UNKNOWN);
    assert_string_equal(e.message, "no reply has kind 8");
    error_clear(&e);
    assert_int_equal(answer_read(&m, LATER, sizeof LATER, &e), E_KIND_UNKNOWN);
    assert_int_equal(answer_read(&m, LATER, 1, &e), E_BAD_MESSAGE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors_come_back),
        cmocka_unit_test(test_results),
        cmocka_unit_test(test_done),
        cmocka_unit_test(test_only_replies),
    };
    return cmocka_run_group_tests_name("answer", tests, NULL, NULL);
}

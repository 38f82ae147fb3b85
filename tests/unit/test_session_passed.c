/* Descriptors that come beside the bytes: which frame has them, how many, and that none is left
 * open. */
#include "session_unit.h"

#include "base/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static char path[] = "/tmp/tamis-passed-XXXXXX";

static int rows_file(void) { return open(path, O_RDONLY | O_CLOEXEC); }
static bool is_open(int fd) { return fcntl(fd, F_GETFD) >= 0 || errno != EBADF; }

/* The message, its bytes one by one, with descriptors beside the byte number `at`. */
static void say_with(struct talk *t, const char *message, size_t at, const int *fds, size_t n,
                     bool lost) {
    struct buf b = {0};
    write_frame(&b, message);
    for (size_t i = 0; i < b.len; i++) {
        size_t room;
        uint8_t *p = session_space(t->s, &room);
        if (!p)
            break;
        *p = b.data[i];
        if (i == at)
            session_passed(t->s, fds, n, lost, 1);
        session_fed(t->s, 1);
    }
    buf_done(&b);
}

static void begin(struct talk *t) {
    talk_begin(t, NULL);
    t->service.descriptors_most = 20;
    session_may_pass(t->s);
}

#define ASK "[2, 5, 'a > 1', {'result': 'rows'}, ['file', 'jsonl', 0]]"

static void test_the_frame_of_the_byte(void **state) {
    (void)state;
    for (size_t at = 0; at < 38; at++) {
        struct talk t;
        begin(&t);
        int fds[2] = {rows_file(), rows_file()};
        say(&t, "[8, 3]");
        assert_non_null(strstr(hear(&t), "[70, 3"));
        say_with(&t, ASK, at, fds, 2, false);
        assert_non_null(strstr(hear(&t), "[66, 5, 'rows', 0, 3, #"));
        assert_non_null(strstr(hear(&t), "[67, 5, {'matched': 2, 'rows': 3,"));
        assert_false(is_open(fds[0]));
        assert_false(is_open(fds[1]));
        assert_int_equal(t.service.descriptors, 0);
        say(&t, ASK);
        expect_error(&t, 5, E_BAD_DESCRIPTOR, "no descriptor came");
        talk_stop(&t);
    }
}

static void test_the_limit(void **state) {
    (void)state;
    for (size_t n = 15; n <= 17; n++) {
        struct talk t;
        int fds[17];
        begin(&t);
        for (size_t i = 0; i < n; i++)
            fds[i] = rows_file();
        say_with(&t, ASK, 3, fds, n, false);
        if (n <= 16)
            assert_non_null(strstr(hear(&t), "[66, 5, 'rows'"));
        else
            expect_error(&t, 0, E_TOO_MANY_DESCRIPTORS, "limit descriptors");
        for (size_t i = 0; i < n; i++)
            assert_false(is_open(fds[i]));
        assert_int_equal(t.service.descriptors, 0);
        assert_int_equal(session_is_over(t.s), n > 16);
        talk_stop(&t);
    }
}

static void test_no_room(void **state) {
    (void)state;
    struct talk t;
    int fd = rows_file();
    begin(&t);
    say_with(&t, ASK, 9, NULL, 0, true);
    expect_error(&t, 5, E_TOO_MANY_DESCRIPTORS, "no room");
    t.service.descriptors_most = 0;
    say_with(&t, ASK, 9, &fd, 1, false);
    expect_error(&t, 5, E_TOO_MANY_DESCRIPTORS, "no room");
    assert_false(is_open(fd));
    assert_false(session_takes_passed(t.s));
    expect_alive(&t);
    talk_stop(&t);
}

static void test_the_end_closes(void **state) {
    (void)state;
    struct talk t;
    int fds[2] = {rows_file(), rows_file()};
    begin(&t);
    session_passed(t.s, fds, 2, false, 1);
    size_t room;
    *session_space(t.s, &room) = 0;
    session_fed(t.s, 1);
    assert_true(is_open(fds[0]) && is_open(fds[1]));
    assert_int_equal(t.service.descriptors, 2);
    talk_stop(&t);
    assert_false(is_open(fds[0]) || is_open(fds[1]));
}

int main(void) {
    int fd = mkstemp(path);
    if (fd < 0 || write(fd, "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n", 24) != 24)
        return 1;
    close(fd);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_frame_of_the_byte),
        cmocka_unit_test(test_the_limit),
        cmocka_unit_test(test_no_room),
        cmocka_unit_test(test_the_end_closes),
    };
    int status = cmocka_run_group_tests_name("session_passed", tests, NULL, NULL);
    unlink(path);
    return status;
}

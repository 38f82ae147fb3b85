/* A connection to a service, with somebody at the other end who says what the test has written:
 * steps, pieces, counts, and what happens when it breaks off. */
#include "unit.h"

#include "remote/remote.h"
#include "wire/reply.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct service {
    char folder[32];
    struct sockaddr_un address;
    int listener;
    struct buf says; /* all of it, as soon as somebody connects */
    bool stays;      /* and does not close its side then */
    pthread_t thread;
    struct buf heard;
};

/* Says everything, then listens until the other end closes. */
static void *serve(void *arg) {
    struct service *s = arg;
    uint8_t room[4096];
    int fd = accept(s->listener, NULL, NULL);
    for (size_t at = 0; at < s->says.len;) {
        ssize_t n = send(fd, s->says.data + at, s->says.len - at, MSG_NOSIGNAL);
        if (n <= 0)
            break;
        at += (size_t)n;
    }
    if (!s->stays)
        shutdown(fd, SHUT_WR);
    for (ssize_t n; (n = read(fd, room, sizeof room)) > 0;)
        buf_add(&s->heard, room, (size_t)n);
    close(fd);
    return NULL;
}

static void say_limits(struct buf *b, uint64_t frame_bytes, uint64_t row_bytes) {
    size_t mark = reply_begin(b, MESSAGE_WELCOME, 1, 3);
    mp_write_map(b, 3);
    mp_write_text(b, "version");
    mp_write_uint(b, 1);
    mp_write_text(b, "capabilities");
    mp_write_array(b, 2);
    mp_write_text(b, "filter");
    mp_write_uint(b, 5); /* no name */
    mp_write_text(b, "limits");
    mp_write_map(b, 3);
    mp_write_text(b, "frame_bytes");
    mp_write_uint(b, frame_bytes);
    mp_write_text(b, "row_bytes");
    mp_write_uint(b, row_bytes);
    mp_write_text(b, "stall_ms");
    mp_write_uint(b, 700);
    assert_true(reply_end(b, mark));
}

static void say_welcome(struct buf *b, uint64_t frame_bytes) { say_limits(b, frame_bytes, 1000); }

static void say_result(struct buf *b, uint32_t id, const char *kind, const char *data, size_t n,
                       uint64_t base, uint32_t rows) {
    struct reply_result r;
    reply_result_begin(&r, b, id, REPLY_OF_ALL, kind);
    buf_add(b, data, n);
    assert_true(reply_result_end(&r, b, kind, base, rows));
}

static void say_done(struct buf *b, uint32_t id, uint64_t rows, uint64_t matched) {
    size_t mark = reply_begin(b, MESSAGE_DONE, id, 3);
    mp_write_map(b, 2);
    mp_write_text(b, "rows");
    mp_write_uint(b, rows);
    mp_write_text(b, "matched");
    mp_write_uint(b, matched);
    assert_true(reply_end(b, mark));
}

static void begin(struct service *s) {
    *s = (struct service){.folder = "/tmp/tamis-remote-XXXXXX"};
    assert_non_null(mkdtemp(s->folder));
    s->address.sun_family = AF_UNIX;
    snprintf(s->address.sun_path, sizeof s->address.sun_path, "%s/s", s->folder);
    s->listener = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(s->listener, (struct sockaddr *)&s->address, sizeof s->address), 0);
    assert_int_equal(listen(s->listener, 1), 0);
}

static struct remote *connect_to(struct service *s) {
    struct error e;
    error_clear(&e);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
    struct remote *r = remote_connect(s->address.sun_path, &e);
    if (!r)
        fail_msg("%s", e.message);
    return r;
}

static void end(struct service *s, struct remote *r) {
    remote_free(r);
    pthread_join(s->thread, NULL);
    close(s->listener);
    unlink(s->address.sun_path);
    rmdir(s->folder);
    buf_done(&s->says);
    buf_done(&s->heard);
}

/* The next state that is worth telling. */
static enum remote_state next(struct remote *r, struct remote_event *event) {
    enum remote_state state;
    while ((state = remote_step(r, event)) == REMOTE_GOES || state == REMOTE_WAITS) {
        struct pollfd wait = {.fd = remote_fd(r), .events = remote_events(r)};
        if (state == REMOTE_WAITS)
            poll(&wait, 1, -1);
    }
    return state;
}

static const struct reader_options LINES = {.format = FORMAT_JSONL};

static struct remote_request request(bool wants_rows) {
    return (struct remote_request){.query = {.text = {"a > 1", 5}},
                                   .rows = &LINES,
                                   .wants_rows = wants_rows,
                                   .limit = UINT64_MAX,
                                   .fd = -1};
}

static void test_rows_and_counts(void **state) {
    (void)state;
    struct service s;
    struct remote_event event;
    struct error e;
    error_clear(&e);
    begin(&s);
    say_welcome(&s.says, 1 << 20);
    say_result(&s.says, 2, "rows", "one\n", 4, 0, 10);
    say_result(&s.says, 2, "rows", "two\n", 4, 10, 7);
    say_done(&s.says, 2, 20, 2);
    say_result(&s.says, 3, "bitmap", "\x05\x80", 2, 0, 16);
    say_result(&s.says, 3, "indices", "\1\0\0\0\2\0\0\0", 8, 16, 4);
    struct remote *r = connect_to(&s);
    assert_true(remote_can(r, "filter"));
    assert_false(remote_can(r, "stream"));
    assert_int_equal(remote_stall_ms(r), 700);
    struct remote_request ask = request(true);
    assert_int_equal(remote_wants(r), 0);
    assert_int_equal(remote_ask(r, &ask, &e), E_OK);
    assert_int_equal(next(r, &event), REMOTE_ROWS);
    assert_true(str_is(event.rows, "one\n"));
    assert_int_equal(next(r, &event), REMOTE_ROWS);
    assert_true(str_is(event.rows, "two\n"));
    assert_int_equal(remote_rows(r), 17);
    assert_int_equal(next(r, &event), REMOTE_DONE);
    assert_int_equal(event.done->matched, 2);
    assert_int_equal(remote_rows(r), 20);
    assert_int_equal(remote_wants(r), 0);
    ask = request(false);
    assert_int_equal(remote_ask(r, &ask, &e), E_OK);
    assert_int_equal(next(r, &event), REMOTE_LOST); /* in the middle */
    assert_int_equal(remote_matched(r), 5);
    assert_int_equal(remote_rows(r), 20);
    assert_non_null(strstr(event.error->message, "has closed the connection"));
    assert_int_equal(remote_wants(r), 0);
    end(&s, r);
}

/* The pieces that are taken fit the frames of the service, however small. */
static void test_pieces(void **state) {
    (void)state;
    static const uint64_t FRAMES[] = {1024, 3000, 1 << 20, UINT64_C(1) << 40};
    static const uint8_t BYTES[1 << 20];
    for (size_t i = 0; i < sizeof FRAMES / sizeof *FRAMES; i++) {
        struct service s;
        struct remote_event event;
        struct error e;
        error_clear(&e);
        begin(&s);
        s.stays = true;
        say_welcome(&s.says, FRAMES[i]);
        struct remote *r = connect_to(&s);
        struct remote_request ask = request(true);
        assert_int_equal(remote_ask(r, &ask, &e), E_OK);
        while (remote_step(r, &event) == REMOTE_GOES)
            continue;
        size_t most = remote_wants(r);
        assert_true(most > 0 && most + 100 < FRAMES[i] && most <= sizeof BYTES);
        assert_true(remote_give(r, BYTES, most));
        assert_int_equal(remote_wants(r), 0); /* until it is on its way */
        while (remote_wants(r) == 0)
            remote_step(r, &event);
        assert_true(remote_end(r));
        assert_int_equal(remote_wants(r), 0);
        end(&s, r);
    }
}

/* Limits that no service can mean. */
static void test_odd_limits(void **state) {
    (void)state;
    struct service s;
    struct remote_event event;
    struct error e;
    error_clear(&e);
    begin(&s);
    say_welcome(&s.says, 1023);
    assert_int_equal(pthread_create(&s.thread, NULL, serve, &s), 0);
    assert_null(remote_connect(s.address.sun_path, &e));
    assert_int_equal(e.status, E_BAD_MESSAGE);
    assert_string_equal(e.message, "the service takes messages of 1023 bytes at most");
    end(&s, NULL);
    begin(&s);
    say_limits(&s.says, 1024, UINT64_MAX);
    say_done(&s.says, 2, 3, 1);
    struct remote *r = connect_to(&s);
    struct remote_request ask = request(true);
    error_clear(&e);
    assert_int_equal(remote_ask(r, &ask, &e), E_OK);
    assert_int_equal(next(r, &event), REMOTE_DONE);
    end(&s, r);
}

/* Rows are rows where they are wanted, and numbers of rows where they are counted. */
static void test_results_of_another_kind(void **state) {
    (void)state;
    static const struct {
        bool wants_rows;
        const char *kind;
        size_t n;
    } CASES[] = {
        {true, "bitmap", 1},   {true, "indices", 4},  {true, "pieces", 4}, {false, "rows", 4},
        {false, "indices", 3}, {false, "indices", 5}, {false, "spans", 8}, {false, "", 0},
    };
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        struct service s;
        struct remote_event event;
        struct error e;
        error_clear(&e);
        begin(&s);
        say_welcome(&s.says, 1 << 20);
        say_result(&s.says, 2, CASES[i].kind, "\1\0\0\0\0\0\0\0", CASES[i].n, 0, 8);
        say_done(&s.says, 2, 8, 1);
        struct remote *r = connect_to(&s);
        struct remote_request ask = request(CASES[i].wants_rows);
        assert_int_equal(remote_ask(r, &ask, &e), E_OK);
        assert_int_equal(next(r, &event), REMOTE_LOST);
        assert_string_equal(event.error->message,
                            "the service answers something else than was asked");
        end(&s, r);
    }
}

/* A descriptor goes with its request or not at all: its owner closes it when the request is over,
 * and its number may be another file's then. */
static void test_descriptor_of_an_answered_request(void **state) {
    (void)state;
    struct service s;
    struct remote_event event;
    struct error e;
    error_clear(&e);
    begin(&s);
    say_welcome(&s.says, 1 << 20);
    say_done(&s.says, 2, 3, 1); /* before it can have been read */
    s.stays = true;
    struct remote *r = connect_to(&s);
    struct remote_request ask = request(true);
    struct pollfd wait = {.fd = remote_fd(r), .events = POLLIN};
    ask.fd = dup(STDERR_FILENO);
    poll(&wait, 1, 1000); /* if the answer did not come with the WELCOME */
    remote_keep(r);
    assert_int_equal(remote_ask(r, &ask, &e), E_OK);
    assert_int_equal(remote_step(r, &event), REMOTE_DONE);
    close(ask.fd);
    while (remote_events(r) & POLLOUT) /* what was not sent goes without it */
        assert_true(remote_step(r, &event) < REMOTE_DONE);
    ask.fd = -1;
    assert_int_equal(remote_ask(r, &ask, &e), E_OK);
    for (int i = 0; i < 100 && remote_wants(r) == 0; i++)
        assert_true(remote_step(r, &event) < REMOTE_DONE);
    assert_true(remote_wants(r) > 0);
    end(&s, r);
}

static void test_nobody(void **state) {
    (void)state;
    struct error e;
    error_clear(&e);
    assert_null(remote_connect("/tmp/tamis-there-is-nothing/s", &e));
    assert_string_equal(e.message, "No such file or directory");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_and_counts),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_odd_limits),
        cmocka_unit_test(test_results_of_another_kind),
        cmocka_unit_test(test_descriptor_of_an_answered_request),
        cmocka_unit_test(test_nobody),
    };
    return cmocka_run_group_tests_name("remote", tests, NULL, NULL);
}

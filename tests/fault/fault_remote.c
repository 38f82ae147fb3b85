/* A command's conversations with a service, with every allocation failing in turn: it is told that
 * memory ran out and nothing else, the connection's descriptor is closed, nothing waits.
 *
 * The service is a process of its own that says the same to everyone, so that all allocations that
 * fail are the client's. */
#include "alloc_fault.h"
#include "unit.h"

#include "remote/remote.h"
#include "wire/reply.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LARGE = 300000 }; /* of rows in one message: more than one read, or one piece */

static struct buf says; /* to whoever connects: a WELCOME, then what is answered to 2, 3 ... */
static struct sockaddr_un address = {.sun_family = AF_UNIX};
static uint8_t large[LARGE];

/* --- the service --- */

static void say_welcome(void) {
    size_t mark = reply_begin(&says, MESSAGE_WELCOME, 1, 3);
    mp_write_map(&says, 3);
    mp_write_text(&says, "version");
    mp_write_uint(&says, 1);
    mp_write_text(&says, "limits");
    mp_write_map(&says, 1);
    mp_write_text(&says, "row_bytes");
    mp_write_uint(&says, LARGE);
    mp_write_text(&says, "capabilities");
    mp_write_array(&says, 1);
    mp_write_text(&says, "filter");
    assert_true(reply_end(&says, mark));
}

static void say_explained(uint32_t id) {
    size_t mark = reply_begin(&says, MESSAGE_EXPLAINED, id, 3);
    mp_write_map(&says, 1);
    mp_write_text(&says, "plan");
    mp_write_text(&says, "the plan");
    assert_true(reply_end(&says, mark));
}

static void say_result(uint32_t id, const char *kind, const void *data, size_t n) {
    struct reply_result r;
    reply_result_begin(&r, &says, id, REPLY_OF_ALL, kind);
    buf_add(&says, data, n);
    assert_true(reply_result_end(&r, &says, kind, 0, 8));
}

static void say_done(uint32_t id, uint64_t matched) {
    size_t mark = reply_begin(&says, MESSAGE_DONE, id, 3);
    mp_write_map(&says, 2);
    mp_write_text(&says, "rows");
    mp_write_uint(&says, 8);
    mp_write_text(&says, "matched");
    mp_write_uint(&says, matched);
    assert_true(reply_end(&says, mark));
}

static void say_error(uint32_t id) {
    struct error e;
    error_clear(&e);
    error_set(&e, E_ROW_INVALID, "row 3: no");
    assert_true(reply_error(&says, id, &e));
}

/* Says everything, and listens until the other end closes. */
static void serve(int fd) {
    static uint8_t room[65536];
    for (size_t at = 0; at < says.len;) {
        struct pollfd p = {.fd = fd, .events = POLLIN | POLLOUT};
        poll(&p, 1, -1);
        ssize_t n = recv(fd, room, sizeof room, MSG_DONTWAIT);
        if (n == 0)
            break;
        n = send(fd, says.data + at, says.len - at, MSG_NOSIGNAL | MSG_DONTWAIT);
        at += n > 0 ? (size_t)n : 0;
    }
    shutdown(fd, SHUT_WR);
    while (read(fd, room, sizeof room) > 0)
        continue;
    close(fd);
}

/* --- the client --- */

static enum status told(const struct error *e) {
    assert_true(e->status != E_OK);
    if (!strstr(e->message, "memory"))
        fail_msg("it says: %s", e->message);
    return e->status;
}

static enum status explain(struct remote *r, const struct remote_query *q) {
    struct answer_explained ret;
    struct error e;
    error_clear(&e);
    if (remote_explain(r, q, &ret, &e) != E_OK)
        return told(&e);
    assert_true(str_is(ret.plan, "the plan"));
    return E_OK;
}

/* What came of one request. */
struct outcome {
    size_t rows; /* bytes */
    uint64_t matched;
    enum remote_state state;
};

/* Gives what there is to give, then the end. False: no memory. */
static bool give(struct remote *r, size_t *at) {
    size_t most = remote_wants(r), n = LARGE - *at < most ? LARGE - *at : most;
    if (most == 0)
        return true;
    *at += n;
    return n > 0 ? remote_give(r, large + *at - n, n) : remote_end(r);
}

static enum status run(struct remote *r, const struct remote_request *request,
                       const struct outcome *want) {
    struct remote_event event;
    struct outcome got = {0};
    struct error e;
    size_t at = 0;
    error_clear(&e);
    if (remote_ask(r, request, &e) != E_OK)
        return told(&e);
    do {
        if (!give(r, &at))
            return E_MEMORY;
        remote_keep(r);
        got.state = remote_step(r, &event);
        got.rows += event.rows.n;
        if (got.state == REMOTE_WAITS) {
            struct pollfd wait = {.fd = remote_fd(r), .events = remote_events(r)};
            assert_int_equal(poll(&wait, 1, 20000), 1);
        }
    } while (got.state < REMOTE_DONE);
    if (got.state == REMOTE_LOST)
        return told(event.error);
    assert_int_equal(got.state, want->state);
    assert_int_equal(got.rows, want->rows);
    assert_int_equal(remote_matched(r), want->matched);
    return E_OK;
}

static enum status converse(struct remote *r) {
    static const struct str NAMES[] = {{"x", 1}, {"y", 1}}, COLUMNS[] = {{"a", 1}, {"b", 1}};
    static const struct csv_declared TYPES[] = {{{"a", 1}, CELL_INTEGER}};
    const struct value values[] = {value_int(1), value_missing()};
    const struct reader_options lines = {.format = FORMAT_JSONL}, csv = {.format = FORMAT_CSV,
                                                                         .csv = {.delimiter = ';',
                                                                                 .names = COLUMNS,
                                                                                 .n_names = 2,
                                                                                 .types = TYPES,
                                                                                 .n_types = 1}};
    const struct remote_query q = {{"a > :x", 6}, NAMES, values, 2};
    struct remote_request ask = {
        .query = q, .rows = &lines, .wants_rows = true, .limit = UINT64_MAX, .fd = -1};
    enum status status = explain(r, &q);
    if (status == E_OK)
        status = run(r, &ask, &(struct outcome){LARGE + 4, 2, REMOTE_DONE});
    ask.wants_rows = false;
    ask.rows = &csv;
    ask.limit = 7;
    if (status == E_OK)
        status = run(r, &ask, &(struct outcome){0, 3, REMOTE_DONE});
    ask.fd = STDIN_FILENO;
    return status == E_OK ? run(r, &ask, &(struct outcome){0, 2, REMOTE_FAILED}) : status;
}

static int free_descriptor(void) {
    int fd = dup(STDERR_FILENO);
    close(fd);
    return fd;
}

static enum status whole(void *arg) {
    int before = free_descriptor();
    struct error e;
    (void)arg;
    error_clear(&e);
    struct remote *r = remote_connect(address.sun_path, &e);
    enum status status = r ? converse(r) : told(&e);
    assert_true(status != E_OK || remote_can(r, "filter"));
    remote_free(r);
    assert_int_equal(free_descriptor(), before);
    return status;
}

static void test_conversation(void **state) {
    (void)state;
    char folder[] = "/tmp/tamis-fault-XXXXXX";
    assert_non_null(mkdtemp(folder));
    snprintf(address.sun_path, sizeof address.sun_path, "%s/s", folder);
    say_welcome();
    say_explained(2);
    say_result(3, "rows", large, LARGE);
    say_result(3, "rows", "one\n", 4);
    say_done(3, 2);
    say_result(4, "bitmap", "\x05", 1);
    say_result(4, "indices", "\7\0\0\0", 4);
    say_done(4, 3);
    say_result(5, "bitmap", "\x03", 1);
    say_error(5);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 16), 0);
    pid_t parent = getpid(), child = fork();
    assert_true(child >= 0);
    if (child == 0) { /* until it is ended, or its parent is gone */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (int fd; getppid() == parent && (fd = accept(listener, NULL, NULL)) >= 0;)
            serve(fd);
        _exit(0);
    }
    close(listener);
    fault_each("a conversation", whole, NULL);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    unlink(address.sun_path);
    rmdir(folder);
    buf_done(&says);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_conversation)};
    return cmocka_run_group_tests_name("fault_remote", tests, NULL, NULL);
}

/* A client of a service that is broken or hostile: whatever it answers, in pieces whose sizes the
 * input chooses, the client comes to an end of each request, with a reason where it is no good one;
 * it never waits for what cannot come, what it hands out is what was asked for, and what it sends
 * are whole frames that a service can read.
 *
 * The socket is a script: recv, sendmsg and poll are wrapped (tests/CMakeLists.txt). What the
 * service says does not wait for what it is asked.
 *
 * Input: byte 0 chooses the sizes of the pieces; byte 1 what is asked (see enum choice); the rest
 * is what the service says. */
#include "remote/state.h"

#include "fuzz.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

enum choice {
    WELCOMED = 1, /* a WELCOME goes ahead of the input */
    ROWS = 2,     /* rows are wanted, else they are counted */
    PASSES = 4,   /* a descriptor, else bytes are given */
    EXPLAINS = 8, /* before the first request */
    CANCELS = 16, /* after the first bytes */
    FULL = 32,    /* the service reads little, and then nothing more */
    AS_CSV = 64,  /* with all its options, and parameters */
    KEEPS = 128,  /* remote_keep, as if the output stood still */
};

enum { REQUESTS_MOST = 8, PASSED = 77, PIECE_MOST = 40, FULL_BYTES = 300 };

static const uint8_t WELCOME[] = {0,   0,   0,   13,  0x93, 65,  0x01, 0x81, 0xA7,
                                  'v', 'e', 'r', 's', 'i',  'o', 'n',  0x01};

static struct {
    const uint8_t *p[2]; /* a WELCOME or nothing, and the input */
    size_t n[2];
    size_t fed;
    uint8_t pieces, choice;
    bool told_end; /* nothing can come any more */
    bool now;      /* else the next call has to wait */
    bool open;     /* a request is, which may pass its descriptor */
    struct buf sent;
    size_t passed_at; /* in sent; SIZE_MAX: it was not */
} peer;

/* As in fuzz_frame.c. */
static size_t piece_bytes(size_t fed) {
    uint8_t choice = peer.pieces;
    if (choice == 0)
        return 1;
    return choice == 255 || choice % 2 == 0 ? (size_t)choice * choice : 1 + fed * choice % 4093;
}

/* Every second call of recv and sendmsg would have to wait, with odd sizes. */
static bool must_wait(void) {
    peer.now = !peer.now;
    if (!peer.now || peer.pieces % 2 == 0)
        return false;
    errno = EAGAIN;
    return true;
}

ssize_t __wrap_recv(int fd, void *p, size_t n, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *m, int flags);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout);

ssize_t __wrap_recv(int fd, void *p, size_t n, int flags) {
    (void)fd;
    FUZZ_CHECK(n > 0 && (flags & MSG_DONTWAIT));
    if (must_wait())
        return -1;
    int part = peer.n[0] > 0 ? 0 : 1;
    size_t got = piece_bytes(peer.fed);
    got = got < n ? got : n;
    got = got < peer.n[part] ? got : peer.n[part];
    if (got == 0) {
        peer.told_end = true;
        return 0;
    }
    memcpy(p, peer.p[part], got);
    peer.p[part] += got;
    peer.n[part] -= got;
    peer.fed += got;
    return (ssize_t)got;
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *m, int flags) {
    (void)fd;
    size_t n = m->msg_iov->iov_len, most = piece_bytes(peer.sent.len);
    FUZZ_CHECK(m->msg_iovlen == 1 && n > 0 && (flags & MSG_DONTWAIT) && (flags & MSG_NOSIGNAL));
    if ((peer.choice & FULL) && peer.sent.len >= FULL_BYTES) {
        errno = EPIPE;
        return -1;
    }
    if (must_wait())
        return -1;
    n = n < most ? n : most;
    if (m->msg_controllen > 0) {
        int passed;
        memcpy(&passed, CMSG_DATA(CMSG_FIRSTHDR(m)), sizeof passed);
        FUZZ_CHECK(peer.open && passed == PASSED && peer.passed_at == SIZE_MAX);
        peer.passed_at = peer.sent.len;
    }
    buf_add(&peer.sent, m->msg_iov->iov_base, n);
    return (ssize_t)n;
}

/* Somebody waits: there must be something to come. */
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout) {
    FUZZ_CHECK(n == 1 && timeout == -1 && (fds->events & POLLIN));
    FUZZ_CHECK(!peer.told_end);
    fds->revents = fds->events;
    return 1;
}

/* --- what comes of it --- */

static unsigned long sum; /* of what was handed out, so that each byte is looked at */

static void look_at(const void *p, size_t n) {
    for (size_t i = 0; i < n; i++)
        sum += ((const uint8_t *)p)[i];
}

static void check_error(const struct error *e) {
    FUZZ_CHECK(e && e->status != E_OK && *e->message);
    FUZZ_CHECK(strcmp(status_name(e->status), "INTERNAL") != 0 || e->status == E_INTERNAL);
    look_at(e->near_text, strlen(e->near_text));
    look_at(e->suggestion, strlen(e->suggestion));
}

static void check_warnings(const struct warning *w, uint32_t n) {
    FUZZ_CHECK(n <= WARNINGS_MOST);
    for (uint32_t i = 0; i < n; i++) {
        FUZZ_CHECK(*warning_text(w[i].code));
        look_at(w[i].near_text, strlen(w[i].near_text));
        look_at(w[i].suggestion, strlen(w[i].suggestion));
    }
}

static void check_done(const struct remote *r, const struct answer_done *done) {
    FUZZ_CHECK(done && done->rows == remote_rows(r) && done->matched == remote_matched(r));
    FUZZ_CHECK(done->n_skipped_at <= ANSWER_SKIPPED_MOST);
    look_at(done->skipped_at, done->n_skipped_at * sizeof *done->skipped_at);
    check_warnings(done->warnings, done->n_warnings);
}

static void check_event(const struct remote *r, enum remote_state state,
                        const struct remote_event *event) {
    bool rows = (peer.choice & ROWS) != 0;
    FUZZ_CHECK(!event->rows.p || state == REMOTE_ROWS);
    FUZZ_CHECK(!event->done || state == REMOTE_DONE);
    FUZZ_CHECK(!event->error || state == REMOTE_FAILED || state == REMOTE_LOST);
    if (state == REMOTE_ROWS)
        look_at(event->rows.p, event->rows.n);
    if (state == REMOTE_DONE)
        check_done(r, event->done);
    if (state == REMOTE_FAILED || state == REMOTE_LOST)
        check_error(event->error);
    /* Rows that are wanted are not only counted, nor the other way round. */
    FUZZ_CHECK(state != REMOTE_ROWS || rows);
    FUZZ_CHECK(state == REMOTE_DONE || !rows || remote_matched(r) == 0);
}

/* --- what is asked --- */

static const struct csv_options CSV = {
    .delimiter = ';',
    .ragged = true,
    .names = (const struct str[]){{"a", 1}, {"b", 1}},
    .n_names = 2,
    .types = (const struct csv_declared[]){{{"a", 1}, CELL_INTEGER}},
    .n_types = 1,
};

static struct remote_query query(void) {
    static const struct str NAMES[] = {{"x", 1}, {"y", 1}};
    static struct value values[2];
    values[0] = value_int(5);
    values[1] = value_missing();
    bool all = peer.choice & AS_CSV;
    return (struct remote_query){{"a > :x", 6}, NAMES, values, all ? 2 : 0};
}

static bool ask(struct remote *r) {
    bool csv = peer.choice & AS_CSV, passes = peer.choice & PASSES;
    struct error e;
    struct reader_options rows = {.format = csv ? FORMAT_CSV : FORMAT_JSONL};
    if (csv)
        rows.csv = CSV;
    struct remote_request request = {
        .query = query(),
        .rows = &rows,
        .skip = csv,
        .wants_rows = peer.choice & ROWS,
        .limit = csv ? 7 : UINT64_MAX,
        .fd = passes ? PASSED : -1,
        .at = 3,
    };
    error_clear(&e);
    FUZZ_CHECK(remote_ask(r, &request, &e) == E_OK);
    peer.open = true;
    peer.passed_at = SIZE_MAX;
    return true;
}

/* Some bytes, and the end of them. */
static void give(struct remote *r, unsigned *pieces) {
    static const uint8_t BYTES[PIECE_MOST] = "{\"a\":1}\n";
    size_t most = remote_wants(r);
    bool idle = r->out_at == r->out.len && !r->no_output;
    FUZZ_CHECK(most > 0 || !r->open || !r->streaming || !idle);
    if (most == 0)
        return;
    if (++*pieces == 2 && (peer.choice & CANCELS))
        FUZZ_CHECK(remote_cancel(r));
    else if (*pieces > 2)
        FUZZ_CHECK(remote_end(r));
    else
        FUZZ_CHECK(remote_give(r, BYTES, most < PIECE_MOST ? most : PIECE_MOST));
}

/* One request, to its end. False: the connection is lost. */
static bool run(struct remote *r, size_t size) {
    struct remote_event event;
    enum remote_state state;
    unsigned pieces = 0;
    size_t steps = 0;
    ask(r);
    do {
        give(r, &pieces);
        if ((peer.choice & KEEPS) && steps % 4 == 0)
            remote_keep(r);
        state = remote_step(r, &event);
        check_event(r, state, &event);
        FUZZ_CHECK(state != REMOTE_WAITS || !peer.told_end);
        FUZZ_CHECK(++steps <= 8 * (size + peer.sent.len + 256));
    } while (state == REMOTE_GOES || state == REMOTE_WAITS || state == REMOTE_ROWS);
    peer.open = false;
    FUZZ_CHECK(remote_wants(r) == 0);
    if (state != REMOTE_LOST)
        return true;
    FUZZ_CHECK(!(remote_events(r) & POLLOUT));
    FUZZ_CHECK(remote_step(r, &event) == REMOTE_LOST);
    check_error(event.error);
    return false;
}

static bool explain(struct remote *r) {
    struct answer_explained told;
    struct error e;
    struct remote_query q = query();
    error_clear(&e);
    if (remote_explain(r, &q, &told, &e) != E_OK) {
        check_error(&e);
        return false;
    }
    look_at(told.plan.p, told.plan.n);
    check_warnings(told.warnings, told.n_warnings);
    return true;
}

static void converse(struct remote *r, size_t size) {
    remote_can(r, "filter");
    sum += remote_stall_ms(r);
    if ((peer.choice & EXPLAINS) && !explain(r))
        return;
    for (unsigned i = 0; i < REQUESTS_MOST && run(r, size); i++)
        continue;
}

/* What was sent are frames of requests; the last may be cut. */
static void check_sent(void) {
    const struct buf *b = &peer.sent;
    bool begins = peer.passed_at == SIZE_MAX;
    for (size_t at = 0, n; at + 4 <= b->len; at += 4 + n) {
        const uint8_t *p = b->data + at;
        struct message m;
        struct error e;
        n = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
        begins |= at == peer.passed_at;
        if (n > b->len - at - 4)
            break;
        error_clear(&e);
        FUZZ_CHECK(message_read(&m, p + 4, n, 64, &e) == E_OK);
        for (uint32_t i = 2; i < m.n; i++)
            mp_skip(&m.r);
        FUZZ_CHECK(message_end(&m, &e) == E_OK);
    }
    FUZZ_CHECK(begins || peer.passed_at + 4 > b->len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2)
        return 0;
    memset(&peer, 0, sizeof peer);
    peer.pieces = data[0];
    peer.choice = data[1];
    peer.p[0] = WELCOME;
    peer.n[0] = peer.choice & WELCOMED ? sizeof WELCOME : 0;
    peer.p[1] = data + 2;
    peer.n[1] = size - 2;
    peer.passed_at = SIZE_MAX;
    struct error e;
    error_clear(&e);
    struct remote *r = remote_open(-1, &e); /* no descriptor: all that is done with it is wrapped */
    if (r)
        converse(r, size);
    else
        check_error(&e);
    remote_free(r);
    check_sent();
    buf_done(&peer.sent);
    return 0;
}

/* What the tests of sessions share: messages written and replies shown in one notation, and a
 * driver that feeds a session, runs its requests on the spot and takes its output.
 *
 * The notation: 'text' or "text", #00ff (bin), @92c0 (bytes as they are), integers, 1.5, nil, true,
 * false, [a, b], {k: v}. Replies are shown in it, so that a test compares strings. */
#ifndef TAMIS_TESTS_SESSION_UNIT_H
#define TAMIS_TESTS_SESSION_UNIT_H

#include "base/build.h"
#include "session/session.h"
#include "value/mp.h"

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#define HELLO_TEXT "[1, 1, {'version': 1}]"
#define ROWS3      "['maps', [{'a': 1}, {'a': 2}, {'a': 3}]]"

/* --- the notation --- */

static inline void hex_bytes(struct buf *b, const char *p, size_t n) {
    for (size_t i = 0; i + 1 < n; i += 2) {
        char pair[3] = {p[i], p[i + 1], 0};
        buf_byte(b, (uint8_t)strtoul(pair, NULL, 16));
    }
}

static inline void write_word(struct buf *out, const char *p, size_t n) {
    if (n == 3 && memcmp(p, "nil", 3) == 0)
        mp_write_nil(out);
    else if (*p == 't' || *p == 'f')
        mp_write_bool(out, *p == 't');
    else if (memchr(p, '.', n))
        mp_write_double(out, strtod(p, NULL));
    else if (*p == '-')
        mp_write_int(out, strtoll(p, NULL, 10));
    else
        mp_write_uint(out, strtoull(p, NULL, 10));
}

static inline const char *write_notation(struct buf *out, const char *p) {
    p += strspn(p, " ,:");
    if (*p == '\'' || *p == '"') {
        size_t n = strcspn(p + 1, *p == '"' ? "\"" : "'");
        mp_write_str(out, p + 1, n);
        return p + n + 2;
    }
    if (*p == '[' || *p == '{') {
        struct buf inner = {0};
        uint32_t n = 0;
        bool is_map = *p == '{';
        for (p++; p += strspn(p, " ,:"), *p != ']' && *p != '}'; n++)
            p = write_notation(&inner, p);
        if (is_map)
            mp_write_map(out, n / 2);
        else
            mp_write_array(out, n);
        buf_add(out, inner.data, inner.len);
        buf_done(&inner);
        return p + 1;
    }
    size_t n = strcspn(p, " ,:]}");
    assert_true(n > 0); /* else the test has a typing error */
    if (*p == '@') {
        hex_bytes(out, p + 1, n - 1);
    } else if (*p == '#') {
        struct buf bytes = {0};
        hex_bytes(&bytes, p + 1, n - 1);
        mp_write_bin(out, bytes.data, bytes.len);
        buf_done(&bytes);
    } else {
        write_word(out, p, n);
    }
    return p + n;
}

static inline void show_value(struct mp_reader *r, struct buf *text);

static inline void show_container(struct mp_reader *r, struct buf *text, bool is_map) {
    uint32_t n = is_map ? mp_read_map(r) : mp_read_array(r);
    buf_add_text(text, is_map ? "{" : "[");
    for (uint32_t i = 0; i < n && r->status == E_OK; i++) {
        buf_add_text(text, i ? ", " : "");
        show_value(r, text);
        if (!is_map)
            continue;
        buf_add_text(text, ": ");
        show_value(r, text);
    }
    buf_add_text(text, is_map ? "}" : "]");
}

static inline void show_value(struct mp_reader *r, struct buf *text) {
    enum value_type type = mp_peek(r);
    if (type == T_ARRAY || type == T_MAP) {
        show_container(r, text, type == T_MAP);
        return;
    }
    struct value v = mp_read_value(r);
    if (v.type == T_NULL)
        buf_add_text(text, "nil");
    else if (v.type == T_BOOL)
        buf_add_text(text, v.w.i ? "true" : "false");
    else if (v.type == T_INT)
        buf_printf(text, "%lld", (long long)v.w.i);
    else if (v.type == T_UINT)
        buf_printf(text, "%llu", (unsigned long long)v.w.u);
    else if (v.type == T_DOUBLE)
        buf_printf(text, "%g", v.w.d);
    else if (v.type == T_STR)
        buf_printf(text, "'%.*s'", (int)v.n, (const char *)v.w.p);
    else
        buf_add_text(text, "#");
    for (uint32_t i = 0; (v.type == T_BIN || v.type == T_EXT) && i < v.n; i++)
        buf_printf(text, "%02x", v.w.p[i]);
}

/* A frame of the message that is written like this. */
static inline void write_frame(struct buf *out, const char *notation) {
    struct buf message = {0};
    write_notation(&message, notation);
    uint32_t n = (uint32_t)message.len;
    uint8_t head[4] = {(uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};
    buf_add(out, head, 4);
    buf_add(out, message.data, message.len);
    assert_false(buf_failed(out));
    buf_done(&message);
}

/* --- the driver --- */

struct talk {
    struct service service;
    struct session *s;
    struct buf out; /* all output so far */
    size_t at;      /* of the next reply in it */
    struct buf line;
};

static inline uint64_t test_clock(void) {
    static _Atomic uint64_t now;
    return atomic_fetch_add(&now, 100) + 100;
}

static inline void talk_start(struct talk *t, const struct limits *limits) {
    struct limits defaults;
    limits_default(&defaults);
    memset(t, 0, sizeof *t);
    service_init(&t->service, limits ? limits : &defaults);
    t->service.now_ns = test_clock;
    t->s = session_new(&t->service);
    assert_non_null(t->s);
}

/* Frees the session whatever its state, and looks whether all memory has come back. */
static inline void talk_stop(struct talk *t) {
    session_free(t->s);
    buf_done(&t->out);
    buf_done(&t->line);
    service_done(&t->service);
    assert_int_equal(t->service.budget.used_bytes, 0);
    assert_int_equal(t->service.clients, 0);
}

/* Gives the session bytes, at most `piece` at once, as long as it wants any. Gives how many. */
static inline size_t feed(struct talk *t, const void *p, size_t n, size_t piece) {
    size_t done = 0;
    while (done < n && session_wants_input(t->s)) {
        size_t room = 0;
        uint8_t *space = session_space(t->s, &room);
        if (!space)
            break;
        assert_true(room > 0);
        size_t got = n - done < room ? n - done : room;
        got = got < piece ? got : piece;
        memcpy(space, (const uint8_t *)p + done, got);
        done += got;
        session_fed(t->s, got);
    }
    return done;
}

static inline void say_frame(struct talk *t, const struct buf *frame) {
    if (feed(t, frame->data, frame->len, SIZE_MAX) != frame->len && !session_is_over(t->s))
        fail_msg("the session takes no input");
}

static inline void say(struct talk *t, const char *notation) {
    struct buf frame = {0};
    write_frame(&frame, notation);
    say_frame(t, &frame);
    buf_done(&frame);
}

/* Runs what can run, without taking output. */
static inline void run_all(struct talk *t) {
    bool small;
    for (struct request *r; (r = session_next(t->s, &small));) {
        session_run(r);
        session_ran(t->s, r);
    }
}

static inline size_t take_output(struct talk *t, size_t most) {
    size_t n = 0;
    const uint8_t *p = session_output(t->s, &n);
    n = n < most ? n : most;
    buf_add(&t->out, p, n);
    session_sent(t->s, n);
    return n;
}

static inline void settle(struct talk *t) {
    do
        run_all(t);
    while (take_output(t, SIZE_MAX) > 0);
}

/* The next reply in the notation; "" if there is none. */
static inline const char *hear(struct talk *t) {
    settle(t);
    t->line.len = 0;
    if (t->at < t->out.len) {
        const uint8_t *p = t->out.data + t->at;
        size_t left = t->out.len - t->at, n;
        assert_true(left >= 4);
        n = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
        assert_true(n <= left - 4);
        struct mp_reader r;
        mp_reader_init(&r, p + 4, n, MP_DEPTH_MOST);
        show_value(&r, &t->line);
        assert_true(r.status == E_OK && mp_at_end(&r));
        t->at += 4 + n;
    }
    buf_byte(&t->line, '\0');
    return (const char *)t->line.data;
}

static inline void check_heard(const char *got, const char *want, const char *file, int line) {
    if (strcmp(got, want) == 0)
        return;
    print_error("heard    %s\nexpected %s\n", got, want);
    _fail(file, line);
}
#define expect(t, want)   check_heard(hear(t), (want), __FILE__, __LINE__)
#define expect_silence(t) expect(t, "")

/* An ERROR of this name; extra, if not NULL, stands somewhere in it. */
static inline void check_error(struct talk *t, uint64_t id, enum status status, const char *extra,
                               const char *file, int line) {
    char want[160];
    snprintf(want, sizeof want, "[68, %llu, {'code': %d, 'name': '%s', 'message': '",
             (unsigned long long)id, (int)status, status_name(status));
    const char *got = hear(t);
    if (strncmp(got, want, strlen(want)) == 0 && (!extra || strstr(got, extra)))
        return;
    print_error("heard    %s\nexpected %s %s\n", got, want, extra ? extra : "");
    _fail(file, line);
}
#define expect_error(t, id, status, extra)                                                         \
    check_error((t), (id), (status), (extra), __FILE__, __LINE__)

/* A session after its HELLO. */
static inline void talk_begin(struct talk *t, const struct limits *limits) {
    talk_start(t, limits);
    say(t, HELLO_TEXT);
    assert_non_null(strstr(hear(t), "[65, 1, {'version': 1"));
}

static inline void expect_alive(struct talk *t) {
    say(t, "[8, 77, 'alive']");
    expect(t, "[70, 77, 'alive']");
    expect_silence(t);
}

static inline void expect_end(struct talk *t, enum status verdict) {
    uint64_t offset;
    expect_silence(t);
    assert_true(session_is_over(t->s));
    assert_false(session_wants_input(t->s));
    assert_int_equal(session_verdict(t->s, &offset), verdict);
}

#define DONE3(id, matched)                                                                         \
    "[67, " id ", {'matched': " matched                                                            \
    ", 'rows': 3, 'type_mismatch': 0, 'undefined': 0, 'limit_reached': "                           \
    "false}]"

/* The request's only reply, which may stand behind RESULTs, begins or is like this. */
static inline void check_request(struct talk *t, const char *message, const char *results,
                                 enum status status, const char *last) {
    say(t, message);
    struct buf got = {0};
    const char *line = hear(t);
    for (; strncmp(line, "[66, ", 5) == 0; line = hear(t))
        buf_add_text(&got, line);
    buf_byte(&got, 0);
    char want[40];
    snprintf(want, sizeof want, "{'code': %d, ", (int)status);
    if (strcmp((char *)got.data, results) != 0 || !strstr(line, last) ||
        (status != E_OK && !strstr(line, want)))
        fail_msg("%s: %s %s", message, (char *)got.data, line);
    buf_done(&got);
    expect_silence(t);
}

/* --- many rows --- */

/* n rows {"a": first}, {"a": first + 1} ... as a "maps" payload, behind `head` (the message's array
 * header and first elements in the notation, without its brackets), as a frame. */
static inline void rows_frame(struct buf *out, const char *head, uint32_t elements, uint32_t first,
                              uint32_t n) {
    struct buf m = {0};
    mp_write_array(&m, elements);
    for (const char *p = head; *(p += strspn(p, " ,"));)
        p = write_notation(&m, p);
    mp_write_array(&m, 2);
    mp_write_text(&m, "maps");
    mp_write_array(&m, n);
    for (uint32_t i = 0; i < n; i++) {
        mp_write_map(&m, 1);
        mp_write_text(&m, "a");
        mp_write_uint(&m, first + i);
    }
    uint8_t length[4] = {(uint8_t)(m.len >> 24), (uint8_t)(m.len >> 16), (uint8_t)(m.len >> 8),
                         (uint8_t)m.len};
    buf_add(out, length, 4);
    buf_add(out, m.data, m.len);
    buf_done(&m);
}

static inline void say_rows(struct talk *t, const char *head, uint32_t elements, uint32_t first,
                            uint32_t n) {
    struct buf frame = {0};
    rows_frame(&frame, head, elements, first, n);
    say_frame(t, &frame);
    buf_done(&frame);
}

/* What the RESULTs of one request tell together. */
struct answer {
    struct buf rows;  /* uint64_t each: indices and bitmaps, as row numbers */
    struct buf bytes; /* "rows", "spans", "runs" */
    uint64_t next;    /* first row that a further RESULT may tell of */
    unsigned results;
    char last[400]; /* the DONE or ERROR */
};

static inline void add_result(struct answer *a, const struct value *v) {
    uint64_t base = v[3].w.u;
    assert_true(v[3].type == T_INT && v[4].type == T_INT && v[5].type == T_BIN && v[4].w.i > 0);
    assert_true(base >= a->next); /* in order, no overlap */
    a->next = base + v[4].w.u;
    a->results++;
    bool is_bitmap = str_is(value_as_str(v[2]), "bitmap"),
         is_numbers = str_is(value_as_str(v[2]), "numbers");
    if (str_is(value_as_str(v[2]), "rows") || str_is(value_as_str(v[2]), "spans") ||
        str_is(value_as_str(v[2]), "runs")) {
        buf_add(&a->bytes, v[5].w.p, v[5].n);
        return;
    }
    if (is_bitmap)
        assert_int_equal(v[5].n, (v[4].w.u + 7) / 8);
    for (uint32_t i = 0; i < (is_bitmap ? 8 * v[5].n : v[5].n / 4); i++) {
        const uint8_t *p = v[5].w.p + 4 * (size_t)i;
        if (is_bitmap && !(v[5].w.p[i / 8] >> (i % 8) & 1))
            continue;
        uint64_t row = is_bitmap ? i : p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
        row += is_numbers ? 0 : base;
        assert_true(row < a->next);
        buf_add(&a->rows, &row, sizeof row);
    }
}

/* Adds a frame of output at p if it is a RESULT of the id; gives its length, or 0. */
static inline size_t result_frame(struct answer *a, const uint8_t *p, uint32_t id) {
    size_t n = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
    struct mp_reader r;
    struct value v[6];
    mp_reader_init(&r, p + 4, n, 64);
    if (mp_read_array(&r) != 6)
        return 0;
    for (int i = 0; i < 6; i++)
        v[i] = mp_read_value(&r);
    if (r.status != E_OK || v[0].w.i != 66 || v[1].w.u != id)
        return 0;
    add_result(a, v);
    return 4 + n;
}

/* Everything up to the DONE or ERROR of the request, which must be what comes next. */
static inline void hear_answer(struct talk *t, uint32_t id, struct answer *a) {
    *a = (struct answer){0};
    settle(t);
    for (size_t n; t->at < t->out.len; t->at += n)
        if ((n = result_frame(a, t->out.data + t->at, id)) == 0)
            break;
    snprintf(a->last, sizeof a->last, "%s", hear(t));
}

static inline void answer_done(struct answer *a) {
    buf_done(&a->rows);
    buf_done(&a->bytes);
}

#endif

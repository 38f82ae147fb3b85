/* Whole conversations with every allocation failing in turn. After a failure a request is answered
 * with MEMORY or its connection ends with that verdict; nothing leaks, nothing is lost silently,
 * and a second session of the same service goes on.
 *
 * The frames are built before and the output is kept in static memory: all allocations that fail
 * are the session's. */
#include "alloc_fault.h"
#include "session_unit.h"

#include "wire/message.h"

enum { MOST_FRAMES = 16, MOST_OUT = 1 << 20 };

struct conversation {
    const char *const *messages;
    struct buf frames[MOST_FRAMES];
    unsigned n_frames;
    unsigned n_answers; /* ids 5, 6, ... that have one */
    uint8_t *reference;
    size_t reference_len;
};

static uint8_t out[MOST_OUT];
static size_t out_len;

/* --- the driver --- */

static bool give(struct session *s, const uint8_t *p, size_t n) {
    while (n > 0 && session_wants_input(s)) {
        size_t room = 0;
        uint8_t *space = session_space(s, &room);
        if (!space)
            return false;
        size_t got = n < room ? n : room;
        memcpy(space, p, got);
        session_fed(s, got);
        p += got;
        n -= got;
    }
    return n == 0;
}

static void settle_session(struct session *s) {
    size_t n;
    bool small;
    const uint8_t *p;
    do {
        for (struct request *r; (r = session_next(s, &small));) {
            session_run(r);
            session_ran(s, r);
        }
        p = session_output(s, &n);
        assert_true(out_len + n <= MOST_OUT);
        if (n > 0)
            memcpy(out + out_len, p, n);
        out_len += n;
        session_sent(s, n);
    } while (n > 0);
}

/* Takes STATISTICS out of the output, which are never the same, and marks the ids that have got
 * their last reply. */
static void look_at_output(bool *ret_answered) {
    size_t to = 0;
    for (size_t at = 0, n; at < out_len; at += n) {
        struct mp_reader r;
        const uint8_t *p = out + at;
        assert_true(out_len - at >= 4);
        n = 4 + ((size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3]);
        assert_true(n <= out_len - at);
        mp_reader_init(&r, p + 4, n - 4, 64);
        uint32_t elements = mp_read_array(&r);
        uint64_t kind = mp_read_value(&r).w.u, id = mp_read_value(&r).w.u;
        for (uint32_t i = 2; i < elements; i++)
            mp_skip(&r);
        assert_true(r.status == E_OK && mp_at_end(&r));
        if (kind != MESSAGE_RESULT && kind != MESSAGE_RESULT_OF && id >= 5 && id < 5 + MOST_FRAMES)
            ret_answered[id - 5] = true;
        if (kind == 71)
            continue;
        memmove(out + to, p, n);
        to += n;
    }
    out_len = to;
}

static bool says_memory(void) { return memmem(out, out_len, "\xA6MEMORY", 7) != NULL; }

/* The second session: it was there before, with a stream open. E_OK if it is served. */
static enum status serve_other(struct session *s, const struct buf *last) {
    size_t before = out_len;
    if (!give(s, last->data, last->len))
        return E_MEMORY;
    settle_session(s);
    static const char DONE[] = "\x93\x43\x09\x85\xA7matched\x02\xA4rows\x03";
    return memmem(out + before, out_len - before, DONE, sizeof DONE - 1) ? E_OK : E_MEMORY;
}

static struct buf other_begin, other_end;

static enum status converse(struct conversation *c, struct session *s, struct session *other) {
    bool answered[MOST_FRAMES] = {false};
    uint64_t offset;
    out_len = 0;
    if (!give(other, other_begin.data, other_begin.len))
        return E_MEMORY;
    settle_session(other);
    if (says_memory() || session_is_over(other))
        return E_MEMORY;
    out_len = 0;
    for (unsigned i = 0; i < c->n_frames; i++) {
        give(s, c->frames[i].data, c->frames[i].len);
        if (i % 3 != 2)
            settle_session(s);
    }
    session_end(s);
    settle_session(s);
    assert_true(session_is_over(s));
    look_at_output(answered);
    enum status verdict = session_verdict(s, &offset);
    bool good =
        !c->reference || (out_len == c->reference_len && memcmp(out, c->reference, out_len) == 0);
    if (!c->reference) {
        c->reference = malloc(out_len);
        memcpy(c->reference, out, out_len);
        c->reference_len = out_len;
    }
    if (verdict == E_OK)
        for (unsigned i = 0; i < c->n_answers; i++)
            if (!answered[i])
                fail_msg("request %u is not answered", i + 5);
    if (!good && !says_memory() && verdict != E_MEMORY)
        fail_msg("another answer without a word of memory");
    void *volatile probe = malloc(1); /* is it over with failing? */
    free(probe);
    enum status served = serve_other(other, &other_end);
    if (!good && probe && served != E_OK)
        fail_msg("the other session is not served");
    return good ? served : E_MEMORY;
}

static enum status whole(void *arg) {
    static struct service service;
    struct limits limits;
    limits_default(&limits);
    service_init(&service, &limits);
    struct session *s = session_new(&service), *other = session_new(&service);
    enum status status = s && other ? converse(arg, s, other) : E_MEMORY;
    session_free(s);
    session_free(other);
    service_done(&service);
    assert_int_equal(service.budget.used_bytes, 0);
    assert_int_equal(service.clients, 0);
    return status;
}

/* --- conversations --- */

/* Ids from 5 on, without a gap. */
static const char *const FORMS[] = {
    HELLO_TEXT,
    "[2, 5, 'a >= 2', {'result': 'indices'}, " ROWS3 "]",
    "[2, 6, 'a >= 2', {'result': 'rows', 'limit': 2}, " ROWS3 "]",
    "[2, 7, 'a >= 2', {'result': 'auto'}, ['template', ['a', 'b'], [[1], [2, 3], []], #ff]]",
    "[2, 8, \"a < 2 or b like 'x%'\", {'result': 'bitmap'}, ['columns', 2, [['a', 'i64', "
    "#01000000000000000200000000000000], ['b', 'str', [#000000000100000002000000, #7879]]]]]",
    "[2, 9, 'a >= 2', {'result': 'count'}, ['columns', 2, [['a', 'list', [1, 'x'], nil, #03], "
    "['b', 'dict', ['u8', #0000, [#0000000001000000, #78], 1]]]]]",
    "[9, 10]",
    "[8, 11, {'k': [1]}]",
    "[2, 12, 'a >= 2', {'result': 'rows'}, ['bytes', 'jsonl', "
    "'{\"a\":1}\n{\"a\":2,\"b\":[1]}\nx\n', "
    "{'on_error': 'skip'}]]",
    "[2, 13, 'any e in b satisfies e = 1 end', {'result': 'spans'}, ['bytes', 'jsonl', "
    "'[{\"b\":[\"\\u00e9\",1]}]']]",
    "[2, 14, 'a >= 2', {'result': 'bitmap'}, ['bytes', 'csv', '1;2\n\"3\";4\n', {'delimiter': ';', "
    "'header': false, 'names': ['a', 'b'], 'types': {'a': 'integer', 'b': 'double'}}]]",
    NULL,
};

static const char *const STREAMS[] = {
    HELLO_TEXT,
    "[2, 5, 'a >= 2', {'result': 'rows'}, nil]",
    "[5, 5, " ROWS3 "]",
    "[2, 6, 'a >= 2', {'result': 'auto'}, nil]",
    "[5, 6, ['template', ['a'], [[1], [2]]]]",
    "[5, 5, ['template', ['a'], [[1], [2]]]]",
    "[6, 5]",
    "[5, 6, ['columns', 2, [['a', 'list', [1, 7]]]]]",
    "[2, 7, 'a', nil, nil]",
    "[7, 7]",
    "[6, 6]",
    "[2, 8, 'a = b', {'result': 'rows'}, nil]",
    "[5, 8, ['bytes', 'csv', 'a,b\n1,1\n2', {'types': {'a': 'integer', 'b': 'text'}}]]",
    "[5, 8, ['bytes', 'csv', ',\"3\n\"\n4,5']]",
    "[6, 8]",
    NULL,
};

static const char *const PLANS[] = {
    HELLO_TEXT,
    "[3, 5, 'a = :x and b is missing or c in :list']",
    "[4, 6, 1, {'params': {'x': 2, 'list': [1, 2, 3]}}, " ROWS3 "]",
    "[10, 7, 1, {'params': {'x': 2, 'list': []}}]",
    "[11, 8, 1]",
    NULL,
};

static const char *const EXPLAINS[] = {
    HELLO_TEXT,
    "[10, 5, ['any', ['path', 'a'], ['=', ['element', 'b'], 1]], nil]",
    "[10, 6, \"a >= 2 and not (b like '%x%' or c between 1 and d)\", nil, " ROWS3 "]",
    NULL,
};

static const char *const TABLES[] = {
    HELLO_TEXT,
    "[12, 5, 't', {'private': true}]",
    "[14, 6, 't', nil, ['maps', [{'a': 1}, {'a': 2, 'b': 'x'}, {'a': 3, 'b': 'y'}]]]",
    "[3, 7, 'a = :x']",
    "[18, 8, 't', [['a >= 2', nil], [1, {'params': {'x': 3}, 'result': 'count'}], [2, nil], "
    "['a >', nil], ['b = \"x\" or a < 2', {'result': 'columns', 'columns': ['b']}], "
    "['a > 0', {'result': 'counts', 'by': 'b'}], ['a >= 2', {'order': [['b', 'desc']]}], "
    "['a = 2', {'result': 'rows', 'strict': true}]]]",
    "[18, 9, 't', [['a', 1]]]",
    NULL,
};

static const char *const REFUSALS[] = {
    HELLO_TEXT,
    "[2, 5, 'a >', nil, " ROWS3 "]",
    "[2, 6, 'a', {'odd': 1}, nil]",
    "[5, 6, " ROWS3 "]",
    "[6, 6]",
    "[2, 7, 'a >= 2', nil, ['maps', [{'a': 2}, 7]]]",
    "[4, 8, 1, nil, " ROWS3 "]",
    "[50, 9]",
    "[2, 10, 'a >= 2 and b = null', {'strict': true}, ['maps', [{'a': 3}, {'a': 'x'}]]]",
    "[2, 11, 'aa >= 2', nil, ['maps', [{'a': 3}, {'a': 'x'}]]]",
    NULL,
};

static void run_conversation(const char *name, struct conversation *c) {
    assert_int_equal(whole(c), E_OK); /* the reference */
    assert_true(c->reference_len > 100 && !says_memory());
    fault_each(name, whole, c);
    for (unsigned i = 0; i < c->n_frames; i++)
        buf_done(&c->frames[i]);
    free(c->reference);
}

static void test_conversations(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *const *messages;
        unsigned n_answers;
    } ALL[] = {{"forms", FORMS, 7},       {"streams", STREAMS, 3}, {"plans", PLANS, 4},
               {"explains", EXPLAINS, 2}, {"tables", TABLES, 5},   {"refusals", REFUSALS, 5}};
    for (size_t i = 0; i < COUNT_OF(ALL); i++) {
        struct conversation c = {.n_answers = ALL[i].n_answers};
        for (; ALL[i].messages[c.n_frames]; c.n_frames++)
            write_frame(&c.frames[c.n_frames], ALL[i].messages[c.n_frames]);
        run_conversation(ALL[i].name, &c);
    }
}

/* A frame that is gathered in memory of its own, and a result of several chunks. */
static void test_large(void **state) {
    (void)state;
    struct conversation c = {.n_frames = 4, .n_answers = 2};
    uint32_t rows = READ_BYTES / 4;
    write_frame(&c.frames[0], HELLO_TEXT);
    write_frame(&c.frames[1], "[2, 6, 'a >= 1', {'result': 'rows'}, nil]");
    rows_frame(&c.frames[1], "5 6", 3, 0, rows);
    rows_frame(&c.frames[2], "2 5 'a >= 1' {'result': 'rows'}", 5, 0, rows);
    rows_frame(&c.frames[3], "5 6", 3, 0, rows);
    write_frame(&c.frames[3], "[6, 6]");
    run_conversation("large", &c);
}

int main(void) {
    write_frame(&other_begin, HELLO_TEXT);
    write_frame(&other_begin, "[2, 9, 'a >= 2', nil, nil]");
    write_frame(&other_end, "[5, 9, " ROWS3 "]");
    write_frame(&other_end, "[6, 9]");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conversations),
        cmocka_unit_test(test_large),
    };
    int failed = cmocka_run_group_tests_name("fault_session", tests, NULL, NULL);
    buf_done(&other_begin);
    buf_done(&other_end);
    return failed;
}

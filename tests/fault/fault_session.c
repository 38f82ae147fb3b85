/* Whole conversations with every allocation failing in turn. After a failure a request is answered
 * with MEMORY or its connection ends with that verdict; nothing leaks, nothing is lost silently,
 * and a second session of the same service goes on.
 *
 * The frames are built before and the output is kept in static memory: all allocations that fail
 * are the session's. */
#include "alloc_fault.h"
#include "session_drive.h"

#include "wire/message.h"

enum { MOST_FRAMES = 24 };

struct conversation {
    const char *const *messages;
    struct buf frames[MOST_FRAMES];
    unsigned n_frames;
    unsigned n_answers; /* ids 5, 6, ... that have one */
    uint8_t *reference;
    size_t reference_len;
};

/* Takes STATISTICS out of the output, which are never the same, and marks the ids that have got
 * their last reply. */
static void look_at_output(bool *ret_answered) {
    size_t to = 0;
    for (size_t at = 0, n; at < out_len; at += n) {
        struct mp_reader r;
        uint64_t kind, id;
        n = frame_at(at, &kind, &id, &r);
        if (kind != MESSAGE_RESULT && kind != MESSAGE_RESULT_OF && id >= 5 && id < 5 + MOST_FRAMES)
            ret_answered[id - 5] = true;
        if (kind == 71)
            continue;
        memmove(out + to, out + at, n);
        to += n;
    }
    out_len = to;
}

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
    "[2, 15, 'a[0] >= 2 and b.c = 1', {'result': 'bitmap'}, ['columns', 2, [['a', 'array', "
    "[#000000000100000003000000, [3, 'u8', #010203]]], ['b', 'struct', [['c', 'list', [1, [2]]], "
    "['d', 'map', [#000000000100000001000000, [1, 'str', [#0000000001000000, #78]], [1, 'bin', "
    "[#0000000001000000, #00]]]]]]]]]",
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

static const char *const QUESTIONS[] = {
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

/* Messages about tables. */
static const char *const TABLES[] = {
    HELLO_TEXT,
    "[12, 5, 't', {'key': 'a'}]",
    "[14, 6, 't', {}, " ROWS3 "]",
    "[14, 7, 't', {'mode': 'upsert'}, ['template', ['a', 'b', 'c'], [[3, 'x', {'d': 1}], [4, 'y', "
    "{'d': 'z'}], [5, 'x']]]]",
    "[14, 8, 't', nil, nil]",
    "[5, 8, ['columns', 2, [['a', 'i64', #06000000000000000700000000000000], ['b', 'str', "
    "[#000000000100000002000000, #7879]]]]]",
    "[5, 8, ['columns', 2, [['a', 'i64', #0a000000000000000b00000000000000], ['c', 'array', "
    "[#000000000200000003000000, [3, 'struct', [['d', 'dict', ['u8', #000001, "
    "[#000000000100000002000000, #7879], 2]], ['e', 'f64', "
    "#00000000000000000000000000000000000000000000f03f]]]]]]]]",
    "[5, 8, ['columns', 2, [['a', 'i64', #14000000000000001500000000000000], ['g', 'array', "
    "[#000000000100000003000000, [3, 'str', [#00000000010000000200000003000000, #787978]]]]]]]",
    "[5, 8, ['columns', 2, [['a', 'i64', #16000000000000001700000000000000], ['g', 'array', "
    "[#000000000100000003000000, [3, 'str', [#00000000010000000200000003000000, #787a79]]]]]]]",
    "[5, 8, ['columns', 2, [['a', 'i64', #18000000000000001900000000000000], ['g', 'array', "
    "[#000000000100000003000000, [3, 'str', [#00000000010000000200000003000000, #787979]]]]]]]",
    "[5, 8, ['maps', [{'a': 8}]]]",
    "[6, 8]",
    "[15, 9, 't', [1, 7, 99]]",
    "[12, 10, 'p', {'private': true}]",
    "[13, 11, 't']",
    "[17, 12, 't']",
    "[17, 13, nil]",
    "[14, 14, 'p', {'mode': 'replace'}, ['maps', [{'x': 1.5, 1: 2}, {'x': nil}]]]",
    "[14, 15, 't', nil, ['maps', [{'a': 9}, {'a': 2}]]]", /* DUPLICATE_KEY */
    "[12, 16, 't', {'exists': 'replace'}]",
    "[16, 17, 't']",
    "[14, 18, 'p', nil, ['bytes', 'jsonl', '{\"x\":8}\n{\"y\":[1]}']]",
    "[14, 19, 'p', nil, ['bytes', 'csv', 'x,y\n1,2', {'types': {'x': 'double'}}]]",
    NULL,
};

/* Queries over a table, in every kind of result. */
static const char *const TABLE_QUERIES[] = {
    HELLO_TEXT,
    "[12, 5, 't', {'key': 'a'}]",
    "[14, 6, 't', nil, ['maps', [{'a': 1, 'b': 'x', 'c': {'d': 1}}, {'a': 2, 'b': 'y'}, {'a': 3, "
    "'b': 'x', 'c': {'d': 'z'}}, {'a': 4, 'b': nil}, {'a': 5, 'c': [1]}]]]",
    "[15, 7, 't', [2]]",
    "[2, 8, 'a >= 2', {'result': 'indices', 'limit': 2}, ['table', 't']]",
    "[2, 9, \"b = 'x' or a + 1 > 5\", {'result': 'auto', 'offset': 1}, ['table', 't']]",
    "[2, 10, \"c.d = 1 or b like '%y%'\", {'result': 'bitmap'}, ['table', 't']]",
    "[2, 11, 'any e in c satisfies e = 1 end', {'result': 'rows'}, ['table', 't']]",
    "[2, 12, 'a > 0', {'result': 'columns', 'order': [['b', 'desc'], ['a', 'asc']], 'limit': 3}, "
    "['table', 't']]",
    "[2, 13, 'a in (1, 3, 5)', {'result': 'counts', 'by': 'b'}, ['table', 't']]",
    "[2, 14, 'a > 0', {'result': 'numbers'}, ['table', 't']]",
    "[2, 15, \"b > 'x'\", {'result': 'count', 'strict': true}, ['table', 't']]",
    "[2, 16, 'a > 0', {'result': 'rows', 'columns': ['b', ['c', 'd']], 'order': [[['c', 'd'], "
    "'asc']]}, ['table', 't']]",
    "[3, 17, 'a > :x']",
    "[4, 18, 1, {'params': {'x': 3}, 'result': 'count'}, ['table', 't']]",
    "[10, 19, \"b = 'x' and upper(b) = 'X'\", nil, ['table', 't']]",
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
    } ALL[] = {{"forms", FORMS, 7},       {"streams", STREAMS, 3},
               {"plans", PLANS, 4},       {"explains", EXPLAINS, 2},
               {"refusals", REFUSALS, 5}, {"questions", QUESTIONS, 5},
               {"tables", TABLES, 15},    {"table queries", TABLE_QUERIES, 15}};
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

/* ---- a table is what it was, or what was asked for ---- */

/* Changes of a table with the keys 1 to 6. `keys` are bits: what is added, put in, or taken out. */
static const struct change {
    enum { ADDS, PUTS, TAKES, REPLACES } what;
    uint32_t keys;
    const char *message;
} STEPS[] = {
    {ADDS, 0x7, "[14, 5, 't', nil, ['maps', [{'a': 1, 'b': 'x'}, {'a': 2}, {'a': 3, 'c': [1]}]]]"},
    {PUTS, 0x1C,
     "[14, 5, 't', {'mode': 'upsert'}, ['template', ['a', 'b'], [[3, 'y'], [4], [5]]]]"},
    {TAKES, 0x12, "[15, 5, 't', [2, 5, 77]]"},
    {ADDS, 0x20, "[14, 5, 't', nil, ['columns', 1, [['a', 'i64', #0600000000000000]]]]"},
    {PUTS, 0x3F,
     "[14, 5, 't', {'mode': 'upsert'}, ['template', ['a'], [[1], [2], [3], [4], [5], "
     "[6]]]]"},
    {REPLACES, 0x19, "[14, 5, 't', {'mode': 'replace'}, ['maps', [{'a': 1}, {'a': 4}, {'a': 5}]]]"},
};

static struct buf hello, create, steps[COUNT_OF(STEPS)], question;

/* The last reply's kind, and of a DONE what matched; 0: there is none. */
static uint64_t last_reply(uint64_t *ret_matched) {
    uint64_t kind = 0, id;
    for (size_t at = 0; at < out_len;) {
        struct mp_reader r;
        at += frame_at(at, &kind, &id, &r);
        if (kind != 67)
            continue;
        mp_read_map(&r);
        mp_skip(&r); /* "matched" stands first */
        *ret_matched = mp_read_value(&r).w.u;
    }
    return kind;
}

static uint64_t say_to(struct session *s, const struct buf *frame, uint64_t *ret_matched) {
    out_len = 0;
    if (!give(s, frame->data, frame->len))
        return 0;
    settle_session(s);
    uint64_t kind = last_reply(ret_matched);
    assert_true(kind != 68 || says_memory());
    return kind;
}

static enum status change_table(struct session *s) {
    uint64_t matched = 0;
    uint32_t keys = 0;
    if (say_to(s, &hello, &matched) != 65 || say_to(s, &create, &matched) != 74)
        return E_MEMORY;
    enum status status = E_OK;
    for (size_t i = 0; i < COUNT_OF(STEPS); i++) {
        const struct change *c = &STEPS[i];
        uint32_t next = c->what == TAKES      ? keys & ~c->keys
                        : c->what == REPLACES ? c->keys
                                              : keys | c->keys;
        uint64_t said = say_to(s, &steps[i], &matched);
        if (said != 75)
            status = E_MEMORY;
        uint64_t asked = say_to(s, &question, &matched);
        if (asked != 67)
            status = E_MEMORY;
        if (said == 75)
            keys = next;
        else if (said == 0 && asked == 67 && matched == (unsigned)__builtin_popcount(next))
            keys = next; /* nothing was said of it */
        if (asked == 67)
            assert_int_equal(matched, __builtin_popcount(keys));
    }
    return status;
}

static enum status table_life(void *arg) {
    (void)arg;
    static struct service service;
    struct limits limits;
    limits_default(&limits);
    service_init(&service, &limits);
    struct session *s = session_new(&service);
    enum status status = s ? change_table(s) : E_MEMORY;
    session_free(s);
    service_done(&service);
    assert_int_equal(service.budget.used_bytes, 0);
    return status;
}

static void test_tables_stay(void **state) {
    (void)state;
    write_frame(&hello, HELLO_TEXT);
    write_frame(&create, "[12, 5, 't', {'key': 'a'}]");
    write_frame(&question, "[2, 6, 'a > 0', {'result': 'count'}, ['table', 't']]");
    for (size_t i = 0; i < COUNT_OF(STEPS); i++)
        write_frame(&steps[i], STEPS[i].message);
    assert_int_equal(table_life(NULL), E_OK);
    assert_true(fault_each("table life", table_life, NULL) > 100);
    buf_done(&hello);
    buf_done(&create);
    buf_done(&question);
    for (size_t i = 0; i < COUNT_OF(STEPS); i++)
        buf_done(&steps[i]);
}

int main(void) {
    write_frame(&other_begin, HELLO_TEXT);
    write_frame(&other_begin, "[2, 9, 'a >= 2', nil, nil]");
    write_frame(&other_end, "[5, 9, " ROWS3 "]");
    write_frame(&other_end, "[6, 9]");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conversations),
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_tables_stay),
    };
    int failed = cmocka_run_group_tests_name("fault_session", tests, NULL, NULL);
    buf_done(&other_begin);
    buf_done(&other_end);
    return failed;
}

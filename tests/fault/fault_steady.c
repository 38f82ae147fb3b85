/* What a prepared query over a small table takes once it has been asked before: no allocation, no
 * hash of a text, and no other thread. Linked with hash_bytes wrapped, too (tests/CMakeLists.txt).
 */
#include "alloc_fault.h"
#include "session_drive.h"

#include "base/hash.h"

enum { WARM = 4, ROUNDS = 20 };

uint64_t __real_hash_bytes(struct hash_key key, const void *p, size_t n);
uint64_t __wrap_hash_bytes(struct hash_key key, const void *p, size_t n);

static size_t hashes;

uint64_t __wrap_hash_bytes(struct hash_key key, const void *p, size_t n) {
    hashes++;
    return __real_hash_bytes(key, p, n);
}

static const char *const SETUP[] = {
    HELLO_TEXT,
    "[12, 5, 't', {'key': 'a'}]",
    NULL, /* the rows */
    "[15, 7, 't', [3]]",
    "[3, 8, 'a >= 30']",
    "[3, 9, \"a < 50 and (b = 'x' or b like 'y%')\"]",
    "[3, 10, 'c.d in (1, 3) or a = 7']",
};

/* Of the queries 1 to 3, and how many rows they keep. */
static const struct {
    const char *options;
    unsigned matched[3];
} KINDS[] = {
    {"{'result': 'count'}", {71, 33, 40}},
    {"{'result': 'indices'}", {71, 33, 40}},
    {"{'result': 'numbers'}", {71, 33, 40}},
    {"{'result': 'bitmap'}", {71, 33, 40}},
    {"{'result': 'auto'}", {71, 33, 40}},
    {"{'result': 'indices', 'limit': 5}", {5, 5, 5}},
    {"nil", {71, 33, 40}},
};

static struct buf frames[COUNT_OF(KINDS)][3];

/* 101 rows, one of which is deleted again: a counts, b is one of three texts, c a map. */
static void write_rows(struct buf *b) {
    static const char *const TEXTS[] = {"x", "yes", "z"};
    size_t mark = b->len;
    buf_add(b, "\0\0\0\0", 4);
    mp_write_array(b, 5);
    mp_write_uint(b, 14);
    mp_write_uint(b, 6);
    mp_write_text(b, "t");
    mp_write_nil(b);
    mp_write_array(b, 2);
    mp_write_text(b, "maps");
    mp_write_array(b, 101);
    for (uint32_t i = 0; i < 101; i++) {
        mp_write_map(b, 3);
        mp_write_text(b, "a");
        mp_write_uint(b, i);
        mp_write_text(b, "b");
        mp_write_text(b, TEXTS[i % 3]);
        mp_write_text(b, "c");
        mp_write_map(b, 1);
        mp_write_text(b, "d");
        mp_write_uint(b, i % 5);
    }
    size_t n = b->len - mark - 4;
    for (unsigned i = 0; i < 4; i++)
        b->data[mark + i] = (uint8_t)(n >> (24 - 8 * i));
}

/* As settle_session, and each run may be here. */
static void settle_here(struct session *s) {
    size_t n;
    bool small;
    for (struct request *r; (r = session_next(s, &small));) {
        assert_true(small);
        session_run(r);
        session_ran(s, r);
    }
    const uint8_t *p;
    while ((p = session_output(s, &n)) && n > 0) {
        memcpy(out + out_len, p, n);
        out_len += n;
        session_sent(s, n);
    }
}

static void set_up(struct session *s) {
    for (size_t i = 0; i < COUNT_OF(SETUP); i++) {
        struct buf b = {0};
        if (SETUP[i])
            write_frame(&b, SETUP[i]);
        else
            write_rows(&b);
        assert_true(give(s, b.data, b.len));
        settle_session(s);
        buf_done(&b);
    }
}

static uint64_t last_matched(void) {
    uint64_t kind = 0, id, matched = 0;
    struct mp_reader r;
    for (size_t at = 0; at < out_len; at += frame_at(at, &kind, &id, &r))
        continue;
    assert_int_equal(kind, 67);
    mp_read_map(&r);
    mp_skip(&r);
    matched = mp_read_value(&r).w.u;
    return matched;
}

static void ask(struct session *s, size_t kind, size_t query) {
    const struct buf *b = &frames[kind][query];
    out_len = 0;
    assert_true(give(s, b->data, b->len));
    settle_here(s);
    if (last_matched() != KINDS[kind].matched[query])
        fail_msg("%s of query %zu: %u", KINDS[kind].options, query + 1, (unsigned)last_matched());
}

static void write_questions(void) {
    for (size_t k = 0; k < COUNT_OF(KINDS); k++)
        for (unsigned q = 0; q < 3; q++) {
            char text[128];
            snprintf(text, sizeof text, "[4, 20, %u, %s, ['table', 1]]", q + 1, KINDS[k].options);
            write_frame(&frames[k][q], text);
        }
}

static void test_nothing_is_taken(void **state) {
    (void)state;
    static struct service service;
    struct limits limits;
    limits_default(&limits);
    service_init(&service, &limits);
    struct session *s = session_new(&service);
    set_up(s);
    write_questions();
    for (size_t k = 0; k < COUNT_OF(KINDS); k++)
        for (size_t q = 0; q < 3; q++) {
            for (unsigned i = 0; i < WARM; i++)
                ask(s, k, q);
            size_t allocations = fault_allocations(), before = hashes;
            size_t used = service.budget.used_bytes;
            for (unsigned i = 0; i < ROUNDS; i++)
                ask(s, k, q);
            if (fault_allocations() != allocations || hashes != before)
                fail_msg("%s of query %zu: %zu allocations, %zu hashes", KINDS[k].options, q + 1,
                         fault_allocations() - allocations, hashes - before);
            assert_int_equal(service.budget.used_bytes, used);
            buf_done(&frames[k][q]);
        }
    session_free(s);
    service_done(&service);
    assert_int_equal(service.budget.used_bytes, 0);
}

/* The counters count: a query that was not prepared takes some of both. */
static void test_counters(void **state) {
    (void)state;
    static struct service service;
    struct limits limits;
    struct buf b = {0};
    limits_default(&limits);
    service_init(&service, &limits);
    struct session *s = session_new(&service);
    set_up(s);
    write_frame(&b, "[2, 20, 'a >= 31', {'result': 'count'}, ['table', 1]]");
    size_t allocations = fault_allocations(), before = hashes;
    assert_true(give(s, b.data, b.len));
    out_len = 0;
    settle_session(s);
    assert_int_equal(last_matched(), 70);
    assert_true(fault_allocations() > allocations);
    assert_true(hashes > before);
    buf_done(&b);
    session_free(s);
    service_done(&service);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counters),
        cmocka_unit_test(test_nothing_is_taken),
    };
    return cmocka_run_group_tests_name("fault_steady", tests, NULL, NULL);
}

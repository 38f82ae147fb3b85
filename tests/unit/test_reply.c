/* Replies: what is written decodes with msgpack-c, a RESULT may change its mind about its kind, and
 * a reply that found no memory leaves nothing behind. */
#include "wire/reply.h"

#include "mp_unit.h"

/* Takes the frame off the front of b and unpacks it with msgpack-c; the frame is all of it. */
static msgpack_object unpack(const struct buf *b, size_t at, msgpack_unpacked *u) {
    assert_true(b->len >= at + 4);
    const uint8_t *p = b->data + at;
    size_t n = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3], used = 0;
    assert_int_equal(n, b->len - at - 4);
    msgpack_unpacked_init(u);
    assert_int_equal(msgpack_unpack_next(u, (const char *)p + 4, n, &used), MSGPACK_UNPACK_SUCCESS);
    assert_int_equal(used, n);
    assert_int_equal(u->data.type, MSGPACK_OBJECT_ARRAY);
    return u->data;
}

static uint64_t element(const msgpack_object *o, uint32_t i) {
    assert_true(i < o->via.array.size);
    assert_int_equal(o->via.array.ptr[i].type, MSGPACK_OBJECT_POSITIVE_INTEGER);
    return o->via.array.ptr[i].via.u64;
}

static bool is_text(const msgpack_object *o, const char *text) {
    return o->type == MSGPACK_OBJECT_STR && o->via.str.size == strlen(text) &&
           memcmp(o->via.str.ptr, text, o->via.str.size) == 0;
}

static const msgpack_object *get(const msgpack_object *map, const char *key) {
    assert_int_equal(map->type, MSGPACK_OBJECT_MAP);
    for (uint32_t i = 0; i < map->via.map.size; i++)
        if (is_text(&map->via.map.ptr[i].key, key))
            return &map->via.map.ptr[i].val;
    return NULL;
}

static bool has_number(const msgpack_object *map, const char *key, uint64_t want) {
    const msgpack_object *o = get(map, key);
    if (want == ERROR_NONE)
        return !o;
    return o && o->type == MSGPACK_OBJECT_POSITIVE_INTEGER && o->via.u64 == want;
}

static bool has_text(const msgpack_object *map, const char *key, const char *want) {
    const msgpack_object *o = get(map, key);
    return *want ? o && is_text(o, want) : !o;
}

static void test_begin_and_end(void **state) {
    (void)state;
    static const uint32_t IDS[] = {0, 127, 128, 65536, UINT32_MAX};
    for (size_t i = 0; i < COUNT_OF(IDS); i++) {
        struct buf b = {0};
        msgpack_unpacked u;
        buf_add_text(&b, "what was before");
        size_t mark = reply_begin(&b, MESSAGE_PONG, IDS[i], 3);
        assert_int_equal(mark, 15);
        mp_write_text(&b, "x");
        assert_true(reply_end(&b, mark));
        msgpack_object o = unpack(&b, mark, &u);
        assert_int_equal(o.via.array.size, 3);
        assert_int_equal(element(&o, 0), MESSAGE_PONG);
        assert_true(element(&o, 1) == IDS[i]);
        assert_true(is_text(&o.via.array.ptr[2], "x"));
        assert_memory_equal(b.data, "what was before", 15);
        msgpack_unpacked_destroy(&u);
        buf_done(&b);
    }
}

/* --- errors: each combination of the parts that may be there --- */

static struct error error_of(unsigned parts) {
    struct error e;
    error_clear(&e);
    error_set(&e, E_SYNTAX, parts & 1 ? "expected a %s" : "%s", parts & 1 ? "value" : "");
    e.pos = parts & 2 ? 300 : ERROR_NONE;
    e.length = 4;
    if (parts & 4)
        strcpy(e.near_text, "lik\xC3\xA9");
    if (parts & 8)
        strcpy(e.suggestion, "like");
    e.row = parts & 16 ? 0 : ERROR_NONE;
    e.offset = parts & 32 ? 1ull << 40 : ERROR_NONE;
    e.limit = parts & 64 ? 256 : ERROR_NONE;
    e.actual = parts & 128 ? UINT64_MAX - 1 : ERROR_NONE;
    return e;
}

static void test_errors(void **state) {
    (void)state;
    for (unsigned parts = 0; parts < 256; parts++) {
        struct buf b = {0};
        msgpack_unpacked u;
        struct error e = error_of(parts);
        assert_true(reply_error(&b, parts * 1000, &e));
        msgpack_object o = unpack(&b, 0, &u);
        assert_int_equal(o.via.array.size, 3);
        assert_int_equal(element(&o, 0), MESSAGE_ERROR);
        assert_int_equal(element(&o, 1), parts * 1000);
        const msgpack_object *map = &o.via.array.ptr[2];
        assert_true(has_number(map, "code", E_SYNTAX));
        assert_true(has_text(map, "name", "SYNTAX"));
        assert_true(
            has_text(map, "message", parts & 1 ? "expected a value" : status_text(E_SYNTAX)));
        assert_true(has_number(map, "pos", e.pos));
        assert_true(has_number(map, "length", parts & 2 ? 4 : ERROR_NONE));
        assert_true(has_text(map, "near", e.near_text));
        assert_true(has_text(map, "suggestion", e.suggestion));
        assert_true(has_number(map, "row", e.row));
        assert_true(has_number(map, "offset", e.offset));
        assert_true(has_number(map, "limit", e.limit));
        assert_true(has_number(map, "actual", e.actual));
        unsigned optional = 0;
        for (unsigned k = 2; k < 256; k *= 2)
            optional += (parts & k) != 0;
        assert_int_equal(map->via.map.size, 3 + optional + (parts & 2 ? 1 : 0));
        msgpack_unpacked_destroy(&u);
        buf_done(&b);
    }
}

/* What is quoted of a peer's bytes goes out as UTF-8. */
static void test_errors_are_utf8(void **state) {
    (void)state;
    struct buf b = {0};
    msgpack_unpacked u;
    struct error e;
    error_clear(&e);
    error_set(&e, E_SYNTAX, "bad '%s'", "\xC3\xA9\xFF\xC3");
    strcpy(e.near_text, "\xE2\x82\xFF(\xE2\x82\xAC");
    strcpy(e.suggestion, "\x80");
    assert_true(reply_error(&b, 1, &e));
    msgpack_object o = unpack(&b, 0, &u);
    /* in parts, so that no trigraph is seen */
    assert_true(has_text(&o.via.array.ptr[2], "message",
                         "bad '\xC3\xA9?"
                         "?'"));
    assert_true(has_text(&o.via.array.ptr[2], "near",
                         "??"
                         "?"
                         "(\xE2\x82\xAC"));
    assert_true(has_text(&o.via.array.ptr[2], "suggestion", "?"));
    msgpack_unpacked_destroy(&u);
    buf_done(&b);
}

/* --- results --- */

static void check_result(const struct buf *b, size_t at, uint32_t id, const char *kind,
                         uint64_t base, uint32_t rows, const uint8_t *data, size_t n) {
    msgpack_unpacked u;
    msgpack_object o = unpack(b, at, &u);
    assert_int_equal(o.via.array.size, 6);
    assert_int_equal(element(&o, 0), MESSAGE_RESULT);
    assert_true(element(&o, 1) == id);
    assert_true(is_text(&o.via.array.ptr[2], kind));
    assert_true(element(&o, 3) == base);
    assert_true(element(&o, 4) == rows);
    assert_int_equal(o.via.array.ptr[5].type, MSGPACK_OBJECT_BIN);
    assert_int_equal(o.via.array.ptr[5].via.bin.size, n);
    if (n)
        assert_memory_equal(o.via.array.ptr[5].via.bin.ptr, data, n);
    msgpack_unpacked_destroy(&u);
}

/* Begun as the longest kind; ended as each. */
static void test_results(void **state) {
    (void)state;
    static const char *const KINDS[] = {"indices", "bitmap", "rows", "x", ""};
    static const size_t SIZES[] = {0, 1, 7, 8, 100, 70000};
    uint8_t *data = keep(malloc(70000));
    for (size_t i = 0; i < 70000; i++)
        data[i] = (uint8_t)(i * 13 + i / 256);
    for (size_t i = 0; i < COUNT_OF(KINDS); i++)
        for (size_t k = 0; k < COUNT_OF(SIZES); k++) {
            struct buf b = {0};
            struct reply_result r;
            size_t n = SIZES[k];
            buf_add_text(&b, "before");
            reply_result_begin(&r, &b, UINT32_MAX - 1, REPLY_OF_ALL, "indices");
            for (size_t at = 0; at < n; at += 1000) /* bit by bit */
                buf_add(&b, data + at, n - at < 1000 ? n - at : 1000);
            assert_int_equal(b.len, r.data + n);
            assert_true(reply_result_end(&r, &b, KINDS[i], 1ull << 40, UINT32_MAX));
            check_result(&b, 6, UINT32_MAX - 1, KINDS[i], 1ull << 40, UINT32_MAX, data, n);
            assert_memory_equal(b.data, "before", 6);
            size_t after = b.len; /* a second one behind it */
            reply_result_begin(&r, &b, 1, REPLY_OF_ALL, KINDS[i]);
            buf_add(&b, data, n);
            assert_true(reply_result_end(&r, &b, KINDS[i], 0, 0));
            check_result(&b, after, 1, KINDS[i], 0, 0, data, n);
            buf_done(&b);
        }
}

/* The same with the number of a query. */
static void test_results_of(void **state) {
    (void)state;
    static const char *const KINDS[] = {"indices", "bitmap"};
    for (size_t i = 0; i < COUNT_OF(KINDS); i++) {
        struct buf b = {0};
        struct reply_result r;
        msgpack_unpacked u;
        reply_result_begin(&r, &b, 7, UINT32_MAX - 1, "indices");
        buf_add_text(&b, "data");
        assert_true(reply_result_end(&r, &b, KINDS[i], 5, 9));
        msgpack_object o = unpack(&b, 0, &u);
        assert_int_equal(o.via.array.size, 7);
        assert_int_equal(element(&o, 0), MESSAGE_RESULT_OF);
        assert_int_equal(element(&o, 1), 7);
        assert_true(element(&o, 2) == UINT32_MAX - 1);
        assert_true(is_text(&o.via.array.ptr[3], KINDS[i]));
        assert_int_equal(element(&o, 4), 5);
        assert_int_equal(element(&o, 5), 9);
        assert_int_equal(o.via.array.ptr[6].via.bin.size, 4);
        assert_memory_equal(o.via.array.ptr[6].via.bin.ptr, "data", 4);
        msgpack_unpacked_destroy(&u);
        buf_done(&b);
    }
}

/* --- no memory: whatever the budget, a reply is whole or not there --- */

static bool write_pong(struct buf *b) {
    size_t mark = reply_begin(b, MESSAGE_PONG, 1, 3);
    for (int i = 0; i < 50; i++)
        mp_write_text(b, "some text to fill the buffer");
    return reply_end(b, mark);
}

static bool write_result(struct buf *b) {
    struct reply_result r;
    reply_result_begin(&r, b, 1, REPLY_OF_ALL, "indices");
    for (int i = 0; i < 50; i++)
        buf_add(b, "some text to fill the buffer", 28);
    return reply_result_end(&r, b, "rows", 0, 50);
}

static bool write_error(struct buf *b) {
    struct error e = error_of(255);
    return reply_error(b, 1, &e);
}

static void test_no_memory(void **state) {
    (void)state;
    static bool (*const WRITE[])(struct buf *) = {write_pong, write_result, write_error};
    for (size_t i = 0; i < COUNT_OF(WRITE); i++) {
        unsigned refused = 0, done = 0;
        for (size_t limit = 1; limit < 3000; limit += 7) {
            struct budget budget;
            struct buf b;
            budget_init(&budget, limit);
            buf_init(&b, &budget);
            buf_add_text(&b, "before");
            size_t before = b.len;
            b.failed = false;
            bool ok = WRITE[i](&b);
            assert_false(buf_failed(&b)); /* the next reply has its own chance */
            assert_int_equal(b.len > before, ok);
            if (before)
                assert_memory_equal(b.data, "before", 6);
            if (ok) {
                size_t n = (size_t)b.data[before] << 24 | (size_t)b.data[before + 1] << 16 |
                           (size_t)b.data[before + 2] << 8 | b.data[before + 3];
                assert_int_equal(n, b.len - before - 4);
            }
            done += ok;
            refused += !ok;
            buf_done(&b);
            assert_int_equal(budget.used_bytes, 0);
        }
        assert_true(refused > 10 && done > 10);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        value_test(test_begin_and_end),   value_test(test_errors),
        value_test(test_errors_are_utf8), value_test(test_results),
        value_test(test_results_of),      value_test(test_no_memory),
    };
    return cmocka_run_group_tests_name("reply", tests, NULL, NULL);
}

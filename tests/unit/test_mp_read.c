/* The complete msgpack reader: every type in every encoding, every cut, every limit. */
#include "mp_encodings.h"

#include <sys/mman.h>

static struct mp_reader reader(struct bytes b, uint32_t depth) {
    struct mp_reader r;
    mp_reader_init(&r, b.p, b.n, depth);
    return r;
}

static void check_encoding(const struct encoding *e, struct value v) {
    assert_int_equal(v.type, e->type);
    switch ((enum value_type)v.type) {
    case T_MISSING:
    case T_NULL:
    case T_COUNT:
        break;
    case T_TIMESTAMP:
        assert_int_equal(v.n, e->nanoseconds); /* fall through */
    case T_BOOL:
    case T_INT:
    case T_UINT:
    case T_DOUBLE:
        assert_true(v.w.i == e->number);
        break;
    default:
        assert_int_equal(v.n, e->number);
    }
}

static void test_every_encoding(void **state) {
    (void)state;
    bool first_bytes[256] = {false};
    for (size_t i = 0; i < COUNT_OF(ENCODINGS); i++) {
        struct bytes b = bytes_of(ENCODINGS[i].bytes);
        struct mp_reader r = reader(b, 8), s = r;
        first_bytes[b.p[0]] = true;
        assert_int_equal(mp_peek(&r), ENCODINGS[i].type == T_UINT ? T_INT : ENCODINGS[i].type);
        assert_ptr_equal(r.p, b.p);
        check_encoding(&ENCODINGS[i], mp_read_value(&r));
        assert_status(r.status, E_OK, ENCODINGS[i].bytes);
        assert_true(mp_at_end(&r));
        assert_int_equal(mp_offset(&r), b.n);
        mp_skip(&s);
        assert_status(s.status, E_OK, ENCODINGS[i].bytes);
        assert_true(mp_at_end(&s));
        assert_oracle(b, ENCODINGS[i].bytes);
    }
    for (unsigned c = 0xC0; c <= 0xDF; c++) /* no format byte is left out */
        assert_int_equal(first_bytes[c], c != 0xC1);
}

/* The first bytes that hold their value or length, each with bytes behind it, against msgpack-c. */
static void test_every_first_byte(void **state) {
    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        struct buf b = {0};
        buf_byte(&b, (uint8_t)c);
        size_t items = c >= 0x80 && c < 0x90   ? 2 * (c & 15)
                       : c >= 0x90 && c < 0xA0 ? c & 15
                       : c >= 0xA0 && c < 0xC0 ? c & 31
                                               : 0;
        if (c >= 0xC0 && c < 0xE0) {
            buf_done(&b);
            continue; /* these are in ENCODINGS */
        }
        for (size_t i = 0; i < items; i++)
            buf_byte(&b, (uint8_t)i);
        assert_oracle(bytes_take(&b), "first byte");
    }
}

/* Cut after k bytes, in a block of k bytes: truncated, at an offset within, and nothing is read. */
static void check_cut(struct bytes whole, size_t k, const char *what) {
    struct bytes b = bytes_copy(whole.p, k);
    struct mp_reader r = reader(b, 8), s = r;
    assert_value_same(mp_read_value(&r), value_missing(), what);
    assert_status(r.status, E_ROW_TRUNCATED, what);
    mp_skip(&s);
    assert_status(s.status, E_ROW_TRUNCATED, what);
    assert_int_equal(mp_offset(&s), mp_offset(&r));
    assert_true(mp_offset(&r) <= k);
    assert_value_same(mp_read_value(&r), value_missing(), "after an error");
    assert_int_equal(mp_read_array(&r), 0);
    assert_int_equal(mp_peek(&r), T_MISSING);
    assert_int_equal(mp_offset(&s), mp_offset(&r));
}

static void test_every_cut(void **state) {
    (void)state;
    struct buf all = {0};
    mp_write_array(&all, COUNT_OF(ENCODINGS));
    for (size_t i = 0; i < COUNT_OF(ENCODINGS); i++) {
        struct bytes b = bytes_of(ENCODINGS[i].bytes);
        for (size_t k = 0; k < b.n; k++)
            check_cut(b, k, ENCODINGS[i].bytes);
        mp_text(&all, ENCODINGS[i].bytes);
    }
    struct bytes b = bytes_take(&all); /* and one array of them all */
    assert_oracle(b, "all");
    for (size_t k = 0; k < b.n; k++)
        check_cut(b, k, "all");
}

static void test_invalid(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(INVALID); i++) {
        struct bytes b = bytes_of(INVALID[i]);
        struct mp_reader r = reader(b, 8), s = r;
        assert_int_equal(mp_read_value(&r).type, T_MISSING);
        assert_status(r.status, E_ROW_INVALID, INVALID[i]);
        assert_int_equal(mp_offset(&r), 0);
        mp_skip(&s);
        assert_status(s.status, E_ROW_INVALID, INVALID[i]);
        char nested[200];
        snprintf(nested, sizeof nested, "['a', {'k': %s}, 1]", INVALID[i]);
        b = bytes_of(nested);
        r = reader(b, 8);
        assert_int_equal(mp_read_value(&r).type, T_MISSING);
        assert_status(r.status, E_ROW_INVALID, nested);
        assert_int_equal(mp_offset(&r), 6); /* 93 a1 61 81 a1 6b */
    }
}

/* A claim is checked against what is there before it is believed: at once, at the header. */
static void test_claims(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(CLAIMS); i++) {
        struct bytes b = bytes_of(CLAIMS[i]);
        struct mp_reader r = reader(b, 8);
        assert_int_equal(mp_read_value(&r).type, T_MISSING);
        assert_status(r.status, E_ROW_TRUNCATED, CLAIMS[i]);
        assert_int_equal(mp_offset(&r), 0);
        r = reader(b, 8);
        assert_int_equal(mp_read_array(&r) + mp_read_map(&r), 0);
    }
}

/* The longest extension that a header can claim, all of it there: its type byte makes it 4 GiB. */
static void test_longest_extension(void **state) {
    (void)state;
    size_t n = (size_t)UINT32_MAX + 1 + 5;
    uint8_t *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                      -1, 0); /* never touched */
    if (p == MAP_FAILED)
        skip();
    memcpy(p, "\xC9\xFF\xFF\xFF\xFF\x05", 6);
    struct mp_reader r;
    mp_reader_init(&r, p, n, 8);
    assert_int_equal(mp_read_value(&r).type, T_MISSING);
    assert_int_equal(r.status, E_ROW_INVALID);
    p[4] = 0xFE;
    mp_reader_init(&r, p, n, 8);
    struct value v = mp_read_value(&r);
    assert_int_equal(v.type, T_EXT);
    assert_true(v.n == UINT32_MAX);
    munmap(p, n);
}

/* --- limits --- */

/* depth containers around one value. kind: arrays, maps (as values), maps (as keys). */
static struct bytes nested(uint32_t depth, int kind, const char *inner) {
    static const char *const OPEN[] = {"<91>", "<81 a1 6b>", "<81>"};
    struct buf b = {0};
    for (uint32_t i = 0; i < depth; i++)
        mp_text(&b, OPEN[kind]);
    mp_text(&b, inner);
    for (uint32_t i = 0; kind == 2 && i < depth; i++)
        mp_write_nil(&b);
    return bytes_take(&b);
}

static enum status read_status(struct bytes b, uint32_t limit) {
    struct mp_reader r = reader(b, limit), s = r;
    mp_read_value(&r);
    mp_skip(&s);
    assert_int_equal(r.status, s.status);
    assert_int_equal(mp_offset(&r), mp_offset(&s));
    assert_true(r.status != E_OK || mp_at_end(&r));
    return r.status;
}

static void test_depth_limit(void **state) {
    (void)state;
    static const uint32_t LIMITS[] = {0, 1, 2, 3, 31, 32, 33, 64, 255, 256, MP_DEPTH_MOST};
    for (size_t i = 0; i < COUNT_OF(LIMITS); i++)
        for (int kind = 0; kind < 3; kind++) {
            uint32_t n = LIMITS[i];
            if (n > 0)
                assert_int_equal(read_status(nested(n - 1, kind, "5"), n), E_OK);
            assert_int_equal(read_status(nested(n, kind, "5"), n), E_OK);
            assert_int_equal(read_status(nested(n + 1, kind, "5"), n), E_ROW_TOO_DEEP);
            /* an empty container is one, too */
            assert_int_equal(read_status(nested(n, kind, "[]"), n), E_ROW_TOO_DEEP);
            assert_int_equal(read_status(nested(n, kind, "{}"), n), E_ROW_TOO_DEEP);
        }
    /* no limit is beyond what the stack of mp_skip has */
    assert_int_equal(read_status(nested(MP_DEPTH_MOST, 0, "5"), UINT32_MAX), E_OK);
    assert_int_equal(read_status(nested(MP_DEPTH_MOST + 1, 0, "5"), UINT32_MAX), E_ROW_TOO_DEEP);
    assert_int_equal(read_status(nested(100000, 0, "5"), UINT32_MAX), E_ROW_TOO_DEEP);
    /* siblings are not depth */
    assert_int_equal(read_status(bytes_of("[[1], [2], {}, {'a': []}, [3]]"), 3), E_OK);
    assert_int_equal(read_status(bytes_of("[[1], [2], {}, {'a': []}, [3]]"), 2), E_ROW_TOO_DEEP);
}

static enum status fields_status(const char *text, uint32_t limit) {
    struct mp_reader r = reader(bytes_of(text), 8);
    r.fields_limit = limit;
    mp_read_value(&r);
    return r.status;
}

static void test_fields_limit(void **state) {
    (void)state;
    assert_int_equal(fields_status("{1: 1, 2: 2}", 3), E_OK);
    assert_int_equal(fields_status("{1: 1, 2: 2, 3: 3}", 3), E_OK);
    assert_int_equal(fields_status("{1: 1, 2: 2, 3: 3, 4: 4}", 3), E_ROW_TOO_WIDE);
    assert_int_equal(fields_status("<de 00 04 01 01 02 02 03 03 04 04>", 3), E_ROW_TOO_WIDE);
    assert_int_equal(fields_status("[{'a': {1: 1, 2: 2, 3: 3, 4: 4}}]", 3), E_ROW_TOO_WIDE);
    assert_int_equal(fields_status("[1, 2, 3, 4, 5]", 3), E_OK);    /* arrays have no fields */
    assert_int_equal(fields_status("<8f 01>", 3), E_ROW_TRUNCATED); /* truncated comes first */
}

/* --- walking --- */

static void test_enter(void **state) {
    (void)state;
    static const char *const ARRAYS[] = {"[7, 'x', [1]]", "<dc 00 03 07 a1 78 91 01>",
                                         "<dd 00 00 00 03 07 a1 78 91 01>"};
    for (size_t i = 0; i < COUNT_OF(ARRAYS); i++) {
        struct value v = value_of(ARRAYS[i]);
        struct mp_reader r;
        const uint8_t *body;
        uint32_t n;
        mp_enter(&r, v, &n);
        assert_int_equal(n, 3);
        assert_int_equal(mp_container(v, &body), 3);
        assert_ptr_equal(body, r.p);
        assert_value_same(mp_read_value(&r), value_int(7), "first");
        mp_skip(&r);
        assert_value_same(mp_read_value(&r), value_of("[1]"), "third");
        assert_true(mp_at_end(&r));
        assert_int_equal(mp_read_value(&r).type, T_MISSING);
        assert_int_equal(r.status, E_ROW_TRUNCATED);
    }
    const uint8_t *body;
    assert_int_equal(mp_container(value_of("<df 00 00 00 01 05 06>"), &body), 1);
    assert_int_equal(*body, 5);
}

static void test_headers(void **state) {
    (void)state;
    struct mp_reader r = reader(bytes_of("[1, {'a': 2}] 3"), 8);
    assert_int_equal(mp_read_array(&r), 2);
    assert_int_equal(mp_read_value(&r).w.i, 1);
    assert_int_equal(mp_read_array(&r), 0); /* a map: an error with the position of that value */
    assert_int_equal(r.status, E_ROW_INVALID);
    assert_int_equal(mp_offset(&r), 2);
    r = reader(bytes_of("{'a': 2} 3"), 8);
    assert_int_equal(mp_read_map(&r), 1);
    mp_skip(&r);
    mp_skip(&r);
    assert_int_equal(mp_read_value(&r).w.i, 3);
    assert_true(mp_at_end(&r) && r.status == E_OK);
    r = reader(bytes_of("'a'"), 8);
    assert_int_equal(mp_read_map(&r), 0);
    assert_int_equal(r.status, E_ROW_INVALID);
    r = reader(bytes_of(""), 8);
    assert_int_equal(mp_peek(&r), T_MISSING);
    assert_int_equal(r.status, E_OK); /* looking is no error */
    assert_int_equal(mp_read_map(&r), 0);
    assert_int_equal(r.status, E_ROW_TRUNCATED);
}

/* Random values of all types, against msgpack-c; and the same bytes damaged: both readers of ours
 * agree and never leave the block. */
static void random_item(struct buf *b, uint64_t *seed, uint32_t depth) {
    if (depth > 0 && random_below(seed, 3) == 0) {
        uint32_t n = random_below(seed, 20);
        bool map = random_below(seed, 2);
        if (map)
            mp_write_map(b, n);
        else
            mp_write_array(b, n);
        for (uint32_t i = 0; i < (map ? 2 * n : n); i++)
            random_item(b, seed, depth - 1);
        return;
    }
    mp_text(b, ENCODINGS[random_below(seed, COUNT_OF(ENCODINGS))].bytes);
}

static void test_random_values(void **state) {
    (void)state;
    uint64_t seed = 42;
    size_t bad[4] = {0};
    for (int i = 0; i < 1500; i++) {
        struct buf b = {0};
        random_item(&b, &seed, 4);
        struct bytes bytes = bytes_take(&b);
        assert_oracle(bytes, "random");
        for (int k = 0; k < 8; k++) {
            struct bytes damaged = bytes_copy(bytes.p, bytes.n);
            uint8_t *p = kept.p[kept.n - 1];
            p[random_below(&seed, (uint32_t)bytes.n)] = (uint8_t)random_u64(&seed);
            struct mp_reader r = reader(damaged, 6), s = r;
            mp_read_value(&r);
            mp_skip(&s);
            assert_int_equal(r.status, s.status);
            assert_int_equal(mp_offset(&r), mp_offset(&s));
            bad[r.status == E_OK
                    ? 0
                    : 1 + (r.status == E_ROW_INVALID) + 2 * (r.status == E_ROW_TOO_DEEP)]++;
        }
        kept_free(NULL);
    }
    for (size_t k = 0; k < COUNT_OF(bad); k++)
        assert_true(bad[k] > 0); /* each outcome was met */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        value_test(test_every_encoding), value_test(test_every_first_byte),
        value_test(test_every_cut),      value_test(test_invalid),
        value_test(test_claims),         value_test(test_longest_extension),
        value_test(test_depth_limit),    value_test(test_fields_limit),
        value_test(test_enter),          value_test(test_headers),
        value_test(test_random_values),
    };
    return cmocka_run_group_tests_name("mp_read", tests, NULL, NULL);
}

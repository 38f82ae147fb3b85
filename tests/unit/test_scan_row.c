/* The members of rows that follow each other: what the scanner expects after some rows, and what
 * comes instead. Each row is held to the slow reader, in a block of its exact size. */
#include "mp_encodings.h"
#include "scan_unit.h"

/* Longer than any look ahead, so that rows before it are not near the end. */
static const char TAIL[] =
    "{'tail': 'more than fifty bytes, and so behind it is the end of what is looked at'}";

/* Scans all rows, and gives how many there were; what was remembered is forgotten. */
static size_t scan_rows(struct scanning *t, struct bytes b) {
    t->scanner.status = E_OK;
    size_t rows = scan_all_checked(&t->scanner, t->paths, b.p, b.p + b.n, &t->block);
    scanner_forget(&t->scanner);
    return rows;
}

/* What is kept since then is not needed any more: there is much of it. */
static void drop_kept(size_t n) {
    while (kept.n > n)
        free(kept.p[--kept.n]);
}

/* --- values --- */

/* The value %s stands where nobody looks; `a` is looked at, before and behind it. */
static const char *const PLACES[] = {
    "{'a': 1, 'x': %s, 'a': 2}",
    "{'x': [%s, %s], 'a': 1}",
    "{'a': 1, 'x': {'y': %s, %s: 1}}",
    "{'fourteen chars': %s, 'fifteen letters': %s, 'sixteen letters!': %s, 'a': 1}",
    "{'b': {'x': %s, 'c': 1}, %s: 1, 'a': 2}",
};

static void write_placed(struct buf *b, const char *place, const char *value) {
    char text[800];
    size_t n = 0;
    for (const char *p = place; *p; p++)
        if (p[0] == '%' && p[1] == 's')
            n += (size_t)snprintf(text + n, sizeof text - n, "%s", value), p++;
        else
            text[n++] = *p;
    text[n] = '\0';
    mp_text(b, text);
}

/* Three rows with `first`, two with `then`, one with `first` again. */
static struct bytes two_values(const char *place, const char *first, const char *then) {
    struct buf b = {0};
    for (int i = 0; i < 6; i++)
        write_placed(&b, place, i == 3 || i == 4 ? then : first);
    mp_text(&b, TAIL);
    return bytes_take(&b);
}

static void test_every_value_after_every_other(void **state) {
    (void)state;
    struct scanning t;
    scanning_begin(&t, "a b.c", DEPTH, WIDTH);
    size_t before = kept.n;
    for (size_t i = 0; i < COUNT_OF(PLACES); i++)
        for (size_t k = 0; k < COUNT_OF(ENCODINGS); k++)
            for (size_t m = 0; m < COUNT_OF(ENCODINGS); m++) {
                struct bytes b = two_values(PLACES[i], ENCODINGS[k].bytes, ENCODINGS[m].bytes);
                assert_int_equal(scan_rows(&t, b), 7);
                drop_kept(before);
            }
    scanning_end(&t);
}

static void test_invalid_after_every_value(void **state) {
    (void)state;
    struct scanning t;
    scanning_begin(&t, "a b.c", DEPTH, WIDTH);
    size_t before = kept.n;
    for (size_t i = 0; i < COUNT_OF(PLACES); i++)
        for (size_t k = 0; k < COUNT_OF(ENCODINGS); k++)
            for (size_t m = 0; m < COUNT_OF(INVALID); m++) {
                struct bytes b = two_values(PLACES[i], ENCODINGS[k].bytes, INVALID[m]);
                assert_int_equal(scan_rows(&t, b), 3);
                assert_status(t.scanner.status, E_ROW_INVALID, INVALID[m]);
                drop_kept(before);
            }
    scanning_end(&t);
}

/* --- the end --- */

/* Rows of all kinds of members, cut at every byte of the last one. */
static void test_every_cut(void **state) {
    (void)state;
    static const char ROW[] =
        "{'id': 70000, 'a': 5, 'd': 1.5, 's': 'a text', 'ok': true, 'no': null,"
        " 'tags': ['a', 'bc', 1, -1, 'exactly thirty-one bytes, in fixstr'],"
        " 'in': {'a': 'b', 'c': 2.5}, 'a key of more than sixteen': 7,"
        " 'b': {'x': 1, 'c': 'd'}, 'long': 'one of more than thirty-one bytes',"
        " 'deep': [[1], {'a': [2]}], 'none': [], 'nil': {}, 'a': 6}";
    struct scanning t;
    struct buf b = {0};
    scanning_begin(&t, "a b.c", DEPTH, WIDTH);
    mp_text(&b, ROW);
    size_t one = b.len, before;
    for (int i = 1; i < 4; i++)
        mp_text(&b, ROW);
    struct bytes rows = bytes_take(&b);
    before = kept.n;
    for (size_t n = 3 * one; n < rows.n; n++) {
        assert_int_equal(scan_rows(&t, bytes_copy(rows.p, n)), 3);
        assert_int_equal(t.scanner.status, n == 3 * one ? E_OK : E_ROW_TRUNCATED);
        drop_kept(before);
    }
    assert_int_equal(scan_rows(&t, rows), 4);
    scanning_end(&t);
}

/* Items that are counted but not there: the row ends with the input, or what follows is taken. */
static void test_claims(void **state) {
    (void)state;
    static const char *const CLAIMS_MORE[] = {"{'x': <9f 01>}", "{'x': <8f 01>}", "{'x': <92 01>}",
                                              "{'x': <82 01 02 03>}"};
    struct scanning t;
    scanning_begin(&t, "a", DEPTH, WIDTH);
    for (size_t i = 0; i < COUNT_OF(CLAIMS_MORE); i++) {
        struct buf b = {0};
        for (int k = 0; k < 3; k++)
            mp_text(&b, "{'x': [1, 'b']}");
        mp_text(&b, CLAIMS_MORE[i]);
        size_t cut = b.len;
        mp_text(&b, TAIL); /* is taken for an item, a key or nothing that could be */
        struct bytes rows = bytes_take(&b);
        scan_rows(&t, rows);
        assert_int_equal(scan_rows(&t, bytes_copy(rows.p, cut)), 3);
        assert_int_equal(t.scanner.status, E_ROW_TRUNCATED);
    }
    scanning_end(&t);
}

/* --- limits --- */

/* The members of a row are held to limits also where they are as they were expected to be. */
static void test_limits(void **state) {
    (void)state;
    static const struct {
        const char *good, *bad;
        uint32_t depth, width;
        enum status status;
    } ROWS[] = {
        {"{'x': 1, 'a': 1}", "{'x': [], 'a': 1}", 1, WIDTH, E_ROW_TOO_DEEP},
        {"{'x': 1, 'a': 1}", "{'x': {}, 'a': 1}", 1, WIDTH, E_ROW_TOO_DEEP},
        {"{'x': [1], 'a': 1}", "{'x': [[]], 'a': 1}", 2, WIDTH, E_ROW_TOO_DEEP},
        {"{'x': {'y': 1}, 'a': 1}", "{'x': {'y': {}}, 'a': 1}", 2, WIDTH, E_ROW_TOO_DEEP},
        {"{'x': {1:1,2:1}, 'a': 1}", "{'x': {1:1,2:1,3:1}, 'a': 1}", DEPTH, 2, E_ROW_TOO_WIDE},
        {"{'x': {1:1,2:1,3:1,4:1,5:1,6:1,7:1,8:1,9:1,10:1,11:1,12:1,13:1,14:1}, 'a': 1}",
         "{'x': {1:1,2:1,3:1,4:1,5:1,6:1,7:1,8:1,9:1,10:1,11:1,12:1,13:1,14:1,15:1}, 'a': 1}",
         DEPTH, 14, E_ROW_TOO_WIDE},
    };
    for (size_t i = 0; i < COUNT_OF(ROWS); i++)
        for (int good = 0; good < 5; good++) {
            struct scanning t;
            struct buf b = {0};
            scanning_begin(&t, "a", ROWS[i].depth, ROWS[i].width);
            for (int k = 0; k < good; k++)
                mp_text(&b, ROWS[i].good);
            mp_text(&b, ROWS[i].bad);
            mp_text(&b, TAIL);
            assert_int_equal(scan_rows(&t, bytes_take(&b)), good);
            assert_status(t.scanner.status, ROWS[i].status, ROWS[i].bad);
            scanning_end(&t);
        }
}

/* What was refused once is not expected the next time. */
static void test_refused_again(void **state) {
    (void)state;
    struct scanning t;
    struct buf b = {0};
    scanning_begin(&t, "a", 1, WIDTH);
    mp_text(&b, "{'x': 1, 'a': 1}");
    size_t first = b.len;
    mp_text(&b, "{'x': [], 'a': 1}");
    mp_text(&b, TAIL);
    struct bytes rows = bytes_take(&b);
    const uint8_t *end = rows.p + rows.n;
    assert_ptr_equal(scan_checked(&t.scanner, t.paths, rows.p, end, &t.block, 0), rows.p + first);
    for (uint32_t i = 1; i < 4; i++) {
        assert_null(scan_checked(&t.scanner, t.paths, rows.p + first, end, &t.block, i));
        assert_int_equal(t.scanner.status, E_ROW_TOO_DEEP);
    }
    scanning_end(&t);
}

/* --- keys --- */

/* The i-th of a set of keys: of all lengths up to 40, in pairs that differ late. */
static void write_key(struct buf *b, uint32_t i) {
    char text[60];
    int n = snprintf(text, sizeof text, "%.*sk%u", (int)(i / 2 % 38),
                     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", i);
    mp_write_str(b, text, (size_t)n);
}

enum how { IN_ORDER, SOME_LEFT_OUT, ONE_MORE, ANY_ORDER, REPEATED, N_WAYS };

static void write_member(struct buf *b, uint64_t *seed, uint32_t key) {
    write_key(b, key);
    if (random_below(seed, 20) == 0)
        mp_text(b, ENCODINGS[random_below(seed, COUNT_OF(ENCODINGS))].bytes);
    else if (key % 3 == 0)
        mp_write_str(b, "some text", random_below(seed, 10));
    else if (key % 3 == 1)
        mp_write_double(b, (double)random_below(seed, 10));
    else
        mp_text(b, random_below(seed, 2) ? "['t', 'uv']" : "[]");
}

static void write_row(struct buf *b, uint64_t *seed, uint32_t keys, enum how how) {
    struct buf members = {0};
    uint32_t n = 0;
    for (uint32_t i = 0; i < keys; i++) {
        if (how == SOME_LEFT_OUT && random_below(seed, 3) == 0)
            continue;
        if (how == ONE_MORE && random_below(seed, keys) == 0) {
            write_member(&members, seed, 1000 + random_below(seed, 1000));
            n++;
        }
        bool any = how == ANY_ORDER || (how == REPEATED && random_below(seed, 4) == 0);
        write_member(&members, seed, any ? random_below(seed, keys) : i);
        n++;
    }
    mp_write_map(b, n);
    buf_add(b, members.data, members.len);
    buf_done(&members);
}

/* As many keys as are looked at for one, or one more; more than are remembered. */
static void test_other_keys_than_expected(void **state) {
    (void)state;
    static const uint32_t KEYS[] = {1, 2, 15, 16, 17, 40, 255, 256, 257, 300};
    struct scanning t;
    uint64_t seed = 11;
    scanning_begin(&t, "k0 xk3 xxxxxxxk14 xxxxxxxxxxxxxxxxk32 k300", DEPTH, WIDTH);
    size_t before = kept.n;
    for (size_t i = 0; i < COUNT_OF(KEYS); i++)
        for (uint32_t how = 0; how < N_WAYS; how++)
            for (uint32_t times = 0; times < (KEYS[i] > 40 ? 3 : 40); times++) {
                struct buf b = {0};
                for (uint32_t row = 0; row < 12; row++)
                    write_row(&b, &seed, KEYS[i],
                              row % 4 == 3 ? (enum how)random_below(&seed, N_WAYS) : (enum how)how);
                assert_int_equal(scan_rows(&t, bytes_take(&b)), 12);
                drop_kept(before);
            }
    scanning_end(&t);
}

/* A new key in each row, until no more are remembered: the rest is found all the same. */
static void test_ever_new_keys(void **state) {
    (void)state;
    struct scanning t;
    struct buf b = {0};
    scanning_begin(&t, "k0 k1", DEPTH, WIDTH);
    for (uint32_t i = 0; i < 700; i++) {
        mp_write_map(&b, 3);
        write_key(&b, 0);
        mp_write_uint(&b, i);
        write_key(&b, 2 + i);
        mp_write_nil(&b);
        write_key(&b, 1);
        mp_write_uint(&b, i);
    }
    assert_int_equal(scan_rows(&t, bytes_take(&b)), 700);
    scanning_end(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        value_test(test_every_value_after_every_other),
        value_test(test_invalid_after_every_value),
        value_test(test_every_cut),
        value_test(test_claims),
        value_test(test_limits),
        value_test(test_refused_again),
        value_test(test_other_keys_than_expected),
        value_test(test_ever_new_keys),
    };
    return cmocka_run_group_tests_name("scan_row", tests, NULL, NULL);
}

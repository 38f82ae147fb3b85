/* The row scanner and hostile rows: every encoding in every place, every cut, every limit. Each row
 * is held to the slow reader, in a block of its exact size. */
#include "mp_encodings.h"
#include "scan_unit.h"

/* Where a value can stand: %s is the value. The field `a` is wanted whole, `b` only inside, and the
 * last one has it at the very end of the bytes. */
static const char *const PLACES[] = {
    "{'a': %s}",
    "{'x': %s}",
    "{'b': %s}",
    "{'b': {'c': %s, 'd': 1}}",
    "{'b': {'x': %s, 'c': 1}}",
    "{'b': [%s, 1]}",
    "{'b': [1, %s]}",
    "{'b': {'c': {'d': [%s]}}}",
    "{'b': {%s: 1, 'c': 2}}",
    "{'x': {%s: [%s]}}",
    "{%s: 1, 'a': 2}",
    "{'a': 1, 'a': %s}",
    "{'x': 'more than eight bytes to come', 'a': %s}",
};
static const char FIELDS[] = "a b.c b.d b[0] b[1] b.c.d[0]";

static struct bytes placed(const char *place, const char *value) {
    char text[600];
    const char *at = strstr(place, "%s"), *again = strstr(at + 2, "%s");
    int n = snprintf(text, sizeof text, "%.*s%s", (int)(at - place), place, value);
    if (again)
        n += snprintf(text + n, sizeof text - (size_t)n, "%.*s%s", (int)(again - at - 2), at + 2,
                      value);
    snprintf(text + n, sizeof text - (size_t)n, "%s", (again ? again : at) + 2);
    return bytes_of(text);
}

static void test_every_encoding_in_every_place(void **state) {
    (void)state;
    struct scanning t;
    scanning_begin(&t, FIELDS, DEPTH, WIDTH);
    for (size_t i = 0; i < COUNT_OF(PLACES); i++)
        for (size_t k = 0; k < COUNT_OF(ENCODINGS); k++) {
            assert_int_equal(scan_one(&t, placed(PLACES[i], ENCODINGS[k].bytes)), E_OK);
            if (i == 0)
                assert_value_same(cell(&t, 0), value_of(ENCODINGS[k].bytes), ENCODINGS[k].bytes);
        }
    scanning_end(&t);
}

static void test_invalid_in_every_place(void **state) {
    (void)state;
    struct scanning t;
    scanning_begin(&t, FIELDS, DEPTH, WIDTH);
    for (size_t i = 0; i < COUNT_OF(PLACES); i++) {
        for (size_t k = 0; k < COUNT_OF(INVALID); k++)
            assert_status(scan_one(&t, placed(PLACES[i], INVALID[k])), E_ROW_INVALID, INVALID[k]);
        for (size_t k = 0; k < COUNT_OF(CLAIMS); k++) {
            /* what follows may fill a small claim; then it is not well-formed for another reason */
            enum status status = scan_one(&t, placed(PLACES[i], CLAIMS[k]));
            assert_true(status == E_ROW_TRUNCATED || strstr(CLAIMS[k], "ff ff") == NULL);
            assert_int_not_equal(status, E_OK);
        }
    }
    scanning_end(&t);
}

static void test_every_cut(void **state) {
    (void)state;
    struct scanning t;
    scanning_begin(&t, FIELDS, DEPTH, WIDTH);
    for (size_t i = 0; i < COUNT_OF(PLACES); i++)
        for (size_t k = 0; k < COUNT_OF(ENCODINGS); k++) {
            struct bytes row = placed(PLACES[i], ENCODINGS[k].bytes);
            for (size_t n = 0; n < row.n; n++)
                assert_int_equal(scan_one(&t, bytes_copy(row.p, n)), E_ROW_TRUNCATED);
            kept.n -= row.n; /* cuts of one row are freed at once: there are many */
            for (size_t n = 0; n < row.n; n++)
                free(kept.p[kept.n + n]);
            scanner_forget(&t.scanner);
        }
    scanning_end(&t);
}

static void test_no_map(void **state) {
    (void)state;
    struct scanning t;
    scanning_begin(&t, FIELDS, DEPTH, WIDTH);
    assert_int_equal(scan_one(&t, bytes_of("")), E_ROW_TRUNCATED);
    for (size_t k = 0; k < COUNT_OF(ENCODINGS); k++)
        assert_status(scan_one(&t, bytes_of(ENCODINGS[k].bytes)),
                      ENCODINGS[k].type == T_MAP ? E_OK : E_ROW_NOT_MAP, ENCODINGS[k].bytes);
    assert_int_equal(scan_one(&t, bytes_of("<c1>")), E_ROW_INVALID);
    assert_int_equal(scan_one(&t, bytes_of("<de>")), E_ROW_TRUNCATED);
    assert_int_equal(scan_one(&t, bytes_of("<df ff ff ff ff>")), E_ROW_TRUNCATED);
    scanning_end(&t);
}

/* --- limits --- */

/* A row whose deepest container is the depth-th, along the wanted path or beside it. */
static struct bytes deep_row(uint32_t depth, const char *key, bool arrays) {
    struct buf b = {0};
    mp_write_map(&b, 1);
    mp_write_text(&b, key);
    for (uint32_t i = 1; i < depth; i++)
        mp_text(&b, arrays ? "<91>" : "<81 a1 63>");
    mp_write_nil(&b);
    return bytes_take(&b);
}

static void test_depth_limit(void **state) {
    (void)state;
    static const uint32_t LIMITS[] = {1, 2, 3, 5, 64, MP_DEPTH_MOST};
    static const char *const KEYS[] = {"a", "b", "x"};
    for (size_t i = 0; i < COUNT_OF(LIMITS); i++) {
        struct scanning t;
        uint32_t n = LIMITS[i];
        scanning_begin(&t, "a b.c b.c.c b[0][0] b.c.c.c[0]", n, WIDTH);
        for (size_t k = 0; k < COUNT_OF(KEYS); k++)
            for (int arrays = 0; arrays < 2; arrays++) {
                if (n > 1)
                    assert_int_equal(scan_one(&t, deep_row(n - 1, KEYS[k], arrays)), E_OK);
                assert_int_equal(scan_one(&t, deep_row(n, KEYS[k], arrays)), E_OK);
                assert_int_equal(scan_one(&t, deep_row(n + 1, KEYS[k], arrays)), E_ROW_TOO_DEEP);
                assert_int_equal(scan_one(&t, deep_row(100000, KEYS[k], arrays)), E_ROW_TOO_DEEP);
            }
        scanning_end(&t);
    }
    struct scanning t; /* no limit is beyond what the scanner's own stack has */
    scanning_begin(&t, "a b.c", UINT32_MAX, WIDTH);
    assert_int_equal(scan_one(&t, deep_row(MP_DEPTH_MOST, "x", true)), E_OK);
    assert_int_equal(scan_one(&t, deep_row(MP_DEPTH_MOST + 1, "x", true)), E_ROW_TOO_DEEP);
    scanning_end(&t);
}

/* A map of n pairs: key0 .. , the last of them `a`. */
static void write_wide(struct buf *b, uint32_t n, const char *last) {
    mp_write_map(b, n);
    for (uint32_t i = 0; i < n; i++) {
        char key[20];
        snprintf(key, sizeof key, "key%u", i);
        mp_write_text(b, i + 1 == n ? last : key);
        mp_write_uint(b, i);
    }
}

static void test_fields_limit(void **state) {
    (void)state;
    static const uint32_t LIMITS[] = {1, 2, 15, 16, 300};
    for (size_t i = 0; i < COUNT_OF(LIMITS); i++) {
        struct scanning t;
        scanning_begin(&t, "a b.a", DEPTH, LIMITS[i]);
        for (uint32_t n = LIMITS[i] - 1; n <= LIMITS[i] + 1; n++)
            for (int place = 0; place < 3; place++) { /* the row, a wanted map, a skipped one */
                struct buf b = {0};
                if (place)
                    mp_text(&b, place == 1 ? "<81 a1 62>" : "<81 a1 78>");
                write_wide(&b, n, "a");
                assert_int_equal(scan_one(&t, bytes_take(&b)),
                                 n <= LIMITS[i] ? E_OK : E_ROW_TOO_WIDE);
            }
        scanning_end(&t);
    }
}

/* --- remembered keys --- */

static void scan_batch(struct scanning *t, const char *const *rows, size_t n, size_t times) {
    struct buf b = {0};
    for (size_t k = 0; k < times; k++)
        for (size_t i = 0; i < n; i++)
            mp_text(&b, rows[i]);
    struct bytes bytes = bytes_take(&b);
    assert_int_equal(scan_all_checked(&t->scanner, t->paths, bytes.p, bytes.p + bytes.n, &t->block),
                     n * times);
    scanner_forget(&t->scanner);
}

static void test_key_order_changes(void **state) {
    (void)state;
    static const char *const ROWS[] = {
        "{'a': 1, 'b': 2, 'c': {'d': 3, 'e': 4}}",
        "{'a': 2, 'b': 3, 'c': {'d': 4, 'e': 5}}",
        "{'b': 3, 'a': 4, 'c': {'e': 5, 'd': 6}}",
        "{'c': {'e': 5}, 'a': 4}",
        "{'c': 7, 'b': 4}",
        "{}",
        "{'b': 1}",
        "{<d9 01 61>: 1, <da 00 01 62>: 2, <db 00 00 00 01 63>: {'d': 1}}",
        "{'a': 1, 'b': 2, 'c': {'d': 3, 'e': 4}}",
        "{1: 1, 'b': 2, null: {'d': 3, 'e': 4}}",
        "{'a': 1, 'a': 2, 'a': {'d': 3, 'e': 4}}",
        "{'c': {'d': 3, 'd': 4}, 'c': {'e': 4}}",
    };
    struct scanning t;
    scanning_begin(&t, "a b c c.d", DEPTH, WIDTH);
    scan_batch(&t, ROWS, COUNT_OF(ROWS), 40);
    for (size_t i = 0; i < COUNT_OF(ROWS); i++) /* every row after every other */
        for (size_t k = 0; k < COUNT_OF(ROWS); k++)
            scan_batch(&t, (const char *const[]){ROWS[i], ROWS[k]}, 2, 1);
    scanning_end(&t);
}

/* Keys are told apart by more than their first word: lengths around 8, equal beginnings, NUL. */
static void test_long_and_similar_keys(void **state) {
    (void)state;
    static const char *const KEYS[] = {
        "'k'",
        "'kkkkkk'",
        "'kkkkkkk'",
        "'kkkkkkkk'",
        "'kkkkkkkkk'",
        "'kkkkkkkkkkkkkkkk'",
        "'kkkkkkkkkkkkkkka'",
        "'kkkkkkkkkkkkkkkb'",
        "'akkkkkk'",
        "'kkkkkka'",
        "'kkkkkkb'",
        "<a2 6b 00>",
        "<d9 06 6b 6b 6b 6b 6b 6b>",
        "<c4 06 6b 6b 6b 6b 6b 6b>",
        "<a7 6b 6b 6b 6b 6b 6b 00>",
        "'a key of more than thirty-one bytes, so that it is a str 8: x'",
        "'a key of more than thirty-one bytes, so that it is a str 8: y'",
    };
    struct scanning t;
    scanning_begin(&t,
                   "k kkkkkk kkkkkkk kkkkkkkk kkkkkkkkkkkkkkka kkkkkkkkkkkkkkkb kkkkkka o.kkkkkkb",
                   DEPTH, WIDTH);
    t.paths[0] = path_of("a key of more than thirty-one bytes, so that it is a str 8: y");
    arena_reset(&t.arena); /* once more, with a name that has spaces */
    assert_true(fields_build(&t.fields, &t.arena, t.paths, t.n));
    assert_true(scanner_init(&t.scanner, &t.arena, &t.fields, DEPTH, WIDTH));
    for (size_t i = 0; i < COUNT_OF(KEYS); i++)
        for (size_t k = 0; k < COUNT_OF(KEYS); k++) {
            char first[300], second[300];
            snprintf(first, sizeof first, "{%s: 1, 'o': {%s: 1}}", KEYS[i], KEYS[k]);
            snprintf(second, sizeof second, "{%s: 2, 'o': {%s: 'a long enough end'}}", KEYS[k],
                     KEYS[i]);
            scan_batch(&t, (const char *const[]){first, second, first}, 3, 1);
            scan_batch(&t, (const char *const[]){second, first, second}, 3, 1);
        }
    scanning_end(&t);
}

/* More keys than are remembered, in the row and inside, and a batch that goes on the same way. */
static void test_wide_rows(void **state) {
    (void)state;
    static const uint32_t WIDTHS[] = {15, 16, 17, 18, 255, 256, 257, 258, 300};
    struct scanning t;
    scanning_begin(&t, "a key3 key256 key299 o.a o.key15 o.key16", DEPTH, WIDTH);
    for (size_t i = 0; i < COUNT_OF(WIDTHS); i++) {
        struct buf b = {0};
        for (int row = 0; row < 5; row++) {
            mp_write_map(&b, 2);
            mp_write_text(&b, "o");
            write_wide(&b, WIDTHS[i], "a");
            mp_write_text(&b, "a");
            mp_write_int(&b, row);
            write_wide(&b, WIDTHS[i], row == 3 ? "o" : "a");
        }
        struct bytes bytes = bytes_take(&b);
        assert_int_equal(
            scan_all_checked(&t.scanner, t.paths, bytes.p, bytes.p + bytes.n, &t.block), 10);
        scanner_forget(&t.scanner);
    }
    scanning_end(&t);
}

/* Keys at the end of the bytes, where no whole word can be read: all lengths of the last row. */
static void test_rows_at_the_end(void **state) {
    (void)state;
    static const char *const LAST[] = {"{}",
                                       "{'a': 1}",
                                       "{'': 1}",
                                       "{'a': ''}",
                                       "{'o': {}}",
                                       "{'o': {'a': 1}}",
                                       "{'aaaaa': 1}",
                                       "{'aaaaaa': 1}",
                                       "{'aaaaaaa': 1}",
                                       "{'aaaaaaaa': 1}",
                                       "{'b': 1, 'a': 1}"};
    struct scanning t;
    scanning_begin(&t, "a \"\" aaaaaa aaaaaaa o.a", DEPTH, WIDTH);
    for (size_t i = 0; i < COUNT_OF(LAST); i++)
        for (size_t k = 0; k < COUNT_OF(LAST); k++)
            scan_batch(&t, (const char *const[]){LAST[i], LAST[k]}, 2, 2);
    scanning_end(&t);
}

/* Remembered keys point into the input: after scanner_forget it may go away, or become something
 * else. */
static void test_forget(void **state) {
    (void)state;
    struct scanning t;
    scanning_begin(&t, "a_long_name_to_compare o.another_long_name", DEPTH, WIDTH);
    for (int i = 0; i < 3; i++) {
        struct bytes b = bytes_of(i == 1 ? "{'a_long_name_to_compare': 1, 'o': {'a': 1}}"
                                         : "{'a_long_name_to_compare': 1, 'o': "
                                           "{'another_long_name': 'the end of it'}}");
        assert_int_equal(scan_one(&t, b), E_OK);
        scanner_forget(&t.scanner);
        free(kept.p[--kept.n]); /* a sanitizer sees a look at it */
    }
    struct bytes b = bytes_of("{'a_long_name_to_compare': 1}");
    uint8_t *reused = keep(malloc(b.n));
    memcpy(reused, b.p, b.n);
    assert_int_equal(scan_one(&t, (struct bytes){reused, b.n}), E_OK);
    scanner_forget(&t.scanner);
    memcpy(reused + 2, "a_long_name_that_is_not", 22); /* a key that is not wanted */
    b = bytes_copy(reused, b.n);
    assert_int_equal(scan_one(&t, b), E_OK);
    assert_int_equal(cell(&t, 0).type, T_MISSING);
    scanning_end(&t);
}

/* More wanted maps than keys are remembered for: read all the same. */
static void test_very_many_fields(void **state) {
    (void)state;
    enum { N = 6000 };
    struct arena a;
    struct fields f;
    struct scanner s;
    struct block b;
    struct buf row = {0};
    struct path *paths = keep(calloc(N, sizeof *paths));
    arena_init(&a, NULL);
    for (uint32_t i = 0; i < 2 * N; i++) { /* two rows */
        char text[30];
        if (i % N == 0)
            mp_write_map(&row, N);
        snprintf(text, sizeof text, "map%u.k", i % N);
        if (i < N)
            paths[i] = path_of(keep(strdup(text)));
        mp_write_str(&row, text, strlen(text) - 2);
        mp_write_map(&row, 1);
        mp_write_text(&row, "k");
        mp_write_uint(&row, i % N);
    }
    assert_true(fields_build(&f, &a, paths, N));
    assert_true(scanner_init(&s, &a, &f, DEPTH, N));
    assert_true(block_init(&b, N, false, NULL));
    struct bytes bytes = bytes_take(&row);
    block_clear(&b, N);
    const uint8_t *p = scan_row(&s, bytes.p, bytes.p + bytes.n, &b, 0);
    assert_non_null(p);
    assert_ptr_equal(scan_row(&s, p, bytes.p + bytes.n, &b, 1), bytes.p + bytes.n);
    for (uint32_t i = 0; i < N; i++)
        for (uint32_t k = 0; k < 2; k++)
            assert_value_same(column_get(&b.columns[i], k), value_uint(i), "k");
    block_done(&b);
    arena_done(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        value_test(test_every_encoding_in_every_place),
        value_test(test_invalid_in_every_place),
        value_test(test_every_cut),
        value_test(test_no_map),
        value_test(test_depth_limit),
        value_test(test_fields_limit),
        value_test(test_key_order_changes),
        value_test(test_long_and_similar_keys),
        value_test(test_wide_rows),
        value_test(test_rows_at_the_end),
        value_test(test_forget),
        value_test(test_very_many_fields),
    };
    return cmocka_run_group_tests_name("scan", tests, NULL, NULL);
}

/* Random batches of rows, whole and damaged, through the scanner: every row is held to the slow
 * reader (tests/fuzz/scan_check.h). The same on every run; fuzz_scan_msgpack goes on from here. */
#include "mp_encodings.h"
#include "scan_unit.h"

static const char *const KEYS[] = {
    "'a'",
    "'b'",
    "'c'",
    "'a'",
    "'b'",
    "'nearly the same 1'",
    "'nearly the same 2'",
    "''",
    "<d9 01 61>",
    "<c4 01 61>",
    "1",
    "null",
    "['a']",
};

static void random_value(struct buf *b, uint64_t *seed, uint32_t depth);

static void random_map(struct buf *b, uint64_t *seed, uint32_t depth) {
    uint32_t n = random_below(seed, 6);
    if (random_below(seed, 10) == 0)
        mp_text(b, n == 0 ? "<df 00 00 00 00>" : n == 1 ? "<de 00 01>" : "<df 00 00 00 05>");
    else
        mp_write_map(b, n);
    n = b->data[b->len - 1] & 0x0F;
    for (uint32_t i = 0; i < n; i++) {
        /* mostly in the order of the list, so that remembered keys are met */
        size_t k = random_below(seed, 4) ? i : random_below(seed, COUNT_OF(KEYS));
        mp_text(b, KEYS[k]);
        random_value(b, seed, depth);
    }
}

static void random_value(struct buf *b, uint64_t *seed, uint32_t depth) {
    uint32_t what = random_below(seed, 6);
    if (depth > 0 && what == 0) {
        random_map(b, seed, depth - 1);
    } else if (depth > 0 && what == 1) {
        uint32_t n = random_below(seed, 4);
        mp_write_array(b, n);
        for (uint32_t i = 0; i < n; i++)
            random_value(b, seed, depth - 1);
    } else {
        mp_text(b, ENCODINGS[random_below(seed, COUNT_OF(ENCODINGS))].bytes);
    }
}

static struct bytes random_batch(uint64_t *seed, uint32_t rows) {
    struct buf b = {0};
    for (uint32_t i = 0; i < rows; i++)
        random_map(&b, seed, 4);
    return bytes_take(&b);
}

static size_t scan(struct scanning *t, struct bytes b) {
    size_t rows = scan_all_checked(&t->scanner, t->paths, b.p, b.p + b.n, &t->block);
    scanner_forget(&t->scanner);
    return rows;
}

static const char FIELDS[] = "a a.b a.b.c a[0] a[1].a b.a.a b[2] c.b \"\" .";

static void test_random_batches(void **state) {
    (void)state;
    struct scanning t;
    uint64_t seed = 2026;
    scanning_begin(&t, FIELDS, DEPTH, WIDTH);
    for (uint32_t i = 0; i < 1500; i++) {
        uint32_t rows = 1 + random_below(&seed, 12);
        assert_int_equal(scan(&t, random_batch(&seed, rows)), rows);
        free(kept.p[--kept.n]);
    }
    scanning_end(&t);
}

static void damage(uint8_t *p, size_t n, uint64_t *seed) {
    static const uint8_t BYTES[] = {0x80, 0x81, 0x8F, 0x90, 0x91, 0x9F, 0xA0, 0xA1, 0xBF, 0xC0,
                                    0xC1, 0xC4, 0xC7, 0xCA, 0xCF, 0xD4, 0xD6, 0xD8, 0xD9, 0xDB,
                                    0xDC, 0xDD, 0xDE, 0xDF, 0xFF, 0x00, 0x61, 0x62};
    for (uint32_t k = 1 + random_below(seed, 3); k > 0; k--)
        p[random_below(seed, (uint32_t)n)] = BYTES[random_below(seed, COUNT_OF(BYTES))];
}

static void test_damaged_batches(void **state) {
    (void)state;
    struct scanning t;
    uint64_t seed = 99;
    size_t outcomes[E_INTERNAL + 1] = {0}, whole = 0;
    scanning_begin(&t, FIELDS, 5, 5);
    for (uint32_t i = 0; i < 1200; i++) {
        struct bytes b = random_batch(&seed, 6);
        for (int k = 0; k < 10; k++) {
            uint8_t *p = malloc(b.n);
            assert_non_null(p);
            memcpy(p, b.p, b.n);
            damage(p, b.n, &seed);
            t.scanner.status = E_OK;
            if (scan(&t, (struct bytes){p, b.n}) == 6)
                whole++;
            outcomes[t.scanner.status]++;
            free(p);
        }
        free(kept.p[--kept.n]);
    }
    assert_true(whole > 100);
    assert_true(outcomes[E_ROW_TRUNCATED] > 50 && outcomes[E_ROW_INVALID] > 50);
    assert_true(outcomes[E_ROW_NOT_MAP] > 50 && outcomes[E_ROW_TOO_DEEP] > 10);
    assert_true(outcomes[E_ROW_TOO_WIDE] > 10);
    scanning_end(&t);
}

/* Bytes that never were rows. */
static void test_noise(void **state) {
    (void)state;
    struct scanning t;
    uint64_t seed = 3;
    scanning_begin(&t, FIELDS, 5, 5);
    for (uint32_t i = 0; i < 30000; i++) {
        size_t n = 1 + random_below(&seed, 40);
        uint8_t *p = malloc(n);
        assert_non_null(p);
        for (size_t k = 0; k < n; k++)
            p[k] = (uint8_t)random_u64(&seed);
        p[0] = (uint8_t)(0x80 | random_below(&seed, 6)); /* so that it is a map at first */
        if (n > 2)
            memcpy(p + 1, "\xA1\x61", 2);
        scan(&t, (struct bytes){p, n});
        free(p);
    }
    scanning_end(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        value_test(test_random_batches),
        value_test(test_damaged_batches),
        value_test(test_noise),
    };
    return cmocka_run_group_tests_name("scan_hostile", tests, NULL, NULL);
}

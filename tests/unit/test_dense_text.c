/* The dense loops over strings, on every level that this machine has. */
#include "dense_unit.h"

#include <time.h>

struct strings {
    uint32_t n, *offsets;
    uint8_t *bytes;
};

/* n rows of up to `longest` bytes of an alphabet of `letters`. */
static struct strings some_strings(uint32_t n, uint32_t longest, unsigned letters) {
    struct strings s = {.n = n, .offsets = padded(n + 1, sizeof *s.offsets)};
    for (uint32_t i = 0; i < n; i++)
        s.offsets[i + 1] = s.offsets[i] + (below(8) ? below(longest + 1) : 0);
    s.bytes = padded(s.offsets[n], 1);
    for (uint32_t i = 0; i < s.offsets[n]; i++)
        s.bytes[i] = (uint8_t)(letters == 256 ? below(256) : 'a' + below(letters));
    return s;
}

static void strings_done(struct strings s) {
    free(s.offsets);
    free(s.bytes);
}

/* The pattern is a copy of exactly its length. */
static void check_text(const struct strings *s, const uint8_t *k, size_t k_n) {
    uint8_t *exact = malloc(k_n ? k_n : 1);
    assert_non_null(exact);
    if (k_n)
        memcpy(exact, k, k_n);
    for (unsigned op = STR_EQUAL; op <= STR_CONTAINS; op++)
        check_both((struct call){
            .op = op, .n = s->n, .x = s->bytes, .offsets = s->offsets, .k = exact, .k_n = k_n});
    free(exact);
}

/* Pieces of the text, at the ends of rows or anywhere; as they are, with a byte changed, and filled
 * up with zeros if the text has no more. */
static void check_pieces(const struct strings *t, const size_t *lengths, size_t n) {
    uint32_t all = t->offsets[t->n];
    for (size_t k = 0; k < n; k++) {
        if (passed_over(t->n, k))
            continue;
        uint32_t i = below(t->n), at = below(2) ? t->offsets[i] : below(all + 1);
        if (below(4) == 0 && t->offsets[i + 1] >= lengths[k])
            at = t->offsets[i + 1] - (uint32_t)lengths[k];
        uint8_t piece[150] = {0};
        size_t has = all - at < lengths[k] ? all - at : lengths[k];
        memcpy(piece, t->bytes + at, has);
        check_text(t, piece, has);
        if (t->n >= 1000)
            continue;
        if (has) {
            piece[below((uint32_t)has)] ^= 1;
            check_text(t, piece, has);
        }
        if (has < lengths[k])
            check_text(t, piece, lengths[k]);
    }
}

static void test_text(void **state) {
    (void)state;
    const uint32_t sizes[] = {1, 63, 64, 65, 200, SEGMENT_ROWS};
    const uint32_t longest[] = {0, 9, 1, 3, 20, 200, 9000}; /* more than 64 blocks of 64 bytes */
    const unsigned letters[] = {26, 2, 256};
    const size_t lengths[] = {0, 3, 1, 2, 7, 8, 9, 17, 65, 150};
    for (size_t s = 0; s < COUNT_OF(sizes); s++)
        for (size_t l = 0; l < COUNT_OF(longest); l++)
            for (size_t a = 0; a < COUNT_OF(letters); a++) {
                if (passed_over(sizes[s], l) || passed_over(sizes[s], a) ||
                    (longest[l] >= 1000 && sizes[s] != 65))
                    continue;
                struct strings t = some_strings(sizes[s], longest[l], letters[a]);
                check_pieces(&t, lengths, COUNT_OF(lengths));
                strings_done(t);
            }
}

static void test_text_whole_rows(void **state) {
    (void)state;
    struct strings t = some_strings(SEGMENT_ROWS < 1500 ? SEGMENT_ROWS : 1500, 40, 3);
    for (uint32_t i = 0; i < t.n; i += 1 + below(400))
        check_text(&t, t.bytes + t.offsets[i], t.offsets[i + 1] - t.offsets[i]);
    strings_done(t);
}

static void test_text_too_long(void **state) {
    (void)state;
    struct strings t = some_strings(100, 10, 2);
    static const uint8_t k[1] = "a"; /* nothing of a pattern of 4 GiB is ever looked at */
    struct call c = {.n = t.n, .x = t.bytes, .offsets = t.offsets, .k = k};
    c.k_n = (size_t)UINT32_MAX + 1;
    for (c.op = STR_EQUAL; c.op <= STR_CONTAINS; c.op++)
        check_both(c);
    strings_done(t);
}

/* Needles that are pieces of the text, in lower case, and some that are nowhere. Letters of either
 * case, and bytes that are no letters but differ from others in the same bit. */
static void test_any(void **state) {
    (void)state;
    const uint32_t sizes[] = {1, 64, 65, 200, SEGMENT_ROWS};
    const uint32_t longest[] = {0, 3, 12, 70, 5000};
    for (size_t s = 0; s < COUNT_OF(sizes); s++)
        for (size_t l = 0; l < COUNT_OF(longest); l++) {
            if ((sizes[s] >= 1000 && longest[l] != 12) || (longest[l] >= 1000 && sizes[s] != 65))
                continue;
            struct strings t = some_strings(sizes[s], longest[l], 256);
            uint32_t all = t.offsets[t.n];
            for (uint32_t i = 0; i < all; i++)
                t.bytes[i] = (uint8_t) "aAbB@`[{\0\xC1\xE1"[below(11)];
            for (size_t count = 0; count <= NEEDLES_MOST; count += count < 2 ? 1 : 3) {
                struct needle needles[NEEDLES_MOST];
                for (size_t k = 0; k < count; k++) {
                    needles[k].n = (uint8_t)(1 + below(NEEDLE_BYTES));
                    uint32_t at = below(all + 1);
                    for (uint32_t i = 0; i < NEEDLE_BYTES; i++) {
                        uint8_t c = at + i < all ? t.bytes[at + i] : 'z';
                        needles[k].bytes[i] = c >= 'A' && c <= 'Z' ? c + 32 : c;
                    }
                }
                check(&(struct call){.op = STR_ANY,
                                     .n = t.n,
                                     .x = t.bytes,
                                     .offsets = t.offsets,
                                     .needles = needles,
                                     .n_needles = count});
            }
            strings_done(t);
        }
}

static void test_first(void **state) {
    (void)state;
    const uint32_t sizes[] = {1, 64, 65, 200, SEGMENT_ROWS};
    const uint8_t bounds[][2] = {{0, 255},   {'a', 'm'}, {'c', 'c'}, {0, 0},
                                 {100, 200}, {255, 255}, {9, 3}};
    for (size_t s = 0; s < COUNT_OF(sizes); s++)
        for (size_t b = 0; b < COUNT_OF(bounds); b++) {
            struct strings t = some_strings(sizes[s], 5, b % 2 ? 26 : 256);
            check(&(struct call){.op = STR_FIRST,
                                 .n = t.n,
                                 .x = t.bytes,
                                 .offsets = t.offsets,
                                 .low = bounds[b][0],
                                 .high = bounds[b][1]});
            strings_done(t);
        }
}

/* A bound: a row or what it begins with, perhaps with a byte changed or one behind it. The copy has
 * exactly its length. */
static uint8_t *some_bound(const struct strings *s, size_t *ret_n) {
    uint32_t i = below(s->n);
    size_t n = s->offsets[i + 1] - s->offsets[i];
    n = below(2) ? n : below((uint32_t)n + 1);
    uint8_t *k = malloc(n + 1);
    assert_non_null(k);
    memcpy(k, s->bytes + s->offsets[i], n);
    if (n > 0 && below(4) == 0)
        k[below((uint32_t)n)] ^= 1;
    k[n] = 0;
    *ret_n = n + (below(8) == 0);
    return k;
}

/* Few letters, so that many rows have the first 8 bytes of a bound; and the least and greatest. */
static void test_range(void **state) {
    (void)state;
    const uint32_t sizes[] = {1, 63, 64, 65, 200, SEGMENT_ROWS};
    const uint32_t longest[] = {0, 3, 9, 12, 40};
    for (size_t s = 0; s < COUNT_OF(sizes); s++)
        for (size_t l = 0; l < COUNT_OF(longest); l++)
            for (int letters = 0; letters < 3; letters++) {
                struct strings t = some_strings(sizes[s], longest[l], letters ? 256 : 2);
                for (uint32_t i = 0; letters == 1 && i < t.offsets[t.n]; i++)
                    t.bytes[i] = below(2) ? 0 : 0xFF;
                for (unsigned flags = 0; flags < 16; flags++) {
                    struct text_range r = {.has_low = flags & 1,
                                           .has_high = flags & 2,
                                           .low_open = flags & 1 && flags & 4,
                                           .high_open = flags & 2 && flags & 8};
                    uint8_t *low = some_bound(&t, &r.low_n), *high = some_bound(&t, &r.high_n);
                    r.low = low, r.high = high;
                    if (!passed_over(t.n, flags))
                        check_both((struct call){.op = STR_RANGE,
                                                 .n = t.n,
                                                 .x = t.bytes,
                                                 .offsets = t.offsets,
                                                 .range = &r});
                    free(low);
                    free(high);
                }
                strings_done(t);
            }
}

/* The same row, n times. */
static struct strings same_rows(uint32_t n, const uint8_t *row, uint32_t row_n) {
    struct strings s = {.n = n, .offsets = padded(n + 1, sizeof *s.offsets)};
    s.bytes = padded((size_t)n * row_n, 1);
    for (uint32_t i = 0; i < n; i++) {
        memcpy(s.bytes + (size_t)i * row_n, row, row_n);
        s.offsets[i + 1] = (i + 1) * row_n;
    }
    return s;
}

/* Patterns that fit nearly everywhere: the credit runs out, and answers stay right. */
static void test_hostile_patterns(void **state) {
    (void)state;
    uint8_t row[700], k[400];
    for (uint32_t row_n = 1; row_n <= 700; row_n = row_n * 5 + 1) {
        memset(row, 'a', sizeof row);
        row[row_n / 2] = row_n % 2 ? 'a' : 'c';
        struct strings t = same_rows(70, row, row_n);
        for (size_t k_n = 1; k_n <= sizeof k; k_n = k_n * 3 + 1) {
            memset(k, 'a', sizeof k);
            check_text(&t, k, k_n);
            k[k_n - 1] = 'b';
            check_text(&t, k, k_n);
            k[k_n - 1] = 'a', k[k_n / 4] = 'b';
            check_text(&t, k, k_n);
            k[k_n / 4] = 'a', k[k_n - 1 - k_n / 4] = 'c';
            check_text(&t, k, k_n);
        }
        strings_done(t);
    }
}

/* The first place that fits in four bytes uses up the credit, and the next is the pattern: what
 * goes on from there must not step over it. */
static void test_credit_ends_before_hit(void **state) {
    (void)state;
    enum { K_N = 6000 };
    uint8_t row[K_N + 1];
    memset(row, 'a', sizeof row);
    row[1 + K_N / 4] = 'b';
    struct strings t = same_rows(3, row, sizeof row);
    check_text(&t, row + 1, K_N);
    strings_done(t);
}

/* 16 MB of one letter and a pattern of a quarter of it: a loop of the product would take minutes.
 */
static void test_linear(void **state) {
    (void)state;
    const uint32_t rows = 4, row_n = 4u << 20, k_n = 2u << 20;
    uint8_t *row = malloc(row_n), *k = malloc(k_n);
    assert_true(row && k);
    memset(row, 'a', row_n);
    memset(k, 'a', k_n);
    k[k_n / 4 * 3] = 'b';
    struct strings t = same_rows(rows, row, row_n);
    uint64_t in = 15, out;
    clock_t begin = clock();
    struct call c = {
        .op = STR_CONTAINS, .n = rows, .x = t.bytes, .offsets = t.offsets, .k = k, .k_n = k_n};
    assert_int_equal(run(&c, &in, &out), 0);
    assert_true(clock() - begin < 20 * CLOCKS_PER_SEC);
    strings_done(t);
    /* one-byte rows, none long enough */
    t = same_rows(SEGMENT_ROWS, row, 1);
    c = (struct call){.op = STR_CONTAINS, .n = t.n, .x = t.bytes, .offsets = t.offsets};
    c.k = k, c.k_n = 1000;
    check(&c);
    strings_done(t);
    free(row);
    free(k);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_text_whole_rows),
        cmocka_unit_test(test_text_too_long),
        cmocka_unit_test(test_any),
        cmocka_unit_test(test_range),
        cmocka_unit_test(test_first),
        cmocka_unit_test(test_hostile_patterns),
        cmocka_unit_test(test_credit_ends_before_hit),
        cmocka_unit_test(test_linear),
    };
    return on_every_level(tests, COUNT_OF(tests));
}

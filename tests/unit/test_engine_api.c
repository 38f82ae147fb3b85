/* Results in all their kinds, and the public API of include/tamis/tamis.h.
 */
#include "base/bitmap.h"
#include "engine/result.h"
#include "tamis/tamis.h"

#include "engine_unit.h"

#include <endian.h>

/* --- results --- */

/* Blocks of rows, all kept for which `keeps` says so; rows are single bytes of a long string. */
struct feed {
    uint32_t blocks, rows, every; /* rows of each block; every k-th row is kept, 0: none */
};

#define ORIGIN (UINT64_C(1) << 40)

static bool is_kept(const struct feed *f, uint32_t row) { return f->every && row % f->every == 0; }

static enum result_kind feed(struct result *r, const struct feed *f, struct buf *data, size_t at) {
    static uint8_t bytes[4096];
    struct block b;
    r->origin = bytes;
    r->origin_offset = ORIGIN;
    assert_true(block_init(&b, 0, true, NULL));
    result_begin(r, 5000, RESULT_PIPED_RUN);
    const uint32_t rows = f->blocks * f->rows;
    for (uint32_t row = 0, some; row < rows; row += some) {
        uint16_t matches[BLOCK_ROWS];
        uint32_t n = 0, left = f->rows - row % f->rows; /* a block of the build may be smaller */
        some = left < BLOCK_ROWS ? left : BLOCK_ROWS;
        for (uint32_t k = 0; k < some; k++) {
            bytes[row + k] = (uint8_t)(row + k);
            b.spans[k] = (struct span){bytes + row + k, 1};
            if (is_kept(f, row + k))
                matches[n++] = (uint16_t)k;
        }
        result_add(r, &b, some, matches, n, data, at);
    }
    assert_int_equal(r->base, 5000);
    assert_int_equal(r->rows, rows);
    block_done(&b);
    return result_end(r, data, at);
}

static void check_indices(const struct feed *f, const struct buf *data, size_t at) {
    for (uint32_t row = 0; row < f->blocks * f->rows; row++) {
        if (!is_kept(f, row))
            continue;
        assert_true(at + 4 <= data->len);
        const uint8_t *p = data->data + at;
        assert_int_equal(p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24, row);
        at += 4;
    }
    assert_int_equal(at, data->len);
}

static void check_bitmap(const struct feed *f, const struct buf *data, size_t at) {
    uint32_t rows = f->blocks * f->rows;
    assert_int_equal(data->len - at, (rows + 7) / 8);
    for (uint32_t row = 0; row < (data->len - at) * 8; row++)
        assert_int_equal(bitmap_get(data->data + at, row), row < rows && is_kept(f, row));
}

static void check_rows(const struct feed *f, const struct buf *data, size_t at) {
    for (uint32_t row = 0; row < f->blocks * f->rows; row++)
        if (is_kept(f, row))
            assert_int_equal(data->data[at++], (uint8_t)row);
    assert_int_equal(at, data->len);
}

static void check_spans(const struct feed *f, const struct buf *data, size_t at) {
    for (uint32_t row = 0; row < f->blocks * f->rows; row++) {
        if (!is_kept(f, row))
            continue;
        assert_true(at + 16 <= data->len);
        uint64_t le[2];
        memcpy(le, data->data + at, 16);
        assert_int_equal(le64toh(le[0]), ORIGIN + row);
        assert_int_equal(le64toh(le[1]), 1);
        at += 16;
    }
    assert_int_equal(at, data->len);
}

/* Bytes of rows that stand one behind the other, in a block, are one pair. */
static void check_runs(const struct feed *f, const struct buf *data, size_t at) {
    for (uint32_t row = 0; row < f->blocks * f->rows; row++) {
        uint32_t in_block = row % f->rows;
        if (!is_kept(f, row) || (in_block > 0 && is_kept(f, row - 1)))
            continue;
        uint32_t n = 1;
        while (in_block + n < f->rows && is_kept(f, row + n))
            n++;
        assert_true(at + 16 <= data->len);
        uint64_t le[2];
        memcpy(le, data->data + at, 16);
        assert_int_equal(le64toh(le[0]), ORIGIN + row);
        assert_int_equal(le64toh(le[1]), n);
        at += 16;
    }
    assert_int_equal(at, data->len);
}

static void test_results(void **state) {
    (void)state;
    static const uint32_t EVERY[] = {0, 1, 2, 7, 31, 32, 33, 100};
    for (int kind = 0; kind < RESULT_COLUMNS; kind++) /* the rest are of tables */
        for (uint32_t blocks = 0; blocks <= 4; blocks++)
            for (uint32_t rows = 1; rows <= BLOCK_ROWS; rows = rows * 3 + 1)
                for (size_t i = 0; i < COUNT_OF(EVERY); i++) {
                    struct feed f = {blocks, rows, EVERY[i]};
                    struct result r = {.kind = (enum result_kind)kind};
                    struct buf data = {0};
                    buf_add(&data, "head", 4); /* what stands before the chunk stays */
                    enum result_kind got = feed(&r, &f, &data, 4);
                    uint32_t matched = 0;
                    for (uint32_t row = 0; row < blocks * rows; row++)
                        matched += is_kept(&f, row);
                    assert_int_equal(r.matched, matched);
                    assert_memory_equal(data.data, "head", 4);
                    if (kind == RESULT_AUTO)
                        assert_int_equal(got, (blocks * rows + 7) / 8 < 4 * matched
                                                  ? RESULT_BITMAP
                                                  : RESULT_INDICES);
                    else
                        assert_int_equal(got, kind == RESULT_PIECES ? RESULT_RUNS : kind);
                    if (got == RESULT_INDICES)
                        check_indices(&f, &data, 4);
                    else if (got == RESULT_BITMAP)
                        check_bitmap(&f, &data, 4);
                    else if (got == RESULT_ROWS)
                        check_rows(&f, &data, 4);
                    else if (got == RESULT_SPANS)
                        check_spans(&f, &data, 4);
                    else if (got == RESULT_RUNS)
                        check_runs(&f, &data, 4);
                    else
                        assert_int_equal(data.len, 4);
                    buf_done(&data);
                }
}

/* PIECES: a chunk is what the chunk before it should have been. */
static void test_pieces(void **state) {
    (void)state;
    static const struct {
        uint32_t every, rows; /* of one byte */
        enum result_kind next;
    } CASES[] = {
        {1, 95, RESULT_ROWS}, {1, 96, RESULT_RUNS}, {2, 1, RESULT_ROWS}, {2, 200, RESULT_ROWS}};
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        if (CASES[i].rows > BLOCK_ROWS)
            continue; /* its runs would be those of several blocks */
        struct feed f = {1, CASES[i].rows, CASES[i].every}, none = {1, 10, 0};
        struct result r = {.kind = RESULT_PIECES};
        struct buf data = {0};
        assert_int_equal(feed(&r, &f, &data, 0), RESULT_RUNS);
        data.len = 0;
        assert_int_equal(feed(&r, &f, &data, 0), CASES[i].next);
        if (CASES[i].next == RESULT_ROWS)
            check_rows(&f, &data, 0);
        else
            check_runs(&f, &data, 0);
        data.len = 0;
        assert_int_equal(feed(&r, &none, &data, 0), CASES[i].next);
        assert_int_equal(feed(&r, &f, &data, 0), CASES[i].next); /* nothing teaches nothing */
        buf_done(&data);
    }
}

static void test_result_kinds(void **state) {
    (void)state;
    for (int i = 0; i < RESULT_KINDS; i++) {
        enum result_kind kind = RESULT_KINDS;
        assert_true(result_kind_find(str_of(result_kind_name((enum result_kind)i)), &kind));
        assert_int_equal(kind, i);
    }
    static const char *const WRONG[] = {"", "row", "rowss", "Indices"};
    for (size_t i = 0; i < COUNT_OF(WRONG); i++) {
        enum result_kind kind = RESULT_COUNT;
        assert_false(result_kind_find(str_of(WRONG[i]), &kind));
        assert_int_equal(kind, RESULT_COUNT);
    }
}

/* No memory: the buffer's failure says so, and what was there before stays. */
static void test_results_without_memory(void **state) {
    (void)state;
    for (int kind = 0; kind < RESULT_KINDS; kind++) {
        struct budget budget;
        struct buf data;
        struct feed f = {4, BLOCK_ROWS, 1};
        struct result r = {.kind = (enum result_kind)kind};
        budget_init(&budget, 2);
        buf_init(&data, &budget);
        feed(&r, &f, &data, 0);
        assert_int_equal(buf_failed(&data), kind != RESULT_COUNT);
        assert_int_equal(r.matched, 4 * BLOCK_ROWS);
        buf_done(&data);
    }
}

/* --- the public API --- */

static tamis_query *compile(const char *text) {
    tamis_error e = {0};
    tamis_query *q = tamis_compile(text, strlen(text), &e);
    if (!q)
        fail_msg("%s: %s", text, e.message);
    assert_int_equal(e.code, 0);
    return q;
}

static void test_compile_errors(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int code;
        uint64_t position;
        const char *suggestion;
    } WRONG[] = {
        {"a = ", E_SYNTAX, 4, ""},
        {"name LKIE 'a'", E_SYNTAX, 5, "LIKE"},
        {"a = 1e400", E_BAD_LITERAL, 4, ""},
        {"a LIKE 'x!' ESCAPE '!'", E_BAD_ESCAPE, 7, ""},
        {"a = :x", E_PARAM_MISSING, UINT64_MAX, ""},
        {"", E_SYNTAX, 0, ""},
    };
    for (size_t i = 0; i < COUNT_OF(WRONG); i++) {
        tamis_error e;
        memset(&e, 0x55, sizeof e);
        assert_null(tamis_compile(WRONG[i].text, strlen(WRONG[i].text), &e));
        assert_status(e.code, WRONG[i].code, WRONG[i].text);
        assert_true(e.position == WRONG[i].position);
        assert_string_equal(e.suggestion, WRONG[i].suggestion);
        assert_true(e.row == UINT64_MAX && e.offset == UINT64_MAX);
        assert_true(e.message[0] != '\0' && strlen(e.message) < sizeof e.message);
        assert_null(tamis_compile(WRONG[i].text, strlen(WRONG[i].text), NULL));
    }
    tamis_query_free(NULL);
    assert_true(strlen(tamis_version()) >= 5);
}

/* The text's length counts, not a NUL. */
static void test_compile_takes_a_length(void **state) {
    (void)state;
    tamis_query *q = tamis_compile("a = 1 AND garbage ((", 5, NULL);
    assert_non_null(q);
    tamis_query_free(q);
}

struct matches {
    const uint8_t *rows;
    uint64_t row[4096];
    size_t n, stop_after, bytes;
};

static int collect(void *arg, uint64_t row, const void *bytes, size_t length) {
    struct matches *m = arg;
    assert_true(m->n < COUNT_OF(m->row));
    assert_true(m->n == 0 || row > m->row[m->n - 1]);
    assert_true((const uint8_t *)bytes >= m->rows);
    struct mp_reader r;
    mp_reader_init(&r, bytes, length, 64);
    mp_skip(&r);
    assert_true(r.status == E_OK && mp_at_end(&r));
    m->row[m->n++] = row;
    m->bytes += length;
    return m->n == m->stop_after;
}

/* n rows {"a": i}; the bytes of row `bad` are C1. */
static void make_rows(struct buf *b, uint32_t n, uint32_t bad) {
    for (uint32_t i = 0; i < n; i++) {
        mp_write_map(b, 1);
        mp_write_text(b, "a");
        if (i == bad)
            buf_byte(b, 0xC1);
        else
            mp_write_uint(b, i);
    }
}

static void test_filter(void **state) {
    (void)state;
    static struct matches m;
    tamis_query *q = compile("a >= 10 AND a < 2000 AND a <> 1000");
    struct buf rows = {0};
    tamis_counts counts;
    tamis_error e;
    make_rows(&rows, 3000, UINT32_MAX);
    m = (struct matches){.rows = rows.data};
    assert_int_equal(tamis_filter_msgpack(q, rows.data, rows.len, collect, &m, &counts, &e), 0);
    assert_int_equal(e.code, 0);
    assert_int_equal(m.n, 1989);
    for (size_t i = 0; i < m.n; i++)
        assert_int_equal(m.row[i], i + (i < 990 ? 10 : 11));
    assert_true(counts.rows == 3000 && counts.matched == 1989 && counts.type_mismatch == 0);
    assert_int_equal(tamis_filter_msgpack(q, rows.data, rows.len, NULL, NULL, &counts, NULL), 0);
    assert_true(counts.rows == 3000 && counts.matched == 1989);
    assert_int_equal(tamis_filter_msgpack(q, rows.data, rows.len, collect,
                                          &(struct matches){.rows = rows.data}, NULL, NULL),
                     0);
    assert_int_equal(tamis_filter_msgpack(q, "", 0, collect, &m, &counts, &e), 0);
    assert_true(counts.rows == 0 && counts.matched == 0);
    assert_int_equal(tamis_filter_msgpack(q, NULL, 0, collect, &m, &counts, &e), 0);
    tamis_query_free(q);
    buf_done(&rows);
}

static void test_filter_stops(void **state) {
    (void)state;
    static struct matches m;
    tamis_query *q = compile("a >= 5");
    struct buf rows = {0};
    make_rows(&rows, 3000, 2999); /* and so never comes to the fault */
    for (size_t stop = 1; stop < 2000; stop = stop * 3) {
        tamis_counts counts;
        tamis_error e;
        m = (struct matches){.rows = rows.data, .stop_after = stop};
        assert_int_equal(tamis_filter_msgpack(q, rows.data, rows.len, collect, &m, &counts, &e), 0);
        assert_int_equal(m.n, stop);
        assert_int_equal(counts.matched, stop);
        assert_true(counts.rows >= stop + 5 && counts.rows <= stop + 5 + BLOCK_ROWS);
    }
    tamis_query_free(q);
    buf_done(&rows);
}

static void test_filter_errors(void **state) {
    (void)state;
    static struct matches m;
    tamis_query *q = compile("a >= 0");
    static const uint32_t AT[] = {0, 1, 6, 7, 1023, 1024, 1025, 2500};
    for (size_t i = 0; i < COUNT_OF(AT); i++) {
        struct buf rows = {0}, before = {0};
        tamis_counts counts;
        tamis_error e;
        make_rows(&rows, 2600, AT[i]);
        make_rows(&before, AT[i], UINT32_MAX);
        m = (struct matches){.rows = rows.data};
        assert_int_equal(tamis_filter_msgpack(q, rows.data, rows.len, collect, &m, &counts, &e),
                         E_ROW_INVALID);
        assert_int_equal(e.code, E_ROW_INVALID);
        assert_int_equal(e.row, AT[i]);
        assert_int_equal(e.offset, before.len + 3);
        assert_true(e.position == UINT64_MAX);
        assert_int_equal(m.n, AT[i]); /* what stands before the fault was delivered */
        assert_int_equal(m.bytes, before.len);
        assert_true(counts.rows == AT[i] && counts.matched == AT[i]);
        buf_done(&rows);
        buf_done(&before);
    }
    static const struct {
        const char *bytes;
        size_t n;
        int code;
        uint64_t row, offset;
    } WRONG[] = {
        {"\x80\x05", 2, E_ROW_NOT_MAP, 1, 1},
        {"\x90", 1, E_ROW_NOT_MAP, 0, 0},
        {"\xC1", 1, E_ROW_INVALID, 0, 0},
        {"\x80\x80\x81\xA1", 4, E_ROW_TRUNCATED, 2, 2},
        {"\xDF\xFF\xFF\xFF\xFF", 5, E_ROW_TRUNCATED, 0, 0},
        {"\xDE\x00", 2, E_ROW_TRUNCATED, 0, 0},
    };
    for (size_t i = 0; i < COUNT_OF(WRONG); i++) {
        tamis_error e;
        uint8_t *copy = malloc(WRONG[i].n);
        assert_non_null(copy);
        memcpy(copy, WRONG[i].bytes, WRONG[i].n);
        assert_status(tamis_filter_msgpack(q, copy, WRONG[i].n, NULL, NULL, NULL, &e),
                      WRONG[i].code, e.message);
        assert_int_equal(e.row, WRONG[i].row);
        if (e.offset != WRONG[i].offset)
            fail_msg("case %zu: offset %llu", i, (unsigned long long)e.offset);
        free(copy);
    }
    tamis_query_free(q);
}

static void test_filter_counts_mismatches(void **state) {
    (void)state;
    tamis_query *q = compile("a > 10");
    static const char ROWS[] = "\x81\xA1"
                               "a\xA2"
                               "50\x81\xA1"
                               "a\x05\x81\xA1"
                               "a\x32\x81\xA1"
                               "a\x91\x63\x81\xA1"
                               "a\xC0\x81\xA1"
                               "a\xC3\x80";
    tamis_counts counts;
    assert_int_equal(tamis_filter_msgpack(q, ROWS, sizeof ROWS - 1, NULL, NULL, &counts, NULL), 0);
    assert_true(counts.rows == 7 && counts.matched == 1 && counts.type_mismatch == 3);
    tamis_query_free(q);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_results),        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_result_kinds),   cmocka_unit_test(test_results_without_memory),
        cmocka_unit_test(test_compile_errors), cmocka_unit_test(test_compile_takes_a_length),
        cmocka_unit_test(test_filter),         cmocka_unit_test(test_filter_stops),
        cmocka_unit_test(test_filter_errors),  cmocka_unit_test(test_filter_counts_mismatches),
    };
    limits_default(&limits);
    return cmocka_run_group_tests_name("engine_api", tests, NULL, NULL);
}

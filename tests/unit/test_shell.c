/* The pure parts of the shell layer: guesses, boundaries, unpacking, values as text, progress. */
#include "shell/boundary.h"
#include "shell/guess.h"
#include "shell/progress.h"
#include "shell/unpack.h"
#include "shell/write.h"

#include "unit.h"

#include "base/arena.h"
#include "value/mp.h"

#include <math.h>
#include <string.h>
#include <zlib.h>

/* --- formats --- */

static void test_guess_by_name(void **state) {
    (void)state;
    static const struct {
        const char *name;
        enum input_format format;
    } CASES[] = {
        {"a.jsonl", INPUT_JSONL},    {"a.NDJSON.GZ", INPUT_JSONL}, {"x/a.json", INPUT_JSONL},
        {"a.csv", INPUT_CSV},        {"a.csv.zst", INPUT_CSV},     {"a.tsv", INPUT_TSV},
        {"a.tab", INPUT_TSV},        {"a.msgpack", INPUT_MSGPACK}, {"a.mpk.gz", INPUT_MSGPACK},
        {"a", INPUT_UNKNOWN},        {"", INPUT_UNKNOWN},          {"csv", INPUT_UNKNOWN},
        {".csv", INPUT_UNKNOWN},     {"a.gz", INPUT_UNKNOWN},      {"a.csv.txt", INPUT_UNKNOWN},
        {"a.gz.zst", INPUT_UNKNOWN}, {"acsv", INPUT_UNKNOWN},      {"a.csv.gz.gz", INPUT_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++)
        assert_int_equal(guess_by_name(CASES[i].name), CASES[i].format);
    for (int f = INPUT_JSONL; f <= INPUT_MSGPACK; f++)
        assert_int_equal(input_format_named(input_format_name((enum input_format)f)), f);
    assert_int_equal(input_format_named("unknown"), INPUT_UNKNOWN);
}

static const struct {
    const char *bytes;
    size_t n;
    enum guessed guessed; /* of all of them */
    enum input_format format;
} BYTES[] = {
#define BYTES_OF(text) text, sizeof(text) - 1
    {BYTES_OF("{\"a\":1}\n"), GUESS_MADE, INPUT_JSONL},
    {BYTES_OF("\xEF\xBB\xBF \n\t{"), GUESS_MADE, INPUT_JSONL},
    {BYTES_OF("[{}]"), GUESS_MADE, INPUT_JSONL},
    {BYTES_OF("a,b\n"), GUESS_MADE, INPUT_CSV},
    {BYTES_OF("a,b\tc,d\n\t\t\t\n"), GUESS_MADE, INPUT_CSV},
    {BYTES_OF("a\tb"), GUESS_MADE, INPUT_TSV},
    {BYTES_OF("\x81\xA1"), GUESS_MADE, INPUT_MSGPACK},
    {BYTES_OF("\x80"), GUESS_MADE, INPUT_MSGPACK},
    {BYTES_OF("\xDE\x00\x01"), GUESS_MADE, INPUT_MSGPACK},
    {BYTES_OF("\xDE\x80,b\n"), GUESS_MADE, INPUT_CSV},
    {BYTES_OF("word\n"), GUESS_NONE, INPUT_UNKNOWN},
    {BYTES_OF("a,\0\n"), GUESS_NONE, INPUT_UNKNOWN},
    {BYTES_OF(" \n "), GUESS_NONE, INPUT_UNKNOWN},
    {BYTES_OF(""), GUESS_NONE, INPUT_UNKNOWN},
    {BYTES_OF("\xEF\xBB"), GUESS_NONE, INPUT_UNKNOWN},
#undef BYTES_OF
};

static void test_guess_by_bytes(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof BYTES / sizeof *BYTES; i++) {
        const uint8_t *p = (const uint8_t *)BYTES[i].bytes;
        enum input_format format = INPUT_UNKNOWN;
        assert_int_equal(guess_by_bytes(p, BYTES[i].n, true, &format), BYTES[i].guessed);
        assert_true(BYTES[i].guessed == GUESS_NONE || format == BYTES[i].format);
        /* The first bytes alone say the same, or that they do not know yet. */
        for (size_t n = 0; n < BYTES[i].n; n++) {
            enum guessed guessed = guess_by_bytes(p, n, false, &format);
            if (guessed == GUESS_MADE)
                assert_int_equal(format, BYTES[i].format);
            else
                assert_int_equal(guessed, GUESS_MORE);
        }
    }
}

/* --- boundaries --- */

static size_t last_of(enum input_format format, const char *text) {
    return boundary_last(format, (const uint8_t *)text, strlen(text));
}

static void test_boundaries(void **state) {
    (void)state;
    assert_int_equal(last_of(INPUT_JSONL, ""), 0);
    assert_int_equal(last_of(INPUT_JSONL, "{}"), 0);
    assert_int_equal(last_of(INPUT_JSONL, "{}\n"), 3);
    assert_int_equal(last_of(INPUT_JSONL, "{}\n{\"\n"), 6);
    assert_int_equal(last_of(INPUT_JSONL, "{}\n{}"), 3);
    assert_int_equal(last_of(INPUT_CSV, "a\nb"), 2);
    assert_int_equal(last_of(INPUT_CSV, "a\n\"b\nc"), 2);
    assert_int_equal(last_of(INPUT_CSV, "a\n\"b\nc\n"), 2);
    assert_int_equal(last_of(INPUT_CSV, "a\n\"b\nc\"\n"), 8);
    assert_int_equal(last_of(INPUT_CSV, "\"b\"\"\nc"), 0);
    assert_int_equal(last_of(INPUT_CSV, "x\n\"b\"\"\nc\",\"\"\ny"), 13);
}

/* --- unpacking --- */

static size_t pack(uint8_t *to, size_t room, const char *text, size_t n) {
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (uint8_t *)(uintptr_t)text;
    z.avail_in = (uInt)n;
    z.next_out = to;
    z.avail_out = (uInt)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return room - z.avail_out;
}

/* All of two members through every size of input and output. */
static void test_unpack_in_pieces(void **state) {
    (void)state;
    static char text[3000];
    static uint8_t packed[4000], out[7000];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)(i / 7 * 31 % 64 + ' ');
    size_t n = pack(packed, sizeof packed, text, sizeof text);
    n += pack(packed + n, sizeof packed - n, text, sizeof text);
    for (size_t step = 1; step < 40; step += 3)
        for (size_t room = 1; room < 4000; room = 2 * room + 1) {
            struct unpack u;
            bool more;
            assert_int_equal(packing_of(packed, n, &more), PACKING_GZIP);
            assert_true(unpack_init(&u, PACKING_GZIP));
            size_t made = 0;
            for (size_t at = 0; at < n; at += step) {
                const uint8_t *p = packed + at, *end = packed + (at + step < n ? at + step : n);
                size_t got, space;
                do {
                    space = sizeof out - made < room ? sizeof out - made : room;
                    got = unpack_some(&u, &p, end, out + made, space);
                    made += got;
                    assert_null(u.why);
                } while (got == space);
                assert_true(p == end);
            }
            assert_false(u.inside);
            assert_int_equal(made, 2 * sizeof text);
            assert_memory_equal(out, text, sizeof text);
            assert_memory_equal(out + sizeof text, text, sizeof text);
            unpack_done(&u);
        }
}

static void test_packing_needs_its_whole_mark(void **state) {
    (void)state;
    static const uint8_t ZSTD[] = {0x28, 0xB5, 0x2F, 0xFD}, GZIP[] = {0x1F, 0x8B};
    bool more;
    for (size_t n = 1; n < 4; n++) {
        assert_int_equal(packing_of(ZSTD, n, &more), PACKING_NONE);
        assert_true(more);
    }
    assert_int_equal(packing_of(ZSTD, 4, &more), PACKING_ZSTD);
    assert_false(more);
    assert_int_equal(packing_of(GZIP, 1, &more), PACKING_NONE);
    assert_true(more);
    assert_int_equal(packing_of((const uint8_t *)"(x", 2, &more), PACKING_NONE);
    assert_false(more);
}

/* --- values as text --- */

static void check_json(struct value v, const char *want) {
    struct buf b = {0};
    write_json(&b, v);
    buf_byte(&b, '\0');
    assert_false(buf_failed(&b));
    assert_string_equal((const char *)b.data, want);
    buf_done(&b);
}

static void test_json(void **state) {
    (void)state;
    check_json(value_missing(), "null");
    check_json(value_null(), "null");
    check_json(value_bool(true), "true");
    check_json(value_int(INT64_MIN), "-9223372036854775808");
    check_json(value_uint(UINT64_MAX), "18446744073709551615");
    check_json(value_double(0.1), "0.1");
    check_json(value_double(-0.0), "-0.0");
    check_json(value_double(1e22), "1e+22");
    check_json(value_double(NAN), "null");
    check_json(value_double(-INFINITY), "null");
    check_json(value_str(str_of("a\"\\\n\r\t\b\f\x01\x7F/\xC3\xA9")),
               "\"a\\\"\\\\\\n\\r\\t\\b\\f\\u0001\x7F/\xC3\xA9\"");
    check_json(value_str((struct str){"a\0b", 3}), "\"a\\u0000b\"");
    check_json(value_bytes(T_BIN, "", 0), "\"\"");
    check_json(value_bytes(T_BIN, "a", 1), "\"YQ==\"");
    check_json(value_bytes(T_BIN, "ab", 2), "\"YWI=\"");
    check_json(value_bytes(T_BIN, "abc", 3), "\"YWJj\"");
    check_json(value_bytes(T_EXT, "\xFE\x01", 2), "{\"ext\":-2,\"data\":\"AQ==\"}");
    check_json(value_timestamp(0, 500), "\"1970-01-01T00:00:00.0000005Z\"");
    check_json(value_timestamp(INT64_MAX, 1), "\"9223372036854775807.000000001\"");
    check_json(value_bytes(T_MAP, "\x82\xA1k\x92\xC0\xC3\x01\x80", 8),
               "{\"k\":[null,true],\"1\":{}}");
}

static void check_cell(struct value v, bool alone, const char *want) {
    struct buf b = {0};
    write_cell(&b, v, ';', alone);
    buf_byte(&b, '\0');
    assert_false(buf_failed(&b));
    assert_string_equal((const char *)b.data, want);
    buf_done(&b);
}

static void test_cells(void **state) {
    (void)state;
    check_cell(value_missing(), false, "");
    check_cell(value_null(), true, "\"\"");
    check_cell(value_str(str_of("")), false, "");
    check_cell(value_str(str_of("a,b c")), false, "a,b c");
    check_cell(value_str(str_of("a;b")), false, "\"a;b\"");
    check_cell(value_str(str_of("a\"b\"")), false, "\"a\"\"b\"\"\"");
    check_cell(value_str(str_of("a\nb")), false, "\"a\nb\"");
    check_cell(value_str(str_of("a\r")), false, "\"a\r\"");
    check_cell(value_double(NAN), false, "nan");
    check_cell(value_double(2.0), false, "2.0");
    check_cell(value_bool(false), true, "false");
    check_cell(value_timestamp(0, 0), false, "1970-01-01T00:00:00Z");
    check_cell(value_bytes(T_ARRAY, "\x91\xA1x", 3), false, "\"[\"\"x\"\"]\"");
}

/* --- progress --- */

static void check_progress(struct progress_state s, double seconds, const char *want) {
    char text[200];
    int n = progress_text(text, sizeof text, &s, seconds);
    assert_string_equal(text, want);
    assert_int_equal(n, strlen(want));
}

static void test_progress(void **state) {
    (void)state;
    check_progress((struct progress_state){0}, 0, "0 B, 0 rows, 0 B/s");
    check_progress((struct progress_state){.bytes = 999, .rows = 3, .kept = 1}, 1,
                   "999 B, 3 rows (33.3 % kept), 999 B/s");
    check_progress((struct progress_state){.bytes = 1000, .size = 4000, .rows = 1}, 2,
                   "1.0 kB, 1 rows (0 % kept), 500 B/s, 25 %, 6 s left");
    check_progress((struct progress_state){.bytes = 1000000000, .size = 100000000000}, 1,
                   "1.0 GB, 0 rows, 1.0 GB/s, 1 %, 1:39 min left");
    check_progress((struct progress_state){.bytes = 1, .size = 7200}, 1,
                   "1 B, 0 rows, 1 B/s, 0 %, 1:59 h left");
    /* A file that has grown. */
    check_progress((struct progress_state){.bytes = 5000, .size = 4000}, 1,
                   "5.0 kB, 0 rows, 5.0 kB/s");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_guess_by_name),
        cmocka_unit_test(test_guess_by_bytes),
        cmocka_unit_test(test_boundaries),
        cmocka_unit_test(test_unpack_in_pieces),
        cmocka_unit_test(test_packing_needs_its_whole_mark),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_cells),
        cmocka_unit_test(test_progress),
    };
    return cmocka_run_group_tests_name("shell", tests, NULL, NULL);
}

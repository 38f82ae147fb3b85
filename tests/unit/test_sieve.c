/* The sieve of JSON lines: what it must pass, what it must not, and that rows come out as
 * json_read.c alone gives them, from lines of every kind with single bytes changed. */
#include "format/json_sieve.h"

#include "reader_unit.h"

enum { TEXTS = 6000, ROWS = 12 };

static uint64_t next_random(uint64_t *seed) {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed >> 11;
}

/* --- alone --- */

/* Whether all of the text passes, with the line at every place of a group. */
static void check_sieve(struct json_sieve *x, const char *line, bool passes) {
    size_t n = strlen(line);
    for (size_t pad = 0; pad < 600; pad += n < 64 ? 1 : 37) {
        struct buf in = {0};
        buf_printf(&in, "{\"%.*s\":1}\n%s\n{\"b\":2}\n", (int)pad,
                   "---------------------------------------------------------------------------"
                   "---------------------------------------------------------------------------"
                   "---------------------------------------------------------------------------"
                   "---------------------------------------------------------------------------"
                   "---------------------------------------------------------------------------"
                   "---------------------------------------------------------------------------"
                   "---------------------------------------------------------------------------"
                   "---------------------------------------------------------------------------",
                   line);
        json_sieve_begin(x, in.data, in.data, in.data + in.len);
        while (json_sieve_next(x, 100))
            continue;
        const uint8_t *end = in.data + in.len, *second = in.data + pad + 7;
        bool passed = !x->stop || x->stop == end;
        if (passed != passes || (!passed && (x->stop < second || x->stop > second + n + 1))) {
            print_error("%s behind %zu bytes: %s\n", line, pad, passed ? "passed" : "stopped");
            fail();
        }
        buf_done(&in);
    }
}

static const char *const PASS[] = {
    "{}",
    "{\"a\":[],\"b\":{},\"c\":\"\"}",
    "{\"a\": 1, \"b\": \"x, y\", \"c\": [1, 2.5, -3, true], \"d\": {\"e\": null}}",
    "{\"a\":[[1,[2]],{\"b\":[{\"c\":{}}]}],\"b\":{\"c\":{\"d\":[{}]}}}",
    "{\"a\":0,\"b\":-0,\"c\":0.05,\"d\":100.001,\"e\":10,\"f\":-0.5}",
    "{\"a\":1e5,\"b\":1.5E-3,\"c\":2e+7}",
    "", /* a blank line */
    "{\"a\":\"\\\"\\\\\",\"b\":\"}{][:,\\\\\\\"\",\"\xC3\xA9\":\"\xC3\xA9\"}",
    "{\"a\":1}\r",
    "{\"a\":{\"a\":1,\"b\":2},\"b\":[\"a\",\"b\"],\"c\":[1],\"d\":[\"x\"],\"e\":{\"x\":\"y\"}}",
};
static const char *const STOP[] = {
    "{\"a\":1",
    "{\"a\":1}}",
    "{\"a\":[1}",
    "{\"a\":{\"b\":1]}",
    "{\"a\":[1,]}",
    "{\"a\":[,1]}",
    "{\"a\":1,}",
    "{,\"a\":1}",
    "{\"a\":}",
    "{\"a\"}",
    "{\"a\",\"b\":1}",
    "{\"a\":1 \"b\":2}",
    "{\"a\":1\"b\":2}",
    "{\"a\":1,2}",
    "{\"a\":1,[\"b\":2]}",
    "{1:2}",
    "{\"a\":\"b\":1}",
    "{\"a\":[\"b\":1]}",
    "{\"a\":[1 2]}",
    "{\"a\":[1,,2]}",
    "{\"a\":01}",
    "{\"a\":-01}",
    "{\"a\":1.}",
    "{\"a\":.5}",
    "{\"a\":1.2.3}",
    "{\"a\":1.02.3}",
    "{\"a\":-}",
    "{\"a\":--1}",
    "{\"a\":1-2}",
    "{\"a\":\"\t\"}",
    "{\"a\":\"x}",
    "{\"a\":1}{\"b\":2}",
    "{\"a\":1} {}",
    "{\"a\":1},",
    "[1]",
    "[1]}",
    "]",
    "}",
    "1",
    "\"a\"",
    "{\"a\":{}{}}",
    "{\"a\":[][]}",
    "{\"a\":[]{}}",
    "{{}}",
    "{[]}",
    "{\"a\":{[]}}",
    "{\"a\":{\"b\"}}",
    "{\"a\":'b'}",
    "{a:1}",
    "{\"a\":1}\xC3",
    "{\"a\":\xC3}",
    "{\"a\":1}x",
    "{\"a\":1 }",
    "{ \"a\":1}",
    "{\"a\" :1}",
    "{\"\\u0061\":1}",
    "{\"a\":\"b\"\"c\"}",
    "{\"a\":[[1],[2}}",
    "{\"a\":{\"b\":[{]}}}",
    "{\"a\":1,-\"b\":2}",
    "{-\"b\":2}",
    "{\"a\":1]",
    "{\"a\":[{},1,{}}]",
};

static void test_alone(void **state) {
    (void)state;
    struct json_sieve *x = keep(calloc(1, sizeof *x));
    x->depth_most = 8;
    if (!json_sieve_can(LOOPS_AVX512))
        skip();
    for (size_t i = 0; i < COUNT_OF(PASS); i++)
        check_sieve(x, PASS[i], true);
    for (size_t i = 0; i < COUNT_OF(STOP); i++)
        check_sieve(x, STOP[i], false);
    x->depth_most = 2;
    check_sieve(x, "{\"a\":[[1],[2],{\"b\":[]}]}", false);
    check_sieve(x, "{\"a\":[[1],[2],{}]}", true);
}

/* --- random lines --- */

static const char *pick(uint64_t *seed, const char *const *texts, size_t n) {
    return texts[next_random(seed) % n];
}

static void add_string(struct buf *b, uint64_t *seed) {
    static const char *const PARTS[] = {"a",        "ge",  "\\\"", "\\\\", "\\u0041", "{",   "}",
                                        "[",        "]",   ":",    ",",    " ",       "\\n", "0",
                                        "\xC3\xA9", "tru", "-",    "name", "\\/"};
    buf_byte(b, '"');
    size_t n = next_random(seed) % 8 == 0 ? next_random(seed) % 60 : next_random(seed) % 6;
    for (size_t i = 0; i < n; i++)
        buf_add_text(b, pick(seed, PARTS, COUNT_OF(PARTS)));
    buf_byte(b, '"');
}

static void add_name(struct buf *b, uint64_t *seed) {
    static const char *const NAMES[] = {
        "\"a\"",    "\"age\"",       "\"name\"",    "\"page\"",
        "\"city\"", "\"e\"",         "\"x\"",       "\"a long one's name\"",
        "\"\"",     "\"\\u0061ge\"", "\"\\\"age\"", "\"\xC3\xA9\""};
    buf_add_text(b, pick(seed, NAMES, next_random(seed) % 4 ? 8 : COUNT_OF(NAMES)));
}

static void add_value(struct buf *b, uint64_t *seed, const char *comma, const char *colon,
                      unsigned depth) {
    static const char *const SCALARS[] = {
        "0",       "1",        "-7",      "12.5",    "0.05",
        "true",    "null",     "false",   "1e5",     "-1.5E-3",
        "1005",    "100.05",   "2e+7",    "-0",      "12345678901234567890",
        "1.0",     "0.5091",   "3.14159", "9999.99", "0.00001",
        "12345.6", "7.000000", "0.1",     "123456",  "1234567",
        "12345678"};
    size_t kind = next_random(seed) % 10, n;
    if (kind < 5 || depth == 0) {
        buf_add_text(b, pick(seed, SCALARS, COUNT_OF(SCALARS)));
    } else if (kind < 8) {
        add_string(b, seed);
    } else {
        bool map = kind == 8;
        n = next_random(seed) % 4;
        buf_byte(b, map ? '{' : '[');
        for (size_t i = 0; i < n; i++) {
            if (i > 0)
                buf_add_text(b, comma);
            if (map) {
                add_name(b, seed);
                buf_add_text(b, colon);
            }
            add_value(b, seed, comma, colon, depth - 1);
        }
        buf_byte(b, map ? '}' : ']');
    }
}

static void add_row(struct buf *b, uint64_t *seed) {
    bool wide = next_random(seed) % 4 == 0;
    size_t n = next_random(seed) % 9;
    buf_byte(b, '{');
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_add_text(b, wide ? ", " : ",");
        add_name(b, seed);
        buf_add_text(b, wide ? ": " : ":");
        add_value(b, seed, wide ? ", " : ",", wide ? ": " : ":", 4);
    }
    buf_add_text(b, next_random(seed) % 16 ? "}\n" : "}\r\n");
    if (next_random(seed) % 32 == 0)
        buf_byte(b, '\n');
}

static void change(struct buf *b, uint64_t *seed) {
    static const char BYTES[] = "{}[]:,\"\\ 0159.-+eEtrufalsn\n\r\t\x80\xFF\x01x";
    size_t at = next_random(seed) % b->len;
    uint8_t c = (uint8_t)BYTES[next_random(seed) % (sizeof BYTES - 1)];
    switch (next_random(seed) % 4) {
    case 0: /* one byte less */
        memmove(b->data + at, b->data + at + 1, b->len - at - 1);
        b->len--;
        break;
    case 1: /* one more */
        buf_byte(b, 0);
        memmove(b->data + at + 1, b->data + at, b->len - at - 1);
        b->data[at] = c;
        break;
    case 2: /* the same as another */
        b->data[at] = b->data[next_random(seed) % b->len];
        break;
    default:
        b->data[at] = c;
    }
}

static void test_random(void **state) {
    (void)state;
    static const char *const WANTED[] = {"age",     "age city", "name age e x",
                                         "a.b age", "page",     "a b c age e name x city page",
                                         ". age"};
    static const enum reader_simd WAYS[] = {SIMD_BEST, SIMD_AVX2};
    uint64_t seed = 20261;
    size_t faults = 0;
    for (int i = 0; i < TEXTS; i++) {
        struct buf in = {0};
        struct reads t;
        for (int row = 0; row < ROWS; row++)
            add_row(&in, &seed);
        for (uint64_t n = next_random(&seed) % 4; n > 0 && in.len > 1; n--)
            change(&in, &seed);
        struct reader_options options = OPTIONS(.format = FORMAT_JSONL);
        options.row_depth = i % 3 ? 5 : 8;
        options.row_fields = i % 5 ? 300 : 6;
        reads_begin(&t, WANTED[i % COUNT_OF(WANTED)], options);
        t.dump.skip = true;
        t.dump.plain = false;
        t.dump.options.simd = SIMD_PORTABLE;
        size_t mark = kept.n;
        const char *want = reads_text(&t, in.data, in.len, 0);
        faults += strstr(want, "fault") != NULL;
        for (size_t k = 0; k < COUNT_OF(WAYS); k++) {
            t.dump.options.simd = WAYS[k];
            t.dump.defers = (size_t)i / 2 % 2 == k;
            const char *got = reads_text(&t, in.data, in.len, i % 4 ? 0 : 300);
            if (strcmp(got, want) != 0)
                print_error("text %d: %.*s\n", i, (int)in.len, (char *)in.data);
            assert_string_equal(got, want);
        }
        while (kept.n > mark)
            free(kept.p[--kept.n]);
        reads_end(&t);
        buf_done(&in);
    }
    assert_true(faults > TEXTS / 4 && faults < TEXTS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        value_test(test_alone),
        value_test(test_random),
    };
    return cmocka_run_group_tests_name("sieve", tests, NULL, NULL);
}

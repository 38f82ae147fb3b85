/* Rows of JSON lines that are nearly all alike, and the values of their cells, eight at a time: as
 * the loops in plain C have them, and without a byte read beyond either end of the input. */
#include "reader_unit.h"

#include <sys/mman.h>
#include <unistd.h>

#define OPTIONS_LINES                                                                              \
    (struct reader_options) { .format = FORMAT_JSONL, .row_depth = 8, .row_fields = 300 }

enum { MANY = 2600 }; /* rows: more than two blocks, and than the sieve looks at in one step */

/* --- values --- */

static const char *const OTHERS[] = {
    "null",
    "true",
    "false",
    "\"\"",
    "\"a\"",
    "\"1234567\"",
    "\"12,}]\"",
    "\"\\\"\"",
    "\"\\u0041\"",
    "-0",
    "-1",
    "-0.5",
    "1e5",
    "1E5",
    "12e1",
    "1.5e-3",
    "1e400",
    "0.0000001",
    "2.50",
    "18446744073709551615",
    "1234.5e0",
    "0e0",
    "0.0e1",
    "-9223372036854775808",
    "18446744073709551616",
    "9223372036854775807",
    "9223372036854775808",
    "1234567890123456789012",
};

struct texts {
    char text[256][32];
    size_t n;
};

/* Each number of digits, alone and around a point, and what is none. */
static void make_texts(struct texts *t) {
    static const char DIGITS[] = "9182736455463728190917";
    t->n = 0;
    for (int whole = 1; whole <= 20; whole++) {
        snprintf(t->text[t->n++], sizeof t->text[0], "%.*s", whole, DIGITS);
        for (int part = 1; part <= 8 && whole <= 9; part++) {
            snprintf(t->text[t->n++], sizeof t->text[0], "%.*s.%.*s", whole, DIGITS, part,
                     DIGITS + part);
            if (whole == 1)
                snprintf(t->text[t->n++], sizeof t->text[0], "0.%0*d", part, part);
        }
    }
    snprintf(t->text[t->n++], sizeof t->text[0], "0");
    for (size_t i = 0; i < COUNT_OF(OTHERS); i++)
        snprintf(t->text[t->n++], sizeof t->text[0], "%s", OTHERS[i]);
    assert_true(t->n < COUNT_OF(t->text));
}

/* Of the input at once, as the text of reader_dump.h; the budget of tests has no end. */
static char *read_at(struct reads *t, const uint8_t *p, size_t n) {
    struct arena arena;
    struct reader r;
    struct block b;
    struct buf out = {0};
    uint32_t rows;
    arena_init(&arena, NULL);
    assert_true(reader_init(&r, &arena, t->dump.fields, &t->dump.options));
    assert_true(block_init(&b, t->dump.fields->n_slots, true, NULL));
    b.defers = t->dump.defers;
    const uint8_t *end = p + n;
    do {
        block_clear(&b, t->dump.fields->n_slots);
        p = reader_fill(&r, p, end, true, &b, &rows);
        dump_rows(&out, &t->dump, &b, rows);
    } while (rows == BLOCK_ROWS && r.status == E_OK);
    buf_printf(&out, "status %d at %zu\n", (int)r.status, (size_t)(end - p));
    block_done(&b);
    reader_done(&r);
    arena_done(&arena);
    assert_false(buf_failed(&out));
    return keep(out.data);
}

/* The same by the best loops and by plain C, with nothing readable before and behind the input. */
static void check_guarded(struct reads *t, const struct buf *in) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE), bytes = (in->len + page - 1) / page * page;
    uint8_t *map =
        mmap(NULL, bytes + 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(map != MAP_FAILED);
    assert_int_equal(mprotect(map, page, PROT_NONE), 0);
    assert_int_equal(mprotect(map + page + bytes, page, PROT_NONE), 0);
    size_t mark = kept.n;
    for (int side = 0; side < 2; side++) {
        uint8_t *p = side ? map + page : map + page + bytes - in->len;
        memcpy(p, in->data, in->len);
        t->dump.options.simd = SIMD_PORTABLE;
        t->dump.defers = false;
        const char *want = read_at(t, p, in->len);
        t->dump.options.simd = SIMD_BEST;
        for (int defers = 0; defers < 2; defers++) {
            t->dump.defers = defers;
            const char *got = read_at(t, p, in->len);
            if (strcmp(got, want) != 0)
                print_error("%.*s\n", (int)(in->len < 4000 ? in->len : 4000), (char *)in->data);
            assert_string_equal(got, want);
        }
    }
    while (kept.n > mark)
        free(kept.p[--kept.n]);
    assert_int_equal(munmap(map, bytes + 2 * page), 0);
}

/* Every value beside every other, in full groups of eight and in what is left of one. */
static void test_values(void **state) {
    (void)state;
    struct texts texts;
    struct reads t;
    make_texts(&texts);
    reads_begin(&t, "a b", OPTIONS_LINES);
    for (size_t step = 0; step < texts.n; step++) {
        struct buf in = {0};
        for (size_t i = 0; i < 30 + step % 9; i++) {
            const char *a = texts.text[(step + i * step) % texts.n];
            const char *b = texts.text[i % 3 ? step : (step * 7 + i) % texts.n];
            buf_printf(&in, i % 11 ? "{\"a\":%s,\"b\":%s}\n" : "{\"a\": %s, \"b\": %s}\n", a, b);
        }
        check_guarded(&t, &in);
        buf_done(&in);
    }
    reads_end(&t);
}

/* Each value as the last of the input, of one to twenty rows. */
static void test_last_value(void **state) {
    (void)state;
    static const char *const ENDS[] = {"}\n", "}", "}\r\n", ",\"c\":1}\n", ",\"c\":true}\n", ""};
    struct texts texts;
    struct reads t;
    make_texts(&texts);
    reads_begin(&t, "a", OPTIONS_LINES);
    for (size_t i = 0; i < texts.n; i++)
        for (size_t k = 0; k < COUNT_OF(ENDS); k++)
            for (int rows = 1; rows <= 20; rows += i % 8 ? 9 : 1) {
                struct buf in = {0};
                for (int row = 1; row < rows; row++)
                    buf_printf(&in, "{\"a\":%d}\n", row);
                buf_printf(&in, "{\"a\":%s%s", texts.text[i], ENDS[k]);
                check_guarded(&t, &in);
                buf_done(&in);
            }
    reads_end(&t);
}

/* A name that is longer than all that stands before names which end as it does. */
static void test_long_name(void **state) {
    (void)state;
    char name[101];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = 0;
    struct reads t;
    reads_begin(&t, name, OPTIONS_LINES);
    for (int n = 1; n <= 100; n++) {
        struct buf in = {0};
        buf_printf(&in, "{\"a\":1}\n{\"%.*s\":2}\n{\"%.*s\":3}\n{\"%s\":4}\n", n, name, n, name,
                   name);
        check_guarded(&t, &in);
        buf_done(&in);
    }
    reads_end(&t);
}

/* --- rows --- */

static uint64_t next_random(uint64_t *seed) {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed >> 11;
}

/* A row as all are, or one in `odd` that is not. */
static void add_row(struct buf *b, uint64_t *seed, uint32_t odd) {
    static const char *const ODD[] = {
        "",
        "\r",
        "{}",
        "{\"age\":1}",
        "{\"age\":1}\r",
        "{\"active\":true,\"city\":\"Rome\",\"age\":30,\"a-longer-name\":null,\"score\":1}",
        "{\"age\":1,\"age\":2,\"city\":\"a\",\"active\":true,\"score\":1,\"a-longer-name\":0}",
        "{\"age\":\"\\u00e9\",\"city\":\"a\\\"b\",\"active\":true,\"score\":1,\"a-longer-name\":0}",
        "{\"age\":\"\\u00e9\",\"age\":1,\"age\":\"\\n\",\"x\":\"\\t\"}",
        "{\"age\":[1],\"city\":{},\"active\":true,\"score\":1,\"a-longer-name\":0}",
        "{\"page\":1,\"age\":2,\"city\":\"a\",\"active\":true,\"score\":1,\"a-longer-name\":0}",
        "{\"age\":1,\"city\":\"a\",\"active\":nul,\"score\":1,\"a-longer-name\":0}",
        "{\"age\":1,\"city\":\"a\",\"active\":1true,\"score\":1,\"a-longer-name\":0}",
        "{\"age\":1,\"city\":\"a\",\"active\":falsely,\"score\":1,\"a-longer-name\":0}",
        "{\"age\":1,\"city\":\"a\",\"active\":true,\"score\":1e5,\"b-longer-name\":0}",
        "{\"age\":1,\"city\":\"a\",\"active\":true,\"score\":tru",
        "{\"age\":1,\"city\":\"a\",\"active\":true,\"score\":1,\"b-longer-name\":0}",
        "{\"age\":1,\"city\":\"a\",\"active\":truee,\"score\":1,\"a-longer-name\":0}",
        "{\"age\":1,\"city\":\"a\",\"active\":nullnull,\"score\":1,\"a-longer-name\":0}",
        "{\"age\":1,\"city\":\"a\",\"active\":falsetrue,\"score\":1,\"a-longer-name\":0}",
        "{\"x\":{\"age\":1},\"age\":null,\"city\":null,\"active\":null,\"score\":null}",
        " {\"age\":1}",
        "x",
    };
    if (odd && next_random(seed) % odd == 0) {
        buf_printf(b, "%s\n", ODD[next_random(seed) % COUNT_OF(ODD)]);
        return;
    }
    uint64_t n = next_random(seed);
    buf_printf(b, "{\"id\":%d,\"ok\":%s,\"age\":%d,\"city\":\"%.*s\",", (int)(n % 100000),
               n & 1 ? "true" : "null", (int)(n % 101), (int)(n % 9), "Montevideo");
    buf_printf(b, "\"active\":%s,\"score\":", n & 2 ? "true" : "false");
    buf_printf(b, n % 20 ? "0.%04d" : "null", (int)(n % 10000));
    buf_printf(b, ",\"tags\":[null,true,\"age\"],\"a-longer-name\":%d,\"z\":[false]}\n",
               (int)(n % 3000));
}

/* Rows of one shape with some others between: none, few, many. */
static void test_alike(void **state) {
    (void)state;
    static const char *const WANTED[] = {"age", "age city active score a-longer-name",
                                         "score ok active", "id z age city", "city.x age"};
    static const uint32_t ODD[] = {0, 900, 40, 5};
    uint64_t seed = 20263;
    for (size_t i = 0; i < COUNT_OF(WANTED) * COUNT_OF(ODD); i++) {
        struct buf in = {0};
        struct reads t;
        for (int row = 0; row < MANY; row++)
            add_row(&in, &seed, ODD[i / COUNT_OF(WANTED)]);
        reads_begin(&t, WANTED[i % COUNT_OF(WANTED)], OPTIONS_LINES);
        t.dump.skip = true;
        t.dump.plain = false;
        t.dump.options.simd = SIMD_PORTABLE;
        size_t mark = kept.n;
        const char *want = reads_text(&t, in.data, in.len, 0);
        t.dump.options.simd = SIMD_BEST;
        for (size_t k = 0; k < 4; k++) {
            t.dump.defers = k & 1;
            assert_string_equal(reads_text(&t, in.data, in.len, k & 2 ? 30011 : 0), want);
        }
        while (kept.n > mark)
            free(kept.p[--kept.n]);
        reads_end(&t);
        buf_done(&in);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        value_test(test_values),
        value_test(test_last_value),
        value_test(test_long_name),
        value_test(test_alike),
    };
    return cmocka_run_group_tests_name("sift", tests, NULL, NULL);
}

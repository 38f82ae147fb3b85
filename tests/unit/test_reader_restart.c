/* reader_restart: on at another place of the input, where a row begins. */
#include "reader_unit.h"

struct restart {
    enum reader_format format;
    const char *first, *then; /* what is fed before and behind it */
    bool possible;
    const char *rows; /* values of a, "!" and the code for a fault */
    uint64_t fault;   /* its offset */
};

/* Feeds the text, and adds its rows to out. Gives what has not been used. */
static const char *feed(struct reader *r, struct block *b, const char *text, bool last,
                        struct buf *out) {
    const uint8_t *p = (const uint8_t *)text, *end = p + strlen(text);
    uint32_t n = 1;
    while (n > 0) {
        block_clear(b, 1);
        p = reader_fill(r, p, end, last, b, &n);
        for (uint32_t i = 0; i < n; i++)
            dump_plain(out, column_get(&b->columns[0], i));
    }
    if (r->status != E_OK)
        buf_printf(out, " !%s", status_name(r->status));
    return (const char *)p;
}

static void check(const struct restart *t) {
    struct reads reads;
    struct reader r;
    struct block b;
    struct arena arena;
    struct buf out = {0};
    struct reader_options options = {.format = t->format, .row_depth = 8, .row_fields = 30};
    reads_begin(&reads, "a", options);
    arena_init(&arena, NULL);
    assert_true(reader_init(&r, &arena, &reads.fields, &options));
    assert_true(block_init(&b, 1, true, NULL));
    const char *left = feed(&r, &b, t->first, false, &out);
    uint64_t used = (uint64_t)(left - t->first), rows = r.rows;
    enum status status = r.status;
    assert_true(reader_restart(&r) == t->possible);
    assert_int_equal(r.rows, rows);
    assert_int_equal(r.status, t->possible ? E_OK : status);
    if (t->possible)
        feed(&r, &b, t->then, true, &out);
    buf_byte(&out, '\0');
    assert_string_equal(out.data, t->rows);
    if (t->possible && r.status != E_OK)
        assert_int_equal(reader_fault_offset(&r), used + t->fault);
    buf_done(&out);
    block_done(&b);
    reader_done(&r);
    arena_done(&arena);
    reads_end(&reads);
}

static void test_restart(void **state) {
    (void)state;
    static const struct restart CASES[] = {
        {FORMAT_CSV, "x,a\n1,2\n", "3,4\n5,6", true, " '2' '4' '6'", 0},
        {FORMAT_CSV, "x,a\n1,2\n\"3,", "4,5\n", true, " '2' '5'", 0}, /* a quote that is open */
        {FORMAT_CSV, "x,a\n1,2\n3\n", "4,5\n", true, " '2' !ROW_INVALID '5'", 0},
        {FORMAT_CSV, "x,a\n", "4,5\n6\n", true, " '5' !ROW_INVALID", 4},
        {FORMAT_CSV, "x,a", "4,5\n", false, "", 0}, /* no header yet */
        {FORMAT_CSV, "", "4,5\n", false, "", 0},
        {FORMAT_JSONL, "{\"a\":1}\n{\"a\":", "{\"a\":3}\n{\"a\":4}", true, " i1 i3 i4", 0},
        {FORMAT_JSONL, "{\"a\":1}\n{\"a\":\"", "{\"a\":3}\n", true, " i1 i3", 0},
        {FORMAT_JSONL, "{\"a\":1}\n{\"a\":}\n", "{\"a\":3}\n[]", true,
         " i1 !ROW_INVALID i3 !ROW_NOT_MAP", 8},
        {FORMAT_JSONL, "", "[{\"a\":1}]", true, " !ROW_NOT_MAP", 0}, /* lines, not an array */
        {FORMAT_JSONL, " \n ", "{\"a\":1}\n", true, " i1", 0},
        {FORMAT_JSONL, "[{\"a\":1},", "{\"a\":1}\n", false, " i1", 0},
        {FORMAT_MSGPACK,
         "\x81\xA1"
         "a\x05\x81",
         "", false, " i5", 0},
    };
    for (size_t i = 0; i < COUNT_OF(CASES); i++)
        check(&CASES[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {value_test(test_restart)};
    return cmocka_run_group_tests_name("reader_restart", tests, NULL, NULL);
}

/* Sources whose wanted field is the path of no steps: each row comes whole, as a map; the rows of a
 * template by source_map. (Of bytes of a format the readers' tests say it.)
 */
#include "engine_unit.h"

/* A path of no steps: the rows as maps, shown as JSON; "-" is missing. */
static const struct {
    const char *payload, *rows;
} WHOLE[] = {
    {"['maps', [{'a': 1, 2: [3]}, {}]]", "{'a': 1, 2: [3]} {}"},
    {"['template', ['a', 'b'], [[1, {'c': nil}], [2], []]]",
     "{'a': 1, 'b': {'c': nil}} {'a': 2} {}"},
    {"['template', ['a', 'b'], [[1, 2], [3, 4]], #09]", "{'a': 1} {'b': 4}"},
    {"['template', ['a', 'b', 'a'], [[1, 2, 3], [1, 2]]]", "{'b': 2, 'a': 3} {'b': 2}"},
    {"['template', ['a', 'a'], [[1, 2], [1, 2]], #0d]", "{} {'a': 2}"},
    {"['template', [], [[], []]]", "{} {}"},
    {"['columns', 1, [['a', 'list', [1]]]]", "-"},
};

static void open_whole(struct opened *o, const char *payload, struct buf *message,
                       enum status *ret) {
    static const struct path ROW = {.n = 0};
    size_t at, mark;
    *o = (struct opened){0};
    error_clear(&o->error);
    message_of(payload, message, &at, &mark);
    arena_init(&o->arena, NULL);
    assert_true(fields_build(&o->fields, &o->arena, &ROW, 1));
    assert_true(scanner_init(&o->scanner, &o->arena, &o->fields, 64, 4096));
    assert_true(block_init(&o->block, 1, true, NULL));
    *ret = source_open(&o->source, message->data, at, message->len, 0, &o->scanner, NULL, NULL,
                       &limits, &o->arena, &o->error);
}

/* What the map is, in the shortest form of its header. */
static void add_map(struct value v, struct buf *out) {
    const uint8_t *body;
    mp_write_map(out, mp_container(v, &body));
    buf_add(out, body, (size_t)(v.w.p + v.n - body));
}

static enum status add_rows(struct opened *o, struct buf *out) {
    for (;;) {
        uint32_t n;
        block_clear(&o->block, 1);
        enum status status = source_fill(&o->source, &o->block, &n, &o->error);
        if (status != E_OK || n == 0)
            return status;
        for (uint32_t row = 0; row < n; row++) {
            struct value v = column_get(&o->block.columns[0], row);
            if (v.type == T_MISSING)
                buf_byte(out, '-');
            else
                add_map(v, out);
        }
    }
}

static enum status add_template(struct opened *o, struct buf *out) {
    while (source_map(&o->source, out, &o->error))
        ;
    return o->error.status;
}

static void test_whole_rows(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(WHOLE); i++) {
        char payload[512], rows[512];
        struct buf message, got = {0}, want = {0};
        struct opened o;
        enum status status;
        with_quotes(WHOLE[i].payload, payload, sizeof payload);
        with_quotes(WHOLE[i].rows, rows, sizeof rows);
        open_whole(&o, payload, &message, &status);
        assert_int_equal(status, E_OK);
        status = source_is_template(&o.source) ? add_template(&o, &got) : add_rows(&o, &got);
        assert_int_equal(status, E_OK);
        size_t mark = NO_MARK;
        for (const char *p = rows; *p; p = text_blank(p))
            p = *p == '-' ? (buf_byte(&want, '-'), p + 1) : text_item(p, &want, &mark);
        if (got.len != want.len || memcmp(got.data, want.data, got.len) != 0)
            fail_msg("%s: not %s", payload, rows);
        block_done(&o.block);
        arena_done(&o.arena);
        buf_done(&message);
        buf_done(&got);
        buf_done(&want);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_whole_rows)};
    limits_default(&limits);
    return cmocka_run_group_tests_name("whole_rows", tests, NULL, NULL);
}

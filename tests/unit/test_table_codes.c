/* Terms over dictionaries whose wanted codes are neighbours (plan/scan_dict.c), in chunks with
 * codes of each width and of a dictionary that has grown since, at every level of dense loops.
 * Texts come in ascending order, so that a row's text, its number and its code are one. */
#include "plan/scan_tree.h"
#include "table_unit.h"

enum {
    PARTS = 5,
    FIRST_CODES = SEGMENT_ROWS < 500 ? SEGMENT_ROWS / 3 : 200, /* of the first part */
    STEP = SEGMENT_ROWS * 2 / 5,                               /* of each other part */
    CODES = STEP * (PARTS - 1)
};

static struct limits limits;

static uint32_t number_of(uint32_t part, uint32_t row) {
    return part == 0 ? row % FIRST_CODES : (part - 1) * STEP + row / 2 % STEP;
}
/* The first row of each number does, so that codes still come in order. */
static bool has_number(uint32_t row) { return row < FIRST_CODES || row % 14 != 3; }

static struct table *make(void) {
    struct table *t = table_new((struct str){NULL, 0}, &limits, NULL);
    struct batch *b = batch_new(t);
    struct buf rows = {0};
    for (uint32_t i = 0; i < PARTS * SEGMENT_ROWS; i++) {
        char text[16];
        snprintf(text, sizeof text, "%06u", number_of(i / SEGMENT_ROWS, i % SEGMENT_ROWS));
        rows.len = 0;
        mp_write_map(&rows, 2);
        mp_write_text(&rows, "every");
        mp_write_text(&rows, text);
        mp_write_text(&rows, "some");
        if (has_number(i % SEGMENT_ROWS))
            mp_write_text(&rows, text);
        else
            mp_write_nil(&rows);
        add_rows(b, &rows);
    }
    commit_as(b, BATCH_APPEND);
    batch_free(b);
    buf_done(&rows);
    return t;
}

/* The numbers low .. high, or all others. */
struct condition {
    const char *op; /* with low, and for BETWEEN high */
    uint32_t low, high;
    bool outside;
};

static bool keeps(const struct condition *c, uint32_t n) {
    return (c->low <= n && n <= c->high) != c->outside;
}

static void check_part(const struct condition *c, struct scan *scan, const struct snapshot *s,
                       uint32_t at, bool all) {
    static uint64_t in[CHUNK_WORDS], got[CHUNK_WORDS];
    const struct part *p = &s->parts[at];
    const struct chunk *chunk = chunk_of(p, snapshot_column(s, str_of(all ? "every" : "some")));
    uint32_t want = 0;
    assert_int_equal(chunk->kind, CHUNK_CODES);
    for (uint32_t row = 0; row < p->n; row++) {
        uint64_t bit = UINT64_C(1) << row % 64;
        in[row / 64] = (row % 64 ? in[row / 64] : 0) | (row % 5 != 0 ? bit : 0);
    }
    uint32_t kept = scan_part(scan, &chunk, p->n, in, got);
    for (uint32_t row = 0; row < p->n; row++) {
        bool wanted = row % 5 != 0 && (all || has_number(row)) && keeps(c, number_of(at, row));
        want += wanted;
        if (wanted != (got[row / 64] >> row % 64 & 1))
            fail_msg("%s %u %u: part %u, row %u", c->op, c->low, c->high, at, row);
    }
    assert_int_equal(kept, want);
}

static void check(const struct condition *c, const struct snapshot *s, enum dense_level level,
                  bool all) {
    char text[128];
    struct query q = {0};
    struct error e;
    struct run_options options = {.row_depth = 64, .row_fields = 4096};
    error_clear(&e);
    bool two = strstr(c->op, "between") != NULL;
    snprintf(text, sizeof text, two ? "%s %s '%06u' and '%06u'" : "%s %s '%06u'",
             all ? "every" : "some", c->op, c->low, c->high);
    assert_int_equal(query_parse(&q, str_of(text), &limits, NULL, &e), E_OK);
    struct plan *p = plan_new(&q, NULL, &limits, NULL, &e);
    assert_non_null(p);
    struct scan *scan = scan_new(p, &limits, NULL, &e);
    assert_non_null(scan);
    scan->ops = dense_ops_at(level);
    scan_begin(scan, &options);
    for (uint32_t i = 0; i < PARTS; i++)
        check_part(c, scan, s, i, all);
    uint64_t looked_up = 0;
    for (int how = HOW_LOOKUP_8; how <= HOW_LOOKUP_32; how++)
        looked_up += scan->root->how[how];
    assert_int_equal(looked_up, 0); /* an interval does it */
    scan_free(scan);
    plan_free(p);
    query_done(&q);
}

static void test_intervals(void **state) {
    (void)state;
    static const struct condition CONDITIONS[] = {
        {"=", 5, 5, false},
        {"=", 0, 0, false},
        {"=", CODES - 1, CODES - 1, false},
        {"<>", 5, 5, true},
        {"<>", STEP + 1, STEP + 1, true},
        {"between", 0, FIRST_CODES / 2, false},
        {"between", FIRST_CODES / 2, FIRST_CODES - 10, false},
        {"between", STEP, 2 * STEP, false},
        {"between", STEP + STEP / 4, STEP + STEP / 2, false},
        {"between", FIRST_CODES, CODES, false},
        {"between", 0, CODES, false},
        {"between", 3 * STEP, CODES - 2, false},
        {"not between", FIRST_CODES / 3, FIRST_CODES - 2, true},
        {"not between", STEP / 2, 3 * STEP, true},
        {"not between", 2 * STEP, CODES + 5, true},
        {">=", FIRST_CODES / 2, CODES, false},
        {"<", STEP / 2, CODES, true},
    };
    struct table *t = make();
    const struct snapshot *s = table_snapshot(t);
    assert_int_equal(s->n_parts, PARTS);
    for (int level = 0; level < DENSE_LEVELS; level++)
        for (size_t i = 0; dense_ops_at((enum dense_level)level) && i < COUNT_OF(CONDITIONS); i++)
            for (int all = 0; all < 2; all++)
                check(&CONDITIONS[i], s, (enum dense_level)level, all);
    snapshot_unref(s);
    table_unref(t);
}

int main(void) {
    limits = table_limits();
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_intervals)};
    return cmocka_run_group_tests_name("codes of tables", tests, NULL, NULL);
}

/* Compiling: the size of plans, what is merged and folded, parameters, refusals. */
#include "plan/program.h"

#include "plan_unit.h"

static void repeat(struct buf *b, const char *text, int n) {
    while (n-- > 0)
        buf_add_text(b, text);
}

static const char *text_of(struct buf *b) {
    buf_byte(b, '\0');
    assert_false(buf_failed(b));
    return (const char *)b->data;
}

/* --- size --- */

/* `head` n times, `middle`, `tail` n times. */
struct nest {
    const char *head, *middle, *tail;
};

static uint32_t steps_of_nest(const struct nest *n, int depth) {
    struct buf text = {0};
    struct compiled c;
    repeat(&text, n->head, depth);
    buf_add_text(&text, n->middle);
    repeat(&text, n->tail, depth);
    compile_or_fail(&c, text_of(&text), NULL);
    uint32_t steps = c.plan->n_steps;
    compiled_done(&c);
    buf_done(&text);
    return steps;
}

static void test_steps_are_linear(void **state) {
    (void)state;
    static const struct nest NESTS[] = {
        {"(", "a = 1", ") IS UNKNOWN"},
        {"(NOT ", "a = 1", ") IS UNKNOWN"},
        {"(", "a = 1", ") IS NULL"},
        {"((", "a = 1", ") IS FALSE) IS UNKNOWN"},
        {"(", "a = 1", ") = b"},
        {"(c = ", "(a = 1)", ")"},
        {"(", "a = 1", ") IS DISTINCT FROM b"},
        {"(", "a = 1", ") IN (b, c)"},
        {"(", "a = 1", ") BETWEEN b AND c"},
        {"(", "a = 1", ") BETWEEN FALSE AND c"},
        {"(", "a = 1", ") LIKE b"},
        {"(", "a = 1", " AND b) OR c"},
        {"(NOT (", "a = 1", " AND b) OR c)"},
        {"((", "a = 1", " AND b) OR c) IS UNKNOWN"},
        {"(((", "a = 1", " OR b) IS UNKNOWN) = c)"},
        {"(ANY e IN t SATISFIES ", "a = 1", " END)"},
        {"((ANY e IN t SATISFIES ", "a = 1", " END) IS UNKNOWN)"},
        {"((EVERY e IN t SATISFIES e.x AND ", "a = 1", " END) = b)"},
    };
    for (size_t i = 0; i < COUNT_OF(NESTS); i++) {
        uint32_t one = steps_of_nest(&NESTS[i], 1), more = steps_of_nest(&NESTS[i], 21);
        uint32_t many = steps_of_nest(&NESTS[i], 61);
        if (many - more > 2 * (more - one) || many > 61 * 20)
            fail_msg("%s%s%s: %u steps, then %u, then %u", NESTS[i].head, NESTS[i].middle,
                     NESTS[i].tail, one, more, many);
    }
    /* as deep as the limit query_depth lets it be */
    static const struct nest DEEP[] = {
        {"(", "a = 1", ") IS UNKNOWN"}, {"(", "a = 1", ") = b"}, {"(", "a = 1", ") IN (b, c)"}};
    assert_true(steps_of_nest(&DEEP[0], 200) <= 200 * 10);
    assert_true(steps_of_nest(&DEEP[1], 200) <= 200 * 10);
    assert_true(steps_of_nest(&DEEP[2], 84) <= 84 * 20);
}

/* Deep nests give right answers too. */
static void test_deep_answers(void **state) {
    (void)state;
    struct rows rows = {0};
    for (int i = 0; i < 27; i++) {
        mp_write_map(&rows.bytes, 4);
        const char *const names[] = {"a", "b", "c"};
        for (int k = 0, left = i; k < 3; k++, left /= 3) {
            mp_write_text(&rows.bytes, names[k]);
            if (left % 3 == 2)
                mp_write_nil(&rows.bytes);
            else if (k == 0)
                mp_write_int(&rows.bytes, left % 3);
            else
                mp_write_bool(&rows.bytes, left % 3);
        }
        mp_write_text(&rows.bytes, "t");
        mp_write_array(&rows.bytes, 2);
        mp_write_bool(&rows.bytes, i % 2);
        mp_write_nil(&rows.bytes);
        rows_end_one(&rows);
    }
    static const struct nest NESTS[] = {{"(", "a = 1", ") IS UNKNOWN"},
                                        {"(", "a = 1", ") = b"},
                                        {"(", "a = 1", ") IN (b, c)"},
                                        {"(", "a = 1", ") IS DISTINCT FROM c"},
                                        {"((", "a = 1", " AND b) OR c)"},
                                        {"((NOT (", "a = 1", " OR b)) = c)"},
                                        {"((", "a = 1", " AND b) IS UNKNOWN OR c)"}};
    for (size_t i = 0; i < COUNT_OF(NESTS); i++)
        for (int depth = 1; depth < 40; depth += 6) {
            struct buf text = {0};
            repeat(&text, NESTS[i].head, depth);
            buf_add_text(&text, NESTS[i].middle);
            repeat(&text, NESTS[i].tail, depth);
            check_plan(text_of(&text), NULL, &rows, NULL);
            buf_done(&text);
        }
    static const struct nest ANYS = {"(ANY e IN t SATISFIES e OR ", "a = 1",
                                     " END) IS NOT DISTINCT FROM b"};
    for (int depth = 1; depth < 6; depth++) {
        struct buf text = {0};
        repeat(&text, ANYS.head, depth);
        buf_add_text(&text, ANYS.middle);
        repeat(&text, ANYS.tail, depth);
        check_plan(text_of(&text), NULL, &rows, NULL);
        buf_done(&text);
    }
    buf_done(&rows.bytes);
}

/* --- merging and folding --- */

static uint32_t steps_of(const char *text) {
    struct compiled c;
    compile_or_fail(&c, text, NULL);
    uint32_t steps = c.plan->n_steps;
    compiled_done(&c);
    return steps;
}

static void test_many_equalities_become_one_set(void **state) {
    (void)state;
    struct buf text = {0}, other = {0};
    buf_add_text(&text, "x = 0");
    buf_add_text(&other, "x > 0");
    for (int i = 1; i < 10000; i++) {
        buf_printf(&text, i % 2 ? " OR x = %d" : " OR x = 'v%d'", i);
        buf_printf(&other, " OR f%d > %d", i % 50, i);
    }
    struct compiled c;
    compile_or_fail(&c, text_of(&text), NULL);
    assert_int_equal(c.plan->n_steps, 1);
    assert_int_equal(c.plan->program->steps[0].term->shape, TERM_IN);
    compiled_done(&c);

    struct rows rows = {0};
    for (int i = 0; i < 3; i++) {
        mp_write_map(&rows.bytes, 2);
        mp_write_text(&rows.bytes, "x");
        if (i == 0)
            mp_write_int(&rows.bytes, 9999);
        else
            mp_write_text(&rows.bytes, i == 1 ? "v9998" : "v9999");
        mp_write_text(&rows.bytes, "f7");
        mp_write_int(&rows.bytes, i == 2 ? 9957 : 7);
        rows_end_one(&rows);
    }
    bool kept[3];
    compile_or_fail(&c, (const char *)text.data, NULL);
    run_rows(c.plan, &rows, BLOCK_ROWS, kept);
    assert_true(kept[0] && kept[1] && !kept[2]);
    compiled_done(&c);
    compile_or_fail(&c, text_of(&other), NULL);
    assert_true(c.plan->n_steps >= 10000 && c.plan->n_steps < 50000);
    run_rows(c.plan, &rows, BLOCK_ROWS, kept);
    assert_true(kept[0] && !kept[1] && kept[2]);
    compiled_done(&c);
    buf_done(&rows.bytes);
    buf_done(&text);
    buf_done(&other);
}

static void test_merging_keeps_fields_apart(void **state) {
    (void)state;
    assert_int_equal(steps_of("a = 1 OR a = 2 OR a = 3"), 1);
    assert_true(steps_of("a = 1 OR a = 2 OR b = 3") > 1);
    assert_int_equal(steps_of("NOT (a = 1 OR a = 2 OR a = 3)"), 1);
    assert_int_equal(steps_of("a = 1 OR 2 = a OR a = 'x' OR a = DOUBLE 'nan'"), 1);
}

static void test_constants_are_folded(void **state) {
    (void)state;
    assert_int_equal(steps_of("TRUE"), 0);
    assert_int_equal(steps_of("1 = 1 AND NOT 2 < 1"), 0);
    assert_int_equal(steps_of("a = 1 OR 1 < 2"), 0);
    assert_int_equal(steps_of("a = 1 AND 'a' LIKE '_'"), 1);
    assert_int_equal(steps_of("FALSE AND a = 1"), 1); /* `none` */
}

static void test_fields(void **state) {
    (void)state;
    struct compiled c;
    compile_or_fail(&c,
                    "a.b = 1 AND a.b < 5 AND \"x y\"[3] = a AND "
                    "(ANY e IN t SATISFIES e.q = z AND t[0] = 1 END)",
                    NULL);
    assert_int_equal(plan_fields(c.plan)->n_slots, 6);
    const struct path *paths;
    uint32_t n;
    assert_true(query_fields(&c.query, &c.query.arena, &paths, &n));
    assert_int_equal(n, 6); /* a.b "x y"[3] a t z t[0] */
    struct buf b = {0};
    for (uint32_t i = 0; i < n; i++) {
        path_print(paths[i], &b);
        buf_byte(&b, ' ');
    }
    assert_string_equal(text_of(&b), "a.b \"x y\"[3] a t z t[0] ");
    buf_done(&b);
    compiled_done(&c);
}

/* --- parameters and refusals --- */

struct refusal {
    const char *text;
    const char *params; /* msgpack, one value behind the other; NULL: missing */
    size_t n_params, n_bytes;
    enum status status;
    uint64_t pos;
    const char *part; /* of the message */
};

#define P(bytes) (bytes), 1, sizeof(bytes) - 1

static size_t read_params(const char *bytes, size_t n, struct value *params) {
    struct mp_reader r;
    size_t count = 0;
    mp_reader_init(&r, bytes, n, 64);
    while (!mp_at_end(&r))
        params[count++] = mp_read_value(&r);
    assert_int_equal(r.status, E_OK);
    return count;
}

static void test_refusals(void **state) {
    (void)state;
    static const struct refusal REFUSALS[] = {
        {"a = :x", NULL, 1, 0, E_PARAM_MISSING, ERROR_NONE, "\":x\""},
        {"a = ?", NULL, 1, 0, E_PARAM_MISSING, ERROR_NONE, "number 1"},
        {"a IN :list", P("\x05"), E_PARAM_TYPE, 5, "not integer"},
        {"a IN :list", P("\xC0"), E_PARAM_TYPE, 5, "not null"},
        {"a LIKE :p ESCAPE '!'", P("\xA2!a"), E_BAD_ESCAPE, 7, "byte 0"},
        {"a LIKE :p ESCAPE '!'", P("\xA3xy!"), E_BAD_ESCAPE, 7, "byte 2"},
        {"NULL LIKE :p ESCAPE '!'", P("\xA3xy!"), E_BAD_ESCAPE, 10, "byte 2"},
        {"'a' LIKE :p ESCAPE '!'", P("\xA3xy!"), E_BAD_ESCAPE, 9, "byte 2"},
        {"a LIKE '%' ESCAPE :e", P("\xA2!!"), E_BAD_ESCAPE, 18, "exactly one"},
        {"a LIKE '%' ESCAPE :e", P("\xA0"), E_BAD_ESCAPE, 18, "exactly one"},
        {"a LIKE '%' ESCAPE :e", P("\x05"), E_BAD_ESCAPE, 18, "one character"},
        {"ANY e IN t SATISFIES a ILIKE :p ESCAPE '_' END", P("\xA2_a"), E_BAD_ESCAPE, 29, "byte 0"},
    };
    for (size_t i = 0; i < COUNT_OF(REFUSALS); i++) {
        const struct refusal *r = &REFUSALS[i];
        struct query q = {0};
        struct value params[4] = {{0}};
        struct error e;
        error_clear(&e);
        assert_status(query_parse(&q, str_of(r->text), &limits, NULL, &e), E_OK, r->text);
        if (r->params)
            read_params(r->params, r->n_bytes, params);
        assert_null(plan_new(&q, r->params || i % 2 ? params : NULL, &limits, NULL, &e));
        assert_status(e.status, r->status, r->text);
        assert_true(e.pos == r->pos);
        if (!strstr(e.message, r->part))
            fail_msg("%s: %s", r->text, e.message);
        assert_true(e.near_text[0] != '\0' && (e.pos == ERROR_NONE) == (e.length == 0));
        if (e.pos != ERROR_NONE)
            assert_memory_equal(e.near_text, r->text + e.pos, e.length);
        query_done(&q);
    }
}

static void test_list_limit(void **state) {
    (void)state;
    struct query q = {0};
    struct error e;
    struct limits few = limits;
    struct value list = value_bytes(T_ARRAY, "\x93\x01\x02\x03", 4);
    /* the items of the parameter are counted */
    few.list_items = 3;
    assert_int_equal(query_parse(&q, str_of("a IN :x"), &few, NULL, NULL), E_OK);
    struct plan *plan = plan_new(&q, &list, &few, NULL, NULL);
    assert_non_null(plan);
    plan_free(plan);
    few.list_items = 2;
    error_clear(&e);
    assert_null(plan_new(&q, &list, &few, NULL, &e));
    assert_int_equal(e.status, E_LIST_TOO_LONG);
    assert_int_equal(e.limit, 2);
    assert_int_equal(e.actual, 3);
    assert_int_equal(e.pos, 5);
    assert_string_equal(e.near_text, ":x");
    query_done(&q);
}

static void test_parameters(void **state) {
    (void)state;
    static const struct {
        const char *text, *bytes;
        size_t n;
    } CASES[] = {
        {"a = :x", "\x01", 1},
        {"a < :x AND b > :x", "\x02", 1},
        {"a = ? OR b = ?", "\x01\xA1x", 3},
        {"a = :x", "\xC0", 1},
        {"a = :x", "\x91\x01", 2},
        {":x", "\xC3", 1},
        {":x", "\x05", 1},
        {":x IS NULL OR a = 1", "\xC0", 1},
        {"a IN :x", "\x93\x01\xA1x\xC2", 5},
        {"a NOT IN :x", "\x92\x01\xC0", 3},
        {"a NOT IN :x", "\x90", 1},
        {"a IN :x", "\x90", 1},
        {"1 IN :x", "\x92\x02\x01", 3},
        {"a IN (:x, 1)", "\xA1x", 2},
        {"a NOT IN (b, :x)", "\xC0", 1},
        {"a LIKE :x", "\xA2x%", 3},
        {"a LIKE :x", "\x05", 1},
        {"a LIKE :x ESCAPE :y", "\xA3!%%\xA1!", 6},
        {"a LIKE '%' ESCAPE :y", "\xC0", 1},
        {"STARTS_WITH(a, :x) OR CONTAINS(:x, a)", "\xA1x", 2},
        {"a BETWEEN :x AND :y", "\x01\xCB\x40\x04\0\0\0\0\0\0", 10},
        {"a BETWEEN :x AND :y", "\x01\xA1x", 3},
        {"ANY e IN t SATISFIES e = :x END", "\x01", 1},
    };
    struct rows rows = {0};
    static const char ROWS[] = "\x82\xA1"
                               "a\x01\xA1"
                               "b\x02"
                               "\x82\xA1"
                               "a\xA1x\xA1"
                               "b\x03"
                               "\x82\xA1"
                               "a\xA2%x\xA1"
                               "b\xC0"
                               "\x82\xA1"
                               "a\x91\x01\xA1t\x92\x01\x02"
                               "\x82\xA1"
                               "a\xC2\xA1t\x92\xC0\x02"
                               "\x81\xA1"
                               "a\xCB\x40\x02\0\0\0\0\0\0"
                               "\x80";
    struct mp_reader r;
    mp_reader_init(&r, ROWS, sizeof ROWS - 1, 64);
    while (!mp_at_end(&r)) {
        mp_write_value(&rows.bytes, mp_read_value(&r));
        rows_end_one(&rows);
    }
    assert_int_equal(rows.n, 7);
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        struct value params[4];
        char text[128];
        read_params(CASES[i].bytes, CASES[i].n, params);
        check_plan(CASES[i].text, params, &rows, NULL);
        snprintf(text, sizeof text, "NOT (%s)", CASES[i].text);
        check_plan(text, params, &rows, NULL);
        snprintf(text, sizeof text, "(%s) IS UNKNOWN", CASES[i].text);
        check_plan(text, params, &rows, NULL);
    }
    buf_done(&rows.bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps_are_linear),
        cmocka_unit_test(test_deep_answers),
        cmocka_unit_test(test_many_equalities_become_one_set),
        cmocka_unit_test(test_merging_keeps_fields_apart),
        cmocka_unit_test(test_constants_are_folded),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_list_limit),
        cmocka_unit_test(test_parameters),
    };
    limits_default(&limits);
    return cmocka_run_group_tests_name("plan_compile", tests, NULL, NULL);
}

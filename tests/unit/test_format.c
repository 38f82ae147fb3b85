/* The format layer: the tree of wanted fields, and the scanner on ordinary rows. Hostile bytes:
 * test_scan.c, test_scan_hostile.c. */
#include "scan_unit.h"

/* --- fields --- */

static struct fields build(struct arena *a, const char *const *texts, uint32_t n) {
    struct fields f;
    struct path *paths = keep(calloc(n + 1, sizeof *paths));
    for (uint32_t i = 0; i < n; i++)
        paths[i] = path_of(texts[i]);
    assert_true(fields_build(&f, a, paths, n));
    assert_int_equal(f.n_slots, n);
    for (uint32_t i = 0; i < n; i++) {
        const struct field *node = fields_find(&f, paths[i]);
        assert_non_null(node);
        assert_int_equal(node->slot, i);
    }
    for (uint32_t i = 0; i < f.n_nodes; i++)
        assert_int_equal(f.nodes[i]->id, i);
    assert_ptr_equal(f.nodes[0], f.root);
    return f;
}

static bool has_slot(const struct field *node, uint32_t slot) {
    for (uint32_t i = 0; i < node->n_slots; i++)
        if (node->slots[i] == slot)
            return true;
    return false;
}

static void test_fields_tree(void **state) {
    (void)state;
    static const char *const PATHS[] = {"b", "a.c", "a", "a.b[2].x", "a.b[0]", "\"\"", "[3]", "ab"};
    struct arena a;
    arena_init(&a, NULL);
    struct fields f = build(&a, PATHS, COUNT_OF(PATHS));
    /* root, b, a, a.c, a.b, a.b[2], a.b[2].x, a.b[0], "", [3], ab */
    assert_int_equal(f.n_nodes, 11);
    assert_int_equal(f.root->slot, NO_SLOT);
    assert_int_equal(f.root->n_names, 4);
    assert_int_equal(f.root->n_indexes, 1);
    assert_int_equal(f.root->n_slots, COUNT_OF(PATHS));
    static const char *const ORDER[] = {"", "a", "ab", "b"};
    for (uint32_t i = 0; i < 4; i++)
        assert_true(str_is(f.root->names[i]->step.key, ORDER[i]));
    const struct field *node = fields_find(&f, path_of("a"));
    assert_int_equal(node->slot, 2); /* a leaf and a container */
    assert_int_equal(node->n_slots, 4);
    for (uint32_t slot = 1; slot <= 4; slot++)
        assert_true(has_slot(node, slot));
    node = fields_find(&f, path_of("a.b"));
    assert_int_equal(node->slot, NO_SLOT); /* on the way only */
    assert_int_equal(node->n_slots, 2);
    assert_int_equal(node->n_indexes, 2);
    assert_int_equal(node->indexes[0]->step.index, 0);
    assert_int_equal(node->indexes[1]->step.index, 2);
    assert_null(fields_find(&f, path_of("a.d")));
    assert_null(fields_find(&f, path_of("a.b[1]")));
    assert_null(fields_find(&f, path_of("b.x"))); /* below a leaf */
    assert_null(fields_find(&f, path_of("[0]")));
    assert_null(field_by_name(NULL, str_of("a")));
    assert_null(field_by_index(NULL, 0));
    assert_ptr_equal(fields_find(&f, (struct path){NULL, 0}), f.root);
    arena_done(&a);
}

static void test_fields_none_and_root(void **state) {
    (void)state;
    static const char *const PATHS[] = {"a", ""};
    struct arena a;
    arena_init(&a, NULL);
    struct fields f = build(&a, NULL, 0);
    assert_int_equal(f.n_nodes, 1);
    assert_int_equal(f.root->n_names + f.root->n_indexes + f.root->n_slots, 0);
    f = build(&a, PATHS, 2);
    assert_int_equal(f.root->slot, 1);
    assert_int_equal(f.root->n_slots, 2);
    arena_done(&a);
}

/* Thousands of siblings, and steps below steps: found by name and by index, without recursion. */
static void test_fields_many_and_deep(void **state) {
    (void)state;
    enum { N = 3000, STEPS = 20000 };
    struct arena a;
    arena_init(&a, NULL);
    const char **texts = keep(calloc(N, sizeof *texts));
    for (uint32_t i = 0; i < N; i++) {
        char text[40];
        snprintf(text, sizeof text, i % 2 ? "k.field%u" : "k[%u]", i * 7919u % 100000u);
        texts[i] = keep(strdup(text));
    }
    struct fields f = build(&a, texts, N);
    assert_int_equal(f.n_nodes, N + 2);
    const struct field *k = field_by_name(f.root, str_of("k"));
    for (uint32_t i = 1; i < k->n_indexes; i++)
        assert_true(k->indexes[i - 1]->step.index < k->indexes[i]->step.index);
    for (uint32_t i = 1; i < k->n_names; i++)
        assert_true(str_cmp(k->names[i - 1]->step.key, k->names[i]->step.key) < 0);
    char *deep = keep(calloc(STEPS + 1, 2));
    for (uint32_t i = 0; i < STEPS; i++)
        memcpy(deep + 2 * i, ".x", 2);
    const char *one[] = {deep};
    f = build(&a, one, 1);
    assert_int_equal(f.n_nodes, STEPS + 1);
    arena_done(&a);
}

/* A path of very many steps does not get a memory of keys for each. */
static void test_scanner_memory_is_bounded(void **state) {
    (void)state;
    enum { STEPS = 20000 };
    struct budget budget;
    struct arena a, b;
    struct scanner s;
    budget_init(&budget, 0);
    arena_init(&a, NULL);
    arena_init(&b, &budget);
    char *deep = keep(calloc(STEPS + 1, 2));
    for (uint32_t i = 0; i < STEPS; i++)
        memcpy(deep + 2 * i, ".x", 2);
    const char *one[] = {deep};
    struct fields f = build(&a, one, 1);
    assert_true(scanner_init(&s, &b, &f, DEPTH, WIDTH));
    assert_true(budget.used_bytes < 6 << 20);
    arena_done(&a);
    arena_done(&b);
    assert_int_equal(budget.used_bytes, 0);
}

/* --- rows --- */

static void test_rows(void **state) {
    (void)state;
    struct scanning t;
    scanning_begin(&t, "a b.c b.d[1] e[0].x \"\"", DEPTH, WIDTH);
    assert_row(&t, "{}", "missing", "missing", "missing", "missing", "missing");
    assert_row(&t, "{'a': 1, 'b': {'c': 'x', 'd': [1, 2.5]}, 'e': [{'x': null}], '': true}", "1",
               "'x'", "2.5", "null", "true");
    assert_row(&t, "{'x': 1, 'e': [], 'b': [{'c': 1}], 'a': [1]}", "[1]", "missing", "missing",
               "missing", "missing");
    assert_row(&t, "{'b': {'d': {'1': 1}}, 'e': {'x': 1}}", "missing", "missing", "missing",
               "missing", "missing");
    assert_row(&t, "{'b': {'d': [1]}, 'a': {'a': 1}}", "{'a': 1}", "missing", "missing", "missing",
               "missing");
    assert_row(&t, "{'b': 5, 'e': null, '': ''}", "missing", "missing", "missing", "missing", "''");
    assert_row(&t, "<de 00 01 d9 01 61 d1 00 05>", "5", "missing", "missing", "missing", "missing");
    assert_row(&t, "<df 00 00 00 01 db 00 00 00 00 c3>", "missing", "missing", "missing", "missing",
               "true");
    scanning_end(&t);
}

/* `a` and what is in it are both wanted; so is the row itself. */
static void test_leaf_and_container(void **state) {
    (void)state;
    struct scanning t;
    scanning_begin(&t, "a a.b a[1] a.b.c", DEPTH, WIDTH);
    assert_row(&t, "{'a': {'b': {'c': 1}}}", "{'b': {'c': 1}}", "{'c': 1}", "missing", "1");
    assert_row(&t, "{'a': [7, 8, 9]}", "[7, 8, 9]", "missing", "8", "missing");
    assert_row(&t, "{'a': 'x'}", "'x'", "missing", "missing", "missing");
    assert_row(&t, "{'a': {}}", "{}", "missing", "missing", "missing");
    assert_row(&t, "{'a': []}", "[]", "missing", "missing", "missing");
    scanning_end(&t);

    scanning_begin(&t, ". a", DEPTH, WIDTH);
    assert_row(&t, "{'a': 1, 'b': 2}", "{'a': 1, 'b': 2}", "1");
    assert_row(&t, "{}", "{}", "missing");
    scanning_end(&t);
}

static void test_last_key_wins(void **state) {
    (void)state;
    struct scanning t;
    scanning_begin(&t, "a.b a.c a", DEPTH, WIDTH);
    assert_row(&t, "{'a': {'b': 1}, 'a': {'c': 2}}", "missing", "2", "{'c': 2}");
    assert_row(&t, "{'a': {'b': 1}, 'a': 5}", "missing", "missing", "5");
    assert_row(&t, "{'a': 5, 'a': {'b': 1}}", "1", "missing", "{'b': 1}");
    assert_row(&t, "{'a': {'b': 1, 'b': 2, 'c': 3, 'b': null}}", "null", "3",
               "{'b': 1, 'b': 2, 'c': 3, 'b': null}");
    assert_row(&t, "{'a': {'b': 1}, 'a': {}}", "missing", "missing", "{}");
    assert_row(&t, "{'a': {'b': 1}, 'a': []}", "missing", "missing", "[]");
    assert_row(&t, "{'a': {'b': 1}, 'x': 2, <d9 01 61>: null}", "missing", "missing", "null");
    assert_row(&t, "{'a': {'b': 1}, <c4 01 61>: 5}", "1", "missing", "{'b': 1}");
    scanning_end(&t);
}

static void test_other_keys(void **state) {
    (void)state;
    struct scanning t;
    scanning_begin(&t, "a 1", DEPTH, WIDTH);
    assert_row(&t, "{1: 'int', <c4 01 61>: 'bin', null: 0, true: 0, 1.5: 0}", "missing", "missing");
    assert_row(&t, "{['a']: 1, {'a': 2}: 3, 'a': 4, [[]]: {}}", "4", "missing");
    assert_row(&t, "{<d6 ff 00 00 00 01>: 1, <c7 01 05 61>: 1, '1': 2}", "missing", "2");
    assert_row(&t, "{<a2 61 00>: 1, <a1 ff>: 2, 'A': 3}", "missing", "missing");
    scanning_end(&t);
}

/* --- scan_value: what stands inside a row of another form --- */

static void test_scan_value(void **state) {
    (void)state;
    struct scanning t;
    scanning_begin(&t, "a.b c", 3, WIDTH);
    struct bytes b = bytes_of("{'b': 7} 'x' [[1]]");
    const struct field *a = field_by_name(t.fields.root, str_of("a"));
    const struct field *c = field_by_name(t.fields.root, str_of("c"));
    const uint8_t *p = b.p, *end = b.p + b.n;
    p = scan_value(&t.scanner, a, p, end, 1, &t.block, 0);
    p = scan_value(&t.scanner, c, p, end, 1, &t.block, 0);
    assert_value_same(cell(&t, 0), value_int(7), "a.b");
    assert_value_same(cell(&t, 1), value_of("'x'"), "c");
    assert_ptr_equal(scan_value(&t.scanner, NULL, p, end, 1, &t.block, 0), end);
    /* the containers around count */
    assert_null(scan_value(&t.scanner, NULL, p, end, 2, &t.block, 0));
    assert_int_equal(t.scanner.status, E_ROW_TOO_DEEP);
    assert_ptr_equal(t.scanner.fault, p + 1);
    assert_null(scan_value(&t.scanner, a, b.p, end, 3, &t.block, 0));
    assert_int_equal(t.scanner.status, E_ROW_TOO_DEEP);
    assert_ptr_equal(t.scanner.fault, b.p);
    assert_null(scan_value(&t.scanner, c, p, end, 3, &t.block, 0));
    assert_int_equal(t.scanner.status, E_ROW_TOO_DEEP);
    assert_null(scan_value(&t.scanner, c, end, end, 1, &t.block, 0));
    assert_int_equal(t.scanner.status, E_ROW_TRUNCATED);
    scanning_end(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        value_test(test_fields_tree),
        value_test(test_fields_none_and_root),
        value_test(test_fields_many_and_deep),
        value_test(test_scanner_memory_is_bounded),
        value_test(test_rows),
        value_test(test_leaf_and_container),
        value_test(test_last_key_wins),
        value_test(test_other_keys),
        value_test(test_scan_value),
    };
    return cmocka_run_group_tests_name("format", tests, NULL, NULL);
}

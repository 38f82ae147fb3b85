/* Paths: equality, prefixes, and what stands at a path (QUERY.md N4, A1 to A3). */
#include "mp_unit.h"

static void test_equal_and_prefix(void **state) {
    (void)state;
    static const char *const PATHS[] = {"",  "a",   "b",     "a.b",  "a[0]", "a[1]",
                                        "0", "[0]", "a.b.c", "\"\"", "a.0",  "a.b[2].c"};
    for (size_t i = 0; i < COUNT_OF(PATHS); i++)
        for (size_t j = 0; j < COUNT_OF(PATHS); j++)
            assert_int_equal(path_eq(path_of(PATHS[i]), path_of(PATHS[j])), i == j);
    static const struct {
        const char *a, *b;
        bool prefix;
    } PREFIXES[] = {
        {"", "", true},           {"", "a.b", true},      {"a", "a", true},
        {"a", "a.b", true},       {"a", "ab", false},     {"a.b", "a", false},
        {"a.b", "a.c.b", false},  {"a", "a[0]", true},    {"a[0]", "a[0].b", true},
        {"a[0]", "a[1]", false},  {"a.0", "a[0]", false}, {"a[0]", "a.0", false},
        {"\"\"", "\"\".a", true}, {"\"\"", "[0]", false}, {"[0]", "\"\"", false},
    };
    for (size_t i = 0; i < COUNT_OF(PREFIXES); i++)
        if (path_is_prefix(path_of(PREFIXES[i].a), path_of(PREFIXES[i].b)) != PREFIXES[i].prefix)
            fail_msg("%s and %s", PREFIXES[i].a, PREFIXES[i].b);
}

static const struct {
    const char *row, *path, *found;
} LOOKUPS[] = {
    {"{'a': 1}", "", "{'a': 1}"}, /* no step: the row itself */
    {"5", "", "5"},
    {"{'a': 1, 'b': 'x'}", "b", "'x'"},
    {"{'a': 1}", "b", "missing"},
    {"{'a': 1}", "A", "missing"}, /* names are case-sensitive */
    {"{'a': null}", "a", "null"}, /* null is there */
    {"{}", "a", "missing"},
    {"{'': 1}", "\"\"", "1"},
    {"{'a': {'b': {'c': [1, 2]}}}", "a.b.c", "[1, 2]"},
    {"{'a': {'b': {'c': [1, 2]}}}", "a.b.c[1]", "2"},
    {"{'a': {'b': {'c': [1, 2]}}}", "a.b.c[2]", "missing"}, /* past the end */
    {"{'a': [1]}", "a[4294967295]", "missing"},
    {"{'a': []}", "a[0]", "missing"},
    {"{'a': [[1, 2], [3]]}", "a[1][0]", "3"},
    {"{'a': [{'b': 1}, {'b': 2}]}", "a[1].b", "2"},
    {"[5, 6]", "[1]", "6"},
    {"{'a': 5}", "a.b", "missing"}, /* a step into what is no map, and what is no array */
    {"{'a': 'text'}", "a[0]", "missing"},
    {"{'a': null}", "a.b", "missing"},
    {"{'a': {'0': 1}}", "a[0]", "missing"}, /* an index is no key and a key is no index */
    {"{'a': {0: 1}}", "a[0]", "missing"},
    {"{'a': [1]}", "a.0", "missing"},
    {"{'a': 1, 'a': 2}", "a", "2"}, /* the last of equal keys, at every level */
    {"{'a': 1, 'a': null}", "a", "null"},
    {"{'a': {'b': 1}, 'a': {'c': 2}}", "a.b", "missing"},
    {"{'a': {'b': 1}, 'a': {'c': 2}}", "a.c", "2"},
    {"{'a': {'b': 1}, 'a': 5}", "a.b", "missing"},
    {"{'a': {'b': 1}, 'a': 5}", "a", "5"},
    {"{'a': 5, 'a': {'b': 1}}", "a.b", "1"},
    {"{'a': {'b': 1, 'b': 2}}", "a.b", "2"},
    {"{'a': [1, 2], 'a': [3]}", "a[1]", "missing"},
    {"{'a': 1, <d9 01 61>: 2, <db 00 00 00 01 61>: 3}", "a", "3"}, /* a key in another width */
    {"{1: 'int', null: 'nil', <c4 01 61>: 'bin', 'x': 1}", "a", "missing"},
    {"{1: 'int'}", "1", "missing"},
    {"{'a': 1, <c4 01 61>: 2}", "a", "1"}, /* a bin is no name */
    {"{['a']: 1, {'a': 2}: 3, 'a': 4}", "a", "4"},
    {"{<a2 61 00>: 1, 'a': 2}", "a", "2"}, /* names have lengths */
    {"{<a1 ff>: 1}", "\xFF", "1"},         /* and need not be UTF-8 */
    {"<de 00 01 a1 61 dc 00 02 07 d9 01 78>", "a[1]", "'x'"},
};

static void test_lookups(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(LOOKUPS); i++) {
        char what[200];
        snprintf(what, sizeof what, "%s in %s", LOOKUPS[i].path, LOOKUPS[i].row);
        struct value found = path_lookup(value_of(LOOKUPS[i].row), path_of(LOOKUPS[i].path));
        assert_value_same(found, value_of(LOOKUPS[i].found), what);
    }
}

static void test_lookup_in_scalars(void **state) {
    (void)state;
    static const char *const VALUES[] = {"null",       "1",    "1.5",        "'a'",
                                         "<c4 01 61>", "true", "<d4 05 00>", "<d6 ff 00 00 00 00>",
                                         "missing"};
    for (size_t i = 0; i < COUNT_OF(VALUES); i++) {
        assert_int_equal(path_lookup(value_of(VALUES[i]), path_of("a")).type, T_MISSING);
        assert_int_equal(path_lookup(value_of(VALUES[i]), path_of("[0]")).type, T_MISSING);
    }
}

/* A path of a thousand steps, through the deepest value that readers accept. */
static void test_deepest(void **state) {
    (void)state;
    struct buf row = {0}, path = {0};
    for (uint32_t i = 0; i < MP_DEPTH_MOST; i++) {
        mp_text(&row, i % 2 ? "<92 c0>" : "<81 a1 6b>");
        buf_add_text(&path, i % 2 ? "[1]" : ".k");
    }
    mp_text(&row, "'bottom'");
    buf_byte(&path, 0);
    struct bytes bytes = bytes_take(&row), text = bytes_take(&path);
    struct value map = value_bytes(T_MAP, bytes.p, (uint32_t)bytes.n);
    struct path p = path_of((const char *)text.p);
    assert_int_equal(p.n, MP_DEPTH_MOST);
    assert_value_same(path_lookup(map, p), value_of("'bottom'"), "the deepest");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        value_test(test_equal_and_prefix),
        value_test(test_lookups),
        value_test(test_lookup_in_scalars),
        value_test(test_deepest),
    };
    return cmocka_run_group_tests_name("path", tests, NULL, NULL);
}

/* The command line of tamis, the values of parameters, and selections. */
#include "shell/options.h"
#include "shell/params.h"
#include "shell/report.h"
#include "shell/select.h"

#include "unit.h"

#include "value/mp.h"

#include <stdlib.h>
#include <string.h>

/* --- options --- */

static bool parse(struct shell_options *o, struct arena *a, const char *const *argv) {
    int argc = 0;
    while (argv[argc])
        argc++;
    return options_parse(o, a, argc, (char **)(uintptr_t)argv); /* they are not written */
}

#define ARGV(...) ((const char *const[]){"tamis", __VA_ARGS__, NULL})

static void test_operands(void **state) {
    (void)state;
    struct shell_options o;
    struct arena a;
    arena_init(&a, NULL);
    assert_true(parse(&o, &a, ARGV("a = 1", "-c", "x", "-n7", "-", "--", "-q", "--")));
    assert_string_equal(o.query, "a = 1");
    assert_true(o.count && !o.quiet && o.limit == 7);
    assert_int_equal(o.files.n, 4);
    assert_string_equal(o.files.at[0], "x");
    assert_string_equal(o.files.at[1], "-");
    assert_string_equal(o.files.at[2], "-q");
    assert_string_equal(o.files.at[3], "--");
    assert_true(parse(&o, &a, ARGV("--query-file=q", "x")));
    assert_null(o.query);
    assert_int_equal(o.files.n, 1);
    arena_done(&a);
}

static void test_values(void **state) {
    (void)state;
    struct shell_options o;
    struct arena a;
    arena_init(&a, NULL);
    assert_true(parse(&o, &a,
                      ARGV("-vce", "--names", "a,,b", "--types", "x=y=int,z=text", "--types=w=real",
                           "-d", "tab", "--row-bytes", "3K", "-p", "a=1", "-pb=2", "true")));
    assert_true(o.invert && o.count && o.exit_status);
    assert_int_equal(o.csv.n_names, 3);
    assert_true(str_is(o.csv.names[1], "") && str_is(o.csv.names[2], "b"));
    assert_int_equal(o.csv.n_types, 3);
    assert_true(str_is(o.csv.types[0].name, "x=y") && o.csv.types[0].type == CELL_INTEGER);
    assert_true(o.csv.types[1].type == CELL_TEXT && o.csv.types[2].type == CELL_DOUBLE);
    assert_int_equal(o.csv.delimiter, '\t');
    assert_int_equal(o.row_bytes, 3072);
    assert_int_equal(o.params.n, 2);
    assert_string_equal(o.params.at[1], "b=2");
    assert_true(o.limit == UINT64_MAX && o.threads == 0);
    arena_done(&a);
}

static void test_types(void **state) {
    (void)state;
    enum cell_type type;
    assert_true(cell_type_named(str_of("bigint"), &type) && type == CELL_INTEGER);
    assert_true(cell_type_named(str_of("timestamptz"), &type) && type == CELL_TIMESTAMP);
    assert_false(cell_type_named(str_of("int bigint"), &type));
    assert_false(cell_type_named(str_of("in"), &type));
    assert_false(cell_type_named(str_of(""), &type));
}

/* --- parameters --- */

static enum status value_of(const char *text, const char *type, struct arena *a,
                            struct value *ret) {
    struct error e;
    error_clear(&e);
    enum status status =
        param_value(str_of(text), type ? str_of(type) : (struct str){NULL, 0}, a, ret, &e);
    assert_int_equal(e.status, status);
    return status;
}

static void test_params(void **state) {
    (void)state;
    struct arena a;
    struct value v;
    arena_init(&a, NULL);
    assert_int_equal(value_of("-5", NULL, &a, &v), E_OK);
    assert_true(v.type == T_INT && v.w.i == -5);
    assert_int_equal(value_of("18446744073709551615", "integer", &a, &v), E_OK);
    assert_true(v.type == T_UINT && v.w.u == UINT64_MAX);
    assert_int_equal(value_of("1e3", NULL, &a, &v), E_OK);
    assert_true(v.type == T_DOUBLE && v.w.d == 1000);
    assert_int_equal(value_of("7", "double", &a, &v), E_OK);
    assert_true(v.type == T_DOUBLE && v.w.d == 7);
    assert_int_equal(value_of("\"a\\u0000b\"", NULL, &a, &v), E_OK);
    assert_true(v.type == T_STR && v.n == 3 && memcmp(v.w.p, "a\0b", 3) == 0);
    assert_int_equal(value_of("X'00ff'", NULL, &a, &v), E_OK);
    assert_true(v.type == T_BIN && v.n == 2);
    assert_int_equal(value_of("[1,[2]]", NULL, &a, &v), E_OK);
    assert_true(v.type == T_ARRAY && v.n == 4 && memcmp(v.w.p, "\x92\x01\x91\x02", 4) == 0);
    assert_int_equal(value_of("null", "text", &a, &v), E_OK);
    assert_true(v.type == T_STR && v.n == 4);
    assert_int_equal(value_of("abc", NULL, &a, &v), E_BAD_OPTION);
    assert_int_equal(value_of("1) or (1", NULL, &a, &v), E_BAD_OPTION);
    assert_int_equal(value_of("{\"a\":1} ", NULL, &a, &v), E_OK);
    assert_int_equal(value_of("[1] 2", NULL, &a, &v), E_BAD_OPTION);
    arena_done(&a);
}

/* --- selections --- */

static void test_selection(void **state) {
    (void)state;
    struct selection s;
    struct arena a;
    struct error e;
    arena_init(&a, NULL);
    error_clear(&e);
    assert_int_equal(selection_parse(&s, str_of(" a , \"x y\".b[2]"), &a, &e), E_OK);
    assert_int_equal(s.n, 2);
    assert_true(str_is(s.names[0], "a") && str_is(s.names[1], "\"x y\".b[2]"));
    assert_int_equal(s.paths[1].n, 3);
    assert_true(str_is(s.paths[1].steps[0].key, "x y") && s.paths[1].steps[2].index == 2);
    assert_int_equal(selection_parse(&s, str_of("a b"), &a, &e), E_SYNTAX);
    assert_int_equal(e.pos, 2);
    arena_done(&a);
}

/* --- places --- */

static void check_place(const char *text, uint64_t pos, uint64_t length, const char *want) {
    struct buf b = {0};
    point_at(&b, str_of(text), pos, length);
    buf_byte(&b, '\0');
    assert_string_equal((const char *)b.data, want);
    buf_done(&b);
}

static void test_places(void **state) {
    (void)state;
    check_place("", 0, 0, "  \n  ^\n");
    check_place("abc", 3, 1, "  abc\n     ^\n");
    check_place("abc", 99, 99, "  abc\n     ^\n");
    check_place("abc", 1, 99, "  abc\n   ^^\n");
    check_place("a\r\nbc\nd", 4, 1, "  line 2: bc\n           ^\n");
    check_place("\xE5\x90\x8D \xFF\x01x", 6, 1,
                "  \xE5\x90\x8D \xEF\xBF\xBD\xEF\xBF\xBDx\n       ^\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_operands),  cmocka_unit_test(test_values),
        cmocka_unit_test(test_types),     cmocka_unit_test(test_params),
        cmocka_unit_test(test_selection), cmocka_unit_test(test_places),
    };
    return cmocka_run_group_tests_name("shell_options", tests, NULL, NULL);
}

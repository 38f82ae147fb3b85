/* The names in a JSON object, by a walk that trusts nothing. */
#include "format/json_keys.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

/* All items as "key=value", each in brackets; then what is left over, if the walk stopped early. */
static void check(const char *text, const char *want) {
    struct json_items items;
    struct json_item item;
    char got[400] = "";
    size_t n = 0;
    if (!json_enter(str_of(text), &items)) {
        assert_string_equal(want, "no container");
        return;
    }
    n += (size_t)snprintf(got + n, sizeof got - n, items.is_object ? "{" : "[");
    while (json_item_next(&items, &item))
        n += (size_t)snprintf(got + n, sizeof got - n, "<%.*s=%.*s>", (int)item.key.n,
                              item.key.p ? item.key.p : "", (int)item.value.n, item.value.p);
    assert_string_equal(got, want);
}

static void test_items(void **state) {
    (void)state;
    check("{}", "{");
    check(" \t{\r\n}", "{");
    check("[]", "[");
    check("{\"a\":1}", "{<a=1>");
    check("{ \"a\" : 1 , \"b\":[1,{\"c\":2}],\"\":\"x,}\" }\n",
          "{<a=1 ><b=[1,{\"c\":2}]><=\"x,}\" >");
    check("{\"a\\\"b\":\"\\\\\",\"c\":null}", "{<a\\\"b=\"\\\\\"><c=null>");
    check("[1,[2,3],\"]\",{\"a\":[]}]", "[<=1><=[2,3]><=\"]\"><={\"a\":[]}>");
}

/* What is no JSON ends the walk, wherever it is cut. */
static void test_broken(void **state) {
    (void)state;
    static const char *const WRONG[] = {"", " ", "1", "\"a\"", "null", "}"};
    for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++)
        check(WRONG[i], "no container");
    check("{1:2}", "{");
    check("{\"a\"}", "{");
    check("{\"a\" 1}", "{");
    check("{\"a\":}", "{");
    check("{\"a\":1,}", "{<a=1>");
    check("{\"a\":1", "{");
    check("{\"a\":1,\"b\\", "{<a=1>");
    static const char WHOLE[] = "{\"ab\":[1,\"\\\"x\"],\"c\":{\"d\":2}}";
    for (size_t n = 0; n < sizeof WHOLE - 1; n++) {
        char *part = malloc(n + 1); /* of its exact size, for a sanitizer */
        struct json_items items;
        struct json_item item;
        unsigned found = 0;
        memcpy(part, WHOLE, n);
        for (bool more = json_enter((struct str){part, n}, &items); more; found += more)
            more = json_item_next(&items, &item);
        assert_true(found <= 1);
        free(part);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_items), cmocka_unit_test(test_broken)};
    return cmocka_run_group_tests_name("json_keys", tests, NULL, NULL);
}

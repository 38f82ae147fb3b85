/* session/tables.h: names, owners, numbers, replacing, lists and their ends, against what a list
 * that is looked through says; and from several threads. */
#include "session/tables.h"

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

static struct limits limits;
static const struct owner USER_1 = {false, 1}, USER_2 = {false, 2}, SESSION_1 = {true, 1};

static struct named_table *create_as(struct tables *t, struct owner owner, const char *name,
                                     struct str key, enum exists exists, uint64_t most,
                                     enum status want) {
    struct named_table *made = NULL;
    struct error e;
    error_clear(&e);
    assert_int_equal(
        tables_create(t, owner, str_of(name), key, exists, most, &limits, NULL, &made, &e), want);
    assert_true((made != NULL) == (want == E_OK));
    return made;
}

static struct named_table *create(struct tables *t, struct owner owner, const char *name) {
    return create_as(t, owner, name, (struct str){NULL, 0}, EXISTS_FAIL, 1000, E_OK);
}

/* The number of the table that the viewer sees under a name; 0: none. */
static uint64_t seen(struct tables *t, struct viewer v, const char *name) {
    struct named_table *found = tables_find_name(t, v, str_of(name));
    uint64_t number = found ? found->number : 0;
    if (found) {
        struct named_table *same = tables_find_number(t, v, number);
        assert_ptr_equal(same, found);
        named_table_unref(same);
    }
    named_table_unref(found);
    return number;
}

static bool sees_number(struct tables *t, struct viewer v, uint64_t number) {
    struct named_table *found = tables_find_number(t, v, number);
    named_table_unref(found);
    return found != NULL;
}

static void test_owners(void **state) {
    (void)state;
    struct tables t;
    const struct viewer mine = {.session = 1, .user = 1}, same_user = {.session = 2, .user = 1},
                        other = {.session = 3, .user = 2},
                        odd = {.session = 2, .user = 2}; /* the number of a session is no user's */
    tables_init(&t);
    assert_int_equal(seen(&t, mine, "a"), 0);
    struct named_table *shared = create(&t, USER_1, "a"), *private = create(&t, SESSION_1, "a"),
                       *of_other = create(&t, USER_2, "a");
    assert_int_equal(seen(&t, mine, "a"), private->number);
    assert_int_equal(seen(&t, same_user, "a"), shared->number);
    assert_int_equal(seen(&t, other, "a"), of_other->number);
    assert_int_equal(seen(&t, odd, "a"), of_other->number);
    assert_int_equal(seen(&t, mine, "A"), 0);
    assert_int_equal(seen(&t, mine, ""), 0);
    assert_true(sees_number(&t, mine, shared->number));
    assert_false(sees_number(&t, same_user, private->number));
    assert_false(sees_number(&t, other, shared->number));
    assert_false(sees_number(&t, mine, 0));
    assert_false(sees_number(&t, mine, of_other->number + 1));
    tables_drop_session(&t, 1);
    assert_int_equal(seen(&t, mine, "a"), shared->number);
    assert_true(private->dropped && !shared->dropped);
    assert_false(tables_drop(&t, private));
    assert_true(tables_drop(&t, shared));
    assert_false(tables_drop(&t, shared));
    assert_int_equal(seen(&t, mine, "a"), 0);
    assert_int_equal(seen(&t, other, "a"), of_other->number);
    named_table_unref(shared);
    named_table_unref(private);
    named_table_unref(of_other);
    tables_done(&t);
}

static void test_exists(void **state) {
    (void)state;
    struct tables t;
    const struct str none = {NULL, 0}, empty = {"", 0}, key = str_of("id");
    tables_init(&t);
    struct named_table *a = create_as(&t, USER_1, "a", key, EXISTS_OPEN, 2, E_OK);
    struct named_table *same = create_as(&t, USER_1, "a", key, EXISTS_OPEN, 0, E_OK);
    assert_ptr_equal(a, same);
    create_as(&t, USER_1, "a", key, EXISTS_FAIL, 9, E_TABLE_EXISTS);
    create_as(&t, USER_1, "a", none, EXISTS_OPEN, 9, E_TABLE_EXISTS);
    create_as(&t, USER_1, "a", empty, EXISTS_OPEN, 9, E_TABLE_EXISTS);
    struct named_table *b = create_as(&t, USER_1, "b", none, EXISTS_FAIL, 2, E_OK);
    create_as(&t, USER_1, "b", empty, EXISTS_OPEN, 9, E_TABLE_EXISTS); /* "" is a column, too */
    create_as(&t, USER_1, "c", none, EXISTS_FAIL, 2, E_TOO_MANY_TABLES);
    struct named_table *other = create_as(&t, SESSION_1, "c", none, EXISTS_FAIL, 1, E_OK);
    struct named_table *new = create_as(&t, USER_1, "a", none, EXISTS_REPLACE, 2, E_OK);
    assert_true(new->number > a->number && a->dropped &&new != a);
    assert_false(sees_number(&t, (struct viewer){9, 1}, a->number));
    assert_int_equal(seen(&t, (struct viewer){9, 1}, "a"), new->number);
    named_table_unref(a);
    named_table_unref(same);
    named_table_unref(b);
    named_table_unref(other);
    named_table_unref(new);
    tables_done(&t);
}

static void test_lists(void **state) {
    (void)state;
    struct tables t;
    struct named_table **list;
    uint32_t n, at = 0;
    tables_init(&t);
    assert_true(tables_list(&t, (struct viewer){1, 1}, &list, &n));
    assert_int_equal(n, 0);
    free(list);
    for (int i = 0; i < 100; i++) { /* the tables of names grow on the way */
        char name[20];
        snprintf(name, sizeof name, "t%d", i);
        named_table_unref(create(&t, i % 3 ? USER_1 : SESSION_1, name));
        if (i % 5 == 1 && i % 3)
            named_table_unref(create(&t, SESSION_1, name)); /* hides the shared one */
        named_table_unref(create(&t, USER_2, name));
    }
    assert_true(tables_list(&t, (struct viewer){1, 1}, &list, &n));
    assert_int_equal(n, 100);
    for (uint32_t i = 0; i < n; i++) {
        char name[20];
        snprintf(name, sizeof name, "%.*s", (int)list[i]->name_n, list[i]->name);
        int number = atoi(name + 1);
        assert_true(i == 0 || list[i]->number > list[i - 1]->number);
        assert_int_equal(list[i]->owner.is_session,
                         number % 3 == 0 || (number % 5 == 1 && number % 3));
        at += (uint32_t)number;
        named_table_unref(list[i]);
    }
    assert_int_equal(at, 99 * 100 / 2);
    free(list);
    tables_drop_session(&t, 1);
    assert_true(tables_list(&t, (struct viewer){1, 1}, &list, &n));
    assert_int_equal(n, 66);
    while (n > 0)
        named_table_unref(list[--n]);
    free(list);
    tables_drop_session(&t, 77);
    assert_int_equal(t.n, 166);
    tables_done(&t);
}

/* Names that come and go at once: whoever finds one finds a whole table. */
static void *come_and_go(void *data) {
    struct tables *t = data;
    const struct viewer v = {9, 1};
    for (int i = 0; i < 3000; i++) {
        struct named_table *made = NULL;
        struct error e;
        error_clear(&e);
        enum exists exists = i % 3 == 0 ? EXISTS_REPLACE : EXISTS_OPEN;
        char name[8];
        snprintf(name, sizeof name, "t%d", i % 7);
        if (tables_create(t, USER_1, str_of(name), (struct str){NULL, 0}, exists, 5, &limits, NULL,
                          &made, &e) != E_OK)
            assert_int_equal(e.status, E_TOO_MANY_TABLES);
        struct named_table *found = tables_find_name(t, v, str_of(name));
        assert_true(!found || str_is(named_table_name(found), name));
        if (made && i % 2)
            tables_drop(t, made);
        named_table_unref(found);
        named_table_unref(made);
    }
    return NULL;
}

static void test_threads(void **state) {
    (void)state;
    struct tables t;
    pthread_t threads[3];
    tables_init(&t);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, &t), 0);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    assert_true(t.n <= 5);
    tables_done(&t);
}

int main(void) {
    limits_default(&limits);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_owners),
        cmocka_unit_test(test_exists),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests_name("tables", tests, NULL, NULL);
}

/* The plan cache: found by the bytes of the query, oldest out first, within its bytes, from many
 * threads; and that a session takes heavy work from its own thread. */
#include "session_unit.h"

#include "session/cache.h"

#include <pthread.h>

static struct limits limits;

static struct compiled *compile_text(const char *text, struct budget *budget) {
    struct compiled *c = compiled_new();
    struct error e;
    assert_non_null(c);
    assert_int_equal(query_parse(&c->query, (struct str){text, strlen(text)}, &limits, budget, &e),
                     E_OK);
    c->bytes = strlen(text);
    if (c->query.n_params == 0) {
        c->plan = plan_new(&c->query, NULL, &limits, budget, &e);
        assert_non_null(c->plan);
    }
    return c;
}

static void add(struct plan_cache *cache, const char *text) {
    struct compiled *c = compile_text(text, cache->budget);
    plan_cache_add(cache, value_str((struct str){text, strlen(text)}), c);
    compiled_unref(c);
}

/* Whether text is kept; it is then the last to be used. */
static bool has(struct plan_cache *cache, const char *text) {
    struct compiled *c = plan_cache_find(cache, value_str((struct str){text, strlen(text)}));
    bool found = c && c->bytes == strlen(text);
    compiled_unref(c);
    return found;
}

static void test_found_by_bytes(void **state) {
    (void)state;
    struct budget budget;
    struct plan_cache cache;
    budget_init(&budget, 0);
    plan_cache_init(&cache, 32 << 20, &budget);
    assert_false(has(&cache, "a = 1"));
    char text[40];
    for (int i = 0; i < 300; i++) { /* the table grows on the way */
        snprintf(text, sizeof text, "a = %d", i);
        add(&cache, text);
        add(&cache, text); /* the second time there is nothing to keep */
    }
    for (int i = 0; i < 300; i++) {
        snprintf(text, sizeof text, "a = %d", i);
        assert_true(has(&cache, text));
    }
    assert_false(has(&cache, "a = 300"));
    assert_false(has(&cache, "a  = 1"));
    struct value structured = {.type = T_ARRAY, .n = 5, .w.p = (const uint8_t *)"a = 1"};
    assert_null(plan_cache_find(&cache, structured)); /* the same bytes, but another form */
    struct plan_cache_counts counts = plan_cache_counts(&cache);
    assert_int_equal(counts.plans, 300);
    assert_int_equal(counts.hits, 300);
    assert_int_equal(counts.misses, 4);
    assert_true(counts.bytes > 300 * sizeof(struct compiled));
    plan_cache_done(&cache);
    assert_int_equal(budget.used_bytes, 0);
}

/* Room for some: what was not used for longest goes, and those who hold it may go on. */
static void test_oldest_goes(void **state) {
    (void)state;
    struct budget budget;
    struct plan_cache cache;
    budget_init(&budget, 0);
    plan_cache_init(&cache, 32 << 20, &budget);
    add(&cache, "a = 1");
    size_t one = (size_t)plan_cache_counts(&cache).bytes;
    plan_cache_done(&cache);
    plan_cache_init(&cache, 20 * one + one / 2, &budget);
    char text[40];
    for (int i = 0; i < 20; i++) {
        snprintf(text, sizeof text, "a = %d", i % 10);
        text[0] = (char)('a' + i / 10);
        add(&cache, text);
    }
    assert_int_equal(plan_cache_counts(&cache).plans, 20);
    struct compiled *held = plan_cache_find(&cache, value_str((struct str){"a = 1", 5}));
    assert_true(has(&cache, "a = 0"));
    add(&cache, "c = 0"); /* a = 2 goes */
    add(&cache, "c = 1"); /* a = 3 goes */
    assert_true(has(&cache, "a = 0"));
    assert_true(has(&cache, "a = 1"));
    assert_false(has(&cache, "a = 2"));
    assert_false(has(&cache, "a = 3"));
    assert_true(has(&cache, "a = 4"));
    for (int i = 0; i < 20; i++) {
        snprintf(text, sizeof text, "d = %d", i % 10);
        text[0] = (char)('d' + i / 10);
        add(&cache, text);
    }
    assert_false(has(&cache, "a = 1"));
    assert_true(plan_cache_counts(&cache).bytes <= 20 * one + one / 2);
    assert_int_equal(held->query.root->kind, NODE_OP);
    compiled_unref(held);
    plan_cache_done(&cache);
    assert_int_equal(budget.used_bytes, 0);
}

/* One that would fill an eighth of the cache is not kept, nor anything in a cache of nothing. */
static void test_too_large(void **state) {
    (void)state;
    struct budget budget;
    struct plan_cache cache;
    budget_init(&budget, 0);
    plan_cache_init(&cache, 32 << 20, &budget);
    add(&cache, "a = 1");
    size_t one = (size_t)plan_cache_counts(&cache).bytes;
    plan_cache_done(&cache);
    for (size_t over = 0; over < 2; over++) {
        plan_cache_init(&cache, 8 * (one - over), &budget);
        add(&cache, "a = 1");
        assert_int_equal(has(&cache, "a = 1"), over == 0);
        plan_cache_done(&cache);
    }
    plan_cache_init(&cache, 0, &budget);
    add(&cache, "a = 1");
    assert_false(has(&cache, "a = 1"));
    assert_int_equal(plan_cache_counts(&cache).misses, 0);
    plan_cache_done(&cache);
    assert_int_equal(budget.used_bytes, 0);
}

static void *use(void *arg) {
    struct plan_cache *cache = arg;
    char text[40];
    for (int i = 0; i < 2000; i++) {
        snprintf(text, sizeof text, "a = %d", i * 7 % 40);
        struct compiled *c = plan_cache_find(cache, value_str((struct str){text, strlen(text)}));
        if (c && c->bytes != strlen(text))
            return arg;
        compiled_unref(c);
        if (!c)
            add(cache, text);
    }
    return NULL;
}

static void test_threads(void **state) {
    (void)state;
    enum { THREADS = 4 };
    struct budget budget;
    struct plan_cache cache;
    pthread_t threads[THREADS];
    budget_init(&budget, 0);
    plan_cache_init(&cache, 32 << 20, &budget);
    add(&cache, "a = 1");
    size_t one = (size_t)plan_cache_counts(&cache).bytes;
    plan_cache_done(&cache);
    plan_cache_init(&cache, 20 * one, &budget); /* for half of them */
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, use, &cache), 0);
    for (int i = 0; i < THREADS; i++) {
        void *wrong;
        pthread_join(threads[i], &wrong);
        assert_null(wrong);
    }
    plan_cache_done(&cache);
    assert_int_equal(budget.used_bytes, 0);
}

static uint64_t counted(struct talk *t) { return plan_cache_counts(&t->service.plans).hits; }

/* Whether REGEXP is built in. */
static bool has_regexp(void) {
    struct query q;
    struct error e;
    error_clear(&e);
    assert_int_equal(query_parse(&q, str_of("a REGEXP 'x'"), &limits, NULL, &e), E_OK);
    struct plan *p = plan_new(&q, NULL, &limits, NULL, &e);
    assert_true(p || e.status == E_NO_REGEX);
    plan_free(p);
    query_done(&q);
    return e.status == E_OK;
}

/* A repeated query is found again, whoever sends it and however: the answer is the same. */
static void test_sessions_share(void **state) {
    (void)state;
    struct talk t;
    talk_begin(&t, NULL);
    for (int i = 0; i < 2; i++) {
        check_request(&t, "[2, 5, 'a >= 2', {'result': 'count'}, " ROWS3 "]", "", E_OK,
                      "'matched': 2");
        check_request(&t, "[2, 5, 'a >= :x', {'result': 'count', 'params': {'x': 3}}, " ROWS3 "]",
                      "", E_OK, "'matched': 1");
        check_request(&t, "[2, 5, ['>=', ['path', 'a'], 3], {'result': 'count'}, " ROWS3 "]", "",
                      E_OK, "'matched': 1");
        check_request(&t, "[2, 5, 'a >=', {'result': 'count'}, " ROWS3 "]", "", E_SYNTAX, "");
        check_request(&t, "[2, 5, 'a like 5', {'result': 'count'}, " ROWS3 "]", "", E_OK,
                      "'matched': 0");
        assert_int_equal(counted(&t), i * 4);
    }
    check_request(&t, "[2, 5, 'a >= :x', {'result': 'count', 'params': {'x': 1}}, " ROWS3 "]", "",
                  E_OK, "'matched': 3");
    say(&t, "[3, 6, 'a >= 2']");
    assert_non_null(strstr(hear(&t), "[69, 6, 1, {'fields': [['a']], 'params': []"));
    assert_int_equal(counted(&t), 6);
    check_request(&t, "[4, 5, 1, {'result': 'count'}, " ROWS3 "]", "", E_OK, "'matched': 2");
    struct session *other = session_new(&t.service), *first = t.s;
    t.s = other;
    say(&t, HELLO_TEXT);
    hear(&t);
    check_request(&t, "[2, 5, 'a >= 2', {'result': 'count'}, " ROWS3 "]", "", E_OK, "'matched': 2");
    assert_int_equal(counted(&t), 7);
    session_free(other);
    t.s = first;
    check_request(&t, "[4, 5, 1, {'result': 'count'}, " ROWS3 "]", "", E_OK, "'matched': 2");
    talk_stop(&t);
}

/* Says a request, runs it, and gives how often it asked for another thread. */
static unsigned away(struct talk *t, const char *message) {
    unsigned large = 0;
    bool small;
    say(t, message);
    for (struct request *r; (r = session_next(t->s, &small)); large += !small) {
        session_run(r);
        session_ran(t->s, r);
    }
    const char *last = hear(t);
    while (strncmp(last, "[66, ", 5) == 0)
        last = hear(t);
    if (strncmp(last, "[67, ", 5) != 0 && strncmp(last, "[69, ", 5) != 0)
        fail_msg("%s: %s", message, last);
    expect_silence(t);
    return large;
}

/* A few bytes of query and rows may be much work: such a request leaves the session's thread, even
 * if that is only seen when its query has been parsed there. */
static void test_heavy_leaves(void **state) {
    (void)state;
    static const struct {
        const char *query;
        bool heavy;
    } CASES[] = {
        {"a >= 2 and b like '%x%'", false},
        {"a regexp '(a?){200}b'", true},
        {"case when 1 = a then length(replace(b, 'x', 'yyyy')) end > 3", true},
        {"any e in a satisfies e > 1 end", false},
        {"any e in a satisfies any f in b satisfies e = f end end", true},
        {"any e in a satisfies e > 1 end and every e in a satisfies e > 1 end", false},
        {"a is not null", false},
        {"a like b", true},
        {"a not ilike b || '%'", true},
        {"b in a", false}, /* a field, but no more of it than there is of the element */
        {"any e in a satisfies b like '%x_y%' end", true},
        {"any e in a satisfies e.x > 1 and lower(b) = 'x' end", true},
        {"any e in a satisfies any f in e.g satisfies f > 1 end end", false},
        {"any e in a satisfies any f in e.g satisfies f + e.x > 1 end end", true},
        {"length(b) > 5 and b contains a", false},
    };
    struct talk t;
    unsigned plan = 0;
    talk_begin(&t, NULL);
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        char message[300];
        if (strstr(CASES[i].query, "regexp") && !has_regexp())
            continue;
        for (int again = 0; again < 2; again++) { /* not yet known, and known */
            snprintf(message, sizeof message, "[2, 5, \"%s\", nil, " ROWS3 "]", CASES[i].query);
            assert_int_equal(away(&t, message) > 0, CASES[i].heavy);
        }
        snprintf(message, sizeof message, "[3, 6, \"%s \"]", CASES[i].query);
        assert_int_equal(away(&t, message) > 0, CASES[i].heavy);
        snprintf(message, sizeof message, "[4, 7, %u, nil, " ROWS3 "]", ++plan);
        assert_int_equal(away(&t, message) > 0, CASES[i].heavy);
    }
    talk_stop(&t);
}

/* What scans keep is held by the cache, too: many queries over a table take no more than its
 * bytes. */
static void test_scans_count(void **state) {
    (void)state;
    struct limits small;
    struct talk t;
    char text[120];
    limits_default(&small);
    small.plan_cache_bytes = 4 << 20;
    talk_begin(&t, &small);
    say(&t, "[12, 5, 't', nil]");
    hear(&t);
    say(&t, "[14, 6, 't', nil, ['maps', [{'a': 1, 'b': 'x'}, {'a': 2, 'b': 'y'}]]]");
    hear(&t);
    size_t before = t.service.budget.used_bytes, most = 0;
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 200; i++) {
            snprintf(text, sizeof text,
                     "[2, 7, \"a = %d and upper(b) = 'X'\", nil, ['table', 't']]", i % 150);
            say(&t, text);
            if (i % 150 == 1)
                hear(&t);
            hear(&t);
            size_t here = t.service.budget.used_bytes;
            most = here > most ? here : most;
        }
    assert_in_range(most - before, 2 << 20, 6 << 20);
    assert_true(plan_cache_counts(&t.service.plans).bytes <= small.plan_cache_bytes);
    assert_true(plan_cache_counts(&t.service.plans).plans > 3);
    talk_stop(&t);
}

/* A scan is kept with its query, as long as that is in the cache. */
static void test_scans_are_kept(void **state) {
    (void)state;
    struct budget budget;
    struct plan_cache cache;
    struct error e;
    error_clear(&e);
    budget_init(&budget, 0);
    plan_cache_init(&cache, 32 << 20, &budget);
    struct compiled *c = compile_text("a = 1", &budget);
    struct scan *scan = scan_new(c->plan, &limits, &budget, &e);
    assert_non_null(scan);
    size_t used = budget.used_bytes;
    plan_cache_give_scan(&cache, c, scan); /* not in the cache: freed */
    assert_true(budget.used_bytes < used);
    assert_null(plan_cache_take_scan(&cache, c));
    plan_cache_add(&cache, value_str(str_of("a = 1")), c);
    uint64_t without = plan_cache_counts(&cache).bytes;
    for (uint32_t i = 0; i < SCANS_KEPT + 1; i++) { /* one more than are kept */
        scan = scan_new(c->plan, &limits, &budget, &e);
        uint64_t bytes = scan_held_bytes(scan), before = plan_cache_counts(&cache).bytes;
        plan_cache_give_scan(&cache, c, scan);
        assert_int_equal(plan_cache_counts(&cache).bytes, before + (i < SCANS_KEPT ? bytes : 0));
    }
    for (uint32_t i = 0; i < SCANS_KEPT; i++) {
        scan = plan_cache_take_scan(&cache, c);
        assert_non_null(scan);
        scan_free(scan);
    }
    assert_null(plan_cache_take_scan(&cache, c));
    assert_int_equal(plan_cache_counts(&cache).bytes, without);
    compiled_unref(c);
    plan_cache_done(&cache);
    assert_int_equal(budget.used_bytes, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_found_by_bytes), cmocka_unit_test(test_oldest_goes),
        cmocka_unit_test(test_too_large),      cmocka_unit_test(test_threads),
        cmocka_unit_test(test_sessions_share), cmocka_unit_test(test_heavy_leaves),
        cmocka_unit_test(test_scans_count),    cmocka_unit_test(test_scans_are_kept),
    };
    limits_default(&limits);
    return cmocka_run_group_tests_name("plan_cache", tests, NULL, NULL);
}

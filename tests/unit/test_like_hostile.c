/* LIKE under attack: patterns that make others backtrack, a stop flag, memory that runs out. Times
 * are of the processor and bounded far above what is promised and far below what an attack would
 * take. */
#include "like_unit.h"

/* text `times` times, then `end`; the caller frees it. */
static struct str repeat(const char *text, size_t times, const char *end) {
    size_t m = strlen(text), n = m * times + strlen(end);
    char *p = malloc(n + 1);
    assert_non_null(p);
    for (size_t i = 0; i < times; i++)
        memcpy(p + i * m, text, m);
    memcpy(p + m * times, end, strlen(end) + 1);
    return (struct str){p, n};
}

/* Both ways to match, each with a time far over what O(n * m) takes and far under what backtracking
 * would. */
static void check_hostile(struct str pattern, struct str s, bool fold, bool want, bool also_once) {
    struct arena a;
    arena_init(&a, NULL);
    double begin = cpu_seconds();
    size_t bad;
    const struct like *l = compile(&a, pattern, LIKE_NO_ESCAPE, fold, &bad);
    assert_int_equal(like_match(l, bytes_of(s), s.n, NULL), want);
    assert_true(cpu_seconds() - begin < 10);
    arena_done(&a);
    if (!also_once)
        return;
    bool once = !want;
    assert_int_equal(like_match_once(pattern, LIKE_NO_ESCAPE, fold, bytes_of(s), s.n, NULL, &once),
                     E_OK);
    assert_int_equal(once, want);
    assert_true(cpu_seconds() - begin < 20);
}

static void test_hostile_wildcards(void **state) {
    (void)state;
    struct str s = repeat("a", 200000, "");
    struct {
        struct str pattern;
        bool want;
    } rows[] = {
        {repeat("%_", 200, "%"), true},    {repeat("_", 200, "%b"), false},
        {repeat("%a", 30, "%b"), false},   {repeat("%a", 30, "%b%"), false},
        {repeat("%a_", 30, "b%"), false},  {repeat("%a", 30, ""), true},
        {repeat("a_", 100, "%b%"), false}, {repeat("%", 100000, "b"), false},
        {repeat("%aa", 1000, "%"), true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        check_hostile(rows[i].pattern, s, false, rows[i].want, true);
        check_hostile(rows[i].pattern, s, true, rows[i].want, true);
        free((void *)(uintptr_t)rows[i].pattern.p);
    }
    struct str many = repeat("a_", 60, "b%"); /* %a_a_...a_b%: O(n * m) */
    struct str pattern = repeat("%", 1, many.p);
    struct str underscores = repeat("_", 200, "");
    struct str after = repeat("%", 1, underscores.p);
    check_hostile(pattern, s, false, false, true);
    check_hostile(pattern, s, true, false, true);
    check_hostile(after, s, false, true, true);
    free((void *)(uintptr_t)many.p);
    free((void *)(uintptr_t)pattern.p);
    free((void *)(uintptr_t)underscores.p);
    free((void *)(uintptr_t)after.p);
    free((void *)(uintptr_t)s.p);
}

/* Without _ a compiled pattern takes linear time: n * m would be minutes here. */
static void test_hostile_literals(void **state) {
    (void)state;
    static const char *const units[] = {"a", "\u00E9", "\x84\xAA\xE2"};
    for (size_t i = 0; i < 3; i++) {
        struct str same = repeat(units[i], 1000000, "");
        struct str s = repeat("-", 50, same.p); /* at first all goes well */
        free((void *)(uintptr_t)same.p);
        struct str half = repeat(units[i], 100000, "b");
        struct str part = repeat(units[i], 100000, "");
        char *p = malloc(half.n + part.n + 2); /* %aaa...baaa...% */
        assert_non_null(p);
        p[0] = '%';
        memcpy(p + 1, half.p, half.n);
        memcpy(p + 1 + half.n, part.p, part.n);
        p[1 + half.n + part.n] = '%';
        struct str pattern = {p, half.n + part.n + 2};
        check_hostile(pattern, s, false, false, false);
        check_hostile(pattern, s, true, false, false);
        pattern.n--; /* anchored at the end */
        check_hostile(pattern, s, false, false, true);
        check_hostile(pattern, s, true, false, true);
        double begin = cpu_seconds();
        assert_null(bytes_find(bytes_of(s), s.n, (const uint8_t *)p + 1, pattern.n - 1));
        assert_true(cpu_seconds() - begin < 10);
        free(p);
        free((void *)(uintptr_t)half.p);
        free((void *)(uintptr_t)part.p);
        free((void *)(uintptr_t)s.p);
    }
}

static void test_stop(void **state) {
    (void)state;
    static const struct {
        const char *pattern, *unit;
        bool fold;
    } rows[] = {
        {"%aa_b%", "a", false},
        {"%a_b%a%", "A", true},
        {"%\u00E9\u00E9b%", "\u00C9", true},
        {"%\xC3_b%", "\xC3", false},
    };
    const atomic_bool go = false, stop = true;
    struct arena a;
    arena_init(&a, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t bad;
        bool once, fold = rows[i].fold;
        struct str pattern = str_of(rows[i].pattern);
        struct str s = repeat(rows[i].unit, 100000, "ba");
        const struct like *l = compile(&a, pattern, LIKE_NO_ESCAPE, fold, &bad);
        assert_true(like_match(l, bytes_of(s), s.n, &go));
        assert_false(like_match(l, bytes_of(s), s.n, &stop));
        like_match_once(pattern, LIKE_NO_ESCAPE, fold, bytes_of(s), s.n, &go, &once);
        assert_true(once);
        like_match_once(pattern, LIKE_NO_ESCAPE, fold, bytes_of(s), s.n, &stop, &once);
        assert_false(once);
        free((void *)(uintptr_t)s.p);
    }
    arena_done(&a);
}

/* Compiles with one byte more of memory each time, or nearly, until it succeeds; gives how often it
 * did not. */
static size_t count_refusals(struct str pattern, bool fold, struct str s) {
    for (size_t limit = 1, refused = 0;; limit += 1 + limit / 256, refused++) {
        struct budget budget;
        struct arena a;
        budget_init(&budget, limit);
        arena_init(&a, &budget);
        const struct like *l = NULL;
        size_t bad;
        enum status status = like_compile(&a, pattern, LIKE_NO_ESCAPE, fold, &l, &bad);
        assert_true(status == E_OK ? l != NULL : status == E_MEMORY && l == NULL);
        if (l)
            assert_true(like_match(l, bytes_of(s), s.n, NULL));
        arena_done(&a);
        assert_int_equal(budget.used_bytes, 0);
        if (status == E_OK)
            return refused;
    }
}

static void test_no_memory(void **state) {
    (void)state;
    static const size_t times[] = {1, 4, 30, 300};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        struct str pattern = repeat("abc_\xC3%d%", times[i], "xyz");
        struct str s = repeat("abc.\xC3-d", times[i], "xyz");
        assert_true(count_refusals(pattern, false, s) > 100);
        assert_true(count_refusals(pattern, true, s) > 100);
        free((void *)(uintptr_t)pattern.p);
        free((void *)(uintptr_t)s.p);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hostile_wildcards),
        cmocka_unit_test(test_hostile_literals),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

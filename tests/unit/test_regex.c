/* REGEXP: what the wrapper adds to RE2 (the literal that is looked for first, shapes, bounds,
 * budget), the choices that RE2 leaves open, and patterns that make backtracking engines explode.
 */
#include "kernel/regex_engine.h"

#include "regex_unit.h"

#include <stdio.h>
#include <stdlib.h>

/* --- meaning --- */

static const struct {
    struct str pattern;
    const char *flags;
    struct str s;
    bool match;
} MEANINGS[] = {
    {S(""), "", S(""), true},
    {S(""), "", S("abc"), true},
    {S("b"), "", S("abc"), true}, /* anywhere */
    {S("^b"), "", S("abc"), false},
    {S("B"), "", S("abc"), false},
    {S("B"), "i", S("abc"), true},
    {S("(?i)B"), "", S("abc"), true},
    {S("a(?i:B)"), "", S("Ab"), false},
    {S("K"), "i", S("\xE2\x84\xAA"), true}, /* the Kelvin sign, as ILIKE */
    {S("\xC3\x89"), "i", S("\xC3\xA9"), true},
    {S("stra\xC3\x9F"
       "e"),
     "i", S("STRASSE"), false},
    {S("a.c"), "", S("a\nc"), false},
    {S("a.c"), "s", S("a\nc"), true},
    {S("a$"), "", S("a\n"), false}, /* the very end, unlike Perl and Python */
    {S("a$"), "m", S("a\nb"), true},
    {S("^b"), "m", S("a\nb"), true},
    {S("^B.$"), "imsimsi", S("a\nb\n"), true},
    {S("a\0b"), "", S("xa\0b"), true},
    {S("a\\x00b"), "", S("a\0b"), true},
    {S("a.b"), "", S("a\0b"), true},
    {S("^.$"), "", S("\xC3\xA9"), true}, /* one code point */
    {S("^..$"), "", S("\xC3\xA9"), false},
    {S("\\w"), "", S("\xC3\xA9"), false}, /* Perl's classes are ASCII */
    {S("\\pL"), "", S("\xC3\xA9"), true},
    /* An invalid byte is matched by \C alone. */
    {S("."), "", S("\xFF"), false},
    {S("[^a]"), "", S("\x80"), false},
    {S("\xEF\xBF\xBD"), "", S("\xFF"), false},
    {S("\\x{FFFD}"), "", S("\xFF"), false},
    {S("\\C"), "", S("\xFF"), true},
    {S("a.?b"), "",
     S("a\xC3"
       "b"),
     false},
    {S("a\\Cb"), "",
     S("a\xC3"
       "b"),
     true},
    {S("b"), "",
     S("a\xFF"
       "b"),
     true}, /* ... and disturbs nothing behind it */
    {S("^a.*b$"), "",
     S("a\xFF"
       "b"),
     false},
    /* What has the shape of a character counts as one. */
    {S("^.$"), "", S("\xED\xA0\x80"), true},
    {S("^.$"), "", S("\xE0\x80\x80"), true},
    {S("^.$"), "", S("\xC0\x80"), false},
    {S("^.$"), "", S("\xF4\x90\x80\x80"), true},
};

static void test_meanings(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(MEANINGS); i++) {
        unsigned flags = 99;
        assert_true(regex_flags(str_of(MEANINGS[i].flags), &flags));
        struct regex *r = compile(MEANINGS[i].pattern, flags);
        if (match(r, MEANINGS[i].s) != MEANINGS[i].match)
            fail_msg("%zu: %s", i, MEANINGS[i].pattern.p);
        regex_free(r);
    }
    unsigned flags;
    assert_false(regex_flags(S("I"), &flags));
    assert_false(regex_flags(S("ix"), &flags));
    assert_false(regex_flags(S("\0"), &flags));
}

/* --- the literal --- */

static const struct {
    const char *pattern;
    unsigned flags;
    enum regex_shape shape;
    const char *literal;
} LITERALS[] = {
    {"abc", 0, REGEX_CONTAINS, "abc"},
    {"^abc", 0, REGEX_PREFIX, "abc"},
    {"abc$", 0, REGEX_SUFFIX, "abc"},
    {"^abc$", 0, REGEX_GENERAL, "abc"},
    {"^abc", REGEX_LINES, REGEX_GENERAL, "abc"},
    {"abc$", REGEX_LINES, REGEX_GENERAL, "abc"},
    {"(?m)abc$", 0, REGEX_GENERAL, "abc"},
    {"abc", REGEX_FOLD, REGEX_GENERAL, ""},
    {"a(?i)bc", 0, REGEX_GENERAL, ""},
    {"abc", REGEX_DOT_ALL, REGEX_CONTAINS, "abc"},
    {"a\\.b\\$", 0, REGEX_CONTAINS, "a.b$"},
    {"ab|c", 0, REGEX_GENERAL, ""},
    {"(ab|c)def", 0, REGEX_GENERAL, "def"},
    {"\\d+ error: .*code", 0, REGEX_GENERAL, " error: "},
    {"abc?de", 0, REGEX_GENERAL, "ab"},
    {"\xC3\xA9?xy", 0, REGEX_GENERAL, "xy"},
    {"abc{0}", 0, REGEX_GENERAL, "ab"},
    {"a{b", 0, REGEX_GENERAL, "b"},
    {"xyz{1|b", 0, REGEX_GENERAL, ""},
    {"[]x]yz[[:alpha:]]", 0, REGEX_GENERAL, "yz"},
    {"\\x{61}{2}bc\\pLde\\p{Greek}f", 0, REGEX_GENERAL, "bc"},
    {"xy(?U)?z", 0, REGEX_GENERAL, "x"},
    {"\\Qa|b\\E", 0, REGEX_GENERAL, ""},
    {"", 0, REGEX_GENERAL, ""},
    {"^", 0, REGEX_GENERAL, ""},
    {"$", 0, REGEX_GENERAL, ""},
    {"a(b(c[)]d)\\)e)fg(?P<n>h)i", 0, REGEX_GENERAL, "fg"},
};

static void test_literals(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(LITERALS); i++) {
        struct regex *r = compile(str_of(LITERALS[i].pattern), LITERALS[i].flags);
        if (regex_shape(r) != LITERALS[i].shape || !str_is(regex_literal(r), LITERALS[i].literal))
            fail_msg("%s: shape %d, literal \"%.*s\"", LITERALS[i].pattern, (int)regex_shape(r),
                     (int)regex_literal(r).n, regex_literal(r).p);
        regex_free(r);
    }
}

/* What the shape and literal promise, with bytes alone. */
static bool by_shape(const struct regex *r, struct str s) {
    struct str k = regex_literal(r);
    for (size_t at = 0; at + k.n <= s.n; at++)
        if ((regex_shape(r) != REGEX_PREFIX || at == 0) &&
            (regex_shape(r) != REGEX_SUFFIX || at + k.n == s.n) && memcmp(s.p + at, k.p, k.n) == 0)
            return true;
    return false;
}

static void check_subjects(struct str pattern, unsigned flags, const struct regex *r,
                           size_t *matches) {
    static const char *const PARTS[] = {"a", "b", "A",   "1",  "2", "}",        "{",
                                        ",", "(", "\n",  "|",  "]", "\xC3\xA9", "\xC3",
                                        "Q", "E", "abc", "xb", ""};
    static const char *const LETTERS[] = {"", "i", "m", "im", "s", "is", "ms", "ims"};
    struct regex_engine *e = NULL;
    char text[80], bytes[128];
    size_t place;
    assert_int_equal(regex_engine_new(pattern.p, pattern.n, LETTERS[flags], 1 << 20, &e, text,
                                      sizeof text, &place),
                     REGEX_OK);
    for (int i = 0; i < 40; i++) {
        struct str s = random_text(PARTS, COUNT_OF(PARTS), 7, bytes);
        bool failed, t = regex_engine_match(e, s.p, s.n, &failed);
        assert_false(failed);
        if (match(r, s) != t || (regex_shape(r) != REGEX_GENERAL && by_shape(r, s) != t))
            fail_msg("/%.*s/ flags %u, literal \"%.*s\": %.*s", (int)pattern.n, pattern.p, flags,
                     (int)regex_literal(r).n, regex_literal(r).p, (int)s.n, s.p);
        *matches += t && regex_literal(r).n > 0;
    }
    regex_engine_free(e);
}

/* Patterns put together from everything that has a meaning: with the literal as without. */
static void test_literals_at_random(void **state) {
    (void)state;
    static const char *const PARTS[] = {"a",      "b",          "A",    "1",       "2",
                                        "abc",    "\xC3\xA9",   "|",    "*",       "+",
                                        "?",      "{",          "}",    "{1",      "{1}",
                                        "{0,1}",  "{,2}",       "{01}", "{2,}",    ",",
                                        "(",      ")",          "[",    "]",       "[^",
                                        "-",      "^",          "$",    ".",       "\\",
                                        "\\Q",    "\\E",        "\\.",  "\\|",     "\\(",
                                        "\\[",    "\\]",        "\\\\", "\\x{61}", "\\x61",
                                        "\\x",    "\\141",      "\\0",  "\\n",     "\\d",
                                        "\\b",    "\\B",        "\\A",  "\\z",     "\\C",
                                        "\\pL",   "\\p{Lu}",    "\\PL", "(?i)",    "(?i:",
                                        "(?:",    "(?s)",       "(?m)", "(?-i)",   "(?U)",
                                        "(?P<n>", "[[:alpha:]", "[:",   ":]",      "[^[:^digit:]",
                                        "(a|b)",  "[ab]"};
    size_t accepted = 0, matches = 0, shaped = 0, edged = 0;
    char bytes[258];
    for (int round = 0; round < 20000; round++) {
        struct str inner = random_text(PARTS, COUNT_OF(PARTS), 1 + (uint32_t)round % 7, bytes + 1);
        unsigned flags = below(4) ? 0 : below(8);
        struct regex *r = NULL;
        /* many of them tied to the beginning, the end, or both: known by their edges */
        bool starts = below(3) == 0, ends = below(3) == 0;
        bytes[0] = '^';
        bytes[1 + inner.n] = '$';
        struct str pattern = {bytes + !starts, inner.n + starts + ends};
        enum status status = regex_compile(pattern, flags, NULL, &r, NULL);
        if (status == E_BAD_PATTERN)
            continue;
        assert_int_equal(status, E_OK);
        accepted++;
        uint8_t low, high;
        edged += regex_suffix(r).n > 0 || regex_first(r, &low, &high);
        shaped += regex_shape(r) != REGEX_GENERAL;
        check_subjects(pattern, flags, r, &matches);
        regex_free(r);
    }
    if (accepted < 8000 || matches < 4000 || shaped < 800 || edged < 1000)
        fail_msg("%zu accepted, %zu matches with a literal, %zu shaped, %zu with an edge", accepted,
                 matches, shaped, edged);
}

/* --- refusals --- */

static void check_refusal(struct str pattern, enum status want, const char *says) {
    struct regex *r = NULL;
    struct error e;
    struct budget b;
    error_clear(&e);
    budget_init(&b, 0);
    assert_status(regex_compile(pattern, 0, &b, &r, &e), want, says);
    assert_null(r);
    assert_int_equal(atomic_load(&b.used_bytes), 0);
    if (!strstr(e.message, says) || e.status != want)
        fail_msg("\"%s\" says no \"%s\"", e.message, says);
}

/* text `times` times; the caller frees it. */
static struct str repeat(const char *head, const char *text, size_t times, const char *end) {
    size_t h = strlen(head), m = strlen(text), n = h + m * times + strlen(end);
    char *p = malloc(n + 1);
    assert_non_null(p);
    memcpy(p, head, h);
    for (size_t i = 0; i < times; i++)
        memcpy(p + h + i * m, text, m);
    memcpy(p + h + m * times, end, strlen(end) + 1);
    return (struct str){p, n};
}

static void test_refusals(void **state) {
    (void)state;
    check_refusal(S("a("), E_BAD_PATTERN, "missing ), at character 2 of the pattern");
    check_refusal(S("a)"), E_BAD_PATTERN, "unexpected )");
    check_refusal(S("*"), E_BAD_PATTERN, "no argument for repetition operator: *");
    check_refusal(S("(a)\\1"), E_BAD_PATTERN, "invalid escape sequence: \\1");
    check_refusal(S("(?=a)"), E_BAD_PATTERN, "invalid perl operator: (?=");
    check_refusal(S("a{1001}"), E_BAD_PATTERN, "invalid repetition size: {1001}");
    check_refusal(S("((a{100}){100}){100}"), E_BAD_PATTERN, "invalid repetition size");
    check_refusal(S("\xFF"), E_BAD_PATTERN, "invalid UTF-8");
    check_refusal(S("[b-a]"), E_BAD_PATTERN, "invalid character class range: b-a");
    struct error e;
    struct regex *r;
    error_clear(&e);
    assert_int_equal(regex_compile(S("("), REGEX_FOLD, NULL, &r, &e), E_BAD_PATTERN);
    assert_null(strstr(e.message, "?i")); /* our flags are not the user's text */
}

/* The byte of the pattern that a report is about, which RE2 does not say. */
static void test_places(void **state) {
    (void)state;
    static const struct {
        const char *pattern;
        uint64_t place;
    } PLACES[] = {{"a(b", 1},          {"(a(b)|c", 0},     {"(a(b|c", 2},
                  {"[(](", 3},         {"\\((", 2},        {"(()", 0},
                  {"[)](a))b", 6},     {"\\))", 2},        {"[]()](a)[^])]((b)", 13},
                  {"ab[c", 2},         {"[a](?:[b", 6},    {"abc\\", 3},
                  {"\\\\q\\q", 3},     {"\xC3\xA4\\q", 2}, {"a*|*", 3},
                  {"a*(+)", 3},        {"?", 0},           {"z-a[z-a]", 4},
                  {"[^0-9z-a]", 5},    {"a{2}b{1001}", 5}, {"\\***", 2},
                  {"a+(?=b)", 2},      {"(?P<x", 0},       {"\\pZ\\p{Foo}", 3},
                  {"\xFF", ERROR_NONE}};
    for (size_t i = 0; i < COUNT_OF(PLACES); i++)
        for (unsigned flags = 0; flags < 8; flags++) {
            struct error e;
            struct regex *r = NULL;
            error_clear(&e);
            struct str pattern = {PLACES[i].pattern, strlen(PLACES[i].pattern)};
            assert_int_equal(regex_compile(pattern, flags, NULL, &r, &e), E_BAD_PATTERN);
            if (e.pos != PLACES[i].place)
                fail_msg("%s, flags %u: %lld: %s", PLACES[i].pattern, flags, (long long)e.pos,
                         e.message);
        }
}

static void test_too_large(void **state) {
    (void)state;
    static const struct {
        const char *part;
        size_t times;
    } LARGE[] = {{"a{1000}", 9000},   {"\\pL", 20000}, {"\\pN\\PL", 300},
                 {"(a{1000})?", 150}, {"[^x]", 40000}, {"[\\x{100}-\\x{FFFF}]{1000}", 20}};
    for (size_t i = 0; i < COUNT_OF(LARGE); i++) {
        struct str p = repeat("", LARGE[i].part, LARGE[i].times, "");
        double begin = cpu_seconds();
        check_refusal(p, E_REGEX_TOO_LARGE, "too large");
        assert_true(cpu_seconds() - begin < 1);
        free((void *)(uintptr_t)p.p);
    }
    /* Nesting costs no stack. */
    struct str deep = repeat("", "(", 100000, "");
    check_refusal(deep, E_BAD_PATTERN, "missing )");
    free((void *)(uintptr_t)deep.p);
    deep = repeat("", "(", 50000, "a");
    char *closed = malloc(deep.n + 50000);
    assert_non_null(closed);
    memcpy(closed, deep.p, deep.n);
    memset(closed + deep.n, ')', 50000);
    struct regex *r = NULL;
    enum status status = regex_compile((struct str){closed, deep.n + 50000}, 0, NULL, &r, NULL);
    assert_true(status == E_OK || status == E_REGEX_TOO_LARGE);
    regex_free(r);
    free(closed);
    free((void *)(uintptr_t)deep.p);
    /* The bound on the cost, from both sides. */
    size_t n = (REGEX_COST_MOST - REGEX_MEMORY_BYTES) / 100;
    struct str p = repeat("", "a", n + 1, "");
    p.n = n;
    assert_true(regex_cost_bytes(p) <= REGEX_COST_MOST);
    p.n = n + 1;
    assert_true(regex_cost_bytes(p) > REGEX_COST_MOST);
    check_refusal(p, E_REGEX_TOO_LARGE, "expand");
    free((void *)(uintptr_t)p.p);
}

static void test_budget(void **state) {
    (void)state;
    struct budget b;
    struct regex *r = NULL, *list = NULL;
    struct error e;
    budget_init(&b, REGEX_MEMORY_BYTES * 2);
    assert_int_equal(regex_compile(S("a+b"), 0, &b, &r, NULL), E_OK);
    size_t one = atomic_load(&b.used_bytes);
    assert_true(one >= REGEX_MEMORY_BYTES);
    list = regex_push(list, r);
    error_clear(&e);
    assert_int_equal(regex_compile(S("a+b"), 0, &b, &r, &e), E_MEMORY);
    assert_int_equal(e.status, E_MEMORY);
    assert_int_equal(atomic_load(&b.used_bytes), one);
    regex_free_list(list);
    assert_int_equal(atomic_load(&b.used_bytes), 0);
    /* what compiling takes for a time is charged too */
    budget_init(&b, REGEX_MEMORY_BYTES + 50000);
    assert_int_equal(regex_compile(S("a{900}b"), 0, &b, &r, NULL), E_MEMORY);
    assert_int_equal(atomic_load(&b.used_bytes), 0);
    regex_free(NULL);
    regex_free_list(NULL);
}

/* --- time --- */

static void test_hostile(void **state) {
    (void)state;
    static const struct {
        const char *pattern, *head, *part, *end;
        bool match;
    } HOSTILE[] = {
        {"(a*)*[bc]", "", "a", "", false},
        {"(a*)*[bc]", "", "a", "b", true},
        {"(x+x+)+[yz]", "", "x", "", false},
        {"(x+x+)+[yz]", "", "x", "y", true},
        {"^(a|aa)+$", "", "a", "b", false},
        {"^(a|a?)+$", "", "a", "", true},
        {"(.*)*(.*)*(.*)*[yz]", "", "ab", "", false},
        {"([ab]*)*[cd]$", "", "ab", "", false},
        {"a[ab]{18}[cd]", "", "abb", "", false},
        {"(a?){300}a{300}[bc]", "", "a", "", false},
    };
    for (size_t i = 0; i < COUNT_OF(HOSTILE); i++) {
        struct str s = repeat(HOSTILE[i].head, HOSTILE[i].part, 200000 / strlen(HOSTILE[i].part),
                              HOSTILE[i].end);
        struct regex *r = compile(str_of(HOSTILE[i].pattern), 0);
        double begin = cpu_seconds();
        bool failed, t = regex_match(r, (const uint8_t *)s.p, s.n, &failed);
        double took = cpu_seconds() - begin;
        if (took > 5 || (!failed && t != HOSTILE[i].match))
            fail_msg("%s: %.2f s, match %d", HOSTILE[i].pattern, took, t);
        if (failed) /* by the named bound, and only so */
            assert_true(s.n > regex_subject_most(r));
        regex_free(r);
        free((void *)(uintptr_t)s.p);
    }
}

/* A program of thousands of instructions that are all alive at every byte. */
static void test_work_is_bounded(void **state) {
    (void)state;
    struct regex *r = compile(S("[ab]{990}c|[ab]{991}d|[ab]{992}e|[ab]{993}f"), 0);
    size_t most = regex_subject_most(r);
    assert_in_range(most, REGEX_WORK_MOST / 8000, REGEX_WORK_MOST / 3900);
    struct str s = repeat("", "a", most + 1, "");
    bool failed = true;
    double begin = cpu_seconds();
    assert_false(regex_match(r, (const uint8_t *)s.p, most, &failed));
    assert_false(failed);
    assert_true(cpu_seconds() - begin < 10);
    assert_false(regex_match(r, (const uint8_t *)s.p, most + 1, &failed));
    assert_true(failed);
    regex_free(r);
    /* a literal that is not there, or that is all there is, needs no program */
    r = compile(S("zz.*[ab]{990}"), 0);
    assert_true(most + 1 > 0 && !match(r, s));
    regex_free(r);
    r = compile(S("aaaa"), 0);
    assert_true(match(r, s));
    regex_free(r);
    free((void *)(uintptr_t)s.p);
}

/* In a build without the engine every pattern is refused by name. */
static int without_engine(void) {
    struct regex *r = NULL;
    struct error e;
    struct budget b;
    error_clear(&e);
    budget_init(&b, 0);
    bool right = regex_compile(S("a"), 0, &b, &r, &e) == E_NO_REGEX && !r &&
                 strstr(e.message, "not built") && atomic_load(&b.used_bytes) == 0;
    fprintf(stderr, "REGEXP is not built in: %s\n", right ? "refused as it should be" : "WRONG");
    return right ? 0 : 1;
}

int main(void) {
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(test_meanings),
        cmocka_unit_test(test_literals),
        cmocka_unit_test(test_literals_at_random),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_budget),
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_work_is_bounded),
    };
    struct regex *r = NULL;
    if (regex_compile(S("a"), 0, NULL, &r, NULL) == E_NO_REGEX)
        return without_engine();
    regex_free(r);
    return cmocka_run_group_tests(TESTS, NULL, NULL);
}

/* REGEXP: the needles that every match has one of. They are right if no match is lost by looking
 * for them first, and worth it if there are any. */
#include "kernel/regex_engine.h"

#include "regex_unit.h"

#include <stdlib.h>

static const struct {
    const char *pattern;
    unsigned flags;
    const char *needles; /* in order, each with a bar behind it */
} NEEDLES[] = {
    {"^[A-M][a-z]+ .*(son|sen) [0-9]*7$", 0, "sen |son |"},
    {"(Hansen|Lund|Pham) [1-3]", 0, "hanse|lund |pham |"},
    {"([ab]c|[ab]d).*(disk|desk)", 0, "desk|disk|"},
    {"(error|warning)", 0, "error|warning|"},
    {"x?(abc|abd)", 0, "abc|abd|"},
    {"[ab]cd[ef]", 0, "acde|acdf|bcde|bcdf|"},
    {"(abcdefghijk|x.*ABCDEFGHIJK)", 0, "abcdefgh|"},
    {"((abc)+|(abd){2,3})", 0, "abc|abdabd|"},
    {"\\b(one|two)\\b", REGEX_LINES | REGEX_DOT_ALL, "one|two|"},
    {"(?:one|two)|(?:six|ten)", 0, "one|six|ten|two|"},
    /* none: nothing is needed, or nothing long enough, or what is known already is as good */
    {"", 0, ""},
    {"x*", 0, ""},
    {"(abc|)d", 0, ""},
    {"(abc)?.", 0, ""},
    {"(abc|d)", 0, ""},
    {"(abc|.*)", 0, ""},
    {"(abc|def)*", 0, ""},
    {"[a-z]{9}", 0, ""},
    {"abc.*(def|ghi)", 0, ""}, /* the literal abc */
    {"abc", 0, ""},
    {"^abc", 0, ""},
    /* other letters stand for k and s once the case does not matter, or an escape may mean them */
    {"hansen", REGEX_FOLD, "han|"},
    {"(?i)hansen", 0, "han|"},
    {"(?s:(?i:hansen))", 0, "han|"},
    {"kelvins|thanks", REGEX_FOLD, "elvin|than|"},
    {"(sky|desk)", REGEX_FOLD, ""},
    {"(sky|desk)", 0, "desk|sky|"},
    {"(abs|abk)\\x{212A}.", 0, ""},
    {"(abks|\\x{73}kcde)", 0, ""},
    {"(abc|def)\\x{212A}.", 0, "abc|def|"},
    {"(\xC3\x89"
     "cole|\xC3\xA9t\xC3\xA9|lyc\xC3\xA9"
     "e)x",
     0, ""},
    {"(\xC3\x89"
     "cole|lyc\xC3\xA9"
     "e)x",
     0, "colex|lyc|"},
};

static void test_needles(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(NEEDLES); i++) {
        struct regex *r = compile(str_of(NEEDLES[i].pattern), NEEDLES[i].flags);
        char got[NEEDLES_MOST * (NEEDLE_BYTES + 1) + 1] = "";
        size_t n;
        const struct needle *k = regex_needles(r, &n);
        for (size_t j = 0; j < n; j++) {
            strncat(got, (const char *)k[j].bytes, k[j].n);
            strcat(got, "|");
        }
        if (strcmp(got, NEEDLES[i].needles) != 0)
            fail_msg("/%s/ flags %u: \"%s\", not \"%s\"", NEEDLES[i].pattern, NEEDLES[i].flags, got,
                     NEEDLES[i].needles);
        regex_free(r);
    }
}

/* Matches that a careless needle would lose. */
static const struct {
    struct str pattern, s;
    bool match;
} MATCHES[] = {
    {S("(?i)hanken"),
     S("HAN\xE2\x84\xAA"
       "EN"),
     true},
    {S("(?i)(mist|rast)"), S("MI\xC5\xBFT"), true},
    {S("(ab|cd)\\x{212A}ef"),
     S("cd\xE2\x84\xAA"
       "ef"),
     true},
    {S("(ab|cd)\\x{212A}ef"), S("cdkef"), false},
    {S("(ab|cd)[\\x{17F}]ef"),
     S("ab\xC5\xBF"
       "ef"),
     true},
    {S("(ab|cd)\xE2\x84\xAA"
       "ef"),
     S("ab\xE2\x84\xAA"
       "ef"),
     true},
    {S("(ab|cd)\\x{130}ef"),
     S("ab\xC4\xB0"
       "ef"),
     true},
    {S("(?i)(ab|cd)\\x{1E9E}ef"),
     S("AB\xC3\x9F"
       "EF"),
     true},
    {S("(?i)(\xC3\x89"
       "cole|\xC3\xA9t\xC3\xA9)"),
     S("\xC3\xA9"
       "COLE"),
     true},
    {S("(?i)[k]el(v|w)in"),
     S("\xE2\x84\xAA"
       "elvin"),
     true},
    {S("(Son|sEn) "), S("xSon "), true},
    {S("(Son|sEn) "), S("xson "), false}, /* passes the needles, not the engine */
    {S("(a\0b|c\0d)e"), S("c\0de"), true},
    {S("(a\0b|c\0d)e"), S("c\0d"), false},
    {S("(abc|def)$"), S("def"), true},
    {S("(abc|def)$"), S("def\n"), false},
    {S("^(abc|)x*$"), S(""), true},
    {S("(abc|def)"), S(""), false},
    {S("(abc|def)"), S("ab"), false},
    {S("(abc|def)"),
     S("\xFF\xC3"
       "def\xC3"),
     true},
    {S("(abc|\\Cde)x"),
     S("\xFF"
       "dex"),
     true},
    {S("(\\Qa.b\\E|c)d"), S("a.bd"), true},
    {S("(?U)(abc|abd)+?e"), S("abdabce"), true},
    {S("(?P<i>abc|abd)e"), S("abde"), true},
    {S("(abcdefghijklm|ABCDEFGHIJKLM)x"), S("ABCDEFGHIJKLMx"), true},
    {S("(abcdefghijklm|ABCDEFGHIJKLM)x"), S("ABCDEFGHIJKLmx"), false},
};

static void test_matches(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(MATCHES); i++) {
        struct regex *r = compile(MATCHES[i].pattern, 0);
        if (match(r, MATCHES[i].s) != MATCHES[i].match)
            fail_msg("%zu: /%s/", i, MATCHES[i].pattern.p);
        regex_free(r);
    }
}

static size_t encode(uint32_t c, char *out) {
    if (c < 0x800) {
        out[0] = (char)(0xC0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3F));
        return 2;
    }
    size_t n = 0;
    out[n++] = (char)(c < 0x10000 ? 0xE0 | c >> 12 : 0xF0 | c >> 18);
    if (c >= 0x10000)
        out[n++] = (char)(0x80 | (c >> 12 & 0x3F));
    out[n++] = (char)(0x80 | (c >> 6 & 0x3F));
    out[n++] = (char)(0x80 | (c & 0x3F));
    return n;
}

/* What the needles stand on: of all letters that are not ASCII, two are the same as an ASCII letter
 * but for case, and these two are the same as k and s. (Letters that have a case are below
 * 0x20000.)
 */
static void test_letters_that_fold_to_ascii(void **state) {
    (void)state;
    for (char letter = 'a'; letter <= 'z'; letter++) {
        char pattern[] = {'^', letter, '$'}, bytes[4];
        struct regex *r = compile((struct str){pattern, 3}, REGEX_FOLD);
        for (uint32_t c = 0x80; c < 0x20000; c++) {
            bool t = match(r, (struct str){bytes, encode(c, bytes)});
            if (t != ((letter == 'k' && c == 0x212A) || (letter == 's' && c == 0x17F)))
                fail_msg("%c, U+%04X", letter, (unsigned)c);
        }
        regex_free(r);
    }
}

/* --- at random --- */

/* Patterns of words and of what stands between them, over subjects of the same words: with the
 * needles as the engine alone. */
static void test_at_random(void **state) {
    (void)state;
    static const char *const PATTERNS[] = {
        "abc",    "abk",      "sab",      "(abc|abd)", "(?:abc|xk)", "(abc|x?)",   "(abk|Sab|KSA)",
        "[ab]c",  "[^a]bc",   "(abc)?",   "(abc)+",    "abd{2}",     ".*",         "b*",
        "^",      "$",        "|",        "(?i)",      "(?i:abk)",   "(?-i:ABC)",  "\\x{212A}",
        "\\x6B",  "\\x{17F}", "\xC3\xA9", "\xC3\x89",  "[k]",        "[sS]ab",     "\\bab",
        "(?m)",   "\\Ca",     "(a|b)c",   "\\QabC\\E", "a{0,2}",     "[\\x{17F}]", "\xE2\x84\xAA",
        "(?U)b+", "\\pLab"};
    static const char *const SUBJECTS[] = {
        "a",    "b",       "c", "d",        "abc",      "ABC",          "abd", "abk",
        "x",    "k",       "K", "s",        "S",        "Sab",          "aBC", "sab",
        "C",    "A",       "B", "\xC3\xA9", "\xC3\x89", "\xE2\x84\xAA", "\n",  "\xC3",
        "\xFF", "\xC5\xBF"};
    static const char *const LETTERS[] = {"", "i", "m", "im", "s", "is", "ms", "ims"};
    size_t accepted = 0, sifted = 0, matches = 0, spared = 0;
    char bytes[128], subject[128], text[80];
    for (int round = 0; round < 20000; round++) {
        struct str pattern =
            random_text(PATTERNS, COUNT_OF(PATTERNS), 1 + (uint32_t)round % 5, bytes);
        unsigned flags = below(4) ? 0 : below(8);
        struct regex *r = NULL;
        if (regex_compile(pattern, flags, NULL, &r, NULL) != E_OK)
            continue;
        size_t n_needles, place;
        regex_needles(r, &n_needles);
        accepted++;
        if (n_needles == 0) { /* test_regex.c has these */
            regex_free(r);
            continue;
        }
        sifted++;
        struct regex_engine *e = NULL;
        assert_int_equal(regex_engine_new(pattern.p, pattern.n, LETTERS[flags], 1 << 20, &e, text,
                                          sizeof text, &place),
                         REGEX_OK);
        for (int i = 0; i < 60; i++) {
            struct str s = random_text(SUBJECTS, COUNT_OF(SUBJECTS), 6, subject);
            bool failed, t = regex_engine_match(e, s.p, s.n, &failed);
            assert_false(failed);
            if (match(r, s) != t)
                fail_msg("/%.*s/ flags %u: %.*s", (int)pattern.n, pattern.p, flags, (int)s.n, s.p);
            matches += t;
            spared += !t;
        }
        regex_engine_free(e);
        regex_free(r);
    }
    if (accepted < 8000 || sifted < 1500 || matches < 4000 || spared < 10000)
        fail_msg("%zu accepted, %zu with needles, %zu matches, %zu none", accepted, sifted, matches,
                 spared);
}

/* --- limits --- */

/* Needles that nearly fit everywhere: the search goes on behind the place where bytes_find_lower
 * gives up. */
static void test_nearly_everywhere(void **state) {
    (void)state;
    struct regex *r = compile(S("(aaaab|aaaac)$"), 0);
    size_t n = 1u << 20;
    char *s = malloc(n);
    assert_non_null(s);
    memset(s, 'a', n);
    assert_false(match(r, (struct str){s, n}));
    s[n - 1] = 'c';
    assert_true(match(r, (struct str){s, n}));
    s[n - 1] = 'a', s[n / 2] = 'c';
    assert_false(match(r, (struct str){s, n}));
    regex_free(r);
    free(s);
}

/* A subject that is too long fails if it may match, and only then, in both ways. */
static void test_too_long(void **state) {
    (void)state;
    struct regex *r = compile(S("(abc|abd)[a-z]{300}"), 0);
    size_t n = regex_subject_most(r) + 1, count;
    char *s = malloc(n);
    assert_non_null(s);
    memset(s, 'a', n);
    regex_needles(r, &count);
    assert_int_equal(count, 2);
    assert_false(match(r, (struct str){s, n}));
    memcpy(s + n / 2, "ABD", 3);
    bool failed = false;
    assert_false(regex_match(r, (const uint8_t *)s, n, &failed));
    assert_true(failed);
    assert_false(regex_match_sifted(r, (const uint8_t *)s, n, &failed));
    assert_true(failed);
    regex_free(r);
    free(s);
}

/* A tight budget takes the needles away, not the pattern. */
static void test_budget(void **state) {
    (void)state;
    struct budget b;
    struct regex *r = NULL;
    size_t n;
    budget_init(&b, REGEX_MEMORY_BYTES + 65536);
    assert_int_equal(regex_compile(S("(abc|abd)e"), 0, &b, &r, NULL), E_OK);
    regex_needles(r, &n);
    assert_int_equal(n, 0);
    assert_true(match(r, S("abde")));
    regex_free(r);
    budget_init(&b, REGEX_MEMORY_BYTES + 65536 + 524288);
    assert_int_equal(regex_compile(S("(abc|abd)e"), 0, &b, &r, NULL), E_OK);
    regex_needles(r, &n);
    assert_int_equal(n, 2);
    regex_free(r);
    assert_int_equal(atomic_load(&b.used_bytes), 0);
}

int main(void) {
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(test_needles),
        cmocka_unit_test(test_matches),
        cmocka_unit_test(test_letters_that_fold_to_ascii),
        cmocka_unit_test(test_at_random),
        cmocka_unit_test(test_nearly_everywhere),
        cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_budget),
    };
    struct regex *r = NULL;
    if (regex_compile(S("a"), 0, NULL, &r, NULL) == E_NO_REGEX)
        return 0; /* test_regex.c says what such a build does */
    regex_free(r);
    return cmocka_run_group_tests(TESTS, NULL, NULL);
}

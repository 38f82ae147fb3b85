/* LIKE and ILIKE against a reference that keeps, as bits, all subject positions that a pattern can
 * have reached.
 *
 * The reference follows QUERY.md K3-K6 unit by unit and shares only utf8_decode and casefold with
 * the code under test. Every comparison asks like_match, like_match_once and, where a shape
 * promises it, plain byte comparison. Subjects stand in blocks of exactly their size, so that a
 * sanitizer sees any byte read too much.
 */
#include "base/utf8.h"
#include "kernel/casefold.h"
#include "kernel/text.h"
#include "like_unit.h"

#include <stdio.h>

#define MOST_UNITS 60 /* of a subject: positions are bits of 64 */

/* --- the reference --- */

static size_t next_unit(const char *p, size_t n, bool fold, uint32_t *ret) {
    uint32_t cp;
    size_t length = utf8_decode((const uint8_t *)p, n, &cp);
    *ret = cp == UINT32_MAX ? 0xF0000000u | (uint8_t)*p : fold ? casefold(cp) : cp;
    return length;
}

/* The answer 0 or 1, or -1 for a wrong escape at *ret_bad. */
static int reference(struct str pattern, uint32_t escape, bool fold, struct str s,
                     size_t *ret_bad) {
    uint32_t units[MOST_UNITS];
    size_t count = 0;
    for (size_t i = 0; i < s.n;) {
        assert_true(count < MOST_UNITS);
        i += next_unit(s.p + i, s.n - i, fold, &units[count++]);
    }
    uint64_t at = 1;
    for (size_t i = 0; i < pattern.n;) {
        uint32_t unit, raw;
        size_t begin = i;
        i += next_unit(pattern.p + i, pattern.n - i, false, &raw);
        if (raw == escape) {
            raw = 0;
            size_t length =
                i < pattern.n ? next_unit(pattern.p + i, pattern.n - i, false, &raw) : 0;
            if (length == 0 || (raw != '%' && raw != '_' && raw != escape)) {
                *ret_bad = begin;
                return -1;
            }
            i += length;
        } else if (raw == '%') {
            for (size_t k = 0; k < count; k++)
                at |= at << 1;
            at &= (UINT64_C(2) << count) - 1;
            continue;
        } else if (raw == '_') {
            at = at << 1 & ((UINT64_C(2) << count) - 1);
            continue;
        }
        unit = fold ? casefold(raw) : raw;
        uint64_t fits = 0;
        for (size_t k = 0; k < count; k++)
            fits |= (uint64_t)(units[k] == unit) << k;
        at = (at & fits) << 1;
    }
    return (int)(at >> count & 1);
}

/* What the shape says, by plain byte comparison; -1 if it says nothing. */
static int by_shape(const struct like *l, struct str s) {
    struct str lit = like_literal(l);
    switch (like_shape(l)) {
    case LIKE_ALL:
        return 1;
    case LIKE_EXACT:
        return str_eq(s, lit);
    case LIKE_PREFIX:
        return s.n >= lit.n && memcmp(s.p, lit.p, lit.n) == 0;
    case LIKE_SUFFIX:
        return s.n >= lit.n && memcmp(s.p + s.n - lit.n, lit.p, lit.n) == 0;
    case LIKE_CONTAINS:
        return contains_naively(s, lit);
    case LIKE_GENERAL:
        break;
    }
    return -1;
}

static void fail_with(const char *what, struct str pattern, struct str s, bool fold, int want) {
    fprintf(stderr, "%s: want %d, fold %d, pattern", what, want, fold);
    for (size_t i = 0; i < pattern.n; i++)
        fprintf(stderr, " %02X", (unsigned)bytes_of(pattern)[i]);
    fprintf(stderr, ", subject");
    for (size_t i = 0; i < s.n; i++)
        fprintf(stderr, " %02X", (unsigned)bytes_of(s)[i]);
    fprintf(stderr, "\n");
    fail();
}

/* Compares one pair. l is the pattern compiled, or NULL if it was refused at byte `bad`. */
static void check_pair(const struct like *l, size_t bad, struct str pattern, uint32_t escape,
                       bool fold, struct str s) {
    size_t want_bad = 0;
    int want = reference(pattern, escape, fold, s, &want_bad);
    bool once = false;
    enum status status = like_match_once(pattern, escape, fold, bytes_of(s), s.n, NULL, &once);
    if (want < 0) {
        if (l || status != E_BAD_ESCAPE || bad != want_bad)
            fail_with("escape", pattern, s, fold, want);
        return;
    }
    if (!l || like_match(l, bytes_of(s), s.n, NULL) != want)
        fail_with("like_match", pattern, s, fold, want);
    if (status != E_OK || once != want)
        fail_with("like_match_once", pattern, s, fold, want);
    int shape = by_shape(l, s);
    if (shape >= 0 && shape != want)
        fail_with("like_shape", pattern, s, fold, want);
}

static void check_all(struct strings patterns, struct strings subjects, uint32_t escape,
                      bool fold) {
    struct arena a;
    arena_init(&a, NULL);
    for (size_t i = 0; i < patterns.count; i++) {
        size_t bad = 0;
        const struct like *l = compile(&a, patterns.all[i], escape, fold, &bad);
        for (size_t k = 0; k < subjects.count; k++)
            check_pair(l, bad, patterns.all[i], escape, fold, subjects.all[k]);
        arena_reset(&a);
    }
    arena_done(&a);
}

/* Every pattern against every subject, over the letters of two alphabets. */
static void check_alphabets(const char *in_pattern, size_t pattern_length, const char *in_subject,
                            size_t subject_length, uint32_t escape, bool fold) {
    struct strings patterns = strings_over(in_pattern, strlen(in_pattern), pattern_length);
    struct strings subjects = strings_over(in_subject, strlen(in_subject), subject_length);
    check_all(patterns, subjects, escape, fold);
    strings_done(&patterns);
    strings_done(&subjects);
}

/* --- exhaustive --- */

static void test_ascii_exhaustive(void **state) {
    (void)state;
    check_alphabets("ab%_", 6, "ab", 7, LIKE_NO_ESCAPE, false);
    check_alphabets("aB%_", 5, "abAB", 4, LIKE_NO_ESCAPE, true);
}

static void test_malformed_exhaustive(void **state) {
    (void)state;
    check_alphabets("a%_\xC3\xA9\xE2\x84\xAA\x80\xFF", 3, "a\xC3\xA9\xE2\x84\xAA\x80\xFF", 4,
                    LIKE_NO_ESCAPE, false);
    check_alphabets("%_\xC3\xA9\xE2\x84\xAA", 4, "a\xC3\xA9\xE2\x84\xAA", 4, LIKE_NO_ESCAPE, false);
    check_alphabets("%_\xE2\x84\xAA", 5, "\xE2\x84\xAA", 6, LIKE_NO_ESCAPE, false);
    check_alphabets("%_\xF0\x9F\x80", 4, "\xF0\x9F\x80", 6, LIKE_NO_ESCAPE, false);
}

static void test_malformed_fold_exhaustive(void **state) {
    (void)state;
    check_alphabets("kK%_\xE2\x84\xAA", 4, "kK\xE2\x84\xAA", 5, LIKE_NO_ESCAPE, true);
    check_alphabets("sS%_\xC5\xBF\x84", 4, "sS\xC5\xBF\x84", 4, LIKE_NO_ESCAPE, true);
}

static void test_escape_exhaustive(void **state) {
    (void)state;
    check_alphabets("a%_!", 5, "a%_!", 4, '!', false);
    check_alphabets("a%_!", 5, "a%_!", 3, '%', false);
    check_alphabets("a%_!", 5, "a%_!", 3, '_', true);
    check_alphabets("a%_A", 5, "a%_A", 3, 'a', true); /* an escape character is never folded */
    check_alphabets("%_\xC3\xA9", 5, "%_\xC3\xA9", 4, 0xE9, false);
    check_alphabets("%_\xC3\xA9", 5, "%_\xC3\xA9", 3, 0xE9, true);
}

/* --- random --- */

static uint64_t random_next(uint64_t *seed) {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* Up to `most` words from a list of `count`, in a block of just that size. */
static struct str random_words(uint64_t *seed, const char *const *words, size_t count,
                               size_t most) {
    char text[256];
    size_t n = 0;
    for (size_t k = random_next(seed) % (most + 1); k > 0; k--) {
        const char *word = words[random_next(seed) % count];
        memcpy(text + n, word, strlen(word));
        n += strlen(word);
    }
    char *p = malloc(n ? n : 1);
    assert_non_null(p);
    memcpy(p, text, n);
    return (struct str){p, n};
}

/* Random pairs; the first three words are wildcards and stand in patterns only. */
static void check_random(const char *const *words, size_t count, size_t rounds, uint64_t seed) {
    struct arena a;
    arena_init(&a, NULL);
    size_t matched = 0;
    for (size_t i = 0; i < rounds; i++) {
        bool fold = random_next(&seed) % 2;
        struct str pattern = random_words(&seed, words, count, 14);
        size_t bad = 0;
        const struct like *l = compile(&a, pattern, LIKE_NO_ESCAPE, fold, &bad);
        for (size_t k = 0; k < 20; k++) {
            struct str s = random_words(&seed, words + 3, count - 3, MOST_UNITS / 4);
            check_pair(l, bad, pattern, LIKE_NO_ESCAPE, fold, s);
            matched += like_match(l, bytes_of(s), s.n, NULL);
            free((void *)(uintptr_t)s.p);
        }
        free((void *)(uintptr_t)pattern.p);
        arena_reset(&a);
    }
    assert_true(matched > rounds); /* a twentieth, so that both answers are seen */
    arena_done(&a);
}

static void test_random(void **state) {
    (void)state;
    static const char *const two[] = {"%", "%", "_", "a", "b"};
    static const char *const ascii[] = {"%", "%_", "_", "a", "A", "ab", "aab", "b"};
    static const char *const cases[] = {"%", "%", "_", "k", "K", "\u212A", "s", "\u017F", "kk"};
    static const char *const wide[] = {"%",      "%",      "%__",    "\u00E9",
                                       "\u00C9", "\u0436", "\u0416", "a\u00E9"};
    static const char *const broken[] = {
        "%", "%", "_", "\xE2\x84", "\xAA", "\xE2", "\xE2\x84\xAA", "\x84\xAA"};
    static const char *const four[] = {"%",        "%",        "_", "\xF0\x9F\x98\x80",
                                       "\xF0\x9F", "\x98\x80", "x"};
    check_random(two, 5, 20000, 1);
    check_random(ascii, 8, 20000, 2);
    check_random(cases, 9, 20000, 3);
    check_random(wide, 8, 20000, 4);
    check_random(broken, 8, 20000, 5);
    check_random(four, 7, 20000, 6);
}

/* --- by example --- */

static bool matches(const char *s, const char *pattern, bool fold) {
    struct arena a;
    arena_init(&a, NULL);
    size_t bad;
    const struct like *l = compile(&a, str_of(pattern), LIKE_NO_ESCAPE, fold, &bad);
    bool answer = like_match(l, (const uint8_t *)s, strlen(s), NULL);
    bool once = !answer;
    assert_int_equal(like_match_once(str_of(pattern), LIKE_NO_ESCAPE, fold, (const uint8_t *)s,
                                     strlen(s), NULL, &once),
                     E_OK);
    assert_int_equal(answer, once);
    arena_done(&a);
    return answer;
}

static void test_ilike_examples(void **state) {
    (void)state;
    assert_true(matches("\u212A", "k", true));
    assert_true(matches("k", "\u212A", true));
    assert_true(matches("STRA\u1E9EE", "stra\u00DFe", true));
    assert_false(matches("STRASSE", "stra\u00DFe", true));
    assert_false(matches("\u0130", "i", true));
    assert_false(matches("\u0130", "\u0131", true));
    assert_true(matches("\u0130", "\u0130", true));
    assert_true(matches("\u041C\u041E\u0421\u041A\u0412\u0410", "%\u0441\u043A%", true));
    assert_false(matches("\u041C\u041E\u0421\u041A\u0412\u0410", "%\u0441\u043A%", false));
    assert_true(matches("\u1F88", "\u1F80", true)); /* status S */
    assert_false(matches("KELVIN", "k%", false));
    assert_true(matches("\u212A\u212A-\u017Ft", "%KK_ST%", true));
}

static void test_bytes_with_nul(void **state) {
    (void)state;
    struct str s = {"a\0\nb", 4};
    struct str patterns[] = {{"a%b", 3}, {"a__b", 4}, {"%\0%", 3}, {"%\nb", 3}, {"a\0%", 3}};
    struct arena a;
    arena_init(&a, NULL);
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        size_t bad;
        const struct like *l = compile(&a, patterns[i], LIKE_NO_ESCAPE, false, &bad);
        assert_true(like_match(l, bytes_of(s), s.n, NULL));
        check_pair(l, bad, patterns[i], LIKE_NO_ESCAPE, false, s);
    }
    arena_done(&a);
}

static void test_shapes(void **state) {
    (void)state;
    static const struct {
        const char *pattern;
        enum like_shape shape;
        const char *literal;
    } rows[] = {
        {"", LIKE_EXACT, ""},
        {"abc", LIKE_EXACT, "abc"},
        {"\x80", LIKE_EXACT, "\x80"},
        {"%", LIKE_ALL, ""},
        {"%%%", LIKE_ALL, ""},
        {"abc%", LIKE_PREFIX, "abc"},
        {"abc%%", LIKE_PREFIX, "abc"},
        {"\xA9%", LIKE_PREFIX, "\xA9"},
        {"a\xC3%", LIKE_GENERAL, ""},
        {"%abc", LIKE_SUFFIX, "abc"},
        {"%\xC3", LIKE_SUFFIX, "\xC3"},
        {"%\xA9", LIKE_GENERAL, ""},
        {"%abc%", LIKE_CONTAINS, "abc"},
        {"%\xE2\x84\xAA%", LIKE_CONTAINS, "\xE2\x84\xAA"},
        {"%\xE2\x84%", LIKE_GENERAL, ""},
        {"%\xFF%", LIKE_CONTAINS, "\xFF"},
        {"%!%a!!!_%", LIKE_CONTAINS, "%a!_"},
        {"_", LIKE_GENERAL, ""},
        {"_%", LIKE_GENERAL, ""},
        {"%_%", LIKE_GENERAL, ""},
        {"%a%b%", LIKE_GENERAL, ""},
        {"a%b", LIKE_GENERAL, ""},
        {"_a", LIKE_GENERAL, ""},
        {"%a_%", LIKE_GENERAL, ""},
    };
    struct arena a;
    arena_init(&a, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t bad;
        struct str pattern = str_of(rows[i].pattern);
        const struct like *l = compile(&a, pattern, '!', false, &bad);
        assert_int_equal(like_shape(l), rows[i].shape);
        assert_true(str_is(like_literal(l), rows[i].literal));
        l = compile(&a, pattern, '!', true, &bad);
        assert_int_equal(like_shape(l), rows[i].shape == LIKE_ALL ? LIKE_ALL : LIKE_GENERAL);
        assert_int_equal(like_literal(l).n, 0);
    }
    arena_done(&a);
}

static void test_escape_errors(void **state) {
    (void)state;
    static const struct {
        const char *pattern;
        uint32_t escape;
        size_t bad;
    } rows[] = {
        {"!", '!', 0},      {"abc!", '!', 3}, {"a!bc", '!', 1},   {"!!!", '!', 2},
        {"%!%!a", '!', 3},  {"a%", '%', 1},   {"ab%%%c", '%', 4}, {"\u00E9\u00E9\u00E9x", 0xE9, 4},
        {"a!\xFF", '!', 1},
    };
    struct arena a;
    arena_init(&a, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct like *l = NULL;
        size_t bad = SIZE_MAX;
        bool match = true;
        struct str pattern = str_of(rows[i].pattern);
        assert_int_equal(like_compile(&a, pattern, rows[i].escape, false, &l, &bad), E_BAD_ESCAPE);
        assert_null(l);
        assert_int_equal(bad, rows[i].bad);
        assert_int_equal(like_match_once(pattern, rows[i].escape, false, NULL, 0, NULL, &match),
                         E_BAD_ESCAPE);
        assert_true(match); /* untouched */
    }
    arena_done(&a);
}

static void test_escape_operand(void **state) {
    (void)state;
    uint32_t cp = 7;
    assert_int_equal(like_escape(str_of(""), &cp), E_BAD_ESCAPE);
    assert_int_equal(like_escape(str_of("ab"), &cp), E_BAD_ESCAPE);
    assert_int_equal(like_escape(str_of("\xC3"), &cp), E_BAD_ESCAPE);
    assert_int_equal(like_escape(str_of("e\u0301"), &cp), E_BAD_ESCAPE);
    assert_int_equal(cp, 7);
    assert_int_equal(like_escape(str_of("\\"), &cp), E_OK);
    assert_int_equal(cp, '\\');
    assert_int_equal(like_escape(str_of("\U0001F600"), &cp), E_OK);
    assert_int_equal(cp, 0x1F600);
    assert_int_equal(like_escape((struct str){"\0", 1}, &cp), E_OK);
    assert_int_equal(cp, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ascii_exhaustive),
        cmocka_unit_test(test_malformed_exhaustive),
        cmocka_unit_test(test_malformed_fold_exhaustive),
        cmocka_unit_test(test_escape_exhaustive),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_ilike_examples),
        cmocka_unit_test(test_bytes_with_nul),
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_escape_errors),
        cmocka_unit_test(test_escape_operand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

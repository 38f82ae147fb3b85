/* For the tests of regular expressions: patterns compiled, both ways of matching, random texts. */
#ifndef TAMIS_TESTS_REGEX_UNIT_H
#define TAMIS_TESTS_REGEX_UNIT_H

#include "kernel/regex.h"

#include "unit.h"

#define S(text) ((struct str){(text), sizeof(text) - 1})

static struct regex *compile(struct str pattern, unsigned flags) {
    struct regex *r = NULL;
    struct error e;
    error_clear(&e);
    if (regex_compile(pattern, flags, NULL, &r, &e) != E_OK)
        fail_msg("%.*s: %s", (int)pattern.n, pattern.p, e.message);
    return r;
}

/* By both ways of matching. */
static bool match(const struct regex *r, struct str s) {
    bool failed = true, t = regex_match(r, (const uint8_t *)s.p, s.n, &failed);
    assert_false(failed);
    assert_int_equal(regex_match_sifted(r, (const uint8_t *)s.p, s.n, &failed), t);
    assert_false(failed);
    return t;
}

static uint32_t random_state = 20220601;
static uint32_t below(uint32_t n) {
    random_state = random_state * 1664525u + 1013904223u;
    return (uint32_t)(((uint64_t)random_state * n) >> 32);
}

static struct str random_text(const char *const *parts, uint32_t n_parts, uint32_t most,
                              char *out) {
    size_t n = 0;
    for (uint32_t i = below(most + 1); i > 0; i--) {
        const char *part = parts[below(n_parts)];
        memcpy(out + n, part, strlen(part));
        n += strlen(part);
    }
    return (struct str){out, n};
}

#endif

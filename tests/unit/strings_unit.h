/* All byte strings over a small alphabet, for tests that try every one, and the plainest search in
 * one. Each stands in a block of exactly its size, so that a sanitizer sees any byte read too much.
 */
#ifndef TAMIS_TESTS_STRINGS_UNIT_H
#define TAMIS_TESTS_STRINGS_UNIT_H

#include "base/str.h"

#include "unit.h"

#include <stdlib.h>

/* All byte strings over an alphabet up to a length, each in a block of its own. */
struct strings {
    struct str *all;
    size_t count;
};

static inline struct strings strings_over(const char *alphabet, size_t letters, size_t most) {
    size_t total = 0, of_length = 1;
    for (size_t length = 0; length <= most; length++, of_length *= letters)
        total += of_length;
    struct strings set = {malloc(total * sizeof(struct str)), 0};
    assert_non_null(set.all);
    of_length = 1;
    for (size_t length = 0; length <= most; length++, of_length *= letters) {
        for (size_t k = 0; k < of_length; k++) {
            char *p = malloc(length + (length == 0));
            assert_non_null(p);
            for (size_t i = 0, rest = k; i < length; i++, rest /= letters)
                p[i] = alphabet[rest % letters];
            set.all[set.count++] = (struct str){p, length};
        }
    }
    return set;
}

static inline void strings_done(struct strings *set) {
    for (size_t i = 0; i < set->count; i++)
        free((void *)(uintptr_t)set->all[i].p);
    free(set->all);
}

static inline const uint8_t *bytes_of(struct str s) { return (const uint8_t *)s.p; }

static inline bool contains_naively(struct str s, struct str needle) {
    for (size_t i = 0; i + needle.n <= s.n; i++)
        if (needle.n == 0 || memcmp(s.p + i, needle.p, needle.n) == 0)
            return true;
    return false;
}

#endif

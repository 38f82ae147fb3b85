/* All byte strings over a small alphabet, for tests that try every one. Each stands in a block of
 * exactly its size, so that a sanitizer sees any byte read too much. */
#ifndef TAMIS_TESTS_STRINGS_UNIT_H
#define TAMIS_TESTS_STRINGS_UNIT_H

#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* All byte strings over an alphabet up to a length, each in a block of its own. */
struct strings {
    struct str *all;
    size_t count;
};

static struct strings strings_over(const char *alphabet, size_t letters, size_t most) {
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

static void strings_done(struct strings *set) {
    for (size_t i = 0; i < set->count; i++)
        free((void *)(uintptr_t)set->all[i].p);
    free(set->all);
}

#endif

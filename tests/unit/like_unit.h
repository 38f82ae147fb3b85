/* What the tests of LIKE share. */
#ifndef TAMIS_TESTS_LIKE_UNIT_H
#define TAMIS_TESTS_LIKE_UNIT_H

#include "base/arena.h"
#include "kernel/like.h"
#include "strings_unit.h"

/* The pattern, compiled; NULL and *ret_bad if its escapes are wrong. */
static inline const struct like *compile(struct arena *a, struct str pattern, uint32_t escape,
                                         bool fold, size_t *ret_bad) {
    const struct like *l = NULL;
    enum status status = like_compile(a, pattern, escape, fold, &l, ret_bad);
    assert_true(status == E_OK || status == E_BAD_ESCAPE);
    assert_true((status == E_OK) == (l != NULL));
    return l;
}

#endif

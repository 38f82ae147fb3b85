/* A borrowed byte string with a length; may hold NUL and invalid UTF-8. */
#ifndef TAMIS_BASE_STR_H
#define TAMIS_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct str {
    const char *p;
    size_t n;
};

static inline struct str str_of(const char *text) { return (struct str){text, strlen(text)}; }
static inline bool str_eq(struct str a, struct str b) {
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}
static inline bool str_is(struct str a, const char *text) { return str_eq(a, str_of(text)); }

/* Order by bytes, then length (SEMANTICS S1): < 0, 0, > 0. */
static inline int str_cmp(struct str a, struct str b) {
    size_t n = a.n < b.n ? a.n : b.n;
    int c = n ? memcmp(a.p, b.p, n) : 0;
    return c ? c : (a.n > b.n) - (a.n < b.n);
}

#endif

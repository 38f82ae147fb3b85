/* A borrowed byte string with a length; may hold NUL and invalid UTF-8. */
#ifndef TAMIS_BASE_STR_H
#define TAMIS_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *p;
    size_t n;
};

static inline struct str str_of(const char *text) { return (struct str){text, strlen(text)}; }

/* The same n bytes, n <= 16: by two words that overlap. What is compared is mostly short, and a
 * call of memcmp takes longer than that. */
#define SAME_HALVES(type)                                                                          \
    do {                                                                                           \
        type x, y, z, w;                                                                           \
        memcpy(&x, a, sizeof x);                                                                   \
        memcpy(&y, b, sizeof y);                                                                   \
        memcpy(&z, a + n - sizeof z, sizeof z);                                                    \
        memcpy(&w, b + n - sizeof w, sizeof w);                                                    \
        return ((x ^ y) | (z ^ w)) == 0;                                                           \
    } while (0)
static inline bool bytes_same(const void *first, const void *second, size_t n) {
    const char *a = (const char *)first, *b = (const char *)second;
    if (n > 16)
        return memcmp(a, b, n) == 0;
    if (n >= 8)
        SAME_HALVES(uint64_t);
    if (n >= 4)
        SAME_HALVES(uint32_t);
    if (n >= 2)
        SAME_HALVES(uint16_t);
    return n == 0 || *a == *b;
}
#undef SAME_HALVES

static inline bool str_eq(struct str a, struct str b) {
    return a.n == b.n && bytes_same(a.p, b.p, a.n);
}
static inline bool str_is(struct str a, const char *text) { return str_eq(a, str_of(text)); }

/* Order by bytes, then length (QUERY.md S1): < 0, 0, > 0. */
static inline int str_cmp(struct str a, struct str b) {
    size_t n = a.n < b.n ? a.n : b.n;
    int c = n ? memcmp(a.p, b.p, n) : 0;
    return c ? c : (a.n > b.n) - (a.n < b.n);
}

#endif

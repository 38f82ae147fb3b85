/* See amount.h. */
#include "base/amount.h"

#include <string.h>

bool amount_parse(const char *text, bool suffixes, uint64_t *ret) {
    uint64_t n = 0;
    const char *at = text;
    for (; *at >= '0' && *at <= '9'; at++)
        if (__builtin_mul_overflow(n, (uint64_t)10, &n) ||
            __builtin_add_overflow(n, (uint64_t)(*at - '0'), &n))
            return false;
    if (at == text)
        return false;
    const char *unit = suffixes && *at ? strchr("KMG", *at) : NULL;
    if (unit) {
        unsigned shift = *unit == 'K' ? 10 : *unit == 'M' ? 20 : 30;
        if (__builtin_mul_overflow(n, (uint64_t)1 << shift, &n))
            return false;
        at++;
    }
    *ret = n;
    return *at == '\0';
}

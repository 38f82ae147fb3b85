/* See spell.h. */
#include "base/spell.h"

static unsigned char upper(char c) {
    return (unsigned char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
}

static unsigned least(unsigned a, unsigned b) { return a < b ? a : b; }

unsigned spell_distance(struct str a, struct str b) {
    unsigned rows[3][SPELL_LONGEST + 1];
    if (a.n > SPELL_LONGEST || b.n > SPELL_LONGEST)
        return SPELL_FAR;
    unsigned *before = rows[0], *last = rows[1], *now = rows[2];
    for (size_t j = 0; j <= b.n; j++)
        last[j] = (unsigned)j;
    for (size_t i = 1; i <= a.n; i++) {
        now[0] = (unsigned)i;
        for (size_t j = 1; j <= b.n; j++) {
            bool same = upper(a.p[i - 1]) == upper(b.p[j - 1]);
            now[j] = least(least(last[j], now[j - 1]) + 1, last[j - 1] + !same);
            if (i > 1 && j > 1 && upper(a.p[i - 1]) == upper(b.p[j - 2]) &&
                upper(a.p[i - 2]) == upper(b.p[j - 1]))
                now[j] = least(now[j], before[j - 2] + 1);
        }
        unsigned *spare = before;
        before = last;
        last = now;
        now = spare;
    }
    return last[b.n];
}

unsigned spell_too_far(size_t n) { return n < 2 ? 0 : n < 5 ? 2 : 3; }

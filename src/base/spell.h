/* How far a word is from another one: for "did you mean". Any thread. */
#ifndef TAMIS_BASE_SPELL_H
#define TAMIS_BASE_SPELL_H

#include "base/str.h"

/* Longer words are like no other. */
#define SPELL_LONGEST 32u
#define SPELL_FAR     99u

/* Insertions, deletions, changes and swaps of neighbours that make b of a, without regard to the
 * case of ASCII letters (the restricted Damerau-Levenshtein distance). SPELL_FAR if one of them has
 * more than SPELL_LONGEST bytes. */
unsigned spell_distance(struct str a, struct str b);

/* A distance that is too large for a misspelling of a word of n bytes. */
unsigned spell_too_far(size_t n);

#endif

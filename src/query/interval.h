/* INTERVAL '1 day 2 hours': the length of a time in the three units that cannot be turned into one
 * another. Private to query/. */
#ifndef TAMIS_QUERY_INTERVAL_H
#define TAMIS_QUERY_INTERVAL_H

#include "build.h"
#include "lex.h"

struct interval {
    int64_t months, seconds, nanoseconds;
};

/* The string token behind the word INTERVAL, whose text s is; negated if `negative`. Reports what
 * is wrong, and where in the text. */
bool interval_read(struct build *b, struct token text, struct str s, bool negative,
                   struct interval *ret);

#endif

/* INTERVAL '1 day 2 hours': the length of a time in the three units that cannot be turned into one
 * another. Private to query/. */
#ifndef TAMIS_QUERY_INTERVAL_H
#define TAMIS_QUERY_INTERVAL_H

#include "build.h"

struct interval {
    int64_t months, seconds, nanoseconds;
};

/* The string token behind the word INTERVAL, which stands at `at`; negated if `negative`. Reports
 * what is wrong. */
bool interval_read(struct build *b, struct place at, struct str text, bool negative,
                   struct interval *ret);

#endif

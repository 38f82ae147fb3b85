/* What every match of a regular expression must contain, and how it must begin and end, found in
 * the pattern's text alone. Private to kernel/. */
#ifndef TAMIS_KERNEL_REGEX_LITERAL_H
#define TAMIS_KERNEL_REGEX_LITERAL_H

#include "kernel/regex.h"

struct regex_text {
    size_t n_literal;       /* the longest run of bytes that every match has; 0: none is known */
    size_t n_suffix;        /* the run that every subject ends with; 0: none is known ... */
    size_t suffix_at;       /* ... and where it stands in `out` */
    enum regex_shape shape; /* not REGEX_GENERAL if the pattern is the literal and nothing else */
    bool starts; /* a match begins where the subject does, and nothing but that and perhaps its end
                    looks at what is around it: what was matched would be matched alone */
};

/* Writes the literal to the beginning of out, which has room for pattern.n bytes, and the suffix.
 * The pattern is one that RE2 has accepted; flags are those it was compiled with. */
struct regex_text regex_literal_find(struct str pattern, unsigned flags, char *out);

#endif

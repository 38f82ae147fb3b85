/* Paths: a.b[0]."odd key" as an array of steps (QUERY.md A1, N4). Immutable; the steps and keys
 * are borrowed. */
#ifndef TAMIS_VALUE_PATH_H
#define TAMIS_VALUE_PATH_H

#include "value/value.h"

struct path_step {
    struct str key; /* key.p is NULL for an array index */
    uint32_t index;
};

struct path {
    const struct path_step *steps;
    uint32_t n; /* 0: the row, or the element, itself */
};

bool path_eq(struct path a, struct path b);
/* True if a is a prefix of b (or equal). */
bool path_is_prefix(struct path a, struct path b);

/* The value at path p inside v: missing where a step leads nowhere; the last of equal keys wins
 * (A3). v must be well-formed. */
struct value path_lookup(struct value v, struct path p);

#endif

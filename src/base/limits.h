/* The limits of proto/limits.def as a struct. Const after start-up and shared by all threads. */
#ifndef TAMIS_BASE_LIMITS_H
#define TAMIS_BASE_LIMITS_H

#include "base/status.h"

struct limits {
#define X(name, def, least, most, error, text) uint64_t name;
#include "limits.def"
#undef X
};

/* One row of the table, for options, STATS and documentation. */
struct limit_info {
    const char *name;
    uint64_t def, least, most;
    enum status error;
    const char *text;
    size_t offset; /* of the field in struct limits */
};

void limits_default(struct limits *l);
const struct limit_info *limit_at(size_t i); /* NULL past the end */

/* The value of a limit in l. */
static inline uint64_t *limit_value(struct limits *l, const struct limit_info *info) {
    return (uint64_t *)(void *)((char *)l + info->offset);
}

#endif

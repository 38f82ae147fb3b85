/* See limits.h. */
#include "base/limits.h"

static const struct limit_info TABLE[] = {
#define X(name, def, least, most, error, text)                                                     \
    {#name, def, least, most, E_##error, text, offsetof(struct limits, name)},
#include "limits.def"
#undef X
};

void limits_default(struct limits *l) {
    for (size_t i = 0; i < sizeof TABLE / sizeof *TABLE; i++)
        *limit_value(l, &TABLE[i]) = TABLE[i].def;
}

const struct limit_info *limit_at(size_t i) {
    return i < sizeof TABLE / sizeof *TABLE ? &TABLE[i] : NULL;
}

/* See value.h: names and classes of types, from proto/types.def. */
#include "value/value.h"

#include <math.h>

enum value_class value_class(enum value_type type) {
    static const uint8_t CLASS[T_COUNT] = {
#define X(name, bit, class, text) [bit] = CLASS_##class,
#include "types.def"
#undef X
    };
    return (enum value_class)CLASS[type];
}

const char *value_type_name(enum value_type type) {
    static const char *const NAME[T_COUNT] = {
#define X(name, bit, class, text) [bit] = text,
#include "types.def"
#undef X
    };
    return NAME[type];
}

bool value_is_nan(struct value v) { return v.type == T_DOUBLE && isnan(v.w.d); }

bool value_is_ordered(struct value v) {
    enum value_class class = value_class(v.type);
    return class == CLASS_NUMBER || class == CLASS_STR || class == CLASS_BIN ||
           class == CLASS_TIMESTAMP;
}

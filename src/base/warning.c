/* See warning.h. */
#include "base/warning.h"

const char *warning_name(enum warning_code code) {
    switch (code) {
#define X(name, number, text)                                                                      \
    case W_##name:                                                                                 \
        return #name;
#include "warnings.def"
#undef X
    }
    return "UNKNOWN";
}

const char *warning_text(enum warning_code code) {
    switch (code) {
#define X(name, number, text)                                                                      \
    case W_##name:                                                                                 \
        return text;
#include "warnings.def"
#undef X
    }
    return "an unknown warning";
}

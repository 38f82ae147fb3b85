/* Warnings about queries. Codes come from proto/warnings.def.
 *
 * A struct warning is plain memory: who makes one owns it. Its texts follow the rules of struct
 * error (status.h). */
#ifndef TAMIS_BASE_WARNING_H
#define TAMIS_BASE_WARNING_H

#include <stddef.h>
#include <stdint.h>

enum warning_code {
#define X(name, number, text) W_##name = (number),
#include "warnings.def"
#undef X
};

/* The most that one request tells: an OR of thousands of mistakes is one mistake. */
#define WARNINGS_MOST 16u

struct warning {
    enum warning_code code;
    uint64_t pos, length; /* bytes of the query that are meant; ERROR_NONE and 0: none */
    char near_text[64];   /* the offending text; "" if none */
    char suggestion[64];  /* "" if none */
};

const char *warning_name(enum warning_code code); /* "NULL_COMPARISON"; never NULL */
const char *warning_text(enum warning_code code); /* the sentence of warnings.def; never NULL */

#endif

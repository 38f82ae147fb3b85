/* The names in a JSON object that a reader has taken for a row, for who wants to know which there
 * are ("did you mean"). Slow and careful: values are stepped over byte by byte, and what turns out
 * to be no JSON ends the walk, with no fault. Allocates nothing; any thread. */
#ifndef TAMIS_FORMAT_JSON_KEYS_H
#define TAMIS_FORMAT_JSON_KEYS_H

#include "base/str.h"

#include <stdint.h>

struct json_items {
    const char *p, *end;
    bool is_object;
};

struct json_item {
    struct str key;   /* as it stands between the quotes, escapes and all; of an array: none */
    struct str value; /* its text */
};

/* False if the text is no object and no array. Borrows it. */
bool json_enter(struct str text, struct json_items *ret);
/* False behind the last. */
bool json_item_next(struct json_items *items, struct json_item *ret);

#endif

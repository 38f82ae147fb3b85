/* See json_keys.h. */
#include "format/json_keys.h"

static const char *skip_blanks(const char *p, const char *end) {
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
        p++;
    return p;
}

/* Behind the string whose quote is at p; NULL if it does not end. */
static const char *skip_string(const char *p, const char *end) {
    for (p++; p < end && *p != '"'; p++)
        if (*p == '\\' && p + 1 < end)
            p++;
    return p < end ? p + 1 : NULL;
}

/* Behind the value at p: where a comma or a bracket follows that is not in it. */
static const char *skip_value(const char *p, const char *end) {
    for (size_t depth = 0; p && p < end;) {
        if (*p == '"') {
            p = skip_string(p, end);
            continue;
        }
        if (*p == '{' || *p == '[')
            depth++;
        else if (*p == '}' || *p == ']' || *p == ',') {
            if (depth == 0)
                return p;
            depth -= *p != ',';
        }
        p++;
    }
    return NULL;
}

bool json_enter(struct str text, struct json_items *ret) {
    const char *end = text.p + text.n, *p = skip_blanks(text.p, end);
    if (p == end || (*p != '{' && *p != '['))
        return false;
    *ret = (struct json_items){p + 1, end, *p == '{'};
    return true;
}

bool json_item_next(struct json_items *items, struct json_item *ret) {
    const char *p = skip_blanks(items->p, items->end), *end = items->end, *value;
    *ret = (struct json_item){0};
    if (items->is_object) {
        const char *behind = p < end && *p == '"' ? skip_string(p, end) : NULL;
        if (!behind)
            return false;
        ret->key = (struct str){p + 1, (size_t)(behind - p) - 2};
        p = skip_blanks(behind, end);
        if (p == end || *p != ':')
            return false;
        p = skip_blanks(p + 1, end);
    }
    value = p;
    p = skip_value(p, end);
    if (!p || p == value)
        return false;
    ret->value = (struct str){value, (size_t)(p - value)};
    items->p = *p == ',' ? p + 1 : end;
    return true;
}

/* See status.h. The tables are made from proto/errors.def. */
#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void error_clear(struct error *e) {
    e->status = E_OK; /* not the texts, which are long: this is on the way of every request */
    e->pos = e->row = e->offset = e->limit = e->actual = ERROR_NONE;
    e->length = 0;
    *e->message = *e->near_text = *e->suggestion = '\0';
}

enum status error_set(struct error *e, enum status status, const char *format, ...) {
    if (!e || e->status != E_OK)
        return status;
    error_clear(e);
    e->status = status;
    char text[ERROR_TEXT_BYTES * 2];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n < 0)
        n = 0;
    error_text(e->message, sizeof e->message, text,
               (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
    return status;
}

enum status error_limit(struct error *e, enum status status, const char *limit_name, uint64_t limit,
                        uint64_t actual) {
    if (!e || e->status != E_OK)
        return status;
    if (actual == ERROR_NONE)
        error_set(e, status, "%s: %s is %llu", status_text(status), limit_name,
                  (unsigned long long)limit);
    else
        error_set(e, status, "%s: %llu, but %s is %llu", status_text(status),
                  (unsigned long long)actual, limit_name, (unsigned long long)limit);
    e->limit = limit;
    e->actual = actual;
    return status;
}

void error_text(char *field, size_t size, const char *text, size_t length) {
    size_t n = length < size - 1 ? length : size - 1;
    if (n < length)
        while (n > 0 && ((unsigned char)text[n] & 0xC0) == 0x80)
            n--;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        field[i] = c < 0x20 || c == 0x7F ? '?' : (char)c;
    }
    field[n] = '\0';
}

const char *status_name(enum status status) {
    switch (status) {
#define X(name, number, kind, text)                                                                \
    case E_##name:                                                                                 \
        return #name;
#include "errors.def"
#undef X
    }
    return "INTERNAL";
}

const char *status_text(enum status status) {
    switch (status) {
#define X(name, number, kind, text)                                                                \
    case E_##name:                                                                                 \
        return text;
#include "errors.def"
#undef X
    }
    return "a bug in tamis";
}

enum status_kind status_kind(enum status status) {
    switch (status) {
#define X(name, number, kind, text)                                                                \
    case E_##name:                                                                                 \
        return KIND_##kind;
#include "errors.def"
#undef X
    }
    return KIND_INTERNAL;
}

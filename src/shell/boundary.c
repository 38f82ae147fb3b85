/* See boundary.h. In CSV a line ends a row if an even number of quotes stands before it: a quote
 * within quotes is doubled. */
#include "shell/boundary.h"

#include <string.h>

static size_t quotes_in(const uint8_t *p, size_t n) {
    size_t found = 0;
    for (size_t i = 0; i < n; i++)
        found += p[i] == '"';
    return found;
}

size_t boundary_last(enum input_format format, const uint8_t *p, size_t n) {
    const uint8_t *end = n > 0 ? memrchr(p, '\n', n) : NULL;
    if (format == INPUT_JSONL || !end)
        return end ? (size_t)(end + 1 - p) : 0;
    size_t quotes = quotes_in(p, n);
    for (size_t i = n; i > 0; i--) {
        if (p[i - 1] == '\n' && quotes % 2 == 0)
            return i;
        quotes -= p[i - 1] == '"';
    }
    return 0;
}

#define LOOK_BYTES 4096u

size_t boundary_last_at(const struct input *in, uint64_t at, size_t n) {
    uint8_t bytes[LOOK_BYTES];
    while (n > 0) {
        size_t some = n < LOOK_BYTES ? n : LOOK_BYTES;
        if (input_read_at(in, at + (n - some), bytes, some) < some)
            return 0;
        const uint8_t *end = memrchr(bytes, '\n', some);
        if (end)
            return n - some + (size_t)(end + 1 - bytes);
        n -= some;
    }
    return 0;
}

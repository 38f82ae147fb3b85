/* See header.h. */
#include "shell/header.h"

#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

/* One cell of a header at *p, which moves behind it and its delimiter; NULL at the end. */
static bool next_cell(const char **p, const char *end, char delimiter, char *to, struct str *ret) {
    const char *at = *p;
    *ret = (struct str){to, 0};
    if (!at)
        return false;
    bool quoted = at < end && *at == '"';
    at += quoted;
    while (at < end && (quoted || *at != delimiter)) {
        if (quoted && *at == '"') {
            if (at + 1 == end || at[1] != '"')
                quoted = false;
            at++;
            if (!quoted)
                continue;
        }
        to[ret->n++] = *at++;
    }
    *p = at < end ? at + 1 : NULL;
    return true;
}

bool header_split(struct arena *a, struct str header, char delimiter, struct str **ret,
                  uint32_t *ret_n) {
    size_t mark = utf8_mark(header.p, header.n);
    header = (struct str){header.p + mark, header.n - mark};
    size_t most = 1;
    for (size_t i = 0; i < header.n; i++)
        most += header.p[i] == delimiter;
    struct str *names = arena_array(a, most, sizeof *names);
    char *text = arena_alloc(a, header.n);
    if (!names || !text)
        return false;
    const char *p = header.p, *end = p + header.n;
    uint32_t n = 0;
    for (struct str name; next_cell(&p, end, delimiter, text, &name); text += name.n)
        names[n++] = name;
    *ret = names;
    *ret_n = n;
    return true;
}

struct str header_first_record(const uint8_t *p, size_t n) {
    size_t at = 0;
    for (bool quoted = false; at < n && (quoted || p[at] != '\n'); at++)
        quoted ^= p[at] == '"';
    while (at > 0 && p[at - 1] == '\r')
        at--;
    return (struct str){(const char *)p, at};
}

static int by_name(const void *a, const void *b, void *names) {
    const uint32_t *x = a, *y = b;
    const struct str *of = names;
    int c = str_cmp(of[*x], of[*y]);
    return c ? c : (*x > *y) - (*x < *y);
}

bool columns_make(struct columns *c, struct arena *a, struct str *names, uint32_t n) {
    uint32_t *order = arena_array(a, n, sizeof *order);
    uint32_t *place = arena_array(a, n, sizeof *place); /* of a name that is kept, or UINT32_MAX */
    if (!order || !place)
        return false;
    for (uint32_t i = 0; i < n; i++)
        order[i] = i;
    if (n > 1)
        qsort_r(order, n, sizeof *order, by_name, names);
    uint32_t kept = 0, sorted = 0;
    for (uint32_t i = 0; i < n; i++)
        place[order[i]] =
            i + 1 < n && str_eq(names[order[i]], names[order[i + 1]]) ? UINT32_MAX : 0;
    for (uint32_t i = 0; i < n; i++)
        if (place[i] != UINT32_MAX)
            place[i] = kept++;
    for (uint32_t i = 0; i < n; i++)
        if (place[order[i]] != UINT32_MAX)
            order[sorted++] = place[order[i]];
    for (uint32_t i = 0; i < n; i++)
        if (place[i] != UINT32_MAX)
            names[place[i]] = names[i];
    *c = (struct columns){names, order, kept};
    return true;
}

uint32_t columns_find(const struct columns *c, struct str name) {
    uint32_t low = 0, high = c->n;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        int order = str_cmp(name, c->names[c->order[mid]]);
        if (order == 0)
            return c->order[mid];
        if (order < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return c->n;
}

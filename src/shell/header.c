/* See header.h. */
#include "shell/header.h"

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

bool header_split(struct arena *a, struct str header, char delimiter, const struct str **ret,
                  uint32_t *ret_n) {
    if (header.n >= 3 && memcmp(header.p, "\xEF\xBB\xBF", 3) == 0)
        header.p += 3, header.n -= 3;
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

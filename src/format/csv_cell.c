/* The cells of CSV as values. A declared type takes what CAST(text AS type) takes, and nothing
 * else; an empty cell of such a column is null. */
#include "format/csv.h"
#include "format/number_text.h"
#include "value/calendar.h"

#include <string.h>

bool csv_cell_text(struct arena *a, const struct csv_dialect *d, const uint8_t *p,
                   const uint8_t *end, struct str *ret) {
    if (p == end || *p != d->quote || !d->quotes) {
        *ret = (struct str){(const char *)p, (size_t)(end - p)};
        return true;
    }
    p++;
    end--;
    const uint8_t *quote = p < end ? memchr(p, d->quote, (size_t)(end - p)) : NULL;
    if (!quote) {
        *ret = (struct str){(const char *)p, (size_t)(end - p)};
        return true;
    }
    uint8_t *out = arena_alloc(a, (size_t)(end - p)), *to = out;
    if (!out)
        return false;
    while (quote) { /* of each pair the first */
        size_t n = (size_t)(quote + 1 - p);
        memcpy(to, p, n);
        to += n;
        p = quote + 2;
        quote = p < end ? memchr(p, d->quote, (size_t)(end - p)) : NULL;
    }
    memcpy(to, p, (size_t)(end - p));
    to += end - p;
    *ret = (struct str){(const char *)out, (size_t)(to - out)};
    return true;
}

static bool is_word(struct str s, const char *word) {
    size_t n = strlen(word);
    for (size_t i = 0; i < s.n && i < n; i++)
        if ((s.p[i] | 0x20) != word[i])
            return false;
    return s.n == n;
}

/* A number; fast where it is of the usual form. */
static enum number_read read_number(struct reader *r, enum number_form form, struct str s,
                                    struct value *ret) {
    const uint8_t *p = (const uint8_t *)s.p;
    if (p >= r->start && p < r->end && (size_t)(r->end - p) > NUMBER_ROOM &&
        number_read_fast(p, s.n, ret)) {
        if (form == NUMBER_DOUBLE && ret->type == T_INT)
            *ret = value_double((double)ret->w.i);
        if (form == NUMBER_DOUBLE || ret->type == T_INT)
            return NUMBER_READ;
    }
    return number_read(r->c, &r->values, form, p, s.n, ret);
}

static enum number_read cast(struct reader *r, enum cell_type type, struct str s,
                             struct value *ret) {
    if (type == CELL_INTEGER || type == CELL_DOUBLE)
        return read_number(r, type == CELL_INTEGER ? NUMBER_INTEGER : NUMBER_DOUBLE, s, ret);
    if (type == CELL_TIMESTAMP)
        return calendar_read(s, ret) ? NUMBER_READ : NUMBER_NOT_READ;
    if (!is_word(s, "true") && !is_word(s, "false"))
        return NUMBER_NOT_READ;
    *ret = value_bool(s.n == 4);
    return NUMBER_READ;
}

bool csv_put_cell(struct reader *r, const struct csv_dialect *d, const struct csv_column *c,
                  const uint8_t *p, const uint8_t *end, struct block *b, uint32_t row) {
    struct str s;
    struct value v;
    if (!csv_cell_text(&r->values, d, p, end, &s))
        return reader_fail(r, E_MEMORY, p, NULL);
    if (c->type == CELL_TEXT) {
        v = value_str(s);
    } else if (s.n == 0) {
        v = value_null();
    } else {
        enum number_read read = cast(r, c->type, s, &v);
        if (read == NUMBER_NO_MEMORY)
            return reader_fail(r, E_MEMORY, p, NULL);
        if (read == NUMBER_NOT_READ) {
            if (r->validate)
                return reader_fail(r, E_ROW_INVALID, p, "a cell is not of its declared type");
            r->unfit++;
            v = value_null();
        }
    }
    column_put(&b->columns[c->slot], row, v);
    return true;
}

/* CSV cell by cell: the way that knows every rule. It reads the header, and the records that
 * csv_index.c cannot judge. See reader_csv.h. */
#include "format/reader_csv.h"

#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- one cell --- */

/* Behind the closing quote, at p. */
static enum csv_end behind_quote(struct reader *r, const uint8_t *p, const uint8_t **ret_end,
                                 const uint8_t **ret_next) {
    const struct csv_reader *s = r->state;
    *ret_end = p;
    *ret_next = p + 1;
    if (p == r->end) {
        *ret_next = p;
        return r->last ? CSV_RECORD : CSV_INPUT;
    }
    if (*p == s->dialect.delimiter)
        return CSV_CELL;
    if (*p == '\n')
        return CSV_RECORD;
    if (*p == '\r') {
        if (p + 1 == r->end && !r->last)
            return CSV_INPUT;
        *ret_next = p + 1 == r->end ? p + 1 : p + 2;
        if (p + 1 == r->end || p[1] == '\n')
            return CSV_RECORD;
    }
    reader_fail(r, E_ROW_INVALID, p, "there is something behind the closing quote of a cell");
    return CSV_FAULT;
}

static enum csv_end quoted_cell(struct reader *r, const uint8_t *open, const uint8_t **ret_end,
                                const uint8_t **ret_next) {
    const struct csv_reader *s = r->state;
    const uint8_t *p = open + 1;
    for (;;) {
        p = p < r->end ? memchr(p, s->dialect.quote, (size_t)(r->end - p)) : NULL;
        if (!p || (p + 1 == r->end && !r->last))
            break;
        if (p + 1 == r->end || p[1] != s->dialect.quote)
            return behind_quote(r, p + 1, ret_end, ret_next);
        p += 2;
    }
    if (!r->last)
        return CSV_INPUT;
    reader_fail(r, E_ROW_TRUNCATED, open, "the quote that opens a cell is never closed");
    return CSV_FAULT;
}

enum csv_end csv_cell(struct reader *r, const uint8_t *p, const uint8_t **ret_end,
                      const uint8_t **ret_next) {
    const struct csv_reader *s = r->state;
    const uint8_t *start = p;
    if (p < r->end && s->dialect.quotes && *p == s->dialect.quote)
        return quoted_cell(r, p, ret_end, ret_next);
    for (; p < r->end && *p != s->dialect.delimiter && *p != '\n'; p++)
        if (r->validate && s->dialect.quotes && *p == s->dialect.quote) {
            reader_fail(r, E_ROW_INVALID, p, "a quote inside a cell that has none around it");
            return CSV_FAULT;
        }
    *ret_end = p;
    *ret_next = p < r->end ? p + 1 : p;
    if (p < r->end && *p == s->dialect.delimiter)
        return CSV_CELL;
    if (p == r->end && !r->last)
        return CSV_INPUT;
    *ret_end = p > start && p[-1] == '\r' ? p - 1 : p;
    return CSV_RECORD;
}

/* --- a record in pieces --- */

bool csv_has_grown(struct reader *r) {
    struct csv_reader *s = r->state;
    const uint8_t quote = s->dialect.quote;
    enum csv_seek at = r->sought > 0 ? s->seek : SEEK_CELL;
    for (const uint8_t *p = r->p + r->sought; p < r->end; p++) {
        bool is_quote = s->dialect.quotes && *p == quote;
        if (at == SEEK_QUOTED)
            at = is_quote ? SEEK_QUOTE : SEEK_QUOTED;
        else if (*p == '\n')
            return true;
        else if (*p == s->dialect.delimiter)
            at = SEEK_CELL;
        else if (is_quote && (at == SEEK_CELL || at == SEEK_QUOTE))
            at = SEEK_QUOTED;
        else
            at = SEEK_BARE;
    }
    s->seek = at;
    r->sought = (size_t)(r->end - r->p);
    return false;
}

/* --- columns --- */

struct names {
    struct str *p;
    uint32_t n, cap;
};

static bool add_name(struct reader *r, struct names *names, struct str name) {
    if (names->n == names->cap) {
        uint32_t cap = names->cap ? names->cap * 2 : 16;
        struct str *p = arena_array(&r->values, cap, sizeof *p);
        if (!p)
            return reader_fail(r, E_MEMORY, r->p, NULL);
        if (names->n > 0)
            memcpy(p, names->p, names->n * sizeof *p);
        names->p = p;
        names->cap = cap;
    }
    if (names->n == r->row_fields)
        return reader_fail(r, E_ROW_TOO_WIDE, r->p, NULL);
    names->p[names->n++] = name;
    return true;
}

static const uint8_t *skip_blank_lines(const uint8_t *p, const uint8_t *end) {
    while (p < end && (*p == '\n' || (*p == '\r' && p + 1 < end && p[1] == '\n')))
        p += *p == '\n' ? 1 : 2;
    return p;
}

/* The cells of the record at p, and what is behind it. False: more must come, or a fault. */
static bool read_names(struct reader *r, struct names *names, const uint8_t *p,
                       const uint8_t **ret_next) {
    const struct csv_reader *s = r->state;
    const uint8_t *end, *next;
    enum csv_end what;
    do {
        struct str name;
        what = csv_cell(r, p, &end, &next);
        if (what == CSV_INPUT || what == CSV_FAULT)
            return false;
        if (!csv_cell_text(&r->values, &s->dialect, p, end, &name))
            return reader_fail(r, E_MEMORY, p, NULL);
        if (memchr(p, '\r', (size_t)(end - p)) && *p != s->dialect.quote)
            return reader_fail(r, E_ROW_INVALID, p,
                               "a carriage return in the first line: lines that end in one alone "
                               "must be made to end in a line feed (tr '\\r' '\\n')");
        if (!add_name(r, names, name))
            return false;
        p = next;
    } while (what == CSV_CELL);
    *ret_next = next;
    return true;
}

int csv_by_index(const void *a, const void *b) {
    const struct csv_column *x = a, *y = b;
    return (x->index > y->index) - (x->index < y->index);
}

static enum cell_type type_of(const struct csv_options *o, struct str name) {
    enum cell_type type = CELL_TEXT;
    for (uint32_t i = 0; i < o->n_types; i++)
        if (str_eq(o->types[i].name, name))
            type = o->types[i].type;
    return type;
}

/* Every declared type must be of a column. */
static bool check_types(struct reader *r, const struct names *names) {
    const struct csv_reader *s = r->state;
    for (uint32_t i = 0; i < s->options.n_types; i++) {
        uint32_t k = 0;
        while (k < names->n && !str_eq(names->p[k], s->options.types[i].name))
            k++;
        if (k < names->n)
            continue;
        snprintf(r->text, sizeof r->text, "a type is declared for \"%.*s\", which is no column",
                 (int)(s->options.types[i].name.n < 80 ? s->options.types[i].name.n : 80),
                 s->options.types[i].name.p);
        return reader_fail(r, E_ROW_INVALID, r->p, r->text);
    }
    return true;
}

/* For who asks for them later, when the first record is no longer there. */
static bool keep_names(struct reader *r, const struct names *names) {
    struct csv_reader *s = r->state;
    size_t bytes = 1;
    for (uint32_t i = 0; i < names->n; i++)
        bytes += names->p[i].n;
    struct str *columns = arena_array(r->arena, names->n, sizeof *columns);
    char *text = arena_alloc(r->arena, bytes);
    if (!columns || !text)
        return reader_fail(r, E_MEMORY, r->p, NULL);
    for (uint32_t i = 0; i < names->n; i++) {
        columns[i] = (struct str){text, names->p[i].n};
        if (names->p[i].n > 0)
            memcpy(text, names->p[i].p, names->p[i].n);
        text += names->p[i].n;
    }
    s->columns = columns;
    return true;
}

/* The wanted ones among the columns; of equal names the last. */
static bool set_columns(struct reader *r, const struct names *names) {
    struct csv_reader *s = r->state;
    const struct field *root = r->fields->root;
    uint32_t *places = arena_zero(&r->values, r->fields->n_nodes * sizeof *places); /* plus 1 */
    s->wanted = arena_array(r->arena, root->n_names, sizeof *s->wanted);
    s->slices = arena_array(r->arena, root->n_names, sizeof *s->slices);
    if (!places || !s->wanted || !s->slices)
        return reader_fail(r, E_MEMORY, r->p, NULL);
    for (uint32_t i = 0; i < names->n; i++) {
        const struct field *f = field_by_name(root, names->p[i]);
        if (!f || f->slot == NO_SLOT)
            continue;
        if (places[f->id] == 0)
            places[f->id] = ++s->n_wanted;
        s->wanted[places[f->id] - 1] =
            (struct csv_column){i, f->slot, type_of(&s->options, names->p[i]), f->step.key};
    }
    if (s->n_wanted > 1)
        qsort(s->wanted, s->n_wanted, sizeof *s->wanted, csv_by_index);
    s->n_columns = names->n;
    return true;
}

/* c1, c2 ... for n columns. */
static bool number_names(struct reader *r, struct names *names) {
    for (uint32_t i = 0; i < names->n; i++) {
        char text[16];
        size_t n = (size_t)snprintf(text, sizeof text, "c%u", i + 1);
        const char *copy = arena_copy(&r->values, text, n);
        if (!copy)
            return reader_fail(r, E_MEMORY, r->p, NULL);
        names->p[i] = (struct str){copy, n};
    }
    return true;
}

/* The cells of the first line that is not blank; without a header, one column if all are. */
static bool first_record(struct reader *r, struct names *names, const uint8_t **ret_next) {
    const struct csv_reader *s = r->state;
    const uint8_t *p = skip_blank_lines(r->p, r->end);
    *ret_next = p;
    if (!s->options.no_header) /* they are no rows: what comes in pieces is the header alone */
        r->p = p;
    if (p < r->end)
        return read_names(r, names, p, ret_next) &&
               ((size_t)(*ret_next - p) <= r->row_bytes || reader_fail(r, E_ROW_TOO_LONG, p, NULL));
    if (!r->last)
        return false;
    if (!s->options.no_header)
        return reader_fail(r, E_ROW_TRUNCATED, p, "the input is empty: there is no header");
    return add_name(r, names, (struct str){"", 0});
}

bool csv_find_columns(struct reader *r) {
    struct csv_reader *s = r->state;
    struct names names = {0};
    const uint8_t *next = r->p;
    if ((!s->options.no_header || s->options.n_names == 0) && !first_record(r, &names, &next))
        return false;
    if (s->options.n_names > 0)
        names = (struct names){0};
    for (uint32_t i = 0; i < s->options.n_names; i++)
        if (!add_name(r, &names, s->options.names[i]))
            return false;
    if (s->options.n_names == 0 && s->options.no_header && !number_names(r, &names))
        return false;
    if (!check_types(r, &names))
        return false;
    if (r->fields->root->slot != NO_SLOT ? !csv_rows_init(r, names.p, names.n)
                                         : !set_columns(r, &names))
        return false;
    if (!keep_names(r, &names))
        return false;
    if (!s->options.no_header)
        r->p = next;
    s->has_columns = true;
    return true;
}

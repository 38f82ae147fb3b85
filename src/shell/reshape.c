/* See reshape.h. */
#include "shell/reshape.h"

#include "base/spell.h"
#include "shell/header.h"
#include "shell/write.h"
#include "value/mp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_csv(enum input_format f) { return f == INPUT_CSV || f == INPUT_TSV; }

static enum status no_memory(struct error *e) {
    return error_set(e, E_MEMORY, "out of memory for the rows that come out");
}

bool reshape_is_needed(const struct shell_options *o, enum input_format from) {
    return o->selection.n > 0 || (o->to != INPUT_UNKNOWN && o->to != from);
}

void reshape_init(struct reshape *r, const struct shell_options *o) {
    *r = (struct reshape){.options = o, .to = o->to};
    arena_init(&r->arena, NULL);
    arena_init(&r->life, NULL);
}

static void end_input(struct reshape *r) {
    if (r->reading)
        reader_done(&r->reader);
    block_done(&r->block);
    r->reading = false;
    arena_reset(&r->arena);
}

void reshape_done(struct reshape *r) {
    end_input(r);
    arena_done(&r->arena);
    arena_done(&r->life);
}

/* --- the columns of CSV --- */

/* Of the input: an option decides before the name. */
static uint8_t delimiter_of(const struct shell_options *o, enum input_format f) {
    if (o->csv.delimiter)
        return o->csv.delimiter;
    return f == INPUT_TSV ? '\t' : ',';
}

/* The name that is most like one that is not there; NULL if none is. */
static const struct str *most_like(const struct columns *c, struct str name) {
    unsigned least = spell_too_far(name.n);
    const struct str *like = NULL;
    for (uint32_t i = 0; i < c->n; i++) {
        unsigned far = spell_distance(name, c->names[i]);
        if (far < least) {
            least = far;
            like = &c->names[i];
        }
    }
    return like;
}

static enum status check_selected(const struct selection *s, const struct columns *c,
                                  struct error *e) {
    for (uint32_t i = 0; i < s->n; i++) {
        struct str want = s->paths[i].steps[0].key;
        if (columns_find(c, want) < c->n)
            continue;
        const struct str *like = most_like(c, want);
        error_set(e, E_BAD_OPTION, "--select: there is no column \"%.*s\"", (int)want.n, want.p);
        if (like)
            error_text(e->suggestion, sizeof e->suggestion, like->p, like->n);
        return E_BAD_OPTION;
    }
    return E_OK;
}

/* c1, c2 ... */
static bool number_names(struct arena *a, struct str *names, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        char text[16];
        names[i].n = (size_t)snprintf(text, sizeof text, "c%u", i + 1);
        if (!(names[i].p = arena_copy(a, text, names[i].n)))
            return false;
    }
    return true;
}

/* The columns of the input, by the same rules as the reader's. */
static bool find_columns(struct reshape *r, struct str header) {
    const struct csv_options *csv = &r->options->csv;
    struct str *names;
    uint32_t n = csv->n_names;
    if (n > 0)
        names = arena_copy(&r->arena, csv->names, n * sizeof *names);
    else if (!header_split(&r->arena, header, (char)delimiter_of(r->options, r->from), &names, &n))
        names = NULL;
    return names && (n == csv->n_names || !csv->no_header || number_names(&r->arena, names, n)) &&
           columns_make(&r->columns, &r->arena, names, n);
}

/* --- reading --- */

/* The filter has judged the rows: they are not too long. */
static bool start_reader(struct reshape *r, const struct path *paths, uint32_t n) {
    struct reader_options options = options_reader(r->options, r->from);
    if (!fields_build(&r->fields, &r->arena, paths, n) || !block_init(&r->block, n, false, NULL))
        return false;
    r->reading = reader_init(&r->reader, &r->arena, &r->fields, &options);
    return r->reading;
}

/* The reader passes the header. */
static bool pass_header(struct reshape *r, struct str header) {
    struct buf line = {0};
    uint32_t n = 0;
    buf_add(&line, header.p, header.n);
    buf_byte(&line, '\n');
    bool good = !buf_failed(&line);
    if (good) {
        block_clear(&r->block, r->block.n_columns);
        reader_fill(&r->reader, line.data, line.data + line.len, false, &r->block, &n);
        good = r->reader.status == E_OK;
    }
    buf_done(&line);
    return good;
}

/* Paths of one step for the names. */
static const struct path *paths_of(struct arena *a, const struct str *names, uint32_t n) {
    struct path *paths = arena_array(a, n, sizeof *paths);
    struct path_step *steps = arena_zero(a, (n + 1) * sizeof *steps);
    if (!paths || !steps)
        return NULL;
    for (uint32_t i = 0; i < n; i++) {
        steps[i].key = names[i];
        paths[i] = (struct path){&steps[i], 1};
    }
    return paths;
}

static enum status begin_csv(struct reshape *r, struct str header, struct error *e) {
    const struct selection *s = &r->options->selection;
    const struct path *paths = s->paths;
    if (!find_columns(r, header))
        return no_memory(e);
    r->names = s->names;
    r->n_names = s->n;
    if (s->n > 0 && check_selected(s, &r->columns, e) != E_OK)
        return E_BAD_OPTION;
    if (s->n == 0) {
        r->names = r->columns.names;
        r->n_names = r->columns.n;
        paths = paths_of(&r->arena, r->names, r->n_names);
    }
    if (!paths || !start_reader(r, paths, r->n_names) ||
        (!r->options->no_header && !pass_header(r, header)))
        return no_memory(e);
    return E_OK;
}

enum status reshape_begin(struct reshape *r, enum input_format from, struct str header,
                          struct error *e) {
    static const struct path ROW = {.n = 0};
    const struct selection *s = &r->options->selection;
    end_input(r);
    r->from = from;
    if (r->to == INPUT_UNKNOWN)
        r->to = from;
    r->delimiter = r->to == INPUT_TSV ? '\t' : delimiter_of(r->options, INPUT_CSV);
    r->whole = s->n == 0 && !is_csv(from);
    if (is_csv(from))
        return begin_csv(r, header, e);
    if (!r->whole) {
        r->names = s->names;
        r->n_names = s->n;
    }
    return start_reader(r, r->whole ? &ROW : s->paths, r->whole ? 1 : s->n) ? E_OK : no_memory(e);
}

/* --- writing --- */

static struct value cell(const struct reshape *r, uint32_t column, uint32_t row) {
    return column_get(&r->block.columns[column], row);
}

static void write_object(const struct reshape *r, uint32_t row, struct buf *out) {
    bool first = true;
    buf_byte(out, '{');
    for (uint32_t i = 0; i < r->n_names; i++) {
        struct value v = cell(r, i, row);
        if (v.type == T_MISSING)
            continue;
        if (!first)
            buf_byte(out, ',');
        first = false;
        write_json_string(out, r->names[i]);
        buf_byte(out, ':');
        write_json(out, v);
    }
    buf_byte(out, '}');
}

static void write_map(const struct reshape *r, uint32_t row, struct buf *out) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < r->n_names; i++)
        n += cell(r, i, row).type != T_MISSING;
    mp_write_map(out, n);
    for (uint32_t i = 0; i < r->n_names; i++)
        if (cell(r, i, row).type != T_MISSING) {
            mp_write_str(out, r->names[i].p, r->names[i].n);
            mp_write_value(out, cell(r, i, row));
        }
}

static void write_record(const struct reshape *r, uint32_t row, struct buf *out) {
    for (uint32_t i = 0; i < r->n_names; i++) {
        if (i > 0)
            buf_byte(out, r->delimiter);
        write_cell(out, cell(r, i, row), r->delimiter, r->n_names == 1);
    }
    buf_byte(out, '\n');
}

/* The names of the first row, when none were asked for. */
static enum status take_names(struct reshape *r, struct value row, struct error *e) {
    struct mp_reader m;
    uint32_t n;
    mp_enter(&m, row, &n);
    struct str *names = arena_array(&r->life, n, sizeof *names);
    if (!names)
        return no_memory(e);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < n; i++) {
        struct value key = mp_read_value(&m);
        mp_skip(&m);
        if (key.type != T_STR)
            continue;
        names[kept].n = key.n;
        names[kept].p = arena_copy(&r->life, key.w.p, key.n);
        if (!names[kept++].p)
            return no_memory(e);
    }
    if (!columns_make(&r->columns, &r->life, names, kept))
        return no_memory(e);
    r->names = r->columns.names;
    r->n_names = r->columns.n;
    return E_OK;
}

static enum status no_column(struct value key, struct error *e) {
    if (key.type != T_STR)
        return error_set(e, E_RESULT_KIND,
                         "a row has a key that is no string, and so no column's name: say which "
                         "columns there are by --select");
    return error_set(e, E_RESULT_KIND,
                     "a row has a field \"%.*s\", which the first one had not: say which "
                     "columns there are by --select",
                     key.n < 80 ? (int)key.n : 80, (const char *)key.w.p);
}

/* A whole row as a record: by the names of the first. A key usually has the place that it had
 * there. */
static enum status write_whole_record(struct reshape *r, struct value row, struct buf *out,
                                      struct error *e) {
    struct mp_reader m;
    uint32_t n, next = 0;
    if (!r->names && take_names(r, row, e) != E_OK)
        return E_MEMORY;
    struct value *cells = calloc(r->n_names + 1u, sizeof *cells);
    if (!cells)
        return no_memory(e);
    enum status status = E_OK;
    mp_enter(&m, row, &n);
    for (uint32_t i = 0; i < n && status == E_OK; i++) {
        struct value key = mp_read_value(&m), v = mp_read_value(&m);
        struct str name = key.type == T_STR ? value_as_str(key) : (struct str){"", 0};
        if (next >= r->n_names || !str_eq(r->names[next], name))
            next = columns_find(&r->columns, name);
        if (key.type == T_STR && next < r->n_names)
            cells[next++] = v;
        else
            status = no_column(key, e);
    }
    for (uint32_t i = 0; i < r->n_names && status == E_OK; i++) {
        if (i > 0)
            buf_byte(out, r->delimiter);
        write_cell(out, cells[i], r->delimiter, r->n_names == 1);
    }
    buf_byte(out, '\n');
    free(cells);
    return status;
}

static enum status write_row(struct reshape *r, uint32_t row, struct buf *out, struct error *e) {
    if (r->whole && is_csv(r->to))
        return write_whole_record(r, cell(r, 0, row), out, e);
    if (r->whole && r->to == INPUT_MSGPACK)
        mp_write_value(out, cell(r, 0, row));
    else if (r->whole)
        write_json(out, cell(r, 0, row));
    else if (is_csv(r->to))
        write_record(r, row, out);
    else if (r->to == INPUT_MSGPACK)
        write_map(r, row, out);
    else
        write_object(r, row, out);
    if (r->to == INPUT_JSONL)
        buf_byte(out, '\n');
    return E_OK;
}

/* A row of which the filter has not read what is wrong. */
static bool step_over(struct reshape *r, const uint8_t **p, const uint8_t *end) {
    const uint8_t *next = r->options->skip_broken ? reader_skip(&r->reader, *p, end) : NULL;
    r->skipped += next != NULL;
    *p = next ? next : *p;
    return next != NULL;
}

enum status reshape_rows(struct reshape *r, const uint8_t *p, size_t n, struct buf *out,
                         struct error *e) {
    const uint8_t *end = p + n;
    uint32_t rows = 0;
    bool more = n > 0;
    while (more) {
        block_clear(&r->block, r->block.n_columns);
        p = reader_fill(&r->reader, p, end, false, &r->block, &rows);
        for (uint32_t i = 0; i < rows; i++)
            if (write_row(r, i, out, e) != E_OK)
                return e->status;
        bool fault = r->reader.status != E_OK;
        if (fault && !step_over(r, &p, end)) {
            error_set(e, r->reader.status, "in a kept row: %s",
                      r->reader.why ? r->reader.why : status_text(r->reader.status));
            return r->reader.status;
        }
        more = p < end && (rows > 0 || fault);
    }
    return buf_failed(out) ? no_memory(e) : E_OK;
}

bool reshape_header(const struct reshape *r, struct buf *out) {
    if (!is_csv(r->to) || !r->names)
        return false;
    for (uint32_t i = 0; i < r->n_names; i++) {
        if (i > 0)
            buf_byte(out, r->delimiter);
        write_cell(out, value_str(r->names[i]), r->delimiter, r->n_names == 1);
    }
    return true;
}

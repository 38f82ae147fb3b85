/* See source.h: opening payloads, and the forms whose rows stand one behind the other. */
#include "engine/source.h"

#include "base/bitmap.h"
#include "engine/bytes.h"

#include <stdlib.h>

enum status source_bad(const struct source *s, const uint8_t *p, struct error *e,
                       const char *text) {
    error_set(e, E_BAD_PAYLOAD, "%s", text);
    bool is_sent = (uintptr_t)p >= (uintptr_t)s->message && (uintptr_t)p <= (uintptr_t)s->end;
    if (e && e->offset == ERROR_NONE && is_sent) /* else it was fetched */
        e->offset = (uint64_t)(p - s->message);
    return E_BAD_PAYLOAD;
}

static enum status row_fault(const struct source *s, enum status status, const uint8_t *fault,
                             uint64_t row, struct error *e) {
    uint64_t offset = (uint64_t)(fault - s->message);
    if (status == E_ROW_TOO_WIDE)
        error_limit(e, status, "row_fields", s->limits->row_fields, ERROR_NONE);
    else if (status == E_ROW_TOO_DEEP)
        error_limit(e, status, "row_depth", s->limits->row_depth, ERROR_NONE);
    else if (row == ERROR_NONE)
        error_set(e, status, "%s, at byte %llu", status_text(status), (unsigned long long)offset);
    else
        error_set(e, status, "row %llu: %s, at byte %llu", (unsigned long long)row,
                  status_text(status), (unsigned long long)offset);
    if (e && e->offset == ERROR_NONE) {
        e->row = row;
        e->offset = offset;
    }
    return status;
}

enum status source_row_error(const struct source *s, uint32_t row, struct error *e) {
    return row_fault(s, s->scanner->status, s->scanner->fault, s->first_row + s->done + row, e);
}

enum status source_reader_error(const struct source *s, const struct mp_reader *r,
                                struct error *e) {
    return row_fault(s, r->status, r->fault, ERROR_NONE, e);
}

enum status source_reader_row_error(const struct source *s, const struct mp_reader *r, uint32_t row,
                                    struct error *e) {
    return row_fault(s, r->status, r->fault, s->first_row + row, e);
}

enum status source_trailing(const struct source *s, const struct mp_reader *r, struct error *e) {
    error_set(e, E_BAD_MESSAGE, "%zu bytes after the payload", (size_t)(r->end - r->p));
    if (e && e->offset == ERROR_NONE)
        e->offset = (uint64_t)(r->p - s->message);
    return E_BAD_MESSAGE;
}

enum status path_read(struct mp_reader *r, struct arena *a, struct path *ret) {
    struct value v = mp_read_value(r);
    if (r->status != E_OK)
        return r->status;
    struct mp_reader steps;
    uint32_t n = 1;
    if (v.type == T_ARRAY)
        mp_enter(&steps, v, &n);
    else if (v.type != T_STR)
        return E_BAD_PAYLOAD;
    struct path_step *path = arena_array(a, n, sizeof *path);
    if (!path)
        return E_MEMORY;
    for (uint32_t i = 0; i < n; i++) {
        struct value step = v.type == T_ARRAY ? mp_read_value(&steps) : v;
        if (step.type == T_STR)
            path[i] = (struct path_step){.key = value_as_str(step)};
        else if (step.type == T_INT && step.w.i >= 0 && step.w.i <= UINT32_MAX)
            path[i] = (struct path_step){.index = (uint32_t)step.w.i};
        else
            return E_BAD_PAYLOAD;
    }
    *ret = (struct path){path, n};
    return n > 0 ? E_OK : E_BAD_PAYLOAD;
}

/* The rows' array: its count becomes s->rows. */
static enum status open_rows(struct source *s, struct mp_reader *r, struct error *e) {
    const uint8_t *at = r->p;
    if (mp_peek(r) != T_ARRAY && r->status == E_OK && !mp_at_end(r) && *at != 0xDC && *at != 0xDD)
        return source_bad(s, at, e, "the rows of the payload are not an array");
    s->rows = mp_read_array(r);
    if (r->status != E_OK)
        return source_reader_error(s, r, e);
    if (s->rows > s->limits->batch_rows)
        return error_limit(e, E_TOO_MANY_ROWS, "batch_rows", s->limits->batch_rows, s->rows);
    s->p = r->p;
    return E_OK;
}

static enum status maps_open(struct source *s, struct mp_reader *r, uint32_t parts,
                             struct error *e) {
    if (parts != 1)
        return source_bad(s, r->p, e, "a \"maps\" payload has two elements: the form and the rows");
    return open_rows(s, r, e);
}

static void set_span(struct block *b, uint32_t row, const uint8_t *from, const uint8_t *to) {
    b->spans[row] = (struct span){from, (uint32_t)(to - from)};
}

static enum status maps_fill(struct source *s, struct block *b, uint32_t *ret_n, struct error *e) {
    for (uint32_t row = 0; row < *ret_n; row++) {
        const uint8_t *next = scan_row(s->scanner, s->p, s->end, b, row);
        if (!next)
            return source_row_error(s, row, e);
        set_span(b, row, s->p, next);
        s->p = next;
    }
    return E_OK;
}

static enum status read_names(struct source *s, struct mp_reader *r, struct error *e) {
    const uint8_t *at = r->p;
    s->n_names = mp_read_array(r);
    if (r->status != E_OK)
        return r->status == E_ROW_INVALID
                   ? source_bad(s, at, e, "the names of the template are not an array")
                   : source_reader_error(s, r, e);
    if (s->n_names > s->limits->row_fields)
        return error_limit(e, E_ROW_TOO_WIDE, "row_fields", s->limits->row_fields, s->n_names);
    s->names = arena_array(s->arena, s->n_names, sizeof *s->names);
    struct str *sent = arena_array(s->arena, s->n_names, sizeof *sent);
    uint32_t *owner = arena_zero(s->arena, s->scanner->fields->n_nodes *
                                               sizeof *owner); /* by field: its last column + 1 */
    if (!s->names || !sent || !owner)
        return error_set(e, E_MEMORY, "out of memory");
    for (uint32_t i = 0; i < s->n_names; i++) {
        at = r->p;
        struct value name = mp_read_value(r);
        if (r->status != E_OK)
            return source_reader_error(s, r, e);
        if (name.type != T_STR)
            return source_bad(s, at, e, "a name of the template is not a string");
        sent[i] = value_as_str(name);
        s->names[i] = field_by_name(s->scanner->fields->root, value_as_str(name));
        if (!s->names[i])
            continue;
        uint32_t *last = &owner[s->names[i]->id]; /* of equal names the last counts */
        if (*last > 0)
            s->names[*last - 1] = NULL;
        *last = i + 1;
    }
    s->sent_names = sent;
    return E_OK;
}

/* The bitmap behind the rows has to be known before them: step over the rows once. */
static enum status find_present(struct source *s, struct mp_reader r, struct error *e) {
    for (uint32_t i = 0; i < s->rows && r.status == E_OK; i++)
        mp_skip(&r);
    const uint8_t *at = r.p;
    struct value v = mp_read_value(&r);
    if (r.status != E_OK)
        return source_reader_error(s, &r, e);
    if (v.type == T_NULL)
        return E_OK;
    if (v.type != T_BIN || v.n != bitmap_bytes((size_t)s->rows * s->n_names))
        return source_bad(s, at, e,
                          "the presence bitmap of the template must be bin with a bit a cell");
    s->present = v.w.p;
    return E_OK;
}

static enum status template_open(struct source *s, struct mp_reader *r, uint32_t parts,
                                 struct error *e) {
    if (parts != 2 && parts != 3)
        return source_bad(
            s, r->p, e,
            "a \"template\" payload has three or four elements: the form, names, rows, presence");
    enum status status = read_names(s, r, e);
    if (status == E_OK)
        status = open_rows(s, r, e);
    s->has_presence = parts == 3;
    return status == E_OK && s->has_presence ? find_present(s, *r, e) : status;
}

/* Enters row `row` behind those that are done; *ret_n is its number of values. */
static enum status enter_row(const struct source *s, struct mp_reader *r, uint32_t row,
                             uint32_t *ret_n, struct error *e) {
    mp_reader_init(r, s->p, (size_t)(s->end - s->p), (uint32_t)s->limits->row_depth);
    r->fields_limit = (uint32_t)s->limits->row_fields;
    *ret_n = mp_read_array(r);
    if (r->status == E_ROW_INVALID && *r->fault != 0xC1)
        return source_bad(s, s->p, e, "a row of the template is not an array");
    if (r->status != E_OK)
        return row_fault(s, r->status, r->fault, s->first_row + s->done + row, e);
    if (*ret_n > s->n_names)
        return source_bad(s, s->p, e, "a row of the template has more values than there are names");
    return E_OK;
}

static enum status template_row(struct source *s, struct block *b, uint32_t row, struct error *e) {
    struct mp_reader r;
    uint32_t n;
    enum status status = enter_row(s, &r, row, &n, e);
    if (status != E_OK)
        return status;
    size_t bit = ((size_t)s->done + row) * s->n_names;
    const uint8_t *p = r.p;
    for (uint32_t i = 0; i < n; i++) {
        const struct field *field =
            s->present && !bitmap_get(s->present, bit + i) ? NULL : s->names[i];
        p = scan_value(s->scanner, field, p, s->end, 1, b, row);
        if (!p)
            return source_row_error(s, row, e);
    }
    set_span(b, row, s->p, p);
    s->p = p;
    return E_OK;
}

static enum status template_fill(struct source *s, struct block *b, uint32_t *ret_n,
                                 struct error *e) {
    for (uint32_t row = 0; row < *ret_n; row++) {
        enum status status = template_row(s, b, row, e);
        if (status != E_OK)
            return status;
    }
    return E_OK;
}

/* After the last row: nothing else may be in the message, but the presence bitmap of a template. */
static enum status check_end(struct source *s, struct error *e) {
    if (s->form->fill == columns_fill)
        return E_OK; /* its reader has been at the end already */
    struct mp_reader r;
    mp_reader_init(&r, s->p, (size_t)(s->end - s->p), 1);
    if (s->has_presence)
        mp_skip(&r);
    if (r.status != E_OK)
        return source_reader_error(s, &r, e);
    return mp_at_end(&r) ? E_OK : source_trailing(s, &r, e);
}

/* ---- a template as maps ---- */

static int by_name(const void *a, const void *b, void *data) {
    const struct str *names = data;
    uint32_t i = *(const uint32_t *)a, k = *(const uint32_t *)b;
    int order = str_cmp(names[i], names[k]);
    return order ? order : (i > k) - (i < k);
}

/* Of equal names the last counts, also where a short row lacks it. */
static bool find_counting(struct source *s) {
    uint32_t *order = arena_array(s->arena, s->n_names, sizeof *order);
    uint8_t *counts = arena_zero(s->arena, bitmap_bytes(s->n_names) + 1);
    if (!order || !counts)
        return false;
    for (uint32_t i = 0; i < s->n_names; i++)
        order[i] = i;
    if (s->n_names > 0)
        qsort_r(order, s->n_names, sizeof *order, by_name, (void *)(uintptr_t)s->sent_names);
    for (uint32_t i = 0; i < s->n_names; i++)
        if (i + 1 == s->n_names || !str_eq(s->sent_names[order[i]], s->sent_names[order[i + 1]]))
            bitmap_set(counts, order[i]);
    s->counts = counts;
    return true;
}

static bool is_there(const struct source *s, uint32_t i) {
    return bitmap_get(s->counts, i) &&
           (!s->present || bitmap_get(s->present, (size_t)s->done * s->n_names + i));
}

static bool write_map(const struct source *s, struct mp_reader *r, uint32_t n, struct buf *ret,
                      struct error *e) {
    uint32_t pairs = 0;
    for (uint32_t i = 0; i < n; i++)
        pairs += is_there(s, i);
    mp_write_map(ret, pairs);
    for (uint32_t i = 0; i < n; i++) {
        const uint8_t *from = r->p;
        mp_skip(r);
        if (r->status != E_OK) {
            row_fault(s, r->status, r->fault, s->first_row + s->done, e);
            return false;
        }
        if (!is_there(s, i))
            continue;
        mp_write_str(ret, s->sent_names[i].p, s->sent_names[i].n);
        buf_add(ret, from, (size_t)(r->p - from));
    }
    return !buf_failed(ret);
}

bool source_is_template(const struct source *s) { return s->form->fill == template_fill; }

bool source_map(struct source *s, struct buf *ret, struct error *e) {
    struct mp_reader r;
    uint32_t n;
    if (s->done == s->rows) {
        check_end(s, e);
        return false;
    }
    if (!s->counts && !find_counting(s)) {
        ret->failed = true;
        return false;
    }
    if (enter_row(s, &r, 0, &n, e) != E_OK || !write_map(s, &r, n, ret, e))
        return false;
    s->p = r.p;
    s->done++;
    return true;
}

static const struct source_form FORMS[] = {
    {"maps", true, maps_open, maps_fill, true},
    {"template", true, template_open, template_fill, true},
    {"columns", false, columns_open, columns_fill, true},
    {"bytes", true, bytes_open, bytes_fill, false},
    {"file", true, file_open, file_fill, false},
};

static const struct source_form *find_form(struct value name) {
    for (size_t i = 0; name.type == T_STR && i < sizeof FORMS / sizeof *FORMS; i++)
        if (str_is(value_as_str(name), FORMS[i].name))
            return &FORMS[i];
    return NULL;
}

const struct source_form *source_form_bytes(void) { return find_form(value_str(str_of("bytes"))); }

enum status source_open(struct source *s, const uint8_t *message, size_t at, size_t n,
                        uint64_t first_row, struct scanner *scanner, struct byte_rows *bytes,
                        struct fetcher *fetcher, const struct limits *limits, struct arena *arena,
                        struct error *e) {
    struct mp_reader r;
    *s = (struct source){
        .limits = limits,
        .scanner = scanner,
        .bytes = bytes,
        .fetcher = fetcher,
        .arena = arena,
        .message = message,
        .p = message + at,
        .end = message + n,
        .first_row = first_row,
    };
    mp_reader_init(&r, s->p, n - at, (uint32_t)limits->row_depth);
    r.fields_limit = (uint32_t)limits->row_fields;
    scanner_forget(scanner);
    uint32_t parts = mp_read_array(&r);
    if (r.status == E_ROW_INVALID)
        return source_bad(s, s->p, e, "the payload is not an array [form, ...]");
    struct value name = parts > 0 ? mp_read_value(&r) : value_missing();
    if (r.status != E_OK)
        return source_reader_error(s, &r, e);
    s->form = find_form(name);
    if (!s->form)
        return source_bad(s, s->p, e,
                          "the payload's form must be \"maps\", \"template\", \"columns\", "
                          "\"bytes\" or \"file\"");
    if (bytes && (s->form->is_counted ? bytes->open : first_row > 0 && !bytes->open))
        return source_bad(s, s->p, e, "a row stream of \"bytes\" has no payloads of another form");
    return s->form->open(s, &r, parts - 1, e);
}

enum status source_fill(struct source *s, struct block *b, uint32_t *ret_n, struct error *e) {
    uint32_t left = s->rows - s->done;
    *ret_n = left < b->rows ? left : b->rows;
    if (s->form->is_counted && *ret_n == 0)
        return check_end(s, e);
    enum status status = s->form->fill(s, b, ret_n, e);
    if (status == E_OK)
        s->done += *ret_n;
    return status;
}

/* The payload "bytes": rows in a format that a reader of format/ takes apart. See bytes.h.
 *
 * The pieces of a row stream may be cut anywhere. What a piece leaves over is carried: the
 * beginning of the next piece is put behind it, as much as it takes to end that row, and the rest
 * of the piece is read where it is. */
#include "engine/bytes.h"
#include "engine/source.h"

#include "base/build.h"

#include <unistd.h>

void bytes_init(struct byte_rows *b, struct budget *budget) {
    memset(b, 0, offsetof(struct byte_rows, reader));
    arena_init(&b->arena, budget);
    buf_init(&b->carry, budget);
}

void bytes_done(struct byte_rows *b) {
    if (b->open)
        reader_done(&b->reader);
    if (b->owns_fd)
        close(b->fd);
    b->owns_fd = false;
    arena_done(&b->arena);
    buf_done(&b->carry);
    b->open = false;
}

bool bytes_wait_for_end(const struct byte_rows *b) { return b->open && !b->ended; }

static const char *const FORMATS[] = {
    [FORMAT_MSGPACK] = "msgpack", [FORMAT_JSONL] = "jsonl", [FORMAT_CSV] = "csv"};

/* --- options --- */

static enum status bad(struct error *e, const struct mp_reader *r, const char *text) {
    error_set(e, E_BAD_PAYLOAD, "%s", text);
    if (e && e->offset == ERROR_NONE)
        e->offset = mp_offset(r);
    return E_BAD_PAYLOAD;
}

static bool find_format(struct value name, enum reader_format *ret) {
    for (size_t i = 0; name.type == T_STR && i < sizeof FORMATS / sizeof *FORMATS; i++)
        if (str_is(value_as_str(name), FORMATS[i])) {
            *ret = (enum reader_format)i;
            return true;
        }
    return false;
}

static bool keep(struct arena *a, struct value v, struct str *ret) {
    char *copy = arena_copy(a, v.w.p, v.n);
    *ret = (struct str){copy, v.n};
    return copy != NULL;
}

static bool set_byte(struct value v, uint8_t *ret) {
    if (v.type != T_STR || v.n != 1)
        return false;
    *ret = *v.w.p;
    return true;
}

static bool set_flag(struct value v, bool when, bool *ret) {
    if (v.type != T_BOOL)
        return false;
    *ret = (v.w.i != 0) == when;
    return true;
}

static bool set_names(struct arena *a, struct value v, struct csv_options *csv, bool *ret_memory) {
    struct mp_reader r;
    uint32_t n;
    if (v.type != T_ARRAY)
        return false;
    mp_enter(&r, v, &n);
    struct str *names = arena_array(a, n, sizeof *names);
    for (uint32_t i = 0; names && i < n; i++) {
        struct value name = mp_read_value(&r);
        if (name.type != T_STR)
            return false;
        if (!keep(a, name, &names[i]))
            names = NULL;
    }
    *ret_memory = names != NULL;
    csv->names = names;
    csv->n_names = n;
    return true;
}

static bool find_cell_type(struct value v, enum cell_type *ret) {
    static const char *const NAMES[] = {[CELL_TEXT] = "text",
                                        [CELL_INTEGER] = "integer",
                                        [CELL_DOUBLE] = "double",
                                        [CELL_BOOLEAN] = "boolean",
                                        [CELL_TIMESTAMP] = "timestamp"};
    for (size_t i = 0; v.type == T_STR && i < sizeof NAMES / sizeof *NAMES; i++)
        if (str_is(value_as_str(v), NAMES[i])) {
            *ret = (enum cell_type)i;
            return true;
        }
    return false;
}

static bool set_types(struct arena *a, struct value v, struct csv_options *csv, bool *ret_memory) {
    struct mp_reader r;
    uint32_t n;
    if (v.type != T_MAP)
        return false;
    mp_enter(&r, v, &n);
    struct csv_declared *types = arena_array(a, n, sizeof *types);
    for (uint32_t i = 0; types && i < n; i++) {
        struct value name = mp_read_value(&r), type = mp_read_value(&r);
        if (name.type != T_STR || !find_cell_type(type, &types[i].type))
            return false;
        if (!keep(a, name, &types[i].name))
            types = NULL;
    }
    *ret_memory = types != NULL;
    csv->types = types;
    csv->n_types = n;
    return true;
}

/* One option. False if there is none of that name, or its value cannot be; *ret_memory false if
 * there is no memory for it. */
static bool set_option(struct byte_rows *b, struct reader_options *o, struct str key,
                       struct value v, bool *ret_memory) {
    bool is_csv = o->format == FORMAT_CSV;
    if (str_is(key, "validate"))
        return set_flag(v, true, &o->validate);
    if (str_is(key, "on_error") && v.type == T_STR) {
        b->skips = str_is(value_as_str(v), "skip");
        return b->skips || str_is(value_as_str(v), "fail");
    }
    if (str_is(key, "delimiter"))
        return is_csv && set_byte(v, &o->csv.delimiter);
    if (str_is(key, "quote"))
        return is_csv && set_byte(v, &o->csv.quote);
    if (str_is(key, "header"))
        return is_csv && set_flag(v, false, &o->csv.no_header);
    if (str_is(key, "ragged"))
        return is_csv && set_flag(v, true, &o->csv.ragged);
    if (str_is(key, "names"))
        return is_csv && set_names(&b->arena, v, &o->csv, ret_memory);
    if (str_is(key, "types"))
        return is_csv && set_types(&b->arena, v, &o->csv, ret_memory);
    return false;
}

static enum status read_options(struct byte_rows *b, struct mp_reader *r, struct reader_options *o,
                                struct error *e) {
    if (mp_peek(r) == T_NULL) {
        mp_skip(r);
        return r->status;
    }
    if (mp_peek(r) != T_MAP && r->status == E_OK && !mp_at_end(r))
        return bad(e, r, "the options of a \"bytes\" payload are no map");
    uint32_t n = mp_read_map(r);
    for (uint32_t i = 0; i < n && r->status == E_OK; i++) {
        struct value key = mp_read_value(r), v = mp_read_value(r);
        bool memory = true;
        if (r->status != E_OK)
            break;
        if (key.type != T_STR || !set_option(b, o, value_as_str(key), v, &memory)) {
            char name[48];
            error_text(name, sizeof name, key.type == T_STR ? (const char *)key.w.p : "",
                       key.type == T_STR ? key.n : 0);
            error_set(e, E_BAD_PAYLOAD,
                      "the option \"%s\" of %s bytes is unknown, or has a wrong "
                      "value",
                      name, FORMATS[o->format]);
            return E_BAD_PAYLOAD;
        }
        if (!memory)
            return error_set(e, E_MEMORY, "out of memory for the options of the rows");
    }
    return r->status;
}

static enum status open_reader(struct byte_rows *b, const struct reader_options *o,
                               const struct fields *fields, struct error *e) {
    if (!reader_init(&b->reader, &b->arena, fields, o)) {
        if (o->format == FORMAT_CSV && o->csv.delimiter && o->csv.delimiter == o->csv.quote)
            return error_set(e, E_BAD_PAYLOAD, "delimiter and quote are the same character");
        return error_set(e, E_MEMORY, "out of memory for the rows");
    }
    b->format = o->format;
    b->open = true;
    return E_OK;
}

enum status bytes_read_payload(struct byte_rows *b, struct mp_reader *r, uint32_t parts,
                               const struct fields *fields, const struct limits *limits,
                               bool or_number, struct value *ret_data, struct error *e) {
    struct reader_options o = {
        .row_depth = (uint32_t)limits->row_depth,
        .row_fields = (uint32_t)limits->row_fields,
        .row_bytes = (size_t)limits->row_bytes,
    };
    if (parts != 2 && parts != 3)
        return bad(e, r,
                   "a \"bytes\" payload has three or four elements: the form, the format, "
                   "the bytes, options");
    struct value format = mp_read_value(r);
    if (r->status == E_OK && !find_format(format, &o.format))
        return bad(e, r, "the format of the bytes must be \"msgpack\", \"jsonl\" or \"csv\"");
    *ret_data = mp_read_value(r);
    bool number =
        or_number && (ret_data->type == T_UINT || (ret_data->type == T_INT && ret_data->w.i >= 0));
    if (r->status == E_OK && ret_data->type != T_BIN && ret_data->type != T_STR && !number)
        return bad(e, r, "the bytes of a \"bytes\" payload are no bin and no str");
    if (b->open && r->status == E_OK && (o.format != b->format || parts == 3))
        return bad(e, r, "format and options are those of the first payload of a row stream");
    enum status status = r->status;
    if (status == E_OK && parts == 3)
        status = read_options(b, r, &o, e);
    return status != E_OK || b->open ? status : open_reader(b, &o, fields, e);
}

/* --- reading --- */

/* What of a piece is put behind the carry at first: some rows, so that the rest of the piece is
 * read where it is. */
#define JOIN_BYTES (READ_BYTES / 16 + 1)

/* A row that is longer than this and not all there is looked at again only when it has grown by an
 * eighth: pieces of a byte would make it quadratic. */
#define LONG_ROW (16 * (size_t)READ_BYTES)

static enum status no_memory(struct error *e) {
    return error_set(e, E_MEMORY, "out of memory for a row that comes in pieces");
}

/* The reader goes on at p. */
static void stand_at(struct source *s, const uint8_t *p, const uint8_t *end) {
    s->p = s->origin = p;
    s->end = end;
    s->origin_offset = s->bytes->offset;
}

/* Puts up to n more bytes of the piece behind the carry. */
static enum status join(struct source *s, size_t n, struct error *e) {
    struct byte_rows *b = s->bytes;
    size_t left = (size_t)(s->piece_end - s->piece) - s->joined;
    size_t used = s->p ? (size_t)(s->p - b->carry.data) : 0;
    n = n < left ? n : left;
    buf_add(&b->carry, s->piece + s->joined, n);
    if (buf_failed(&b->carry))
        return no_memory(e);
    s->joined += n;
    stand_at(s, b->carry.data + used, b->carry.data + b->carry.len);
    return E_OK;
}

enum status bytes_open(struct source *s, struct mp_reader *r, uint32_t parts, struct error *e) {
    struct value data;
    if (!s->bytes)
        return bad(e, r, "a \"bytes\" payload is not taken here");
    struct byte_rows *b = s->bytes;
    enum status status =
        bytes_read_payload(b, r, parts, s->scanner->fields, s->limits, false, &data, e);
    if (status == E_OK && !mp_at_end(r))
        return source_trailing(s, r, e);
    if (status != E_OK)
        return status == r->status ? source_reader_error(s, r, e) : status;
    s->piece = data.w.p;
    s->piece_end = data.w.p + data.n;
    s->carried = b->carry.len;
    s->p = NULL;
    if (s->carried == 0) {
        stand_at(s, s->piece, s->piece_end);
        s->piece = NULL;
        return E_OK;
    }
    s->at_end = s->waits = !b->last && s->carried + data.n < b->wait_bytes;
    return join(s, s->waits ? SIZE_MAX : JOIN_BYTES, e);
}

void source_open_end(struct source *s, struct byte_rows *b) {
    *s = (struct source){.form = source_form_bytes(), .bytes = b};
    b->last = true;
    stand_at(s, b->carry.data, b->carry.len > 0 ? b->carry.data + b->carry.len : b->carry.data);
}

/* All of the carry is used, and something of the piece: the rest is read where it is. */
static void go_to_piece(struct source *s) {
    size_t used = (size_t)(s->p - s->bytes->carry.data) - s->carried;
    s->bytes->carry.len = 0;
    stand_at(s, s->piece + used, s->piece_end);
    s->piece = NULL;
}

/* What the reader did not use goes to the front of the carry. */
static enum status leave_over(struct source *s, struct error *e) {
    struct byte_rows *b = s->bytes;
    size_t left = (size_t)(s->end - s->p);
    if (s->piece) { /* it is there, behind what has been used */
        if (left > 0)
            memmove(b->carry.data, s->p, left);
        b->carry.len = left;
    } else {
        b->carry.len = 0;
        buf_add(&b->carry, s->p, left);
        if (buf_failed(&b->carry))
            return no_memory(e);
    }
    if (!s->waits)
        b->wait_bytes = left > LONG_ROW ? left + left / 8 : 0;
    return E_OK;
}

static void used(struct source *s, const uint8_t *p) {
    s->bytes->offset += (uint64_t)(p - s->p);
    s->p = p;
}

/* Steps over a broken row, if it may. */
static bool step_over(struct source *s) {
    struct byte_rows *b = s->bytes;
    uint64_t at = reader_fault_offset(&b->reader), number = b->reader.skipped;
    const uint8_t *p = b->skips ? reader_skip(&b->reader, s->p, s->end) : NULL;
    if (!p)
        return false;
    if (number < SKIPPED_TOLD)
        b->skipped_at[number] = at;
    used(s, p);
    return true;
}

/* The input that the reader has is used up but for a row that is not all there. */
static enum status go_on(struct source *s, struct error *e) {
    size_t left = s->piece ? (size_t)(s->piece_end - s->piece) - s->joined : 0;
    if (left == 0) {
        s->at_end = true;
        s->bytes->ended = s->bytes->last;
        return E_OK;
    }
    return join(s, 8 * s->joined, e);
}

enum status bytes_next(struct source *s, struct block *block, uint32_t *ret_n, struct error *e) {
    struct byte_rows *b = s->bytes;
    bool last = b->last && (!s->piece || s->piece + s->joined == s->piece_end);
    *ret_n = 0;
    do {
        if (b->reader.status != E_OK && !step_over(s))
            return reader_error(&b->reader, e);
        used(s, reader_fill(&b->reader, s->p, s->end, last, block, ret_n));
    } while (b->reader.status != E_OK && *ret_n == 0);
    return E_OK;
}

enum status bytes_fill(struct source *s, struct block *block, uint32_t *ret_n, struct error *e) {
    struct byte_rows *b = s->bytes;
    *ret_n = 0;
    while (!s->at_end) {
        if (s->piece && (size_t)(s->p - b->carry.data) >= s->carried)
            go_to_piece(s);
        enum status status = bytes_next(s, block, ret_n, e);
        if (status != E_OK || *ret_n > 0)
            return status;
        status = go_on(s, e);
        if (status != E_OK)
            return status;
    }
    return leave_over(s, e);
}

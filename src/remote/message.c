/* See state.h: what a client says. */
#include "remote/state.h"

static const char *format_name(enum reader_format format) {
    return format == FORMAT_JSONL ? "jsonl" : format == FORMAT_CSV ? "csv" : "msgpack";
}

static const char *cell_type_name(enum cell_type type) {
    switch (type) {
#define X(name, first, others)                                                                     \
    case CELL_##name:                                                                              \
        return first;
#include "casts.def"
#undef X
    }
    return "text";
}

static void write_str(struct buf *b, struct str s) { mp_write_str(b, s.p, s.n); }

static void write_flag(struct buf *b, const char *key, bool value) {
    mp_write_text(b, key);
    mp_write_bool(b, value);
}

static void write_pair(struct buf *b, const char *key, const char *value) {
    mp_write_text(b, key);
    mp_write_text(b, value);
}

/* The key "params" and its value; nothing without parameters. Those that have no value are left
 * out, of ? with all behind: the service tells which is missing. */
static void write_params(struct buf *b, const struct remote_query *q) {
    bool named = q->n_params > 0 && q->names[0].p;
    uint32_t n = 0;
    if (q->n_params == 0)
        return;
    for (uint32_t i = 0; i < q->n_params && (named || n == i); i++)
        n += q->values[i].type != T_MISSING;
    mp_write_text(b, "params");
    if (named)
        mp_write_map(b, n);
    else
        mp_write_array(b, n);
    for (uint32_t i = 0; i < q->n_params && (named || i < n); i++) {
        if (q->values[i].type == T_MISSING)
            continue;
        if (named)
            write_str(b, q->names[i]);
        mp_write_value(b, q->values[i]);
    }
}

/* The options of rows that are bytes. */
static void write_layout(struct buf *b, const struct remote_request *request) {
    const struct reader_options *o = request->rows;
    const struct csv_options *csv = &o->csv;
    bool is_csv = o->format == FORMAT_CSV;
    mp_write_map(b, 2 + is_csv *
                            (2u + (csv->delimiter != 0) + (csv->n_names > 0) + (csv->n_types > 0)));
    write_pair(b, "on_error", request->skip ? "skip" : "fail");
    write_flag(b, "validate", o->validate);
    if (!is_csv)
        return;
    write_flag(b, "header", !csv->no_header);
    write_flag(b, "ragged", csv->ragged);
    if (csv->delimiter) {
        mp_write_text(b, "delimiter");
        mp_write_str(b, (const char *)&csv->delimiter, 1);
    }
    if (csv->n_names > 0) {
        mp_write_text(b, "names");
        mp_write_array(b, csv->n_names);
        for (uint32_t i = 0; i < csv->n_names; i++)
            write_str(b, csv->names[i]);
    }
    if (csv->n_types > 0) {
        mp_write_text(b, "types");
        mp_write_map(b, csv->n_types);
        for (uint32_t i = 0; i < csv->n_types; i++) {
            write_str(b, csv->types[i].name);
            mp_write_text(b, cell_type_name(csv->types[i].type));
        }
    }
}

bool remote_write_hello(struct remote *r) {
    size_t mark = reply_begin(&r->out, MESSAGE_HELLO, ++r->id, 3);
    mp_write_map(&r->out, 3);
    mp_write_text(&r->out, "version");
    mp_write_uint(&r->out, 1);
    mp_write_text(&r->out, "capabilities");
    mp_write_array(&r->out, 0);
    write_pair(&r->out, "client", "tamis " TAMIS_VERSION);
    return reply_end(&r->out, mark);
}

bool remote_write_explain(struct remote *r, const struct remote_query *q) {
    size_t mark = reply_begin(&r->out, MESSAGE_EXPLAIN, ++r->id, 4);
    write_str(&r->out, q->text);
    mp_write_map(&r->out, q->n_params > 0);
    write_params(&r->out, q);
    return reply_end(&r->out, mark);
}

static bool write_opening(struct remote *r, const struct remote_request *request) {
    struct buf *b = &r->out;
    const struct remote_query *q = &request->query;
    bool limited = request->limit != UINT64_MAX;
    size_t mark = reply_begin(b, MESSAGE_FILTER, ++r->id, 5);
    write_str(b, q->text);
    mp_write_map(b, 2u + limited + (q->n_params > 0));
    /* counting by bits tells something of an input that breaks off */
    write_pair(b, "result", request->wants_rows ? "rows" : "auto");
    write_flag(b, "strict", request->strict);
    if (limited) {
        mp_write_text(b, "limit");
        mp_write_uint(b, request->limit);
    }
    write_params(b, q);
    if (request->fd < 0) {
        mp_write_nil(b);
    } else {
        mp_write_array(b, 4);
        mp_write_text(b, "file");
        mp_write_text(b, r->format);
        mp_write_uint(b, request->at);
        write_layout(b, request);
    }
    return reply_end(b, mark);
}

bool remote_write_filter(struct remote *r, const struct remote_request *request) {
    r->format = format_name(request->rows->format);
    r->passed = request->fd;
    r->passed_at = r->out.len;
    if (!write_opening(r, request))
        return false;
    r->passed_end = r->out.len;
    if (request->fd >= 0)
        return true;
    /* The options of the bytes go with the first payload, which may be empty. */
    size_t mark = reply_begin(&r->out, MESSAGE_ROWS, r->id, 3);
    mp_write_array(&r->out, 4);
    mp_write_text(&r->out, "bytes");
    mp_write_text(&r->out, r->format);
    mp_write_bin(&r->out, "", 0);
    write_layout(&r->out, request);
    return reply_end(&r->out, mark);
}

bool remote_write_rows(struct remote *r, const uint8_t *p, size_t n) {
    size_t mark = reply_begin(&r->out, MESSAGE_ROWS, r->id, 3);
    mp_write_array(&r->out, 3);
    mp_write_text(&r->out, "bytes");
    mp_write_text(&r->out, r->format);
    mp_write_bin(&r->out, p, n);
    return reply_end(&r->out, mark);
}

bool remote_write_bare(struct remote *r, enum message_kind kind) {
    size_t mark = reply_begin(&r->out, kind, r->id, 2);
    return reply_end(&r->out, mark);
}

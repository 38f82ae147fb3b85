/* The messages that are for tables alone: which table, which options, and what they do. See
 * state.h and PROTOCOL.md. A new one is a row of the table at the end. */
#include "session/state.h"

#include <stdlib.h>

#define NAME_BYTES 65536u /* of a table's name, at most */

enum status table_read(struct request *r, struct mp_reader *reader, struct error *e) {
    struct session *s = r->session;
    size_t at = mp_offset(reader);
    struct value v = mp_read_value(reader);
    if (reader->status != E_OK || (v.type != T_STR && v.type != T_INT)) {
        error_set(e, E_BAD_MESSAGE, "a table is named by a string, or by a number");
        if (e->offset == ERROR_NONE)
            e->offset = at;
        return E_BAD_MESSAGE;
    }
    if (v.type == T_STR)
        r->use.table = tables_find_name(&s->service->tables, s->viewer, value_as_str(v));
    else if (v.w.i > 0)
        r->use.table = tables_find_number(&s->service->tables, s->viewer, v.w.u);
    if (r->use.table)
        return E_OK;
    if (v.type == T_INT)
        return error_set(e, E_TABLE_UNKNOWN, "no table has the number %lld", (long long)v.w.i);
    error_set(e, E_TABLE_UNKNOWN, "there is no table \"%.*s\"", (int)(v.n < 60 ? v.n : 60),
              (const char *)v.w.p);
    error_text(e->near_text, sizeof e->near_text, (const char *)v.w.p, v.n);
    return E_TABLE_UNKNOWN;
}

void table_use_done(struct request *r) {
    table_query_done(r);
    table_load_done(r);
    buf_done(&r->use.data);
    named_table_unref(r->use.table);
    r->use.table = NULL;
}

/* ---- parsing ---- */

static enum status read_name(struct request *r, struct error *e) {
    struct mp_reader *reader = &r->message.r;
    size_t at = mp_offset(reader);
    r->use.name = mp_read_value(reader);
    bool ok = reader->status == E_OK && r->use.name.type == T_STR && r->use.name.n > 0 &&
              r->use.name.n <= NAME_BYTES;
    if (ok)
        return E_OK;
    error_set(e, E_BAD_MESSAGE, "the name of a table is a string of 1 to %u bytes", NAME_BYTES);
    if (e->offset == ERROR_NONE)
        e->offset = at;
    return E_BAD_MESSAGE;
}

static enum status parse_create(struct request *r, struct error *e) {
    enum status status = read_name(r, e);
    if (status == E_OK)
        status = options_read(&r->own, &r->message.r, e);
    return status == E_OK ? message_end(&r->message, e) : status;
}

static enum status parse_open(struct request *r, struct error *e) {
    enum status status = read_name(r, e);
    return status == E_OK ? message_end(&r->message, e) : status;
}

static enum status parse_load(struct request *r, struct error *e) {
    enum status status = table_read(r, &r->message.r, e);
    if (status == E_OK)
        status = options_read(&r->own, &r->message.r, e);
    return status == E_OK ? request_read_payload(r, e) : status;
}

static enum status parse_delete(struct request *r, struct error *e) {
    enum status status = table_read(r, &r->message.r, e);
    if (status != E_OK)
        return status;
    size_t at = mp_offset(&r->message.r);
    r->use.keys = mp_read_value(&r->message.r);
    if (r->message.r.status == E_OK && r->use.keys.type != T_ARRAY) {
        error_set(e, E_BAD_MESSAGE, "the keys are not an array");
        if (e->offset == ERROR_NONE)
            e->offset = at;
        return E_BAD_MESSAGE;
    }
    return message_end(&r->message, e);
}

static enum status parse_drop(struct request *r, struct error *e) {
    enum status status = table_read(r, &r->message.r, e);
    return status == E_OK ? message_end(&r->message, e) : status;
}

static enum status parse_describe(struct request *r, struct error *e) {
    if (mp_peek(&r->message.r) == T_NULL) {
        mp_skip(&r->message.r);
        return message_end(&r->message, e);
    }
    return parse_drop(r, e);
}

/* ---- doing ---- */

static enum status replied(struct request *r, size_t mark, struct error *e) {
    if (!reply_end(&r->out, mark))
        return error_set(e, E_MEMORY, "out of memory for the reply");
    r->done = true;
    return E_OK;
}

static enum status table_reply(struct request *r, struct error *e) {
    const struct named_table *t = r->use.table;
    struct buf *b = &r->out;
    struct str key = table_key(t->table);
    const struct snapshot *s = table_snapshot(t->table);
    size_t mark = reply_begin(b, MESSAGE_TABLE, r->id, 4);
    mp_write_uint(b, t->number);
    mp_write_map(b, 4);
    mp_write_text(b, "name");
    mp_write_str(b, t->name, t->name_n);
    mp_write_text(b, "key");
    if (key.p)
        mp_write_str(b, key.p, key.n);
    else
        mp_write_nil(b);
    mp_write_text(b, "private");
    mp_write_bool(b, t->owner.is_session);
    mp_write_text(b, "rows");
    mp_write_uint(b, s->n_rows);
    snapshot_unref(s);
    return replied(r, mark, e);
}

enum status changed_reply(struct request *r, uint64_t added, uint64_t replaced, uint64_t deleted,
                          uint64_t rows, struct error *e) {
    struct buf *b = &r->out;
    size_t mark = reply_begin(b, MESSAGE_CHANGED, r->id, 3);
    mp_write_map(b, 4);
    mp_write_text(b, "added");
    mp_write_uint(b, added);
    mp_write_text(b, "replaced");
    mp_write_uint(b, replaced);
    mp_write_text(b, "deleted");
    mp_write_uint(b, deleted);
    mp_write_text(b, "rows");
    mp_write_uint(b, rows);
    return replied(r, mark, e);
}

uint64_t table_rows(struct table *t) {
    const struct snapshot *s = table_snapshot(t);
    uint64_t n = s->n_rows;
    snapshot_unref(s);
    return n;
}

static enum status do_create(struct request *r, struct error *e) {
    struct session *s = r->session;
    struct service *service = s->service;
    struct owner owner = {r->use.is_private,
                          r->use.is_private ? s->viewer.session : s->viewer.user};
    struct str key = r->use.key.type == T_STR ? value_as_str(r->use.key) : (struct str){NULL, 0};
    enum status status = tables_create(&service->tables, owner, value_as_str(r->use.name), key,
                                       r->use.exists, service->limits.tables, &service->limits,
                                       &service->table_budget, &r->use.table, e);
    return status == E_OK ? table_reply(r, e) : status;
}

static enum status do_open(struct request *r, struct error *e) {
    struct session *s = r->session;
    struct str name = value_as_str(r->use.name);
    r->use.table = tables_find_name(&s->service->tables, s->viewer, name);
    if (r->use.table)
        return table_reply(r, e);
    error_set(e, E_TABLE_UNKNOWN, "there is no table \"%.*s\"", (int)(name.n < 60 ? name.n : 60),
              name.p);
    error_text(e->near_text, sizeof e->near_text, name.p, name.n);
    return E_TABLE_UNKNOWN;
}

static enum status do_delete(struct request *r, struct error *e) {
    struct mp_reader reader;
    uint32_t n;
    uint64_t deleted;
    mp_enter(&reader, r->use.keys, &n);
    struct value *keys = arena_array(&r->arena, n, sizeof *keys);
    if (!keys)
        return error_set(e, E_MEMORY, "out of memory");
    for (uint32_t i = 0; i < n; i++)
        keys[i] = mp_read_value(&reader);
    enum status status = table_delete(r->use.table->table, keys, n, &deleted, e);
    if (status != E_OK)
        return status;
    return changed_reply(r, 0, 0, deleted, table_rows(r->use.table->table), e);
}

static enum status do_drop(struct request *r, struct error *e) {
    uint64_t rows = table_rows(r->use.table->table);
    if (!tables_drop(&r->session->service->tables, r->use.table))
        return error_set(e, E_TABLE_UNKNOWN, "the table has been dropped already");
    return changed_reply(r, 0, 0, rows, 0, e);
}

static const struct change {
    enum message_kind kind;
    enum status (*parse)(struct request *r, struct error *e);
    enum status (*run)(struct request *r, struct error *e);
} CHANGES[] = {
    {MESSAGE_CREATE, parse_create, do_create},
    {MESSAGE_OPEN, parse_open, do_open},
    {MESSAGE_LOAD, parse_load, table_load_advance},
    {MESSAGE_DELETE, parse_delete, do_delete},
    {MESSAGE_DROP, parse_drop, do_drop},
    {MESSAGE_DESCRIBE, parse_describe, table_describe},
    {MESSAGE_QUERIES, table_queries_parse, table_queries_advance},
};

static const struct change *change_of(enum message_kind kind) {
    for (size_t i = 0; i < sizeof CHANGES / sizeof *CHANGES; i++)
        if (CHANGES[i].kind == kind)
            return &CHANGES[i];
    return NULL;
}

bool message_is_for_tables(enum message_kind kind) { return change_of(kind) != NULL; }

enum status table_parse(struct request *r, struct error *e) {
    return change_of(r->kind)->parse(r, e);
}

enum status table_advance(struct request *r, struct error *e) {
    return change_of(r->kind)->run(r, e);
}

/* What gives back much memory, or takes time by the table's size, is not. */
bool table_message_is_small(struct request *r) {
    switch (r->kind) {
    case MESSAGE_CREATE:
        return r->use.exists != EXISTS_REPLACE;
    case MESSAGE_OPEN:
        return true;
    case MESSAGE_DESCRIBE:
        return !r->use.table;
    case MESSAGE_QUERIES:
        return table_query_is_small(r);
    default:
        return false;
    }
}

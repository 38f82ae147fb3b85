/* DESCRIBE: the tables that a session sees, or the columns of one. See state.h and PROTOCOL.md. */
#include "session/state.h"

#include <stdlib.h>

static void write_text_or_nil(struct buf *b, struct str s) {
    if (s.p)
        mp_write_str(b, s.p, s.n);
    else
        mp_write_nil(b);
}

static void write_number(struct buf *b, const char *name, uint64_t n) {
    mp_write_text(b, name);
    mp_write_uint(b, n);
}

/* The elements that every table has. */
static void write_head(struct buf *b, const struct named_table *t, const struct snapshot *s) {
    mp_write_text(b, "name");
    mp_write_str(b, t->name, t->name_n);
    mp_write_text(b, "key");
    write_text_or_nil(b, table_key(t->table));
    mp_write_text(b, "private");
    mp_write_bool(b, t->owner.is_session);
    write_number(b, "rows", s->n_rows);
    write_number(b, "bytes", table_bytes(t->table));
    write_number(b, "version", s->version);
}
#define HEAD 6u

static void write_types(struct buf *b, uint32_t seen) {
    seen &= ~SEEN_NONE;
    mp_write_text(b, "types");
    mp_write_array(b, (uint32_t)__builtin_popcount(seen));
    for (int type = 0; type < T_COUNT; type++)
        if (seen & SEEN(type))
            mp_write_text(b, value_type_name((enum value_type)type));
}

static bool write_column(struct buf *b, struct table *t, const struct snapshot *s, uint32_t i) {
    struct column_report c;
    if (!column_report(t, s, i, &c))
        return false;
    mp_write_map(b, 8);
    mp_write_text(b, "name");
    write_text_or_nil(b, c.name);
    write_types(b, c.seen);
    write_number(b, "nulls", c.nulls);
    write_number(b, "missing", c.missing);
    write_number(b, "distinct", c.distinct);
    mp_write_text(b, "exact");
    mp_write_bool(b, c.is_exact);
    write_number(b, "bytes", c.bytes);
    mp_write_text(b, "storage");
    mp_write_text(b, c.storage);
    return true;
}

static bool write_one(struct buf *b, const struct named_table *t) {
    const struct snapshot *s = table_snapshot(t->table);
    bool ok = true;
    mp_write_array(b, 1);
    mp_write_map(b, HEAD + 1);
    write_head(b, t, s);
    mp_write_text(b, "columns");
    mp_write_array(b, s->n_columns);
    for (uint32_t i = 0; ok && i < s->n_columns; i++)
        ok = write_column(b, t->table, s, i);
    snapshot_unref(s);
    return ok;
}

static bool write_all(struct buf *b, struct session *session) {
    struct named_table **list;
    uint32_t n;
    if (!tables_list(&session->service->tables, session->viewer, &list, &n))
        return false;
    mp_write_array(b, n);
    for (uint32_t i = 0; i < n; i++) {
        const struct snapshot *s = table_snapshot(list[i]->table);
        mp_write_map(b, HEAD);
        write_head(b, list[i], s);
        snapshot_unref(s);
        named_table_unref(list[i]);
    }
    free(list);
    return true;
}

enum status table_describe(struct request *r, struct error *e) {
    struct buf *b = &r->out;
    size_t mark = reply_begin(b, MESSAGE_DESCRIBED, r->id, 3);
    bool ok = r->use.table ? write_one(b, r->use.table) : write_all(b, r->session);
    b->failed |= !ok;
    if (!reply_end(b, mark))
        return error_set(e, E_MEMORY, "out of memory for the reply");
    r->done = true;
    return E_OK;
}

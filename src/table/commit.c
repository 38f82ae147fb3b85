/* See table.h: publishing what a batch has gathered, and deleting.
 *
 * All that can fail is done first, on lists of its own; then the index is changed and the new
 * snapshot published, which cannot. Private dictionaries are shared last before that; entries that
 * a commit leaves behind when it fails are in no chunk. */
#include "table/batch.h"
#include "table/keys.h"
#include "table/raw.h"

#include <stdlib.h>

/* A commit under way. */
struct commit {
    struct table *table;
    struct batch *batch;
    enum batch_mode mode;
    struct error *e;
    struct schema *schema;
    struct catalog *catalog;
    uint32_t *columns;     /* of the table, by inlet */
    struct code_map *maps; /* by inlet */
    struct pieces pieces;
    uint32_t n_old; /* pieces that were there before */
    struct key_plan keys;
};

static enum status no_memory(struct commit *c) { return table_no_memory(c->table->budget, c->e); }

/* --- columns --- */

/* Inlets become columns of the table: those it has, and new ones behind them. */
static enum status map_columns(struct commit *c) {
    struct batch *b = c->batch;
    const struct held *now = c->table->current;
    const struct schema *old = c->mode == BATCH_REPLACE ? NULL : now->schema;
    uint32_t known = old ? old->n : 0, n_new = 0;
    struct str *names = budget_realloc(b->budget, NULL, 0, (b->n_inlets + 1) * sizeof *names);
    if (!names)
        return no_memory(c);
    for (uint32_t i = 0; i < b->n_inlets; i++) {
        c->columns[i] = old ? schema_find(old, b->inlets[i].name) : NO_TABLE_COLUMN;
        if (c->columns[i] == NO_TABLE_COLUMN) {
            c->columns[i] = known + n_new;
            names[n_new++] = b->inlets[i].name;
        }
    }
    enum status status = E_OK;
    uint64_t most = c->table->limits->row_fields;
    if ((uint64_t)known + n_new > most)
        status = error_limit(c->e, E_ROW_TOO_WIDE, "row_fields", most, (uint64_t)known + n_new);
    else if (old && n_new == 0)
        c->schema = schema_ref(now->schema);
    else if (!(c->schema = schema_new(old, names, n_new, now->schema->number + 1, b->budget)))
        status = no_memory(c);
    budget_free(b->budget, names, (b->n_inlets + 1) * sizeof *names);
    if (status != E_OK)
        return status;
    c->catalog = old ? catalog_ref(now->catalog) : catalog_new(b->budget);
    return c->catalog && catalog_room(c->catalog, c->schema->n) ? E_OK : no_memory(c);
}

/* --- segments --- */

/* A segment of the table from a sealed stage, whose chunks it takes over. */
static bool add_stage(struct commit *c, struct stage *s, uint32_t first_row) {
    struct batch *b = c->batch;
    for (uint32_t i = 0; i < s->n_columns; i++) {
        struct shared_dict *shared = c->catalog->columns[c->columns[i]];
        if (s->columns[i] && s->columns[i]->raw)
            raw_bind(s->columns[i], shared);
        else if (s->columns[i] &&
                 !sealed_share(&s->columns[i], shared, &c->maps[i], b->inlets[i].cells.dropped))
            return false;
    }
    struct segment *segment = segment_new(c->catalog, s->n, c->schema->n);
    if (!segment)
        return false;
    if (!pieces_room(&c->pieces)) {
        segment_unref(segment);
        return false;
    }
    for (uint32_t i = 0; i < s->n_columns; i++) {
        segment->columns[c->columns[i]] = s->columns[i];
        s->columns[i] = NULL;
    }
    if (table_has_key(c->table))
        segment->first = c->table->next + first_row;
    pieces_take(&c->pieces, (struct piece){.segment = segment, .n_live = s->n});
    return true;
}

static enum status add_stages(struct commit *c) {
    struct batch *b = c->batch;
    uint32_t row = 0;
    for (uint32_t i = 0; i < b->n_stages; i++) {
        if (!add_stage(c, &b->stages[i], row))
            return no_memory(c);
        row += b->stages[i].n;
    }
    return E_OK;
}

/* --- the whole --- */

static enum status begin(struct commit *c) {
    struct batch *b = c->batch;
    pieces_init(&c->pieces, b->budget);
    if (!batch_seal(b))
        return no_memory(c);
    size_t n = (size_t)b->n_inlets + 1;
    c->columns = budget_realloc(b->budget, NULL, 0, n * sizeof *c->columns);
    c->maps = budget_realloc(b->budget, NULL, 0, n * sizeof *c->maps);
    if (c->maps)
        memset(c->maps, 0, n * sizeof *c->maps);
    return c->columns && c->maps ? E_OK : no_memory(c);
}

/* Under the writers' lock; on success the new list, which is still nobody's. */
static enum status prepare(struct commit *c, struct held **ret) {
    struct table *t = c->table;
    const struct held *now = t->current;
    enum status status = map_columns(c);
    if (status != E_OK)
        return status;
    if (c->mode != BATCH_REPLACE) {
        if (!pieces_copy(&c->pieces, now->pieces, now->s.n_parts))
            return no_memory(c);
        c->n_old = now->s.n_parts;
    }
    status = add_stages(c);
    if (status == E_OK && c->keys.n > 0)
        status = keys_place(&c->keys, t, c->mode, &c->pieces,
                            &(struct old_pieces){now->pieces, c->n_old},
                            schema_find(c->schema, t->key), c->e);
    if (status != E_OK)
        return status;
    if (!pieces_compact(&c->pieces, c->catalog, table_has_key(t)))
        return no_memory(c);
    *ret = held_new(t, c->schema, c->catalog, &c->pieces, now->s.version + 1);
    return *ret ? E_OK : no_memory(c);
}

/* After a failure: private dictionaries that had become shared ones are the batch's again. */
static void give_back(struct commit *c) {
    for (uint32_t i = 0; c->maps && i < c->batch->n_inlets; i++) {
        if (!c->maps[i].is_same)
            continue;
        struct shared_dict *shared = c->catalog->columns[c->columns[i]];
        shared_dict_lock(shared);
        if (!shared->is_used) {
            dict_unref(shared->dict);
            shared->dict = NULL;
        }
        shared_dict_unlock(shared);
    }
}

static void end(struct commit *c) {
    struct batch *b = c->batch;
    size_t n = (size_t)b->n_inlets + 1;
    for (uint32_t i = 0; c->maps && i < b->n_inlets; i++)
        code_map_done(&c->maps[i], b->budget);
    budget_free(b->budget, c->columns, n * sizeof *c->columns);
    budget_free(b->budget, c->maps, n * sizeof *c->maps);
    pieces_done(&c->pieces);
    keys_done(&c->keys);
    schema_unref(c->schema);
    batch_clear(b); /* before the catalog, which columns of stages may be bound to (raw_bind) */
    catalog_unref(c->catalog);
}

enum status batch_commit(struct batch *b, enum batch_mode mode, struct batch_counts *ret,
                         struct error *e) {
    struct table *t = b->table;
    struct commit c = {.table = t, .batch = b, .mode = mode, .e = e};
    struct held *made = NULL, *before = NULL;
    struct batch_counts counts = {.added = b->total};
    enum status status = begin(&c);
    if (status == E_OK && table_has_key(t))
        status = keys_read(&c.keys, b, mode, e);
    if (status == E_OK) {
        pthread_mutex_lock(&t->writing);
        status = prepare(&c, &made);
        if (status == E_OK) {
            if (table_has_key(t)) {
                keys_apply(&c.keys, t, mode, &counts);
                t->next += b->total;
            }
            before = table_publish(t, made);
            counts.removed = mode == BATCH_REPLACE ? before->s.n_rows : 0;
        } else {
            give_back(&c);
        }
        pthread_mutex_unlock(&t->writing);
    }
    end(&c);
    held_unref(before);
    if (status == E_OK)
        *ret = counts;
    return status;
}

/* --- deleting --- */

/* What is deleted, to be taken out of the index. */
struct deleted {
    uint64_t hash, number;
};

static enum status find_deleted(struct table *t, const struct value *keys, uint64_t n,
                                struct pieces *pieces, struct deleted *deleted,
                                uint64_t *ret_deleted, struct error *e) {
    const struct held *now = t->current;
    uint32_t column = schema_find(now->schema, t->key);
    for (uint64_t i = 0; i < n; i++) {
        struct value key = value_canonical(keys[i]);
        struct key_place place;
        if (!key_is_good(key))
            return error_set(
                e, E_BAD_KEY,
                "key %llu is %s: a key must be a string, number, boolean, timestamp or binary",
                (unsigned long long)i,
                value_is_nan(key) ? "NaN" : value_type_name((enum value_type)key.type));
        if (!keys_find(t, pieces, column, key, &place))
            continue;
        if (!pieces_remove(pieces, place.piece, place.row, now->pieces, now->s.n_parts))
            return table_no_memory(t->budget, e);
        deleted[(*ret_deleted)++] = (struct deleted){place.hash, place.number};
    }
    return E_OK;
}

static enum status delete_rows(struct table *t, const struct value *keys, uint64_t n,
                               struct pieces *pieces, struct deleted *deleted,
                               uint64_t *ret_deleted, struct held **ret_before, struct error *e) {
    const struct held *now = t->current;
    if (!pieces_copy(pieces, now->pieces, now->s.n_parts))
        return table_no_memory(t->budget, e);
    enum status status = find_deleted(t, keys, n, pieces, deleted, ret_deleted, e);
    if (status != E_OK || *ret_deleted == 0)
        return status;
    (void)pieces_compact(pieces, now->catalog, true); /* without memory for it, some time later */
    struct held *made = held_new(t, now->schema, now->catalog, pieces, now->s.version + 1);
    if (!made)
        return table_no_memory(t->budget, e);
    for (uint64_t i = 0; i < *ret_deleted; i++)
        index_remove(&t->index, deleted[i].hash, deleted[i].number);
    *ret_before = table_publish(t, made);
    return E_OK;
}

enum status table_delete(struct table *t, const struct value *keys, uint64_t n,
                         uint64_t *ret_deleted, struct error *e) {
    if (!table_has_key(t))
        return error_set(e, E_NO_KEY, "the table has no key by which rows could be deleted");
    struct budget *budget = budget_whole(t->budget); /* full tables can be made smaller */
    size_t bytes;
    struct deleted *deleted = NULL;
    if (!size_mul(n, sizeof *deleted, &bytes) ||
        (bytes > 0 && !(deleted = budget_realloc(budget, NULL, 0, bytes))))
        return table_no_memory(t->budget, e);
    struct pieces pieces;
    struct held *before = NULL;
    uint64_t n_deleted = 0;
    pieces_init(&pieces, budget);
    pthread_mutex_lock(&t->writing);
    enum status status = delete_rows(t, keys, n, &pieces, deleted, &n_deleted, &before, e);
    pthread_mutex_unlock(&t->writing);
    held_unref(before);
    pieces_done(&pieces);
    budget_free(budget, deleted, bytes);
    if (status == E_OK)
        *ret_deleted = n_deleted;
    return status;
}

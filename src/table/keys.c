/* See keys.h. */
#include "table/keys.h"

#include <stdlib.h>

void keys_done(struct key_plan *k) {
    budget_free(k->budget, k->hashes, k->n * sizeof *k->hashes);
    budget_free(k->budget, k->later, k->n * sizeof *k->later);
    budget_free(k->budget, k->found, k->n * sizeof *k->found);
    index_done(&k->index);
    *k = (struct key_plan){0};
}

struct reading {
    const struct batch *b;
    uint32_t inlet;
    uint32_t *starts; /* first row of each stage */
};

static struct value stage_key(const struct stage *s, uint32_t inlet, uint32_t row) {
    const struct sealed *c = inlet < s->n_columns ? s->columns[inlet] : NULL;
    return value_canonical(c ? chunk_value(&c->chunk, row) : value_missing());
}

static struct value key_at(const struct reading *r, uint32_t row) {
    uint32_t low = 0, high = r->b->n_stages;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (r->starts[middle] <= row)
            low = middle;
        else
            high = middle;
    }
    return stage_key(&r->b->stages[low], r->inlet, row - r->starts[low]);
}

static enum status bad_key(const struct table *t, struct value v, uint64_t row, struct error *e) {
    const char *what = value_is_nan(v) ? "NaN" : value_type_name((enum value_type)v.type);
    error_set(e, E_BAD_KEY,
              "row %llu: its key \"%.*s\" is %s: a key must be a string, number, boolean, "
              "timestamp or binary",
              (unsigned long long)row, (int)(t->key.n < 60 ? t->key.n : 60), t->key.p, what);
    if (e && e->row == ERROR_NONE)
        e->row = row;
    return E_BAD_KEY;
}

static enum status duplicate(const struct table *t, uint64_t row, struct error *e) {
    error_set(e, E_DUPLICATE_KEY, "row %llu: its key \"%.*s\" is there already",
              (unsigned long long)row, (int)(t->key.n < 60 ? t->key.n : 60), t->key.p);
    if (e && e->row == ERROR_NONE)
        e->row = row;
    return E_DUPLICATE_KEY;
}

static enum status read_hashes(struct key_plan *k, struct reading *r, struct error *e) {
    uint32_t row = 0;
    for (uint32_t i = 0; i < r->b->n_stages; i++) {
        r->starts[i] = row;
        for (uint32_t at = 0; at < r->b->stages[i].n; at++, row++) {
            struct value v = stage_key(&r->b->stages[i], r->inlet, at);
            if (!key_is_good(v))
                return bad_key(r->b->table, v, row, e);
            k->hashes[row] = key_hash(v);
        }
    }
    return E_OK;
}

/* Which rows have the key of an earlier one: by a table of the last row of each key so far. */
static enum status find_repeated(struct key_plan *k, struct reading *r, enum batch_mode mode,
                                 uint32_t *table, uint64_t mask, struct error *e) {
    memset(table, 0, (mask + 1) * sizeof *table);
    for (uint32_t row = 0; row < k->n; row++) {
        uint64_t at = k->hashes[row] & mask;
        k->later[row] = UINT32_MAX;
        for (; table[at]; at = (at + 1) & mask) {
            uint32_t before = table[at] - 1;
            if (k->hashes[before] != k->hashes[row] ||
                !key_equal(key_at(r, before), key_at(r, row)))
                continue;
            if (mode != BATCH_UPSERT)
                return duplicate(r->b->table, row, e);
            k->later[before] = row;
            break;
        }
        table[at] = row + 1;
    }
    return E_OK;
}

enum status keys_read(struct key_plan *k, const struct batch *b, enum batch_mode mode,
                      struct error *e) {
    *k = (struct key_plan){.budget = b->budget};
    index_init(&k->index, b->budget);
    if (b->total >= UINT32_MAX)
        return error_set(e, E_TOO_MANY_ROWS, "more than %u rows in one batch", UINT32_MAX - 1);
    if (b->total == 0)
        return E_OK;
    uint32_t n = (uint32_t)b->total;
    uint64_t mask = 15;
    while (mask < 2 * (uint64_t)n)
        mask = 2 * mask + 1;
    struct reading r = {.b = b, .inlet = NO_TABLE_COLUMN};
    for (uint32_t i = 0; i < b->n_inlets; i++)
        if (b->inlets[i].name.p && str_eq(b->inlets[i].name, b->table->key))
            r.inlet = i;
    k->n = n;
    k->hashes = budget_realloc(b->budget, NULL, 0, n * sizeof *k->hashes);
    k->later = budget_realloc(b->budget, NULL, 0, n * sizeof *k->later);
    k->found = budget_realloc(b->budget, NULL, 0, n * sizeof *k->found);
    size_t table_bytes = (size_t)(mask + 1) * sizeof(uint32_t);
    size_t starts_bytes = b->n_stages * sizeof *r.starts;
    uint32_t *table = budget_realloc(b->budget, NULL, 0, table_bytes);
    r.starts = budget_realloc(b->budget, NULL, 0, starts_bytes);
    enum status status = E_MEMORY;
    if (k->hashes && k->later && k->found && table && r.starts) {
        status = read_hashes(k, &r, e);
        if (status == E_OK)
            status = find_repeated(k, &r, mode, table, mask, e);
    } else {
        table_no_memory(b->budget, e);
    }
    budget_free(b->budget, table, table_bytes);
    budget_free(b->budget, r.starts, starts_bytes);
    return status;
}

bool keys_find(const struct table *t, const struct pieces *pieces, uint32_t column,
               struct value key, struct key_place *ret) {
    uint64_t hash = key_hash(key);
    for (uint64_t at = hash; index_next(&t->index, hash, &at); at++) {
        ret->number = index_number(&t->index, at);
        if (!pieces_find(pieces, ret->number, &ret->piece, &ret->row))
            continue;
        const struct segment *s = pieces->v[ret->piece].segment;
        struct value v = value_canonical(chunk_value(&s->columns[column]->chunk, ret->row));
        if (key_equal(v, key)) {
            ret->slot = at & t->index.mask;
            ret->hash = hash;
            return true;
        }
    }
    return false;
}

bool pieces_remove(struct pieces *pieces, uint32_t i, uint32_t row, const struct piece *old,
                   uint32_t n_old) {
    struct live *live = pieces_live(pieces, i, old, n_old);
    if (!live)
        return false;
    live->words[row / 64] &= ~(UINT64_C(1) << row % 64);
    pieces->v[i].n_live--;
    return true;
}

/* Row `row` of the batch, at `at` in piece i: out with what it replaces. */
static enum status place_row(struct key_plan *k, const struct table *t, enum batch_mode mode,
                             struct pieces *pieces, const struct old_pieces *old, uint32_t column,
                             uint32_t i, uint32_t at, uint32_t row, struct error *e) {
    const struct segment *s = pieces->v[i].segment;
    struct key_place place;
    k->found[row] = NO_SLOT_FOUND;
    if (k->later[row] != UINT32_MAX)
        return pieces_remove(pieces, i, at, old->v, old->n) ? E_OK : table_no_memory(t->budget, e);
    if (old->n == 0 ||
        !keys_find(t, pieces, column, value_canonical(chunk_value(&s->columns[column]->chunk, at)),
                   &place))
        return E_OK;
    if (mode == BATCH_APPEND)
        return duplicate(t, row, e);
    k->found[row] = place.slot;
    return pieces_remove(pieces, place.piece, place.row, old->v, old->n)
               ? E_OK
               : table_no_memory(t->budget, e);
}

enum status keys_place(struct key_plan *k, struct table *t, enum batch_mode mode,
                       struct pieces *pieces, const struct old_pieces *old, uint32_t column,
                       struct error *e) {
    if (!index_room(mode == BATCH_REPLACE ? &k->index : &t->index, k->n))
        return table_no_memory(t->budget, e);
    uint32_t row = 0;
    enum status status = E_OK;
    for (uint32_t i = old->n; i < pieces->n; i++)
        for (uint32_t at = 0; status == E_OK && at < pieces->v[i].segment->n; at++, row++)
            status = place_row(k, t, mode, pieces, old, column, i, at, row, e);
    return status;
}

void keys_apply(struct key_plan *k, struct table *t, enum batch_mode mode,
                struct batch_counts *ret) {
    if (mode == BATCH_REPLACE) {
        struct index old = t->index;
        t->index = k->index;
        k->index = old;
    }
    *ret = (struct batch_counts){0};
    for (uint32_t row = 0; row < k->n; row++) {
        if (k->later[row] != UINT32_MAX)
            continue;
        if (k->found[row] != NO_SLOT_FOUND) {
            index_set(&t->index, k->found[row], t->next + row);
            continue;
        }
        index_add(&t->index, k->hashes[row], t->next + row);
        ret->added++;
    }
    ret->replaced = k->n - ret->added;
    atomic_store_explicit(&t->index_bytes, index_bytes(&t->index), memory_order_relaxed);
}

/* See table.h: tables, their names, and snapshots. */
#include "table/store.h"

#include "base/hash.h"

#include <stdlib.h>

/* --- names --- */

static uint64_t name_hash(struct str name) { return hash_bytes(hash_key(), name.p, name.n); }

static void enter_name(struct schema *s, uint32_t column) {
    uint32_t at = (uint32_t)name_hash(s->names[column]) & s->mask;
    while (s->slots[at])
        at = (at + 1) & s->mask;
    s->slots[at] = column + 1;
}

struct schema *schema_new(const struct schema *from, const struct str *names, uint32_t n,
                          uint32_t number, struct budget *budget) {
    uint32_t before = from ? from->n : 0, total = before + n, mask = 7;
    while (mask < 2 * total)
        mask = 2 * mask + 1;
    size_t text = 0;
    for (uint32_t i = 0; i < total; i++)
        text += (i < before ? from->names[i].n : names[i - before].n) + 1;
    size_t slots = ((size_t)mask + 1) * sizeof(uint32_t);
    size_t bytes = sizeof(struct schema) + total * sizeof(struct str) + slots + text;
    struct schema *s = budget_realloc(budget, NULL, 0, bytes);
    if (!s)
        return NULL;
    *s = (struct schema){
        .budget = budget, .bytes = bytes, .number = number, .n = total, .mask = mask};
    atomic_init(&s->refs, 1);
    s->names = (struct str *)(void *)(s + 1);
    s->slots = (uint32_t *)(void *)(s->names + total);
    char *p = (char *)(s->slots + mask + 1);
    memset(s->slots, 0, slots);
    for (uint32_t i = 0; i < total; i++) {
        struct str name = i < before ? from->names[i] : names[i - before];
        s->names[i] = (struct str){name.p ? p : NULL, name.n};
        if (name.n)
            memcpy(p, name.p, name.n);
        p[name.n] = '\0';
        p += name.n + 1;
        enter_name(s, i);
    }
    return s;
}

struct schema *schema_ref(struct schema *s) {
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return s;
}

void schema_unref(struct schema *s) {
    if (s && atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) == 1)
        budget_free(s->budget, s, s->bytes);
}

static uint32_t find_hashed(const struct schema *s, struct str name, uint64_t hash) {
    for (uint32_t at = (uint32_t)hash & s->mask; s->slots[at]; at = (at + 1) & s->mask) {
        struct str found = s->names[s->slots[at] - 1];
        if (str_eq(found, name) && !found.p == !name.p)
            return s->slots[at] - 1;
    }
    return NO_TABLE_COLUMN;
}

uint32_t schema_find(const struct schema *s, struct str name) {
    return find_hashed(s, name, name_hash(name));
}

/* --- snapshots --- */

struct held *held_new(struct table *t, struct schema *schema, struct catalog *catalog,
                      struct pieces *pieces, uint64_t version) {
    uint32_t n = pieces->n;
    size_t bytes = sizeof(struct held) + n * (sizeof(struct piece) + sizeof(struct part));
    struct held *h = budget_realloc(pieces->budget, NULL, 0, bytes);
    if (!h)
        return NULL;
    *h = (struct held){.budget = pieces->budget, .bytes = bytes, .table = t};
    atomic_init(&h->refs, 1);
    h->schema = schema_ref(schema);
    h->catalog = catalog_ref(catalog);
    h->pieces = (struct piece *)(void *)(h + 1);
    struct part *parts = (struct part *)(void *)(h->pieces + n);
    uint64_t rows = 0;
    for (uint32_t i = 0; i < n; i++) {
        struct piece p = h->pieces[i] = pieces->v[i];
        parts[i] = (struct part){.segment = p.segment,
                                 .live = p.live ? p.live->words : NULL,
                                 .n = p.segment->n,
                                 .n_live = p.n_live,
                                 .first = rows};
        rows += p.n_live;
    }
    pieces->n = 0;
    h->s = (struct snapshot){.n_rows = rows,
                             .version = version,
                             .n_columns = schema->n,
                             .schema = schema->number,
                             .names = schema->names,
                             .parts = parts,
                             .n_parts = n};
    return h;
}

void held_unref(struct held *h) {
    if (!h || atomic_fetch_sub_explicit(&h->refs, 1, memory_order_acq_rel) > 1)
        return;
    for (uint32_t i = 0; i < h->s.n_parts; i++) {
        segment_unref(h->pieces[i].segment);
        live_unref(h->pieces[i].live);
    }
    schema_unref(h->schema);
    catalog_unref(h->catalog);
    budget_free(h->budget, h, h->bytes);
}

const struct snapshot *table_snapshot(struct table *t) {
    pthread_mutex_lock(&t->lock);
    struct held *h = t->current;
    atomic_fetch_add_explicit(&h->refs, 1, memory_order_relaxed);
    pthread_mutex_unlock(&t->lock);
    table_ref(t);
    return &h->s;
}

void snapshot_unref(const struct snapshot *s) {
    if (!s)
        return;
    struct held *h = (struct held *)(uintptr_t)s; /* const to readers, but counted */
    struct table *t = h->table;
    held_unref(h);
    table_unref(t);
}

uint32_t snapshot_column(const struct snapshot *s, struct str name) {
    return snapshot_column_hashed(s, name, name_hash(name));
}

uint32_t snapshot_column_hashed(const struct snapshot *s, struct str name, uint64_t hash) {
    const struct held *h = (const struct held *)(const void *)s;
    return name.p ? find_hashed(h->schema, name, hash) : NO_TABLE_COLUMN;
}

bool part_chunk(const struct part *p, uint32_t column, const struct chunk **ret) {
    const struct sealed *s;
    bool done = segment_column(p->segment, column, &s);
    *ret = s ? &s->chunk : NULL;
    return done;
}

bool part_has(const struct part *p, uint32_t column) {
    return column < p->segment->n_columns && p->segment->columns[column];
}

bool part_is_made(const struct part *p, uint32_t column) {
    return !part_has(p, column) || segment_made(p->segment, column);
}

uint32_t part_column_seen(const struct part *p, uint32_t column) {
    const struct segment *s = p->segment;
    const struct sealed *c = column < s->n_columns ? s->columns[column] : NULL;
    return c ? c->chunk.seen : SEEN(T_MISSING);
}

size_t part_column_bytes(const struct part *p, uint32_t column) {
    const struct segment *s = p->segment;
    const struct sealed *c = column < s->n_columns ? s->columns[column] : NULL;
    return !c ? 0 : (c->raw ? raw_bytes(c) : c->chunk.bytes) + (c->dict ? dict_bytes(c->dict) : 0);
}

struct held *table_publish(struct table *t, struct held *h) {
    pthread_mutex_lock(&t->lock);
    struct held *before = t->current;
    t->current = h;
    pthread_mutex_unlock(&t->lock);
    return before;
}

/* --- tables --- */

static struct held *empty_held(struct table *t) {
    struct pieces none;
    pieces_init(&none, t->budget);
    struct schema *schema = schema_new(NULL, NULL, 0, 1, t->budget);
    struct catalog *catalog = catalog_new(t->budget);
    struct held *h = schema && catalog ? held_new(t, schema, catalog, &none, 1) : NULL;
    schema_unref(schema);
    catalog_unref(catalog);
    return h;
}

static size_t left(const struct budget *b) {
    size_t used = atomic_load_explicit(&b->used_bytes, memory_order_relaxed);
    return used < b->limit_bytes ? b->limit_bytes - used : 0;
}

enum status table_no_memory(const struct budget *b, struct error *e) {
    if (!b || b->limit_bytes == 0)
        return error_set(e, E_MEMORY, "out of memory");
    const struct budget *whole = b->whole ? b->whole : b;
    size_t least = left(b) < left(whole) ? left(b) : left(whole);
    error_set(e, E_MEMORY,
              "out of memory: more is needed than the %zu bytes that are left to tables, "
              "which have %zu; memory_bytes is %zu",
              least, atomic_load_explicit(&b->used_bytes, memory_order_relaxed),
              whole->limit_bytes);
    if (e)
        e->limit = b->limit_bytes;
    return E_MEMORY;
}

struct table *table_new(struct str key, const struct limits *limits, struct budget *budget) {
    size_t bytes = sizeof(struct table) + key.n + 1;
    struct table *t = budget_realloc(budget, NULL, 0, bytes);
    if (!t)
        return NULL;
    *t = (struct table){.limits = limits, .budget = budget};
    atomic_init(&t->refs, 1);
    if (key.p) {
        char *copy = (char *)(t + 1);
        memcpy(copy, key.p, key.n);
        copy[key.n] = '\0';
        t->key = (struct str){copy, key.n};
    }
    index_init(&t->index, budget);
    t->current = empty_held(t);
    if (!t->current) {
        budget_free(budget, t, bytes);
        return NULL;
    }
    pthread_mutex_init(&t->lock, NULL);
    pthread_mutex_init(&t->writing, NULL);
    return t;
}

void table_ref(struct table *t) { atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed); }

void table_unref(struct table *t) {
    if (!t || atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) > 1)
        return;
    held_unref(t->current);
    index_done(&t->index);
    pthread_mutex_destroy(&t->lock);
    pthread_mutex_destroy(&t->writing);
    budget_free(t->budget, t, sizeof *t + t->key.n + 1);
}

struct str table_key(const struct table *t) {
    return t->key;
}

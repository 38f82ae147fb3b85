/* See table.h and segment.h: the cells of paths inside nested values.
 *
 * Each path of a column has an entry in the catalog, with the dictionary that all segments' chunks
 * of it share. A segment keeps its derived chunks in a list. Chunks are made without a lock; of two
 * threads that make the same one, the second drops its own. */
#include "table/raw.h"
#include "table/store.h"

struct path_dict {
    struct path_dict *next;
    size_t bytes;
    uint32_t column;
    struct path path; /* in this block */
    struct shared_dict shared;
};

struct derived {
    struct derived *next;
    const struct path_dict *path;
    struct sealed *sealed;
};

void derived_free(struct derived *d) {
    while (d) {
        struct derived *next = d->next;
        struct budget *budget = d->sealed->budget;
        sealed_free(d->sealed);
        budget_free(budget, d, sizeof *d);
        d = next;
    }
}

size_t derived_bytes(const struct derived *d) {
    size_t bytes = 0;
    for (; d; d = d->next)
        bytes += sizeof *d + d->sealed->chunk.bytes;
    return bytes;
}

void paths_free(struct path_dict *p, struct budget *budget) {
    while (p) {
        struct path_dict *next = p->next;
        shared_dict_done(&p->shared, budget);
        budget_free(budget, p, p->bytes);
        p = next;
    }
}

size_t paths_bytes(struct catalog *c) {
    size_t bytes = 0;
    pthread_mutex_lock(&c->lock);
    for (struct path_dict *p = c->paths; p; p = p->next) {
        shared_dict_lock(&p->shared);
        bytes += p->bytes + (p->shared.dict ? dict_bytes(p->shared.dict) : 0);
        shared_dict_unlock(&p->shared);
    }
    pthread_mutex_unlock(&c->lock);
    return bytes;
}

/* --- the entries --- */

static struct path_dict *path_new(uint32_t column, struct path path, struct budget *budget) {
    size_t bytes = sizeof(struct path_dict) + path.n * sizeof(struct path_step);
    for (uint32_t i = 0; i < path.n; i++)
        bytes += path.steps[i].key.n + 1;
    struct path_dict *p = budget_realloc(budget, NULL, 0, bytes);
    if (!p)
        return NULL;
    struct path_step *steps = (struct path_step *)(void *)(p + 1);
    char *text = (char *)(steps + path.n);
    for (uint32_t i = 0; i < path.n; i++) {
        struct str key = path.steps[i].key;
        steps[i] = path.steps[i];
        if (!key.p)
            continue;
        memcpy(text, key.p, key.n);
        text[key.n] = '\0';
        steps[i].key.p = text;
        text += key.n + 1;
    }
    *p = (struct path_dict){.bytes = bytes, .column = column, .path = {steps, path.n}};
    shared_dict_init(&p->shared);
    return p;
}

/* The entry of a path, made at its first use; under the catalog's lock. NULL: no memory. */
static struct path_dict *path_entry(struct catalog *c, uint32_t column, struct path path) {
    for (struct path_dict *p = c->paths; p; p = p->next)
        if (p->column == column && path_eq(p->path, path))
            return p;
    struct path_dict *p = path_new(column, path, c->budget);
    if (p) {
        p->next = c->paths;
        c->paths = p;
    }
    return p;
}

static struct sealed *find_derived(const struct segment *s, const struct path_dict *path) {
    for (const struct derived *d = *s->derived; d; d = d->next)
        if (d->path == path)
            return d->sealed;
    return NULL;
}

/* --- making --- */

static bool put(struct cells *c, uint32_t row, struct value v) {
    return v.type == T_MISSING || cells_put(c, row, v);
}

/* The chunk of a path that no row of a segment has. */
static struct sealed *none(const struct segment *s) {
    struct cells c;
    cells_init(&c, s->catalog->budget);
    struct sealed *made = cells_seal(&c, s->n);
    cells_done(&c);
    return made;
}

/* What a path finds in each value of a dictionary that the chunk has, once. */
static bool derive_codes(struct cells *c, const struct chunk *k, struct path path) {
    uint32_t n = dict_count(k->dict);
    struct value *found = budget_realloc(c->budget, NULL, 0, n * sizeof *found);
    bool done = found != NULL;
    for (uint32_t code = 0; done && code < n; code++)
        found[code].type = T_COUNT; /* not looked up yet */
    for (uint32_t row = 0; done && row < k->n; row++) {
        if (!bits_get(k->valid, row))
            continue;
        uint32_t code = chunk_code(k, row);
        if (found[code].type == T_COUNT)
            found[code] = path_lookup(dict_value(k->dict, code), path);
        done = put(c, row, found[code]);
    }
    budget_free(c->budget, found, n * sizeof *found);
    return done;
}

static bool derive_rows(struct cells *c, const struct chunk *k, struct path path) {
    for (uint32_t row = 0; row < k->n; row++)
        if (!put(c, row, path_lookup(chunk_value(k, row), path)))
            return false;
    return true;
}

/* From what the column is still made of, if that is enough; else *ret_done is false. */
static struct sealed *derive_raw(const struct segment *s, struct path_dict *entry, bool *ret_done) {
    const struct sealed *column = entry->column < s->n_columns ? s->columns[entry->column] : NULL;
    const struct array *a = column && column->raw ? raw_hold(column) : NULL;
    struct sealed *made = NULL;
    struct stretch found;
    struct array room;
    if (a) {
        enum raw_path how = raw_path(a, s->n, entry->path, &found, &room);
        *ret_done = how != RAW_PATH_OTHER;
        if (how == RAW_PATH_FOUND)
            made = raw_make_apart(&found, &entry->shared, s->catalog->budget);
        else if (how == RAW_PATH_NONE)
            made = none(s);
        raw_release(column);
    }
    return made;
}

static struct sealed *derive(const struct segment *s, struct path_dict *entry) {
    const struct sealed *from;
    bool is_raw = false;
    struct sealed *raw = derive_raw(s, entry, &is_raw);
    if (is_raw)
        return raw;
    if (!segment_column(s, entry->column, &from))
        return NULL;
    struct cells c;
    cells_init(&c, s->catalog->budget);
    bool done = true;
    if (from && (from->chunk.seen & (SEEN(T_ARRAY) | SEEN(T_MAP))))
        done = from->chunk.kind == CHUNK_CODES ? derive_codes(&c, &from->chunk, entry->path)
                                               : derive_rows(&c, &from->chunk, entry->path);
    struct sealed *made = done ? cells_seal(&c, s->n) : NULL;
    if (made) {
        struct code_map map = {0};
        done = sealed_share(&made, &entry->shared, &map, c.dropped);
        code_map_done(&map, s->catalog->budget);
    }
    cells_done(&c);
    if (done)
        return made;
    sealed_free(made);
    return NULL;
}

/* Keeps a chunk with the segment; gives the one that is there already instead. */
static struct sealed *keep(const struct segment *s, const struct path_dict *entry,
                           struct sealed *made) {
    struct catalog *catalog = s->catalog;
    struct derived *d = budget_realloc(catalog->budget, NULL, 0, sizeof *d);
    if (!d) {
        sealed_free(made);
        return NULL;
    }
    *d = (struct derived){.path = entry, .sealed = made};
    pthread_mutex_lock(&catalog->lock);
    struct sealed *other = find_derived(s, entry);
    if (!other) {
        d->next = *s->derived;
        *s->derived = d;
    }
    pthread_mutex_unlock(&catalog->lock);
    if (!other)
        return made;
    derived_free(d);
    return other;
}

const struct chunk *part_path_chunk(const struct part *p, uint32_t column, struct path inside) {
    const struct segment *s = p->segment;
    pthread_mutex_lock(&s->catalog->lock);
    struct path_dict *entry = path_entry(s->catalog, column, inside);
    struct sealed *found = entry ? find_derived(s, entry) : NULL;
    pthread_mutex_unlock(&s->catalog->lock);
    if (!entry)
        return NULL;
    if (!found) {
        found = derive(s, entry);
        found = found ? keep(s, entry, found) : NULL;
    }
    return found ? &found->chunk : NULL;
}

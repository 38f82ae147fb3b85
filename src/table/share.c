/* See store.h: from private dictionaries to shared ones. */
#include "table/store.h"

void code_map_done(struct code_map *m, struct budget *budget) {
    budget_free(budget, m->codes, m->n * sizeof *m->codes);
    *m = (struct code_map){0};
}

static bool make_map(struct code_map *m, uint32_t n, struct budget *budget) {
    if (m->codes)
        return true;
    m->codes = budget_realloc(budget, NULL, 0, n * sizeof *m->codes);
    if (!m->codes)
        return false;
    memset(m->codes, 0xFF, n * sizeof *m->codes);
    m->n = n;
    return true;
}

/* The shared code of a private one. Values that would make the dictionary too large: *full. */
static bool map_code(struct code_map *m, uint32_t code, const struct dict *from, struct dict *to,
                     bool may_fill, bool *full) {
    if (m->codes[code] != UINT32_MAX)
        return true;
    struct value v = dict_value(from, code);
    if (!may_fill && dict_count(to) >= DICT_MOST && !dict_has(to, v, &m->codes[code])) {
        *full = true;
        return true;
    }
    return dict_add(to, v, &m->codes[code]);
}

/* The chunk's cells again, without a dictionary or with codes of `to`. */
static bool remake(struct sealed **s, const struct code_map *m, struct dict *to) {
    const struct chunk *old = &(*s)->chunk;
    struct cells c;
    cells_init(&c, (*s)->budget);
    bool done = true;
    if (to) {
        c.form = CELLS_CODES;
        c.dict = dict_ref(to);
        done = cells_room(&c, old->n);
    } else {
        c.plain = 1;
    }
    for (uint32_t row = 0; done && row < old->n; row++) {
        bool valid = bits_get(old->valid, row);
        if (!to || !valid) {
            done = cells_put(&c, row, chunk_value(old, row));
            continue;
        }
        c.len[c.n++] = m->codes[chunk_code(old, row)];
        done = cells_mark(&c, row, 1, true, true);
    }
    c.types = old->seen & ~SEEN_NONE;
    struct sealed *made = done ? cells_seal(&c, old->n) : NULL;
    if (made) {
        sealed_free(*s);
        *s = made;
    }
    cells_done(&c);
    return made != NULL;
}

bool sealed_share(struct sealed **s, struct shared_dict *shared, struct code_map *map,
                  uint32_t dropped) {
    if ((*s)->chunk.kind != CHUNK_CODES)
        return true;
    pthread_mutex_lock(&shared->lock);
    bool done = sealed_share_locked(s, shared, map, dropped);
    pthread_mutex_unlock(&shared->lock);
    return done;
}

bool sealed_share_locked(struct sealed **s, struct shared_dict *shared, struct code_map *map,
                         uint32_t dropped) {
    const struct chunk *c = &(*s)->chunk;
    struct dict *from = (*s)->dict;
    if (c->kind != CHUNK_CODES || from == shared->dict)
        return true;
    uint32_t n = dict_count(from);
    if (!shared->dict) { /* the first: it becomes the shared one, unless much of it is unused */
        shared->dict = dropped <= n / 2 ? dict_ref(from) : dict_new((*s)->budget);
        map->is_same = shared->dict == from;
    }
    if (!shared->dict)
        return false;
    if (map->is_same)
        return true;
    uint64_t bytes = 0; /* that the values would take one by one */
    for (uint32_t row = 0; row < c->n; row++)
        if (bits_get(c->valid, row))
            bytes += dict_value(from, chunk_code(c, row)).n;
    bool full = false, done = make_map(map, n, (*s)->budget);
    for (uint32_t row = 0; done && row < c->n; row++)
        if (bits_get(c->valid, row))
            done = map_code(map, chunk_code(c, row), from, shared->dict, bytes > TEXT_MOST, &full);
    return done && remake(s, map, full ? NULL : shared->dict);
}

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
        for (uint32_t row = 0; done && row < old->n; row++)
            if (bits_get(old->valid, row))
                c.len[c.n++] = m->codes[chunk_code(old, row)];
        done = done && cells_mark_bits(&c, 0, old->n, old->valid, old->present);
    } else {
        c.plain = 1;
        for (uint32_t row = 0; done && row < old->n; row++)
            done = cells_put(&c, row, chunk_value(old, row));
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

/* Bytes that the values of a chunk would take one by one. */
static uint64_t value_bytes_of(const struct chunk *c) {
    uint64_t bytes = 0;
    for (uint32_t row = 0; row < c->n; row++)
        if (bits_get(c->valid, row))
            bytes += dict_value(c->dict, chunk_code(c, row)).n;
    return bytes;
}

/* The shared codes of all that the chunk has. Under the lock. *ret_to: whose codes they are, with a
 * reference; NULL: there would be too many, or (*ret_same) they are shared ones already. */
static bool map_codes(const struct chunk *c, struct dict *from, struct shared_dict *shared,
                      struct code_map *map, uint32_t dropped, struct budget *budget,
                      struct dict **ret_to, bool *ret_same) {
    uint32_t n = dict_count(from);
    *ret_to = NULL;
    if (!shared->dict) { /* the first: it becomes the shared one, unless much of it is unused */
        shared->dict = dropped <= n / 2 ? dict_ref(from) : dict_new(budget);
        map->is_same = shared->dict == from;
    }
    if (!shared->dict)
        return false;
    *ret_same = map->is_same || from == shared->dict;
    if (*ret_same)
        return true;
    bool may_fill = dict_count(shared->dict) + n < DICT_MOST || value_bytes_of(c) > TEXT_MOST;
    bool full = false, done = make_map(map, n, budget);
    for (uint32_t row = 0; done && !full && row < c->n; row++)
        if (bits_get(c->valid, row)) {
            done = map_code(map, chunk_code(c, row), from, shared->dict, may_fill, &full);
            shared_dict_give_way(shared);
        }
    shared->is_used = true;
    *ret_to = done && !full ? dict_ref(shared->dict) : NULL;
    return done;
}

bool sealed_share(struct sealed **s, struct shared_dict *shared, struct code_map *map,
                  uint32_t dropped) {
    struct dict *to;
    bool is_same = false;
    if ((*s)->chunk.kind != CHUNK_CODES)
        return true;
    shared_dict_lock(shared);
    bool done =
        map_codes(&(*s)->chunk, (*s)->dict, shared, map, dropped, (*s)->budget, &to, &is_same);
    shared_dict_unlock(shared);
    done = done && (is_same || remake(s, map, to));
    dict_unref(to);
    return done;
}

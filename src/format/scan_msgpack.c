/* See scan.h: fields at any depth. The members of the row itself, where most are, go through
 * scan_row.c. */
#include "format/scan_keys.h"
#include "format/scan_one.h"
#include "value/mp.h"

#define ROW_KEYS   256u   /* keys remembered of a row ... */
#define INNER_KEYS 16u    /* ... and of a map inside it ... */
#define MOST_KEYS  65536u /* ... and in all: maps beyond that are read without a memory of keys */

struct level {
    const struct field *field;
    uint32_t left;  /* elements or pairs still to come */
    uint32_t index; /* of the next one */
    bool is_map;
};

bool scanner_init(struct scanner *s, struct arena *a, const struct fields *fields,
                  uint32_t depth_limit, uint32_t fields_limit) {
    *s = (struct scanner){
        .fields = fields,
        .depth_limit = depth_limit < MP_DEPTH_MOST ? depth_limit : MP_DEPTH_MOST,
        .fields_limit = fields_limit,
    };
    s->shapes = arena_array(a, fields->n_nodes, sizeof *s->shapes);
    s->levels = arena_array(a, s->depth_limit + 1u, sizeof *s->levels);
    if (!s->shapes || !s->levels)
        return false;
    uint32_t keys = 0;
    for (uint32_t i = 0; i < fields->n_nodes; i++) {
        struct shape *shape = &s->shapes[i];
        uint32_t cap = i == 0 ? ROW_KEYS : INNER_KEYS;
        *shape = (struct shape){0};
        if (fields->nodes[i]->n_names == 0 || keys + cap > MOST_KEYS)
            continue;
        shape->keys = arena_array(a, cap, sizeof *shape->keys);
        if (!shape->keys)
            return false;
        shape->cap = cap;
        keys += cap;
    }
    return true;
}

void scanner_forget(struct scanner *s) {
    for (uint32_t i = 0; i < s->fields->n_nodes; i++)
        s->shapes[i].known = s->shapes[i].lost = 0;
}

/* The key at p of the map that l is in: likely to be the one that was at this place before. */
static inline const uint8_t *match_key(struct scanner *s, const struct level *l, const uint8_t *p,
                                       const uint8_t *end, uint32_t depth,
                                       const struct field **ret) {
    struct shape *shape = &s->shapes[l->field->id];
    size_t room = (size_t)(end - p);
    if (l->index < shape->known && room >= KEY_WORDS_BYTES) {
        const struct expected *e = &shape->keys[l->index];
        if (expected_begins(e, p) &&
            (e->n <= KEY_WORDS_BYTES || (room >= e->n && expected_ends(e, p)))) {
            *ret = e->field;
            return p + e->n;
        }
    }
    const uint8_t *next = scan_read_key(s, l->field, p, end, depth, ret);
    if (next && l->index < shape->cap) {
        scan_learn(&shape->keys[l->index], p, (size_t)(next - p), end, *ret);
        if (l->index >= shape->known)
            shape->known = l->index + 1; /* all before were learnt or met in this map */
    }
    return next;
}

/* Before a wanted container is (re-)entered: an earlier one under an equal key no longer counts. */
static void clear_below(const struct field *f, struct block *b, uint32_t row) {
    for (uint32_t i = 0; i < f->n_slots; i++)
        b->columns[f->slots[i]].tag[row] = T_MISSING;
}

/* The value at p for a node with children: opens a level if they can be in it, and steps over it if
 * not. */
static const uint8_t *enter(struct scanner *s, const struct field *f, const uint8_t *p,
                            const uint8_t *end, uint32_t *depth, uint32_t base, struct block *b,
                            uint32_t row) {
    clear_below(f, b, row);
    if (p == end)
        return scan_fail(s, E_ROW_TRUNCATED, p);
    if (f->slot != NO_SLOT && !scan_take(s, p, end, *depth, &b->columns[f->slot], row))
        return NULL;
    uint32_t n;
    bool map;
    const uint8_t *body;
    s->status = E_OK;
    if (!open_container(s, p, end, &n, &map, &body))
        return s->status != E_OK ? NULL : scan_skip(s, p, end, *depth);
    if ((map ? f->n_names : f->n_indexes) == 0 || n == 0)
        return scan_skip(s, p, end, *depth);
    if (*depth >= s->depth_limit)
        return scan_fail(s, E_ROW_TOO_DEEP, p);
    s->levels[*depth - base] = (struct level){.field = f, .left = n, .is_map = map};
    ++*depth;
    return body;
}

const uint8_t *scan_value(struct scanner *s, const struct field *field, const uint8_t *p,
                          const uint8_t *end, uint32_t base, struct block *b, uint32_t row) {
    uint32_t depth = base;
    if (field && field->n_slots == 0)
        field = NULL;
    for (;;) {
        /* one value, at `field` */
        if (!field)
            p = scan_skip(s, p, end, depth);
        else if (field->n_names + field->n_indexes == 0)
            p = scan_take(s, p, end, depth, &b->columns[field->slot], row);
        else
            p = enter(s, field, p, end, &depth, base, b, row);
        if (!p)
            return NULL;
        /* what comes next */
        while (depth > base && s->levels[depth - base - 1].left == 0)
            depth--;
        if (depth == base)
            return p;
        struct level *l = &s->levels[depth - base - 1];
        l->left--;
        if (l->is_map)
            p = match_key(s, l, p, end, depth, &field);
        else
            field = field_by_index(l->field, l->index);
        if (!p)
            return NULL;
        l->index++;
    }
}

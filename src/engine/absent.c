/* See absent.h. */
#include "engine/absent.h"

#include "base/spell.h"
#include "value/mp.h"

/* What is looked at at most, so that hostile rows cost little: rows, and keys of a map. */
#define SAMPLE_ROWS 4u
#define SAMPLE_KEYS 128u

struct candidate {
    struct str name, best;
    unsigned distance;
};

static void consider(struct candidate *c, struct str key) {
    unsigned distance = spell_distance(c->name, key);
    if (distance < c->distance && !str_eq(c->name, key)) {
        c->distance = distance;
        c->best = key;
    }
}

/* The map in which the last step of the path should be. */
static void look_into(struct candidate *c, struct value row, struct path p) {
    struct value map = path_lookup(row, (struct path){p.steps, p.n - 1});
    struct mp_reader r;
    uint32_t n;
    if (map.type != T_MAP)
        return;
    mp_enter(&r, map, &n);
    for (uint32_t i = 0; i < n && i < SAMPLE_KEYS && r.status == E_OK; i++) {
        struct value key = mp_read_value(&r);
        mp_skip(&r);
        if (key.type == T_STR)
            consider(c, value_as_str(key));
    }
}

static struct value row_value(const struct span *s) {
    struct mp_reader r;
    mp_reader_init(&r, s->p, s->n, MP_DEPTH_MOST);
    return mp_read_value(&r);
}

static void add(struct absent *a, uint32_t slot, struct path p, const struct block *b, uint32_t n) {
    struct str name = p.steps[p.n - 1].key;
    struct candidate c = {.name = name, .distance = spell_too_far(name.n)};
    if (!name.p)
        return;
    for (uint32_t row = 0; row < n && row < SAMPLE_ROWS; row++)
        look_into(&c, row_value(&b->spans[row]), p);
    if (!c.best.p)
        return;
    struct absent_field *field = &a->fields[a->n++];
    field->slot = slot;
    error_text(field->suggestion, sizeof field->suggestion, c.best.p, c.best.n);
}

static bool is_absent(const struct block *b, uint32_t slot) {
    return (b->columns[slot].seen & ~SEEN(T_MISSING)) == 0;
}

void absent_look(struct absent *a, const struct plan *p, const struct block *b, uint32_t n,
                 bool has_bytes) {
    if (a->sampled) {
        uint32_t kept = 0;
        for (uint32_t i = 0; i < a->n; i++)
            if (is_absent(b, a->fields[i].slot))
                a->fields[kept++] = a->fields[i];
        a->n = kept;
        return;
    }
    a->sampled = true;
    if (!has_bytes || n == 0 || row_value(&b->spans[0]).type != T_MAP)
        return;
    uint32_t slots = plan_fields(p)->n_slots;
    for (uint32_t i = 0; i < slots && a->n < ABSENT_MOST; i++)
        if (is_absent(b, i))
            add(a, i, plan_path(p, i), b, n);
}

uint32_t absent_warnings(const struct absent *a, const struct plan *p, struct warning *ret,
                         uint32_t room) {
    uint32_t n = a->n < room ? a->n : room;
    for (uint32_t i = 0; i < n; i++) {
        const struct absent_field *f = &a->fields[i];
        const struct node *node = plan_path_node(p, f->slot);
        struct path path = plan_path(p, f->slot);
        struct str name = path.steps[path.n - 1].key;
        ret[i] = (struct warning){.code = W_FIELD_ABSENT,
                                  .pos = node ? node->pos : ERROR_NONE,
                                  .length = node ? node->length : 0};
        memcpy(ret[i].suggestion, f->suggestion, sizeof ret[i].suggestion);
        error_text(ret[i].near_text, sizeof ret[i].near_text, name.p, name.n);
    }
    return n;
}

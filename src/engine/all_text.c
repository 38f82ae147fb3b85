/* See all_text.h. */
#include "engine/all_text.h"

static bool is_other(uint32_t seen) { return (seen & ~(SEEN_NONE | SEEN(T_STR))) != 0; }

static void begin(struct all_text *a, const struct plan *p) {
    uint32_t slots = plan_fields(p)->n_slots;
    a->begun = true;
    for (uint32_t i = 0; i < slots && a->n < ALL_TEXT_MOST; i++)
        if (plan_meant_no_text(p, i)) {
            a->fields[a->n].slot = i;
            a->fields[a->n++].met = false;
        }
}

void all_text_look(struct all_text *a, const struct plan *p, const struct block *b) {
    uint32_t kept = 0;
    if (!a->begun)
        begin(a, p);
    for (uint32_t i = 0; i < a->n; i++) {
        uint32_t seen = b->columns[a->fields[i].slot].seen;
        if (is_other(seen))
            continue;
        a->fields[kept] = a->fields[i];
        a->fields[kept++].met |= (seen & SEEN(T_STR)) != 0;
    }
    a->n = kept;
}

void all_text_join(struct all_text *a, const struct all_text *b) {
    uint32_t kept = 0;
    if (!b->begun)
        return;
    if (!a->begun) {
        *a = *b;
        return;
    }
    for (uint32_t i = 0, k = 0; i < a->n; i++) { /* both are in the order of slots */
        while (k < b->n && b->fields[k].slot < a->fields[i].slot)
            k++;
        if (k == b->n || b->fields[k].slot != a->fields[i].slot)
            continue;
        a->fields[kept] = a->fields[i];
        a->fields[kept++].met |= b->fields[k].met;
    }
    a->n = kept;
}

static struct warning warning_of(const struct plan *p, uint32_t slot) {
    const struct node *n = plan_meant_no_text(p, slot);
    struct path path = plan_path(p, slot);
    struct str name = path.steps[path.n - 1].key;
    struct warning w = {.code = W_ALL_TEXT, .pos = n->pos, .length = n->length};
    error_text(w.near_text, sizeof w.near_text, name.p, name.n);
    return w;
}

uint32_t all_text_warnings(const struct all_text *a, const struct plan *p, struct warning *ret,
                           uint32_t room) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < a->n && n < room; i++)
        if (a->fields[i].met)
            ret[n++] = warning_of(p, a->fields[i].slot);
    return n;
}

static bool is_all_text(const struct snapshot *s, uint32_t column) {
    uint32_t seen = 0;
    for (uint32_t i = 0; i < s->n_parts && !is_other(seen); i++) {
        seen |= part_column_seen(&s->parts[i], column);
    }
    return (seen & SEEN(T_STR)) && !is_other(seen);
}

uint32_t all_text_columns(const struct plan *p, const struct snapshot *s, struct warning *ret,
                          uint32_t room) {
    uint32_t n = 0, slots = plan_fields(p)->n_slots;
    for (uint32_t i = 0; i < slots && n < room; i++) {
        struct path path = plan_path(p, i);
        if (!plan_meant_no_text(p, i) || path.n > 1)
            continue;
        uint32_t column = snapshot_column_hashed(s, path.steps[0].key, plan_path_hash(p, i));
        if (column != NO_TABLE_COLUMN && is_all_text(s, column))
            ret[n++] = warning_of(p, i);
    }
    return n;
}

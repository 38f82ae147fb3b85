/* See absent.h. */
#include "engine/absent.h"

#include "base/spell.h"
#include "format/json_keys.h"
#include "value/mp.h"

/* What is looked at at most, so that hostile rows cost little: rows, their bytes where those are
 * looked through, and names of a map or of columns. */
#define SAMPLE_ROWS  4u
#define SAMPLE_BYTES 65536u
#define SAMPLE_KEYS  128u

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

static struct path above(struct path p) { return (struct path){p.steps, p.n - 1}; }

/* --- msgpack --- */

static struct value row_value(const struct span *s) {
    struct mp_reader r;
    mp_reader_init(&r, s->p, s->n, MP_DEPTH_MOST);
    return mp_read_value(&r);
}

/* The map in which the last step of the path should be. */
static void look_into_msgpack(struct candidate *c, const struct span *row, struct path p) {
    struct value map = path_lookup(row_value(row), above(p));
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

/* --- JSON --- */

/* What stands in the text under one step; of equal keys the last. False: nothing. */
static bool json_step(struct str text, const struct path_step *step, struct str *ret) {
    struct json_items items;
    struct json_item item;
    bool found = false;
    if (!json_enter(text, &items) || items.is_object != (step->key.p != NULL))
        return false;
    for (uint32_t i = 0; json_item_next(&items, &item); i++) {
        if (items.is_object ? !str_eq(item.key, step->key) : i != step->index)
            continue;
        *ret = item.value;
        found = true;
        if (!items.is_object)
            break;
    }
    return found;
}

static void look_into_json(struct candidate *c, const struct span *row, struct path p) {
    struct str text = {(const char *)row->p, row->n};
    struct json_items items;
    struct json_item item;
    if (text.n > SAMPLE_BYTES)
        return;
    for (uint32_t i = 0; i + 1 < p.n; i++)
        if (!json_step(text, &p.steps[i], &text))
            return;
    if (!json_enter(text, &items) || !items.is_object)
        return;
    for (uint32_t i = 0; i < SAMPLE_KEYS && json_item_next(&items, &item); i++)
        if (!memchr(item.key.p, '\\', item.key.n)) /* else it is another name than it looks */
            consider(c, item.key);
}

/* --- all of them --- */

static void look_into_columns(struct candidate *c, const struct reader *r, struct path p) {
    uint32_t n;
    const struct str *columns = reader_columns(r, &n);
    for (uint32_t i = 0; p.n == 1 && i < n && i < SAMPLE_KEYS; i++)
        consider(c, columns[i]);
}

static bool tells_names(const struct block *b, const struct absent_names *names) {
    if (names->format == FORMAT_CSV)
        return names->reader != NULL;
    return names->in_rows &&
           (names->format == FORMAT_JSONL || row_value(&b->spans[0]).type == T_MAP);
}

/* A name like that of the path, if the rows tell names; best.p NULL: none. */
static struct candidate alike(struct path p, const struct block *b, uint32_t n,
                              const struct absent_names *names) {
    struct str name = p.steps[p.n - 1].key;
    struct candidate c = {.name = name, .distance = spell_too_far(name.n)};
    if (!name.p || !tells_names(b, names))
        return c;
    if (names->format == FORMAT_CSV)
        look_into_columns(&c, names->reader, p);
    for (uint32_t row = 0; names->format != FORMAT_CSV && row < n && row < SAMPLE_ROWS; row++)
        (names->format == FORMAT_JSONL ? look_into_json : look_into_msgpack)(&c, &b->spans[row], p);
    return c;
}

static void add(struct absent *a, uint32_t slot, const struct plan *p, const struct block *b,
                uint32_t n, const struct absent_names *names) {
    struct candidate c = alike(plan_path(p, slot), b, n, names);
    if (!c.best.p && !plan_meant_text(p, slot))
        return;
    struct absent_field *field = &a->fields[a->n++];
    field->slot = slot;
    field->code = c.best.p ? W_FIELD_ABSENT : W_FIELD_AS_TEXT;
    error_text(field->suggestion, sizeof field->suggestion, c.best.p, c.best.n);
}

static bool is_absent(const struct block *b, uint32_t slot) {
    const struct column *c = &b->columns[slot];
    return !c->deferred && (c->seen & ~SEEN(T_MISSING)) == 0;
}

void absent_look(struct absent *a, const struct plan *p, const struct block *b, uint32_t n,
                 const struct absent_names *names) {
    if (a->sampled) {
        uint32_t kept = 0;
        for (uint32_t i = 0; i < a->n; i++)
            if (is_absent(b, a->fields[i].slot))
                a->fields[kept++] = a->fields[i];
        a->n = kept;
        return;
    }
    a->sampled = true;
    if (n == 0)
        return;
    uint32_t slots = plan_fields(p)->n_slots;
    for (uint32_t i = 0; i < slots && a->n < ABSENT_MOST; i++)
        if (is_absent(b, i))
            add(a, i, p, b, n, names);
}

void absent_join(struct absent *a, const struct absent *b) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < a->n; i++)
        for (uint32_t k = 0; k < b->n; k++)
            if (a->fields[i].slot == b->fields[k].slot) {
                a->fields[kept++] = a->fields[i];
                break;
            }
    a->n = kept;
}

static struct warning warning_of(const struct plan *p, uint32_t slot, enum warning_code code) {
    const struct node *n =
        code == W_FIELD_AS_TEXT ? plan_meant_text(p, slot) : plan_path_node(p, slot);
    struct path path = plan_path(p, slot);
    struct str name = path.steps[path.n - 1].key;
    struct warning w = {.code = code, .pos = n ? n->pos : ERROR_NONE, .length = n ? n->length : 0};
    error_text(w.near_text, sizeof w.near_text, name.p, name.n);
    return w;
}

uint32_t absent_warnings(const struct absent *a, const struct plan *p, struct warning *ret,
                         uint32_t room) {
    uint32_t n = a->n < room ? a->n : room;
    for (uint32_t i = 0; i < n; i++) {
        const struct absent_field *f = &a->fields[i];
        ret[i] = warning_of(p, f->slot, f->code);
        memcpy(ret[i].suggestion, f->suggestion, sizeof ret[i].suggestion);
    }
    return n;
}

/* The name of a column that is like that of the path; best.p NULL: none. */
static struct candidate alike_column(struct path p, const struct snapshot *s) {
    struct str name = p.steps[0].key;
    struct candidate c = {.name = name, .distance = spell_too_far(name.n)};
    for (uint32_t i = 0; i < s->n_columns && i < SAMPLE_KEYS; i++)
        if (s->names[i].p)
            consider(&c, s->names[i]);
    return c;
}

uint32_t absent_columns(const struct plan *p, const struct snapshot *s, struct warning *ret,
                        uint32_t room) {
    uint32_t n = 0;
    for (uint32_t i = 0; s->n_parts > 0 && i < plan_fields(p)->n_slots && n < room; i++) {
        struct path path = plan_path(p, i);
        if (path.n > 1 || !path.steps[0].key.p ||
            snapshot_column_hashed(s, path.steps[0].key, plan_path_hash(p, i)) != NO_TABLE_COLUMN)
            continue;
        struct str best = alike_column(path, s).best;
        if (best.p) {
            ret[n] = warning_of(p, i, W_FIELD_ABSENT);
            error_text(ret[n].suggestion, sizeof ret[n].suggestion, best.p, best.n);
            n++;
        } else if (plan_meant_text(p, i)) {
            ret[n++] = warning_of(p, i, W_FIELD_AS_TEXT);
        }
    }
    return n;
}

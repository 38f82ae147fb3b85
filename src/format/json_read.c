/* One JSON object: over its structural characters, the wanted fields into a block. See json.h.
 *
 * Every character of the structure is held to the grammar, also in parts that nobody wants, and
 * what stands between two of them must be one scalar, or nothing, as the grammar has it. Iterative.
 * The last of equal names wins.
 *
 * Rows usually repeat their names in one order: those of the row before are remembered as text, and
 * one that comes where it is expected is recognised by two word comparisons. */
#include "format/json.h"
#include "value/mp.h"

#include <string.h>

#define ROW_KEYS   256u   /* names remembered of a row ... */
#define INNER_KEYS 16u    /* ... of an object inside it ... */
#define MOST_KEYS  16384u /* ... and in all */
#define NO_KEY     UINT32_MAX

bool json_shapes_init(struct reader *r) {
    struct json_reader *j = r->state;
    uint32_t keys = 0;
    j->shapes = arena_array(r->arena, r->fields->n_nodes, sizeof *j->shapes);
    if (!j->shapes)
        return false;
    for (uint32_t i = 0; i < r->fields->n_nodes; i++) {
        struct json_shape *shape = &j->shapes[i];
        uint32_t cap = i == 0 ? ROW_KEYS : INNER_KEYS;
        *shape = (struct json_shape){0};
        if (r->fields->nodes[i]->n_names == 0 || keys + cap > MOST_KEYS)
            continue;
        shape->keys = arena_zero(r->arena, cap * sizeof *shape->keys);
        if (!shape->keys)
            return false;
        for (uint32_t k = 0; k < cap; k++)
            shape->keys[k].n = NO_KEY;
        shape->end = shape->keys + cap;
        keys += cap;
    }
    return true;
}

/* --- names --- */

static inline uint64_t load64(const uint8_t *p) {
    uint64_t w;
    memcpy(&w, p, 8);
    return w;
}

/* Remembers a name. */
static void learn(struct json_key *k, const uint8_t *p, size_t n, const struct field *field) {
    uint8_t first[8] = {0}, mask[8] = {0};
    *k = (struct json_key){.n = n <= KEY_BYTES ? (uint32_t)n : NO_KEY, .field = field};
    if (k->n == NO_KEY)
        return;
    memcpy(first, p, n < 8 ? n : 8);
    memset(mask, 0xFF, n < 8 ? n : 8);
    k->first = load64(first);
    k->first_mask = load64(mask);
    if (n < 8)
        return;
    k->tail = load64(p + n - 8);
    k->tail_mask = UINT64_MAX;
    if (n > 16)
        memcpy(k->middle, p + 8, n - 16);
}

/* Whether a name is the remembered one. From 7 bytes before p to 7 behind it there is input. */
INLINE bool is_key(const struct json_key *k, const uint8_t *p, const uint8_t *end) {
    size_t n = (size_t)(end - p);
    uint64_t differs =
        ((load64(p) ^ k->first) & k->first_mask) | ((load64(end - 8) ^ k->tail) & k->tail_mask);
    return n == k->n && differs == 0 && (n <= 16 || memcmp(p + 8, k->middle, n - 16) == 0);
}

/* The text of one name of the object h, up to its colon, and the child it leads to. False: it is no
 * name. */
static bool read_name(struct reader *r, const struct json_level *h, const uint8_t *p,
                      const uint8_t *end, const struct field **ret) {
    const uint8_t *from = p, *to = end;
    struct value name;
    json_trim(&p, &end);
    if (p == end || *p != '"')
        return reader_fail(r, E_ROW_INVALID, p,
                           p == end ? "a name is missing before the colon"
                                    : "names of JSON have double quotes");
    if (!json_scalar(r, p, end, &name))
        return false;
    *ret = field_by_name(h->field, value_as_str(name));
    if (h->key < h->keys_end)
        learn(h->key, from, (size_t)(to - from), *ret);
    return true;
}

/* A name by what is remembered. */
INLINE bool match_name(struct reader *r, struct json_level *h, const uint8_t *p, const uint8_t *end,
                       const struct field **ret) {
    if (h->key < h->keys_end && r->end - p >= 8 && p - r->start >= 8 && is_key(h->key, p, end)) {
        *ret = h->key->field;
        h->key++;
        return true;
    }
    if (!read_name(r, h, p, end, ret))
        return false;
    h->key += h->key < h->keys_end;
    return true;
}

/* --- values --- */

/* Before a node is given a value: an earlier one under an equal name no longer counts. */
static void clear_below(const struct field *f, struct block *b, uint32_t row) {
    for (uint32_t i = 0; i < f->n_slots; i++)
        b->columns[f->slots[i]].tag[row] = T_MISSING;
}

static bool put_scalar(struct reader *r, const struct field *f, const uint8_t *p,
                       const uint8_t *end, struct block *b, uint32_t row) {
    struct value v;
    if (f->n_names + f->n_indexes > 0)
        clear_below(f, b, row);
    if (f->slot == NO_SLOT)
        return json_scalar_check(r, p, end);
    if (!json_scalar(r, p, end, &v))
        return false;
    column_put(&b->columns[f->slot], row, v);
    return true;
}

static bool put_container(struct reader *r, const struct field *f, const uint8_t *open,
                          const uint8_t *close, struct block *b, uint32_t row) {
    struct value v;
    if (!json_convert(r, open, close + 1, &v))
        return false;
    column_put(&b->columns[f->slot], row, v);
    return true;
}

/* --- the row --- */

static struct json_level level_at(const struct reader *r, const struct field *f,
                                  const uint8_t *open) {
    const struct json_shape *shape = &((struct json_reader *)r->state)->shapes[f->id];
    return (struct json_level){
        .field = f, .open = open, .key = shape->keys, .keys_end = shape->end, .map = *open == '{'};
}

/* A wanted scalar as it usually is. False: at a fault. */
INLINE bool put_usual(struct reader *r, const struct field *f, const uint8_t *p, const uint8_t *end,
                      struct block *b, uint32_t row) {
    struct value v;
    if (f->slot == NO_SLOT || f->n_slots > 1 || !json_value_usual(p, end, r->validate, &v))
        return put_scalar(r, f, p, end, b, row);
    column_put(&b->columns[f->slot], row, v);
    return true;
}

/* Members of an object as they usually are: the name that is expected, a scalar, a comma, and far
 * enough from both ends of the input. Gives the last comma, from where on the rest is done step by
 * step; NULL at a fault. */
INLINE const uint8_t *usual_members(struct reader *r, struct cursor *c, struct json_level *h,
                                    const uint8_t *prev, struct block *b, uint32_t row) {
    const struct json_reader *j = r->state;
    const uint32_t *at = c->at, *far = j->far;
    const uint8_t *base = j->base;
    struct json_key *key = h->key;
    ptrdiff_t left = at < far ? (far - at) / 2 : 0; /* members there may be */
    if (left > h->keys_end - key)
        left = h->keys_end - key;
    if (left > (ptrdiff_t)(r->row_fields - h->count))
        left = r->row_fields - h->count;
    for (; left > 0; left--, key++, at += 2) {
        const uint8_t *colon = base + at[0], *comma = base + at[1];
        if (*colon != ':' || *comma != ',' || !is_key(key, prev + 1, colon))
            break;
        if (key->field) {
            if (!put_usual(r, key->field, colon + 1, comma, b, row))
                return NULL;
        } else if (!json_scalar_usual(colon + 1, comma, r->validate)) {
            break;
        }
        prev = comma;
    }
    h->count += (uint32_t)(key - h->key);
    h->key = key;
    c->at = at;
    return prev;
}

/* The member behind those, if it is an expected one too: a container that nobody wants, or a scalar
 * that is the last. Gives what ends it; NULL at a fault, or (with *ret_none) if it is another one.
 */
INLINE const uint8_t *usual_member(struct reader *r, struct cursor *c, struct json_level *h,
                                   uint32_t depth, const uint8_t *prev, struct block *b,
                                   uint32_t row, bool *ret_none) {
    const struct json_reader *j = r->state;
    const struct json_key *key = h->key;
    *ret_none = true;
    if (j->far - c->at < 2 || key >= h->keys_end || h->count >= r->row_fields)
        return NULL;
    const uint8_t *colon = j->base + c->at[0], *s = j->base + c->at[1];
    if (*colon != ':' || !is_key(key, prev + 1, colon))
        return NULL;
    bool container = opens(*s) && s == colon + 1 && !key->field && depth < r->row_depth;
    if (container) {
        struct skipped skipped = json_skip_container(r, (struct cursor){c->at + 2}, s, depth + 1);
        *ret_none = false;
        if (!skipped.close)
            return NULL;
        *c = skipped.cursor;
        s = json_next(r, c);
        if (!ends_value(*s) || !json_blank(skipped.close + 1, s))
            return json_unexpected(r, s);
    } else {
        if (*s != '}' || (!key->field && !json_scalar_usual(colon + 1, s, r->validate)))
            return NULL;
        *ret_none = false;
        if (key->field && !put_usual(r, key->field, colon + 1, s, b, row))
            return NULL;
        c->at += 2;
    }
    h->key++;
    h->count++;
    return s;
}

/* Leaves the innermost wanted container, h, at its end. False: at a fault. */
static bool leave(struct reader *r, const struct json_level *h, const uint8_t *close,
                  struct block *b, uint32_t row) {
    return h->field->slot == NO_SLOT || put_container(r, h->field, h->open, close, b, row);
}

/* The container at `open` for `child`, inside `depth` others: steps over it, or leaves *ret_close
 * NULL where wanted fields are in it. False: at a fault. */
INLINE bool take_container(struct reader *r, struct cursor *c, uint32_t depth,
                           const struct field *child, const uint8_t *open, struct block *b,
                           uint32_t row, const uint8_t **ret_close) {
    *ret_close = NULL;
    if (depth >= r->row_depth)
        return too_deep(r, open);
    if (child && child->n_names + child->n_indexes > 0) {
        clear_below(child, b, row);
        if ((*open == '{' ? child->n_names : child->n_indexes) > 0)
            return true;
    }
    struct skipped skipped = json_skip_container(r, *c, open, depth + 1);
    *ret_close = skipped.close;
    *c = skipped.cursor;
    return *ret_close &&
           (!child || child->slot == NO_SLOT || put_container(r, child, open, *ret_close, b, row));
}

/* The next value behind prev, with its name in an object, step by step. Gives what ends it; or its
 * opening bracket, when h has become it since wanted fields are in it; NULL at a fault. */
INLINE const uint8_t *next_value(struct reader *r, struct cursor *c, struct json_level *h,
                                 uint32_t *depth, const uint8_t *prev, struct block *b,
                                 uint32_t row) {
    struct json_reader *j = r->state;
    const struct field *child = NULL;
    const uint8_t *s = json_next(r, c), *close;
    if (h->map && *s == ':') {
        if (h->count >= r->row_fields)
            return too_wide(r, prev + 1);
        if (!match_name(r, h, prev + 1, s, &child))
            return NULL;
        prev = s;
        s = json_next(r, c);
    } else if (h->map && !(*s == '}' && *prev == '{')) {
        return json_unexpected(r, s);
    } else if (!h->map) {
        child = field_by_index(h->field, h->count);
    }
    h->count++;
    if (opens(*s)) {
        if (!json_blank(prev + 1, s))
            return json_unexpected(r, s);
        if (!take_container(r, c, *depth, child, s, b, row, &close))
            return NULL;
        if (!close) {
            j->levels[(*depth)++] = *h;
            *h = level_at(r, child, s);
            return s;
        }
        s = json_next(r, c);
        return ends_value(*s) && json_blank(close + 1, s) ? s : json_unexpected(r, s);
    }
    if (!ends_value(*s))
        return json_unexpected(r, s);
    if (*s != ',' && opens(*prev) && json_blank(prev + 1, s))
        return s; /* nothing in it */
    if (*prev == '{')
        return json_unexpected(r, s);
    bool good =
        child ? put_scalar(r, child, prev + 1, s, b, row) : json_scalar_check(r, prev + 1, s);
    return good ? s : NULL;
}

/* A row of which no member is wanted, perhaps the row itself. */
static const uint8_t *read_whole(struct reader *r, struct cursor *c, const uint8_t *open,
                                 struct block *b, uint32_t row) {
    const struct field *root = r->fields->root;
    struct skipped skipped = json_skip_container(r, *c, open, 1);
    *c = skipped.cursor;
    bool good = skipped.close &&
                (root->slot == NO_SLOT || put_container(r, root, open, skipped.close, b, row));
    return good ? skipped.close : NULL;
}

const uint8_t *json_read_object(struct reader *r, struct cursor *cursor, const uint8_t *open,
                                struct block *b, uint32_t row) {
    struct json_reader *j = r->state;
    if (r->fields->root->n_names == 0)
        return read_whole(r, cursor, open, b, row);
    struct cursor c = *cursor;
    struct json_level h = level_at(r, r->fields->root, open);
    const uint8_t *prev = open;
    uint32_t depth = 1;
    bool far = open - r->start >= 8;
    for (;;) {
        const uint8_t *s = NULL;
        bool none = true;
        if (far && h.map) {
            prev = usual_members(r, &c, &h, prev, b, row);
            if (prev)
                s = usual_member(r, &c, &h, depth, prev, b, row, &none);
            if (!s && !(prev && none))
                return NULL;
        }
        if (none) {
            s = next_value(r, &c, &h, &depth, prev, b, row);
            if (!s)
                return NULL;
            if (opens(*s)) { /* it has been entered */
                prev = s;
                continue;
            }
        }
        while (*s != ',') {
            if (*s != (h.map ? '}' : ']'))
                return json_unexpected(r, s);
            if (!leave(r, &h, s, b, row))
                return NULL;
            if (--depth == 0) {
                *cursor = c;
                return s;
            }
            h = j->levels[depth];
            prev = s;
            s = json_next(r, &c);
            if (!ends_value(*s) || !json_blank(prev + 1, s))
                return json_unexpected(r, s);
        }
        prev = s;
    }
}

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
#define FAR_BYTES  64u /* more than are read beyond where something begins */

#define INLINE static inline __attribute__((always_inline))

const uint8_t JSON_NOTHING[1] = {0};

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

/* --- faults --- */

static const uint8_t *fail(struct reader *r, const uint8_t *at, const char *why) {
    return reader_fail(r, E_ROW_INVALID, at, why);
}

const uint8_t *json_ended(struct reader *r) {
    struct json_reader *j = r->state;
    const uint8_t *bad = j->index.bad;
    if (bad && *bad == '"')
        return fail(r, bad, "a string behind a string: a comma or a colon is missing");
    if (bad && *bad == '\n' && j->place == JSON_LINES)
        return fail(r, bad, "the line ends inside a string");
    if (bad)
        return fail(r, bad, "a control character in a string must be escaped");
    if (r->last)
        return reader_fail(r, E_ROW_TRUNCATED, r->end,
                           j->index.carry.in_string ? "the input ends inside a string"
                                                    : "the input ends inside an object");
    return NULL;
}

/* s is not what had to come. */
static const uint8_t *unexpected(struct reader *r, const uint8_t *s) {
    static const struct {
        char c;
        const char *why;
    } REASONS[] = {
        {'\n',
         "the line ends inside an object: a row must stand on one line (jq -c . makes it so)"},
        {'}', "this } closes nothing that is open, or a member is not complete"},
        {']', "this ] closes nothing that is open"},
        {':', "a colon where no name stands"},
        {',', "a comma where no value can end"},
        {'{', "an object where none can stand: a name, a comma or a colon is missing"},
        {'[', "an array where none can stand: a name, a comma or a colon is missing"},
    };
    if (s == JSON_NOTHING)
        return json_ended(r);
    for (size_t i = 0; i < sizeof REASONS / sizeof *REASONS; i++)
        if (*s == (uint8_t)REASONS[i].c)
            return fail(r, s, REASONS[i].why);
    return fail(r, s, NULL);
}

static const uint8_t *too_deep(struct reader *r, const uint8_t *at) {
    return reader_fail(r, E_ROW_TOO_DEEP, at, NULL);
}
static const uint8_t *too_wide(struct reader *r, const uint8_t *at) {
    return reader_fail(r, E_ROW_TOO_WIDE, at, NULL);
}

/* --- names --- */

static inline uint64_t load64(const uint8_t *p) {
    uint64_t w;
    memcpy(&w, p, 8);
    return w;
}

/* Remembers a name. */
static void learn(struct json_key *k, const uint8_t *p, size_t n, const struct field *field) {
    *k = (struct json_key){.n = n <= KEY_BYTES ? (uint32_t)n : NO_KEY, .field = field};
    if (k->n == NO_KEY)
        return;
    memcpy(k->text, p, n);
    k->first = load64(k->text);
    k->mask = UINT64_MAX;
    if (n < 8) {
        uint8_t mask[8] = {0};
        memset(mask, 0xFF, n);
        k->mask = load64(mask);
    } else {
        k->tail = load64(k->text + n - 8);
    }
}

/* The text of one name of the object h, up to its colon, and the child it leads to. False: it is no
 * name. */
static bool read_name(struct reader *r, const struct json_level *h, const uint8_t *p,
                      const uint8_t *end, const struct field **ret) {
    const uint8_t *from = p, *to = end;
    struct value name;
    json_trim(&p, &end);
    if (p == end || *p != '"')
        return fail(r, p,
                    p == end ? "a name is missing before the colon"
                             : "names of JSON have double quotes");
    if (!json_scalar(r, p, end, &name))
        return false;
    *ret = field_by_name(h->field, value_as_str(name));
    if (h->key < h->keys_end)
        learn(h->key, from, (size_t)(to - from), *ret);
    return true;
}

/* The text of a name that nobody looks at. */
INLINE bool check_name(struct reader *r, const uint8_t *p, const uint8_t *end) {
    if (__builtin_expect(end - p >= 2 && *p == '"' && end[-1] == '"' && !r->validate, 1))
        return true;
    json_trim(&p, &end);
    if (p == end || *p != '"')
        return fail(r, p,
                    p == end ? "a name is missing before the colon"
                             : "names of JSON have double quotes");
    return json_scalar_check(r, p, end);
}

/* A name by what is remembered. */
INLINE bool match_name(struct reader *r, struct json_level *h, const uint8_t *p, const uint8_t *end,
                       const struct field **ret) {
    const struct json_key *k = h->key;
    if (k < h->keys_end && r->end - p >= 8) {
        size_t n = (size_t)(end - p);
        if (n == k->n && (load64(p) & k->mask) == k->first &&
            (n <= 8 || (load64(end - 8) == k->tail && (n <= 16 || memcmp(p, k->text, n) == 0)))) {
            *ret = k->field;
            h->key++;
            return true;
        }
    } else if (h->field->n_names == 0) {
        return check_name(r, p, end);
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

INLINE bool check_scalar(struct reader *r, const uint8_t *p, const uint8_t *end) {
    return json_scalar_check_fast(r, p, end) || json_scalar_check(r, p, end);
}

INLINE bool opens(uint8_t c) { return c == '{' || c == '['; }
/* Ends a value: , } or ] */
INLINE bool ends_value(uint8_t c) { return c == ',' || c == '}' || c == ']'; }

/* Steps over the container at `open`, which is the depth-th, checking it. Gives its end, or NULL.
 */
INLINE const uint8_t *skip_container(struct reader *r, struct cursor *c, const uint8_t *open,
                                     uint32_t depth) {
    uint64_t outer[MP_DEPTH_MOST]; /* for each open one around: its members so far, twice, plus 1
                                      for an object */
    uint32_t n = 0, members = 0;
    bool map = *open == '{';
    const uint8_t *prev = open, *s;
    for (;;) {
        s = json_next(r, c);
        if (map && *s == ':') {
            if (!check_name(r, prev + 1, s))
                return NULL;
            if (++members > r->row_fields)
                return too_wide(r, open);
            prev = s;
            s = json_next(r, c);
        } else if (map && !(*s == '}' && *prev == '{')) {
            return unexpected(r, s);
        }
        if (opens(*s)) {
            if (!json_blank(prev + 1, s))
                return unexpected(r, s);
            if (depth + n >= r->row_depth)
                return too_deep(r, s);
            outer[n++] = (uint64_t)members << 1 | map;
            members = 0;
            map = *s == '{';
            prev = s;
            continue;
        }
        if (!ends_value(*s))
            return unexpected(r, s);
        bool none = *s != ',' && opens(*prev) && json_blank(prev + 1, s);
        if (!none && *prev == '{')
            return unexpected(r, s);
        if (!none && !check_scalar(r, prev + 1, s))
            return NULL;
        while (*s != ',') {
            if (*s != (map ? '}' : ']'))
                return unexpected(r, s);
            if (n == 0)
                return s;
            map = outer[--n] & 1;
            members = (uint32_t)(outer[n] >> 1);
            prev = s;
            s = json_next(r, c);
            if (!ends_value(*s) || !json_blank(prev + 1, s))
                return unexpected(r, s);
        }
        prev = s;
    }
}

/* --- the row --- */

static struct json_level level_at(const struct reader *r, const struct field *f,
                                  const uint8_t *open) {
    const struct json_shape *shape = &((struct json_reader *)r->state)->shapes[f->id];
    return (struct json_level){
        .field = f, .open = open, .key = shape->keys, .keys_end = shape->end, .map = *open == '{'};
}

/* Members of an object as they usually are: the name that is expected, a scalar, a comma, and far
 * enough from the end of the input. Gives the last comma, from where on the rest is done step by
 * step; NULL at a fault. */
INLINE const uint8_t *usual_members(struct reader *r, struct cursor *cursor, struct json_level *h,
                                    const uint8_t *prev, struct block *b, uint32_t row) {
    const uint8_t *base = cursor->base, *safe = r->end - FAR_BYTES;
    const uint32_t *at = cursor->at, *to = cursor->to;
    struct json_key *key = h->key, *end = h->keys_end;
    if (end - key > (ptrdiff_t)(r->row_fields - h->count))
        end = key + (r->row_fields - h->count);
    while (to - at >= 2 && key < end) {
        const uint8_t *colon = base + at[0], *comma = base + at[1], *p = prev + 1;
        size_t n = (size_t)(colon - p);
        if (*colon != ':' || *comma != ',' || comma > safe || n != key->n ||
            (load64(p) & key->mask) != key->first)
            break;
        if (n > 8 && (load64(colon - 8) != key->tail || (n > 16 && memcmp(p, key->text, n) != 0)))
            break;
        if (key->field) {
            if (!put_scalar(r, key->field, colon + 1, comma, b, row))
                return NULL;
        } else if (!json_scalar_check_fast(r, colon + 1, comma)) {
            break;
        }
        key++;
        at += 2;
        prev = comma;
    }
    h->count += (uint32_t)(key - h->key);
    h->key = key;
    cursor->at = at;
    return prev;
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
    *ret_close = skip_container(r, c, open, depth + 1);
    return *ret_close &&
           (!child || child->slot == NO_SLOT || put_container(r, child, open, *ret_close, b, row));
}

const uint8_t *json_read_object(struct reader *r, struct cursor *cursor, const uint8_t *open,
                                struct block *b, uint32_t row) {
    struct json_reader *j = r->state;
    struct cursor c = *cursor;
    struct json_level h = level_at(r, r->fields->root, open);
    const uint8_t *prev = open;
    uint32_t depth = 1;
    bool far = r->end - open > (ptrdiff_t)FAR_BYTES;
    for (;;) {
        const struct field *child = NULL;
        if (far && h.map && !(prev = usual_members(r, &c, &h, prev, b, row)))
            return NULL;
        const uint8_t *s = json_next(r, &c);
        if (h.map && *s == ':') {
            if (h.count >= r->row_fields)
                return too_wide(r, h.open);
            if (!match_name(r, &h, prev + 1, s, &child))
                return NULL;
            prev = s;
            s = json_next(r, &c);
        } else if (h.map && !(*s == '}' && *prev == '{')) {
            return unexpected(r, s);
        } else if (!h.map) {
            child = field_by_index(h.field, h.count);
        }
        h.count++;
        if (opens(*s)) {
            const uint8_t *close;
            if (!json_blank(prev + 1, s))
                return unexpected(r, s);
            if (!take_container(r, &c, depth, child, s, b, row, &close))
                return NULL;
            prev = close ? close : s;
            if (!close) {
                j->levels[depth++] = h;
                h = level_at(r, child, s);
                continue;
            }
            s = json_next(r, &c);
            if (!ends_value(*s) || !json_blank(prev + 1, s))
                return unexpected(r, s);
        } else if (!ends_value(*s)) {
            return unexpected(r, s);
        } else if (*s == ',' || !opens(*prev) || !json_blank(prev + 1, s)) {
            if (*prev == '{')
                return unexpected(r, s);
            if (!(child ? put_scalar(r, child, prev + 1, s, b, row) : check_scalar(r, prev + 1, s)))
                return NULL;
        }
        while (*s != ',') {
            if (*s != (h.map ? '}' : ']'))
                return unexpected(r, s);
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
                return unexpected(r, s);
        }
        prev = s;
    }
}

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
    if (h->key < h->keys_end && r->end - p >= 8 && p - r->start >= 8 && is_key(h->key, p, end)) {
        *ret = h->key->field;
        h->key++;
        return true;
    }
    if (h->field->n_names == 0)
        return check_name(r, p, end);
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

INLINE bool opens(uint8_t c) { return c == '{' || c == '['; }
/* Ends a value: , } or ] */
INLINE bool ends_value(uint8_t c) { return c == ',' || c == '}' || c == ']'; }

/* Items of a skipped container as they usually are, before its last: scalars, with a name in an
 * object, and a comma. Gives the last comma, from where on the rest is done step by step. */
INLINE const uint8_t *usual_items(const struct reader *r, struct cursor *c, bool map,
                                  const uint8_t *prev, uint32_t *members) {
    const struct json_reader *j = r->state;
    const uint32_t *at = c->at, *far = j->far;
    const uint8_t *base = j->base;
    uint32_t left = r->row_fields - *members, n = 0;
    if (!map) {
        for (; at < far; at++) {
            const uint8_t *comma = base + at[0];
            if (*comma != ',' || !json_scalar_usual(prev + 1, comma))
                break;
            prev = comma;
        }
    } else {
        for (; far - at >= 2 && n < left; n++, at += 2) {
            const uint8_t *colon = base + at[0], *comma = base + at[1];
            if (*colon != ':' || *comma != ',' || prev[1] != '"' || colon[-1] != '"' ||
                !json_scalar_usual(colon + 1, comma))
                break;
            prev = comma;
        }
    }
    *members += n;
    c->at = at;
    return prev;
}

struct skipped {
    const uint8_t *close; /* or NULL */
    struct cursor cursor;
};

static struct skipped no_container(const uint8_t *fault) {
    return (struct skipped){fault, {NULL}}; /* NULL */
}

/* Steps over the container at `open`, which is the depth-th, checking it. A function of its own, so
 * that both loops have registers enough. */
static __attribute__((noinline)) struct skipped
skip_container(struct reader *r, struct cursor c, const uint8_t *open, uint32_t depth) {
    uint64_t outer[MP_DEPTH_MOST]; /* for each open one around: its members so far, twice, plus 1
                                      for an object */
    uint32_t n = 0, members = 0;
    bool map = *open == '{';
    const uint8_t *prev = open, *s;
    for (;;) {
        if (!r->validate)
            prev = usual_items(r, &c, map, prev, &members);
        s = json_next(r, &c);
        if (map && *s == ':') {
            if (!check_name(r, prev + 1, s))
                return no_container(NULL);
            if (++members > r->row_fields)
                return no_container(too_wide(r, open));
            prev = s;
            s = json_next(r, &c);
        } else if (map && !(*s == '}' && *prev == '{')) {
            return no_container(unexpected(r, s));
        }
        if (opens(*s)) {
            if (!json_blank(prev + 1, s))
                return no_container(unexpected(r, s));
            if (depth + n >= r->row_depth)
                return no_container(too_deep(r, s));
            outer[n++] = (uint64_t)members << 1 | map;
            members = 0;
            map = *s == '{';
            prev = s;
            continue;
        }
        if (!ends_value(*s))
            return no_container(unexpected(r, s));
        bool none = *s != ',' && opens(*prev) && json_blank(prev + 1, s);
        if (!none && *prev == '{')
            return no_container(unexpected(r, s));
        if (!none && !json_scalar_check(r, prev + 1, s))
            return no_container(NULL);
        while (*s != ',') {
            if (*s != (map ? '}' : ']'))
                return no_container(unexpected(r, s));
            if (n == 0)
                return (struct skipped){s, c};
            map = outer[--n] & 1;
            members = (uint32_t)(outer[n] >> 1);
            prev = s;
            s = json_next(r, &c);
            if (!ends_value(*s) || !json_blank(prev + 1, s))
                return no_container(unexpected(r, s));
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

/* A wanted scalar as it usually is. False: at a fault. */
INLINE bool put_usual(struct reader *r, const struct field *f, const uint8_t *p, const uint8_t *end,
                      struct block *b, uint32_t row) {
    struct value v;
    if (*p == '"' || f->slot == NO_SLOT || f->n_slots > 1 ||
        !number_read_fast(p, (size_t)(end - p), &v))
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
    struct json_key *key = h->key, *end = h->keys_end;
    if (end - key > (ptrdiff_t)(r->row_fields - h->count))
        end = key + (r->row_fields - h->count);
    for (; far - at >= 2 && key < end; key++, at += 2) {
        const uint8_t *colon = base + at[0], *comma = base + at[1];
        if (*colon != ':' || *comma != ',' || !is_key(key, prev + 1, colon))
            break;
        if (key->field) {
            if (!put_usual(r, key->field, colon + 1, comma, b, row))
                return NULL;
        } else if (!json_scalar_usual(colon + 1, comma)) {
            break;
        }
        prev = comma;
    }
    h->count += (uint32_t)(key - h->key);
    h->key = key;
    c->at = at;
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
    struct skipped skipped = skip_container(r, *c, open, depth + 1);
    *ret_close = skipped.close;
    *c = skipped.cursor;
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
    bool far = open - r->start >= 8 && !r->validate;
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
            if (!(child ? put_scalar(r, child, prev + 1, s, b, row)
                        : json_scalar_check(r, prev + 1, s)))
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

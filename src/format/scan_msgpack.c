/* See scan.h. The slow twin that knows every format byte is value/mp_read.c; here are the common
 * ones, fast. What is not common goes there. */
#include "format/scan.h"

#include "value/mp.h"

#include <endian.h>
#include <string.h>

#define ROW_KEYS   256u   /* keys remembered of a row ... */
#define INNER_KEYS 16u    /* ... and of a map inside it ... */
#define MOST_KEYS  65536u /* ... and in all: maps beyond that are read without a memory of keys */

/* An expected key: its encoded bytes (header and all) in the row where it was last seen. */
struct expected {
    uint64_t word, mask;  /* the first 8 bytes, and which of them count */
    const uint8_t *bytes; /* NULL: nothing known from here on */
    uint32_t n;
    const struct field *field; /* the child it leads to, or NULL */
};

struct shape {
    struct expected *keys;
    uint32_t cap; /* 0 for nodes without named children, and beyond MOST_KEYS */
};

struct level {
    const struct field *field;
    uint32_t left;  /* elements or pairs still to come */
    uint32_t index; /* of the next one */
    bool is_map;
};

/* Encoded size of values whose first byte tells it; 0: it does not. */
#define R4(v)  v, v, v, v
#define R16(v) R4(v), R4(v), R4(v), R4(v)
/* clang-format off */
static const uint8_t SIZE[256] = {
    R16(1), R16(1), R16(1), R16(1), R16(1), R16(1), R16(1), R16(1), /* 00-7f positive fixint */
    R16(0), R16(0),                                                 /* 80-9f fixmap, fixarray */
    1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, /* a0-bf fixstr */
    17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32,
    1,  0,  1,  1,                                                  /* nil, never used, false, true */
    0,  0,  0,  0,  0,  0,                                          /* bin, ext */
    5,  9,  2,  3,  5,  9,  2,  3,  5,  9,                          /* float, uint, int */
    0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,                  /* fixext, str, array, map */
    R16(1), R16(1),                                                 /* e0-ff negative fixint */
};
/* clang-format on */
#undef R4
#undef R16

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
        shape->keys = arena_zero(a, cap * sizeof *shape->keys);
        if (!shape->keys)
            return false;
        shape->cap = cap;
        keys += cap;
    }
    return true;
}

void scanner_forget(struct scanner *s) {
    for (uint32_t i = 0; i < s->fields->n_nodes; i++)
        if (s->shapes[i].cap)
            memset(s->shapes[i].keys, 0, s->shapes[i].cap * sizeof(struct expected));
}

static const uint8_t *fail(struct scanner *s, enum status status, const uint8_t *at) {
    s->status = status;
    s->fault = at;
    return NULL;
}

/* The uncommon rest: hands one value to the complete reader. */
static const uint8_t *read_slow(struct scanner *s, const uint8_t *p, const uint8_t *end,
                                uint32_t depth, struct value *ret) {
    struct mp_reader r;
    mp_reader_init(&r, p, (size_t)(end - p), s->depth_limit - depth);
    r.fields_limit = s->fields_limit;
    *ret = mp_read_value(&r);
    return r.status == E_OK ? r.p : fail(s, r.status, r.fault);
}

static inline uint32_t be16(const uint8_t *p) { return (uint32_t)p[0] << 8 | p[1]; }
static inline uint32_t be32(const uint8_t *p) {
    uint32_t v;
    memcpy(&v, p, 4);
    return be32toh(v);
}
static inline uint64_t be64(const uint8_t *p) {
    uint64_t v;
    memcpy(&v, p, 8);
    return be64toh(v);
}

/* The header of an array or a map at p: how many items (a pair is two) and where they begin. False:
 * no container, or broken. */
static inline bool open_container(struct scanner *s, const uint8_t *p, const uint8_t *end,
                                  uint32_t *ret_n, bool *ret_map, const uint8_t **ret_body) {
    uint8_t c = *p;
    size_t room = (size_t)(end - p);
    if (c >= 0x80 && c <= 0x9F) {
        *ret_map = c < 0x90;
        *ret_n = c & 0x0F;
        *ret_body = p + 1;
    } else if ((c == 0xDC || c == 0xDE) && room >= 3) {
        *ret_map = c == 0xDE;
        *ret_n = be16(p + 1);
        *ret_body = p + 3;
    } else if ((c == 0xDD || c == 0xDF) && room >= 5) {
        *ret_map = c == 0xDF;
        *ret_n = be32(p + 1);
        *ret_body = p + 5;
    } else {
        if (c >= 0xDC && c <= 0xDF)
            fail(s, E_ROW_TRUNCATED, p);
        return false;
    }
    if ((uint64_t)*ret_n * (*ret_map ? 2u : 1u) > (uint64_t)(end - *ret_body)) {
        fail(s, E_ROW_TRUNCATED, p);
        return false;
    }
    if (*ret_map && *ret_n > s->fields_limit) {
        fail(s, E_ROW_TOO_WIDE, p);
        return false;
    }
    return true;
}

static inline bool is_container(uint8_t c) {
    return (c >= 0x80 && c <= 0x9F) || (c >= 0xDC && c <= 0xDF);
}

/* Steps over a container and all in it. `left` counts, level by level, the items still to come. */
static const uint8_t *skip_container(struct scanner *s, const uint8_t *p, const uint8_t *end,
                                     uint32_t depth) {
    uint32_t left[MP_DEPTH_MOST];
    uint32_t open = 0;
    for (;;) {
        if (p == end)
            return fail(s, E_ROW_TRUNCATED, p);
        uint8_t c = *p;
        size_t n = SIZE[c];
        if (n > 0) {
            if ((size_t)(end - p) < n)
                return fail(s, E_ROW_TRUNCATED, p);
            p += n;
        } else if (is_container(c)) {
            uint32_t count;
            bool map;
            const uint8_t *at = p;
            if (!open_container(s, p, end, &count, &map, &p))
                return NULL;
            if (depth + open >= s->depth_limit)
                return fail(s, E_ROW_TOO_DEEP, at);
            if (count > 0) {
                left[open++] = map ? 2 * count : count; /* fits: count <= bytes left / 2 */
                continue;
            }
        } else {
            struct value ignored;
            p = read_slow(s, p, end, depth + open, &ignored);
            if (!p)
                return NULL;
        }
        while (open > 0 && --left[open - 1] == 0)
            open--;
        if (open == 0)
            return p;
    }
}

static inline const uint8_t *skip_value(struct scanner *s, const uint8_t *p, const uint8_t *end,
                                        uint32_t depth) {
    if (p == end)
        return fail(s, E_ROW_TRUNCATED, p);
    size_t n = SIZE[*p];
    if (n > 0)
        return (size_t)(end - p) < n ? fail(s, E_ROW_TRUNCATED, p) : p + n;
    if (*p == 0xD9 && end - p >= 2) { /* str 8 */
        n = 2u + p[1];
        return (size_t)(end - p) < n ? fail(s, E_ROW_TRUNCATED, p) : p + n;
    }
    if (is_container(*p))
        return skip_container(s, p, end, depth);
    struct value ignored;
    return read_slow(s, p, end, depth, &ignored);
}

static const uint8_t *take_slow(struct scanner *s, const uint8_t *p, const uint8_t *end,
                                uint32_t depth, struct column *c, uint32_t row) {
    struct value v;
    if (is_container(*p)) { /* the fast skip, instead of the reader's */
        const uint8_t *q = skip_container(s, p, end, depth);
        if (!q)
            return NULL;
        if ((uint64_t)(q - p) > UINT32_MAX)
            return fail(s, E_ROW_INVALID, p);
        bool map = (*p & 0xF0) == 0x80 || *p == 0xDE || *p == 0xDF;
        column_put(c, row, value_bytes(map ? T_MAP : T_ARRAY, p, (uint32_t)(q - p)));
        return q;
    }
    p = read_slow(s, p, end, depth, &v);
    if (p)
        column_put(c, row, v);
    return p;
}

static inline const uint8_t *take_int(struct column *c, uint32_t row, int64_t i,
                                      const uint8_t *next) {
    c->tag[row] = T_INT;
    c->word[row].i = i;
    return next;
}

/* Puts the value at p into a cell. */
static inline const uint8_t *take_value(struct scanner *s, const uint8_t *p, const uint8_t *end,
                                        uint32_t depth, struct column *c, uint32_t row) {
    if (p == end)
        return fail(s, E_ROW_TRUNCATED, p);
    uint8_t h = *p;
    size_t n = SIZE[h];
    if (n == 0)
        return take_slow(s, p, end, depth, c, row);
    if ((size_t)(end - p) < n)
        return fail(s, E_ROW_TRUNCATED, p);
    if (h < 0x80 || h >= 0xE0)
        return take_int(c, row, (int8_t)h, p + 1);
    if (h < 0xC0) { /* fixstr */
        c->tag[row] = T_STR;
        c->word[row].p = p + 1;
        c->len[row] = h & 0x1Fu;
        return p + n;
    }
    switch (h) {
    case 0xCB: {
        uint64_t bits = be64(p + 1);
        c->tag[row] = T_DOUBLE;
        memcpy(&c->word[row].d, &bits, 8);
        return p + 9;
    }
    case 0xC2:
    case 0xC3:
        c->tag[row] = T_BOOL;
        c->word[row].i = h & 1;
        return p + 1;
    case 0xC0:
        c->tag[row] = T_NULL;
        return p + 1;
    case 0xCC:
        return take_int(c, row, p[1], p + 2);
    case 0xCD:
        return take_int(c, row, be16(p + 1), p + 3);
    case 0xCE:
        return take_int(c, row, be32(p + 1), p + 5);
    default:
        return take_slow(s, p, end, depth, c, row);
    }
}

/* Remembers the key at [p, p + n) as the index-th of this map. */
static void learn(struct scanner *s, const struct field *map, uint32_t index, const uint8_t *p,
                  size_t n, const uint8_t *end, const struct field *field) {
    struct shape *shape = &s->shapes[map->id];
    if (index >= shape->cap || n > UINT32_MAX)
        return;
    struct expected *e = &shape->keys[index];
    *e = (struct expected){.bytes = p, .n = (uint32_t)n, .field = field};
    if (end - p < 8) {
        e->bytes = NULL;
        return;
    }
    memcpy(&e->word, p, 8);
    e->mask = n >= 8 ? UINT64_MAX : htole64((UINT64_C(1) << (8 * n)) - 1);
    e->word &= e->mask;
}

/* Reads the key at p of a wanted map and finds the child it leads to. */
static const uint8_t *read_key(struct scanner *s, const struct level *l, const uint8_t *p,
                               const uint8_t *end, uint32_t depth, const struct field **ret) {
    struct value key;
    const uint8_t *next = read_slow(s, p, end, depth, &key);
    *ret = NULL;
    if (!next)
        return NULL;
    if (key.type == T_STR)
        *ret = field_by_name(l->field, value_as_str(key));
    learn(s, l->field, l->index, p, (size_t)(next - p), end, *ret);
    return next;
}

static inline const uint8_t *match_key(struct scanner *s, const struct level *l, const uint8_t *p,
                                       const uint8_t *end, uint32_t depth,
                                       const struct field **ret) {
    const struct shape *shape = &s->shapes[l->field->id];
    if (l->index < shape->cap && end - p >= 8) {
        const struct expected *e = &shape->keys[l->index];
        uint64_t word;
        memcpy(&word, p, 8);
        if (e->bytes && (word & e->mask) == e->word &&
            (e->n <= 8 ||
             ((size_t)(end - p) >= e->n && memcmp(p + 8, e->bytes + 8, e->n - 8) == 0))) {
            *ret = e->field;
            return p + e->n;
        }
    }
    return read_key(s, l, p, end, depth, ret);
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
        return fail(s, E_ROW_TRUNCATED, p);
    if (f->slot != NO_SLOT && !take_value(s, p, end, *depth, &b->columns[f->slot], row))
        return NULL;
    uint32_t n;
    bool map;
    const uint8_t *body;
    s->status = E_OK;
    if (!open_container(s, p, end, &n, &map, &body))
        return s->status != E_OK ? NULL : skip_value(s, p, end, *depth);
    if ((map ? f->n_names : f->n_indexes) == 0 || n == 0)
        return skip_value(s, p, end, *depth);
    if (*depth >= s->depth_limit)
        return fail(s, E_ROW_TOO_DEEP, p);
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
            p = skip_value(s, p, end, depth);
        else if (field->n_names + field->n_indexes == 0)
            p = take_value(s, p, end, depth, &b->columns[field->slot], row);
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

const uint8_t *scan_row(struct scanner *s, const uint8_t *p, const uint8_t *end, struct block *b,
                        uint32_t row) {
    if (p == end)
        return fail(s, E_ROW_TRUNCATED, p);
    if ((*p & 0xF0) != 0x80 && *p != 0xDE && *p != 0xDF)
        return fail(s, *p == 0xC1 ? E_ROW_INVALID : E_ROW_NOT_MAP, p);
    return scan_value(s, s->fields->root, p, end, 0, b, row);
}

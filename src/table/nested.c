/* See stretch.h: lists, maps and structs of arrays.
 *
 * Cells that have bytes take the values where they will stand. While the cells are codes, a group
 * of values is written aside, where it stays in a near cache, and looked up; lists that are known
 * by their words (lists.h) are not even written. */
#include "table/stretch.h"
#include "value/array_cell.h"

_Static_assert(LIST_GROUP <= DICT_GROUP, "a group of lists is looked up as one");

static enum value_type type_of(const struct array *a) {
    return a->type == ARRAY_LIST ? T_ARRAY : T_MAP;
}

/* Whether there is room for cells [from, from + n) behind what a buffer has; false: no memory. */
static bool has_room(const struct array *a, uint64_t from, uint32_t n, struct buf *out) {
    uint64_t most = array_cells_most(a, from, from + n);
    return most <= SIZE_MAX - ARRAY_CELL_SLACK && buf_reserve(out, most + ARRAY_CELL_SLACK);
}

/* Puts the next n <= DICT_GROUP rows while the form is MIXED. */
static bool put_bytes(struct cells *c, const struct array *a, uint64_t from, uint32_t n) {
    uint32_t bytes[DICT_GROUP];
    uint64_t at = c->bytes.len, begin = at;
    if (!cells_room(c, n) || !has_room(a, from, n, &c->bytes))
        return false;
    array_cells_put(a, from, n, c->bytes.data + at, bytes);
    for (uint32_t i = 0; i < n; i++) { /* the next one takes the place of one without a value */
        c->tag[c->n] = (uint8_t)type_of(a);
        c->len[c->n] = bytes[i];
        c->word[c->n].u = at;
        c->n += bytes[i] > 0;
        at += bytes[i];
    }
    c->bytes.len = at;
    c->logical += at - begin;
    return at <= UINT32_MAX;
}

/* Puts the next n <= DICT_GROUP rows, whatever the form. */
static bool put_values(struct cells *c, const struct array *a, uint64_t from, uint32_t n,
                       struct buf *text) {
    uint32_t bytes[DICT_GROUP], values = 0;
    struct value v[DICT_GROUP];
    text->len = 0;
    if (!has_room(a, from, n, text))
        return false;
    array_cells_put(a, from, n, text->data, bytes);
    const uint8_t *p = text->data;
    for (uint32_t i = 0; i < n; i++) {
        v[values] = value_bytes(type_of(a), p, bytes[i]);
        values += bytes[i] > 0;
        p += bytes[i];
    }
    return cells_add_many(c, v, values, text->data + text->cap);
}

/* --- lists of few words --- */

/* A group on its way into the cells. */
struct group {
    struct list_answer answer[LIST_GROUP];
    struct value v[LIST_GROUP];
    uint32_t hash[LIST_GROUP], code[LIST_GROUP];
};

/* Writes the lists that are not known, and looks all of them up at once. False: no memory. */
static bool look_unknown(const struct cells *c, const struct array *a, uint64_t from, uint32_t n,
                         struct group *g, struct buf *text) {
    struct value v[LIST_GROUP];
    uint32_t row[LIST_GROUP], hash[LIST_GROUP], code[LIST_GROUP], unknown = 0;
    for (uint32_t i = 0; i < n; i++) {
        row[unknown] = i;
        unknown += g->answer[i].code == NO_CODE;
    }
    text->len = 0;
    if (unknown == 0)
        return true;
    if (!has_room(a, from, n, text))
        return false;
    uint8_t *to = text->data;
    for (uint32_t i = 0; i < unknown; i++) {
        uint32_t bytes;
        v[i].w.p = to;
        to = array_cells_put(a, from + row[i], 1, to, &bytes);
        v[i] = value_bytes(T_ARRAY, v[i].w.p, bytes);
    }
    dict_look(c->dict, v, unknown, text->data + text->cap, hash, code);
    for (uint32_t i = 0; i < unknown; i++) {
        g->v[row[i]] = v[i];
        g->hash[row[i]] = hash[i];
        g->code[row[i]] = code[i];
    }
    return true;
}

/* Puts n <= LIST_GROUP rows, all with a value, while the form is CODES. Gives how many; the form is
 * another one, perhaps, if not all. 0: no memory. */
static uint32_t put_lists(struct cells *c, const struct array *a, uint64_t from, uint32_t n,
                          struct lists *lists, struct buf *text) {
    struct group g;
    lists_look(lists, a, from, n, g.answer);
    for (uint32_t i = 0; i < n; i++) {
        g.v[i] = value_bytes(T_ARRAY, NULL, g.answer[i].bytes);
        g.code[i] = g.answer[i].code;
    }
    if (!look_unknown(c, a, from, n, &g, text))
        return 0;
    uint32_t done = cells_add_looked(c, g.v, n, g.hash, g.code);
    for (uint32_t i = 0; i < done; i++)
        if (g.answer[i].code == NO_CODE && g.code[i] != NO_CODE)
            lists_learn(lists, &g.answer[i], g.code[i], g.v[i].n);
    return done;
}

/* From row i on those that have a value, at most LIST_GROUP; steps over those before them that have
 * none. */
static uint32_t next_run(const struct stretch *s, uint32_t *i) {
    uint32_t n = 0;
    while (!s->all && *i < s->n && !bits_get(s->valid, *i))
        ++*i;
    while (n < LIST_GROUP && *i + n < s->n && (s->all || bits_get(s->valid, *i + n)))
        n++;
    return n;
}

bool nested_feed(struct cells *c, uint32_t row, const struct stretch *s, struct lists *lists,
                 struct buf *text) {
    for (uint32_t i = 0; i < s->n;) {
        uint32_t n = s->n - i < DICT_GROUP ? s->n - i : DICT_GROUP;
        if (c->form == CELLS_CODES && lists_can(lists, s->a)) {
            n = next_run(s, &i);
            if (n > 0 && (n = put_lists(c, s->a, s->from + i, n, lists, text)) == 0)
                return false;
        } else if (c->form == CELLS_MIXED && c->n > 0) {
            if (!put_bytes(c, s->a, s->from + i, n))
                return false;
        } else if (!put_values(c, s->a, s->from + i, n, text)) {
            return false;
        }
        i += n;
    }
    return stretch_mark(c, row, s);
}

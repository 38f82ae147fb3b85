/* See stretch.h: strings, binary and nested values of arrays.
 *
 * While the cells are codes the values go in groups, which the dictionary looks up together, at
 * once where they are few words; once they are bytes, those of a stretch without gaps are copied as
 * one.
 */
#include "table/stretch.h"

/* Of a nested value the header tells which it is. */
static inline enum value_type nested_type(uint8_t header) {
    return (header & 0xF0) == 0x80 || header == 0xDE || header == 0xDF ? T_MAP : T_ARRAY;
}

static bool is_nested(const struct array *a) { return a->type == ARRAY_VALUES && a->offsets; }

/* Those values of rows [from, to) of a stretch that are there, at most DICT_GROUP; gives how many.
 */
static inline __attribute__((always_inline)) uint32_t
take_group(const struct stretch *s, uint32_t from, uint32_t to, uint32_t offset_bytes,
           enum value_type type, struct value *ret) {
    const struct array *a = s->a;
    uint64_t at = array_offset(offset_bytes, a->offsets, s->from + from);
    uint32_t n = 0;
    for (uint32_t i = from; i < to; i++) {
        uint64_t end = array_offset(offset_bytes, a->offsets, s->from + i + 1);
        ret[n] = value_bytes(type, a->data + (at - a->base), (uint32_t)(end - at));
        n += s->all || bits_get(s->valid, i);
        at = end;
    }
    return n;
}

static uint32_t take_values(const struct stretch *s, uint32_t from, uint32_t to,
                            struct value *ret) {
    enum value_type type = s->a->type == ARRAY_BIN ? T_BIN : T_STR;
    uint32_t n = s->a->offset_bytes == 4 ? take_group(s, from, to, 4, type, ret)
                                         : take_group(s, from, to, 8, type, ret);
    for (uint32_t i = 0; is_nested(s->a) && i < n; i++)
        ret[i].type = (uint8_t)nested_type(ret[i].w.p[0]);
    return n;
}

/* Where strings [from, from + n) end, less `shift`. */
static inline __attribute__((always_inline)) void ends_by(const struct array *a, uint64_t from,
                                                          uint32_t n, uint64_t shift,
                                                          uint32_t offset_bytes, uint32_t *out) {
    for (uint32_t i = 0; i < n; i++)
        out[i] = (uint32_t)(array_offset(offset_bytes, a->offsets, from + i + 1) - shift);
}

static void ends_of(const struct array *a, uint64_t from, uint32_t n, uint64_t shift,
                    uint32_t *out) {
    if (a->offset_bytes == 4)
        ends_by(a, from, n, shift, 4, out);
    else
        ends_by(a, from, n, shift, 8, out);
}

/* Rows [from, s->n) of a stretch without gaps, whose bytes go as a whole behind those of the cells,
 * which have the form STR or MIXED. */
static bool append_bytes(struct cells *c, const struct stretch *s, uint32_t from) {
    const struct array *a = s->a;
    uint32_t n = s->n - from;
    uint64_t begin = array_begin(a, s->from + from), end = array_begin(a, s->from + s->n);
    if (c->bytes.len + (end - begin) > UINT32_MAX || !cells_room(c, n))
        return false;
    uint64_t shift = c->bytes.len - begin, at = begin;
    if (c->form == CELLS_STR)
        ends_of(a, s->from + from, n, a->base - shift, c->len + c->n);
    for (uint32_t i = 0; i < n && c->form == CELLS_MIXED; i++) {
        uint64_t to = array_begin(a, s->from + from + i + 1);
        c->tag[c->n + i] = (uint8_t)(is_nested(a)           ? nested_type(a->data[at])
                                     : a->type == ARRAY_BIN ? T_BIN
                                                            : T_STR);
        c->word[c->n + i].u = at + shift;
        c->len[c->n + i] = (uint32_t)(to - at);
        at = to;
    }
    buf_add(&c->bytes, a->data + begin, end - begin);
    c->logical += end - begin;
    c->n += n;
    return !buf_failed(&c->bytes);
}

/* Whether the next values may be few words that the cells have codes for. */
static bool may_be_words(const struct cells *c, const struct array *a) {
    return c->form == CELLS_CODES && dict_has_few(c->dict) && a->type != ARRAY_VALUES;
}

/* Values of a group by their places in an array. */
struct places {
    uint64_t at[DICT_GROUP];
    uint32_t bytes[DICT_GROUP];
    uint32_t n;
    uint64_t all; /* bytes of them */
};

/* All of n from row `from` of the array on. */
static inline __attribute__((always_inline)) void place_all(const struct array *a, uint64_t from,
                                                            uint32_t n, uint32_t offset_bytes,
                                                            struct places *ret) {
    const uint8_t *offsets = a->offsets + from * offset_bytes;
    uint64_t base = a->base;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t begin = array_offset(offset_bytes, offsets, i);
        ret->at[i] = begin - base;
        ret->bytes[i] = (uint32_t)(array_offset(offset_bytes, offsets, i + 1) - begin);
    }
    ret->n = n;
    ret->all = array_begin(a, from + n) - array_begin(a, from);
}

/* Those of rows [from, to) of a stretch that have a value. */
static void place_valid(const struct stretch *s, uint32_t from, uint32_t to, struct places *ret) {
    uint64_t at = array_begin(s->a, s->from + from);
    ret->n = 0;
    ret->all = 0;
    for (uint32_t i = from; i < to; i++) {
        uint64_t end = array_begin(s->a, s->from + i + 1);
        bool counts = bits_get(s->valid, i);
        ret->at[ret->n] = at;
        ret->bytes[ret->n] = (uint32_t)(end - at);
        ret->n += counts;
        ret->all += counts ? end - at : 0;
        at = end;
    }
}

/* Puts those of rows [from, to) of a stretch, at most DICT_GROUP, that have a value, if these are
 * such words. False: they are not, and nothing is done. */
static bool put_words(struct cells *c, const struct stretch *s, uint32_t from, uint32_t to) {
    const struct array *a = s->a;
    enum value_type type = a->type == ARRAY_BIN ? T_BIN : T_STR;
    struct places p;
    uint32_t code[DICT_GROUP];
    if (!s->all)
        place_valid(s, from, to, &p);
    else if (a->offset_bytes == 4)
        place_all(a, s->from + from, to - from, 4, &p);
    else
        place_all(a, s->from + from, to - from, 8, &p);
    return dict_find_words(c->dict, type, a->data, a->data_end, p.at, p.bytes, p.n, code) &&
           (p.n == 0 || cells_add_known(c, type, code, p.n, p.all));
}

/* Puts those of rows [from, to) of a stretch that have a value. */
static bool put_group(struct cells *c, const struct stretch *s, uint32_t from, uint32_t to) {
    struct value group[DICT_GROUP];
    uint32_t n = take_values(s, from, to, group);
    return cells_add_many(c, group, n, s->a->data_end);
}

/* Whether rows of an array, without gaps, go into the cells as bytes, all at once. */
static bool takes_bytes(const struct cells *c, const struct stretch *s) {
    return s->all && ((c->form == CELLS_STR && s->a->type == ARRAY_STR) ||
                      (c->form == CELLS_MIXED && c->n > 0));
}

/* Puts rows from *ret_i on, which then is where it ended: at the end, or where takes_bytes. */
static bool put_groups(struct cells *c, const struct stretch *s, uint32_t *ret_i) {
    for (uint32_t i = *ret_i; i < s->n && !takes_bytes(c, s); *ret_i = i) {
        uint32_t to = s->n - i < DICT_GROUP ? s->n : i + DICT_GROUP;
        if (!(may_be_words(c, s->a) && put_words(c, s, i, to)) && !put_group(c, s, i, to))
            return false;
        i = to;
    }
    return true;
}

bool texts_feed(struct cells *c, uint32_t row, const struct stretch *s) {
    uint32_t i = 0;
    if (!put_groups(c, s, &i) || (i < s->n && !append_bytes(c, s, i)))
        return false;
    return stretch_mark(c, row, s);
}

/* The cells take the strings of a whole segment without gaps as bytes, from wherever these are.
 * Gives how many bytes, and where they begin, *ret_begin. False: no memory. */
static bool take_ends(struct cells *c, const struct stretch *s, uint64_t *ret_begin,
                      uint64_t *ret_bytes) {
    const struct array *a = s->a;
    uint64_t begin = array_begin(a, s->from);
    *ret_begin = begin;
    *ret_bytes = array_begin(a, s->from + s->n) - begin;
    c->bytes.len = 0;
    c->n = 0;
    if (!cells_take(c, T_STR) || !cells_room(c, s->n))
        return false;
    ends_of(a, s->from, s->n, a->base + begin, c->len);
    return true;
}

bool texts_feed_segment(struct cells *c, const struct stretch *s) {
    const struct array *a = s->a;
    uint64_t begin = array_begin(a, s->from), n = array_begin(a, s->from + s->n) - begin;
    if (a->type != ARRAY_STR || n > UINT32_MAX)
        return texts_feed(c, 0, s);
    uint32_t i = 0;
    if (!c->plain && !put_groups(c, s, &i))
        return false;
    if (i < s->n) { /* they do not repeat, as it turned out, or was known */
        if (!take_ends(c, s, &begin, &n))
            return false;
        cells_lend(c, a->data + begin, s->n, n);
    }
    return stretch_mark(c, 0, s);
}

bool texts_may_be_far(const struct cells *c, const struct stretch *s) {
    uint64_t bytes = array_begin(s->a, s->from + s->n) - array_begin(s->a, s->from);
    return c->plain && s->all && s->a->type == ARRAY_STR && bytes <= UINT32_MAX;
}

bool texts_feed_far(struct cells *c, const struct stretch *s) {
    uint64_t begin, bytes;
    if (!take_ends(c, s, &begin, &bytes))
        return false;
    cells_lend_far(c, s->a->peer, s->a->address + begin, s->n, bytes);
    return stretch_mark(c, 0, s);
}

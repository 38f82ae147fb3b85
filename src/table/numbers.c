/* See stretch.h: numbers, booleans and timestamps of arrays. As a whole where the cells have their
 * form, or none yet; else one by one. */
#include "table/spread.h"
#include "table/stretch.h"

#include <string.h>

/* --- numbers --- */

/* Words of one type, which are packed already, one by one: for cells of another form. */
static bool put_words(struct cells *c, uint32_t row, const struct stretch *s, enum value_type type,
                      const union word *word) {
    uint32_t k = 0;
    for (uint32_t i = 0; i < s->n; i++) {
        struct value v = {.type = (uint8_t)type};
        if (s->all || bits_get(s->valid, i))
            v.w = word[k++];
        else
            v.type = bits_get(s->present, i) ? T_NULL : T_MISSING;
        if (type == T_UINT && v.type == T_UINT)
            v = value_uint(v.w.u);
        if (!cells_put(c, row + i, v))
            return false;
    }
    return true;
}

bool numbers_feed(struct cells *c, uint32_t row, const struct stretch *s, union word *scratch,
                  bool *ret_unread) {
    bool is_double = s->a->type == ARRAY_F32 || s->a->type == ARRAY_F64;
    enum value_type type = is_double ? T_DOUBLE : T_INT;
    bool direct = c->n == 0 || c->form == (is_double ? CELLS_DOUBLE : CELLS_INT) ||
                  (c->form == CELLS_UINT && !is_double);
    if (direct && (!cells_take(c, type) || !cells_room(c, s->n)))
        return false;
    union word *to = direct ? c->word + c->n : scratch;
    if (!stretch_words(s, to)) {
        *ret_unread = true;
        return false;
    }
    if (!s->all)
        gather(to, 8, s->valid, s->n, to);
    bool matters = s->a->type == ARRAY_U64 || (c->form == CELLS_UINT && !is_double);
    bool top = matters && words_have_top_bit(to, s->n_valid); /* negative, or large */
    if (top && s->a->type == ARRAY_U64)
        type = T_UINT;
    if (direct && type == T_UINT && c->n == 0)
        c->form = CELLS_UINT;
    if (!direct || (top && (c->form == CELLS_UINT) != (type == T_UINT))) {
        if (direct)
            memcpy(scratch, to, (size_t)s->n_valid * sizeof *scratch);
        return put_words(c, row, s, type, scratch);
    }
    c->n += s->n_valid;
    return stretch_mark(c, row, s);
}

/* --- booleans and timestamps --- */

static struct value typed_at(const struct array *a, uint64_t i) {
    switch (a->type) {
    case ARRAY_BYTES_BOOL:
        return value_bool(a->data[i] != 0);
    case ARRAY_BITS_BOOL:
        return value_bool(bitmap_get(a->data, a->bit_offset + i));
    default:
        return array_time(a, i);
    }
}

/* Timestamps whose cells have that form, or none yet. */
static bool feed_times(struct cells *c, uint32_t row, const struct stretch *s) {
    if (!cells_take(c, T_TIMESTAMP) || !cells_room(c, s->n))
        return false;
    for (uint32_t i = 0; i < s->n; i++) {
        if (!s->all && !bits_get(s->valid, i))
            continue;
        struct value v = array_time(s->a, s->from + i);
        c->word[c->n] = v.w;
        c->len[c->n++] = v.n;
    }
    return stretch_mark(c, row, s);
}

/* n bits as bytes 0 and 1. */
static void widen_bits(const uint64_t *bits, uint32_t n, uint8_t *out) {
    for (uint32_t i = 0; i < n; i += 8) {
        uint64_t eight = (bits[i / 64] >> i % 64 & 0xFF) * 0x0101010101010101u; /* in each byte */
        eight &= 0x8040201008040201u; /* in byte k bit k alone */
        eight = (eight + 0x7F7F7F7F7F7F7F7Fu) >> 7 & 0x0101010101010101u;
        eight = htole64(eight);
        memcpy(out + i, &eight, n - i < 8 ? n - i : 8);
    }
}

/* Booleans whose cells have that form, or none yet. */
static bool feed_bools(struct cells *c, uint32_t row, const struct stretch *s) {
    const struct array *a = s->a;
    if (!cells_take(c, T_BOOL) || !cells_room(c, s->n))
        return false;
    uint8_t *to = c->tag + c->n;
    if (a->type == ARRAY_BITS_BOOL) {
        uint64_t bits[CHUNK_WORDS];
        stretch_bits(a->data, a->bit_offset + s->from, s->n, bits);
        widen_bits(bits, s->n, to);
    } else {
        for (uint32_t i = 0; i < s->n; i++)
            to[i] = a->data[s->from + i] != 0;
    }
    if (!s->all)
        gather(to, 1, s->valid, s->n, to);
    c->n += s->n_valid;
    return stretch_mark(c, row, s);
}

bool typed_feed(struct cells *c, uint32_t row, const struct stretch *s) {
    bool is_time = s->a->type == ARRAY_TIME;
    if (c->n == 0 || c->form == (is_time ? CELLS_TIME : CELLS_BOOL))
        return is_time ? feed_times(c, row, s) : feed_bools(c, row, s);
    for (uint32_t i = 0; i < s->n; i++) {
        struct value v;
        if (s->all || bits_get(s->valid, i))
            v = typed_at(s->a, s->from + i);
        else
            v = bits_get(s->present, i) ? value_null() : value_missing();
        if (!cells_put(c, row + i, v))
            return false;
    }
    return true;
}

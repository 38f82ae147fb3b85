/* See scan.h: scan_row.
 *
 * Rows of one batch are alike in more than their keys: the value behind a key that nobody wants is
 * mostly of the type that it was before. So what is held to the row before is key and type at once,
 * two words for both, and a member of a fixed size is passed without a look at the value: where the
 * next one begins does not wait for a byte that is read (the branch that it depends on is
 * predicted). A wrong guess is not made again.
 *
 * The remembered keys of rows are those of all rows so far, in an order of theirs: a key that is
 * not the expected one is looked for a little further on, as some are left out now and then, and
 * put in where it was met if it is not there. Rows without an order are told by what looking costs;
 * then each key only takes the place of the one that was expected.
 *
 * What is near the end of the input is read as anywhere else, by scan_keys.h and scan_one.h. */
#include "format/scan_keys.h"
#include "format/scan_one.h"

/* Of the value behind an expected key. */
enum kind {
    KIND_NEW,    /* not looked at yet */
    KIND_CELL,   /* wanted */
    KIND_INSIDE, /* something inside is wanted */
    KIND_ANY,    /* not wanted, and not guessed */
    /* Not wanted, and guessed: the words have the type. The key has less than KEY_WORDS_BYTES. */
    KIND_FIXED, /* step: bytes of the key and it */
    KIND_STR,   /* fixstr; step: bytes of the key and the header */
    KIND_ITEMS, /* fixmap or fixarray; the same */
};

#define VALUE_BYTES 32u /* of a value whose first byte tells its size, at most: a fixstr */
#define CLEAR_BYTES (KEY_WORDS_BYTES + VALUE_BYTES) /* how far a look at a member may go */

/* Looking for a key that is not the expected one: among how many at most, how many looks are as
 * dear as what it saves when it is found, and when it is given up. */
#define SEEK_KEYS  16u
#define SEEK_WORTH 8u
#define SEEK_MOST  256u

/* Decides on a key that is met for the second time, h the first byte of its value. */
static void guess(const struct scanner *s, struct expected *e, uint8_t h) {
    const struct field *field = e->field;
    uint8_t bits = 0xE0; /* of h, that tell what is to be told */
    if (field) {
        e->kind = field->n_names + field->n_indexes == 0 ? KIND_CELL : KIND_INSIDE;
        return;
    }
    e->kind = KIND_ANY;
    if (e->n >= KEY_WORDS_BYTES)
        return;
    e->step = (uint8_t)(e->n + 1);
    if ((h & 0xE0) == 0xA0) {
        e->kind = KIND_STR;
    } else if ((h & 0xE0) == 0x80) {
        if (s->depth_limit < 2 || s->fields_limit < 0x0F)
            return;
        e->kind = KIND_ITEMS;
    } else if (SCAN_SIZE[h] > 0) {
        e->kind = KIND_FIXED;
        e->step = (uint8_t)(e->n + SCAN_SIZE[h]);
        if (h < 0x80)
            bits = 0x80;
        else if (h < 0xE0)
            bits = (h & 0xFE) == 0xC2 ? 0xFE : 0xFF; /* false and true, or one type */
    } else {
        return;
    }
    ((uint8_t *)e->mask)[e->n] = bits;
    ((uint8_t *)e->word)[e->n] = h & bits;
}

static void give_up_guess(struct expected *e) {
    expected_words(e);
    e->kind = KIND_ANY;
}

/* What is at p does not begin as expected. Whether that is only because of the guess. */
static bool is_wrong_guess(struct expected *e, const uint8_t *p) {
    if (e->kind < KIND_FIXED || memcmp(p, e->bytes, e->n) != 0)
        return false;
    give_up_guess(e);
    return true;
}

/* Whether the key at p, behind which is room for a member, is the expected one. */
static inline bool is_expected(struct expected *e, const uint8_t *p, const uint8_t *end) {
    if (!expected_begins(e, p))
        return is_wrong_guess(e, p);
    return e->n <= KEY_WORDS_BYTES ||
           ((size_t)(end - p) >= (size_t)e->n + VALUE_BYTES && expected_ends(e, p));
}

static bool seeks(const struct shape *shape) { return shape->lost < SEEK_MOST; }

/* The expected key that is at p, from e on or from the first; NULL if it is not found. */
static struct expected *seek(struct shape *shape, struct expected *e, const uint8_t *p,
                             const uint8_t *end) {
    const struct expected *last = shape->keys + shape->known;
    bool at_last = e == last; /* in a first row each key is new, which tells nothing */
    uint32_t n = shape->known < SEEK_KEYS ? shape->known : SEEK_KEYS;
    for (uint32_t i = 1; i <= n; i++, e++) {
        if (e == last)
            e = shape->keys;
        if (*(const uint8_t *)e->word != *p || !is_expected(e, p, end))
            continue;
        shape->lost += i;
        shape->lost -= shape->lost < SEEK_WORTH ? shape->lost : SEEK_WORTH;
        return e;
    }
    if (!at_last)
        shape->lost += n;
    return NULL;
}

/* A place at e, where a key was not expected: between what is there, or, if keys are not looked for
 * any more or there are too many, in the place of the one there. False: there is none. */
static bool insert(struct shape *shape, struct expected *e) {
    uint32_t at = (uint32_t)(e - shape->keys);
    bool full = shape->known == shape->cap;
    if (at == shape->known ? full : full || !seeks(shape))
        return at < shape->known;
    memmove(e + 1, e, (shape->known - at) * sizeof *e);
    shape->known++;
    return true;
}

/* Steps over the n values at p, if all are such that their first bytes tell their sizes, and begin
 * before `near`. NULL: they are not. */
static inline const uint8_t *skip_items(const uint8_t *p, const uint8_t *near, uint32_t n) {
    for (; n > 0; n--) {
        if (p >= near)
            return NULL;
        uint8_t h = *p;
        uint32_t str = h - 0xA0u;
        if (str < 0x20) /* predicted, so that p does not wait for the table */
            p += 1 + str;
        else if (SCAN_SIZE[h] > 0)
            p += SCAN_SIZE[h];
        else
            return NULL;
    }
    return p;
}

/* The value at v, behind an expected key, without a guess. */
static inline const uint8_t *pass_value(struct scanner *s, struct expected *e, const uint8_t *v,
                                        const uint8_t *end, struct block *b, uint32_t row) {
    if (e->kind == KIND_NEW)
        guess(s, e, *v);
    if (e->kind == KIND_CELL)
        return scan_take(s, v, end, 1, &b->columns[e->field->slot], row);
    if (e->kind == KIND_INSIDE)
        return scan_value(s, e->field, v, end, 1, b, row);
    return scan_skip(s, v, end, 1);
}

/* The member at p, before `near`, whose key is the expected one. */
static inline const uint8_t *pass_member(struct scanner *s, struct expected *e, const uint8_t *p,
                                         const uint8_t *near, const uint8_t *end, struct block *b,
                                         uint32_t row) {
    if (e->kind == KIND_FIXED)
        return p + e->step;
    if (e->kind == KIND_STR)
        return p + e->step + (p[e->n] & 0x1F);
    if (e->kind == KIND_ITEMS) {
        uint8_t h = p[e->n];
        uint32_t n = h & 0x0F;
        const uint8_t *next = skip_items(p + e->step, near, h < 0x90 ? 2 * n : n);
        if (next)
            return next;
        give_up_guess(e);
    }
    return pass_value(s, e, p + e->n, end, b, row);
}

/* The value at v, wherever it is. */
static inline const uint8_t *read_value(struct scanner *s, const struct field *field,
                                        const uint8_t *v, const uint8_t *end, struct block *b,
                                        uint32_t row) {
    return field ? scan_value(s, field, v, end, 1, b, row) : scan_skip(s, v, end, 1);
}

/* The member at p that is not the one expected at e. Gives the next one to be expected. */
static const uint8_t *scan_other(struct scanner *s, struct expected **e, const uint8_t *p,
                                 const uint8_t *near, const uint8_t *end, struct block *b,
                                 uint32_t row) {
    struct shape *shape = &s->shapes[0];
    const struct field *field;
    struct expected *found = p < near && seeks(shape) ? seek(shape, *e, p, end) : NULL;
    if (found) {
        *e = found + 1;
        return read_value(s, found->field, p + found->n, end, b, row);
    }
    const uint8_t *value = scan_read_key(s, s->fields->root, p, end, 1, &field);
    if (!value)
        return NULL;
    if (p < near && insert(shape, *e)) {
        scan_learn(*e, p, (size_t)(value - p), end, field);
        ++*e;
    }
    return read_value(s, field, value, end, b, row);
}

/* The n members of a row, from p on. Those that begin before `near` have CLEAR_BYTES. */
static const uint8_t *scan_members(struct scanner *s, uint32_t n, const uint8_t *p,
                                   const uint8_t *end, struct block *b, uint32_t row) {
    struct shape *shape = &s->shapes[0];
    struct expected *e = shape->keys, *last = e + shape->known;
    const uint8_t *near = (size_t)(end - p) > CLEAR_BYTES ? end - CLEAR_BYTES : p;
    for (; p && n > 0; n--) {
        if (p < near && e != last && is_expected(e, p, end)) {
            p = pass_member(s, e, p, near, end, b, row);
            e++;
        } else {
            struct expected *next = e; /* a copy, so that e itself can be in a register */
            p = scan_other(s, &next, p, near, end, b, row);
            e = next;
            last = shape->keys + shape->known;
        }
    }
    return p;
}

const uint8_t *scan_row(struct scanner *s, const uint8_t *p, const uint8_t *end, struct block *b,
                        uint32_t row) {
    const struct field *root = s->fields->root;
    uint32_t n;
    bool map;
    const uint8_t *body;
    if (p == end)
        return scan_fail(s, E_ROW_TRUNCATED, p);
    if ((*p & 0xF0) != 0x80 && *p != 0xDE && *p != 0xDF)
        return scan_fail(s, *p == 0xC1 ? E_ROW_INVALID : E_ROW_NOT_MAP, p);
    if (root->slot != NO_SLOT || root->n_names == 0 || s->depth_limit == 0)
        return scan_value(s, root, p, end, 0, b, row);
    return open_container(s, p, end, &n, &map, &body) ? scan_members(s, n, body, end, b, row)
                                                      : NULL;
}

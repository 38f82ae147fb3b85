/* A stretch of an array that goes into cells as a whole. Private to table/. */
#ifndef TAMIS_TABLE_STRETCH_H
#define TAMIS_TABLE_STRETCH_H

#include "table/cells.h"
#include "table/lists.h"
#include "value/array.h"

#include <endian.h>
#include <string.h>

/* Rows [from, from + n) of an array. */
struct stretch {
    const struct array *a;
    uint64_t from;
    uint32_t n, n_valid;
    bool all; /* valid, that is; the bitmaps then say nothing */
    uint64_t valid[CHUNK_WORDS], present[CHUNK_WORDS];
};

/* n bits from bit `from` of a bitmap of bytes; NULL: ones. */
void stretch_bits(const uint8_t *map, uint64_t from, uint32_t n, uint64_t *out);
/* Rows [from, from + n) of an array, n <= SEGMENT_ROWS. */
void stretch_look(struct stretch *s, const struct array *a, uint64_t from, uint32_t n);

/* Marks the rows of a stretch, whose values the cells have, from `row` on. */
static inline bool stretch_mark(struct cells *c, uint32_t row, const struct stretch *s) {
    return cells_mark_bits(c, row, s->n, s->all ? NULL : s->valid, s->all ? NULL : s->present);
}

/* A little-endian number of `size` bytes. */
static inline uint64_t stretch_load(const uint8_t *p, unsigned size) {
    uint64_t x = 0;
    memcpy(&x, p, size);
    return le64toh(x);
}

/* Bytes of an item of arrays of numbers or booleans. */
unsigned stretch_item_bytes(enum array_type type);
/* The numbers of a stretch as words: integers, or doubles. False: they are in the memory of another
 * process, and cannot be read there. */
bool stretch_words(const struct stretch *s, union word *out);
/* Whether one of them is negative, or too large for an integer with a sign. */
bool words_have_top_bit(const union word *word, uint32_t n);

/* Puts numbers, and marks their rows; `scratch` has room for them. False: no memory, or *ret_unread
 * is set, as by stretch_words. */
bool numbers_feed(struct cells *c, uint32_t row, const struct stretch *s, union word *scratch,
                  bool *ret_unread);
/* The same of booleans and timestamps, which are here. */
bool typed_feed(struct cells *c, uint32_t row, const struct stretch *s);

/* Strings, binary, and nested values that have offsets. */
static inline bool array_is_text(const struct array *a) {
    return a->type == ARRAY_STR || a->type == ARRAY_BIN || (a->type == ARRAY_VALUES && a->offsets);
}
/* Puts them, and marks their rows. False: no memory. */
bool texts_feed(struct cells *c, uint32_t row, const struct stretch *s);
/* The same of a whole segment that is sealed next, without gaps: its bytes may stay where they are.
 */
bool texts_feed_segment(struct cells *c, const struct stretch *s);

/* Whether that is a column of strings that do not repeat, which are read when they are sealed. */
bool texts_may_be_far(const struct cells *c, const struct stretch *s);
/* The same of those, whose bytes are in another process. */
bool texts_feed_far(struct cells *c, const struct stretch *s);

static inline bool array_is_nested(const struct array *a) { return a->type >= ARRAY_LIST; }
/* The same of lists, maps and structs. `lists` belongs to the cells; *text is for what is looked
 * up. */
bool nested_feed(struct cells *c, uint32_t row, const struct stretch *s, struct lists *lists,
                 struct buf *text);

#endif

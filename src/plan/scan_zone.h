/* Zones: what the statistics of a chunk say before a loop is run. Private to plan/; see
 * scan_tree.h.
 */
#ifndef TAMIS_PLAN_SCAN_ZONE_H
#define TAMIS_PLAN_SCAN_ZONE_H

#include "plan/scan_tree.h"

typedef __int128 wide; /* any stored number, and what is reckoned with it */

enum zone_says { ZONE_SOME, ZONE_NONE, ZONE_ALL };

struct stretch {
    uint32_t from, to; /* rows; from is a zone's first */
};

/* What a zone's statistics say of a condition, given by its bounds, for those rows that hold a
 * value; and the loop for a stretch of zones, whose bitmaps begin with the stretch. */
typedef enum zone_says judge_fn(const struct zone *z, const void *bounds);
typedef uint32_t loop_fn(struct scan *s, const struct chunk *c, const void *bounds,
                         struct stretch at, const uint64_t *in, uint64_t *out);

/* Runs a loop over the zones that statistics do not decide, in as few calls as there can be. `in`
 * has rows with values only. */
uint32_t scan_by_zones(struct scan *s, struct scan_node *node, const struct chunk *c,
                       judge_fn *judge, loop_fn *run, const void *bounds, const uint64_t *in,
                       uint64_t *out);

/* Whether statistics decide none of the chunk's zones. */
bool scan_is_open(const struct scan *s, const struct chunk *c, judge_fn *judge, const void *bounds);

bool scan_is_empty(const uint64_t *in, uint32_t from, uint32_t to); /* rows from .. to - 1 */
uint32_t scan_nothing(const struct scan *s, uint64_t *out);
uint32_t scan_copied(const struct scan *s, const uint64_t *in, uint64_t *out);
/* All of `in`, or nothing of it, because the whole segment is decided. */
uint32_t scan_whole(const struct scan *s, struct scan_node *node, bool all, const uint64_t *in,
                    uint64_t *out);

/* low <= x <= high of the numbers that are stored, or `outside`, in a stretch; and how. */
uint32_t scan_int_range(struct scan *s, const struct chunk *c, struct stretch at, int64_t low,
                        int64_t high, bool outside, const uint64_t *in, uint64_t *out);
enum scan_how scan_range_how(uint8_t width);
/* What stored numbers are added to. */
static inline wide scan_base(const struct chunk *c) {
    return c->is_unsigned ? (wide)c->base : (wide)(int64_t)c->base;
}
/* The numbers of n <= ZONE_ROWS rows, base and all; room, for so many, is used where they are not
 * stored like that. */
static inline const int64_t *scan_widened(struct scan *s, const struct chunk *c, uint32_t from,
                                          uint32_t n, int64_t *room) {
    if (c->width == 8 && c->base == 0)
        return (const int64_t *)c->data + from;
    s->ops->widen_i64((const uint8_t *)c->data + (size_t)from * c->width, n, c->base, c->width,
                      room);
    return room;
}

/* A text as the zones of a chunk of strings have theirs, what is not there filled with `fill`; of
 * one that is before or behind all strings of the chunk the least or the greatest number. In the
 * order of strings. */
uint64_t scan_text_head(const struct chunk *c, struct str k, uint8_t fill);

/* The stored bytes that a comparison, or an IN of some set, wants; ret is empty before. False: it
 * is none of numbers with numbers, or of times with times. */
bool scan_int_wanted(const struct term *t, const struct chunk *c, struct byte_set *ret);
bool scan_set_wanted(struct scan_node *node, const struct chunk *c, struct byte_set *ret);

/* Terms by the form of the chunk, for whoever has found that it is that form. */
uint32_t scan_ints(struct scan *s, struct scan_node *node, const struct chunk *c,
                   const uint64_t *in, uint64_t *out);
uint32_t scan_doubles(struct scan *s, struct scan_node *node, const struct chunk *c,
                      const uint64_t *in, uint64_t *out);
uint32_t scan_times(struct scan *s, struct scan_node *node, const struct chunk *c,
                    const uint64_t *in, uint64_t *out);
uint32_t scan_set(struct scan *s, struct scan_node *node, const struct chunk *c, const uint64_t *in,
                  uint64_t *out);
uint32_t scan_strings(struct scan *s, struct scan_node *node, const struct chunk *c,
                      const uint64_t *in, uint64_t *out);

/* The same conditions for a loop over two columns at once (scan_two.c): over a chunk of single
 * bytes of which no zone is decided. False: it is none such. */
bool scan_int_bytes(const struct scan *s, const struct scan_node *node, const struct chunk *c,
                    struct byte_range *ret);
bool scan_code_bytes(struct scan *s, struct scan_node *node, const struct chunk *c,
                     struct byte_range *ret);
/* A term that is never TRUE nor FALSE where there is no value. */
bool scan_is_strict(const struct term *t);

#endif

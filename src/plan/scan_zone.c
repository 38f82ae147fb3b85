/* See scan_zone.h. */
#include "plan/scan_zone.h"

uint32_t scan_nothing(const struct scan *s, uint64_t *out) {
    memset(out, 0, s->words * sizeof *out);
    return 0;
}

uint32_t scan_copied(const struct scan *s, const uint64_t *in, uint64_t *out) {
    if (out != in)
        memcpy(out, in, s->words * sizeof *out);
    return s->ops->bits_count(out, s->words);
}

uint32_t scan_whole(const struct scan *s, struct scan_node *node, bool all, const uint64_t *in,
                    uint64_t *out) {
    uint32_t zones = (s->n + ZONE_ROWS - 1) / ZONE_ROWS;
    node->zones += zones;
    *(all ? &node->zones_all : &node->zones_none) += zones;
    return all ? scan_copied(s, in, out) : scan_nothing(s, out);
}

const uint64_t *scan_valid(struct scan *s, const struct chunk *c, const uint64_t *in) {
    if (!c->valid)
        return in;
    s->ops->bits_and(in, c->valid, s->words, s->narrowed);
    return s->narrowed;
}

bool scan_is_empty(const uint64_t *in, uint32_t from, uint32_t to) {
    for (uint32_t w = from / 64; w < (to + 63) / 64; w++)
        if (in[w])
            return false;
    return true;
}

/* Puts a stretch with one verdict into out. */
static uint32_t settle(struct scan *s, const struct chunk *c, enum zone_says says, loop_fn *run,
                       const void *bounds, struct stretch at, const uint64_t *in, uint64_t *out) {
    uint32_t first = at.from / 64, words = (at.to + 63) / 64 - first;
    if (says == ZONE_SOME)
        return run(s, c, bounds, at, in + first, out + first);
    if (says == ZONE_NONE)
        memset(out + first, 0, words * sizeof *out);
    else if (out != in)
        memcpy(out + first, in + first, words * sizeof *out);
    return says == ZONE_NONE ? 0 : s->ops->bits_count(out + first, words);
}

uint32_t scan_by_zones(struct scan *s, struct scan_node *node, const struct chunk *c,
                       judge_fn *judge, loop_fn *run, const void *bounds, const uint64_t *in,
                       uint64_t *out) {
    uint32_t kept = 0;
    struct stretch at = {0, 0};
    enum zone_says says = ZONE_SOME;
    for (uint32_t z = 0; at.to < s->n; z++) {
        uint32_t end = (z + 1) * ZONE_ROWS < s->n ? (z + 1) * ZONE_ROWS : s->n;
        enum zone_says here = !c->zones ? ZONE_SOME : judge(&c->zones[z], bounds);
        node->zones++;
        node->zones_all += here == ZONE_ALL;
        if (here == ZONE_SOME && scan_is_empty(in, at.to, end))
            here = ZONE_NONE;
        node->zones_none += here == ZONE_NONE;
        if (here != says && at.to > at.from) {
            kept += settle(s, c, says, run, bounds, at, in, out);
            at.from = at.to;
        }
        says = here;
        at.to = end;
    }
    return kept + settle(s, c, says, run, bounds, at, in, out);
}

bool scan_is_open(const struct scan *s, const struct chunk *c, judge_fn *judge,
                  const void *bounds) {
    uint32_t zones = c->zones ? (s->n + ZONE_ROWS - 1) / ZONE_ROWS : 0;
    for (uint32_t z = 0; z < zones; z++)
        if (judge(&c->zones[z], bounds) != ZONE_SOME)
            return false;
    return true;
}

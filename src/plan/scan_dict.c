/* What a term, or a part of the query, says of the values of a dictionary: each is asked once, and
 * the answers are kept with the scan as sets of codes. See scan_tree.h. */
#include "plan/scan_zone.h"

#define SET_WORDS_LEAST 1024u /* 65536 codes: what loops over two bytes read */

/* The set of a dictionary, or the one that has not been used for the longest time. */
static struct code_set *find_set(struct scan *s, struct scan_node *node, uint64_t dict) {
    if (!node->sets)
        node->sets = arena_zero(&s->arena, CODE_SETS * sizeof *node->sets);
    if (!node->sets)
        return NULL;
    struct code_set *oldest = &node->sets[0];
    for (uint32_t i = 0; i < CODE_SETS; i++) {
        if (node->sets[i].dict == dict)
            return &node->sets[i];
        if (node->sets[i].used < oldest->used)
            oldest = &node->sets[i];
    }
    if (oldest->bits)
        memset(oldest->bits, 0, oldest->words * sizeof *oldest->bits);
    oldest->dict = dict;
    oldest->count = 0;
    oldest->wanted = oldest->unwanted = (struct code_run){0};
    oldest->mismatched = false;
    return oldest;
}

static bool reserve(struct scan *s, struct code_set *set, uint32_t count) {
    uint32_t words = set->words;
    while (words < SET_WORDS_LEAST || (uint64_t)words * 64 < count)
        words = words ? 2 * words : SET_WORDS_LEAST;
    if (words == set->words)
        return true;
    uint64_t *bits =
        budget_realloc(s->arena.budget, set->bits, set->words * sizeof *bits, words * sizeof *bits);
    if (!bits)
        return false;
    memset(bits + set->words, 0, (words - set->words) * sizeof *bits);
    set->bits = bits;
    set->words = words;
    return true;
}

static void add_run(struct code_run *r, uint32_t n, uint32_t first, uint32_t last) {
    if (n == 0)
        return;
    if (r->n == 0)
        r->first = first;
    r->last = last;
    r->n += n;
}

/* Of the codes from .. from + n - 1 those are wanted that `kept` names, ascending. */
static void set_codes(struct code_set *set, uint32_t from, uint32_t n, const uint16_t *kept,
                      uint32_t n_kept) {
    for (uint32_t i = 0; i < n_kept; i++)
        set->bits[(from + kept[i]) / 64] |= UINT64_C(1) << ((from + kept[i]) % 64);
    if (n_kept > 0)
        add_run(&set->wanted, n_kept, from + kept[0], from + kept[n_kept - 1]);
    uint32_t first = 0, behind = n, left = n_kept;
    while (first < n_kept && kept[first] == first)
        first++;
    while (left > 0 && kept[left - 1] == behind - 1) {
        left--;
        behind--;
    }
    add_run(&set->unwanted, n - n_kept, from + first, from + behind - 1);
}

static void fill(const struct dict *d, uint32_t from, uint32_t n, struct column *c) {
    c->seen = 0;
    for (uint32_t i = 0; i < n; i++) {
        column_put(c, i, dict_value(d, from + i));
        c->seen |= SEEN(c->tag[i]);
    }
}

/* Asks the codes from .. from + n - 1, at most a block of them. */
static void ask(struct scan *s, struct scan_node *node, const struct dict *d, struct code_set *set,
                uint32_t from, uint32_t n) {
    if (node->kind == SCAN_PART) {
        const uint16_t *rows;
        fill(d, from, n, &run_block(node->part->run)->columns[0]);
        uint32_t kept = scan_run_block(s, node, n, &rows);
        set_codes(set, from, n, rows, kept);
        return;
    }
    struct sel_args args = {.x = &s->block.columns[0],
                            .term = node->term,
                            .stop = s->options.stop,
                            .mismatch = &s->mismatches};
    fill(d, from, n, &s->block.columns[0]);
    const struct kernel *kernel = kernel_pick(node->term, args.x->seen, 0);
    set_codes(set, from, n, s->kept, kernel->run(&args, NULL, n, s->kept));
}

/* Makes the set tell of `count` codes. */
static bool extend(struct scan *s, struct scan_node *node, const struct dict *d,
                   struct code_set *set, uint32_t count) {
    uint32_t most = node->kind == SCAN_PART ? run_block(node->part->run)->rows : s->block.rows;
    uint64_t mismatches = s->mismatches, undefined = s->undefined;
    while (set->count < count && !scan_is_stopped(s) && s->failure == E_OK) {
        uint32_t n = count - set->count < most ? count - set->count : most;
        ask(s, node, d, set, set->count, n);
        if (scan_is_stopped(s) || s->failure != E_OK)
            break;
        set->count += n;
        node->values_asked += n;
    }
    set->mismatched |= s->mismatches != mismatches || s->undefined != undefined;
    s->mismatches = mismatches; /* these are rows' counts, not values' */
    s->undefined = undefined;
    return set->count >= count;
}

const struct code_set *scan_codes(struct scan *s, struct scan_node *node, const struct dict *d) {
    uint32_t count = dict_count(d);
    struct code_set *set = find_set(s, node, dict_id(d));
    if (!set || (node->kind == SCAN_PART && !scan_part_ready(s, node)))
        return NULL;
    set->used = ++s->clock;
    if (set->count < count && (!reserve(s, set, count) || !extend(s, node, d, set, count))) {
        set->dict = 0; /* half asked: begin again next time */
        return NULL;
    }
    return set->mismatched ? NULL : set;
}

/* ---- rows by their codes ---- */

struct code_bounds {
    const struct code_set *set;
    uint8_t width;
};

#define CODES_LOOKED_AT 4096u /* of a zone's range: more say little, and take long to count */

static uint32_t count_wanted(const uint64_t *bits, uint64_t low, uint64_t high) {
    uint32_t n = 0;
    for (uint64_t w = low / 64; w <= high / 64; w++) {
        uint64_t word = bits[w];
        if (w == low / 64)
            word &= UINT64_MAX << (low % 64);
        if (w == high / 64 && high % 64 < 63)
            word &= (UINT64_C(1) << (high % 64 + 1)) - 1;
        n += (uint32_t)__builtin_popcountll(word);
    }
    return n;
}

static enum zone_says judge_codes(const struct zone *z, const void *bounds) {
    const struct code_bounds *b = bounds;
    uint64_t low = z->low.u, high = z->high.u;
    if (!z->has_value)
        return ZONE_NONE;
    if (high - low >= CODES_LOOKED_AT || high >= b->set->count)
        return ZONE_SOME;
    uint32_t n = count_wanted(b->set->bits, low, high);
    return n == 0 ? ZONE_NONE : n == high - low + 1 ? ZONE_ALL : ZONE_SOME;
}

static uint32_t loop_codes(struct scan *s, const struct chunk *c, const void *bounds,
                           struct stretch at, const uint64_t *in, uint64_t *out) {
    const struct code_bounds *b = bounds;
    uint32_t n = at.to - at.from;
    switch (c->width) {
    case 1:
        return s->ops->lookup_u8((const uint8_t *)c->data + at.from, n, b->set->bits, in, out);
    case 2:
        return s->ops->lookup_u16((const uint16_t *)c->data + at.from, n, b->set->bits, in, out);
    default:
        return s->ops->lookup_u32((const uint32_t *)c->data + at.from, n, b->set->bits, in, out);
    }
}

/* Wanted codes that are neighbours, as those of one value are, or all others but such: an interval,
 * which takes less than looking each code up. */
struct code_interval {
    uint32_t low, high;
    bool outside;
};

static bool is_interval(const struct code_run *r) { return r->n > 0 && r->last - r->first < r->n; }

static enum zone_says judge_interval(const struct zone *z, const void *bounds) {
    const struct code_interval *b = bounds;
    if (!z->has_value)
        return ZONE_NONE;
    if (b->high < z->low.u || b->low > z->high.u)
        return b->outside ? ZONE_ALL : ZONE_NONE;
    if (b->low <= z->low.u && z->high.u <= b->high)
        return b->outside ? ZONE_NONE : ZONE_ALL;
    return ZONE_SOME;
}

/* The loops take codes for signed numbers: an interval on both sides of their sign is the
 * complement of one that is not, or of none. */
#define LOOP_INTERVAL(bits)                                                                        \
    static uint32_t interval_##bits(struct scan *s, const struct chunk *c,                         \
                                    const struct code_interval *b, struct stretch at,              \
                                    const uint64_t *in, uint64_t *out) {                           \
        int##bits##_t low = (int##bits##_t)b->low, high = (int##bits##_t)b->high;                  \
        bool split = low > high;                                                                   \
        if (split) {                                                                               \
            low = (int##bits##_t)(b->high + 1);                                                    \
            high = (int##bits##_t)(b->low - 1);                                                    \
        }                                                                                          \
        return s->ops->range_i##bits((const int##bits##_t *)c->data + at.from, at.to - at.from,    \
                                     low, high, b->outside != split, in, out);                     \
    }

LOOP_INTERVAL(8)
LOOP_INTERVAL(16)
LOOP_INTERVAL(32)
#undef LOOP_INTERVAL

static uint32_t loop_interval(struct scan *s, const struct chunk *c, const void *bounds,
                              struct stretch at, const uint64_t *in, uint64_t *out) {
    switch (c->width) {
    case 1:
        return interval_8(s, c, bounds, at, in, out);
    case 2:
        return interval_16(s, c, bounds, at, in, out);
    default:
        return interval_32(s, c, bounds, at, in, out);
    }
}

/* The interval as the chunk's codes can have it. False: none of them is in it, as of codes that
 * came when the chunk was there already. */
static bool stored_interval(const struct chunk *c, const struct code_run *r, bool outside,
                            struct code_interval *ret) {
    uint32_t most = c->width < 4 ? (1u << (8 * c->width)) - 1 : UINT32_MAX;
    *ret = (struct code_interval){r->first, r->last < most ? r->last : most, outside};
    return ret->low <= most;
}

static uint32_t in_interval(struct scan *s, struct scan_node *node, const struct chunk *c,
                            const struct code_run *r, bool outside, const uint64_t *in,
                            uint64_t *out) {
    struct code_interval b;
    if (!stored_interval(c, r, outside, &b))
        return scan_whole(s, node, outside, in, out);
    node->how[c->width == 1 ? HOW_RANGE_8 : c->width == 2 ? HOW_RANGE_16 : HOW_RANGE_32]++;
    return scan_by_zones(s, node, c, judge_interval, loop_interval, &b, in, out);
}

uint32_t scan_lookup(struct scan *s, struct scan_node *node, const struct chunk *c,
                     const struct code_set *set, const uint64_t *in, uint64_t *out) {
    if (set->wanted.n == 0)
        return scan_whole(s, node, false, in, out);
    if (is_interval(&set->wanted))
        return in_interval(s, node, c, &set->wanted, false, in, out);
    if (is_interval(&set->unwanted))
        return in_interval(s, node, c, &set->unwanted, true, in, out);
    struct code_bounds b = {set, c->width};
    node->how[c->width == 1 ? HOW_LOOKUP_8 : c->width == 2 ? HOW_LOOKUP_16 : HOW_LOOKUP_32]++;
    return scan_by_zones(s, node, c, judge_codes, loop_codes, &b, in, out);
}

/* The codes as signed numbers, as above. */
static struct byte_range byte_range(const struct chunk *c, const struct code_interval *b) {
    bool split = (int8_t)b->low > (int8_t)b->high;
    int8_t low = (int8_t)(split ? b->high + 1 : b->low),
           high = (int8_t)(split ? b->low - 1 : b->high);
    return (struct byte_range){c->data, low, high, b->outside != split};
}

bool scan_code_bytes(struct scan *s, struct scan_node *node, const struct chunk *c,
                     struct byte_range *ret) {
    const struct code_set *set = c->width == 1 ? scan_codes(s, node, c->dict) : NULL;
    if (!set || set->wanted.n == 0 || (!is_interval(&set->wanted) && !is_interval(&set->unwanted)))
        return false;
    bool outside = !is_interval(&set->wanted);
    struct code_interval b;
    if (!stored_interval(c, outside ? &set->unwanted : &set->wanted, outside, &b) ||
        !scan_is_open(s, c, judge_interval, &b))
        return false;
    *ret = byte_range(c, &b);
    return true;
}

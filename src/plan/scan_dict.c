/* What a term, or a part of the query, says of the values of a dictionary: each is asked once, and
 * the answers are kept with the scan as sets of codes. See scan_tree.h. */
#include "plan/scan_tree.h"

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
    oldest->count = oldest->n_wanted = 0;
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

static void set_codes(struct code_set *set, uint32_t from, const uint16_t *kept, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        set->bits[(from + kept[i]) / 64] |= UINT64_C(1) << ((from + kept[i]) % 64);
    set->n_wanted += n;
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
        set_codes(set, from, rows, scan_run_block(s, node, n, &rows));
        return;
    }
    struct sel_args args = {.x = &s->block.columns[0],
                            .term = node->term,
                            .stop = s->options.stop,
                            .mismatch = &s->mismatches};
    fill(d, from, n, &s->block.columns[0]);
    const struct kernel *kernel = kernel_pick(node->term, args.x->seen, 0);
    set_codes(set, from, s->kept, kernel->run(&args, NULL, n, s->kept));
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

uint32_t scan_lookup(struct scan *s, struct scan_node *node, const struct chunk *c,
                     const struct code_set *set, const uint64_t *in, uint64_t *out) {
    if (set->n_wanted == 0) {
        memset(out, 0, s->words * sizeof *out);
        return 0;
    }
    switch (c->width) {
    case 1:
        node->how[HOW_LOOKUP_8]++;
        return s->ops->lookup_u8(c->data, s->n, set->bits, in, out);
    case 2:
        node->how[HOW_LOOKUP_16]++;
        return s->ops->lookup_u16(c->data, s->n, set->bits, in, out);
    default:
        node->how[HOW_LOOKUP_32]++;
        return s->ops->lookup_u32(c->data, s->n, set->bits, in, out);
    }
}

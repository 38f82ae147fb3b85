/* The dense loops over strings; part of dense_loops.h.
 *
 * Equality, prefix and suffix look at lengths first, 64 rows at once, then at one word of 8 bytes
 * of each row that is left, then at the rest. Containment searches the bytes of up to 64 rows as
 * one text, as they stand one behind the other, and looks up which row a hit is in; a hit that
 * reaches into the next row is none. The search compares several bytes of the pattern at 64 places
 * at once (Mula, "SIMD-friendly algorithms for substring searching", 2016, the generic algorithm:
 * first and last byte; here with two more). Failed comparisons of the rest are paid out of a credit
 * that the searched bytes earn; if it is used up, memmem goes on, so that no pattern takes more
 * than a constant factor of the text.
 */
#ifndef TAMIS_KERNEL_DENSE_TEXT_H
#define TAMIS_KERNEL_DENSE_TEXT_H

#include "kernel/dense_loops.h"

#include <endian.h>

struct text {
    const uint32_t *offsets;
    const uint8_t *bytes;
    uint32_t n;
    bool at_end;        /* looked at from the end of a row */
    uint32_t low, span; /* of lengths, as for rows_spans */
    uint64_t word, care;
    const uint8_t *k;
    uint32_t k_n;
};

/* The offsets of 64 rows and the next. The array may end before them: then a copy, which goes on
 * with empty rows. */
INLINE const uint32_t *offsets_of(const struct text *t, size_t row, uint32_t copy[65]) {
    const uint32_t *offsets = t->offsets + row;
    uint32_t n = t->n - (uint32_t)row;
    if (n >= 64)
        return offsets;
    memcpy(copy, offsets, (n + 1) * sizeof *copy);
    for (uint32_t i = n + 1; i < 65; i++)
        copy[i] = copy[n];
    return copy;
}

INLINE void first_word(const uint8_t *k, size_t k_n, uint64_t *ret_word, uint64_t *ret_care) {
    size_t n = k_n < 8 ? k_n : 8;
    *ret_word = *ret_care = 0;
    if (n > 0)
        memcpy(ret_word, k, n);
    memset(ret_care, 0xFF, n);
}

/* --- equal, prefix, suffix --- */

INLINE uint64_t look_anchored(const void *condition, size_t row, uint64_t want) {
    const struct text *t = condition;
    uint32_t copy[65];
    const uint32_t *offsets = offsets_of(t, row, copy);
    ask_ahead(t->offsets + row, 64 * sizeof *offsets);
    want &= rows_spans(offsets, t->low, t->span);
    if (!want)
        return 0;
    const uint32_t *at = offsets + t->at_end;
    uint32_t back = t->at_end ? t->k_n : 0;
    want &= rows_word(t->bytes, at, back, want, t->word, t->care);
    if (t->k_n > 8)
        for (uint64_t left = want; left; left &= left - 1) {
            unsigned i = (unsigned)__builtin_ctzll(left);
            if (memcmp(t->bytes + (at[i] - back) + 8, t->k + 8, t->k_n - 8) != 0)
                want &= ~(UINT64_C(1) << i);
        }
    return want;
}

static uint32_t anchored(struct text t, size_t k_n, bool longer, bool outside, const uint64_t *in,
                         uint64_t *out) {
    if (k_n > UINT32_MAX)
        return none(t.n, outside, in, out);
    t.k_n = t.low = (uint32_t)k_n;
    t.span = longer ? UINT32_MAX - t.k_n : 0;
    first_word(t.k, k_n, &t.word, &t.care);
    return each_word(look_anchored, &t, t.n, outside, in, out);
}

static uint32_t str_equal(const uint32_t *offsets, const uint8_t *bytes, uint32_t n,
                          const uint8_t *k, size_t k_n, bool outside, const uint64_t *in,
                          uint64_t *out) {
    struct text t = {.offsets = offsets, .bytes = bytes, .n = n, .k = k};
    return anchored(t, k_n, false, outside, in, out);
}

static uint32_t str_prefix(const uint32_t *offsets, const uint8_t *bytes, uint32_t n,
                           const uint8_t *k, size_t k_n, bool outside, const uint64_t *in,
                           uint64_t *out) {
    struct text t = {.offsets = offsets, .bytes = bytes, .n = n, .k = k};
    return anchored(t, k_n, true, outside, in, out);
}

static uint32_t str_suffix(const uint32_t *offsets, const uint8_t *bytes, uint32_t n,
                           const uint8_t *k, size_t k_n, bool outside, const uint64_t *in,
                           uint64_t *out) {
    struct text t = {.offsets = offsets, .bytes = bytes, .n = n, .k = k, .at_end = true};
    return anchored(t, k_n, true, outside, in, out);
}

/* --- contains --- */

#define CREDIT_FIRST 4096
#define CREDIT_BLOCK 512 /* bytes that may be compared in vain for 64 bytes of text */

struct contains {
    struct text text;
    struct search search;
    int64_t *credit;
};

static struct search search_for(const uint8_t *k, size_t k_n) {
    struct search s = {.k = k, .k_n = k_n, .at = {0, k_n > 1, k_n / 2, k_n - 1}};
    first_word(k, k_n, &s.word, &s.care);
    for (int i = 0; i < SEARCH_BYTES; i++)
        memset(s.byte[i], k[s.at[i]], sizeof s.byte[i]);
    return s;
}

/* The row that a byte is in: how many end at or before it. */
INLINE unsigned row_at(const uint32_t *offsets, uint32_t at) {
    return (unsigned)__builtin_popcountll(rows_in_i32((const int32_t *)offsets + 1, 0, at));
}

/* Whether the pattern stands where its four bytes do. */
INLINE bool stands_at(const struct search *s, const uint8_t *p, bool fold) {
    if (fold)
        return (((load_word(p) | s->fold) ^ s->word) & s->care) == 0;
    return ((load_word(p) ^ s->word) & s->care) == 0 &&
           (s->k_n <= 8 || memcmp(p + 8, s->k + 8, s->k_n - 8) == 0);
}

/* The row of the pattern at `here`, added to *found if it ends in it; gives where the next row
 * begins. Behind a place in a row there is nothing to look for in it: if the pattern reaches into
 * another row there, it does at any later place. */
INLINE const uint8_t *take_place(const struct contains *c, const uint32_t *offsets,
                                 const uint8_t *here, uint64_t *found) {
    uint32_t at = (uint32_t)(here - c->text.bytes);
    unsigned row = row_at(offsets, at);
    *found |= (uint64_t)(offsets[row + 1] - at >= c->text.k_n) << row;
    return c->text.bytes + offsets[row + 1];
}

/* The same search, by memmem. */
static uint64_t search_slowly(const struct contains *c, const uint32_t *offsets, const uint8_t *p,
                              const uint8_t *end) {
    uint64_t found = 0;
    while (p < end && (p = memmem(p, (size_t)(end - p), c->search.k, c->search.k_n)))
        p = take_place(c, offsets, p, &found);
    return found;
}

/* The bits from n on. */
INLINE uint64_t bits_from(size_t n) { return n < 64 ? ~UINT64_C(0) << n : 0; }

/* Where all four bytes fit in the blocks of 64 places from p on, 64 blocks at most: of block i
 * fits[i], and bit i is set if that is not zero. There is no branch on the text: what fits is rare
 * and comes at no regular places. `places` is how many there are in all. */
INLINE uint64_t blocks_fit(const struct search *s, const uint8_t *p, size_t places,
                           uint64_t fits[64], bool fold) {
    size_t blocks = places / 64 < 64 ? (places + 63) / 64 : 64;
    uint64_t some = 0;
    for (size_t i = 0; i < blocks; i++) {
        ask_ahead(p + 64 * i, 64);
        fits[i] = rows_fit(p + 64 * i, s, fold);
        some |= (uint64_t)(fits[i] != 0) << i;
    }
    if (places < 64 * blocks) {
        fits[blocks - 1] &= ~bits_from(64 - (64 * blocks - places));
        some &= ~((uint64_t)(fits[blocks - 1] == 0) << (blocks - 1));
    }
    return some;
}

/* The rows of the pattern's places in p .. end, which is one text, from row to row. With `fold` the
 * pattern is at most 8 bytes, and a comparison is one of a word, which needs no credit. */
INLINE uint64_t search_text(const struct contains *c, const uint32_t *offsets, const uint8_t *p,
                            const uint8_t *end, bool fold) {
    const struct search *s = &c->search;
    const uint8_t *next = p; /* nothing to look for before it */
    uint64_t found = 0, fits[64];
    if (!fold && *c->credit < 0)
        return search_slowly(c, offsets, p, end);
    for (; (size_t)(end - p) >= s->k_n; p += 64 * 64) {
        size_t places = (size_t)(end - p) - s->k_n + 1;
        for (uint64_t some = blocks_fit(s, p, places, fits, fold); some; some &= some - 1) {
            unsigned block = (unsigned)__builtin_ctzll(some);
            const uint8_t *from = p + 64 * (size_t)block;
            uint64_t fit = fits[block];
            if (next > from)
                fit &= bits_from((size_t)(next - from));
            while (fit) {
                const uint8_t *here = from + __builtin_ctzll(fit);
                fit &= fit - 1;
                if (stands_at(s, here, fold)) {
                    next = take_place(c, offsets, here, &found);
                    fit &= bits_from((size_t)(next - from));
                    continue;
                }
                if (fold)
                    continue;
                *c->credit -= (int64_t)s->k_n;
                if (*c->credit < 0)
                    return found | search_slowly(c, offsets, here + 1, end);
            }
        }
        *c->credit += (int64_t)(places < 64 * 64 ? places / 64 : 64) * CREDIT_BLOCK;
        if (places <= 64 * 64)
            break;
    }
    return found;
}

/* With `stretch`, all bytes from the first to the last of the rows are one text. Else each row is
 * one. */
INLINE uint64_t search_rows(const struct contains *c, const uint32_t *offsets, uint64_t rows,
                            bool stretch, bool fold) {
    const uint8_t *bytes = c->text.bytes;
    uint64_t found = 0;
    if (stretch) {
        unsigned first = (unsigned)__builtin_ctzll(rows),
                 last = 63 - (unsigned)__builtin_clzll(rows);
        return search_text(c, offsets, bytes + offsets[first], bytes + offsets[last + 1], fold);
    }
    for (; rows; rows &= rows - 1) {
        unsigned row = (unsigned)__builtin_ctzll(rows);
        found |= search_text(c, offsets, bytes + offsets[row], bytes + offsets[row + 1], fold);
    }
    return found;
}

/* Whether the rows are better searched as one text. In blocks of 64 bytes: a row by itself takes
 * those of its length, and two for the beginning. */
INLINE bool is_stretch(const uint32_t *offsets, uint64_t rows) {
    uint64_t blocks = (offsets[64] - offsets[0]) / 64;
    return (uint64_t)__builtin_popcountll(rows) * (2 + blocks / 64) >= blocks;
}

INLINE uint64_t look_contains(const void *condition, size_t row, uint64_t want) {
    const struct contains *c = condition;
    uint32_t copy[65];
    const uint32_t *offsets = offsets_of(&c->text, row, copy);
    want &= rows_spans(offsets, c->text.low, c->text.span);
    return want ? search_rows(c, offsets, want, is_stretch(offsets, want), false) : 0;
}

static uint32_t str_contains(const uint32_t *offsets, const uint8_t *bytes, uint32_t n,
                             const uint8_t *k, size_t k_n, bool outside, const uint64_t *in,
                             uint64_t *out) {
    struct text t = {.offsets = offsets, .bytes = bytes, .n = n, .k = k};
    if (k_n > UINT32_MAX)
        return none(n, outside, in, out);
    if (k_n == 0)
        return none(n, !outside, in, out);
    int64_t credit = CREDIT_FIRST;
    struct contains c = {t, search_for(k, k_n), &credit};
    c.text.k_n = c.text.low = (uint32_t)k_n;
    c.text.span = UINT32_MAX - c.text.k_n;
    return each_word(look_contains, &c, n, outside, in, out);
}

/* --- some of several, ASCII letters of either case --- */

struct any {
    struct contains of[NEEDLES_MOST];
    size_t count;
};

static struct search search_folded(const struct needle *k) {
    struct search s = search_for(k->bytes, k->n);
    uint8_t fold[8] = {0};
    for (size_t i = 0; i < k->n; i++)
        fold[i] = needle_case(k->bytes[i]);
    memcpy(&s.fold, fold, sizeof fold);
    for (int i = 0; i < SEARCH_BYTES; i++)
        memset(s.fold_byte[i], fold[s.at[i]], sizeof s.fold_byte[i]);
    return s;
}

/* Whether one row has a needle in it. */
INLINE bool row_has(const struct search *s, const uint8_t *p, const uint8_t *end) {
    for (; (size_t)(end - p) >= s->k_n; p += 64) {
        size_t places = (size_t)(end - p) - s->k_n + 1;
        uint64_t fit = rows_fit(p, s, true) & ~bits_from(places);
        for (; fit; fit &= fit - 1)
            if (stands_at(s, p + __builtin_ctzll(fit), true))
                return true;
        if (places <= 64)
            break;
    }
    return false;
}

INLINE uint64_t look_any(const void *condition, size_t row, uint64_t want) {
    const struct any *a = condition;
    uint32_t copy[65];
    const uint32_t *offsets = offsets_of(&a->of[0].text, row, copy);
    const uint8_t *bytes = a->of[0].text.bytes;
    uint64_t found = 0;
    if (is_stretch(offsets, want)) {
        for (size_t i = 0; i < a->count && want & ~found; i++)
            found |= search_rows(&a->of[i], offsets, want & ~found, true, true);
        return found;
    }
    for (uint64_t rows = want; rows; rows &= rows - 1) {
        unsigned i = (unsigned)__builtin_ctzll(rows);
        for (size_t k = 0; k < a->count; k++)
            if (row_has(&a->of[k].search, bytes + offsets[i], bytes + offsets[i + 1])) {
                found |= UINT64_C(1) << i;
                break;
            }
    }
    return found;
}

static uint32_t str_any(const uint32_t *offsets, const uint8_t *bytes, uint32_t n,
                        const struct needle *needles, size_t count, const uint64_t *in,
                        uint64_t *out) {
    struct any a = {.count = count};
    int64_t credit = 0;
    for (size_t i = 0; i < count; i++) {
        struct text t = {.offsets = offsets, .bytes = bytes, .n = n, .k_n = needles[i].n};
        a.of[i] = (struct contains){t, search_folded(&needles[i]), &credit};
    }
    return count > 0 ? each_word(look_any, &a, n, false, in, out) : none(n, false, in, out);
}

/* --- between --- */

#define FEW_TEXTS 12 /* rows of 64 that are rather compared one by one */

struct between {
    struct text text;
    const struct text_range *range;
    uint64_t low, high;           /* the heads of the bounds */
    uint64_t sure_low, sure_span; /* heads of strings that are surely between them ... */
    bool has_sure;                /* ... if there can be any */
};

/* The first 8 bytes as a number of the same order, zeros for those that are not there. Eight can be
 * read, whatever n. */
INLINE uint64_t head_of(const uint8_t *p, uint32_t n) {
    uint64_t head = be64toh(load_word(p));
    return n >= 8 ? head : n == 0 ? 0 : head >> (64 - 8 * n) << (64 - 8 * n);
}

INLINE int text_order(const uint8_t *p, size_t n, const uint8_t *k, size_t k_n) {
    int order = n && k_n ? memcmp(p, k, n < k_n ? n : k_n) : 0;
    return order ? order : (n > k_n) - (n < k_n);
}

static bool is_between(const struct text_range *r, const uint8_t *p, size_t n) {
    int low = r->has_low ? text_order(p, n, r->low, r->low_n) : 1;
    if (low < 0 || (low == 0 && r->low_open))
        return false;
    int high = r->has_high ? text_order(p, n, r->high, r->high_n) : -1;
    return high < 0 || (high == 0 && !r->high_open);
}

INLINE uint64_t compare_each(const struct between *b, const uint32_t *offsets, uint64_t rows) {
    uint64_t found = 0;
    for (; rows; rows &= rows - 1) {
        const uint32_t *at = offsets + __builtin_ctzll(rows);
        uint32_t from = at[0] + b->range->skip;
        if (is_between(b->range, b->text.bytes + from, at[1] - from))
            found |= rows & -rows;
    }
    return found;
}

/* Heads decide, but for those that are a bound's own. */
INLINE uint64_t look_between(const void *condition, size_t row, uint64_t want) {
    const struct between *b = condition;
    uint32_t copy[65];
    const uint32_t *offsets = offsets_of(&b->text, row, copy);
    int64_t heads[64];
    uint64_t sure = 0, maybe = 0;
    if (__builtin_popcountll(want) <= FEW_TEXTS)
        return compare_each(b, offsets, want);
    for (unsigned i = 0; i < 64; i++) {
        uint32_t n = offsets[i + 1] - offsets[i], skip = n < b->range->skip ? n : b->range->skip;
        heads[i] = (int64_t)head_of(b->text.bytes + offsets[i] + skip, n - skip);
    }
    if (b->has_sure)
        sure = rows_in_i64(heads, (int64_t)b->sure_low, b->sure_span);
    if (b->range->has_low)
        maybe = rows_in_i64(heads, (int64_t)b->low, 0);
    if (b->range->has_high)
        maybe |= rows_in_i64(heads, (int64_t)b->high, 0);
    return (want & sure & ~maybe) | compare_each(b, offsets, want & maybe);
}

static uint32_t str_range(const uint32_t *offsets, const uint8_t *bytes, uint32_t n,
                          const struct text_range *range, bool outside, const uint64_t *in,
                          uint64_t *out) {
    struct between b = {.text = {.offsets = offsets, .bytes = bytes, .n = n}, .range = range};
    uint64_t sure_high = UINT64_MAX;
    bool low_end = false, high_end = false; /* nothing is above, or below */
    if (range->has_low) {
        uint64_t word, care;
        first_word(range->low, range->low_n, &word, &care);
        b.low = be64toh(word);
        low_end = b.low == UINT64_MAX;
        b.sure_low = b.low + 1;
    }
    if (range->has_high) {
        uint64_t word, care;
        first_word(range->high, range->high_n, &word, &care);
        b.high = be64toh(word);
        high_end = b.high == 0;
        sure_high = b.high - 1;
    }
    b.has_sure = !low_end && !high_end && b.sure_low <= sure_high;
    b.sure_span = sure_high - b.sure_low;
    return each_word(look_between, &b, n, outside, in, out);
}

/* --- the first byte --- */

struct first {
    struct text text;
    uint8_t low, span;
};

INLINE uint64_t look_first(const void *condition, size_t row, uint64_t want) {
    const struct first *f = condition;
    uint32_t copy[65];
    const uint32_t *offsets = offsets_of(&f->text, row, copy);
    int8_t firsts[64] = {0};
    want &= rows_spans(offsets, 1, UINT32_MAX - 1);
    for (uint64_t left = want; left; left &= left - 1) {
        unsigned i = (unsigned)__builtin_ctzll(left);
        firsts[i] = (int8_t)f->text.bytes[offsets[i]];
    }
    return want & rows_in_i8(firsts, (int8_t)f->low, f->span);
}

static uint32_t str_first(const uint32_t *offsets, const uint8_t *bytes, uint32_t n, uint8_t low,
                          uint8_t high, const uint64_t *in, uint64_t *out) {
    struct first f = {{.offsets = offsets, .bytes = bytes, .n = n}, low, (uint8_t)(high - low)};
    return low > high ? none(n, false, in, out) : each_word(look_first, &f, n, false, in, out);
}

#endif

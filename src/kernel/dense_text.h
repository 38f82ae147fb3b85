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
        s.byte[i] = k[s.at[i]];
    return s;
}

/* The first place in p .. end where the pattern stands, or NULL. */
INLINE const uint8_t *search_next(const struct search *s, int64_t *credit, const uint8_t *p,
                                  const uint8_t *end) {
    while ((size_t)(end - p) >= s->k_n && *credit >= 0) {
        size_t more = (size_t)(end - p) - s->k_n; /* places behind p where it has room */
        uint64_t fit = rows_fit(p, s) & (more < 63 ? (UINT64_C(2) << more) - 1 : ~UINT64_C(0));
        for (; fit; fit &= fit - 1) {
            const uint8_t *here = p + __builtin_ctzll(fit);
            if (((load_word(here) ^ s->word) & s->care) == 0 &&
                (s->k_n <= 8 || memcmp(here + 8, s->k + 8, s->k_n - 8) == 0))
                return here;
            *credit -= (int64_t)s->k_n;
            if (*credit < 0)
                return memmem(here + 1, (size_t)(end - here) - 1, s->k, s->k_n);
        }
        if (more < 64)
            return NULL;
        p += 64;
        *credit += CREDIT_BLOCK;
    }
    return *credit < 0 ? memmem(p, (size_t)(end - p), s->k, s->k_n) : NULL;
}

/* The row that a byte is in: how many end at or before it. */
INLINE unsigned row_at(const uint32_t *offsets, uint32_t at) {
    unsigned row = 0;
    for (unsigned i = 1; i <= 64; i++)
        row += offsets[i] <= at;
    return row;
}

/* With `stretch`, all bytes from the first to the last of the rows are one text. Behind a hit the
 * search goes on with the next of them: if it reaches into another row, so would any later one in
 * its own. Else each row is a text. */
INLINE uint64_t search_rows(const struct contains *c, const uint32_t *offsets, uint64_t rows,
                            bool stretch) {
    const uint8_t *bytes = c->text.bytes;
    uint64_t found = 0;
    unsigned last = 63 - (unsigned)__builtin_clzll(rows);
    while (rows) {
        unsigned row = (unsigned)__builtin_ctzll(rows);
        const uint8_t *end = bytes + offsets[(stretch ? last : row) + 1];
        const uint8_t *hit = search_next(&c->search, c->credit, bytes + offsets[row], end);
        if (hit) {
            uint32_t at = (uint32_t)(hit - bytes);
            row = row_at(offsets, at);
            found |= (uint64_t)(offsets[row + 1] - at >= c->text.k_n) << row;
        } else if (stretch) {
            break;
        }
        rows &= ~UINT64_C(1) << row; /* those behind it */
    }
    return found;
}

INLINE uint64_t look_contains(const void *condition, size_t row, uint64_t want) {
    const struct contains *c = condition;
    uint32_t copy[65];
    const uint32_t *offsets = offsets_of(&c->text, row, copy);
    want &= rows_spans(offsets, c->text.low, c->text.span);
    if (!want)
        return 0;
    /* In blocks of 64 bytes: a row by itself takes those of its length, and two for the beginning.
     */
    uint64_t blocks = (offsets[64] - offsets[0]) / 64;
    uint64_t rows = (uint64_t)__builtin_popcountll(want);
    return search_rows(c, offsets, want, rows * (2 + blocks / 64) >= blocks);
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

#endif

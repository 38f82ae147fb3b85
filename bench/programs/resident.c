/* Plain C over narrow columns, one condition a query: what the machine allows without anybody's
 * engine. A library for peers/resident_c.py, which owns the columns; its struct has the same
 * fields.
 *
 * Each query fills a mask of one byte a row for a block that fits the first cache, in loops that
 * the compiler makes vector code of; the mask is then counted or turned into row numbers. What a
 * vector cannot do (names, tags) is looked at for the rows that are left. Compiled for this
 * machine.
 */
#include "mask.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { CITIES = 5 };

struct columns {
    size_t rows;
    const uint8_t *age, *city, *active;
    const double *score; /* null is NaN */
    const uint8_t *name_bytes;
    const uint32_t *name_offsets;
    const uint8_t *address_city, *tags;
    const uint32_t *tag_offsets;
    uint8_t q3_cities[CITIES], oslo, vip;
};

/* By the query's place in Q1, Q2, Q3, Q4s, Q5. `out` has room for one number more than there are
 * rows: each is written before it is known to be wanted, so that no branch has to be guessed. */
size_t resident_count(const struct columns *c, unsigned query);
size_t resident_rows(const struct columns *c, unsigned query, uint32_t *out);

typedef void mask_fill(const struct columns *c, size_t start, size_t rows, uint8_t *restrict mask);
typedef uint8_t row_check(const struct columns *c, size_t row);

/* Where in eight bytes of a mask, read as one number, the first one is set. */
static inline size_t first_set(uint64_t word) { return (size_t)__builtin_ctzll(word) / 8; }

static inline uint64_t mask_word(const uint8_t *mask) {
    uint64_t word;
    memcpy(&word, mask, sizeof word);
    return word;
}

/* Leaves in the mask the rows that pass the check too; few are set, and none behind the last row.
 */
INLINE void mask_check(const struct columns *c, size_t start, uint8_t *restrict mask,
                       row_check *check) {
    for (size_t i = 0; i < BLOCK; i += 8)
        for (uint64_t word = mask_word(mask + i); word; word &= word - 1) {
            size_t at = i + first_set(word);
            mask[at] = check(c, start + at);
        }
}

INLINE void q1(const struct columns *c, size_t start, size_t rows, uint8_t *restrict mask) {
    const uint8_t *age = c->age + start;
    for (size_t i = 0; i < rows; i++)
        mask[i] = age[i] >= 30;
}

INLINE void q2(const struct columns *c, size_t start, size_t rows, uint8_t *restrict mask) {
    const uint8_t *age = c->age + start, *city = c->city + start, oslo = c->oslo;
    for (size_t i = 0; i < rows; i++)
        mask[i] = (age[i] >= 30) & (city[i] == oslo);
}

INLINE uint8_t q3_check(const struct columns *c, size_t row) {
    return c->name_bytes[c->name_offsets[row]] == 'A';
}

INLINE void q3(const struct columns *c, size_t start, size_t rows, uint8_t *restrict mask) {
    const uint8_t *age = c->age + start, *city = c->city + start, *active = c->active + start;
    uint8_t a = c->q3_cities[0], b = c->q3_cities[1], d = c->q3_cities[2], e = c->q3_cities[3],
            f = c->q3_cities[4];
    for (size_t i = 0; i < rows; i++)
        mask[i] =
            ((uint8_t)(age[i] - 25) <= 35) & active[i] &
            ((city[i] == a) | (city[i] == b) | (city[i] == d) | (city[i] == e) | (city[i] == f));
    const double *score = c->score + start;
    for (size_t i = 0; i < rows; i++)
        mask[i] &= score[i] > 0.5;
    mask_check(c, start, mask, q3_check);
}

/* "ansen" anywhere in the names of the block: the bytes are searched as one text for an 'a' with an
 * 's' and an 'n' where they belong, in steps that a vector takes; what is found is checked, and put
 * to its row. */
INLINE void q4s(const struct columns *c, size_t start, size_t rows, uint8_t *restrict mask) {
    enum { NEEDLE = 5 };
    const uint32_t *offsets = c->name_offsets + start;
    const uint8_t *bytes = c->name_bytes;
    memset(mask, 0, rows);
    size_t at = offsets[0], end = offsets[rows], row = 0;
    for (; at + NEEDLE <= end; at += LANES) {
        size_t step = end - at - (NEEDLE - 1) < LANES ? end - at - (NEEDLE - 1) : LANES;
        uint8_t any = 1;
        if (step == LANES) {
            any = 0;
            for (size_t i = 0; i < LANES; i++)
                any |= (uint8_t)((bytes[at + i] == 'a') & (bytes[at + i + 2] == 's') &
                                 (bytes[at + i + 4] == 'n'));
        }
        for (size_t i = at; any && i < at + step; i++)
            if (bytes[i] == 'a' && memcmp(bytes + i, "ansen", NEEDLE) == 0) {
                while (offsets[row + 1] <= i)
                    row++;
                if (i + NEEDLE <= offsets[row + 1])
                    mask[row] = 1;
            }
    }
}

INLINE uint8_t q5_check(const struct columns *c, size_t row) {
    uint8_t found = 0;
    for (uint32_t at = c->tag_offsets[row]; at < c->tag_offsets[row + 1]; at++)
        found |= c->tags[at] == c->vip;
    return found;
}

INLINE void q5(const struct columns *c, size_t start, size_t rows, uint8_t *restrict mask) {
    const uint8_t *city = c->address_city + start, oslo = c->oslo;
    for (size_t i = 0; i < rows; i++)
        mask[i] = city[i] == oslo;
    mask_check(c, start, mask, q5_check);
}

INLINE size_t count_all(const struct columns *c, mask_fill *fill) {
    uint8_t mask[BLOCK];
    size_t found = 0;
    for (size_t start = 0; start < c->rows; start += BLOCK) {
        size_t rows = mask_rows(c->rows, start, mask);
        fill(c, start, rows, mask);
        found += mask_count(mask);
    }
    return found;
}

/* For many matches: no branch is guessed. For few: eight rows without one are passed at once. */
INLINE size_t rows_all(const struct columns *c, uint32_t *out, mask_fill *fill, int many) {
    uint8_t mask[BLOCK];
    size_t found = 0;
    for (size_t start = 0; start < c->rows; start += BLOCK) {
        size_t rows = mask_rows(c->rows, start, mask);
        fill(c, start, rows, mask);
        for (size_t i = 0; many && i < rows; i++) {
            out[found] = (uint32_t)(start + i);
            found += mask[i];
        }
        for (size_t i = 0; !many && i < BLOCK; i += 8)
            for (uint64_t word = mask_word(mask + i); word; word &= word - 1)
                out[found++] = (uint32_t)(start + i + first_set(word));
    }
    return found;
}

size_t resident_count(const struct columns *c, unsigned query) {
    switch (query) {
    case 0:
        return count_all(c, q1);
    case 1:
        return count_all(c, q2);
    case 2:
        return count_all(c, q3);
    case 3:
        return count_all(c, q4s);
    default:
        return count_all(c, q5);
    }
}

size_t resident_rows(const struct columns *c, unsigned query, uint32_t *out) {
    switch (query) {
    case 0:
        return rows_all(c, out, q1, 1);
    case 1:
        return rows_all(c, out, q2, 0);
    case 2:
        return rows_all(c, out, q3, 0);
    case 3:
        return rows_all(c, out, q4s, 0);
    default:
        return rows_all(c, out, q5, 0);
    }
}

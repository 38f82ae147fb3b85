/* Chunk cells as rows of a column: the way from resident tables to the kernels that work on blocks.
 * See chunk.h. */
#include "value/chunk.h"

#include "value/column.h"

#include <string.h>

static void gather_ints(const struct chunk *c, const uint16_t *cells, uint32_t n,
                        struct column *to) {
    memset(to->tag, T_INT, n);
    for (uint32_t i = 0; i < n; i++)
        to->word[i].u = c->base + (uint64_t)chunk_stored(c, cells[i]);
    for (uint32_t i = 0; c->is_unsigned && i < n; i++)
        if (to->word[i].u > INT64_MAX)
            to->tag[i] = T_UINT;
}

static void gather_times(const struct chunk *c, const uint16_t *cells, uint32_t n,
                         struct column *to) {
    int64_t unit = c->per_second;
    memset(to->tag, T_TIMESTAMP, n);
    for (uint32_t i = 0; i < n; i++) {
        int64_t t = (int64_t)(c->base + (uint64_t)chunk_stored(c, cells[i]));
        int64_t seconds = t / unit - (t % unit < 0);
        to->word[i].i = seconds;
        to->len[i] = (uint32_t)((t - seconds * unit) * (1000000000 / unit));
    }
}

static void gather_doubles(const struct chunk *c, const uint16_t *cells, uint32_t n,
                           struct column *to) {
    const double *x = c->data;
    memset(to->tag, T_DOUBLE, n);
    for (uint32_t i = 0; i < n; i++)
        to->word[i].d = x[cells[i]];
}

static void gather_bools(const struct chunk *c, const uint16_t *cells, uint32_t n,
                         struct column *to) {
    memset(to->tag, T_BOOL, n);
    for (uint32_t i = 0; i < n; i++)
        to->word[i].i = bits_get(c->data, cells[i]);
}

static void gather_codes(const struct chunk *c, const uint16_t *cells, uint32_t n,
                         struct column *to) {
    for (uint32_t i = 0; i < n; i++)
        if (bits_get(c->valid, cells[i]))
            column_put(to, i, dict_value(c->dict, chunk_code(c, cells[i])));
}

static void gather_strings(const struct chunk *c, const uint16_t *cells, uint32_t n,
                           struct column *to) {
    const uint8_t *bytes = c->data;
    memset(to->tag, T_STR, n);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t from = c->offsets[cells[i]];
        to->word[i].p = bytes + from;
        to->len[i] = c->offsets[cells[i] + 1u] - from;
    }
}

static void gather_mixed(const struct chunk *c, const uint16_t *cells, uint32_t n,
                         struct column *to) {
    const union word *words = c->data;
    for (uint32_t i = 0; i < n; i++) {
        to->tag[i] = c->tags[cells[i]];
        to->word[i] = words[cells[i]];
        to->len[i] = c->lens[cells[i]];
    }
}

static void gather_none(const struct chunk *c, const uint16_t *cells, uint32_t n,
                        struct column *to) {
    for (uint32_t i = 0; i < n; i++)
        to->tag[i] = c && bits_get(c->present, cells[i]) ? T_NULL : T_MISSING;
}

static uint32_t seen_in(const uint8_t *tag, uint32_t n) {
    uint32_t seen = 0;
    for (uint32_t i = 0; i < n; i++)
        seen |= SEEN(tag[i]);
    return seen;
}

void chunk_gather(const struct chunk *c, const uint16_t *cells, uint32_t n, struct column *ret) {
    switch (c ? c->kind : CHUNK_NONE) {
    case CHUNK_INT:
        gather_ints(c, cells, n, ret);
        break;
    case CHUNK_TIME:
        gather_times(c, cells, n, ret);
        break;
    case CHUNK_DOUBLE:
        gather_doubles(c, cells, n, ret);
        break;
    case CHUNK_BOOL:
        gather_bools(c, cells, n, ret);
        break;
    case CHUNK_CODES:
        gather_codes(c, cells, n, ret);
        break;
    case CHUNK_STR:
        gather_strings(c, cells, n, ret);
        break;
    case CHUNK_MIXED:
        gather_mixed(c, cells, n, ret);
        break;
    case CHUNK_NONE:
        gather_none(c, cells, n, ret);
        break;
    }
    if (c && c->valid && c->kind != CHUNK_NONE)
        for (uint32_t i = 0; i < n; i++)
            if (!bits_get(c->valid, cells[i]))
                ret->tag[i] = bits_get(c->present, cells[i]) ? T_NULL : T_MISSING;
    ret->seen = seen_in(ret->tag, n);
}

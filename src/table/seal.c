/* See seal.h. The arrays are written packed, as they stand in the cells, where they belong in the
 * chunk, and then spread over its rows.
 *
 * It is long because each form of cells has its loop. */
#include "table/seal.h"

#include "base/load.h"
#include "kernel/dense.h"
#include "table/spread.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#define ZONES ((SEGMENT_ROWS + ZONE_ROWS - 1) / ZONE_ROWS)

/* A chunk in the making. */
struct seal {
    struct cells *c;
    uint32_t n; /* rows */
    uint32_t n_zones;
    struct zone zones[ZONES];
    uint32_t from[ZONES + 1]; /* where a zone's packed values begin */
    uint32_t seen;            /* types of the values */
};

/* Bytes of the arrays that not every chunk has. */
struct needs {
    size_t data, offsets, tags, lens, blob;
};

static size_t aligned(size_t n) { return (n + CHUNK_ALIGN - 1) & ~(size_t)(CHUNK_ALIGN - 1); }

/* Bytes of an array of n items, with what loops may read behind it. */
static size_t array_bytes(uint32_t n, size_t size) {
    size_t full = ((size_t)n + 63) / 64 * 64 * size, least = n * size + 64;
    return aligned(full > least ? full : least);
}

static size_t bits_bytes(uint32_t n) { return aligned(((size_t)n + 63) / 64 * 8 + 64); }

static void begin_zones(struct seal *s) {
    const struct cells *c = s->c;
    s->n_zones = (s->n + ZONE_ROWS - 1) / ZONE_ROWS;
    for (uint32_t z = 0; z < s->n_zones; z++) {
        uint32_t row = z * ZONE_ROWS, end = row + ZONE_ROWS < s->n ? row + ZONE_ROWS : s->n;
        uint32_t given = c->rows < row ? 0 : (c->rows < end ? c->rows : end) - row;
        uint32_t n = c->has_bits ? bits_count(c->valid + row / 64, given) : given;
        if (given == 0)
            n = 0;
        s->zones[z] = (struct zone){.has_value = n > 0, .has_null = n < end - row};
        s->from[z + 1] = s->from[z] + n;
    }
}

static void *carve(uint8_t **at, size_t n) {
    void *p = n ? *at : NULL;
    *at += n;
    return p;
}

static void put_bits(const struct seal *s, uint64_t *valid, uint64_t *present) {
    const struct cells *c = s->c;
    size_t given = ((size_t)c->rows + 63) / 64 * 8;
    if (valid && c->has_bits)
        memcpy(valid, c->valid, given);
    else if (valid)
        bits_set(valid, 0, c->rows);
    if (present)
        memcpy(present, c->present, given); /* there are nulls, so there are bits */
}

/* The block with bits and zones. All is zero but data and blob. */
static struct sealed *make(const struct seal *s, enum chunk_kind kind, unsigned width,
                           struct needs needs, uint8_t **ret_blob) {
    const struct cells *c = s->c;
    uint32_t n = s->n;
    bool has_nulls = c->n < n, has_missing = c->n + c->nulls < n;
    bool has_present = has_missing && c->nulls > 0; /* else it is as valid, or full */
    size_t head = aligned(sizeof(struct sealed)), zones = aligned(s->n_zones * sizeof(struct zone));
    size_t valid = has_nulls ? bits_bytes(n) : 0, present = has_present ? bits_bytes(n) : 0;
    size_t counts = width == 1 && n >= COUNTS_ROWS ? aligned(sizeof(struct byte_counts)) : 0;
    size_t cleared =
        head + zones + counts + valid + present + needs.offsets + needs.tags + needs.lens;
    size_t bytes = cleared + needs.data + needs.blob;
    uint8_t *p = budget_pages(c->budget, bytes);
    if (!p)
        return NULL;
    memset(p, 0, cleared);
    struct sealed *made = (struct sealed *)(void *)p;
    p += head;
    struct zone *zone = carve(&p, zones);
    memcpy(zone, s->zones, s->n_zones * sizeof *zone);
    struct byte_counts *count = carve(&p, counts);
    uint64_t *v = carve(&p, valid), *q = carve(&p, present);
    put_bits(s, v, q);
    made->budget = c->budget;
    made->text = kind == CHUNK_MIXED ? c->bytes.len : 0;
    made->chunk = (struct chunk){
        .kind = kind,
        .width = (uint8_t)width,
        .n = n,
        .seen = s->seen | (c->nulls ? SEEN(T_NULL) : 0) | (has_missing ? SEEN(T_MISSING) : 0),
        .valid = v,
        .present = has_present   ? q
                   : has_missing ? v
                                 : NULL,
        .zones = zone,
        .counts = count,
        .bytes = bytes,
    };
    made->chunk.offsets = carve(&p, needs.offsets);
    made->chunk.tags = carve(&p, needs.tags);
    made->chunk.lens = carve(&p, needs.lens);
    made->chunk.data = carve(&p, needs.data);
    if (ret_blob)
        *ret_blob = p;
    return made;
}

/* The arrays of a chunk are const to all but its maker. */
static void *writable(const void *p) { return (void *)(uintptr_t)p; }

/* Zones that are known only when the chunk has its values. */
static void put_zones(const struct seal *s, struct sealed *made) {
    memcpy(writable(made->chunk.zones), s->zones, s->n_zones * sizeof *s->zones);
}

/* Values that the cells have at `from`, or far away, to their place in the chunk. False: the chunk
 * is gone, as they cannot be read. */
static bool bring(const struct seal *s, struct sealed **made, uint8_t *to, const uint8_t *from,
                  size_t bytes) {
    struct cells *c = s->c;
    if (c->far && !peer_read(c->far, c->far_address, to, bytes)) {
        c->is_unread = true;
        sealed_free(*made);
        *made = NULL;
        return false;
    }
    if (!c->far && bytes > 0)
        memcpy(to, from, bytes);
    return true;
}

void sealed_free(struct sealed *s) {
    if (!s)
        return;
    if (s->raw)
        raw_done(s);
    dict_unref(s->dict);
    budget_pages_free(s->budget, s, s->chunk.bytes);
}

/* The rows of word w of a bitmap that have no value, as bits. */
static uint64_t gaps_of(const uint64_t *valid, uint32_t w, uint32_t n) {
    uint64_t rows = n - 64 * w < 64 ? (UINT64_C(1) << (n - 64 * w)) - 1 : UINT64_MAX;
    return ~valid[w] & rows;
}

static inline __attribute__((always_inline)) void
clear_gaps_sized(uint8_t *p, unsigned size, const uint64_t *valid, uint32_t n) {
    for (uint32_t w = 0; w < (n + 63) / 64; w++)
        for (uint64_t gaps = gaps_of(valid, w, n); gaps; gaps &= gaps - 1)
            memset(p + (64 * (size_t)w + (size_t)__builtin_ctzll(gaps)) * size, 0, size);
}

/* Zero into rows without a value. */
static void clear_gaps(uint8_t *p, unsigned size, const uint64_t *valid, uint32_t n) {
    if (size == 1)
        clear_gaps_sized(p, 1, valid, n);
    else if (size == 2)
        clear_gaps_sized(p, 2, valid, n);
    else if (size == 4)
        clear_gaps_sized(p, 4, valid, n);
    else
        clear_gaps_sized(p, 8, valid, n);
}

/* Values to their rows, and zeros behind them. */
static void finish(const struct seal *s, const struct sealed *made, const void *array,
                   unsigned size, size_t bytes) {
    uint8_t *p = writable(array);
    if (s->c->lent_rows)
        clear_gaps(p, size, made->chunk.valid, s->n);
    else if (s->c->n < s->n)
        spread(p, size, made->chunk.valid, s->n, s->c->n);
    memset(p + (size_t)s->n * size, 0, bytes - (size_t)s->n * size);
}

/* --- numbers --- */

static bool fits(int64_t low, int64_t high, unsigned width) {
    int64_t most = (INT64_C(1) << (8 * width - 1)) - 1;
    return low >= -most - 1 && high <= most;
}

/* The narrowest width for low .. high (as unsigned numbers if is_unsigned), and its base. */
static unsigned choose_width(uint64_t low, uint64_t high, bool is_unsigned, uint64_t *ret_base) {
    uint64_t range = high - low;
    unsigned width = range >> 8 == 0 ? 1 : range >> 16 == 0 ? 2 : range >> 32 == 0 ? 4 : 8;
    uint64_t half = UINT64_C(1) << (8 * width - 1), most = is_unsigned ? UINT64_MAX : INT64_MAX;
    if (!is_unsigned && (width == 8 || fits((int64_t)low, (int64_t)high, width)))
        *ret_base = 0;
    else if (is_unsigned && width == 8)
        *ret_base = half;
    else /* the middle of what fits, from below or from above, so that it is a number of the type */
        *ret_base = most - high >= half ? low + half : high - (half - 1);
    return width;
}

/* The words of numbers, packed or one for each row; and how many these are. */
static const uint8_t *words_of(const struct cells *c) {
    return c->lent ? c->lent : (const uint8_t *)c->word;
}
static uint32_t words_count(const struct seal *s) { return s->c->lent_rows ? s->n : s->c->n; }

/* Which of them are of a zone, and how many these are. */
static uint32_t first_word(const struct seal *s, uint32_t z, uint32_t *ret_n) {
    uint32_t from = s->from[z], to = s->from[z + 1];
    if (s->c->lent_rows) {
        from = z * ZONE_ROWS;
        to = from + ZONE_ROWS < s->n ? from + ZONE_ROWS : s->n;
    }
    *ret_n = to - from;
    return from;
}

/* Rows without a value get that of another row of their zone, which so does not change its bounds;
 * in a zone without values any one. There is a value. */
static void fill_gaps(const struct seal *s) {
    const struct cells *c = s->c;
    union word fill = {.u = 0};
    for (uint32_t z = s->n_zones; z-- > 0;) {
        uint32_t w = z * (ZONE_ROWS / 64), end = w + ZONE_ROWS / 64, words = (s->n + 63) / 64;
        end = end < words ? end : words;
        for (uint32_t i = w; i < end && s->zones[z].has_value; i++)
            if (c->valid[i]) {
                fill = c->lent_rows[64 * (size_t)i + (size_t)__builtin_ctzll(c->valid[i])];
                break;
            }
        for (; w < end; w++)
            for (uint64_t gaps = gaps_of(c->valid, w, s->n); gaps; gaps &= gaps - 1)
                c->lent_rows[64 * (size_t)w + (size_t)__builtin_ctzll(gaps)] = fill;
    }
}

/* The bytes of strings. */
static const uint8_t *text_of(const struct cells *c) { return c->lent ? c->lent : c->bytes.data; }
static size_t text_bytes(const struct cells *c) {
    return c->lent || c->far ? c->logical : c->bytes.len;
}

static void uint_bounds(const union word *word, uint32_t n, struct zone *ret) {
    ret->low = ret->high = word[0];
    for (uint32_t i = 1; i < n; i++) {
        ret->low.u = word[i].u < ret->low.u ? word[i].u : ret->low.u;
        ret->high.u = word[i].u > ret->high.u ? word[i].u : ret->high.u;
    }
}

static bool is_less(union word a, union word b, bool is_unsigned) {
    return is_unsigned ? a.u < b.u : a.i < b.i;
}

/* INT and TIME: the words are integers. */
static struct sealed *seal_ints(struct seal *s, enum chunk_kind kind, bool is_unsigned) {
    const struct cells *c = s->c;
    struct zone all = {.has_value = false};
    for (uint32_t z = 0; z < s->n_zones; z++) {
        struct zone *zone = &s->zones[z];
        uint32_t n, from = first_word(s, z, &n);
        if (!zone->has_value)
            continue;
        if (is_unsigned)
            uint_bounds(c->word + s->from[z], n, zone);
        else
            dense_ops()->bounds_i64(words_of(c) + (size_t)from * 8, n, &zone->low.i, &zone->high.i);
        if (!all.has_value || is_less(zone->low, all.low, is_unsigned))
            all.low = zone->low;
        if (!all.has_value || is_less(all.high, zone->high, is_unsigned))
            all.high = zone->high;
        all.has_value = true;
    }
    if (is_unsigned && all.high.u <= INT64_MAX)
        is_unsigned = false;
    if (kind == CHUNK_INT)
        s->seen = !is_unsigned             ? SEEN(T_INT)
                  : all.low.u <= INT64_MAX ? SEEN(T_INT) | SEEN(T_UINT)
                                           : SEEN(T_UINT);
    uint64_t base;
    unsigned width = choose_width(all.low.u, all.high.u, is_unsigned, &base);
    for (uint32_t z = 0; z < s->n_zones; z++) {
        s->zones[z].low.u -= s->zones[z].has_value ? base : 0;
        s->zones[z].high.u -= s->zones[z].has_value ? base : 0;
    }
    struct needs needs = {.data = array_bytes(s->n, width)};
    struct sealed *made = make(s, kind, width, needs, NULL);
    if (!made)
        return NULL;
    made->chunk.base = base;
    made->chunk.is_unsigned = is_unsigned;
    dense_ops()->narrow_i64(words_of(c), words_count(s), base, width, writable(made->chunk.data));
    finish(s, made, made->chunk.data, width, needs.data);
    return made;
}

static struct sealed *seal_doubles(struct seal *s) {
    s->seen = SEEN(T_DOUBLE);
    struct needs needs = {.data = array_bytes(s->n, 8)};
    struct sealed *made = make(s, CHUNK_DOUBLE, 8, needs, NULL);
    uint8_t *data = made ? writable(made->chunk.data) : NULL;
    if (!made || !bring(s, &made, data, words_of(s->c), (size_t)words_count(s) * 8))
        return NULL;
    for (uint32_t z = 0; z < s->n_zones; z++) {
        struct zone *zone = &s->zones[z];
        uint32_t n, from = first_word(s, z, &n);
        if (zone->has_value)
            dense_ops()->bounds_f64(data + (size_t)from * 8, n, &zone->low.d, &zone->high.d,
                                    &zone->has_nan);
    }
    put_zones(s, made);
    finish(s, made, made->chunk.data, 8, needs.data);
    return made;
}

/* --- timestamps --- */

/* Whether all are whole in 1 / unit seconds; with the divisor known to the compiler. */
static inline __attribute__((always_inline)) bool is_whole(const struct cells *c, uint32_t unit) {
    uint32_t rest = 0;
    for (uint32_t k = 0; k < c->n; k++)
        rest |= c->len[k] % (1000000000u / unit);
    return rest == 0;
}

/* The coarsest unit in which all are whole. */
static uint32_t time_unit(const struct cells *c) {
    if (is_whole(c, 1))
        return 1;
    if (is_whole(c, 1000))
        return 1000;
    return is_whole(c, 1000000) ? 1000000 : 1000000000;
}

/* Whether all counts of a unit are int64_t: by the least and the greatest seconds, and only near
 * the ends one by one. */
static bool fits_unit(const struct cells *c, int64_t unit) {
    int64_t low, high, product;
    dense_ops()->bounds_i64(c->word, c->n, &low, &high);
    if (unit == 1 || (!__builtin_mul_overflow(low, unit, &product) && high < INT64_MAX &&
                      !__builtin_mul_overflow(high + 1, unit, &product)))
        return true;
    for (uint32_t k = 0; k < c->n; k++) {
        __int128 count = (__int128)c->word[k].i * unit + c->len[k] / (1000000000 / unit);
        if (count < INT64_MIN || count > INT64_MAX)
            return false;
    }
    return true;
}

static inline __attribute__((always_inline)) bool count_by(struct cells *c, uint32_t unit) {
    if (!fits_unit(c, unit))
        return false;
    for (uint32_t k = 0; k < c->n; k++) /* unsigned: the product alone may not fit */
        c->word[k].u = c->word[k].u * unit + c->len[k] / (1000000000u / unit);
    return true;
}

/* Turns the words into counts of a unit; false, and nothing done, if one does not fit. */
static bool count_times(struct cells *c, uint32_t unit) {
    switch (unit) {
    case 1:
        return count_by(c, 1);
    case 1000:
        return count_by(c, 1000);
    case 1000000:
        return count_by(c, 1000000);
    default:
        return count_by(c, 1000000000);
    }
}

/* --- values with bytes --- */

static struct sealed *seal_codes(struct seal *s) {
    const struct cells *c = s->c;
    uint32_t most = 0;
    for (uint32_t z = 0; z < s->n_zones; z++) {
        struct zone *zone = &s->zones[z];
        if (!zone->has_value)
            continue;
        uint32_t low, high;
        dense_ops()->bounds_u32(c->len + s->from[z], s->from[z + 1] - s->from[z], &low, &high);
        zone->low.u = low;
        zone->high.u = high;
        most = high > most ? high : most;
    }
    s->seen = c->types;
    if (s->seen & (s->seen - 1)) { /* several, of which some may be overwritten */
        s->seen = 0;
        for (uint32_t k = 0; k < c->n; k++)
            s->seen |= SEEN(dict_value(c->dict, c->len[k]).type);
    }
    unsigned width = most <= UINT8_MAX ? 1 : most <= UINT16_MAX ? 2 : 4;
    struct needs needs = {.data = array_bytes(s->n, width)};
    struct sealed *made = make(s, CHUNK_CODES, width, needs, NULL);
    if (!made)
        return NULL;
    dense_ops()->narrow_u32(c->len, c->n, width, writable(made->chunk.data));
    finish(s, made, made->chunk.data, width, needs.data);
    made->dict = dict_ref(c->dict);
    made->chunk.dict = made->dict;
    return made;
}

/* The first 8 bytes as a number of the same order; 8 bytes can be read before `end`, mostly. */
static inline uint64_t string_head(const uint8_t *p, uint32_t n, const uint8_t *end) {
    uint64_t head = 0;
    if (n == 0)
        return 0;
    if (end - p < 8) {
        memcpy(&head, p, n < 8 ? n : 8);
        return be64toh(head);
    }
    uint32_t others = n < 8 ? 64 - 8 * n : 0; /* bits of what stands behind it */
    memcpy(&head, p, 8);
    return be64toh(head) >> others << others;
}

/* The heads behind the first `skip` bytes, which all have; gives the least length behind them. */
static uint32_t string_zone(const struct cells *c, const uint8_t *data, const uint8_t *end,
                            uint32_t from, uint32_t to, uint32_t skip, struct zone *zone) {
    uint64_t low = UINT64_MAX, high = 0;
    uint32_t begin = from ? c->len[from - 1] : 0, shortest = UINT32_MAX;
    for (uint32_t k = from; k < to; k++) {
        uint32_t n = c->len[k] - begin - skip;
        uint64_t head = string_head(data + begin + skip, n, end);
        low = head < low ? head : low;
        high = head > high ? head : high;
        shortest = n < shortest ? n : shortest;
        begin = c->len[k];
    }
    zone->low.u = low;
    zone->high.u = high;
    return shortest;
}

/* All zones; gives how many bytes, up to 8, all strings have in common behind the skipped ones. */
static uint32_t string_zones(struct seal *s, const uint8_t *data, uint32_t skip) {
    const uint8_t *end = data + text_bytes(s->c);
    uint64_t low = UINT64_MAX, high = 0;
    uint32_t shortest = UINT32_MAX;
    for (uint32_t z = 0; z < s->n_zones; z++) {
        struct zone *zone = &s->zones[z];
        if (!zone->has_value)
            continue;
        uint32_t least = string_zone(s->c, data, end, s->from[z], s->from[z + 1], skip, zone);
        shortest = least < shortest ? least : shortest;
        low = zone->low.u < low ? zone->low.u : low;
        high = zone->high.u > high ? zone->high.u : high;
    }
    uint32_t alike = low == high ? 8 : (uint32_t)__builtin_clzll(low ^ high) / 8;
    return alike < shortest ? alike : shortest;
}

#define SHARED_MOST 64u /* bytes that are looked for: dates and addresses begin alike */

/* Zones that tell of the first 8 bytes in which strings differ; gives how many come before. */
static uint32_t choose_heads(struct seal *s, const uint8_t *data) {
    uint32_t shared = 0, alike = 8;
    while (alike == 8 && shared < SHARED_MOST) {
        alike = string_zones(s, data, shared);
        shared += alike;
    }
    if (alike > 0)
        string_zones(s, data, shared);
    return shared;
}

static struct sealed *seal_strings(struct seal *s) {
    const struct cells *c = s->c;
    s->seen = SEEN(T_STR);
    size_t bytes = text_bytes(c);
    struct needs needs = {.data = aligned(bytes + 64),
                          .offsets = array_bytes(s->n + 1, sizeof(uint32_t))};
    struct sealed *made = make(s, CHUNK_STR, 0, needs, NULL);
    uint8_t *data = made ? writable(made->chunk.data) : NULL;
    if (!made || !bring(s, &made, data, text_of(c), bytes))
        return NULL;
    made->text = bytes;
    made->chunk.shared = choose_heads(s, data);
    put_zones(s, made);
    memset(data + bytes, 0, needs.data - bytes);
    uint32_t *offsets = writable(made->chunk.offsets);
    if (c->n == s->n) {
        memcpy(offsets + 1, c->len, (size_t)c->n * sizeof *offsets);
        return made;
    }
    for (uint32_t row = 0, k = 0; row < s->n; row++)
        offsets[row + 1] = bits_get(made->chunk.valid, row) ? c->len[k++] : offsets[row];
    return made;
}

/* Mixed cells of which each row has one, all with bytes. */
static void place_all(const struct cells *c, uint8_t *tags, uint32_t *lens, union word *words,
                      const uint8_t *blob) {
    memcpy(tags, c->tag, c->n);
    memcpy(lens, c->len, c->n * sizeof *lens);
    for (uint32_t k = 0; k < c->n; k++)
        words[k].p = blob + c->word[k].u;
}

static void place_given(const struct seal *s, const struct chunk *chunk, uint8_t *tags,
                        uint32_t *lens, union word *words, const uint8_t *blob) {
    const struct cells *c = s->c;
    for (uint32_t row = 0, k = 0; row < s->n; row++) {
        if (!bits_get(chunk->valid, row)) {
            tags[row] = bits_get(chunk->present, row) ? T_NULL : T_MISSING;
            continue;
        }
        bool has_bytes = value_has_bytes((enum value_type)c->tag[k]);
        tags[row] = c->tag[k];
        lens[row] = has_bytes || c->tag[k] == T_TIMESTAMP ? c->len[k] : 0;
        words[row] = c->word[k];
        if (has_bytes)
            words[row].p = blob + c->word[k].u;
        k++;
    }
}

static struct sealed *seal_mixed(struct seal *s) {
    const struct cells *c = s->c;
    struct needs needs = {.data = array_bytes(s->n, sizeof(union word)),
                          .tags = array_bytes(s->n, 1),
                          .lens = array_bytes(s->n, sizeof(uint32_t)),
                          .blob = aligned(c->bytes.len + 64)};
    bool all = c->n == s->n;
    for (uint32_t k = 0; k < c->n; k++) {
        s->seen |= SEEN(c->tag[k]);
        all &= value_has_bytes((enum value_type)c->tag[k]);
    }
    uint8_t *blob;
    struct sealed *made = make(s, CHUNK_MIXED, 0, needs, &blob);
    if (!made)
        return NULL;
    uint8_t *tags = writable(made->chunk.tags);
    uint32_t *lens = writable(made->chunk.lens);
    union word *words = writable(made->chunk.data);
    if (c->bytes.len)
        memcpy(blob, c->bytes.data, c->bytes.len);
    memset(blob + c->bytes.len, 0, needs.blob - c->bytes.len);
    memset(words, 0, needs.data);
    if (all)
        place_all(c, tags, lens, words, blob);
    else
        place_given(s, &made->chunk, tags, lens, words, blob);
    return made;
}

/* 64 bytes 0 and 1 as bits. */
static uint64_t narrow_bools(const uint8_t *p) {
    uint64_t bits = 0;
    for (uint32_t i = 0; i < 64; i += 8) /* byte k moves to bit 56 + k */
        bits |= (load_le64(p + i) * 0x0102040810204080u >> 56) << i;
    return bits;
}

static struct sealed *seal_bools(struct seal *s) {
    const struct cells *c = s->c;
    struct needs needs = {.data = bits_bytes(s->n)};
    s->seen = SEEN(T_BOOL);
    struct sealed *made = make(s, CHUNK_BOOL, 0, needs, NULL);
    if (!made)
        return NULL;
    uint64_t *bits = writable(made->chunk.data);
    memset(bits, 0, needs.data);
    const uint8_t *tag = c->tag, *end = tag + c->n;
    for (uint32_t w = 0; w < (s->n + 63) / 64; w++) {
        uint64_t valid = made->chunk.valid ? made->chunk.valid[w] : UINT64_MAX;
        if (valid == UINT64_MAX && end - tag >= 64) {
            bits[w] = narrow_bools(tag);
            tag += 64;
            continue;
        }
        for (; valid && tag < end; valid &= valid - 1)
            bits[w] |= (valid & -valid) * *tag++;
    }
    return made;
}

struct sealed *cells_seal(struct cells *c, uint32_t n) {
    struct seal s = {.c = c, .n = n};
    c->is_unread = false;
    begin_zones(&s);
    if (c->n == 0)
        return make(&s, CHUNK_NONE, 0, (struct needs){0}, NULL);
    if (c->lent_rows)
        fill_gaps(&s);
    if (c->form == CELLS_CODES && c->fresh > c->n / 2 && c->logical <= TEXT_MOST &&
        !cells_to_bytes(c))
        return NULL;
    if (c->form == CELLS_TIME) {
        uint32_t unit = time_unit(c);
        if (count_times(c, unit)) {
            s.seen = SEEN(T_TIMESTAMP);
            struct sealed *made = seal_ints(&s, CHUNK_TIME, false);
            if (made)
                made->chunk.per_second = unit;
            return made;
        }
        if (!cells_to_mixed(c))
            return NULL;
    }
    switch (c->form) {
    case CELLS_INT:
    case CELLS_UINT:
        return seal_ints(&s, CHUNK_INT, c->form == CELLS_UINT);
    case CELLS_DOUBLE:
        return seal_doubles(&s);
    case CELLS_BOOL:
        return seal_bools(&s);
    case CELLS_CODES:
        return seal_codes(&s);
    case CELLS_STR:
        return seal_strings(&s);
    default:
        return seal_mixed(&s);
    }
}

/* How often each value of a path occurs in the matching rows. See resident_state.h.
 *
 * Codes of a dictionary, and integers and timestamps that lie close together, are counted as they
 * stand and looked up once a part; other values are looked up one by one in a hash table. What is
 * one value says value_alike.
 */
#include "engine/resident_state.h"

#include "base/sort.h"
#include "kernel/dense.h"
#include "value/column.h"
#include "value/mp.h"

#include <stdlib.h>
#include <string.h>

struct tally_entry {
    struct value value; /* as it came first; borrowed from the snapshot */
    uint64_t hash, count;
};

struct tally {
    struct hash_key key;
    struct tally_entry *entries;
    uint64_t n, cap;
    uint32_t *table; /* entry + 1, or 0 */
    uint64_t table_size;
    /* of the part that is being counted; behind the values what holds none */
    struct code_count {
        uint32_t count;
        uint32_t first; /* cell in which the code comes first, for the order of appearance */
    } * by_code;
    uint32_t codes;
};

bool tally_new(struct resident *r) {
    r->tally = arena_new(&r->arena, struct tally);
    if (r->tally)
        r->tally->key = hash_key();
    return r->tally != NULL;
}

void tally_free(struct resident *r) {
    struct tally *t = r->tally;
    if (!t)
        return;
    budget_free(r->budget, t->entries, t->cap * sizeof *t->entries);
    budget_free(r->budget, t->table, t->table_size * sizeof *t->table);
    budget_free(r->budget, t->by_code, t->codes * sizeof *t->by_code);
}

static bool grow_entries(struct resident *r, struct tally *t) {
    uint64_t cap = t->cap ? 2 * t->cap : 64;
    if (cap > UINT32_MAX / 4)
        return false;
    struct tally_entry *entries =
        budget_realloc(r->budget, t->entries, t->cap * sizeof *entries, cap * sizeof *entries);
    if (!entries)
        return false;
    t->entries = entries;
    t->cap = cap;
    return true;
}

static bool grow_table(struct resident *r, struct tally *t) {
    uint64_t size = t->table_size ? 2 * t->table_size : 128;
    uint32_t *table = budget_realloc(r->budget, NULL, 0, size * sizeof *table);
    if (!table)
        return false;
    memset(table, 0, size * sizeof *table);
    for (uint64_t i = 0; i < t->n; i++) {
        uint64_t at = t->entries[i].hash & (size - 1);
        while (table[at])
            at = (at + 1) & (size - 1);
        table[at] = (uint32_t)i + 1;
    }
    budget_free(r->budget, t->table, t->table_size * sizeof *table);
    t->table = table;
    t->table_size = size;
    return true;
}

static bool add(struct resident *r, struct value v, uint64_t count) {
    struct tally *t = r->tally;
    if (t->n == t->cap && !grow_entries(r, t))
        return false;
    if (2 * (t->n + 1) > t->table_size && !grow_table(r, t))
        return false;
    uint64_t hash;
    if (!value_hash(t->key, v, &hash))
        return false;
    uint64_t at = hash & (t->table_size - 1);
    while (t->table[at]) {
        struct tally_entry *e = &t->entries[t->table[at] - 1];
        if (e->hash == hash && value_alike(e->value, v)) {
            e->count += count;
            return true;
        }
        at = (at + 1) & (t->table_size - 1);
    }
    t->entries[t->n] = (struct tally_entry){v, hash, count};
    t->table[at] = (uint32_t)++t->n;
    return true;
}

static bool reserve_codes(struct resident *r, struct tally *t, uint32_t n) {
    if (n > t->codes) {
        struct code_count *by_code =
            budget_realloc(r->budget, t->by_code, t->codes * sizeof *by_code, n * sizeof *by_code);
        if (!by_code)
            return false;
        t->by_code = by_code;
        t->codes = n;
    }
    memset(t->by_code, 0, n * sizeof *t->by_code);
    return true;
}

static int by_first(uint32_t a, uint32_t b, const void *data) {
    const struct tally *t = data;
    uint32_t x = t->by_code[a].first, y = t->by_code[b].first;
    return (x > y) - (x < y);
}

/* Room for n items, and as much behind them for sorting. NULL: no memory. */
static uint32_t *items_new(struct resident *r, uint64_t n) {
    return budget_realloc(r->budget, NULL, 0, 2 * n * sizeof(uint32_t));
}

static void items_free(struct resident *r, uint32_t *items, uint64_t n) {
    budget_free(r->budget, items, items ? 2 * n * sizeof *items : 0);
}

/* What cells of a chunk hold, as numbers from 0 on: codes, or integers without the least one. */
struct coded {
    const struct chunk *chunk;
    uint32_t n;  /* numbers; n itself is for cells without a value */
    int64_t low; /* stored number that is 0 */
};

/* False: there are too many, or it has no such form. */
static bool coded_of(const struct chunk *c, struct coded *ret) {
    *ret = (struct coded){.chunk = c};
    if (c && c->kind == CHUNK_CODES) {
        ret->n = dict_count(c->dict);
        return true;
    }
    if (!c || (c->kind != CHUNK_INT && c->kind != CHUNK_TIME) || c->width > 2 || !c->zones)
        return false;
    int64_t low = INT64_MAX, high = INT64_MIN;
    for (uint32_t z = 0; z < (c->n + ZONE_ROWS - 1) / ZONE_ROWS; z++)
        if (c->zones[z].has_value) {
            low = c->zones[z].low.i < low ? c->zones[z].low.i : low;
            high = c->zones[z].high.i > high ? c->zones[z].high.i : high;
        }
    ret->low = low;
    ret->n = (uint32_t)(high - low + 1);
    return low <= high;
}

static inline void count_cell(struct code_count *counts, uint32_t code, uint32_t cell) {
    if (counts[code].count++ == 0)
        counts[code].first = cell;
}

/* Cells of a word of rows that all hold a value. */
#define COUNT_WORD(suffix, type)                                                                   \
    static inline void count_##suffix(struct code_count *counts, const struct coded *k,            \
                                      uint32_t row, uint64_t cells) {                              \
        const type *data = k->chunk->data;                                                         \
        for (; cells; cells &= cells - 1) {                                                        \
            uint32_t cell = row + (uint32_t)__builtin_ctzll(cells);                                \
            count_cell(counts, (uint32_t)((int64_t)data[cell] - k->low), cell);                    \
        }                                                                                          \
    }

COUNT_WORD(u8, uint8_t)
COUNT_WORD(u16, uint16_t)
COUNT_WORD(u32, uint32_t)
COUNT_WORD(i8, int8_t)
COUNT_WORD(i16, int16_t)
#undef COUNT_WORD

static void count_word(struct code_count *counts, const struct coded *k, uint32_t row,
                       uint64_t cells) {
    bool is_code = k->chunk->kind == CHUNK_CODES;
    switch (k->chunk->width) {
    case 1:
        (is_code ? count_u8 : count_i8)(counts, k, row, cells);
        break;
    case 2:
        (is_code ? count_u16 : count_i16)(counts, k, row, cells);
        break;
    default:
        count_u32(counts, k, row, cells);
    }
}

static void count_each(const struct resident *r, const struct coded *k, struct code_count *counts) {
    const uint64_t *valid = k->chunk->valid;
    for (uint32_t w = 0; w < (k->chunk->n + 63) / 64; w++) {
        uint64_t cells = r->bits[w], with = valid ? cells & valid[w] : cells;
        uint64_t without = cells & ~with;
        if (without) {
            count_cell(counts, k->n, 64 * w + (uint32_t)__builtin_ctzll(without));
            counts[k->n].count += (uint32_t)__builtin_popcountll(without) - 1;
        }
        count_word(counts, k, 64 * w, with);
    }
}

/* All cells of a chunk of single bytes, each of which holds a value. */
static void count_bytes(const struct coded *k, struct code_count *counts) {
    uint32_t tally[256], left = 0;
    const uint8_t *data = k->chunk->data;
    dense_ops()->tally_u8(data, k->chunk->n, tally);
    for (uint32_t code = 0; code < k->n; code++) {
        counts[code].count = tally[(uint8_t)(k->low + code)];
        counts[code].first = UINT32_MAX;
        left += counts[code].count > 0;
    }
    for (uint32_t cell = 0; left > 0; cell++) { /* each comes once at least */
        struct code_count *count = &counts[(uint8_t)(data[cell] - (uint8_t)k->low)];
        if (count->first == UINT32_MAX) {
            count->first = cell;
            left--;
        }
    }
}

/* Counts the numbers of the part, then looks the values up that there are, in the order in which
 * they came. What is null or missing counts as one more. */
static bool add_codes(struct resident *r, const struct coded *k) {
    struct tally *t = r->tally;
    const struct chunk *c = k->chunk;
    uint32_t used = 0;
    uint32_t *codes;
    if (!reserve_codes(r, t, k->n + 1))
        return false;
    if (c->width == 1 && k->n <= 256 && !c->valid && r->part_left == c->n)
        count_bytes(k, t->by_code);
    else
        count_each(r, k, t->by_code);
    for (uint32_t i = 0; i <= k->n; i++)
        used += t->by_code[i].count > 0;
    codes = used > 0 ? items_new(r, used) : NULL;
    if (used > 0 && !codes)
        return false;
    for (uint32_t i = 0, at = 0; i <= k->n; i++)
        if (t->by_code[i].count > 0)
            codes[at++] = i;
    if (used > 0)
        sort_items(codes, used, codes + used, by_first, t, r->stop);
    bool ok = true;
    for (uint32_t i = 0; i < used && ok; i++) {
        struct code_count count = t->by_code[codes[i]];
        ok = add(r, codes[i] < k->n ? chunk_value(c, count.first) : value_null(), count.count);
    }
    items_free(r, codes, used);
    return ok;
}

bool tally_add_part(struct resident *r) {
    uint32_t at = 0, n;
    struct column *column = &r->block.columns[0];
    if (!resident_chunks(&r->snapshot->parts[r->part], r->paths, 1, r->path_chunks))
        return false;
    const struct chunk *c = r->path_chunks[0];
    struct coded coded;
    if (coded_of(c, &coded))
        return add_codes(r, &coded);
    while ((n = resident_cells(r, &at, r->cells, BLOCK_ROWS)) > 0) {
        chunk_gather(c, r->cells, n, column);
        for (uint32_t i = 0; i < n; i++)
            if (!add(r, column_get(column, i), 1))
                return false;
    }
    return true;
}

static int by_count(uint32_t a, uint32_t b, const void *data) {
    const struct tally_entry *e = data;
    if (e[a].count != e[b].count)
        return e[a].count > e[b].count ? -1 : 1;
    return (a > b) - (a < b);
}

bool tally_write(struct resident *r, struct buf *data) {
    struct tally *t = r->tally;
    uint64_t n = t->n < r->q.limit ? t->n : r->q.limit;
    uint32_t *order = t->n > 0 ? items_new(r, t->n) : NULL;
    if (t->n > 0 && !order)
        return false;
    for (uint64_t i = 0; i < t->n; i++)
        order[i] = (uint32_t)i;
    if (t->n > 0)
        sort_items(order, t->n, order + t->n, by_count, t->entries, r->stop);
    mp_write_array(data, (uint32_t)n);
    for (uint64_t i = 0; i < n; i++) {
        mp_write_array(data, 2);
        mp_write_value(data, t->entries[order[i]].value);
        mp_write_uint(data, t->entries[order[i]].count);
    }
    r->limit_reached = n < t->n;
    items_free(r, order, t->n);
    return !buf_failed(data);
}

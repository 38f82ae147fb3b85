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
    uint32_t *room; /* of struct coded */
    uint32_t room_n;
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
    budget_free(r->budget, t->room, t->room_n * sizeof *t->room);
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
    uint32_t n;       /* numbers; n itself is for cells without a value */
    int64_t low;      /* stored number that is 0 */
    uint32_t *counts; /* n + 1 */
    uint32_t *firsts; /* n_firsts cells that hold what none before them did, ascending */
    uint32_t n_firsts;
};

/* An array with room for each number pays for so many of them for each row: to clear and to look
 * through it takes less a number than to look up a value. */
#define NUMBERS_A_ROW 8u

/* Whether the cells of a chunk are counted so, `rows` of them. */
static bool coded_of(const struct chunk *c, uint32_t rows, struct coded *ret) {
    bool is_int = c && (c->kind == CHUNK_INT || c->kind == CHUNK_TIME) && c->width <= 2;
    *ret = (struct coded){.chunk = c};
    if (c && c->kind == CHUNK_CODES) {
        ret->n = dict_count(c->dict);
    } else if (is_int && c->zones) {
        int64_t low = INT64_MAX, high = INT64_MIN;
        for (uint32_t z = 0; z < (c->n + ZONE_ROWS - 1) / ZONE_ROWS; z++)
            if (c->zones[z].has_value) {
                low = c->zones[z].low.i < low ? c->zones[z].low.i : low;
                high = c->zones[z].high.i > high ? c->zones[z].high.i : high;
            }
        ret->low = low;
        ret->n = low <= high ? (uint32_t)(high - low + 1) : 0;
    }
    return ret->n > 0 && ret->n / NUMBERS_A_ROW <= rows;
}

static bool reserve(struct resident *r, struct coded *k) {
    struct tally *t = r->tally;
    uint32_t n = k->n + 1;
    if (2 * n > t->room_n) {
        uint32_t *room = budget_realloc(r->budget, t->room, t->room_n * sizeof *room,
                                        2 * (size_t)n * sizeof *room);
        if (!room)
            return false;
        t->room = room;
        t->room_n = 2 * n;
    }
    k->counts = t->room;
    k->firsts = t->room + n;
    memset(k->counts, 0, n * sizeof *k->counts);
    return true;
}

static inline uint32_t code_at(const struct coded *k, uint32_t cell) {
    const struct chunk *c = k->chunk;
    if (!bits_get(c->valid, cell))
        return k->n;
    return c->kind == CHUNK_CODES ? chunk_code(c, cell)
                                  : (uint32_t)(chunk_stored(c, cell) - k->low);
}

static inline void count_cell(struct coded *k, uint32_t code, uint32_t cell) {
    if (k->counts[code]++ == 0)
        k->firsts[k->n_firsts++] = cell;
}

/* Cells of a word of rows that all hold a value. */
#define COUNT_WORD(suffix, type)                                                                   \
    static void count_##suffix(struct coded *k, uint32_t row, uint64_t cells) {                    \
        const type *data = k->chunk->data;                                                         \
        for (; cells; cells &= cells - 1) {                                                        \
            uint32_t cell = row + (uint32_t)__builtin_ctzll(cells);                                \
            count_cell(k, (uint32_t)((int64_t)data[cell] - k->low), cell);                         \
        }                                                                                          \
    }

COUNT_WORD(u8, uint8_t)
COUNT_WORD(u16, uint16_t)
COUNT_WORD(u32, uint32_t)
COUNT_WORD(i8, int8_t)
COUNT_WORD(i16, int16_t)
#undef COUNT_WORD

typedef void count_fn(struct coded *k, uint32_t row, uint64_t cells);

static count_fn *count_of(const struct chunk *c) {
    bool is_code = c->kind == CHUNK_CODES;
    return c->width == 1   ? (is_code ? count_u8 : count_i8)
           : c->width == 2 ? (is_code ? count_u16 : count_i16)
                           : count_u32;
}

static void count_each(const struct resident *r, struct coded *k) {
    const uint64_t *valid = k->chunk->valid;
    count_fn *count = count_of(k->chunk);
    for (uint32_t w = 0; w < (k->chunk->n + 63) / 64; w++) {
        uint64_t cells = r->bits[w], with = valid ? cells & valid[w] : cells;
        uint64_t without = cells & ~with;
        if (without && k->counts[k->n] == 0) { /* in its place among those that come first */
            uint64_t before = with & ((without & -without) - 1);
            count(k, 64 * w, before);
            with &= ~before;
            k->firsts[k->n_firsts++] = 64 * w + (uint32_t)__builtin_ctzll(without);
        }
        k->counts[k->n] += (uint32_t)__builtin_popcountll(without);
        count(k, 64 * w, with);
    }
}

/* All cells of a chunk of single bytes, each of which holds a value. */
static void count_bytes(struct coded *k) {
    uint32_t tally[256], left = 0;
    bool seen[256] = {false};
    dense_ops()->tally_u8(k->chunk->data, k->chunk->n, tally);
    for (uint32_t code = 0; code < k->n; code++) {
        k->counts[code] = tally[(uint8_t)(k->low + code)];
        left += k->counts[code] > 0;
    }
    for (uint32_t cell = 0; left > 0; cell++) { /* each comes once at least */
        uint32_t code = code_at(k, cell);
        if (seen[code])
            continue;
        seen[code] = true;
        k->firsts[k->n_firsts++] = cell;
        left--;
    }
}

/* Counts the numbers of the part, then looks the values up that there are, in the order in which
 * they came. What is null or missing counts as one more. */
static bool add_codes(struct resident *r, struct coded *k) {
    const struct chunk *c = k->chunk;
    if (!reserve(r, k))
        return false;
    if (c->width == 1 && k->n <= 256 && !c->valid && r->part_left == c->n)
        count_bytes(k);
    else
        count_each(r, k);
    for (uint32_t i = 0; i < k->n_firsts; i++) {
        uint32_t cell = k->firsts[i], code = code_at(k, cell);
        struct value v = code < k->n ? chunk_value(c, cell) : value_null();
        if (!add(r, v, k->counts[code]))
            return false;
    }
    return true;
}

bool tally_add_part(struct resident *r) {
    uint32_t at = 0, n;
    struct column *column = &r->block.columns[0];
    if (!resident_chunks(&r->snapshot->parts[r->part], r->paths, 1, r->path_chunks))
        return false;
    const struct chunk *c = r->path_chunks[0];
    struct coded coded;
    if (coded_of(c, r->part_left, &coded))
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

/* See resident.h: parts, bits, and the results that are made of bits alone. */
#include "engine/resident_state.h"

#include "base/bitmap.h"
#include "base/build.h"
#include "kernel/dense.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

static struct bound_path bind(const struct snapshot *s, struct path p, uint64_t hash) {
    struct bound_path b = {.column = NO_TABLE_COLUMN};
    if (p.n > 0 && p.steps[0].key.p) {
        b.column = snapshot_column_hashed(s, p.steps[0].key, hash);
        b.inside = (struct path){p.steps + 1, p.n - 1};
    }
    return b;
}

static struct bound_path bind_path(const struct snapshot *s, struct path p) {
    return bind(s, p, p.n > 0 ? hash_bytes(hash_key(), p.steps[0].key.p, p.steps[0].key.n) : 0);
}

bool resident_chunks(const struct part *p, const struct bound_path *paths, uint32_t n,
                     const struct chunk **ret) {
    for (uint32_t i = 0; i < n; i++) {
        ret[i] = NULL;
        if (paths[i].column == NO_TABLE_COLUMN || !part_has(p, paths[i].column))
            continue;
        if (paths[i].inside.n == 0)
            part_chunk(p, paths[i].column, &ret[i]);
        else
            ret[i] = part_path_chunk(p, paths[i].column, paths[i].inside);
        if (!ret[i])
            return false;
    }
    return true;
}

bool resident_slot_chunks(const struct plan *plan, const struct snapshot *s, const struct part *p,
                          const struct chunk **ret) {
    for (uint32_t i = 0; i < plan_fields(plan)->n_slots; i++) {
        struct bound_path b = bind(s, plan_path(plan, i), plan_path_hash(plan, i));
        if (!resident_chunks(p, &b, 1, &ret[i]))
            return false;
    }
    return true;
}

static bool bind_paths(struct resident *r) {
    const struct resident_query *q = &r->q;
    const struct snapshot *s = r->snapshot;
    bool counts = q->kind == RESULT_COUNTS;
    uint32_t n_columns = q->columns ? q->n_columns : s->n_columns;
    uint32_t n = q->n_order + (counts ? 1 : n_columns);
    r->paths = arena_array(&r->arena, n, sizeof *r->paths);
    r->path_chunks = arena_array(&r->arena, n, sizeof(struct chunk *));
    if (!r->paths || !r->path_chunks)
        return false;
    for (uint32_t i = 0; i < q->n_order; i++)
        r->paths[r->n_paths++] = bind_path(s, q->order[i].path);
    if (counts)
        r->paths[r->n_paths++] = bind_path(s, q->by);
    else if (q->kind == RESULT_COLUMNS || q->kind == RESULT_ROWS)
        for (uint32_t i = 0; i < n_columns; i++)
            r->paths[r->n_paths++] =
                q->columns ? bind_path(s, q->columns[i]) : (struct bound_path){.column = i};
    return true;
}

/* For looking at cells. */
static bool add_room(struct resident *r) {
    r->taken = arena_array(&r->arena, RESIDENT_ROWS, sizeof *r->taken);
    r->values = arena_array(&r->arena, RESIDENT_ROWS, sizeof *r->values);
    return r->taken && r->values && block_init(&r->block, 1, false, r->budget);
}

static bool init(struct resident *r) {
    const struct fields *fields = plan_fields(r->q.plan);
    r->n_slots = fields->n_slots;
    r->slots = arena_array(&r->arena, r->n_slots, sizeof *r->slots);
    r->chunks = arena_array(&r->arena, r->n_slots, sizeof(struct chunk *));
    r->bits = r->room.bits;
    r->compact = r->room.compact;
    r->cells = r->room.cells;
    if (!r->slots || !r->chunks || !bind_paths(r))
        return false;
    for (uint32_t i = 0; i < r->n_slots; i++)
        r->slots[i] = bind(r->snapshot, plan_path(r->q.plan, i), plan_path_hash(r->q.plan, i));
    if ((r->n_paths > 0 || r->q.kind == RESULT_ROWS || r->q.kind == RESULT_COLUMNS) && !add_room(r))
        return false;
    if (r->crew && r->n_scans == crew_size(r->crew) && r->n_scans > 1 &&
        r->snapshot->n_rows >= RESIDENT_PARALLEL_ROWS && !(r->ahead = ahead_new(r)))
        return false;
    if (r->q.n_order > 0)
        return ranked_new(r);
    return r->q.kind != RESULT_COUNTS || tally_new(r);
}

/* All but the room, which nobody reads before it was written. */
static void clear(struct resident *r, struct budget *budget) {
    struct arena arena = r->arena;
    memset(r, 0, offsetof(struct resident, room));
    r->arena = arena;
    r->budget = budget;
}

static struct resident *allocate(struct budget *budget) {
    struct resident *r = budget_realloc(budget, NULL, 0, sizeof *r);
    if (r) {
        arena_init(&r->arena, budget);
        clear(r, budget);
    }
    return r;
}

struct resident *resident_new(struct resident *spare, const struct resident_query *q,
                              const struct snapshot *s, struct scan *const *scans, uint32_t n_scans,
                              struct crew *crew, const struct run_options *options,
                              struct budget *budget, struct error *e) {
    struct resident *r = spare ? spare : allocate(budget);
    if (!r) {
        error_set(e, E_MEMORY, "out of memory");
        return NULL;
    }
    r->q = *q;
    r->snapshot = s;
    r->scans = scans;
    r->n_scans = n_scans;
    r->crew = crew;
    r->stop = options->stop;
    r->now_ns = options->now_ns;
    if (!init(r)) {
        error_set(e, E_MEMORY, "out of memory for the query");
        resident_free(r);
        return NULL;
    }
    for (uint32_t i = 0; i < n_scans; i++)
        scan_begin(scans[i], options);
    r->over = q->limit == 0;
    r->limit_reached = r->over;
    return r;
}

static void let_go(struct resident *r) {
    ranked_free(r);
    tally_free(r);
    block_done(&r->block);
}

struct resident *resident_rest(struct resident *r) {
    let_go(r);
    arena_reuse(&r->arena);
    clear(r, r->budget);
    return r;
}

void resident_free(struct resident *r) {
    if (!r)
        return;
    let_go(r);
    arena_done(&r->arena);
    budget_free(r->budget, r, sizeof *r);
}

bool resident_is_over(const struct resident *r) { return r->over; }
uint64_t resident_rows(const struct resident *r) { return r->rows; }
uint64_t resident_matched(const struct resident *r) { return r->matched; }
bool resident_limit_reached(const struct resident *r) { return r->limit_reached; }
uint64_t resident_mismatches(const struct resident *r) {
    uint64_t n = 0;
    for (uint32_t i = 0; i < r->n_scans; i++)
        n += scan_mismatches(r->scans[i]);
    return n;
}

uint64_t resident_undefined(const struct resident *r) {
    uint64_t n = 0;
    for (uint32_t i = 0; i < r->n_scans; i++)
        n += scan_undefined(r->scans[i]);
    return n;
}

/* ---- bits ---- */

/* An order takes all rows before it takes offset and limit, and counts have an own one. */
static bool takes_all(const struct resident *r) {
    return r->q.n_order > 0 || r->q.kind == RESULT_COUNTS;
}

/* Offset and limit on the bits of the part, kept of them set. */
static void cut(struct resident *r, uint32_t kept, uint32_t words) {
    uint64_t offset = r->q.offset - r->skipped;
    if (offset > 0) {
        uint64_t n = kept < offset ? kept : offset;
        bits_drop_first(r->bits, n);
        r->skipped += n;
        kept -= (uint32_t)n;
    }
    uint64_t left = r->q.limit - r->matched;
    if (r->q.limit != UINT64_MAX && kept >= left) {
        r->to = bits_keep_first(r->bits, words, left);
        kept = (uint32_t)left;
        r->limit_reached = true;
        r->next = r->snapshot->n_parts;
    }
    r->part_left = kept;
}

/* ---- parts ---- */

/* Runs the scan over the next part. */
static enum status next_part(struct resident *r, struct error *e) {
    const struct part *p = &r->snapshot->parts[r->next];
    uint32_t kept;
    enum status status = resident_scan(r, &kept, e);
    if (status != E_OK)
        return status;
    r->part = r->next++;
    r->from = 0;
    r->to = p->n;
    r->part_left = kept;
    if (!takes_all(r))
        cut(r, kept, (p->n + 63) / 64);
    r->matched += r->part_left;
    return E_OK;
}

uint32_t resident_cells(const struct resident *r, uint32_t *at, uint16_t *ret, uint32_t most) {
    uint32_t n = 0, cell = *at;
    while (n < most && cell < r->to) {
        uint64_t word = r->bits[cell / 64] >> (cell % 64);
        if (word == 0) {
            cell = (cell / 64 + 1) * 64;
            continue;
        }
        cell += (uint32_t)__builtin_ctzll(word);
        ret[n++] = (uint16_t)cell++;
    }
    *at = cell < r->to ? cell : r->to;
    return n;
}

/* The whole of the current part. */
static bool add_part(struct resident *r, struct buf *data, size_t start,
                     struct resident_chunk *chunk) {
    const struct part *p = &r->snapshot->parts[r->part];
    const uint64_t *bits =
        chunk->kind == RESULT_COUNT ? NULL : bits_by_live_row(r->bits, p, r->compact);
    uint32_t rows = bits_count_live(p, 0, r->to);
    bool ok = true;
    if (chunk->kind == RESULT_NUMBERS && r->part_left > 0)
        ok = bits_add_indices(bits, (p->n_live + 63) / 64, r->part_left, (uint32_t)p->first, data);
    else if (chunk->kind == RESULT_INDICES && r->part_left > 0)
        ok = bits_add_indices(bits, (p->n_live + 63) / 64, r->part_left, (uint32_t)chunk->rows,
                              data);
    else if (chunk->kind == RESULT_BITMAP)
        ok = bits_add(bits, rows, chunk->rows, data, start);
    chunk->rows += rows;
    chunk->matched += r->part_left;
    r->rows += rows;
    r->part_left = 0;
    r->from = r->to;
    r->part = UINT32_MAX;
    return ok;
}

/* ---- taking ---- */

static bool in_part(const struct resident *r) { return r->part < r->next; }

/* AUTO: by the first part of a chunk, whose density the others of it will have, more or less. */
static enum result_kind choose(const struct resident *r) {
    if (r->q.kind != RESULT_AUTO)
        return r->q.kind;
    const struct part *p = &r->snapshot->parts[r->part];
    return bitmap_bytes(p->n_live) < 4 * (size_t)r->part_left ? RESULT_BITMAP : RESULT_INDICES;
}

static bool is_full(const struct buf *data, size_t start, const struct resident_chunk *c) {
    return (!data->is_fixed && data->len - start >= RESIDENT_CHUNK_BYTES) ||
           c->rows > UINT32_MAX - SEGMENT_ROWS;
}

bool resident_fits_fixed(const struct resident_query *q) {
    return q->n_order == 0 && (q->kind == RESULT_NUMBERS || q->kind == RESULT_INDICES);
}

/* Whether the current part does, which waits if it does not. */
static bool fits(const struct resident *r, const struct buf *data) {
    return !data->is_fixed || data->cap - data->len >= 4 * (size_t)r->part_left;
}

/* Counts, indices and bitmaps: whole parts. */
static enum status take_bits(struct resident *r, uint32_t to, struct buf *data,
                             struct resident_chunk *chunk, struct error *e) {
    size_t start = data->len;
    for (uint32_t i = 0; i < PARTS_AT_ONCE; i++) {
        if (!in_part(r)) {
            if (r->next >= to)
                break;
            enum status status = next_part(r, e);
            if (status != E_OK)
                return status;
            if (resident_is_stopped(r))
                return E_OK;
        }
        if (!fits(r, data))
            break;
        if (chunk->rows == 0)
            chunk->kind = choose(r);
        if (!add_part(r, data, start, chunk))
            return error_set(e, E_MEMORY, "out of memory for the result");
        if (is_full(data, start, chunk))
            break;
    }
    r->over = !in_part(r) && r->next == r->snapshot->n_parts;
    chunk->has_data = chunk->matched > 0 && chunk->kind != RESULT_COUNT;
    return E_OK;
}

/* Rows and columns: what fits. */
static enum status take_cells(struct resident *r, struct buf *data, struct resident_chunk *chunk,
                              struct error *e) {
    if (!in_part(r)) {
        enum status status = next_part(r, e);
        if (status != E_OK)
            return status;
        if (resident_is_stopped(r))
            return E_OK;
    }
    uint32_t from = r->from;
    if (!result_take_cells(r, data, chunk))
        return error_set(e, E_MEMORY, "out of memory for the result");
    chunk->rows = bits_count_live(&r->snapshot->parts[r->part], from, r->from);
    r->rows += chunk->rows;
    if (r->from == r->to) {
        r->part = UINT32_MAX;
        r->over = r->next == r->snapshot->n_parts;
    }
    chunk->has_data = chunk->matched > 0;
    return E_OK;
}

/* What has to see all rows first. */
static enum status take_whole(struct resident *r, uint32_t to, struct buf *data,
                              struct resident_chunk *chunk, struct error *e) {
    for (uint32_t i = 0; i < PARTS_AT_ONCE && r->next < to; i++) {
        enum status status = next_part(r, e);
        if (status != E_OK)
            return status;
        if (resident_is_stopped(r))
            return E_OK;
        if (!(r->ranked ? ranked_add_part(r) : tally_add_part(r)))
            return error_set(e, E_MEMORY, "out of memory for the result");
        r->rows += r->snapshot->parts[r->part].n_live;
        r->part = UINT32_MAX;
    }
    if (r->next < r->snapshot->n_parts)
        return E_OK;
    if (r->ranked && !r->sorted) {
        if (!ranked_sort(r))
            return error_set(e, E_MEMORY, "out of memory for the result");
        r->sorted = true;
    }
    chunk->base = 0;
    chunk->rows = r->rows;
    bool ok = true;
    if (r->ranked) {
        ok = ranked_take(r, data, chunk); /* sets over */
    } else {
        ok = tally_write(r, data);
        chunk->has_data = true;
        r->over = true;
    }
    return ok ? E_OK : error_set(e, E_MEMORY, "out of memory for the result");
}

bool resident_is_at(const struct resident *r, uint32_t to) {
    return r->over || (to < r->snapshot->n_parts && r->next >= to && !in_part(r));
}

enum status resident_take(struct resident *r, uint32_t to, struct buf *data,
                          struct resident_chunk *ret, struct error *e) {
    *ret = (struct resident_chunk){.kind = r->q.kind, .base = r->rows};
    if (to > r->snapshot->n_parts)
        to = r->snapshot->n_parts;
    if (!takes_all(r) && !in_part(r) && r->next == r->snapshot->n_parts) {
        r->over = true;
        return E_OK;
    }
    if (takes_all(r))
        return take_whole(r, to, data, ret, e);
    if (r->q.kind == RESULT_ROWS || r->q.kind == RESULT_COLUMNS)
        return take_cells(r, data, ret, e);
    return take_bits(r, to, data, ret, e);
}

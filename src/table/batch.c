/* See table.h and batch.h: batches, their columns and segments. */
#include "table/batch.h"

#include "base/hash.h"
#include "table/raw.h"
#include "value/mp.h"

#include <endian.h>
#include <stdatomic.h>
#include <stdlib.h>

struct batch *batch_new(struct table *t) {
    struct batch *b = budget_realloc(t->budget, NULL, 0, sizeof *b);
    if (!b)
        return NULL;
    uint64_t depth = t->limits->row_depth, fields = t->limits->row_fields;
    *b = (struct batch){.table = t, .budget = t->budget, .nameless = NO_TABLE_COLUMN};
    b->skip.depth_limit = depth < MP_DEPTH_MOST ? (uint32_t)depth : MP_DEPTH_MOST;
    b->skip.fields_limit = (uint32_t)fields;
    arena_init(&b->arena, t->budget);
    buf_init(&b->other, t->budget);
    table_ref(t);
    return b;
}

static void stage_done(struct stage *s, struct budget *budget) {
    for (uint32_t i = 0; s->columns && i < s->n_columns; i++)
        sealed_free(s->columns[i]);
    budget_free(budget, s->columns, s->n_columns * sizeof *s->columns);
}

void batch_clear(struct batch *b) {
    for (uint32_t i = 0; i < b->n_inlets; i++) {
        sealed_free(b->inlets[i].kept);
        cells_done(&b->inlets[i].cells);
        lists_done(&b->inlets[i].lists);
    }
    for (uint32_t i = 0; i < b->n_stages; i++)
        stage_done(&b->stages[i], b->budget);
    budget_free(b->budget, b->inlets, b->inlets_room * sizeof *b->inlets);
    budget_free(b->budget, b->slots, b->mask ? (b->mask + 1) * sizeof *b->slots : 0);
    budget_free(b->budget, b->expected, b->expected_room * sizeof *b->expected);
    budget_free(b->budget, b->stages, b->stages_room * sizeof *b->stages);
    hands_free(&b->hands, b->budget);
    arena_done(&b->arena);
    buf_done(&b->other);
    struct batch empty = {.table = b->table,
                          .budget = b->budget,
                          .nameless = NO_TABLE_COLUMN,
                          .skip = b->skip,
                          .crew = b->crew};
    *b = empty;
    arena_init(&b->arena, b->budget);
    buf_init(&b->other, b->budget);
}

void batch_free(struct batch *b) {
    if (!b)
        return;
    struct table *t = b->table;
    batch_clear(b);
    arena_done(&b->arena);
    buf_done(&b->other);
    budget_free(b->budget, b, sizeof *b);
    table_unref(t);
}

uint64_t batch_rows(const struct batch *b) { return b->total; }

void batch_use_crew(struct batch *b, struct crew *crew) { b->crew = crew; }

struct crew *batch_crew(const struct batch *b, uint64_t n, uint32_t n_columns) {
    return n_columns > 1 && n * n_columns >= CREW_CELLS ? b->crew : NULL;
}

/* --- columns --- */

static bool grow_slots(struct batch *b) {
    uint32_t mask = b->mask ? 2 * b->mask + 1 : 15;
    if (b->mask && b->n_inlets + 1 <= b->mask / 2)
        return true;
    uint32_t *slots = budget_realloc(b->budget, NULL, 0, ((size_t)mask + 1) * sizeof *slots);
    if (!slots)
        return false;
    memset(slots, 0, ((size_t)mask + 1) * sizeof *slots);
    for (uint32_t i = 0; i < b->n_inlets; i++) {
        uint32_t at = b->inlets[i].hash & mask;
        while (slots[at])
            at = (at + 1) & mask;
        slots[at] = i + 1;
    }
    budget_free(b->budget, b->slots, b->mask ? ((size_t)b->mask + 1) * sizeof *slots : 0);
    b->slots = slots;
    b->mask = mask;
    return true;
}

static bool name_inlet(struct batch *b, struct inlet *in, struct str name) {
    if (!name.p) {
        in->word = 1; /* with no bit in the mask: never met where it is expected */
        return true;
    }
    struct buf encoded;
    buf_init(&encoded, b->budget);
    mp_write_str(&encoded, name.p, name.n);
    size_t n = encoded.len;
    buf_add(&encoded, "\0\0\0\0\0\0\0", 8);
    uint8_t *copy = buf_failed(&encoded) ? NULL : arena_copy(&b->arena, encoded.data, encoded.len);
    buf_done(&encoded);
    if (!copy)
        return false;
    in->key = copy;
    in->key_n = (uint32_t)n;
    in->name = (struct str){(const char *)copy + n - name.n, name.n};
    in->mask = n >= 8 ? UINT64_MAX : htole64((UINT64_C(1) << (8 * n)) - 1);
    memcpy(&in->word, copy, 8);
    in->word &= in->mask;
    return true;
}

static bool add_inlet(struct batch *b, struct str name, uint32_t hash) {
    if (b->n_inlets == b->inlets_room) {
        uint32_t to = b->inlets_room ? 2 * b->inlets_room : 8;
        struct inlet *inlets = budget_realloc(b->budget, b->inlets, b->inlets_room * sizeof *inlets,
                                              to * sizeof *inlets);
        if (!inlets)
            return false;
        b->inlets = inlets;
        b->inlets_room = to;
    }
    struct inlet *in = &b->inlets[b->n_inlets];
    *in = (struct inlet){.hash = hash};
    if (!grow_slots(b) || !name_inlet(b, in, name))
        return false;
    cells_init(&in->cells, b->budget);
    lists_init(&in->lists, b->budget);
    uint32_t at = hash & b->mask;
    while (b->slots[at])
        at = (at + 1) & b->mask;
    b->slots[at] = ++b->n_inlets;
    return true;
}

uint32_t batch_inlet(struct batch *b, struct str name, struct error *e) {
    uint32_t hash = (uint32_t)hash_bytes(hash_key(), name.n ? name.p : "", name.n);
    for (uint32_t at = hash & b->mask; b->mask && b->slots[at]; at = (at + 1) & b->mask) {
        const struct inlet *in = &b->inlets[b->slots[at] - 1];
        if (in->hash == hash && str_eq(in->name, name) && !in->name.p == !name.p)
            return b->slots[at] - 1;
    }
    if (b->n_inlets >= b->table->limits->row_fields) {
        error_limit(e, E_ROW_TOO_WIDE, "row_fields", b->table->limits->row_fields, ERROR_NONE);
        return NO_TABLE_COLUMN;
    }
    if (!add_inlet(b, name, hash)) {
        table_no_memory(b->budget, e);
        return NO_TABLE_COLUMN;
    }
    return b->n_inlets - 1;
}

/* --- segments --- */

bool batch_stage(struct batch *b, uint32_t n) {
    if (b->n_stages == b->stages_room) {
        uint32_t to = b->stages_room ? 2 * b->stages_room : 4;
        struct stage *stages = budget_realloc(b->budget, b->stages, b->stages_room * sizeof *stages,
                                              to * sizeof *stages);
        if (!stages)
            return false;
        b->stages = stages;
        b->stages_room = to;
    }
    struct stage s = {.n = n, .n_columns = b->n_inlets};
    size_t bytes = s.n_columns * sizeof *s.columns;
    if (bytes > 0 && !(s.columns = budget_realloc(b->budget, NULL, 0, bytes)))
        return false;
    if (bytes > 0)
        memset(s.columns, 0, bytes);
    b->stages[b->n_stages++] = s;
    return true;
}

bool batch_seal_inlet(struct batch *b, uint32_t i) {
    struct stage *s = &b->stages[b->n_stages - 1];
    struct inlet *in = &b->inlets[i];
    if (in->kept) {
        s->columns[i] = in->kept;
        in->kept = NULL;
        return true;
    }
    bool done = in->cells.rows == 0 || (s->columns[i] = cells_seal(&in->cells, s->n));
    cells_clear(&in->cells);
    return done;
}

/* Columns of a stage in the making. */
struct sealing {
    struct batch *batch;
    _Atomic bool failed;
};

static void seal_column(void *data, uint32_t i, uint32_t hand) {
    struct sealing *s = data;
    (void)hand;
    if (!batch_seal_inlet(s->batch, i))
        atomic_store_explicit(&s->failed, true, memory_order_relaxed);
}

bool batch_seal_rest(struct batch *b) {
    uint32_t n = b->stages[b->n_stages - 1].n, rest = 0;
    struct sealing sealing = {.batch = b};
    for (uint32_t i = 0; i < b->n_inlets; i++)
        rest += b->inlets[i].cells.rows > 0 || b->inlets[i].kept;
    if (rest > 0)
        crew_run(batch_crew(b, n, rest), seal_column, &sealing, b->n_inlets);
    b->rows = 0;
    b->is_full = b->has_kept = false;
    return !atomic_load_explicit(&sealing.failed, memory_order_relaxed);
}

static void take_kept(void *data, uint32_t i, uint32_t hand) {
    struct sealing *s = data;
    struct inlet *in = &s->batch->inlets[i];
    (void)hand;
    if (!in->kept)
        return;
    if (!raw_feed(in->kept, &in->cells, &in->lists))
        atomic_store_explicit(&s->failed, true, memory_order_relaxed);
    sealed_free(in->kept);
    in->kept = NULL;
}

bool batch_take_kept(struct batch *b) {
    struct sealing taking = {.batch = b};
    if (!b->has_kept)
        return true;
    crew_run(batch_crew(b, b->rows, b->n_inlets), take_kept, &taking, b->n_inlets);
    b->has_kept = false;
    return !atomic_load_explicit(&taking.failed, memory_order_relaxed);
}

bool batch_seal(struct batch *b) {
    return b->rows == 0 || (batch_stage(b, b->rows) && batch_seal_rest(b));
}

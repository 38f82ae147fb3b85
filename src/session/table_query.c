/* FILTER, EXECUTE and EXPLAIN over a resident table. See state.h; engine/resident.h does the work.
 */
#include "session/state.h"

#include "value/column.h"
#include "value/dict.h"

/* What is looked at on the loop's own thread, where everybody waits for it. */
#define SMALL_ROWS  32768u              /* rows of the table ... */
#define SMALL_CELLS 4096u               /* ... if each that matches is looked at by itself */
#define SMALL_BYTES (128u * SMALL_ROWS) /* of its chunks: strings may be long */
#define TIMED_ROWS  65536u              /* tables of more rows have their terms measured */
#define PARTS_COST  1u /* of a turn: a chunk counts by its time and bytes, not its rows */

static bool has_few_bytes(const struct snapshot *s) {
    size_t bytes = 0;
    for (uint32_t i = 0; i < s->n_parts; i++)
        for (uint32_t k = 0; k < s->n_columns && bytes <= SMALL_BYTES; k++) {
            const struct chunk *c = part_chunk(&s->parts[i], k);
            bytes += c ? c->bytes + (c->dict ? dict_bytes(c->dict) : 0) : 0;
        }
    return bytes <= SMALL_BYTES;
}

bool table_query_is_small(const struct request *r) {
    const struct snapshot *s = table_snapshot(r->use.table->table);
    const enum result_kind kind = r->result_kind;
    bool cells = r->use.n_order > 0 || kind == RESULT_ROWS || kind == RESULT_COLUMNS ||
                 kind == RESULT_COUNTS;
    uint64_t rows = s->n_rows;
    size_t query = r->compiled ? r->compiled->bytes : r->query_value.n;
    bool small = rows <= (cells ? SMALL_CELLS : SMALL_ROWS) && !r->strict &&
                 rows * (query + r->params_bytes) <= 64 * SMALL_ROWS && has_few_bytes(s);
    snapshot_unref(s);
    return small;
}

static enum status bad(struct error *e, const char *text) {
    error_set(e, E_BAD_OPTION, "%s", text);
    return E_BAD_OPTION;
}

enum status table_query_check(struct request *r, struct error *e) {
    const struct table_use *use = &r->use;
    enum result_kind kind = r->result_kind;
    if (!use->table) {
        if (use->has_options)
            return bad(e, "\"offset\", \"order\", \"columns\" and \"by\" are for tables");
        if (kind == RESULT_COLUMNS || kind == RESULT_COUNTS || kind == RESULT_NUMBERS)
            return error_set(e, E_RESULT_KIND, "the result \"%s\" is for tables",
                             result_kind_name(kind));
        return E_OK;
    }
    if (result_tells_offsets(kind))
        return error_set(e, E_RESULT_KIND,
                         "a table has no spans: they are for \"bytes\" and \"file\"");
    if ((kind == RESULT_COUNTS) != (use->by.n > 0))
        return bad(e, "the result \"counts\" and the option \"by\" go together");
    if (use->n_order > 0 && (kind == RESULT_BITMAP || kind == RESULT_COUNTS))
        return bad(e, "an \"order\" does not go with a bitmap or counts");
    if (use->columns && kind != RESULT_COLUMNS && kind != RESULT_ROWS)
        return bad(e, "\"columns\" are for the results \"columns\" and \"rows\"");
    return E_OK;
}

static struct run_options run_options(const struct request *r, bool timed) {
    const struct service *service = r->session->service;
    const struct limits *l = &service->limits;
    return (struct run_options){
        .stop = &r->stop,
        .now_ns = timed ? service->now_ns : NULL,
        .measures_all = r->kind == MESSAGE_EXPLAIN,
        .row_depth = (uint32_t)l->row_depth,
        .row_fields = (uint32_t)l->row_fields,
        .nested_elements = l->nested_elements,
    };
}

/* ---- strict: the first row in which a type cannot be judged, as row blocks find it ---- */

struct strict {
    struct request *r;
    const struct snapshot *snapshot;
    struct run *run;
    struct error *e;
    uint64_t row; /* of the snapshot, that the block begins with */
    uint64_t left;
    const struct chunk **chunks;
    uint16_t cells[BLOCK_ROWS];
};

/* The chunks that the plan's slots are in a part. False: no memory. */
static bool slot_chunks(const struct strict *s, const struct part *p) {
    const struct plan *plan = request_plan(s->r);
    for (uint32_t i = 0; i < plan_fields(plan)->n_slots; i++) {
        struct path path = plan_path(plan, i);
        uint32_t column =
            path.steps[0].key.p ? snapshot_column(s->snapshot, path.steps[0].key) : NO_TABLE_COLUMN;
        s->chunks[i] = column == NO_TABLE_COLUMN ? NULL : part_chunk(p, column);
        if (s->chunks[i] && path.n > 1 &&
            !(s->chunks[i] = part_path_chunk(p, column, (struct path){path.steps + 1, path.n - 1})))
            return false;
    }
    return true;
}

static enum status strict_block(struct strict *s, uint32_t n) {
    struct block *b = run_block(s->run);
    uint64_t mismatches = run_mismatches(s->run);
    const uint16_t *matches;
    run_clear(s->run);
    for (uint32_t i = 0; i < plan_fields(request_plan(s->r))->n_slots; i++)
        chunk_gather(s->chunks[i], s->cells, n, &b->columns[i]);
    run_seal(s->run, n);
    uint32_t kept = run_block_filter(s->run, &matches);
    if (kept == RUN_FAILED)
        return run_failure(s->run, s->e);
    uint32_t counts = n;
    if (kept >= s->left)
        counts = s->left > 0 ? matches[s->left - 1] + 1u : 0;
    if (run_mismatches(s->run) > mismatches) {
        struct error found;
        error_clear(&found);
        if (run_blame(s->run, s->row, &found) < counts) {
            *s->e = found;
            return E_TYPE_MISMATCH;
        }
    }
    s->left = kept < s->left ? s->left - kept : 0;
    s->row += n;
    return E_OK;
}

static enum status strict_part(struct strict *s, const struct part *p) {
    if (!slot_chunks(s, p))
        return error_set(s->e, E_MEMORY, "out of memory for the column of a path");
    enum status status = E_OK;
    uint32_t most = run_block(s->run)->rows;
    for (uint32_t cell = 0; status == E_OK && cell < p->n && s->left > 0;) {
        uint32_t n = 0;
        for (; cell < p->n && n < most; cell++)
            if (bits_get(p->live, cell))
                s->cells[n++] = (uint16_t)cell;
        if (n > 0 && !atomic_load_explicit(&s->r->stop, memory_order_relaxed))
            status = strict_block(s, n);
    }
    return status;
}

static enum status strict_pass(struct request *r, struct error *e) {
    struct service *service = r->session->service;
    struct run_options options = run_options(r, false);
    struct strict *s = arena_new(&r->arena, struct strict);
    if (!s)
        return error_set(e, E_MEMORY, "out of memory");
    s->r = r;
    s->e = e;
    s->left = r->use.n_order > 0 || r->limit > UINT64_MAX - r->use.offset
                  ? UINT64_MAX
                  : r->limit + r->use.offset;
    s->chunks =
        arena_array(&r->arena, plan_fields(request_plan(r))->n_slots, sizeof(struct chunk *));
    s->run = run_new(request_plan(r), &options, &service->budget);
    s->snapshot = r->use.snapshot;
    enum status status =
        s->run && s->chunks ? E_OK : error_set(e, E_MEMORY, "out of memory for the query");
    for (uint32_t i = 0; status == E_OK && i < s->snapshot->n_parts; i++)
        status = strict_part(s, &s->snapshot->parts[i]);
    run_free(s->run);
    return status;
}

/* ---- running ---- */

/* A scan for each hand that is to work at it; one at least. */
static enum status take_scans(struct request *r, uint32_t n, struct error *e) {
    struct service *service = r->session->service;
    struct table_use *use = &r->use;
    const struct plan *plan = request_plan(r);
    use->scans_are_shared = plan == r->compiled->plan;
    while (use->n_scans < n && use->n_scans < SCANS_KEPT) {
        struct scan *s =
            use->scans_are_shared ? plan_cache_take_scan(&service->plans, r->compiled) : NULL;
        if (!s)
            s = scan_new(plan, &service->limits, &service->budget, e);
        if (!s)
            return e->status;
        use->scans[use->n_scans++] = s;
    }
    return E_OK;
}

static enum status start(struct request *r, struct error *e) {
    struct service *service = r->session->service;
    struct table_use *use = &r->use;
    bool as_numbers =
        r->result_kind == RESULT_NUMBERS || (use->n_order > 0 && r->result_kind <= RESULT_AUTO);
    if (as_numbers && use->snapshot->n_rows > (uint64_t)UINT32_MAX + 1)
        return error_set(e, E_RESULT_KIND,
                         "row numbers of more than 32 bits: ask for indices, without an order");
    bool large = use->snapshot->n_rows >= RESIDENT_PARALLEL_ROWS && r->kind != MESSAGE_EXPLAIN;
    struct crew *crew = large && crew_size(service->crew) <= SCANS_KEPT ? service->crew : NULL;
    enum status status = take_scans(r, crew_size(crew), e);
    if (status != E_OK)
        return status;
    bool timed = r->kind == MESSAGE_EXPLAIN || use->snapshot->n_rows > TIMED_ROWS;
    struct resident_query q = {
        .plan = request_plan(r),
        .kind = r->kind == MESSAGE_EXPLAIN ? RESULT_COUNT : r->result_kind,
        .offset = use->offset,
        .limit = r->limit,
        .order = use->order,
        .n_order = use->n_order,
        .columns = use->columns,
        .n_columns = use->n_columns,
        .by = use->by,
    };
    struct run_options options = run_options(r, timed);
    use->resident = resident_new(&q, use->snapshot, use->scans, use->n_scans, crew, &options,
                                 &service->budget, e);
    return e->status;
}

/* A RESULT whose data is a msgpack value of its own. */
static enum status write_value(struct request *r, const struct resident_chunk *c, struct error *e) {
    size_t mark = reply_begin(&r->out, MESSAGE_RESULT, r->id, 6);
    mp_write_text(&r->out, result_kind_name(c->kind));
    mp_write_uint(&r->out, c->base);
    mp_write_uint(&r->out, c->rows);
    buf_add(&r->out, r->use.data.data, r->use.data.len);
    r->use.data.len = 0;
    return reply_end(&r->out, mark) ? E_OK : error_set(e, E_MEMORY, "out of memory for the result");
}

static enum status take_value(struct request *r, struct resident_chunk *chunk, struct error *e) {
    enum status status = resident_take(r->use.resident, &r->use.data, chunk, e);
    return status == E_OK && chunk->has_data ? write_value(r, chunk, e) : status;
}

static enum status take_bin(struct request *r, struct resident_chunk *chunk, struct error *e) {
    struct reply_result reply;
    enum result_kind kind = r->result_kind == RESULT_AUTO ? RESULT_INDICES : r->result_kind;
    reply_result_begin(&reply, &r->out, r->id, result_kind_name(kind));
    enum status status = resident_take(r->use.resident, &r->out, chunk, e);
    if (status == E_OK && chunk->has_data)
        return reply_result_end(&reply, &r->out, result_kind_name(chunk->kind), chunk->base,
                                (uint32_t)chunk->rows)
                   ? E_OK
                   : error_set(e, E_MEMORY, "out of memory for the result");
    r->out.len = reply.mark;
    r->out.failed = false;
    return status;
}

static enum status take(struct request *r, struct resident_chunk *chunk, struct error *e) {
    enum result_kind kind = r->kind == MESSAGE_EXPLAIN ? RESULT_COUNT : r->result_kind;
    if (kind == RESULT_COUNT)
        return resident_take(r->use.resident, &r->use.data, chunk, e);
    return kind == RESULT_COLUMNS || kind == RESULT_COUNTS ? take_value(r, chunk, e)
                                                           : take_bin(r, chunk, e);
}

enum status table_query_advance(struct request *r, struct error *e) {
    const struct service *service = r->session->service;
    uint64_t began = service->now_ns ? service->now_ns() : 0, rows = 0;
    enum status status = E_OK;
    if (!r->use.snapshot)
        r->use.snapshot = table_snapshot(r->use.table->table);
    if (!r->use.resident && r->strict)
        status = strict_pass(r, e);
    if (status == E_OK && !r->use.resident)
        status = start(r, e);
    while (status == E_OK && !resident_is_over(r->use.resident) &&
           request_may_go_on(r, began, rows)) {
        struct resident_chunk chunk;
        status = take(r, &chunk, e);
        rows += PARTS_COST;
        if (atomic_load_explicit(&r->stop, memory_order_relaxed))
            return E_OK; /* session_ran says why */
    }
    if (!r->use.resident)
        return status;
    r->rows = resident_rows(r->use.resident);
    r->matched = resident_matched(r->use.resident);
    r->limit_reached = resident_limit_reached(r->use.resident);
    return status;
}

void table_query_done(struct request *r) {
    struct table_use *use = &r->use;
    resident_free(use->resident);
    use->resident = NULL;
    while (use->n_scans > 0) {
        struct scan *s = use->scans[--use->n_scans];
        if (use->scans_are_shared && !r->made_query) /* a query that came once may never again */
            plan_cache_give_scan(&r->session->service->plans, r->compiled, s);
        else
            scan_free(s);
    }
    if (use->snapshot)
        snapshot_unref(use->snapshot);
    use->snapshot = NULL;
}

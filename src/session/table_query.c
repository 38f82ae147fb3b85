/* FILTER, EXECUTE and EXPLAIN over a resident table. See state.h; engine/resident.h does the work.
 */
#include "session/state.h"

#include "value/column.h"
#include "value/dict.h"

/* What is looked at on the loop's own thread, where everybody waits for it. */
#define SMALL_ROWS  32768u              /* rows of the table ... */
#define SMALL_CELLS 4096u               /* ... if each that matches is looked at by itself */
#define SMALL_BYTES (128u * SMALL_ROWS) /* of its chunks: strings may be long */
#define COST_SHIFT  16                  /* compiled.row_costs */
#define COST_MOST   (UINT64_C(1) << 40) /* ns */
#define TIMED_ROWS  65536u              /* tables of more rows have their terms measured */

static bool has_few_bytes(const struct snapshot *s) {
    size_t bytes = 0;
    for (uint32_t i = 0; i < s->n_parts; i++)
        for (uint32_t k = 0; k < s->n_columns && bytes <= SMALL_BYTES; k++)
            bytes += part_column_bytes(&s->parts[i], k);
    return bytes <= SMALL_BYTES;
}

/* Whether each row that matches is looked at by itself. */
static bool by_cells(const struct question *q) {
    return q->n_order > 0 || q->result_kind == RESULT_ROWS || q->result_kind == RESULT_COLUMNS ||
           q->result_kind == RESULT_COUNTS;
}

const struct snapshot *table_query_snapshot(struct request *r) {
    if (!r->use.snapshot)
        r->use.snapshot = table_snapshot(r->use.table->table);
    return r->use.snapshot;
}

/* Whether the only question, which has not begun, took little time when it was asked last. */
static bool was_short(const struct question *q, uint64_t rows) {
    const struct request *r = q->request;
    if (!r->session->alone || r->kind == MESSAGE_EXPLAIN || q->strict || q->resident ||
        !q->compiled || rows == 0)
        return false;
    uint64_t cost =
        atomic_load_explicit(&q->compiled->row_costs[q->result_kind], memory_order_relaxed);
    return cost > 0 && cost <= ((uint64_t)ALONE_NS << COST_SHIFT) / rows;
}

static void note_cost(struct question *q, uint64_t rows) {
    uint64_t ns = q->took_ns < COST_MOST ? q->took_ns : COST_MOST;
    if (q->request->kind != MESSAGE_EXPLAIN && rows > 0)
        atomic_store_explicit(&q->compiled->row_costs[q->result_kind],
                              (ns << COST_SHIFT) / rows + 1, memory_order_relaxed);
}

bool table_query_is_small(struct request *r) {
    const struct snapshot *s = table_query_snapshot(r);
    uint64_t rows = s->n_rows;
    bool small = true;
    for (uint32_t i = 0; i < r->n_questions && small; i++)
        small = !r->questions[i].strict &&
                rows <= (by_cells(&r->questions[i]) ? SMALL_CELLS : SMALL_ROWS);
    small = small && rows * request_query_bytes(r) <= 64 * SMALL_ROWS && has_few_bytes(s);
    r->is_short = !small && was_short(&r->own, rows);
    return small || r->is_short;
}

static enum status bad(struct error *e, const char *text) {
    error_set(e, E_BAD_OPTION, "%s", text);
    return E_BAD_OPTION;
}

enum status table_query_check(const struct question *q, struct error *e) {
    enum result_kind kind = q->result_kind;
    if (!q->request->use.table) {
        if (q->has_table_options)
            return bad(e, "\"offset\", \"order\", \"columns\" and \"by\" are for tables");
        if (q->into.is_set && kind != RESULT_ROWS && kind != RESULT_PIECES)
            return bad(e, "\"into\" is for tables, or for \"rows\" and \"pieces\"");
        if (kind == RESULT_COLUMNS || kind == RESULT_COUNTS || kind == RESULT_NUMBERS)
            return error_set(e, E_RESULT_KIND, "the result \"%s\" is for tables",
                             result_kind_name(kind));
        return E_OK;
    }
    if (result_tells_offsets(kind))
        return error_set(e, E_RESULT_KIND,
                         "a table has no spans: they are for \"bytes\" and \"file\"");
    if ((kind == RESULT_COUNTS) != (q->by.n > 0))
        return bad(e, "the result \"counts\" and the option \"by\" go together");
    if (q->n_order > 0 && (kind == RESULT_BITMAP || kind == RESULT_COUNTS))
        return bad(e, "an \"order\" does not go with a bitmap or counts");
    if (q->into.is_set && (kind == RESULT_COUNT || kind == RESULT_COLUMNS || kind == RESULT_COUNTS))
        return bad(e, "\"into\" is for results whose data is bytes");
    if (q->columns && kind != RESULT_COLUMNS && kind != RESULT_ROWS)
        return bad(e, "\"columns\" are for the results \"columns\" and \"rows\"");
    return E_OK;
}

/* ---- strict: the first row in which a type cannot be judged, as row blocks find it ---- */

struct strict {
    const struct question *q;
    const struct snapshot *snapshot;
    struct run *run;
    struct error *e;
    uint64_t row; /* of the snapshot, that the block begins with */
    uint64_t left;
    const struct chunk **chunks;
    uint16_t cells[BLOCK_ROWS];
};

static enum status strict_block(struct strict *s, uint32_t n) {
    struct block *b = run_block(s->run);
    uint64_t mismatches = run_mismatches(s->run);
    const uint16_t *matches;
    run_clear(s->run);
    for (uint32_t i = 0; i < plan_fields(question_plan(s->q))->n_slots; i++)
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
    if (!resident_slot_chunks(question_plan(s->q), s->snapshot, p, s->chunks))
        return error_set(s->e, E_MEMORY, "out of memory for the cells of a column");
    enum status status = E_OK;
    uint32_t most = run_block(s->run)->rows;
    for (uint32_t cell = 0; status == E_OK && cell < p->n && s->left > 0;) {
        uint32_t n = 0;
        for (; cell < p->n && n < most; cell++)
            if (bits_get(p->live, cell))
                s->cells[n++] = (uint16_t)cell;
        if (n > 0 && !atomic_load_explicit(&s->q->request->stop, memory_order_relaxed))
            status = strict_block(s, n);
    }
    return status;
}

static enum status strict_pass(struct question *q, struct error *e) {
    struct request *r = q->request;
    struct service *service = r->session->service;
    const struct plan *plan = question_plan(q);
    struct run_options options = request_run_options(r, false);
    struct strict *s = arena_new(&r->arena, struct strict);
    if (!s)
        return error_set(e, E_MEMORY, "out of memory");
    s->q = q;
    s->e = e;
    s->left =
        q->n_order > 0 || q->limit > UINT64_MAX - q->offset ? UINT64_MAX : q->limit + q->offset;
    s->chunks = arena_array(&r->arena, plan_fields(plan)->n_slots, sizeof(struct chunk *));
    s->run = run_new(plan, &options, &service->budget);
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
static enum status take_scans(struct question *q, uint32_t n, struct error *e) {
    struct service *service = q->request->session->service;
    const struct plan *plan = question_plan(q);
    q->scans_are_shared = plan == q->compiled->plan;
    while (q->n_scans < n && q->n_scans < SCANS_KEPT) {
        struct scan *s =
            q->scans_are_shared ? plan_cache_take_scan(&service->plans, q->compiled) : NULL;
        if (!s)
            s = scan_new(plan, &service->limits, &service->budget, e);
        if (!s)
            return e->status;
        q->scans[q->n_scans++] = s;
    }
    return E_OK;
}

/* EXPLAIN counts, whatever is asked. */
static enum result_kind kind_of(const struct question *q) {
    return q->request->kind == MESSAGE_EXPLAIN ? RESULT_COUNT : q->result_kind;
}

enum status table_query_start(struct question *q, struct error *e) {
    struct request *r = q->request;
    struct service *service = r->session->service;
    const struct snapshot *snapshot = r->use.snapshot;
    enum status status = q->strict ? strict_pass(q, e) : E_OK;
    if (status != E_OK)
        return status;
    bool as_numbers =
        q->result_kind == RESULT_NUMBERS || (q->n_order > 0 && q->result_kind <= RESULT_AUTO);
    if (as_numbers && snapshot->n_rows > (uint64_t)UINT32_MAX + 1)
        return error_set(e, E_RESULT_KIND,
                         "row numbers of more than 32 bits: ask for indices, without an order");
    bool explains = r->kind == MESSAGE_EXPLAIN;
    bool large = snapshot->n_rows >= RESIDENT_PARALLEL_ROWS && !explains;
    struct crew *crew = large && crew_size(service->crew) <= SCANS_KEPT ? service->crew : NULL;
    status = take_scans(q, crew_size(crew), e);
    if (status != E_OK)
        return status;
    struct resident_query asked = {
        .plan = question_plan(q),
        .kind = kind_of(q),
        .offset = q->offset,
        .limit = q->limit,
        .order = q->order,
        .n_order = q->n_order,
        .columns = q->columns,
        .n_columns = q->n_columns,
        .by = q->by,
    };
    q->into.is_direct = resident_fits_fixed(&asked);
    struct run_options options = request_run_options(r, explains || snapshot->n_rows > TIMED_ROWS);
    q->resident = resident_new(r->idle, &asked, snapshot, q->scans, q->n_scans, crew, &options,
                               &service->budget, e);
    r->idle = NULL;
    return e->status;
}

/* The question's number, for its results. */
static uint32_t number_of(const struct question *q) {
    const struct request *r = q->request;
    return r->kind == MESSAGE_QUERIES ? (uint32_t)(q - r->questions) : REPLY_OF_ALL;
}

/* A RESULT whose data is a msgpack value of its own. */
static enum status write_value(struct question *q, const struct resident_chunk *c,
                               struct error *e) {
    struct request *r = q->request;
    uint32_t number = number_of(q);
    size_t mark = number == REPLY_OF_ALL ? reply_begin(&r->out, MESSAGE_RESULT, r->id, 6)
                                         : reply_begin(&r->out, MESSAGE_RESULT_OF, r->id, 7);
    if (number != REPLY_OF_ALL)
        mp_write_uint(&r->out, number);
    mp_write_text(&r->out, result_kind_name(c->kind));
    mp_write_uint(&r->out, c->base);
    mp_write_uint(&r->out, c->rows);
    buf_add(&r->out, r->use.data.data, r->use.data.len);
    return reply_end(&r->out, mark) ? E_OK : error_set(e, E_MEMORY, "out of memory for the result");
}

static enum status take_value(struct question *q, uint32_t to, struct resident_chunk *chunk,
                              struct error *e) {
    struct buf *data = &q->request->use.data;
    enum status status = resident_take(q->resident, to, data, chunk, e);
    if (status == E_OK && chunk->has_data)
        status = write_value(q, chunk, e);
    data->len = 0;
    data->failed = false;
    return status;
}

static enum status take_bin(struct question *q, uint32_t to, struct resident_chunk *chunk,
                            struct error *e) {
    struct request *r = q->request;
    struct reply_result reply;
    enum result_kind kind = q->result_kind == RESULT_AUTO ? RESULT_INDICES : q->result_kind;
    reply_result_begin(&reply, &r->out, r->id, number_of(q), result_kind_name(kind));
    enum status status = resident_take(q->resident, to, &r->out, chunk, e);
    if (status == E_OK && chunk->has_data)
        return reply_result_end(&reply, &r->out, result_kind_name(chunk->kind), chunk->base,
                                (uint32_t)chunk->rows)
                   ? E_OK
                   : error_set(e, E_MEMORY, "out of memory for the result");
    r->out.len = reply.mark;
    r->out.failed = false;
    return status;
}

/* Counts what has been looked at, for the request and for STATS. */
static void add_work(struct request *r, uint64_t rows, uint64_t matched) {
    struct service *service = r->session->service;
    r->rows += rows;
    r->matched += matched;
    atomic_fetch_add_explicit(&service->rows, rows, memory_order_relaxed);
    atomic_fetch_add_explicit(&service->matched, matched, memory_order_relaxed);
}

enum status table_query_take(struct question *q, uint32_t to, struct error *e) {
    struct resident_chunk chunk;
    enum result_kind kind = kind_of(q);
    uint64_t rows = resident_rows(q->resident), matched = resident_matched(q->resident);
    bool has_bin = kind != RESULT_COUNT && kind != RESULT_COLUMNS && kind != RESULT_COUNTS;
    enum status status = q->into.is_set ? into_take(q, &chunk, e)
                         : has_bin      ? take_bin(q, to, &chunk, e)
                                        : take_value(q, to, &chunk, e);
    add_work(q->request, resident_rows(q->resident) - rows,
             resident_matched(q->resident) - matched);
    return status;
}

enum status table_query_advance(struct request *r, struct error *e) {
    const struct service *service = r->session->service;
    struct question *q = &r->own;
    uint64_t began = service->now_ns ? service->now_ns() : 0,
             chunks = 0; /* which count by their time and bytes */
    table_query_snapshot(r);
    enum status status = q->resident ? E_OK : table_query_start(q, e);
    while (status == E_OK && !resident_is_over(q->resident) &&
           request_may_go_on(r, began, chunks)) {
        status = table_query_take(q, RESIDENT_ALL, e);
        chunks++;
        if (atomic_load_explicit(&r->stop, memory_order_relaxed))
            return E_OK; /* session_ran says why */
    }
    if (service->now_ns && status == E_OK) {
        q->took_ns += service->now_ns() - began;
        note_cost(q, r->use.snapshot->n_rows);
    }
    return status == E_OK && resident_is_over(q->resident) ? into_tell(q, e) : status;
}

struct reply_counts table_query_counts(const struct question *q) {
    return (struct reply_counts){
        .matched = resident_matched(q->resident),
        .rows = resident_rows(q->resident),
        .type_mismatch = resident_mismatches(q->resident),
        .undefined = resident_undefined(q->resident),
        .limit_reached = resident_limit_reached(q->resident),
    };
}

void table_query_end(struct question *q) {
    struct request *r = q->request;
    if (q->resident && !r->idle)
        r->idle = resident_rest(q->resident);
    else
        resident_free(q->resident);
    q->resident = NULL;
    while (q->n_scans > 0) {
        struct scan *s = q->scans[--q->n_scans];
        if (q->scans_are_shared && !q->made_query) /* a query that came once may never again */
            plan_cache_give_scan(&r->session->service->plans, q->compiled, s);
        else
            scan_free(s);
    }
}

void table_query_done(struct request *r) {
    for (uint32_t i = 0; i < r->n_questions; i++)
        table_query_end(&r->questions[i]);
    if (r->use.snapshot)
        snapshot_unref(r->use.snapshot);
    r->use.snapshot = NULL;
}

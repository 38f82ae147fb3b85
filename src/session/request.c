/* Requests: compiling, and running over payloads, a quantum at a time; their life and memory.
 * See state.h.
 *
 * The functions under "run side" may be on a worker thread. They write replies into r->out and
 * never touch the session.
 */
#include "session/state.h"

#include "base/build.h"

#include <stdlib.h>

#define SMALL_WORK                                                                                 \
    8388608u /* bytes of rows times bytes of query: what an inline run may take at worst */
#define SMALL_QUERY    8192u /* bytes of a query that may be compiled inline */
#define QUESTION_BYTES 256u  /* that each query of a request costs besides its own, but for one */
#define QUANTUM_NS                                                                                 \
    5000000u /* after which others get their turn, whatever is left of STEP_ROWS; for one that is  \
                short, ALONE_NS */
#define OUT_BYTES (4 * CHUNK_BYTES) /* output of one quantum */
#define PAYLOAD_ROWS                                                                               \
    64u /* what a payload costs besides its rows: also empty ones make a quantum                   \
         */

/* One that has no memory yet; it is not ready for use. */
static struct request *allocate(struct session *s) {
    struct request *r = malloc(sizeof *r);
    if (!r)
        return NULL;
    struct budget *budget = &s->service->budget;
    buf_init(&r->first, budget);
    buf_init(&r->out, budget);
    arena_init(&r->arena, budget);
    arena_init(&r->payload_arena, budget);
    r->idle = NULL;
    return r;
}

struct request *request_new(struct session *s, enum message_kind kind, uint32_t id) {
    struct request *r = spares_take_request(&s->service->spares);
    if (!r)
        r = allocate(s);
    if (!r)
        return NULL;
    memset(r, 0, offsetof(struct request, first));
    r->session = s;
    r->kind = kind;
    r->id = id;
    r->opened_ns = s->service->now_ns ? s->service->now_ns() : 0;
    r->inbox_tail = &r->inbox;
    r->payloads_tail = &r->payloads;
    r->passed_fd = PASSED_NO_FD;
    r->questions = &r->own;
    r->n_questions = 1;
    question_init(&r->own, r);
    buf_init(&r->use.data, &s->service->budget);
    bytes_init(&r->bytes, &s->service->budget);
    absent_init(&r->absent);
    all_text_init(&r->all_text);
    error_clear(&r->error);
    return r;
}

static void free_payloads(struct session *s, struct payload *p) {
    while (p) {
        struct payload *next = p->next;
        s->queued_bytes -= p->charged;
        buf_done(&p->message);
        free(p);
        p = next;
    }
}

/* Gives back all but the request itself and what a spare one keeps. */
static void clear(struct request *r) {
    free_payloads(r->session, r->inbox);
    free_payloads(r->session, r->payloads);
    free_payloads(r->session, r->spent);
    r->inbox = r->payloads = r->spent = NULL;
    r->inbox_tail = &r->inbox;
    r->payloads_tail = &r->payloads;
    r->inbox_bytes = r->payloads_bytes = 0;
    table_use_done(r);
    run_free(r->run);
    r->run = NULL;
    bytes_done(&r->bytes); /* reads the fields of the plan */
    session_let_go(r->session, r->passed_fd);
    r->passed_fd = PASSED_NO_FD;
    for (uint32_t i = 0; i < r->n_questions; i++)
        question_done(&r->questions[i]);
    r->n_questions = 0;
    free(r->entry);
    r->entry = NULL;
}

static void give_back(struct request *r) {
    resident_free(r->idle);
    r->idle = NULL;
    arena_done(&r->arena);
    arena_done(&r->payload_arena);
    buf_done(&r->first);
    buf_done(&r->out);
}

void request_strip(struct request *r) {
    clear(r);
    give_back(r);
}

void request_destroy(struct request *r) {
    give_back(r);
    free(r);
}

void request_free(struct request *r) {
    if (!r)
        return;
    clear(r);
    request_destroy(r);
}

void request_retire(struct request *r) {
    struct spares *spares = &r->session->service->spares;
    clear(r);
    buf_reuse(&r->first, KEPT_BYTES);
    buf_reuse(&r->out, KEPT_BYTES);
    arena_reuse(&r->arena);
    arena_reuse(&r->payload_arena);
    if (!spares_put_request(spares, r))
        request_destroy(r);
}

bool request_add_payload(struct request *r, struct buf *message, size_t at) {
    struct payload *p = malloc(sizeof *p);
    if (!p) {
        buf_done(message);
        return false;
    }
    *p = (struct payload){.message = *message, .at = at, .charged = message->len + sizeof *p};
    *r->inbox_tail = p;
    r->inbox_tail = &p->next;
    r->inbox_bytes += message->len;
    r->session->queued_bytes += p->charged;
    return true;
}

/* ---- run side ---- */

static const struct limits *limits_of(const struct request *r) {
    return &r->session->service->limits;
}

void request_finish(struct request *r, struct error *e) {
    if (e->status == E_OK)
        error_set(e, E_INTERNAL, "an error without a reason");
    r->error = *e;
    if (!reply_error(&r->out, r->id,
                     e)) { /* nothing fits any more, not even this: what is there goes */
        buf_done(&r->out);
        reply_error(&r->out, r->id, e); /* or session_ran finds nothing, and says it */
    }
    r->done = true;
    r->result_open = false;
    atomic_fetch_add_explicit(&r->session->service->errors, 1, memory_order_relaxed);
}

size_t request_query_bytes(const struct request *r) {
    size_t n = 0;
    for (uint32_t i = 0; i < r->n_questions; i++)
        n += question_bytes(&r->questions[i]) + (i > 0 ? QUESTION_BYTES : 0);
    return n;
}

bool request_is_small(struct request *r) {
    size_t query = request_query_bytes(r);
    if (r->done)
        return true;
    if (!r->parsed || r->reads_file)
        return false;
    for (uint32_t i = 0; i < r->n_questions; i++)
        if (r->questions[i].compiled && r->questions[i].compiled->heavy)
            return false;
    if (message_is_for_tables(r->kind) ? !table_message_is_small(r)
                                       : r->use.table && !table_query_is_small(r))
        return false;
    if (!r->run && query > SMALL_QUERY)
        return false;
    size_t rows = r->payloads_bytes; /* a quantum may go over several */
    if (r->payload_at > 0)
        rows =
            r->source_open ? (size_t)(r->source.end - r->source.p) : r->first.len - r->payload_at;
    return rows <= INLINE_BYTES && rows * query <= SMALL_WORK;
}

const struct plan *request_plan(const struct request *r) { return question_plan(&r->own); }

struct run_options request_run_options(const struct request *r, bool timed) {
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

static enum status start_run(struct request *r, struct error *e) {
    struct run_options options = request_run_options(r, r->kind == MESSAGE_EXPLAIN);
    r->run = run_new(request_plan(r), &options, &r->session->service->budget);
    if (!r->run || !scanner_init(&r->scanner, &r->arena, plan_fields(request_plan(r)),
                                 options.row_depth, options.row_fields))
        return error_set(e, E_MEMORY, "out of memory");
    r->result.kind = r->kind == MESSAGE_EXPLAIN ? RESULT_COUNT : r->own.result_kind;
    return E_OK;
}

/* ---- replies ---- */

uint32_t request_warnings(const struct request *r, struct warning *ret) {
    const struct plan *plan = request_plan(r);
    uint32_t n = question_warnings(&r->own, ret);
    if (!plan)
        return n;
    n += absent_warnings(&r->absent, plan, ret + n, WARNINGS_MOST - n);
    return n + all_text_warnings(&r->all_text, plan, ret + n, WARNINGS_MOST - n);
}

/* What only rows that came as bytes have. */
static void write_bytes(struct buf *b, const struct byte_rows *bytes) {
    uint64_t skipped = bytes->reader.skipped,
             told = skipped < SKIPPED_TOLD ? skipped : SKIPPED_TOLD;
    mp_write_text(b, "bytes");
    mp_write_uint(b, bytes->offset);
    mp_write_text(b, "unfit");
    mp_write_uint(b, bytes->reader.unfit);
    if (!bytes->skips)
        return;
    mp_write_text(b, "skipped");
    mp_write_array(b, 1 + (uint32_t)told);
    mp_write_uint(b, skipped);
    for (uint64_t i = 0; i < told; i++)
        mp_write_uint(b, bytes->skipped_at[i]);
}

static struct reply_counts counts_of(const struct request *r) {
    if (r->own.resident)
        return table_query_counts(&r->own);
    return (struct reply_counts){r->matched, r->rows, run_mismatches(r->run), run_undefined(r->run),
                                 r->limit_reached};
}

static bool reply_done(struct request *r) {
    struct warning warnings[WARNINGS_MOST];
    struct reply_counts counts = counts_of(r);
    uint32_t n_warnings = request_warnings(r, warnings);
    size_t mark = reply_begin(&r->out, MESSAGE_DONE, r->id, 3);
    mp_write_map(&r->out,
                 REPLY_COUNTS + (n_warnings > 0) + (r->bytes.open ? 2 + r->bytes.skips : 0));
    reply_counts(&r->out, &counts);
    if (r->bytes.open)
        write_bytes(&r->out, &r->bytes);
    reply_warnings(&r->out, warnings, n_warnings);
    return reply_end(&r->out, mark);
}

static void finish_well(struct request *r) {
    struct error e;
    error_clear(&e);
    if (r->kind == MESSAGE_EXPLAIN) {
        explain_reply(r);
        return;
    }
    if (reply_done(r))
        r->done = true;
    else
        request_finish(r, (error_set(&e, E_MEMORY, "out of memory for the result"), &e));
}

/* ---- payloads ---- */

/* What the kind of result asks of the rows. */
static enum status check_result_kind(const struct request *r, struct error *e) {
    const struct source_form *form = r->source.form;
    if (r->result.kind == RESULT_ROWS && !form->has_row_bytes)
        return error_set(e, E_RESULT_KIND,
                         "a \"%s\" payload has no row bytes: ask for indices or a bitmap",
                         form->name);
    if (result_tells_offsets(r->result.kind) && form->is_counted)
        return error_set(e, E_RESULT_KIND,
                         "a \"%s\" payload has no spans: they are for \"bytes\" and \"file\"",
                         form->name);
    return E_OK;
}

enum status request_open_source(struct request *r, struct error *e) {
    const struct limits *l = limits_of(r);
    if (r->payload_at == 0 && !r->payloads) {
        source_open_end(&r->source, &r->bytes);
        r->source_open = true;
        return E_OK;
    }
    const struct buf *message = r->payload_at > 0 ? &r->first : &r->payloads->message;
    size_t at = r->payload_at > 0 ? r->payload_at : r->payloads->at;
    arena_reset(&r->payload_arena);
    r->bytes.last = !r->is_stream;
    r->bytes.may_open = r->session->service->may_open;
    enum status status =
        source_open(&r->source, message->data, at, message->len, r->rows, &r->scanner, &r->bytes,
                    r->use.fetcher, l, &r->payload_arena, e);
    if (status == E_OK)
        status = check_result_kind(r, e);
    r->source_open = status == E_OK;
    return status;
}

void request_close_source(struct request *r) {
    r->source_open = false;
    if (r->payload_at > 0) {
        r->payload_at = 0;
        return;
    }
    struct payload *p = r->payloads;
    if (!p) /* it was what the payloads had left over */
        return;
    r->payloads = p->next;
    if (!r->payloads)
        r->payloads_tail = &r->payloads;
    r->payloads_bytes -= p->message.len;
    p->next = r->spent;
    r->spent = p;
}

/* strict: the first mismatch of the block, if it is in one of the n rows that count, is the error.
 * Gives how many rows are before it, n if there is none. */
static uint32_t strict_rows(struct request *r, uint32_t n, struct error *e) {
    struct error found;
    error_clear(&found);
    uint32_t row = run_blame(r->run, r->rows, &found);
    if (row >= n)
        return n;
    *e = found;
    return row;
}

/* Where absent_look finds the names of the rows. */
static struct absent_names names_of(const struct request *r) {
    const struct source_form *form = r->source.form;
    if (form->is_counted)
        return (struct absent_names){.in_rows = form->has_row_bytes, .format = FORMAT_MSGPACK};
    return (struct absent_names){true, r->bytes.format, &r->bytes.reader};
}

static enum status filter_block(struct request *r, uint32_t n, struct error *e) {
    const uint16_t *matches;
    struct absent_names names = names_of(r);
    run_seal(r->run, n);
    absent_look(&r->absent, request_plan(r), run_block(r->run), n, &names);
    uint64_t mismatches = run_mismatches(r->run);
    uint32_t kept = run_block_filter(r->run, &matches);
    if (kept == RUN_FAILED)
        return run_failure(r->run, e);
    all_text_look(&r->all_text, request_plan(r), run_block(r->run));
    if (kept >= r->own.limit) {
        kept = (uint32_t)r->own.limit;
        r->limit_reached = true;
        n = kept > 0 ? matches[kept - 1] + 1u : 0;
    }
    if (r->own.strict && run_mismatches(r->run) > mismatches)
        n = strict_rows(r, n, e);
    matches = run_block_rows(r->run); /* looking for it has moved them */
    while (kept > 0 && matches[kept - 1] >= n)
        kept--;
    if (r->own.limit != UINT64_MAX)
        r->own.limit -= kept;
    enum status wrong = e->status; /* of the row behind these */
    enum status status = rows_add(r, n, matches, kept, e);
    return wrong != E_OK ? wrong : status;
}

/* One block; *ret_rows how many rows it had, 0 at the end of the payload. */
static enum status run_one_block(struct request *r, uint32_t *ret_rows, struct error *e) {
    run_clear(r->run);
    enum status status = source_fill(&r->source, run_block(r->run), ret_rows, e);
    if (status == E_OK && *ret_rows > 0)
        return filter_block(r, *ret_rows, e);
    if (status == E_OK && r->result_open)
        status = rows_end(r, e);
    if (status == E_OK)
        request_close_source(r);
    return status;
}

bool request_has_input(const struct request *r) {
    return r->source_open || r->payload_at > 0 || r->payloads ||
           (r->all_in && bytes_wait_for_end(&r->bytes));
}

bool request_may_go_on(const struct request *r, uint64_t began, uint64_t rows) {
    const struct service *service = r->session->service;
    if (rows == 0)
        return true;
    uint64_t quantum = r->is_short ? ALONE_NS : QUANTUM_NS;
    return rows < STEP_ROWS && r->out.len < OUT_BYTES &&
           !(service->now_ns && service->now_ns() - began > quantum);
}

static enum status run_quantum(struct request *r, struct error *e) {
    const struct service *service = r->session->service;
    uint64_t rows = 0, began = service->now_ns ? service->now_ns() : 0;
    while (request_has_input(r) && !r->limit_reached && request_may_go_on(r, began, rows)) {
        uint32_t n;
        enum status status = r->source_open ? E_OK : request_open_source(r, e);
        if (status == E_OK)
            status = run_one_block(r, &n, e);
        if (status != E_OK)
            return status;
        rows += n > 0 ? n : PAYLOAD_ROWS;
        if (atomic_load_explicit(&r->stop, memory_order_relaxed))
            return E_OK; /* session_ran says why */
    }
    return r->result_open ? rows_end(r, e)
                          : E_OK; /* the session takes r->out: no half a frame in it */
}

static enum status advance(struct request *r, struct error *e) {
    if (!r->is_stream && (r->payloads || r->all_in)) {
        error_set(e, E_BAD_MESSAGE, "%s for a request that is not a row stream",
                  r->payloads ? "ROWS" : "END");
        return E_BAD_MESSAGE;
    }
    if (message_is_for_tables(r->kind))
        return table_advance(r, e);
    enum status status = r->run || r->own.resident ? E_OK : question_compile(&r->own, e);
    if (r->yielded)
        return E_OK;
    if (status == E_OK && r->kind == MESSAGE_PREPARE)
        return prepare_reply(r, e);
    if (status == E_OK && !r->use.table && !r->run)
        status = start_run(r, e);
    if (status != E_OK)
        return status;
    if (r->use.table)
        return table_query_advance(r, e);
    if (r->own.limit == 0)
        r->limit_reached = true;
    uint64_t rows = r->rows, matched = r->matched;
    status = run_quantum(r, e);
    atomic_fetch_add_explicit(&r->session->service->rows, r->rows - rows, memory_order_relaxed);
    atomic_fetch_add_explicit(&r->session->service->matched, r->matched - matched,
                              memory_order_relaxed);
    return status;
}

/* All that there is to look at has been. */
static bool is_complete(const struct request *r) {
    if (message_is_for_tables(r->kind))
        return false; /* it says itself when it is done */
    if (r->use.table)
        return r->own.resident && resident_is_over(r->own.resident);
    return r->limit_reached || (!request_has_input(r) && (!r->is_stream || r->all_in));
}

void session_run(struct request *r) {
    struct error e;
    error_clear(&e);
    if (!r->parsed)
        request_parse(r);
    if (r->done || atomic_load(&r->stop))
        return;
    enum status status = advance(r, &e);
    if (status != E_OK) {
        if (r->result_open && status != E_MEMORY) /* matches before the fault stand */
            status = rows_end(r, &e);
        else if (r->result_open && !r->own.into.is_open)
            r->out.len = r->reply.mark;
        request_finish(r, &e);
        return;
    }
    if (!r->done && !r->yielded && is_complete(r) && !atomic_load(&r->stop))
        finish_well(r);
}

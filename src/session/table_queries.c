/* QUERIES: several queries over one snapshot of a table. See state.h and PROTOCOL.md.
 *
 * The queries go over the table side by side, a few parts at a time: while one part's chunks are in
 * the cache all of them are asked. What goes wrong in one ends that one alone. */
#include "session/state.h"

/* Parts that each query looks at before the next one has its turn. */
#define PARTS_AT_ONCE 4u

/* Room for the questions of the message, of which there is to be no more than the limit. */
static bool questions_new(struct request *r, uint32_t n) {
    struct question *questions = arena_zero(&r->arena, n * sizeof *questions);
    if (!questions)
        return false;
    for (uint32_t i = 0; i < n; i++)
        question_init(&questions[i], r);
    r->questions = questions;
    r->n_questions = n;
    return true;
}

static bool has_room(const struct request *r, uint32_t n) {
    return r->questions != &r->own && r->n_questions == n;
}

static uint64_t queries_most(const struct request *r) {
    return r->session->service->limits.requests;
}

bool table_queries_find_plans(struct session *s, struct request *r, struct mp_reader at_table) {
    struct mp_reader *reader = &at_table;
    question_skip(reader);
    if (s->n_plans == 0 || mp_peek(reader) != T_ARRAY)
        return true;
    uint32_t n = mp_read_array(reader);
    if (n > queries_most(r))
        return true; /* table_queries_parse says it */
    for (uint32_t i = 0; i < n && mp_peek(reader) == T_ARRAY; i++) {
        if (mp_read_array(reader) != 2)
            return true;
        if (mp_peek(reader) == T_INT) {
            struct value number = mp_read_value(reader);
            const struct prepared *p = number.type == T_INT && number.w.i > 0
                                           ? session_plan(s, (uint64_t)number.w.i)
                                           : NULL;
            if (p && !has_room(r, n) && !questions_new(r, n))
                return false;
            if (p) {
                compiled_ref(p->compiled);
                r->questions[i].compiled = p->compiled;
            }
        } else {
            question_skip(reader);
        }
        question_skip(reader); /* the options */
    }
    return true;
}

/* ---- parsing ---- */

/* The question has had an error of its own. */
static enum status fail(struct question *q, const struct error *why, struct error *e) {
    q->failure = arena_new(&q->request->arena, struct error);
    if (!q->failure)
        return error_set(e, E_MEMORY, "out of memory");
    *q->failure = *why;
    q->over = true;
    q->request->use.n_over++;
    table_query_end(q);
    atomic_fetch_add_explicit(&q->request->session->service->errors, 1, memory_order_relaxed);
    return E_OK;
}

static enum status no_question(size_t at, struct error *e) {
    error_set(e, E_BAD_MESSAGE, "the queries are not an array of [query or plan, options]");
    if (e->offset == ERROR_NONE)
        e->offset = at;
    return E_BAD_MESSAGE;
}

static enum status parse_question(struct question *q, struct mp_reader *reader, struct error *e) {
    size_t at = mp_offset(reader);
    if (mp_peek(reader) != T_ARRAY || mp_read_array(reader) != 2)
        return no_question(at, e);
    struct mp_reader start = *reader;
    struct error own;
    error_clear(&own);
    enum status status = question_read(q, reader, &own);
    if (status == E_OK)
        status = options_read(q, reader, &own);
    if (status == E_OK)
        status = table_query_check(q, &own);
    if (status == E_OK)
        return E_OK;
    if (status == E_BAD_MESSAGE) { /* nobody knows where the next one begins */
        *e = own;
        if (e->offset == ERROR_NONE)
            e->offset = at;
        return status;
    }
    *reader = start;
    question_skip(reader);
    question_skip(reader);
    return fail(q, &own, e);
}

enum status table_queries_parse(struct request *r, struct error *e) {
    struct mp_reader *reader = &r->message.r;
    enum status status = table_read(r, reader, e);
    if (status != E_OK)
        return status;
    size_t at = mp_offset(reader);
    if (mp_peek(reader) != T_ARRAY)
        return no_question(at, e);
    uint32_t n = mp_read_array(reader);
    if (n > queries_most(r))
        return error_limit(e, E_TOO_MANY_REQUESTS, "requests", queries_most(r), n);
    if (!has_room(r, n) && !questions_new(r, n))
        return error_set(e, E_MEMORY, "out of memory for the queries");
    for (uint32_t i = 0; i < n && status == E_OK; i++)
        status = parse_question(&r->questions[i], reader, e);
    return status == E_OK ? message_end(&r->message, e) : status;
}

/* ---- running ---- */

static void write_done(struct question *q, struct buf *b) {
    struct warning warnings[WARNINGS_MOST];
    if (q->failure) {
        reply_error_map(b, q->failure);
        return;
    }
    uint32_t n = question_warnings(q, warnings);
    mp_write_map(b, REPLY_COUNTS + (n > 0));
    reply_counts(b, &q->counts);
    reply_warnings(b, warnings, n);
}

static enum status done_reply(struct request *r, struct error *e) {
    size_t mark = reply_begin(&r->out, MESSAGE_DONE, r->id, 3);
    mp_write_map(&r->out, 1);
    mp_write_text(&r->out, "queries");
    mp_write_array(&r->out, r->n_questions);
    for (uint32_t i = 0; i < r->n_questions; i++)
        write_done(&r->questions[i], &r->out);
    if (!reply_end(&r->out, mark))
        return error_set(e, E_MEMORY, "out of memory for the reply");
    r->done = true;
    return E_OK;
}

/* Compiles, if it comes to that, or takes a chunk. */
static enum status ask(struct question *q, struct error *e) {
    if (q->resident)
        return table_query_take(q, q->request->use.to, e);
    question_find(q);
    enum status status = question_compile(q, e);
    return status == E_OK && !q->request->yielded ? table_query_start(q, e) : status;
}

/* One step of one question. */
static enum status step(struct question *q, struct error *e) {
    struct request *r = q->request;
    struct error own;
    error_clear(&own);
    enum status status = ask(q, &own);
    if (atomic_load_explicit(&r->stop, memory_order_relaxed) || r->yielded)
        return E_OK;
    if (status != E_OK)
        return fail(q, &own, e);
    if (!resident_is_over(q->resident))
        return E_OK;
    q->counts = table_query_counts(q);
    q->over = true;
    r->use.n_over++;
    table_query_end(q);
    return E_OK;
}

/* The question whose turn it is: the first of the round that is not where the round ends. */
static struct question *next_question(struct request *r) {
    struct table_use *use = &r->use;
    for (;; use->asked++) {
        if (use->asked == r->n_questions) {
            use->asked = 0;
            use->to += PARTS_AT_ONCE;
        }
        struct question *q = &r->questions[use->asked];
        if (!q->over && !(q->resident && resident_is_at(q->resident, use->to)))
            return q;
    }
}

enum status table_queries_advance(struct request *r, struct error *e) {
    const struct service *service = r->session->service;
    struct table_use *use = &r->use;
    uint64_t began = service->now_ns ? service->now_ns() : 0, steps = 0;
    table_query_snapshot(r);
    if (use->to == 0)
        use->to = PARTS_AT_ONCE;
    while (use->n_over < r->n_questions) {
        if (!request_may_go_on(r, began, steps++))
            return E_OK;
        enum status status = step(next_question(r), e);
        if (status != E_OK)
            return status;
        if (atomic_load_explicit(&r->stop, memory_order_relaxed) || r->yielded)
            return E_OK; /* session_ran says why */
    }
    return done_reply(r, e);
}

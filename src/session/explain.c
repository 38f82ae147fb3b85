/* PREPARED and EXPLAINED: what a query became. */
#include "session/state.h"

static void write_path(struct buf *b, struct path p) {
    mp_write_array(b, p.n);
    for (uint32_t i = 0; i < p.n; i++)
        if (p.steps[i].key.p)
            mp_write_str(b, p.steps[i].key.p, p.steps[i].key.n);
        else
            mp_write_uint(b, p.steps[i].index);
}

static bool write_fields(struct request *r, struct buf *b) {
    const struct path *paths;
    uint32_t n;
    mp_write_text(b, "fields");
    if (!query_fields(&r->own.compiled->query, &r->arena, &paths, &n))
        return false;
    mp_write_array(b, n);
    for (uint32_t i = 0; i < n; i++)
        write_path(b, paths[i]);
    return true;
}

static bool write_text(struct request *r, struct buf *b) {
    struct buf text = {.budget = b->budget};
    query_print(&r->own.compiled->query, &text);
    mp_write_text(b, "text");
    mp_write_str(b, (const char *)text.data, text.len);
    bool ok = !buf_failed(&text);
    buf_done(&text);
    return ok;
}

enum status prepare_reply(struct request *r, struct error *e) {
    struct buf *b = &r->out;
    const struct query *q = &r->own.compiled->query;
    size_t mark = reply_begin(b, MESSAGE_PREPARED, r->id, 4);
    mp_write_uint(b, r->entry->number);
    struct warning warnings[WARNINGS_MOST];
    uint32_t n_warnings = request_warnings(r, warnings);
    mp_write_map(b, 3 + (n_warnings > 0));
    bool ok = write_fields(r, b);
    mp_write_text(b, "params");
    mp_write_array(b, q->n_params);
    for (uint32_t i = 0; i < q->n_params; i++)
        if (q->params[i].name.p)
            mp_write_str(b, q->params[i].name.p, q->params[i].name.n);
        else
            mp_write_nil(b);
    ok = write_text(r, b) && ok;
    reply_warnings(b, warnings, n_warnings);
    b->failed |= !ok;
    if (!reply_end(b, mark))
        return error_set(e, E_MEMORY, "out of memory for the reply");
    r->done = true;
    return E_OK;
}

static bool write_plan(struct request *r, struct buf *b) {
    struct buf steps = {.budget = b->budget}, text = {.budget = b->budget};
    const struct plan *plan = request_plan(r);
    bool ok = r->own.resident ? scan_explain(r->own.scans[0], &steps, &text)
                              : plan_explain(plan, r->rows > 0 ? r->run : NULL, &steps, &text);
    mp_write_text(b, "steps");
    buf_add(b, steps.data, steps.len);
    mp_write_text(b, "plan");
    mp_write_str(b, (const char *)text.data, text.len);
    buf_done(&steps);
    buf_done(&text);
    return ok;
}

void explain_reply(struct request *r) {
    struct buf *b = &r->out;
    struct error e;
    error_clear(&e);
    size_t mark = reply_begin(b, MESSAGE_EXPLAINED, r->id, 3);
    struct warning warnings[WARNINGS_MOST];
    uint32_t n_warnings = request_warnings(r, warnings);
    mp_write_map(b, 7 + (n_warnings > 0));
    bool ok = write_text(r, b);
    mp_write_text(b, "structured");
    query_write_structured(&r->own.compiled->query, b);
    ok = write_fields(r, b) && ok;
    ok = write_plan(r, b) && ok;
    mp_write_text(b, "rows");
    mp_write_uint(b, r->rows);
    mp_write_text(b, "matched");
    mp_write_uint(b, r->matched);
    reply_warnings(b, warnings, n_warnings);
    b->failed |= !ok;
    if (reply_end(b, mark)) {
        r->done = true;
        return;
    }
    error_set(&e, E_MEMORY, "out of memory for the reply");
    request_finish(r, &e);
}

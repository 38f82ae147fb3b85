/* LOAD: payloads into a table, all rows at once at the end. See state.h and engine/loader.h. */
#include "session/state.h"

#include "engine/loader.h"

#define ROWS_COST                                                                                  \
    64u /* what a block costs besides its rows, in rows: also empty ones make a turn */

static enum status start(struct request *r, struct error *e) {
    const struct limits *l = &r->session->service->limits;
    if (r->use.mode == BATCH_UPSERT && !table_key(r->use.table->table).p)
        return error_set(e, E_NO_KEY,
                         "the table has no key by which rows could be replaced: "
                         "append them, or make it with a key");
    r->use.loader =
        loader_new(r->use.table->table, &r->session->service->budget, r->session->service->crew);
    if (!r->use.loader || !scanner_init(&r->scanner, &r->arena, loader_fields(r->use.loader),
                                        (uint32_t)l->row_depth, (uint32_t)l->row_fields))
        return error_set(e, E_MEMORY, "out of memory for the rows");
    if (r->session->peer.pid > 0 &&
        !(r->use.fetcher = loader_fetcher(r->use.loader, &r->session->peer)))
        return error_set(e, E_MEMORY, "out of memory for the columns");
    r->result.kind = RESULT_COUNT; /* nothing is asked of the payloads' form */
    return E_OK;
}

static enum status commit(struct request *r, struct error *e) {
    struct batch_counts counts;
    enum status status = loader_commit(r->use.loader, r->use.mode, &counts, e);
    if (status != E_OK)
        return status;
    return changed_reply(r, counts.added, counts.replaced, counts.removed,
                         table_rows(r->use.table->table), e);
}

/* A payload has been read, and what of it is in the client's memory. */
static enum status close_payload(struct request *r, struct error *e) {
    request_close_source(r);
    r->use.n_payloads++;
    if (!r->is_stream || !r->use.fetcher)
        return E_OK;
    size_t mark = reply_begin(&r->out, MESSAGE_USED, r->id, 3);
    mp_write_uint(&r->out, r->use.n_payloads);
    return reply_end(&r->out, mark) ? E_OK : error_set(e, E_MEMORY, "out of memory for the reply");
}

enum status table_load_advance(struct request *r, struct error *e) {
    const struct service *service = r->session->service;
    uint64_t began = service->now_ns ? service->now_ns() : 0, rows = 0;
    enum status status = r->use.loader ? E_OK : start(r, e);
    if (!r->is_stream && (r->payloads || r->all_in))
        return error_set(e, E_BAD_MESSAGE, "%s for a request that is not a row stream",
                         r->payloads ? "ROWS" : "END");
    while (status == E_OK && request_has_input(r) && request_may_go_on(r, began, rows)) {
        uint32_t n = 0;
        if (!r->source_open)
            status = request_open_source(r, e);
        if (status == E_OK)
            status = loader_take(r->use.loader, &r->source, &n, e);
        if (status == E_OK && (n == 0 || loader_has_all(&r->source)))
            status = close_payload(r, e);
        r->rows += n;
        rows += n > 0 ? n : ROWS_COST;
        if (atomic_load_explicit(&r->stop, memory_order_relaxed))
            return E_OK; /* session_ran says why */
    }
    if (status == E_OK && !request_has_input(r) && (!r->is_stream || r->all_in))
        return commit(r, e);
    return status;
}

void table_load_done(struct request *r) {
    loader_free(r->use.loader);
    r->use.loader = NULL;
    r->use.fetcher = NULL;
}

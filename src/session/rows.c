/* The results of a request over rows that are no table's: chunk by chunk into its output, or into
 * memory that the client shares. See state.h. */
#include "session/state.h"

#include "base/build.h"

#define INTO_BYTES (4 * CHUNK_BYTES) /* of rows in shared memory that are told together */

/* need: bytes of the rows that come first, if they may go into shared memory. */
static enum status begin_result(struct request *r, size_t need, struct error *e) {
    struct into *into = &r->own.into;
    enum result_kind kind =
        result_begin(&r->result, r->rows, into->is_set ? RESULT_SHARED_RUN : RESULT_PIPED_RUN);
    enum status status = into->is_set && kind == RESULT_ROWS ? into_open(&r->own, need, e) : E_OK;
    if (status != E_OK)
        return status;
    r->result_open = true;
    if (into->is_open)
        return E_OK;
    kind = result_choose(&r->result, RESULT_PIPED_RUN);
    if (kind != RESULT_COUNT)
        reply_result_begin(&r->reply, &r->out, r->id, REPLY_OF_ALL, result_kind_name(kind));
    return E_OK;
}

enum status rows_end(struct request *r, struct error *e) {
    r->result_open = false;
    if (r->own.into.is_open)
        return into_close(&r->own, e);
    if (r->result.kind == RESULT_COUNT)
        return E_OK;
    if (r->result.matched == 0 && !buf_failed(&r->out)) {
        r->out.len = r->reply.mark;
        return E_OK;
    }
    enum result_kind kind = result_end(&r->result, &r->out, r->reply.data);
    if (reply_result_end(&r->reply, &r->out, result_kind_name(kind), r->result.base,
                         r->result.rows))
        return E_OK;
    return error_set(e, E_MEMORY, "out of memory for the result");
}

enum status rows_add(struct request *r, uint32_t n, const uint16_t *matches, uint32_t kept,
                     struct error *e) {
    const struct block *block = run_block(r->run);
    struct into *into = &r->own.into;
    enum status status = E_OK;
    r->result.origin = r->source.origin;
    r->result.origin_offset = r->source.origin_offset;
    r->result.lines = !r->source.form->is_counted && r->bytes.format != FORMAT_MSGPACK;
    bool may_be_there = into->is_set && (into->is_open || !r->result_open);
    size_t need = may_be_there ? result_row_bytes(&r->result, block, matches, kept) : 0;
    if (into->is_open && need > into->rows.cap - into->rows.len)
        status = rows_end(r, e);
    if (status == E_OK && !r->result_open)
        status = begin_result(r, need, e);
    if (status != E_OK)
        return status;
    result_add(&r->result, block, n, matches, kept, into->is_open ? &into->rows : &r->out,
               r->reply.data);
    r->rows += n;
    r->matched += kept;
    size_t bytes = into->is_open ? into->rows.len : r->out.len - r->reply.mark;
    if (r->result.kind != RESULT_COUNT && bytes >= (into->is_open ? INTO_BYTES : CHUNK_BYTES))
        return rows_end(r, e);
    return E_OK;
}

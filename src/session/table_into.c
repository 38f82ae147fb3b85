/* Results in memory that the client shares. See state.h, and PROTOCOL.md, "Shared memory".
 *
 * Row numbers are made where they are to be; other results are made elsewhere and copied, since
 * making them reads what has been made, and the client may write to its memory at any time. Row
 * numbers that count from the same row are told together, however many chunks they were: a reader
 * then has them as one array. */
#include "session/state.h"

static enum status no_memory(struct error *e) {
    return error_set(e, E_MEMORY, "out of memory for the result");
}

enum status into_tell(struct question *q, struct error *e) {
    struct into *into = &q->into;
    const struct resident_chunk *c = &into->chunk;
    if (!c->has_data)
        return E_OK;
    size_t mark = reply_begin(&q->request->out, MESSAGE_RESULT, q->request->id, 6);
    mp_write_text(&q->request->out, result_kind_name(c->kind));
    mp_write_uint(&q->request->out, c->base);
    mp_write_uint(&q->request->out, c->rows);
    mp_write_array(&q->request->out, 2);
    mp_write_uint(&q->request->out, into->offset + into->chunk_at);
    mp_write_uint(&q->request->out, into->chunk_bytes);
    into->chunk.has_data = false;
    return reply_end(&q->request->out, mark) ? E_OK : no_memory(e);
}

/* Whether c can be told together with what has not been told yet. */
static bool goes_on(const struct into *into, const struct resident_chunk *c) {
    const struct resident_chunk *before = &into->chunk;
    return before->has_data && before->kind == c->kind &&
           (c->kind == RESULT_NUMBERS || (c->kind == RESULT_INDICES && c->base == before->base));
}

/* The chunk's bytes are in place, behind those that are used. */
static enum status note(struct question *q, const struct resident_chunk *c, size_t bytes,
                        struct error *e) {
    struct into *into = &q->into;
    if (goes_on(into, c)) {
        into->chunk.rows = c->base + c->rows - into->chunk.base;
        into->chunk_bytes += bytes;
    } else {
        enum status status = into_tell(q, e);
        if (status != E_OK)
            return status;
        into->chunk = *c;
        into->chunk_at = into->used;
        into->chunk_bytes = bytes;
    }
    into->used += bytes;
    return E_OK;
}

/* RESULT with the bytes of use.data. */
static enum status send(struct question *q, const struct resident_chunk *c, struct error *e) {
    const struct buf *data = &q->request->use.data;
    const char *kind = result_kind_name(c->kind);
    struct reply_result reply;
    enum status status = into_tell(q, e);
    if (status != E_OK)
        return status;
    reply_result_begin(&reply, &q->request->out, q->request->id, REPLY_OF_ALL, kind);
    buf_add(&q->request->out, data->data, data->len);
    return reply_result_end(&reply, &q->request->out, kind, c->base, (uint32_t)c->rows)
               ? E_OK
               : no_memory(e);
}

enum status into_take(struct question *q, struct resident_chunk *chunk, struct error *e) {
    struct into *into = &q->into;
    struct buf *data = &q->request->use.data;
    if (into->is_direct) {
        struct buf there;
        buf_init_fixed(&there, into->p + into->used, into->bytes - into->used);
        enum status status = resident_take(q->resident, RESIDENT_ALL, &there, chunk, e);
        if (status != E_OK || resident_is_over(q->resident) || chunk->rows > 0)
            return status == E_OK && chunk->has_data ? note(q, chunk, there.len, e) : status;
    }
    data->len = 0;
    enum status status = resident_take(q->resident, RESIDENT_ALL, data, chunk, e);
    if (status != E_OK || !chunk->has_data)
        return status;
    if (data->len > into->bytes - into->used)
        return send(q, chunk, e);
    memcpy(into->p + into->used, data->data, data->len);
    return note(q, chunk, data->len, e);
}

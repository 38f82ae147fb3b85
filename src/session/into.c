/* Results in memory that the client shares. See state.h, and PROTOCOL.md, "Shared memory".
 *
 * Rows of a payload go round in the region as the client takes them. Of a table, whose results
 * stay until all are there, row numbers are made where they are to be; other results are made
 * elsewhere and copied, since making them reads what has been made, and the client may write to its
 * memory at any time. Row numbers that count from the same row are told together, however many
 * chunks they were: a reader then has them as one array. */
#include "session/state.h"

static enum status no_memory(struct error *e) {
    return error_set(e, E_MEMORY, "out of memory for the result");
}

/* RESULT of `bytes` bytes at `at` of the region. */
static enum status tell(struct question *q, enum result_kind kind, uint64_t base, uint64_t rows,
                        size_t at, size_t bytes, struct error *e) {
    struct buf *out = &q->request->out;
    size_t mark = reply_begin(out, MESSAGE_RESULT, q->request->id, 6);
    mp_write_text(out, result_kind_name(kind));
    mp_write_uint(out, base);
    mp_write_uint(out, rows);
    mp_write_array(out, 2);
    mp_write_uint(out, q->into.offset + at);
    mp_write_uint(out, bytes);
    return reply_end(out, mark) ? E_OK : no_memory(e);
}

/* ---- rows of a payload ---- */

void into_note_taken(struct request *r, uint64_t end) {
    uint64_t most = UINT64_MAX - 1;
    atomic_store_explicit(&r->taken, (end < most ? end : most) + 1, memory_order_release);
}

/* What the client has told since. */
static enum status take_back(struct into *into, uint64_t end, struct error *e) {
    uint64_t at = end - into->offset; /* large, if it is before the region */
    if (into->turned && at > into->taken && at <= into->turn) {
        into->taken = (size_t)at;
    } else if (into->turned && at > 0 && at <= into->head) {
        into->taken = (size_t)at;
        into->turned = false;
    } else if (!into->turned && at >= into->taken && at <= into->head) {
        into->taken = (size_t)at;
    } else if (at != into->taken) {
        return error_set(e, E_BAD_MESSAGE, "TAKEN of what was not given");
    }
    if (into->turned && into->taken == into->turn) {
        into->taken = 0;
        into->turned = false;
    }
    if (!into->turned && into->taken == into->head)
        into->taken = into->head = 0;
    return E_OK;
}

/* Room for so many bytes, from `head` on; gives how many there are, 0 if they are too few. It is
 * never used up while the rest is in use, so that `head` and `taken` tell how much that is. */
static size_t find_room(struct into *into, size_t bytes) {
    size_t room = (into->turned ? into->taken : into->bytes + 1) - into->head - 1;
    if (room < bytes && !into->turned && into->taken > bytes) {
        into->turn = into->head;
        into->turned = true;
        into->head = 0;
        room = into->taken - 1;
    }
    return room < bytes ? 0 : room;
}

enum status into_open(struct question *q, size_t bytes, struct error *e) {
    struct into *into = &q->into;
    uint64_t told = atomic_exchange_explicit(&q->request->taken, 0, memory_order_acquire);
    enum status status = told > 0 ? take_back(into, told - 1, e) : E_OK;
    size_t room = status == E_OK ? find_room(into, bytes) : 0;
    into->is_open = room > 0;
    if (into->is_open)
        buf_init_fixed(&into->rows, into->p + into->head, room);
    return status;
}

enum status into_close(struct question *q, struct error *e) {
    struct into *into = &q->into;
    const struct result *result = &q->request->result;
    size_t bytes = into->rows.len, at = into->head;
    into->is_open = false;
    if (bytes == 0)
        return E_OK;
    into->head += bytes;
    return tell(q, RESULT_ROWS, result->base, result->rows, at, bytes, e);
}

/* ---- tables ---- */

enum status into_tell(struct question *q, struct error *e) {
    struct into *into = &q->into;
    const struct resident_chunk *c = &into->chunk;
    if (!c->has_data)
        return E_OK;
    into->chunk.has_data = false;
    return tell(q, c->kind, c->base, c->rows, into->chunk_at, into->chunk_bytes, e);
}

/* Whether c can be told together with what has not been told yet. */
static bool goes_on(const struct into *into, const struct resident_chunk *c) {
    const struct resident_chunk *before = &into->chunk;
    return before->has_data && before->kind == c->kind &&
           (c->kind == RESULT_NUMBERS || (c->kind == RESULT_INDICES && c->base == before->base));
}

/* The chunk's bytes are in place, behind those that are there. */
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
        into->chunk_at = into->head;
        into->chunk_bytes = bytes;
    }
    into->head += bytes;
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
        buf_init_fixed(&there, into->p + into->head, into->bytes - into->head);
        enum status status = resident_take(q->resident, RESIDENT_ALL, &there, chunk, e);
        if (status != E_OK || resident_is_over(q->resident) || chunk->rows > 0)
            return status == E_OK && chunk->has_data ? note(q, chunk, there.len, e) : status;
    }
    data->len = 0;
    enum status status = resident_take(q->resident, RESIDENT_ALL, data, chunk, e);
    if (status != E_OK || !chunk->has_data)
        return status;
    if (data->len > into->bytes - into->head)
        return send(q, chunk, e);
    memcpy(into->p + into->head, data->data, data->len);
    return note(q, chunk, data->len, e);
}

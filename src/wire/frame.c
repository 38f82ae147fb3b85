/* See frame.h. */
#include "wire/frame.h"

#include "base/build.h"

/* --- memory for the next frames --- */

void frame_store_init(struct frame_store *s, struct budget *budget) {
    *s = (struct frame_store){.budget = budget};
}

void frame_store_done(struct frame_store *s) {
    while (s->n_spare > 0)
        buf_done(&s->spare[--s->n_spare]);
    while (s->n_reads > 0)
        buf_done(&s->reads[--s->n_reads]);
}

#define SPARE_BYTES      6291456u  /* the largest memory that is kept for the next frame ... */
#define SPARE_MOST_BYTES 16777216u /* ... and all of it in one place */

/* Whether there is room for b beside the n buffers. */
static bool is_room(const struct buf *spare, uint32_t n, const struct buf *b) {
    size_t bytes = b->cap;
    for (uint32_t i = 0; i < n; i++)
        bytes += spare[i].cap;
    return n < FRAMES_SPARE && b->cap <= SPARE_BYTES && bytes <= SPARE_MOST_BYTES;
}

/* Empties b, if it can be kept. */
static void store_put(struct frame_store *s, struct buf *b) {
    if (is_room(s->spare, s->n_spare, b) && !budget_is_scarce(s->budget))
        buf_take(b, &s->spare[s->n_spare++]);
}

static void store_take(struct frame_store *s, struct buf *ret) {
    if (s->n_spare > 0)
        buf_take(&s->spare[--s->n_spare], ret);
}

void frames_init(struct frames *f, struct budget *budget, struct frame_store *store) {
    *f = (struct frames){.store = store};
    buf_init(&f->in, budget);
    buf_init(&f->body, budget);
}

void frames_done(struct frames *f) {
    buf_done(&f->in);
    buf_done(&f->body);
    frames_shrink(f);
}

void frames_give_back(struct frames *f, struct buf *message) {
    if (message->cap > READ_BYTES && is_room(f->spare, f->n_spare, message)) {
        message->len = 0;
        buf_take(message, &f->spare[f->n_spare++]);
        return;
    }
    buf_done(message);
}

void frames_shrink(struct frames *f) {
    while (f->n_spare > 0) {
        struct buf *b = &f->spare[--f->n_spare];
        if (f->store)
            store_put(f->store, b);
        buf_done(b);
    }
}

void frames_rest(struct frames *f) {
    struct frame_store *s = f->store;
    if (!s || f->in.cap == 0 || f->pos < f->in.len)
        return;
    f->pos = f->in.len = 0;
    bool is_kept = s->n_reads == 0 || (s->n_reads < FRAMES_SPARE && !budget_is_scarce(s->budget));
    if (is_kept && f->in.cap <= 2 * READ_BYTES)
        buf_take(&f->in, &s->reads[s->n_reads++]);
    else
        buf_done(&f->in);
}

/* --- reading --- */

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

static bool gathering(const struct frames *f) {
    return f->body_need > 0 && f->body.len < f->body_need;
}

uint8_t *frames_space(struct frames *f, size_t *ret_n) {
    if (gathering(f)) {
        size_t missing = f->body_need - f->body.len;
        if (f->body.len == f->body.cap &&
            !buf_reserve_exact(&f->body,
                               least(missing, f->body.len > READ_BYTES ? f->body.len : READ_BYTES)))
            return NULL;
        *ret_n = least(missing, f->body.cap - f->body.len);
        return f->body.data + f->body.len;
    }
    if (f->pos > 0) {
        buf_drop(&f->in, f->pos);
        f->pos = 0;
    }
    if (f->in.cap == 0 && f->store && f->store->n_reads > 0)
        buf_take(&f->store->reads[--f->store->n_reads], &f->in);
    if (!buf_reserve(&f->in, READ_BYTES))
        return NULL;
    *ret_n = f->in.cap - f->in.len;
    return f->in.data + f->in.len;
}

void frames_fed(struct frames *f, size_t n) {
    f->received += n;
    if (gathering(f))
        f->body.len += n;
    else
        f->in.len += n;
}

/* A large frame leaves `in` as soon as its length is known. */
static enum frame_event begin_body(struct frames *f, uint32_t n) {
    size_t have = f->in.len - f->pos;
    if (f->n_spare > 0)
        buf_take(&f->spare[--f->n_spare], &f->body);
    else if (f->store)
        store_take(f->store, &f->body);
    if (!buf_reserve_exact(&f->body, least(n, have > READ_BYTES ? have : READ_BYTES)))
        return FRAME_NO_MEMORY;
    buf_add(&f->body, f->in.data + f->pos, have);
    f->pos = f->in.len;
    f->body_need = n;
    return FRAME_NONE;
}

static enum frame_event give_body(struct frames *f, const uint8_t **ret_p, size_t *ret_n) {
    *ret_p = f->body.data;
    *ret_n = f->body.len;
    f->body_need = 0; /* given: the next call drops what was not taken */
    return FRAME_READY;
}

enum frame_event frames_next(struct frames *f, uint32_t limit, const uint8_t **ret_p,
                             size_t *ret_n) {
    if (f->body_need > 0)
        return gathering(f) ? FRAME_NONE : give_body(f, ret_p, ret_n);
    if (f->body.cap > 0)
        buf_done(&f->body);
    size_t drop = f->skip < f->in.len - f->pos ? (size_t)f->skip : f->in.len - f->pos;
    f->pos += drop;
    f->skip -= drop;
    size_t have = f->in.len - f->pos;
    if (f->skip > 0 || have < 4)
        return FRAME_NONE;
    const uint8_t *p = f->in.data + f->pos;
    uint32_t n = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
    if (n > limit) {
        f->pos += 4;
        f->skip = n;
        *ret_n = n;
        return FRAME_TOO_LARGE;
    }
    if (have - 4 >= n) {
        f->pos += 4 + (size_t)n;
        *ret_p = p + 4;
        *ret_n = n;
        return FRAME_READY;
    }
    if (n < READ_BYTES)
        return FRAME_NONE;
    f->pos += 4;
    return begin_body(f, n);
}

uint64_t frames_position(const struct frames *f) { return f->received - (f->in.len - f->pos); }

bool frames_take(struct frames *f, const uint8_t *p, size_t n, struct buf *ret) {
    if (p == f->body.data && n > 0) {
        buf_done(ret);
        buf_take(&f->body, ret);
        return true;
    }
    if (!buf_reserve_exact(ret, n ? n : 1)) {
        buf_done(ret);
        return false;
    }
    buf_add(ret, p, n);
    return true;
}

bool frames_at_boundary(const struct frames *f) {
    return f->body_need == 0 && f->skip == 0 && f->pos == f->in.len;
}

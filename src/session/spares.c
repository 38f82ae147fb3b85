/* See session.h, struct spares: memory that goes from one session to the next. */
#include "session/state.h"

static bool has_room(const struct spares *s, uint32_t n) {
    return n == 0 || (n < SPARES_MOST && !budget_is_scarce(s->budget));
}

void spares_done(struct spares *s) {
    while (s->requests) {
        struct request *r = s->requests;
        s->requests = r->next;
        request_destroy(r);
    }
    while (s->n_outputs > 0)
        buf_done(&s->outputs[--s->n_outputs]);
    s->n_requests = 0;
}

struct request *spares_take_request(struct spares *s) {
    struct request *r = s->requests;
    if (r) {
        s->requests = r->next;
        s->n_requests--;
    }
    return r;
}

bool spares_put_request(struct spares *s, struct request *r) {
    if (!has_room(s, s->n_requests))
        return false;
    r->next = s->requests;
    s->requests = r;
    s->n_requests++;
    return true;
}

void spares_take_output(struct spares *s, struct buf *ret) {
    if (ret->cap == 0 && !ret->failed && s->n_outputs > 0)
        buf_take(&s->outputs[--s->n_outputs], ret);
}

void spares_put_output(struct spares *s, struct buf *b) {
    if (b->cap == 0)
        return;
    bool is_kept = has_room(s, s->n_outputs) && b->cap <= KEPT_BYTES && !b->failed;
    b->len = 0;
    if (is_kept)
        buf_take(b, &s->outputs[s->n_outputs++]);
    else
        buf_done(b);
}

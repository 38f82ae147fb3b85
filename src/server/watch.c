/* The watchdog of a client: no output taken for stall_ms, a request open for deadline_ms, lingering
 * for too long.
 *
 * One timer a client, armed late and moved only towards the past: a connection that answers
 * promptly never touches the timer heap. When it fires it looks at the facts and is armed again for
 * what is left.
 */
#include "server/client.h"

#define NEVER UINT64_MAX

static uint64_t now_ms(const struct client *c) { return uv_now(&c->server->loop); }

void watch_progress(struct client *c) {
    c->progress_ms = now_ms(c);
    c->waiting_seen = channel_waiting(c->out);
}

static uint64_t stall_due(const struct client *c) {
    uint64_t stall_ms = c->server->service.limits.stall_ms;
    return stall_ms == 0 || !c->writing ? NEVER : c->progress_ms + stall_ms;
}

/* When the oldest request must be stopped; *ret is that request. The loop's clock is uv_hrtime in
 * milliseconds, which the session has as now_ns. */
static uint64_t deadline_due(struct client *c, struct request **ret) {
    uint64_t deadline_ms = c->server->service.limits.deadline_ms, opened_ns;
    *ret = deadline_ms > 0 ? session_oldest(c->session, &opened_ns) : NULL;
    return *ret ? opened_ns / 1000000 + deadline_ms : NEVER;
}

static void on_due(uv_timer_t *timer) {
    struct client *c = timer->data;
    c->watch_due_ms = NEVER;
    if (c->state == CLIENT_LINGERING && now_ms(c) >= c->linger_ms) {
        client_abort(c);
        return;
    }
    if (c->state != CLIENT_OPEN) {
        watch_update(c);
        return;
    }
    if (c->writing && channel_waiting(c->out) != c->waiting_seen)
        watch_progress(c); /* slow, not stalled: a part was taken */
    if (now_ms(c) >= stall_due(c)) {
        if (c->is_socket)
            server_note(c->server, "a client of uid %ld took no output for %llu ms and is dropped",
                        (long)c->uid, (unsigned long long)c->server->service.limits.stall_ms);
        session_fail(c->session, E_SLOW_CLIENT, "");
        client_abort(c);
        return;
    }
    struct request *r = NULL;
    if (now_ms(c) >= deadline_due(c, &r)) {
        session_stop_request(r, E_DEADLINE);
        client_continue(c); /* ends with watch_update */
        return;
    }
    watch_update(c);
}

void watch_init(struct client *c) {
    uv_timer_init(&c->server->loop, &c->watch); /* cannot fail */
    c->watch.data = c;
    c->watch_due_ms = NEVER;
}

void watch_update(struct client *c) {
    uint64_t due = NEVER;
    if (c->state == CLIENT_LINGERING)
        due = c->linger_ms;
    else if (c->state == CLIENT_OPEN) {
        struct request *r = NULL;
        uint64_t stall = stall_due(c), deadline = deadline_due(c, &r);
        due = stall < deadline ? stall : deadline;
    }
    if (due >= c->watch_due_ms)
        return;
    uint64_t now = now_ms(c);
    c->watch_due_ms = due;
    uv_timer_start(&c->watch, on_due, due > now ? due - now : 0, 0);
}

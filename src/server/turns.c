/* See turns.h. */
#include "server/turns.h"

#include "server/client.h"

#include <sched.h>

#define SHARE_RUNS  16u      /* of one client, a turn */
#define SHARE_NS    1000000u /* the same; what has begun by then is run */
#define ALONE_RUNS  16u      /* in a row: a client that is alone */
#define GIVE_WAY_NS 4000u    /* of looking */

static void on_awake(uv_idle_t *idle) {
    struct turns *t = idle->data;
    struct link now;
    link_take(&now, &t->more);
    while (!link_is_empty(&now)) {
        struct link *l = now.next;
        link_remove(l);
        client_continue(client_of_more(l));
    }
}

/* Whether the loop still looks for what comes next; after the first looks whoever else wants this
 * processor goes first, and be it the client. */
static bool is_looking(const struct turns *t) {
    uint64_t waited = t->busy_poll_ns > 0 ? uv_hrtime() - t->answered_ns : 0;
    if (waited >= t->busy_poll_ns)
        return false;
    if (waited > GIVE_WAY_NS)
        sched_yield();
    return true;
}

/* Just before the loop waits. */
static void on_tick(uv_prepare_t *tick) {
    struct turns *t = tick->data;
    t->number++;
    if (!link_is_empty(&t->more) || is_looking(t))
        uv_idle_start(&t->awake, on_awake);
    else
        uv_idle_stop(&t->awake);
}

void turns_init(struct turns *t, uv_loop_t *loop, uint64_t busy_poll_ns) {
    *t = (struct turns){.busy_poll_ns = uv_available_parallelism() > 1 ? busy_poll_ns : 0};
    link_init(&t->more);
    uv_idle_init(loop, &t->awake); /* none of these allocates or fails */
    uv_prepare_init(loop, &t->tick);
    t->awake.data = t->tick.data = t;
    uv_prepare_start(&t->tick, on_tick);
}

static void close_handle(uv_handle_t *h) {
    if (!uv_is_closing(h))
        uv_close(h, NULL);
}

void turns_close(struct turns *t) {
    close_handle((uv_handle_t *)&t->awake);
    close_handle((uv_handle_t *)&t->tick);
}

bool turns_may_run(struct turns *t, struct client *c) {
    if (c->turn != t->number) {
        c->turn = t->number;
        c->turn_ns = uv_hrtime();
        c->inline_left = SHARE_RUNS;
    }
    if (c->inline_left == 0 && link_is_empty(&c->more))
        link_append(&t->more, &c->more);
    return c->inline_left > 0;
}

bool turns_alone(const struct turns *t, const struct client *c) {
    return t->asker == c && t->asked == ALONE_RUNS;
}

void turns_asked(struct turns *t, const struct client *c) {
    if (t->asker != c)
        t->asked = 0;
    t->asker = c;
    t->asked += t->asked < ALONE_RUNS;
}

void turns_ran(struct client *c) {
    c->inline_left = uv_hrtime() - c->turn_ns < SHARE_NS ? c->inline_left - 1 : 0;
}

void turns_answered(struct turns *t) {
    if (t->busy_poll_ns > 0)
        t->answered_ns = uv_hrtime();
}

void turns_forget(struct turns *t, struct client *c) {
    link_remove(&c->more);
    if (t->asker == c)
        t->asker = NULL;
}

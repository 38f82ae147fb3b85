/* Several sessions of one service that load, change, drop and ask the same table at once, their
 * requests on worker threads as in the daemon: for the thread sanitizer, and to see that each
 * answer is of one state of the table.
 *
 * Rows come and go in pairs, of n and -n: in every state their number is even and their sum zero,
 * and both sides have as many. */
#include "session_unit.h"

#include <pthread.h>

enum { WORKERS = 3, PAIRS = 300 };

/* xorshift64* (Vigna, 2016). */
static uint64_t dice = 1;

static uint32_t draw(uint32_t below) {
    dice ^= dice >> 12;
    dice ^= dice << 25;
    dice ^= dice >> 27;
    return (uint32_t)(dice * 0x2545F4914F6CDD1Du >> 32) % below;
}

/* ---- workers ---- */

struct job {
    struct session *session;
    struct request *request;
    struct job *next;
    bool out; /* with the workers */
};

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t wanted, ready;
    pthread_t threads[WORKERS];
    struct job *todo, *done;
    bool quit;
};

static void *work(void *arg) {
    struct pool *p = arg;
    pthread_mutex_lock(&p->lock);
    for (;;) {
        while (!p->todo && !p->quit)
            pthread_cond_wait(&p->wanted, &p->lock);
        struct job *j = p->todo;
        if (!j)
            break;
        p->todo = j->next;
        pthread_mutex_unlock(&p->lock);
        session_run(j->request);
        pthread_mutex_lock(&p->lock);
        j->next = p->done;
        p->done = j;
        pthread_cond_signal(&p->ready);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

static void pool_start(struct pool *p) {
    *p = (struct pool){.quit = false};
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->wanted, NULL);
    pthread_cond_init(&p->ready, NULL);
    for (int i = 0; i < WORKERS; i++)
        assert_int_equal(pthread_create(&p->threads[i], NULL, work, p), 0);
}

static void pool_stop(struct pool *p) {
    pthread_mutex_lock(&p->lock);
    p->quit = true;
    pthread_cond_broadcast(&p->wanted);
    pthread_mutex_unlock(&p->lock);
    for (int i = 0; i < WORKERS; i++)
        pthread_join(p->threads[i], NULL);
    pthread_cond_destroy(&p->ready);
    pthread_cond_destroy(&p->wanted);
    pthread_mutex_destroy(&p->lock);
}

static void pool_give(struct pool *p, struct job *j) {
    pthread_mutex_lock(&p->lock);
    struct job **at = &p->todo;
    while (*at)
        at = &(*at)->next;
    j->next = NULL;
    *at = j;
    pthread_cond_signal(&p->wanted);
    pthread_mutex_unlock(&p->lock);
}

/* Gives back what is done; waits for something to be, if `wait`. */
static void pool_take(struct pool *p, bool wait) {
    pthread_mutex_lock(&p->lock);
    while (wait && !p->done)
        pthread_cond_wait(&p->ready, &p->lock);
    struct job *j = p->done;
    p->done = NULL;
    pthread_mutex_unlock(&p->lock);
    for (struct job *next; j; j = next) {
        next = j->next;
        j->out = false;
        session_ran(j->session, j->request);
    }
}

/* ---- clients ---- */

struct client {
    struct job job;
    enum { LOADS, CHANGES, ASKS, ROLES } role;
    struct buf out;
    size_t at;
    uint32_t id;   /* of the open request; 0: none */
    uint32_t left; /* requests to be made */
    int64_t sum;   /* of what RESULTs have told */
    uint64_t rows;
    bool tells_rows;
    uint32_t answered, refused, changed;
};

static void tell(struct client *c, const char *notation) {
    struct buf frame = {0};
    write_frame(&frame, notation);
    for (size_t at = 0; at < frame.len;) {
        size_t room;
        uint8_t *space = session_space(c->job.session, &room);
        assert_non_null(space);
        size_t n = frame.len - at < room ? frame.len - at : room;
        memcpy(space, frame.data + at, n);
        session_fed(c->job.session, n);
        at += n;
    }
    buf_done(&frame);
}

static void add_pairs(struct buf *b, uint32_t most) {
    uint32_t first = draw(PAIRS);
    for (uint32_t i = draw(most) + 1; i-- > 0;) {
        uint32_t pair = (first + i) % PAIRS, n = draw(100000), town = draw(7);
        for (uint32_t side = 0; side < 2; side++)
            buf_printf(b,
                       "{'id': %u, 'n': %s%u, 'side': '%c', 'town': 't%u', 'at': {'side': '%c'}}, ",
                       2 * pair + side, side ? "-" : "", n, "+-"[side], town, "+-"[side]);
    }
}

static void say_load(struct client *c, struct buf *b) {
    static const char *const MODES[] = {"upsert", "upsert", "upsert", "replace"};
    buf_printf(b, "[14, %u, 't', {'mode': '%s'}, ['maps', [", c->id, MODES[draw(4)]);
    add_pairs(b, PAIRS);
    buf_add_text(b, "]]]");
}

static void say_change(struct client *c, struct buf *b) {
    switch (draw(12)) {
    case 0:
        buf_printf(b, "[16, %u, 't']", c->id);
        return;
    case 1:
        buf_printf(b, "[12, %u, 't', {'key': 'id', 'exists': 'replace'}]", c->id);
        return;
    case 2:
    case 3:
        buf_printf(b, "[12, %u, 't', {'key': 'id', 'exists': 'open'}]", c->id);
        return;
    case 4:
        buf_printf(b, "[17, %u, %s]", c->id, draw(2) ? "'t'" : "nil");
        return;
    default:
        buf_printf(b, "[15, %u, 't', [", c->id);
        for (uint32_t i = draw(20) + 1; i-- > 0;) {
            uint32_t pair = draw(PAIRS);
            buf_printf(b, "%u, %u, ", 2 * pair, 2 * pair + 1);
        }
        buf_add_text(b, "]]");
    }
}

static void say_question(struct client *c, struct buf *b) {
    static const char *const QUERIES[] = {"n <> 0 or n = 0", "town in ('t1', 't2', 't5')",
                                          "at.side = '+' or at.side = '-'", "abs(n) < 50000",
                                          "n between -70000 and 70000"};
    static const char *const OPTIONS[] = {
        "'result': 'counts', 'by': 'side'",
        "'result': 'counts', 'by': ['at', 'side']",
        "'result': 'columns', 'columns': ['n']",
        "'result': 'columns', 'columns': ['n'], 'order': [['town', 'asc'], ['n', 'desc']]",
        "'result': 'count'",
        "'result': 'count', 'strict': true"};
    buf_printf(b, "[2, %u, \"%s\", {%s}, ['table', 't']]", c->id, QUERIES[draw(COUNT_OF(QUERIES))],
               OPTIONS[draw(COUNT_OF(OPTIONS))]);
}

static void say_something(struct client *c) {
    static void (*const SAYS[ROLES])(struct client *, struct buf *) = {say_load, say_change,
                                                                       say_question};
    struct buf b = {0};
    c->id = 1000 + c->left--;
    c->sum = 0;
    c->rows = 0;
    c->tells_rows = false;
    SAYS[c->role](c, &b);
    buf_byte(&b, '\0');
    assert_false(buf_failed(&b));
    tell(c, (const char *)b.data);
    buf_done(&b);
    if (draw(40) == 0) {
        char cancel[32];
        snprintf(cancel, sizeof cancel, "[7, %u]", c->id);
        tell(c, cancel);
    }
}

/* ---- what must be true of every answer ---- */

/* [["+", n], ["-", n]], or nothing. */
static void check_counts(struct mp_reader *r) {
    uint32_t n = mp_read_array(r);
    uint64_t first = 0;
    assert_true(n == 0 || n == 2);
    for (uint32_t i = 0; i < n; i++) {
        mp_read_array(r);
        assert_int_equal(mp_read_value(r).type, T_STR);
        uint64_t count = mp_read_value(r).w.u;
        assert_true(i == 0 || count == first);
        first = count;
    }
}

/* [["n", "i64", bin, nil, nil]] */
static void add_column(struct client *c, struct mp_reader *r) {
    assert_int_equal(mp_read_array(r), 1);
    assert_int_equal(mp_read_array(r), 5);
    mp_skip(r);
    assert_true(str_is(value_as_str(mp_read_value(r)), "i64"));
    struct value bin = mp_read_value(r);
    for (uint32_t i = 0; i < bin.n; i += 8) {
        int64_t n;
        memcpy(&n, bin.w.p + i, 8);
        c->sum += n;
        c->rows++;
    }
    c->tells_rows = true;
    mp_skip(r);
    mp_skip(r);
}

/* The number under a name of a map. */
static uint64_t number_in(struct mp_reader r, const char *name) {
    for (uint32_t n = mp_read_map(&r); n > 0; n--) {
        bool here = str_is(value_as_str(mp_read_value(&r)), name);
        if (here)
            return mp_read_value(&r).w.u;
        mp_skip(&r);
    }
    fail_msg("no %s", name);
    return 0;
}

static void hear_result(struct client *c, struct mp_reader *r) {
    struct str kind = value_as_str(mp_read_value(r));
    mp_skip(r);
    mp_skip(r);
    if (str_is(kind, "counts"))
        check_counts(r);
    else
        add_column(c, r);
}

static void hear_message(struct client *c, const uint8_t *p, size_t n) {
    struct mp_reader r;
    mp_reader_init(&r, p, n, 64);
    mp_read_array(&r);
    uint64_t kind = mp_read_value(&r).w.u, id = mp_read_value(&r).w.u;
    if (kind == 65)
        return;
    assert_int_equal(id, c->id);
    switch (kind) {
    case 66:
        hear_result(c, &r);
        return;
    case 67:
        assert_int_equal(number_in(r, "matched") % 2, 0);
        assert_int_equal(number_in(r, "rows") % 2, 0);
        assert_int_equal(c->sum, 0);
        assert_true(!c->tells_rows || c->rows == number_in(r, "matched"));
        c->answered++;
        break;
    case 68: {
        uint64_t code = number_in(r, "code");
        if (code != E_TABLE_UNKNOWN && code != E_CANCELLED)
            fail_msg("error %u", (unsigned)code);
        c->refused++;
        break;
    }
    case 75:
        assert_int_equal(number_in(r, "rows") % 2, 0);
        c->changed++;
        break;
    default:
        assert_true(kind == 74 || kind == 76);
    }
    c->id = 0;
}

static void hear_all(struct client *c) {
    size_t n;
    const uint8_t *p = session_output(c->job.session, &n);
    buf_add(&c->out, p, n);
    session_sent(c->job.session, n);
    while (c->out.len - c->at >= 4) {
        p = c->out.data + c->at;
        n = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
        if (c->out.len - c->at - 4 < n)
            break;
        c->at += 4 + n;
        hear_message(c, p + 4, n);
    }
    if (c->at == c->out.len)
        c->at = c->out.len = 0;
}

/* ---- the test ---- */

/* One look at a client; true if it is not at its end. */
static bool turn(struct client *c, struct pool *pool) {
    bool small;
    struct session *s = c->job.session;
    if (!c->job.out && (c->job.request = session_next(s, &small))) {
        if (small && draw(2)) {
            session_run(c->job.request);
            session_ran(s, c->job.request);
        } else {
            c->job.out = true;
            pool_give(pool, &c->job);
        }
    }
    hear_all(c);
    if (c->id == 0 && !c->job.out && c->left > 0)
        say_something(c);
    return c->left > 0 || c->id != 0 || c->job.out;
}

static void client_open(struct client *c, struct service *service) {
    c->job.session = session_new(service);
    assert_non_null(c->job.session);
    tell(c, HELLO_TEXT);
    hear_all(c);
}

static void test_all_at_once(void **state) {
    (void)state;
    static struct service service;
    static struct client clients[] = {{.role = LOADS},   {.role = LOADS}, {.role = CHANGES},
                                      {.role = CHANGES}, {.role = ASKS},  {.role = ASKS},
                                      {.role = ASKS}};
    struct limits limits;
    struct pool pool;
    uint32_t answered = 0, changed = 0;
    limits_default(&limits);
    service_init(&service, &limits);
    service.now_ns = test_clock;
    pool_start(&pool);
    for (size_t i = 0; i < COUNT_OF(clients); i++) {
        clients[i].left = 300;
        client_open(&clients[i], &service);
    }
    for (bool more = true; more;) {
        bool out = false;
        more = false;
        for (size_t i = 0; i < COUNT_OF(clients); i++) {
            struct client *c = &clients[i];
            more |= turn(c, &pool);
            out |= c->job.out;
            if (draw(500) == 0 && !c->job.out) { /* closed in the middle of whatever it has open */
                session_free(c->job.session);
                c->at = c->out.len = c->id = 0;
                client_open(c, &service);
            }
        }
        pool_take(&pool, out && draw(3) == 0);
    }
    pool_stop(&pool);
    for (size_t i = 0; i < COUNT_OF(clients); i++) {
        answered += clients[i].answered;
        changed += clients[i].changed;
        session_free(clients[i].job.session);
        buf_done(&clients[i].out);
    }
    service_done(&service);
    assert_int_equal(service.budget.used_bytes, 0);
    assert_true(answered > 100 && changed > 100);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_at_once),
    };
    return cmocka_run_group_tests_name("session_tables", tests, NULL, NULL);
}

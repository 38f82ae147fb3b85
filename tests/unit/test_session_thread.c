/* session_run on another thread while the owner feeds, cancels, stops and sends: for the thread
 * sanitizer, and to see that the answers are right all the same. */
#include "session_unit.h"

#include <pthread.h>

/* A thread that runs one request at a time. */
struct worker {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct request *todo, *done;
    bool quit;
};

static void *work(void *arg) {
    struct worker *w = arg;
    pthread_mutex_lock(&w->lock);
    for (;;) {
        while (!w->todo && !w->quit)
            pthread_cond_wait(&w->changed, &w->lock);
        if (!w->todo)
            break;
        struct request *r = w->todo;
        w->todo = NULL;
        pthread_mutex_unlock(&w->lock);
        session_run(r);
        pthread_mutex_lock(&w->lock);
        w->done = r;
        pthread_cond_broadcast(&w->changed);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

static void worker_start(struct worker *w) {
    *w = (struct worker){0};
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->changed, NULL);
    assert_int_equal(pthread_create(&w->thread, NULL, work, w), 0);
}

static void worker_stop(struct worker *w) {
    pthread_mutex_lock(&w->lock);
    w->quit = true;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->changed);
}

/* What the worker has finished; waits for it if `wait`. NULL: nothing yet. */
static struct request *worker_done(struct worker *w, bool wait) {
    pthread_mutex_lock(&w->lock);
    while (wait && !w->done)
        pthread_cond_wait(&w->changed, &w->lock);
    struct request *r = w->done;
    w->done = NULL;
    pthread_mutex_unlock(&w->lock);
    return r;
}

/* The owner's turn: takes back what is done, hands out the next. True if a request is out. */
static bool turn(struct talk *t, struct worker *w, bool *out, bool wait) {
    bool small;
    if (*out) {
        struct request *r = worker_done(w, wait);
        if (!r)
            return true;
        *out = false;
        session_ran(t->s, r);
    }
    struct request *r = session_next(t->s, &small);
    if (!r)
        return false;
    *out = true;
    pthread_mutex_lock(&w->lock);
    w->todo = r;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    return true;
}

enum { STREAMS = 4, PIECES = 60, PIECE_ROWS = 300 };

/* Goes on until the session takes input again. */
static void make_room(struct talk *t, struct worker *w, bool *out) {
    while (!session_wants_input(t->s)) {
        turn(t, w, out, true);
        take_output(t, SIZE_MAX);
    }
}

static void say_when(struct talk *t, struct worker *w, bool *out, const char *notation) {
    make_room(t, w, out);
    say(t, notation);
}

/* Four streams at once, one of them cancelled and one stopped on the way, a PING after each piece.
 */
static void converse(struct talk *t, struct worker *w) {
    bool out = false;
    uint64_t opened;
    for (unsigned id = 0; id < STREAMS; id++) {
        char text[80];
        snprintf(text, sizeof text, "[2, %u, 'a >= 100 and a < 200', {'result': '%s'}, nil]",
                 id + 5, id % 2 ? "count" : "rows");
        say(t, text);
    }
    for (unsigned piece = 0; piece < PIECES; piece++) {
        for (unsigned id = 0; id < STREAMS; id++) {
            char head[20];
            make_room(t, w, &out);
            snprintf(head, sizeof head, "5 %u", id + 5);
            if (id != 2 || piece < PIECES / 2)
                say_rows(t, head, 3, 0, PIECE_ROWS);
            turn(t, w, &out, false);
        }
        if (piece == PIECES / 2 - 1)
            say_when(t, w, &out, "[7, 7]");
        if (piece == PIECES / 3) {
            struct request *r = session_oldest(t->s, &opened);
            assert_non_null(r);
            session_stop_request(r, E_DEADLINE);
        }
        say_when(t, w, &out, "[8, 77]");
        take_output(t, 1000);
    }
    say_when(t, w, &out, "[6, 5]");
    say_when(t, w, &out, "[6, 6]");
    say_when(t, w, &out, "[6, 8]");
    do
        while (turn(t, w, &out, true))
            take_output(t, SIZE_MAX);
    while (take_output(t, SIZE_MAX) > 0);
}

static void test_owner_and_worker(void **state) {
    (void)state;
    struct worker w;
    worker_start(&w);
    for (int round = 0; round < 5; round++) {
        struct talk t;
        struct limits limits;
        limits_default(&limits);
        limits.output_bytes = 20000;
        limits.queue_bytes = 100000;
        talk_begin(&t, &limits);
        converse(&t, &w);
        unsigned pongs = 0, cancelled = 0, stopped = 0, done = 0;
        for (const char *line; *(line = hear(&t));) {
            pongs += strncmp(line, "[70, 77, ", 9) == 0;
            cancelled += strncmp(line, "[68, 7, {'code': 21,", 20) == 0;
            stopped += strncmp(line, "[68, 5, {'code': 45,", 20) == 0;
            if (strncmp(line, "[67, ", 5) != 0)
                continue;
            done++;
            assert_non_null(strstr(line, "{'matched': 6000, 'rows': 18000, "));
        }
        assert_int_equal(pongs, PIECES);
        assert_int_equal(cancelled, 1);
        assert_int_equal(stopped, 1);
        assert_int_equal(done, 2);
        assert_true(session_is_idle(t.s));
        talk_stop(&t);
    }
    worker_stop(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_owner_and_worker),
    };
    return cmocka_run_group_tests_name("session_thread", tests, NULL, NULL);
}

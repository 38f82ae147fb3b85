/* Frames: any cut of a byte stream gives the same messages, and memory follows what came, not what
 * is claimed. Messages: test_message.c; replies: test_reply.c. */
#include "base/build.h"
#include "wire/frame.h"

#include "unit.h"

#include <stdlib.h>

enum { LIMIT = 4 * READ_BYTES };

static void put_length(struct buf *b, uint32_t n) {
    buf_byte(b, (uint8_t)(n >> 24));
    buf_byte(b, (uint8_t)(n >> 16));
    buf_byte(b, (uint8_t)(n >> 8));
    buf_byte(b, (uint8_t)n);
}

static void put_frame(struct buf *b, uint32_t n) {
    put_length(b, n);
    for (uint32_t i = 0; i < n; i++)
        buf_byte(b, (uint8_t)(i * 31 + n));
}

/* A reader with what must still come out of it: the frames of `want` from byte `at` on. */
struct reading {
    struct frames f;
    struct budget budget;
    const struct buf *want;
    size_t at;
    uint32_t limit;
    unsigned ready, too_large;
    bool take; /* every message is taken, and given back */
};

static void begin(struct reading *t, const struct buf *want, uint32_t limit, bool take) {
    *t = (struct reading){.want = want, .limit = limit, .take = take};
    budget_init(&t->budget, 0);
    frames_init(&t->f, &t->budget, NULL);
}

static void check_ready(struct reading *t, const uint8_t *p, size_t n) {
    const uint8_t *want = t->want->data + t->at + 4;
    if (n)
        assert_memory_equal(p, want, n);
    t->ready++;
    if (!t->take)
        return;
    struct buf message;
    buf_init(&message, &t->budget);
    bool large = n > 0 && p == t->f.body.data;
    assert_true(frames_take(&t->f, p, n, &message));
    assert_int_equal(message.len, n);
    if (large)
        assert_ptr_equal(message.data, p); /* without a copy */
    if (n)
        assert_memory_equal(message.data, want, n);
    frames_give_back(&t->f, &message);
}

static void take_events(struct reading *t) {
    const uint8_t *p;
    size_t n;
    for (enum frame_event e; (e = frames_next(&t->f, t->limit, &p, &n)) != FRAME_NONE;) {
        assert_true(t->at + 4 <= t->want->len);
        const uint8_t *w = t->want->data + t->at;
        size_t length = (size_t)w[0] << 24 | (size_t)w[1] << 16 | (size_t)w[2] << 8 | w[3];
        assert_int_equal(n, length);
        if (length > t->limit) {
            assert_int_equal(e, FRAME_TOO_LARGE);
            t->too_large++;
        } else {
            assert_int_equal(e, FRAME_READY);
            check_ready(t, p, n);
        }
        t->at += 4 + length;
    }
}

static void feed(struct reading *t, const uint8_t *p, size_t n) {
    while (n > 0) {
        size_t room;
        uint8_t *space = frames_space(&t->f, &room);
        assert_non_null(space);
        assert_true(room > 0);
        size_t k = n < room ? n : room;
        memcpy(space, p, k);
        frames_fed(&t->f, k);
        take_events(t);
        p += k;
        n -= k;
    }
}

static void end(struct reading *t) {
    assert_int_equal(t->at, t->want->len);
    assert_true(frames_at_boundary(&t->f));
    assert_true(t->f.received == t->want->len);
    frames_done(&t->f);
    assert_int_equal(t->budget.used_bytes, 0);
}

/* --- cuts --- */

static void test_every_cut_of_small_frames(void **state) {
    (void)state;
    static const uint32_t LENGTHS[] = {0, 1, 0, 0, 5, 2, 40, 3, 0, 17};
    struct buf b = {0};
    for (size_t i = 0; i < COUNT_OF(LENGTHS); i++)
        put_frame(&b, LENGTHS[i]);
    for (int take = 0; take < 2; take++)
        for (size_t i = 0; i <= b.len; i++)
            for (size_t k = i; k <= b.len; k++) {
                struct reading t;
                begin(&t, &b, take ? 30 : 1000, take); /* with 30, one of them is too large */
                feed(&t, b.data, i);
                feed(&t, b.data + i, k - i);
                feed(&t, b.data + k, b.len - k);
                assert_int_equal(t.ready, COUNT_OF(LENGTHS) - (take ? 1 : 0));
                end(&t);
            }
    buf_done(&b);
}

/* Lengths around the size of a read: what lies in `in`, what gets a body of its own. */
static void test_cuts_of_large_frames(void **state) {
    (void)state;
    static const uint32_t LENGTHS[] = {
        READ_BYTES - 5,
        READ_BYTES - 4,
        READ_BYTES - 1,
        READ_BYTES,
        READ_BYTES + 1,
        0,
        LIMIT,
        3,
        2 * READ_BYTES + 7,
        LIMIT + 1,
        1,
        LIMIT - 1,
        LIMIT,
        3 * READ_BYTES,
        5 * LIMIT,
        READ_BYTES + 3,
    };
    struct buf b = {0};
    for (size_t i = 0; i < COUNT_OF(LENGTHS); i++)
        put_frame(&b, LENGTHS[i]);
    assert_false(buf_failed(&b));
    static const size_t PIECES[] = {
        1, 3, 4, 5, 1000, READ_BYTES, READ_BYTES - 1, READ_BYTES + 1, 3 * READ_BYTES + 1, SIZE_MAX};
    for (int take = 0; take < 2; take++)
        for (size_t i = 0; i < COUNT_OF(PIECES); i++) {
            struct reading t;
            begin(&t, &b, LIMIT, take);
            for (size_t at = 0; at < b.len;) {
                size_t n = b.len - at < PIECES[i] ? b.len - at : PIECES[i];
                feed(&t, b.data + at, n);
                at += n;
            }
            assert_int_equal(t.ready, COUNT_OF(LENGTHS) - 2);
            assert_int_equal(t.too_large, 2);
            end(&t);
        }
    buf_done(&b);
}

static void test_random_cuts(void **state) {
    (void)state;
    uint32_t seed = 12345;
    struct buf b = {0};
    for (int i = 0; i < 300; i++) {
        seed = seed * 1664525u + 1013904223u;
        put_frame(&b, (seed >> 8) % (i % 10 ? 60 : 3 * READ_BYTES));
    }
    for (int round = 0; round < 20; round++) {
        struct reading t;
        begin(&t, &b, 2 * READ_BYTES, round % 2);
        for (size_t at = 0; at < b.len;) {
            seed = seed * 1664525u + 1013904223u;
            size_t n = (seed >> 8) % (seed >> 31 ? 20 : READ_BYTES) + 1;
            n = n < b.len - at ? n : b.len - at;
            feed(&t, b.data + at, n);
            at += n;
        }
        assert_int_equal(t.ready + t.too_large, 300);
        end(&t);
    }
    buf_done(&b);
}

/* --- the end of the stream --- */

static void test_boundary(void **state) {
    (void)state;
    static const uint32_t LENGTHS[] = {0, 7, 2 * READ_BYTES, LIMIT + 50};
    for (size_t i = 0; i < COUNT_OF(LENGTHS); i++) {
        struct buf b = {0};
        struct reading t;
        put_frame(&b, LENGTHS[i]);
        begin(&t, &b, LIMIT, false);
        assert_true(frames_at_boundary(&t.f));
        size_t step = LENGTHS[i] > 100 ? 97 : 1;
        for (size_t at = 0; at < b.len; at += step) {
            size_t n = at + step < b.len ? step : b.len - at;
            assert_int_equal(frames_at_boundary(&t.f), at == 0);
            feed(&t, b.data + at, n);
        }
        end(&t);
        buf_done(&b);
    }
}

/* --- memory --- */

/* A length of 2 GiB and then a trickle: memory is about what came. */
static void test_claim_takes_no_memory(void **state) {
    (void)state;
    struct budget budget;
    struct frames f;
    const uint8_t *p;
    size_t n, came = 0;
    budget_init(&budget, 0);
    frames_init(&f, &budget, NULL);
    uint8_t *space = frames_space(&f, &n);
    assert_true(space && n >= 4);
    memcpy(space, "\x7F\xFF\xFF\xFF", 4);
    frames_fed(&f, 4);
    while (came < 40 * (size_t)READ_BYTES) {
        assert_int_equal(frames_next(&f, INT32_MAX, &p, &n), FRAME_NONE);
        assert_true(budget.used_bytes <= 2 * came + 6 * (size_t)READ_BYTES + 512);
        space = frames_space(&f, &n);
        assert_non_null(space);
        size_t k = n < READ_BYTES / 3 ? n : READ_BYTES / 3;
        memset(space, 7, k);
        frames_fed(&f, k);
        came += k;
    }
    assert_false(frames_at_boundary(&f));
    frames_done(&f);
    assert_int_equal(budget.used_bytes, 0);
}

/* A frame over the limit is dropped as it arrives. */
static void test_oversize_takes_no_memory(void **state) {
    (void)state;
    struct budget budget;
    struct frames f;
    const uint8_t *p;
    size_t n, left = 0xFFFFFFFF;
    budget_init(&budget, 0);
    frames_init(&f, &budget, NULL);
    uint8_t *space = frames_space(&f, &n);
    memcpy(space, "\xFF\xFF\xFF\xFF", 4);
    frames_fed(&f, 4);
    assert_int_equal(frames_next(&f, INT32_MAX, &p, &n), FRAME_TOO_LARGE);
    assert_true(n == 0xFFFFFFFF);
    size_t step = 0;
    for (unsigned i = 0; i < 2000 && left > 0; i++) { /* reported once */
        assert_int_equal(frames_next(&f, INT32_MAX, &p, &n), FRAME_NONE);
        space = frames_space(&f, &n);
        assert_non_null(space);
        step = n < left ? n : left;
        frames_fed(&f, step);
        left -= step;
    }
    assert_false(frames_at_boundary(&f));
    assert_true(budget.peak_bytes <= 4 * (size_t)READ_BYTES + 512);
    frames_done(&f);
    assert_int_equal(budget.used_bytes, 0);
}

static uint8_t *one_large(struct frames *f, uint32_t n, struct buf *ret) {
    struct buf b = {0};
    const uint8_t *p = NULL;
    size_t got, room;
    put_frame(&b, n);
    for (size_t at = 0; at < b.len;) {
        uint8_t *space = frames_space(f, &room);
        assert_non_null(space);
        size_t k = room < b.len - at ? room : b.len - at;
        k = k < READ_BYTES ? k : READ_BYTES;
        memcpy(space, b.data + at, k);
        frames_fed(f, k);
        at += k;
        enum frame_event e = frames_next(f, UINT32_MAX, &p, &got);
        assert_int_equal(e, at < b.len ? FRAME_NONE : FRAME_READY);
    }
    assert_true(frames_take(f, p, got, ret));
    assert_int_equal(ret->len, n);
    assert_memory_equal(ret->data, b.data + 4, n);
    buf_done(&b);
    return ret->data;
}

/* Memory goes round: a message given back is where the next large one is gathered. */
static void test_give_back(void **state) {
    (void)state;
    struct budget budget;
    struct frames f;
    struct buf message = {0}, other = {0};
    budget_init(&budget, 0);
    frames_init(&f, &budget, NULL);
    uint8_t *first = one_large(&f, 3 * READ_BYTES, &message);
    frames_give_back(&f, &message);
    assert_int_equal(message.len + message.cap, 0);
    size_t used = budget.used_bytes;
    assert_ptr_equal(one_large(&f, 3 * READ_BYTES, &message), first);
    assert_int_equal(budget.used_bytes, used);
    assert_ptr_not_equal(one_large(&f, 2 * READ_BYTES, &other), first); /* that is still out */
    frames_give_back(&f, &message);
    frames_give_back(&f, &other);
    frames_shrink(&f);
    assert_true(budget.used_bytes < used);
    frames_give_back(&f, &(struct buf){0});
    frames_done(&f);
    assert_int_equal(budget.used_bytes, 0);
}

/* A few blocks are kept, and no large ones; the rest goes back at once. */
static void test_give_back_is_bounded(void **state) {
    (void)state;
    struct budget budget;
    struct frames f;
    struct buf messages[FRAMES_SPARE + 3] = {0};
    budget_init(&budget, 0);
    frames_init(&f, &budget, NULL);
    for (size_t i = 0; i < COUNT_OF(messages); i++)
        one_large(&f, 2 * READ_BYTES, &messages[i]);
    size_t all = budget.used_bytes;
    for (size_t i = 0; i < COUNT_OF(messages); i++)
        frames_give_back(&f, &messages[i]);
    assert_int_equal(budget.used_bytes, all - 3 * (2 * READ_BYTES));
    frames_shrink(&f);
    size_t least = budget.used_bytes;
    assert_true(least <= all - COUNT_OF(messages) * (2 * (size_t)READ_BYTES));
    one_large(&f, 7 << 20, &messages[0]); /* too much to keep */
    frames_give_back(&f, &messages[0]);
    assert_int_equal(budget.used_bytes, least);
    for (size_t i = 0; i < 4; i++) /* and so is the fourth of these, beside the others */
        one_large(&f, 5 << 20, &messages[i]);
    for (size_t i = 0; i < 4; i++)
        frames_give_back(&f, &messages[i]);
    assert_int_equal(budget.used_bytes, least + 3 * (size_t)(5 << 20));
    frames_shrink(&f);
    assert_int_equal(budget.used_bytes, least);
    frames_done(&f);
    assert_int_equal(budget.used_bytes, 0);
}

/* A message that is not taken is gone with the next call, and nothing is left of it. */
static void test_not_taken(void **state) {
    (void)state;
    struct buf b = {0};
    struct reading t;
    for (int i = 0; i < 20; i++)
        put_frame(&b, 3 * READ_BYTES);
    begin(&t, &b, LIMIT, false);
    feed(&t, b.data, b.len);
    assert_true(t.budget.peak_bytes <= 12 * (size_t)READ_BYTES + 512);
    end(&t);
    buf_done(&b);
}

/* Whatever the budget, it is kept, and running out is said by a NULL, a false or an event. */
static void test_no_memory(void **state) {
    (void)state;
    struct buf b = {0};
    unsigned refused = 0, whole = 0;
    put_frame(&b, 10);
    put_frame(&b, 3 * READ_BYTES);
    for (size_t limit = 1; limit < 16 * (size_t)READ_BYTES; limit += READ_BYTES / 13) {
        struct budget budget;
        struct frames f;
        const uint8_t *p;
        size_t n, room, at = 0;
        bool ok = true;
        budget_init(&budget, limit);
        frames_init(&f, &budget, NULL);
        while (ok && at < b.len) {
            uint8_t *space = frames_space(&f, &room);
            if (!space) {
                ok = false;
                break;
            }
            size_t k = room < b.len - at ? room : b.len - at;
            memcpy(space, b.data + at, k);
            frames_fed(&f, k);
            at += k;
            for (enum frame_event e; ok && (e = frames_next(&f, LIMIT, &p, &n)) != FRAME_NONE;) {
                struct buf message = {0};
                ok = e == FRAME_READY && frames_take(&f, p, n, &message);
                whole += ok && n > 10;
                buf_done(&message);
            }
        }
        refused += !ok;
        frames_done(&f);
        assert_int_equal(budget.used_bytes, 0);
        assert_true(budget.peak_bytes <= limit);
    }
    assert_true(refused > 0 && whole > 0);
    buf_done(&b);
}

/* The limit may change from frame to frame: hello_bytes first, frame_bytes then. */
static void test_limit_of_each_frame(void **state) {
    (void)state;
    struct buf b = {0};
    struct frames f;
    const uint8_t *p;
    size_t n, room;
    put_frame(&b, 8);
    put_frame(&b, 9);
    put_frame(&b, 9);
    frames_init(&f, NULL, NULL);
    for (size_t i = 0; i < b.len; i++) {
        uint8_t *space = frames_space(&f, &room);
        *space = b.data[i];
        frames_fed(&f, 1);
    }
    assert_int_equal(frames_next(&f, 8, &p, &n), FRAME_READY); /* of exactly the limit */
    assert_int_equal(frames_next(&f, 8, &p, &n), FRAME_TOO_LARGE);
    assert_int_equal(n, 9);
    assert_int_equal(frames_next(&f, 9, &p, &n), FRAME_READY);
    assert_int_equal(frames_next(&f, 9, &p, &n), FRAME_NONE);
    frames_done(&f);
    frames_done(&(struct frames){0});
    buf_done(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_cut_of_small_frames),
        cmocka_unit_test(test_cuts_of_large_frames),
        cmocka_unit_test(test_random_cuts),
        cmocka_unit_test(test_boundary),
        cmocka_unit_test(test_claim_takes_no_memory),
        cmocka_unit_test(test_oversize_takes_no_memory),
        cmocka_unit_test(test_give_back),
        cmocka_unit_test(test_give_back_is_bounded),
        cmocka_unit_test(test_not_taken),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_limit_of_each_frame),
    };
    return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}

/* What the fault tests of sessions share: a driver that allocates nothing itself, so that all
 * allocations that fail are the session's. The output is kept in static memory. */
#ifndef TAMIS_TESTS_SESSION_DRIVE_H
#define TAMIS_TESTS_SESSION_DRIVE_H

#include "session_unit.h"

enum { MOST_OUT = 1 << 20 };

static uint8_t out[MOST_OUT];
static size_t out_len;

/* False: the session takes no more. */
static inline bool give(struct session *s, const uint8_t *p, size_t n) {
    while (n > 0 && session_wants_input(s)) {
        size_t room = 0;
        uint8_t *space = session_space(s, &room);
        if (!space)
            return false;
        size_t got = n < room ? n : room;
        memcpy(space, p, got);
        session_fed(s, got);
        p += got;
        n -= got;
    }
    return n == 0;
}

static inline void settle_session(struct session *s) {
    size_t n;
    bool small;
    const uint8_t *p;
    do {
        for (struct request *r; (r = session_next(s, &small));) {
            session_run(r);
            session_ran(s, r);
        }
        p = session_output(s, &n);
        assert_true(out_len + n <= MOST_OUT);
        if (n > 0)
            memcpy(out + out_len, p, n);
        out_len += n;
        session_sent(s, n);
    } while (n > 0);
}

/* The frame of the output that begins at `at`: its length with the head, and kind and id. */
static inline size_t frame_at(size_t at, uint64_t *ret_kind, uint64_t *ret_id,
                              struct mp_reader *ret) {
    const uint8_t *p = out + at;
    assert_true(out_len - at >= 4);
    size_t n = 4 + ((size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3]);
    assert_true(n <= out_len - at);
    mp_reader_init(ret, p + 4, n - 4, 64);
    struct mp_reader whole = *ret;
    mp_skip(&whole);
    assert_true(whole.status == E_OK && mp_at_end(&whole));
    mp_read_array(ret);
    *ret_kind = mp_read_value(ret).w.u;
    *ret_id = mp_read_value(ret).w.u;
    return n;
}

static inline bool says_memory(void) { return memmem(out, out_len, "\xA6MEMORY", 7) != NULL; }

#endif

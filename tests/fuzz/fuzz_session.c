/* A whole session as a function: bytes in, in pieces whose sizes the input chooses, requests run as
 * soon as they can, output taken in pieces; then the end of the input. Whatever comes in, what goes
 * out is well-formed frames of reply messages, the session comes to its end, and all memory is
 * given back.
 *
 * Input: byte 0 chooses the sizes of the pieces; byte 1 bit 0 says whether a HELLO goes ahead of
 * the rest, bit 1 that the session is freed where it stands; the rest is the stream. */
#include "session/session.h"

#include "base/buf.h"
#include "value/mp.h"

#include "fuzz.h"

#include <string.h>

static const uint8_t HELLO[] = {0,   0,   0,   13,  0x93, 0x01, 0x00, 0x81, 0xA7,
                                'v', 'e', 'r', 's', 'i',  'o',  'n',  0x01};

static struct service *new_service(void) {
    struct service *service = calloc(1, sizeof *service);
    FUZZ_CHECK(service);
    struct limits limits;
    limits_default(&limits);
    limits.frame_bytes = 1 << 16; /* small, so that short inputs reach the limits */
    limits.query_bytes = 1 << 12;
    limits.batch_rows = 4096;
    limits.output_bytes = 1 << 14;
    limits.queue_bytes = 1 << 14;
    limits.plans = 4;
    limits.requests = 4;
    limits.memory_bytes = 64 << 20;
    service_init(service, &limits);
    return service;
}

static void run_requests(struct session *s) {
    struct request *r;
    bool small;
    while ((r = session_next(s, &small)) != NULL) {
        session_run(r);
        session_ran(s, r);
    }
}

/* Takes at most `most` bytes of output. */
static size_t take_output(struct session *s, struct buf *out, size_t most) {
    size_t n;
    const uint8_t *p = session_output(s, &n);
    if (n > most)
        n = most;
    buf_add(out, p, n);
    session_sent(s, n);
    return n;
}

/* Until nothing more comes: every request has run as far as it can and everything is out. */
static void settle(struct session *s, struct buf *out) {
    do
        run_requests(s);
    while (take_output(s, out, SIZE_MAX) > 0);
}

static void feed(struct session *s, const uint8_t *p, size_t n, unsigned piece, struct buf *out) {
    while (n > 0 && !session_is_over(s)) {
        if (!session_wants_input(s)) {
            settle(s, out);
            if (!session_wants_input(s))
                break; /* over, or it would never go on: FUZZ_CHECK below tells */
        }
        size_t room;
        uint8_t *space = session_space(s, &room);
        if (!space)
            break;
        FUZZ_CHECK(room > 0);
        size_t got = n < room ? n : room;
        if (got > piece)
            got = piece;
        memcpy(space, p, got);
        session_fed(s, got);
        p += got;
        n -= got;
        run_requests(s);
        take_output(s, out, piece);
    }
    FUZZ_CHECK(n == 0 || session_is_over(s));
}

static void check_frames(const struct buf *out) {
    size_t at = 0;
    while (at < out->len) {
        FUZZ_CHECK(out->len - at >= 4);
        const uint8_t *p = out->data + at;
        size_t n = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
        FUZZ_CHECK(n <= out->len - at - 4);
        struct mp_reader r;
        mp_reader_init(&r, p + 4, n, MP_DEPTH_MOST); /* a PONG is as deep as its PING */
        uint32_t elements = mp_read_array(&r);
        struct value kind = mp_read_value(&r), id = mp_read_value(&r);
        FUZZ_CHECK(elements >= 3 && kind.type == T_INT && kind.w.i >= 65 && kind.w.i <= 127);
        FUZZ_CHECK(id.type == T_INT && id.w.i >= 0 && id.w.i <= UINT32_MAX);
        for (uint32_t i = 2; i < elements; i++)
            mp_skip(&r);
        FUZZ_CHECK(r.status == E_OK && mp_at_end(&r));
        at += 4 + n;
    }
}

/* The end of the input, and of the session. */
static void finish(struct session *s, struct buf *out) {
    if (!session_is_over(s))
        session_end(s);
    settle(s, out);
    FUZZ_CHECK(session_is_over(s));
    size_t unsent;
    session_output(s, &unsent);
    FUZZ_CHECK(unsent == 0);
    check_frames(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2)
        return 0;
    struct service *service = new_service();
    struct session *s = session_new(service);
    struct buf out = {0};
    FUZZ_CHECK(s);
    static _Alignas(4096) uint8_t shared[4096];
    session_share(s, shared, sizeof shared);
    unsigned piece = data[0] ? data[0] * (unsigned)data[0] : 1;
    if (data[1] & 1)
        feed(s, HELLO, sizeof HELLO, piece, &out);
    feed(s, data + 2, size - 2, piece, &out);
    if (!(data[1] & 2))
        finish(s, &out);
    buf_done(&out);
    session_free(s);
    service_done(service);
    FUZZ_CHECK(service->budget.used_bytes == 0);
    free(service);
    return 0;
}

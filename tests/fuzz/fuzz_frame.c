/* A byte stream cut into frames, fed in pieces of a size that the input chooses: the same frames
 * come out as by the plainest cutting of the whole, and an envelope that is accepted is within what
 * messages.def allows.
 *
 * Input: byte 0 chooses the size of the pieces; the rest is the stream. */
#include "base/build.h"
#include "wire/frame.h"
#include "wire/message.h"

#include "fuzz.h"

#include <string.h>

enum { LIMIT = 2000 };

/* Where the plain cutting stands. */
struct plain {
    const uint8_t *p, *end;
};

static void check_message(const uint8_t *p, size_t n) {
    struct message m;
    struct error e;
    error_clear(&e);
    enum status status = message_read(&m, p, n, 64, &e);
    FUZZ_CHECK(status == E_OK || status == E_BAD_MESSAGE || status == E_KIND_UNKNOWN);
    if (status != E_OK) {
        FUZZ_CHECK(e.status == status && (e.offset == ERROR_NONE || e.offset <= n));
        return;
    }
    FUZZ_CHECK(message_name(m.kind)[0] != '?');
    FUZZ_CHECK(m.n >= 2);
    for (uint32_t i = 2; i < m.n; i++)
        mp_skip(&m.r);
    status = message_end(&m, &e);
    FUZZ_CHECK(status == E_OK || status == E_BAD_MESSAGE);
}

/* The next frame must be what stands next in the stream. */
static void check_event(struct plain *plain, enum frame_event event, const uint8_t *p, size_t n) {
    FUZZ_CHECK(plain->end - plain->p >= 4);
    const uint8_t *at = plain->p;
    size_t length = (size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3];
    size_t left = (size_t)(plain->end - at) - 4;
    FUZZ_CHECK(n == length);
    FUZZ_CHECK(event == (length > LIMIT ? FRAME_TOO_LARGE : FRAME_READY));
    if (event == FRAME_READY) {
        FUZZ_CHECK(length <= left);
        FUZZ_CHECK(length == 0 || memcmp(p, at + 4, length) == 0);
    }
    plain->p = length <= left ? at + 4 + length : plain->end;
}

static void take_events(struct frames *f, struct plain *plain, unsigned *count) {
    const uint8_t *p;
    size_t n;
    enum frame_event event;
    while ((event = frames_next(f, LIMIT, &p, &n)) != FRAME_NONE) {
        FUZZ_CHECK(event != FRAME_NO_MEMORY);
        check_event(plain, event, p, n);
        if (event != FRAME_READY)
            continue;
        check_message(p, n);
        if (++*count % 2 == 0) {
            struct buf taken = {0};
            const uint8_t *at = plain->p - n;
            FUZZ_CHECK(frames_take(f, p, n, &taken));
            FUZZ_CHECK(taken.len == n && (n == 0 || memcmp(taken.data, at, n) == 0));
            buf_done(&taken);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1)
        return 0;
    struct budget budget;
    struct frames f;
    budget_init(&budget, 0);
    frames_init(&f, &budget);
    size_t piece = data[0] ? (size_t)data[0] * data[0] : 1;
    struct plain plain = {data + 1, data + size};
    unsigned count = 0;
    for (const uint8_t *p = data + 1, *end = data + size; p < end;) {
        size_t room, n = (size_t)(end - p) < piece ? (size_t)(end - p) : piece;
        uint8_t *space = frames_space(&f, &room);
        FUZZ_CHECK(space && room > 0);
        if (n > room)
            n = room;
        memcpy(space, p, n);
        frames_fed(&f, n);
        p += n;
        take_events(&f, &plain, &count);
    }
    FUZZ_CHECK(f.received == size - 1);
    size_t left = (size_t)(plain.end - plain.p);
    if (left > 0) /* a frame has begun; nothing of it was taken for a frame */
        FUZZ_CHECK(!frames_at_boundary(&f));
    FUZZ_CHECK(budget.peak_bytes <=
               4 * (size + READ_BYTES) + 4096); /* by the bytes that came, not by what they claim */
    frames_done(&f);
    FUZZ_CHECK(budget.used_bytes == 0);
    return 0;
}

/* A byte stream cut into frames, fed in pieces of sizes that the input chooses: the same frames
 * come out as by the plainest cutting of the whole, none is kept back, and memory follows the bytes
 * that came. An envelope that is accepted is within what messages.def allows.
 *
 * Input: byte 0 chooses the sizes of the pieces; the rest is the stream. */
#include "base/build.h"
#include "wire/frame.h"
#include "wire/message.h"

#include "fuzz.h"

#include <string.h>

/* Frames with a body of their own are reached in the hostile build. */
enum { LIMIT = 2000 };

/* Where the plain cutting stands. */
struct plain {
    const uint8_t *p, *end;
    bool cut; /* the stream ended inside a frame that was too large */
};

static size_t plain_length(const struct plain *plain) {
    const uint8_t *p = plain->p;
    return (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
}

static void check_message(const uint8_t *p, size_t n) {
    struct message m;
    struct error e;
    error_clear(&e);
    enum status status = message_read(&m, p, n, 64, &e);
    FUZZ_CHECK(status == E_OK || status == E_BAD_MESSAGE || status == E_KIND_UNKNOWN);
    FUZZ_CHECK(e.status == status);
    FUZZ_CHECK(e.offset == ERROR_NONE || e.offset <= n);
    if (status != E_OK)
        return;
    FUZZ_CHECK(message_name(m.kind)[0] != '?');
    FUZZ_CHECK(m.n >= 2);
    for (uint32_t i = 2; i < m.n; i++)
        mp_skip(&m.r);
    status = message_end(&m, &e);
    FUZZ_CHECK(status == E_OK ? mp_at_end(&m.r) : status == E_BAD_MESSAGE && e.offset <= n);
}

/* The next frame must be what stands next in the stream. */
static void check_event(struct plain *plain, enum frame_event event, const uint8_t *p, size_t n) {
    FUZZ_CHECK(plain->end - plain->p >= 4);
    const uint8_t *at = plain->p;
    size_t length = plain_length(plain), left = (size_t)(plain->end - at) - 4;
    FUZZ_CHECK(n == length);
    FUZZ_CHECK(event == (length > LIMIT ? FRAME_TOO_LARGE : FRAME_READY));
    if (event == FRAME_READY) {
        FUZZ_CHECK(length <= left);
        FUZZ_CHECK(length == 0 || memcmp(p, at + 4, length) == 0);
    }
    plain->cut = length > left;
    plain->p = length <= left ? at + 4 + length : plain->end;
}

/* Takes a message over, without a copy if it has memory of its own; every other goes back. */
static void take(struct frames *f, const uint8_t *p, size_t n, const uint8_t *want, bool back) {
    struct buf taken = {0};
    bool own = n > 0 && p == f->body.data;
    FUZZ_CHECK(frames_take(f, p, n, &taken));
    FUZZ_CHECK(taken.len == n && (n == 0 || memcmp(taken.data, want, n) == 0));
    FUZZ_CHECK(!own || taken.data == p);
    if (back)
        frames_give_back(f, &taken);
    else
        buf_done(&taken);
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
        if (++*count % 2 == 0)
            take(f, p, n, plain->p - n, *count % 4 == 0);
        if (*count % 16 == 0)
            frames_shrink(f);
    }
}

/* Nothing that was whole may be kept back, and an end inside a frame is known for one. */
static void check_end(const struct frames *f, const struct plain *plain) {
    size_t left = (size_t)(plain->end - plain->p);
    if (left >= 4) {
        size_t length = plain_length(plain);
        FUZZ_CHECK(length <= LIMIT && length > left - 4);
    }
    FUZZ_CHECK(frames_at_boundary(f) == (left == 0 && !plain->cut));
}

/* Even choices: pieces of one size, from one byte to all at once; odd: of many sizes. */
static size_t piece_bytes(uint8_t choice, size_t fed) {
    if (choice == 0)
        return 1;
    return choice == 255 || choice % 2 == 0 ? (size_t)choice * choice : 1 + fed * choice % 4093;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1)
        return 0;
    struct budget budget;
    struct frames f;
    budget_init(&budget, 0);
    frames_init(&f, &budget, NULL);
    struct plain plain = {data + 1, data + size, false};
    unsigned count = 0;
    for (const uint8_t *p = data + 1, *end = data + size; p < end;) {
        size_t room, n = piece_bytes(data[0], (size_t)(p - data));
        if (n > (size_t)(end - p))
            n = (size_t)(end - p);
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
    check_end(&f, &plain);
    /* by the bytes that came, not by what they claim */
    FUZZ_CHECK(budget.peak_bytes <= 4 * (size + READ_BYTES) + 4096);
    frames_done(&f);
    FUZZ_CHECK(budget.used_bytes == 0);
    return 0;
}

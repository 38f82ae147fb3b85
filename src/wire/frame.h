/* Frames: cutting a byte stream into messages. See proto/PROTOCOL.md, "Frames".
 *
 * Bytes are read straight into the reader's memory (frames_space, frames_fed). Small frames are
 * looked at where they lie; a large one is gathered in a buffer of its own, which grows as its
 * bytes arrive, and which the receiver may take over without a copy. A frame over the limit is
 * reported once and its bytes are dropped as they arrive. No sockets, no protocol state. One
 * thread for all readers of a store.
 */
#ifndef TAMIS_WIRE_FRAME_H
#define TAMIS_WIRE_FRAME_H

#include "base/buf.h"

#define FRAMES_SPARE       8u
#define FRAME_LENGTH_BYTES 4u

/* Memory that readers without work do not need, for the next one that has some: at most
 * FRAMES_SPARE blocks that were read into, and as many of large frames, of 16 MiB together; while
 * memory is scarce, one and none. */
struct frame_store {
    struct buf reads[FRAMES_SPARE], spare[FRAMES_SPARE];
    uint32_t n_reads, n_spare;
    struct budget *budget; /* of all readers that use it */
};

void frame_store_init(struct frame_store *s, struct budget *budget);
void frame_store_done(struct frame_store *s); /* after the last reader */

struct frames {
    struct buf in; /* bytes read, from `pos` on not yet used */
    size_t pos;
    struct buf body;                /* a large frame, being gathered or just given */
    struct buf spare[FRAMES_SPARE]; /* memory for the next large frames */
    uint32_t n_spare;
    struct frame_store *store; /* or NULL */
    uint32_t body_need;        /* its length; 0: none */
    uint64_t skip;             /* bytes of a too large frame still to be dropped */
    uint64_t received;         /* in all */
};

enum frame_event { FRAME_NONE, FRAME_READY, FRAME_TOO_LARGE, FRAME_NO_MEMORY };

/* store: for what it keeps; NULL: none. */
void frames_init(struct frames *f, struct budget *budget, struct frame_store *store);
void frames_done(struct frames *f);

/* Where to read to, and how much at most; NULL: no memory. */
uint8_t *frames_space(struct frames *f, size_t *ret_n);
void frames_fed(struct frames *f, size_t n);

/* The next event. READY: *ret_p and *ret_n are the message, valid until the next call of any
 * function here. TOO_LARGE: *ret_n is the length. */
enum frame_event frames_next(struct frames *f, uint32_t limit, const uint8_t **ret_p,
                             size_t *ret_n);

/* Where in the stream the message just given ended, and the next frame begins: bytes before it. */
uint64_t frames_position(const struct frames *f);

/* Moves the message just given to ret (without a copy if it is large). ret is a buffer without
 * contents, whose memory is used if there is any and a copy is made. False: no memory. */
bool frames_take(struct frames *f, const uint8_t *p, size_t n, struct buf *ret);

/* Takes back the memory of a message that was taken: the next large frame may use it, so that a
 * long stream goes on without allocation and without the page faults that come with it. */
void frames_give_back(struct frames *f, struct buf *message);

/* Parts with memory that is only kept for the next frames. */
void frames_shrink(struct frames *f);
/* Parts with the memory that is read into, if nothing is in it: once all that was read has been
 * looked at, each time. Without a store it stays. */
void frames_rest(struct frames *f);

/* Nothing has been read that was not looked at: frames_next has nothing to say. */
static inline bool frames_are_empty(const struct frames *f) {
    return f->pos == f->in.len && f->body_need == 0 && f->body.cap == 0;
}

/* True if the stream may end here: no frame has begun. */
bool frames_at_boundary(const struct frames *f);

#endif

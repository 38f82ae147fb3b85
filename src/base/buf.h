/* A growing byte buffer with a sticky failure.
 *
 * Writers append without checking and look at buf_failed once at the end: after a failed growth
 * every append is dropped, and what was there before stays. The buffer owns its memory, but for a
 * fixed one, which is as large as it is: what does not fit fails as if there were no memory. A
 * zeroed struct buf is an empty buffer without a budget. */
#ifndef TAMIS_BASE_BUF_H
#define TAMIS_BASE_BUF_H

#include "base/alloc.h"

#include <stdint.h>
#include <string.h>

struct buf {
    uint8_t *data;
    size_t len, cap;
    bool failed;
    bool is_fixed; /* the memory is somebody else's */
    struct budget *budget;
};

void buf_init(struct buf *b, struct budget *budget);
/* An empty buffer over n bytes at p, which outlive it; it never moves or frees them. */
void buf_init_fixed(struct buf *b, void *p, size_t n);
void buf_done(struct buf *b); /* frees; the buffer is then empty and usable */

/* Behind buf_reserve: there is not enough room, or it has failed. */
bool buf_grow(struct buf *b, size_t n);
/* Makes room for n more bytes; false (and failed set) if there is no memory. */
static inline bool buf_reserve(struct buf *b, size_t n) {
    return (!b->failed && b->cap - b->len >= n) || buf_grow(b, n);
}
/* The same, without the growth by doubling: for buffers whose final size is known. */
bool buf_reserve_exact(struct buf *b, size_t n);
/* Gives back memory beyond what is used, when that is more than half. */
void buf_trim(struct buf *b);
/* Empties it, for the next use; its memory stays if it is not more than `most` bytes. */
void buf_reuse(struct buf *b, size_t most);

static inline void buf_add(struct buf *b, const void *p, size_t n) {
    if (n == 0 || !buf_reserve(b, n))
        return;
    memcpy(b->data + b->len, p, n);
    b->len += n;
}
void buf_add_text(struct buf *b, const char *text);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Drops the first n bytes (n <= len), moving the rest down. */
void buf_drop(struct buf *b, size_t n);

static inline void buf_byte(struct buf *b, uint8_t byte) {
    if (b->len < b->cap || buf_reserve(b, 1))
        if (!b->failed)
            b->data[b->len++] = byte;
}
static inline bool buf_failed(const struct buf *b) { return b->failed; }

/* Moves the contents of b to *ret; b becomes empty, with the same budget. */
static inline void buf_take(struct buf *b, struct buf *ret) {
    *ret = *b;
    *b = (struct buf){.budget = ret->budget};
}

#endif

/* See buf.h. */
#include "base/buf.h"

#include "base/build.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void buf_init(struct buf *b, struct budget *budget) { *b = (struct buf){.budget = budget}; }

void buf_init_fixed(struct buf *b, void *p, size_t n) {
    *b = (struct buf){.data = p, .cap = n, .is_fixed = true};
}

void buf_done(struct buf *b) {
    if (!b->is_fixed)
        budget_free(b->budget, b->data, b->cap);
    buf_init(b, b->budget);
}

static bool grow_to(struct buf *b, size_t cap) {
    if (b->is_fixed)
        return false;
    uint8_t *p = budget_realloc(b->budget, b->data, b->cap, cap);
    if (!p)
        return false;
    b->data = p;
    b->cap = cap;
    return true;
}

bool buf_reserve_exact(struct buf *b, size_t n) {
    size_t need;
    if (b->failed)
        return false;
    if (b->cap - b->len >= n)
        return true;
    if (!size_add(b->len, n, &need) || !grow_to(b, need)) {
        b->failed = true;
        return false;
    }
    return true;
}

bool buf_grow(struct buf *b, size_t n) {
    if (b->failed)
        return false;
    size_t need;
    if (!size_add(b->len, n, &need)) {
        b->failed = true;
        return false;
    }
    size_t cap = b->cap ? b->cap : BUF_FIRST_BYTES;
    while (cap < need)
        cap = cap > SIZE_MAX / 2 ? need : cap * 2;
    if (grow_to(b, cap) ||
        (cap > need && grow_to(b, need))) /* if doubling does not fit: just what is needed */
        return true;
    b->failed = true;
    return false;
}

void buf_trim(struct buf *b) {
    if (b->is_fixed || b->cap <= BUF_FIRST_BYTES || b->len > b->cap / 2)
        return;
    if (b->len == 0) {
        bool failed = b->failed;
        buf_done(b);
        b->failed = failed;
        return;
    }
    uint8_t *p = budget_realloc(b->budget, b->data, b->cap, b->len);
    if (p) {
        b->data = p;
        b->cap = b->len;
    }
}

void buf_reuse(struct buf *b, size_t most) {
    if (b->is_fixed || b->cap > most)
        buf_done(b);
    b->len = 0;
    b->failed = false;
}

void buf_add_text(struct buf *b, const char *text) { buf_add(b, text, strlen(text)); }

void buf_printf(struct buf *b, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n > 0 && buf_reserve(b, (size_t)n + 1)) {
        vsnprintf((char *)b->data + b->len, (size_t)n + 1, format, again);
        b->len += (size_t)n;
    }
    va_end(again);
}

void buf_drop(struct buf *b, size_t n) {
    if (n == 0)
        return;
    memmove(b->data, b->data + n, b->len - n);
    b->len -= n;
}

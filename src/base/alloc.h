/* Memory that counts.
 *
 * A struct budget bounds the bytes that peers can make the process hold (--max-memory). Every block
 * whose size depends on a peer comes from buf, arena or budget_alloc and is charged before it is
 * taken; small fixed-size objects use malloc directly. A budget is shared by all threads (atomic
 * counters). NULL in place of a budget means unbounded.
 *
 * Failure is a NULL or false result and leaves everything as it was; nothing here aborts or logs.
 */
#ifndef TAMIS_BASE_ALLOC_H
#define TAMIS_BASE_ALLOC_H

#include "base/pages.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct budget {
    _Atomic size_t used_bytes;
    _Atomic size_t peak_bytes;
    size_t limit_bytes;   /* 0: no limit */
    struct budget *whole; /* of which this is a part, and which is charged, too; or NULL */
    struct pages pages;
};

void budget_init(struct budget *b, size_t limit_bytes);
/* A part of another budget, which has no part itself. */
void budget_init_part(struct budget *b, struct budget *whole, size_t limit_bytes);

/* Takes n bytes of the budget; false, and nothing taken, if that would pass the limit. */
bool budget_charge(struct budget *b, size_t n);
void budget_release(struct budget *b, size_t n);
/* For what may be taken of the whole where the part is used up. */
static inline struct budget *budget_whole(struct budget *b) { return b && b->whole ? b->whole : b; }

/* More than half of it is used: what may be needed elsewhere is not kept for later. */
bool budget_is_scarce(const struct budget *b);

/* realloc that is charged: moves p (old_n bytes, or NULL and 0) to new_n > 0 bytes. NULL on
 * failure, p unchanged. The caller owns the block and gives it back with budget_free and its size.
 */
void *budget_realloc(struct budget *b, void *p, size_t old_n, size_t new_n);
void budget_free(struct budget *b, void *p, size_t n);

/* A block of pages.h that is charged, n > 0 bytes; without a budget it is malloc's. NULL: no
 * memory. It goes back with budget_pages_free, its budget and its size. */
void *budget_pages(struct budget *b, size_t n);
void budget_pages_free(struct budget *b, void *p, size_t n);

/* a * b and a + b; false if the result does not fit. */
static inline bool size_mul(size_t a, size_t b, size_t *ret_product) {
    return !__builtin_mul_overflow(a, b, ret_product);
}
static inline bool size_add(size_t a, size_t b, size_t *ret_sum) {
    return !__builtin_add_overflow(a, b, ret_sum);
}

#endif

/* See arena.h. */
#include "base/arena.h"

#include "base/build.h"

#include <stdint.h>
#include <string.h>

struct arena_chunk {
    struct arena_chunk *next;
    size_t bytes; /* of the whole chunk, this header included */
    _Alignas(16) unsigned char data[];
};

#define ALIGN 16u

void arena_init(struct arena *a, struct budget *budget) {
    *a = (struct arena){.next_bytes = ARENA_FIRST_BYTES, .budget = budget};
}

void arena_init_pages(struct arena *a, struct budget *budget) {
    arena_init(a, budget);
    a->in_pages = true;
}

static void free_chunk(struct arena *a, struct arena_chunk *c) {
    if (a->in_pages)
        budget_pages_free(a->budget, c, c->bytes);
    else
        budget_free(a->budget, c, c->bytes);
}

/* Those of a list before `keep`. */
static void free_chunks(struct arena *a, struct arena_chunk **list, struct arena_chunk *keep) {
    while (*list != keep) {
        struct arena_chunk *next = (*list)->next;
        a->held_bytes -= (*list)->bytes;
        free_chunk(a, *list);
        *list = next;
    }
}

void arena_done(struct arena *a) {
    free_chunks(a, &a->chunk, NULL);
    free_chunks(a, &a->spare, NULL);
    a->left = 0;
    a->next_bytes = ARENA_FIRST_BYTES;
}

void arena_reset(struct arena *a) {
    struct arena_chunk *first = a->chunk;
    while (first && first->next)
        first = first->next;
    free_chunks(a, &a->chunk, first);
    free_chunks(a, &a->spare, NULL);
    a->left = first ? first->bytes - sizeof *first : 0;
    a->next_bytes = ARENA_FIRST_BYTES;
}

void arena_settle(struct arena *a) {
    free_chunks(a, &a->spare, NULL);
    a->spare = a->chunk;
    a->chunk = NULL;
    a->left = 0;
    a->next_bytes = ARENA_FIRST_BYTES;
}

void arena_reuse(struct arena *a) {
    arena_reset(a);
    if (a->chunk && a->chunk->bytes > ARENA_FIRST_BYTES + sizeof *a->chunk)
        arena_done(a);
}

/* The smallest spare chunk with so much room, which is no spare then; or NULL. */
static struct arena_chunk *take_spare(struct arena *a, size_t need) {
    struct arena_chunk **best = NULL;
    for (struct arena_chunk **at = &a->spare; *at; at = &(*at)->next)
        if ((*at)->bytes - sizeof **at >= need && (!best || (*at)->bytes < (*best)->bytes))
            best = at;
    if (!best)
        return NULL;
    struct arena_chunk *c = *best;
    *best = c->next;
    return c;
}

static struct arena_chunk *new_chunk(struct arena *a, size_t need) {
    size_t room = a->next_bytes > need ? a->next_bytes : need;
    size_t bytes;
    if (!size_add(room, sizeof(struct arena_chunk), &bytes))
        return NULL;
    struct arena_chunk *c =
        a->in_pages ? budget_pages(a->budget, bytes) : budget_realloc(a->budget, NULL, 0, bytes);
    if (!c)
        return NULL;
    c->bytes = bytes;
    a->held_bytes += bytes;
    return c;
}

static bool add_chunk(struct arena *a, size_t need) {
    struct arena_chunk *c = take_spare(a, need);
    if (!c && !(c = new_chunk(a, need)))
        return false;
    c->next = a->chunk;
    a->chunk = c;
    a->left = c->bytes - sizeof *c;
    if (a->next_bytes < ARENA_MOST_BYTES)
        a->next_bytes *= 2;
    return true;
}

void *arena_alloc(struct arena *a, size_t n) {
    if (n > SIZE_MAX / 2)
        return NULL;
    size_t need = (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    if (need == 0)
        need = ALIGN;
    if (need > a->left && !add_chunk(a, need))
        return NULL;
    unsigned char *p = (unsigned char *)a->chunk + a->chunk->bytes - a->left;
    a->left -= need;
    return p;
}

void *arena_array(struct arena *a, size_t count, size_t size) {
    size_t n;
    return size_mul(count, size, &n) ? arena_alloc(a, n) : NULL;
}

void *arena_zero(struct arena *a, size_t n) {
    void *p = arena_alloc(a, n);
    if (p)
        memset(p, 0, n);
    return p;
}

void *arena_copy(struct arena *a, const void *p, size_t n) {
    char *q = arena_alloc(a, n + 1);
    if (!q)
        return NULL;
    if (n)
        memcpy(q, p, n);
    q[n] = '\0';
    return q;
}

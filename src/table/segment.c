/* See segment.h. */
#include "table/segment.h"

#include <stdlib.h>

struct catalog *catalog_new(struct budget *budget) {
    struct catalog *c = budget_realloc(budget, NULL, 0, sizeof *c);
    if (!c)
        return NULL;
    *c = (struct catalog){.budget = budget};
    atomic_init(&c->refs, 1);
    pthread_mutex_init(&c->lock, NULL);
    return c;
}

struct catalog *catalog_ref(struct catalog *c) {
    atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    return c;
}

void catalog_unref(struct catalog *c) {
    if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) > 1)
        return;
    for (uint32_t i = 0; i < c->n_columns; i++) {
        shared_dict_done(c->columns[i], c->budget);
        budget_free(c->budget, c->columns[i], sizeof **c->columns);
    }
    budget_free(c->budget, c->columns, c->room * sizeof *c->columns);
    paths_free(c->paths, c->budget);
    pthread_mutex_destroy(&c->lock);
    budget_free(c->budget, c, sizeof *c);
}

static bool grow(struct catalog *c, uint32_t n) {
    uint32_t to = c->room ? c->room : 8;
    while (to < n)
        to *= 2;
    if (to == c->room)
        return true;
    struct shared_dict **columns = budget_realloc(
        c->budget, c->columns, c->room * sizeof *c->columns, to * sizeof *c->columns);
    if (!columns)
        return false;
    c->columns = columns;
    c->room = to;
    return true;
}

bool catalog_room(struct catalog *c, uint32_t n) {
    if (!grow(c, n))
        return false;
    while (c->n_columns < n) {
        struct shared_dict *d = budget_realloc(c->budget, NULL, 0, sizeof *d);
        if (!d)
            return false;
        shared_dict_init(d);
        c->columns[c->n_columns++] = d;
    }
    return true;
}

void shared_dict_init(struct shared_dict *d) {
    *d = (struct shared_dict){.dict = NULL};
    pthread_mutex_init(&d->lock, NULL);
    pthread_cond_init(&d->quiet, NULL);
    atomic_init(&d->n_waiting, 0);
}

void shared_dict_done(struct shared_dict *d, struct budget *budget) {
    dict_unref(d->dict);
    maker_free(d->maker, budget);
    pthread_cond_destroy(&d->quiet);
    pthread_mutex_destroy(&d->lock);
}

void shared_dict_lock(struct shared_dict *d) {
    atomic_fetch_add_explicit(&d->n_waiting, 1, memory_order_relaxed);
    pthread_mutex_lock(&d->lock);
    if (atomic_fetch_sub_explicit(&d->n_waiting, 1, memory_order_relaxed) == 1)
        pthread_cond_broadcast(&d->quiet);
}

void shared_dict_wait_for_readers(struct shared_dict *d) {
    while (atomic_load_explicit(&d->n_waiting, memory_order_relaxed) > 0)
        pthread_cond_wait(&d->quiet, &d->lock);
}

static size_t shell_bytes(uint32_t n_columns) {
    return sizeof(struct segment) + sizeof(struct derived *) + n_columns * sizeof(struct sealed *);
}

struct segment *segment_new(struct catalog *catalog, uint32_t n, uint32_t n_columns) {
    struct segment *s = budget_realloc(catalog->budget, NULL, 0, shell_bytes(n_columns));
    if (!s)
        return NULL;
    memset(s, 0, shell_bytes(n_columns));
    atomic_init(&s->refs, 1);
    s->catalog = catalog_ref(catalog);
    s->n = n;
    s->n_columns = n_columns;
    s->derived = (struct derived **)(s + 1);
    s->columns = (struct sealed **)(s->derived + 1);
    return s;
}

struct segment *segment_ref(struct segment *s) {
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return s;
}

void segment_unref(struct segment *s) {
    if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) > 1)
        return;
    struct catalog *catalog = s->catalog;
    derived_free(*s->derived);
    for (uint32_t i = 0; i < s->n_columns; i++)
        sealed_free(s->columns[i]);
    budget_free(catalog->budget, s->offsets, s->n * sizeof *s->offsets);
    budget_free(catalog->budget, s, shell_bytes(s->n_columns));
    catalog_unref(catalog);
}

size_t segment_bytes(const struct segment *s) {
    size_t bytes = shell_bytes(s->n_columns) + (s->offsets ? s->n * sizeof *s->offsets : 0);
    for (uint32_t i = 0; i < s->n_columns; i++) {
        const struct sealed *c = s->columns[i];
        bytes += !c ? 0 : c->raw ? raw_bytes(c) : c->chunk.bytes;
    }
    pthread_mutex_lock(&s->catalog->lock);
    bytes += derived_bytes(*s->derived);
    pthread_mutex_unlock(&s->catalog->lock);
    return bytes;
}

const struct sealed *segment_made(const struct segment *s, uint32_t column) {
    const struct sealed *c = column < s->n_columns ? s->columns[column] : NULL;
    return c && c->raw ? raw_made(c) : c;
}

bool segment_column(const struct segment *s, uint32_t column, const struct sealed **ret) {
    const struct sealed *c = column < s->n_columns ? s->columns[column] : NULL;
    *ret = c && c->raw ? raw_make(c) : c;
    return !c || *ret;
}

bool segment_column_aside(const struct segment *s, uint32_t column) {
    const struct sealed *c = column < s->n_columns ? s->columns[column] : NULL;
    return !c || !c->raw || raw_make_aside(c);
}

bool segment_find(const struct segment *s, uint64_t number, uint32_t *ret_row) {
    uint64_t offset = number - s->first;
    if (!s->offsets) {
        *ret_row = (uint32_t)offset;
        return offset < s->n;
    }
    uint32_t low = 0, high = s->n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (s->offsets[middle] < offset)
            low = middle + 1;
        else
            high = middle;
    }
    *ret_row = low;
    return low < s->n && s->offsets[low] == offset;
}

struct live *live_new(const struct live *from, uint32_t n, struct budget *budget) {
    if (!budget_charge(budget, LIVE_BYTES))
        return NULL;
    struct live *l = aligned_alloc(CHUNK_ALIGN, LIVE_BYTES);
    if (!l) {
        budget_release(budget, LIVE_BYTES);
        return NULL;
    }
    l->budget = budget;
    l->words = (uint64_t *)(void *)((uint8_t *)l + LIVE_HEAD);
    atomic_init(&l->refs, 1);
    if (from) {
        memcpy(l->words, from->words, LIVE_WORDS * sizeof(uint64_t));
        return l;
    }
    memset(l->words, 0, LIVE_WORDS * sizeof(uint64_t));
    for (uint32_t i = 0; i < n; i++)
        l->words[i / 64] |= UINT64_C(1) << i % 64;
    return l;
}

void live_unref(struct live *l) {
    if (l && atomic_fetch_sub_explicit(&l->refs, 1, memory_order_acq_rel) == 1)
        budget_free(l->budget, l, LIVE_BYTES);
}

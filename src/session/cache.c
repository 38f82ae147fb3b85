/* See cache.h: a chained hash table and a list by last use, under one lock. Nothing is compiled or
 * freed while the lock is held. */
#include "session/cache.h"

#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_BUCKETS 64u
#define LARGE_SHARE   8u /* a query that takes more than this part of the cache is not kept */

struct compiled *compiled_new(void) {
    struct compiled *c = calloc(1, sizeof *c);
    if (c)
        atomic_init(&c->refs, 1);
    return c;
}

void compiled_ref(struct compiled *c) {
    atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
}

static void free_scans(struct compiled *c) {
    for (uint32_t i = 0; i < SCANS_KEPT; i++) {
        scan_free(c->scans[i]);
        c->scans[i] = NULL;
    }
}

void compiled_unref(struct compiled *c) {
    if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) > 1)
        return;
    free_scans(c);
    plan_free(c->plan);
    query_done(&c->query);
    free(c);
}

void plan_cache_init(struct plan_cache *cache, size_t most_bytes, struct budget *budget) {
    *cache = (struct plan_cache){.most_bytes = most_bytes, .budget = budget};
    pthread_mutex_init(&cache->lock, NULL); /* without attributes it cannot fail here */
}

/* --- under the lock --- */

static struct compiled **place_of(struct plan_cache *cache, struct value query, uint64_t hash) {
    struct compiled **at = &cache->buckets[hash & (cache->n_buckets - 1)];
    while (*at && ((*at)->hash != hash || (*at)->key.type != query.type ||
                   (*at)->key.n != query.n || memcmp((*at)->key.w.p, query.w.p, query.n) != 0))
        at = &(*at)->chain;
    return at;
}

static void make_newest(struct plan_cache *cache, struct compiled *c) {
    c->newer = NULL;
    c->older = cache->newest;
    *(cache->newest ? &cache->newest->newer : &cache->oldest) = c;
    cache->newest = c;
}

static void leave_list(struct plan_cache *cache, struct compiled *c) {
    *(c->newer ? &c->newer->older : &cache->newest) = c->older;
    *(c->older ? &c->older->newer : &cache->oldest) = c->newer;
}

/* Twice the buckets, when there are as many queries; without memory it stays as it is. */
static bool grow(struct plan_cache *cache) {
    if (cache->n < cache->n_buckets)
        return true;
    uint32_t n = cache->n_buckets ? 2 * cache->n_buckets : FIRST_BUCKETS;
    struct compiled **buckets = calloc(n, sizeof *buckets);
    if (!buckets)
        return cache->n_buckets > 0;
    for (struct compiled *c = cache->newest; c; c = c->older) {
        c->chain = buckets[c->hash & (n - 1)];
        buckets[c->hash & (n - 1)] = c;
    }
    free(cache->buckets);
    cache->buckets = buckets;
    cache->n_buckets = n;
    return true;
}

/* Takes c out of the table and the list; its reference goes to the caller. */
static void take_out(struct plan_cache *cache, struct compiled *c) {
    struct compiled **at = &cache->buckets[c->hash & (cache->n_buckets - 1)];
    while (*at != c)
        at = &(*at)->chain;
    *at = c->chain;
    leave_list(cache, c);
    cache->held_bytes -= c->held_bytes;
    cache->n--;
    c->is_kept = false;
}

/* Takes out what was not used for the longest time, until the rest is as small as it must be; gives
 * it as a chain, for drop_all. */
static struct compiled *take_oldest(struct plan_cache *cache) {
    struct compiled *gone = NULL;
    while (cache->held_bytes > cache->most_bytes) {
        struct compiled *last = cache->oldest;
        take_out(cache, last);
        last->chain = gone;
        gone = last;
    }
    return gone;
}

/* --- from any thread --- */

static void drop(struct plan_cache *cache, struct compiled *c) {
    uint8_t *key = (uint8_t *)(uintptr_t)c->key.w.p;
    size_t n = c->key.n;
    free_scans(c); /* nobody gives it any now; requests and prepared plans may hold it for long */
    compiled_unref(c);
    budget_free(cache->budget, key, n);
}

static void drop_all(struct plan_cache *cache, struct compiled *gone) {
    while (gone) {
        struct compiled *next = gone->chain;
        drop(cache, gone);
        gone = next;
    }
}

void plan_cache_done(struct plan_cache *cache) {
    while (cache->newest) {
        struct compiled *c = cache->newest;
        cache->newest = c->older;
        drop(cache, c);
    }
    free(cache->buckets);
    pthread_mutex_destroy(&cache->lock);
}

struct compiled *plan_cache_find(struct plan_cache *cache, struct value query) {
    if (cache->most_bytes == 0)
        return NULL;
    uint64_t hash = hash_bytes(hash_key(), query.w.p, query.n);
    pthread_mutex_lock(&cache->lock);
    struct compiled *c = cache->n > 0 ? *place_of(cache, query, hash) : NULL;
    if (c) {
        compiled_ref(c);
        leave_list(cache, c);
        make_newest(cache, c);
    }
    cache->hits += c != NULL;
    cache->misses += c == NULL;
    pthread_mutex_unlock(&cache->lock);
    return c;
}

/* False: it is there already, or there is no memory for the table. */
static bool insert(struct plan_cache *cache, struct compiled *c) {
    if (!grow(cache) || *place_of(cache, c->key, c->hash))
        return false;
    struct compiled **bucket = &cache->buckets[c->hash & (cache->n_buckets - 1)];
    c->chain = *bucket;
    *bucket = c;
    make_newest(cache, c);
    cache->n++;
    cache->held_bytes += c->held_bytes;
    c->is_kept = true;
    return true;
}

void plan_cache_add(struct plan_cache *cache, struct value query, struct compiled *c) {
    size_t held = sizeof *c + query.n + c->query.arena.held_bytes;
    held += c->plan ? plan_held_bytes(c->plan) : 0;
    if (query.n == 0 || held > cache->most_bytes / LARGE_SHARE)
        return;
    uint8_t *bytes = budget_realloc(cache->budget, NULL, 0, query.n);
    if (!bytes)
        return;
    memcpy(bytes, query.w.p, query.n);
    struct compiled *gone;
    c->key = query;
    c->key.w.p = bytes;
    c->hash = hash_bytes(hash_key(), query.w.p, query.n);
    c->held_bytes = held;
    pthread_mutex_lock(&cache->lock);
    bool kept = insert(cache, c);
    if (kept)
        compiled_ref(c);
    gone = take_oldest(cache);
    pthread_mutex_unlock(&cache->lock);
    if (!kept) /* so c is still the caller's alone */
        budget_free(cache->budget, bytes, query.n);
    drop_all(cache, gone);
}

struct scan *plan_cache_take_scan(struct plan_cache *cache, struct compiled *c) {
    struct scan *scan = NULL;
    pthread_mutex_lock(&cache->lock);
    for (uint32_t i = 0; c->is_kept && i < SCANS_KEPT && !scan; i++) {
        if (!c->scans[i])
            continue;
        scan = c->scans[i];
        c->scans[i] = NULL;
        c->held_bytes -= c->scan_bytes[i];
        cache->held_bytes -= c->scan_bytes[i];
    }
    pthread_mutex_unlock(&cache->lock);
    return scan;
}

void plan_cache_give_scan(struct plan_cache *cache, struct compiled *c, struct scan *scan) {
    size_t bytes = scan_held_bytes(scan);
    pthread_mutex_lock(&cache->lock);
    uint32_t i = 0;
    while (i < SCANS_KEPT && c->scans[i])
        i++;
    bool keeps = c->is_kept && i < SCANS_KEPT && bytes <= cache->most_bytes / LARGE_SHARE;
    if (keeps) {
        c->scans[i] = scan;
        c->scan_bytes[i] = bytes;
        c->held_bytes += bytes;
        cache->held_bytes += bytes;
    }
    struct compiled *gone = take_oldest(cache);
    pthread_mutex_unlock(&cache->lock);
    if (!keeps)
        scan_free(scan);
    drop_all(cache, gone);
}

struct plan_cache_counts plan_cache_counts(struct plan_cache *cache) {
    pthread_mutex_lock(&cache->lock);
    struct plan_cache_counts counts = {cache->hits, cache->misses, cache->n, cache->held_bytes};
    pthread_mutex_unlock(&cache->lock);
    return counts;
}

/* Compiled queries, and the cache that keeps them for when the same query comes again.
 *
 * A struct compiled is a query's tree and, where it has no parameters, its plan. It is immutable
 * once it is shared, and counted: requests, prepared plans and the cache each hold a reference, on
 * any thread.
 *
 * The cache finds one by the bytes that the client sent, text or structured, so that a repeated
 * query is neither parsed nor planned again. All sessions of a service share it. What was not used
 * for the longest time goes first when it holds more than its bytes. Every function here may be
 * called on any thread.
 */
#ifndef TAMIS_SESSION_CACHE_H
#define TAMIS_SESSION_CACHE_H

#include "engine/result.h"
#include "plan/scan.h"

#include <pthread.h>
#include <stdatomic.h>

#define SCANS_KEPT 64u

struct compiled {
    _Atomic uint32_t refs;
    struct query query;
    struct plan *plan; /* NULL if the query has parameters: then each request compiles its own */
    size_t bytes;      /* of the query as it came */
    bool heavy;        /* query_is_heavy */
    /* What a row of a table took, in 2^-16 ns, when the result was last of this kind; 0: not
     * known. */
    _Atomic uint64_t row_costs[RESULT_KINDS];
    /* the cache's, under its lock */
    bool is_kept;                   /* by the cache */
    struct scan *scans[SCANS_KEPT]; /* of `plan`, that nobody uses now; or NULL */
    size_t scan_bytes[SCANS_KEPT];  /* of each; part of held_bytes */
    struct compiled *chain;         /* in its bucket */
    struct compiled *newer, *older; /* by last use */
    uint64_t hash;
    size_t held_bytes;
    struct value key; /* the query as it came, its bytes owned; missing while not in the cache */
};

struct compiled *compiled_new(void); /* with one reference; NULL: no memory */
void compiled_ref(struct compiled *c);
void compiled_unref(struct compiled *c); /* NULL is fine */

struct plan_cache {
    pthread_mutex_t lock;
    struct budget *budget;
    size_t most_bytes, held_bytes;
    struct compiled **buckets;
    uint32_t n_buckets, n;
    struct compiled *newest, *oldest;
    uint64_t hits, misses;
};

/* most_bytes 0: keeps nothing. */
void plan_cache_init(struct plan_cache *cache, size_t most_bytes, struct budget *budget);
void plan_cache_done(struct plan_cache *cache);

/* The compiled query for these bytes (STR or ARRAY), with a reference for the caller; or NULL. */
struct compiled *plan_cache_find(struct plan_cache *cache, struct value query);
/* Keeps c, if there is room for it and nothing is kept for the same bytes. */
void plan_cache_add(struct plan_cache *cache, struct value query, struct compiled *c);

/* A scan of c->plan for the caller alone: one that was given back, or NULL. */
struct scan *plan_cache_take_scan(struct plan_cache *cache, struct compiled *c);
/* Keeps it with c, as part of what the cache holds, if c is in the cache; else frees it. */
void plan_cache_give_scan(struct plan_cache *cache, struct compiled *c, struct scan *scan);

struct plan_cache_counts {
    uint64_t hits, misses, plans, bytes;
};
struct plan_cache_counts plan_cache_counts(struct plan_cache *cache);

#endif

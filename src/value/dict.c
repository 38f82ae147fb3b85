/* See dict.h and chunk.h. The hash table is open addressing with linear probing, at most half full;
 * a slot keeps 32 bits of the hash, so that growing does not look at the values. */
#include "value/dict.h"

#include "base/arena.h"
#include "base/hash.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BLOCK 64u /* entries of block 0; block k has FIRST_BLOCK << k */
#define BLOCKS      27u /* together more than 2^32 entries */
#define FIRST_SLOTS 128u

struct slot {
    uint32_t hash;
    uint32_t code1; /* code + 1; 0: empty */
};

struct dict {
    _Atomic uint32_t refs;
    _Atomic uint32_t count;
    _Atomic size_t bytes;
    uint64_t id;
    struct hash_key key;
    struct budget *budget;
    pthread_mutex_t lock; /* of slots, for dict_find against a growing table */
    struct slot *slots;
    uint32_t mask; /* slots - 1; 0 without slots */
    struct arena arena;
    struct dict_entry *blocks[BLOCKS];
};

struct dict *dict_new(struct budget *budget) {
    static _Atomic uint64_t ids;
    struct dict *d = budget_realloc(budget, NULL, 0, sizeof *d);
    if (!d)
        return NULL;
    memset(d, 0, sizeof *d);
    atomic_init(&d->refs, 1);
    atomic_init(&d->bytes, sizeof *d);
    d->id = atomic_fetch_add_explicit(&ids, 1, memory_order_relaxed) + 1;
    d->key = hash_key();
    d->budget = budget;
    arena_init(&d->arena, budget);
    pthread_mutex_init(&d->lock, NULL);
    return d;
}

uint64_t dict_id(const struct dict *d) { return d->id; }

struct dict *dict_ref(struct dict *d) {
    atomic_fetch_add_explicit(&d->refs, 1, memory_order_relaxed);
    return d;
}

static size_t block_bytes(uint32_t k) {
    return ((size_t)FIRST_BLOCK << k) * sizeof(struct dict_entry);
}

static size_t slots_bytes(uint32_t mask) {
    return mask ? ((size_t)mask + 1) * sizeof(struct slot) : 0;
}

void dict_unref(struct dict *d) {
    if (!d || atomic_fetch_sub_explicit(&d->refs, 1, memory_order_acq_rel) > 1)
        return;
    for (uint32_t k = 0; k < BLOCKS && d->blocks[k]; k++)
        budget_free(d->budget, d->blocks[k], block_bytes(k));
    budget_free(d->budget, d->slots, slots_bytes(d->mask));
    arena_done(&d->arena);
    pthread_mutex_destroy(&d->lock);
    budget_free(d->budget, d, sizeof *d);
}

size_t dict_bytes(const struct dict *d) {
    return atomic_load_explicit(&d->bytes, memory_order_relaxed);
}

uint32_t dict_count(const struct dict *d) {
    return atomic_load_explicit(&d->count, memory_order_acquire);
}

/* Block k begins at entry FIRST_BLOCK * (2^k - 1). */
static inline uint32_t block_of(uint32_t code) {
    return 31u - (uint32_t)__builtin_clz(code / FIRST_BLOCK + 1);
}

static inline struct dict_entry *entry_at(const struct dict *d, uint32_t code) {
    uint32_t k = block_of(code);
    return &d->blocks[k][code - FIRST_BLOCK * ((1u << k) - 1)];
}

struct value dict_value(const struct dict *d, uint32_t code) {
    const struct dict_entry *e = entry_at(d, code);
    return value_bytes((enum value_type)e->type, e->p, e->n);
}

/* Short values are hashed as one or two words: most strings are. */
static uint32_t hash_of(const struct dict *d, struct value v) {
    uint64_t a = 0, b = 0, h;
    const uint8_t *p = v.w.p;
    if (v.n > 16) {
        h = hash_bytes(d->key, p, v.n);
    } else if (v.n >= 8) {
        memcpy(&a, p, 8);
        memcpy(&b, p + v.n - 8, 8);
        h = hash_u64(d->key, hash_u64(d->key, a) ^ b ^ (uint64_t)v.n << 56);
    } else {
        if (v.n >= 4) {
            uint32_t low, high;
            memcpy(&low, p, 4);
            memcpy(&high, p + v.n - 4, 4);
            a = (uint64_t)high << 32 | low;
        } else if (v.n > 0) {
            a = (uint64_t)p[0] << 16 | (uint64_t)p[v.n / 2] << 8 | p[v.n - 1];
        }
        h = hash_u64(d->key, a + ((uint64_t)v.n << 61));
    }
    h ^= (uint64_t)v.type * 0x9E3779B97F4A7C15u;
    return (uint32_t)(h ^ h >> 32);
}

/* The slot of v, or the empty one where it belongs. There are slots. */
static struct slot *slot_of(const struct dict *d, struct value v, uint32_t hash) {
    for (uint32_t at = hash & d->mask;; at = (at + 1) & d->mask) {
        struct slot *s = &d->slots[at];
        if (s->code1 == 0)
            return s;
        if (s->hash != hash)
            continue;
        const struct dict_entry *e = entry_at(d, s->code1 - 1);
        if (e->n == v.n && e->type == v.type && (v.n == 0 || memcmp(e->p, v.w.p, v.n) == 0))
            return s;
    }
}

static bool grow_slots(struct dict *d) {
    uint32_t mask = d->mask ? d->mask * 2 + 1 : FIRST_SLOTS - 1;
    struct slot *slots = budget_realloc(d->budget, NULL, 0, slots_bytes(mask));
    if (!slots)
        return false;
    memset(slots, 0, slots_bytes(mask));
    for (size_t i = 0; d->mask && i <= d->mask; i++) {
        if (d->slots[i].code1 == 0)
            continue;
        uint32_t at = d->slots[i].hash & mask;
        while (slots[at].code1)
            at = (at + 1) & mask;
        slots[at] = d->slots[i];
    }
    atomic_fetch_add_explicit(&d->bytes, slots_bytes(mask) - slots_bytes(d->mask),
                              memory_order_relaxed);
    budget_free(d->budget, d->slots, slots_bytes(d->mask));
    d->slots = slots;
    d->mask = mask;
    return true;
}

/* Enters a value that is not there; under the lock. */
static bool enter(struct dict *d, struct value v, uint32_t hash, uint32_t *ret_code) {
    uint32_t code = atomic_load_explicit(&d->count, memory_order_relaxed);
    uint32_t k = block_of(code);
    if (code >= INT32_MAX || (code + 1 > d->mask / 2 && !grow_slots(d)))
        return false;
    if (!d->blocks[k]) {
        d->blocks[k] = budget_realloc(d->budget, NULL, 0, block_bytes(k));
        if (!d->blocks[k])
            return false;
        atomic_fetch_add_explicit(&d->bytes, block_bytes(k), memory_order_relaxed);
    }
    size_t held = d->arena.held_bytes;
    uint8_t *copy = arena_alloc(&d->arena, v.n);
    if (!copy)
        return false;
    atomic_fetch_add_explicit(&d->bytes, d->arena.held_bytes - held, memory_order_relaxed);
    if (v.n)
        memcpy(copy, v.w.p, v.n);
    *entry_at(d, code) = (struct dict_entry){.p = copy, .n = v.n, .type = v.type};
    *slot_of(d, v, hash) = (struct slot){.hash = hash, .code1 = code + 1};
    atomic_store_explicit(&d->count, code + 1, memory_order_release);
    *ret_code = code;
    return true;
}

static bool look_up(const struct dict *d, struct value v, uint32_t hash, uint32_t *ret_code) {
    if (d->mask == 0)
        return false;
    uint32_t code1 = slot_of(d, v, hash)->code1;
    if (code1 == 0)
        return false;
    *ret_code = code1 - 1;
    return true;
}

bool dict_has(const struct dict *d, struct value v, uint32_t *ret_code) {
    return look_up(d, v, hash_of(d, v), ret_code);
}

bool dict_add(struct dict *d, struct value v, uint32_t *ret_code) {
    uint32_t hash = hash_of(d, v);
    if (look_up(d, v, hash, ret_code))
        return true;
    pthread_mutex_lock(&d->lock);
    bool done = enter(d, v, hash, ret_code);
    pthread_mutex_unlock(&d->lock);
    return done;
}

bool dict_find(const struct dict *d, struct value v, uint32_t count, uint32_t *ret_code) {
    uint32_t code, hash = hash_of(d, v);
    pthread_mutex_t *lock = (pthread_mutex_t *)(uintptr_t)&d->lock; /* a reader's lock, too */
    pthread_mutex_lock(lock);
    bool found = look_up(d, v, hash, &code) && code < count;
    pthread_mutex_unlock(lock);
    if (found)
        *ret_code = code;
    return found;
}

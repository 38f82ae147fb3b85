/* See dict.h and chunk.h. The hash table is open addressing with linear probing, at most half full;
 * a slot keeps 32 bits of the hash, so that growing does not look at the values.
 *
 * While there are few values a second table has cards with the values themselves, for the writer,
 * who then needs to look nowhere else. Their places are found by multiply-shift (Dietzfelbinger et
 * al., "A reliable randomized algorithm for the closest-pair problem", 1997): there are so few of
 * them that a peer gains little by choosing its words. */
#include "value/dict.h"

#include "base/arena.h"
#include "base/hash.h"
#include "value/words.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BLOCK 64u /* entries of block 0; block k has FIRST_BLOCK << k */
#define BLOCKS      27u /* together more than 2^32 entries */
#define FIRST_SLOTS 128u

#define HASH_WORDS_BYTES 64u /* up to here a hash word by word is faster than hash_bytes */
#define AHEAD            8u
#define NEAR_SLOTS       2048u /* tables of so many are in a near cache: no need to fetch ahead */

struct slot {
    uint32_t hash;
    uint32_t code1; /* code + 1; 0: empty */
};

/* What is in a slot: a short value's words, or of a longer one the hash alone. */
struct card {
    struct words w;
    uint64_t kind; /* kind_of; 0: empty */
    uint32_t code1;
};

struct dict {
    _Atomic uint32_t refs;
    _Atomic uint32_t count;
    _Atomic size_t bytes;
    uint64_t id;
    struct hash_key key;
    struct budget *budget;
    struct slot *slots;
    struct card *cards; /* as many; NULL if there are NEAR_SLOTS slots or more */
    uint32_t mask;      /* slots - 1; 0 without slots */
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

static size_t cards_bytes(uint32_t mask) {
    return mask && mask < NEAR_SLOTS ? ((size_t)mask + 1) * sizeof(struct card) : 0;
}

void dict_unref(struct dict *d) {
    if (!d || atomic_fetch_sub_explicit(&d->refs, 1, memory_order_acq_rel) > 1)
        return;
    for (uint32_t k = 0; k < BLOCKS && d->blocks[k]; k++)
        budget_pages_free(d->budget, d->blocks[k], block_bytes(k));
    budget_pages_free(d->budget, d->slots, slots_bytes(d->mask));
    budget_free(d->budget, d->cards, cards_bytes(d->mask));
    arena_done(&d->arena);
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

/* --- hashes --- */

static inline uint64_t mix_words(struct hash_key key, uint64_t h, struct words w) {
    return hash_fold(w.a ^ key.k0 ^ h, w.b ^ key.k1);
}

static inline uint32_t fold(uint64_t h, uint8_t type) {
    h ^= (uint64_t)type * 0x9E3779B97F4A7C15u;
    return (uint32_t)(h ^ h >> 32);
}

static inline uint32_t hash_short(struct hash_key key, struct words w, uint32_t n, uint8_t type) {
    w.b ^= (uint64_t)n << 56; /* a byte of it only where n is 16: then no other length has it */
    return fold(mix_words(key, 0, w), type);
}

/* Values of more bytes, two words at a time, the last two of which may overlap those before. */
static __attribute__((noinline)) uint32_t hash_long(struct hash_key key, struct value v) {
    const uint8_t *p = v.w.p, *last = p + v.n - WORDS_BYTES;
    uint64_t h = v.n;
    if (v.n > HASH_WORDS_BYTES)
        return fold(hash_bytes(key, p, v.n), v.type);
    for (; p < last; p += WORDS_BYTES)
        h = mix_words(key, h, (struct words){load_le64(p), load_le64(p + 8)});
    return fold(mix_words(key, h, (struct words){load_le64(last), load_le64(last + 8)}), v.type);
}

static uint32_t hash_of(const struct dict *d, struct value v) {
    return v.n > WORDS_BYTES ? hash_long(d->key, v)
                             : hash_short(d->key, words_of(v.w.p, v.n), v.n, v.type);
}

/* Whether two values of n > WORDS_BYTES bytes are equal. */
static __attribute__((noinline)) bool same_long(const uint8_t *p, const uint8_t *q, uint32_t n) {
    for (uint32_t i = 0; i < n - WORDS_BYTES; i += WORDS_BYTES)
        if (load_le64(p + i) != load_le64(q + i) || load_le64(p + i + 8) != load_le64(q + i + 8))
            return false;
    p += n - WORDS_BYTES;
    q += n - WORDS_BYTES;
    return load_le64(p) == load_le64(q) && load_le64(p + 8) == load_le64(q + 8);
}

/* --- slots --- */

/* Whether an entry is v; w are the words of a short one. Entries have zeros behind them. */
static inline bool is_entry(const struct dict_entry *e, struct value v, struct words w) {
    if (e->n != v.n || e->type != v.type)
        return false;
    if (v.n > WORDS_BYTES)
        return same_long(e->p, v.w.p, v.n);
    return load_le64(e->p) == w.a && load_le64(e->p + 8) == w.b;
}

/* The slot of v, or the empty one where it belongs. There are slots. */
static inline struct slot *slot_of_words(const struct dict *d, struct value v, struct words w,
                                         uint32_t hash) {
    for (uint32_t at = hash & d->mask;; at = (at + 1) & d->mask) {
        struct slot *s = &d->slots[at];
        if (s->code1 == 0 || (s->hash == hash && is_entry(entry_at(d, s->code1 - 1), v, w)))
            return s;
    }
}

static struct slot *slot_of(const struct dict *d, struct value v, uint32_t hash) {
    struct words w = {0, 0};
    return slot_of_words(d, v, v.n > WORDS_BYTES ? w : words_of(v.w.p, v.n), hash);
}

/* Length and type of a value as one number, never 0. */
static inline uint64_t kind_of(struct value v) { return (uint64_t)v.type << 32 | v.n; }

static inline bool same_card(const struct card *c, struct words w, uint64_t kind) {
    return ((c->w.a ^ w.a) | (c->w.b ^ w.b) | (c->kind ^ kind)) == 0;
}

/* The cards, in variables: to the compiler what is written may be anything else. */
struct near {
    struct card *cards;
    uint64_t by_a, by_b;
    uint32_t mask;
    unsigned shift;
};

static inline struct near near_of(const struct dict *d, struct card *cards, uint32_t mask) {
    return (struct near){cards, d->key.k0 | 1, d->key.k1 | 1, mask,
                         (unsigned)__builtin_clzll(mask)};
}

static inline uint32_t near_place(const struct near *near, struct words w) {
    return (uint32_t)((w.a * near->by_a + w.b * near->by_b) >> near->shift);
}

/* What the card of a value has: its words, or its hash if it is long. */
static inline struct words words_or_hash(struct hash_key key, struct value v, const uint8_t *end) {
    return v.n > WORDS_BYTES ? (struct words){hash_long(key, v), 0} : words_until(v.w.p, v.n, end);
}

/* The code of a value by the cards, or NO_CODE. */
static inline uint32_t look_near(const struct dict *d, const struct near *near, struct value v,
                                 struct words w) {
    for (uint32_t at = near_place(near, w);; at = (at + 1) & near->mask) {
        const struct card *c = &near->cards[at];
        if (c->kind == 0)
            return NO_CODE;
        if (same_card(c, w, kind_of(v)) &&
            (v.n <= WORDS_BYTES || same_long(entry_at(d, c->code1 - 1)->p, v.w.p, v.n)))
            return c->code1 - 1;
    }
}

/* A card for an entry, behind which there are zeros. */
static void put_card(const struct dict *d, const struct near *near, uint32_t code) {
    struct value v = dict_value(d, code);
    struct words w = words_or_hash(d->key, v, v.w.p + WORDS_BYTES);
    uint32_t at = near_place(near, w);
    while (near->cards[at].kind != 0)
        at = (at + 1) & near->mask;
    near->cards[at] = (struct card){.w = w, .kind = kind_of(v), .code1 = code + 1};
}

/* Slots for so many entries that they stay sparse, with what there is. */
static bool grow_slots(struct dict *d) {
    uint32_t mask = d->mask ? d->mask * 2 + 1 : FIRST_SLOTS - 1;
    struct slot *slots = budget_pages(d->budget, slots_bytes(mask));
    struct card *cards = NULL;
    if (slots && cards_bytes(mask) &&
        !(cards = budget_realloc(d->budget, NULL, 0, cards_bytes(mask))))
        budget_pages_free(d->budget, slots, slots_bytes(mask));
    if (!slots || (cards_bytes(mask) && !cards))
        return false;
    memset(slots, 0, slots_bytes(mask));
    if (cards)
        memset(cards, 0, cards_bytes(mask));
    for (size_t i = 0; d->mask && i <= d->mask; i++) {
        if (d->slots[i].code1 == 0)
            continue;
        uint32_t at = d->slots[i].hash & mask;
        while (slots[at].code1)
            at = (at + 1) & mask;
        slots[at] = d->slots[i];
    }
    struct near near = near_of(d, cards, mask);
    for (uint32_t code = 0; cards && code < dict_count(d); code++)
        put_card(d, &near, code);
    atomic_fetch_add_explicit(&d->bytes,
                              slots_bytes(mask) + cards_bytes(mask) - slots_bytes(d->mask) -
                                  cards_bytes(d->mask),
                              memory_order_relaxed);
    budget_pages_free(d->budget, d->slots, slots_bytes(d->mask));
    budget_free(d->budget, d->cards, cards_bytes(d->mask));
    d->slots = slots;
    d->cards = cards;
    d->mask = mask;
    return true;
}

/* Entries that the slots have room for: while they are few they are so sparse that hardly a look
 * finds another value's slot, which costs a guess of the processor that fails. */
static uint32_t slots_room(const struct dict *d) {
    return d->mask / (d->mask < NEAR_SLOTS ? 8 : 2);
}

/* Enters a value that is not there. */
static bool enter(struct dict *d, struct value v, uint32_t hash, uint32_t *ret_code) {
    uint32_t code = atomic_load_explicit(&d->count, memory_order_relaxed);
    uint32_t k = block_of(code);
    if (code >= INT32_MAX || (code + 1 > slots_room(d) && !grow_slots(d)))
        return false;
    if (!d->blocks[k]) {
        d->blocks[k] = budget_pages(d->budget, block_bytes(k));
        if (!d->blocks[k])
            return false;
        atomic_fetch_add_explicit(&d->bytes, block_bytes(k), memory_order_relaxed);
    }
    size_t held = d->arena.held_bytes;
    size_t room = v.n > WORDS_BYTES ? v.n : WORDS_BYTES;
    uint8_t *copy = arena_alloc(&d->arena, room);
    if (!copy)
        return false;
    atomic_fetch_add_explicit(&d->bytes, d->arena.held_bytes - held, memory_order_relaxed);
    if (v.n)
        memcpy(copy, v.w.p, v.n);
    memset(copy + v.n, 0, room - v.n);
    *entry_at(d, code) = (struct dict_entry){.p = copy, .n = v.n, .type = v.type};
    *slot_of(d, v, hash) = (struct slot){.hash = hash, .code1 = code + 1};
    struct near near = near_of(d, d->cards, d->mask);
    if (d->cards)
        put_card(d, &near, code);
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

/* A value as words, if it is short, and its hash. */
static inline uint32_t hash_with_words(struct hash_key key, struct value v, const uint8_t *end,
                                       struct words *ret) {
    *ret = (struct words){0, 0};
    if (v.n > WORDS_BYTES)
        return hash_long(key, v);
    *ret = words_until(v.w.p, v.n, end);
    return hash_short(key, *ret, v.n, v.type);
}

/* What the first slot of a value has, if that is the value to all appearance. */
static inline const struct dict_entry *likely_entry(const struct dict *d, uint32_t hash) {
    struct slot s = d->slots[hash & d->mask];
    return s.code1 != 0 && s.hash == hash ? entry_at(d, s.code1 - 1) : NULL;
}

static inline uint32_t code_of(const struct dict *d, struct value v, struct words w,
                               uint32_t hash) {
    return slot_of_words(d, v, w, hash)->code1 - 1;
}

/* In a table that no near cache holds, a value's slot, entry and bytes are fetched while those
 * before and behind it are looked at, each step AHEAD values before the next. */
static void look_far(const struct dict *d, const struct value *v, uint32_t n, const uint8_t *end,
                     uint32_t *ret_hash, uint32_t *ret_code) {
    struct words words[DICT_GROUP];
    const struct dict_entry *entry[DICT_GROUP];
    for (uint32_t i = 0; i < n + 3 * AHEAD; i++) {
        if (i < n) {
            ret_hash[i] = hash_with_words(d->key, v[i], end, &words[i]);
            __builtin_prefetch(&d->slots[ret_hash[i] & d->mask]);
        }
        uint32_t at = i - AHEAD; /* below 0 it wraps, and is not below n */
        if (at < n && (entry[at] = likely_entry(d, ret_hash[at])))
            __builtin_prefetch(entry[at]);
        at -= AHEAD;
        if (at < n && entry[at]) {
            __builtin_prefetch(entry[at]->p);
            __builtin_prefetch(entry[at]->p + entry[at]->n);
        }
        at -= AHEAD;
        if (at < n)
            ret_code[at] = code_of(d, v[at], words[at], ret_hash[at]);
    }
}

void dict_look(const struct dict *d, const struct value *v, uint32_t n, const uint8_t *end,
               uint32_t *ret_hash, uint32_t *ret_code) {
    if (d->mask >= NEAR_SLOTS) {
        look_far(d, v, n, end, ret_hash, ret_code);
        return;
    }
    const struct hash_key key = d->key;
    const struct near near = near_of(d, d->cards, d->mask | 1);
    const bool some = d->cards;
    for (uint32_t i = 0; i < n; i++) {
        struct words w = words_or_hash(key, v[i], end);
        ret_code[i] = some ? look_near(d, &near, v[i], w) : NO_CODE;
        ret_hash[i] = ret_code[i] != NO_CODE ? 0
                      : v[i].n > WORDS_BYTES ? (uint32_t)w.a
                                             : hash_short(key, w, v[i].n, v[i].type);
    }
}

bool dict_has_few(const struct dict *d) { return d->cards; }

/* A short value that is not in the first place for it. */
static __attribute__((noinline)) uint32_t look_behind(const struct dict *d, struct value v,
                                                      struct words w) {
    struct near near = near_of(d, d->cards, d->mask);
    return look_near(d, &near, v, w);
}

/* With `end` NULL for values of which each can be read as two words. */
static inline __attribute__((always_inline)) bool
find_words(const struct dict *d, enum value_type type, const uint8_t *data, const uint8_t *end,
           const uint64_t *places, const uint32_t *bytes, uint32_t n, uint32_t *ret_code) {
    const struct near near = near_of(d, d->cards, d->mask);
    for (uint32_t i = 0; i < n; i++) {
        struct value v = value_bytes(type, data + places[i], bytes[i]);
        if (v.n > WORDS_BYTES)
            return false;
        struct words w = end ? words_until(v.w.p, v.n, end) : words_within(v.w.p, v.n);
        const struct card *c = &near.cards[near_place(&near, w)];
        uint32_t code = c->code1 - 1;
        if (!same_card(c, w, kind_of(v)) && (code = look_behind(d, v, w)) == NO_CODE)
            return false;
        ret_code[i] = code;
    }
    return true;
}

bool dict_find_words(const struct dict *d, enum value_type type, const uint8_t *data,
                     const uint8_t *end, const uint64_t *places, const uint32_t *bytes, uint32_t n,
                     uint32_t *ret_code) {
    if (n > 0 && (size_t)(end - data) - places[n - 1] >= WORDS_BYTES)
        return find_words(d, type, data, NULL, places, bytes, n, ret_code);
    return find_words(d, type, data, end, places, bytes, n, ret_code);
}

bool dict_add_hashed(struct dict *d, struct value v, uint32_t hash, uint32_t *ret_code) {
    return look_up(d, v, hash, ret_code) || enter(d, v, hash, ret_code);
}

bool dict_add(struct dict *d, struct value v, uint32_t *ret_code) {
    return dict_add_hashed(d, v, hash_of(d, v), ret_code);
}

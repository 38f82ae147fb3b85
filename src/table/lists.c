/* See lists.h. Both tables are open addressing with linear probing, at most half full. That of the
 * words stays in the nearest cache. */
#include "table/lists.h"

#include "base/hash.h"
#include "value/words.h"

#define FIRST_SLOTS    1024u
#define MOST_WORDS     255u /* a byte for each, and 0 for none */
#define WORD_SLOT_BITS 9u
#define WORD_SLOTS     (1u << WORD_SLOT_BITS)
#define WORDS_TABLE    (WORD_SLOTS * sizeof(struct word_slot))

struct word_slot {
    struct words w;
    uint32_t bytes;
    uint32_t number; /* 0: empty */
};

struct list_slot {
    uint64_t key;
    uint32_t code1; /* code + 1; 0: empty */
    uint32_t bytes;
};

void lists_init(struct lists *l, struct budget *budget) { *l = (struct lists){.budget = budget}; }

static size_t slots_bytes(uint32_t mask) {
    return mask ? ((size_t)mask + 1) * sizeof(struct list_slot) : 0;
}

void lists_done(struct lists *l) {
    budget_pages_free(l->budget, l->slots, slots_bytes(l->mask));
    budget_free(l->budget, l->words, WORDS_TABLE);
    lists_init(l, l->budget);
}

static void give_up(struct lists *l) {
    lists_done(l);
    l->over = true;
}

bool lists_can(const struct lists *l, const struct array *a) {
    if (l->over || a->type != ARRAY_LIST)
        return false;
    const struct array *items = &a->children[0];
    return items->type == ARRAY_STR && !items->valid && !items->present;
}

/* --- the table --- */

static inline uint32_t place_of(struct hash_key key, uint64_t list) {
    return (uint32_t)hash_fold(list ^ key.k0, key.k1 | 1);
}

/* The slot of a list, or the empty one where it belongs. There are slots. */
static inline struct list_slot *slot_of(const struct lists *l, uint64_t list, uint32_t place) {
    for (uint32_t at = place & l->mask;; at = (at + 1) & l->mask) {
        struct list_slot *s = &l->slots[at];
        if (s->code1 == 0 || s->key == list)
            return s;
    }
}

static bool grow_slots(struct lists *l) {
    struct lists grown = {.mask = l->mask ? l->mask * 2 + 1 : FIRST_SLOTS - 1};
    grown.slots = budget_pages(l->budget, slots_bytes(grown.mask));
    if (!grown.slots)
        return false;
    memset(grown.slots, 0, slots_bytes(grown.mask));
    struct hash_key key = hash_key();
    for (size_t i = 0; l->mask && i <= l->mask; i++)
        if (l->slots[i].code1)
            *slot_of(&grown, l->slots[i].key, place_of(key, l->slots[i].key)) = l->slots[i];
    budget_pages_free(l->budget, l->slots, slots_bytes(l->mask));
    l->slots = grown.slots;
    l->mask = grown.mask;
    return true;
}

void lists_learn(struct lists *l, const struct list_answer *answer, uint32_t code, uint32_t bytes) {
    if (l->over || !answer->may_know)
        return;
    if (l->n + 1 > l->mask / 2 && !grow_slots(l)) {
        give_up(l);
        return;
    }
    struct list_slot *s = slot_of(l, answer->key, place_of(hash_key(), answer->key));
    l->n += s->code1 == 0;
    *s = (struct list_slot){answer->key, code + 1, bytes};
}

/* --- words --- */

static inline bool is_word(const struct word_slot *s, struct words w, uint32_t bytes) {
    return ((s->w.a ^ w.a) | (s->w.b ^ w.b) | (s->bytes ^ bytes)) == 0 && s->number != 0;
}

/* The slot of a word, or the empty one where it belongs; by multiply-shift (Dietzfelbinger et al.,
 * "A reliable randomized algorithm for the closest-pair problem", 1997). There are so few words
 * that a peer gains little by choosing them. */
static inline struct word_slot *word_slot_of(struct word_slot *slots, struct hash_key key,
                                             struct words w, uint32_t bytes) {
    uint64_t at = (w.a * (key.k0 | 1) + w.b * (key.k1 | 1)) >> (64 - WORD_SLOT_BITS);
    struct word_slot *s = &slots[at];
    while (!is_word(s, w, bytes) && s->number != 0)
        s = &slots[++at % WORD_SLOTS];
    return s;
}

static bool has_words(struct lists *l) {
    if (l->words)
        return true;
    l->words = budget_realloc(l->budget, NULL, 0, WORDS_TABLE);
    if (l->words)
        memset(l->words, 0, WORDS_TABLE);
    return l->words;
}

/* A new word gets the next number. False: there are too many. */
static __attribute__((noinline)) bool number_word(struct lists *l, struct word_slot *s,
                                                  struct words w, uint32_t bytes) {
    if (l->n_words == MOST_WORDS)
        return false;
    *s = (struct word_slot){w, bytes, ++l->n_words};
    return true;
}

/* See number_items; `end` is NULL where each item can be read as two words. */
static inline __attribute__((always_inline)) bool
number_items_until(struct lists *l, const struct array *items, uint64_t from, uint64_t to,
                   const uint8_t *end, uint32_t offset_bytes, uint8_t *ret) {
    const struct hash_key key = hash_key();
    const uint8_t *data = items->data, *offsets = items->offsets;
    const uint64_t base = items->base;
    struct word_slot *slots = l->words;
    uint64_t begin = array_offset(offset_bytes, offsets, from) - base;
    for (; from < to; from++) {
        uint64_t next = array_offset(offset_bytes, offsets, from + 1) - base;
        uint32_t bytes = (uint32_t)(next - begin);
        const uint8_t *p = data + begin;
        begin = next;
        if (bytes > WORDS_BYTES) {
            *ret++ = 0;
            continue;
        }
        struct words w = end ? words_until(p, bytes, end) : words_within(p, bytes);
        struct word_slot *s = word_slot_of(slots, key, w, bytes);
        if (s->number == 0 && !number_word(l, s, w, bytes))
            return false;
        *ret++ = (uint8_t)s->number;
    }
    return true;
}

/* The numbers of items [from, to) as bytes, from 1 on, and 0 for one that is no short word. False:
 * there are too many words. */
static bool number_items(struct lists *l, const struct array *items, uint64_t from, uint64_t to,
                         uint8_t *ret) {
    const uint8_t *end = items->data_end;
    if ((uint64_t)(end - items->data) - array_begin(items, to) >= WORDS_BYTES)
        end = NULL;
    if (items->offset_bytes == 4)
        return end ? number_items_until(l, items, from, to, end, 4, ret)
                   : number_items_until(l, items, from, to, NULL, 4, ret);
    return number_items_until(l, items, from, to, items->data_end, 8, ret);
}

/* A list's numbers as one, with zeros behind them. */
static inline uint64_t key_of(const uint8_t *number, uint64_t words) {
    return load_le64(number) & BYTES_BELOW[words];
}

/* Keys of n lists, whose slots are fetched ahead, and their places; the words of neighbours that
 * are short are numbered together. False: there are too many words. */
static bool number_lists(struct lists *l, const struct array *a, uint64_t from, uint32_t n,
                         struct list_answer *ret, uint32_t *place) {
    const struct hash_key hash = hash_key();
    uint8_t number[LIST_GROUP * LIST_WORDS + sizeof(uint64_t)];
    uint64_t begin[LIST_GROUP + 1];
    for (uint32_t i = 0; i <= n; i++)
        begin[i] = array_begin(a, from + i);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t to = i;
        while (to < n && begin[to + 1] - begin[to] <= LIST_WORDS)
            to++;
        uint64_t words = begin[to] - begin[i];
        if (!number_items(l, &a->children[0], begin[i], begin[to], number))
            return false;
        bool all = !memchr(number, 0, words);
        for (const uint8_t *at = number; i < to; i++) {
            words = begin[i + 1] - begin[i];
            ret[i].key = key_of(at, words);
            ret[i].may_know = all || !memchr(at, 0, words);
            place[i] = place_of(hash, ret[i].key);
            if (l->mask > 0)
                __builtin_prefetch(&l->slots[place[i] & l->mask]);
            at += words;
        }
    }
    return true;
}

void lists_look(struct lists *l, const struct array *a, uint64_t from, uint32_t n,
                struct list_answer *ret) {
    uint32_t place[LIST_GROUP];
    for (uint32_t i = 0; i < n; i++)
        ret[i] = (struct list_answer){.code = NO_CODE};
    if (!has_words(l) || !number_lists(l, a, from, n, ret, place)) {
        give_up(l);
        for (uint32_t i = 0; i < n; i++)
            ret[i].may_know = false;
        return;
    }
    if (l->mask == 0)
        return;
    for (uint32_t i = 0; i < n; i++) {
        if (!ret[i].may_know)
            continue;
        const struct list_slot *s = slot_of(l, ret[i].key, place[i]);
        ret[i].code = s->code1 - 1; /* NO_CODE in an empty one */
        ret[i].bytes = s->bytes;
    }
}

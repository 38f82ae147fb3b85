/* See index.h. */
#include "table/index.h"

#include "base/hash.h"

#include <string.h>

#define FIRST_SLOTS 16u

void index_init(struct index *x, struct budget *budget) { *x = (struct index){.budget = budget}; }

static size_t slots_bytes(uint64_t mask) {
    return mask ? (size_t)(mask + 1) * sizeof(struct index_slot) : 0;
}

void index_done(struct index *x) {
    budget_free(x->budget, x->slots, slots_bytes(x->mask));
    index_init(x, x->budget);
}

size_t index_bytes(const struct index *x) { return slots_bytes(x->mask); }

static void place(struct index_slot *slots, uint64_t mask, struct index_slot s) {
    uint64_t at = s.hash & mask;
    while (slots[at].number1)
        at = (at + 1) & mask;
    slots[at] = s;
}

bool index_room(struct index *x, uint64_t n) {
    uint64_t need = x->n + n, mask = x->mask ? x->mask : FIRST_SLOTS - 1;
    if (need > SIZE_MAX / 64)
        return false;
    while (need > (mask + 1) / 4 * 3)
        mask = 2 * mask + 1;
    if (mask == x->mask)
        return true;
    struct index_slot *slots = budget_realloc(x->budget, NULL, 0, slots_bytes(mask));
    if (!slots)
        return false;
    memset(slots, 0, slots_bytes(mask));
    for (uint64_t i = 0; x->mask && i <= x->mask; i++)
        if (x->slots[i].number1)
            place(slots, mask, x->slots[i]);
    budget_free(x->budget, x->slots, slots_bytes(x->mask));
    x->slots = slots;
    x->mask = mask;
    return true;
}

bool index_next(const struct index *x, uint64_t hash, uint64_t *at) {
    for (; x->mask && x->slots[*at & x->mask].number1; ++*at)
        if (x->slots[*at & x->mask].hash == hash)
            return true;
    return false;
}

void index_set(struct index *x, uint64_t at, uint64_t number) {
    x->slots[at & x->mask].number1 = number + 1;
}

void index_add(struct index *x, uint64_t hash, uint64_t number) {
    place(x->slots, x->mask, (struct index_slot){hash, number + 1});
    x->n++;
}

void index_remove(struct index *x, uint64_t hash, uint64_t number) {
    uint64_t at = hash & x->mask;
    while (x->slots[at].hash != hash || x->slots[at].number1 != number + 1)
        at = (at + 1) & x->mask;
    uint64_t hole = at; /* entries behind it that may stand there move into it (Knuth 6.4, R) */
    for (uint64_t i = (hole + 1) & x->mask; x->slots[i].number1; i = (i + 1) & x->mask) {
        uint64_t home = x->slots[i].hash & x->mask;
        if (((i - home) & x->mask) >= ((i - hole) & x->mask)) {
            x->slots[hole] = x->slots[i];
            hole = i;
        }
    }
    x->slots[hole].number1 = 0;
    x->n--;
}

bool key_is_good(struct value v) {
    switch ((enum value_type)v.type) {
    case T_BOOL:
    case T_INT:
    case T_UINT:
    case T_STR:
    case T_BIN:
    case T_TIMESTAMP:
        return true;
    case T_DOUBLE:
        return !value_is_nan(v);
    default:
        return false;
    }
}

uint64_t key_hash(struct value v) {
    struct hash_key key = hash_key();
    uint64_t class = (uint64_t)value_class((enum value_type)v.type) << 56;
    if (v.type == T_STR || v.type == T_BIN)
        return hash_bytes(key, v.w.p, v.n) ^ class;
    return hash_u64(key, v.w.u ^ (uint64_t)v.n << 32) ^ class;
}

bool key_equal(struct value a, struct value b) {
    if (a.type != b.type || a.n != b.n)
        return false;
    if (a.type == T_STR || a.type == T_BIN)
        return a.n == 0 || memcmp(a.w.p, b.w.p, a.n) == 0;
    return a.w.u == b.w.u;
}

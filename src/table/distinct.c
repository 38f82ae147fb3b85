/* See distinct.h. */
#include "table/distinct.h"

#include "base/hash.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define REGISTER_BITS 14u
#define REGISTERS     (1u << REGISTER_BITS)

void distinct_init(struct distinct *d, struct budget *budget) {
    *d = (struct distinct){.budget = budget};
}

static size_t hashes_bytes(uint64_t mask) { return mask ? (size_t)(mask + 1) * 8 : 0; }

void distinct_done(struct distinct *d) {
    budget_free(d->budget, d->hashes, hashes_bytes(d->mask));
    budget_free(d->budget, d->registers, REGISTERS);
    distinct_init(d, d->budget);
}

static uint64_t hash_of(struct value v) {
    struct hash_key key = hash_key();
    v = value_canonical(v);
    uint64_t class = (uint64_t)(value_class((enum value_type)v.type) + 1) << 56, h;
    if (value_is_nan(v))
        h = hash_u64(key, 0) ^ class;
    else if (v.type >= T_STR && v.type != T_TIMESTAMP)
        h = hash_bytes(key, v.w.p, v.n) ^ class;
    else if (v.type == T_TIMESTAMP)
        h = hash_u64(key, hash_u64(key, v.w.u) ^ v.n) ^ class;
    else
        h = hash_u64(key, v.w.u) ^ class ^ v.type;
    return h ? h : 1;
}

/* True if it is new; there is room. */
static bool enter(uint64_t *hashes, uint64_t mask, uint64_t h) {
    uint64_t at = h & mask;
    while (hashes[at] && hashes[at] != h)
        at = (at + 1) & mask;
    bool is_new = hashes[at] == 0;
    hashes[at] = h;
    return is_new;
}

static bool grow(struct distinct *d) {
    uint64_t mask = d->mask ? 2 * d->mask + 1 : 255;
    uint64_t *hashes = budget_realloc(d->budget, NULL, 0, hashes_bytes(mask));
    if (!hashes)
        return false;
    memset(hashes, 0, hashes_bytes(mask));
    for (uint64_t i = 0; d->mask && i <= d->mask; i++)
        if (d->hashes[i])
            enter(hashes, mask, d->hashes[i]);
    budget_free(d->budget, d->hashes, hashes_bytes(d->mask));
    d->hashes = hashes;
    d->mask = mask;
    return true;
}

/* The leading bits choose the register, which keeps the longest run of zeros behind them. */
static void count_hash(uint8_t *registers, uint64_t h) {
    uint64_t rest = h << REGISTER_BITS | UINT64_C(1) << (REGISTER_BITS - 1);
    uint8_t rank = (uint8_t)(__builtin_clzll(rest) + 1);
    uint8_t *r = &registers[h >> (64 - REGISTER_BITS)];
    *r = rank > *r ? rank : *r;
}

static bool begin_estimate(struct distinct *d) {
    d->registers = budget_realloc(d->budget, NULL, 0, REGISTERS);
    if (!d->registers)
        return false;
    memset(d->registers, 0, REGISTERS);
    for (uint64_t i = 0; i <= d->mask; i++)
        if (d->hashes[i])
            count_hash(d->registers, d->hashes[i]);
    budget_free(d->budget, d->hashes, hashes_bytes(d->mask));
    d->hashes = NULL;
    d->mask = 0;
    return true;
}

bool distinct_add(struct distinct *d, struct value v) {
    uint64_t h = hash_of(v);
    if (d->registers) {
        count_hash(d->registers, h);
        return true;
    }
    if (d->n >= d->mask / 2 && !grow(d))
        return false;
    d->n += enter(d->hashes, d->mask, h);
    return d->n <= DISTINCT_MOST || begin_estimate(d);
}

uint64_t distinct_count(const struct distinct *d, bool *ret_exact) {
    *ret_exact = !d->registers;
    if (!d->registers)
        return d->n;
    double sum = 0, m = REGISTERS;
    for (uint32_t i = 0; i < REGISTERS; i++)
        sum += ldexp(1, -d->registers[i]);
    /* No correction: the set has seen more than 2.5 m values, and hashes have 64 bits. */
    return (uint64_t)llround(0.7213 / (1 + 1.079 / m) * m * m / sum);
}

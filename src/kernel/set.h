/* Inside of IN sets, for the typed loops. See kernel.h for the contract. Private to kernel/. */
#ifndef TAMIS_KERNEL_SET_H
#define TAMIS_KERNEL_SET_H

#include "base/bitmap.h"
#include "kernel/kernel.h"

#define SET_LINEAR      8u     /* up to so many items: compared one by one */
#define SET_BITMAP_SPAN 65536u /* integers that lie so close: a bitmap */

struct set_string {
    uint64_t hash;
    const uint8_t *p;
    uint32_t n;
    bool used;
};

struct set_other {
    uint64_t hash;
    struct value value;
    bool used;
};

struct set {
    struct hash_key key;
    bool has_null, is_empty;
    /* integers of int64: linear list, bitmap or table */
    uint32_t n_ints;
    int64_t *ints;
    uint8_t *bitmap;
    int64_t low;
    uint64_t span;      /* bits of the bitmap; 0: no bitmap */
    uint64_t ints_mask; /* table size - 1; 0: no table */
    int64_t *table;
    uint8_t *table_used; /* bitmap */
    /* strings */
    uint32_t n_strings;
    uint64_t strings_mask;
    struct set_string *strings;
    /* everything else, canonical */
    uint32_t n_others;
    uint64_t others_mask;
    struct set_other *others;
};

static inline bool set_has_int(const struct set *s, int64_t i) {
    if (s->span > 0) {
        uint64_t bit = (uint64_t)i - (uint64_t)s->low;
        return bit < s->span && bitmap_get(s->bitmap, bit);
    }
    if (s->ints_mask == 0) {
        for (uint32_t k = 0; k < s->n_ints; k++)
            if (s->ints[k] == i)
                return true;
        return false;
    }
    for (uint64_t at = hash_u64(s->key, (uint64_t)i) & s->ints_mask; bitmap_get(s->table_used, at);
         at = (at + 1) & s->ints_mask)
        if (s->table[at] == i)
            return true;
    return false;
}

static inline bool set_has_string(const struct set *s, const uint8_t *p, uint32_t n) {
    if (s->strings_mask == 0) {
        for (uint32_t k = 0; k < s->n_strings; k++)
            if (s->strings[k].n == n && bytes_same(s->strings[k].p, p, n))
                return true;
        return false;
    }
    uint64_t hash = hash_bytes(s->key, p, n);
    for (uint64_t at = hash & s->strings_mask; s->strings[at].used; at = (at + 1) & s->strings_mask)
        if (s->strings[at].hash == hash && s->strings[at].n == n &&
            memcmp(s->strings[at].p, p, n) == 0)
            return true;
    return false;
}

#endif

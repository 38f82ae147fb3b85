/* Keyed hashing, so that a peer who chooses the data cannot choose the collisions.
 * SipHash-1-3 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012; the 1-3 rounds as
 * in Rust and Python). */
#ifndef TAMIS_BASE_HASH_H
#define TAMIS_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash_key {
    uint64_t k0, k1;
};

/* The key of this process: random at first use, then constant. Safe from any thread. */
struct hash_key hash_key(void);

uint64_t hash_bytes(struct hash_key key, const void *p, size_t n);

/* Two words to one by a product of 128 bits whose halves are folded together (Wang Yi's wyhash;
 * with secret words in both factors, as aHash has it where there is no AES). */
static inline uint64_t hash_fold(uint64_t a, uint64_t b) {
    unsigned __int128 m = (unsigned __int128)a * b;
    return (uint64_t)m ^ (uint64_t)(m >> 64);
}

/* For one word, cheaper: a keyed multiply-xorshift with 128-bit products. */
static inline uint64_t hash_u64(struct hash_key key, uint64_t x) {
    return hash_fold(hash_fold(x ^ key.k0, key.k1 | 1) ^ key.k1, 0x9E3779B97F4A7C15u);
}

#endif

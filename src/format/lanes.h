/* Eight bytes at a time in a 64-bit word: the structure loops of JSON and CSV in plain C. Private
 * to format/. The tricks are those of Warren, "Hacker's Delight", chapter 6. */
#ifndef TAMIS_FORMAT_LANES_H
#define TAMIS_FORMAT_LANES_H

#include "base/load.h"

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* The high bit of each byte of w that is zero. */
static inline uint64_t zero_bytes(uint64_t w) {
    return ~(((w & EACH(0x7F)) + EACH(0x7F)) | w) & EACH(0x80);
}
static inline uint64_t equal_bytes(uint64_t w, uint8_t c) { return zero_bytes(w ^ EACH(c)); }

/* The high bits of eight bytes as eight bits, the first byte lowest. */
static inline uint64_t gather(uint64_t high) {
    return (high >> 7) * UINT64_C(0x0102040810204080) >> 56;
}

#endif

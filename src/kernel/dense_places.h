/* The places of the bits that are set in a byte, by table: for the levels that have no instruction
 * which draws the numbers of set bits together. Private to src/kernel/dense*. */
#ifndef TAMIS_KERNEL_DENSE_PLACES_H
#define TAMIS_KERNEL_DENSE_PLACES_H

#include <stdint.h>

#define PLACE(byte, bit)                                                                           \
    ((uint64_t)((byte) >> (bit)&1) * (bit)                                                         \
     << 8 * __builtin_popcount((unsigned)(byte) & ((1u << (bit)) - 1)))
#define PLACES(byte)                                                                               \
    (PLACE(byte, 1) | PLACE(byte, 2) | PLACE(byte, 3) | PLACE(byte, 4) | PLACE(byte, 5) |          \
     PLACE(byte, 6) | PLACE(byte, 7))
#define PLACES_4(byte) PLACES(byte), PLACES((byte) + 1), PLACES((byte) + 2), PLACES((byte) + 3)
#define PLACES_16(byte)                                                                            \
    PLACES_4(byte), PLACES_4((byte) + 4), PLACES_4((byte) + 8), PLACES_4((byte) + 12)
#define PLACES_64(byte)                                                                            \
    PLACES_16(byte), PLACES_16((byte) + 16), PLACES_16((byte) + 32), PLACES_16((byte) + 48)

/* One byte each, the first lowest, and zeros behind the last. */
static const uint64_t PLACES_OF[256] = {PLACES_64(0), PLACES_64(64), PLACES_64(128),
                                        PLACES_64(192)};

#endif

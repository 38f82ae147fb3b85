/* Needles: short strings to look for, in which ASCII letters are in lower case and stand for both
 * cases. Readable by C and C++ alike. */
#ifndef TAMIS_KERNEL_NEEDLE_H
#define TAMIS_KERNEL_NEEDLE_H

#include <stdint.h>

#define NEEDLE_BYTES 8u
#define NEEDLES_MOST 8u

struct needle {
    uint8_t n; /* 1 .. NEEDLE_BYTES */
    uint8_t bytes[NEEDLE_BYTES];
};

/* The bit in which the two cases of a lower case ASCII letter differ; 0 for other bytes. */
static inline uint8_t needle_case(uint8_t c) { return (uint8_t)(c - 'a') < 26 ? 0x20 : 0; }

#endif

/* Bitmaps: bit i stands in byte i / 8 with value 1 << (i % 8), as on the wire. */
#ifndef TAMIS_BASE_BITMAP_H
#define TAMIS_BASE_BITMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline size_t bitmap_bytes(size_t bits) { return bits / 8 + (bits % 8 != 0); }
static inline bool bitmap_get(const uint8_t *map, size_t i) { return (map[i / 8] >> (i % 8)) & 1; }
static inline void bitmap_set(uint8_t *map, size_t i) { map[i / 8] |= (uint8_t)(1u << (i % 8)); }

#endif

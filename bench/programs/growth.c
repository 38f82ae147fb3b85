/* The counts of workloads/growth.py in plain C: what the machine allows. A library that Python
 * calls in its own process, compiled for this machine.
 */
#include "mask.h"

#include <stddef.h>
#include <stdint.h>

size_t growth_range(const int32_t *joined, size_t rows, int32_t low, int32_t high);
size_t growth_byte(const uint8_t *age, size_t rows, uint8_t low, uint8_t high);
size_t growth_conjunction(const uint8_t *age, const int32_t *joined, size_t rows, uint8_t least,
                          int32_t before);

/* low <= joined <= high */
size_t growth_range(const int32_t *joined, size_t rows, int32_t low, int32_t high) {
    uint8_t mask[BLOCK];
    uint32_t width = (uint32_t)high - (uint32_t)low;
    size_t found = 0;
    for (size_t start = 0; start < rows; start += BLOCK) {
        size_t here = mask_rows(rows, start, mask);
        for (size_t i = 0; i < here; i++)
            mask[i] = (uint32_t)joined[start + i] - (uint32_t)low <= width;
        found += mask_count(mask);
    }
    return found;
}

/* low <= age <= high */
size_t growth_byte(const uint8_t *age, size_t rows, uint8_t low, uint8_t high) {
    uint8_t mask[BLOCK], width = (uint8_t)(high - low);
    size_t found = 0;
    for (size_t start = 0; start < rows; start += BLOCK) {
        size_t here = mask_rows(rows, start, mask);
        for (size_t i = 0; i < here; i++)
            mask[i] = (uint8_t)(age[start + i] - low) <= width;
        found += mask_count(mask);
    }
    return found;
}

/* age >= least and joined < before */
size_t growth_conjunction(const uint8_t *age, const int32_t *joined, size_t rows, uint8_t least,
                          int32_t before) {
    uint8_t mask[BLOCK];
    size_t found = 0;
    for (size_t start = 0; start < rows; start += BLOCK) {
        size_t here = mask_rows(rows, start, mask);
        for (size_t i = 0; i < here; i++)
            mask[i] = (age[start + i] >= least) & (joined[start + i] < before);
        found += mask_count(mask);
    }
    return found;
}

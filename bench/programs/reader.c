/* See reader.h. */
#include "reader.h"

#include <stdbool.h>

#define AHEAD_BYTES 4096u

/* One loop of each kind. Four vectors side by side, so that none waits for the one before. */
#define READER(level, attribute, vector_bytes)                                                     \
    attribute static uint64_t sum_##level##_by(const uint8_t *p, size_t bytes, size_t ahead) {     \
        typedef uint64_t lanes __attribute__((vector_size(vector_bytes), may_alias));              \
        lanes sum[4] = {{0}};                                                                      \
        for (size_t i = 0; i < bytes; i += sizeof sum) {                                           \
            for (size_t line = 0; ahead && line < sizeof sum; line += 64)                          \
                __builtin_prefetch(p + i + ahead + line);                                          \
            for (size_t l = 0; l < 4; l++)                                                         \
                sum[l] += *(const lanes *)(const void *)(p + i + l * sizeof *sum);                 \
        }                                                                                          \
        sum[0] += sum[1] + sum[2] + sum[3];                                                        \
        return sum[0][0] + sum[0][1];                                                              \
    }                                                                                              \
    attribute static uint64_t max_##level##_by(const uint8_t *p, size_t bytes, size_t ahead) {     \
        typedef int32_t lanes __attribute__((vector_size(vector_bytes), may_alias));               \
        lanes max[4] = {{0}};                                                                      \
        for (size_t i = 0; i < bytes; i += sizeof max) {                                           \
            for (size_t line = 0; ahead && line < sizeof max; line += 64)                          \
                __builtin_prefetch(p + i + ahead + line);                                          \
            for (size_t l = 0; l < 4; l++) {                                                       \
                lanes v = *(const lanes *)(const void *)(p + i + l * sizeof *max);                 \
                lanes more = v > max[l];                                                           \
                max[l] = (v & more) | (max[l] & ~more);                                            \
            }                                                                                      \
        }                                                                                          \
        max[0] ^= max[1] ^ max[2] ^ max[3];                                                        \
        return (uint64_t)max[0][0];                                                                \
    }                                                                                              \
    attribute static uint64_t sum_##level(const uint8_t *p, size_t bytes) {                        \
        return sum_##level##_by(p, bytes, 0);                                                      \
    }                                                                                              \
    attribute static uint64_t max_##level(const uint8_t *p, size_t bytes) {                        \
        return max_##level##_by(p, bytes, 0);                                                      \
    }                                                                                              \
    attribute static uint64_t sum_ahead_##level(const uint8_t *p, size_t bytes) {                  \
        return sum_##level##_by(p, bytes, AHEAD_BYTES);                                            \
    }                                                                                              \
    attribute static uint64_t max_ahead_##level(const uint8_t *p, size_t bytes) {                  \
        return max_##level##_by(p, bytes, AHEAD_BYTES);                                            \
    }

#define NAMED(level)                                                                               \
    {"sum, " #level, sum_##level}, {"max, " #level, max_##level},                                  \
        {"sum, asking ahead, " #level, sum_ahead_##level}, {                                       \
        "max, asking ahead, " #level, max_ahead_##level                                            \
    }

READER(base, , 16)
#if defined(__x86_64__)
READER(avx2, __attribute__((target("avx2"))), 32)
READER(avx512, __attribute__((target("avx512f,avx512bw"))), 64)
static const struct reader AVX2[] = {NAMED(base), NAMED(avx2), {NULL, NULL}};
static const struct reader AVX512[] = {NAMED(base), NAMED(avx2), NAMED(avx512), {NULL, NULL}};
#endif
static const struct reader BASE[] = {NAMED(base), {NULL, NULL}};

const struct reader *readers(void) {
#if defined(__x86_64__)
    bool has_avx2 = __builtin_cpu_supports("avx2");
    if (has_avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw"))
        return AVX512;
    if (has_avx2)
        return AVX2;
#endif
    return BASE;
}

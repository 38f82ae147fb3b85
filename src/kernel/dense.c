/* Which dense loops there are: see dense.h, dense_level.h. */
#include "kernel/dense_level.h"

#if defined(__x86_64__)
static bool has_avx2(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
           __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt");
}

static bool has_avx512(void) {
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vbmi2") &&
           __builtin_cpu_supports("avx512vpopcntdq");
}
#endif

const struct dense_ops *dense_ops_at(enum dense_level level) {
    if (level == DENSE_BASE)
        return &dense_base;
#if defined(__x86_64__)
    if (level == DENSE_AVX2)
        return has_avx2() ? &dense_avx2 : NULL;
    if (level == DENSE_AVX512)
        return has_avx512() ? &dense_avx512 : NULL;
#endif
    return NULL;
}

const struct dense_ops *dense_ops(void) {
    for (enum dense_level level = DENSE_LEVELS - 1; level > DENSE_BASE; level--)
        if (dense_ops_at(level))
            return dense_ops_at(level);
    return &dense_base;
}

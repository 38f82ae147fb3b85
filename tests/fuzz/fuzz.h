/* A fuzz target is one function of libFuzzer's shape in fuzz_NAME.c. Built with clang and
 * -DTAMIS_FUZZERS=ON it is a fuzzer; with any compiler, replay.c runs it over the files of
 * corpus/NAME as an ordinary test. A target must not keep state between inputs, must free all it
 * takes, and says what is wrong by FUZZ_CHECK. Bounds of its own are small, so that a slow input is
 * a finding. */
#ifndef TAMIS_TESTS_FUZZ_H
#define TAMIS_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void fuzz_check(int ok, const char *what, const char *file, int line) {
    if (ok)
        return;
    fprintf(stderr, "%s:%d: %s does not hold\n", file, line, what);
    abort();
}
#define FUZZ_CHECK(condition) fuzz_check((condition) ? 1 : 0, #condition, __FILE__, __LINE__)

#endif

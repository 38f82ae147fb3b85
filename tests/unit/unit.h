/* What every cmocka test includes: cmocka's own needs in the order it wants them, and a few checks.
 */
#ifndef TAMIS_TESTS_UNIT_H
#define TAMIS_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

/* For assert_* over a status: cmocka prints the numbers, this adds the case. */
#define assert_status(got, want, what)                                                             \
    check_status((int)(got), (int)(want), (what), __FILE__, __LINE__)

static inline void check_status(int got, int want, const char *what, const char *file, int line) {
    if (got == want)
        return;
    print_error("%s: status %d, expected %d\n", what, got, want);
    _fail(file, line);
}

/* Of this process so far: for bounds that no load of the machine can break. */
static inline double cpu_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

#endif

/* What every contestant of a race over a file of rows has in common: the file in memory, a line on
 * stdin for each run, a line on stdout with the time and the answer.
 *
 * The answer is a count and a hash of the numbers of the matching rows in order, so that two
 * contestants that keep as many but other rows are told apart. It knows no query and no format.
 */
#ifndef BENCH_CONTESTANT_H
#define BENCH_CONTESTANT_H

#include <stddef.h>
#include <stdint.h>

struct input {
    const unsigned char *bytes; /* mapped and touched, so no run pays for page faults */
    size_t length;
};

struct answer {
    uint64_t rows;
    uint64_t matched;
    uint64_t hash;
};

/* One hash step a matching row: the same arithmetic in harness/queries.py. */
static inline void answer_add(struct answer *answer, uint64_t row) {
    answer->matched++;
    answer->hash = (answer->hash ^ row) * UINT64_C(0x100000001b3);
}

/* One run over the whole input; *answer is zeroed before. Returns 0, or prints why not and
 * returns 1. */
typedef int contestant_run(void *arg, const struct input *input, struct answer *answer);

/* Maps `path` and serves runs: for each line on stdin one run and "ns rows matched hash" on stdout,
 * until end of input. Returns the exit status. */
int contestant_serve(const char *path, contestant_run *run, void *arg);

#endif

/* How many instructions a function executes, counted exactly: a child process runs it, and its
 * parent lets it go one instruction at a time (ptrace). Works where a machine has no counters, and
 * for every instruction that the processor knows. Some microseconds an instruction.
 *
 * An instruction with a rep prefix counts once for each repetition.
 */
#ifndef BENCH_STEPS_H
#define BENCH_STEPS_H

#include <stdint.h>

typedef void steps_fn(void *arg);

/* What fn(arg) executes, and a constant number beside: differences are exact. The caller's memory
 * stays as it is. 0: processes may not be traced here. */
uint64_t steps_count(steps_fn *fn, void *arg);

#endif

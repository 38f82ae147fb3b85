/* The n-th allocation fails: every path that runs out of memory is walked, and nothing may leak on
 * it.
 *
 * A test linked with --wrap=malloc,calloc,realloc,aligned_alloc,free (tamis_fault_test in
 * tests/CMakeLists.txt) sees every allocation that tamis code makes. fault_each runs an operation
 * again and again: with the first allocation failing, the second, and so on until it runs to its
 * end without reaching the failing one. Each n is tried twice: that one allocation fails, and all
 * from it on.
 *
 * To add a test: write a function that does the whole operation from nothing to nothing (init,
 * work, check, done) and give its status, and call fault_each on it. One thread at a time.
 */
#ifndef TAMIS_TESTS_ALLOC_FAULT_H
#define TAMIS_TESTS_ALLOC_FAULT_H

#include "base/status.h"

/* One whole run. E_OK only if the result was there and right: a run that reports success after a
 * failed allocation is believed only because the function has looked. Everything allocated must be
 * freed on return. */
typedef enum status fault_fn(void *arg);

/* Fails the test (cmocka) if a run leaks, gives a status other than E_OK and E_MEMORY, or does not
 * give E_OK once nothing fails. Gives the number of allocations of a whole run; a run without any
 * is a failure too. */
unsigned fault_each(const char *what, fault_fn *run, void *arg);

/* Blocks that are allocated now, and how often one was asked for so far, for tests that count by
 * themselves. */
size_t fault_live_blocks(void);
size_t fault_allocations(void);

#endif

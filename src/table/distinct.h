/* How many different values there are: exact up to DISTINCT_MOST, by a set of their hashes; beyond
 * that an estimate by HyperLogLog (Flajolet, Fusy, Gandouet and Meunier, 2007) with 2^14 registers,
 * whose standard error is 0.8 percent.
 *
 * "Exact" leaves out that two values may have the same 64 keyed bits: among a million about once in
 * 3 * 10^7 tables.
 */
#ifndef TAMIS_TABLE_DISTINCT_H
#define TAMIS_TABLE_DISTINCT_H

#include "base/alloc.h"
#include "value/value.h"

#ifdef TAMIS_HOSTILE
#define DISTINCT_MOST 65536u
#else
#define DISTINCT_MOST 1048576u
#endif

struct distinct {
    struct budget *budget;
    uint64_t *hashes; /* open addressing; 0: empty */
    uint64_t mask;
    uint64_t n;
    uint8_t *registers; /* NULL: still exact */
};

void distinct_init(struct distinct *d, struct budget *budget);
void distinct_done(struct distinct *d);
/* Adds a value that is neither null nor missing. Equal numbers are one value, nested ones are told
 * apart by their bytes, every NaN is the same. False: no memory. */
bool distinct_add(struct distinct *d, struct value v);
uint64_t distinct_count(const struct distinct *d, bool *ret_exact);

#endif

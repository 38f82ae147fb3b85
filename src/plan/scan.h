/* Scans: a plan run over the chunks of a resident table.
 *
 * Where run_block_filter (plan.h) goes row block by row block through steps over selections, a scan
 * goes segment by segment through loops over whole arrays, from bitmap to bitmap
 * (kernel/dense.h), and answers the same for every value:
 *
 * - a term over one column becomes an interval, a set of codes or a string loop over the chunk as
 * it is stored; zones whose statistics decide it are not looked at;
 * - a dictionary's values are asked once each, and what they answered is kept with the scan;
 * - what has no such form (functions, quantifiers, mixed columns) is run by the plan's own steps
 *   over just the rows that are still in question;
 * - the terms of a conjunction or disjunction change places by what they were measured to cost and
 *   to keep.
 *
 * A scan belongs to one thread at a time, and may be used for any number of requests and tables,
 * one after the other; nothing is allocated once it has seen its chunks' forms. Its plan must
 * outlive it.
 */
#ifndef TAMIS_PLAN_SCAN_H
#define TAMIS_PLAN_SCAN_H

#include "plan/plan.h"
#include "value/chunk.h"

struct scan;

/* NULL on failure, with e (MEMORY, or what plan_new says of a part of the query). */
struct scan *scan_new(const struct plan *p, const struct limits *limits, struct budget *budget,
                      struct error *e);
void scan_free(struct scan *s); /* NULL is fine */
/* The memory that it keeps, also between requests; grows with what it has seen. */
size_t scan_held_bytes(const struct scan *s);

/* Begins a request: counters are zero, what was learned stays. options.now_ns not NULL: terms are
 * measured, and put in order by that. */
void scan_begin(struct scan *s, const struct run_options *options);

#define SCAN_FAILED UINT32_MAX

/* Sets in ret_bits (CHUNK_WORDS words) the bits of the kept rows among rows 0 .. n - 1, and gives
 * their number. chunks: one for each slot of plan_fields, NULL where all cells are missing. live:
 * rows that count, or NULL: all. With options.stop set the answer is meaningless. SCAN_FAILED:
 * scan_failure says why. */
uint32_t scan_part(struct scan *s, const struct chunk *const *chunks, uint32_t n,
                   const uint64_t *live, uint64_t *ret_bits);
/* Gives the number of these rows alone, if it can without looking at any: by how often each byte of
 * the only column that the query looks at occurs, which a chunk knows once it has been asked some
 * times; n_live of the rows count. False: ask scan_part. Any thread may so ask for the same chunk.
 */
bool scan_count(struct scan *s, const struct chunk *const *chunks, uint32_t n, const uint64_t *live,
                uint32_t n_live, uint32_t *ret);
bool scan_has_failed(const struct scan *s);
enum status scan_failure(const struct scan *s, struct error *e);

/* Since scan_begin: comparisons whose types decided (T4), calls without a result (X7), in the rows
 * that a term had to look at. */
uint64_t scan_mismatches(const struct scan *s);
uint64_t scan_undefined(const struct scan *s);

/* Writes what was done since scan_begin, as an array of maps in msgpack and as a text for people.
 * False: no memory. */
bool scan_explain(const struct scan *s, struct buf *ret_steps, struct buf *ret_text);

#endif

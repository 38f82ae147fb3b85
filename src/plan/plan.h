/* Plans: a query compiled to a table of loops, and the state to run it over blocks.
 *
 * A plan is immutable: any number of runs, on any threads, may use it at once. It borrows its query
 * and the parameter values, which must outlive it. A run belongs to one thread at a time. This is
 * the only room that knows both queries and kernels; above it there are only plans.
 */
#ifndef TAMIS_PLAN_PLAN_H
#define TAMIS_PLAN_PLAN_H

#include "base/warning.h"
#include "format/scan.h"
#include "query/query.h"

#include <stdatomic.h>

struct plan;
struct run;

/* Compiles. params has one value for each of query->n_params (missing: not given, which is
 * PARAM_MISSING). Errors: PARAM_MISSING, PARAM_TYPE, BAD_ESCAPE, BAD_ARGUMENT, LIST_TOO_LONG,
 * MEMORY; positions are those of the query. NULL on failure. */
struct plan *plan_new(const struct query *query, const struct value *params,
                      const struct limits *limits, struct budget *budget, struct error *e);
void plan_free(struct plan *p);

/* The fields of the row that the plan reads: slot i is column i of the blocks it is run on. */
const struct fields *plan_fields(const struct plan *p);
size_t plan_held_bytes(const struct plan *p);

/* Whether running q may take more than in proportion to its bytes times those of the rows: a
 * regular expression, whose program can be far larger than its text; replace, whose results can be
 * larger than rows and query together; LIKE with a pattern that the row brings; and quantifiers
 * that look at more than their elements, since they do so for each: at the row, or at the elements
 * of a quantifier around. For scheduling. Takes few nanoseconds a node. */
bool query_is_heavy(const struct query *q);

/* The path of slot i of plan_fields; and where the query first names it, or NULL. */
struct path plan_path(const struct plan *p, uint32_t slot);
/* hash_bytes of its first key, under hash_key(). */
uint64_t plan_path_hash(const struct plan *p, uint32_t slot);
const struct node *plan_path_node(const struct plan *p, uint32_t slot);

/* Where slot i may be meant as a text: the query has its name in double quotes and sets it against
 * another field or a call, as in `city = "Oslo"`. Or NULL. */
const struct node *plan_meant_text(const struct plan *p, uint32_t slot);

/* Where the query needs something else of slot i than a text: compares it with a constant that is
 * none, reckons with it, or takes it for a condition. NULL: nowhere, or it is also compared with a
 * text or asked for its type, and so known to be one at times. */
const struct node *plan_meant_no_text(const struct plan *p, uint32_t slot);

/* Whether any slot has one of the two. */
bool plan_means_more(const struct plan *p);

/* The distinct row paths that a query names, whether or not a plan with certain parameters needs
 * them all. In order of appearance; in the arena. False: no memory. */
bool query_fields(const struct query *q, struct arena *a, const struct path **ret_paths,
                  uint32_t *ret_n);

/* What the compiler warns of, in the order in which it was found; owned by the plan. */
const struct warning *plan_warnings(const struct plan *p, uint32_t *ret_n);

/* What a step did, for EXPLAIN ANALYZE. */
struct step_stats {
    uint64_t rows_in, rows_out, ns;
    uint32_t *kernels; /* blocks by kernel, in the order of kernel_at */
    uint32_t *loops;   /* ... and by loop, in the order of compute_at */
};

struct run_options {
    const atomic_bool *stop;  /* the run gives up soon after it is true; may be NULL */
    uint64_t (*now_ns)(void); /* not NULL: keep step_stats */
    bool measures_all;        /* scans: also what is hardly worth a look at the clock */
    uint32_t row_depth, row_fields;
    uint64_t nested_elements; /* that quantifiers inside others may look at in a block; 0: any */
};

/* State for running p; NULL: no memory. */
struct run *run_new(const struct plan *p, const struct run_options *options, struct budget *budget);
void run_free(struct run *r);
size_t run_held_bytes(const struct run *r);

/* The block to fill: run_clear, then columns by slot, then run_seal. */
struct block *run_block(struct run *r);
void run_clear(struct run *r);
void run_seal(struct run *r, uint32_t n);

#define RUN_FAILED UINT32_MAX

/* Evaluates the filled block. Sets *ret_rows to the kept rows, ascending, and gives their number;
 * valid until the next call. With options.stop set the answer is meaningless. RUN_FAILED:
 * run_failure says why; the run is over. */
uint32_t run_block_filter(struct run *r, const uint16_t **ret_rows);

/* After a block in which run_mismatches grew: finds the first row that made it grow, and reports it
 * in e as TYPE_MISMATCH, with the condition's place, and in near_text the path. Gives the row's
 * number in the block; the number of the first one in the request is base. The counts stay. */
uint32_t run_blame(struct run *r, uint64_t base, struct error *e);

/* After RUN_FAILED: fills e (MEMORY for a value, TOO_MANY_ELEMENTS) and gives its status. */
enum status run_failure(const struct run *r, struct error *e);

/* The kept rows of the last run_block_filter, where they stand now. */
const uint16_t *run_block_rows(const struct run *r);

uint64_t run_mismatches(const struct run *r); /* T4, so far */
uint64_t run_undefined(const struct run *r);  /* X7, so far */

/* Writes the plan: as an array of maps in msgpack, and as a text for people. r is NULL for a plan
 * that was not run. False: no memory. */
bool plan_explain(const struct plan *p, const struct run *r, struct buf *ret_steps,
                  struct buf *ret_text);

#endif

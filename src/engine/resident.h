/* A query over a resident table: the rows of a snapshot that a scan keeps, part by part, as a
 * result in the kinds of PROTOCOL.md.
 *
 * The life of one: resident_new; then, until resident_is_over, resident_take, which runs the scan
 * over as much as gives one chunk of result at most, and appends its bytes. A caller stops in
 * between when it likes. What needs all rows before the first can be told (an order, counts of
 * values) gives chunks without bytes until then.
 *
 * Owned by its request; the snapshot, which belongs to the caller, must outlive it. One thread at a
 * time. */
#ifndef TAMIS_ENGINE_RESIDENT_H
#define TAMIS_ENGINE_RESIDENT_H

#include "base/crew.h"
#include "engine/result.h"
#include "plan/scan.h"
#include "table/table.h"

struct order_by {
    struct path path;
    bool descending;
};

/* What is wanted, borrowed until resident_free. */
struct resident_query {
    const struct plan *plan;
    enum result_kind kind;
    uint64_t offset, limit; /* UINT64_MAX: no limit */
    const struct order_by *order;
    uint32_t n_order;
    const struct path *columns; /* of COLUMNS and ROWS; NULL: all */
    uint32_t n_columns;
    struct path by; /* COUNTS */
};

struct resident;

/* Whether it is written number by number, so that a fixed buffer can take it: row numbers without
 * an order. */
bool resident_fits_fixed(const struct resident_query *q);

#define RESIDENT_PARALLEL_ROWS (8u * SEGMENT_ROWS) /* tables of so many are worth a crew */

/* spare: one that rests, whose memory is used, or NULL; it is no more in any case.
 * scans: at least one for the plan, which go on belonging to the caller; begun here. With a crew,
 * and one scan for each of its hands, large tables are looked at by all of them. NULL: no memory.
 */
struct resident *resident_new(struct resident *spare, const struct resident_query *q,
                              const struct snapshot *s, struct scan *const *scans, uint32_t n_scans,
                              struct crew *crew, const struct run_options *options,
                              struct budget *budget, struct error *e);
/* Lets go of all but some 24 KiB of memory, which the next one of the same budget may take over. */
struct resident *resident_rest(struct resident *r);
void resident_free(struct resident *r); /* NULL is fine; so is one that rests */

bool resident_is_over(const struct resident *r);

/* One chunk of the result: rows [base, base + rows) of the snapshot, `matched` of which are in it.
 * data is what RESULT has as its data: the bytes of a bin, or for COLUMNS and COUNTS a whole
 * msgpack value. Without rows there is nothing to tell. */
struct resident_chunk {
    enum result_kind kind; /* never AUTO */
    uint64_t base;
    uint64_t rows, matched;
    bool has_data;
};

#define RESIDENT_ALL UINT32_MAX

/* Goes on, but looks at no part from number `to` on (RESIDENT_ALL: at all). It must not be at `to`
 * yet. Errors: MEMORY, TOO_MANY_ELEMENTS. With options.stop set what it gives is meaningless.
 * data may be a fixed buffer if resident_fits_fixed: nothing in it is read. It then takes the
 * parts whose numbers fit as a whole; a chunk without rows, while it is not over, tells that the
 * next one does not, and must be taken into another buffer. */
enum status resident_take(struct resident *r, uint32_t to, struct buf *data,
                          struct resident_chunk *ret, struct error *e);
/* Whether all that can be told without the parts from `to` on has been. Several queries over one
 * snapshot that go on side by side, each up to the same part, find its chunks in the cache. */
bool resident_is_at(const struct resident *r, uint32_t to);

/* The chunks of a part that the slots of a plan read, in their order; NULL where all is missing.
 * False: no memory. */
bool resident_slot_chunks(const struct plan *plan, const struct snapshot *s, const struct part *p,
                          const struct chunk **ret);

uint64_t resident_rows(const struct resident *r);    /* looked at so far */
uint64_t resident_matched(const struct resident *r); /* so far, as DONE tells it */
bool resident_limit_reached(const struct resident *r);
uint64_t resident_mismatches(const struct resident *r);
uint64_t resident_undefined(const struct resident *r);

#endif

/* Inside of a batch. Private to table/. */
#ifndef TAMIS_TABLE_BATCH_H
#define TAMIS_TABLE_BATCH_H

#include "base/arena.h"
#include "base/crew.h"
#include "format/scan.h"
#include "table/hands.h"
#include "table/lists.h"
#include "table/store.h"

/* A column of the batch. */
struct inlet {
    struct str name;    /* in the arena; {NULL, 0}: of keys that are no str */
    const uint8_t *key; /* the name encoded, as most writers do it, and 8 bytes more */
    uint32_t key_n;
    uint64_t word, mask; /* its first 8 bytes, and which of them count */
    uint32_t hash;
    struct cells cells;
    struct lists lists;  /* of the cells' dictionary */
    struct sealed *kept; /* the rows of the open segment as they came (raw.h); the cells are empty
                            then. NULL: none */
    /* of its last whole segment that came as an array ... */
    uint64_t cost_ns; /* 0: not known yet */
    bool has_codes;   /* it became codes */
};

/* Rows that are sealed, columns as in the batch. */
struct stage {
    uint32_t n, n_columns;
    struct sealed **columns;
};

struct batch {
    struct table *table;
    struct budget *budget;
    struct arena arena; /* names */
    struct inlet *inlets;
    uint32_t n_inlets, inlets_room;
    uint32_t *slots; /* inlet + 1 by hash of the name */
    uint32_t mask;
    uint32_t nameless;  /* the inlet, or NO_TABLE_COLUMN */
    uint32_t *expected; /* by place in a row: the inlet that the row before had there */
    uint32_t n_expected, expected_room;
    struct buf other; /* pairs of the row whose keys are no str */
    struct scanner skip;
    struct crew *crew;  /* of batch_use_crew */
    struct hands hands; /* of arrays.c */
    struct stage *stages;
    uint32_t n_stages, stages_room;
    uint32_t rows;  /* not sealed yet */
    uint64_t total; /* all */
    bool is_full;   /* some column has as many bytes as a segment should have */
    bool has_kept;  /* some inlet has */
};

/* The inlet of a name, made if need be. Gives NO_TABLE_COLUMN with *e: ROW_TOO_WIDE, MEMORY. */
uint32_t batch_inlet(struct batch *b, struct str name, struct error *e);
/* Ends the open segment, if it has rows. False: no memory; the batch can then only be freed or
 * cleared, as with all that follow. */
bool batch_seal(struct batch *b);
/* The same by parts: begins a stage of n rows, seals one inlet into it (several threads, an inlet
 * each), and seals all that have not been. */
bool batch_stage(struct batch *b, uint32_t n);
bool batch_seal_inlet(struct batch *b, uint32_t i);
bool batch_seal_rest(struct batch *b);
/* Before rows are added to the open segment: what was kept goes to the cells. False: no memory. */
bool batch_take_kept(struct batch *b);
void batch_clear(struct batch *b); /* no rows, no columns */
/* The crew, if n rows of so many columns are worth it; else NULL. */
struct crew *batch_crew(const struct batch *b, uint64_t n, uint32_t n_columns);

#endif

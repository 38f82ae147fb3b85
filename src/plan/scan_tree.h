/* Inside of scans. Private to plan/.
 *
 * The predicates of a plan, once more, as a tree of row sets: negations are pushed down to the
 * terms, which want one truth, so that UNKNOWN needs no set of its own.
 *
 * - scan.c: the tree, made and walked; the order of terms
 * - scan_term.c: a term over a chunk, by the chunk's form; scan_number.c, scan_text.c: forms
 * - scan_set.c: IN
 * - scan_zone.c: what statistics decide
 * - scan_count.c: what counts of bytes decide
 * - scan_rows.c: whatever has no such form, by the steps of a plan or the kernels of blocks
 * - scan_dict.c: what dictionary values answered
 * - scan_explain.c
 */
#ifndef TAMIS_PLAN_SCAN_TREE_H
#define TAMIS_PLAN_SCAN_TREE_H

#include "kernel/dense.h"
#include "plan/program.h"
#include "plan/scan.h"

enum scan_kind {
    SCAN_ALL,
    SCAN_NONE,
    SCAN_TERM, /* `term` over slots x, y */
    SCAN_PART, /* `part`, a plan of its own for some node of the query */
    SCAN_CONJ, /* rows of all kids */
    SCAN_DISJ, /* rows of some kid */
    SCAN_REST, /* rows that are not of kids[0] */
};

/* How rows were decided, for EXPLAIN: X(NAME, "what it is called"). */
#define SCAN_HOWS(X)                                                                               \
    X(RANGE_8, "range_i8")                                                                         \
    X(RANGE_8_BOTH, "range_i8_both")                                                               \
    X(RANGE_16, "range_i16")                                                                       \
    X(RANGE_32, "range_i32")                                                                       \
    X(RANGE_64, "range_i64")                                                                       \
    X(RANGE_F64, "range_f64")                                                                      \
    X(ANY_8, "any_i8")                                                                             \
    X(ANY_16, "any_i16")                                                                           \
    X(ANY_32, "any_i32")                                                                           \
    X(ANY_64, "any_i64")                                                                           \
    X(ANY_F64, "any_f64")                                                                          \
    X(SET, "set")                                                                                  \
    X(PAIR_I64, "pair_i64")                                                                        \
    X(PAIR_F64, "pair_f64")                                                                        \
    X(LOOKUP_8, "lookup_u8")                                                                       \
    X(LOOKUP_16, "lookup_u16")                                                                     \
    X(LOOKUP_32, "lookup_u32")                                                                     \
    X(STR_EQUAL, "str_equal")                                                                      \
    X(STR_PREFIX, "str_prefix")                                                                    \
    X(STR_SUFFIX, "str_suffix")                                                                    \
    X(STR_CONTAINS, "str_contains")                                                                \
    X(STR_ANY, "str_any")                                                                          \
    X(STR_RANGE, "str_range")                                                                      \
    X(STR_FIRST, "str_first")                                                                      \
    X(BITS, "bits")                                                                                \
    X(ROWS, "rows")

enum scan_how {
#define X(name, text) HOW_##name,
    SCAN_HOWS(X)
#undef X
        SCAN_HOWS_COUNT
};

/* Some codes, in the order of which they came: n of them, from first to last. */
struct code_run {
    uint32_t n, first, last;
};

/* A chunk's bytes are counted when that has been asked for so many times: it takes as long as
 * looking at the chunk some twelve times. Deleted rows are then looked at one by one, at most one
 * of COUNTS_DEAD_OF. */
#define COUNTS_ASKED   8u
#define COUNTS_DEAD_OF 16u

/* Which codes of one dictionary are wanted. */
struct code_set {
    uint64_t dict;                    /* dict_id; 0: unused */
    uint32_t count;                   /* codes that were asked */
    struct code_run wanted, unwanted; /* of them */
    uint32_t words;                   /* of bits, at least those of 65536 codes */
    bool mismatched; /* some value was of a type that cannot be judged: rows must be counted */
    uint64_t used;   /* when last */
    uint64_t *bits;
};
#define CODE_SETS 8u /* dictionaries that a node remembers: paths of a few tables */

/* Which cells of one byte are wanted: by what is stored, and those without a value. */
struct byte_set {
    uint64_t bits[4];
    bool absent;
};

/* What an IN wants of integers that are stored like this, as most segments of a column are. */
struct item_bytes {
    bool is_made, is_unsigned;
    uint64_t base;
    struct byte_set wanted;
};

/* A part of the query that is run as a plan. */
struct scan_sub {
    struct plan *plan;
    struct run *run;
    uint32_t *slots; /* of the scan's plan, by those of this one */
    uint32_t n_slots;
    struct scan_sub *next; /* of the scan's parts, also of those that are in no tree */
};

struct scan_node {
    enum scan_kind kind;
    enum truth want;
    const struct pred *pred; /* what it was made from, for EXPLAIN */
    const struct term *term;
    uint32_t x, y; /* slots; y NO_COLUMN: none */
    struct scan_sub *part;
    struct scan_node **kids;
    uint32_t n_kids;
    uint32_t level;     /* DISJ, REST: whose registers it has */
    bool has_siblings;  /* in a junction, where it may change places with them */
    double cost, share; /* guessed; of a row, and of the rows that are kept */
    uint64_t rows_in, rows_out, ns, timed_rows, timed_out;
    uint64_t how[SCAN_HOWS_COUNT]; /* calls */
    uint64_t zones, zones_none, zones_all, values_asked;
    struct code_set *sets;    /* CODE_SETS of them, made at first use */
    struct scan_items *items; /* of an IN, in order, made at first use (scan_set.c) */
    struct item_bytes item_bytes;
};

#define LEVEL_SETS 3u

struct scan {
    const struct plan *plan;
    const struct limits *limits;
    struct arena arena;
    struct run_options options;
    const struct dense_ops *ops;
    struct scan_node *root;
    struct scan_sub *parts; /* all that were made */
    uint32_t n_nodes, n_levels;
    uint64_t *registers;      /* LEVEL_SETS * CHUNK_WORDS words a level */
    uint64_t *all, *narrowed; /* all n rows; rows of a term that hold values */
    uint64_t *found;          /* what scan_rows.c finds */
    uint64_t *maybe;          /* rows that are worth a closer look */
    uint32_t all_n;
    struct block block; /* two columns, for kernels of blocks */
    uint16_t *cells;    /* BLOCK_ROWS numbers of rows */
    uint16_t *kept;
    int64_t *wide_x, *wide_y; /* ZONE_ROWS numbers, for pairs of columns */
    const struct chunk *const *chunks;
    uint32_t n, words; /* of this segment */
    uint64_t clock;    /* of code_set.used */
    uint64_t segments; /* since the scan was made */
    uint64_t counted;  /* of them, by scan_count, or could have been */
    uint64_t mismatches, undefined;
    enum status failure;
    const struct run *failed;
    struct buf log; /* changes of order since scan_begin */
};

bool scan_is_stopped(const struct scan *s);

/* All give the number of rows kept; out may be in. */
uint32_t scan_term(struct scan *s, struct scan_node *node, const uint64_t *in, uint64_t *out);
/* Both of two neighbours in a conjunction, if that is done in one loop; else false, and nothing is
 * done. n_in: bits that are set of `in`. */
bool scan_two(struct scan *s, struct scan_node *first, struct scan_node *second, const uint64_t *in,
              uint32_t n_in, uint64_t *out, uint32_t *ret_kept);
/* Terms are measured where another order may pay, and in large segments; for EXPLAIN all are. */
bool scan_is_measured(const struct scan *s, const struct scan_node *node);
uint32_t scan_by_kernel(struct scan *s, struct scan_node *node, const uint64_t *in, uint64_t *out);
uint32_t scan_by_plan(struct scan *s, struct scan_node *node, const uint64_t *in, uint64_t *out);

/* The codes of a dictionary that the node wants, asked now or before; NULL: no memory, or a value
 * cannot be judged, and rows must be looked at one by one. At most `most` values are asked that
 * were not before. */
const struct code_set *scan_codes(struct scan *s, struct scan_node *node, const struct dict *d);
/* Rows whose codes are in a set. in must be narrowed to those that hold values. */
uint32_t scan_lookup(struct scan *s, struct scan_node *node, const struct chunk *c,
                     const struct code_set *set, const uint64_t *in, uint64_t *out);
/* The rows of `in` that hold a value. Gives in itself if that is all. */
const uint64_t *scan_valid(struct scan *s, const struct chunk *c, const uint64_t *in);

/* Runs the node's plan over the block of its run, n rows; sets s->failure. */
uint32_t scan_run_block(struct scan *s, struct scan_node *node, uint32_t n,
                        const uint16_t **ret_rows);
bool scan_part_ready(struct scan *s, struct scan_node *node); /* makes its run */

#endif

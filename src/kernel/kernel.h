/* Kernels: the specialised loops. A kernel reads one or two columns of a block and a term's
 * constants, and selects rows.
 *
 * The row loop is inside the kernel and never branches on the operator; that decision was taken
 * when the kernel was picked. A selection is an ascending array of row numbers; NULL as input means
 * all rows 0 .. n-1 (the dense loop). The output may be the input array itself (kernels write at or
 * behind where they read) and has room for n.
 *
 * A kernel answers for one truth value: a term wants the rows where it is TRUE, or (under NOT)
 * those where it is FALSE. So three-valued logic needs no third array: UNKNOWN rows are in neither.
 *
 * Which kernel fits depends on the types that a block's column holds (column.seen): kernel_pick
 * chooses once a block. All kernels of a term give the same answer where they apply; the
 * sel_..._any ones always apply and are the judge of the others.
 *
 * Terms are immutable once built by term_* and may be shared by threads.
 */
#ifndef TAMIS_KERNEL_KERNEL_H
#define TAMIS_KERNEL_KERNEL_H

#include "base/arena.h"
#include "base/hash.h"
#include "kernel/like.h"
#include "value/column.h"

struct set;
struct regex;

enum term_shape {
    TERM_COMPARE, /* x op constant */
    TERM_COLUMNS, /* x op y */
    TERM_BETWEEN, /* x between constants of one ordered class */
    TERM_IN,      /* x in a set of constants */
    TERM_LIKE,    /* x like / ilike a constant pattern */
    TERM_REGEXP,  /* x regexp a constant pattern */
    TERM_STARTS,
    TERM_ENDS,
    TERM_CONTAINS,     /* x and a constant string */
    TERM_TEXT_COLUMNS, /* LIKE, STARTS ... with x and y both columns: `text` says which */
    TERM_DISTINCT,     /* x is distinct from constant */
    TERM_DISTINCT_COLUMNS,
    TERM_NULL,
    TERM_MISSING,
    TERM_NAN,  /* two-valued tests of x */
    TERM_BOOL, /* x as a predicate */
    TERM_SHAPES
};

/* A comparison with a number constant as it looks to each kind of number in a column: an interval,
 * since every ordering, equality and BETWEEN is one. */
struct number_range {
    int64_t i_low, i_high;  /* empty if low > high */
    uint64_t u_low, u_high; /* for UINT */
    double d_low, d_high;   /* NaN bounds: empty */
};

/* Relations as the typed loops know them. N..: that relation is FALSE, which differs from its
 * opposite for NaN, and in any-type loops for values that have no order. */
enum rel {
    REL_EQ,
    REL_NE,
    REL_LT,
    REL_LE,
    REL_GT,
    REL_GE,
    REL_NLT,
    REL_NLE,
    REL_NGT,
    REL_NGE,
    REL_RELS,
    REL_IN = REL_RELS,
    REL_OUT, /* inside, outside the range */
    REL_ALL,
    REL_NONE, /* every number, no number */
};

struct term {
    enum term_shape shape;
    enum compare op;    /* COMPARE, COLUMNS */
    enum truth want;    /* TRUE_ or FALSE_ */
    struct value k, k2; /* constants: COMPARE, STARTS ..., DISTINCT: k; BETWEEN: k low, k2 high */
    struct number_range range; /* COMPARE and BETWEEN with number constants */
    enum rel i_rel, d_rel;     /* the same, as one relation for INT and for DOUBLE columns: */
    int64_t i_k;               /* x i_rel i_k */
    double d_k;                /* x d_rel d_k */
    const struct set *set;     /* IN */
    const struct like *like;
    const struct regex *regex;
    bool fold;            /* TEXT_COLUMNS of LIKE: ILIKE */
    uint32_t escape;      /* TEXT_COLUMNS of LIKE */
    enum term_shape text; /* TEXT_COLUMNS: TERM_LIKE, TERM_STARTS, TERM_ENDS or TERM_CONTAINS */
};

struct sel_args {
    const struct column *x, *y;
    const struct term *term;
    const atomic_bool *stop;
    uint64_t *mismatch; /* counts T3 and L5 mismatches; never NULL */
};

typedef uint32_t sel_fn(const struct sel_args *a, const uint16_t *in, uint32_t n, uint16_t *out);

struct kernel {
    const char *name; /* sel_<op>_<type>[_null] */
    sel_fn *run;
};

/* The kernel for a term over columns with these types. Never NULL. */
const struct kernel *kernel_pick(const struct term *t, uint32_t seen_x, uint32_t seen_y);

/* Every kernel there is, for EXPLAIN and for coverage by tests; NULL past the end. */
const struct kernel *kernel_at(size_t i);

/* Relative cost of one row, and the share of rows that is expected to be kept: the static guess
 * that orders terms. */
double term_cost(const struct term *t);
double term_share(const struct term *t);

/* Constructors: false only for lack of memory. Values are borrowed and must live as long as the
 * term. */
void term_compare(struct term *t, enum compare op, struct value k, enum truth want);
/* low and high must be of one class that has an order. */
void term_between(struct term *t, struct value low, struct value high, enum truth want);
bool term_in(struct term *t, struct arena *a, const struct value *items, size_t n, enum truth want);

/* Sets for IN (X6). Numbers, strings and other scalars in a hash table with a keyed hash; -0.0 is
 * 0, integral doubles are integers, NaN is not inserted. */
bool set_build(struct set **ret, struct arena *a, const struct value *items, size_t n);
bool set_has(const struct set *s, struct value v);
bool set_has_null(const struct set *s);
/* Its items in canonical form, null and NaN apart, some perhaps more than once; so many. */
size_t set_items(const struct set *s, struct value *ret);
size_t set_items_most(const struct set *s); /* room for them */
bool set_is_empty(const struct set *s);     /* no item at all, null included (I2) */
/* x IN set, three-valued (I1, I2). */
enum truth set_truth(const struct set *s, struct value x);

#endif

/* Inside of plans: predicates, steps and programs. Private to plan/.
 *
 * Compiling has three stages:
 *
 * - lower.c, lower_term.c: query tree -> predicates; operands become columns, constants are folded,
 *   parameters bound, terms built
 * - order.c: puts the predicates of each conjunction and disjunction in order by cost and expected
 *   share
 * - emit.c: predicates -> steps over registers
 *
 * run.c and quantify.c execute steps.
 *
 * A register holds a selection: ascending row numbers of the block. A predicate is emitted for the
 * truth that is wanted of it: under NOT the other one, so that AND of TRUE and OR of FALSE are both
 * "narrow one after the other", OR of TRUE and AND of FALSE both "add what the rest of the rows
 * give". UNKNOWN rows are in neither, which is all that Kleene's tables ask. Where both truths are
 * needed (IS UNKNOWN, a predicate used as a value) they are emitted together, so that the number of
 * steps stays linear in the tree.
 */
#ifndef TAMIS_PLAN_PROGRAM_H
#define TAMIS_PLAN_PROGRAM_H

#include "kernel/compute.h"
#include "kernel/kernel.h"
#include "kernel/regex.h"
#include "plan/plan.h"

#define NO_COLUMN UINT32_MAX

enum pred_kind {
    PRED_CONST, /* truth */
    PRED_TERM,  /* term over columns x, y */
    PRED_AND,
    PRED_OR,
    PRED_NOT,
    PRED_IS,       /* the kid's truth is `truth`: two-valued */
    PRED_QUANTIFY, /* ANY or EVERY over column x */
    PRED_LET,      /* kids[0], with the operands `let` computed first */
};

/* An operand: a constant, or a column; `from` says how the column is computed. */
struct compute;
struct operand {
    bool is_const;
    struct value value;
    uint32_t column;
    struct compute *from;
};

enum compute_kind {
    COMPUTE_CALL,  /* function of args */
    COMPUTE_TRUTH, /* the truth of preds[0] as a boolean or null */
    COMPUTE_CASE, /* args[i] where preds[i] is the first that is TRUE; args[n_args - 1] elsewhere */
};

/* A value that is computed into a temporary column, for the rows where it is needed. Equal calls
 * of a scope are one compute (lower_value.c): the steps of its second use find the rows that the
 * first has done, and leave them. So sharing never asks which rows came by where. */
struct compute {
    enum compute_kind kind;
    const struct node *node; /* for EXPLAIN */
    const struct function *function;
    struct operand *args;
    uint32_t n_args;
    struct pred **preds;
    struct operand of; /* CASE x WHEN: x, if it must be computed; preds use its column */
    uint32_t column;   /* of the scope */
    uint32_t uses;
    uint32_t shared; /* emit.c: number among the program's shared columns, or NO_COLUMN */
    double cost;     /* order.c */
    bool ranked;
};

struct pred {
    enum pred_kind kind;
    enum truth truth;
    const struct node *node; /* what it was made from, for EXPLAIN */
    struct term term[2];     /* PRED_TERM: for want FALSE_ and TRUE_; see TERM_FOR */
    uint32_t x, y;           /* columns, or NO_COLUMN */
    struct pred **kids;
    uint32_t n_kids;
    const struct operand *let; /* PRED_LET */
    uint32_t n_let;
    bool every;          /* PRED_QUANTIFY */
    struct scope *scope; /* PRED_QUANTIFY: of its elements; kids[0] is the predicate */
    double cost, share;  /* order.c: of one row; the expected share of TRUE */
    bool ranked;
};

#define TERM_FOR(pred, want) (&(pred)->term[(want) == TRUE_])

enum column_kind {
    COLUMN_PATH,  /* scanned from the row or element */
    COLUMN_OUTER, /* copied from a column of the scope around */
    COLUMN_TEMP,  /* written by a step; emit.c gives it room where it is written */
    COLUMN_CONST, /* the same value in every row */
};

struct column_source {
    enum column_kind kind;
    bool takes_text;    /* PATH: somewhere the query reckons with a text */
    struct path path;   /* PATH; all PATH columns come first, as slots of `fields` */
    uint64_t root_hash; /* PATH: plan_path_hash; in a program only */
    uint32_t outer;     /* OUTER */
    union {
        struct value value; /* CONST */
        struct { /* PATH (meant.c): where it may be meant as a text; where it is needed */
            const struct node *as_text, *no_text; /* as something else; or NULL */
        };
    };
};

/* The columns of the row (outermost scope) or of a quantifier's elements. While compiling, columns
 * are numbered in order of first use; `place` then maps that number to the final one, with PATH
 * columns first. */
struct scope {
    struct scope *outer;
    struct column_source *columns;
    uint32_t n, cap;
    uint32_t *table; /* hash of columns: number + 1, or 0 */
    uint32_t table_cap;
    uint32_t *place;
    uint32_t n_paths, n_placed; /* of place; temporary columns are not in it yet */
    struct compute **computes;  /* hash of calls, by function and arguments */
    uint32_t n_computes, computes_cap, n_shared;
};

enum step_kind {
    STEP_TERM,
    STEP_COPY,
    STEP_NONE,
    STEP_UNION,
    STEP_MINUS,
    STEP_UNLESS_EMPTY,
    STEP_BOOL,
    STEP_COMPUTE,
    STEP_ASSIGN,
    STEP_QUANTIFY
};

/* An argument of a step: a column in final numbers, or NO_COLUMN and a value. */
struct step_arg {
    uint32_t column;
    struct value value;
};

struct program;

struct step {
    enum step_kind kind;
    uint32_t in, in2,
        out;       /* registers. UNION, MINUS: out = in op in2. BOOL: TRUE rows, FALSE rows */
    uint32_t out2; /* QUANTIFY with `both`: the FALSE rows */
    uint32_t x, y; /* columns. BOOL, COMPUTE and ASSIGN write x for the rows of register `out` */
    const struct compute *compute; /* BOOL, COMPUTE, ASSIGN: what for */
    const struct step_arg *args;   /* COMPUTE: compute->n_args; ASSIGN: 1 */
    bool first;                    /* ASSIGN: the column has no rows yet */
    uint32_t target;               /* UNLESS_EMPTY: the step to go on with if `in` is empty */
    const struct term *term;
    const struct program *inner; /* QUANTIFY: the program of the elements */
    bool every, both; /* QUANTIFY: which; and whether inner gives both truths (registers 0 and 1) or
                         only `want` (0) */
    const struct pred *pred; /* for EXPLAIN */
    enum truth want;
    uint32_t depth; /* nesting, for EXPLAIN */
    const char *reason;
    uint32_t id; /* number over all programs of the plan */
};

struct program {
    const struct column_source *columns; /* in final order */
    uint32_t n_columns, n_paths;
    struct fields fields; /* the PATH columns */
    const struct step *steps;
    uint32_t n_steps, n_registers; /* register 0 is input and result; 1 the FALSE rows if `both` */
    uint32_t n_shared;             /* columns that several COMPUTE steps write */
    uint32_t n_args;               /* the most that a COMPUTE step has */
    bool both;
};

struct plan {
    struct arena arena;
    const struct query *query;
    struct query *part;         /* owned; query, if the plan is for a part of one */
    const struct value *params; /* as given */
    struct pred *pred;          /* what `program` was emitted from, and its columns: for scans */
    struct scope *scope;
    struct program *program;
    uint32_t n_steps;      /* over all programs */
    struct regex *regexes; /* that its terms use */
    uint64_t regex_bytes;  /* what they cost at most */
    const struct warning *warnings;
    uint32_t n_warnings;
    bool means_more; /* some field has plan_meant_text or plan_meant_no_text */
};

/* A plan for the rows in which a node of p's query, as a condition, is `want`. To be freed before
 * p. Errors as plan_new. */
struct plan *plan_part(const struct plan *p, const struct node *root, enum truth want,
                       const struct limits *limits, struct budget *budget, struct error *e);

/* What the compiling stages share. */
struct compiler {
    struct arena *arena;
    const struct query *query;
    const struct value *params;
    const struct limits *limits;
    struct error *error;
    enum status status; /* sticky */
    uint32_t n_steps;
    struct regex **regexes; /* the plan's list */
    uint64_t regex_bytes;   /* what they cost */
    struct warning *warnings;
    uint32_t n_warnings;
};

/* Makes status the compiler's unless it has one, and gives NULL. */
void *compile_fail(struct compiler *c, enum status status);
void *compile_memory(struct compiler *c);

/* The place of node n and its canonical text, into an error without a place that is of this status.
 */
void compile_place(struct compiler *c, const struct node *n, enum status status);
/* The text of n, cut, of `size` bytes; "" without memory. */
void compile_near(const struct compiler *c, const struct node *n, char *ret, size_t size);

/* warn.c: adds a warning about n. */
void compile_warn(struct compiler *c, const struct node *n, enum warning_code code);
/* ... where one is due: n is an IN whose negation is wanted; root is the whole condition. */
void warn_not_in(struct compiler *c, const struct node *n);
/* n is an operator between texts, with operands x and pattern: one that is a constant and no text.
 */
void warn_no_text(struct compiler *c, const struct node *n, const struct operand *x,
                  const struct operand *pattern);
/* meant.c: x and y, of these nodes of scope s, are compared; or a text operator takes both. */
void meant_compared(struct scope *s, const struct node *nx, const struct operand *x,
                    const struct node *ny, const struct operand *y);
void meant_texts(struct scope *s, const struct node *nx, const struct operand *x,
                 const struct node *ny, const struct operand *y);
/* ... x is looked for among these constants; x is taken as a condition; n is a call with args. */
void meant_in(struct scope *s, const struct node *nx, const struct operand *x,
              const struct value *values, uint32_t n_values);
void meant_truth(struct scope *s, const struct node *nx, const struct operand *x);
void meant_call(struct scope *s, const struct node *n, const struct operand *args);
/* n is a call: a field where a word of a list was meant. */
void warn_word(struct compiler *c, const struct node *n);
void warn_never(struct compiler *c, struct pred *root);

struct pred *lower(struct compiler *c, const struct node *root, struct scope *scope);
void rank(struct pred *p); /* orders p and all below */
/* Steps for want, or for both truths. */
struct program *emit(struct compiler *c, struct pred *p, enum truth want, bool both,
                     struct scope *scope);

/* Columns of a scope. UINT32_MAX on failure (no memory). */
uint32_t scope_path(struct compiler *c, struct scope *s, uint32_t up,
                    struct path path); /* up: 0 the row, k as in struct node */
uint32_t scope_add(struct compiler *c, struct scope *s, struct column_source source);
/* Numbers the columns finally, temporary ones apart: fills place, n_paths and n_placed. */
bool scope_close(struct compiler *c, struct scope *s);

/* Running. */
struct step_stats;

/* Which rows of a column are computed. */
struct rows_done {
    uint64_t bits[(BLOCK_ROWS + 63) / 64];
    uint32_t n;
};
struct frame { /* the state of one program */
    const struct program *program;
    struct print_scope scope; /* of a quantifier's program: how its element is called */
    struct block block;
    uint16_t **registers;
    uint32_t *counts;
    struct quantifier *quantifiers; /* one a QUANTIFY step, in step order */
    struct scanner scanner;         /* of elements; unused in the outermost */
    struct arena values;            /* bytes that functions made, until the next frame_run */
    struct rows_done *shared;       /* by program->n_shared */
    struct compute_arg *args;       /* room for program->n_args */
    struct value *scratch;
};

struct blame;

struct run {
    const struct plan *plan;
    struct run_options options;
    struct arena arena;
    struct frame frame;
    struct step_stats *stats; /* by step id; NULL unless asked for */
    uint64_t mismatches, undefined;
    enum status failure; /* of the run; E_OK: none */
    uint64_t elements;   /* of nested quantifiers, in this block */
    struct blame *blame; /* while a mismatch is looked for (blame.c) */
};

bool frame_init(struct run *r, struct frame *f, const struct program *p, bool spans);
void frame_done(struct frame *f);
/* Runs over the rows of f->block; register 0 is the result, which is meaningless once r->failure is
 * set. */
void frame_run(struct run *r, struct frame *f);
/* The same over rows from .. to - 1 alone. */
void frame_run_rows(struct run *r, struct frame *f, uint32_t from, uint32_t to);
/* One step over f's registers; quantifier is the state of a QUANTIFY step. */
void run_step(struct run *r, struct frame *f, const struct step *s, uint32_t *quantifier);
/* ... looking whether it is the one to blame. */
void run_step_blamed(struct run *r, struct frame *f, const struct step *s, uint32_t *quantifier);

struct quantifier {
    struct frame frame; /* of the elements */
    uint16_t *row_of;   /* element row -> outer row */
    uint32_t *elements; /* outer row -> number of elements looked at */
    uint32_t *yes, *no; /* ... and of those that inner found TRUE, FALSE */
};
/* Value steps (run_value.c). */
void run_compute(struct run *r, struct frame *f, const struct step *s);
void run_assign(struct frame *f, const struct step *s);

bool quantifier_init(struct run *r, struct quantifier *q, const struct step *s);
void quantifier_done(struct quantifier *q);
/* Fills the step's output registers in `outer`. */
void quantifier_run(struct run *r, struct quantifier *q, const struct step *s, struct frame *outer);

#endif

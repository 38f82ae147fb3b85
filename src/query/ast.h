/* The query tree. Text and structured form build it, print writes it, plan compiles it.
 *
 * Nodes live in the arena of their struct query and are immutable once built; freeing the arena
 * frees the tree, without recursion. AND and OR are n-ary and never directly inside themselves.
 * Negated spellings are NOT over the plain node. A query may be used by several threads at once.
 */
#ifndef TAMIS_QUERY_AST_H
#define TAMIS_QUERY_AST_H

#include "base/arena.h"
#include "base/limits.h"
#include "value/path.h"
#include "value/value.h"

enum op {
#define X(name, structured, text, least, most, shape) OP_##name,
#include "ops.def"
#undef X
    OP_COUNT
};

/* The functions and value operators. */
enum fn {
#define X(name, structured, least, most, cost, line) FN_##name,
#include "functions.def"
#undef X
    FN_COUNT
};

enum node_kind {
    NODE_LITERAL, /* value */
    NODE_PATH,    /* path, scope */
    NODE_PARAM,   /* param */
    NODE_LIST, /* second child of IN: values and kids together are the items; order between the two
                  does not matter */
    NODE_OP,   /* op, kids */
    NODE_CALL, /* fn, kids: the arguments */
    NODE_CASE, /* kids: a condition and its value, as often as there are; at last that of ELSE */
    NODE_CASE_OF, /* kids: x, then as NODE_CASE, with values that x may be for conditions */
};

struct node {
    enum node_kind kind;
    enum op op; /* NODE_OP */
    enum fn fn; /* NODE_CALL */
    uint32_t pos,
        length;     /* where it stands in the query: bytes of the text, or of the structured form */
    uint32_t depth; /* levels of the tree from here down: 1 for a leaf; an array constant counts its
                       own */
    uint32_t n_kids;
    uint32_t n_values; /* NODE_LIST */
    uint32_t scope; /* NODE_PATH: 0 the row; k the element of the k-th quantifier around it, counted
                       from the inside; 0 elsewhere */
    bool quoted;    /* NODE_PATH: one name of the row, written in double quotes in a text */
    uint32_t param; /* NODE_PARAM: index into query.params */
    struct node **kids;
    struct value *values; /* NODE_LIST: constant items, in order */
    struct value value;   /* NODE_LITERAL; ARRAY and MAP in canonical encoding (shortest forms) */
    struct path path;     /* NODE_PATH */
    struct str
        var; /* OP_ANY, OP_EVERY: the element's name as written; p NULL for ANY(path) op ... */
};

/* Operands by op:  IS_*, NOT: [x].  comparisons, DISTINCT, *_WITH, CONTAINS: [a, b].  IN: [x,
 * NODE_LIST or NODE_PARAM]. BETWEEN: [x, low, high].  REGEXP: [x, pattern] or [x, pattern,
 * flags]. LIKE, ILIKE: [x, pattern] or [x, pattern,
 * escape].  ANY, EVERY: [array, predicate]. */

struct param {
    struct str name; /* p is NULL for ? */
};

struct query {
    struct arena arena;
    bool structured; /* positions count the bytes of the structured form, not of the text */
    struct node *root;
    struct param *params; /* :name once each, every ? on its own; in order of first appearance */
    uint32_t n_params;
    uint32_t n_nodes;
};

/* Properties of an operator, from ops.def. */
enum op_shape {
    SHAPE_PREFIX,
    SHAPE_INFIX,
    SHAPE_LIST,
    SHAPE_BETWEEN,
    SHAPE_IS,
    SHAPE_CALL,
    SHAPE_QUANT
};
struct op_info {
    const char *structured, *text;
    int least, most; /* operands; most -1: any number */
    enum op_shape shape;
};
const struct op_info *op_info(enum op op);

/* Properties of a function, from functions.def. */
struct fn_info {
    const char *name; /* of the structured form, and of a call in text */
    int least, most;  /* arguments; most -1: any number */
    const char *line; /* its signature and what it is */
};
const struct fn_info *fn_info(enum fn fn);
/* By name, without regard to case; FN_COUNT if there is none. */
enum fn fn_named(struct str name);

/* Whether the function's first argument is a word of a list, a part of a date, and this is one. */
bool fn_has_word(enum fn fn, struct str word);

/* True for an operator of ops.def, whose value can only be a truth value. Literals, paths,
 * parameters, calls and CASE can be anything. */
bool node_is_predicate(const struct node *n);

/* Same tree: kinds, operators, literals (NaN equals NaN, -0.0 differs from 0.0), paths, scopes and
 * parameters; positions and element names do not count. Iterative over lists, recursive over the
 * bounded depth. */
bool node_eq(const struct node *a, const struct node *b);

#endif

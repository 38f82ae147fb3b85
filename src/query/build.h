/* The builder that both parsers use, so that both forms give the same trees. Private to query/.
 *
 * It owns the query while it is made, checks the limits query_nodes, query_depth and list_items and
 * the operands of every operator, and flattens AND and OR. Failure is sticky: after the first,
 * everything gives NULL or false, and a function that is given a NULL node gives NULL. So a parser
 * checks where it must stop, not where it could fail. Lists of operands are gathered on stacks; a
 * *mark* is a stack's height when a list began.
 */
#ifndef TAMIS_QUERY_BUILD_H
#define TAMIS_QUERY_BUILD_H

#include "base/hash.h"
#include "query/query.h"

/* Where something stands in the source, in bytes. */
struct place {
    uint32_t pos, length;
};

struct build {
    struct query *q;
    const struct limits *limits;
    struct error *error; /* may be NULL */
    enum status status;
    bool structured;
    struct str source; /* our copy, which strings, keys and names of the tree point into */
    struct buf kids;   /* stack of struct node * */
    struct buf values; /* stack of struct value */
    struct buf steps;  /* stack of struct path_step */
    struct buf params; /* array of struct param */
    struct buf slots;  /* hash table over the named ones: uint32_t, 0 or index + 1 */
    uint32_t n_named;
    struct hash_key key;
};

/* Begins: *q is overwritten. Fails for a source longer than query_bytes, and without memory. */
enum status build_begin(struct build *b, struct query *q, bool structured, struct str source,
                        const struct limits *limits, struct budget *budget, struct error *e);
/* Ends: root becomes the query's tree, or everything is freed and *q zeroed. */
enum status build_end(struct build *b, struct node *root);

/* Reports the first failure. suggestion may be NULL. */
enum status build_fail(struct build *b, enum status status, struct place at, const char *suggestion,
                       const char *format, ...) __attribute__((format(printf, 5, 6)));
enum status build_limit(struct build *b, enum status status, struct place at, const char *name,
                        uint64_t limit, uint64_t actual);
/* Adds what may have been meant (NULL: nothing) to the report just made, if it names nothing yet.
 */
void build_suggest(struct build *b, const char *suggestion);
enum status build_no_memory(struct build *b);

static inline bool build_ok(const struct build *b) { return b->status == E_OK; }

/* Stacks. */
bool build_push(struct build *b, struct node *n);
bool build_push_value(struct build *b, struct value v);
bool build_push_step(struct build *b, struct str key, uint32_t index);
static inline size_t build_mark(const struct build *b) { return b->kids.len; }
static inline size_t build_count(const struct build *b, size_t mark) {
    return (b->kids.len - mark) / sizeof(struct node *);
}

/* Nodes. depth is that of the constant: 0, or the levels of an array or map. */
struct node *build_literal(struct build *b, struct place at, struct value v, uint32_t depth);
struct node *build_param(struct build *b, struct place at, struct str name); /* name.p NULL: ? */
/* The steps above `mark` bytes of the stack of steps are taken off it. */
struct node *build_path(struct build *b, struct place at, uint32_t scope, size_t mark);
/* The kids and values above the marks, with the depth of the deepest constant. */
struct node *build_list(struct build *b, struct place at, size_t mark, size_t values_mark,
                        uint32_t depth);
/* The kids above the mark as operands, number and kinds checked. AND and OR are flattened; of one
 * operand they are that operand if it is a predicate, else TRUE AND it, FALSE OR it. */
struct node *build_op(struct build *b, enum op op, struct place at, size_t mark);
/* A node like another, kids copied; its parameters are the same ones. */
struct node *build_copy(struct build *b, const struct node *from);
/* The kids above the mark as arguments, number and constant words (types of CAST, fields of a date)
 * checked. */
struct node *build_call(struct build *b, enum fn fn, struct place at, size_t mark);
/* The kids above the mark as a CASE: x (if `of`), pairs of condition and value, and a last one for
 * ELSE, NULL if there is none. */
struct node *build_case(struct build *b, bool of, struct place at, size_t mark);
/* For build.c and build_call.c: whether an operator has as many operands as it takes (most < 0: any
 * number), and a node with the kids above the mark, which are at least one. */
bool build_check_count(struct build *b, const char *name, const char *what, int least, int most,
                       struct place at, size_t n);
struct node *build_node(struct build *b, enum node_kind kind, struct place at, size_t mark);
struct node *build_op1(struct build *b, enum op op, struct place at, struct node *x);
struct node *build_op2(struct build *b, enum op op, struct place at, struct node *x,
                       struct node *y);

#endif

/* What the parts of lowering share: lower.c has the tree, junctions and quantifiers, lower_term.c
 * the operators that look at values, lower_value.c the values that are computed. Private to plan/.
 *
 * A function that gives a predicate gives NULL on failure, with the compiler's status set.
 * Everything is in the compiler's arena. */
#ifndef TAMIS_PLAN_LOWER_H
#define TAMIS_PLAN_LOWER_H

#include "plan/program.h"

/* A user error at node n; gives NULL. */
void *compile_fail_at(struct compiler *c, const struct node *n, enum status status,
                      const char *text);

struct pred *pred_new(struct compiler *c, enum pred_kind kind, const struct node *n);
struct pred *pred_const(struct compiler *c, enum truth t, const struct node *n);
struct pred *pred_kids(struct compiler *c, enum pred_kind kind, const struct node *n,
                       uint32_t n_kids);
/* The truth of kid is `truth`. NULL for a NULL kid. */
struct pred *pred_is(struct compiler *c, const struct node *n, struct pred *kid, enum truth truth);
/* The order of two struct pred *, terms, by the column that they look at; for qsort. */
int pred_by_column(const void *a, const void *b);
/* x in the set of values; x constant or a column. */
struct pred *pred_in_set(struct compiler *c, const struct node *n, const struct operand *x,
                         const struct value *values, uint32_t n_values);

bool operand_of(struct compiler *c, const struct node *n, struct scope *s, struct operand *ret);
/* The first `count` kids of n. */
bool operands_of(struct compiler *c, const struct node *n, struct scope *s, struct operand *ret,
                 uint32_t count);
/* Calls, CASE, and predicates as values (lower_value.c). */
bool operand_call(struct compiler *c, const struct node *n, struct scope *s, struct operand *ret);
bool operand_case(struct compiler *c, const struct node *n, struct scope *s, struct operand *ret);
bool operand_truth(struct compiler *c, const struct node *n, struct scope *s, struct operand *ret);
/* a op b. */
struct pred *compare_operands(struct compiler *c, const struct node *n, enum compare op,
                              struct operand x, struct operand y);
/* body, with those of the n operands that are computed made first. */
struct pred *pred_with_operands(struct compiler *c, struct pred *body,
                                const struct operand *operands, uint32_t n);

/* Any node as a predicate. */
struct pred *lower_node(struct compiler *c, const struct node *n, struct scope *s);

/* By operator. */
struct pred *lower_compare(struct compiler *c, const struct node *n, struct scope *s);
struct pred *lower_distinct(struct compiler *c, const struct node *n, struct scope *s);
struct pred *lower_between(struct compiler *c, const struct node *n, struct scope *s);
struct pred *lower_in(struct compiler *c, const struct node *n, struct scope *s);
struct pred *lower_like(struct compiler *c, const struct node *n, struct scope *s);
struct pred *lower_regexp(struct compiler *c, const struct node *n, struct scope *s);
struct pred *lower_text(struct compiler *c, const struct node *n, struct scope *s);
struct pred *lower_value_test(struct compiler *c, const struct node *n, struct scope *s);
struct pred *lower_bare(struct compiler *c, const struct node *n, struct scope *s);

#endif

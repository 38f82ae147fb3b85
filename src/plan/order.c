/* Puts predicates in order. See program.h.
 *
 * The kids of a conjunction (AND wanted TRUE, OR wanted FALSE) narrow the rows one after the other;
 * the best order has ascending cost / (share of rows dropped), which is the classic rank of
 * expensive predicates (Hellerstein and Stonebraker, "Predicate Migration", 1993). For a
 * disjunction it is cost / (share of rows found). AND wants few TRUE, OR many: so one order serves
 * both truths well enough, and it is chosen for TRUE. No term can throw, so order never changes an
 * answer.
 */
#include "plan/program.h"

#include <stdlib.h>

#define SHARE_LEAST 1e-6

static double clamp(double share) {
    return share < SHARE_LEAST ? SHARE_LEAST : share > 1 - SHARE_LEAST ? 1 - SHARE_LEAST : share;
}

static int by_cost_of_dropping(const void *a, const void *b) {
    const struct pred *x = *(struct pred *const *)a, *y = *(struct pred *const *)b;
    double rx = x->cost / (1 - clamp(x->share)), ry = y->cost / (1 - clamp(y->share));
    return (rx > ry) - (rx < ry);
}

static int by_cost_of_finding(const void *a, const void *b) {
    const struct pred *x = *(struct pred *const *)a, *y = *(struct pred *const *)b;
    double rx = x->cost / clamp(x->share), ry = y->cost / clamp(y->share);
    return (rx > ry) - (rx < ry);
}

/* A stable insertion for short lists keeps equal ranks as written; qsort for the long ones. */
static void sort_kids(struct pred *p, int (*order)(const void *, const void *)) {
    if (p->n_kids > 64) {
        qsort(p->kids, p->n_kids, sizeof(struct pred *), order);
        return;
    }
    for (uint32_t i = 1; i < p->n_kids; i++)
        for (uint32_t j = i; j > 0 && order(&p->kids[j - 1], &p->kids[j]) > 0; j--) {
            struct pred *t = p->kids[j];
            p->kids[j] = p->kids[j - 1];
            p->kids[j - 1] = t;
        }
}

static void rank_junction(struct pred *p) {
    bool and = p->kind == PRED_AND;
    double left = 1;
    sort_kids(p, and? by_cost_of_dropping : by_cost_of_finding);
    p->cost = 0;
    for (uint32_t i = 0; i < p->n_kids; i++) {
        p->cost += left * p->kids[i]->cost;
        left *= and? p->kids[i]->share : 1 - p->kids[i]->share;
    }
    p->share = and? left : 1 - left;
}

#define ELEMENTS_GUESS 4.0 /* elements of an array */

/* What a value costs a row. CASE: as if its branches shared the rows evenly. */
static double rank_value(struct operand o) {
    struct compute *k = o.from;
    if (!k || k->ranked)
        return k ? k->cost : 0;
    k->ranked = true;
    double args = 0, conditions = 0, n = k->n_args > 0 ? k->n_args : 1;
    for (uint32_t i = 0; i < k->n_args; i++)
        args += rank_value(k->args[i]);
    for (uint32_t i = 0; i < (k->kind == COMPUTE_CASE ? k->n_args - 1 : k->kind == COMPUTE_TRUTH);
         i++) {
        rank(k->preds[i]);
        conditions += k->preds[i]->cost;
    }
    if (k->kind == COMPUTE_CALL)
        k->cost = 1 + k->function->cost + args;
    else if (k->kind == COMPUTE_TRUTH)
        k->cost = 2 * conditions + 2;
    else
        k->cost = rank_value(k->of) + (conditions + args) / n + 2;
    return k->cost;
}

void rank(struct pred *p) {
    if (p->ranked)
        return;
    p->ranked = true;
    for (uint32_t i = 0; i < p->n_kids; i++)
        rank(p->kids[i]);
    switch (p->kind) {
    case PRED_CONST:
        p->cost = 0;
        p->share = p->truth == TRUE_ ? 1 : 0;
        break;
    case PRED_TERM:
        p->cost = term_cost(&p->term[1]);
        p->share = term_share(&p->term[1]);
        break;
    case PRED_AND:
    case PRED_OR:
        rank_junction(p);
        break;
    case PRED_NOT:
        p->cost = p->kids[0]->cost;
        p->share = 1 - p->kids[0]->share;
        break;
    case PRED_IS:
        p->cost = p->kids[0]->cost * (p->truth == UNKNOWN_ ? 2 : 1);
        p->share = p->truth == TRUE_    ? p->kids[0]->share
                   : p->truth == FALSE_ ? 1 - p->kids[0]->share
                                        : 0.05;
        break;
    case PRED_LET:
        p->cost = p->kids[0]->cost;
        p->share = p->kids[0]->share;
        for (uint32_t i = 0; i < p->n_let; i++)
            p->cost += rank_value(p->let[i]);
        break;
    case PRED_QUANTIFY:
        p->cost = 10 + ELEMENTS_GUESS * (10 + p->kids[0]->cost);
        p->share = p->every ? p->kids[0]->share * p->kids[0]->share
                            : 1 - (1 - p->kids[0]->share) * (1 - p->kids[0]->share);
        break;
    }
}

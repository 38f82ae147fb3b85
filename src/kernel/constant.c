/* Constants of comparisons, turned once into the forms that the loops use, and the static guesses
 * about a term.
 *
 * A comparison of a number with a constant is exact over int64, uint64 and double columns although
 * the constant has one type: it becomes an interval for each of the three (QUERY.md X1-X4), and
 * for the two common ones a single relation with a constant of the column's own type. */
#include "kernel/kernel.h"
#include "kernel/set.h"

#include <math.h>

#define TWO_63 9223372036854775808.0
#define TWO_64 18446744073709551616.0

static const struct number_range EVERYTHING = {INT64_MIN,  INT64_MAX, 0,
                                               UINT64_MAX, -INFINITY, INFINITY};
static const struct number_range NOTHING = {1, 0, 1, 0, NAN, NAN};

/* The numbers <= k (or < k if strict), per type. */
static void set_high(struct number_range *r, struct value k, bool strict) {
    double d = k.type == T_DOUBLE ? k.w.d : k.type == T_INT ? (double)k.w.i : (double)k.w.u;
    int exact = number_order(value_double(d), k); /* > 0: d was rounded up */
    if (exact > 0 || (exact == 0 && strict))
        d = nextafter(d, -INFINITY);
    r->d_high = d;
    if (k.type == T_DOUBLE && strict && k.w.d == -INFINITY) { /* nothing is below */
        *r = NOTHING;
        return;
    }
    if (k.type == T_INT) {
        if (strict && k.w.i == INT64_MIN)
            r->i_low = 1, r->i_high = 0;
        else
            r->i_high = k.w.i - strict;
        r->u_low = 1, r->u_high = 0; /* every UINT is above every INT */
    } else if (k.type == T_UINT) {
        r->u_high = k.w.u - strict;
    } else {
        double f = floor(k.w.d);
        bool minus = strict && f == k.w.d; /* the greatest integer below */
        if (f < -TWO_63 || (minus && f == -TWO_63))
            r->i_low = 1, r->i_high = 0;
        else if (f < TWO_63)
            r->i_high = (int64_t)f - minus;
        if (f < TWO_63)
            r->u_low = 1, r->u_high = 0;
        else if (f < TWO_64)
            r->u_high = (uint64_t)f - minus;
    }
}

/* The numbers >= k (or > k if strict). */
static void set_low(struct number_range *r, struct value k, bool strict) {
    double d = k.type == T_DOUBLE ? k.w.d : k.type == T_INT ? (double)k.w.i : (double)k.w.u;
    int exact = number_order(value_double(d), k); /* < 0: d was rounded down */
    if (exact < 0 || (exact == 0 && strict))
        d = nextafter(d, INFINITY);
    r->d_low = d;
    if (k.type == T_DOUBLE && strict && k.w.d == INFINITY) {
        *r = NOTHING;
        return;
    }
    if (k.type == T_INT) {
        if (strict && k.w.i == INT64_MAX)
            r->i_low = 1, r->i_high = 0;
        else
            r->i_low = k.w.i + strict;
    } else if (k.type == T_UINT) {
        r->i_low = 1, r->i_high = 0;
        if (strict && k.w.u == UINT64_MAX)
            r->u_low = 1, r->u_high = 0;
        else
            r->u_low = k.w.u + strict;
    } else {
        double c = ceil(k.w.d);
        bool plus = strict && c == k.w.d;
        if (c >= TWO_63)
            r->i_low = 1, r->i_high = 0;
        else if (c >= -TWO_63)
            r->i_low = (int64_t)c +
                       plus; /* no overflow: the greatest double below 2^63 is far from INT64_MAX */
        if (c >= TWO_64)
            r->u_low = 1, r->u_high = 0;
        else if (c >= 0)
            r->u_low = (uint64_t)c + plus;
    }
}

static struct number_range intersect(struct number_range a, struct number_range b) {
    struct number_range r = {
        a.i_low > b.i_low ? a.i_low : b.i_low,
        a.i_high < b.i_high ? a.i_high : b.i_high,
        a.u_low > b.u_low ? a.u_low : b.u_low,
        a.u_high < b.u_high ? a.u_high : b.u_high,
        fmax(a.d_low, b.d_low),
        fmin(a.d_high, b.d_high),
    };
    if (a.i_low > a.i_high || b.i_low > b.i_high)
        r.i_low = 1, r.i_high = 0;
    if (a.u_low > a.u_high || b.u_low > b.u_high)
        r.u_low = 1, r.u_high = 0;
    if (isnan(a.d_low) || isnan(b.d_low))
        r.d_low = r.d_high = NAN;
    return r;
}

static struct number_range range_of(enum compare op, struct value k) {
    struct number_range low = EVERYTHING, high = EVERYTHING;
    if (value_is_nan(k))
        return NOTHING;
    if (op == CMP_LT || op == CMP_LE)
        set_high(&high, k, op == CMP_LT);
    else if (op == CMP_GT || op == CMP_GE)
        set_low(&low, k, op == CMP_GT);
    else {
        set_high(&high, k, false);
        set_low(&low, k, false);
    }
    return intersect(low, high);
}

/* Inside (or outside) an interval of int64 as one relation. */
static void int_form(struct term *t, bool inside) {
    int64_t low = t->range.i_low, high = t->range.i_high;
    if (low > high)
        t->i_rel = inside ? REL_NONE : REL_ALL;
    else if (low == INT64_MIN && high == INT64_MAX)
        t->i_rel = inside ? REL_ALL : REL_NONE;
    else if (low == high)
        t->i_rel = inside ? REL_EQ : REL_NE, t->i_k = low;
    else if (low == INT64_MIN)
        t->i_rel = inside ? REL_LE : REL_GT, t->i_k = high;
    else if (high == INT64_MAX)
        t->i_rel = inside ? REL_GE : REL_LT, t->i_k = low;
    else
        t->i_rel = inside ? REL_IN : REL_OUT;
}

static void double_form(struct term *t, bool inside) {
    double low = t->range.d_low, high = t->range.d_high;
    if (!(low <= high)) /* empty, or NaN bounds; outside of it is every double, NaN too */
        t->d_rel = inside ? REL_NONE : REL_ALL;
    else if (low == high)
        t->d_rel = inside ? REL_EQ : REL_NE, t->d_k = low;
    else if (low == -INFINITY)
        t->d_rel = inside ? REL_LE : REL_NLE, t->d_k = high;
    else if (high == INFINITY)
        t->d_rel = inside ? REL_GE : REL_NGE, t->d_k = low;
    else
        t->d_rel = inside ? REL_IN : REL_OUT;
}

/* Where the constant is of the column's type the relation keeps the operator as it was written. */
static void natural_form(struct term *t) {
    static const enum rel INT_REL[2][6] = {{REL_NE, REL_EQ, REL_GE, REL_GT, REL_LE, REL_LT},
                                           {REL_EQ, REL_NE, REL_LT, REL_LE, REL_GT, REL_GE}};
    static const enum rel DOUBLE_REL[2][6] = {{REL_NE, REL_EQ, REL_NLT, REL_NLE, REL_NGT, REL_NGE},
                                              {REL_EQ, REL_NE, REL_LT, REL_LE, REL_GT, REL_GE}};
    if (t->k.type == T_INT) {
        t->i_rel = INT_REL[t->want == TRUE_][t->op];
        t->i_k = t->k.w.i;
    } else if (t->k.type == T_DOUBLE) {
        t->d_rel = DOUBLE_REL[t->want == TRUE_][t->op];
        t->d_k = t->k.w.d;
    }
}

void term_compare(struct term *t, enum compare op, struct value k, enum truth want) {
    *t = (struct term){.shape = TERM_COMPARE, .op = op, .k = k, .want = want};
    if (value_class(k.type) != CLASS_NUMBER)
        return;
    bool inside = (op == CMP_NE) != (want == TRUE_);
    t->range = range_of(op, k);
    int_form(t, inside);
    double_form(t, inside);
    natural_form(t);
}

void term_between(struct term *t, struct value low, struct value high, enum truth want) {
    *t = (struct term){.shape = TERM_BETWEEN, .k = low, .k2 = high, .want = want};
    if (value_class(low.type) != CLASS_NUMBER)
        return;
    t->range = intersect(range_of(CMP_GE, low), range_of(CMP_LE, high));
    int_form(t, want == TRUE_);
    double_form(t, want == TRUE_);
}

bool term_in(struct term *t, struct arena *a, const struct value *items, size_t n,
             enum truth want) {
    struct set *set;
    if (!set_build(&set, a, items, n))
        return false;
    *t = (struct term){.shape = TERM_IN, .set = set, .want = want};
    return true;
}

/* Units: about one comparison of an int64 column with a constant, a row. Measured once by bench,
 * rounded; only the order matters. */
double term_cost(const struct term *t) {
    bool number = value_class(t->k.type) == CLASS_NUMBER, text = t->k.type == T_STR;
    switch (t->shape) {
    case TERM_NULL:
    case TERM_MISSING:
    case TERM_NAN:
    case TERM_BOOL:
        return 1;
    case TERM_COMPARE:
    case TERM_BETWEEN:
        return number ? 1 : text ? 4 : 10;
    case TERM_COLUMNS:
        return 8;
    case TERM_IN:
        return 4;
    case TERM_STARTS:
    case TERM_ENDS:
        return 4;
    case TERM_CONTAINS:
        return 15;
    case TERM_LIKE:
        return like_shape(t->like) == LIKE_GENERAL ? 25 : 20;
    case TERM_REGEXP:
        return 60;
    case TERM_DISTINCT:
    case TERM_DISTINCT_COLUMNS:
        return 10;
    default:
        return 30;
    }
}

static double share_of_true(const struct term *t) {
    switch (t->shape) {
    case TERM_COMPARE:
    case TERM_COLUMNS:
        return t->op == CMP_EQ ? 0.05 : t->op == CMP_NE ? 0.95 : 0.4;
    case TERM_BETWEEN:
        return 0.25;
    case TERM_IN:
        return 0.15;
    case TERM_LIKE:
    case TERM_REGEXP:
    case TERM_CONTAINS:
        return 0.1;
    case TERM_STARTS:
    case TERM_ENDS:
        return 0.05;
    case TERM_NULL:
    case TERM_MISSING:
        return 0.1;
    case TERM_NAN:
        return 0.01;
    case TERM_DISTINCT:
    case TERM_DISTINCT_COLUMNS:
        return 0.9;
    case TERM_BOOL:
        return 0.5;
    default:
        return 0.3;
    }
}

double term_share(const struct term *t) {
    double share = share_of_true(t);
    return t->want == TRUE_ ? share : 1 - share;
}

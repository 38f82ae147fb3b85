/* Which kernel a term gets for a block: the one table from (shape, relation, truth, types) to a
 * loop. */
#include "kernel/kernels.h"

enum index {
#define X(name) K_##name,
#include "kernel/kernels.def"
#undef X
    KERNELS
};
_Static_assert(KERNELS <= UINT8_MAX, "the tables hold bytes");

static const struct kernel TABLE[KERNELS] = {
#define X(name) {"sel_" #name, sel_##name},
#include "kernel/kernels.def"
#undef X
};

const struct kernel *kernel_at(size_t i) { return i < KERNELS ? &TABLE[i] : NULL; }

/* What a column holds, as far as loops differ by it. */
enum holds { HOLDS_NULLS, HOLDS_I64, HOLDS_F64, HOLDS_STR, HOLDS_TIME, HOLDS_BOOL, HOLDS_MIXED };

static enum holds holds_of(uint32_t seen) {
    switch (seen & ~SEEN_NONE) {
    case 0:
        return HOLDS_NULLS;
    case SEEN(T_INT):
        return HOLDS_I64;
    case SEEN(T_DOUBLE):
        return HOLDS_F64;
    case SEEN(T_STR):
        return HOLDS_STR;
    case SEEN(T_TIMESTAMP):
        return HOLDS_TIME;
    case SEEN(T_BOOL):
        return HOLDS_BOOL;
    default:
        return HOLDS_MIXED;
    }
}

#define BY_REL(suffix)                                                                             \
    {                                                                                              \
        K_eq_##suffix, K_ne_##suffix, K_lt_##suffix, K_le_##suffix, K_gt_##suffix, K_ge_##suffix,  \
            K_ge_##suffix, K_gt_##suffix, K_le_##suffix, K_lt_##suffix, K_between_##suffix,        \
            K_outside_##suffix                                                                     \
    }
#define BY_REL_NOT(suffix)                                                                         \
    {                                                                                              \
        K_eq_##suffix, K_ne_##suffix, K_lt_##suffix, K_le_##suffix, K_gt_##suffix, K_ge_##suffix,  \
            K_nlt_##suffix, K_nle_##suffix, K_ngt_##suffix, K_nge_##suffix, K_between_##suffix,    \
            K_outside_##suffix                                                                     \
    }

static const uint8_t I64[2][REL_OUT + 1] = {BY_REL(i64), BY_REL(i64_null)};
static const uint8_t F64[2][REL_OUT + 1] = {BY_REL_NOT(f64), BY_REL_NOT(f64_null)};
static const uint8_t STR[2][REL_OUT + 1] = {BY_REL(str), BY_REL(str_null)};
static const uint8_t TIME[2][REL_OUT + 1] = {BY_REL(time), BY_REL(time_null)};
static const uint8_t ANY[REL_OUT + 1] = BY_REL_NOT(any);

#define COLUMNS(suffix)                                                                            \
    {                                                                                              \
        K_eq_##suffix, K_ne_##suffix, K_lt_##suffix, K_le_##suffix, K_gt_##suffix, K_ge_##suffix,  \
            K_ge_##suffix, K_gt_##suffix, K_le_##suffix, K_lt_##suffix                             \
    }
#define COLUMNS_NOT(suffix)                                                                        \
    {                                                                                              \
        K_eq_##suffix, K_ne_##suffix, K_lt_##suffix, K_le_##suffix, K_gt_##suffix, K_ge_##suffix,  \
            K_nlt_##suffix, K_nle_##suffix, K_ngt_##suffix, K_nge_##suffix                         \
    }

static const uint8_t I64_I64[2][REL_RELS] = {COLUMNS(i64_i64), COLUMNS(i64_i64_null)};
static const uint8_t F64_F64[2][REL_RELS] = {COLUMNS_NOT(f64_f64), COLUMNS_NOT(f64_f64_null)};
static const uint8_t STR_STR[2][REL_RELS] = {COLUMNS(str_str), COLUMNS(str_str_null)};
static const uint8_t TIME_TIME[2][REL_RELS] = {COLUMNS(time_time), COLUMNS(time_time_null)};
static const uint8_t ANY_ANY[REL_RELS] = COLUMNS_NOT(any_any);

/* The relation for op and the truth wanted. = and <> are two-valued on what is not null, so their
 * negation is each other. */
static enum rel rel_of(enum compare op, enum truth want) {
    static const enum rel REL[2][6] = {{REL_NE, REL_EQ, REL_NLT, REL_NLE, REL_NGT, REL_NGE},
                                       {REL_EQ, REL_NE, REL_LT, REL_LE, REL_GT, REL_GE}};
    return REL[want == TRUE_][op];
}

static enum index not_null(bool nullable) { return nullable ? K_notnull_any : K_all; }

static enum index typed(const uint8_t table[2][REL_OUT + 1], enum rel rel, bool nullable) {
    if (rel == REL_NONE)
        return K_none;
    return rel == REL_ALL ? not_null(nullable) : (enum index)table[nullable][rel];
}

static enum index pick_number(const struct term *t, enum holds holds, bool nullable) {
    if (holds == HOLDS_I64)
        return typed(I64, t->i_rel, nullable);
    if (holds == HOLDS_F64)
        return typed(F64, t->d_rel, nullable);
    bool inside = t->want == TRUE_;
    if (t->shape == TERM_COMPARE && (t->op == CMP_EQ || t->op == CMP_NE))
        return (t->op == CMP_EQ) == inside ? K_eq_num : K_ne_num;
    return inside ? K_between_num : K_outside_num;
}

/* <> with a number constant: the interval is that of =, so TRUE of <> is FALSE of =; pick_number
 * has turned it round. */
static enum index pick_constant(const struct term *t, enum holds holds, bool nullable) {
    if (holds == HOLDS_NULLS || value_is_null(t->k))
        return K_none;
    enum value_class class = value_class(t->k.type);
    enum rel rel =
        t->shape == TERM_BETWEEN ? (t->want == TRUE_ ? REL_IN : REL_OUT) : rel_of(t->op, t->want);
    if (class == CLASS_NUMBER)
        return pick_number(t, holds, nullable);
    if (class == CLASS_STR && holds == HOLDS_STR)
        return typed(STR, rel, nullable);
    if (class == CLASS_TIMESTAMP && holds == HOLDS_TIME)
        return typed(TIME, rel, nullable);
    return (enum index)ANY[rel];
}

static enum index pick_columns(const struct term *t, uint32_t seen_x, uint32_t seen_y) {
    enum holds x = holds_of(seen_x), y = holds_of(seen_y);
    enum rel rel = rel_of(t->op, t->want);
    if (x == HOLDS_NULLS || y == HOLDS_NULLS)
        return K_none;
    bool nullable = ((seen_x | seen_y) & SEEN_NONE) != 0;
    const uint8_t *table = x != y            ? ANY_ANY
                           : x == HOLDS_I64  ? I64_I64[nullable]
                           : x == HOLDS_F64  ? F64_F64[nullable]
                           : x == HOLDS_STR  ? STR_STR[nullable]
                           : x == HOLDS_TIME ? TIME_TIME[nullable]
                                             : ANY_ANY;
    return (enum index)table[rel];
}

static enum index pick_set(const struct term *t, enum holds holds, bool nullable) {
    bool in = t->want == TRUE_;
    if (set_is_empty(t->set))
        return in ? K_none : K_all;
    if (holds == HOLDS_NULLS || (!in && set_has_null(t->set)))
        return K_none;
    if (holds == HOLDS_I64)
        return nullable ? (in ? K_in_i64_null : K_notin_i64_null) : (in ? K_in_i64 : K_notin_i64);
    if (holds == HOLDS_STR)
        return nullable ? (in ? K_in_str_null : K_notin_str_null) : (in ? K_in_str : K_notin_str);
    return in ? K_in_any : K_notin_any;
}

static enum index pick_text(enum term_shape text, bool fold, enum truth want, bool columns,
                            bool dense) {
#define TEXT(name)                                                                                 \
    {                                                                                              \
        {{K_not_##name##_any, K_not_##name##_str},                                                 \
         {K_not_##name##_any_any, K_not_##name##_any_any}},                                        \
        {                                                                                          \
            {K_##name##_any, K_##name##_str}, { K_##name##_any_any, K_##name##_any_any }           \
        }                                                                                          \
    }
    static const uint8_t PICK[5][2][2][2] = {TEXT(starts), TEXT(ends), TEXT(contains), TEXT(like),
                                             TEXT(ilike)};
#undef TEXT
    int which = text == TERM_STARTS     ? 0
                : text == TERM_ENDS     ? 1
                : text == TERM_CONTAINS ? 2
                : fold                  ? 4
                                        : 3;
    return (enum index)PICK[which][want == TRUE_][columns][dense];
}

/* A test that is about tags alone: when all rows, or none, are of the tags in `mask`, there is
 * nothing to look at. */
static enum index pick_tags(uint32_t seen, uint32_t mask, enum truth want, enum index yes,
                            enum index no) {
    bool wanted = want == TRUE_;
    if ((seen & mask) == 0)
        return wanted ? K_none : K_all;
    if ((seen & ~mask) == 0)
        return wanted ? K_all : K_none;
    return wanted ? yes : no;
}

static enum index pick_nan(const struct term *t, uint32_t seen) {
    bool want = t->want == TRUE_;
    if (!(seen & SEEN(T_DOUBLE)))
        return want ? K_none : K_all;
    if (seen == SEEN(T_DOUBLE))
        return want ? K_nan_f64 : K_notnan_f64;
    return want ? K_nan_any : K_notnan_any;
}

static enum index pick(const struct term *t, uint32_t seen_x, uint32_t seen_y) {
    enum holds holds = holds_of(seen_x);
    bool nullable = (seen_x & SEEN_NONE) != 0, want = t->want == TRUE_;
    switch (t->shape) {
    case TERM_COMPARE:
    case TERM_BETWEEN:
        return pick_constant(t, holds, nullable);
    case TERM_COLUMNS:
        return pick_columns(t, seen_x, seen_y);
    case TERM_IN:
        return pick_set(t, holds, nullable);
    case TERM_LIKE:
    case TERM_STARTS:
    case TERM_ENDS:
    case TERM_CONTAINS:
        return holds == HOLDS_NULLS
                   ? K_none
                   : pick_text(t->shape, t->fold, t->want, false, seen_x == SEEN(T_STR));
    case TERM_REGEXP:
        if (holds == HOLDS_NULLS)
            return K_none;
        if (seen_x == SEEN(T_STR))
            return want ? K_regexp_str : K_not_regexp_str;
        return want ? K_regexp_any : K_not_regexp_any;
    case TERM_TEXT_COLUMNS:
        return pick_text(t->text, t->fold, t->want, true, false);
    case TERM_DISTINCT:
        return want ? K_distinct_any : K_not_distinct_any;
    case TERM_DISTINCT_COLUMNS:
        return want ? K_distinct_any_any : K_not_distinct_any_any;
    case TERM_NULL:
        return pick_tags(seen_x, SEEN_NONE, t->want, K_null_any, K_notnull_any);
    case TERM_MISSING:
        return pick_tags(seen_x, SEEN(T_MISSING), t->want, K_missing_any, K_present_any);
    case TERM_NAN:
        return pick_nan(t, seen_x);
    case TERM_BOOL:
        if (seen_x == SEEN(T_BOOL))
            return want ? K_true_bool : K_false_bool;
        return want ? K_true_any : K_false_any;
    default:
        return K_none;
    }
}

const struct kernel *kernel_pick(const struct term *t, uint32_t seen_x, uint32_t seen_y) {
    return &TABLE[pick(t, seen_x, seen_y)];
}

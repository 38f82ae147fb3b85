/* What the tests of plans share: rows, running a plan over them, and a slow evaluator.
 *
 * The evaluator walks the query's tree for one row with three-valued logic, as QUERY.md words it,
 * and knows nothing of columns, terms or steps. */
#ifndef TAMIS_TESTS_PLAN_UNIT_H
#define TAMIS_TESTS_PLAN_UNIT_H

#include "kernel/function.h"
#include "kernel/like.h"
#include "kernel/regex.h"
#include "plan/plan.h"
#include "value/mp.h"

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

static struct limits limits;

/* --- the slow evaluator --- */

struct env { /* the values that paths begin from: the innermost element first, the row last */
    struct value value;
    const struct env *outer;
    const struct value *params;
};

static enum truth slow_truth(const struct node *n, const struct env *env);

static inline enum truth least(enum truth a, enum truth b) { return a < b ? a : b; }
static inline enum truth greatest(enum truth a, enum truth b) { return a > b ? a : b; }

static struct value slow_value(const struct node *n, const struct env *env);

/* Bytes that functions make, for all that is asked of one row. */
static struct arena slow_arena;

static inline struct value slow_call(const struct node *n, const struct env *env) {
    struct value args[8];
    uint64_t ignored = 0;
    struct call call = {.arena = &slow_arena, .mismatch = &ignored, .undefined = &ignored};
    assert_true(n->n_kids <= COUNT_OF(args));
    for (uint32_t i = 0; i < n->n_kids; i++)
        args[i] = slow_value(n->kids[i], env);
    return function_at(n->fn)->run(&call, args, n->n_kids);
}

static inline struct value slow_case(const struct node *n, const struct env *env) {
    uint32_t i = n->kind == NODE_CASE_OF;
    struct value of = i ? slow_value(n->kids[0], env) : value_null();
    for (; i + 1 < n->n_kids; i += 2) {
        enum truth t = n->kind == NODE_CASE
                           ? slow_truth(n->kids[i], env)
                           : value_compare(CMP_EQ, of, slow_value(n->kids[i], env), NULL);
        if (t == TRUE_)
            return slow_value(n->kids[i + 1], env);
    }
    return slow_value(n->kids[n->n_kids - 1], env);
}

static struct value slow_value(const struct node *n, const struct env *env) {
    if (n->kind == NODE_CALL || n->kind == NODE_CASE || n->kind == NODE_CASE_OF) {
        struct value v = n->kind == NODE_CALL ? slow_call(n, env) : slow_case(n, env);
        return v.type == T_MISSING ? value_null() : v;
    }
    if (n->kind == NODE_LITERAL)
        return n->value;
    if (n->kind == NODE_PARAM)
        return env->params[n->param];
    if (n->kind == NODE_PATH) {
        const struct env *from = env;
        for (uint32_t up = 1; n->scope == 0 ? from->outer != NULL : up < n->scope; up++)
            from = from->outer;
        return path_lookup(from->value, n->path);
    }
    enum truth t = slow_truth(n, env);
    return t == UNKNOWN_ ? value_null() : value_bool(t == TRUE_);
}

static inline enum truth slow_in(const struct node *n, const struct env *env) {
    struct value x = slow_value(n->kids[0], env);
    const struct node *list = n->kids[1];
    enum truth t = FALSE_;
    if (list->kind == NODE_PARAM) {
        struct mp_reader r;
        uint32_t count;
        mp_enter(&r, env->params[list->param], &count);
        while (count-- > 0)
            t = greatest(t, value_compare(CMP_EQ, x, mp_read_value(&r), NULL));
        return t;
    }
    for (uint32_t i = 0; i < list->n_values; i++)
        t = greatest(t, value_compare(CMP_EQ, x, list->values[i], NULL));
    for (uint32_t i = 0; i < list->n_kids; i++)
        t = greatest(t, value_compare(CMP_EQ, x, slow_value(list->kids[i], env), NULL));
    return t;
}

static inline enum truth slow_like(const struct node *n, const struct env *env) {
    struct value x = slow_value(n->kids[0], env), y = slow_value(n->kids[1], env);
    uint32_t escape = LIKE_NO_ESCAPE;
    if (n->n_kids == 3) {
        struct value e = slow_value(n->kids[2], env);
        if (e.type != T_STR)
            return UNKNOWN_;
        assert_int_equal(like_escape(value_as_str(e), &escape), E_OK);
    }
    if (x.type != T_STR || y.type != T_STR)
        return UNKNOWN_;
    struct arena arena;
    const struct like *like;
    size_t bad;
    arena_init(&arena, NULL);
    enum status status =
        like_compile(&arena, value_as_str(y), escape, n->op == OP_ILIKE, &like, &bad);
    enum truth t = status == E_OK ? truth_of(like_match(like, x.w.p, x.n, NULL)) : UNKNOWN_;
    arena_done(&arena);
    return t;
}

/* The engine is its own judge here: test_regex.c has what it matches. */
static inline enum truth slow_regexp(const struct node *n, const struct env *env) {
    struct value x = slow_value(n->kids[0], env), y = slow_value(n->kids[1], env);
    unsigned flags = 0;
    if (n->n_kids == 3) {
        struct value f = slow_value(n->kids[2], env);
        if (f.type != T_STR)
            return UNKNOWN_;
        assert_true(regex_flags(value_as_str(f), &flags));
    }
    if (x.type != T_STR || y.type != T_STR)
        return UNKNOWN_;
    struct regex *r;
    bool failed;
    assert_int_equal(regex_compile(value_as_str(y), flags, NULL, &r, NULL), E_OK);
    enum truth t = truth_of(regex_match(r, x.w.p, x.n, &failed));
    assert_false(failed);
    regex_free(r);
    return t;
}

static inline enum truth slow_text(const struct node *n, const struct env *env) {
    struct value x = slow_value(n->kids[0], env), y = slow_value(n->kids[1], env);
    if (x.type != T_STR || y.type != T_STR)
        return UNKNOWN_;
    for (uint32_t at = 0; at + y.n <= x.n; at++) {
        bool here = n->op == OP_CONTAINS || (n->op == OP_STARTS_WITH ? at == 0 : at + y.n == x.n);
        if (here && (y.n == 0 || memcmp(x.w.p + at, y.w.p, y.n) == 0))
            return TRUE_;
    }
    return FALSE_;
}

static inline enum truth slow_quantifier(const struct node *n, const struct env *env) {
    struct value array = slow_value(n->kids[0], env);
    enum truth t = n->op == OP_ANY ? FALSE_ : TRUE_;
    struct mp_reader r;
    uint32_t count;
    if (array.type != T_ARRAY)
        return UNKNOWN_;
    mp_enter(&r, array, &count);
    while (count-- > 0) {
        struct env inner = {mp_read_value(&r), env, env->params};
        enum truth one = slow_truth(n->kids[1], &inner);
        t = n->op == OP_ANY ? greatest(t, one) : least(t, one);
    }
    return t;
}

static inline enum truth slow_op(const struct node *n, const struct env *env) {
    enum truth t;
    switch (n->op) {
    case OP_OR:
    case OP_AND:
        t = slow_truth(n->kids[0], env);
        for (uint32_t i = 1; i < n->n_kids; i++)
            t = n->op == OP_OR ? greatest(t, slow_truth(n->kids[i], env))
                               : least(t, slow_truth(n->kids[i], env));
        return t;
    case OP_NOT:
        return truth_not(slow_truth(n->kids[0], env));
    case OP_DISTINCT:
        return truth_of(value_distinct(slow_value(n->kids[0], env), slow_value(n->kids[1], env)));
    case OP_IN:
        return slow_in(n, env);
    case OP_BETWEEN:
        return least(
            value_compare(CMP_GE, slow_value(n->kids[0], env), slow_value(n->kids[1], env), NULL),
            value_compare(CMP_LE, slow_value(n->kids[0], env), slow_value(n->kids[2], env), NULL));
    case OP_LIKE:
    case OP_ILIKE:
        return slow_like(n, env);
    case OP_REGEXP:
        return slow_regexp(n, env);
    case OP_IS_NULL:
        return truth_of(value_is_null(slow_value(n->kids[0], env)));
    case OP_IS_MISSING:
        return truth_of(slow_value(n->kids[0], env).type == T_MISSING);
    case OP_IS_NAN:
        return truth_of(value_is_nan(slow_value(n->kids[0], env)));
    case OP_IS_TRUE:
        return truth_of(slow_truth(n->kids[0], env) == TRUE_);
    case OP_IS_FALSE:
        return truth_of(slow_truth(n->kids[0], env) == FALSE_);
    case OP_IS_UNKNOWN:
        return truth_of(slow_truth(n->kids[0], env) == UNKNOWN_);
    case OP_STARTS_WITH:
    case OP_ENDS_WITH:
    case OP_CONTAINS:
        return slow_text(n, env);
    case OP_ANY:
    case OP_EVERY:
        return slow_quantifier(n, env);
    default:
        return value_compare((enum compare)(n->op - OP_EQ), slow_value(n->kids[0], env),
                             slow_value(n->kids[1], env), NULL);
    }
}

static inline enum truth slow_truth(const struct node *n, const struct env *env) {
    if (n->kind == NODE_OP)
        return slow_op(n, env);
    struct value v = slow_value(n, env);
    return v.type == T_BOOL ? truth_of(v.w.i != 0) : UNKNOWN_;
}

/* --- rows --- */

struct rows {
    struct buf bytes;
    size_t start[4096]; /* and the end of the last */
    size_t n;
};

static inline void rows_end_one(struct rows *rows) {
    rows->start[++rows->n] = rows->bytes.len;
    assert_true(rows->n + 1 < COUNT_OF(rows->start));
}

static inline struct value row_at(const struct rows *rows, size_t i) {
    return value_bytes(T_MAP, rows->bytes.data + rows->start[i],
                       (uint32_t)(rows->start[i + 1] - rows->start[i]));
}

/* --- plans --- */

struct compiled {
    struct query query;
    struct plan *plan;
};

static inline void compile_or_fail(struct compiled *c, const char *text,
                                   const struct value *params) {
    struct error e;
    error_clear(&e);
    *c = (struct compiled){0};
    if (query_parse(&c->query, str_of(text), &limits, NULL, &e) == E_OK)
        c->plan = plan_new(&c->query, params, &limits, NULL, &e);
    if (!c->plan)
        fail_msg("%s: %s at %llu", text, e.message, (unsigned long long)e.pos);
}

static inline void compiled_done(struct compiled *c) {
    plan_free(c->plan);
    query_done(&c->query);
}

/* Runs over all rows, in blocks of at most `block` rows, and marks what is kept. */
static inline uint64_t run_rows(const struct plan *plan, const struct rows *rows, uint32_t block,
                                bool *kept) {
    struct run_options options = {.row_depth = 64, .row_fields = 4096};
    struct run *run = run_new(plan, &options, NULL);
    struct scanner scanner;
    struct arena arena;
    arena_init(&arena, NULL);
    assert_non_null(run);
    assert_true(scanner_init(&scanner, &arena, plan_fields(plan), 64, 4096));
    memset(kept, 0, rows->n);
    for (size_t from = 0; from < rows->n;) {
        uint32_t n = rows->n - from < block ? (uint32_t)(rows->n - from) : block;
        size_t start = rows->start[from], size = rows->start[from + n] - start;
        uint8_t *copy = malloc(size); /* the rows go away behind their block */
        assert_non_null(copy);
        memcpy(copy, rows->bytes.data + start, size);
        run_clear(run);
        for (uint32_t i = 0; i < n; i++)
            assert_non_null(scan_row(&scanner, copy + (rows->start[from + i] - start), copy + size,
                                     run_block(run), i));
        run_seal(run, n);
        const uint16_t *found;
        uint32_t n_found = run_block_filter(run, &found);
        for (uint32_t i = 0; i < n_found; i++) {
            assert_true(found[i] < n && (i == 0 || found[i] > found[i - 1]));
            kept[from + found[i]] = true;
        }
        scanner_forget(&scanner);
        free(copy);
        from += n;
    }
    uint64_t mismatches = run_mismatches(run);
    run_free(run);
    arena_done(&arena);
    return mismatches;
}

/* The plan keeps the rows for which the slow evaluator says TRUE. Counts its answers. */
static inline void check_plan(const char *text, const struct value *params, const struct rows *rows,
                              size_t counts[3]) {
    static bool kept[COUNT_OF(rows->start)];
    struct compiled c;
    compile_or_fail(&c, text, params);
    run_rows(c.plan, rows, BLOCK_ROWS, kept);
    for (size_t i = 0; i < rows->n; i++) {
        struct env env = {row_at(rows, i), NULL, params};
        enum truth t = slow_truth(c.query.root, &env);
        arena_reset(&slow_arena);
        if (counts)
            counts[t]++;
        if (kept[i] == (t == TRUE_))
            continue;
        fprintf(stderr, "row %zu:", i);
        for (size_t k = rows->start[i]; k < rows->start[i + 1]; k++)
            fprintf(stderr, " %02x", rows->bytes.data[k]);
        fail_msg("%s: %s, but is %d", text, kept[i] ? "kept" : "dropped", t);
    }
    arena_done(&slow_arena);
    compiled_done(&c);
}

#endif

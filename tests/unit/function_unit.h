/* What the tests of functions share: values written short, calls of functions by name, and the
 * check of a call against what it must give and count. */
#ifndef TAMIS_TESTS_FUNCTION_UNIT_H
#define TAMIS_TESTS_FUNCTION_UNIT_H

#include "kernel/function.h"

#include "unit.h"

#include <math.h>

enum counts { NOTHING, MISMATCH, UNDEFINED };

struct calls {
    struct arena arena;
    struct budget budget;
    uint64_t mismatch, undefined;
    struct call call;
};

static inline struct value i_(int64_t i) { return value_int(i); }
static inline struct value u_(uint64_t u) { return value_uint(u); }
static inline struct value d_(double d) { return value_double(d); }
static inline struct value s_(const char *text) { return value_str(str_of(text)); }
static inline struct value t_(int64_t seconds, uint32_t nanoseconds) {
    return value_timestamp(seconds, nanoseconds);
}
#define NUL value_null()

static inline void calls_init(struct calls *c, size_t limit_bytes) {
    memset(c, 0, sizeof *c);
    budget_init(&c->budget, limit_bytes);
    arena_init(&c->arena, &c->budget);
    c->call =
        (struct call){.arena = &c->arena, .mismatch = &c->mismatch, .undefined = &c->undefined};
}
static inline void calls_done(struct calls *c) { arena_done(&c->arena); }

/* A call with counts set to zero before it. */
static inline struct value run(struct calls *c, const char *name, const struct value *args,
                               uint32_t n) {
    const struct function *f = function_find(str_of(name));
    if (!f)
        fail_msg("no function %s", name);
    assert_true(n >= f->least && n <= f->most);
    c->mismatch = c->undefined = 0;
    return f->run(&c->call, args, n);
}

static inline bool same_value(struct value a, struct value b) {
    if (a.type != b.type)
        return false;
    switch (a.type) {
    case T_NULL:
        return true;
    case T_DOUBLE: /* the sign of zero too */
        return (isnan(a.w.d) && isnan(b.w.d)) || memcmp(&a.w.d, &b.w.d, sizeof a.w.d) == 0;
    case T_TIMESTAMP:
        return a.w.i == b.w.i && a.n == b.n;
    case T_STR:
    case T_BIN:
        return str_eq(value_as_str(a), value_as_str(b));
    default:
        return a.w.u == b.w.u;
    }
}

static inline void check_call(struct calls *c, const char *name, const struct value *args,
                              uint32_t n, struct value want, enum counts counts, int line) {
    struct value got = run(c, name, args, n);
    if (!same_value(got, want) || c->call.failed)
        fail_msg("line %d: %s: type %d word %lld (%g, \"%.*s\"), not type %d word %lld (%g)", line,
                 name, got.type, (long long)got.w.i, got.w.d, got.type == T_STR ? (int)got.n : 0,
                 got.type == T_STR ? (const char *)got.w.p : "", want.type, (long long)want.w.i,
                 want.w.d);
    if (c->mismatch != (counts == MISMATCH) || c->undefined != (counts == UNDEFINED))
        fail_msg("line %d: %s: counted %llu and %llu", line, name, (unsigned long long)c->mismatch,
                 (unsigned long long)c->undefined);
}

#define CHECK_AS(counts, want, name, ...)                                                          \
    check_call(&calls, (name), (const struct value[]){__VA_ARGS__},                                \
               sizeof((const struct value[]){__VA_ARGS__}) / sizeof(struct value), (want),         \
               (counts), __LINE__)
#define GIVES(want, name, ...)  CHECK_AS(NOTHING, want, name, __VA_ARGS__)
#define MISMATCHES(name, ...)   CHECK_AS(MISMATCH, value_null(), name, __VA_ARGS__)
#define IS_UNDEFINED(name, ...) CHECK_AS(UNDEFINED, value_null(), name, __VA_ARGS__)

#endif

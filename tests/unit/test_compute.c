/* The loops that compute columns, against the functions that they stand for: every loop, for dense
 * and sparse selections, with columns and constants on either side, with and without nulls. */
#include "kernel_unit.h"

#include "kernel/compute.h"

#define ROWS BLOCK_ROWS

static const char *const ARITHMETIC[] = {"+", "-", "*", "/", "%"};

static const struct value INTEGERS[] = {
    INT(0),       INT(1),         INT(-1),        INT(2),
    INT(-7),      INT(INT64_MIN), INT(INT64_MAX), INT(INT64_MAX - 1),
    INT(1000003), INT(3037000500)};
static const struct value DOUBLES[] = {DBL(0.0), DBL(-0.0),     DBL(1.5),       DBL(-2.5),
                                       DBL(NAN), DBL(INFINITY), DBL(-INFINITY), DBL(DBL_MAX),
                                       DBL(7),   DBL(5e-324)};
static const struct value MIXED[] = {
    INT(3), DBL(0.5), UINT(UINT64_MAX), RAW(T_STR, "x"), {.type = T_BOOL, .w.i = 1}};

enum fill { FILL_INTEGERS, FILL_DOUBLES, FILL_MIXED, FILLS };

static struct value draw(enum fill fill, uint32_t i) {
    return fill == FILL_INTEGERS  ? INTEGERS[i % COUNT_OF(INTEGERS)]
           : fill == FILL_DOUBLES ? DOUBLES[i % COUNT_OF(DOUBLES)]
                                  : MIXED[i % COUNT_OF(MIXED)];
}

static bool same(struct value a, struct value b) {
    if (a.type != b.type)
        return false;
    if (a.type == T_DOUBLE)
        return (isnan(a.w.d) && isnan(b.w.d)) || a.w.u == b.w.u;
    return a.type <= T_NULL || a.w.u == b.w.u;
}

struct fixture {
    struct block block; /* columns x, y, result */
    struct arena arena;
    uint64_t mismatch, undefined, want_mismatch, want_undefined;
    uint32_t used[64]; /* loops by number */
};

/* Runs one call over the selection (NULL: all rows) and compares each row. */
static void check(struct fixture *f, const struct function *function,
                  const struct compute_arg *args, uint32_t n_args, const uint16_t *in, uint32_t n) {
    struct value scratch[2], values[2];
    struct column *out = &f->block.columns[2];
    struct call call = {.arena = &f->arena, .mismatch = &f->mismatch, .undefined = &f->undefined};
    struct call judge = {
        .arena = &f->arena, .mismatch = &f->want_mismatch, .undefined = &f->want_undefined};
    struct compute_args a = {function, &call, args, n_args, scratch, out};
    f->mismatch = f->undefined = f->want_mismatch = f->want_undefined = 0;
    memset(out->tag, T_EXT, ROWS);
    out->seen = 0;
    const struct compute_loop *loop = compute_pick(&a);
    for (size_t i = 0; compute_at(i); i++)
        f->used[i] += compute_at(i) == loop;
    loop->run(&a, in, n);
    assert_false(call.failed);
    for (uint32_t i = 0, at = 0; i < ROWS; i++) {
        if (in ? at == n || in[at] != i : i >= n) {
            assert_int_equal(out->tag[i], T_EXT); /* not selected: not touched */
            continue;
        }
        at++;
        for (uint32_t k = 0; k < n_args; k++)
            values[k] = args[k].column ? column_get(args[k].column, i) : args[k].value;
        struct value want = function->run(&judge, values, n_args), got = column_get(out, i);
        if (!same(got, want))
            fail_msg("%s by %s, row %u: type %u, not %u", function->name, loop->name, i, got.type,
                     want.type);
        assert_true(out->seen & SEEN(got.type));
    }
    assert_int_equal(f->mismatch, f->want_mismatch);
    assert_int_equal(f->undefined, f->want_undefined);
}

static void fill(struct fixture *f, uint32_t column, enum fill kind, bool nulls, uint32_t stride) {
    struct column *c = &f->block.columns[column];
    for (uint32_t i = 0; i < ROWS; i++)
        column_put(c, i,
                   nulls && i % 5 == 3 ? (i % 2 ? value_null() : value_missing())
                                       : draw(kind, i / stride));
    block_seal(&f->block, 2, ROWS);
}

static void check_selections(struct fixture *f, const struct function *function,
                             const struct compute_arg *args, uint32_t n_args) {
    static uint16_t odd[ROWS];
    uint32_t n = 0;
    for (uint32_t i = 1; i < ROWS; i += 2)
        odd[n++] = (uint16_t)i;
    check(f, function, args, n_args, NULL, ROWS);
    check(f, function, args, n_args, odd, n);
    check(f, function, args, n_args, odd, 0);
}

static void test_loops(void **state) {
    (void)state;
    static struct fixture f;
    arena_init(&f.arena, NULL);
    assert_true(block_init(&f.block, 3, false, NULL));
    block_clear(&f.block, 3);
    struct compute_arg x = {&f.block.columns[0], value_null()},
                       y = {&f.block.columns[1], value_null()};
    for (size_t o = 0; o < COUNT_OF(ARITHMETIC); o++)
        for (uint32_t kinds = 0; kinds < FILLS * FILLS * 4; kinds++) {
            const struct function *function = function_find(str_of(ARITHMETIC[o]));
            assert_non_null(function);
            enum fill left = kinds % FILLS, right = kinds / FILLS % FILLS;
            fill(&f, 0, left, kinds / (FILLS * FILLS) & 1, 1);
            fill(&f, 1, right, kinds / (FILLS * FILLS) & 2, COUNT_OF(INTEGERS));
            check_selections(&f, function, (struct compute_arg[]){x, y}, 2);
            for (uint32_t i = 0; i < 10; i++) {
                struct compute_arg k = {NULL, draw(right, i)};
                check_selections(&f, function, (struct compute_arg[]){x, k}, 2);
                check_selections(&f, function, (struct compute_arg[]){k, x}, 2);
            }
        }
    const struct function *negate = function_find(str_of("neg"));
    fill(&f, 0, FILL_MIXED, true, 1);
    check_selections(&f, negate, &x, 1);
    for (size_t i = 0; compute_at(i); i++)
        if (f.used[i] == 0)
            fail_msg("%s was never chosen", compute_at(i)->name);
    block_done(&f.block);
    arena_done(&f.arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_loops)};
    return cmocka_run_group_tests_name("compute", tests, NULL, NULL);
}

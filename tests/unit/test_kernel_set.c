/* Sets of constants for IN: the three layouts of integers, the two of strings, everything else, and
 * sets so large that a quadratic loop would not come to an end.
 */
#include "base/bitmap.h"
#include "kernel/set.h"

#include "kernel_unit.h"

#include "value/mp.h"

static struct arena arena;

/* --- against the definition --- */

struct list {
    const struct value *items;
    size_t n;
    const struct set *set;
};

/* x = a OR x = b OR ... (I1, I2) */
static enum truth in_truth(const void *arg, struct value x, struct value y, bool *mismatch) {
    const struct list *l = arg;
    enum truth t = FALSE_;
    (void)y, (void)mismatch;
    for (size_t i = 0; i < l->n; i++) {
        enum truth equal = value_compare(CMP_EQ, x, l->items[i], NULL);
        t = equal > t ? equal : t;
    }
    return t;
}

static void in_build(const void *arg, enum truth want, struct term *t) {
    const struct list *l = arg;
    *t = (struct term){.shape = TERM_IN, .set = l->set, .want = want};
}

static void check_value(const struct list *l, struct value x, const char *what) {
    enum truth want = in_truth(l, x, value_missing(), NULL), got = set_truth(l->set, x);
    bool has = !value_is_null(x) && want == TRUE_;
    if (got != want || (!value_is_null(x) && set_has(l->set, x) != has))
        fail_msg("%s: type %d word %llx: %d, expected %d", what, x.type, (unsigned long long)x.w.u,
                 got, want);
}

/* All of the pool, the items, and the integers next to them. */
static const struct set *check_list(const struct value *items, size_t n, const char *what) {
    struct set *set = NULL;
    assert_true(set_build(&set, &arena, items, n));
    struct list l = {items, n, set};
    bool null = false;
    for (size_t i = 0; i < n; i++)
        null |= value_is_null(items[i]);
    assert_int_equal(set_has_null(set), null);
    assert_int_equal(set_is_empty(set), n == 0);
    for (size_t i = 0; i < POOLED; i++)
        check_value(&l, POOL[i], what);
    for (size_t i = 0; i < n; i++) {
        check_value(&l, items[i], what);
        if (items[i].type == T_INT) {
            uint64_t u = (uint64_t)items[i].w.i;
            check_value(&l, value_int((int64_t)(u + 1)), what);
            check_value(&l, value_int((int64_t)(u - 1)), what);
            check_value(&l, value_double((double)items[i].w.i), what);
            check_value(&l, value_double((double)items[i].w.i + 0.5), what);
        }
    }
    check_profiles(in_build, in_truth, &l, false, what);
    return set;
}

#define CHECK(items) check_list(items, COUNT_OF(items), #items)

static void test_few_integers(void **state) {
    (void)state;
    static const struct value one[] = {INT(10)};
    static const struct value ends[] = {INT(INT64_MIN), INT(INT64_MAX), INT(0)};
    static const struct value doubles[] = {DBL(-0.0), DBL(10), DBL(0.5), DBL(NAN)};
    static const struct value nan[] = {DBL(NAN)};
    static const struct value null[] = {{.type = T_NULL}};
    static const struct value null_and_one[] = {{.type = T_NULL}, INT(1)};
    static const struct value large[] = {UINT(UINT64_MAX), DBL(9223372036854775808.0),
                                         DBL(9007199254740992.0)};
    CHECK(one);
    CHECK(ends);
    CHECK(doubles);
    CHECK(nan);
    CHECK(null);
    CHECK(null_and_one);
    CHECK(large);
    check_list(NULL, 0, "no item");
}

static void test_bitmap(void **state) {
    (void)state;
    static const struct value near[] = {INT(-3), INT(-1), INT(0), INT(1), INT(9), DBL(10), INT(9)};
    static const struct value low[] = {INT(INT64_MIN),     INT(INT64_MIN + 1), INT(INT64_MIN + 7),
                                       INT(INT64_MIN + 8), INT(INT64_MIN + 9), INT(INT64_MIN + 9)};
    static const struct value high[] = {INT(INT64_MAX),     INT(INT64_MAX - 1), INT(INT64_MAX - 7),
                                        INT(INT64_MAX - 8), INT(INT64_MAX - 9), {.type = T_NULL}};
    assert_int_equal(CHECK(near)->span, 14);
    assert_true(CHECK(low)->span == 10);
    assert_true(CHECK(high)->span == 10);
    struct value widest[] = {INT(-5),         INT(-4), INT(0), INT(3), INT(SET_BITMAP_SPAN - 6),
                             {.type = T_NULL}};
    assert_int_equal(check_list(widest, 6, "widest bitmap")->span, SET_BITMAP_SPAN);
    widest[4].w.i++;
    assert_true(check_list(widest, 6, "too wide for a bitmap")->ints_mask > 0);
}

static void test_table(void **state) {
    (void)state;
    static const struct value far[] = {INT(INT64_MIN), INT(INT64_MAX), INT(0),          INT(1),
                                       INT(-1),        INT(TWO_53),    INT(TWO_53 + 1), DBL(TWO_53),
                                       INT(0),         DBL(-0.0)};
    const struct set *s = CHECK(far);
    assert_true(s->ints_mask > 0 && s->span == 0);
}

static void test_strings(void **state) {
    (void)state;
    static const struct value few[] = {RAW(T_STR, ""), RAW(T_STR, "a"), RAW(T_STR, "a\0b")};
    static const struct value many[] = {RAW(T_STR, ""),      RAW(T_STR, "a"),  RAW(T_STR, "a\0b"),
                                        RAW(T_STR, "a\0"),   RAW(T_STR, "ab"), RAW(T_STR, "\xFF"),
                                        RAW(T_STR, "abcab"), RAW(T_STR, "b"),  RAW(T_STR, "c"),
                                        RAW(T_STR, "a"),     RAW(T_STR, ""),   {.type = T_NULL}};
    assert_true(CHECK(few)->strings_mask == 0);
    assert_true(CHECK(many)->strings_mask > 0);
}

static void test_others(void **state) {
    (void)state;
    static const struct value scalars[] = {{.type = T_BOOL, .w.i = 1},
                                           RAW(T_BIN, "a"),
                                           RAW(T_BIN, ""),
                                           TIME(0, 1),
                                           TIME(-1, 999999999),
                                           RAW(T_EXT, "\x05"
                                                      "ab"),
                                           DBL(0.1),
                                           DBL(INFINITY)};
    static const struct value deep[] = {RAW(T_ARRAY, "\x91\x01"),
                                        RAW(T_ARRAY, "\x91\xC0"),
                                        RAW(T_MAP, "\x82\xA1"
                                                   "b\xCB\x40\0\0\0\0\0\0\0\xA1"
                                                   "a\x01"),
                                        RAW(T_MAP, "\x80"),
                                        RAW(T_ARRAY, "\x91\xCB\x7F\xF8\0\0\0\0\0\0"),
                                        RAW(T_ARRAY, "\x91\x81\xA1"
                                                     "a\x01")};
    /* 2^53 as a key, as integer and as double; null as a key; repeated keys */
    static const struct value keys[] = {RAW(T_MAP, "\x81\x01\xA1"
                                                   "a"),
                                        RAW(T_MAP, "\x81\xCB\x3F\xF0\0\0\0\0\0\0\xA1"
                                                   "a"),
                                        RAW(T_MAP, "\x82\xC0\x01\xC0\x02"),
                                        RAW(T_MAP, "\x81\xC0\x02"),
                                        RAW(T_MAP, "\x81\xCB\x7F\xF8\0\0\0\0\0\0\x01"),
                                        RAW(T_MAP, "\x84\xA1"
                                                   "a\x01\xA1"
                                                   "b\x01\xA1"
                                                   "a\x03\xA1"
                                                   "b\x02"),
                                        RAW(T_MAP, "\x82\xA1"
                                                   "b\x02\xA1"
                                                   "a\x03")};
    CHECK(scalars);
    CHECK(deep);
    CHECK(keys);
    check_list(POOL, POOLED, "the whole pool");
}

/* Random choices of the pool, many times. */
static void test_random_lists(void **state) {
    (void)state;
    struct value items[40];
    for (int round = 0; round < 60; round++) {
        size_t n = roll(COUNT_OF(items));
        for (size_t i = 0; i < n; i++)
            items[i] = POOL[roll(POOLED)];
        check_list(items, n, "random list");
    }
}

/* --- large ones --- */

#define LARGE 40000u

typedef struct value make_fn(uint32_t i, struct buf *b);

/* A set of the even numbers' values; holds all of them and no other if `equal`, else none. */
static void check_large(make_fn *make, bool equal, const char *what) {
    struct buf *bytes = calloc(LARGE, sizeof *bytes);
    struct value *items = calloc(LARGE, sizeof *items);
    struct arena own;
    struct set *set = NULL;
    assert_non_null(bytes);
    assert_non_null(items);
    arena_init(&own, NULL);
    for (uint32_t i = 0; i < LARGE; i++)
        items[i] = make(2 * i, &bytes[i]);
    assert_true(set_build(&set, &own, items, LARGE));
    for (uint32_t i = 0; i < 2 * LARGE; i++) {
        struct buf b = {0};
        if (set_has(set, make(i, &b)) != (equal && i % 2 == 0))
            fail_msg("%s: item %u", what, i);
        buf_done(&b);
    }
    arena_done(&own);
    for (uint32_t i = 0; i < LARGE; i++)
        buf_done(&bytes[i]);
    free(items);
    free(bytes);
}

static struct value near_int(uint32_t i, struct buf *b) {
    (void)b;
    return value_int(i);
}

static struct value far_int(uint32_t i, struct buf *b) {
    (void)b;
    return value_int((int64_t)(i * UINT64_C(0x9E3779B97F4A7C15)));
}

static struct value fraction(uint32_t i, struct buf *b) {
    (void)b;
    return value_double(i + 0.25);
}

static struct value string(uint32_t i, struct buf *b) {
    buf_printf(b, "item %u", i);
    return value_bytes(T_STR, b->data, (uint32_t)b->len);
}

static struct value map(uint32_t i, struct buf *b) {
    mp_write_map(b, 2);
    mp_write_text(b, "same");
    mp_write_int(b, 1);
    mp_write_text(b, "number");
    mp_write_uint(b, i);
    return value_bytes(T_MAP, b->data, (uint32_t)b->len);
}

/* Many pairs, told apart by one of them, in an order that turns. */
static struct value wide_map(uint32_t i, struct buf *b) {
    mp_write_map(b, 40);
    for (uint32_t k = 0; k < 40; k++) {
        mp_write_uint(b, (i + k) % 40);
        mp_write_uint(b, (i + k) % 40 == 7 ? i : 1);
    }
    return value_bytes(T_MAP, b->data, (uint32_t)b->len);
}

static struct value array_of_map(uint32_t i, struct buf *b) {
    mp_write_array(b, 1);
    struct buf inner = {0};
    map(i, &inner);
    buf_add(b, inner.data, inner.len);
    buf_done(&inner);
    return value_bytes(T_ARRAY, b->data, (uint32_t)b->len);
}

/* Equal to nothing, not even to itself. */
static struct value array_of_nan(uint32_t i, struct buf *b) {
    (void)i;
    mp_write_array(b, 1);
    mp_write_double(b, NAN);
    return value_bytes(T_ARRAY, b->data, (uint32_t)b->len);
}

static void test_large_sets(void **state) {
    (void)state;
    check_large(near_int, true, "near integers");
    check_large(far_int, true, "far integers");
    check_large(fraction, true, "fractions");
    check_large(string, true, "strings");
}

static void test_large_sets_of_containers(void **state) {
    (void)state;
    check_large(map, true, "maps");
    check_large(wide_map, true, "wide maps");
    check_large(array_of_map, true, "arrays of maps");
    check_large(array_of_nan, false, "arrays of NaN");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_few_integers), cmocka_unit_test(test_bitmap),
        cmocka_unit_test(test_table),        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_others),       cmocka_unit_test(test_random_lists),
        cmocka_unit_test(test_large_sets),   cmocka_unit_test(test_large_sets_of_containers),
    };
    arena_init(&arena, NULL);
    int failed = cmocka_run_group_tests_name("kernel_set", tests, NULL, NULL);
    arena_done(&arena);
    return failed;
}

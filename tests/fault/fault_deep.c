/* Deep equality without memory: wide maps are then compared the plain way, and the answer is the
 * same. */
#include "value/mp.h"

#include "alloc_fault.h"
#include "unit.h"

struct pair_of_maps {
    struct buf a, b;
    bool equal;
    bool fell_back; /* some run met a failed allocation */
};

static struct value map_of(const struct buf *b) {
    return value_bytes(T_MAP, b->data, (uint32_t)b->len);
}

/* There is nothing to report: whatever fails, the answer must be right. */
static enum status compare(void *arg) {
    struct pair_of_maps *p = arg;
    assert_int_equal(value_compare(CMP_EQ, map_of(&p->a), map_of(&p->b), NULL), truth_of(p->equal));
    assert_int_equal(value_compare(CMP_EQ, map_of(&p->b), map_of(&p->a), NULL), truth_of(p->equal));
    return E_OK;
}

/* A map of n pairs k -> k, from `from` on by `step`; the last value is `last`. */
static void write_map(struct buf *b, uint32_t n, int64_t from, int64_t step, int64_t odd) {
    mp_write_map(b, n);
    for (uint32_t i = 0; i < n; i++, from += step) {
        mp_write_int(b, from);
        mp_write_int(b, from == odd ? -1 : from);
    }
}

/* A hash without the order of the keys is none: it is then not to be had. */
static enum status hash(void *arg) {
    struct pair_of_maps *p = arg;
    uint64_t a, b;
    if (!value_hash(hash_key(), map_of(&p->a), &a) || !value_hash(hash_key(), map_of(&p->b), &b))
        return E_MEMORY;
    assert_int_equal(a == b, p->equal);
    return E_OK;
}

static void check(const char *what, struct pair_of_maps *p) {
    assert_false(buf_failed(&p->a) || buf_failed(&p->b));
    fault_each(what, compare, p);
    fault_each(what, hash, p);
    buf_done(&p->a);
    buf_done(&p->b);
}

static void test_wide_maps(void **state) {
    (void)state;
    struct pair_of_maps p = {.equal = true};
    write_map(&p.a, 200, 0, 1, -5);
    write_map(&p.b, 200, 199, -1, -5);
    check("the same in the opposite order", &p);
    p.equal = false;
    write_map(&p.a, 200, 0, 1, -5);
    write_map(&p.b, 200, 199, -1, 77);
    check("one value differs", &p);
    write_map(&p.a, 200, 0, 1, -5);
    write_map(&p.b, 199, 198, -1, -5);
    check("one key fewer", &p);
    write_map(&p.a, 20, 0, 1, -5);
    write_map(&p.b, 20, 1, 1, -5);
    check("one key differs", &p);
    p.equal = true; /* duplicates: only the last counts */
    mp_write_map(&p.a, 21);
    mp_write_int(&p.a, 3);
    mp_write_nil(&p.a);
    for (int i = 0; i < 20; i++) {
        mp_write_int(&p.a, i);
        mp_write_int(&p.a, i);
    }
    write_map(&p.b, 20, 19, -1, -5);
    check("duplicates", &p);
}

/* Maps in maps in maps, each too wide for the stack: every level falls back, and the work must not
 * double with each. 60 levels of 9 pairs. */
static void test_nested_wide_maps(void **state) {
    (void)state;
    struct pair_of_maps p = {.equal = true};
    struct buf *both[] = {&p.a, &p.b};
    for (int k = 0; k < 2; k++) {
        for (int depth = 0; depth < 60; depth++) {
            mp_write_map(both[k], 9);
            for (int i = 0; i < 9; i++) {
                mp_write_int(both[k], i);
                if (i < 8)
                    mp_write_double(both[k], i);
            }
        }
        mp_write_text(both[k], "the innermost");
    }
    check("nested", &p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wide_maps),
        cmocka_unit_test(test_nested_wide_maps),
    };
    return cmocka_run_group_tests_name("fault_deep", tests, NULL, NULL);
}

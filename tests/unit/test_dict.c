/* value/dict.h: a value has one code, however it is asked for: alone, in a group, by its hash, from
 * another thread's side. Against a list of the values that is searched from its beginning. */
#include "value/dict.h"

#include "unit.h"

#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 700, LONGEST = 80, MOST = ROUNDS * DICT_GROUP };

/* What there is, in the order of its coming. */
struct known {
    struct value *values;
    uint32_t n;
};

static uint64_t seed;

static uint32_t below(uint32_t n) {
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % n;
}

static uint32_t find(const struct known *k, struct value v) {
    for (uint32_t i = 0; i < k->n; i++) {
        struct value w = k->values[i];
        if (w.type == v.type && w.n == v.n && (v.n == 0 || memcmp(w.w.p, v.w.p, v.n) == 0))
            return i;
    }
    return NO_CODE;
}

/* A group of values one behind the other, in memory that ends with them. They differ in their
 * length, their type, and in a few bytes anywhere. */
static uint8_t *draw(struct value *ret, uint32_t n, const uint8_t **ret_end) {
    static const uint8_t TYPES[] = {T_STR, T_STR, T_STR, T_BIN, T_ARRAY, T_MAP};
    uint32_t bytes = 0, at = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t length = below(3) ? below(20) : below(LONGEST);
        ret[i] = (struct value){.type = TYPES[below(sizeof TYPES)], .n = length};
        bytes += length;
    }
    uint8_t *p = malloc(bytes ? bytes : 1);
    assert_non_null(p);
    memset(p, 'a', bytes);
    for (uint32_t i = 0; i < n; i++) {
        ret[i].w.p = p + at;
        at += ret[i].n;
        if (ret[i].n && below(4))
            p[at - 1 - below(ret[i].n)] = below(2) ? 0 : 'b';
    }
    *ret_end = p + bytes;
    return p;
}

static void check_group(struct dict *d, struct known *k) {
    struct value group[DICT_GROUP];
    uint32_t n = 1 + below(DICT_GROUP), hash[DICT_GROUP], code[DICT_GROUP], again;
    const uint8_t *end;
    uint8_t *p = draw(group, n, &end);
    dict_look(d, group, n, end, hash, code);
    for (uint32_t i = 0; i < n; i++)
        assert_int_equal(code[i], find(k, group[i]));
    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = find(k, group[i]), alone, alone_hash;
        assert_int_equal(dict_has(d, group[i], &again), at != NO_CODE);
        dict_look(d, &group[i], 1, group[i].w.p + group[i].n, &alone_hash, &alone);
        if (at == NO_CODE)
            assert_int_equal(alone_hash, hash[i]); /* whatever may be read behind it */
        assert_int_equal(alone, at);
        assert_true(code[i] != NO_CODE || below(2) ? dict_add(d, group[i], &again)
                                                   : dict_add_hashed(d, group[i], hash[i], &again));
        assert_int_equal(again, at == NO_CODE ? k->n : at);
        if (at == NO_CODE)
            k->values[k->n++] = dict_value(d, again);
        assert_true(dict_has(d, group[i], &alone));
        assert_int_equal(alone, again);
    }
    free(p);
    assert_int_equal(dict_count(d), k->n);
}

static void test_codes(void **state) {
    (void)state;
    struct budget budget;
    budget_init(&budget, 0);
    struct dict *d = dict_new(&budget);
    struct known k = {.values = calloc(MOST, sizeof *k.values)};
    assert_non_null(d);
    assert_non_null(k.values);
    seed = 7;
    for (uint32_t i = 0; i < ROUNDS; i++)
        check_group(d, &k);
    assert_in_range(k.n, 2000, MOST); /* enough for each way of looking, and for tables that grow */
    free(k.values);
    dict_unref(d);
    assert_int_equal(budget.used_bytes, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codes),
    };
    return cmocka_run_group_tests_name("dict", tests, NULL, NULL);
}

/* Tables with a key against a simple model: a list of rows, searched from one end to the other. */
#include "table_unit.h"

#include <math.h>

enum { KEYS = 400, MOST_ROWS = 4000 };

/* Keys of all types that can be one; some of them equal in different forms. */
static struct value key_value(uint32_t k, char *text, bool other_form) {
    switch (k % 5) {
    case 0:
        return other_form ? value_double((double)k) : value_int(k);
    case 1:
        snprintf(text, 64, "key %u%s", k, k % 2 ? "" : " with a longer name than others");
        return value_str(str_of(text));
    case 2:
        snprintf(text, 64, "key %u", k - 1); /* the same bytes as a string's */
        return value_bytes(T_BIN, text, (uint32_t)strlen(text));
    case 3:
        return value_timestamp((int64_t)k - 200, k % 2 ? 5 : 0);
    default:
        return k < 10  ? value_bool(k == 4)
               : k % 2 ? value_uint(UINT64_MAX - k)
                       : value_double(k + 0.5);
    }
}

struct entry {
    uint32_t key;
    struct buf row;
};

/* The model. */
static struct {
    struct entry rows[MOST_ROWS];
    uint32_t n;
} model;

static void model_remove(uint32_t i) {
    buf_done(&model.rows[i].row);
    memmove(&model.rows[i], &model.rows[i + 1], (model.n - i - 1) * sizeof model.rows[0]);
    model.n--;
}

static bool model_find(uint32_t key, uint32_t *ret) {
    for (uint32_t i = 0; i < model.n; i++)
        if (model.rows[i].key == key) {
            *ret = i;
            return true;
        }
    return false;
}

static void write_row(struct buf *out, uint32_t key, uint32_t stamp, bool other_form) {
    char text[64];
    mp_write_map(out, stamp % 3 ? 3 : 2);
    mp_write_text(out, "id");
    mp_write_value(out, key_value(key, text, other_form));
    mp_write_text(out, "stamp");
    mp_write_int(out, stamp);
    if (stamp % 3) {
        mp_write_text(out, "word");
        mp_write_text(out, stamp % 2 ? "odd" : "even");
    }
}

static void check_model(struct table *t) {
    struct buf want = {0};
    for (uint32_t i = 0; i < model.n; i++)
        buf_add(&want, model.rows[i].row.data, model.rows[i].row.len);
    check_rows(t, &want);
    buf_done(&want);
}

static struct table *keyed(const struct limits *l, struct budget *budget) {
    budget_init(budget, 0);
    return table_new(str_of("id"), l, budget);
}

/* A batch of n rows whose keys may be known, or come twice. What it must do is worked out first. */
static void random_batch(struct table *t, struct dice *d, enum batch_mode mode) {
    static uint32_t stamp;
    uint32_t keys[300], n = below(d, below(d, 10) ? 8 : 300), again, at;
    uint32_t range = mode == BATCH_APPEND && below(d, 3) ? KEYS : KEYS / 2;
    bool refused = false;
    struct buf rows[300] = {0};
    struct batch *b = batch_new(t);
    for (uint32_t i = 0; i < n; i++) {
        keys[i] = below(d, range);
        for (uint32_t tries = 0; mode != BATCH_UPSERT && tries < 40; tries++) {
            bool known = mode == BATCH_APPEND && model_find(keys[i], &at);
            for (again = 0; again < i && keys[again] != keys[i]; again++) {
            }
            if (!known && again == i)
                break;
            keys[i] = below(d, KEYS);
        }
        for (again = 0; again < i && keys[again] != keys[i]; again++) {
        }
        refused |= mode != BATCH_UPSERT && again < i;
        refused |= mode == BATCH_APPEND && model_find(keys[i], &at);
        write_row(&rows[i], keys[i], stamp++, below(d, 2));
        add_rows(b, &rows[i]);
    }
    struct batch_counts counts = {.added = 77, .replaced = 77};
    struct error e;
    error_clear(&e);
    enum status status = batch_commit(b, mode, &counts, &e);
    assert_int_equal(status, refused ? E_DUPLICATE_KEY : E_OK);
    assert_true(batch_rows(b) == 0);
    if (!refused) {
        uint32_t replaced = 0;
        while (mode == BATCH_REPLACE && model.n)
            model_remove(model.n - 1);
        for (uint32_t i = 0; i < n; i++) {
            if (model_find(keys[i], &at)) {
                model_remove(at);
                replaced++;
            }
            assert_true(model.n < MOST_ROWS);
            model.rows[model.n++] = (struct entry){keys[i], rows[i]};
            rows[i] = (struct buf){0};
        }
        assert_int_equal(counts.replaced, replaced);
        assert_int_equal(counts.added, n - replaced);
    } else {
        assert_true(e.row < n);
        assert_int_equal(counts.added, 77);
    }
    for (uint32_t i = 0; i < n; i++)
        buf_done(&rows[i]);
    batch_free(b);
}

static void random_delete(struct table *t, struct dice *d) {
    struct value keys[200];
    char text[200][64];
    uint32_t n = below(d, below(d, 5) ? 5 : 200), deleted = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t key = below(d, KEYS), at;
        keys[i] = key_value(key, text[i], below(d, 2));
        if (model_find(key, &at)) {
            model_remove(at);
            deleted++;
        }
    }
    uint64_t got = 0;
    struct error e;
    error_clear(&e);
    assert_int_equal(table_delete(t, keys, n, &got, &e), E_OK);
    assert_int_equal(got, deleted);
}

static void test_against_model(void **state) {
    (void)state;
    struct limits l = table_limits();
    struct budget budget;
    struct table *t = keyed(&l, &budget);
    struct dice d = {12345};
    uint64_t version = 0;
    for (uint32_t i = 0; i < 2500; i++) {
        uint32_t what = below(&d, 100);
        if (what < 40)
            random_batch(t, &d, BATCH_UPSERT);
        else if (what < 65)
            random_batch(t, &d, BATCH_APPEND);
        else if (what < 66)
            random_batch(t, &d, BATCH_REPLACE);
        else
            random_delete(t, &d);
        if (i % 5 == 0)
            check_model(t);
        const struct snapshot *s = table_snapshot(t);
        assert_true(s->version >= version);
        version = s->version;
        for (uint32_t k = 0; k < s->n_parts; k++)
            assert_true(2 * (uint64_t)s->parts[k].n_live >= s->parts[k].n);
        snapshot_unref(s);
    }
    check_model(t);
    while (model.n)
        model_remove(0);
    table_unref(t);
    assert_int_equal(budget.used_bytes, 0);
}

/* Each value that cannot be a key, as a row's and as one to delete. */
static void test_bad_keys(void **state) {
    (void)state;
    struct limits l = table_limits();
    struct budget budget;
    struct table *t = keyed(&l, &budget);
    const struct value bad[] = {value_null(), value_double(NAN), value_bytes(T_ARRAY, "\x90", 1),
                                value_bytes(T_MAP, "\x80", 1), value_bytes(T_EXT, "\x05x", 2)};
    struct error e;
    struct batch_counts counts;
    uint64_t deleted;
    for (uint32_t i = 0; i <= COUNT_OF(bad); i++) { /* the last: missing */
        struct buf rows = {0};
        struct batch *b = batch_new(t);
        write_row(&rows, 1, 1, false);
        mp_write_map(&rows, i < COUNT_OF(bad));
        if (i < COUNT_OF(bad)) {
            mp_write_text(&rows, "id");
            mp_write_value(&rows, bad[i]);
        }
        add_rows(b, &rows);
        error_clear(&e);
        assert_int_equal(batch_commit(b, BATCH_UPSERT, &counts, &e), E_BAD_KEY);
        assert_int_equal(e.row, 1);
        batch_free(b);
        buf_done(&rows);
        error_clear(&e);
        struct value one = i < COUNT_OF(bad) ? bad[i] : value_missing();
        assert_int_equal(table_delete(t, &one, 1, &deleted, &e), E_BAD_KEY);
    }
    const struct snapshot *s = table_snapshot(t);
    assert_int_equal(s->n_rows, 0);
    snapshot_unref(s);
    table_unref(t);
    t = table_new((struct str){NULL, 0}, &l, &budget);
    struct value one = value_int(1);
    error_clear(&e);
    assert_int_equal(table_delete(t, &one, 1, &deleted, &e), E_NO_KEY);
    assert_null(table_key(t).p);
    table_unref(t);
    assert_int_equal(budget.used_bytes, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_model),
        cmocka_unit_test(test_bad_keys),
    };
    return cmocka_run_group_tests_name("table_keys", tests, NULL, NULL);
}

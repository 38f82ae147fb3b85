/* Readers and writers at once: for the thread sanitizer, and to see that each snapshot is whole.
 *
 * Every commit keeps the sum of `n` over the rows of a key group the same, so any snapshot in which
 * it differs is a mixture of two. */
#include "table_unit.h"

#include <pthread.h>

enum { GROUPS = 3, GROUP_KEYS = 40, SUM = 100000, WRITERS = 2, READERS = 2, COMMITS = 250 };

struct shared {
    struct table *table;
    _Atomic bool done;
    _Atomic uint32_t failures;
};

struct worker {
    struct shared *shared;
    pthread_t thread;
    uint32_t number;
};

static void write_row(struct buf *out, uint32_t key, int64_t n, uint32_t stamp) {
    char text[32];
    mp_write_map(out, 4);
    mp_write_text(out, "id");
    mp_write_int(out, key);
    mp_write_text(out, "n");
    mp_write_int(out, n);
    mp_write_text(out, "town");
    snprintf(text, sizeof text, "town %u", stamp % 50);
    mp_write_text(out, text);
    mp_write_text(out, "in");
    mp_write_map(out, 1);
    mp_write_text(out, "x");
    mp_write_text(out, stamp % 2 ? "odd" : "even");
}

/* Some keys of a group get new numbers, one of them what is left of the sum. */
static enum status write_group(struct table *t, uint32_t group, int64_t *numbers, struct dice *d) {
    struct buf rows = {0};
    int64_t moved = 0;
    uint32_t from = below(d, GROUP_KEYS / 2), n = 2 + below(d, GROUP_KEYS / 2 - 2);
    for (uint32_t i = from; i < from + n; i++) {
        int64_t x = i + 1 < from + n ? (int64_t)below(d, 1000) : numbers[i] - moved;
        moved += x - numbers[i];
        numbers[i] = x;
        write_row(&rows, group * GROUP_KEYS + i, x, (uint32_t)draw(d));
    }
    struct batch *b = batch_new(t);
    const uint8_t *p = rows.data, *end = p + rows.len, *fault;
    struct error e;
    struct batch_counts counts;
    error_clear(&e);
    while (p && p < end)
        p = batch_add_map(b, p, end, &fault, &e);
    enum status status = p ? batch_commit(b, BATCH_UPSERT, &counts, &e) : e.status;
    batch_free(b);
    buf_done(&rows);
    return status;
}

/* Keys outside the groups come and go. */
static enum status come_and_go(struct table *t, uint32_t number, struct dice *d) {
    struct value keys[20];
    uint64_t deleted;
    struct error e;
    error_clear(&e);
    for (uint32_t i = 0; i < COUNT_OF(keys); i++)
        keys[i] = value_int(1000 * (int64_t)(number + 1) + below(d, 60));
    enum status status = table_delete(t, keys, COUNT_OF(keys), &deleted, &e);
    if (status != E_OK)
        return status;
    int64_t numbers[GROUP_KEYS] = {0};
    numbers[0] = 1;
    return write_group(t, 1000 / GROUP_KEYS * (number + 1), numbers, d);
}

static void *writer(void *arg) {
    struct worker *w = arg;
    struct dice d = {w->number * 77 + 5};
    int64_t numbers[GROUP_KEYS] = {SUM};
    for (uint32_t i = 0; i < COMMITS; i++) {
        enum status status = i % 4 == 3 ? come_and_go(w->shared->table, w->number, &d)
                                        : write_group(w->shared->table, w->number, numbers, &d);
        if (status != E_OK)
            w->shared->failures++;
    }
    return NULL;
}

static bool sums_hold(const struct snapshot *s) {
    int64_t sums[GROUPS] = {0};
    uint64_t rows = 0;
    uint32_t id = snapshot_column(s, str_of("id")), n = snapshot_column(s, str_of("n"));
    uint32_t in = snapshot_column(s, str_of("in")), town = snapshot_column(s, str_of("town"));
    struct path_step x = {.key = str_of("x")};
    bool good = true;
    for (uint32_t i = 0; i < s->n_parts; i++) {
        const struct part *p = &s->parts[i];
        const struct chunk *path = part_path_chunk(p, in, (struct path){&x, 1});
        for (uint32_t row = 0; row < p->n; row++) {
            if (!bits_get(p->live, row))
                continue;
            uint64_t group = chunk_value(chunk_of(p, id), row).w.u / GROUP_KEYS;
            if (group < GROUPS)
                sums[group] += chunk_value(chunk_of(p, n), row).w.i;
            good &= chunk_value(path, row).type == T_STR;
            good &= chunk_value(chunk_of(p, town), row).n >= 6;
            rows++;
        }
    }
    for (uint32_t i = 0; i < WRITERS; i++)
        good &= sums[i] == SUM || sums[i] == 0; /* 0: not there yet */
    return good && rows == s->n_rows;
}

static void *reader(void *arg) {
    struct worker *w = arg;
    uint64_t version = 0;
    while (!w->shared->done) {
        const struct snapshot *s = table_snapshot(w->shared->table);
        struct column_report r;
        if (!sums_hold(s) || s->version < version ||
            (s->n_columns && !column_report(w->shared->table, s, 0, &r)) ||
            table_bytes(w->shared->table) == 0)
            w->shared->failures++;
        version = s->version;
        snapshot_unref(s);
    }
    return NULL;
}

static void test_at_once(void **state) {
    (void)state;
    struct limits l = table_limits();
    struct budget budget;
    budget_init(&budget, 0);
    struct shared shared = {.table = table_new(str_of("id"), &l, &budget)};
    struct worker writers[WRITERS], readers[READERS];
    for (uint32_t i = 0; i < WRITERS; i++) {
        writers[i] = (struct worker){.shared = &shared, .number = i};
        assert_int_equal(pthread_create(&writers[i].thread, NULL, writer, &writers[i]), 0);
    }
    for (uint32_t i = 0; i < READERS; i++) {
        readers[i] = (struct worker){.shared = &shared, .number = i};
        assert_int_equal(pthread_create(&readers[i].thread, NULL, reader, &readers[i]), 0);
    }
    for (uint32_t i = 0; i < WRITERS; i++)
        pthread_join(writers[i].thread, NULL);
    shared.done = true;
    for (uint32_t i = 0; i < READERS; i++)
        pthread_join(readers[i].thread, NULL);
    const struct snapshot *s = table_snapshot(shared.table);
    assert_true(sums_hold(s));
    assert_true(s->n_rows >= GROUP_KEYS);
    snapshot_unref(s);
    assert_int_equal(shared.failures, 0);
    table_unref(shared.table);
    assert_int_equal(budget.used_bytes, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_at_once),
    };
    return cmocka_run_group_tests_name("table_thread", tests, NULL, NULL);
}

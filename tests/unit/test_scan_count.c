/* plan/scan.h, scan_count: how many rows a query keeps, by the counts of bytes that a chunk makes
 * when it has been asked for some times. What scan_part says of the same rows is the truth here. */
#include "plan/scan.h"

#include "plan/scan_tree.h"

#include "table_unit.h"

#include <pthread.h>
#include <stdatomic.h>

static struct limits limits;
static struct dice dice;
static int64_t far = 1700000000000; /* the least of a column */

/* ---- rows ---- */

static void write_time(struct buf *b, int64_t seconds, uint32_t nanoseconds) {
    mp_write_value(b, (struct value){.type = T_TIMESTAMP, .n = nanoseconds, .w.i = seconds});
}

enum { COLUMNS = 12 };

static void write_row(struct buf *b, uint64_t id, bool gaps) {
    static const char *const CITIES[] = {"Oslo",  "Rome", "",     "Paris",
                                         "Oskar", "A",    "rome", "\xC3\xA5"};
    bool there = !gaps || below(&dice, 5) > 0;
    mp_write_map(b, COLUMNS - !there);
    mp_write_text(b, "id");
    mp_write_uint(b, id);
    mp_write_text(b, "small");
    mp_write_int(b, (int64_t)below(&dice, 256) - 128);
    mp_write_text(b, "far"); /* a base that is not zero */
    mp_write_int(b, far + below(&dice, 256));
    mp_write_text(b, "unsigned"); /* and one above all int64_t */
    mp_write_uint(b, UINT64_MAX - below(&dice, 200));
    mp_write_text(b, "t");
    write_time(b, (int64_t)below(&dice, 200) - 100, 0);
    mp_write_text(b, "fine");
    write_time(b, 1700000000, 1000000 * below(&dice, 250));
    mp_write_text(b, "city");
    mp_write_text(b, CITIES[below(&dice, 8)]);
    mp_write_text(b, "mixed"); /* a dictionary of values of several types */
    mp_write_array(b, below(&dice, 3));
    for (uint32_t i = b->data[b->len - 1] & 15; i > 0; i--)
        mp_write_uint(b, i);
    mp_write_text(b, "wide");
    mp_write_int(b, (int64_t)below(&dice, 1000) - 500);
    mp_write_text(b, "flag");
    mp_write_bool(b, below(&dice, 2));
    mp_write_text(b, "nothing");
    mp_write_nil(b);
    if (!there)
        return;
    mp_write_text(b, "gap");
    if (gaps && below(&dice, 4) == 0)
        mp_write_nil(b);
    else
        mp_write_int(b, (int64_t)below(&dice, 100) - 20);
}

static struct table *table_of(uint32_t rows, bool gaps) {
    struct table *t = table_new(str_of("id"), &limits, NULL);
    struct batch *batch = batch_new(t);
    struct buf b = {0};
    assert_true(t && batch);
    for (uint32_t i = 0; i < rows; i++)
        write_row(&b, i, gaps);
    add_rows(batch, &b);
    commit_as(batch, BATCH_APPEND);
    batch_free(batch);
    buf_done(&b);
    return t;
}

/* Deletes n rows: from, from + 2, from + 4 ... */
static void delete_rows(struct table *t, uint32_t from, uint32_t n) {
    struct value *keys = malloc((n + 1) * sizeof *keys);
    struct error e;
    uint64_t gone;
    error_clear(&e);
    assert_non_null(keys);
    for (uint32_t i = 0; i < n; i++)
        keys[i] = value_int(from + 2 * (int64_t)i);
    assert_int_equal(table_delete(t, keys, n, &gone, &e), E_OK);
    assert_int_equal(gone, n);
    free(keys);
}

/* ---- asking ---- */

struct asking {
    struct query query;
    struct plan *plan;
    struct scan *scan;
    const struct snapshot *snapshot;
    const struct part *part; /* the first */
    const struct chunk *chunks[4];
};

static void ask_begin(struct asking *a, struct table *t, const char *text,
                      const struct run_options *options) {
    static const struct run_options PLAIN = {.row_depth = 64, .row_fields = 4096};
    struct error e;
    error_clear(&e);
    *a = (struct asking){.snapshot = table_snapshot(t)};
    if (query_parse(&a->query, str_of(text), &limits, NULL, &e) != E_OK)
        fail_msg("%s: %s", text, e.message);
    a->plan = plan_new(&a->query, NULL, &limits, NULL, &e);
    assert_non_null(a->plan);
    a->scan = scan_new(a->plan, &limits, NULL, &e);
    assert_non_null(a->scan);
    a->part = &a->snapshot->parts[0];
    for (uint32_t i = 0; i < plan_fields(a->plan)->n_slots; i++) {
        uint32_t column = snapshot_column(a->snapshot, plan_path(a->plan, i).steps[0].key);
        if (column != NO_TABLE_COLUMN)
            a->chunks[i] = chunk_of(a->part, column);
    }
    scan_begin(a->scan, options ? options : &PLAIN);
}

static void ask_end(struct asking *a) {
    scan_free(a->scan);
    plan_free(a->plan);
    query_done(&a->query);
    snapshot_unref(a->snapshot);
}

static bool count(struct asking *a, uint32_t *ret) {
    return scan_count(a->scan, a->chunks, a->part->n, a->part->live, a->part->n_live, ret);
}

static uint32_t look(struct asking *a) {
    static _Thread_local uint64_t bits[CHUNK_WORDS];
    return scan_part(a->scan, a->chunks, a->part->n, a->part->live, bits);
}

/* ---- answers ---- */

static const struct {
    const char *text;
    bool counts; /* else rows must be looked at */
} QUERIES[] = {
    {"small = 5", true},
    {"small = -128", true},
    {"small <> 127", true},
    {"small < 0", true},
    {"small <= -1.5", true},
    {"small > 126.5", true},
    {"small >= -128", true},
    {"small > 127", true},
    {"small > 1e30", true},
    {"small between -3 and 3", true},
    {"small between 3 and -3", true},
    {"small not between -127 and 126", true},
    {"small = null", true},
    {"small in (1, -2, 30, 79.0, 79.5, 1000)", true},
    {"small in (1, null)", true},
    {"small not in (1, 2, -128)", true},
    {"small not in (1, null)", true},
    {"small is null", true},
    {"small is not null", true},
    {"small is distinct from 5", true},
    {"not small is distinct from -5", true},
    {"small >= 0 and small < 10", true},
    {"small < 5 or small > 100 or small = 77", true},
    {"not (small < 5 or small > 100)", true},
    {"(small > 5) is true", true},
    {"(small > 5) is not true", true},
    {"small > 500 and small % 2 = 0", true}, /* none is left for the second one */
    {"small = 500 and (small < 3 or small in (5, 6)) and small > 3", true},
    {"(small > 5) is not true or (small > 5) is true or small % 2 = 0", true},
    {"far >= 1700000000200", true},
    {"far <> 1700000000000", true},
    {"far in (1700000000001, 1700000000255, 1)", true},
    {"far = 5", true},
    {"unsigned > 18446744073709551500", true},
    {"unsigned between 18446744073709551614 and 18446744073709551615", true},
    {"unsigned in (18446744073709551615, 5)", true},
    {"unsigned <> 18446744073709551600", true},
    {"t >= timestamp '1970-01-01T00:00:00Z'", true},
    {"t < timestamp '1969-12-31T23:59:59.5Z'", true},
    {"t = timestamp '1970-01-01T00:00:00.5Z'", true},
    {"fine between timestamp '2023-11-14T22:13:20.1Z' and timestamp '2023-11-14T22:13:20.2Z'",
     true},
    {"city = 'Oslo'", true},
    {"city <> 'Oslo'", true},
    {"city < 'Oslo'", true},
    {"city in ('Oslo', '', 'nowhere')", true},
    {"city not in ('Oslo', 'Rome')", true},
    {"city like 'Os%'", true},
    {"city not like 'Os%'", true},
    {"city ilike 'ROME'", true},
    {"starts_with(city, 'O')", true},
    {"city = 'nowhere'", true},
    {"city = 5", true},
    {"mixed = 5", true},
    {"mixed is null", true},
    {"city = 'Oslo' or city = 'Rome' or city is null", true},
    {"gap = 0", true},
    {"gap <> 0", true},
    {"gap < 10", true},
    {"gap in (0, 1, 2)", true},
    {"gap not in (0, 1, 2)", true},
    {"gap is null", true},
    {"gap is not null", true},
    {"gap is null or gap > 50", true},
    {"not (gap is null or gap > 50)", true},
    {"gap is distinct from 0", true},
    {"not gap is distinct from 0", true},
    {"(gap > 5) is not true", true},
    {"(gap > 5) is false", true},
    {"(gap > 5 and gap < 10) is not false", true},
    {"nothing = 1", true},
    {"nothing is null", true},
    {"nothing is not null", true},
    {"absent = 1", true},
    {"absent is null", true},
    {"absent is missing", true},
    {"absent is not missing", true},
    {"1 = 1", true},
    {"1 = 2", true},
    {"gap is missing", false},
    {"small = 'x'", false},
    {"small in ()", false},
    {"city < 5", false},
    {"mixed < 5", false},
    {"wide > 5", false},
    {"flag", false},
    {"t > 5", false},
    {"t in (timestamp '1970-01-01T00:00:00Z')", false},
    {"small = gap", false},
    {"small > 5 and gap > 5", false},
    {"small % 2 = 0", false},
    {"(small > 5) is unknown", false},
};

static void check_query(struct table *t, size_t i) {
    struct asking a;
    uint32_t n = 0;
    ask_begin(&a, t, QUERIES[i].text, NULL);
    uint32_t want = look(&a);
    bool known = false;
    for (uint32_t k = 0; k < COUNTS_ASKED && !known; k++)
        known = count(&a, &n);
    if (known != QUERIES[i].counts)
        fail_msg("%s: %s counted", QUERIES[i].text, known ? "was" : "was not");
    if (known && n != want)
        fail_msg("%s: %u counted, not %u", QUERIES[i].text, n, want);
    if (known) { /* counts have not changed anything */
        assert_int_equal(look(&a), want);
        assert_true(count(&a, &n) && n == want);
    }
    ask_end(&a);
}

static void check_queries(bool gaps, uint32_t deleted) {
    struct table *t = table_of(COUNTS_ROWS + 11, gaps);
    delete_rows(t, 0, deleted);
    for (size_t i = 0; i < COUNT_OF(QUERIES); i++)
        check_query(t, i);
    table_unref(t);
}

static void test_answers(void **state) {
    (void)state;
    check_queries(false, 0);
    check_queries(true, 0);
}

static void test_with_deleted(void **state) {
    (void)state;
    check_queries(true, COUNTS_ROWS / COUNTS_DEAD_OF);
    check_queries(false, 1);
}

/* As many deleted rows as there may be, and one more: then rows are looked at, but where none has a
 * value. */
static void test_many_deleted(void **state) {
    (void)state;
    const uint32_t most = COUNTS_ROWS / COUNTS_DEAD_OF;
    struct table *t = table_of(COUNTS_ROWS, true);
    for (uint32_t more = 0; more < 2; more++) {
        struct asking a;
        uint32_t n = 0;
        bool known = false;
        delete_rows(t, more, more ? 1 : most); /* an even row is gone, an odd one is not */
        ask_begin(&a, t, "gap < 10", NULL);
        for (uint32_t k = 0; k < COUNTS_ASKED && !known; k++)
            known = count(&a, &n);
        assert_int_equal(known, !more);
        if (known)
            assert_int_equal(n, look(&a));
        ask_end(&a);
        ask_begin(&a, t, "nothing is null", NULL);
        assert_true(count(&a, &n));
        assert_int_equal(n, COUNTS_ROWS - most - more);
        ask_end(&a);
    }
    table_unref(t);
}

/* "far in (...)": the numbers that only the first of two tables has. */
static void write_in(char *text, size_t size) {
    int n = snprintf(text, size, "far in (");
    for (int i = 0; i < 100; i++)
        n += snprintf(text + n, size - (size_t)n, "%lld, ", (long long)far + i);
    snprintf(text + n, size - (size_t)n, "5)");
}

/* What was learned of one segment is not said of another, whose numbers are stored otherwise. */
static void test_bases(void **state) {
    (void)state;
    char in[4000], not_in[4020];
    write_in(in, sizeof in);
    snprintf(not_in, sizeof not_in, "not (%s)", in);
    const char *texts[] = {in, not_in, "far > 1700000000250"};
    struct table *first = table_of(COUNTS_ROWS, false);
    far += 100;
    struct table *second = table_of(COUNTS_ROWS, false);
    far -= 100;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct asking a, b;
        uint32_t n, want[2];
        ask_begin(&a, first, texts[i], NULL);
        ask_begin(&b, second, texts[i], NULL);
        want[0] = look(&a);
        want[1] = look(&b);
        assert_int_not_equal(want[0], want[1]);
        const struct chunk *chunks[] = {a.chunks[0], b.chunks[0]};
        for (uint32_t k = 0; k < 4 * COUNTS_ASKED; k++) {
            a.chunks[0] = chunks[k % 2];
            assert_int_equal(look(&a), want[k % 2]);
            assert_true(count(&a, &n) ? n == want[k % 2] : k < 2 * COUNTS_ASKED);
        }
        ask_end(&a);
        ask_end(&b);
    }
    table_unref(first);
    table_unref(second);
}

/* ---- who makes them ---- */

static void test_asked(void **state) {
    (void)state;
    struct table *t = table_of(COUNTS_ROWS, false);
    struct asking a, b;
    uint32_t n;
    ask_begin(&a, t, "small > 5", NULL);
    ask_begin(&b, t, "small < 5", NULL);
    for (uint32_t k = 1; k < COUNTS_ASKED; k++) /* whoever asks, and whatever */
        assert_false(count(k % 2 ? &a : &b, &n));
    assert_true(count(&b, &n));
    assert_int_equal(n, look(&b));
    assert_true(count(&a, &n));
    assert_int_equal(n, look(&a));
    ask_end(&a);
    ask_end(&b);
    ask_begin(&a, t, "far > 5", NULL); /* another column */
    assert_false(count(&a, &n));
    ask_end(&a);
    table_unref(t);
}

static void test_sizes(void **state) {
    (void)state;
    for (uint32_t rows = COUNTS_ROWS - 1; rows <= COUNTS_ROWS; rows++) {
        struct table *t = table_of(rows, false);
        struct asking a;
        ask_begin(&a, t, "small > 5 and wide > 5", NULL);
        assert_int_equal(a.chunks[0]->width + a.chunks[1]->width, 3);
        for (int i = 0; i < 2; i++)
            assert_int_equal(a.chunks[i]->counts != NULL,
                             rows == COUNTS_ROWS && a.chunks[i]->width == 1);
        ask_end(&a);
        table_unref(t);
    }
}

static void test_stopped(void **state) {
    (void)state;
    atomic_bool stop = true;
    struct run_options options = {.row_depth = 64, .row_fields = 4096, .stop = &stop};
    struct table *t = table_of(COUNTS_ROWS, false);
    struct asking a;
    uint32_t n;
    ask_begin(&a, t, "small > 5", &options);
    for (uint32_t k = 0; k <= COUNTS_ASKED; k++)
        assert_false(count(&a, &n));
    stop = false; /* it was not asked yet */
    assert_false(count(&a, &n));
    ask_end(&a);
    table_unref(t);
}

/* EXPLAIN looks at rows, and tells that a count would not. */
static void test_explain(void **state) {
    (void)state;
    struct run_options options = {.row_depth = 64, .row_fields = 4096, .measures_all = true};
    struct table *t = table_of(COUNTS_ROWS, false);
    struct asking a;
    uint32_t n;
    ask_begin(&a, t, "small > 5", &options);
    for (uint32_t k = 0; k < 2 * COUNTS_ASKED; k++) {
        scan_begin(a.scan, &options);
        struct buf steps = {0}, text = {0};
        assert_false(count(&a, &n));
        look(&a);
        assert_true(scan_explain(a.scan, &steps, &text));
        buf_add(&text, "", 1);
        assert_non_null(strstr((const char *)text.data, "range_i8"));
        assert_int_equal(
            strstr((const char *)text.data, "a count looks at no row in 1 of 1 segments") != NULL,
            k + 1 >= COUNTS_ASKED);
        buf_done(&steps);
        buf_done(&text);
    }
    ask_end(&a);
    table_unref(t);
}

/* ---- threads ---- */

#define THREADS 4

struct racer {
    struct table *table;
    pthread_barrier_t *start;
    uint32_t known, wrong;
};

static void *race(void *data) {
    struct racer *r = data;
    struct asking a;
    uint32_t n = 0;
    ask_begin(&a, r->table, "gap >= 10", NULL);
    pthread_barrier_wait(r->start);
    for (int i = 0; i < 64; i++) {
        if (!count(&a, &n))
            continue;
        r->known++;
        r->wrong += n != look(&a);
    }
    ask_end(&a);
    return NULL;
}

/* One of those who ask makes the counts; none sees them half made. */
static void test_threads(void **state) {
    (void)state;
    struct table *t = table_of(COUNTS_ROWS, true);
    struct racer racers[THREADS];
    pthread_t threads[THREADS];
    pthread_barrier_t start;
    uint32_t known = 0;
    assert_int_equal(pthread_barrier_init(&start, NULL, THREADS), 0);
    for (int i = 0; i < THREADS; i++) {
        racers[i] = (struct racer){t, &start, 0, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        known += racers[i].known;
        assert_int_equal(racers[i].wrong, 0);
    }
    assert_true(known > 0);
    pthread_barrier_destroy(&start);
    table_unref(t);
}

static int set_up(void **state) {
    (void)state;
    limits = table_limits();
    dice.state = 88172645463325252u;
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_answers, set_up),
        cmocka_unit_test_setup(test_with_deleted, set_up),
        cmocka_unit_test_setup(test_many_deleted, set_up),
        cmocka_unit_test_setup(test_bases, set_up),
        cmocka_unit_test_setup(test_asked, set_up),
        cmocka_unit_test_setup(test_sizes, set_up),
        cmocka_unit_test_setup(test_stopped, set_up),
        cmocka_unit_test_setup(test_explain, set_up),
        cmocka_unit_test_setup(test_threads, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* engine/resident.h against a model: every kind of result, with deleted rows, offset and limit, an
 * order, with and without a crew, under budgets that are too small, and stopped. What is in the
 * result is worked out row by row, by the rules of PROTOCOL.md.
 *
 * It is long because the model, the readers of each kind of result and the questions share the
 * rows. */
#include "engine/resident.h"

#include "base/build.h"
#include "table_unit.h"

#include <pthread.h>
#include <stdatomic.h>

enum { PART_ROWS = SEGMENT_ROWS, CITIES = 5, CREW = 3 };

static struct limits limits;

/* ---- the rows ---- */

/* A row is told by its number: what it holds follows from that. */
static const char *const CITY[CITIES] = {"Oslo", "Rome", "Lima", "Bern", "Kyoto"};

static int64_t n_of(uint32_t i) { return (int64_t)(i * 7919u % 1000) - 500; }
static bool has_city(uint32_t i) { return i % 11 != 0; }
static bool is_null(uint32_t i) { return i % 13 == 0; }
static uint32_t city_of(uint32_t i) { return i / 3 % CITIES; }
static uint32_t zip_of(uint32_t i) { return i * 31u % 17; }

static void write_row(struct buf *b, uint32_t i) {
    char text[40];
    mp_write_map(b, has_city(i) ? 5 : 4);
    mp_write_text(b, "id");
    mp_write_uint(b, i);
    mp_write_text(b, "n");
    mp_write_int(b, n_of(i));
    mp_write_text(b, "name");
    snprintf(text, sizeof text, "name %u", i);
    mp_write_text(b, text);
    mp_write_text(b, "home");
    mp_write_map(b, 1);
    mp_write_text(b, "zip");
    mp_write_uint(b, zip_of(i));
    if (has_city(i)) { /* row 0 has none: the column comes last */
        mp_write_text(b, "city");
        if (is_null(i))
            mp_write_nil(b);
        else
            mp_write_text(b, CITY[city_of(i)]);
    }
}

struct model {
    struct table *table;
    uint32_t *live; /* ids, in the order of the table */
    uint32_t n;
};

/* Rows 0 .. n - 1, without those that `gone` names. */
static void model_new(struct model *m, uint32_t n, bool (*gone)(uint32_t), struct budget *budget) {
    struct buf rows = {0};
    *m = (struct model){.table = table_new(str_of("id"), &limits, budget)};
    struct batch *b = batch_new(m->table);
    for (uint32_t i = 0; i < n; i++) {
        rows.len = 0;
        write_row(&rows, i);
        add_rows(b, &rows);
    }
    commit_as(b, BATCH_APPEND);
    batch_free(b);
    buf_done(&rows);
    m->live = calloc(n + 1, sizeof *m->live);
    struct value *keys = calloc(n + 1, sizeof *keys);
    uint64_t n_keys = 0, deleted;
    struct error e;
    error_clear(&e);
    for (uint32_t i = 0; i < n; i++)
        if (gone && gone(i))
            keys[n_keys++] = value_int(i);
        else
            m->live[m->n++] = i;
    assert_int_equal(table_delete(m->table, keys, n_keys, &deleted, &e), E_OK);
    assert_int_equal(deleted, n_keys);
    free(keys);
}

static void model_done(struct model *m) {
    table_unref(m->table);
    free(m->live);
}

static bool third(uint32_t i) { return i % 3 == 1; }
static bool stretches(uint32_t i) { return i % 300 < 100 || i % 7 == 0; }
static bool whole_parts(uint32_t i) { return i < PART_ROWS || i % 5 == 0; }

/* ---- the queries ---- */

struct question {
    const char *text;
    bool (*keeps)(uint32_t i);
};

static bool all(uint32_t i) { return i < UINT32_MAX; }
static bool none(uint32_t i) { return i == UINT32_MAX; }
static bool oslo(uint32_t i) { return has_city(i) && !is_null(i) && city_of(i) == 0; }
static bool few(uint32_t i) { return n_of(i) == 77 && zip_of(i) < 4; }
static bool dense(uint32_t i) { return n_of(i) > -490; }
static bool no_city(uint32_t i) { return !has_city(i) || is_null(i); }
static bool late(uint32_t i) { return i >= PART_ROWS + 20; }
static bool by_plan(uint32_t i) { return zip_of(i) + i % 2 > 15; }

static const struct question QUESTIONS[] = {
    {"1 = 1", all},          {"1 = 2", none},
    {"city = 'Oslo'", oslo}, {"n = 77 and home.zip < 4", few},
    {"n > -490", dense},     {"city is null", no_city},
    {"id >= :late", late},   {"home.zip + id % 2 > 15", by_plan},
};

struct ask {
    const struct model *m;
    const struct question *q;
    enum result_kind kind;
    uint64_t offset, limit;
    bool ordered, counted;
    struct crew *crew;
    struct budget *budget;
    atomic_bool *stop;
    bool timed; /* by clock_ns */
};

/* A clock that goes on by a step each time that somebody looks at it, and notes whether a thread
 * was among them that is not the test's own. */
static struct {
    pthread_t own;
    _Atomic uint64_t now, step;
    atomic_bool by_others;
} the_clock;

static uint64_t clock_ns(void) {
    if (!pthread_equal(pthread_self(), the_clock.own))
        atomic_store(&the_clock.by_others, true);
    return atomic_fetch_add(&the_clock.now, atomic_load(&the_clock.step));
}

static void clock_set(uint64_t step) {
    the_clock.own = pthread_self();
    atomic_store(&the_clock.step, step);
    atomic_store(&the_clock.by_others, false);
}

/* ---- what should come ---- */

static const struct model *order_model;

/* n descending, then the city, null and missing last, then as they stand. */
static int by_order(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    uint32_t i = order_model->live[x], k = order_model->live[y];
    if (n_of(i) != n_of(k))
        return n_of(i) > n_of(k) ? -1 : 1;
    if (no_city(i) != no_city(k))
        return no_city(i) ? 1 : -1;
    int order = no_city(i) ? 0 : strcmp(CITY[city_of(i)], CITY[city_of(k)]);
    return order ? order : (x > y) - (x < y);
}

/* The numbers of the rows in the result; *ret is the caller's. */
static uint64_t expected(const struct ask *a, uint32_t **ret) {
    const struct model *m = a->m;
    uint32_t *rows = calloc(m->n + 1, sizeof *rows);
    uint64_t n = 0;
    for (uint32_t i = 0; i < m->n; i++)
        if (a->q->keeps(m->live[i]))
            rows[n++] = i;
    order_model = m;
    if (a->ordered && n > 0)
        qsort(rows, n, sizeof *rows, by_order);
    uint64_t from = a->offset < n ? a->offset : n;
    uint64_t left = n - from < a->limit ? n - from : a->limit;
    memmove(rows, rows + from, left * sizeof *rows);
    *ret = rows;
    return left;
}

/* ---- what comes ---- */

struct got {
    uint32_t *rows; /* numbers */
    uint64_t n, cap;
    uint64_t next; /* row that a further chunk may begin with */
};

static void put(struct got *g, uint64_t row) {
    if (g->n == g->cap) {
        g->cap = g->cap ? 2 * g->cap : 64;
        g->rows = realloc(g->rows, g->cap * sizeof *g->rows);
        assert_non_null(g->rows);
    }
    assert_true(row <= UINT32_MAX);
    g->rows[g->n++] = (uint32_t)row;
}

/* The number of a row by its id. */
static uint64_t number_of(const struct model *m, uint64_t id) {
    uint32_t low = 0, high = m->n;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (m->live[mid] < id)
            low = mid + 1;
        else
            high = mid;
    }
    assert_true(low < m->n && m->live[low] == id);
    return low;
}

static uint64_t little(const uint8_t *p, int bytes) {
    uint64_t v = 0;
    for (int i = bytes; i-- > 0;)
        v = v << 8 | p[i];
    return v;
}

static void read_bits(struct got *g, const struct buf *b, const struct resident_chunk *c) {
    assert_int_equal(b->len, (c->rows + 7) / 8);
    for (uint64_t i = 0; i < 8 * b->len; i++)
        if (b->data[i / 8] >> (i % 8) & 1) {
            assert_true(i < c->rows);
            put(g, c->base + i);
        }
}

static void read_numbers(struct got *g, const struct buf *b, uint64_t base) {
    assert_int_equal(b->len % 4, 0);
    for (size_t i = 0; i < b->len; i += 4)
        put(g, base + little(b->data + i, 4));
}

/* Whole maps, byte for byte as they were loaded. */
static void read_rows(struct got *g, const struct ask *a, const struct buf *b) {
    struct buf row = {0};
    for (size_t at = 0; at < b->len; at += row.len) {
        struct mp_reader r;
        mp_reader_init(&r, b->data + at, b->len - at, 64);
        mp_read_map(&r);
        mp_skip(&r); /* "id" stands first */
        uint64_t id = mp_read_value(&r).w.u;
        row.len = 0;
        put(g, number_of(a->m, id));
        write_row(&row, (uint32_t)id);
        assert_true(row.len <= b->len - at);
        assert_memory_equal(b->data + at, row.data, row.len);
    }
    buf_done(&row);
}

/* [["id", "i64", bin, nil, nil], ["city", "str" or "list", ...], [["home", "zip"], "i64", ...]] */
static void read_columns(struct got *g, const struct ask *a, const struct buf *b) {
    struct mp_reader r;
    mp_reader_init(&r, b->data, b->len, 64);
    assert_int_equal(mp_read_array(&r), 3);
    assert_int_equal(mp_read_array(&r), 5);
    assert_true(str_is(value_as_str(mp_read_value(&r)), "id"));
    assert_true(str_is(value_as_str(mp_read_value(&r)), "i64"));
    struct value ids = mp_read_value(&r);
    assert_int_equal(ids.type, T_BIN);
    mp_skip(&r);
    mp_skip(&r);
    mp_skip(&r); /* the city: its cells are the business of the tests of processes */
    assert_int_equal(mp_read_array(&r), 5);
    assert_int_equal(mp_read_array(&r), 2);
    mp_skip(&r);
    mp_skip(&r);
    assert_true(str_is(value_as_str(mp_read_value(&r)), "i64"));
    struct value zips = mp_read_value(&r);
    assert_int_equal(zips.n, ids.n);
    assert_int_equal(mp_read_value(&r).type, T_NULL);
    assert_int_equal(mp_read_value(&r).type, T_NULL);
    assert_true(r.status == E_OK && mp_at_end(&r));
    for (uint32_t i = 0; i < ids.n; i += 8) {
        uint64_t id = little(ids.w.p + i, 8);
        assert_int_equal(little(zips.w.p + i, 8), zip_of((uint32_t)id));
        put(g, number_of(a->m, id));
    }
}

static void read_chunk(struct got *g, const struct ask *a, const struct buf *b,
                       const struct resident_chunk *c) {
    uint64_t before = g->n;
    assert_true(c->has_data);
    if (!a->ordered) {
        assert_true(c->base >= g->next && c->rows > 0);
        g->next = c->base + c->rows;
    }
    switch (c->kind) {
    case RESULT_INDICES:
        read_numbers(g, b, a->ordered ? 0 : c->base);
        break;
    case RESULT_NUMBERS:
        read_numbers(g, b, 0);
        break;
    case RESULT_BITMAP:
        read_bits(g, b, c);
        break;
    case RESULT_ROWS:
        read_rows(g, a, b);
        break;
    case RESULT_COLUMNS:
        read_columns(g, a, b);
        break;
    default:
        fail_msg("a chunk of kind %d", (int)c->kind);
    }
    assert_int_equal(g->n - before, c->matched);
    for (uint64_t i = before; !a->ordered && i < g->n; i++)
        assert_true(g->rows[i] >= c->base && g->rows[i] < g->next);
}

/* ---- counts ---- */

struct tally {
    uint64_t count, first;
    uint32_t what; /* a city; CITIES: none */
};

static int by_count(const void *a, const void *b) {
    const struct tally *x = a, *y = b;
    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    return (x->first > y->first) - (x->first < y->first);
}

/* The counts of the cities: [[value, count]...]. */
static void check_counts(const struct ask *a, const struct buf *b) {
    struct tally want[CITIES + 1] = {{0}};
    uint32_t n = 0;
    for (uint32_t i = 0; i < a->m->n; i++) {
        uint32_t id = a->m->live[i];
        if (!a->q->keeps(id))
            continue;
        struct tally *t = &want[no_city(id) ? CITIES : city_of(id)];
        if (t->count++ == 0)
            t->first = i;
    }
    for (uint32_t i = 0; i <= CITIES; i++) {
        want[i].what = i;
        n += want[i].count > 0;
    }
    qsort(want, CITIES + 1, sizeof *want, by_count);
    struct mp_reader r;
    mp_reader_init(&r, b->data, b->len, 64);
    uint64_t told = n < a->limit ? n : a->limit;
    assert_int_equal(mp_read_array(&r), told);
    for (uint64_t i = 0; i < told; i++) {
        assert_int_equal(mp_read_array(&r), 2);
        struct value v = mp_read_value(&r);
        if (want[i].what == CITIES)
            assert_int_equal(v.type, T_NULL);
        else
            assert_true(str_is(value_as_str(v), CITY[want[i].what]));
        uint64_t count = mp_read_value(&r).w.u;
        if (count != want[i].count)
            fail_msg("%s: %llu of %u, not %llu", a->q->text, (unsigned long long)count,
                     want[i].what, (unsigned long long)want[i].count);
    }
    assert_true(r.status == E_OK && mp_at_end(&r));
}

/* ---- asking ---- */

struct asked {
    struct query query;
    struct plan *plan;
    struct scan *scans[CREW + 1];
    uint32_t n_scans;
};

static enum status prepare(struct asked *q, const struct ask *a, struct error *e) {
    struct value late_row = value_int(PART_ROWS + 20);
    *q = (struct asked){.n_scans = 0};
    enum status status = query_parse(&q->query, str_of(a->q->text), &limits, a->budget, e);
    if (status != E_OK)
        return status;
    q->plan = plan_new(&q->query, &late_row, &limits, a->budget, e);
    while (q->plan && q->n_scans < crew_size(a->crew)) {
        q->scans[q->n_scans] = scan_new(q->plan, &limits, a->budget, e);
        if (!q->scans[q->n_scans])
            break;
        q->n_scans++;
    }
    return e->status;
}

static void asked_done(struct asked *q) {
    for (uint32_t i = 0; i < q->n_scans; i++)
        scan_free(q->scans[i]);
    plan_free(q->plan);
    query_done(&q->query);
}

static enum status take_all(const struct ask *a, struct resident *r, struct got *g,
                            struct error *e) {
    struct buf data = {0};
    enum status status = E_OK;
    buf_init(&data, a->budget);
    while (status == E_OK && !resident_is_over(r) && !(a->stop && atomic_load(a->stop))) {
        struct resident_chunk c;
        data.len = 0;
        status = resident_take(r, RESIDENT_ALL, &data, &c, e);
        if (status != E_OK || !c.has_data)
            continue;
        if (a->counted)
            check_counts(a, &data);
        else
            read_chunk(g, a, &data, &c);
    }
    buf_done(&data);
    return status;
}

static void check_answer(const struct ask *a, const struct resident *r, const struct got *g) {
    uint32_t *want;
    uint64_t n = expected(a, &want);
    bool tells_rows = a->kind != RESULT_COUNT && !a->counted;
    if (a->counted) {
        n = 0;
        for (uint32_t i = 0; i < a->m->n; i++)
            n += a->q->keeps(a->m->live[i]);
    }
    if (a->limit > 0 && resident_matched(r) != n)
        fail_msg("%s: kind %d: %llu matched, not %llu", a->q->text, (int)a->kind,
                 (unsigned long long)resident_matched(r), (unsigned long long)n);
    if (!a->counted)
        assert_int_equal(resident_limit_reached(r), a->limit != UINT64_MAX && n == a->limit);
    assert_true(resident_rows(r) <= a->m->n);
    if (!resident_limit_reached(r))
        assert_int_equal(resident_rows(r), a->m->n);
    if (tells_rows) {
        assert_int_equal(g->n, n);
        if (n > 0)
            assert_memory_equal(g->rows, want, n * sizeof *want);
    }
    free(want);
}

static enum status ask(const struct ask *a) {
    static struct path_step city, id, n, zip[2];
    city.key = str_of("city");
    id.key = str_of("id");
    n.key = str_of("n");
    zip[0].key = str_of("home");
    zip[1].key = str_of("zip");
    const struct order_by order[] = {{{&n, 1}, true}, {{&city, 1}, false}};
    const struct path columns[] = {{&id, 1}, {&city, 1}, {zip, 2}};
    struct error e;
    struct asked q;
    struct got g = {0};
    error_clear(&e);
    enum status status = prepare(&q, a, &e);
    const struct snapshot *s = table_snapshot(a->m->table);
    struct run_options options = {.row_depth = 64, .row_fields = 4096, .stop = a->stop};
    options.now_ns = a->timed ? clock_ns : NULL;
    options.measures_all = a->timed;
    struct resident_query what = {
        .plan = q.plan,
        .kind = a->kind,
        .offset = a->offset,
        .limit = a->limit,
        .order = order,
        .n_order = a->ordered ? 2 : 0,
        .columns = a->kind == RESULT_COLUMNS ? columns : NULL,
        .n_columns = a->kind == RESULT_COLUMNS ? 3 : 0,
        .by = {&city, a->counted ? 1 : 0},
    };
    struct resident *r = NULL;
    if (status == E_OK) {
        r = resident_new(NULL, &what, s, q.scans, q.n_scans, a->crew, &options, a->budget, &e);
        status = e.status;
    }
    if (r) {
        status = take_all(a, r, &g, &e);
        if (status == E_OK && !a->stop)
            check_answer(a, r, &g);
    }
    if (status != E_OK && status != E_MEMORY)
        fail_msg("%s: %s", a->q->text, e.message);
    resident_free(r);
    snapshot_unref(s);
    asked_done(&q);
    free(g.rows);
    return status;
}

/* ---- tests ---- */

static const enum result_kind KINDS[] = {RESULT_INDICES, RESULT_BITMAP, RESULT_AUTO,   RESULT_COUNT,
                                         RESULT_NUMBERS, RESULT_ROWS,   RESULT_COLUMNS};

static const struct {
    uint64_t offset, limit;
} CUTS[] = {
    {0, UINT64_MAX},
    {0, 0},
    {0, 1},
    {3, 5},
    {63, 65},
    {PART_ROWS - 1, 2},
    {UINT64_MAX, UINT64_MAX},
    {UINT64_MAX, 3},
    {5, UINT64_MAX - 1},
    {UINT64_MAX - 1, UINT64_MAX - 1},
    {1, UINT64_MAX},
    {0, 100 * UINT64_C(65536)},
};

static void every_answer(const struct model *m, struct crew *crew, uint32_t step) {
    uint32_t at = 0; /* with a step, some of the combinations stand for all */
    for (size_t q = 0; q < COUNT_OF(QUESTIONS); q++)
        for (size_t k = 0; k < COUNT_OF(KINDS); k++)
            for (size_t c = 0; c < COUNT_OF(CUTS); c++)
                for (int ordered = 0; ordered < 2; ordered++) {
                    struct ask a = {.m = m,
                                    .q = &QUESTIONS[q],
                                    .kind = KINDS[k],
                                    .offset = CUTS[c].offset,
                                    .limit = CUTS[c].limit,
                                    .ordered = ordered,
                                    .crew = crew};
                    if (ordered && a.kind == RESULT_BITMAP)
                        continue;
                    if (at++ % step == 0)
                        assert_int_equal(ask(&a), E_OK);
                }
}

static void every_count(const struct model *m, struct crew *crew) {
    static const uint64_t LIMITS[] = {0, 1, 3, 6, 100, UINT64_MAX};
    for (size_t q = 0; q < COUNT_OF(QUESTIONS); q++)
        for (size_t i = 0; i < COUNT_OF(LIMITS); i++) {
            struct ask a = {.m = m,
                            .q = &QUESTIONS[q],
                            .kind = RESULT_COUNTS,
                            .limit = LIMITS[i],
                            .counted = true,
                            .crew = crew};
            assert_int_equal(ask(&a), E_OK);
        }
}

static void test_sizes(void **state) {
    (void)state;
    static const uint32_t SIZES[] = {0, 1, 63, 64, 65, 130};
    for (size_t i = 0; i < COUNT_OF(SIZES); i++)
        for (int deleted = 0; deleted < 2; deleted++) {
            struct model m;
            model_new(&m, SIZES[i], deleted ? third : NULL, NULL);
            every_answer(&m, NULL, 1);
            every_count(&m, NULL);
            model_done(&m);
        }
}

static void test_parts(void **state) {
    (void)state;
    static bool (*const GONE[])(uint32_t) = {NULL, third, stretches, whole_parts};
    for (size_t i = 0; i < COUNT_OF(GONE); i++) {
        struct model m;
        model_new(&m, 2 * PART_ROWS + 77, GONE[i], NULL);
        every_answer(&m, NULL, 307);
        every_count(&m, NULL);
        model_done(&m);
    }
}

/* Tables that are large enough for it are looked at by all hands. */
static void test_crew(void **state) {
    (void)state;
    struct crew *crew = crew_new(CREW, 0);
    struct budget budget;
    struct model m;
    assert_non_null(crew);
    budget_init(&budget, 0);
    model_new(&m, RESIDENT_PARALLEL_ROWS + PART_ROWS, NULL, &budget);
    every_answer(&m, crew, 797);
    struct ask a = {.m = &m,
                    .q = &QUESTIONS[7],
                    .kind = RESULT_COLUMNS,
                    .limit = 2000,
                    .ordered = true,
                    .crew = crew,
                    .budget = &budget};
    assert_int_equal(ask(&a), E_OK);
    size_t before = budget.used_bytes, refused = 0;
    for (size_t room = 1000; room < 4000000; room *= 2) {
        budget.limit_bytes = before + room;
        refused += ask(&a) == E_MEMORY;
        assert_int_equal(budget.used_bytes, before);
    }
    assert_true(refused > 3);
    budget.limit_bytes = 0;
    assert_int_equal(ask(&a), E_OK);
    model_done(&m);
    assert_int_equal(budget.used_bytes, 0);
    crew_free(crew);
}

/* What hardly takes any time is done by the caller alone; the crew is called when it shows that
 * much is left. */
static void test_crew_pays(void **state) {
    (void)state;
    struct crew *crew = crew_new(CREW, 0);
    struct model m;
    assert_non_null(crew);
    model_new(&m, RESIDENT_PARALLEL_ROWS + PART_ROWS, NULL, NULL);
    struct ask a = {.m = &m, .limit = UINT64_MAX, .crew = crew, .timed = true};
    clock_set(1);
    for (size_t q = 0; q < COUNT_OF(QUESTIONS); q++)
        for (size_t k = 0; k < COUNT_OF(KINDS); k++) {
            a.q = &QUESTIONS[q];
            a.kind = KINDS[k];
            assert_int_equal(ask(&a), E_OK);
        }
    assert_false(atomic_load(&the_clock.by_others));
    clock_set(1000000);
    for (int tries = 0; tries < 1000 && !atomic_load(&the_clock.by_others); tries++) {
        a.q = &QUESTIONS[(size_t)tries % COUNT_OF(QUESTIONS)];
        a.kind = KINDS[(size_t)tries % COUNT_OF(KINDS)];
        assert_int_equal(ask(&a), E_OK);
    }
    assert_true(atomic_load(&the_clock.by_others));
    model_done(&m);
    crew_free(crew);
}

/* Every budget that is too small is refused, and takes nothing. */
static void test_budget(void **state) {
    (void)state;
    struct budget budget;
    struct model m;
    budget_init(&budget, 0);
    model_new(&m, 120, third, &budget);
    for (size_t k = 0; k < COUNT_OF(KINDS) + 1; k++) {
        bool counted = k == COUNT_OF(KINDS);
        struct ask a = {.m = &m,
                        .q = &QUESTIONS[7],
                        .kind = counted ? RESULT_COUNTS : KINDS[k],
                        .limit = UINT64_MAX,
                        .ordered = !counted && KINDS[k] != RESULT_BITMAP,
                        .counted = counted,
                        .budget = &budget};
        budget.limit_bytes = 0;
        assert_int_equal(ask(&a), E_OK);
        size_t before = budget.used_bytes, refused = 0;
        for (size_t room = 1; refused == room - 1 || room % 8 != 0; room++) {
            budget.limit_bytes = before + room * 256;
            refused += ask(&a) == E_MEMORY;
            assert_int_equal(budget.used_bytes, before);
        }
        assert_true(refused > 5);
    }
    model_done(&m);
    assert_int_equal(budget.used_bytes, 0);
}

static void test_stop(void **state) {
    (void)state;
    struct model m;
    atomic_bool stop = true;
    model_new(&m, PART_ROWS + 10, stretches, NULL);
    for (size_t q = 0; q < COUNT_OF(QUESTIONS); q++)
        for (size_t k = 0; k < COUNT_OF(KINDS); k++) {
            struct ask a = {
                .m = &m, .q = &QUESTIONS[q], .kind = KINDS[k], .limit = 7, .stop = &stop};
            assert_int_equal(ask(&a), E_OK);
        }
    model_done(&m);
}

int main(void) {
    limits = table_limits();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),  cmocka_unit_test(test_parts),
        cmocka_unit_test(test_crew),   cmocka_unit_test(test_crew_pays),
        cmocka_unit_test(test_budget), cmocka_unit_test(test_stop),
    };
    return cmocka_run_group_tests_name("resident", tests, NULL, NULL);
}

/* Queries over a resident table by the engine alone, in the caller's process: what the daemon does
 * for one, without messages, pipes and its threads' waking. A library for peers/tamis_scan.py.
 *
 * Nothing is said of what fails: NULL, or SIZE_MAX.
 */
#include "base/crew.h"
#include "engine/resident.h"
#include "query/query.h"

#include <stdlib.h>
#include <time.h>

/* A table of the rows, msgpack maps one behind the other. */
struct table_scan;
struct table_scan *table_scan_load(const uint8_t *rows, size_t bytes);
void table_scan_free(struct table_scan *t);

/* A query over it, compiled once and run by this many threads. Freed before its table. */
struct table_query;
struct table_query *table_query_new(struct table_scan *t, const char *text, uint32_t threads);
void table_query_free(struct table_query *q);

size_t table_query_count(struct table_query *q);
/* The numbers of the matching rows, in room for that many; how many there are. */
size_t table_query_rows(struct table_query *q, uint32_t *out, size_t room);

struct table_scan {
    struct limits limits;
    struct table *table;
};

struct table_query {
    struct table_scan *t;
    struct query query;
    struct plan *plan;
    struct crew *crew;
    struct scan **scans;
    uint32_t n_scans;
};

/* As the daemon's. */
static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static bool load(struct table_scan *t, const uint8_t *p, const uint8_t *end) {
    struct error e;
    struct batch_counts counts;
    const uint8_t *fault;
    error_clear(&e);
    struct batch *b = batch_new(t->table);
    while (b && p && p < end)
        p = batch_add_map(b, p, end, &fault, &e);
    bool ok = b && p && batch_commit(b, BATCH_APPEND, &counts, &e) == E_OK;
    batch_free(b);
    return ok;
}

struct table_scan *table_scan_load(const uint8_t *rows, size_t bytes) {
    struct table_scan *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    limits_default(&t->limits);
    t->table = table_new((struct str){NULL, 0}, &t->limits, NULL);
    if (t->table && load(t, rows, rows + bytes))
        return t;
    table_scan_free(t);
    return NULL;
}

void table_scan_free(struct table_scan *t) {
    if (t->table)
        table_unref(t->table);
    free(t);
}

static bool compile(struct table_query *q, const char *text, uint32_t threads) {
    struct error e;
    error_clear(&e);
    const struct limits *limits = &q->t->limits;
    if (query_parse(&q->query, (struct str){text, strlen(text)}, limits, NULL, &e) != E_OK)
        return false;
    q->plan = plan_new(&q->query, NULL, limits, NULL, &e);
    q->crew = crew_new(threads - 1, 50000);
    q->scans = q->plan ? calloc(crew_size(q->crew), sizeof(struct scan *)) : NULL;
    while (q->scans && q->n_scans < crew_size(q->crew)) {
        struct scan *s = scan_new(q->plan, limits, NULL, &e);
        if (!s)
            return false;
        q->scans[q->n_scans++] = s;
    }
    return q->scans != NULL;
}

struct table_query *table_query_new(struct table_scan *t, const char *text, uint32_t threads) {
    struct table_query *q = calloc(1, sizeof *q);
    if (!q)
        return NULL;
    q->t = t;
    if (compile(q, text, threads))
        return q;
    table_query_free(q);
    return NULL;
}

void table_query_free(struct table_query *q) {
    while (q->n_scans > 0)
        scan_free(q->scans[--q->n_scans]);
    free(q->scans);
    crew_free(q->crew);
    plan_free(q->plan);
    query_done(&q->query);
    free(q);
}

static size_t run(struct table_query *q, enum result_kind kind, struct buf *data) {
    const struct limits *l = &q->t->limits;
    const struct snapshot *s = table_snapshot(q->t->table);
    struct run_options options = {.now_ns = now_ns,
                                  .row_depth = (uint32_t)l->row_depth,
                                  .row_fields = (uint32_t)l->row_fields,
                                  .nested_elements = l->nested_elements};
    struct resident_query asked = {.plan = q->plan, .kind = kind, .limit = UINT64_MAX};
    struct error e;
    error_clear(&e);
    struct resident *r =
        resident_new(NULL, &asked, s, q->scans, q->n_scans, q->crew, &options, NULL, &e);
    struct resident_chunk chunk;
    enum status status = r ? E_OK : e.status;
    while (status == E_OK && !resident_is_over(r))
        status = resident_take(r, RESIDENT_ALL, data, &chunk, &e);
    size_t matched = status == E_OK ? resident_matched(r) : SIZE_MAX;
    resident_free(r);
    snapshot_unref(s);
    return matched;
}

size_t table_query_count(struct table_query *q) {
    struct buf none = {0};
    return run(q, RESULT_COUNT, &none);
}

size_t table_query_rows(struct table_query *q, uint32_t *out, size_t room) {
    struct buf data;
    buf_init_fixed(&data, out, room * sizeof *out);
    return run(q, RESULT_NUMBERS, &data);
}

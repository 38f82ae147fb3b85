/* WELCOME and STATISTICS: what the daemon says of itself. */
#include "session/state.h"

static const char *const CAPABILITIES[] = {
    "filter",           "strict",         "warnings",         "prepare",         "stream",
    "cancel",           "explain",        "explain.analyze",  "stats",           "query.text",
    "query.structured", "payload.maps",   "payload.template", "payload.columns", "result.indices",
    "result.bitmap",    "result.auto",    "result.count",     "result.rows",     "result.spans",
    "payload.bytes",    "format.msgpack", "format.jsonl",     "format.csv",      "payload.arrays",
    "tables",           "payload.table",  "result.columns",   "result.counts",   "result.numbers",
    "result.runs",      "result.pieces",  "payload.nested",   "payload.base",
};

static void write_limits(struct buf *b, const struct limits *limits) {
    struct limits copy = *limits;
    uint32_t n = 0;
    while (limit_at(n))
        n++;
    mp_write_map(b, n);
    for (uint32_t i = 0; i < n; i++) {
        mp_write_text(b, limit_at(i)->name);
        mp_write_uint(b, *limit_value(&copy, limit_at(i)));
    }
}

static void write_count(struct buf *b, const char *key, uint64_t v) {
    mp_write_text(b, key);
    mp_write_uint(b, v);
}

bool welcome_reply(struct session *s, uint32_t id) {
    struct buf *b = &s->pending;
    size_t mark = reply_begin(b, MESSAGE_WELCOME, id, 3),
           n = sizeof CAPABILITIES / sizeof *CAPABILITIES;
    mp_write_map(b, 4 + (s->shared != NULL));
    mp_write_text(b, "version");
    mp_write_uint(b, 1);
    mp_write_text(b, "capabilities");
    mp_write_array(b, (uint32_t)n + s->service->may_open + s->may_pass + (s->peer.pid > 0) +
                          2 * (s->shared != NULL));
    for (size_t i = 0; i < n; i++)
        mp_write_text(b, CAPABILITIES[i]);
    if (s->service->may_open)
        mp_write_text(b, "payload.file");
    if (s->may_pass)
        mp_write_text(b, "payload.descriptor");
    if (s->peer.pid > 0)
        mp_write_text(b, "payload.memory");
    if (s->shared) {
        mp_write_text(b, "shared.memory");
        mp_write_text(b, "shared.rows");
    }
    mp_write_text(b, "server");
    mp_write_text(b, "tamisd " TAMIS_VERSION);
    mp_write_text(b, "limits");
    write_limits(b, &s->service->limits);
    if (s->shared)
        write_count(b, "shared", s->shared_bytes);
    return reply_end(b, mark);
}

bool stats_reply(struct session *s, uint32_t id) {
    struct buf *b = &s->pending;
    struct service *v = s->service;
    size_t mark = reply_begin(b, MESSAGE_STATISTICS, id, 3);
    mp_write_map(b, 14);
    mp_write_text(b, "version");
    mp_write_text(b, TAMIS_VERSION);
    write_count(b, "uptime_ms", v->now_ns ? (v->now_ns() - v->started_ns) / 1000000 : 0);
    write_count(b, "clients", atomic_load(&v->clients));
    write_count(b, "requests", atomic_load(&v->requests));
    write_count(b, "rows", atomic_load(&v->rows));
    write_count(b, "matched", atomic_load(&v->matched));
    write_count(b, "bytes_in", atomic_load(&v->bytes_in));
    write_count(b, "bytes_out", atomic_load(&v->bytes_out));
    write_count(b, "errors", atomic_load(&v->errors));
    write_count(b, "memory_bytes", atomic_load(&v->budget.used_bytes));
    write_count(b, "memory_peak_bytes", atomic_load(&v->budget.peak_bytes));
    struct plan_cache_counts cache = plan_cache_counts(&v->plans);
    mp_write_text(b, "plan_cache");
    mp_write_map(b, 4);
    write_count(b, "hits", cache.hits);
    write_count(b, "misses", cache.misses);
    write_count(b, "plans", cache.plans);
    write_count(b, "bytes", cache.bytes);
    mp_write_text(b, "limits");
    write_limits(b, &v->limits);
    mp_write_text(b, "connection");
    mp_write_map(b, 4);
    write_count(b, "requests_open", s->n_requests);
    write_count(b, "plans", s->n_plans);
    write_count(b, "bytes_in", s->bytes_in);
    write_count(b, "bytes_out", s->bytes_out);
    return reply_end(b, mark);
}

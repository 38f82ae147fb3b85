/* See table.h: what a column holds, and what a table takes. */
#include "table/distinct.h"
#include "table/store.h"

/* Which codes of a dictionary live rows have. */
struct used_codes {
    const struct dict *dict;
    uint64_t *bits;
    uint32_t n;
};

static uint64_t live_word(const struct part *p, uint32_t w) {
    if (p->live)
        return p->live[w];
    uint32_t left = p->n - w * 64;
    return left >= 64 ? UINT64_MAX : (UINT64_C(1) << left) - 1;
}

static void count_gaps(const struct part *p, const struct chunk *c, struct column_report *r) {
    for (uint32_t w = 0; w < (p->n + 63) / 64; w++) {
        uint64_t live = live_word(p, w), valid = c->valid ? c->valid[w] : UINT64_MAX;
        uint64_t present = c->present ? c->present[w] : UINT64_MAX;
        r->missing += (unsigned)__builtin_popcountll(live & ~present);
        r->nulls += (unsigned)__builtin_popcountll(live & present & ~valid);
    }
}

static bool end_codes(struct used_codes *u, struct distinct *d) {
    bool done = true;
    for (uint32_t code = 0; done && code < u->n; code++)
        if (bits_get(u->bits, code))
            done = distinct_add(d, dict_value(u->dict, code));
    budget_free(d->budget, u->bits, ((size_t)u->n + 63) / 64 * 8);
    *u = (struct used_codes){0};
    return done;
}

static bool begin_codes(struct used_codes *u, const struct dict *dict, struct distinct *d) {
    if (u->dict == dict &&
        dict_count(dict) == u->n) /* else it has grown: again, values are a set */
        return true;
    if (!end_codes(u, d))
        return false;
    uint32_t n = dict_count(dict);
    size_t bytes = ((size_t)n + 63) / 64 * 8;
    u->bits = budget_realloc(d->budget, NULL, 0, bytes);
    if (!u->bits)
        return false;
    memset(u->bits, 0, bytes);
    u->dict = dict;
    u->n = n;
    return true;
}

static bool count_values(const struct part *p, const struct chunk *c, struct used_codes *u,
                         struct distinct *d) {
    if (c->kind == CHUNK_NONE)
        return true;
    if (c->kind == CHUNK_CODES && !begin_codes(u, c->dict, d))
        return false;
    for (uint32_t row = 0; row < p->n; row++) {
        if (!bits_get(p->live, row) || !bits_get(c->valid, row))
            continue;
        if (c->kind == CHUNK_CODES) {
            uint32_t code = chunk_code(c, row);
            u->bits[code / 64] |= UINT64_C(1) << code % 64;
        } else if (!distinct_add(d, chunk_value(c, row))) {
            return false;
        }
    }
    return true;
}

static const char *storage_name(const struct chunk *c) {
    static const char *const INT[] = {"int8", "int16", "int32", "int64"};
    static const char *const UINT[] = {"uint8", "uint16", "uint32", "uint64"};
    static const char *const TIME[] = {"timestamp8", "timestamp16", "timestamp32", "timestamp64"};
    unsigned log = c->width == 1 ? 0 : c->width == 2 ? 1 : c->width == 4 ? 2 : 3;
    switch (c->kind) {
    case CHUNK_INT:
        return c->is_unsigned ? UINT[log] : INT[log];
    case CHUNK_TIME:
        return TIME[log];
    case CHUNK_DOUBLE:
        return "double";
    case CHUNK_BOOL:
        return "boolean";
    case CHUNK_CODES:
        return "dictionary";
    case CHUNK_STR:
        return "string";
    case CHUNK_MIXED:
        return "mixed";
    case CHUNK_NONE:
        break;
    }
    return "none";
}

/* The form that most rows have. */
static const char *storage_of(const struct snapshot *s, uint32_t column) {
    struct {
        const char *name;
        uint64_t rows;
    } forms[24], *best = NULL; /* more than there are names */
    unsigned n = 0;
    for (uint32_t i = 0; i < s->n_parts; i++) {
        const struct sealed *made = segment_made(s->parts[i].segment, column);
        const char *name = made ? storage_name(&made->chunk) : "none";
        unsigned at = 0;
        while (at < n && forms[at].name != name)
            at++;
        if (at == n) {
            forms[n].name = name;
            forms[n++].rows = 0;
        }
        forms[at].rows += s->parts[i].n_live;
    }
    for (unsigned at = 0; at < n; at++)
        if (!best || forms[at].rows > best->rows)
            best = &forms[at];
    return best ? best->name : "none";
}

bool column_report(struct table *t, const struct snapshot *s, uint32_t column,
                   struct column_report *ret) {
    struct column_report r = {.name = s->names[column]};
    struct distinct d;
    struct used_codes used = {0};
    const struct dict *dict = NULL;
    bool done = true;
    distinct_init(&d, budget_whole(t->budget));
    for (uint32_t i = 0; done && i < s->n_parts; i++) {
        const struct part *p = &s->parts[i];
        const struct chunk *c;
        if (!part_chunk(p, column, &c)) {
            done = false;
            break;
        }
        if (!c) {
            r.seen |= SEEN(T_MISSING);
            r.missing += p->n_live;
            continue;
        }
        r.seen |= c->seen;
        r.bytes += c->bytes;
        count_gaps(p, c, &r);
        done = count_values(p, c, &used, &d);
        if (c->dict && c->dict != dict) {
            dict = c->dict;
            r.bytes += dict_bytes(dict);
        }
    }
    done = end_codes(&used, &d) && done;
    r.storage = storage_of(s, column);
    r.distinct = distinct_count(&d, &r.is_exact);
    distinct_done(&d);
    if (done)
        *ret = r;
    return done;
}

uint64_t table_bytes(struct table *t) {
    const struct snapshot *s = table_snapshot(t);
    const struct held *h = (const struct held *)(const void *)s;
    uint64_t bytes = sizeof *t + t->key.n + 1 + h->bytes + h->schema->bytes;
    bytes += atomic_load_explicit(&t->index_bytes, memory_order_relaxed);
    for (uint32_t i = 0; i < s->n_parts; i++) {
        bytes += segment_bytes(h->pieces[i].segment);
        bytes += h->pieces[i].live ? LIVE_BYTES : 0;
    }
    for (uint32_t column = 0; column < s->n_columns; column++) {
        const struct dict *dict = NULL;
        for (uint32_t i = 0; !dict && i < s->n_parts; i++) {
            const struct sealed *made = segment_made(s->parts[i].segment, column);
            dict = made ? made->dict : NULL;
        }
        bytes += dict ? dict_bytes(dict) : 0;
    }
    bytes += paths_bytes(h->catalog);
    snapshot_unref(s);
    return bytes;
}

/* The public API of include/tamis/tamis.h over the layers below. */
#include "tamis/tamis.h"

#include "plan/plan.h"

#include <stdlib.h>

struct tamis_query {
    struct limits limits;
    struct query query;
    struct plan *plan;
};

static void give_error(tamis_error *to, const struct error *from) {
    if (!to)
        return;
    *to = (tamis_error){
        .code = (int)from->status, .position = from->pos, .row = from->row, .offset = from->offset};
    memcpy(to->message, from->message, sizeof to->message);
    memcpy(to->suggestion, from->suggestion, sizeof to->suggestion);
}

tamis_query *tamis_compile(const char *text, size_t length, tamis_error *error) {
    struct error e = {0};
    error_clear(&e);
    tamis_query *q = calloc(1, sizeof *q);
    if (!q) {
        error_set(&e, E_MEMORY, "out of memory");
        give_error(error, &e);
        return NULL;
    }
    limits_default(&q->limits);
    if (query_parse(&q->query, (struct str){text, length}, &q->limits, NULL, &e) == E_OK)
        q->plan = plan_new(&q->query, NULL, &q->limits, NULL, &e);
    give_error(error, &e);
    if (q->plan)
        return q;
    tamis_query_free(q);
    return NULL;
}

void tamis_query_free(tamis_query *q) {
    if (!q)
        return;
    plan_free(q->plan);
    query_done(&q->query);
    free(q);
}

struct stream {
    const uint8_t *start, *p, *end;
    struct scanner scanner;
    uint64_t row; /* of the block's first row */
};

/* Fills a block; on a fault the rows before it stand. */
static uint32_t fill(struct stream *s, struct run *run, struct error *e) {
    struct block *b = run_block(run);
    uint32_t n = 0;
    run_clear(run);
    while (n < b->rows && s->p < s->end) {
        const uint8_t *next = scan_row(&s->scanner, s->p, s->end, b, n);
        if (!next) {
            error_set(e, s->scanner.status, "row %llu: %s", (unsigned long long)(s->row + n),
                      status_text(s->scanner.status));
            e->row = s->row + n;
            e->offset = (uint64_t)(s->scanner.fault - s->start);
            break;
        }
        b->spans[n++] = (struct span){s->p, (uint32_t)(next - s->p)};
        s->p = next;
    }
    run_seal(run, n);
    return n;
}

static void filter(struct stream *s, struct run *run, tamis_match_fn *match, void *arg,
                   tamis_counts *counts, struct error *e) {
    while (s->p < s->end && e->status == E_OK) {
        const uint16_t *rows;
        uint32_t n = fill(s, run, e);
        uint32_t kept = run_block_filter(run, &rows);
        if (kept == RUN_FAILED) {
            run_failure(run, e);
            return;
        }
        counts->rows += n;
        for (uint32_t i = 0; match && i < kept; i++) {
            const struct span *span = &run_block(run)->spans[rows[i]];
            counts->matched++;
            if (match(arg, s->row + rows[i], span->p, span->n) != 0)
                return;
        }
        if (!match)
            counts->matched += kept;
        s->row += n;
    }
}

int tamis_filter_msgpack(const tamis_query *query, const void *rows, size_t length,
                         tamis_match_fn *match, void *arg, tamis_counts *counts,
                         tamis_error *error) {
    struct error e;
    error_clear(&e);
    e.status = E_OK;
    tamis_counts counted = {0};
    struct arena arena;
    arena_init(&arena, NULL);
    struct run_options options = {.row_depth = (uint32_t)query->limits.row_depth,
                                  .row_fields = (uint32_t)query->limits.row_fields,
                                  .nested_elements = query->limits.nested_elements};
    struct stream s = {
        .start = rows, .p = rows, .end = length > 0 ? (const uint8_t *)rows + length : rows};
    struct run *run = run_new(query->plan, &options, NULL);
    if (run && scanner_init(&s.scanner, &arena, plan_fields(query->plan), options.row_depth,
                            options.row_fields))
        filter(&s, run, match, arg, &counted, &e);
    else
        error_set(&e, E_MEMORY, "out of memory");
    if (run)
        counted.type_mismatch = run_mismatches(run);
    if (run)
        counted.undefined = run_undefined(run);
    run_free(run);
    arena_done(&arena);
    if (counts)
        *counts = counted;
    give_error(error, &e);
    return (int)e.status;
}

const char *tamis_version(void) { return TAMIS_VERSION; }

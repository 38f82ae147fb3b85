/* See resident_state.h: who scans the parts. Alone at first; and as soon as it pays the crew runs
 * some parts ahead, whose bits are then used in their order. */
#include "engine/resident_state.h"

#define CREW_NS 100000u /* work that is left and takes as long is worth waking a crew */

/* Parts that the hands of a crew run side by side, before their results are put together. */
struct ahead {
    uint32_t first, n, at; /* parts; those before `at` have been used */
    struct {
        uint64_t *bits;
        uint32_t kept;
        bool no_chunks; /* for lack of memory */
    } parts[PARTS_AT_ONCE];
    const struct chunk ***chunks; /* a set for each hand */
};

struct ahead *ahead_new(struct resident *r) {
    struct ahead *a = arena_new(&r->arena, struct ahead);
    uint32_t hands = crew_size(r->crew);
    if (!a || !(a->chunks = arena_array(&r->arena, hands, sizeof *a->chunks)))
        return NULL;
    for (uint32_t i = 0; i < hands; i++)
        if (!(a->chunks[i] = arena_array(&r->arena, r->n_slots, sizeof(struct chunk *))))
            return NULL;
    for (uint32_t i = 0; i < PARTS_AT_ONCE; i++)
        if (!(a->parts[i].bits = arena_array(&r->arena, CHUNK_WORDS, sizeof(uint64_t))))
            return NULL;
    return a;
}

static enum status no_chunks(struct error *e) {
    return error_set(e, E_MEMORY, "out of memory for the cells of a column");
}

/* A part's rows as they are wanted, without their bits if a count is all that is asked for. */
static uint32_t scan_one(const struct resident *r, struct scan *s, const struct chunk **chunks,
                         const struct part *p, uint64_t *bits) {
    uint32_t kept;
    bool counts = r->q.kind == RESULT_COUNT && r->q.n_order == 0 && r->q.offset == 0 &&
                  r->q.limit == UINT64_MAX;
    if (counts && scan_count(s, chunks, p->n, p->live, p->n_live, &kept))
        return kept;
    return scan_part(s, chunks, p->n, p->live, bits);
}

static void run_ahead(void *data, uint32_t i, uint32_t hand) {
    struct resident *r = data;
    struct ahead *a = r->ahead;
    const struct part *p = &r->snapshot->parts[a->first + i];
    a->parts[i].no_chunks = !resident_chunks(p, r->slots, r->n_slots, a->chunks[hand]);
    if (!a->parts[i].no_chunks)
        a->parts[i].kept = scan_one(r, r->scans[hand], a->chunks[hand], p, a->parts[i].bits);
}

/* Whether a column that a slot reads is still as it came, in a part that is next. */
static bool is_raw(const struct resident *r, uint32_t slot) {
    const struct ahead *a = r->ahead;
    const struct bound_path *p = &r->slots[slot];
    bool made = true;
    for (uint32_t i = 0; i < a->n && made && p->column != NO_TABLE_COLUMN && p->inside.n == 0; i++)
        made = part_is_made(&r->snapshot->parts[a->first + i], p->column);
    return !made;
}

/* Has a column's chunks made one after the other: they have a dictionary in common, for which
 * several hands would wait. Who needs one for which there is no memory says so. */
static void make_chunks(void *data, uint32_t slot, uint32_t hand) {
    struct resident *r = data;
    const struct ahead *a = r->ahead;
    bool done = is_raw(r, slot);
    (void)hand;
    for (uint32_t i = 0; i < a->n && done && !resident_is_stopped(r); i++) {
        const struct chunk *c;
        done = part_chunk(&r->snapshot->parts[a->first + i], r->slots[slot].column, &c);
    }
}

static void make_ahead(struct resident *r) {
    bool raw = false;
    for (uint32_t slot = 0; slot < r->n_slots && !raw; slot++)
        raw = is_raw(r, slot);
    if (raw)
        crew_run(r->crew, make_chunks, r, r->n_slots);
}

/* The next part's bits, which the crew has made, or makes now along with those behind it. */
static enum status take_ahead(struct resident *r, uint32_t *ret_kept, struct error *e) {
    struct ahead *a = r->ahead;
    if (a->at == a->n) {
        uint32_t left = r->snapshot->n_parts - r->next;
        a->first = r->next;
        a->n = left < PARTS_AT_ONCE ? left : PARTS_AT_ONCE;
        a->at = 0;
        make_ahead(r);
        crew_run(r->crew, run_ahead, r, a->n);
    }
    if (a->parts[a->at].no_chunks)
        return no_chunks(e);
    *ret_kept = a->parts[a->at].kept;
    for (uint32_t i = 0; *ret_kept == SCAN_FAILED && i < r->n_scans; i++)
        if (scan_has_failed(r->scans[i]))
            return scan_failure(r->scans[i], e);
    uint64_t *bits = r->bits; /* the part's come here, and the used ones go there */
    r->bits = a->parts[a->at].bits;
    a->parts[a->at++].bits = bits;
    return E_OK;
}

/* Whether the next part is the crew's: it has run it already, or so much is left that waking it
 * pays, as parts go that were run alone. */
static bool crew_pays(const struct resident *r) {
    if (!r->ahead || !r->now_ns || r->ahead->at < r->ahead->n)
        return r->ahead != NULL;
    return r->part_ns * (r->snapshot->n_parts - r->next) >= CREW_NS;
}

/* Parts 0, 1, 2, 4, 8 ... are measured, if it is still open who runs the others. */
static enum status take_alone(struct resident *r, uint32_t *ret_kept, struct error *e) {
    const struct part *p = &r->snapshot->parts[r->next];
    bool measured = r->ahead && (r->next & (r->next - 1)) == 0;
    uint64_t before = measured ? r->now_ns() : 0;
    if (!resident_chunks(p, r->slots, r->n_slots, r->chunks))
        return no_chunks(e);
    *ret_kept = scan_one(r, r->scans[0], r->chunks, p, r->bits);
    if (measured)
        r->part_ns = r->now_ns() - before;
    return *ret_kept == SCAN_FAILED ? scan_failure(r->scans[0], e) : E_OK;
}

enum status resident_scan(struct resident *r, uint32_t *ret_kept, struct error *e) {
    return crew_pays(r) ? take_ahead(r, ret_kept, e) : take_alone(r, ret_kept, e);
}

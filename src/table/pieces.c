/* See store.h: lists of pieces. */
#include "table/store.h"

void pieces_init(struct pieces *p, struct budget *budget) {
    *p = (struct pieces){.budget = budget};
}

void pieces_done(struct pieces *p) {
    for (uint32_t i = 0; i < p->n; i++) {
        segment_unref(p->v[i].segment);
        live_unref(p->v[i].live);
    }
    budget_free(p->budget, p->v, p->room * sizeof *p->v);
    pieces_init(p, p->budget);
}

static bool grow(struct pieces *p, uint32_t to) {
    struct piece *v = budget_realloc(p->budget, p->v, p->room * sizeof *v, (size_t)to * sizeof *v);
    if (!v)
        return false;
    p->v = v;
    p->room = to;
    return true;
}

bool pieces_room(struct pieces *p) { return p->n < p->room || grow(p, p->room ? 2 * p->room : 8); }

void pieces_take(struct pieces *p, struct piece piece) { p->v[p->n++] = piece; }

bool pieces_copy(struct pieces *p, const struct piece *v, uint32_t n) {
    if (n > p->room && !grow(p, n + 8))
        return false;
    for (uint32_t i = 0; i < n; i++) {
        segment_ref(v[i].segment);
        if (v[i].live)
            atomic_fetch_add_explicit(&v[i].live->refs, 1, memory_order_relaxed);
        pieces_take(p, v[i]);
    }
    return true;
}

struct live *pieces_live(struct pieces *p, uint32_t i, const struct piece *shared,
                         uint32_t n_shared) {
    struct piece *piece = &p->v[i];
    if (piece->live && !(i < n_shared && shared[i].live == piece->live))
        return piece->live;
    struct live *own = live_new(piece->live, piece->segment->n, p->budget);
    if (!own)
        return NULL;
    live_unref(piece->live);
    piece->live = own;
    return own;
}

bool pieces_find(const struct pieces *p, uint64_t number, uint32_t *ret_piece, uint32_t *ret_row) {
    uint32_t low = 0, high = p->n; /* the first piece that ends at or behind the number */
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (segment_last(p->v[middle].segment) < number)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == p->n || number < p->v[low].segment->first ||
        !segment_find(p->v[low].segment, number, ret_row))
        return false;
    *ret_piece = low;
    return !p->v[low].live || bits_get(p->v[low].live->words, *ret_row);
}

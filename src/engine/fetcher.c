/* See fetcher.h. */
#include "engine/fetcher.h"

bool fetcher_init(struct fetcher *f, const struct peer *peer, struct crew *crew,
                  struct budget *budget) {
    uint32_t n = crew_size(crew);
    *f = (struct fetcher){.peer = peer, .crew = crew, .budget = budget};
    f->arenas = budget_realloc(budget, NULL, 0, n * sizeof *f->arenas);
    if (!f->arenas)
        return false;
    f->n_arenas = n;
    for (uint32_t i = 0; i < n; i++)
        arena_init_pages(&f->arenas[i], budget);
    return true;
}

void fetcher_done(struct fetcher *f) {
    for (uint32_t i = 0; i < f->n_arenas; i++)
        arena_done(&f->arenas[i]);
    budget_free(f->budget, f->arenas, f->n_arenas * sizeof *f->arenas);
    f->arenas = NULL;
    f->n_arenas = 0;
}

void fetcher_begin(struct fetcher *f) {
    for (uint32_t i = 0; i < f->n_arenas; i++)
        arena_settle(&f->arenas[i]);
    atomic_store_explicit(&f->bytes, 0, memory_order_relaxed);
}

bool fetcher_count(struct fetcher *f, uint64_t n, uint64_t most) {
    uint64_t before = atomic_load_explicit(&f->bytes, memory_order_relaxed);
    do {
        if (n > most - before)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&f->bytes, &before, before + n,
                                                    memory_order_relaxed, memory_order_relaxed));
    return true;
}

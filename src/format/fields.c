/* See fields.h. The paths are sorted, so that each node's paths stand together and children come
 * out in order. */
#include "format/fields.h"

#include <stdlib.h>

struct entry {
    struct path path;
    uint32_t slot;
};

/* Indexes before keys, then by value; a shorter path before its continuations. */
static int step_order(struct path_step a, struct path_step b) {
    if (!a.key.p || !b.key.p) {
        if (a.key.p || b.key.p)
            return a.key.p ? 1 : -1;
        return (a.index > b.index) - (a.index < b.index);
    }
    return str_cmp(a.key, b.key);
}

static int entry_order(const void *x, const void *y) {
    const struct entry *a = x, *b = y;
    for (uint32_t i = 0; i < a->path.n && i < b->path.n; i++) {
        int c = step_order(a->path.steps[i], b->path.steps[i]);
        if (c)
            return c;
    }
    return (a->path.n > b->path.n) - (a->path.n < b->path.n);
}

/* Level by level instead of recursively: a path may have any number of steps. A pending node covers
 * entries [from, to), all of which share their first `depth` steps. */
struct pending {
    struct field *node;
    uint32_t from, to, depth;
    struct pending *next;
};

struct builder {
    struct arena *arena;
    const struct entry *entries;
    struct pending *queue, **tail;
    uint32_t n_nodes;
};

static bool enqueue(struct builder *b, struct field *node, uint32_t from, uint32_t to,
                    uint32_t depth) {
    struct pending *p = arena_new(b->arena, struct pending);
    if (!p)
        return false;
    *p = (struct pending){node, from, to, depth, NULL};
    *b->tail = p;
    b->tail = &p->next;
    return true;
}

static uint32_t count_children(const struct builder *b, const struct pending *p, uint32_t from) {
    uint32_t n = 0;
    for (uint32_t i = from; i < p->to; i++)
        if (i == from || step_order(b->entries[i - 1].path.steps[p->depth],
                                    b->entries[i].path.steps[p->depth]) != 0)
            n++;
    return n;
}

static bool expand(struct builder *b, const struct pending *p) {
    uint32_t from = p->from;
    uint32_t *slots = arena_array(b->arena, p->to - p->from, sizeof *slots);
    if (!slots)
        return false;
    for (uint32_t i = p->from; i < p->to; i++)
        slots[i - p->from] = b->entries[i].slot;
    p->node->slots = slots;
    p->node->n_slots = p->to - p->from;
    if (from < p->to && b->entries[from].path.n == p->depth)
        p->node->slot = b->entries[from++].slot;
    uint32_t n = count_children(b, p, from), made = 0;
    const struct field **kids = arena_array(b->arena, n, sizeof *kids);
    if (!kids)
        return false;
    for (uint32_t i = from; i < p->to;) {
        uint32_t j = i + 1;
        struct path_step step = b->entries[i].path.steps[p->depth];
        while (j < p->to && step_order(b->entries[j].path.steps[p->depth], step) == 0)
            j++;
        struct field *kid = arena_new(b->arena, struct field);
        if (!kid || !enqueue(b, kid, i, j, p->depth + 1))
            return false;
        kid->step = step;
        kid->slot = NO_SLOT;
        kid->id = b->n_nodes++;
        if (!step.key.p)
            p->node->n_indexes++;
        kids[made++] = kid;
        i = j;
    }
    p->node->indexes = kids; /* indexes sort first */
    p->node->names = kids + p->node->n_indexes;
    p->node->n_names = n - p->node->n_indexes;
    return true;
}

bool fields_build(struct fields *f, struct arena *a, const struct path *paths, uint32_t n) {
    struct entry *entries = arena_array(a, n, sizeof *entries);
    struct field *root = arena_new(a, struct field);
    if (!entries || !root)
        return false;
    for (uint32_t i = 0; i < n; i++)
        entries[i] = (struct entry){paths[i], i};
    if (n > 0)
        qsort(entries, n, sizeof *entries, entry_order);
    root->slot = NO_SLOT;
    struct builder b = {.arena = a, .entries = entries, .n_nodes = 1};
    b.tail = &b.queue;
    if (!enqueue(&b, root, 0, n, 0))
        return false;
    for (const struct pending *p = b.queue; p; p = p->next)
        if (!expand(&b, p))
            return false;
    const struct field **nodes = arena_array(a, b.n_nodes, sizeof *nodes);
    if (!nodes)
        return false;
    for (const struct pending *p = b.queue; p; p = p->next)
        nodes[p->node->id] = p->node;
    *f = (struct fields){.root = root, .nodes = nodes, .n_nodes = b.n_nodes, .n_slots = n};
    return true;
}

const struct field *field_by_name(const struct field *f, struct str key) {
    if (!f)
        return NULL;
    uint32_t low = 0, high = f->n_names;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        int c = str_cmp(f->names[mid]->step.key, key);
        if (c == 0)
            return f->names[mid];
        if (c < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

const struct field *field_by_index(const struct field *f, uint32_t index) {
    if (!f)
        return NULL;
    uint32_t low = 0, high = f->n_indexes;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (f->indexes[mid]->step.index == index)
            return f->indexes[mid];
        if (f->indexes[mid]->step.index < index)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

const struct field *fields_find(const struct fields *f, struct path p) {
    const struct field *node = f->root;
    for (uint32_t i = 0; node && i < p.n; i++)
        node = p.steps[i].key.p ? field_by_name(node, p.steps[i].key)
                                : field_by_index(node, p.steps[i].index);
    return node;
}

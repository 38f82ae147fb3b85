/* Columns of a scope: which fields, outer columns and temporary results a program needs, each once.
 * See program.h. */
#include "plan/program.h"

static uint64_t source_hash(const struct column_source *s) {
    struct hash_key key = hash_key();
    uint64_t h = hash_u64(key, (uint64_t)s->kind << 32 | s->outer);
    if (s->kind != COLUMN_PATH)
        return h;
    for (uint32_t i = 0; i < s->path.n; i++) {
        const struct path_step *step = &s->path.steps[i];
        h = hash_u64(key,
                     h ^ (step->key.p ? hash_bytes(key, step->key.p, step->key.n) : step->index));
    }
    return h;
}

static bool source_eq(const struct column_source *a, const struct column_source *b) {
    if (a->kind != b->kind)
        return false;
    return a->kind == COLUMN_PATH ? path_eq(a->path, b->path)
                                  : a->kind == COLUMN_OUTER && a->outer == b->outer;
}

/* Paths and outer columns are wanted once; temporary ones belong to one step each and are not in
 * the table. */
static bool is_shared(enum column_kind kind) { return kind == COLUMN_PATH || kind == COLUMN_OUTER; }

static bool grow(struct compiler *c, struct scope *s) {
    uint32_t cap = s->cap ? 2 * s->cap : 8, table_cap = 4 * cap;
    struct column_source *columns = arena_array(c->arena, cap, sizeof *columns);
    uint32_t *table = arena_zero(c->arena, table_cap * sizeof *table);
    if (!columns || !table)
        return false;
    if (s->n > 0)
        memcpy(columns, s->columns, s->n * sizeof *columns);
    for (uint32_t i = 0; i < s->n; i++) {
        if (!is_shared(columns[i].kind))
            continue;
        uint64_t at = source_hash(&columns[i]) & (table_cap - 1);
        while (table[at])
            at = (at + 1) & (table_cap - 1);
        table[at] = i + 1;
    }
    s->columns = columns;
    s->cap = cap;
    s->table = table;
    s->table_cap = table_cap;
    return true;
}

uint32_t scope_add(struct compiler *c, struct scope *s, struct column_source source) {
    if (s->n == s->cap && !grow(c, s)) {
        compile_memory(c);
        return NO_COLUMN;
    }
    if (!is_shared(source.kind)) {
        s->columns[s->n] = source;
        return s->n++;
    }
    uint64_t at = source_hash(&source) & (s->table_cap - 1);
    for (; s->table[at]; at = (at + 1) & (s->table_cap - 1))
        if (source_eq(&s->columns[s->table[at] - 1], &source))
            return s->table[at] - 1;
    s->columns[s->n] = source;
    s->table[at] = ++s->n;
    return s->n - 1;
}

uint32_t scope_path(struct compiler *c, struct scope *s, uint32_t up, struct path path) {
    if (!s->outer || up == 1)
        return scope_add(c, s, (struct column_source){.kind = COLUMN_PATH, .path = path});
    uint32_t outer = scope_path(c, s->outer, up ? up - 1 : 0, path);
    if (outer == NO_COLUMN)
        return NO_COLUMN;
    return scope_add(c, s, (struct column_source){.kind = COLUMN_OUTER, .outer = outer});
}

bool scope_close(struct compiler *c, struct scope *s) {
    s->place = arena_array(c->arena, s->n, sizeof *s->place);
    if (!s->place) {
        compile_memory(c);
        return false;
    }
    uint32_t paths = 0;
    for (uint32_t i = 0; i < s->n; i++)
        if (s->columns[i].kind == COLUMN_PATH)
            s->place[i] = paths++;
    s->n_paths = paths;
    s->n_placed = paths;
    for (uint32_t i = 0; i < s->n; i++) {
        enum column_kind kind = s->columns[i].kind;
        if (kind == COLUMN_TEMP)
            s->place[i] = NO_COLUMN;
        else if (kind != COLUMN_PATH)
            s->place[i] = s->n_placed++;
    }
    return true;
}

/* Recursive over the depth of the tree, which query_depth bounds. */
static bool collect(struct compiler *c, struct scope *s, const struct node *n) {
    if (n->kind == NODE_PATH)
        return n->scope != 0 ||
               scope_add(c, s, (struct column_source){.kind = COLUMN_PATH, .path = n->path}) !=
                   NO_COLUMN;
    for (uint32_t i = 0; i < n->n_kids; i++)
        if (!collect(c, s, n->kids[i]))
            return false;
    return true;
}

bool query_fields(const struct query *q, struct arena *a, const struct path **ret_paths,
                  uint32_t *ret_n) {
    struct compiler c = {.arena = a, .query = q};
    struct scope s = {0};
    if (!collect(&c, &s, q->root))
        return false;
    struct path *paths = arena_array(a, s.n, sizeof *paths);
    if (!paths)
        return false;
    for (uint32_t i = 0; i < s.n; i++)
        paths[i] = s.columns[i].path;
    *ret_paths = paths;
    *ret_n = s.n;
    return true;
}

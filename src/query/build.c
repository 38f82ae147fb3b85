/* See build.h; build_call.c has the calls and CASE. */
#include "build.h"

#include <stdarg.h>
#include <stdio.h>

/* --- reports --- */

void build_suggest(struct build *b, const char *suggestion) {
    struct error *e = b->error;
    if (e && e->status == b->status && suggestion && !e->suggestion[0])
        error_text(e->suggestion, sizeof e->suggestion, suggestion, strlen(suggestion));
}

static void fill_place(struct build *b, struct place at, const char *suggestion) {
    struct error *e = b->error;
    e->pos = at.pos;
    e->length = at.length;
    if (!b->structured)
        error_text(e->near_text, sizeof e->near_text, b->source.p + at.pos, at.length);
    build_suggest(b, suggestion);
}

enum status build_fail(struct build *b, enum status status, struct place at, const char *suggestion,
                       const char *format, ...) {
    if (!build_ok(b))
        return b->status;
    b->status = status;
    char text[ERROR_TEXT_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (!b->error || b->error->status != E_OK)
        return status;
    error_set(b->error, status, "%s", text);
    fill_place(b, at, suggestion);
    return status;
}

enum status build_limit(struct build *b, enum status status, struct place at, const char *name,
                        uint64_t limit, uint64_t actual) {
    if (!build_ok(b))
        return b->status;
    b->status = status;
    if (!b->error || b->error->status != E_OK)
        return status;
    error_limit(b->error, status, name, limit, actual);
    fill_place(b, at, NULL);
    return status;
}

enum status build_no_memory(struct build *b) {
    if (build_ok(b)) {
        b->status = E_MEMORY;
        error_set(b->error, E_MEMORY, "out of memory for the query");
    }
    return b->status;
}

/* --- begin and end --- */

enum status build_begin(struct build *b, struct query *q, bool structured, struct str source,
                        const struct limits *limits, struct budget *budget, struct error *e) {
    *q = (struct query){.structured = structured};
    arena_init(&q->arena, budget);
    *b = (struct build){.q = q,
                        .limits = limits,
                        .error = e,
                        .structured = structured,
                        .source = {"", 0},
                        .kids.budget = budget,
                        .values.budget = budget,
                        .steps.budget = budget,
                        .params.budget = budget,
                        .slots.budget = budget,
                        .key = hash_key()};
    if (source.n > limits->query_bytes)
        return build_limit(b, E_QUERY_TOO_LONG, (struct place){0, 0}, "query_bytes",
                           limits->query_bytes, source.n);
    const char *copy = arena_copy(&q->arena, source.p, source.n);
    if (!copy)
        return build_no_memory(b);
    b->source = (struct str){copy, source.n};
    return E_OK;
}

enum status build_end(struct build *b, struct node *root) {
    struct query *q = b->q;
    if (build_ok(b) && b->params.len > 0) {
        q->params = arena_copy(&q->arena, b->params.data, b->params.len);
        q->n_params = (uint32_t)(b->params.len / sizeof(struct param));
        if (!q->params)
            build_no_memory(b);
    }
    buf_done(&b->kids);
    buf_done(&b->values);
    buf_done(&b->steps);
    buf_done(&b->params);
    buf_done(&b->slots);
    if (build_ok(b))
        q->root = root;
    else
        query_done(q);
    return b->status;
}

/* --- stacks --- */

static bool push(struct build *b, struct buf *stack, const void *p, size_t n) {
    if (!build_ok(b))
        return false;
    buf_add(stack, p, n);
    if (buf_failed(stack))
        build_no_memory(b);
    return build_ok(b);
}

bool build_push(struct build *b, struct node *n) { return n && push(b, &b->kids, &n, sizeof n); }

bool build_push_value(struct build *b, struct value v) { return push(b, &b->values, &v, sizeof v); }

bool build_push_step(struct build *b, struct str key, uint32_t index) {
    struct path_step step = {.key = key, .index = index};
    return push(b, &b->steps, &step, sizeof step);
}

/* Moves what is above the mark to the arena. */
static void *take(struct build *b, struct buf *stack, size_t mark) {
    void *p = arena_copy(&b->q->arena, stack->data ? stack->data + mark : NULL, stack->len - mark);
    if (!p)
        build_no_memory(b);
    stack->len = mark;
    return p;
}

/* --- nodes --- */

static struct node *new_node(struct build *b, enum node_kind kind, struct place at,
                             uint32_t depth) {
    if (!build_ok(b))
        return NULL;
    if (b->q->n_nodes >= b->limits->query_nodes) {
        build_limit(b, E_QUERY_TOO_LARGE, at, "query_nodes", b->limits->query_nodes, ERROR_NONE);
        return NULL;
    }
    if (depth > b->limits->query_depth) {
        build_limit(b, E_QUERY_TOO_DEEP, at, "query_depth", b->limits->query_depth, depth);
        return NULL;
    }
    struct node *n = arena_new(&b->q->arena, struct node);
    if (!n) {
        build_no_memory(b);
        return NULL;
    }
    n->kind = kind;
    n->pos = at.pos;
    n->length = at.length;
    n->depth = depth;
    b->q->n_nodes++;
    return n;
}

struct node *build_literal(struct build *b, struct place at, struct value v, uint32_t depth) {
    struct node *n = new_node(b, NODE_LITERAL, at, 1 + depth);
    if (n)
        n->value = v;
    return n;
}

struct node *build_path(struct build *b, struct place at, uint32_t scope, size_t mark) {
    struct node *n = new_node(b, NODE_PATH, at, 1);
    if (!n)
        return NULL;
    n->scope = scope;
    n->path.n = (uint32_t)((b->steps.len - mark) / sizeof(struct path_step));
    n->path.steps = take(b, &b->steps, mark);
    return build_ok(b) ? n : NULL;
}

struct node *build_list(struct build *b, struct place at, size_t mark, size_t values_mark,
                        uint32_t depth) {
    if (!build_ok(b))
        return NULL;
    uint32_t n_kids = (uint32_t)build_count(b, mark);
    uint32_t n_values = (uint32_t)((b->values.len - values_mark) / sizeof(struct value));
    depth++; /* the constants are items, one level down */
    for (uint32_t i = 0; i < n_kids; i++) {
        struct node *kid;
        memcpy(&kid, b->kids.data + mark + i * sizeof kid, sizeof kid);
        if (kid->depth > depth)
            depth = kid->depth;
    }
    struct node *n = new_node(b, NODE_LIST, at, 1 + depth);
    if (!n)
        return NULL;
    n->n_kids = n_kids;
    n->kids = take(b, &b->kids, mark);
    n->n_values = n_values;
    n->values = take(b, &b->values, values_mark);
    return build_ok(b) ? n : NULL;
}

struct node *build_copy(struct build *b, const struct node *from) {
    if (!from)
        return NULL;
    struct node *n = new_node(b, from->kind, (struct place){from->pos, from->length}, from->depth);
    if (!n)
        return NULL;
    *n = *from;
    if (from->n_kids == 0)
        return n;
    n->kids = arena_copy(&b->q->arena, from->kids, from->n_kids * sizeof *n->kids);
    if (!n->kids)
        build_no_memory(b);
    for (uint32_t i = 0; i < from->n_kids && build_ok(b); i++)
        n->kids[i] = build_copy(b, from->kids[i]);
    return build_ok(b) ? n : NULL;
}

/* --- parameters: a name has one number, each ? its own --- */

static uint32_t *slot_of(struct build *b, struct str name) {
    size_t mask = b->slots.len / sizeof(uint32_t) - 1;
    uint32_t *slots = (uint32_t *)(void *)b->slots.data;
    const struct param *params = (const struct param *)(const void *)b->params.data;
    size_t i = hash_bytes(b->key, name.p, name.n) & mask;
    while (slots[i] && !str_eq(params[slots[i] - 1].name, name))
        i = (i + 1) & mask;
    return &slots[i];
}

/* Keeps the table at most half full. */
static bool grow_slots(struct build *b) {
    size_t size = b->slots.len / sizeof(uint32_t);
    if (2 * (size_t)(b->n_named + 1) <= size)
        return true;
    size = size ? size * 2 : 16;
    b->slots.len = 0;
    if (!buf_reserve(&b->slots, size * sizeof(uint32_t))) {
        build_no_memory(b);
        return false;
    }
    b->slots.len = size * sizeof(uint32_t);
    memset(b->slots.data, 0, b->slots.len);
    const struct param *params = (const struct param *)(const void *)b->params.data;
    for (size_t i = 0; i < b->params.len / sizeof *params; i++)
        if (params[i].name.p)
            *slot_of(b, params[i].name) = (uint32_t)i + 1;
    return true;
}

struct node *build_param(struct build *b, struct place at, struct str name) {
    struct node *n = new_node(b, NODE_PARAM, at, 1);
    if (!n || (name.p && !grow_slots(b)))
        return NULL;
    uint32_t *slot = name.p ? slot_of(b, name) : NULL;
    if (slot && *slot) {
        n->param = *slot - 1;
        return n;
    }
    n->param = (uint32_t)(b->params.len / sizeof(struct param));
    struct param param = {name};
    if (!push(b, &b->params, &param, sizeof param))
        return NULL;
    if (slot) {
        *slot = n->param + 1;
        b->n_named++;
    }
    return n;
}

/* --- operators --- */

static struct place place_of(const struct node *n) { return (struct place){n->pos, n->length}; }

bool build_check_count(struct build *b, const char *name, const char *what, int least, int most,
                       struct place at, size_t n) {
    if (n >= (size_t)least && (most < 0 || n <= (size_t)most))
        return true;
    enum status status = b->structured ? E_BAD_STRUCTURE : E_BAD_ARGUMENT;
    if (most == least)
        build_fail(b, status, at, NULL, "\"%s\" takes %d %s%s, %zu given", name, least, what,
                   least == 1 ? "" : "s", n);
    else if (most < 0)
        build_fail(b, status, at, NULL, "\"%s\" takes at least %d %s%s, %zu given", name, least,
                   what, least == 1 ? "" : "s", n);
    else
        build_fail(b, status, at, NULL, "\"%s\" takes %d to %d %ss, %zu given", name, least, most,
                   what, n);
    return false;
}

/* What an operator asks of the form of its operands; types of row values are another matter. */
static bool check_operands(struct build *b, enum op op, struct node *const *kids, size_t n) {
    const struct node *first = kids[0], *last = kids[n - 1];
    if ((op == OP_ANY || op == OP_EVERY) && first->kind != NODE_PATH)
        build_fail(b, E_BAD_ARGUMENT, place_of(first), NULL, "%s needs a path to an array",
                   op_info(op)->text);
    else if (op == OP_IN && last->kind != NODE_LIST && last->kind != NODE_PARAM)
        build_fail(b, b->structured ? E_BAD_STRUCTURE : E_BAD_ARGUMENT, place_of(last), NULL,
                   "IN needs a list or a parameter");
    else if ((op == OP_LIKE || op == OP_ILIKE || op == OP_REGEXP) && n == 3 &&
             last->kind == NODE_LITERAL && last->value.type != T_STR && last->value.type != T_NULL)
        build_fail(b, E_BAD_ARGUMENT, place_of(last), NULL,
                   "%s needs a string, not a value of type %s",
                   op == OP_REGEXP ? "FLAGS" : "ESCAPE",
                   value_type_name((enum value_type)last->value.type));
    return build_ok(b);
}

/* Puts the operands of an inner AND (OR) in its place. */
static bool flatten(struct build *b, enum op op, size_t mark) {
    size_t n = build_count(b, mark), total = 0;
    struct node **kids = (struct node **)(void *)(b->kids.data + mark);
    for (size_t i = 0; i < n; i++)
        total += kids[i]->kind == NODE_OP && kids[i]->op == op ? kids[i]->n_kids : 1;
    if (total == n)
        return true;
    if (!buf_reserve(&b->kids, (total - n) * sizeof *kids)) {
        build_no_memory(b);
        return false;
    }
    kids = (struct node **)(void *)(b->kids.data + mark);
    b->kids.len += (total - n) * sizeof *kids;
    for (size_t i = n, to = total; i-- > 0;) { /* from the end, so that nothing is overwritten */
        struct node *kid = kids[i];
        if (kid->kind != NODE_OP || kid->op != op) {
            kids[--to] = kid;
            continue;
        }
        to -= kid->n_kids;
        memcpy(&kids[to], kid->kids, kid->n_kids * sizeof *kids);
        b->q->n_nodes--;
    }
    return true;
}

/* AND and OR of one operand. */
static bool complete(struct build *b, enum op op, struct place at, size_t mark,
                     struct node **ret_same) {
    struct node *only;
    memcpy(&only, b->kids.data + mark, sizeof only);
    if (node_is_predicate(only)) {
        b->kids.len = mark;
        *ret_same = only;
        return true;
    }
    b->kids.len = mark;
    return build_push(b, build_literal(b, at, value_bool(op == OP_AND), 0)) && build_push(b, only);
}

static struct node *const *kids_above(const struct build *b, size_t mark) {
    return (struct node *const *)(const void *)(b->kids.data + mark);
}

struct node *build_node(struct build *b, enum node_kind kind, struct place at, size_t mark) {
    size_t n_kids = build_count(b, mark);
    uint32_t depth = 0;
    for (size_t i = 0; i < n_kids; i++)
        if (kids_above(b, mark)[i]->depth > depth)
            depth = kids_above(b, mark)[i]->depth;
    struct node *n = new_node(b, kind, at, 1 + depth);
    if (!n)
        return NULL;
    n->n_kids = (uint32_t)n_kids;
    n->kids = take(b, &b->kids, mark);
    return build_ok(b) ? n : NULL;
}

struct node *build_op(struct build *b, enum op op, struct place at, size_t mark) {
    const struct op_info *info = op_info(op);
    if (!build_ok(b) ||
        !build_check_count(b, b->structured ? info->structured : info->text, "operand", info->least,
                           info->most, at, build_count(b, mark)))
        return NULL;
    if (op == OP_AND || op == OP_OR) {
        struct node *same = NULL;
        if (build_count(b, mark) == 1 && !complete(b, op, at, mark, &same))
            return NULL;
        if (same)
            return same;
        if (!flatten(b, op, mark))
            return NULL;
    }
    if (!check_operands(b, op, kids_above(b, mark), build_count(b, mark)))
        return NULL;
    struct node *n = build_node(b, NODE_OP, at, mark);
    if (n)
        n->op = op;
    return n;
}

struct node *build_op1(struct build *b, enum op op, struct place at, struct node *x) {
    size_t mark = build_mark(b);
    return build_push(b, x) ? build_op(b, op, at, mark) : NULL;
}

struct node *build_op2(struct build *b, enum op op, struct place at, struct node *x,
                       struct node *y) {
    size_t mark = build_mark(b);
    return build_push(b, x) && build_push(b, y) ? build_op(b, op, at, mark) : NULL;
}

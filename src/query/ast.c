/* See ast.h: the table of operators, and trees compared. */
#include "query/query.h"

#include <strings.h>

static const struct op_info TABLE[] = {
#define X(name, structured, text, least, most, shape)                                              \
    {structured, text, least, most, SHAPE_##shape},
#include "ops.def"
#undef X
};

const struct op_info *op_info(enum op op) { return &TABLE[op]; }

static const struct fn_info FUNCTIONS[] = {
#define X(name, structured, least, most, cost, line) {structured, least, most, line},
#include "functions.def"
#undef X
};

const struct fn_info *fn_info(enum fn fn) { return &FUNCTIONS[fn]; }

enum fn fn_named(struct str name) {
    for (int i = 0; i < FN_COUNT; i++)
        if (strlen(FUNCTIONS[i].name) == name.n &&
            strncasecmp(FUNCTIONS[i].name, name.p, name.n) == 0)
            return (enum fn)i;
    return FN_COUNT;
}

bool node_is_predicate(const struct node *n) { return n->kind == NODE_OP; }

/* Identity of constants: stricter than =, since 1 and 1.0, 0.0 and -0.0 are written differently. */
static bool same_value(struct value a, struct value b) {
    if (a.type != b.type)
        return false;
    switch ((enum value_type)a.type) {
    case T_MISSING:
    case T_NULL:
    case T_COUNT:
        return true;
    case T_BOOL:
    case T_INT:
        return a.w.i == b.w.i;
    case T_UINT:
        return a.w.u == b.w.u;
    case T_DOUBLE:
        return (value_is_nan(a) && value_is_nan(b)) || a.w.u == b.w.u;
    case T_TIMESTAMP:
        return a.w.i == b.w.i && a.n == b.n;
    case T_STR:
    case T_BIN:
    case T_ARRAY: /* encoded canonically by constant.c */
    case T_MAP:
    case T_EXT:
        return str_eq(value_as_str(a), value_as_str(b));
    }
    return false;
}

bool node_eq(const struct node *a, const struct node *b) {
    if (a->kind != b->kind || a->n_kids != b->n_kids || a->n_values != b->n_values)
        return false;
    switch (a->kind) {
    case NODE_LITERAL:
        return same_value(a->value, b->value);
    case NODE_PATH:
        return a->scope == b->scope && path_eq(a->path, b->path);
    case NODE_PARAM:
        return a->param == b->param;
    case NODE_OP:
        if (a->op != b->op)
            return false;
        break;
    case NODE_CALL:
        if (a->fn != b->fn)
            return false;
        break;
    case NODE_CASE:
    case NODE_CASE_OF:
        break;
    case NODE_LIST:
        for (uint32_t i = 0; i < a->n_values; i++)
            if (!same_value(a->values[i], b->values[i]))
                return false;
        break;
    }
    for (uint32_t i = 0; i < a->n_kids; i++)
        if (!node_eq(a->kids[i], b->kids[i]))
            return false;
    return true;
}

void query_done(struct query *q) {
    arena_done(&q->arena);
    *q = (struct query){0};
}

/* Trees as canonical text: what parses to the same tree.
 *
 * Parentheses stand only where they are needed, negated spellings where there are any, and
 * ANY(path) op ... where only the left side is the element; other quantifiers get a name. Recursive
 * over the tree's bounded depth; lists are loops. */
#include "constant.h"
#include "infix.h"

#include <stdio.h>

struct printer {
    const struct query *q;
    struct buf *out;
    uint32_t first_number; /* elements without a name are called e1, e2 ... from this number on */
};

static void put(struct printer *p, const struct node *n, enum bond least,
                const struct print_scope *around);

/* --- names --- */

bool path_key_is_plain(struct str key) {
    enum keyword w = word_of(key);
    return lex_is_name(key) && !word_is_reserved(w) && w != WORD_ANY && w != WORD_EVERY;
}

/* `behind`: something stands before the steps, so that a key needs its dot. */
static void put_steps(struct path path, bool behind, struct buf *out) {
    for (uint32_t i = 0; i < path.n; i++) {
        const struct path_step *step = &path.steps[i];
        if (!step->key.p) {
            buf_printf(out, "[%u]", step->index);
            continue;
        }
        if (i > 0 || behind)
            buf_byte(out, '.');
        name_print(step->key, path_key_is_plain(step->key), out);
    }
}

void path_print(struct path p, struct buf *out) { put_steps(p, false, out); }

/* The number k of a name e<k>, or 0 for any other. */
static uint32_t element_number(struct str name) {
    uint32_t k = 0;
    if (name.n < 2 || name.n > 9 || name.p[0] != 'e')
        return 0;
    for (size_t i = 1; i < name.n; i++) {
        if (name.p[i] < '0' || name.p[i] > '9')
            return 0;
        k = k * 10 + (uint32_t)(name.p[i] - '0');
    }
    return k;
}

/* The greatest number that a name e<k> in the tree has: names beyond it are free. Longer ones are
 * never made, since the depth is bounded. */
static uint32_t greatest_number(const struct node *n) {
    uint32_t most = 0;
    if (n->kind == NODE_PATH && n->scope == 0 && n->path.n > 0 && n->path.steps[0].key.p)
        most = element_number(n->path.steps[0].key);
    else if (n->kind == NODE_OP && n->var.p)
        most = element_number(n->var);
    for (uint32_t i = 0; i < n->n_kids; i++) {
        uint32_t k = greatest_number(n->kids[i]);
        most = k > most ? k : most;
    }
    return most;
}

/* A path of the element k levels out. Where its quantifier is not known it has no name. */
static void put_element(struct printer *p, const struct node *n, const struct print_scope *around) {
    for (uint32_t k = n->scope; k > 1 && around; k--)
        around = around->outer;
    if (around && around->name.p)
        name_print(around->name, path_key_is_plain(around->name), p->out);
    else
        buf_add_text(p->out, "element");
    put_steps(n->path, true, p->out);
}

/* --- operators --- */

static bool is_op(const struct node *n, enum op op) { return n->kind == NODE_OP && n->op == op; }

static bool is_quantifier(const struct node *n) {
    return n->kind == NODE_OP && (n->op == OP_ANY || n->op == OP_EVERY);
}

/* Has a spelling with NOT inside: x NOT IN y, x IS NOT NULL. */
static bool has_negated_spelling(const struct node *n) {
    if (n->kind != NODE_OP)
        return false;
    switch (op_info(n->op)->shape) {
    case SHAPE_LIST:
    case SHAPE_BETWEEN:
    case SHAPE_IS:
        return true;
    case SHAPE_INFIX:
        return n->op == OP_LIKE || n->op == OP_ILIKE || n->op == OP_REGEXP || n->op == OP_DISTINCT;
    default:
        return false;
    }
}

/* Whether n reads the element of the k-th quantifier around it. */
static bool mentions(const struct node *n, uint32_t k) {
    if (n->kind == NODE_PATH)
        return n->scope == k;
    for (uint32_t i = 0; i < n->n_kids; i++)
        if (mentions(n->kids[i], k + (is_quantifier(n) && i == 1)))
            return true;
    return false;
}

/* Whether a quantifier can be written ANY(path) op ...: the test that follows, or NULL. A test is
 * one operator with a left side, perhaps negated in its spelling. */
static const struct node *short_test(const struct node *quantifier) {
    const struct node *n = quantifier->kids[1], *test = n;
    if (is_op(n, OP_NOT) && has_negated_spelling(n->kids[0]))
        test = n->kids[0];
    if (test->kind != NODE_OP || test->op == OP_OR || test->op == OP_AND || test->op == OP_NOT ||
        is_quantifier(test))
        return NULL;
    const struct node *left = test->kids[0];
    if (left->kind != NODE_PATH || left->scope != 1 || left->path.n > 0)
        return NULL;
    for (uint32_t i = 1; i < test->n_kids; i++)
        if (mentions(test->kids[i], 1))
            return NULL;
    return test;
}

static enum bond bond_of(const struct node *n) {
    if (n->kind == NODE_CALL && (n->fn == FN_negate || n->fn == FN_bit_not))
        return BOND_UNARY;
    if (n->kind == NODE_CALL && infix_of(n->fn))
        return infix_of(n->fn)->bond;
    if (n->kind != NODE_OP)
        return BOND_VALUE;
    switch (n->op) {
    case OP_OR:
        return BOND_OR;
    case OP_AND:
        return BOND_AND;
    case OP_NOT:
        return has_negated_spelling(n->kids[0]) ? BOND_TEST : BOND_NOT;
    case OP_ANY:
    case OP_EVERY:
        return short_test(n) ? BOND_TEST : BOND_VALUE;
    default:
        return op_info(n->op)->shape == SHAPE_CALL ? BOND_VALUE : BOND_TEST;
    }
}

static void put_list(struct printer *p, const struct node *n, const struct print_scope *around) {
    if (n->kind != NODE_LIST) {
        put(p, n, BOND_VALUE, around);
        return;
    }
    buf_byte(p->out, '(');
    const char *comma = "";
    for (uint32_t i = 0; i < n->n_values && !buf_failed(p->out); i++, comma = ", ") {
        buf_add_text(p->out, comma);
        constant_print(n->values[i], p->out);
    }
    for (uint32_t i = 0; i < n->n_kids && !buf_failed(p->out); i++, comma = ", ") {
        buf_add_text(p->out, comma);
        put(p, n->kids[i], BOND_OR, around);
    }
    buf_byte(p->out, ')');
}

/* The operator of a test and what is right of it. */
static void put_right(struct printer *p, const struct node *n, bool negated,
                      const struct print_scope *around) {
    const struct op_info *info = op_info(n->op);
    struct buf *out = p->out;
    buf_byte(out, ' ');
    if (info->shape == SHAPE_IS || n->op == OP_DISTINCT) {
        buf_add_text(out, negated ? "IS NOT " : "IS ");
        buf_add_text(out, info->text + 3); /* behind "IS " */
    } else {
        buf_add_text(out, negated ? "NOT " : "");
        buf_add_text(out, info->text);
    }
    if (info->shape == SHAPE_IS)
        return;
    buf_byte(out, ' ');
    if (n->op == OP_IN)
        put_list(p, n->kids[1], around);
    else
        put(p, n->kids[1], BOND_OPERAND, around);
    if (n->n_kids == 3) {
        buf_add_text(out, n->op == OP_BETWEEN  ? " AND "
                          : n->op == OP_REGEXP ? " FLAGS "
                                               : " ESCAPE ");
        put(p, n->kids[2], BOND_OPERAND, around);
    }
}

static void put_test(struct printer *p, const struct node *n, bool negated,
                     const struct print_scope *around) {
    put(p, n->kids[0], BOND_OPERAND, around);
    put_right(p, n, negated, around);
}

static void put_quantifier(struct printer *p, const struct node *n,
                           const struct print_scope *around) {
    struct buf *out = p->out;
    struct print_scope inner = {.outer = around};
    const struct node *test = short_test(n);
    buf_add_text(out, op_info(n->op)->text);
    if (test) {
        buf_byte(out, '(');
        put(p, n->kids[0], BOND_VALUE, around);
        buf_byte(out, ')');
        put_right(p, test, test != n->kids[1], &inner);
        return;
    }
    char made[16];
    uint32_t level = 0;
    for (const struct print_scope *a = around; a; a = a->outer)
        level++;
    snprintf(made, sizeof made, "e%u", p->first_number + level);
    inner.name = n->var.p ? n->var : str_of(made);
    buf_byte(out, ' ');
    name_print(inner.name, path_key_is_plain(inner.name), out);
    buf_add_text(out, " IN ");
    put(p, n->kids[0], BOND_VALUE, around);
    buf_add_text(out, " SATISFIES ");
    put(p, n->kids[1], BOND_OR, &inner);
    buf_add_text(out, " END");
}

static void put_arguments(struct printer *p, const struct node *n,
                          const struct print_scope *around) {
    for (uint32_t i = 0; i < n->n_kids && !buf_failed(p->out); i++) {
        if (i > 0)
            buf_add_text(p->out, ", ");
        put(p, n->kids[i], BOND_OR, around);
    }
    buf_byte(p->out, ')');
}

static void put_op(struct printer *p, const struct node *n, const struct print_scope *around) {
    const struct op_info *info = op_info(n->op);
    switch (info->shape) {
    case SHAPE_QUANT:
        put_quantifier(p, n, around);
        return;
    case SHAPE_PREFIX:
        if (has_negated_spelling(n->kids[0])) {
            put_test(p, n->kids[0], true, around);
        } else {
            buf_add_text(p->out, "NOT ");
            put(p, n->kids[0], BOND_NOT, around);
        }
        return;
    case SHAPE_CALL:
        buf_add_text(p->out, info->text);
        buf_byte(p->out, '(');
        put_arguments(p, n, around);
        return;
    default:
        if (n->op != OP_AND && n->op != OP_OR) {
            put_test(p, n, false, around);
            return;
        }
    }
    for (uint32_t i = 0; i < n->n_kids && !buf_failed(p->out); i++) {
        if (i > 0)
            buf_add_text(p->out, n->op == OP_AND ? " AND " : " OR ");
        put(p, n->kids[i], n->op == OP_AND ? BOND_NOT : BOND_AND, around);
    }
}

/* --- calls and CASE --- */

/* A sign needs parentheses before a number, which it would become a part of, and before a sign. */
static void put_sign(struct printer *p, const struct node *n, const struct print_scope *around) {
    const struct node *x = n->kids[0];
    bool apart = n->fn == FN_negate && (x->kind == NODE_LITERAL || bond_of(x) == BOND_UNARY);
    buf_byte(p->out, n->fn == FN_negate ? '-' : '~');
    if (apart)
        buf_byte(p->out, '(');
    put(p, x, BOND_UNARY, around);
    if (apart)
        buf_byte(p->out, ')');
}

static void put_call(struct printer *p, const struct node *n, const struct print_scope *around) {
    const struct infix *infix = infix_of(n->fn);
    struct buf *out = p->out;
    if (n->fn == FN_negate || n->fn == FN_bit_not) {
        put_sign(p, n, around);
    } else if (infix) {
        put(p, n->kids[0], infix->bond, around);
        buf_printf(out, " %s ", infix->text);
        put(p, n->kids[1], infix->bond + 1, around);
    } else if (n->fn == FN_cast || n->fn == FN_try_cast) {
        struct str type = value_as_str(n->kids[1]->value);
        buf_add_text(out, n->fn == FN_cast ? "CAST(" : "TRY_CAST(");
        put(p, n->kids[0], BOND_OR, around);
        buf_printf(out, " AS %.*s)", (int)type.n, type.p);
    } else {
        buf_printf(out, "%s(", fn_info(n->fn)->name);
        put_arguments(p, n, around);
    }
}

static void put_case(struct printer *p, const struct node *n, const struct print_scope *around) {
    struct buf *out = p->out;
    const struct node *last = n->kids[n->n_kids - 1];
    uint32_t i = n->kind == NODE_CASE_OF;
    buf_add_text(out, "CASE ");
    if (i == 1) {
        put(p, n->kids[0], BOND_OR, around);
        buf_byte(out, ' ');
    }
    for (; i + 1 < n->n_kids && !buf_failed(out); i += 2) {
        buf_add_text(out, "WHEN ");
        put(p, n->kids[i], BOND_OR, around);
        buf_add_text(out, " THEN ");
        put(p, n->kids[i + 1], BOND_OR, around);
        buf_byte(out, ' ');
    }
    if (last->kind != NODE_LITERAL || last->value.type != T_NULL) {
        buf_add_text(out, "ELSE ");
        put(p, last, BOND_OR, around);
        buf_byte(out, ' ');
    }
    buf_add_text(out, "END");
}

static void put_param(struct printer *p, uint32_t param) {
    struct str name = p->q->params[param].name;
    if (!name.p) {
        buf_byte(p->out, '?');
        return;
    }
    buf_byte(p->out, ':');
    name_print(name, lex_is_name(name), p->out);
}

static void put(struct printer *p, const struct node *n, enum bond least,
                const struct print_scope *around) {
    if (buf_failed(p->out))
        return;
    bool parentheses = bond_of(n) < least;
    if (parentheses)
        buf_byte(p->out, '(');
    switch (n->kind) {
    case NODE_LITERAL:
        constant_print(n->value, p->out);
        break;
    case NODE_PATH:
        if (n->scope > 0)
            put_element(p, n, around);
        else
            path_print(n->path, p->out);
        break;
    case NODE_PARAM:
        put_param(p, n->param);
        break;
    case NODE_LIST:
        put_list(p, n, around);
        break;
    case NODE_OP:
        put_op(p, n, around);
        break;
    case NODE_CALL:
        put_call(p, n, around);
        break;
    case NODE_CASE:
    case NODE_CASE_OF:
        put_case(p, n, around);
        break;
    }
    if (parentheses)
        buf_byte(p->out, ')');
}

void node_print(const struct query *q, const struct node *n, const struct print_scope *around,
                struct buf *out) {
    struct printer p = {.q = q, .out = out, .first_number = greatest_number(n) + 1};
    put(&p, n, BOND_OR, around);
}

void query_print(const struct query *q, struct buf *out) { node_print(q, q->root, NULL, out); }

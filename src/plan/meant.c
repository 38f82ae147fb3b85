/* What a field of the query may be meant as, instead: noted while lowering, told only if the rows
 * bear it out (engine/absent.h). See program.h. */
#include "plan/program.h"

/* The column of the row that operand o of scope s is; NULL: it is something else. */
static struct column_source *field_of(struct scope *s, const struct operand *o) {
    if (o->is_const || o->from)
        return NULL;
    struct column_source *c = &s->columns[o->column];
    for (; c->kind == COLUMN_OUTER; c = &s->columns[c->outer])
        s = s->outer;
    return c->kind == COLUMN_PATH && !s->outer ? c : NULL;
}

/* QUERY.md A1: double quotes are for names. */
static void note_quoted(struct scope *s, const struct node *n, const struct operand *o) {
    if (n->kind != NODE_PATH || !n->quoted)
        return;
    struct column_source *field = field_of(s, o);
    if (field && !field->as_text)
        field->as_text = n;
}

void meant_texts(struct scope *s, const struct node *nx, const struct operand *x,
                 const struct node *ny, const struct operand *y) {
    if (x->is_const || y->is_const)
        return;
    note_quoted(s, nx, x);
    note_quoted(s, ny, y);
}

static void note_no_text(struct scope *s, const struct node *n, const struct operand *o) {
    struct column_source *field = field_of(s, o);
    if (field && !field->no_text)
        field->no_text = n;
}

static void note_takes_text(struct scope *s, const struct operand *o) {
    struct column_source *field = field_of(s, o);
    if (field)
        field->takes_text = true;
}

/* A constant of a type that texts are often converted to; a text never equals one (T2). */
static bool is_no_text(struct value v) {
    enum value_class class = value_class(v.type);
    return class == CLASS_NUMBER || class == CLASS_BOOL || class == CLASS_TIMESTAMP;
}

static void note_constant(struct scope *s, const struct node *n, const struct operand *o,
                          struct value v) {
    if (v.type == T_STR)
        note_takes_text(s, o);
    else if (is_no_text(v))
        note_no_text(s, n, o);
}

void meant_compared(struct scope *s, const struct node *nx, const struct operand *x,
                    const struct node *ny, const struct operand *y) {
    if (y->is_const)
        note_constant(s, nx, x, y->value);
    else if (x->is_const)
        note_constant(s, ny, y, x->value);
    else
        meant_texts(s, nx, x, ny, y);
}

void meant_in(struct scope *s, const struct node *nx, const struct operand *x,
              const struct value *values, uint32_t n_values) {
    for (uint32_t i = 0; i < n_values; i++) {
        note_constant(s, nx, x, values[i]);
        if (values[i].type == T_STR)
            return;
    }
}

void meant_truth(struct scope *s, const struct node *nx, const struct operand *x) {
    note_no_text(s, nx, x);
}

static bool takes_numbers(enum fn fn) {
    switch (fn) {
    case FN_add:
    case FN_subtract:
    case FN_multiply:
    case FN_divide:
    case FN_modulo:
    case FN_negate:
    case FN_bit_and:
    case FN_bit_or:
    case FN_bit_not:
    case FN_shift_left:
    case FN_shift_right:
    case FN_abs:
    case FN_round:
    case FN_floor:
    case FN_ceil:
    case FN_sign:
    case FN_sqrt:
    case FN_power:
    case FN_mod:
        return true;
    default:
        return false;
    }
}

void meant_call(struct scope *s, const struct node *n, const struct operand *args) {
    bool numbers = takes_numbers(n->fn);
    for (uint32_t i = 0; i < n->n_kids; i++)
        if (numbers)
            note_no_text(s, n->kids[i], &args[i]);
        else if (n->fn == FN_type_of)
            note_takes_text(s, &args[i]);
}

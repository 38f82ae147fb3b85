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

/* SEMANTICS A1: double quotes are for names. */
static void note_quoted(struct scope *s, const struct node *n, const struct operand *o) {
    if (n->kind != NODE_PATH || !n->quoted)
        return;
    struct column_source *field = field_of(s, o);
    if (field && !field->as_text)
        field->as_text = n;
}

void meant_pair(struct scope *s, const struct node *nx, const struct operand *x,
                const struct node *ny, const struct operand *y) {
    if (x->is_const || y->is_const)
        return;
    note_quoted(s, nx, x);
    note_quoted(s, ny, y);
}

/* ANY and EVERY over arrays (QUERY.md A5, A6): the elements of a block's arrays are laid out as
 * rows of an inner block, the inner program runs over them, and its findings are folded back by
 * row. So the condition on elements runs in the same loops as any other.
 */
#include "plan/program.h"
#include "value/mp.h"

#include <string.h>

bool quantifier_init(struct run *r, struct quantifier *q, const struct step *s) {
    if (!frame_init(r, &q->frame, s->inner, false))
        return false;
    q->row_of = arena_array(&r->arena, BLOCK_ROWS, sizeof *q->row_of);
    q->elements = arena_array(&r->arena, BLOCK_ROWS, sizeof *q->elements);
    q->yes = arena_array(&r->arena, BLOCK_ROWS, sizeof *q->yes);
    q->no = arena_array(&r->arena, BLOCK_ROWS, sizeof *q->no);
    if (!q->row_of || !q->elements || !q->yes || !q->no)
        return false;
    return scanner_init(&q->frame.scanner, &r->arena, &s->inner->fields, r->options.row_depth,
                        r->options.row_fields);
}

void quantifier_done(struct quantifier *q) {
    if (q->frame.program)
        frame_done(&q->frame);
}

/* Columns of the scope around, repeated for each element of a row. */
static void copy_outer(struct quantifier *q, const struct frame *outer, uint32_t n) {
    const struct program *p = q->frame.program;
    for (uint32_t i = 0; i < p->n_columns; i++) {
        struct column *to = &q->frame.block.columns[i];
        if (p->columns[i].kind != COLUMN_OUTER)
            continue;
        const struct column *from = &outer->block.columns[p->columns[i].outer];
        to->seen = from->seen; /* a superset is enough */
        for (uint32_t row = 0; row < n; row++)
            column_put(to, row, column_get(from, q->row_of[row]));
    }
}

/* Runs the inner program over the n elements gathered so far. */
static void flush(struct run *r, struct quantifier *q, const struct step *s,
                  const struct frame *outer, uint32_t n) {
    if (n == 0)
        return;
    copy_outer(q, outer, n);
    block_seal(&q->frame.block, q->frame.program->n_paths, n);
    frame_run(r, &q->frame);
    uint32_t *first = s->both || s->want == TRUE_ ? q->yes : q->no;
    for (uint32_t i = 0; i < q->frame.counts[0]; i++)
        first[q->row_of[q->frame.registers[0][i]]]++;
    if (s->both)
        for (uint32_t i = 0; i < q->frame.counts[1]; i++)
            q->no[q->row_of[q->frame.registers[1][i]]]++;
    block_clear(&q->frame.block, q->frame.program->n_paths);
}

/* Quantifiers multiply: n elements more are looked at inside of others' elements. */
static bool may_look_at(struct run *r, const struct frame *outer, uint32_t n) {
    uint64_t most = r->options.nested_elements;
    if (outer == &r->frame || most == 0)
        return true;
    r->elements += n;
    if (r->elements > most && r->failure == E_OK)
        r->failure = E_TOO_MANY_ELEMENTS;
    return r->failure == E_OK;
}

static void gather(struct run *r, struct quantifier *q, const struct step *s, struct frame *outer) {
    const struct column *x = &outer->block.columns[s->x];
    struct frame *f = &q->frame;
    uint32_t filled = 0;
    block_clear(&f->block, f->program->n_paths);
    for (uint32_t i = 0; i < outer->counts[s->in]; i++) {
        uint32_t row = outer->registers[s->in][i];
        q->elements[row] = q->yes[row] = q->no[row] = 0;
        if (x->tag[row] != T_ARRAY) {
            r->mismatches += x->tag[row] > T_NULL;
            continue;
        }
        struct value array = column_get(x, row);
        const uint8_t *p, *end = array.w.p + array.n;
        uint32_t n = mp_container(array, &p);
        if (!may_look_at(r, outer, n))
            return;
        for (uint32_t k = 0; k < n; k++) {
            q->row_of[filled] = (uint16_t)row;
            p = scan_value(&f->scanner, f->program->fields.root, p, end, 0, &f->block, filled);
            if (!p)
                break; /* not reached: the outer scan has checked these bytes, within the same
                          limits */
            if (++filled == f->block.rows) {
                flush(r, q, s, outer, filled);
                filled = 0;
            }
        }
        q->elements[row] = n;
    }
    flush(r, q, s, outer, filled);
}

/* Keeps the rows of `in` whose counts make the quantifier `want`. */
static uint32_t fold(const struct quantifier *q, const struct step *s, const struct frame *outer,
                     enum truth want, uint16_t *out) {
    const struct column *x = &outer->block.columns[s->x];
    const uint32_t *count = want == TRUE_ ? q->yes : q->no;
    bool all = s->every == (want == TRUE_);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < outer->counts[s->in]; i++) {
        uint32_t row = outer->registers[s->in][i];
        if (x->tag[row] == T_ARRAY && (all ? count[row] == q->elements[row] : count[row] > 0))
            out[kept++] = (uint16_t)row;
    }
    return kept;
}

void quantifier_run(struct run *r, struct quantifier *q, const struct step *s,
                    struct frame *outer) {
    q->frame.scope = (struct print_scope){.name = s->pred->node->var,
                                          .outer = outer == &r->frame ? NULL : &outer->scope};
    scanner_forget(&q->frame.scanner);
    gather(r, q, s, outer);
    uint16_t *second = outer->registers[s->out2];
    uint32_t n2 = s->both ? fold(q, s, outer, FALSE_, second) : 0;
    uint32_t n = fold(q, s, outer, s->both ? TRUE_ : s->want, outer->registers[s->out]);
    outer->counts[s->out] = n; /* last: out may be in */
    if (s->both)
        outer->counts[s->out2] = n2;
}

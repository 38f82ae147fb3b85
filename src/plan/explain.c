/* EXPLAIN: the loop table as an array of maps and as a text. */
#include "plan/program.h"

#include "value/mp.h"

#include <inttypes.h>

/* What a step is called before any block has been seen: its kernel for a column of the constant's
 * type. */
static const char *step_name(const struct step *s) {
    switch (s->kind) {
    case STEP_TERM: {
        uint32_t seen = SEEN(T_STR);
        const struct term *t = s->term;
        if (t->shape == TERM_COMPARE || t->shape == TERM_BETWEEN)
            seen = SEEN(t->k.type);
        else if (t->shape == TERM_COLUMNS || t->shape == TERM_IN)
            seen = SEEN(T_INT) | SEEN(T_STR);
        else if (t->shape == TERM_BOOL)
            seen = SEEN(T_BOOL);
        else if (t->shape == TERM_NULL || t->shape == TERM_MISSING)
            seen = SEEN(T_INT) | SEEN(T_NULL) | SEEN(T_MISSING);
        else if (t->shape == TERM_NAN)
            seen = SEEN(T_DOUBLE);
        return kernel_pick(t, seen, seen)->name;
    }
    case STEP_COPY:
        return "copy";
    case STEP_NONE:
        return "none";
    case STEP_UNION:
        return "union";
    case STEP_MINUS:
        return "minus";
    case STEP_UNLESS_EMPTY:
        return "unless_empty";
    case STEP_BOOL:
        return "write_bool";
    case STEP_COMPUTE:
        return s->compute->function->name;
    case STEP_ASSIGN:
        return "case";
    case STEP_QUANTIFY:
        return s->every ? "every_element" : "any_element";
    }
    return "?";
}

/* Steps that select or compute, as against those that only move registers about. */
static bool is_shown(const struct step *s) {
    return s->kind == STEP_TERM || s->kind == STEP_NONE || s->kind == STEP_BOOL ||
           s->kind == STEP_COMPUTE || s->kind == STEP_ASSIGN || s->kind == STEP_QUANTIFY;
}

static const struct node *step_node(const struct step *s) {
    return s->compute ? s->compute->node : s->pred ? s->pred->node : NULL;
}

static double step_cost(const struct step *s) {
    return s->compute ? s->compute->cost : s->pred ? s->pred->cost : 0;
}

static void write_count(const char *name, uint32_t count, struct buf *b) {
    if (count == 0)
        return;
    mp_write_text(b, name);
    mp_write_uint(b, count);
}

/* Kernels and loops by name, with the number of blocks that they had. */
static void write_kernels(const struct step_stats *stats, struct buf *b) {
    uint32_t n = 0;
    for (size_t i = 0; kernel_at(i); i++)
        n += stats->kernels[i] > 0;
    for (size_t i = 0; compute_at(i); i++)
        n += stats->loops[i] > 0;
    mp_write_map(b, n);
    for (size_t i = 0; kernel_at(i); i++)
        write_count(kernel_at(i)->name, stats->kernels[i], b);
    for (size_t i = 0; compute_at(i); i++)
        write_count(compute_at(i)->name, stats->loops[i], b);
}

static void write_step(const struct plan *p, const struct run *r, const struct step *s,
                       uint32_t depth, const struct print_scope *around, struct buf *term,
                       struct buf *b) {
    mp_write_map(b, r && r->stats ? 10 : 6);
    mp_write_text(b, "kernel");
    mp_write_text(b, step_name(s));
    mp_write_text(b, "term");
    term->len = 0;
    if (step_node(s))
        node_print(p->query, step_node(s), around, term);
    mp_write_str(b, (const char *)term->data, term->len);
    mp_write_text(b, "want");
    mp_write_text(b, s->want == TRUE_ || s->kind != STEP_TERM ? "true" : "false");
    mp_write_text(b, "reason");
    mp_write_text(b, s->reason);
    mp_write_text(b, "cost");
    mp_write_double(b, step_cost(s));
    mp_write_text(b, "depth");
    mp_write_uint(b, depth);
    if (!r || !r->stats)
        return;
    const struct step_stats *stats = &r->stats[s->id];
    mp_write_text(b, "rows_in");
    mp_write_uint(b, stats->rows_in);
    mp_write_text(b, "rows_out");
    mp_write_uint(b, stats->rows_out);
    mp_write_text(b, "ns");
    mp_write_uint(b, stats->ns);
    mp_write_text(b, "kernels");
    write_kernels(stats, b);
}

static void print_count(const char *name, uint32_t count, const char **gap, struct buf *b) {
    if (count == 0)
        return;
    buf_printf(b, "%s%s x%u", *gap, name, count);
    *gap = ", ";
}

static void print_kernels(const struct step_stats *stats, struct buf *b) {
    const char *gap = "";
    for (size_t i = 0; kernel_at(i); i++)
        print_count(kernel_at(i)->name, stats->kernels[i], &gap, b);
    for (size_t i = 0; compute_at(i); i++)
        print_count(compute_at(i)->name, stats->loops[i], &gap, b);
}

#define TERM_SHOWN 60u

static void print_step(const struct run *r, const struct step *s, uint32_t number, uint32_t depth,
                       const struct buf *term, struct buf *b) {
    buf_printf(b, "%3u  %*s%-*s  ", number, (int)(2 * depth), "",
               (int)(depth < 8 ? 22 - 2 * depth : 6), step_name(s));
    size_t n = term->len;
    if (n > TERM_SHOWN) {
        n = TERM_SHOWN;
        while (n > 0 && (term->data[n] & 0xC0) == 0x80)
            n--;
    }
    const struct node *node = step_node(s);
    bool negated = s->kind == STEP_TERM && s->want == FALSE_;
    bool junction = negated && node && node->kind == NODE_OP &&
                    (node->op == OP_AND || node->op == OP_OR); /* which `not` binds closer than */
    buf_printf(b, "%s%s", negated ? "not " : "", junction ? "(" : "");
    buf_add(b, term->data, n);
    buf_printf(b, "%s%s\n", n < term->len ? "..." : "", junction ? ")" : "");
    buf_printf(b, "       %*s", (int)(2 * depth), "");
    if (s->compute)
        buf_printf(b, "%s; cost %.3g a row\n", s->reason, step_cost(s));
    else if (s->pred)
        buf_printf(b, "%s; cost %.3g a row, keeps about %.3g %%\n", s->reason, s->pred->cost,
                   100 * (s->want == FALSE_ && s->kind == STEP_TERM ? 1 - s->pred->share
                                                                    : s->pred->share));
    else
        buf_printf(b, "%s\n", s->reason);
    if (!r || !r->stats)
        return;
    const struct step_stats *stats = &r->stats[s->id];
    buf_printf(b, "       %*srows in %" PRIu64 ", out %" PRIu64 ", %.1f us", (int)(2 * depth), "",
               stats->rows_in, stats->rows_out, (double)stats->ns / 1000);
    if (s->kind == STEP_TERM || s->kind == STEP_COMPUTE) {
        buf_add_text(b, "; ");
        print_kernels(stats, b);
    }
    buf_add_text(b, "\n");
}

/* What is needed while walking over the programs. */
struct explain {
    const struct plan *plan;
    const struct run *run;
    struct buf *steps, *text, term;
    uint32_t shown;
};

static uint32_t count_shown(const struct program *p) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->n_steps; i++) {
        n += is_shown(&p->steps[i]);
        if (p->steps[i].kind == STEP_QUANTIFY)
            n += count_shown(p->steps[i].inner);
    }
    return n;
}

static void explain_program(struct explain *x, const struct program *p, uint32_t depth,
                            const struct print_scope *around) {
    for (uint32_t i = 0; i < p->n_steps; i++) {
        const struct step *s = &p->steps[i];
        uint32_t at = depth + (s->depth > 0 ? s->depth - 1 : 0);
        if (is_shown(s)) {
            write_step(x->plan, x->run, s, at, around, &x->term, x->steps);
            print_step(x->run, s, ++x->shown, at, &x->term, x->text);
        }
        if (s->kind == STEP_QUANTIFY)
            explain_program(x, s->inner, at + 1, &(struct print_scope){s->pred->node->var, around});
    }
}

bool plan_explain(const struct plan *p, const struct run *r, struct buf *ret_steps,
                  struct buf *ret_text) {
    struct explain x = {.plan = p, .run = r, .steps = ret_steps, .text = ret_text};
    buf_init(&x.term, ret_text->budget);
    mp_write_array(ret_steps, count_shown(p->program));
    explain_program(&x, p->program, 0, NULL);
    if (x.shown == 0)
        buf_add_text(ret_text, "  0  all rows are kept: nothing is looked at\n");
    bool ok = !buf_failed(ret_steps) && !buf_failed(ret_text) && !buf_failed(&x.term);
    buf_done(&x.term);
    return ok;
}

/* Steps that write columns: calls, and the values of CASE. See program.h. */
#include "plan/program.h"

/* Those of the n rows that are not done yet, into the spare register; they are then done. */
static uint32_t take_undone(struct frame *f, struct rows_done *done, const uint16_t *in, uint32_t n,
                            uint16_t *out) {
    uint32_t left = 0;
    if (done->n == f->block.n)
        return 0;
    if (done->n == 0)
        memset(done->bits, 0, sizeof done->bits);
    for (uint32_t i = 0; i < n; i++) {
        uint64_t bit = (uint64_t)1 << (in[i] % 64), *word = &done->bits[in[i] / 64];
        out[left] = in[i];
        left += !(*word & bit);
        *word |= bit;
    }
    done->n += left;
    return left;
}

void run_compute(struct run *r, struct frame *f, const struct step *s) {
    uint32_t n = f->counts[s->in];
    const uint16_t *in = f->registers[s->in];
    struct column *out = &f->block.columns[s->x];
    bool begins = true;
    if (s->compute->shared != NO_COLUMN) {
        struct rows_done *done = &f->shared[s->compute->shared];
        begins = done->n == 0;
        if (begins && n == f->block.n) {
            done->n = n; /* all of them, which needs no bits */
        } else {
            n = take_undone(f, done, in, n, f->registers[f->program->n_registers]);
            in = f->registers[f->program->n_registers];
        }
    }
    if (begins)
        out->seen = 0;
    if (n == 0)
        return;
    struct call call = {.arena = &f->values,
                        .mismatch = &r->mismatches,
                        .undefined = &r->undefined,
                        .stop = r->options.stop};
    for (uint32_t i = 0; i < s->compute->n_args; i++)
        f->args[i] = (struct compute_arg){
            s->args[i].column == NO_COLUMN ? NULL : &f->block.columns[s->args[i].column],
            s->args[i].value};
    struct compute_args args = {s->compute->function, &call,      f->args,
                                s->compute->n_args,   f->scratch, out};
    const struct compute_loop *loop = compute_pick(&args);
    loop->run(&args, n == f->block.n ? NULL : in, n);
    if (call.failed)
        r->failure = E_MEMORY;
    if (r->stats && r->stats[s->id].loops)
        r->stats[s->id].loops[loop - compute_at(0)]++;
}

void run_assign(struct frame *f, const struct step *s) {
    struct column *out = &f->block.columns[s->x];
    uint32_t n = f->counts[s->in];
    const uint16_t *in = f->registers[s->in];
    if (s->first)
        out->seen = 0;
    if (n == 0)
        return;
    if (s->args[0].column == NO_COLUMN) {
        out->seen |= SEEN(s->args[0].value.type);
        for (uint32_t i = 0; i < n; i++)
            column_put(out, in[i], s->args[0].value);
        return;
    }
    const struct column *from = &f->block.columns[s->args[0].column];
    for (uint32_t i = 0; i < n; i++) {
        struct value v = column_get(from, in[i]);
        if (v.type == T_MISSING) /* a value that was made is never missing (N3) */
            v.type = T_NULL;
        column_put(out, in[i], v);
    }
    out->seen |=
        from->seen & SEEN(T_MISSING) ? (from->seen & ~SEEN(T_MISSING)) | SEEN(T_NULL) : from->seen;
}

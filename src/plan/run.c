/* Running a program over a block. See program.h for registers and steps. */
#include "base/trace.h"
#include "plan/program.h"

#include <stdlib.h>

static bool add_registers(struct run *r, struct frame *f) {
    uint32_t n = f->program->n_registers + 1; /* and a spare one for set operations */
    f->registers = arena_array(&r->arena, n, sizeof *f->registers);
    f->counts = arena_array(&r->arena, n, sizeof *f->counts);
    uint16_t *rows = arena_array(&r->arena, (size_t)n * BLOCK_ROWS, sizeof *rows);
    if (!f->registers || !f->counts || !rows)
        return false;
    for (uint32_t i = 0; i < n; i++)
        f->registers[i] = rows + (size_t)i * BLOCK_ROWS;
    return true;
}

static bool add_quantifiers(struct run *r, struct frame *f) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < f->program->n_steps; i++)
        n += f->program->steps[i].kind == STEP_QUANTIFY;
    f->quantifiers = arena_zero(&r->arena, n * sizeof *f->quantifiers);
    if (!f->quantifiers)
        return false;
    for (uint32_t i = 0, k = 0; i < f->program->n_steps; i++)
        if (f->program->steps[i].kind == STEP_QUANTIFY &&
            !quantifier_init(r, &f->quantifiers[k++], &f->program->steps[i]))
            return false;
    return true;
}

/* A constant column is filled once; nothing ever writes to it again. */
static void fill_constants(struct frame *f) {
    for (uint32_t i = f->program->n_paths; i < f->program->n_columns; i++)
        if (f->program->columns[i].kind == COLUMN_CONST) {
            for (uint32_t row = 0; row < f->block.rows; row++)
                column_put(&f->block.columns[i], row, f->program->columns[i].value);
            f->block.columns[i].seen = SEEN(f->program->columns[i].value.type);
        }
}

static bool add_values(struct run *r, struct frame *f) {
    const struct program *p = f->program;
    arena_init(&f->values, r->arena.budget);
    f->shared = arena_array(&r->arena, p->n_shared, sizeof *f->shared);
    f->args = arena_array(&r->arena, p->n_args, sizeof *f->args);
    f->scratch = arena_array(&r->arena, p->n_args, sizeof *f->scratch);
    return f->shared && f->args && f->scratch;
}

bool frame_init(struct run *r, struct frame *f, const struct program *p, bool spans) {
    *f = (struct frame){.program = p};
    if (!block_init(&f->block, p->n_columns, spans, r->arena.budget))
        return false;
    fill_constants(f);
    f->block.defers = true; /* load_columns asks for what a step needs */
    return add_registers(r, f) && add_values(r, f) && add_quantifiers(r, f);
}

void frame_done(struct frame *f) {
    if (f->quantifiers)
        for (uint32_t i = 0, k = 0; i < f->program->n_steps; i++)
            if (f->program->steps[i].kind == STEP_QUANTIFY)
                quantifier_done(&f->quantifiers[k++]);
    block_done(&f->block);
    arena_done(&f->values);
}

/* Set operations write to the spare register and then change places with `out`. */
static void publish(struct frame *f, uint32_t out, uint32_t count) {
    uint32_t spare = f->program->n_registers;
    uint16_t *rows = f->registers[spare];
    f->registers[spare] = f->registers[out];
    f->registers[out] = rows;
    f->counts[out] = count;
}

static void run_minus(struct frame *f, const struct step *s) {
    const uint16_t *a = f->registers[s->in], *b = f->registers[s->in2];
    uint32_t na = f->counts[s->in], nb = f->counts[s->in2], j = 0, n = 0;
    uint16_t *out = f->registers[f->program->n_registers];
    for (uint32_t i = 0; i < na; i++) {
        while (j < nb && b[j] < a[i])
            j++;
        if (j == nb || b[j] != a[i])
            out[n++] = a[i];
    }
    publish(f, s->out, n);
}

static void run_union(struct frame *f, const struct step *s) {
    const uint16_t *a = f->registers[s->in], *b = f->registers[s->in2];
    uint32_t na = f->counts[s->in], nb = f->counts[s->in2], i = 0, j = 0, n = 0;
    uint16_t *out = f->registers[f->program->n_registers];
    while (i < na && j < nb) {
        uint16_t x = a[i], y = b[j];
        out[n++] = x < y ? x : y;
        i += x <= y;
        j += y <= x;
    }
    while (i < na)
        out[n++] = a[i++];
    while (j < nb)
        out[n++] = b[j++];
    publish(f, s->out, n);
}

static void run_copy(struct frame *f, const struct step *s) {
    f->counts[s->out] = f->counts[s->in];
    memcpy(f->registers[s->out], f->registers[s->in], f->counts[s->in] * sizeof(uint16_t));
}

static void run_bool(struct frame *f, const struct step *s) {
    struct column *x = &f->block.columns[s->x];
    for (uint32_t i = 0; i < f->counts[s->out]; i++)
        x->tag[f->registers[s->out][i]] = T_NULL;
    for (uint32_t i = 0; i < f->counts[s->in]; i++)
        column_put(x, f->registers[s->in][i], value_bool(true));
    for (uint32_t i = 0; i < f->counts[s->in2]; i++)
        column_put(x, f->registers[s->in2][i], value_bool(false));
    x->seen = SEEN(T_BOOL) | SEEN(T_NULL);
}

/* The columns that a step looks at have their values in its rows, then. */
static bool load_columns(struct run *r, struct frame *f, const struct step *s) {
    uint32_t n = f->counts[s->in];
    const uint16_t *in = n == f->block.n ? NULL : f->registers[s->in];
    bool loaded = true;
    if (s->kind == STEP_TERM || s->kind == STEP_QUANTIFY)
        loaded = block_load(&f->block, s->x, in, n);
    if (s->kind == STEP_TERM && s->y != NO_COLUMN)
        loaded = loaded && block_load(&f->block, s->y, in, n);
    if (s->kind == STEP_COMPUTE || s->kind == STEP_ASSIGN) {
        uint32_t args = s->kind == STEP_COMPUTE ? s->compute->n_args : 1;
        for (uint32_t i = 0; i < args && loaded; i++)
            loaded =
                s->args[i].column == NO_COLUMN || block_load(&f->block, s->args[i].column, in, n);
    }
    if (s->kind == STEP_QUANTIFY)
        for (uint32_t i = 0; i < s->inner->n_columns && loaded; i++)
            loaded = s->inner->columns[i].kind != COLUMN_OUTER ||
                     block_load(&f->block, s->inner->columns[i].outer, in, n);
    if (!loaded)
        r->failure = E_MEMORY;
    return loaded;
}

static void run_term(struct run *r, struct frame *f, const struct step *s) {
    struct sel_args args = {
        .x = &f->block.columns[s->x],
        .y = s->y == NO_COLUMN ? NULL : &f->block.columns[s->y],
        .term = s->term,
        .stop = r->options.stop,
        .mismatch = &r->mismatches,
    };
    const struct kernel *kernel = kernel_pick(s->term, args.x->seen, args.y ? args.y->seen : 0);
    uint32_t n = f->counts[s->in];
    const uint16_t *in =
        n == f->block.n ? NULL : f->registers[s->in]; /* all rows: the dense loop */
    f->counts[s->out] = kernel->run(&args, in, n, f->registers[s->out]);
    if (r->stats && r->stats[s->id].kernels)
        r->stats[s->id].kernels[kernel - kernel_at(0)]++;
}

void run_step(struct run *r, struct frame *f, const struct step *s, uint32_t *quantifier) {
    if (f->block.load && !load_columns(r, f, s))
        return;
    switch (s->kind) {
    case STEP_TERM:
        run_term(r, f, s);
        break;
    case STEP_COPY:
        run_copy(f, s);
        break;
    case STEP_NONE:
        f->counts[s->out] = 0;
        break;
    case STEP_UNION:
        run_union(f, s);
        break;
    case STEP_MINUS:
        run_minus(f, s);
        break;
    case STEP_BOOL:
        run_bool(f, s);
        break;
    case STEP_COMPUTE:
        run_compute(r, f, s);
        break;
    case STEP_ASSIGN:
        run_assign(f, s);
        break;
    case STEP_QUANTIFY:
        quantifier_run(r, &f->quantifiers[*quantifier], s, f);
        break;
    case STEP_UNLESS_EMPTY:
        break;
    }
    if (trace_on(TRACE_STEP))
        trace_line(TRACE_STEP, "step %u: %u rows of %u left", s->id, f->counts[s->out], f->block.n);
}

static void run_counted(struct run *r, struct frame *f, const struct step *s,
                        uint32_t *quantifier) {
    struct step_stats *stats = &r->stats[s->id];
    stats->rows_in += f->counts[s->in];
    uint64_t before = r->options.now_ns();
    run_step(r, f, s, quantifier);
    stats->ns += r->options.now_ns() - before;
    stats->rows_out += f->counts[s->out];
}

static bool is_stopped(const struct run *r) {
    return r->options.stop && atomic_load_explicit(r->options.stop, memory_order_relaxed);
}

void frame_run(struct run *r, struct frame *f) { frame_run_rows(r, f, 0, f->block.n); }

void frame_run_rows(struct run *r, struct frame *f, uint32_t from, uint32_t to) {
    const struct program *p = f->program;
    uint32_t quantifier = 0; /* the next QUANTIFY step's state */
    if (f == &r->frame)
        r->elements = 0;
    arena_reset(&f->values);
    for (uint32_t i = 0; i < p->n_shared; i++)
        f->shared[i].n = 0;
    f->counts[0] = to - from;
    for (uint32_t i = from; i < to; i++)
        f->registers[0][i - from] = (uint16_t)i;
    for (uint32_t i = 0; i < p->n_steps; i++) {
        const struct step *s = &p->steps[i];
        if (r->failure != E_OK || is_stopped(r)) {
            f->counts[0] = 0;
            if (p->both)
                f->counts[1] = 0;
            return;
        }
        if (s->kind == STEP_UNLESS_EMPTY) {
            if (f->counts[s->in] > 0)
                continue;
            for (; i + 1 < s->target; i++)
                quantifier += p->steps[i + 1].kind == STEP_QUANTIFY;
            continue;
        }
        if (r->blame)
            run_step_blamed(r, f, s, &quantifier);
        else if (r->stats)
            run_counted(r, f, s, &quantifier);
        else
            run_step(r, f, s, &quantifier);
        quantifier += s->kind == STEP_QUANTIFY;
    }
}

static bool add_stats(struct run *r) {
    size_t kernels = 0, loops = 0;
    while (kernel_at(kernels))
        kernels++;
    while (compute_at(loops))
        loops++;
    size_t each = kernels + loops;
    r->stats = arena_zero(&r->arena, r->plan->n_steps * sizeof *r->stats);
    uint32_t *counts = arena_zero(&r->arena, r->plan->n_steps * each * sizeof *counts);
    if (!r->stats || !counts)
        return false;
    for (uint32_t i = 0; i < r->plan->n_steps; i++) {
        r->stats[i].kernels = counts + i * each;
        r->stats[i].loops = r->stats[i].kernels + kernels;
    }
    return true;
}

struct run *run_new(const struct plan *p, const struct run_options *options,
                    struct budget *budget) {
    struct run *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->plan = p;
    r->options = *options;
    arena_init(&r->arena, budget);
    if (!frame_init(r, &r->frame, p->program, true) || (options->now_ns && !add_stats(r))) {
        run_free(r);
        return NULL;
    }
    return r;
}

void run_free(struct run *r) {
    if (!r)
        return;
    if (r->frame.program)
        frame_done(&r->frame);
    arena_done(&r->arena);
    free(r);
}

static size_t frame_bytes(const struct frame *f) {
    size_t bytes = f->block.bytes + f->values.held_bytes;
    for (uint32_t i = 0, k = 0; f->quantifiers && i < f->program->n_steps; i++)
        if (f->program->steps[i].kind == STEP_QUANTIFY)
            bytes += frame_bytes(&f->quantifiers[k++].frame);
    return bytes;
}

size_t run_held_bytes(const struct run *r) {
    return sizeof *r + r->arena.held_bytes + frame_bytes(&r->frame);
}

struct block *run_block(struct run *r) {
    return &r->frame.block;
}
void run_clear(struct run *r) { block_clear(&r->frame.block, r->frame.program->n_paths); }
void run_seal(struct run *r, uint32_t n) {
    block_seal(&r->frame.block, r->frame.program->n_paths, n);
}

uint32_t run_block_filter(struct run *r, const uint16_t **ret_rows) {
    frame_run(r, &r->frame);
    *ret_rows = r->frame.registers[0];
    return r->failure != E_OK ? RUN_FAILED : r->frame.counts[0];
}

enum status run_failure(const struct run *r, struct error *e) {
    if (r->failure == E_TOO_MANY_ELEMENTS)
        return error_limit(e, r->failure, "nested_elements", r->options.nested_elements,
                           ERROR_NONE);
    return error_set(e, r->failure, "out of memory for the values of a condition");
}

const uint16_t *run_block_rows(const struct run *r) { return r->frame.registers[0]; }

uint64_t run_mismatches(const struct run *r) { return r->mismatches; }
uint64_t run_undefined(const struct run *r) { return r->undefined; }

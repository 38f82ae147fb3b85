/* Predicates -> steps. See program.h for registers and wanted truths.
 *
 * emit_pred(p, want, in, out) adds steps after which register out holds those rows of register in
 * for which p is `want`. in and out may be the same register; if they are not, in is left as it is.
 * Recursive over the depth of the tree, which query_depth bounds. */
#include "plan/program.h"

struct emitter {
    struct compiler *c;
    struct scope *scope;
    struct step *steps;
    uint32_t n, cap;
    uint32_t next_register, n_registers;
    uint32_t n_columns; /* places given */
    uint32_t *free;     /* places of temporary columns that nobody needs any more */
    uint32_t n_free, free_cap;
    uint32_t n_shared, n_args;
    uint32_t depth;
    const char *reason;
};

static struct step *add(struct emitter *e, struct step step) {
    if (e->n == e->cap) {
        uint32_t cap = e->cap ? 2 * e->cap : 16;
        struct step *steps = arena_array(e->c->arena, cap, sizeof *steps);
        if (!steps)
            return compile_memory(e->c);
        if (e->n > 0)
            memcpy(steps, e->steps, e->n * sizeof *steps);
        e->steps = steps;
        e->cap = cap;
    }
    step.depth = e->depth;
    step.reason = e->reason;
    step.id = e->c->n_steps++;
    e->steps[e->n] = step;
    return &e->steps[e->n++];
}

static uint32_t take_register(struct emitter *e) {
    uint32_t r = e->next_register++;
    if (e->next_register > e->n_registers)
        e->n_registers = e->next_register;
    return r;
}

static bool emit_pred(struct emitter *e, struct pred *p, enum truth want, uint32_t in,
                      uint32_t out);
/* The same for both truths at once. yes, no and in are three registers. */
static bool emit_both(struct emitter *e, struct pred *p, uint32_t in, uint32_t yes, uint32_t no);

static bool emit_copy(struct emitter *e, uint32_t in, uint32_t out) {
    return in == out || add(e, (struct step){.kind = STEP_COPY, .in = in, .out = out}) != NULL;
}

/* One after the other, each on what the one before has left. */
static bool emit_narrowing(struct emitter *e, struct pred *p, enum truth want, uint32_t in,
                           uint32_t out) {
    uint32_t first_jump = e->n;
    for (uint32_t i = 0; i < p->n_kids; i++) {
        if (i > 0)
            e->reason = "narrows what is left";
        if (!emit_pred(e, p->kids[i], want, i == 0 ? in : out, out))
            return false;
        if (i + 1 < p->n_kids &&
            !add(e, (struct step){.kind = STEP_UNLESS_EMPTY, .in = out, .pred = p}))
            return false;
    }
    for (uint32_t i = first_jump; i < e->n; i++)
        if (e->steps[i].kind == STEP_UNLESS_EMPTY && e->steps[i].pred == p)
            e->steps[i].target = e->n;
    return true;
}

/* Each on the rows that none before has found. */
static bool emit_collecting(struct emitter *e, struct pred *p, enum truth want, uint32_t in,
                            uint32_t out) {
    uint32_t mark = e->next_register, first_jump = e->n;
    uint32_t rest = take_register(e), found = take_register(e);
    if (!emit_copy(e, in, rest))
        return false;
    for (uint32_t i = 0; i < p->n_kids; i++) {
        uint32_t to = i == 0 ? out : found;
        if (i > 0)
            e->reason = "looks at the rows not found yet";
        if (!emit_pred(e, p->kids[i], want, rest, to))
            return false;
        if (i > 0 &&
            !add(e, (struct step){.kind = STEP_UNION, .in = out, .in2 = found, .out = out}))
            return false;
        if (i + 1 == p->n_kids)
            break;
        if (!add(e, (struct step){.kind = STEP_MINUS, .in = rest, .in2 = to, .out = rest}) ||
            !add(e, (struct step){.kind = STEP_UNLESS_EMPTY, .in = rest, .pred = p}))
            return false;
    }
    for (uint32_t i = first_jump; i < e->n; i++)
        if (e->steps[i].kind == STEP_UNLESS_EMPTY && e->steps[i].pred == p)
            e->steps[i].target = e->n;
    e->next_register = mark;
    return true;
}

static bool add_minus(struct emitter *e, uint32_t from, uint32_t what, uint32_t out) {
    return add(e, (struct step){.kind = STEP_MINUS, .in = from, .in2 = what, .out = out}) != NULL;
}

static bool add_union(struct emitter *e, uint32_t a, uint32_t b, uint32_t out) {
    return add(e, (struct step){.kind = STEP_UNION, .in = a, .in2 = b, .out = out}) != NULL;
}

/* a and b both, by what is left of a without what is not in b; scratch is overwritten. */
static bool add_both(struct emitter *e, uint32_t a, uint32_t b, uint32_t scratch) {
    return add_minus(e, a, b, scratch) && add_minus(e, a, scratch, a);
}

/* Two-valued tests of a truth: IS TRUE, IS FALSE, IS UNKNOWN. */
static bool emit_is(struct emitter *e, struct pred *p, enum truth want, uint32_t in, uint32_t out) {
    struct pred *kid = p->kids[0];
    if (p->truth != UNKNOWN_ && want == TRUE_)
        return emit_pred(e, kid, p->truth, in, out);
    uint32_t mark = e->next_register, known = take_register(e), other = take_register(e);
    bool ok;
    if (p->truth != UNKNOWN_)
        ok = emit_pred(e, kid, p->truth, in, known) && add_minus(e, in, known, out);
    else
        ok = emit_both(e, kid, in, known, other) && add_union(e, known, other, known) &&
             (want == TRUE_ ? add_minus(e, in, known, out) : emit_copy(e, known, out));
    e->next_register = mark;
    return ok;
}

/* --- values, for the rows of register `in` --- */

/* Room for a temporary column. */
static uint32_t take_column(struct emitter *e) {
    return e->n_free > 0 ? e->free[--e->n_free] : e->n_columns++;
}

/* Gives the column of an operand back, unless others use it too. */
static bool release(struct emitter *e, const struct operand *o) {
    if (!o->from || o->from->uses > 1)
        return true;
    if (e->n_free == e->free_cap) {
        uint32_t cap = e->free_cap ? 2 * e->free_cap : 16;
        uint32_t *list = arena_array(e->c->arena, cap, sizeof *list);
        if (!list)
            return compile_memory(e->c) != NULL;
        if (e->n_free > 0)
            memcpy(list, e->free, e->n_free * sizeof *list);
        e->free = list;
        e->free_cap = cap;
    }
    e->free[e->n_free++] = e->scope->place[o->column];
    return true;
}

static bool release_all(struct emitter *e, const struct operand *operands, uint32_t n) {
    bool ok = true;
    for (uint32_t i = 0; i < n; i++)
        ok = release(e, &operands[i]) && ok;
    return ok;
}

static bool emit_operand(struct emitter *e, const struct operand *o, uint32_t in);

static bool emit_operands(struct emitter *e, const struct operand *operands, uint32_t n,
                          uint32_t in) {
    for (uint32_t i = 0; i < n; i++)
        if (!emit_operand(e, &operands[i], in))
            return false;
    return true;
}

static const struct step_arg *step_args(struct emitter *e, const struct operand *o, uint32_t n) {
    struct step_arg *args = arena_array(e->c->arena, n, sizeof *args);
    if (!args)
        return compile_memory(e->c);
    for (uint32_t i = 0; i < n; i++)
        args[i] =
            (struct step_arg){o[i].is_const ? NO_COLUMN : e->scope->place[o[i].column], o[i].value};
    return args;
}

static bool emit_call(struct emitter *e, const struct compute *k, uint32_t in) {
    if (!emit_operands(e, k->args, k->n_args, in))
        return false;
    const struct step_arg *args = step_args(e, k->args, k->n_args);
    e->n_args = k->n_args > e->n_args ? k->n_args : e->n_args;
    return args &&
           add(e, (struct step){.kind = STEP_COMPUTE,
                                .in = in,
                                .out = in,
                                .x = e->scope->place[k->column],
                                .args = args,
                                .compute = k}) &&
           release_all(e, k->args, k->n_args);
}

static bool emit_truth(struct emitter *e, const struct compute *k, uint32_t in) {
    uint32_t mark = e->next_register, yes = take_register(e), no = take_register(e);
    bool ok = emit_both(e, k->preds[0], in, yes, no) &&
              add(e, (struct step){.kind = STEP_BOOL,
                                   .in = yes,
                                   .in2 = no,
                                   .out = in,
                                   .x = e->scope->place[k->column],
                                   .compute = k});
    e->next_register = mark;
    return ok;
}

/* One value of a CASE, for the rows that are its. */
static bool emit_assign(struct emitter *e, const struct compute *k, uint32_t i, uint32_t in) {
    if (!emit_operand(e, &k->args[i], in))
        return false;
    const struct step_arg *args = step_args(e, &k->args[i], 1);
    return args &&
           add(e, (struct step){.kind = STEP_ASSIGN,
                                .in = in,
                                .out = in,
                                .x = e->scope->place[k->column],
                                .args = args,
                                .first = i == 0,
                                .compute = k}) &&
           release(e, &k->args[i]);
}

/* Each branch looks at the rows that none before has taken, so that a value is made only for the
 * rows that it is for. */
static bool emit_case(struct emitter *e, const struct compute *k, uint32_t in) {
    uint32_t mark = e->next_register, rest = take_register(e), hit = take_register(e);
    uint32_t last = k->n_args - 1, first_jump = e->n;
    bool ok = emit_operand(e, &k->of, in) && emit_copy(e, in, rest);
    for (uint32_t i = 0; ok && i < last; i++)
        ok = emit_pred(e, k->preds[i], TRUE_, rest, hit) && emit_assign(e, k, i, hit) &&
             add_minus(e, rest, hit, rest) &&
             add(e, (struct step){.kind = STEP_UNLESS_EMPTY, .in = rest, .compute = k});
    ok = ok && emit_assign(e, k, last, rest);
    for (uint32_t i = first_jump; i < e->n; i++)
        if (e->steps[i].kind == STEP_UNLESS_EMPTY && e->steps[i].compute == k)
            e->steps[i].target = e->n;
    e->next_register = mark;
    return ok && release(e, &k->of);
}

static bool emit_operand(struct emitter *e, const struct operand *o, uint32_t in) {
    struct compute *k = o->from;
    if (!k)
        return true;
    uint32_t *place = &e->scope->place[k->column];
    if (k->uses == 1 || *place == NO_COLUMN)
        *place = take_column(e);
    if (k->uses > 1 && k->shared == NO_COLUMN)
        k->shared = e->n_shared++;
    const char *reason = e->reason;
    e->reason = k->uses > 1 ? "an operand, made once a row" : "an operand";
    bool ok = k->kind == COMPUTE_CALL    ? emit_call(e, k, in)
              : k->kind == COMPUTE_TRUTH ? emit_truth(e, k, in)
                                         : emit_case(e, k, in);
    e->reason = reason;
    return ok;
}

static bool emit_term(struct emitter *e, struct pred *p, enum truth want, uint32_t in,
                      uint32_t out) {
    return add(e, (struct step){.kind = STEP_TERM,
                                .in = in,
                                .out = out,
                                .x = e->scope->place[p->x],
                                .y = p->y == NO_COLUMN ? NO_COLUMN : e->scope->place[p->y],
                                .term = TERM_FOR(p, want),
                                .pred = p,
                                .want = want}) != NULL;
}

/* ANY TRUE, EVERY FALSE: one element that is so. ANY FALSE, EVERY TRUE: all of them (A5). */
static bool emit_quantify(struct emitter *e, struct pred *p, enum truth want, bool both,
                          uint32_t in, uint32_t out, uint32_t out2) {
    uint32_t at = e->n;
    if (!add(e, (struct step){.kind = STEP_QUANTIFY,
                              .in = in,
                              .out = out,
                              .out2 = out2,
                              .x = e->scope->place[p->x],
                              .every = p->every,
                              .both = both,
                              .pred = p,
                              .want = want}))
        return false;
    const struct program *inner = emit(e->c, p->kids[0], want, both, p->scope);
    e->steps[at].inner = inner;
    return inner != NULL;
}

static bool emit_pred(struct emitter *e, struct pred *p, enum truth want, uint32_t in,
                      uint32_t out) {
    bool ok = false;
    if (p->kind == PRED_NOT)
        return emit_pred(e, p->kids[0], truth_not(want), in, out);
    e->depth++;
    switch (p->kind) {
    case PRED_CONST:
        ok =
            p->truth == want
                ? emit_copy(e, in, out)
                : add(e, (struct step){.kind = STEP_NONE, .in = in, .out = out, .pred = p}) != NULL;
        break;
    case PRED_TERM:
        ok = emit_term(e, p, want, in, out);
        break;
    case PRED_IS:
        ok = emit_is(e, p, want, in, out);
        break;
    case PRED_LET:
        ok = emit_operands(e, p->let, p->n_let, in) && emit_pred(e, p->kids[0], want, in, out) &&
             release_all(e, p->let, p->n_let);
        break;
    case PRED_QUANTIFY:
        ok = emit_quantify(e, p, want, false, in, out, 0);
        break;
    case PRED_AND:
    case PRED_OR:
        if ((p->kind == PRED_AND) == (want == TRUE_))
            ok = emit_narrowing(e, p, want, in, out);
        else
            ok = emit_collecting(e, p, want, in, out);
        break;
    case PRED_NOT:
        break;
    }
    e->depth--;
    return ok;
}

/* AND: rows that one kid makes FALSE are decided and need not be looked at again; TRUE are those
 * that every kid makes TRUE. OR is the same with the truths exchanged. `deciding` and `other` are
 * the registers of the deciding truth and of the other one. */
static bool emit_both_junction(struct emitter *e, struct pred *p, uint32_t in, uint32_t yes,
                               uint32_t no) {
    bool and = p->kind == PRED_AND;
    uint32_t mark = e->next_register, rest = take_register(e), y = take_register(e),
             n = take_register(e);
    uint32_t deciding = and? no : yes, other = and? yes : no;
    bool ok = emit_copy(e, in, rest);
    for (uint32_t i = 0; ok && i < p->n_kids; i++) {
        if (i == 0) {
            ok = emit_both(e, p->kids[0], rest, yes, no) && add_minus(e, rest, deciding, rest);
            continue;
        }
        uint32_t kid_deciding = and? n : y, kid_other = and? y : n;
        ok = emit_both(e, p->kids[i], rest, y, n) && add_minus(e, rest, kid_deciding, rest) &&
             add_both(e, other, kid_other, take_register(e)) &&
             add_union(e, deciding, kid_deciding, deciding);
        e->next_register--;
    }
    e->next_register = mark;
    return ok;
}

static bool emit_both(struct emitter *e, struct pred *p, uint32_t in, uint32_t yes, uint32_t no) {
    bool ok = false;
    if (p->kind == PRED_NOT)
        return emit_both(e, p->kids[0], in, no, yes);
    e->depth++;
    switch (p->kind) {
    case PRED_CONST:
    case PRED_TERM:
        ok = emit_pred(e, p, TRUE_, in, yes) && emit_pred(e, p, FALSE_, in, no);
        break;
    case PRED_IS: /* two-valued */
        ok = emit_is(e, p, TRUE_, in, yes) && add_minus(e, in, yes, no);
        break;
    case PRED_LET:
        ok = emit_operands(e, p->let, p->n_let, in) && emit_both(e, p->kids[0], in, yes, no) &&
             release_all(e, p->let, p->n_let);
        break;
    case PRED_QUANTIFY:
        ok = emit_quantify(e, p, TRUE_, true, in, yes, no);
        break;
    case PRED_AND:
    case PRED_OR:
        ok = emit_both_junction(e, p, in, yes, no);
        break;
    case PRED_NOT:
        break;
    }
    e->depth--;
    return ok;
}

/* The scope's columns in their final order, with outer columns by their final numbers there. The n
 * - n_placed behind them are temporary. */
static struct column_source *place_columns(struct compiler *c, struct scope *s, uint32_t n) {
    struct column_source *columns = arena_array(c->arena, n, sizeof *columns);
    if (!columns)
        return compile_memory(c);
    for (uint32_t i = s->n_placed; i < n; i++)
        columns[i] = (struct column_source){.kind = COLUMN_TEMP};
    for (uint32_t i = 0; i < s->n; i++) {
        struct column_source source = s->columns[i];
        if (source.kind == COLUMN_TEMP)
            continue;
        if (source.kind == COLUMN_OUTER)
            source.outer = s->outer->place[source.outer];
        else if (source.kind == COLUMN_PATH && source.path.n > 0)
            source.root_hash =
                hash_bytes(hash_key(), source.path.steps[0].key.p, source.path.steps[0].key.n);
        columns[s->place[i]] = source;
    }
    return columns;
}

static bool build_fields(struct compiler *c, struct program *p) {
    struct path *paths = arena_array(c->arena, p->n_paths, sizeof *paths);
    if (!paths)
        return false;
    for (uint32_t i = 0; i < p->n_paths; i++)
        paths[i] = p->columns[i].path;
    return fields_build(&p->fields, c->arena, paths, p->n_paths);
}

struct program *emit(struct compiler *c, struct pred *pred, enum truth want, bool both,
                     struct scope *scope) {
    if (!scope_close(c, scope))
        return NULL;
    struct emitter e = {.c = c,
                        .scope = scope,
                        .n_columns = scope->n_placed,
                        .reason = "cheapest and most decisive first"};
    take_register(&e); /* 0: the input, and in the end the result */
    struct program *program = arena_new(c->arena, struct program);
    if (!program)
        return compile_memory(c);
    if (both) { /* results in 0 and 1, the input copied away first */
        uint32_t no = take_register(&e), in = take_register(&e);
        if (!emit_copy(&e, 0, in) || !emit_both(&e, pred, in, 0, no))
            return NULL;
    } else if (!emit_pred(&e, pred, want, 0, 0)) {
        return NULL;
    }
    if (!(program->columns = place_columns(c, scope, e.n_columns)))
        return NULL;
    program->n_columns = e.n_columns;
    program->n_paths = scope->n_paths;
    if (!build_fields(c, program))
        return compile_memory(c);
    program->n_shared = e.n_shared;
    program->n_args = e.n_args;
    program->both = both;
    program->steps = e.steps;
    program->n_steps = e.n;
    program->n_registers = e.n_registers;
    return program;
}

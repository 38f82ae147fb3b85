/* Who made a type mismatch: strict mode (QUERY.md T4). See program.h.
 *
 * Kernels only count. When a block's count has grown, its rows are halved until one is left, and
 * that row is run once more, watching each step. So a query without mismatches pays nothing for
 * being strict, and one with a mismatch pays for one block twice. */
#include "plan/program.h"
#include "query/query.h"

#include <stdio.h>

struct blame {
    const struct node *node; /* of the first step that counted; NULL: none yet */
    const struct print_scope *scope;
    char path[64];
    char operands[160]; /* "age" is a string */
    struct buf text;
    uint16_t rows[BLOCK_ROWS], one[BLOCK_ROWS];
};

/* Which types an operation is for; of several operands those are to blame that are none of them. */
static uint32_t wanted(const struct node *n) {
    const uint32_t numbers = SEEN(T_INT) | SEEN(T_UINT) | SEEN(T_DOUBLE);
    if (n->kind != NODE_CALL)
        return 0;
    switch (n->fn) {
    case FN_add:
    case FN_subtract:
    case FN_multiply:
    case FN_divide:
    case FN_modulo:
    case FN_mod:
    case FN_power:
    case FN_round:
        return numbers;
    case FN_bit_and:
    case FN_bit_or:
    case FN_shift_left:
    case FN_shift_right:
        return SEEN(T_INT) | SEEN(T_UINT);
    case FN_ts_add:
    case FN_date_part:
    case FN_date_trunc:
        return SEEN(T_TIMESTAMP);
    case FN_join:
    case FN_trim:
    case FN_ltrim:
    case FN_rtrim:
    case FN_replace:
    case FN_strpos:
    case FN_ip_in:
        return SEEN(T_STR);
    default:
        return 0;
    }
}

static void add_operand(struct run *r, const struct frame *f, uint32_t column, uint32_t row,
                        uint32_t good) {
    struct blame *blame = r->blame;
    const struct column_source *source = &f->program->columns[column];
    enum value_type type = f->block.columns[column].tag[row];
    if (type <= T_NULL || (good & SEEN(type)) || source->kind == COLUMN_CONST)
        return;
    blame->text.len = 0;
    if (source->kind == COLUMN_PATH) {
        bool inner = f != &r->frame;
        if (inner && f->scope.name.p)
            buf_add(&blame->text, f->scope.name.p, f->scope.name.n);
        else if (inner)
            buf_add_text(&blame->text, "element");
        if (inner && source->path.n > 0)
            buf_byte(&blame->text, '.');
        path_print(source->path, &blame->text);
    } else {
        buf_add_text(&blame->text, source->kind == COLUMN_OUTER ? "a field" : "a computed value");
    }
    char shown[64];
    error_text(shown, sizeof shown, (const char *)blame->text.data, blame->text.len);
    if (source->kind == COLUMN_PATH && !*blame->path)
        memcpy(blame->path, shown, sizeof shown);
    size_t n = strlen(blame->operands);
    const char *name = value_type_name(type);
    snprintf(blame->operands + n, sizeof blame->operands - n, "%s%s is %s %s", n > 0 ? ", " : "",
             shown, strchr("aeiou", *name) ? "an" : "a", name);
}

static void describe(struct run *r, const struct frame *f, const struct step *s, uint32_t row) {
    r->blame->node = s->compute ? s->compute->node : s->pred->node;
    r->blame->scope = f == &r->frame ? NULL : &f->scope;
    uint32_t good = wanted(r->blame->node);
    if (s->kind == STEP_COMPUTE) {
        for (uint32_t i = 0; i < s->compute->n_args; i++)
            if (s->args[i].column != NO_COLUMN)
                add_operand(r, f, s->args[i].column, row, good);
        return;
    }
    add_operand(r, f, s->x, row, good);
    if (s->kind == STEP_TERM && s->y != NO_COLUMN)
        add_operand(r, f, s->y, row, good);
}

/* The first of the n rows that makes step s count; rows of an inner block may be many. */
static uint32_t first_row(struct run *r, struct frame *f, const struct step *s,
                          const uint16_t *rows, uint32_t n) {
    uint16_t *in = f->registers[s->in], *out = f->registers[s->out];
    uint64_t before = r->mismatches;
    uint32_t count_in = f->counts[s->in], count_out = f->counts[s->out], found = rows[0];
    if (s->kind == STEP_QUANTIFY) {
        for (uint32_t i = 0; i < n; i++)
            if (f->block.columns[s->x].tag[rows[i]] > T_NULL &&
                f->block.columns[s->x].tag[rows[i]] != T_ARRAY)
                return rows[i];
        return found;
    }
    for (uint32_t i = 0; i < n && n > 1 && r->mismatches == before; i++) {
        found = rows[i];
        f->registers[s->in] = f->registers[s->out] = r->blame->one;
        r->blame->one[0] = rows[i];
        f->counts[s->in] = 1;
        if (s->kind == STEP_COMPUTE && s->compute->shared != NO_COLUMN)
            f->shared[s->compute->shared].n = 0; /* as if not done yet */
        run_step(r, f, s, NULL);
    }
    f->registers[s->in] = in;
    f->registers[s->out] = out;
    f->counts[s->in] = count_in;
    f->counts[s->out] = count_out;
    return found;
}

void run_step_blamed(struct run *r, struct frame *f, const struct step *s, uint32_t *quantifier) {
    uint32_t n = f->counts[s->in];
    uint64_t before = r->mismatches;
    bool counts = s->kind == STEP_TERM || s->kind == STEP_COMPUTE || s->kind == STEP_QUANTIFY;
    bool outer = f == &r->frame;
    uint16_t row = n > 0 ? f->registers[s->in][0] : 0;
    if (counts && !outer) /* the outermost frame has one row */
        memcpy(r->blame->rows, f->registers[s->in], n * sizeof row);
    run_step(r, f, s, quantifier);
    if (!counts || r->mismatches == before || r->blame->node)
        return;
    describe(r, f, s, outer ? row : first_row(r, f, s, r->blame->rows, n));
}

static bool has_mismatch(struct run *r, uint32_t from, uint32_t to) {
    uint64_t before = r->mismatches;
    frame_run_rows(r, &r->frame, from, to);
    return r->mismatches > before;
}

static uint32_t find_row(struct run *r) {
    uint32_t low = 0, high = r->frame.block.n;
    while (high - low > 1) {
        uint32_t mid = low + (high - low) / 2;
        if (has_mismatch(r, low, mid))
            high = mid;
        else
            low = mid;
    }
    return low;
}

uint32_t run_blame(struct run *r, uint64_t base, struct error *e) {
    uint64_t mismatches = r->mismatches, undefined = r->undefined;
    struct step_stats *stats = r->stats;
    r->stats = NULL;
    uint32_t row = find_row(r);
    struct blame *blame = arena_zero(&r->arena, sizeof *blame);
    if (blame) {
        buf_init(&blame->text, r->arena.budget);
        r->blame = blame;
        frame_run_rows(r, &r->frame, row, row + 1);
        r->blame = NULL;
    }
    if (blame && blame->node) {
        char condition[100];
        blame->text.len = 0;
        node_print(r->plan->query, blame->node, blame->scope, &blame->text);
        error_text(condition, sizeof condition, (const char *)blame->text.data, blame->text.len);
        error_set(e, E_TYPE_MISMATCH, "%s, in %s", blame->operands, condition);
        if (e && e->pos == ERROR_NONE) {
            e->pos = blame->node->pos;
            e->length = blame->node->length;
            memcpy(e->near_text, blame->path, sizeof blame->path);
        }
    } else {
        error_set(e, E_MEMORY, "a type mismatch, and no memory to say which");
    }
    if (e)
        e->row = base + row;
    if (blame)
        buf_done(&blame->text);
    frame_run(r, &r->frame); /* what the last run_block_filter found */
    r->stats = stats;
    r->mismatches = mismatches;
    r->undefined = undefined;
    return row;
}

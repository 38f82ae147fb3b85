/* Query tree -> computes: the values that are neither constant nor a field. See program.h, lower.h.
 *
 * A call with constant arguments is made now, and counts nothing. Equal calls of one scope are one
 * compute; only calls, since a CASE or a predicate is never worth the look. A shared column keeps
 * its room for the whole program, so there are at most SHARED_MOST of them. */
#include "plan/lower.h"

#define SHARED_MOST 64u

static struct compute *compute_new(struct compiler *c, enum compute_kind kind, const struct node *n,
                                   uint32_t n_args) {
    struct compute *k = arena_new(c->arena, struct compute);
    if (!k)
        return compile_memory(c);
    k->kind = kind;
    k->node = n;
    k->args = arena_array(c->arena, n_args, sizeof *k->args);
    k->n_args = n_args;
    k->uses = 1;
    k->shared = NO_COLUMN;
    return k->args ? k : compile_memory(c);
}

/* The operand that k computes, in a new column. */
static bool computed(struct compiler *c, struct scope *s, struct compute *k, struct operand *ret) {
    k->column = scope_add(c, s, (struct column_source){.kind = COLUMN_TEMP});
    *ret = (struct operand){.column = k->column, .from = k};
    return k->column != NO_COLUMN;
}

static void constant(struct operand *ret, struct value v) {
    if (v.type == T_MISSING) /* a value that was made is never missing (N3) */
        v = value_null();
    *ret = (struct operand){.column = NO_COLUMN, .is_const = true, .value = v};
}

bool operand_truth(struct compiler *c, const struct node *n, struct scope *s, struct operand *ret) {
    struct compute *k = compute_new(c, COMPUTE_TRUTH, n, 0);
    struct pred *p = k ? lower_node(c, n, s) : NULL;
    if (!p)
        return false;
    if (p->kind == PRED_CONST) {
        constant(ret, p->truth == UNKNOWN_ ? value_null() : value_bool(p->truth == TRUE_));
        return true;
    }
    k->preds = arena_new(c->arena, struct pred *);
    if (!k->preds)
        return compile_memory(c) != NULL;
    k->preds[0] = p;
    return computed(c, s, k, ret);
}

/* --- calls --- */

static bool is_word(enum value_type type) {
    return type == T_BOOL || type == T_INT || type == T_UINT || type == T_DOUBLE ||
           type == T_TIMESTAMP;
}

/* The same constant: what is equal but of another type is another argument. */
static bool same_value(struct value a, struct value b) {
    if (a.type != b.type || a.n != b.n)
        return false;
    if (a.type <= T_NULL)
        return true;
    return is_word(a.type) ? a.w.u == b.w.u : memcmp(a.w.p, b.w.p, a.n) == 0;
}

static uint64_t constant_hash(struct hash_key key, struct value v) {
    uint64_t h = hash_u64(key, (uint64_t)v.type << 32 | v.n);
    if (v.type <= T_NULL)
        return h;
    return hash_u64(key, h ^ (is_word(v.type) ? v.w.u : hash_bytes(key, v.w.p, v.n)));
}

static bool same_call(const struct compute *a, const struct compute *b) {
    if (a->function != b->function || a->n_args != b->n_args)
        return false;
    for (uint32_t i = 0; i < a->n_args; i++) {
        const struct operand *x = &a->args[i], *y = &b->args[i];
        if (x->is_const != y->is_const ||
            (x->is_const ? !same_value(x->value, y->value) : x->column != y->column))
            return false;
    }
    return true;
}

static uint64_t call_hash(const struct compute *k) {
    struct hash_key key = hash_key();
    uint64_t h = hash_u64(key, (uint64_t)(uintptr_t)k->function);
    for (uint32_t i = 0; i < k->n_args; i++)
        h = hash_u64(key, h ^ (k->args[i].is_const ? constant_hash(key, k->args[i].value)
                                                   : (uint64_t)k->args[i].column << 8));
    return h;
}

static struct compute **slot_of(struct scope *s, const struct compute *k) {
    uint64_t at = call_hash(k) & (s->computes_cap - 1);
    while (s->computes[at] && !same_call(s->computes[at], k))
        at = (at + 1) & (s->computes_cap - 1);
    return &s->computes[at];
}

/* Keeps the table at most half full. */
static bool grow(struct compiler *c, struct scope *s) {
    if (2 * (s->n_computes + 1) <= s->computes_cap)
        return true;
    struct compute **old = s->computes;
    uint32_t n = s->computes_cap;
    s->computes_cap = n ? 2 * n : 16;
    s->computes = arena_zero(c->arena, s->computes_cap * sizeof *s->computes);
    if (!s->computes)
        return compile_memory(c) != NULL;
    for (uint32_t i = 0; i < n; i++)
        if (old[i])
            *slot_of(s, old[i]) = old[i];
    return true;
}

/* The compute for k's call: one that is there, or k. */
static bool share(struct compiler *c, struct scope *s, struct compute *k, struct operand *ret) {
    if (!grow(c, s))
        return false;
    struct compute **slot = slot_of(s, k);
    struct compute *same = *slot;
    if (same && (same->uses > 1 || s->n_shared < SHARED_MOST)) {
        s->n_shared += same->uses == 1;
        same->uses++;
        *ret = (struct operand){.column = same->column, .from = same};
        return true;
    }
    if (!same)
        s->n_computes++;
    *slot = k;
    return computed(c, s, k, ret);
}

static bool fold(struct compiler *c, const struct compute *k, struct operand *ret) {
    uint64_t ignored = 0;
    struct call call = {.arena = c->arena, .mismatch = &ignored, .undefined = &ignored};
    struct value *values = arena_array(c->arena, k->n_args, sizeof *values);
    if (!values)
        return compile_memory(c) != NULL;
    for (uint32_t i = 0; i < k->n_args; i++)
        values[i] = k->args[i].value;
    constant(ret, k->function->run(&call, values, k->n_args));
    return !call.failed || compile_memory(c) != NULL;
}

bool operand_call(struct compiler *c, const struct node *n, struct scope *s, struct operand *ret) {
    struct compute *k = compute_new(c, COMPUTE_CALL, n, n->n_kids);
    if (!k || !operands_of(c, n, s, k->args, n->n_kids))
        return false;
    warn_word(c, n);
    meant_call(s, n, k->args);
    k->function = function_at(n->fn); /* both lists are functions.def */
    bool is_const = true;
    for (uint32_t i = 0; i < k->n_args; i++)
        is_const &= k->args[i].is_const;
    return is_const ? fold(c, k, ret) : share(c, s, k, ret);
}

/* --- CASE --- */

/* A branch's condition: a predicate, or for CASE x: x = value. */
static struct pred *lower_when(struct compiler *c, const struct node *n, struct scope *s,
                               const struct operand *of) {
    if (!of)
        return lower_node(c, n, s);
    struct operand value;
    if (!operand_of(c, n, s, &value))
        return NULL;
    return pred_with_operands(c, compare_operands(c, n, CMP_EQ, *of, value), &value, 1);
}

/* Branches that cannot be reached are looked at for errors, and left out. */
bool operand_case(struct compiler *c, const struct node *n, struct scope *s, struct operand *ret) {
    uint32_t first = n->kind == NODE_CASE_OF, most = (n->n_kids - first) / 2, kept = 0;
    struct compute *k = compute_new(c, COMPUTE_CASE, n, most + 1);
    struct operand value, otherwise;
    bool decided = false;
    if (!k || (first == 1 && !operand_of(c, n->kids[0], s, &k->of)))
        return false;
    k->preds = arena_array(c->arena, most, sizeof *k->preds);
    if (!k->preds)
        return compile_memory(c) != NULL;
    for (uint32_t i = first; i + 1 < n->n_kids; i += 2) {
        struct pred *when = lower_when(c, n->kids[i], s, first == 1 ? &k->of : NULL);
        if (!when || !operand_of(c, n->kids[i + 1], s, &value))
            return false;
        if (decided || (when->kind == PRED_CONST && when->truth != TRUE_))
            continue;
        if (when->kind == PRED_CONST) {
            decided = true;
            otherwise = value;
            continue;
        }
        k->preds[kept] = when;
        k->args[kept++] = value;
    }
    if (!operand_of(c, n->kids[n->n_kids - 1], s, &value))
        return false;
    if (!decided)
        otherwise = value;
    if (kept == 0 && otherwise.is_const) {
        constant(ret, otherwise.value);
        return true;
    }
    k->args[kept] = otherwise;
    k->n_args = kept + 1;
    return computed(c, s, k, ret);
}

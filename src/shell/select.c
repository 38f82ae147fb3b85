/* See select.h. The paths are read by the parser of queries, as the arguments of a call: so they
 * mean what they mean there. */
#include "shell/select.h"

#define HEAD          "coalesce("
#define TAIL          ") = 0"
#define SELECTED_MOST 8192u

static bool is_list_of_paths(const struct node *root) {
    if (root->kind != NODE_OP || root->op != OP_EQ || root->kids[1]->kind != NODE_LITERAL)
        return false;
    const struct node *call = root->kids[0];
    if (call->kind != NODE_CALL || call->fn != FN_coalesce)
        return false;
    for (uint32_t i = 0; i < call->n_kids; i++)
        if (call->kids[i]->kind != NODE_PATH)
            return false;
    return true;
}

static bool copy_path(struct arena *a, struct path from, struct path *ret) {
    struct path_step *steps = arena_array(a, from.n, sizeof *steps);
    for (uint32_t i = 0; steps && i < from.n; i++) {
        steps[i] = from.steps[i];
        if (!steps[i].key.p)
            continue;
        steps[i].key.p = arena_copy(a, steps[i].key.p, steps[i].key.n);
        if (!steps[i].key.p)
            return false;
    }
    *ret = (struct path){steps, from.n};
    return steps != NULL;
}

/* The name of a column: the path as text, but a single key as it is. */
static bool name_of(struct arena *a, struct path path, struct str *ret) {
    struct buf b = {0};
    if (path.n == 1)
        *ret = path.steps[0].key;
    else
        path_print(path, &b);
    bool good = !buf_failed(&b);
    if (good && path.n != 1) {
        *ret = (struct str){arena_copy(a, b.data, b.len), b.len};
        good = ret->p != NULL;
    }
    buf_done(&b);
    return good;
}

static enum status add_paths(struct selection *s, const struct node *call, struct arena *a,
                             struct error *e) {
    struct path *paths = arena_array(a, call->n_kids, sizeof *paths);
    struct str *names = arena_array(a, call->n_kids, sizeof *names);
    if (!paths || !names)
        return error_set(e, E_MEMORY, "out of memory");
    for (uint32_t i = 0; i < call->n_kids; i++) {
        if (!copy_path(a, call->kids[i]->path, &paths[i]) || !name_of(a, paths[i], &names[i]))
            return error_set(e, E_MEMORY, "out of memory");
        for (uint32_t k = 0; k < i; k++)
            if (path_eq(paths[k], paths[i]))
                return error_set(e, E_BAD_OPTION, "\"%.*s\" is there twice", (int)names[i].n,
                                 names[i].p);
    }
    *s = (struct selection){paths, names, call->n_kids};
    return E_OK;
}

enum status selection_parse(struct selection *s, struct str text, struct arena *a,
                            struct error *e) {
    const size_t head = sizeof HEAD - 1;
    struct limits limits;
    struct query q = {0};
    struct buf b = {0};
    if (strspn(text.p, " \t\n") == text.n)
        return error_set(e, E_BAD_OPTION, "no field is named");
    limits_default(&limits);
    limits.query_bytes += sizeof HEAD TAIL;
    limits.query_nodes = SELECTED_MOST;
    buf_add_text(&b, HEAD);
    buf_add(&b, text.p, text.n);
    buf_add_text(&b, TAIL);
    enum status status = buf_failed(&b) ? error_set(e, E_MEMORY, "out of memory")
                                        : query_parse(&q, (struct str){(const char *)b.data, b.len},
                                                      &limits, NULL, e);
    if (status == E_OK)
        status = is_list_of_paths(q.root)
                     ? add_paths(s, q.root->kids[0], a, e)
                     : error_set(e, E_BAD_OPTION,
                                 "\"%.*s\" is not a list of fields with commas between them",
                                 (int)(text.n < 80 ? text.n : 80), text.p);
    if (e->pos != ERROR_NONE && e->pos - head >= text.n && status == E_SYNTAX) {
        error_clear(e);
        error_set(e, status, "expected a field at the end");
        e->pos = text.n;
        e->length = 1;
    } else if (e->pos != ERROR_NONE) {
        e->pos = e->pos < head ? 0 : e->pos - head;
    }
    query_done(&q);
    buf_done(&b);
    return status;
}

/* See answer.h. A map is read by a table of its keys: where the value goes, and as what. */
#include "wire/answer.h"

#include <stdio.h>

#define DEPTH 64u /* of what a daemon nests in a reply */

enum status answer_read(struct message *m, const uint8_t *p, size_t n, struct error *e) {
    return message_read_reply(m, p, n, DEPTH, e);
}

static enum status bad(struct error *e, const struct message *m) {
    return error_set(e, E_BAD_MESSAGE, "a reply of kind %s that is not what the protocol says",
                     message_name(m->kind));
}

/* --- maps --- */

enum target_type { TARGET_NUMBER, TARGET_BOOL, TARGET_TEXT, TARGET_VALUE };

struct target {
    const char *key;
    enum target_type type;
    void *to;
    size_t room; /* TARGET_TEXT: bytes there */
};

static bool is_number(struct value v) {
    return v.type == T_UINT || (v.type == T_INT && v.w.i >= 0);
}

/* False: not of that type. */
static bool put(const struct target *t, struct value v) {
    switch (t->type) {
    case TARGET_NUMBER:
        if (is_number(v))
            *(uint64_t *)t->to = v.w.u;
        return is_number(v);
    case TARGET_BOOL:
        if (v.type == T_BOOL)
            *(bool *)t->to = v.w.i != 0;
        return v.type == T_BOOL;
    case TARGET_TEXT:
        if (v.type == T_STR)
            error_text(t->to, t->room, (const char *)v.w.p, v.n);
        return v.type == T_STR;
    case TARGET_VALUE:
        *(struct value *)t->to = v;
        return true;
    }
    return false;
}

/* False: no map, or a value of a wrong type. */
static bool read_map(struct mp_reader *r, const struct target *targets, size_t n_targets) {
    uint32_t n = mp_read_map(r);
    bool good = true;
    for (uint32_t i = 0; i < n && good; i++) {
        struct value key = mp_read_value(r), v = mp_read_value(r);
        for (size_t k = 0; k < n_targets && key.type == T_STR && r->status == E_OK; k++)
            if (str_is(value_as_str(key), targets[k].key))
                good = put(&targets[k], v);
    }
    return good && r->status == E_OK;
}

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* --- the replies --- */

enum status answer_error(struct message *m, struct error *ret, struct error *e) {
    uint64_t code = 0;
    error_clear(ret);
    const struct target targets[] = {
        {"code", TARGET_NUMBER, &code, 0},
        {"message", TARGET_TEXT, ret->message, sizeof ret->message},
        {"near", TARGET_TEXT, ret->near_text, sizeof ret->near_text},
        {"suggestion", TARGET_TEXT, ret->suggestion, sizeof ret->suggestion},
        {"pos", TARGET_NUMBER, &ret->pos, 0},
        {"length", TARGET_NUMBER, &ret->length, 0},
        {"row", TARGET_NUMBER, &ret->row, 0},
        {"offset", TARGET_NUMBER, &ret->offset, 0},
        {"limit", TARGET_NUMBER, &ret->limit, 0},
        {"actual", TARGET_NUMBER, &ret->actual, 0},
    };
    if (!read_map(&m->r, targets, COUNT(targets)) || code == 0)
        return bad(e, m);
    ret->status = E_INTERNAL;
    switch (code) {
#define X(name, number, kind, text)                                                                \
    case number:                                                                                   \
        ret->status = E_##name;                                                                    \
        break;
#include "errors.def"
#undef X
    default:
        break;
    }
    if (!*ret->message)
        snprintf(ret->message, sizeof ret->message, "%s", status_text(ret->status));
    return E_OK;
}

enum status answer_result(struct message *m, struct answer_result *ret, struct error *e) {
    struct value kind = mp_read_value(&m->r), base = mp_read_value(&m->r),
                 rows = mp_read_value(&m->r), data = mp_read_value(&m->r);
    if (m->r.status != E_OK || kind.type != T_STR || !is_number(base) || !is_number(rows) ||
        rows.w.u > UINT32_MAX || data.type != T_BIN)
        return bad(e, m);
    *ret =
        (struct answer_result){value_as_str(kind), base.w.u, (uint32_t)rows.w.u, data.w.p, data.n};
    return E_OK;
}

static bool read_warnings(struct value list, struct warning *ret, uint32_t *ret_n) {
    struct mp_reader r;
    uint32_t n;
    *ret_n = 0;
    if (list.type == T_MISSING)
        return true;
    if (list.type != T_ARRAY)
        return false;
    mp_enter(&r, list, &n);
    for (uint32_t i = 0; i < n && *ret_n < WARNINGS_MOST; i++) {
        struct warning *w = &ret[*ret_n];
        uint64_t code = 0;
        *w = (struct warning){.pos = ERROR_NONE};
        const struct target targets[] = {
            {"code", TARGET_NUMBER, &code, 0},
            {"pos", TARGET_NUMBER, &w->pos, 0},
            {"length", TARGET_NUMBER, &w->length, 0},
            {"near", TARGET_TEXT, w->near_text, sizeof w->near_text},
            {"suggestion", TARGET_TEXT, w->suggestion, sizeof w->suggestion},
        };
        if (!read_map(&r, targets, COUNT(targets)))
            return false;
        switch (code) { /* one that is not known here has no text */
#define X(name, number, text) case number:
#include "warnings.def"
#undef X
            w->code = (enum warning_code)code;
            ++*ret_n;
            break;
        default:
            break;
        }
    }
    return true;
}

/* [how many, offset...] */
static bool read_skipped(struct value list, struct answer_done *ret) {
    struct mp_reader r;
    uint32_t n;
    if (list.type == T_MISSING)
        return true;
    if (list.type != T_ARRAY)
        return false;
    mp_enter(&r, list, &n);
    for (uint32_t i = 0; i < n && i <= ANSWER_SKIPPED_MOST; i++) {
        struct value v = mp_read_value(&r);
        if (!is_number(v))
            return false;
        if (i == 0)
            ret->skipped = v.w.u;
        else
            ret->skipped_at[ret->n_skipped_at++] = v.w.u;
    }
    return n > 0;
}

enum status answer_done(struct message *m, struct answer_done *ret, struct error *e) {
    struct value skipped = value_missing(), warnings = value_missing();
    *ret = (struct answer_done){0};
    const struct target targets[] = {
        {"rows", TARGET_NUMBER, &ret->rows, 0},
        {"matched", TARGET_NUMBER, &ret->matched, 0},
        {"type_mismatch", TARGET_NUMBER, &ret->type_mismatch, 0},
        {"undefined", TARGET_NUMBER, &ret->undefined, 0},
        {"bytes", TARGET_NUMBER, &ret->bytes, 0},
        {"unfit", TARGET_NUMBER, &ret->unfit, 0},
        {"limit_reached", TARGET_BOOL, &ret->limit_reached, 0},
        {"skipped", TARGET_VALUE, &skipped, 0},
        {"warnings", TARGET_VALUE, &warnings, 0},
    };
    bool good = read_map(&m->r, targets, COUNT(targets)) && read_skipped(skipped, ret) &&
                read_warnings(warnings, ret->warnings, &ret->n_warnings);
    return good ? E_OK : bad(e, m);
}

enum status answer_explained(struct message *m, struct answer_explained *ret, struct error *e) {
    struct value plan = value_missing(), warnings = value_missing();
    const struct target targets[] = {
        {"plan", TARGET_VALUE, &plan, 0},
        {"warnings", TARGET_VALUE, &warnings, 0},
    };
    if (!read_map(&m->r, targets, COUNT(targets)) || plan.type != T_STR ||
        !read_warnings(warnings, ret->warnings, &ret->n_warnings))
        return bad(e, m);
    ret->plan = value_as_str(plan);
    return E_OK;
}

enum status answer_welcome(struct message *m, struct answer_welcome *ret, struct error *e) {
    struct value limits = value_missing();
    *ret = (struct answer_welcome){.capabilities = value_missing()};
    const struct target targets[] = {
        {"version", TARGET_NUMBER, &ret->version, 0},
        {"capabilities", TARGET_VALUE, &ret->capabilities, 0},
        {"limits", TARGET_VALUE, &limits, 0},
    };
    const struct target of_limits[] = {
        {"frame_bytes", TARGET_NUMBER, &ret->frame_bytes, 0},
        {"row_bytes", TARGET_NUMBER, &ret->row_bytes, 0},
        {"stall_ms", TARGET_NUMBER, &ret->stall_ms, 0},
    };
    if (!read_map(&m->r, targets, COUNT(targets)))
        return bad(e, m);
    struct mp_reader r;
    if (limits.type == T_MAP) {
        mp_reader_init(&r, limits.w.p, limits.n, DEPTH);
        if (!read_map(&r, of_limits, COUNT(of_limits)))
            return bad(e, m);
    }
    return ret->capabilities.type == T_ARRAY || ret->capabilities.type == T_MISSING ? E_OK
                                                                                    : bad(e, m);
}

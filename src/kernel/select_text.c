/* Kernels for STARTS_WITH, ENDS_WITH, CONTAINS, LIKE and ILIKE. Anything that is no string is
 * UNKNOWN (QUERY.md K5), null silently, other types counted. */
#include "kernel/loop_rows.h"
#include "kernel/text.h"

enum text { TEXT_STARTS, TEXT_ENDS, TEXT_CONTAINS, TEXT_LIKE, TEXT_ILIKE };

INLINE bool holds(enum text text, struct str x, struct str y) {
    switch (text) {
    case TEXT_STARTS:
        return x.n >= y.n && bytes_same(x.p, y.p, y.n);
    case TEXT_ENDS:
        return x.n >= y.n && bytes_same(x.p + (x.n - y.n), y.p, y.n);
    default:
        return bytes_find((const uint8_t *)x.p, x.n, (const uint8_t *)y.p, y.n) != NULL;
    }
}

INLINE bool text_str(const struct sel_args *a, uint32_t row, int text, enum truth want) {
    const struct column *x = a->x;
    bool t =
        text == TEXT_LIKE || text == TEXT_ILIKE
            ? like_match(a->term->like, x->word[row].p, x->len[row], a->stop)
            : holds((enum text)text, value_as_str(column_get(x, row)), value_as_str(a->term->k));
    return t == (want == TRUE_);
}

INLINE bool text_any(const struct sel_args *a, uint32_t row, int text, enum truth want) {
    uint8_t tag = a->x->tag[row];
    if (tag == T_STR)
        return text_str(a, row, text, want);
    *a->mismatch += tag > T_NULL;
    return false;
}

/* The pattern comes from the row too. A malformed one is UNKNOWN and counted (K3). */
INLINE bool text_columns(const struct sel_args *a, uint32_t row, int text, enum truth want) {
    struct value x = column_get(a->x, row), y = column_get(a->y, row);
    if (value_is_null(x) || value_is_null(y))
        return false;
    bool match = false;
    if (x.type != T_STR || y.type != T_STR) {
        ++*a->mismatch;
        return false;
    }
    if (text != TEXT_LIKE && text != TEXT_ILIKE)
        match = holds((enum text)text, value_as_str(x), value_as_str(y));
    else if (like_match_once(value_as_str(y), a->term->escape, text == TEXT_ILIKE, x.w.p, x.n,
                             a->stop, &match) != E_OK) {
        ++*a->mismatch;
        return false;
    }
    return match == (want == TRUE_);
}

#define X(name, TEXT)                                                                              \
    uint32_t sel_##name##_str(ARGS) {                                                              \
        return rows_loop(a, in, n, out, text_str, TEXT_##TEXT, TRUE_);                             \
    }                                                                                              \
    uint32_t sel_not_##name##_str(ARGS) {                                                          \
        return rows_loop(a, in, n, out, text_str, TEXT_##TEXT, FALSE_);                            \
    }                                                                                              \
    uint32_t sel_##name##_any(ARGS) {                                                              \
        return rows_loop(a, in, n, out, text_any, TEXT_##TEXT, TRUE_);                             \
    }                                                                                              \
    uint32_t sel_not_##name##_any(ARGS) {                                                          \
        return rows_loop(a, in, n, out, text_any, TEXT_##TEXT, FALSE_);                            \
    }                                                                                              \
    uint32_t sel_##name##_any_any(ARGS) {                                                          \
        return rows_loop(a, in, n, out, text_columns, TEXT_##TEXT, TRUE_);                         \
    }                                                                                              \
    uint32_t sel_not_##name##_any_any(ARGS) {                                                      \
        return rows_loop(a, in, n, out, text_columns, TEXT_##TEXT, FALSE_);                        \
    }
TEXTS(X)
#undef X

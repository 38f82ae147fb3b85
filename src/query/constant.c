/* See constant.h. */
#include "constant.h"

#include "base/utf8.h"
#include "literal.h"

#include <math.h>

static struct value canonical_scalar(struct value v) {
    return value_is_nan(v) ? value_double(NAN) : v;
}

/* Copies an array or map, header by header. Open levels are counted on a stack of what is left. */
static bool copy_nested(struct mp_reader *r, uint32_t depth_limit, struct buf *out,
                        uint32_t *ret_depth) {
    uint64_t left[MP_DEPTH_MOST];
    uint32_t depth = 0;
    if (depth_limit > MP_DEPTH_MOST)
        depth_limit = MP_DEPTH_MOST;
    *ret_depth = 0;
    do {
        enum value_type type = mp_peek(r);
        if (type != T_ARRAY && type != T_MAP) {
            mp_write_value(out, canonical_scalar(mp_read_value(r)));
            left[depth - 1]--;
        } else {
            if (depth == depth_limit) {
                r->status = E_ROW_TOO_DEEP;
                r->fault = r->p;
                return false;
            }
            if (depth > 0)
                left[depth - 1]--;
            uint32_t n = type == T_ARRAY ? mp_read_array(r) : mp_read_map(r);
            if (type == T_ARRAY)
                mp_write_array(out, n);
            else
                mp_write_map(out, n);
            left[depth++] = (uint64_t)n * (type == T_MAP ? 2 : 1);
            if (depth > *ret_depth)
                *ret_depth = depth;
        }
        if (r->status != E_OK || buf_failed(out))
            return false;
        while (depth > 0 && left[depth - 1] == 0)
            depth--;
    } while (depth > 0);
    return true;
}

bool constant_read(struct build *b, struct mp_reader *r, uint32_t depth_limit, struct value *ret,
                   uint32_t *ret_depth) {
    enum value_type type = mp_peek(r);
    *ret_depth = 0;
    if (type != T_ARRAY && type != T_MAP) {
        *ret = canonical_scalar(mp_read_value(r));
        return r->status == E_OK;
    }
    struct buf out = {.budget = b->kids.budget};
    bool ok = copy_nested(r, depth_limit, &out, ret_depth);
    const void *copy = ok ? arena_copy(&b->q->arena, out.data, out.len) : NULL;
    if ((ok && !copy) || buf_failed(&out))
        build_no_memory(b);
    *ret = value_bytes(type, copy, (uint32_t)out.len);
    buf_done(&out);
    return copy != NULL;
}

/* --- text --- */

static void put_quoted(struct buf *out, char quote, struct str s) {
    buf_byte(out, (uint8_t)quote);
    while (s.n > 0) {
        const char *q = memchr(s.p, quote, s.n);
        size_t n = q ? (size_t)(q - s.p) + 1 : s.n;
        buf_add(out, s.p, n);
        if (q)
            buf_byte(out, (uint8_t)quote);
        s.p += n;
        s.n -= n;
    }
    buf_byte(out, (uint8_t)quote);
}

static bool is_utf8(struct str s) { return utf8_check((const uint8_t *)s.p, s.n) == s.n; }

void name_print(struct str name, bool plain, struct buf *out) {
    if (plain) {
        buf_add(out, name.p, name.n);
    } else if (is_utf8(name)) {
        put_quoted(out, '"', name);
    } else {
        buf_add_text(out, "X\"");
        put_hex(out, name);
        buf_byte(out, '"');
    }
}

static void put_binary(struct buf *out, const char *head, struct str bytes, const char *tail) {
    buf_add_text(out, head);
    put_hex(out, bytes);
    buf_add_text(out, tail);
}

static void put_scalar(struct value v, struct buf *out) {
    struct str s = value_as_str(v);
    switch ((enum value_type)v.type) {
    case T_MISSING:
    case T_NULL:
    case T_ARRAY:
    case T_MAP:
    case T_COUNT:
        buf_add_text(out, "NULL");
        break;
    case T_BOOL:
        buf_add_text(out, v.w.i ? "TRUE" : "FALSE");
        break;
    case T_INT:
        buf_printf(out, "%lld", (long long)v.w.i);
        break;
    case T_UINT:
        buf_printf(out, "%llu", (unsigned long long)v.w.u);
        break;
    case T_DOUBLE:
        put_double(out, v.w.d);
        break;
    case T_STR:
        if (is_utf8(s))
            put_quoted(out, '\'', s);
        else
            put_binary(out, "STR X'", s, "'");
        break;
    case T_BIN:
        put_binary(out, "X'", s, "'");
        break;
    case T_TIMESTAMP:
        put_timestamp(out, v);
        break;
    case T_EXT:
        buf_printf(out, "EXT(%d, ", (int)(int8_t)s.p[0]);
        put_binary(out, "X'", (struct str){s.p + 1, s.n - 1}, "')");
        break;
    }
}

/* Recursive over the levels of a checked constant: at most MP_DEPTH_MOST. */
static void put_next(struct mp_reader *r, struct buf *out) {
    enum value_type type = mp_peek(r);
    if (type != T_ARRAY && type != T_MAP) {
        put_scalar(mp_read_value(r), out);
        return;
    }
    uint32_t n = type == T_ARRAY ? mp_read_array(r) : mp_read_map(r);
    buf_byte(out, type == T_ARRAY ? '[' : '{');
    for (uint32_t i = 0; i < n && !buf_failed(out); i++) {
        if (i > 0)
            buf_add_text(out, ", ");
        put_next(r, out);
        if (type == T_MAP) {
            buf_add_text(out, ": ");
            put_next(r, out);
        }
    }
    buf_byte(out, type == T_ARRAY ? ']' : '}');
}

void constant_print(struct value v, struct buf *out) {
    if (v.type != T_ARRAY && v.type != T_MAP) {
        put_scalar(v, out);
        return;
    }
    struct mp_reader r;
    mp_reader_init(&r, v.w.p, v.n, MP_DEPTH_MOST);
    put_next(&r, out);
}

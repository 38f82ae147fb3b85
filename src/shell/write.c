/* See write.h. */
#include "shell/write.h"

#include "kernel/double_text.h"
#include "value/calendar.h"
#include "value/mp.h"

#include <inttypes.h>
#include <math.h>

static void add_base64(struct buf *out, const uint8_t *p, size_t n) {
    static const char LETTERS[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n; i += 3) {
        uint32_t bits = (uint32_t)p[i] << 16;
        bits |= i + 1 < n ? (uint32_t)p[i + 1] << 8 : 0;
        bits |= i + 2 < n ? p[i + 2] : 0;
        buf_byte(out, (uint8_t)LETTERS[bits >> 18]);
        buf_byte(out, (uint8_t)LETTERS[bits >> 12 & 63]);
        buf_byte(out, i + 1 < n ? (uint8_t)LETTERS[bits >> 6 & 63] : '=');
        buf_byte(out, i + 2 < n ? (uint8_t)LETTERS[bits & 63] : '=');
    }
}

static void add_timestamp(struct buf *out, struct value v) {
    char text[CALENDAR_TEXT_BYTES];
    size_t n = calendar_write(text, v);
    if (n > 0)
        buf_add(out, text, n);
    else
        buf_printf(out, "%" PRId64 ".%09" PRIu32, v.w.i, v.n);
}

static void add_double(struct buf *out, double d) {
    char text[DOUBLE_TEXT_BYTES];
    size_t n = double_write(text, d);
    buf_add(out, text, n);
    if (n == 0)
        out->failed = true;
}

void write_json_string(struct buf *out, struct str s) {
    size_t from = 0;
    buf_byte(out, '"');
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        buf_add(out, s.p + from, i - from);
        from = i + 1;
        const char *known = c ? strchr("\"\"\\\\\nn\rr\tt\bb\ff", c) : NULL;
        if (known)
            buf_byte(out, '\\'), buf_byte(out, (uint8_t)(c == '"' || c == '\\' ? c : known[1]));
        else
            buf_printf(out, "\\u%04x", c);
    }
    buf_add(out, s.p + from, s.n - from);
    buf_byte(out, '"');
}

static void write_key(struct buf *out, struct value key) {
    if (key.type == T_STR) {
        write_json_string(out, value_as_str(key));
        return;
    }
    struct buf text = {0};
    write_json(&text, key);
    if (buf_failed(&text))
        out->failed = true;
    else
        write_json_string(out, (struct str){(const char *)text.data, text.len});
    buf_done(&text);
}

static void write_container(struct buf *out, struct value v) {
    struct mp_reader r;
    uint32_t n;
    bool map = v.type == T_MAP;
    mp_enter(&r, v, &n);
    buf_byte(out, map ? '{' : '[');
    for (uint32_t i = 0; i < n; i++) {
        if (i > 0)
            buf_byte(out, ',');
        if (map) {
            write_key(out, mp_read_value(&r));
            buf_byte(out, ':');
        }
        write_json(out, mp_read_value(&r));
    }
    buf_byte(out, map ? '}' : ']');
}

void write_json(struct buf *out, struct value v) {
    switch ((enum value_type)v.type) {
    case T_BOOL:
        buf_add_text(out, v.w.i ? "true" : "false");
        return;
    case T_INT:
        buf_printf(out, "%" PRId64, v.w.i);
        return;
    case T_UINT:
        buf_printf(out, "%" PRIu64, v.w.u);
        return;
    case T_DOUBLE:
        if (isfinite(v.w.d))
            add_double(out, v.w.d);
        else
            buf_add_text(out, "null");
        return;
    case T_STR:
        write_json_string(out, value_as_str(v));
        return;
    case T_ARRAY:
    case T_MAP:
        write_container(out, v);
        return;
    case T_TIMESTAMP:
    case T_BIN:
        buf_byte(out, '"');
        if (v.type == T_BIN)
            add_base64(out, v.w.p, v.n);
        else
            add_timestamp(out, v);
        buf_byte(out, '"');
        return;
    case T_EXT:
        buf_printf(out, "{\"ext\":%d,\"data\":\"", (int)(int8_t)v.w.p[0]);
        add_base64(out, v.w.p + 1, v.n - 1);
        buf_add_text(out, "\"}");
        return;
    default:
        buf_add_text(out, "null");
    }
}

static void add_quoted(struct buf *out, struct str s) {
    size_t from = 0;
    buf_byte(out, '"');
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == '"') {
            buf_add(out, s.p + from, i + 1 - from);
            from = i; /* once more */
        }
    buf_add(out, s.p + from, s.n - from);
    buf_byte(out, '"');
}

static void add_cell(struct buf *out, struct str s, uint8_t delimiter, bool alone) {
    bool plain = s.n > 0 || !alone;
    for (size_t i = 0; i < s.n && plain; i++)
        plain = s.p[i] != '"' && s.p[i] != '\n' && s.p[i] != '\r' && (uint8_t)s.p[i] != delimiter;
    if (plain)
        buf_add(out, s.p, s.n);
    else
        add_quoted(out, s);
}

void write_cell(struct buf *out, struct value v, uint8_t delimiter, bool alone) {
    struct buf text = {0};
    if (v.type <= T_NULL || v.type == T_STR) {
        add_cell(out, v.type == T_STR ? value_as_str(v) : (struct str){"", 0}, delimiter, alone);
        return;
    }
    if (v.type == T_DOUBLE)
        add_double(&text, v.w.d);
    else if (v.type == T_TIMESTAMP)
        add_timestamp(&text, v);
    else if (v.type == T_BIN)
        add_base64(&text, v.w.p, v.n);
    else
        write_json(&text, v);
    add_cell(out, (struct str){(const char *)text.data, text.len}, delimiter, alone);
    out->failed |= text.failed;
    buf_done(&text);
}

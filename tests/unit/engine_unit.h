/* What the tests of the engine share: messages written as text, and sources opened over them.
 *
 * Text to msgpack: JSON with [..] {..} "..", nil, true, false, integers and numbers with a point;
 * further #00ff for bin, !c1 for raw bytes, and ^ to remember the position in the message (also
 * between raw bytes). A ! item counts as one element. */
#ifndef TAMIS_TESTS_ENGINE_UNIT_H
#define TAMIS_TESTS_ENGINE_UNIT_H

#include "engine/source.h"
#include "plan/plan.h"

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

static struct limits limits;

#define NO_MARK SIZE_MAX

static inline const char *text_bytes(const char *p, struct buf *out, size_t *mark) {
    for (;; p++) {
        unsigned byte;
        int used;
        if (*p == '^') {
            *mark = out->len;
        } else if (sscanf(p, "%2x%n", &byte, &used) == 1 && used == 2) {
            buf_byte(out, (uint8_t)byte);
            p++;
        } else {
            return p;
        }
    }
}

static inline const char *text_blank(const char *p) { return p + strspn(p, " ,:\n"); }

static inline const char *text_item(const char *p, struct buf *out, size_t *mark);

static inline const char *text_container(const char *p, struct buf *out, size_t *mark) {
    struct buf scratch = {0};
    char close = *p == '[' ? ']' : '}';
    uint32_t n = 0;
    size_t ignored = NO_MARK;
    for (const char *q = text_blank(p + 1); *q != close; n++)
        q = text_blank(text_item(q, &scratch, &ignored));
    buf_done(&scratch);
    if (close == ']')
        mp_write_array(out, n);
    else
        mp_write_map(out, n / 2);
    for (p = text_blank(p + 1); *p != close;)
        p = text_blank(text_item(p, out, mark));
    return p + 1;
}

static inline const char *text_item(const char *p, struct buf *out, size_t *mark) {
    p = text_blank(p);
    assert_true(*p != '\0');
    if (*p == '^') {
        *mark = out->len;
        return text_item(p + 1, out, mark);
    }
    if (*p == '"') {
        size_t n = strcspn(p + 1, "\"");
        mp_write_str(out, p + 1, n);
        return p + n + 2;
    }
    if (*p == '[' || *p == '{')
        return text_container(p, out, mark);
    if (*p == '!')
        return text_bytes(p + 1, out, mark);
    if (*p == '#') {
        struct buf bytes = {0};
        p = text_bytes(p + 1, &bytes, mark);
        mp_write_bin(out, bytes.data, bytes.len);
        buf_done(&bytes);
        return p;
    }
    size_t n = strcspn(p, " ,:]}");
    if (strncmp(p, "nil", n) == 0)
        mp_write_nil(out);
    else if (*p == 't' || *p == 'f')
        mp_write_bool(out, *p == 't');
    else if (memchr(p, '.', n))
        mp_write_double(out, strtod(p, NULL));
    else
        mp_write_int(out, strtoll(p, NULL, 10));
    return p + n;
}

/* Text with ' for ", which is easier to read in C. */
static inline void with_quotes(const char *text, char *out, size_t size) {
    assert_true(strlen(text) < size);
    for (; *text; text++)
        *out++ = (char)(*text == '\'' ? '"' : *text);
    *out = '\0';
}

/* A request as it would come: [2, 1, payload]; *ret_at is where the payload begins. */
static inline void message_of(const char *payload, struct buf *out, size_t *ret_at,
                              size_t *ret_mark) {
    *ret_mark = NO_MARK;
    *out = (struct buf){0};
    buf_add(out, "\x93\x02\x01", 3);
    *ret_at = out->len;
    payload = text_item(payload, out, ret_mark);
    if (*(payload = text_blank(payload)) != '\0') /* what is too much */
        text_item(payload, out, ret_mark);
    assert_false(buf_failed(out));
}

/* --- sources --- */

struct opened {
    struct query query; /* names the fields */
    struct arena arena;
    struct fields fields;
    struct scanner scanner;
    struct source source;
    struct block block;
    struct error error;
};

/* The fields are the paths of a query's text, in order of appearance. */
static inline enum status open_source(struct opened *o, const char *fields, const uint8_t *message,
                                      size_t at, size_t n, const struct limits *l) {
    const struct path *paths;
    uint32_t n_paths;
    *o = (struct opened){0};
    error_clear(&o->error);
    assert_int_equal(query_parse(&o->query, str_of(fields), &limits, NULL, NULL), E_OK);
    arena_init(&o->arena, NULL);
    assert_true(query_fields(&o->query, &o->arena, &paths, &n_paths));
    assert_true(fields_build(&o->fields, &o->arena, paths, n_paths));
    assert_true(scanner_init(&o->scanner, &o->arena, &o->fields, (uint32_t)l->row_depth,
                             (uint32_t)l->row_fields));
    assert_true(block_init(&o->block, n_paths, true, NULL));
    return source_open(&o->source, message, at, n, 1000, &o->scanner, NULL, NULL, l, &o->arena,
                       &o->error);
}

static inline void opened_done(struct opened *o) {
    block_done(&o->block);
    arena_done(&o->arena);
    query_done(&o->query);
}

static inline void show_value(struct value v, struct buf *out) {
    switch ((enum value_type)v.type) {
    case T_MISSING:
        buf_add_text(out, "-");
        break;
    case T_NULL:
        buf_add_text(out, "nil");
        break;
    case T_BOOL:
        buf_add_text(out, v.w.i ? "true" : "false");
        break;
    case T_INT:
        buf_printf(out, "%lld", (long long)v.w.i);
        break;
    case T_UINT:
        buf_printf(out, "%llu", (unsigned long long)v.w.u);
        break;
    case T_DOUBLE:
        buf_printf(out, "%.17g.", v.w.d);
        break;
    case T_STR:
        buf_printf(out, "'%.*s'", (int)v.n, (const char *)v.w.p);
        break;
    case T_TIMESTAMP:
        buf_printf(out, "%lld.%09us", (long long)v.w.i, v.n);
        break;
    default:
        buf_printf(out, "%s", value_type_name((enum value_type)v.type));
    }
}

/* All cells of all rows: cells one behind the other, rows with | between. */
static inline enum status show_rows(struct opened *o, struct buf *out) {
    for (uint32_t total = 0;;) {
        uint32_t n;
        block_clear(&o->block, o->fields.n_slots);
        enum status status = source_fill(&o->source, &o->block, &n, &o->error);
        if (status != E_OK || n == 0)
            return status;
        assert_true(n <= BLOCK_ROWS);
        for (uint32_t row = 0; row < n; row++, total++) {
            if (total > 0)
                buf_add_text(out, " |");
            for (uint32_t i = 0; i < o->fields.n_slots; i++) {
                if (total > 0 || i > 0)
                    buf_byte(out, ' ');
                show_value(column_get(&o->block.columns[i], row), out);
            }
        }
    }
}

#endif

/* A JSON array or object as msgpack, for what looks into containers (ANY, EVERY, deep equality).
 *
 * The count of a container stands before its items in msgpack, and is known behind them in JSON. So
 * the items go to one buffer and the containers, in order, to another; at the end the two are put
 * together. Everything in its shortest form. */
#include "format/json.h"
#include "format/number_text.h"
#include "value/mp.h"

#include <endian.h>
#include <string.h>

struct head {
    size_t at; /* in the body, where its items begin */
    uint32_t count;
    bool is_map;
};

struct conversion {
    struct reader *r;
    struct buf *body, *heads;
    uint32_t open[MP_DEPTH_MOST]; /* heads of the containers that p is in */
    uint32_t depth;
};

static struct head *head_at(struct conversion *t, size_t i) {
    return (struct head *)(void *)t->heads->data + i;
}

static bool no_memory(struct conversion *t, const uint8_t *at) {
    t->body->failed = t->heads->failed = false;
    return reader_fail(t->r, E_MEMORY, at, NULL);
}

/* --- headers --- */

static uint8_t *put_be(uint8_t *p, uint8_t first, uint32_t v, unsigned width) {
    *p++ = first;
    for (unsigned i = width; i-- > 0;)
        *p++ = (uint8_t)(v >> 8 * i);
    return p;
}

static uint8_t *put_str_head(uint8_t *p, uint32_t n) {
    if (n < 32)
        return put_be(p, (uint8_t)(0xA0 | n), 0, 0);
    if (n < 256)
        return put_be(p, 0xD9, n, 1);
    return n < 65536 ? put_be(p, 0xDA, n, 2) : put_be(p, 0xDB, n, 4);
}

static uint8_t *put_head(uint8_t *p, const struct head *h) {
    uint32_t n = h->count;
    if (n < 16)
        return put_be(p, (uint8_t)((h->is_map ? 0x80 : 0x90) | n), 0, 0);
    if (n < 65536)
        return put_be(p, h->is_map ? 0xDE : 0xDC, n, 2);
    return put_be(p, h->is_map ? 0xDF : 0xDD, n, 4);
}

static size_t head_bytes(const struct head *h) {
    return h->count < 16 ? 1 : h->count < 65536 ? 3 : 5;
}

/* --- items --- */

/* The string whose opening quote is at p; gives what is behind its closing one, or NULL. */
static const uint8_t *put_string(struct conversion *t, const uint8_t *p) {
    const uint8_t *start = ++p, *fault;
    bool escapes = false;
    for (; *p != '"'; p++)
        if (*p == '\\') {
            escapes = true;
            p++;
        }
    size_t n = (size_t)(p - start);
    if (!buf_reserve(t->body, n + 5)) {
        no_memory(t, start);
        return NULL;
    }
    uint8_t *to = t->body->data + t->body->len;
    if (!escapes) {
        to = put_str_head(to, (uint32_t)n);
        memcpy(to, start, n);
    } else {
        uint8_t *meant = arena_alloc(&t->r->values, n); /* its length comes first */
        if (!meant) {
            no_memory(t, start);
            return NULL;
        }
        n = json_unescape(start, p, meant, &fault);
        if (n == SIZE_MAX)
            return reader_fail(t->r, E_ROW_INVALID, fault, "this is no escape of JSON");
        to = put_str_head(to, (uint32_t)n);
        memcpy(to, meant, n);
    }
    t->body->len = (size_t)(to + n - t->body->data);
    return p + 1;
}

/* A number or a word. */
static const uint8_t *put_scalar(struct conversion *t, const uint8_t *p) {
    const uint8_t *end = p;
    struct value v;
    while (*end != ',' && *end != ']' && *end != '}' && !json_is_blank(*end))
        end++;
    if (!json_scalar(t->r, p, end, &v))
        return NULL;
    mp_write_value(t->body, v);
    return end;
}

static bool open_container(struct conversion *t, const uint8_t *p) {
    struct head h = {.at = t->body->len, .is_map = *p == '{'};
    t->open[t->depth++] = (uint32_t)(t->heads->len / sizeof h);
    buf_add(t->heads, &h, sizeof h);
    return !buf_failed(t->heads) || no_memory(t, p);
}

/* One step at p: a character of the structure, or an item. */
static const uint8_t *step(struct conversion *t, const uint8_t *p) {
    struct head *in = t->depth > 0 ? head_at(t, t->open[t->depth - 1]) : NULL;
    switch (*p) {
    case '}':
    case ']':
        t->depth--;
        return p + 1;
    case ':':
        in->count++;
        return p + 1;
    case ',':
        return p + 1;
    }
    if (in && !in->is_map)
        in->count++;
    if (*p == '{' || *p == '[')
        return open_container(t, p) ? p + 1 : NULL;
    return *p == '"' ? put_string(t, p) : put_scalar(t, p);
}

static bool put_together(struct conversion *t, const uint8_t *at, struct value *ret) {
    size_t n_heads = t->heads->len / sizeof(struct head), total = t->body->len, from = 0;
    for (size_t i = 0; i < n_heads; i++)
        total += head_bytes(head_at(t, i));
    if (total > UINT32_MAX)
        return reader_fail(t->r, E_ROW_TOO_LONG, at, NULL);
    uint8_t *out = arena_alloc(&t->r->values, total), *to = out;
    if (!out)
        return no_memory(t, at);
    for (size_t i = 0; i <= n_heads; i++) {
        size_t until = i < n_heads ? head_at(t, i)->at : t->body->len;
        if (until > from)
            memcpy(to, t->body->data + from, until - from);
        to += until - from;
        from = until;
        if (i < n_heads)
            to = put_head(to, head_at(t, i));
    }
    *ret = value_bytes(head_at(t, 0)->is_map ? T_MAP : T_ARRAY, out, (uint32_t)total);
    return true;
}

bool json_convert(struct reader *r, const uint8_t *open, const uint8_t *end, struct value *ret) {
    struct json_reader *j = r->state;
    struct conversion t = {.r = r, .body = &j->body, .heads = &j->heads};
    j->body.len = j->heads.len = 0;
    for (const uint8_t *p = open; p < end;) {
        if (json_is_blank(*p)) {
            p++;
            continue;
        }
        p = step(&t, p);
        if (!p)
            return false;
    }
    return buf_failed(t.body) ? no_memory(&t, open) : put_together(&t, open, ret);
}

/* See mp.h: the reading half.
 *
 * Everything goes through one function, head(), which decodes the header at the cursor: type, the
 * bytes or the count that follow. It is the only place that knows the msgpack format bytes here
 * (format/scan_msgpack.c has the fast twin; the fuzzers compare the two). */
#include "value/mp.h"

#include <string.h>

void mp_reader_init(struct mp_reader *r, const void *p, size_t n, uint32_t depth_limit) {
    *r = (struct mp_reader){
        .start = p,
        .p = p,
        .end = (const uint8_t *)p + n,
        .depth_limit = depth_limit < MP_DEPTH_MOST ? depth_limit : MP_DEPTH_MOST,
        .fields_limit = UINT32_MAX,
    };
}

static uint64_t be(const uint8_t *p, unsigned n) {
    uint64_t v = 0;
    for (unsigned i = 0; i < n; i++)
        v = v << 8 | p[i];
    return v;
}

static void fail(struct mp_reader *r, enum status status, const uint8_t *at) {
    if (r->status == E_OK) {
        r->status = status;
        r->fault = at;
    }
}

/* A decoded header. For ARRAY and MAP value.n is the count of elements or pairs and value.w.p is
 * not set. */
struct head {
    struct value value;
    const uint8_t *next; /* behind the header; behind the value for all but ARRAY and MAP */
};

/* The n bytes behind the one-byte format; NULL if they are not there. */
static const uint8_t *operand(struct mp_reader *r, unsigned n) {
    if ((size_t)(r->end - r->p) < (size_t)n + 1) {
        fail(r, E_ROW_TRUNCATED, r->p);
        return NULL;
    }
    return r->p + 1;
}

static bool body(struct mp_reader *r, struct head *h, enum value_type type, const uint8_t *p,
                 uint64_t n) {
    if ((uint64_t)(r->end - p) < n) {
        fail(r, E_ROW_TRUNCATED, r->p);
        return false;
    }
    if (n > UINT32_MAX) { /* an extension of 4 GiB - 1 with its type byte */
        fail(r, E_ROW_INVALID, r->p);
        return false;
    }
    h->value = value_bytes(type, p, (uint32_t)n);
    h->next = p + n;
    return true;
}

static bool container(struct mp_reader *r, struct head *h, enum value_type type, const uint8_t *p,
                      uint64_t n) {
    if (n * (type == T_MAP ? 2u : 1u) >
        (uint64_t)(r->end - p)) { /* an element has at least one byte */
        fail(r, E_ROW_TRUNCATED, r->p);
        return false;
    }
    if (type == T_MAP && n > r->fields_limit) {
        fail(r, E_ROW_TOO_WIDE, r->p);
        return false;
    }
    h->value = (struct value){.type = (uint8_t)type, .n = (uint32_t)n};
    h->next = p;
    return true;
}

static bool scalar(struct head *h, struct value v, const uint8_t *next) {
    h->value = v;
    h->next = next;
    return true;
}

/* The extension of n data bytes whose type byte is at p: -1 is a timestamp (D1, D2). */
static bool extension(struct mp_reader *r, struct head *h, const uint8_t *p, uint64_t n) {
    if (!body(r, h, T_EXT, p, n + 1))
        return false;
    if (p[0] != 0xFF)
        return true;
    int64_t seconds;
    uint64_t nanoseconds = 0;
    if (n == 4) {
        seconds = (int64_t)be(p + 1, 4);
    } else if (n == 8) {
        uint64_t both = be(p + 1, 8);
        nanoseconds = both >> 34;
        seconds = (int64_t)(both & 0x3FFFFFFFFu);
    } else if (n == 12) {
        nanoseconds = be(p + 1, 4);
        seconds = (int64_t)be(p + 5, 8);
    } else {
        fail(r, E_ROW_INVALID, r->p);
        return false;
    }
    if (nanoseconds > 999999999) {
        fail(r, E_ROW_INVALID, r->p);
        return false;
    }
    h->value = value_timestamp(seconds, (uint32_t)nanoseconds);
    return true;
}

static bool sized(struct mp_reader *r, struct head *h, uint8_t c) {
    static const uint8_t WIDTH[] = {1, 2, 4};
    const uint8_t *p;
    switch (c) {
    case 0xC4:
    case 0xC5:
    case 0xC6: /* bin */
        p = operand(r, WIDTH[c - 0xC4]);
        return p && body(r, h, T_BIN, p + WIDTH[c - 0xC4], be(p, WIDTH[c - 0xC4]));
    case 0xC7:
    case 0xC8:
    case 0xC9: /* ext */
        p = operand(r, WIDTH[c - 0xC7] + 1u);
        return p && extension(r, h, p + WIDTH[c - 0xC7], be(p, WIDTH[c - 0xC7]));
    case 0xD4:
    case 0xD5:
    case 0xD6:
    case 0xD7:
    case 0xD8: /* fixext */
        p = operand(r, 1);
        return p && extension(r, h, p, 1u << (c - 0xD4));
    case 0xD9:
    case 0xDA:
    case 0xDB: /* str */
        p = operand(r, WIDTH[c - 0xD9]);
        return p && body(r, h, T_STR, p + WIDTH[c - 0xD9], be(p, WIDTH[c - 0xD9]));
    case 0xDC:
    case 0xDD: /* array */
        p = operand(r, c == 0xDC ? 2 : 4);
        return p && container(r, h, T_ARRAY, p + (c == 0xDC ? 2 : 4), be(p, c == 0xDC ? 2 : 4));
    case 0xDE:
    case 0xDF: /* map */
        p = operand(r, c == 0xDE ? 2 : 4);
        return p && container(r, h, T_MAP, p + (c == 0xDE ? 2 : 4), be(p, c == 0xDE ? 2 : 4));
    default: /* C1 */
        fail(r, E_ROW_INVALID, r->p);
        return false;
    }
}

static bool number(struct mp_reader *r, struct head *h, uint8_t c) {
    static const uint8_t WIDTH[] = {4, 8, 1, 2, 4, 8, 1, 2, 4, 8};
    unsigned n = WIDTH[c - 0xCA];
    const uint8_t *p = operand(r, n);
    if (!p)
        return false;
    uint64_t u = be(p, n);
    if (c == 0xCA) {
        uint32_t bits = (uint32_t)u;
        float f;
        memcpy(&f, &bits, 4);
        return scalar(h, value_double((double)f), p + n);
    }
    if (c == 0xCB) {
        double d;
        memcpy(&d, &u, 8);
        return scalar(h, value_double(d), p + n);
    }
    if (c <= 0xCF)
        return scalar(h, value_uint(u), p + n);
    unsigned shift = 64 - 8 * n;
    return scalar(h, value_int((int64_t)(u << shift) >> shift), p + n);
}

static bool head(struct mp_reader *r, struct head *h) {
    if (r->status != E_OK)
        return false;
    if (r->p == r->end) {
        fail(r, E_ROW_TRUNCATED, r->p);
        return false;
    }
    uint8_t c = *r->p;
    const uint8_t *next = r->p + 1;
    if (c < 0x80 || c >= 0xE0)
        return scalar(h, value_int((int8_t)c), next);
    if (c >= 0xA0 && c < 0xC0)
        return body(r, h, T_STR, next, c & 0x1F);
    if (c < 0x90)
        return container(r, h, T_MAP, next, c & 0x0F);
    if (c < 0xA0)
        return container(r, h, T_ARRAY, next, c & 0x0F);
    if (c == 0xC0)
        return scalar(h, value_null(), next);
    if (c == 0xC2 || c == 0xC3)
        return scalar(h, value_bool(c == 0xC3), next);
    return c >= 0xCA && c <= 0xD3 ? number(r, h, c) : sized(r, h, c);
}

/* Walks over one value. Open containers are counted on a stack of what is left to read on each
 * level. */
void mp_skip(struct mp_reader *r) {
    uint32_t left[MP_DEPTH_MOST];
    uint32_t depth = 0;
    for (;;) {
        struct head h;
        if (!head(r, &h))
            return;
        const uint8_t *at = r->p;
        r->p = h.next;
        if (h.value.type == T_ARRAY || h.value.type == T_MAP) {
            if (depth == r->depth_limit) {
                r->p = at;
                fail(r, E_ROW_TOO_DEEP, at);
                return;
            }
            uint64_t items = (uint64_t)h.value.n * (h.value.type == T_MAP ? 2u : 1u);
            if (items > 0) {
                left[depth++] = (uint32_t)items; /* fits: items <= bytes left of a frame */
                continue;
            }
        }
        while (depth > 0 && --left[depth - 1] == 0)
            depth--;
        if (depth == 0)
            return;
    }
}

struct value mp_read_value(struct mp_reader *r) {
    struct head h;
    if (!head(r, &h))
        return value_missing();
    if (h.value.type != T_ARRAY && h.value.type != T_MAP) {
        r->p = h.next;
        return h.value;
    }
    const uint8_t *at = r->p;
    mp_skip(r);
    if (r->status != E_OK)
        return value_missing();
    if ((uint64_t)(r->p - at) > UINT32_MAX) {
        fail(r, E_ROW_INVALID, at);
        return value_missing();
    }
    return value_bytes((enum value_type)h.value.type, at, (uint32_t)(r->p - at));
}

static uint32_t enter_type(struct mp_reader *r, enum value_type type) {
    struct head h;
    if (!head(r, &h))
        return 0;
    if (h.value.type != type) {
        fail(r, E_ROW_INVALID, r->p);
        return 0;
    }
    r->p = h.next;
    return h.value.n;
}

uint32_t mp_read_array(struct mp_reader *r) { return enter_type(r, T_ARRAY); }
uint32_t mp_read_map(struct mp_reader *r) { return enter_type(r, T_MAP); }

enum value_type mp_peek(const struct mp_reader *r) {
    struct mp_reader copy = *r;
    struct head h;
    if (!head(&copy, &h))
        return T_MISSING;
    return h.value.type == T_UINT ? T_INT : (enum value_type)h.value.type;
}

void mp_enter(struct mp_reader *r, struct value v, uint32_t *ret_count) {
    mp_reader_init(r, v.w.p, v.n, MP_DEPTH_MOST);
    *ret_count = enter_type(r, (enum value_type)v.type);
}

uint32_t mp_container(struct value v, const uint8_t **ret_body) {
    struct mp_reader r;
    uint32_t n;
    mp_enter(&r, v, &n);
    *ret_body = r.p;
    return n;
}

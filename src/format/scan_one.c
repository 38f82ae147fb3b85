/* See scan_one.h: what is not common. */
#include "format/scan_one.h"

#include "value/mp.h"

const uint8_t *scan_read_slow(struct scanner *s, const uint8_t *p, const uint8_t *end,
                              uint32_t depth, struct value *ret) {
    struct mp_reader r;
    mp_reader_init(&r, p, (size_t)(end - p), s->depth_limit - depth);
    r.fields_limit = s->fields_limit;
    *ret = mp_read_value(&r);
    return r.status == E_OK ? r.p : scan_fail(s, r.status, r.fault);
}

/* `left` counts, level by level, the items still to come. */
const uint8_t *scan_skip_container(struct scanner *s, const uint8_t *p, const uint8_t *end,
                                   uint32_t depth) {
    uint32_t left[MP_DEPTH_MOST];
    uint32_t open = 0;
    for (;;) {
        if (p == end)
            return scan_fail(s, E_ROW_TRUNCATED, p);
        uint8_t c = *p;
        size_t n = SCAN_SIZE[c];
        if (n > 0) {
            if ((size_t)(end - p) < n)
                return scan_fail(s, E_ROW_TRUNCATED, p);
            p += n;
        } else if (is_container(c)) {
            uint32_t count;
            bool map;
            const uint8_t *at = p;
            if (!open_container(s, p, end, &count, &map, &p))
                return NULL;
            if (depth + open >= s->depth_limit)
                return scan_fail(s, E_ROW_TOO_DEEP, at);
            if (count > 0) {
                left[open++] = map ? 2 * count : count; /* fits: count <= bytes left / 2 */
                continue;
            }
        } else {
            struct value ignored;
            p = scan_read_slow(s, p, end, depth + open, &ignored);
            if (!p)
                return NULL;
        }
        while (open > 0 && --left[open - 1] == 0)
            open--;
        if (open == 0)
            return p;
    }
}

const uint8_t *scan_take_slow(struct scanner *s, const uint8_t *p, const uint8_t *end,
                              uint32_t depth, struct column *c, uint32_t row) {
    struct value v;
    if (is_container(*p)) { /* the fast skip, instead of the reader's */
        const uint8_t *q = scan_skip_container(s, p, end, depth);
        if (!q)
            return NULL;
        if ((uint64_t)(q - p) > UINT32_MAX)
            return scan_fail(s, E_ROW_INVALID, p);
        bool map = (*p & 0xF0) == 0x80 || *p == 0xDE || *p == 0xDF;
        column_put(c, row, value_bytes(map ? T_MAP : T_ARRAY, p, (uint32_t)(q - p)));
        return q;
    }
    p = scan_read_slow(s, p, end, depth, &v);
    if (p)
        column_put(c, row, v);
    return p;
}

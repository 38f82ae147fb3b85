/* See table.h: rows as msgpack. */
#include "table/segment.h"
#include "value/mp.h"

/* The pairs of the row, and whether cell i of the chunk has one. */
static uint32_t pairs_of(const struct str name, const struct chunk *c, uint32_t i) {
    if (!c || !bits_get(c->present, i))
        return 0;
    if (name.p)
        return 1;
    const uint8_t *body;
    return mp_container(chunk_value(c, i), &body);
}

void part_row(const struct snapshot *s, const struct part *p, uint32_t i, struct buf *out) {
    uint32_t pairs = 0, n = p->segment->n_columns;
    const struct chunk *c;
    for (uint32_t k = 0; k < n; k++) {
        if (!part_chunk(p, k, &c)) {
            out->failed = true;
            return;
        }
        pairs += pairs_of(s->names[k], c, i);
    }
    mp_write_map(out, pairs);
    for (uint32_t k = 0; k < n; k++) {
        if (!part_chunk(p, k, &c) || !c || !bits_get(c->present, i))
            continue;
        struct value v = chunk_value(c, i);
        if (s->names[k].p) {
            mp_write_str(out, s->names[k].p, s->names[k].n);
            mp_write_value(out, v);
            continue;
        }
        const uint8_t *body; /* the pairs as they came */
        mp_container(v, &body);
        buf_add(out, body, (size_t)(v.w.p + v.n - body));
    }
}

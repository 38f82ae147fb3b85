/* Whether a chunk is as value/chunk.h says: statistics, padding, zeros where there is no value. */
#ifndef TAMIS_TESTS_CHUNK_UNIT_H
#define TAMIS_TESTS_CHUNK_UNIT_H

#include "table_unit.h"
#include "value/chunk.h"
#include "value/dict.h"

/* The first bytes behind those that all strings of the chunk share. */
static inline uint64_t head_of(const struct chunk *c, struct value v) {
    uint64_t head = 0;
    for (uint32_t i = 0; i < 8; i++)
        head = head << 8 | (c->shared + i < v.n ? v.w.p[c->shared + i] : 0);
    return head;
}

/* The zones of a chunk against its values. */
static inline void check_zone(const struct chunk *c, uint32_t z) {
    const struct zone *zone = &c->zones[z];
    bool has_value = false, has_null = false, has_nan = false, in = false;
    for (uint32_t row = z * ZONE_ROWS; row < (z + 1) * ZONE_ROWS && row < c->n; row++) {
        struct value v = chunk_value(c, row);
        bool null = value_is_null(v);
        has_value |= !null;
        has_null |= null;
        has_nan |= value_is_nan(v);
        if (null || value_is_nan(v))
            continue;
        union word w = {.u = 0};
        switch (c->kind) {
        case CHUNK_INT:
            w.u = v.w.u - c->base;
            break;
        case CHUNK_TIME:
            w.u = v.w.u * c->per_second + v.n / (1000000000u / c->per_second) - c->base;
            break;
        case CHUNK_DOUBLE:
            assert_true(v.w.d >= zone->low.d && v.w.d <= zone->high.d);
            in |= v.w.d == zone->low.d;
            continue;
        case CHUNK_CODES:
            assert_true(chunk_code(c, row) >= zone->low.u && chunk_code(c, row) <= zone->high.u);
            in |= chunk_code(c, row) == zone->low.u;
            continue;
        case CHUNK_STR:
            assert_true(head_of(c, v) >= zone->low.u && head_of(c, v) <= zone->high.u);
            in |= head_of(c, v) == zone->high.u;
            continue;
        default:
            in = true;
            continue;
        }
        assert_true(w.i >= zone->low.i && w.i <= zone->high.i);
        in |= w.i == zone->high.i;
    }
    assert_int_equal(zone->has_value, has_value);
    assert_int_equal(zone->has_null, has_null);
    assert_int_equal(zone->has_nan, has_nan && c->kind == CHUNK_DOUBLE);
    if (c->kind == CHUNK_DOUBLE && has_value && !in) /* only NaN */
        assert_true(has_nan && zone->low.d > zone->high.d);
    else
        assert_true(in || !has_value);
}

static inline void check_zeros(const void *p, size_t from, size_t to) {
    assert_int_equal((uintptr_t)p % CHUNK_ALIGN, 0);
    for (size_t i = from; i < to; i++)
        assert_int_equal(((const uint8_t *)p)[i], 0);
}

static inline size_t padded(size_t n, size_t size) {
    size_t full = (n + 63) / 64 * 64 * size;
    return full > n * size + 64 ? full : n * size + 64;
}

static inline void check_bits(const uint64_t *bits, uint32_t n) {
    if (!bits)
        return;
    assert_int_equal((uintptr_t)bits % CHUNK_ALIGN, 0);
    for (uint32_t i = n; i < (n + 63) / 64 * 64; i++)
        assert_false(bits_get(bits, i));
    check_zeros(bits, (size_t)(n + 63) / 64 * 8, (size_t)(n + 63) / 64 * 8 + 64);
}

/* All that chunk.h promises. */
static inline void check_chunk(const struct chunk *c) {
    uint32_t seen = 0, n = c->n;
    for (uint32_t row = 0; row < n; row++) {
        struct value v = chunk_value(c, row);
        seen |= SEEN(v.type);
        assert_int_equal(bits_get(c->valid, row), !value_is_null(v));
        assert_int_equal(bits_get(c->present, row), v.type != T_MISSING);
        uint32_t width = c->kind == CHUNK_DOUBLE ? 8 : c->width;
        if ((c->kind == CHUNK_INT || c->kind == CHUNK_TIME || c->kind == CHUNK_CODES ||
             c->kind == CHUNK_DOUBLE) &&
            value_is_null(v)) {
            static const uint8_t ZERO[8];
            assert_memory_equal((const uint8_t *)c->data + (size_t)row * width, ZERO, width);
        }
    }
    assert_int_equal(c->seen, seen);
    check_bits(c->valid, n);
    check_bits(c->present, n);
    assert_int_equal(c->counts != NULL, c->width == 1 && n >= COUNTS_ROWS);
    for (uint32_t z = 0; z < (n + ZONE_ROWS - 1) / ZONE_ROWS; z++)
        check_zone(c, z);
    switch (c->kind) {
    case CHUNK_INT:
    case CHUNK_TIME:
    case CHUNK_CODES:
        check_zeros(c->data, (size_t)n * c->width, padded(n, c->width));
        break;
    case CHUNK_DOUBLE:
        check_zeros(c->data, (size_t)n * 8, padded(n, 8));
        break;
    case CHUNK_BOOL:
        check_bits(c->data, n);
        break;
    case CHUNK_STR:
        check_zeros(c->data, c->offsets[n], c->offsets[n] + 64);
        check_zeros(c->offsets, ((size_t)n + 1) * 4, padded((size_t)n + 1, 4));
        break;
    case CHUNK_MIXED:
        check_zeros(c->tags, n, padded(n, 1));
        check_zeros(c->lens, (size_t)n * 4, padded(n, 4));
        check_zeros(c->data, (size_t)n * 8, padded(n, 8));
        break;
    case CHUNK_NONE:
        break;
    }
}

/* The same of all chunks of a table. */
static inline void check_chunks(struct table *t) {
    const struct snapshot *s = table_snapshot(t);
    for (uint32_t i = 0; i < s->n_parts; i++)
        for (uint32_t column = 0; column < s->n_columns; column++) {
            const struct chunk *c = chunk_of(&s->parts[i], column);
            if (c)
                check_chunk(c);
        }
    snapshot_unref(s);
}

#endif

/* The fast row scanner (format/scan_msgpack.c) against the slow way (value/mp.h and path_lookup):
 * what the fuzz target and the tests of format/ hold every row to. Verdict, place of the fault, end
 * of the row and each wanted value must be the same. */
#ifndef TAMIS_TESTS_SCAN_CHECK_H
#define TAMIS_TESTS_SCAN_CHECK_H

#include "format/scan.h"

#include "fuzz.h"
#include "value/mp.h"

static inline bool scan_same_value(struct value a, struct value b) {
    if (a.type != b.type)
        return false;
    switch ((enum value_type)a.type) {
    case T_MISSING:
    case T_NULL:
        return true;
    case T_BOOL:
    case T_INT:
    case T_UINT:
    case T_DOUBLE: /* by bits: NaN and -0.0 */
        return a.w.u == b.w.u;
    case T_TIMESTAMP:
        return a.w.i == b.w.i && a.n == b.n;
    default: /* the very bytes of the input, not a copy */
        return a.n == b.n && a.w.p == b.w.p;
    }
}

/* One row by the slow way: the verdict, and the row and its end or the place of the fault. What is
 * no map is refused at its first byte, whatever is wrong with the rest of it. */
static inline enum status scan_slowly(const struct scanner *s, const uint8_t *p, const uint8_t *end,
                                      struct value *ret, const uint8_t **ret_end) {
    struct mp_reader r;
    mp_reader_init(&r, p, (size_t)(end - p), s->depth_limit);
    r.fields_limit = s->fields_limit;
    *ret_end = p;
    if (p < end && (*p < 0x80 || *p > 0x8F) && *p != 0xDE && *p != 0xDF && *p != 0xC1)
        return E_ROW_NOT_MAP;
    *ret = mp_read_value(&r);
    *ret_end = r.status == E_OK ? r.p : r.fault;
    return r.status;
}

/* Scans the row at p into row `row` of b, and gives its end; NULL if it was refused (rightly). */
static inline const uint8_t *scan_checked(struct scanner *s, const struct path *paths,
                                          const uint8_t *p, const uint8_t *end, struct block *b,
                                          uint32_t row) {
    struct value map;
    const uint8_t *slow_end;
    enum status slow = scan_slowly(s, p, end, &map, &slow_end);
    const uint8_t *next = scan_row(s, p, end, b, row);
    if (!next) {
        FUZZ_CHECK(s->status == slow);
        FUZZ_CHECK(s->fault == slow_end);
        return NULL;
    }
    FUZZ_CHECK(slow == E_OK);
    FUZZ_CHECK(next == slow_end);
    for (uint32_t i = 0; i < s->fields->n_slots; i++)
        FUZZ_CHECK(scan_same_value(column_get(&b->columns[i], row), path_lookup(map, paths[i])));
    return next;
}

/* Rows one behind the other until the input ends or one is refused; gives how many were scanned. */
static inline size_t scan_all_checked(struct scanner *s, const struct path *paths, const uint8_t *p,
                                      const uint8_t *end, struct block *b) {
    size_t rows = 0;
    while (p && p < end) {
        uint32_t row = (uint32_t)(rows % BLOCK_ROWS);
        if (row == 0)
            block_clear(b, s->fields->n_slots);
        p = scan_checked(s, paths, p, end, b, row);
        rows += p != NULL;
    }
    return rows;
}

#endif

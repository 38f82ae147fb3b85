/* Any bytes as msgpack rows, one behind the other, through one scanner (so that it remembers keys):
 * what it puts into the columns is what the slow reader and path_lookup find, it takes as many
 * bytes, and it refuses what they refuse. */
#include "format/scan.h"

#include "value/mp.h"

#include "fuzz.h"

#include <string.h>

#define KEY(text)                                                                                  \
    {                                                                                              \
        .key = { text, sizeof(text) - 1 }                                                          \
    }
#define INDEX(i)                                                                                   \
    { .index = (i) }

static const struct path_step A[] = {KEY("a")};
static const struct path_step B[] = {KEY("b")};
static const struct path_step ABC[] = {KEY("a"), KEY("b"), INDEX(1), KEY("c")};
static const struct path_step A0[] = {KEY("a"), INDEX(0)};
static const struct path_step LONG[] = {KEY("a key longer than two words")};
static const struct path_step EMPTY[] = {KEY("")};

static const struct path PATHS[] = {{A, 1}, {B, 1}, {ABC, 4}, {A0, 2}, {LONG, 1}, {EMPTY, 1}};
enum { N_PATHS = sizeof PATHS / sizeof *PATHS, DEPTH = 64, WIDTH = 16 };

static bool same_value(struct value a, struct value b) {
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
    default:
        return a.n == b.n && memcmp(a.w.p, b.w.p, a.n) == 0;
    }
}

/* One row by the slow way. False if it is no row, or not one that the limits allow. */
static bool read_slowly(const uint8_t *p, const uint8_t *end, struct value *ret,
                        const uint8_t **ret_end) {
    struct mp_reader r;
    mp_reader_init(&r, p, (size_t)(end - p), DEPTH);
    *ret = mp_read_value(&r);
    *ret_end = r.p;
    return r.status == E_OK && ret->type == T_MAP;
}

static void check_failure(const struct scanner *s, bool slow_ok, const uint8_t *p,
                          const uint8_t *end) {
    FUZZ_CHECK(s->status == E_ROW_NOT_MAP || s->status == E_ROW_TRUNCATED ||
               s->status == E_ROW_INVALID || s->status == E_ROW_TOO_DEEP ||
               s->status == E_ROW_TOO_WIDE);
    FUZZ_CHECK(!slow_ok || s->status == E_ROW_TOO_WIDE);
    FUZZ_CHECK(s->fault >= p && s->fault <= end);
}

static void scan_rows(struct scanner *s, struct block *b, const uint8_t *p, const uint8_t *end) {
    block_clear(b, N_PATHS);
    for (uint32_t row = 0; p < end; row++) {
        if (row == BLOCK_ROWS) {
            block_clear(b, N_PATHS);
            row = 0;
        }
        struct value map;
        const uint8_t *slow_end, *next;
        bool slow_ok = read_slowly(p, end, &map, &slow_end);
        next = scan_row(s, p, end, b, row);
        if (!next) {
            check_failure(s, slow_ok, p, end);
            return;
        }
        FUZZ_CHECK(slow_ok);
        FUZZ_CHECK(next == slow_end);
        for (uint32_t i = 0; i < N_PATHS; i++)
            FUZZ_CHECK(same_value(column_get(&b->columns[i], row), path_lookup(map, PATHS[i])));
        p = next;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct budget budget;
    struct arena arena;
    struct fields fields;
    struct scanner scanner;
    struct block block = {0};
    budget_init(&budget, 0);
    arena_init(&arena, &budget);
    FUZZ_CHECK(fields_build(&fields, &arena, PATHS, N_PATHS));
    FUZZ_CHECK(scanner_init(&scanner, &arena, &fields, DEPTH, WIDTH));
    FUZZ_CHECK(block_init(&block, N_PATHS, false, &budget));
    size_t before = budget.used_bytes;
    scan_rows(&scanner, &block, data, data + size);
    FUZZ_CHECK(budget.used_bytes == before); /* nothing is allocated a row */
    block_done(&block);
    arena_done(&arena);
    FUZZ_CHECK(budget.used_bytes == 0);
    return 0;
}

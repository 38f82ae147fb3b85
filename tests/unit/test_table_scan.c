/* plan/scan.h over tables: each query keeps the same rows as the plan's own steps over blocks, for
 * columns of every form that a chunk can have, at every level of dense loops. */
#include "plan/scan.h"

#include "plan/scan_tree.h"
#include "table/table.h"

#include "value/mp.h"

#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static struct limits limits;

/* ---- rows ---- */

static uint64_t seed;

static uint64_t draw(uint64_t below) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (seed >> 11) % below;
}

enum profile {
    SMALL_INT,
    WIDE_INT,
    OFFSET_INT,
    UNSIGNED,
    ANY_NUMBER,
    DOUBLE,
    BOOL,
    FEW_TEXTS,
    MANY_TEXTS,
    TIME,
    FINE_TIME,
    NESTED,
    FEW_NESTED,
    MIXED,
    ONLY_NULL,
    PROFILES
};

static const char *const NAMES[] = {"small", "wide", "offset", "unsigned", "number",
                                    "x",     "flag", "city",   "name",     "t",
                                    "fine",  "tags", "place",  "mixed",    "nothing"};

static void write_text(struct buf *b, uint64_t n) {
    static const char *const WORDS[] = {"Oslo", "Rome", "A", "", "Ab", "Oslo", "Paris", "Abansen"};
    char text[64];
    snprintf(text, sizeof text, "%s%llu", WORDS[n % 8], (unsigned long long)(n / 8));
    mp_write_text(b, n < 8 ? WORDS[n] : text);
}

static void write_array(struct buf *b, uint64_t n) {
    mp_write_array(b, (uint32_t)(n % 3));
    for (uint64_t i = 0; i < n % 3; i++)
        if (n % 5 == 0)
            mp_write_uint(b, n % 7);
        else
            write_text(b, (n + i) % 9);
}

static void write_number(struct buf *b) {
    static const double EDGES[] = {0.0, -0.0, 1.5, -1e300, 1e300, 3.0, 25.0, 9.3e18};
    uint64_t n = draw(12);
    if (n < 8)
        mp_write_double(b, EDGES[n]);
    else if (n == 8)
        mp_write_double(b, draw(2) ? NAN : INFINITY);
    else
        mp_write_int(b, (int64_t)draw(60) - 30);
}

static void write_value(struct buf *b, enum profile p) {
    switch (p) {
    case SMALL_INT:
        mp_write_int(b, (int64_t)draw(100) - 20);
        break;
    case WIDE_INT:
        mp_write_int(b, draw(4) ? (int64_t)draw(1000) - 500
                                : (int64_t)(draw(UINT64_MAX >> 12) << 11) * (draw(2) ? 1 : -1));
        break;
    case OFFSET_INT:
        mp_write_int(b, INT64_C(1700000000000) + (int64_t)draw(70000));
        break;
    case UNSIGNED:
        mp_write_uint(b, draw(3) ? UINT64_MAX - draw(200) : draw(100));
        break;
    case ANY_NUMBER:
        write_number(b);
        break;
    case DOUBLE:
        mp_write_double(b, draw(30) ? ((double)draw(2000) - 1000) / 8 : draw(2) ? NAN : -INFINITY);
        break;
    case BOOL:
        mp_write_bool(b, draw(2));
        break;
    case FEW_TEXTS:
        write_text(b, draw(8));
        break;
    case MANY_TEXTS:
        write_text(b, draw(100000));
        break;
    case TIME:
        mp_write_value(b, value_timestamp((int64_t)draw(4000) - 2000, 0));
        break;
    case FINE_TIME:
        mp_write_value(b, value_timestamp((int64_t)draw(3) - 1, (uint32_t)draw(1000000000)));
        break;
    case NESTED:
        write_array(b, draw(1000));
        break;
    case FEW_NESTED:
        mp_write_map(b, 1);
        mp_write_text(b, "zip");
        mp_write_uint(b, draw(4));
        break;
    case MIXED:
        write_value(b, (enum profile)draw(MIXED));
        break;
    default:
        mp_write_nil(b);
    }
}

/* A row with a cell in some columns. */
static void write_row(struct buf *b, uint64_t id, unsigned nulls, unsigned missing) {
    bool there[PROFILES];
    uint32_t n = 1;
    for (int i = 0; i < PROFILES; i++)
        n += there[i] = draw(100) >= missing;
    mp_write_map(b, n);
    mp_write_text(b, "id");
    mp_write_uint(b, id);
    for (int i = 0; i < PROFILES; i++) {
        if (!there[i])
            continue;
        mp_write_text(b, NAMES[i]);
        if (draw(100) < nulls)
            mp_write_nil(b);
        else
            write_value(b, (enum profile)i);
    }
}

static void add_rows(struct table *t, uint64_t first, uint64_t n, unsigned nulls,
                     unsigned missing) {
    struct batch *batch = batch_new(t);
    struct batch_counts counts;
    struct error e;
    error_clear(&e);
    assert_non_null(batch);
    for (uint64_t i = 0; i < n; i++) {
        struct buf b = {0};
        const uint8_t *fault;
        write_row(&b, first + i, nulls, missing);
        assert_ptr_equal(batch_add_map(batch, b.data, b.data + b.len, &fault, &e), b.data + b.len);
        buf_done(&b);
    }
    assert_int_equal(batch_commit(batch, BATCH_APPEND, &counts, &e), E_OK);
    batch_free(batch);
}

/* ---- the two ways ---- */

struct slots {
    const struct chunk *chunks[16];
};

static void find_chunks(const struct plan *p, const struct snapshot *s, const struct part *part,
                        struct slots *ret) {
    for (uint32_t i = 0; i < plan_fields(p)->n_slots; i++) {
        struct path path = plan_path(p, i);
        uint32_t column = snapshot_column(s, path.steps[0].key);
        ret->chunks[i] = NULL;
        assert_true(column == NO_TABLE_COLUMN || part_chunk(part, column, &ret->chunks[i]));
        if (ret->chunks[i] && path.n > 1) {
            ret->chunks[i] =
                part_path_chunk(part, column, (struct path){path.steps + 1, path.n - 1});
            assert_non_null(ret->chunks[i]);
        }
    }
}

/* The bits that the plan's steps give, block by block. */
static uint32_t by_blocks(const struct plan *p, const struct part *part, const struct slots *slots,
                          uint64_t *bits, uint64_t *ret_mismatches) {
    struct run_options options = {.row_depth = 64, .row_fields = 4096};
    struct run *r = run_new(p, &options, NULL);
    uint16_t cells[BLOCK_ROWS];
    uint32_t total = 0;
    memset(bits, 0, CHUNK_WORDS * sizeof *bits);
    for (uint32_t cell = 0; cell < part->n;) {
        uint32_t n = 0;
        const uint16_t *rows;
        for (; cell < part->n && n < run_block(r)->rows; cell++)
            if (bits_get(part->live, cell))
                cells[n++] = (uint16_t)cell;
        run_clear(r);
        for (uint32_t i = 0; i < plan_fields(p)->n_slots; i++)
            chunk_gather(slots->chunks[i], cells, n, &run_block(r)->columns[i]);
        run_seal(r, n);
        uint32_t kept = run_block_filter(r, &rows);
        assert_true(kept != RUN_FAILED);
        for (uint32_t i = 0; i < kept; i++)
            bits[cells[rows[i]] / 64] |= UINT64_C(1) << (cells[rows[i]] % 64);
        total += kept;
    }
    *ret_mismatches = run_mismatches(r);
    run_free(r);
    return total;
}

static void compare(const char *text, const struct snapshot *s, const struct plan *p,
                    struct scan *scan, bool one_term) {
    static uint64_t want[CHUNK_WORDS], got[CHUNK_WORDS];
    struct run_options options = {.row_depth = 64, .row_fields = 4096};
    scan_begin(scan, &options);
    uint64_t mismatches = 0;
    for (uint32_t i = 0; i < s->n_parts; i++) {
        const struct part *part = &s->parts[i];
        struct slots slots;
        uint64_t here;
        find_chunks(p, s, part, &slots);
        uint32_t n = by_blocks(p, part, &slots, want, &here);
        mismatches += here;
        memset(got, 0x5A, sizeof got);
        uint32_t kept = scan_part(scan, slots.chunks, part->n, part->live, got);
        size_t bytes = (part->n + 63) / 64 * sizeof *got;
        if (kept != n || memcmp(got, want, bytes) != 0)
            fail_msg("%s: part %u of %u rows: %u kept, not %u", text, i, part->n, kept, n);
        if (scan_count(scan, slots.chunks, part->n, part->live, part->n_live, &kept) && kept != n)
            fail_msg("%s: part %u of %u rows: %u counted, not %u", text, i, part->n, kept, n);
    }
    if (one_term && scan_mismatches(scan) != mismatches)
        fail_msg("%s: %llu mismatches, not %llu", text, (unsigned long long)scan_mismatches(scan),
                 (unsigned long long)mismatches);
}

static void check_query(const char *text, const struct snapshot *s, enum dense_level level) {
    struct query q = {0};
    struct error e;
    error_clear(&e);
    if (query_parse(&q, str_of(text), &limits, NULL, &e) != E_OK)
        fail_msg("%s: %s", text, e.message);
    struct plan *p = plan_new(&q, NULL, &limits, NULL, &e);
    if (!p && e.status == E_NO_REGEX) { /* a build without them */
        query_done(&q);
        return;
    }
    assert_non_null(p);
    struct scan *scan = scan_new(p, &limits, NULL, &e);
    assert_non_null(scan);
    scan->ops = dense_ops_at(level);
    bool one_term = scan->root->kind == SCAN_TERM;
    for (int round = 0; round < 2; round++) /* what was learned must not change anything */
        compare(text, s, p, scan, one_term);
    scan_free(scan);
    plan_free(p);
    query_done(&q);
}

/* Each is asked as it stands, negated, and together with others. */
static const char *const QUERIES[] = {
    "small = 5",
    "small <> 5",
    "small < 5",
    "small <= 5.5",
    "small > 1e30",
    "small >= -20",
    "small between 3 and 40",
    "small between 40 and 3",
    "small in (1, 2, 30, 79.0)",
    "small in (1, null)",
    "small in (1, 'x')",
    "small = 'x'",
    "small < 'x'",
    "small <> 'x'",
    "wide >= 100",
    "wide < -9007199254740993",
    "wide in (1, 2, 3, 77)",
    "wide = 1.5",
    "wide in (1, 20, 300, 4000, 50000, -1, -20, 7, 77, 777, 7777, 100)",
    "offset in (1700000000010, 1700000000013, 5, 'x', null)",
    "offset in (1700000000001, 1700000000002, 1700000000003)",
    "unsigned in (7, 18446744073709551615, 18446744073709551600, -1)",
    "number in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11.5)",
    "t in (timestamp '1970-01-01T00:00:10Z', timestamp '1970-01-01T00:00:10.5Z', 10)",
    "fine in (timestamp '1970-01-01T00:00:00.5Z', timestamp '1970-01-01T00:00:00Z')",
    "offset > 1700000035000",
    "offset between 1700000000010 and 1700000000500.5",
    "offset = 1699999999999",
    "unsigned > 18446744073709551500",
    "unsigned < 50",
    "unsigned between 5 and 18446744073709551515",
    "unsigned = 7",
    "unsigned <> 18446744073709551615",
    "number > 1",
    "number = 0",
    "number <> 3",
    "x > 3.5",
    "x <= 3",
    "x = 0.125",
    "x <> 0.125",
    "x between -10 and 10.5",
    "x is nan",
    "x < 0 or x is nan",
    "x in (1, 2.5, 3)",
    "x = small",
    "x < number",
    "small < wide",
    "wide >= small",
    "wide <> offset",
    "unsigned > small",
    "t < fine",
    "t = t",
    "flag",
    "flag = true",
    "flag <> true",
    "flag < true",
    "flag in (true, false)",
    "flag is true",
    "flag is not false",
    "flag is unknown",
    "city = 'Oslo'",
    "city <> 'Oslo'",
    "city < 'Oslo'",
    "city like 'O%'",
    "city like '%o'",
    "city ilike 'oslo'",
    "city in ('Oslo', 'Rome', '')",
    "city = 5",
    "city is null",
    "city is missing",
    "starts_with(city, 'Os')",
    "name = 'Oslo12'",
    "name <> 'Oslo12'",
    "name like 'Abansen1%'",
    "name like '%sen%'",
    "name like '%7'",
    "name like 'A_1%'",
    "name like 'Rome5'",
    "name between 'A' and 'Oslo3'",
    "name in ('Rome7', 'A8', 'x')",
    "name > 'Paris99'",
    "name <= 'Oslo'",
    "name in ('Rome1', 'Rome2', 'Rome3', 'Oslo4', 'Oslo5', 'A6', 'A7', 'x', '', 'Paris9', 'y')",
    "name = city",
    "name regexp '^A.*[0-4]$'",
    "name regexp '^[A-O][a-z]*(slo|sen|ris)[0-9]*[17]$'",
    "name regexp '^[P-R].*(aris|ome).*7$'",
    "name regexp '(Rome|Paris|Aba)[1-3]'",
    "name regexp 'oSLO1|SEN2' flags 'i'",
    "not name regexp '(Rome|Paris|Aba)[1-3]'",
    "contains(name, 'ome')",
    "ends_with(name, '1')",
    "t > timestamp '1970-01-01T00:00:10Z'",
    "t = timestamp '1970-01-01T00:00:10.5Z'",
    "t between timestamp '1969-12-31T23:59:00Z' and timestamp '1970-01-01T00:10:00Z'",
    "fine < timestamp '1970-01-01T00:00:00.5Z'",
    "fine <> timestamp '1970-01-01T00:00:00Z'",
    "t = 5",
    "'Rome' in tags",
    "any e in tags satisfies e = 3 or e like 'O%' end",
    "every e in tags satisfies e is null end",
    "place.zip = 2",
    "place.zip in (1, 3)",
    "place is null",
    "mixed > 5",
    "mixed = 'Oslo'",
    "mixed is distinct from null",
    "mixed is nan",
    "mixed like 'O%'",
    "mixed in (1, 'Oslo', true)",
    "nothing = 1",
    "nothing is null",
    "nothing is missing",
    "nothing is distinct from 1",
    "small is distinct from 5",
    "small is distinct from 5.5",
    "city is distinct from 'Oslo'",
    "name is distinct from 'Oslo12'",
    "x is distinct from 3",
    "unsigned is distinct from 7",
    "flag is distinct from true",
    "mixed is distinct from 'Oslo'",
    "mixed is not distinct from null",
    "t is distinct from timestamp '1970-01-01T00:00:10Z'",
    "city is distinct from 5",
    "absent is distinct from 1",
    "x is distinct from small",
    "absent = 1",
    "absent is null",
    "absent is missing",
    "absent in (null)",
    "small % 3 = 1",
    "length(city) > 3",
    "upper(name) like 'OSLO%'",
    "case when small > 10 then flag else city = 'Oslo' end",
    "(small > 10) is unknown",
    "(city = 'Oslo' and small > 3) is true",
    "(city = 'Oslo' or x > 3) is not true",
    "small + wide > 10",
    "1 = 1",
    "1 = 2",
};
#define N_QUERIES (sizeof QUERIES / sizeof *QUERIES)

static void check_all(const struct snapshot *s) {
    char text[512];
    for (int level = 0; level < DENSE_LEVELS; level++) {
        if (!dense_ops_at((enum dense_level)level))
            continue;
        for (size_t i = 0; i < N_QUERIES; i++) {
            const char *other = QUERIES[draw(N_QUERIES)], *third = QUERIES[draw(N_QUERIES)];
            check_query(QUERIES[i], s, (enum dense_level)level);
            snprintf(text, sizeof text, "not (%s)", QUERIES[i]);
            check_query(text, s, (enum dense_level)level);
            snprintf(text, sizeof text, "(%s) and (%s)", QUERIES[i], other);
            check_query(text, s, (enum dense_level)level);
            snprintf(text, sizeof text, "not ((%s) or (%s) and not (%s))", QUERIES[i], other,
                     third);
            check_query(text, s, (enum dense_level)level);
        }
    }
}

static void check_table(uint64_t rows, unsigned pieces, unsigned nulls, unsigned missing,
                        unsigned deleted) {
    struct table *t = table_new(str_of("id"), &limits, NULL);
    assert_non_null(t);
    for (unsigned i = 0; i < pieces; i++)
        add_rows(t, i * rows, rows, nulls, missing);
    for (uint64_t id = 0; deleted > 0 && id < pieces * rows; id++) {
        struct value key = value_int((int64_t)id);
        struct error e;
        uint64_t n;
        error_clear(&e);
        if (draw(100) < deleted)
            assert_int_equal(table_delete(t, &key, 1, &n, &e), E_OK);
    }
    const struct snapshot *s = table_snapshot(t);
    check_all(s);
    snapshot_unref(s);
    table_unref(t);
}

static void no_rows(void **state) {
    (void)state;
    check_table(0, 1, 0, 0, 0);
}

static void few_rows(void **state) {
    (void)state;
    check_table(1, 1, 0, 0, 0);
    check_table(100, 1, 0, 0, 0);
    check_table(63, 3, 30, 10, 0);
}

static void all_there(void **state) {
    (void)state;
    check_table(3 * ZONE_ROWS / 2 + 5, 1, 0, 0, 0);
}

static void with_gaps(void **state) {
    (void)state;
    check_table(ZONE_ROWS + 77, 2, 20, 20, 0);
    check_table(500, 3, 0, 50, 30);
}

static int set_up(void **state) {
    (void)state;
    limits_default(&limits);
    seed = 88172645463325252u;
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(no_rows, set_up),
        cmocka_unit_test_setup(few_rows, set_up),
        cmocka_unit_test_setup(all_there, set_up),
        cmocka_unit_test_setup(with_gaps, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

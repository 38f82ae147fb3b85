/* Each allocation fails once while columns are kept as they came, and while their cells are made:
 * the table stays as it was, and another try makes them. */
#include "alloc_fault.h"
#include "table_unit.h"

enum { N = 2 * SEGMENT_ROWS + SEGMENT_ROWS / 8 };

struct given {
    struct limits limits;
    struct budget *budget;
};

static const char *const WORDS[] = {"red", "tan", "blue", "sky"};

/* Made before anything fails. */
static struct array words, lists, structs, field;

static void give_words(struct array *a, uint32_t n) {
    struct buf data = {0}, offsets = {0};
    for (uint32_t i = 0; i <= n; i++) {
        uint32_t at = htole32((uint32_t)data.len);
        buf_add(&offsets, &at, 4);
        buf_add_text(&data, WORDS[i * 7 % 4]);
    }
    *a = (struct array){.type = ARRAY_STR,
                        .n = n,
                        .data = data.data,
                        .data_end = data.data + data.len,
                        .offsets = offsets.data,
                        .offset_bytes = 4};
}

static void give_all(void) {
    static struct array items;
    struct buf offsets = {0};
    give_words(&words, N);
    give_words(&items, 2 * N);
    for (uint32_t i = 0; i <= N; i++) {
        uint32_t at = htole32(2 * i);
        buf_add(&offsets, &at, 4);
    }
    lists = (struct array){.type = ARRAY_LIST,
                           .n = N,
                           .offsets = offsets.data,
                           .offset_bytes = 4,
                           .children = &items,
                           .n_children = 1};
    field = words;
    field.key = (struct str){"\xA1w\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 2};
    structs = (struct array){.type = ARRAY_STRUCT, .n = N, .children = &field, .n_children = 1};
}

/* More rows behind the others: what of these was kept as it came is needed then. */
static enum status load(struct table *t, enum batch_mode mode, uint32_t more) {
    struct batch *b = batch_new(t);
    if (!b)
        return E_MEMORY;
    struct str names[] = {str_of("words"), str_of("lists"), str_of("in")};
    struct array arrays[] = {words, lists, structs};
    struct batch_counts counts;
    struct error e;
    error_clear(&e);
    enum status status = batch_add_arrays(b, N, names, arrays, 3, &e);
    if (status == E_OK && more > 0)
        status = batch_add_arrays(b, more, names, arrays, 3, &e);
    if (status == E_OK)
        status = batch_commit(b, mode, &counts, &e);
    batch_free(b);
    return status;
}

/* So that the test is about something: short cells, since segments have few bytes where sizes are
 * tiny. */
static uint32_t count_raw(struct table *t) {
    const struct snapshot *s = table_snapshot(t);
    uint32_t raw = 0;
    for (uint32_t i = 0; i < s->n_parts; i++)
        for (uint32_t column = 0; column < s->n_columns; column++)
            raw += !part_is_made(&s->parts[i], column);
    snapshot_unref(s);
    return raw;
}

static enum status look_at(const struct part *p, uint32_t column, struct path path) {
    const struct chunk *c = NULL;
    if (path.n > 0)
        return (c = part_path_chunk(p, column, path)) ? E_OK : E_MEMORY;
    if (!part_chunk(p, column, &c))
        return E_MEMORY;
    for (uint32_t row = 0; row < p->n; row += 41)
        assert_int_equal(chunk_value(c, row).type, column == 0   ? T_STR
                                                   : column == 1 ? T_ARRAY
                                                                 : T_MAP);
    return E_OK;
}

/* All columns and paths, whatever fails. */
static enum status look(struct table *t) {
    struct path_step w = {.key = str_of("w")};
    const struct path paths[] = {{&w, 1}, {NULL, 0}}; /* of the struct; first without making it */
    const struct snapshot *s = table_snapshot(t);
    enum status status = E_OK;
    for (uint32_t i = 0; i < s->n_parts; i++)
        for (uint32_t column = 0; column < s->n_columns; column++)
            for (uint32_t k = column < 2; k < 2; k++) {
                enum status one = look_at(&s->parts[i], column, paths[k]);
                status = one == E_OK ? status : one;
            }
    snapshot_unref(s);
    return status;
}

static enum status life(void *arg) {
    struct given *g = arg;
    struct table *t = table_new((struct str){NULL, 0}, &g->limits, g->budget);
    if (!t)
        return E_MEMORY;
    enum status status = load(t, BATCH_APPEND, SEGMENT_ROWS / 8);
    const struct snapshot *s = table_snapshot(t);
    assert_int_equal(s->n_rows, status == E_OK ? N + SEGMENT_ROWS / 8 : 0);
    snapshot_unref(s);
    if (status == E_OK)
        status = load(t, BATCH_REPLACE, 0); /* with dictionaries of its own, which go if it fails */
    if (status == E_OK) {
        assert_true(g->budget->limit_bytes > 0 || count_raw(t) == 8); /* of 9, in three segments */
        status = look(t);
        enum status again = look(t); /* what there was no memory for is made now, if there is */
        assert_true(status != E_OK || again == E_OK);
    }
    table_unref(t);
    assert_int_equal(g->budget->used_bytes, 0);
    return status;
}

static void test_each_allocation(void **state) {
    (void)state;
    struct budget budget;
    budget_init(&budget, 0);
    struct given g = {.limits = table_limits(), .budget = &budget};
    assert_true(fault_each("raw", life, &g) >= 60);
}

static void test_each_budget(void **state) {
    (void)state;
    struct budget budget;
    budget_init(&budget, 0);
    struct given g = {.limits = table_limits(), .budget = &budget};
    assert_int_equal(life(&g), E_OK);
    size_t need = 4 * budget.peak_bytes, refused = 0; /* with little room nothing is kept */
    for (size_t limit = 1; limit < need; limit += limit / (SEGMENT_ROWS < 1000 ? 32 : 6) + 1) {
        size_t blocks = fault_live_blocks();
        budget_init(&budget, limit);
        refused += life(&g) == E_MEMORY;
        assert_true(budget.peak_bytes <= limit);
        assert_int_equal(fault_live_blocks(), blocks);
    }
    assert_true(refused > 40);
    budget_init(&budget, need);
    assert_int_equal(life(&g), E_OK);
}

int main(void) {
    give_all();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_allocation),
        cmocka_unit_test(test_each_budget),
    };
    return cmocka_run_group_tests_name("fault_raw", tests, NULL, NULL);
}

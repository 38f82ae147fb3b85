/* Columns of whole segments that stay as they came until somebody asks for them (table/raw.h). */
#include "chunk_unit.h"
#include "nested_unit.h"
#include "table/cells.h"
#include "table/segment.h"
#include "value/array_cell.h"

#include <pthread.h>
#include <unistd.h>

enum { ROUNDS = SEGMENT_ROWS < 1000 ? 60 : 1 };

static struct peer self; /* the other process is this one */

/* What may be there is in the memory of another process, or some of it. */
static void send_away(struct array *a, struct dice *d, bool nested) {
    for (uint32_t i = 0; i < a->n_children; i++)
        send_away((struct array *)(uintptr_t)&a->children[i], d, true);
    uint32_t bytes = array_number_bytes(a->type);
    if (!array_may_be_elsewhere(a->type) || (!nested && bytes > 0 && bytes < 8) || below(d, 4) == 0)
        return;
    a->peer = &self;
    a->address = (uintptr_t)a->data;
    a->data = a->data_end = NULL;
}

/* Codes and values are not copied. */
static bool stays(const struct array *a) {
    bool can = a->type != ARRAY_CODES && a->type != ARRAY_VALUES;
    for (uint32_t i = 0; i < a->n_children; i++)
        can &= stays(&a->children[i]);
    return can;
}

/* A table of one column and the array that it came as. */
struct trial {
    struct limits limits;
    struct budget budget;
    struct table *table;
    struct batch *batch;
    struct pool pool;
    struct array sent, array; /* some of `sent` is elsewhere */
    struct buf rows;
};

static void begin(struct trial *t, struct str key) {
    self.pid = getpid();
    t->limits = table_limits();
    budget_init(&t->budget, 0);
    t->table = table_new(key, &t->limits, &t->budget);
    t->batch = batch_new(t->table);
    t->rows = (struct buf){0};
}

static enum status add(struct batch *b, const char *text, const struct array *a) {
    struct error e;
    struct str name = str_of(text);
    error_clear(&e);
    return batch_add_arrays(b, a->n, &name, a, 1, &e);
}

/* A copy whose children may be changed. */
static void copy_tree(struct array *to, const struct array *from, struct pool *pool) {
    *to = *from;
    if (from->n_children == 0)
        return;
    struct array *children = keep(pool, from->n_children * sizeof *children);
    for (uint32_t i = 0; i < from->n_children; i++)
        copy_tree(&children[i], &from->children[i], pool);
    to->children = children;
}

/* Some segments of a type, as the column "c". */
static void load(struct trial *t, enum array_type type, uint32_t n, struct taste taste,
                 struct dice *d) {
    begin(t, (struct str){NULL, 0});
    give(&t->array, &t->pool, type, n, taste, 2, d);
    if (taste.gaps && below(d, 2))
        t->array.present = bits_of(&t->pool, d, n + 20, taste.gaps);
    copy_tree(&t->sent, &t->array, &t->pool);
    send_away(&t->sent, d, false);
    assert_int_equal(add(t->batch, "c", &t->sent), E_OK);
    for (uint32_t i = 0; i < n; i++)
        append_cell(&t->rows, &t->array, i);
    commit_as(t->batch, BATCH_APPEND);
}

static void end(struct trial *t) {
    batch_free(t->batch);
    table_unref(t->table);
    buf_done(&t->rows);
    pool_done(&t->pool);
    assert_int_equal(t->budget.used_bytes, 0);
}

/* Parts whose column is not made yet, and the types that it tells of. */
static uint32_t count_raw(struct table *t, uint32_t *ret_seen) {
    const struct snapshot *s = table_snapshot(t);
    uint32_t raw = 0;
    *ret_seen = 0;
    for (uint32_t i = 0; i < s->n_parts; i++) {
        raw += !part_is_made(&s->parts[i], 0);
        *ret_seen |= part_column_seen(&s->parts[i], 0);
        assert_true(part_column_bytes(&s->parts[i], 0) > 0);
    }
    snapshot_unref(s);
    return raw;
}

/* They tell the same before and after they are made, and are what eager ones would be. */
static void test_types(void **state) {
    (void)state;
    static const enum array_type TYPES[] = {ARRAY_STR, ARRAY_BIN, ARRAY_LIST, ARRAY_MAP,
                                            ARRAY_STRUCT};
    static struct trial t;
    struct dice d = {31};
    uint32_t seen, after, looked = 0;
    for (uint32_t round = 0; round < ROUNDS * COUNT_OF(TYPES); round++) {
        struct taste taste = {.gaps = below(&d, 2) * 7, .words = 5, .longest = 2};
        enum array_type type = TYPES[round % COUNT_OF(TYPES)];
        bool is_nested = type >= ARRAY_LIST;
        uint32_t n = (SEGMENT_ROWS > 1000 && is_nested ? 1 : 2) * SEGMENT_ROWS + 50;
        load(&t, type, n, taste, &d);
        uint32_t raw = count_raw(t.table, &seen);
        if (array_cells_most(&t.array, 0, n) <= SEGMENT_BYTES) /* else segments have less rows */
            assert_int_equal(raw, stays(&t.array) ? n / SEGMENT_ROWS - !is_nested : 0);
        looked += raw > 0;
        uint64_t bytes = table_bytes(t.table);
        assert_true(bytes <= t.budget.used_bytes);
        check_rows(t.table, &t.rows);
        check_chunks(t.table);
        assert_int_equal(count_raw(t.table, &after), 0);
        assert_int_equal(after, seen);
        assert_true(table_bytes(t.table) <= t.budget.used_bytes);
        end(&t);
    }
    assert_true(looked >= 2);
}

/* Strings that do not repeat are bytes from the first segment on, which is as they came. */
static void test_plain(void **state) {
    (void)state;
    static struct trial t;
    struct dice d = {5};
    struct taste taste = {.words = 100 * SEGMENT_ROWS};
    uint32_t seen;
    load(&t, ARRAY_STR, 2 * SEGMENT_ROWS, taste, &d);
    assert_int_equal(count_raw(t.table, &seen), 0);
    check_rows(t.table, &t.rows);
    end(&t);
}

/* Doubles, and strings once they were seen not to repeat, are read to where they stay. */
static void test_far(void **state) {
    (void)state;
    static struct trial t;
    struct dice d = {15};
    for (uint32_t round = 0; round < 4 * ROUNDS; round++) {
        bool text = round % 2;
        uint32_t n = 3 * SEGMENT_ROWS;
        struct taste taste = {.words = 100 * SEGMENT_ROWS, .gaps = round % 4 < 2 ? 0 : 90};
        begin(&t, (struct str){NULL, 0});
        give(&t.array, &t.pool, text ? ARRAY_STR : ARRAY_F64, n, taste, 0, &d);
        copy_tree(&t.sent, &t.array, &t.pool);
        t.sent.peer = &self;
        t.sent.address = (uintptr_t)t.array.data;
        t.sent.data = t.sent.data_end = NULL;
        assert_int_equal(add(t.batch, "c", &t.sent), E_OK);
        for (uint32_t i = 0; i < n; i++)
            append_cell(&t.rows, &t.array, i);
        t.sent.address = UINT64_MAX - (UINT64_C(1) << 40);
        struct batch *b = batch_new(t.table); /* whose first segment can be read, the others not */
        assert_int_equal(add(b, "c", &t.array), E_OK);
        assert_int_equal(add(b, "c", &t.sent), E_BAD_PAYLOAD);
        batch_free(b);
        commit_as(t.batch, BATCH_APPEND);
        const struct snapshot *s = table_snapshot(t.table);
        assert_int_equal(s->n_rows, n);
        for (uint32_t i = 0; i < s->n_parts; i++)
            check_chunk(chunk_of(&s->parts[i], 0));
        assert_int_equal(chunk_of(&s->parts[1], 0)->kind, text ? CHUNK_STR : CHUNK_DOUBLE);
        snapshot_unref(s);
        check_rows(t.table, &t.rows);
        end(&t);
    }
}

/* Where much of the memory is used nothing is kept that may take more than its cells. */
static void test_scarce(void **state) {
    (void)state;
    static struct trial t;
    struct dice d = {6};
    uint32_t seen;
    const size_t most = 1u << 30;
    for (uint32_t half = 0; half < 2; half++) {
        begin(&t, (struct str){NULL, 0});
        t.budget.limit_bytes = most;
        assert_true(budget_charge(&t.budget, half ? most / 2 + 1 : most / 4));
        give(&t.array, &t.pool, ARRAY_LIST, 2 * SEGMENT_ROWS, (struct taste){.words = 3}, 1, &d);
        ((struct array *)(uintptr_t)t.array.children)->type = ARRAY_I8; /* of no items */
        assert_int_equal(add(t.batch, "c", &t.array), E_OK);
        commit_as(t.batch, BATCH_APPEND);
        assert_int_equal(count_raw(t.table, &seen), half ? 0 : 2);
        budget_release(&t.budget, half ? most / 2 + 1 : most / 4);
        end(&t);
    }
}

/* A key is looked at when it comes. */
static void test_keys(void **state) {
    (void)state;
    static struct trial t;
    struct dice d = {8};
    uint32_t seen;
    begin(&t, str_of("c"));
    give(&t.array, &t.pool, ARRAY_STR, 2 * SEGMENT_ROWS, (struct taste){.words = 4}, 0, &d);
    assert_int_equal(add(t.batch, "c", &t.array), E_OK);
    commit_as(t.batch, BATCH_UPSERT);
    assert_int_equal(count_raw(t.table, &seen), 0);
    end(&t);
}

/* What is elsewhere and cannot be read is no load. */
static void test_unread(void **state) {
    (void)state;
    static struct trial t;
    struct dice d = {9};
    begin(&t, (struct str){NULL, 0});
    give(&t.array, &t.pool, ARRAY_LIST, 2 * SEGMENT_ROWS, (struct taste){.words = 4, .longest = 3},
         1, &d);
    struct array *items = (struct array *)(uintptr_t)t.array.children;
    *items = (struct array){
        .type = ARRAY_U16, .n = items->n, .peer = &self, .address = UINT64_MAX - (1u << 30)};
    for (uint32_t n = 1; n <= 2 * SEGMENT_ROWS; n += 2 * SEGMENT_ROWS - 1) {
        t.array.n = n;
        bool any = array_begin(&t.array, n) > array_begin(&t.array, 0);
        struct batch *b = batch_new(t.table);
        assert_int_equal(add(b, "c", &t.array), any ? E_BAD_PAYLOAD : E_OK);
        batch_free(b);
    }
    end(&t);
}

/* --- paths --- */

/* The path's chunks are what it finds in the rows. */
static void check_path(struct trial *t, struct path path) {
    const struct snapshot *s = table_snapshot(t->table);
    uint32_t row = 0;
    for (uint32_t i = 0; i < s->n_parts; i++) {
        const struct chunk *c = part_path_chunk(&s->parts[i], 0, path);
        assert_non_null(c);
        check_chunk(c);
        for (uint32_t k = 0; k < s->parts[i].n; k++, row++) {
            struct buf cell = {0};
            struct mp_reader r;
            expect(&t->array, row, &cell);
            mp_reader_init(&r, cell.data, cell.len, 64);
            struct value want =
                array_is_present(&t->array, row) ? mp_read_value(&r) : value_missing();
            want = path_lookup(want, path);
            struct value got = chunk_value(c, k);
            assert_int_equal(got.type, want.type);
            if (value_has_bytes((enum value_type)want.type)) {
                assert_int_equal(got.n, want.n);
                assert_memory_equal(got.w.p, want.w.p, want.n);
            } else {
                assert_false(value_distinct(got, want));
            }
            buf_done(&cell);
        }
    }
    snapshot_unref(s);
}

static struct str key_text(const struct array *a) {
    struct mp_reader r;
    mp_reader_init(&r, (const uint8_t *)a->key.p, a->key.n, 1);
    return value_as_str(mp_read_value(&r));
}

static bool is_text(const struct array *a) { return a->type == ARRAY_STR || a->type == ARRAY_BIN; }

/* Fields of structs are found without the structs being made. */
static void test_paths(void **state) {
    (void)state;
    static struct trial t;
    struct dice d = {71};
    uint32_t seen, looked = 0;
    for (uint32_t round = 0; round < (ROUNDS == 1 ? 1 : 4 * ROUNDS); round++) {
        struct taste taste = {.gaps = below(&d, 2) * 5, .words = 4, .longest = 2};
        load(&t, ARRAY_STRUCT, SEGMENT_ROWS + 70, taste, &d);
        uint32_t raw = count_raw(t.table, &seen);
        for (uint32_t k = 0; k < t.array.n_children; k++) {
            const struct array *child = &t.array.children[k];
            struct path_step steps[2] = {{.key = key_text(child)}};
            check_path(&t, (struct path){steps, 1});
            looked += is_text(child);
            for (uint32_t j = 0; child->type == ARRAY_STRUCT && j < child->n_children; j++) {
                steps[1].key = key_text(&child->children[j]);
                check_path(&t, (struct path){steps, 2});
            }
            steps[1].key = str_of("none");
            check_path(&t, (struct path){steps, 2});
        }
        check_path(&t, (struct path){&(struct path_step){.key = str_of("none")}, 1});
        check_path(&t, (struct path){&(struct path_step){.index = 1}, 1});
        assert_int_equal(count_raw(t.table, &seen), raw);
        check_rows(t.table, &t.rows);
        assert_int_equal(count_raw(t.table, &seen), 0);
        for (uint32_t k = 0; k < t.array.n_children; k++) /* again, as it was or from values */
            check_path(
                &t, (struct path){&(struct path_step){.key = key_text(&t.array.children[k])}, 1});
        end(&t);
    }
    assert_true(ROUNDS == 1 || looked > 20);
}

/* Of two fields of one name it is as in the values, where the last one counts. */
static void test_equal_names(void **state) {
    (void)state;
    static struct trial t;
    struct dice d = {72};
    begin(&t, (struct str){NULL, 0});
    struct array children[2];
    for (uint32_t k = 0; k < 2; k++) {
        give(&children[k], &t.pool, ARRAY_I32, SEGMENT_ROWS, (struct taste){.words = 1}, 0, &d);
        uint8_t *key = keep(&t.pool, 2 + ARRAY_KEY_BYTES);
        memcpy(key, "\xA1k", 2);
        children[k].key = (struct str){(const char *)key, 2};
    }
    t.array = (struct array){
        .type = ARRAY_STRUCT, .n = SEGMENT_ROWS, .children = children, .n_children = 2};
    assert_int_equal(add(t.batch, "c", &t.array), E_OK);
    commit_as(t.batch, BATCH_APPEND);
    check_path(&t, (struct path){&(struct path_step){.key = str_of("k")}, 1});
    end(&t);
}

/* --- several at once --- */

enum { READERS = 3, LOADS = 6 };

struct shared {
    struct table *table;
    struct array words, struct_of, *columns[2];
    _Atomic bool done;
    _Atomic uint32_t failures;
};

/* Looks at a snapshot's columns and paths, in an order of its own. */
static bool look(struct shared *sh, struct dice *d) {
    const struct snapshot *s = table_snapshot(sh->table);
    bool good = true;
    struct path_step k0 = {.key = key_text(&sh->struct_of.children[0])};
    for (uint32_t i = 0; i < s->n_parts && good; i++) {
        uint32_t part = below(d, s->n_parts), column = below(d, 2);
        const struct part *p = &s->parts[part];
        const struct chunk *c = NULL;
        if (below(d, 3) == 0) {
            c = part_path_chunk(p, 1, (struct path){&k0, 1});
        } else {
            good = part_chunk(p, column, &c);
            for (uint32_t row = below(d, 50); good && row < p->n; row += 97) {
                struct value v = chunk_value(c, row);
                good = v.type == (column == 0 ? T_STR : T_MAP);
                if (good && column == 0)
                    good = !value_distinct(v, array_bytes(&sh->words, row % sh->words.n));
            }
        }
        good = good && c && c->n == p->n;
    }
    snapshot_unref(s);
    return good;
}

static void *read_all(void *arg) {
    struct shared *sh = arg;
    static _Atomic uint32_t number;
    struct dice d = {100 + atomic_fetch_add(&number, 1)};
    while (!sh->done)
        if (!look(sh, &d))
            sh->failures++;
    return NULL;
}

/* Readers make columns while others do, and while a writer brings more with the same words. */
static void test_at_once(void **state) {
    (void)state;
    static struct trial t;
    static struct shared sh;
    struct dice d = {13};
    begin(&t, (struct str){NULL, 0});
    sh.table = t.table;
    give(&sh.words, &t.pool, ARRAY_STR, SEGMENT_ROWS, (struct taste){.words = 9}, 0, &d);
    struct array *fields = keep(&t.pool, sizeof *fields);
    give(fields, &t.pool, ARRAY_STR, SEGMENT_ROWS, (struct taste){.words = 4}, 0, &d);
    uint8_t *key = keep(&t.pool, 2 + ARRAY_KEY_BYTES);
    memcpy(key, "\xA1k", 2);
    fields->key = (struct str){(const char *)key, 2};
    sh.struct_of = (struct array){
        .type = ARRAY_STRUCT, .n = SEGMENT_ROWS, .children = fields, .n_children = 1};
    pthread_t threads[READERS];
    for (uint32_t i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_all, &sh), 0);
    for (uint32_t i = 0; i < LOADS; i++) {
        struct str names[] = {str_of("c"), str_of("in")};
        struct array arrays[] = {sh.words, sh.struct_of};
        struct error e;
        error_clear(&e);
        for (uint32_t k = 0; k < 3; k++)
            assert_int_equal(batch_add_arrays(t.batch, SEGMENT_ROWS, names, arrays, 2, &e), E_OK);
        commit_as(t.batch, i == LOADS / 2 ? BATCH_REPLACE : BATCH_APPEND);
        usleep(20000);
    }
    sh.done = true;
    for (uint32_t i = 0; i < READERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(sh.failures, 0);
    end(&t);
}

enum { FIELD_VALUES = 20 };

/* Structs with one number, of FIELD_VALUES different ones from `first` on. */
static struct array structs_from(struct pool *pool, uint32_t first, uint32_t n) {
    struct array *field = keep(pool, sizeof *field);
    uint8_t *key = keep(pool, 2 + ARRAY_KEY_BYTES), *data = keep(pool, (size_t)n * 8);
    memcpy(key, "\xA1k", 2);
    for (uint32_t i = 0; i < n; i++) {
        uint64_t number = htole64(first + i % FIELD_VALUES);
        memcpy(data + (size_t)i * 8, &number, 8);
    }
    *field = (struct array){.type = ARRAY_I64, .n = n, .data = data, .key = {(const char *)key, 2}};
    return (struct array){.type = ARRAY_STRUCT, .n = n, .children = field, .n_children = 1};
}

/* What a writer does on a thread of its own. */
struct writing {
    struct trial *trial;
    const struct segment *segment; /* whose column is made; NULL: rows come behind */
    struct array rows;
};

static void *write_column(void *arg) {
    struct writing *w = arg;
    struct batch_counts counts;
    struct error e;
    error_clear(&e);
    bool done = w->segment ? segment_column_aside(w->segment, 0)
                           : add(w->trial->batch, "c", &w->rows) == E_OK &&
                                 batch_commit(w->trial->batch, BATCH_APPEND, &counts, &e) == E_OK;
    return done ? w : NULL;
}

/* As if a reader waited for the dictionary: the writer has to let it in before it has entered all
 * of its values, and to go on after it. */
static void check_gives_way(struct writing *w, struct shared_dict *shared) {
    uint32_t before = dict_count(shared->dict), now = before;
    pthread_t thread;
    void *done = NULL;
    atomic_store(&shared->n_waiting, 1);
    assert_int_equal(pthread_create(&thread, NULL, write_column, w), 0);
    pthread_mutex_lock(&shared->lock);
    for (uint32_t i = 0; i < 10000 && (now = dict_count(shared->dict)) == before; i++) {
        pthread_mutex_unlock(&shared->lock);
        usleep(1000);
        pthread_mutex_lock(&shared->lock);
    }
    atomic_store(&shared->n_waiting, 0);
    pthread_cond_broadcast(&shared->quiet);
    pthread_mutex_unlock(&shared->lock);
    assert_int_equal(pthread_join(thread, &done), 0);
    assert_ptr_equal(done, w);
    assert_in_range(now, before + 1, before + FIELD_VALUES - 1);
    assert_int_equal(dict_count(shared->dict), before + FIELD_VALUES);
}

static void test_readers_first(void **state) {
    (void)state;
    static struct trial t;
    begin(&t, (struct str){NULL, 0});
    for (uint32_t i = 0; i < 2; i++) {
        t.array = structs_from(&t.pool, 100 * i, SEGMENT_ROWS);
        assert_int_equal(add(t.batch, "c", &t.array), E_OK);
    }
    commit_as(t.batch, BATCH_APPEND);
    const struct snapshot *s = table_snapshot(t.table);
    struct shared_dict *shared = s->parts[0].segment->catalog->columns[0];
    check_chunk(chunk_of(&s->parts[0], 0)); /* the dictionary is the column's now */
    struct writing make = {.segment = s->parts[1].segment};
    check_gives_way(&make, shared);
    assert_true(part_is_made(&s->parts[1], 0));
    check_chunk(chunk_of(&s->parts[1], 0));
    snapshot_unref(s);
    struct writing append = {.trial = &t, .rows = structs_from(&t.pool, 200, 2 * FIELD_VALUES)};
    check_gives_way(&append, shared);
    for (uint32_t i = 0; i < 3; i++) {
        t.array = structs_from(&t.pool, 100 * i, i < 2 ? SEGMENT_ROWS : 2 * FIELD_VALUES);
        for (uint32_t row = 0; row < t.array.n; row++)
            append_cell(&t.rows, &t.array, row);
    }
    check_rows(t.table, &t.rows);
    end(&t);
}

/* A load that is refused takes its words with it, unless others have begun to use them. */
static void test_refused(void **state) {
    (void)state;
    static struct trial t;
    struct dice d = {14};
    uint32_t n = 2 * SEGMENT_ROWS;
    begin(&t, str_of("id"));
    struct array lists, words, ids = {.type = ARRAY_I64, .n = n};
    uint64_t *numbers = keep(&t.pool, n * sizeof *numbers);
    give_words(&lists, &t.pool, n, (struct taste){.words = 6, .longest = 3}, &d);
    give(&words, &t.pool, ARRAY_STR, n, (struct taste){.words = 6}, 0, &d);
    ids.data = (const uint8_t *)numbers;
    for (uint32_t round = 0; round < 4; round++) {
        for (uint32_t i = 0; i < n; i++)
            numbers[i] = htole64(round % 2 ? i / 2 : i + round * n); /* twice the same: refused */
        struct str names[] = {str_of("id"), str_of("tags"), str_of("town")};
        struct array arrays[] = {ids, lists, words};
        struct batch *b = batch_new(t.table);
        struct batch_counts counts;
        struct error e;
        error_clear(&e);
        assert_int_equal(batch_add_arrays(b, n, names, arrays, 3, &e), E_OK);
        assert_int_equal(batch_commit(b, BATCH_APPEND, &counts, &e),
                         round % 2 ? E_DUPLICATE_KEY : E_OK);
        batch_free(b);
        const struct snapshot *s = table_snapshot(t.table);
        assert_int_equal(s->n_rows, (round / 2 + 1) * (uint64_t)n);
        for (uint32_t i = 0; i < s->n_parts; i++)
            for (uint32_t column = 1; column < 3; column++)
                check_chunk(chunk_of(&s->parts[i], column));
        snapshot_unref(s);
    }
    end(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),         cmocka_unit_test(test_plain),
        cmocka_unit_test(test_scarce),        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_unread),        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_equal_names),   cmocka_unit_test(test_at_once),
        cmocka_unit_test(test_far),           cmocka_unit_test(test_refused),
        cmocka_unit_test(test_readers_first),
    };
    return cmocka_run_group_tests_name("table_raw", tests, NULL, NULL);
}

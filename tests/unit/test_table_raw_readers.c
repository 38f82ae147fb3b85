/* Columns that stay as they came (table/raw.h): readers and a writer at once, and loads that are
 * refused. */
#include "raw_unit.h"
#include "table/segment.h"

#include <pthread.h>

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
    struct batch *b = w->trial ? w->trial->batch : NULL;
    bool done = w->segment ? segment_column_aside(w->segment, 0)
                           : add(b, "c", &w->rows) == E_OK && add(b, "c", &w->rows) == E_OK &&
                                 batch_commit(b, BATCH_APPEND, &counts, &e) == E_OK;
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
    struct writing append = {.trial = &t, .rows = structs_from(&t.pool, 200, FIELD_VALUES)};
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
        cmocka_unit_test(test_at_once),
        cmocka_unit_test(test_readers_first),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests_name("table_raw_readers", tests, NULL, NULL);
}

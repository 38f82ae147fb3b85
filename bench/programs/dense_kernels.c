/* What each dense loop takes, on each level of SIMD that this machine has, how much of the memory's
 * bandwidth that is, and how many instructions a row it executes. Usage:
 *
 *   dense_kernels [LEVEL [LOOP]]                  times
 *   dense_kernels --instructions [LEVEL [LOOP]]   instructions
 *
 * A line a loop, its fields separated by tabs, behind a line with their names (bench/run kernels
 * makes a table of both).
 *
 * Two sizes: a segment (SEGMENT_ROWS rows, again and again: in cache) and a column much larger than
 * the cache, walked through segment by segment as a table is. Each figure is the median of ROUNDS.
 * What memory gives is measured by the best of the plain readers (reader.h), in turns with the
 * loop: the share is the median of the rounds' own.
 */
#include "base/build.h"
#include "kernel/dense.h"
#include "reader.h"
#include "steps.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUNDS               7
#define COLUMN_BYTES         ((size_t)1 << 30) /* of a column that no cache holds */
#define CACHED_ROWS          (16u << 20)       /* rows that a round in cache looks at */
#define STEPPED_ROWS         2048u /* whose instructions are counted, behind as many others */
#define STEPPED_COLUMN_BYTES ((size_t)SEGMENT_ROWS * 16)
#define WORDS                (SEGMENT_ROWS / 64)
#define ALIGN                64

/* This thread's time: what others do on the processor is not counted. */
static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* --- data --- */

static uint64_t seed = 1;
static uint64_t random_u64(void) { /* splitmix64 */
    uint64_t z = seed += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

static void *take(size_t bytes) {
    void *p = NULL;
    if (posix_memalign(&p, ALIGN, bytes + 4096) != 0) {
        fprintf(stderr, "dense_kernels: out of memory\n");
        exit(1);
    }
    memset(p, 0, bytes + 4096);
    return p;
}

static struct {
    size_t column_bytes;
    uint8_t *large;                   /* column_bytes of random bytes */
    double *large_f64;                /* as many of doubles in 0 .. 1 */
    uint32_t *codes;                  /* as many of numbers below 65536 */
    uint64_t set[1024];               /* half of 65536 codes */
    uint64_t *all, *most, *few, *out; /* bitmaps of a segment: every row, 82 %, 1 % */
    uint32_t *numbers;
    uint32_t *offsets; /* of one segment of names; the column is this one again and again */
    uint8_t *names;
    uint64_t sum;
} data;

static void names_make(void) {
    static const char *const FIRST[] = {"Anna", "Bjarne", "Chiara", "Dmitri", "Eva", "Farid"};
    static const char *const LAST[] = {"Hansen", "Berg", "Rossi", "Nakamura", "Olsen", "Smith"};
    data.offsets = take((SEGMENT_ROWS + 1) * sizeof *data.offsets);
    data.names = take((size_t)SEGMENT_ROWS * 40);
    for (uint32_t i = 0, at = 0; i < SEGMENT_ROWS; i++) {
        at += (uint32_t)sprintf((char *)data.names + at, "%s %s %u", FIRST[random_u64() % 6],
                                LAST[random_u64() % 30 == 0 ? 0 : 1 + random_u64() % 5],
                                (unsigned)(random_u64() % 10000));
        data.offsets[i + 1] = at;
    }
}

static void data_make(size_t bytes) {
    data.column_bytes = bytes;
    data.large = take(bytes);
    data.large_f64 = take(bytes);
    data.codes = take(bytes);
    for (size_t i = 0; i < bytes / 8; i++) {
        uint64_t r = random_u64();
        memcpy(data.large + i * 8, &r, 8);
        data.large_f64[i] = (double)(r >> 11) / 9007199254740992.0;
        data.codes[i * 2] = (uint16_t)r;
        data.codes[i * 2 + 1] = (uint16_t)(r >> 16);
    }
    for (size_t i = 0; i < 1024; i++)
        data.set[i] = random_u64();
    data.all = take(WORDS * 8);
    data.most = take(WORDS * 8);
    data.few = take(WORDS * 8);
    data.out = take(WORDS * 8);
    data.numbers = take((SEGMENT_ROWS + 16) * sizeof *data.numbers);
    for (uint32_t i = 0; i < SEGMENT_ROWS; i++) {
        data.all[i / 64] |= UINT64_C(1) << i % 64;
        data.most[i / 64] |= (uint64_t)(random_u64() % 1000 < 818) << i % 64;
        data.few[i / 64] |= (uint64_t)(random_u64() % 100 == 0) << i % 64;
    }
    names_make();
}

/* --- loops: n rows of a segment, the first of which is `row` of the large columns --- */

typedef uint32_t loop_fn(const struct dense_ops *ops, size_t row, uint32_t n);

#define AT(type) ((const type *)(const void *)data.large + row)

static uint32_t range_i8(const struct dense_ops *ops, size_t row, uint32_t n) {
    return ops->range_i8(AT(int8_t), n, -90, 90, false, data.all, data.out);
}
static uint32_t range_i8_few(const struct dense_ops *ops, size_t row, uint32_t n) {
    return ops->range_i8(AT(int8_t), n, -90, 90, false, data.few, data.out);
}
static uint32_t range_i8_both(const struct dense_ops *ops, size_t row, uint32_t n) {
    const struct byte_range a = {AT(int8_t), -90, 90, false},
                            b = {AT(int8_t) + data.column_bytes / 2, -64, 64, false};
    uint32_t first;
    return ops->range_i8_both(&a, &b, n, data.all, data.out, &first);
}
static uint32_t range_i16(const struct dense_ops *ops, size_t row, uint32_t n) {
    return ops->range_i16(AT(int16_t), n, -20000, 20000, false, data.all, data.out);
}
static uint32_t range_i32(const struct dense_ops *ops, size_t row, uint32_t n) {
    return ops->range_i32(AT(int32_t), n, -1000000000, 1000000000, false, data.all, data.out);
}
static uint32_t range_i64(const struct dense_ops *ops, size_t row, uint32_t n) {
    return ops->range_i64(AT(int64_t), n, -(1ll << 62), 1ll << 62, false, data.all, data.out);
}
static uint32_t range_f64(const struct dense_ops *ops, size_t row, uint32_t n) {
    return ops->range_f64(data.large_f64 + row, n, .25, .75, false, data.all, data.out);
}
static const int64_t FOUR[] = {-90, -3, 17, 90};
static const double FOUR_F64[] = {.125, .25, .5, .75};
static uint32_t any_i8(const struct dense_ops *ops, size_t row, uint32_t n) {
    return ops->any_i8(AT(int8_t), n, FOUR, 4, false, data.all, data.out);
}
static uint32_t any_i16(const struct dense_ops *ops, size_t row, uint32_t n) {
    return ops->any_i16(AT(int16_t), n, FOUR, 4, false, data.all, data.out);
}
static uint32_t any_i32(const struct dense_ops *ops, size_t row, uint32_t n) {
    return ops->any_i32(AT(int32_t), n, FOUR, 4, false, data.all, data.out);
}
static uint32_t any_i64(const struct dense_ops *ops, size_t row, uint32_t n) {
    return ops->any_i64(AT(int64_t), n, FOUR, 4, false, data.all, data.out);
}
static uint32_t any_f64(const struct dense_ops *ops, size_t row, uint32_t n) {
    return ops->any_f64(data.large_f64 + row, n, FOUR_F64, 4, false, data.all, data.out);
}
static uint32_t pair_i64(const struct dense_ops *ops, size_t row, uint32_t n) {
    return ops->pair_i64(AT(int64_t), AT(int64_t) + data.column_bytes / 16, n, DENSE_LT, data.all,
                         data.out);
}
static uint32_t pair_f64(const struct dense_ops *ops, size_t row, uint32_t n) {
    const double *x = data.large_f64 + row;
    return ops->pair_f64(x, x + data.column_bytes / 16, n, DENSE_LT, data.all, data.out);
}
static uint32_t lookup_u8(const struct dense_ops *ops, size_t row, uint32_t n) {
    return ops->lookup_u8(AT(uint8_t), n, data.set, data.all, data.out);
}
static uint32_t lookup_u16(const struct dense_ops *ops, size_t row, uint32_t n) {
    return ops->lookup_u16(AT(uint16_t), n, data.set, data.all, data.out);
}
static uint32_t lookup_u32(const struct dense_ops *ops, size_t row, uint32_t n) {
    return ops->lookup_u32(data.codes + row, n, data.set, data.all, data.out);
}
static uint32_t str_equal(const struct dense_ops *ops, size_t row, uint32_t n) {
    (void)row;
    return ops->str_equal(data.offsets, data.names, n, (const uint8_t *)"Anna Hansen 17", 14, false,
                          data.all, data.out);
}
static uint32_t str_prefix(const struct dense_ops *ops, size_t row, uint32_t n) {
    (void)row;
    return ops->str_prefix(data.offsets, data.names, n, (const uint8_t *)"A", 1, false, data.all,
                           data.out);
}
static uint32_t str_suffix(const struct dense_ops *ops, size_t row, uint32_t n) {
    (void)row;
    return ops->str_suffix(data.offsets, data.names, n, (const uint8_t *)" 17", 3, false, data.all,
                           data.out);
}
static uint32_t str_contains(const struct dense_ops *ops, size_t row, uint32_t n) {
    (void)row;
    return ops->str_contains(data.offsets, data.names, n, (const uint8_t *)"ansen", 5, false,
                             data.all, data.out);
}
static uint32_t str_contains_few(const struct dense_ops *ops, size_t row, uint32_t n) {
    (void)row;
    return ops->str_contains(data.offsets, data.names, n, (const uint8_t *)"ansen", 5, false,
                             data.few, data.out);
}

static const struct needle NEEDLES[] = {{4, "son "}, {4, "sen "}};

static uint32_t str_range(const struct dense_ops *ops, size_t row, uint32_t n) {
    const struct text_range r = {.low = (const uint8_t *)"Anna",
                                 .low_n = 4,
                                 .has_low = true,
                                 .high = (const uint8_t *)"Mika",
                                 .high_n = 4,
                                 .has_high = true};
    (void)row;
    return ops->str_range(data.offsets, data.names, n, &r, false, data.all, data.out);
}
static uint32_t str_any(const struct dense_ops *ops, size_t row, uint32_t n) {
    (void)row;
    return ops->str_any(data.offsets, data.names, n, NEEDLES, 2, data.all, data.out);
}

static uint32_t str_any_few(const struct dense_ops *ops, size_t row, uint32_t n) {
    (void)row;
    return ops->str_any(data.offsets, data.names, n, NEEDLES, 2, data.few, data.out);
}

static uint32_t str_first(const struct dense_ops *ops, size_t row, uint32_t n) {
    (void)row;
    return ops->str_first(data.offsets, data.names, n, 'A', 'M', data.all, data.out);
}
static uint32_t bits_and(const struct dense_ops *ops, size_t row, uint32_t n) {
    (void)row;
    return ops->bits_and(data.most, data.few, n / 64, data.out);
}
static uint32_t indices_most(const struct dense_ops *ops, size_t row, uint32_t n) {
    return ops->indices(data.most, n / 64, (uint32_t)row, data.numbers);
}
static uint32_t indices_few(const struct dense_ops *ops, size_t row, uint32_t n) {
    return ops->indices(data.few, n / 64, (uint32_t)row, data.numbers);
}
static uint32_t bounds_i64(const struct dense_ops *ops, size_t row, uint32_t n) {
    int64_t low, high;
    ops->bounds_i64(AT(int64_t), n, &low, &high);
    return low < high;
}
static uint32_t bounds_f64(const struct dense_ops *ops, size_t row, uint32_t n) {
    double low, high;
    bool nan;
    ops->bounds_f64(data.large_f64 + row, n, &low, &high, &nan);
    return low < high;
}
static uint32_t narrow_1(const struct dense_ops *ops, size_t row, uint32_t n) {
    ops->narrow_i64(AT(int64_t), n, 5, 1, data.numbers);
    return 1;
}
static uint32_t bounds_u32(const struct dense_ops *ops, size_t row, uint32_t n) {
    uint32_t low, high;
    ops->bounds_u32(data.codes + row, n, &low, &high);
    return low < high;
}
static uint32_t tally_u8(const struct dense_ops *ops, size_t row, uint32_t n) {
    uint32_t counts[256];
    ops->tally_u8((const uint8_t *)AT(int8_t), n, counts);
    return counts[7];
}
static uint32_t narrow_u32_2(const struct dense_ops *ops, size_t row, uint32_t n) {
    ops->narrow_u32(data.codes + row, n, 2, data.numbers);
    return 1;
}
static uint32_t ascends_u32(const struct dense_ops *ops, size_t row, uint32_t n) {
    return ops->ascends_u32(data.codes + row, n);
}
static uint32_t widen_4(const struct dense_ops *ops, size_t row, uint32_t n) {
    static int64_t out[SEGMENT_ROWS];
    ops->widen_i64(data.codes + row, n, 5, 4, out);
    return (uint32_t)out[7];
}

/* How many bytes a row takes of the large column; 0: there is none, only a segment. */
static const struct loop {
    const char *name;
    loop_fn *run;
    unsigned row_bytes, columns;
} LOOPS[] = {
    {"range_i8", range_i8, 1, 1},
    {"range_i8, 1 % wanted", range_i8_few, 1, 1},
    {"range_i8_both", range_i8_both, 1, 2},
    {"range_i16", range_i16, 2, 1},
    {"range_i32", range_i32, 4, 1},
    {"range_i64", range_i64, 8, 1},
    {"range_f64", range_f64, 8, 1},
    {"any_i8, four numbers", any_i8, 1, 1},
    {"any_i16, four numbers", any_i16, 2, 1},
    {"any_i32, four numbers", any_i32, 4, 1},
    {"any_i64, four numbers", any_i64, 8, 1},
    {"any_f64, four numbers", any_f64, 8, 1},
    {"pair_i64", pair_i64, 8, 2},
    {"pair_f64", pair_f64, 8, 2},
    {"lookup_u8", lookup_u8, 1, 1},
    {"lookup_u16", lookup_u16, 2, 1},
    {"lookup_u32", lookup_u32, 4, 1},
    {"str_equal", str_equal, 0, 1},
    {"str_prefix", str_prefix, 0, 1},
    {"str_suffix", str_suffix, 0, 1},
    {"str_contains", str_contains, 0, 1},
    {"str_contains, 1 % wanted", str_contains_few, 0, 1},
    {"str_any, 2 needles", str_any, 0, 1},
    {"str_any, 1 % wanted", str_any_few, 0, 1},
    {"str_range", str_range, 0, 1},
    {"str_first", str_first, 0, 1},
    {"bits_and", bits_and, 0, 1},
    {"indices, 82 % set", indices_most, 0, 1},
    {"indices, 1 % set", indices_few, 0, 1},
    {"bounds_i64", bounds_i64, 8, 1},
    {"bounds_f64", bounds_f64, 8, 1},
    {"narrow_i64 to 1", narrow_1, 8, 1},
    {"bounds_u32", bounds_u32, 4, 1},
    {"tally_u8", tally_u8, 1, 1},
    {"narrow_u32 to 2", narrow_u32_2, 4, 1},
    {"ascends_u32", ascends_u32, 4, 1},
    {"widen_i64 from 4", widen_4, 4, 1},
};

/* --- measuring --- */

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values) {
    qsort(values, ROUNDS, sizeof *values, ascending);
    return values[ROUNDS / 2];
}

/* Nanoseconds a row of looking at `rows` rows once, beginning again at the column's first segment
 * behind its `period` rows. */
static double once(const struct dense_ops *ops, const struct loop *loop, size_t rows,
                   size_t period) {
    double begin = now();
    for (size_t row = 0; row < rows; row += SEGMENT_ROWS)
        data.sum += loop->run(ops, row % period, SEGMENT_ROWS);
    return (now() - begin) * 1e9 / (double)rows;
}

/* GB/s of reading `bytes` as often as it takes to have read a column. */
static double read_once(const struct reader *reader, size_t bytes) {
    double begin = now();
    for (size_t done = 0; done < COLUMN_BYTES; done += bytes)
        data.sum += reader->run(data.large, bytes);
    return (double)COLUMN_BYTES / (now() - begin) / 1e9;
}

/* The reader with the best median over `bytes`, all in turns. */
static const struct reader *best_reader(size_t bytes, double *ret_speed) {
    enum { MOST = 16 };
    double speeds[MOST][ROUNDS];
    const struct reader *all = readers(), *best = all;
    for (int round = 0; round < ROUNDS; round++)
        for (size_t i = 0; all[i].name; i++)
            speeds[i][round] = read_once(&all[i], bytes);
    *ret_speed = 0;
    for (size_t i = 0; all[i].name; i++) {
        double speed = median(speeds[i]);
        if (speed > *ret_speed) {
            *ret_speed = speed;
            best = &all[i];
        }
    }
    return best;
}

struct memory_figure {
    double ns, read, share;
};

static struct memory_figure from_memory(const struct dense_ops *ops, const struct loop *loop,
                                        const struct reader *reader) {
    size_t bytes = loop->row_bytes * loop->columns, rows = COLUMN_BYTES / bytes;
    double times[ROUNDS], reads[ROUNDS], shares[ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
        reads[round] = read_once(reader, COLUMN_BYTES);
        times[round] = once(ops, loop, rows, rows);
        shares[round] = (double)bytes / times[round] / reads[round];
    }
    return (struct memory_figure){median(times), median(reads), median(shares)};
}

static void report_times(const struct dense_ops *ops, const struct loop *l,
                         const struct reader *reader) {
    double bytes = l->row_bytes * l->columns, times[ROUNDS];
    for (int round = 0; round < ROUNDS; round++)
        times[round] = once(ops, l, CACHED_ROWS, SEGMENT_ROWS);
    printf("%s\t%s\t%.5f", ops->name, l->name, median(times));
    if (l->row_bytes) {
        struct memory_figure f = from_memory(ops, l, reader);
        printf("\t%.5f\t%.2f\t%.2f\t%.4f\n", f.ns, bytes / f.ns, f.read, f.share);
    } else {
        printf("\t\t\t\t\n");
    }
}

/* --- instructions --- */

struct stepped {
    const struct dense_ops *ops;
    const struct loop *loop;
    uint32_t n;
};

static void run_stepped(void *arg) {
    const struct stepped *s = arg;
    data.sum += s->loop->run(s->ops, 0, s->n);
}

/* Of rows behind the first ones: what a call costs once is no row's. */
static void report_instructions(const struct dense_ops *ops, const struct loop *l) {
    struct stepped one = {ops, l, STEPPED_ROWS}, two = {ops, l, 2 * STEPPED_ROWS};
    uint64_t less = steps_count(run_stepped, &one), more = steps_count(run_stepped, &two);
    printf("%s\t%s\t", ops->name, l->name);
    if (less > 0 && more > 0)
        printf("%.4f", (double)(more - less) / STEPPED_ROWS);
    printf("\n");
}

int main(int argc, char **argv) {
    bool counts = argc > 1 && strcmp(argv[1], "--instructions") == 0;
    const char *only_level = argc > 1 + counts ? argv[1 + counts] : NULL;
    const char *only_loop = argc > 2 + counts ? argv[2 + counts] : NULL;
    const struct reader *reader = NULL;
    data_make(counts ? STEPPED_COLUMN_BYTES : COLUMN_BYTES);
    if (counts) {
        printf("level\tloop\tinstructions\n");
    } else {
        double memory, cached;
        reader = best_reader(COLUMN_BYTES, &memory);
        const struct reader *in_cache = best_reader(SEGMENT_ROWS, &cached);
        printf("# read from memory\t%s\t%.2f\n# read in cache\t%s\t%.2f\n", reader->name, memory,
               in_cache->name, cached);
        printf("level\tloop\tcached_ns\tns\tgb_s\tread_gb_s\tshare\n");
    }
    for (int level = 0; level < DENSE_LEVELS; level++) {
        const struct dense_ops *ops = dense_ops_at(level);
        for (size_t i = 0; ops && i < sizeof LOOPS / sizeof *LOOPS; i++) {
            if ((only_level && strcmp(only_level, ops->name) != 0) ||
                (only_loop && !strstr(LOOPS[i].name, only_loop)))
                continue;
            if (counts)
                report_instructions(ops, &LOOPS[i]);
            else
                report_times(ops, &LOOPS[i], reader);
            fflush(stdout);
        }
    }
    return data.sum == 1; /* so that no loop is left out */
}

/* What each dense loop takes, on each level of SIMD that this machine has, and how much of the
 * memory's bandwidth that is. Usage: dense_kernels [LEVEL [LOOP]]
 *
 * Two sizes: a segment (SEGMENT_ROWS rows, again and again: in cache) and a column much larger than
 * the cache, walked through segment by segment as a table is. Each figure is the median of ROUNDS.
 * "of read" is the share of what summing up the same number of bytes from memory reaches, measured
 * just before. Instructions are counted if perf_event_open lets us.
 */
#include "base/build.h"
#include "kernel/dense.h"

#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS       9
#define COLUMN_BYTES (512u << 20) /* of a column that no cache holds */
#define CACHED_ROWS  (16u << 20)  /* rows that a round in cache looks at */
#define WORDS        (SEGMENT_ROWS / 64)
#define ALIGN        64

/* This thread's time: what others do on the processor is not counted. */
static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* --- instructions --- */

static int counter = -1;

static void counter_open(void) {
    struct perf_event_attr a = {.type = PERF_TYPE_HARDWARE,
                                .size = sizeof a,
                                .config = PERF_COUNT_HW_INSTRUCTIONS,
                                .exclude_kernel = 1,
                                .exclude_hv = 1};
    counter = (int)syscall(SYS_perf_event_open, &a, 0, -1, -1, 0);
}

static uint64_t counter_read(void) {
    uint64_t count = 0;
    return counter >= 0 && read(counter, &count, sizeof count) == sizeof count ? count : 0;
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
    uint8_t *large;                   /* COLUMN_BYTES of random bytes */
    double *large_f64;                /* as many of doubles in 0 .. 1 */
    uint32_t *codes;                  /* COLUMN_BYTES of numbers below 65536 */
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

static void data_make(void) {
    data.large = take(COLUMN_BYTES);
    data.large_f64 = take(COLUMN_BYTES);
    data.codes = take(COLUMN_BYTES);
    for (size_t i = 0; i < COLUMN_BYTES / 8; i++) {
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

/* --- loops: one segment whose first row is `row` of the large columns --- */

typedef uint32_t loop_fn(const struct dense_ops *ops, size_t row);

#define N        SEGMENT_ROWS
#define AT(type) ((const type *)(const void *)data.large + row)

static uint32_t range_i8(const struct dense_ops *ops, size_t row) {
    return ops->range_i8(AT(int8_t), N, -90, 90, false, data.all, data.out);
}
static uint32_t range_i8_few(const struct dense_ops *ops, size_t row) {
    return ops->range_i8(AT(int8_t), N, -90, 90, false, data.few, data.out);
}
static uint32_t range_i16(const struct dense_ops *ops, size_t row) {
    return ops->range_i16(AT(int16_t), N, -20000, 20000, false, data.all, data.out);
}
static uint32_t range_i32(const struct dense_ops *ops, size_t row) {
    return ops->range_i32(AT(int32_t), N, -1000000000, 1000000000, false, data.all, data.out);
}
static uint32_t range_i64(const struct dense_ops *ops, size_t row) {
    return ops->range_i64(AT(int64_t), N, -(1ll << 62), 1ll << 62, false, data.all, data.out);
}
static uint32_t range_f64(const struct dense_ops *ops, size_t row) {
    return ops->range_f64(data.large_f64 + row, N, .25, .75, false, data.all, data.out);
}
static uint32_t pair_i64(const struct dense_ops *ops, size_t row) {
    return ops->pair_i64(AT(int64_t), AT(int64_t) + COLUMN_BYTES / 16, N, DENSE_LT, data.all,
                         data.out);
}
static uint32_t pair_f64(const struct dense_ops *ops, size_t row) {
    const double *x = data.large_f64 + row;
    return ops->pair_f64(x, x + COLUMN_BYTES / 16, N, DENSE_LT, data.all, data.out);
}
static uint32_t lookup_u8(const struct dense_ops *ops, size_t row) {
    return ops->lookup_u8(AT(uint8_t), N, data.set, data.all, data.out);
}
static uint32_t lookup_u16(const struct dense_ops *ops, size_t row) {
    return ops->lookup_u16(AT(uint16_t), N, data.set, data.all, data.out);
}
static uint32_t lookup_u32(const struct dense_ops *ops, size_t row) {
    return ops->lookup_u32(data.codes + row, N, data.set, data.all, data.out);
}
static uint32_t str_equal(const struct dense_ops *ops, size_t row) {
    (void)row;
    return ops->str_equal(data.offsets, data.names, N, (const uint8_t *)"Anna Hansen 17", 14, false,
                          data.all, data.out);
}
static uint32_t str_prefix(const struct dense_ops *ops, size_t row) {
    (void)row;
    return ops->str_prefix(data.offsets, data.names, N, (const uint8_t *)"A", 1, false, data.all,
                           data.out);
}
static uint32_t str_suffix(const struct dense_ops *ops, size_t row) {
    (void)row;
    return ops->str_suffix(data.offsets, data.names, N, (const uint8_t *)" 17", 3, false, data.all,
                           data.out);
}
static uint32_t str_contains(const struct dense_ops *ops, size_t row) {
    (void)row;
    return ops->str_contains(data.offsets, data.names, N, (const uint8_t *)"ansen", 5, false,
                             data.all, data.out);
}
static uint32_t str_contains_few(const struct dense_ops *ops, size_t row) {
    (void)row;
    return ops->str_contains(data.offsets, data.names, N, (const uint8_t *)"ansen", 5, false,
                             data.few, data.out);
}
static uint32_t bits_and(const struct dense_ops *ops, size_t row) {
    (void)row;
    return ops->bits_and(data.most, data.few, WORDS, data.out);
}
static uint32_t indices_most(const struct dense_ops *ops, size_t row) {
    return ops->indices(data.most, WORDS, (uint32_t)row, data.numbers);
}
static uint32_t indices_few(const struct dense_ops *ops, size_t row) {
    return ops->indices(data.few, WORDS, (uint32_t)row, data.numbers);
}
static uint32_t bounds_i64(const struct dense_ops *ops, size_t row) {
    int64_t low, high;
    ops->bounds_i64(AT(int64_t), N, &low, &high);
    return low < high;
}
static uint32_t bounds_f64(const struct dense_ops *ops, size_t row) {
    double low, high;
    bool nan;
    ops->bounds_f64(data.large_f64 + row, N, &low, &high, &nan);
    return low < high;
}
static uint32_t narrow_1(const struct dense_ops *ops, size_t row) {
    ops->narrow_i64(AT(int64_t), N, 5, 1, data.numbers);
    return 1;
}
static uint32_t widen_4(const struct dense_ops *ops, size_t row) {
    static int64_t out[N];
    ops->widen_i64(data.codes + row, N, 5, 4, out);
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
    {"range_i16", range_i16, 2, 1},
    {"range_i32", range_i32, 4, 1},
    {"range_i64", range_i64, 8, 1},
    {"range_f64", range_f64, 8, 1},
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
    {"bits_and", bits_and, 0, 1},
    {"indices, 82 % set", indices_most, 0, 1},
    {"indices, 1 % set", indices_few, 0, 1},
    {"bounds_i64", bounds_i64, 8, 1},
    {"bounds_f64", bounds_f64, 8, 1},
    {"narrow_i64 to 1", narrow_1, 8, 1},
    {"widen_i64 from 4", widen_4, 4, 1},
};

/* --- measuring --- */

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

struct figure {
    double ns, instructions; /* a row */
};

/* `rows` rows, beginning again at the column's first segment behind its `period` rows. */
static struct figure measure(const struct dense_ops *ops, const struct loop *loop, size_t rows,
                             size_t period) {
    double times[ROUNDS];
    uint64_t instructions = 0;
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t count = counter_read();
        double begin = now();
        for (size_t row = 0; row < rows; row += N)
            data.sum += loop->run(ops, row % period);
        times[round] = (now() - begin) * 1e9 / (double)rows;
        instructions = counter_read() - count;
    }
    qsort(times, ROUNDS, sizeof *times, ascending);
    return (struct figure){times[ROUNDS / 2], (double)instructions / (double)rows};
}

/* GB/s of summing up `bytes`, again and again. */
static double read_bandwidth(size_t bytes, size_t total) {
    typedef uint64_t lanes __attribute__((vector_size(64)));
    double times[ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
        double begin = now();
        for (size_t done = 0; done < total; done += bytes) {
            lanes sum[4] = {{0}};
            for (size_t i = 0; i < bytes; i += sizeof sum) {
                for (size_t l = 0; l < 4; l++)
                    sum[l] += *(const lanes *)(const void *)(data.large + i + l * 64);
                __builtin_prefetch(data.large + i + 4096);
                __builtin_prefetch(data.large + i + 4160);
                __builtin_prefetch(data.large + i + 4224);
                __builtin_prefetch(data.large + i + 4288);
            }
            data.sum += sum[0][0] + sum[1][1] + sum[2][2] + sum[3][3];
        }
        times[round] = (now() - begin) / (double)total * 1e9;
    }
    qsort(times, ROUNDS, sizeof *times, ascending);
    return 1 / times[ROUNDS / 2];
}

static void report(const struct dense_ops *ops, const char *only) {
    printf("\n| %s | in cache: ns/row | rows/ns | GB/s | instructions/row | from memory: ns/row | "
           "GB/s | of read |\n|---|---|---|---|---|---|---|---|\n",
           ops->name);
    for (size_t i = 0; i < sizeof LOOPS / sizeof *LOOPS; i++) {
        const struct loop *l = &LOOPS[i];
        if (only && !strstr(l->name, only))
            continue;
        double bytes = l->row_bytes * l->columns;
        struct figure in = measure(ops, l, CACHED_ROWS, N);
        printf("| %s | %.4f | %.1f | %.1f | ", l->name, in.ns, 1 / in.ns, bytes / in.ns);
        printf(counter >= 0 ? "%.2f | " : "- | ", in.instructions);
        if (l->row_bytes) {
            size_t rows = COLUMN_BYTES / l->row_bytes / l->columns;
            double read = read_bandwidth(COLUMN_BYTES, COLUMN_BYTES);
            struct figure out = measure(ops, l, rows, rows);
            printf("%.4f | %.1f | %.0f %% |\n", out.ns, bytes / out.ns,
                   bytes / out.ns / read * 100);
        } else {
            printf("- | - | - |\n");
        }
        fflush(stdout);
    }
}

int main(int argc, char **argv) {
    data_make();
    counter_open();
    printf("%u rows a segment; a sum reads %.1f GB/s from memory, %.1f GB/s in cache\n", N,
           read_bandwidth(COLUMN_BYTES, COLUMN_BYTES), read_bandwidth(N, COLUMN_BYTES));
    for (int level = 0; level < DENSE_LEVELS; level++) {
        const struct dense_ops *ops = dense_ops_at(level);
        if (ops && (argc == 1 || strcmp(argv[1], ops->name) == 0))
            report(ops, argc > 2 ? argv[2] : NULL);
    }
    return data.sum == 1; /* so that no loop is left out */
}

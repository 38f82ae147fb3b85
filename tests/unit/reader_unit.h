/* What the tests of the row readers share: an input, the wanted paths in the notation of mp_unit.h,
 * and what the reader is to say of it, as plain text of reader_dump.h. Every input is read whole,
 * by both kinds of loops, and cut at every byte and into single bytes. */
#ifndef TAMIS_TESTS_READER_UNIT_H
#define TAMIS_TESTS_READER_UNIT_H

#include "mp_unit.h"
#include "reader_dump.h"

#define OPTIONS(...)                                                                               \
    (struct reader_options) { .row_depth = 8, .row_fields = 30, __VA_ARGS__ }

struct reads {
    struct arena arena;
    struct fields fields;
    struct path paths[16];
    struct dump dump;
};

static inline void reads_begin(struct reads *t, const char *paths, struct reader_options options) {
    char *copy = keep(strdup(paths));
    uint32_t n = 0;
    *t = (struct reads){0};
    for (char *save, *p = strtok_r(copy, " ", &save); p; p = strtok_r(NULL, " ", &save))
        t->paths[n++] = path_of(strcmp(p, ".") == 0 ? "" : p);
    arena_init(&t->arena, NULL);
    assert_true(fields_build(&t->fields, &t->arena, t->paths, n));
    t->dump = (struct dump){.fields = &t->fields, .options = options, .plain = true};
}

static inline void reads_end(struct reads *t) { arena_done(&t->arena); }

/* What the reader says, in pieces of a size (0: whole). */
static inline char *reads_text(struct reads *t, const void *input, size_t n, size_t piece) {
    struct buf out = {0};
    t->dump.piece_bytes = piece;
    assert_true(dump_reader(&out, &t->dump, input, n));
    buf_byte(&out, '\0');
    assert_false(buf_failed(&out));
    return keep(out.data);
}

static inline void reads_same(const char *got, const char *want, const char *how, const char *file,
                              int line) {
    if (strcmp(got, want) == 0)
        return;
    print_error("%s: got\n%s\nwanted\n%s\n", how, got, want);
    _fail(file, line);
}

/* The input gives `want`, whatever comes at once. */
#define assert_reads(t, input, want)                                                               \
    check_reads((t), (input), sizeof(input) - 1, (want), __FILE__, __LINE__)
static inline void check_reads(struct reads *t, const char *input, size_t n, const char *want,
                               const char *file, int line) {
    char how[32];
    t->dump.options.simd = SIMD_BEST;
    reads_same(reads_text(t, input, n, 0), want, "whole", file, line);
    t->dump.defers = true;
    reads_same(reads_text(t, input, n, 0), want, "deferred", file, line);
    t->dump.defers = false;
    t->dump.options.simd = SIMD_AVX2;
    reads_same(reads_text(t, input, n, 0), want, "by AVX2", file, line);
    t->dump.options.simd = SIMD_BASE;
    reads_same(reads_text(t, input, n, 0), want, "by SSE2 or NEON", file, line);
    t->dump.options.simd = SIMD_PORTABLE;
    reads_same(reads_text(t, input, n, 0), want, "portable", file, line);
    for (size_t piece = 1; piece < n; piece++) { /* the first cut is at every place */
        snprintf(how, sizeof how, "pieces of %zu", piece);
        reads_same(reads_text(t, input, n, piece), want, how, file, line);
    }
    t->dump.options.simd = SIMD_BEST;
}

/* One input with its options. */
static inline void check_once(const char *paths, struct reader_options options, bool skip,
                              const char *input, size_t n, const char *want, const char *file,
                              int line) {
    struct reads t;
    reads_begin(&t, paths, options);
    t.dump.skip = skip;
    check_reads(&t, input, n, want, file, line);
    reads_end(&t);
}
#define assert_once(paths, options, input, want)                                                   \
    check_once((paths), (options), false, (input), sizeof(input) - 1, (want), __FILE__, __LINE__)
#define assert_skips(paths, options, input, want)                                                  \
    check_once((paths), (options), true, (input), sizeof(input) - 1, (want), __FILE__, __LINE__)

#endif

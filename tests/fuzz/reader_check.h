/* What the fuzz targets of the readers hold in common: any bytes, wanted fields of every shape, and
 * that neither pieces nor loops make a difference. */
#ifndef TAMIS_TESTS_READER_CHECK_H
#define TAMIS_TESTS_READER_CHECK_H

#include "reader_dump.h"

static inline void same_dump(const struct buf *a, const struct buf *b, const char *what) {
    if (a->len == b->len && memcmp(a->data, b->data, a->len) == 0)
        return;
    fprintf(stderr, "%s:\n%.*s\n--- differs from\n%.*s\n", what, (int)b->len, (const char *)b->data,
            (int)a->len, (const char *)a->data);
    abort();
}

/* Reads the input whole, by the portable loops, and in pieces of `piece_bytes` and of one byte.
 * All must say the same; gives what. */
static inline struct buf dump_every_way(struct dump d, const uint8_t *data, size_t size,
                                        size_t piece_bytes) {
    struct buf whole = {0};
    FUZZ_CHECK(dump_reader(&whole, &d, data, size));
    const struct {
        const char *name;
        enum reader_simd simd;
        size_t piece_bytes;
        bool defers;
    } WAYS[] = {{"by AVX2", SIMD_AVX2, 0, false},
                {"by SSE2 or NEON", SIMD_BASE, 0, true},
                {"portable", SIMD_PORTABLE, 0, false},
                {"deferred", SIMD_BEST, 0, true},
                {"in pieces", SIMD_BEST, piece_bytes, false},
                {"byte by byte", SIMD_PORTABLE, size < 300 ? 1 : 61, true}};
    for (unsigned i = 0; i < sizeof WAYS / sizeof *WAYS; i++) {
        struct buf other = {0};
        d.options.simd = WAYS[i].simd;
        d.piece_bytes = WAYS[i].piece_bytes;
        d.defers = WAYS[i].defers;
        FUZZ_CHECK(dump_reader(&other, &d, data, size));
        same_dump(&whole, &other, WAYS[i].name);
        buf_done(&other);
    }
    return whole;
}

#endif

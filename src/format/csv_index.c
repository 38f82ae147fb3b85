/* See csv.h: the structure of CSV, 64 bytes at a time, as json_index.c does it.
 *
 * A quote toggles, a doubled one twice; that is right as long as each quote that opens stands at
 * the beginning of a cell or behind one that closed, and each that closes at the end of a cell or
 * before another. Where it is not, the window ends. */
#include "format/csv.h"
#include "format/lanes.h"

#define BLOCK       64u
#define AHEAD_BYTES 2048u /* see json_index.c */

struct masks {
    uint64_t quote, delimiter, line, carriage;
};

/* What one block leaves to the next: whether its last byte ... */
struct carry {
    uint64_t inside;   /* all ones: is inside quotes */
    uint64_t begins;   /* 1: is before a cell, or is a quote */
    uint64_t closed;   /* 1: is a quote that closes */
    uint64_t returned; /* 1: is a carriage return behind such a one */
};

static inline void ask_ahead(const uint8_t *p) {
    __builtin_prefetch((const void *)((uintptr_t)p + AHEAD_BYTES));
}

/* The ends of cells in one block; `prefix` is the running exclusive or of its quotes. */
static inline __attribute__((always_inline)) uint64_t
block_ends(struct carry *c, struct masks m, uint64_t prefix, uint64_t *ret_bad) {
    uint64_t ends = m.delimiter | m.line;
    uint64_t inside = prefix ^ c->inside, open = m.quote & inside, close = m.quote & ~inside;
    ends &= ~inside;
    uint64_t before = (ends | m.quote) << 1 | c->begins;
    uint64_t behind = close << 1 | c->closed, returned = m.carriage & behind;
    uint64_t line = returned << 1 | c->returned;
    *ret_bad = (open & ~before) | (behind & ~(ends | m.quote | m.carriage)) | (line & ~m.line);
    c->inside = (uint64_t)((int64_t)inside >> 63);
    c->begins = (ends | m.quote) >> 63;
    c->closed = close >> 63;
    c->returned = returned >> 63;
    return ends;
}

/* Notes which of the ends of one block, whose first has number n, end a record. */
static inline __attribute__((always_inline)) void put_records(struct csv_index *x, uint64_t ends,
                                                              uint64_t lines, uint32_t n) {
    for (lines &= ends; lines; lines &= lines - 1) {
        uint64_t below = (lines & -lines) - 1;
        x->ends[x->n_ends++] = n + (uint32_t)__builtin_popcountll(ends & below);
    }
}

static inline uint64_t cut(uint64_t ends, uint64_t bad, const uint8_t *p, const uint8_t **ret_bad) {
    unsigned first = (unsigned)__builtin_ctzll(bad);
    *ret_bad = p + first;
    return ends & ((UINT64_C(1) << first) - 1);
}

/* --- plain C --- */

static struct masks masks_portable(const struct csv_dialect *d, const uint8_t *p) {
    struct masks m = {0};
    for (unsigned i = 0; i < BLOCK; i += 8) {
        uint64_t w = load_le64(p + i);
        m.delimiter |= gather(equal_bytes(w, d->delimiter)) << i;
        m.line |= gather(equal_bytes(w, '\n')) << i;
        m.carriage |= gather(equal_bytes(w, '\r')) << i;
        if (d->quotes)
            m.quote |= gather(equal_bytes(w, d->quote)) << i;
    }
    return m;
}

static void index_portable(struct csv_index *x, const struct csv_dialect *d, struct carry *carry,
                           const uint8_t *p, const uint8_t *stop, const uint8_t *base) {
    for (; stop - p >= (ptrdiff_t)BLOCK && !x->bad; p += BLOCK) {
        ask_ahead(p);
        struct masks m = masks_portable(d, p);
        uint64_t prefix = m.quote, bad;
        for (unsigned shift = 1; shift < 64; shift *= 2)
            prefix ^= prefix << shift;
        uint64_t ends = block_ends(carry, m, prefix, &bad);
        if (bad)
            ends = cut(ends, bad, p, &x->bad);
        put_records(x, ends, m.line, x->n);
        for (; ends; ends &= ends - 1)
            x->at[x->n++] = (uint32_t)(p - base) + (uint32_t)__builtin_ctzll(ends);
    }
}

/* --- AVX2 --- */

#if defined(__x86_64__)
#include <immintrin.h>

#define FAST __attribute__((target("avx2,bmi,bmi2,popcnt,pclmul")))

bool csv_index_is_fast(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
           __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt") &&
           __builtin_cpu_supports("pclmul");
}

FAST static inline uint64_t bits_of(__m256i low, __m256i high) {
    return (uint32_t)_mm256_movemask_epi8(low) | (uint64_t)(uint32_t)_mm256_movemask_epi8(high)
                                                     << 32;
}
FAST static inline uint64_t equal(__m256i a, __m256i b, __m256i c) {
    return bits_of(_mm256_cmpeq_epi8(a, c), _mm256_cmpeq_epi8(b, c));
}

FAST static inline __attribute__((always_inline)) void put_positions(uint32_t *to, uint64_t bits,
                                                                     uint32_t base) {
    while (bits) { /* as in json_index.c; rarely more than eight */
        for (unsigned i = 0; i < 8; i++) {
            *to++ = base + (uint32_t)_tzcnt_u64(bits);
            bits = _blsr_u64(bits);
            __asm__("" : "+r"(bits));
        }
    }
}

FAST static const uint8_t *index_fast(struct csv_index *x, const struct csv_dialect *d,
                                      struct carry *carry, const uint8_t *p, const uint8_t *stop) {
    const __m256i delimiters = _mm256_set1_epi8((char)d->delimiter);
    const __m256i quotes = _mm256_set1_epi8((char)d->quote), lines = _mm256_set1_epi8('\n');
    const uint64_t quoting = d->quotes ? UINT64_MAX : 0;
    const uint8_t *base = x->base;
    struct carry c = *carry;
    uint32_t n = x->n;
    for (; stop - p >= (ptrdiff_t)BLOCK && !x->bad; p += BLOCK) {
        ask_ahead(p);
        __m256i a = _mm256_loadu_si256((const void *)p);
        __m256i b = _mm256_loadu_si256((const void *)(p + 32));
        struct masks m = {
            .quote = equal(a, b, quotes) & quoting,
            .delimiter = equal(a, b, delimiters),
            .line = equal(a, b, lines),
        };
        uint64_t ends = m.delimiter | m.line, bad = 0;
        if (m.quote | c.inside | c.closed | c.returned) {
            m.carriage = equal(a, b, _mm256_set1_epi8('\r'));
            __m128i prefix = _mm_clmulepi64_si128(_mm_set_epi64x(0, (long long)m.quote),
                                                  _mm_set1_epi8((char)0xFF), 0);
            ends = block_ends(&c, m, (uint64_t)_mm_cvtsi128_si64(prefix), &bad);
            if (bad)
                ends = cut(ends, bad, p, &x->bad);
        } else {
            c.begins = ends >> 63;
        }
        put_records(x, ends, m.line, n);
        put_positions(x->at + n, ends, (uint32_t)(p - base));
        n += (uint32_t)_mm_popcnt_u64(ends);
    }
    x->n = n;
    *carry = c;
    return p;
}
#else
bool csv_index_is_fast(void) { return false; }
static const uint8_t *index_fast(struct csv_index *x, const struct csv_dialect *d,
                                 struct carry *carry, const uint8_t *p, const uint8_t *stop) {
    (void)x, (void)d, (void)carry, (void)stop;
    return p;
}
#endif

/* --- both --- */

void csv_index(struct csv_index *x, const struct csv_dialect *d, const uint8_t *p,
               const uint8_t *end, bool portable) {
    struct carry c = {.begins = 1};
    const uint8_t *stop = (size_t)(end - p) > CSV_WINDOW_BYTES ? p + CSV_WINDOW_BYTES : end;
    x->base = p;
    x->bad = NULL;
    x->n = x->n_ends = 0;
    if (portable) {
        const uint8_t *blocks = p + (size_t)(stop - p) / BLOCK * BLOCK;
        index_portable(x, d, &c, p, blocks, p);
        p = blocks;
    } else {
        p = index_fast(x, d, &c, p, stop);
    }
    if (p == stop || x->bad)
        return;
    uint8_t block[BLOCK] = {0}; /* the rest, and bytes that are nothing */
    memcpy(block, p, (size_t)(stop - p));
    uint32_t before = x->n;
    index_portable(x, d, &c, block, block + BLOCK, block);
    for (uint32_t i = before; i < x->n; i++)
        x->at[i] += (uint32_t)(p - x->base);
    if (x->bad)
        x->bad = p + (x->bad - block);
}

/* See json_index.h. */
#include "format/json_index.h"

#include "format/lanes.h"

#define BLOCK 64u

/* Bytes that are asked of memory before they are needed. What the processor does by itself is not
 * enough where each byte takes half a cycle: measured, this makes large inputs three times as
 * fast. An address beyond the input does no harm. */
#define AHEAD_BYTES 2048u

static inline void ask_ahead(const uint8_t *p) {
    __builtin_prefetch((const void *)((uintptr_t)p + AHEAD_BYTES));
}

/* The bytes of one block, a bit each. */
struct masks {
    uint64_t quote, backslash, structural, control; /* control: below a blank */
};

/* What one block tells, given the running exclusive or of its quotes. Gives the structural bits,
 * and in *ret_bad the bits that cannot be. */
static inline __attribute__((always_inline)) uint64_t
block_structure(struct json_carry *c, struct masks m, uint64_t quote, uint64_t prefix,
                uint64_t *ret_bad) {
    uint64_t string = prefix ^ c->in_string; /* from the opening quote to before the closing one */
    uint64_t open = quote & string, structural = m.structural & ~string;
    uint64_t between = ~(structural | open);
    /* A bit that is added to a run of ones comes out at its end: from each string to the structural
     * character behind it, or to another string. */
    uint64_t reached, marks = open << 1 | c->quoted;
    bool over = __builtin_add_overflow(between, marks, &reached);
    *ret_bad = (m.control & string) | (reached & ~between & open);
    c->quoted = (uint64_t)over | open >> 63;
    c->in_string = (uint64_t)((int64_t)string >> 63);
    return structural;
}

/* The structural bits of one block at p; *ret_bad is the first byte that cannot be, or stays. */
static inline __attribute__((always_inline)) uint64_t take_block(struct json_carry *c,
                                                                 struct masks m, uint64_t quote,
                                                                 uint64_t prefix, const uint8_t *p,
                                                                 const uint8_t **ret_bad) {
    uint64_t bad, structural = block_structure(c, m, quote, prefix, &bad);
    if (__builtin_expect(bad != 0, 0)) {
        unsigned first = (unsigned)__builtin_ctzll(bad);
        *ret_bad = p + first;
        structural &= (UINT64_C(1) << first) - 1;
    }
    return structural;
}

/* --- plain C --- */

static struct masks masks_portable(const uint8_t *p, uint8_t row_end) {
    struct masks m = {0};
    for (unsigned i = 0; i < BLOCK; i += 8) {
        uint64_t w = load_le64(p + i), folded = w | EACH(0x20); /* [ ] and { } differ in that bit */
        uint64_t brackets = equal_bytes(folded, '{') | equal_bytes(folded, '}');
        uint64_t points = equal_bytes(w, ':') | equal_bytes(w, ',') | equal_bytes(w, row_end);
        m.structural |= gather(brackets | points) << i;
        m.quote |= gather(equal_bytes(w, '"')) << i;
        m.backslash |= gather(equal_bytes(w, '\\')) << i;
        m.control |= gather(zero_bytes(w & EACH(0xE0))) << i;
    }
    return m;
}

static uint64_t prefix_portable(uint64_t bits) {
    for (unsigned shift = 1; shift < 64; shift *= 2)
        bits ^= bits << shift;
    return bits;
}

/* --- the vectors that every machine of the kind has --- */

#if defined(__SSE2__)
#include <emmintrin.h>

typedef __m128i bytes16;

static inline bytes16 each16(uint8_t c) { return _mm_set1_epi8((char)c); }
static inline bytes16 load16(const uint8_t *p) { return _mm_loadu_si128((const void *)p); }
static inline bytes16 or16(bytes16 a, bytes16 b) { return _mm_or_si128(a, b); }
static inline bytes16 equal16(bytes16 a, bytes16 b) { return _mm_cmpeq_epi8(a, b); }
static inline bytes16 at_most16(bytes16 a, bytes16 b) {
    return _mm_cmpeq_epi8(_mm_min_epu8(a, b), a);
}
/* One bit for each byte of v, which is all ones or zero, from bit i on. */
static inline void add_bits16(uint64_t *to, bytes16 v, unsigned i) {
    *to |= (uint64_t)(uint32_t)_mm_movemask_epi8(v) << i;
}
#elif defined(__aarch64__)
#include <arm_neon.h>

typedef uint8x16_t bytes16;

static inline bytes16 each16(uint8_t c) { return vdupq_n_u8(c); }
static inline bytes16 load16(const uint8_t *p) { return vld1q_u8(p); }
static inline bytes16 or16(bytes16 a, bytes16 b) { return vorrq_u8(a, b); }
static inline bytes16 equal16(bytes16 a, bytes16 b) { return vceqq_u8(a, b); }
static inline bytes16 at_most16(bytes16 a, bytes16 b) { return vcleq_u8(a, b); }
static inline void add_bits16(uint64_t *to, bytes16 v, unsigned i) {
    static const uint8_t BITS[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    v = vandq_u8(v, vld1q_u8(BITS));
    *to |= (uint64_t)(vaddv_u8(vget_low_u8(v)) | (uint32_t)vaddv_u8(vget_high_u8(v)) << 8) << i;
}
#endif

#if defined(__SSE2__) || defined(__aarch64__)
#define BASE_LOOPS LOOPS_BASE

static inline struct masks masks_base(const uint8_t *p, uint8_t row_end) {
    struct masks m = {0};
    for (unsigned i = 0; i < BLOCK; i += 16) {
        bytes16 v = load16(p + i), folded = or16(v, each16(0x20));
        bytes16 brackets = or16(equal16(folded, each16('{')), equal16(folded, each16('}')));
        bytes16 points = or16(equal16(v, each16(':')), equal16(v, each16(',')));
        add_bits16(&m.structural, or16(or16(brackets, points), equal16(v, each16(row_end))), i);
        add_bits16(&m.quote, equal16(v, each16('"')), i);
        add_bits16(&m.backslash, equal16(v, each16('\\')), i);
        add_bits16(&m.control, at_most16(v, each16(0x1F)), i);
    }
    return m;
}
#else
#define BASE_LOOPS LOOPS_PORTABLE

static inline struct masks masks_base(const uint8_t *p, uint8_t row_end) {
    return masks_portable(p, row_end);
}
#endif

/* --- the loop that knows no vectors itself --- */

static inline __attribute__((always_inline)) const uint8_t *
index_by(struct json_index *x, const uint8_t *p, const uint8_t *stop, bool base) {
    struct json_carry c = x->carry;
    for (; stop - p >= (ptrdiff_t)BLOCK && !x->bad; p += BLOCK) {
        ask_ahead(p);
        struct masks m = base ? masks_base(p, x->row_end) : masks_portable(p, x->row_end);
        uint64_t quote = m.quote & ~json_escaped_by(m.backslash, &c.escaped);
        uint64_t bits = take_block(&c, m, quote, prefix_portable(quote), p, &x->bad);
        for (; bits; bits &= bits - 1)
            x->at[x->n++] = (uint32_t)(p - x->base) + (uint32_t)__builtin_ctzll(bits);
    }
    x->carry = c;
    return p;
}

static const uint8_t *index_portable(struct json_index *x, const uint8_t *p, const uint8_t *stop) {
    return index_by(x, p, stop, false);
}
static const uint8_t *index_base(struct json_index *x, const uint8_t *p, const uint8_t *stop) {
    return index_by(x, p, stop, true);
}

/* --- AVX2 --- */

#if defined(__x86_64__)
#include <immintrin.h>

#define FAST __attribute__((target("avx2,bmi,bmi2,popcnt,pclmul")))

enum json_loops json_index_loops(void) {
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("bmi") ||
        !__builtin_cpu_supports("bmi2") || !__builtin_cpu_supports("popcnt") ||
        !__builtin_cpu_supports("pclmul"))
        return BASE_LOOPS;
    return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vbmi2")
               ? LOOPS_AVX512
               : LOOPS_AVX2;
}

FAST static inline uint64_t bits_of(__m256i low, __m256i high) {
    return (uint32_t)_mm256_movemask_epi8(low) | (uint64_t)(uint32_t)_mm256_movemask_epi8(high)
                                                     << 32;
}

/* By the low four bits of a byte: the structural character that has them, with the bit that [ and {
 * differ in set. */
FAST static inline __m256i structural_of(__m256i v, __m256i control, __m256i row_end) {
    const __m256i table = _mm256_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ':', '{', ',', '}', 0, 0,
                                           0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ':', '{', ',', '}', 0, 0);
    __m256i folded = _mm256_or_si256(v, _mm256_set1_epi8(0x20));
    /* a byte from 0x80 on looks up 0, which no folded byte is */
    __m256i found = _mm256_cmpeq_epi8(folded, _mm256_shuffle_epi8(table, v));
    found = _mm256_andnot_si256(control, found); /* some would fold to : and , */
    return _mm256_or_si256(found, _mm256_cmpeq_epi8(v, row_end));
}

FAST static inline __m256i control_of(__m256i v) {
    const __m256i most = _mm256_set1_epi8(0x1F);
    return _mm256_cmpeq_epi8(_mm256_max_epu8(v, most), most);
}

/* Writes the positions of the bits, and some more that do not count: a loop that ends with the bits
 * would be mispredicted. */
FAST static inline __attribute__((always_inline)) void put_positions(uint32_t *to, uint64_t bits,
                                                                     uint32_t base) {
    do {
        for (unsigned i = 0; i < 8; i++) {
            *to++ = base + (uint32_t)_tzcnt_u64(bits);
            bits = _blsr_u64(bits);
            __asm__("" : "+r"(bits)); /* or the compiler gathers the eight in a vector, slowly */
        }
    } while (__builtin_expect(bits != 0, 0));
}

FAST static const uint8_t *index_fast(struct json_index *x, const uint8_t *p, const uint8_t *stop) {
    const __m256i row_end = _mm256_set1_epi8((char)x->row_end);
    const __m256i quotes = _mm256_set1_epi8('"'), slashes = _mm256_set1_epi8('\\');
    const uint8_t *bad = NULL, *base = x->base;
    struct json_carry c = x->carry;
    uint32_t *to = x->at + x->n;
    for (; stop - p >= (ptrdiff_t)BLOCK && !bad; p += BLOCK) {
        ask_ahead(p);
        __m256i a = _mm256_loadu_si256((const void *)p);
        __m256i b = _mm256_loadu_si256((const void *)(p + 32));
        __m256i low = control_of(a), high = control_of(b);
        struct masks m = {
            .structural = bits_of(structural_of(a, low, row_end), structural_of(b, high, row_end)),
            .control = bits_of(low, high),
        };
        uint64_t quote = bits_of(_mm256_cmpeq_epi8(a, quotes), _mm256_cmpeq_epi8(b, quotes));
        a = _mm256_cmpeq_epi8(a, slashes);
        b = _mm256_cmpeq_epi8(b, slashes);
        __m256i any = _mm256_or_si256(a, b);
        if (c.escaped || !_mm256_testz_si256(any, any))
            quote &= ~json_escaped_by(bits_of(a, b), &c.escaped);
        __m128i prefix =
            _mm_clmulepi64_si128(_mm_set_epi64x(0, (long long)quote), _mm_set1_epi8((char)0xFF), 0);
        uint64_t bits = take_block(&c, m, quote, (uint64_t)_mm_cvtsi128_si64(prefix), p, &bad);
        put_positions(to, bits, (uint32_t)(p - base));
        to += _mm_popcnt_u64(bits);
    }
    x->n = (uint32_t)(to - x->at);
    x->carry = c;
    x->bad = bad;
    return p;
}
/* --- AVX-512: a mask is one instruction, and positions are packed by another --- */

#define WIDE __attribute__((target("avx512f,avx512bw,avx512vbmi2,avx2,bmi,bmi2,popcnt,pclmul")))

WIDE static inline __attribute__((always_inline)) void put_packed(uint32_t *to, uint64_t bits,
                                                                  __m512i base) {
    static const uint8_t COUNT[64] = {
        0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
        22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43,
        44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};
    __m512i packed = _mm512_maskz_compress_epi8(bits, _mm512_loadu_si512(COUNT));
    uint8_t rest[64];
    __m512i first = _mm512_cvtepu8_epi32(_mm512_castsi512_si128(packed));
    _mm512_storeu_si512(to, _mm512_add_epi32(first, base));
    int count = (int)_mm_popcnt_u64(bits);
    if (__builtin_expect(count <= 16, 1))
        return;
    _mm512_storeu_si512(rest, packed);
    for (int i = 16; i < count; i += 16) {
        __m512i more = _mm512_cvtepu8_epi32(_mm_loadu_si128((const void *)(rest + i)));
        _mm512_storeu_si512(to + i, _mm512_add_epi32(more, base));
    }
}

WIDE static const uint8_t *index_wide(struct json_index *x, const uint8_t *p, const uint8_t *stop) {
    const __m512i row_end = _mm512_set1_epi8((char)x->row_end), fold = _mm512_set1_epi8(0x20);
    const __m512i quotes = _mm512_set1_epi8('"'), slashes = _mm512_set1_epi8('\\');
    const __m512i most = _mm512_set1_epi8(0x1F);
    const __m512i table = _mm512_broadcast_i32x4(
        _mm_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ':', '{', ',', '}', 0, 0));
    const uint8_t *bad = NULL, *base = x->base;
    struct json_carry c = x->carry;
    uint32_t *to = x->at + x->n;
    for (; stop - p >= (ptrdiff_t)BLOCK && !bad; p += BLOCK) {
        ask_ahead(p);
        __m512i v = _mm512_loadu_si512(p);
        struct masks m = {.control = _mm512_cmple_epu8_mask(v, most)};
        m.structural =
            _mm512_cmpeq_epi8_mask(_mm512_or_si512(v, fold), _mm512_shuffle_epi8(table, v)) &
            ~m.control;
        m.structural |= _mm512_cmpeq_epi8_mask(v, row_end);
        uint64_t quote = _mm512_cmpeq_epi8_mask(v, quotes);
        uint64_t backslash = _mm512_cmpeq_epi8_mask(v, slashes);
        if (c.escaped | backslash)
            quote &= ~json_escaped_by(backslash, &c.escaped);
        __m128i prefix =
            _mm_clmulepi64_si128(_mm_set_epi64x(0, (long long)quote), _mm_set1_epi8((char)0xFF), 0);
        uint64_t bits = take_block(&c, m, quote, (uint64_t)_mm_cvtsi128_si64(prefix), p, &bad);
        put_packed(to, bits, _mm512_set1_epi32((int)(p - base)));
        to += _mm_popcnt_u64(bits);
    }
    x->n = (uint32_t)(to - x->at);
    x->carry = c;
    x->bad = bad;
    return p;
}
#else
enum json_loops json_index_loops(void) { return BASE_LOOPS; }
static const uint8_t *index_fast(struct json_index *x, const uint8_t *p, const uint8_t *stop) {
    return index_portable(x, p, stop);
}
static const uint8_t *index_wide(struct json_index *x, const uint8_t *p, const uint8_t *stop) {
    return index_portable(x, p, stop);
}
#endif

/* --- both --- */

void json_index_begin(struct json_index *x, const uint8_t *p, const uint8_t *end) {
    x->p = x->base = p;
    x->end = end;
    x->carry = (struct json_carry){0};
    x->bad = NULL;
    x->n = 0;
}

/* The last bytes, fewer than a block, with blanks behind them. */
static void index_tail(struct json_index *x) {
    uint8_t block[BLOCK];
    const uint8_t *p = x->p;
    memset(block, ' ', sizeof block);
    memcpy(block, p, (size_t)(x->end - p));
    x->base = block;
    index_portable(x, block, block + BLOCK);
    x->base = p;
    if (x->bad)
        x->bad = p + (x->bad - block);
    x->p = x->end;
}

void json_index_next(struct json_index *x, size_t bytes) {
    if (bytes > INDEX_BYTES)
        bytes = INDEX_BYTES;
    bytes = bytes < BLOCK ? BLOCK : (bytes + BLOCK - 1) / BLOCK * BLOCK;
    x->n = 0;
    while (x->n == 0 && !x->bad && x->p < x->end) {
        size_t left = (size_t)(x->end - x->p);
        const uint8_t *stop = left < bytes ? x->end : x->p + bytes;
        x->base = x->p;
        if (left < BLOCK)
            index_tail(x);
        else
            x->p = x->loops == LOOPS_AVX512 ? index_wide(x, x->p, stop)
                   : x->loops == LOOPS_AVX2 ? index_fast(x, x->p, stop)
                   : x->loops == LOOPS_BASE ? index_base(x, x->p, stop)
                                            : index_portable(x, x->p, stop);
    }
}

/* See json_sieve.h. It is long because the rules of a group are one loop, whose steps overlap. */
#include "format/json_sieve.h"

#include <string.h>

#define BLOCK       64u
#define FEW_NAMES   2u    /* up to these are compared one by one */
#define AHEAD_BYTES 2048u /* as in json_index.c */
#define LANES       8u    /* blocks of a group */
#define GROUP       (BLOCK * LANES)
#define INLINE      inline __attribute__((always_inline))

#if defined(__x86_64__)
#include <immintrin.h>

#define WIDE                                                                                       \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512vbmi2,vpclmulqdq,"  \
                          "avx2,bmi,bmi2,popcnt,pclmul")))

typedef uint64_t lanes __attribute__((vector_size(8 * LANES)));

/* The bytes of one group, a bit each. Strings are not yet looked at. */
struct group {
    lanes quote, backslash, control;
    lanes curly_open, curly_close, square_open, square_close;
    lanes comma, colon, digit, point, word;
    lanes line;         /* a line feed or a carriage return */
    uint64_t next_line; /* 1: such a one comes behind the group */
    lanes odd;          /* a byte that may not follow the one before, outside of strings */
    lanes zeroed;       /* a digit behind a zero */
    lanes candidate;    /* a colon behind the end of a wanted name */
};

/* --- which byte may follow which --- */

/* What a byte may be to the one before it, and what each lets follow. Some kinds are two, where the
 * masks tell them apart: a colon must be where a name has ended, whatever was allowed. */
enum {
    IS_QUOTE = 1, /* " and - */
    IS_DIGIT = 2,
    IS_WORD = 4, /* letters of words and exponents, + */
    IS_POINT = 8,
    IS_OPEN = 16,  /* { [ */
    IS_ENDER = 32, /* , } ] : */
    IS_BLANK = 64,
    IS_LINE = 128, /* line feed, carriage return */
    IS_VALUE = IS_QUOTE | IS_DIGIT | IS_WORD | IS_OPEN
};

/* clang-format off */
#define LETTERS(x) ['t'] = (x), ['r'] = (x), ['u'] = (x), ['e'] = (x), ['f'] = (x), ['a'] = (x), \
    ['l'] = (x), ['s'] = (x), ['n'] = (x), ['E'] = (x)
static const uint8_t KIND[128] = {
    ['"'] = IS_QUOTE, ['-'] = IS_QUOTE, ['.'] = IS_POINT, ['+'] = IS_WORD, LETTERS(IS_WORD),
    ['0'] = IS_DIGIT, ['1'] = IS_DIGIT, ['2'] = IS_DIGIT, ['3'] = IS_DIGIT, ['4'] = IS_DIGIT,
    ['5'] = IS_DIGIT, ['6'] = IS_DIGIT, ['7'] = IS_DIGIT, ['8'] = IS_DIGIT, ['9'] = IS_DIGIT,
    ['{'] = IS_OPEN, ['['] = IS_OPEN, ['}'] = IS_ENDER, [']'] = IS_ENDER, [','] = IS_ENDER,
    [':'] = IS_ENDER, [' '] = IS_BLANK, ['\n'] = IS_LINE, ['\r'] = IS_LINE};
#define BEHIND_DIGIT (IS_DIGIT | IS_POINT | IS_ENDER | IS_WORD)
static const uint8_t FOLLOW[128] = {
    ['"'] = IS_ENDER, ['-'] = IS_DIGIT, ['.'] = IS_DIGIT, ['+'] = IS_DIGIT,
    LETTERS(IS_WORD | IS_DIGIT | IS_ENDER | IS_QUOTE),
    ['0'] = BEHIND_DIGIT, ['1'] = BEHIND_DIGIT, ['2'] = BEHIND_DIGIT, ['3'] = BEHIND_DIGIT,
    ['4'] = BEHIND_DIGIT, ['5'] = BEHIND_DIGIT, ['6'] = BEHIND_DIGIT, ['7'] = BEHIND_DIGIT,
    ['8'] = BEHIND_DIGIT, ['9'] = BEHIND_DIGIT,
    ['{'] = IS_QUOTE | IS_ENDER, ['['] = IS_VALUE | IS_ENDER, ['}'] = IS_ENDER | IS_LINE,
    [']'] = IS_ENDER, [','] = IS_VALUE | IS_BLANK, [':'] = IS_VALUE | IS_BLANK, [' '] = IS_VALUE,
    ['\n'] = IS_OPEN | IS_LINE, ['\r'] = IS_LINE};
/* clang-format on */

/* --- what is rare --- */

/* Quotes that are escaped are none. */
static void unescape_quotes(struct group *g, uint64_t *escaped) {
    for (unsigned i = 0; i < LANES; i++)
        g->quote[i] &= ~json_escaped_by(g->backslash[i], escaped);
}

/* The brackets of a group inside its rows, and what comes of them. */
struct brackets {
    lanes opens, all, squares;
    lanes inside; /* where a container in the row is open: from its bracket to before the end */
    lanes array;  /* where the innermost one is an array */
    lanes bad;
};

/* Bracket by bracket, where containers hold containers or something is wrong. */
static __attribute__((noinline)) void nest_brackets(struct sieve_carry *c, uint32_t depth_most,
                                                    struct brackets *k) {
    uint32_t depth = c->deep ? c->depth : (uint32_t)c->inside;
    uint64_t arrays = c->deep ? c->arrays : c->array;
    for (unsigned i = 0; i < LANES; i++) {
        uint64_t bad = 0, inside = depth > 0 ? UINT64_MAX : 0;
        uint64_t array = depth > 0 && (arrays & 1) ? UINT64_MAX : 0;
        for (uint64_t left = k->all[i]; left; left &= left - 1) {
            uint64_t one = left & -left, on = -one, square = (k->squares[i] & one) != 0;
            if (k->opens[i] & one) {
                bad |= depth >= depth_most ? one : 0;
                depth += depth < depth_most;
                arrays = arrays << 1 | square;
            } else {
                bad |= depth == 0 || (arrays & 1) != square ? one : 0;
                depth -= depth > 0;
                arrays >>= 1;
            }
            inside = (inside & ~on) | (depth > 0 ? on : 0);
            array = (array & ~on) | (depth > 0 && (arrays & 1) ? on : 0);
        }
        k->inside[i] = inside;
        k->array[i] = array;
        k->bad[i] = bad;
    }
    c->deep = depth > 1;
    c->depth = depth;
    c->arrays = arrays;
    c->inside = depth > 0;
    c->array = depth > 0 && (arrays & 1);
}

/* --- positions --- */

static const uint8_t PLACES[BLOCK] = {
    0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
    22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43,
    44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};

/* Writes the positions of the bits, n of them, and up to 7 more that do not count. */
WIDE static INLINE void put_positions(uint32_t *to, uint64_t bits, uint64_t n, uint32_t first) {
    __m512i places = _mm512_maskz_compress_epi8(bits, _mm512_loadu_si512(PLACES));
    __m256i base = _mm256_set1_epi32((int)first);
    __m128i part = _mm512_castsi512_si128(places);
    _mm256_storeu_si256((void *)to, _mm256_add_epi32(base, _mm256_cvtepu8_epi32(part)));
    if (__builtin_expect(n <= 8, 1)) /* wider stores are split more often, by the cache's lines */
        return;
    uint8_t rest[BLOCK];
    _mm512_storeu_si512(rest, places);
    for (uint64_t i = 8; i < n; i += 8) {
        memcpy(&part, rest + i, 8);
        _mm256_storeu_si256((void *)(to + i), _mm256_add_epi32(base, _mm256_cvtepu8_epi32(part)));
    }
}

/* The bits that were found in a group, and where it begins. */
struct found {
    lanes bits;
    uint32_t first;
};

/* The positions of some lanes of a group. */
WIDE static INLINE void put_lanes(struct json_sieve *x, const struct found *f, unsigned from,
                                  unsigned end) {
    uint32_t *to = x->at + x->n, first = f->first + BLOCK * from;
    for (unsigned i = from; i < end; i++, first += BLOCK) {
        uint64_t found = f->bits[i], n = (uint64_t)_mm_popcnt_u64(found);
        put_positions(to, found, n, first);
        to += n;
    }
    x->n = (uint32_t)(to - x->at);
}

/* The group at p is bad somewhere: leaves the bits before that. */
static __attribute__((noinline)) void stop_group(struct json_sieve *x, const uint8_t *p,
                                                 lanes *bits, const lanes *bad) {
    for (unsigned i = 0; i < LANES; i++, p += BLOCK) {
        uint64_t wrong = (*bad)[i];
        if (x->stop)
            (*bits)[i] = 0;
        else if (wrong) {
            x->stop = p + __builtin_ctzll(wrong);
            (*bits)[i] &= (wrong ^ (wrong - 1)) >> 1;
        }
    }
}

/* --- 512 bits: one for each byte of a group, 64 in a lane --- */

/* The highest bit of each lane; and the other way, all ones for a bit. */
WIDE static INLINE uint32_t bits_of_lanes(lanes v) { return _mm512_movepi64_mask((__m512i)v); }
WIDE static INLINE lanes lanes_of_bits(uint32_t bits) {
    return (lanes)_mm512_movm_epi64((__mmask8)bits);
}
/* All bits one place on, with the highest bit of `before` in front. */
WIDE static INLINE lanes behind(lanes v, uint64_t before) {
    __m512i up = _mm512_alignr_epi64((__m512i)v, _mm512_set1_epi64((long long)before), 7);
    return (lanes)_mm512_shldi_epi64((__m512i)v, up, 1);
}
/* One place back, with the lowest bit of `next` at the end. */
WIDE static INLINE lanes before(lanes v, uint64_t next) {
    __m512i down = _mm512_alignr_epi64(_mm512_set1_epi64((long long)next), (__m512i)v, 1);
    return (lanes)_mm512_shrdi_epi64((__m512i)v, down, 1);
}
/* The running exclusive or in each lane. */
WIDE static INLINE lanes prefix(lanes v) {
    __m512i ones = _mm512_set1_epi8((char)0xFF);
    return (lanes)_mm512_unpacklo_epi64(_mm512_clmulepi64_epi128((__m512i)v, ones, 0),
                                        _mm512_clmulepi64_epi128((__m512i)v, ones, 1));
}

/* --- the bytes of a group --- */

/* Of what kind a byte is, by one bit of it. Compared are bytes on port 5 alone; shifts, and the
 * highest bits, take the other one for vectors. */
#define IS_KIND(kind, bit) _mm512_movepi8_mask(_mm512_slli_epi16(kind, 7 - __builtin_ctz(bit)))

/* Bytes to compare with, each 64 times: operands in memory, since there are more than registers. */
#define N8(c) c, c, c, c, c, c, c, c
#define N64(c)                                                                                     \
    { N8(c), N8(c), N8(c), N8(c), N8(c), N8(c), N8(c), N8(c) }
static const struct {
    uint8_t quote[64], backslash[64], control[64], curly_open[64], curly_close[64], square_open[64],
        square_close[64], comma[64], colon[64], zero[64];
} EACH __attribute__((aligned(64))) = {N64('"'), N64('\\'), N64(0x1F), N64('{'), N64('}'),
                                       N64('['), N64(']'),  N64(','),  N64(':'), N64('0')};

#define EQUAL(v, name) _mm512_cmpeq_epi8_mask((v), _mm512_load_si512(each->name))

/* Some lanes of the group at p; from 3 bytes before it to one behind it may be read. */
WIDE static INLINE void load_lanes(const struct json_sieve *x, const uint8_t *p, bool few,
                                   struct group *g, unsigned from, unsigned to) {
    const __m512i kind_low = _mm512_loadu_si512(KIND), kind_high = _mm512_loadu_si512(KIND + 64);
    const __m512i follow_low = _mm512_loadu_si512(FOLLOW);
    const __m512i follow_high = _mm512_loadu_si512(FOLLOW + 64);
    const __m512i lasts = _mm512_loadu_si512(x->lasts), befores = _mm512_loadu_si512(x->befores);
    const __typeof__(EACH) *each = &EACH;
    __asm__("" : "+r"(each)); /* or the compiler makes each of them anew, in each turn */
    p += BLOCK * from;
    for (unsigned i = from; i < to; i++, p += BLOCK) {
        __builtin_prefetch((const void *)((uintptr_t)p + AHEAD_BYTES));
        __m512i v = _mm512_loadu_si512(p), v1 = _mm512_loadu_si512(p - 1);
        /* no byte from 0x80 on is of any kind, as a NUL is not */
        __m512i kind = _mm512_permutex2var_epi8(
            kind_low, _mm512_max_epi8(v, _mm512_setzero_si512()), kind_high);
        __m512i follow = _mm512_permutex2var_epi8(follow_low, v1, follow_high);
        __mmask64 colon = EQUAL(v, colon), candidate = 0, digit = IS_KIND(kind, IS_DIGIT);
        __m512i v2 = _mm512_loadu_si512(p - 2), v3 = _mm512_loadu_si512(p - 3);
        if (few)
            for (uint32_t k = 0; k < x->n_names; k++)
                candidate = _kor_mask64(
                    candidate,
                    _mm512_mask_cmpeq_epi8_mask(
                        _mm512_mask_cmpeq_epi8_mask(colon, v2, _mm512_set1_epi8((char)x->last[k])),
                        v3, _mm512_set1_epi8((char)x->before[k])));
        else
            candidate = _mm512_mask_test_epi8_mask(colon, _mm512_permutexvar_epi8(v2, lasts),
                                                   _mm512_permutexvar_epi8(v3, befores));
        g->quote[i] = EQUAL(v, quote);
        g->backslash[i] = EQUAL(v, backslash);
        g->control[i] = _mm512_cmple_epu8_mask(v, _mm512_load_si512(each->control));
        g->curly_open[i] = EQUAL(v, curly_open);
        g->curly_close[i] = EQUAL(v, curly_close);
        g->square_open[i] = EQUAL(v, square_open);
        g->square_close[i] = EQUAL(v, square_close);
        g->comma[i] = EQUAL(v, comma);
        g->colon[i] = colon;
        g->digit[i] = digit;
        g->point[i] = IS_KIND(kind, IS_POINT);
        g->word[i] = IS_KIND(kind, IS_WORD);
        g->line[i] = IS_KIND(kind, IS_LINE);
        g->odd[i] = _mm512_testn_epi8_mask(kind, follow);
        g->zeroed[i] = _mm512_mask_cmpeq_epi8_mask(digit, v1, _mm512_load_si512(each->zero));
        g->candidate[i] = candidate;
    }
    if (to == LANES)
        g->next_line = *p == '\n' || *p == '\r';
}

/* --- the rules, over a group --- */

/* Which lanes get one more in a sum of 512 bits, where `out` are the lanes that overflow, `full`
 * those that would with one more, and `in` is the bit that comes from before. *ret_out: what goes
 * on. */
WIDE static INLINE lanes carried(uint32_t out, uint32_t full, uint32_t in, uint64_t *ret_out) {
    uint32_t sum = full + (out << 1 | in);
    *ret_out = (sum | out << 1) >> 8 & 1;
    return lanes_of_bits((sum ^ full) & 0xFF);
}

/* a + b + *carry as numbers of 512 bits. */
WIDE static INLINE lanes add(lanes a, lanes b, uint64_t *carry) {
    lanes sum = a + b;
    uint32_t out = _mm512_cmplt_epu64_mask((__m512i)sum, (__m512i)a);
    uint32_t full = _mm512_cmpeq_epi64_mask((__m512i)sum, _mm512_set1_epi64(-1));
    return sum - carried(out, full, (uint32_t)*carry, carry);
}

/* a - b - *borrow. */
WIDE static INLINE lanes subtract(lanes a, lanes b, uint64_t *borrow) {
    lanes difference = a - b;
    uint32_t out = _mm512_cmplt_epu64_mask((__m512i)a, (__m512i)b);
    uint32_t none = _mm512_testn_epi64_mask((__m512i)difference, (__m512i)difference);
    return difference + carried(out, none, (uint32_t)*borrow, borrow);
}

WIDE static INLINE bool any(lanes v) { return _mm512_test_epi64_mask((__m512i)v, (__m512i)v) != 0; }

/* Numbers: no second point, no needless zero. Words: where they begin. Gives what did not pass. */
WIDE static INLINE lanes sift_scalars(struct sieve_carry *c, const struct group *g, lanes out,
                                      lanes *ret_begins) {
    lanes digit = g->digit & out, point = g->point & out, number = digit | point;
    lanes behind_number = behind(number, c->number);
    lanes bad = g->zeroed & out & ~behind(behind_number, c->number << 1);
    lanes behind_point = behind(point, c->point);
    bad |= add(digit, behind_point, &c->fraction) & ~digit & point;
    c->number = number[LANES - 1];
    c->point = point[LANES - 1];
    lanes word = g->word & out;
    *ret_begins = word & ~behind(word, c->word);
    c->word = word[LANES - 1];
    return bad;
}

/* The positions, and in *ret_bad what did not pass. Each step waits for the one before; so that the
 * machine has something to do meanwhile, the group at p is loaded into next between them, if there
 * is one, and the positions of `last`, the group before, are written. */
WIDE static INLINE lanes sift_group(struct json_sieve *x, struct sieve_carry *c, struct group *g,
                                    lanes *ret_bad, const uint8_t *p, bool few, struct group *next,
                                    const struct found *last) {
    lanes backslash = g->backslash;
    if (__builtin_expect(any(backslash) || c->escaped, 0))
        unescape_quotes(g, &c->escaped);
    lanes quote = g->quote, string = prefix(quote);
    /* a lane begins in a string if an odd number of those before ends otherwise than it began */
    uint32_t turns = bits_of_lanes(string) << 1 | (uint32_t)c->in_string;
    turns ^= turns << 1;
    turns ^= turns << 2;
    turns ^= turns << 4;
    turns ^= turns << 8;
    string ^= lanes_of_bits(turns & 0xFF); /* from the opening quote to before the closing one */
    c->in_string = turns >> 8 & 1;
    lanes out = ~string, open = quote & string, close = quote & out;
    lanes bad = (g->control & string) | (g->odd & ~((string ^ open) | close));

    if (next)
        load_lanes(x, p, few, next, 0, LANES / 2);
    if (last)
        put_lanes(x, last, 0, LANES / 2);

    /* rows and containers */
    lanes curly_open = g->curly_open & out, curly_close = g->curly_close & out;
    lanes square_open = g->square_open & out, square_close = g->square_close & out;
    lanes line = g->line & out, behind_line = behind(line, c->line);
    lanes row_open = curly_open & behind_line;
    lanes row_close = curly_close & before(line, g->next_line);
    lanes opens = (curly_open ^ row_open) | square_open;
    lanes closes = (curly_close ^ row_close) | square_close;
    lanes squares = square_open | square_close, all = opens | closes;
    /* As long as no container is in another, brackets open and close in turn, and the difference of
     * both has ones from each that opens to before the one that closes. Where they do not take
     * turns, the first that breaks the rule comes out on the wrong side. */
    uint64_t in_container = c->inside, in_array = c->array;
    lanes inside = subtract(closes, opens, &in_container);
    lanes array = subtract(square_close, square_open, &in_array);
    lanes wrong =
        ((all & inside) ^ opens) | ((squares & array) ^ square_open) | (array & all & ~squares);
    if (__builtin_expect(c->deep || any(wrong), 0)) {
        struct brackets k = {.opens = opens, .all = all, .squares = squares};
        nest_brackets(c, x->depth_most, &k);
        inside = k.inside;
        array = k.array;
        bad |= k.bad;
    } else {
        c->inside = in_container;
        c->array = in_array;
    }
    bad |= (inside & row_close) | (behind_line & ~(curly_open | line));
    c->line = line[LANES - 1];

    if (next)
        load_lanes(x, p, few, next, LANES / 2, LANES);
    if (last)
        put_lanes(x, last, LANES / 2, LANES);

    /* names: behind { and the commas of objects, and with a colon behind them */
    lanes comma = g->comma & out, colon = g->colon & out;
    lanes names = curly_open | (comma & ~array), named = behind(names, c->names);
    lanes waits = named & ~(open | curly_close), pending = behind(waits, c->waits);
    bad |= (named & (curly_open | square_open | comma)) | (pending & ~open);
    bad |= comma & behind(square_open, c->square_open);
    lanes ends = add(string, open & (named | pending), &c->key), closed = ends & out;
    bad |= colon ^ behind(closed, c->closed);
    bad |= backslash & string & ~ends;
    c->names = names[LANES - 1];
    c->waits = waits[LANES - 1];
    c->square_open = square_open[LANES - 1];
    c->closed = closed[LANES - 1];

    lanes begins, wrong_number = sift_scalars(c, g, out, &begins);
    *ret_bad = bad | wrong_number;
    lanes found = (g->candidate & colon & ~inside) | begins | line;
    if (__builtin_expect(any(backslash), 0)) /* the first of a block, or all if rows meet there */
        found |= backslash & (-backslash | (lanes)(line != 0));
    return found;
}

/* `count` groups at p. Masks are written one by one and read as wholes, which must not be at once:
 * between them is most of the work for the group before. */
WIDE static INLINE void sift(struct json_sieve *x, const uint8_t *p, size_t count, bool few) {
    struct group g[2];
    struct found found[2];
    struct sieve_carry c = x->carry;
    lanes bad;
    load_lanes(x, p, few, &g[0], 0, LANES);
    size_t i = 0;
    for (; i < count && !x->stop; i++, p += GROUP) {
        struct found *f = &found[i & 1];
        f->first = (uint32_t)(GROUP * i);
        f->bits = sift_group(x, &c, &g[i & 1], &bad, p + GROUP, few,
                             i + 1 < count ? &g[~i & 1] : NULL, i > 0 ? &found[~i & 1] : NULL);
        if (__builtin_expect(any(bad), 0))
            stop_group(x, p, &f->bits, &bad);
    }
    put_lanes(x, &found[~i & 1], 0, LANES);
    x->carry = c;
}

/* Names are compared one by one, or all by two tables. */
WIDE static void sift_few(struct json_sieve *x, const uint8_t *p, size_t count) {
    sift(x, p, count, true);
}
WIDE static void sift_many(struct json_sieve *x, const uint8_t *p, size_t count) {
    sift(x, p, count, false);
}

bool json_sieve_can(enum json_loops loops) { /* what json_load.c needs, too */
    return loops == LOOPS_AVX512 && __builtin_cpu_supports("avx512vbmi") &&
           __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("vpclmulqdq");
}

static void sift_groups(struct json_sieve *x, const uint8_t *p, size_t count) {
    if (x->n_names <= FEW_NAMES)
        sift_few(x, p, count);
    else
        sift_many(x, p, count);
}
#else
bool json_sieve_can(enum json_loops loops) {
    (void)loops;
    return false;
}
static void sift_groups(struct json_sieve *x, const uint8_t *p, size_t count) {
    (void)p, (void)count;
    x->stop = x->p;
}
#endif

/* --- both --- */

#define BEFORE 3u /* bytes before a block that are looked at */

void json_sieve_begin(struct json_sieve *x, const uint8_t *start, const uint8_t *p,
                      const uint8_t *end) {
    x->start = start;
    x->p = p;
    x->end = end;
    x->stop = NULL;
    x->carry = (struct sieve_carry){.line = UINT64_C(1) << 63};
    x->n = 0;
}

/* A group at x->p that must not be read around: from a copy, with NULs where the input is not. Its
 * first line begins behind a line feed, whatever stood there. */
static void sift_copy(struct json_sieve *x) {
    uint8_t copy[BEFORE + GROUP + 1] = {0};
    size_t before = (size_t)(x->p - x->start), left = (size_t)(x->end - x->p);
    before = before < BEFORE ? before : BEFORE;
    left = left < GROUP + 1 ? left : GROUP + 1;
    memcpy(copy + BEFORE - before, x->p - before, before + left);
    if (x->carry.line >> 63)
        copy[BEFORE - 1] = '\n';
    sift_groups(x, copy + BEFORE, 1);
    if (x->stop)
        x->stop = x->p + (x->stop - (copy + BEFORE));
    x->p += left < GROUP ? left : GROUP;
}

bool json_sieve_next(struct json_sieve *x, size_t bytes) {
    size_t wanted = ((bytes < SIEVE_BYTES ? bytes : SIEVE_BYTES) + GROUP - 1) / GROUP;
    x->n = 0;
    while (x->n == 0 && !x->stop && x->p < x->end) {
        size_t left = (size_t)(x->end - x->p), count = left > GROUP ? (left - 1) / GROUP : 0;
        count = count < wanted ? count : wanted;
        x->base = x->p;
        if (count == 0 || x->p - x->start < (ptrdiff_t)BEFORE ||
            (x->carry.line >> 63 && x->p[-1] != '\n' && x->p[-1] != '\r')) {
            sift_copy(x);
        } else {
            sift_groups(x, x->p, count);
            x->p += GROUP * count;
        }
    }
    return x->n > 0;
}

void json_sieve_name(struct json_sieve *x, uint8_t last, uint8_t before) {
    x->last[x->n_names] = last;
    x->before[x->n_names] = before;
    x->lasts[last & 0x3F] |= (uint8_t)(1u << x->n_names);
    x->befores[before & 0x3F] |= (uint8_t)(1u << x->n_names);
    x->n_names++;
}

/* Rows of the lines that pass the sieve (json_sieve.h): the wanted members of them into a block.
 *
 * The sieve has held the line to the grammar but for words and exponents, which are looked at here.
 * A line that needs more than that, or has a wanted container, is left to json_read.c. */
#include "format/json.h"
#include "format/lanes.h"

#include <string.h>

#define NEAR_BYTES  8u /* before a colon, to be read at once */
#define LEAST_BYTES 4u /* of a member with what is around: so many for each there are in a row */
#define MISSES_FREE 8u /* lines of a fill that may be left to others, and one in ... */
#define MISSES_OF   8u
#define PAUSE_MOST  64u

/* --- what is wanted --- */

/* A name as it is in front of its colon. */
static bool set_name(struct arena *a, struct sift_name *k, const struct field *f) {
    struct str key = f->step.key;
    uint8_t *text = arena_alloc(a, key.n + 2), tail[8] = {0}, mask[8] = {0};
    if (!text)
        return false;
    text[0] = text[key.n + 1] = '"';
    memcpy(text + 1, key.p, key.n);
    *k = (struct sift_name){.text = text, .n = (uint32_t)key.n + 2, .field = f};
    size_t n = k->n < 8 ? k->n : 8;
    memcpy(tail + 8 - n, text + k->n - n, n);
    memset(mask + 8 - n, 0xFF, n);
    memcpy(&k->tail, tail, 8);
    memcpy(&k->mask, mask, 8);
    return true;
}

/* Whether a name stands in JSON as it is, and in one way that the sieve knows. */
static bool is_plain(struct str key) {
    if (key.n == 0 || key.n > UINT16_MAX)
        return false;
    for (size_t i = 0; i < key.n; i++)
        if ((uint8_t)key.p[i] < 0x20 || key.p[i] == '"' || key.p[i] == '\\')
            return false;
    return true;
}

bool json_sift_init(struct reader *r) {
    struct json_reader *j = r->state;
    const struct field *root = r->fields->root;
    struct sift *s = &j->sift;
    if (!json_sieve_can(j->index.loops) || r->validate || r->row_depth < 2 ||
        root->slot != NO_SLOT || root->n_names > SIEVE_NAMES)
        return true;
    for (uint32_t i = 0; i < root->n_names; i++)
        if (!is_plain(root->names[i]->step.key))
            return true;
    struct json_sieve *x = arena_new(r->arena, struct json_sieve);
    if (!x)
        return false;
    x->depth_most = r->row_depth - 1 < 63 ? r->row_depth - 1 : 63;
    for (uint32_t i = 0; i < root->n_names; i++) {
        struct sift_name *k = &s->names[i];
        if (!set_name(r->arena, k, root->names[i]))
            return false;
        json_sieve_name(x, k->text[k->n - 2], k->text[k->n - 3]);
        s->order[i] = (uint8_t)i;
    }
    size_t most = (size_t)r->row_fields * LEAST_BYTES;
    s->row_most = most < r->row_bytes ? most : r->row_bytes;
    s->sieve = x;
    return true;
}

/* --- values --- */

/* , } ] */
static inline bool ends_scalar(uint8_t c) { return (c == ',') | ((c | 0x20) == '}'); }

/* true, false, null at p, and behind it its end: without a branch, for which of them it is cannot
 * be foreseen. */
static inline bool is_word(const uint8_t *p, const uint8_t *end) {
    uint32_t word;
    if (end - p < 6)
        return false;
    memcpy(&word, p, 4);
    unsigned four = (word == JSON_WORD("true")) | (word == JSON_WORD("null"));
    unsigned five = (word == JSON_WORD("fals")) & (p[4] == 'e');
    return ((four & ends_scalar(p[4])) | (five & ends_scalar(p[5]))) != 0;
}

/* A letter outside of strings is a word's first, or an exponent that makes a number. */
static bool letter_passes(const struct reader *r, const uint8_t *p) {
    const uint8_t *from = p, *to = p;
    if ((*p | 0x20) != 'e')
        return (p[-1] == ':' || p[-1] == ',' || p[-1] == '[' || p[-1] == ' ') && is_word(p, r->end);
    while ((uint8_t)(from[-1] - '0') < 10 || from[-1] == '.' || from[-1] == '-')
        from--;
    while (to < r->end && !ends_scalar(*to))
        to++;
    return to < r->end && number_is_json(from, (size_t)(to - from));
}

/* The quote that ends the string whose inside begins at p, and whether there are escapes in it;
 * NULL: not in the input. */
static inline const uint8_t *string_end(const uint8_t *p, const uint8_t *end, bool *ret_escapes) {
    *ret_escapes = false;
#if defined(__SSE2__)
    const __m128i quotes = _mm_set1_epi8('"'), slashes = _mm_set1_epi8('\\');
    for (; end - p >= 16; p += 16) {
        __m128i v = _mm_loadu_si128((const void *)p);
        __m128i found = _mm_or_si128(_mm_cmpeq_epi8(v, quotes), _mm_cmpeq_epi8(v, slashes));
        unsigned bits = (unsigned)_mm_movemask_epi8(found);
        if (bits) {
            p += __builtin_ctz(bits);
            break;
        }
    }
#endif
    while (p < end && *p != '"') {
        *ret_escapes |= *p == '\\';
        p += *p == '\\' ? 2 : 1;
    }
    return p < end ? p : NULL;
}

/* What ends the number at p, which the sieve has passed; NULL: not in the input. */
static inline const uint8_t *number_end(const uint8_t *p, const uint8_t *end) {
#if defined(__SSE2__)
    if (end - p >= 16) { /* nothing in a number is above a 9 but its exponent */
        __m128i v = _mm_loadu_si128((const void *)p);
        __m128i found = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8(',')),
                                     _mm_cmpgt_epi8(v, _mm_set1_epi8('Z')));
        unsigned bits = (unsigned)_mm_movemask_epi8(found);
        if (bits && ends_scalar(p[__builtin_ctz(bits)]))
            return p + __builtin_ctz(bits);
    }
#endif
    while (p < end && !ends_scalar(*p))
        p++;
    return p < end ? p : NULL;
}

/* A number of up to seven digits and nothing else at p, where 8 bytes may be read. */
static inline bool small_number(const uint8_t *p, struct value *ret) {
    uint64_t w = load_le(p) ^ EACH(0x30); /* a digit is its value then */
    uint64_t other = (((w & EACH(0x7F)) + EACH(0x76)) | w) & EACH(0x80);
    unsigned bits = (unsigned)__builtin_ctzll(other | UINT64_C(1) << 63) & ~7u;
    if (bits == 0 || bits == 56 || !ends_scalar(p[bits / 8]))
        return false;
    w <<= 64 - bits;       /* zeros in front */
    w = w * 10 + (w >> 8); /* pairs, then fours, then all, as in number_text.c */
    w = (w & UINT64_C(0x000000FF000000FF)) * (100 + (UINT64_C(1000000) << 32)) +
        (w >> 16 & UINT64_C(0x000000FF000000FF)) * (1 + (UINT64_C(10000) << 32));
    *ret = value_int((int64_t)(w >> 32));
    return true;
}

/* The value at p for the field. False: it is for json_read.c. */
static inline bool sift_value(struct reader *r, const struct field *f, const uint8_t *p,
                              struct block *b, uint32_t row) {
    const uint8_t *end;
    struct value v;
    if (*p == '"') {
        bool escapes;
        end = string_end(p + 1, r->end, &escapes);
        if (!end || (escapes && !json_scalar(r, p, end + 1, &v)))
            return false;
        if (!escapes)
            v = value_bytes(T_STR, p + 1, (uint32_t)(end - p - 1));
    } else if ((uint8_t)(*p - '0') < 10 || *p == '-') {
        if (r->end - p < 8 || !small_number(p, &v)) {
            end = number_end(p, r->end);
            if (!end)
                return false;
            size_t n = (size_t)(end - p);
            if (((size_t)(r->end - p) <= NUMBER_ROOM || !number_read_fast(p, n, &v)) &&
                !json_scalar(r, p, end, &v))
                return false;
        }
    } else if (is_word(p, r->end)) {
        v = *p == 'n' ? value_null() : value_bool(*p == 't');
    } else {
        return false;
    }
    if (f->slot != NO_SLOT)
        column_put(&b->columns[f->slot], row, v);
    return true;
}

/* --- rows --- */

/* Whether the name in front of the colon is k; behind a name's quote no quote stands in it. */
static inline bool has_name(const struct reader *r, const struct sift_name *k,
                            const uint8_t *colon) {
    uint64_t tail;
    size_t before = (size_t)(colon - r->start);
    if (__builtin_expect(before < NEAR_BYTES, 0))
        return before >= k->n && memcmp(colon - k->n, k->text, k->n) == 0;
    memcpy(&tail, colon - 8, 8);
    if ((tail ^ k->tail) & k->mask)
        return false;
    return k->n <= 8 || (before >= k->n && memcmp(colon - k->n, k->text, k->n) == 0);
}

/* The member of which this is the colon, if it is wanted; the names usually come in one order, of
 * which *next is the place. */
static inline bool sift_member(struct reader *r, struct sift *s, const uint8_t *colon,
                               uint32_t *next, struct block *b, uint32_t row) {
    uint32_t n = s->sieve->n_names, at = *next < n ? *next : 0;
    const struct sift_name *k = &s->names[s->order[at]];
    if (__builtin_expect(!has_name(r, k, colon), 0)) {
        uint32_t i = 0;
        while (i < n && !has_name(r, &s->names[i], colon))
            i++;
        if (i == n)
            return true; /* it ends as one that is wanted does */
        k = &s->names[i];
        s->order[at] = (uint8_t)i;
    }
    *next = at + 1;
    const uint8_t *value = colon + 1;
    value += value < r->end && *value == ' ';
    return value < r->end && sift_value(r, k->field, value, b, row);
}

/* A row is left to json_read.c: what has been put into it, or found wrong with it, goes. */
static void leave_row(struct reader *r, const struct sift *s, struct block *b, uint32_t row) {
    r->status = E_OK;
    r->fault = NULL;
    r->why = NULL;
    for (uint32_t i = 0; i < s->sieve->n_names; i++)
        if (s->names[i].field->slot != NO_SLOT)
            b->columns[s->names[i].field->slot].tag[row] = T_MISSING;
}

uint32_t json_sift(struct reader *r, struct block *b, uint32_t n) {
    struct json_reader *j = r->state;
    struct sift *s = &j->sift;
    struct json_sieve *x = s->sieve;
    const uint8_t *line = r->p, *base = NULL;
    const uint32_t *at = NULL, *to = NULL;
    uint32_t next = 0;
    json_sieve_begin(x, r->start, r->p, r->end);
    for (;;) {
        if (at == to) {
            if (!json_sieve_next(x, (b->rows - n) * j->average))
                break;
            base = x->base;
            at = x->at;
            to = at + x->n;
        }
        const uint8_t *p = base + *at++;
        if (*p == ':') {
            if (!sift_member(r, s, p, &next, b, n))
                break;
        } else if (*p == '\n') {
            size_t bytes = (size_t)(p + 1 - line);
            if (bytes > s->row_most)
                break;
            if (*line == '{') { /* else it is blank */
                reader_span(b, n, line, p + 1);
                n++;
            }
            line = r->p = p + 1;
            next = 0;
            if (n == b->rows)
                return n;
        } else if (*p != '\r' && !letter_passes(r, p)) {
            break;
        }
    }
    leave_row(r, s, b, n);
    return n;
}

/* --- whether it is worth while --- */

void json_sift_begin(struct sift *s) {
    s->on = s->sieve && s->pause == 0;
    s->pause -= s->pause > 0;
    s->misses = 0;
}

void json_sift_missed(struct sift *s, uint32_t rows) {
    if (++s->misses <= MISSES_FREE + rows / MISSES_OF)
        return;
    s->on = false;
    s->rest = s->rest < PAUSE_MOST ? 2 * s->rest + 1 : PAUSE_MOST;
    s->pause = s->rest;
}

/* Rows of the lines that pass the sieve (json_sieve.h): the wanted members of them into a block.
 *
 * The sieve has held the line to the grammar but for words and exponents, which are looked at here.
 * What is left to do is to note where the wanted values are: they are made when they are asked for
 * (json_load.c). A line that needs more than that, or has a wanted container, is left to
 * json_read.c. */
#include "format/json.h"

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
    }
    /* behind the last one none is expected: NULs stand in no row that passes */
    s->names[root->n_names] = (struct sift_name){.n = 8, .mask = UINT64_MAX};
    size_t most = (size_t)r->row_fields * LEAST_BYTES;
    s->row_most = most < r->row_bytes ? most : r->row_bytes;
    s->sieve = x;
    return true;
}

/* --- words --- */

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

/* --- rows --- */

/* Whether the name in front of the colon is k; behind a name's quote no quote stands in it. */
static inline bool has_name(const struct sift_name *k, const uint8_t *start, const uint8_t *colon) {
    uint64_t tail;
    size_t before = (size_t)(colon - start);
    if (__builtin_expect(before < NEAR_BYTES, 0))
        return before >= k->n && memcmp(colon - k->n, k->text, k->n) == 0;
    memcpy(&tail, colon - 8, 8);
    if ((tail ^ k->tail) & k->mask)
        return false;
    return k->n <= 8 || (before >= k->n && memcmp(colon - k->n, k->text, k->n) == 0);
}

/* The name in front of the colon, which is not the one that is expected there, or NULL: it ends as
 * one that is wanted does. The next row's names are expected in the order of this one's. */
static struct sift_name *find_name(struct sift *s, struct sift_name *expected, const uint8_t *start,
                                   const uint8_t *colon) {
    struct sift_name *end = s->names + s->sieve->n_names, *k = s->names;
    while (k < end && !has_name(k, start, colon))
        k++;
    if (k == end)
        return NULL;
    if (k < expected)
        return k; /* another of this name */
    struct sift_name found = *k;
    *k = *expected;
    *expected = found;
    return expected;
}

/* Where the cells of the names are. */
static void find_cells(struct sift *s, struct block *b) {
    for (uint32_t i = 0; i < s->sieve->n_names; i++) {
        struct sift_name *k = &s->names[i];
        uint32_t slot = k->field->slot;
        k->tag = slot == NO_SLOT ? NULL : b->columns[slot].tag;
        k->word = slot == NO_SLOT ? NULL : b->columns[slot].word;
    }
    b->load = json_load;
}

/* Makes the value of a cell that may be wrong. */
static bool load_cell(const struct sift_name *k, struct block *b, uint32_t n) {
    uint16_t row = (uint16_t)n;
    return !k->tag || k->tag[row] != TAG_DEFERRED ||
           json_load(b->loader, &b->columns[k->field->slot], &row, 1);
}

/* Makes the values of a row that has escapes. */
static bool load_row(const struct sift *s, struct block *b, uint32_t n) {
    for (uint32_t i = 0; i < s->sieve->n_names; i++)
        if (!load_cell(&s->names[i], b, n))
            return false;
    return true;
}

/* A row is left to json_read.c: what has been put into it, or found wrong with it, goes. */
static void leave_row(struct reader *r, const struct sift *s, uint32_t row) {
    r->status = E_OK;
    r->fault = NULL;
    r->why = NULL;
    for (uint32_t i = 0; i < s->sieve->n_names; i++)
        if (s->names[i].tag)
            s->names[i].tag[row] = T_MISSING;
}

/* Which columns have cells without a value, in the rows that were added. */
static void defer(const struct sift *s, struct block *b, uint32_t from, uint32_t to) {
    for (uint32_t i = 0; i < s->sieve->n_names; i++)
        if (s->names[i].tag && to > from && memchr(s->names[i].tag + from, TAG_DEFERRED, to - from))
            b->columns[s->names[i].field->slot].deferred = true;
}

/* The rows of json_sift. What does not change is held in variables: the cells that are written are
 * bytes, and might be anything to the compiler. */
static uint32_t sift_rows(struct reader *r, struct sift *s, struct block *b, uint32_t n) {
    const struct json_reader *j = r->state;
    struct json_sieve *const x = s->sieve;
    struct sift_name *const names = s->names, *next = names;
    const uint8_t *const start = r->start, *const end = r->end;
    const uint8_t *line = r->p, *base = NULL;
    const uint32_t *at = NULL, *to = NULL;
    bool escapes = false; /* in the row */
    json_sieve_begin(x, start, line, end);
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
            struct sift_name *k = next;
            if (__builtin_expect(!has_name(k, start, p), 0)) {
                k = find_name(s, next, start, p);
                if (!k)
                    continue;
                if (k != next && !load_cell(k, b, n)) /* the last counts, all must be good */
                    break;
            }
            next += k == next;
            const uint8_t *value = p + 1;
            value += value < end && *value == ' ';
            if (value == end || opens(*value))
                break;
            if (k->tag) {
                k->tag[n] = TAG_DEFERRED;
                k->word[n].p = value;
            }
        } else if (*p == '\n') {
            if ((size_t)(p + 1 - line) > s->row_most || (escapes && !load_row(s, b, n)))
                break;
            if (*line == '{') { /* else it is blank */
                reader_span(b, n, line, p + 1);
                n++;
            }
            line = r->p = p + 1;
            next = names;
            escapes = false;
            if (n == b->rows)
                return n;
        } else if (*p == '\\') {
            escapes = true;
        } else if (*p != '\r' && !letter_passes(r, p)) {
            break;
        }
    }
    leave_row(r, s, n);
    return n;
}

uint32_t json_sift(struct reader *r, struct block *b, uint32_t n) {
    struct sift *s = &((struct json_reader *)r->state)->sift;
    find_cells(s, b);
    b->loader = r;
    uint32_t rows = sift_rows(r, s, b, n);
    defer(s, b, n, rows);
    return rows;
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

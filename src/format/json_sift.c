/* Rows of the lines that pass the sieve (json_sieve.h): the wanted members of them into a block.
 *
 * The sieve has held the line to the grammar but for words and exponents, which are looked at here.
 * What is left to do is to note where the wanted values are: they are made when they are asked for
 * (json_load.c). A line that needs more than that, or has a wanted container, is left to
 * json_read.c. */
#include "base/load.h"
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
static const bool ENDS_SCALAR[256] = {[','] = true, ['}'] = true, [']'] = true};

/* The three words, where their first letter puts them, as little-endian numbers: there is a sieve
 * on such machines alone. */
static const struct {
    uint64_t text, mask;
    uint32_t n;
} WORDS[4] = {['f' >> 3 & 3] = {JSON_WORD("fals") | (uint64_t)'e' << 32, UINT64_C(0xFFFFFFFFFF), 5},
              ['n' >> 3 & 3] = {JSON_WORD("null"), UINT32_MAX, 4},
              ['t' >> 3 & 3] = {JSON_WORD("true"), UINT32_MAX, 4},
              {.text = 1}};

/* What a word may stand behind; to the sieve it might be a digit. */
static const bool BEFORE_WORD[256] = {[':'] = true, [','] = true, ['['] = true, [' '] = true};

/* true, false, null at p, and around it what may be there: without a branch, for which of them it
 * is cannot be foreseen. Not where the input ends soon. */
static inline bool is_word(const uint8_t *p, const uint8_t *end) {
    if (end - p < 8)
        return false;
    unsigned k = *p >> 3 & 3;
    return ((load_le64(p) & WORDS[k].mask) == WORDS[k].text) & BEFORE_WORD[p[-1]] &
           ENDS_SCALAR[p[WORDS[k].n]];
}

/* A letter outside of strings is a word's first, or an exponent that makes a number. */
static bool letter_passes(const struct reader *r, const uint8_t *p) {
    const uint8_t *from = p, *to = p;
    if ((*p | 0x20) != 'e')
        return is_word(p, r->end);
    while ((uint8_t)(from[-1] - '0') < 10 || from[-1] == '.' || from[-1] == '-')
        from--;
    while (to < r->end && !ENDS_SCALAR[*to])
        to++;
    return to < r->end && number_is_json(from, (size_t)(to - from));
}

/* --- rows --- */

/* Whether the name in front of the colon is k; behind a name's quote no quote stands in it. There
 * are at least NEAR_BYTES bytes before it. */
static inline bool has_name_far(const struct sift_name *k, const uint8_t *start,
                                const uint8_t *colon) {
    uint64_t tail;
    memcpy(&tail, colon - NEAR_BYTES, NEAR_BYTES);
    if ((tail ^ k->tail) & k->mask)
        return false;
    return k->n <= NEAR_BYTES ||
           ((size_t)(colon - start) >= k->n && memcmp(colon - k->n, k->text, k->n) == 0);
}

static inline bool has_name(const struct sift_name *k, const uint8_t *start, const uint8_t *colon) {
    size_t before = (size_t)(colon - start);
    if (__builtin_expect(before < NEAR_BYTES, 0))
        return before >= k->n && memcmp(colon - k->n, k->text, k->n) == 0;
    return has_name_far(k, start, colon);
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

/* The cells of the names before `end` have no values yet, in the rows from .. to - 1. */
static void mark(const struct sift *s, const struct sift_name *end, uint32_t from, uint32_t to) {
    for (const struct sift_name *k = s->names; k < end; k++)
        if (k->tag && from < to)
            memset(k->tag + from, TAG_DEFERRED, to - from);
}

/* Makes the value of a cell that may be wrong. */
static bool load_cell(const struct sift_name *k, struct block *b, uint32_t n) {
    uint16_t row = (uint16_t)n;
    if (!k->tag)
        return true;
    k->tag[row] = TAG_DEFERRED;
    return json_load(b->loader, &b->columns[k->field->slot], &row, 1);
}

/* Makes the values of a row that has escapes; of the names, those before `end`. */
static bool load_row(const struct sift *s, const struct sift_name *end, struct block *b,
                     uint32_t n) {
    for (const struct sift_name *k = s->names; k < end; k++)
        if (!load_cell(k, b, n))
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

/* What the rows of json_sift go through. */
struct sifting {
    struct reader *r;
    struct sift *s;
    struct block *b;
    const uint32_t *at, *to; /* positions that were found and not yet used */
    const uint8_t *base;     /* they count from here */
    const uint8_t *line;     /* where the row begins */
    struct sift_name *next;  /* the name that is expected; those before it have their cells */
    uint32_t n;              /* the row */
    uint32_t marked;         /* the rows from here to n have all names, and are not yet marked */
    bool escapes;            /* in the row */
};

/* Whether the position, of which there is at least one more, is the colon of k and has a scalar
 * behind it: *ret_value. There are at least NEAR_BYTES bytes before it. */
static inline bool usual_name(const struct sift_name *k, const uint8_t *start, const uint8_t *colon,
                              const uint8_t **ret_value) {
    const uint8_t *value = colon + 1;
    if (*colon != ':' || !has_name_far(k, start, colon))
        return false;
    if (__builtin_expect(*value == ' ', 0)) /* in all of a file's rows, or in none */
        value++;
    *ret_value = value;
    return !opens(*value);
}

/* Rows as they usually are: the names that are expected, all of them, and no escapes. Stops before
 * the first position that is something else. No branch depends on more of a row than which names
 * and words there are. */
static void usual_rows(struct sifting *t) {
    struct sift_name *const names = t->s->names, *const names_end = names + t->s->sieve->n_names;
    const uint8_t *const start = t->r->start, *const end = t->r->end, *const base = t->base;
    struct span *const spans = t->b->spans;
    const size_t row_most = t->s->row_most;
    const uint32_t rows = t->b->rows, least = t->s->sieve->n_names + 1; /* positions of a row */
    const uint32_t *at = t->at, *const far = t->to - least;
    const uint8_t *line = t->line, *p, *value;
    struct sift_name *k = names;
    uint32_t n = t->n;
    while (n < rows && at <= far && *line == '{') {
        for (;;) {
            p = base + *at;
            /* of what there are positions, letters and backslashes are above a colon */
            while (__builtin_expect(*p > ':', 0) && at < far && is_word(p, end))
                p = base + *++at;
            if (k == names_end || !usual_name(k, start, p, &value))
                break;
            if (k->word)
                k->word[n].p = value;
            k++;
            at++;
        }
        p++;
        if (k < names_end || p[-1] != '\n' || (size_t)(p - line) > row_most)
            break;
        if (spans)
            spans[n] = (struct span){line, (uint32_t)(p - line)};
        n++;
        at++;
        line = p;
        k = names;
    }
    t->at = at;
    t->line = t->r->p = line;
    t->next = k;
    t->n = n;
}

/* A name's colon, whatever name it is. False: the row does not pass. */
static bool take_name(struct sifting *t, const uint8_t *colon) {
    const uint8_t *end = t->r->end, *value = colon + 1;
    struct sift_name *k = t->next;
    if (!has_name(k, t->r->start, colon)) {
        k = find_name(t->s, k, t->r->start, colon);
        if (!k)
            return true;
        if (k != t->next && !load_cell(k, t->b, t->n)) /* the last counts, all must be good */
            return false;
    }
    t->next += k == t->next;
    value += value < end && *value == ' ';
    if (value == end || opens(*value))
        return false;
    if (k->word)
        k->word[t->n].p = value;
    return true;
}

/* The end of the line, with its line feed before `next`. False: the row does not pass. */
static bool take_line(struct sifting *t, const uint8_t *next) {
    const struct sift *s = t->s;
    if ((size_t)(next - t->line) > s->row_most || (t->escapes && !load_row(s, t->next, t->b, t->n)))
        return false;
    if (*t->line == '{') { /* else it is blank */
        if (t->escapes || t->next < s->names + s->sieve->n_names) {
            mark(s, s->names + s->sieve->n_names, t->marked, t->n);
            if (!t->escapes)
                mark(s, t->next, t->n, t->n + 1);
            t->marked = t->n + 1;
        }
        reader_span(t->b, t->n, t->line, next);
        t->n++;
    }
    t->line = t->r->p = next;
    t->next = t->s->names;
    t->escapes = false;
    return true;
}

static bool take_position(struct sifting *t, const uint8_t *p) {
    switch (*p) {
    case ':':
        return take_name(t, p);
    case '\n':
        return take_line(t, p + 1);
    case '\\':
        return t->escapes = true;
    case '\r':
        return true;
    default:
        return letter_passes(t->r, p);
    }
}

/* The rows of json_sift. */
static uint32_t sift_rows(struct reader *r, struct sift *s, struct block *b, uint32_t n) {
    const struct json_reader *j = r->state;
    struct json_sieve *x = s->sieve;
    struct sifting t = {
        .r = r, .s = s, .b = b, .line = r->p, .next = s->names, .n = n, .marked = n};
    json_sieve_begin(x, r->start, r->p, r->end);
    while (t.n < b->rows) {
        if (t.at == t.to) {
            if (!json_sieve_next(x, (b->rows - t.n) * j->average))
                break;
            t.base = x->base;
            t.at = x->at;
            t.to = x->at + x->n;
        }
        if (t.next == s->names && !t.escapes && (size_t)(t.line - r->start) >= NEAR_BYTES &&
            t.to - t.at > x->n_names)
            usual_rows(&t);
        if (t.n < b->rows && t.at < t.to && !take_position(&t, t.base + *t.at++))
            break;
    }
    if (t.n < b->rows)
        leave_row(r, s, t.n);
    mark(s, s->names + s->sieve->n_names, t.marked, t.n);
    return t.n;
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

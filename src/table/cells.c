/* See cells.h. */
#include "table/cells.h"

#include "table/spread.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM 16u
#define SLACK      64u /* entries that dense loops may read behind the last one */

void cells_init(struct cells *c, struct budget *budget) {
    *c = (struct cells){.budget = budget, .backoff = 1};
    buf_init(&c->bytes, budget);
}

void cells_done(struct cells *c) {
    budget_free(c->budget, c->valid, (size_t)c->bits_words * 8);
    budget_free(c->budget, c->present, (size_t)c->bits_words * 8);
    budget_free(c->budget, c->word, (c->word_room + SLACK) * sizeof *c->word);
    budget_free(c->budget, c->len, (c->len_room + SLACK) * sizeof *c->len);
    budget_free(c->budget, c->tag, c->tag_room + SLACK);
    buf_done(&c->bytes);
    dict_unref(c->dict);
    cells_init(c, c->budget);
}

void cells_clear(struct cells *c) {
    if (c->has_bits) {
        memset(c->valid, 0, (size_t)c->bits_words * 8);
        memset(c->present, 0, (size_t)c->bits_words * 8);
    }
    c->form = CELLS_NONE, c->lent = NULL, c->lent_rows = NULL, c->far = NULL;
    c->rows = c->n = c->nulls = c->types = c->fresh = 0;
    c->logical = c->fresh_bytes = c->bytes.len = 0;
    c->has_bits = c->keep_codes = false;
    if (c->plain > 0)
        c->plain--;
}

/* --- memory --- */

static bool grow(struct cells *c, void **array, uint32_t *room, size_t size, uint32_t need) {
    uint32_t to = *room ? *room : FIRST_ROOM;
    while (to < need)
        to *= 2;
    size_t before = *array ? (*room + SLACK) * size : 0;
    void *p = budget_realloc(c->budget, *array, before, (to + SLACK) * size);
    if (!p)
        return false;
    *array = p;
    *room = to;
    return true;
}

static bool word_room(struct cells *c, uint32_t need) {
    void *p = c->word;
    bool done = need <= c->word_room || grow(c, &p, &c->word_room, sizeof *c->word, need);
    c->word = p;
    return done;
}

static bool len_room(struct cells *c, uint32_t need) {
    void *p = c->len;
    bool done = need <= c->len_room || grow(c, &p, &c->len_room, sizeof *c->len, need);
    c->len = p;
    return done;
}

static bool tag_room(struct cells *c, uint32_t need) {
    void *p = c->tag;
    bool done = need <= c->tag_room || grow(c, &p, &c->tag_room, 1, need);
    c->tag = p;
    return done;
}

bool cells_room(struct cells *c, uint32_t n) {
    uint32_t need = c->n + n; /* at most SEGMENT_ROWS */
    switch (c->form) {
    case CELLS_NONE:
        return true;
    case CELLS_INT:
    case CELLS_UINT:
    case CELLS_DOUBLE:
        return word_room(c, need);
    case CELLS_BOOL:
        return tag_room(c, need);
    case CELLS_TIME:
        return word_room(c, need) && len_room(c, need);
    case CELLS_CODES:
    case CELLS_STR:
        return len_room(c, need);
    case CELLS_MIXED:
        break;
    }
    return word_room(c, need) && len_room(c, need) && tag_room(c, need);
}

/* --- which cells are there --- */

static bool bits_room(struct cells *c, uint32_t rows) {
    uint32_t need = (rows + 63) / 64, to = c->bits_words ? c->bits_words : 2;
    if (need > c->bits_words) {
        while (to < need)
            to *= 2;
        size_t before = (size_t)c->bits_words * 8, after = (size_t)to * 8;
        uint64_t *valid = budget_realloc(c->budget, NULL, 0, after);
        uint64_t *present = budget_realloc(c->budget, NULL, 0, after);
        if (!valid || !present) {
            budget_free(c->budget, valid, after);
            budget_free(c->budget, present, after);
            return false;
        }
        memset(valid, 0, after);
        memset(present, 0, after);
        if (before) {
            memcpy(valid, c->valid, before);
            memcpy(present, c->present, before);
        }
        budget_free(c->budget, c->valid, before);
        budget_free(c->budget, c->present, before);
        c->valid = valid;
        c->present = present;
        c->bits_words = to;
    }
    if (!c->has_bits) {
        bits_set(c->valid, 0, c->rows);
        bits_set(c->present, 0, c->rows);
        c->has_bits = true;
    }
    return true;
}

bool cells_mark(struct cells *c, uint32_t row, uint32_t n, bool valid, bool present) {
    if (cells_is_dense(c, row) && valid) {
        c->rows = row + n;
        return true;
    }
    if (!bits_room(c, row + n))
        return false;
    if (valid)
        bits_set(c->valid, row, row + n);
    if (present)
        bits_set(c->present, row, row + n);
    if (present && !valid)
        c->nulls += n;
    c->rows = row + n;
    return true;
}

/* Bits [0, n) of `from`, or ones, to bit `at` of `to`, where zeros stand. */
static void copy_bits(uint64_t *to, uint32_t at, const uint64_t *from, uint32_t n) {
    if (!from) {
        bits_set(to, at, at + n);
        return;
    }
    for (uint32_t i = 0; i < n; i += 64) {
        uint64_t word = from[i / 64];
        if (n - i < 64)
            word &= (UINT64_C(1) << (n - i)) - 1;
        to[(at + i) / 64] |= word << (at + i) % 64;
        if ((at + i) % 64 && word >> (64 - (at + i) % 64))
            to[(at + i) / 64 + 1] |= word >> (64 - (at + i) % 64);
    }
}

bool cells_mark_bits(struct cells *c, uint32_t row, uint32_t n, const uint64_t *valid,
                     const uint64_t *present) {
    if (!valid)
        return cells_mark(c, row, n, true, true);
    if (!bits_room(c, row + n))
        return false;
    copy_bits(c->valid, row, valid, n);
    copy_bits(c->present, row, present, n);
    c->nulls += (present ? bits_count(present, n) : n) - bits_count(valid, n);
    c->rows = row + n;
    return true;
}

/* Takes back the last cell. */
static void pop(struct cells *c) {
    uint32_t row = --c->rows;
    if (c->has_bits && !bits_get(c->valid, row)) {
        c->nulls -= bits_get(c->present, row);
        c->present[row / 64] &= ~(UINT64_C(1) << row % 64);
        return;
    }
    c->n--;
    if (c->form == CELLS_STR) {
        c->bytes.len = c->n ? c->len[c->n - 1] : 0;
        c->logical = c->bytes.len;
    } else if (c->form == CELLS_CODES) {
        c->logical -= dict_value(c->dict, c->len[c->n]).n;
    } else if (c->form == CELLS_MIXED && value_has_bytes((enum value_type)c->tag[c->n])) {
        c->bytes.len = c->word[c->n].u;
        c->logical = c->bytes.len;
    }
    if (c->has_bits) {
        c->valid[row / 64] &= ~(UINT64_C(1) << row % 64);
        c->present[row / 64] &= ~(UINT64_C(1) << row % 64);
    }
}

/* --- forms --- */

/* Value k of all forms but STR and MIXED; borrows. */
static struct value value_at(const struct cells *c, uint32_t k) {
    switch (c->form) {
    case CELLS_INT:
        return value_int(c->word[k].i);
    case CELLS_UINT:
        return value_uint(c->word[k].u);
    case CELLS_DOUBLE:
        return value_double(c->word[k].d);
    case CELLS_BOOL:
        return value_bool(c->tag[k] != 0);
    case CELLS_TIME:
        return value_timestamp(c->word[k].i, c->len[k]);
    case CELLS_CODES:
        return dict_value(c->dict, c->len[k]);
    default:
        return value_null();
    }
}

static void strings_to_mixed(struct cells *c) {
    for (uint32_t k = c->n; k-- > 0;) { /* from the end: each needs the end of the one before */
        uint32_t from = k ? c->len[k - 1] : 0;
        c->tag[k] = T_STR;
        c->len[k] -= from;
        c->word[k].u = from;
    }
    c->form = CELLS_MIXED;
}

bool cells_to_mixed(struct cells *c) {
    if (!word_room(c, c->n + 1) || !len_room(c, c->n + 1) || !tag_room(c, c->n + 1))
        return false;
    if (c->form == CELLS_STR) {
        strings_to_mixed(c);
        return true;
    }
    if (c->form == CELLS_CODES && !buf_reserve(&c->bytes, c->logical))
        return false;
    for (uint32_t k = 0; k < c->n; k++) {
        struct value v = value_at(c, k);
        c->tag[k] = v.type;
        c->len[k] = v.n;
        c->word[k] = v.w;
        if (value_has_bytes((enum value_type)v.type)) {
            c->word[k].u = c->bytes.len;
            buf_add(&c->bytes, v.w.p, v.n);
        }
    }
    c->form = CELLS_MIXED;
    return true;
}

/* A string goes behind the others; false if there is no memory, or if places would need more than
 * 32 bits. */
static bool put_bytes(struct cells *c, struct value v) {
    if (c->bytes.len + v.n > UINT32_MAX)
        return false;
    buf_add(&c->bytes, v.w.p, v.n);
    c->logical += v.n;
    return !buf_failed(&c->bytes);
}

static void no_dict(struct cells *c) {
    c->dropped += c->fresh;
    c->fresh = 0;
    c->fresh_bytes = 0;
    c->plain = c->backoff;
    c->backoff *= 2;
}

bool cells_to_bytes(struct cells *c) {
    bool strings = true;
    for (uint32_t k = 0; k < c->n && strings; k++)
        strings = value_at(c, k).type == T_STR;
    if (!strings) {
        if (!cells_to_mixed(c))
            return false;
        no_dict(c);
        return true;
    }
    if (!buf_reserve(&c->bytes, c->logical))
        return false;
    for (uint32_t k = 0; k < c->n; k++) {
        struct value v = value_at(c, k);
        buf_add(&c->bytes, v.w.p, v.n);
        c->len[k] = (uint32_t)c->bytes.len;
    }
    c->form = CELLS_STR;
    no_dict(c);
    return true;
}

static enum cells_form form_of(const struct cells *c, enum value_type type) {
    switch (type) {
    case T_INT:
        return CELLS_INT;
    case T_UINT:
        return CELLS_UINT;
    case T_DOUBLE:
        return CELLS_DOUBLE;
    case T_BOOL:
        return CELLS_BOOL;
    case T_TIMESTAMP:
        return CELLS_TIME;
    case T_STR:
        return c->plain ? CELLS_STR : CELLS_CODES;
    default:
        return c->plain ? CELLS_MIXED : CELLS_CODES;
    }
}

static bool has_negative(const struct cells *c) {
    for (uint32_t k = 0; k < c->n; k++)
        if (c->word[k].i < 0)
            return true;
    return false;
}

bool cells_take(struct cells *c, enum value_type type) {
    if (c->n == 0) {
        c->bytes.len = 0;
        c->form = form_of(c, type);
    }
    enum cells_form form = form_of(c, type);
    if (c->form == form || c->form == CELLS_MIXED)
        return true;
    if (c->form == CELLS_INT && form == CELLS_UINT && !has_negative(c)) {
        c->form = CELLS_UINT;
        return true;
    }
    if (c->form == CELLS_UINT && form == CELLS_INT)
        return true; /* for values that are not negative */
    if (c->form == CELLS_CODES && value_has_bytes(type))
        return true;
    if (c->form == CELLS_STR && type == T_STR)
        return true;
    return cells_to_mixed(c);
}

/* Whether the form CODES may be given up. */
static bool may_turn(const struct cells *c) { return c->logical <= TEXT_MOST && !c->keep_codes; }

/* The code of a value that the dictionary had not when it was looked up; NO_CODE where the
 * dictionary is not to grow any more. False: no memory. */
static bool new_code(struct cells *c, struct value v, uint32_t hash, uint32_t *ret_code) {
    uint32_t before = dict_count(c->dict);
    if (before >= DICT_MOST && may_turn(c)) {
        if (!dict_has(c->dict, v, ret_code)) /* entered since? */
            *ret_code = NO_CODE;
        return true;
    }
    if (!dict_add_hashed(c->dict, v, hash, ret_code))
        return false;
    if (*ret_code >= before) {
        c->fresh++;
        c->fresh_bytes += v.n;
    }
    return true;
}

/* Where the next n values reach the place at which it is seen whether they repeat, those up to it
 * alone. */
static bool reaches_probe(const struct cells *c, uint32_t *n) {
    uint32_t at = cells_probe(c);
    bool reaches = c->n < at && c->n + *n >= at;
    if (reaches)
        *n = at - c->n;
    return reaches;
}

/* At that place. False: no memory. */
static bool probe(struct cells *c) {
    bool repeat = c->n - c->fresh >= c->n / PROBE_REPEATS;
    return repeat || !may_turn(c) || cells_to_bytes(c);
}

uint32_t cells_add_looked(struct cells *c, const struct value *v, uint32_t n, const uint32_t *hash,
                          uint32_t *code) {
    uint32_t i = 0, types = 0;
    bool probes = reaches_probe(c, &n);
    if (!len_room(c, c->n + n))
        return 0;
    for (; i < n; i++) {
        if (__builtin_expect(code[i] != NO_CODE, 1))
            continue;
        if (!new_code(c, v[i], hash[i], &code[i]))
            return 0;
        if (code[i] == NO_CODE)
            break;
    }
    for (uint32_t k = 0; k < i; k++) {
        types |= SEEN(v[k].type);
        c->logical += v[k].n;
    }
    memcpy(c->len + c->n, code, i * sizeof *code);
    c->n += i;
    c->types |= types;
    if (i < n) /* the next one as bytes */
        return cells_to_bytes(c) && cells_add(c, v[i]) ? i + 1 : 0;
    return !probes || probe(c) ? n : 0;
}

bool cells_add_known(struct cells *c, enum value_type type, const uint32_t *code, uint32_t n,
                     uint64_t bytes) {
    if (!len_room(c, c->n + n))
        return false;
    memcpy(c->len + c->n, code, n * sizeof *code);
    c->n += n;
    c->types |= SEEN(type);
    c->logical += bytes;
    return true;
}

/* Puts strings and nested values while the form is CODES, 1 <= n <= DICT_GROUP, which can be read
 * up to `end`. Gives how many; the form is another one, perhaps, if not all. 0: no memory. */
static uint32_t put_codes(struct cells *c, const struct value *v, uint32_t n, const uint8_t *end) {
    uint32_t hash[DICT_GROUP], code[DICT_GROUP];
    dict_look(c->dict, v, n, end, hash, code);
    return cells_add_looked(c, v, n, hash, code);
}

bool cells_add(struct cells *c, struct value v) {
    enum value_type type = (enum value_type)v.type;
    if (form_of(c, type) == CELLS_CODES && !c->dict && !(c->dict = dict_new(c->budget)))
        return false;
    if (!cells_take(c, type))
        return false;
    if (c->form == CELLS_UINT && type == T_INT && v.w.i < 0 && !cells_to_mixed(c))
        return false;
    if (!cells_room(c, 1))
        return false;
    switch (c->form) {
    case CELLS_INT:
    case CELLS_UINT:
    case CELLS_DOUBLE:
        c->word[c->n++] = v.w;
        return true;
    case CELLS_BOOL:
        c->tag[c->n++] = v.w.i != 0;
        return true;
    case CELLS_TIME:
        c->word[c->n] = v.w;
        c->len[c->n++] = v.n;
        return true;
    case CELLS_STR:
        if (!put_bytes(c, v))
            return false;
        c->len[c->n++] = (uint32_t)c->bytes.len;
        return true;
    case CELLS_MIXED:
        c->tag[c->n] = v.type;
        c->len[c->n] = v.n;
        c->word[c->n] = v.w;
        if (value_has_bytes(type)) {
            c->word[c->n].u = c->bytes.len;
            if (!put_bytes(c, v))
                return false;
        }
        c->n++;
        return true;
    default:
        return put_codes(c, &v, 1, v.w.p) > 0;
    }
}

bool cells_add_many(struct cells *c, const struct value *v, uint32_t n, const uint8_t *end) {
    while (n > 0) {
        uint32_t done = n < DICT_GROUP ? n : DICT_GROUP;
        if (c->form != CELLS_CODES)
            done = cells_add(c, v[0]);
        else
            done = put_codes(c, v, done, end);
        if (done == 0)
            return false;
        v += done;
        n -= done;
    }
    return true;
}

bool cells_put(struct cells *c, uint32_t row, struct value v) {
    if (c->form == CELLS_CODES && value_has_bytes((enum value_type)v.type) &&
        cells_is_next(c, row) && c->n < c->len_room) { /* the usual case */
        if (put_codes(c, &v, 1, v.w.p) == 0)
            return false;
        cells_mark_next(c, row);
        return true;
    }
    if (c->rows > row)
        pop(c);
    if (v.type <= T_NULL)
        return cells_mark(c, row, 1, false, v.type == T_NULL);
    return cells_add(c, v) && cells_mark(c, row, 1, true, true);
}

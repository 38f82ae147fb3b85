/* See regex.h. */
#include "kernel/regex.h"

#include "kernel/regex_engine.h"
#include "kernel/regex_literal.h"
#include "kernel/text.h"

#include <stdlib.h>

struct regex {
    struct regex_engine *engine;
    struct budget *budget;
    struct regex *next; /* of a list */
    enum regex_shape shape;
    size_t subject_most;
    bool has_first;
    uint8_t first_low, first_high;
    struct regex_text text;
    struct needle needles[NEEDLES_MOST];
    size_t n_needles;
    size_t room;
    char literal[]; /* room bytes */
};

/* What a part of a pattern may cost in RE2 until its size is known to be too much: a byte of text,
 * a repetition of what is repeated, a Unicode class. Measured, rounded up. */
#define BYTE_COST   100u
#define REPEAT_COST 100u
#define CLASS_COST  49152u

/* Needles are looked for if no longer literal than LITERAL_SHORT is known, and in patterns that
 * expand to no more than NEEDLE_COST bytes: it takes about as long as compiling. Meanwhile they may
 * take that once more, and NEEDLE_ROOM bytes (measured, at most half of that) for programs of at
 * most NEEDLE_PROGRAM. */
#define LITERAL_SHORT  2u
#define NEEDLE_COST    65536u
#define NEEDLE_ROOM    524288u
#define NEEDLE_PROGRAM 65536

/* The greater bound of {n}, {n,} or {n,m} whose { is at p[i]; 0 if it is none of them. */
static uint64_t repetitions(struct str p, size_t i) {
    uint64_t most = 0, n = 0;
    for (i++; i < p.n && ((p.p[i] >= '0' && p.p[i] <= '9') || p.p[i] == ','); i++) {
        n = p.p[i] == ',' ? 0 : n * 10 + (uint64_t)(p.p[i] - '0');
        if (n > 1000) /* RE2 allows no more, and refuses at once */
            return 0;
        most = n > most ? n : most;
    }
    return most;
}

uint64_t regex_cost_bytes(struct str pattern) {
    uint64_t cost = REGEX_MEMORY_BYTES + (uint64_t)pattern.n * BYTE_COST;
    for (size_t i = 0; i < pattern.n; i++) {
        if (pattern.p[i] == '{')
            cost += repetitions(pattern, i) * REPEAT_COST;
        else if (pattern.p[i] == '\\' && i + 1 < pattern.n && (pattern.p[i + 1] | 0x20) == 'p')
            cost += CLASS_COST;
    }
    return cost;
}

bool regex_flags(struct str s, unsigned *ret_flags) {
    unsigned flags = 0;
    for (size_t i = 0; i < s.n; i++) {
        unsigned flag = s.p[i] == 'i'   ? REGEX_FOLD
                        : s.p[i] == 'm' ? REGEX_LINES
                        : s.p[i] == 's' ? REGEX_DOT_ALL
                                        : 0;
        if (!flag)
            return false;
        flags |= flag;
    }
    *ret_flags = flags;
    return true;
}

/* A wrong pattern: what is wrong, and at which character and byte of it. */
static enum status report_bad(struct str pattern, const char *text, size_t place, struct error *e) {
    char shown[160];
    error_text(shown, sizeof shown, text, strlen(text));
    if (place >= pattern.n)
        return error_set(e, E_BAD_PATTERN, "bad regular expression: %s", shown);
    size_t character = 1;
    for (size_t i = 0; i < place; i++)
        character += (pattern.p[i + 1] & 0xC0) != 0x80; /* that the next one begins */
    bool first = e && e->status == E_OK;
    error_set(e, E_BAD_PATTERN, "bad regular expression: %s, at character %zu of the pattern",
              shown, character);
    if (first)
        e->pos = place;
    return E_BAD_PATTERN;
}

static enum status report(enum regex_fault fault, struct error *e) {
    switch (fault) {
    case REGEX_OK:
        return E_OK;
    case REGEX_BAD: /* report_bad */
        return E_BAD_PATTERN;
    case REGEX_TOO_LARGE:
        return error_set(e, E_REGEX_TOO_LARGE,
                         "the regular expression is too large: its program must fit %u bytes",
                         REGEX_MEMORY_BYTES);
    case REGEX_NOT_BUILT:
        return error_set(e, E_NO_REGEX, "REGEXP is not built into this tamis");
    case REGEX_NO_MEMORY:
        break;
    }
    return error_set(e, E_MEMORY, "out of memory while compiling a regular expression");
}

static void find_needles(struct regex *r, struct str pattern, const char *letters) {
    size_t transient = (size_t)regex_cost_bytes(pattern) - REGEX_MEMORY_BYTES;
    if (r->shape != REGEX_GENERAL || r->text.n_literal > LITERAL_SHORT || transient > NEEDLE_COST ||
        !budget_charge(r->budget, transient + NEEDLE_ROOM))
        return;
    r->n_needles = regex_engine_needles(pattern.p, pattern.n, letters, NEEDLE_PROGRAM, r->needles);
    budget_release(r->budget, transient + NEEDLE_ROOM);
}

static enum status make(struct regex *r, struct str pattern, unsigned flags, struct error *e) {
    char letters[4], text[160], *to = letters;
    size_t place;
    if (flags & REGEX_FOLD)
        *to++ = 'i';
    if (flags & REGEX_LINES)
        *to++ = 'm';
    if (flags & REGEX_DOT_ALL)
        *to++ = 's';
    *to = '\0';
    enum regex_fault fault = regex_engine_new(pattern.p, pattern.n, letters, REGEX_MEMORY_BYTES,
                                              &r->engine, text, sizeof text, &place);
    if (fault == REGEX_BAD)
        return report_bad(pattern, text, place, e);
    if (fault != REGEX_OK)
        return report(fault, e);
    r->text = regex_literal_find(pattern, flags, r->literal);
    r->shape = r->text.shape;
    r->has_first = r->text.starts && regex_engine_first(r->engine, &r->first_low, &r->first_high);
    find_needles(r, pattern, letters);
    r->subject_most = REGEX_WORK_MOST / regex_engine_size(r->engine);
    return E_OK;
}

static size_t held_bytes(size_t room) { return REGEX_MEMORY_BYTES + sizeof(struct regex) + room; }

enum status regex_compile(struct str pattern, unsigned flags, struct budget *budget,
                          struct regex **ret, struct error *e) {
    uint64_t cost = regex_cost_bytes(pattern);
    if (cost > REGEX_COST_MOST)
        return error_set(e, E_REGEX_TOO_LARGE,
                         "the regular expression is too large: %zu bytes that expand to about %zu",
                         pattern.n, (size_t)cost);
    size_t transient = (size_t)cost - REGEX_MEMORY_BYTES;
    if (!budget_charge(budget, held_bytes(pattern.n)))
        return report(REGEX_NO_MEMORY, e);
    struct regex *r = NULL;
    bool charged = budget_charge(budget, transient);
    if (charged)
        r = calloc(1, sizeof *r + pattern.n);
    enum status status = E_MEMORY;
    if (r) {
        r->budget = budget;
        r->room = pattern.n;
        status = make(r, pattern, flags, e);
    } else {
        report(REGEX_NO_MEMORY, e);
    }
    if (charged)
        budget_release(budget, transient);
    if (status != E_OK) {
        budget_release(budget, held_bytes(pattern.n));
        free(r);
        return status;
    }
    *ret = r;
    return E_OK;
}

void regex_free(struct regex *r) {
    if (!r)
        return;
    regex_engine_free(r->engine);
    budget_release(r->budget, held_bytes(r->room));
    free(r);
}

/* bytes_find_lower gives up where a needle nearly fits again and again; for one this short it may
 * as well go on. */
static bool has_needle(const struct needle *k, const uint8_t *s, size_t n) {
    for (size_t left; n >= k->n; s += left, n -= left) {
        if (bytes_find_lower(s, n, k->bytes, k->n, &left))
            return true;
        if (left == n)
            return false;
    }
    return false;
}

static bool has_needles(const struct regex *r, const uint8_t *s, size_t n) {
    for (size_t i = 0; i < r->n_needles; i++)
        if (has_needle(&r->needles[i], s, n))
            return true;
    return r->n_needles == 0;
}

bool regex_match(const struct regex *r, const uint8_t *s, size_t n, bool *ret_failed) {
    *ret_failed = false;
    if (r->has_first && (n == 0 || s[0] < r->first_low || s[0] > r->first_high))
        return false;
    size_t n_suffix = r->text.n_suffix;
    if (n_suffix > 0 &&
        (n < n_suffix || memcmp(s + n - n_suffix, r->literal + r->text.suffix_at, n_suffix) != 0))
        return false;
    if (r->text.n_literal > 0 && !bytes_find(s, n, (const uint8_t *)r->literal, r->text.n_literal))
        return false;
    if (r->shape == REGEX_CONTAINS)
        return true;
    if (!has_needles(r, s, n))
        return false;
    if (n > r->subject_most) {
        *ret_failed = true;
        return false;
    }
    return regex_engine_match(r->engine, (const char *)s, n, ret_failed);
}

/* Whether a subject that is too long fails depends on what is in it. */
bool regex_match_sifted(const struct regex *r, const uint8_t *s, size_t n, bool *ret_failed) {
    return n > r->subject_most ? regex_match(r, s, n, ret_failed)
                               : regex_engine_match(r->engine, (const char *)s, n, ret_failed);
}

enum regex_shape regex_shape(const struct regex *r) { return r->shape; }
struct str regex_literal(const struct regex *r) {
    return (struct str){r->literal, r->text.n_literal};
}
struct str regex_suffix(const struct regex *r) {
    return (struct str){r->literal + r->text.suffix_at, r->text.n_suffix};
}
bool regex_first(const struct regex *r, uint8_t *ret_low, uint8_t *ret_high) {
    *ret_low = r->first_low;
    *ret_high = r->first_high;
    return r->has_first;
}
const struct needle *regex_needles(const struct regex *r, size_t *ret_count) {
    *ret_count = r->n_needles;
    return r->needles;
}
size_t regex_subject_most(const struct regex *r) { return r->subject_most; }

struct regex *regex_push(struct regex *list, struct regex *r) {
    r->next = list;
    return r;
}

void regex_free_list(struct regex *list) {
    while (list) {
        struct regex *next = list->next;
        regex_free(list);
        list = next;
    }
}

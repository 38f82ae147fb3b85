/* See like.h. Runs compiled patterns (like_match) and patterns as they are (like_match_once).
 *
 * A literal's bytes are equal to a stretch of the subject that begins and ends at boundaries
 * (text.h) if and only if their units are equal, so literals are compared as bytes, and boundaries
 * are checked only where a malformed literal could begin or end within a character. A position that
 * is handed on is always a boundary.
 *
 * Nothing here allocates or recurses. stop is looked at where a loop can be long: after each WORK
 * units of it.
 */
#include "kernel/like_pattern.h"

#include <string.h>

#define WORK 4096u

/* --- compiled patterns --- */

/* Matches a piece at the boundary pos; gives the boundary behind it or TEXT_NONE. */
static inline size_t match_piece(const struct piece *p, bool fold, const uint8_t *s, size_t n,
                                 size_t pos) {
    if (p->skip > 0) {
        pos = text_forward(s, n, pos, p->skip);
        if (pos == TEXT_NONE)
            return TEXT_NONE;
    }
    if (n - pos < p->n)
        return TEXT_NONE;
    if (!fold) {
        if (p->n == 0)
            return pos;
        if (s[pos] != p->bytes[0] || memcmp(s + pos, p->bytes, p->n) != 0)
            return TEXT_NONE;
        pos += p->n;
        return p->open && !text_boundary(s, n, pos) ? TEXT_NONE : pos;
    }
    for (const uint32_t *u = p->units, *end = u + p->n; u < end; u++) {
        uint32_t unit;
        if (pos == n)
            return TEXT_NONE;
        pos += subject_unit(s + pos, n - pos, true, &unit);
        if (unit != *u)
            return TEXT_NONE;
    }
    return pos;
}

static size_t match_pieces(const struct piece *p, size_t count, bool fold, const uint8_t *s,
                           size_t n, size_t pos) {
    for (const struct piece *end = p + count; p < end && pos != TEXT_NONE; p++)
        pos = match_piece(p, fold, s, n, pos);
    return pos;
}

/* A subject in which segments are searched. */
struct subject {
    const uint8_t *s;
    size_t n;
    bool fold;
    bool wide; /* code points that are folded to ASCII may be in it */
    const atomic_bool *stop;
};

/* A search for a segment's first literal that can go on behind a find. */
struct search {
    size_t pos;
    uint32_t matched; /* units of the literal that end at pos */
    bool lower;       /* by the bytes of the folded literal */
};

/* The end of the next occurrence, unit by unit. */
static size_t find_units(const struct segment *g, const struct subject *in, struct search *at) {
    const uint32_t *first = g->first;
    const uint8_t *s = in->s;
    size_t n = in->n, pos = at->pos;
    uint32_t j = at->matched;
    for (size_t work = 1; pos < n; work++) {
        if (j == 0) {
            pos = lead_find(g->lead, s, n, pos);
            if (pos == n)
                break;
        }
        uint32_t unit;
        pos += subject_unit(s + pos, n - pos, in->fold, &unit);
        while (j > 0 && first[j] != unit)
            j = g->fail[j];
        j += first[j] == unit;
        if (j == g->first_count) {
            at->pos = pos;
            at->matched = g->fail[j];
            return pos;
        }
        if (work % WORK == 0 && like_stopped(in->stop))
            break;
    }
    return TEXT_NONE;
}

/* The same by bytes, for a literal that can only occur at boundaries. */
static size_t find_bytes(const struct segment *g, const struct subject *in, struct search *at) {
    const struct piece *f = g->pieces;
    const uint8_t *p = bytes_find(in->s + at->pos, in->n - at->pos, f->bytes, f->n);
    if (!p)
        return TEXT_NONE;
    at->pos = (size_t)(p - in->s) + 1;
    return at->pos - 1 + f->n;
}

static size_t find_first(const struct segment *g, const struct subject *in, struct search *at) {
    if (!g->fail)
        return find_bytes(g, in, at);
    if (!at->lower)
        return find_units(g, in, at);
    size_t left;
    const uint8_t *p =
        bytes_find_lower(in->s + at->pos, in->n - at->pos, g->lower, g->first_count, &left);
    if (p) {
        at->pos = (size_t)(p - in->s) + 1;
        return at->pos - 1 + g->first_count;
    }
    /* Perhaps inside a character now, but its other bytes are no unit of an ASCII literal. */
    at->pos += left;
    at->lower = false;
    return find_units(g, in, at);
}

/* The end of the leftmost match of a segment from the boundary pos on, or TEXT_NONE. */
static size_t find_segment(const struct segment *g, const struct subject *in, size_t pos) {
    struct search at = {pos, 0, g->lower && !(g->lower_has_wide && in->wide)};
    for (size_t work = 0;;) {
        size_t end = find_first(g, in, &at);
        if (end == TEXT_NONE || in->n - end < g->rest_bytes)
            return TEXT_NONE;
        size_t behind = match_pieces(g->pieces + 1, g->count - 1, in->fold, in->s, in->n, end);
        if (behind != TEXT_NONE)
            return behind;
        work += g->units;
        if (work >= WORK) {
            if (like_stopped(in->stop))
                return TEXT_NONE;
            work = 0;
        }
    }
}

/* Where the tail must begin if it is to reach the end and not begin before `least`; TEXT_NONE if it
 * cannot. */
static size_t tail_start(const struct segment *g, bool fold, const uint8_t *s, size_t n,
                         size_t least) {
    const struct piece *p = g->pieces;
    if (!fold && g->count == 1 && !text_continues(p->bytes[0]))
        return n - least < p->n ? TEXT_NONE : n - p->n;
    return text_back(s, n, n, least, g->units);
}

/* The first bytes of U+212A and U+017F, which are folded to k and s. */
static const uint8_t wide_leads[3] = {0xE2, 0xC5, 0xC5};

static bool match_general(const struct like *l, const uint8_t *s, size_t n,
                          const atomic_bool *stop) {
    const struct segment *head = l->segments;
    const struct segment *tail = head + l->count - 1;
    size_t pos = match_pieces(head->pieces, head->count, l->fold, s, n, 0);
    if (pos == TEXT_NONE || head == tail)
        return pos == n;
    size_t end = n;
    if (tail->count > 0) {
        end = tail_start(tail, l->fold, s, n, pos);
        if (end == TEXT_NONE || match_pieces(tail->pieces, tail->count, l->fold, s, n, end) != n)
            return false;
    }
    struct subject in = {.s = s, .n = end, .fold = l->fold, .stop = stop};
    if (l->wide)
        in.wide = bytes_find_any(s, end, pos, wide_leads) < end;
    for (const struct segment *g = head + 1; g < tail; g++) {
        pos = text_forward(s, end, pos, g->gap);
        if (pos == TEXT_NONE)
            return false;
        pos = find_segment(g, &in, pos);
        if (pos == TEXT_NONE)
            return false;
    }
    return text_forward(s, end, pos, tail->gap) != TEXT_NONE;
}

bool like_match(const struct like *l, const uint8_t *s, size_t n, const atomic_bool *stop) {
    if (n < l->least_bytes)
        return false;
    const char *literal = l->literal.p;
    size_t m = l->literal.n;
    switch (l->shape) {
    case LIKE_ALL:
        return true;
    case LIKE_EXACT:
        return n == m && (n == 0 || memcmp(s, literal, n) == 0);
    case LIKE_PREFIX:
        return s[0] == (uint8_t)literal[0] && memcmp(s, literal, m) == 0;
    case LIKE_SUFFIX:
        return s[n - m] == (uint8_t)literal[0] && memcmp(s + n - m, literal, m) == 0;
    case LIKE_CONTAINS:
        return bytes_find(s, n, (const uint8_t *)literal, m) != NULL;
    case LIKE_GENERAL:
        break;
    }
    return match_general(l, s, n, stop);
}

/* --- patterns as they are --- */

/* What is behind the last % of a pattern. */
struct ending {
    size_t pos;   /* in the pattern; TEXT_NONE without % */
    size_t units; /* that it matches */
};

static enum status find_ending(struct str pattern, uint32_t escape, struct ending *ret) {
    struct ending e = {TEXT_NONE, 0};
    for (size_t pos = 0;;) {
        struct token t = token_at(pattern, pos, escape);
        if (t.kind == TOKEN_END)
            break;
        if (t.kind == TOKEN_BAD)
            return E_BAD_ESCAPE;
        e.units++;
        if (t.kind == TOKEN_ANY)
            e = (struct ending){t.next, 0};
        pos = t.next;
    }
    *ret = e;
    return E_OK;
}

/* Where to begin again after a mismatch. */
struct restart {
    size_t at;  /* in the pattern, behind the last % that was passed; TEXT_NONE: nowhere */
    size_t pos; /* in the subject, where the run of that % ends for now */
    bool literal;
    struct lead lead; /* of what is behind the % if it is a literal */
};

static struct restart restart_at(struct str pattern, size_t at, uint32_t escape, bool fold) {
    struct restart r = {.at = at};
    struct token t = token_at(pattern, at, escape);
    r.literal = t.kind == TOKEN_LITERAL;
    if (r.literal)
        r.lead = lead_of(fold ? casefold(t.unit) : t.unit, fold);
    return r;
}

/* Moves the end of the run to the first place from the boundary pos on that is worth a try, and
 * gives it. */
static size_t restart_move(struct restart *r, const uint8_t *s, size_t n, size_t pos) {
    r->pos = r->literal ? lead_find(r->lead, s, n, pos) : pos;
    return r->pos;
}

static inline bool token_fits(struct token t, bool fold, uint32_t unit) {
    if (t.kind != TOKEN_LITERAL)
        return t.kind == TOKEN_ONE;
    return unit == t.unit || (fold && unit == casefold(t.unit));
}

/* Two pointers; after a mismatch all begins again one unit further right behind the last % that was
 * passed. */
static bool walk(struct str pattern, uint32_t escape, bool fold, const uint8_t *s, size_t n,
                 struct ending e, const atomic_bool *stop) {
    size_t at = 0, pos = 0; /* in the pattern, in the subject */
    struct restart again = {.at = TEXT_NONE};
    for (size_t work = 1;; work++) {
        if (work % WORK == 0 && like_stopped(stop))
            return false;
        struct token t = token_at(pattern, at, escape);
        if (t.kind == TOKEN_ANY) {
            at = t.next;
            if (at == e.pos) { /* the rest is anchored at the end */
                pos = text_back(s, n, n, pos, e.units);
                again.at = TEXT_NONE;
                if (pos == TEXT_NONE)
                    return false;
            } else {
                again = restart_at(pattern, at, escape, fold);
                pos = restart_move(&again, s, n, pos);
            }
            continue;
        }
        if (pos == n)
            return t.kind == TOKEN_END; /* another start would leave even less */
        uint32_t unit;
        size_t length = subject_unit(s + pos, n - pos, fold, &unit);
        if (token_fits(t, fold, unit)) {
            at = t.next;
            pos += length;
            continue;
        }
        if (again.at == TEXT_NONE)
            return false;
        at = again.at;
        pos = restart_move(&again, s, n, text_forward(s, n, again.pos, 1));
    }
}

enum status like_match_once(struct str pattern, uint32_t escape, bool fold, const uint8_t *s,
                            size_t n, const atomic_bool *stop, bool *ret_match) {
    struct ending e;
    enum status status = find_ending(pattern, escape, &e);
    if (status != E_OK)
        return status;
    *ret_match = walk(pattern, escape, fold, s, n, e, stop);
    return E_OK;
}

/* See like.h. Compiles patterns and tells their shape; like_match.c runs them.
 *
 * Two passes over the pattern: the first counts and finds wrong escapes, the second fills arrays of
 * just that size. All memory comes from the caller's arena and is never written again.
 */
#include "kernel/like_pattern.h"

#include <string.h>

enum status like_escape(struct str s, uint32_t *ret_escape) {
    uint32_t cp;
    if (s.n == 0 || utf8_decode((const uint8_t *)s.p, s.n, &cp) != s.n || cp == UINT32_MAX)
        return E_BAD_ESCAPE;
    *ret_escape = cp;
    return E_OK;
}

/* What a pattern holds. */
struct counts {
    size_t bytes; /* of literals */
    size_t units; /* of literals */
    size_t runs;  /* of literals side by side */
    size_t anys;  /* runs of % side by side */
};

static enum status count_tokens(struct str pattern, uint32_t escape, struct counts *ret,
                                size_t *ret_bad) {
    struct counts c = {0};
    enum token_kind before = TOKEN_END;
    for (size_t pos = 0;;) {
        struct token t = token_at(pattern, pos, escape);
        if (t.kind == TOKEN_END)
            break;
        if (t.kind == TOKEN_BAD) {
            *ret_bad = t.pos;
            return E_BAD_ESCAPE;
        }
        if (t.kind == TOKEN_LITERAL) {
            c.bytes += t.next - t.pos;
            c.units++;
            c.runs += before != TOKEN_LITERAL;
        }
        c.anys += t.kind == TOKEN_ANY && before != TOKEN_ANY;
        before = t.kind;
        pos = t.next;
    }
    *ret = c;
    return E_OK;
}

/* A pattern being filled in. */
struct builder {
    struct like *l;
    struct segment *segment; /* the newest */
    struct piece *pieces;    /* the next free one */
    struct piece *piece;     /* the one whose literal grows, or NULL */
    uint8_t *bytes;          /* the next free ones */
    uint32_t *units;
    uint32_t pending; /* _ since the last literal or % */
};

static void begin_piece(struct builder *b) {
    struct segment *g = b->segment;
    struct piece *p = b->pieces++;
    *p = (struct piece){0};
    if (b->l->fold)
        p->units = b->units;
    else
        p->bytes = b->bytes;
    /* _ next to a % only widens the gap. */
    if (g->count == 0 && g != b->l->segments)
        g->gap += b->pending;
    else {
        p->skip = b->pending;
        g->units += b->pending;
    }
    g->count++;
    b->pending = 0;
    b->piece = p;
}

static void add_literal(struct builder *b, struct str pattern, struct token t) {
    if (!b->piece)
        begin_piece(b);
    b->segment->units++;
    if (b->l->fold) {
        *b->units++ = casefold(t.unit);
        b->piece->n++;
        return;
    }
    size_t n = t.next - t.pos;
    memcpy(b->bytes, pattern.p + t.pos, n);
    b->bytes += n;
    b->piece->n += (uint32_t)n;
}

static void add_any(struct builder *b) {
    struct like *l = b->l;
    size_t gap = b->pending;
    if (b->segment != l->segments && b->segment->count == 0)
        gap += b->segment->gap; /* only _ between two %: one % with a wider gap */
    else
        b->segment = &l->segments[l->count++];
    *b->segment = (struct segment){.pieces = b->pieces, .gap = gap};
    b->pending = 0;
    b->piece = NULL;
}

static void add_end(struct builder *b) {
    if (b->pending == 0)
        return;
    if (b->segment != b->l->segments && b->segment->count == 0)
        b->segment->gap += b->pending;
    else
        begin_piece(b);
}

/* The length of the sequences that a byte can begin. */
static size_t sequence_bytes(uint8_t lead) {
    return lead < 0xC2 || lead > 0xF4 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

/* Whether bytes end with what may be the beginning of a sequence that they do not finish. */
static bool ends_open(const uint8_t *p, size_t n) {
    for (size_t back = 1; back <= 3 && back <= n; back++)
        if (!text_continues(p[n - back]))
            return back < sequence_bytes(p[n - back]);
    return false;
}

/* Closes the books on each segment once all pieces are there. */
static void finish_segments(struct like *l) {
    for (size_t i = 0; i < l->count; i++) {
        struct segment *g = &l->segments[i];
        const struct piece *end = g->pieces + g->count;
        l->least_bytes += g->gap;
        for (const struct piece *p = g->pieces; p < end; p++) {
            size_t least = (size_t)p->skip + p->n;
            l->least_bytes += least;
            g->rest_bytes += p == g->pieces ? 0 : least;
        }
    }
}

/* Makes a segment that is not anchored ready to be searched unit by unit. */
static bool prepare_search(struct arena *a, struct segment *g, bool fold) {
    const struct piece *f = g->pieces;
    uint32_t n = 0;
    if (fold) {
        g->first = f->units;
        n = f->n;
    } else {
        uint32_t *units = arena_array(a, f->n, sizeof *units);
        if (!units)
            return false;
        for (size_t pos = 0; pos < f->n; n++)
            pos += text_unit(f->bytes + pos, f->n - pos, &units[n]);
        g->first = units;
    }
    g->first_count = n;
    uint32_t *fail = arena_array(a, (size_t)n + 1, sizeof *fail);
    if (!fail)
        return false;
    fail[0] = fail[1] = 0;
    for (uint32_t i = 1, j = 0; i < n; i++) {
        while (j > 0 && g->first[i] != g->first[j])
            j = fail[j];
        if (g->first[i] == g->first[j])
            j++;
        fail[i + 1] = j;
    }
    g->fail = fail;
    g->lead = lead_of(g->first[0], fold);
    return true;
}

/* Gives a folded segment the bytes of its first literal if it is ASCII. */
static bool prepare_lower(struct arena *a, struct segment *g) {
    const struct piece *f = g->pieces;
    for (uint32_t i = 0; i < f->n; i++)
        if (f->units[i] >= 0x80)
            return true;
    uint8_t *lower = arena_alloc(a, f->n);
    if (!lower)
        return false;
    for (uint32_t i = 0; i < f->n; i++) {
        lower[i] = (uint8_t)f->units[i];
        g->lower_has_wide |= lower[i] == 'k' || lower[i] == 's';
    }
    g->lower = lower;
    return true;
}

static bool prepare_searches(struct arena *a, struct like *l) {
    for (size_t i = 1; i + 1 < l->count; i++) {
        struct segment *g = &l->segments[i];
        const struct piece *f = g->pieces;
        if ((l->fold || text_continues(f->bytes[0]) || f->open) && !prepare_search(a, g, l->fold))
            return false;
        if (l->fold && !prepare_lower(a, g))
            return false;
        l->wide |= g->lower_has_wide;
    }
    return true;
}

/* Sets the shape, and the literal if there is one. */
static void find_shape(struct like *l) {
    l->shape = LIKE_GENERAL;
    size_t pieces = 0;
    const struct piece *p = NULL;
    for (size_t i = 0; i < l->count; i++) {
        pieces += l->segments[i].count;
        p = l->segments[i].count ? l->segments[i].pieces : p;
    }
    const struct segment *last = &l->segments[l->count - 1];
    if (pieces == 0) {
        if (last->gap == 0 && (l->count > 1 || !l->fold))
            l->shape = l->count == 1 ? LIKE_EXACT : LIKE_ALL;
        return;
    }
    if (l->fold || pieces > 1 || l->least_bytes != p->n)
        return; /* with _, more than one literal, or folded */
    bool starts_well = !text_continues(p->bytes[0]);
    if (l->count == 1)
        l->shape = LIKE_EXACT;
    else if (l->count == 2 && last->count == 0)
        l->shape = p->open ? LIKE_GENERAL : LIKE_PREFIX;
    else if (l->count == 2)
        l->shape = starts_well ? LIKE_SUFFIX : LIKE_GENERAL;
    else
        l->shape = starts_well && !p->open ? LIKE_CONTAINS : LIKE_GENERAL;
    if (l->shape != LIKE_GENERAL)
        l->literal = (struct str){(const char *)p->bytes, p->n};
}

enum status like_compile(struct arena *a, struct str pattern, uint32_t escape, bool fold,
                         const struct like **ret, size_t *ret_bad) {
    struct counts c;
    enum status status = count_tokens(pattern, escape, &c, ret_bad);
    if (status != E_OK)
        return status;
    if (pattern.n >= UINT32_MAX)
        return E_MEMORY;
    size_t segments = c.anys < c.runs + 1 ? c.anys + 1 : c.runs + 2;
    struct like *l = arena_new(a, struct like);
    struct segment *g = l ? arena_array(a, segments, sizeof *g) : NULL;
    struct piece *p = g ? arena_array(a, c.runs + 1, sizeof *p) : NULL;
    void *literals = !p     ? NULL
                     : fold ? arena_array(a, c.units, sizeof(uint32_t))
                            : arena_alloc(a, c.bytes);
    if (!literals)
        return E_MEMORY;
    *l = (struct like){.segments = g, .count = 1, .literal = {"", 0}, .fold = fold};
    g[0] = (struct segment){.pieces = p};
    struct builder b = {.l = l, .segment = g, .pieces = p, .bytes = literals, .units = literals};
    struct piece *pieces = p;
    for (size_t pos = 0; pos < pattern.n;) {
        struct token t = token_at(pattern, pos, escape);
        if (t.kind == TOKEN_ANY)
            add_any(&b);
        else if (t.kind == TOKEN_LITERAL)
            add_literal(&b, pattern, t);
        else {
            b.pending++;
            b.piece = NULL;
        }
        pos = t.next;
    }
    add_end(&b);
    for (p = pieces; p < b.pieces; p++)
        p->open = !fold && ends_open(p->bytes, p->n);
    finish_segments(l);
    if (!prepare_searches(a, l))
        return E_MEMORY;
    find_shape(l);
    *ret = l;
    return E_OK;
}

enum like_shape like_shape(const struct like *l) { return l->shape; }

struct str like_literal(const struct like *l) {
    return l->literal;
}

/* Inside of LIKE: the compiled form that like.c builds and like_match.c runs, and the reader of
 * pattern text.
 *
 * Example: 'ab_c%__%d_e%f_' has the segments
 *     head  {ab} {skip 1, c}      anchored at the start
 *     {d} {skip 1, e}, gap 2      leftmost, at least two units after the head
 *     tail  {f} {skip 1, ""}      anchored at the end
 * Without % there is one segment, the head, which must reach the end. The head and the tail may
 * have no pieces; the others begin and end with a literal. Only like.c and like_match.c include
 * this.
 */
#ifndef TAMIS_KERNEL_LIKE_PATTERN_H
#define TAMIS_KERNEL_LIKE_PATTERN_H

#include "kernel/casefold.h"
#include "kernel/like.h"

/* Where a unit can be in a subject: at one of three bytes if it is ASCII, else at any byte from
 * 0x80 on. */
struct lead {
    uint8_t of[3];
    bool ascii;
};

/* `skip` units, whichever they are, then a literal. Folded literals are kept as units, others as
 * bytes. */
struct piece {
    union {
        const uint8_t *bytes;
        const uint32_t *units;
    };
    uint32_t skip;
    uint32_t n; /* of bytes or units; 0 only in the last piece of a pattern's last segment */
    bool open;  /* the bytes end within what may be a character of the subject: its end must be
                   checked */
};

struct segment {
    const struct piece *pieces;
    size_t count;
    size_t gap;        /* units that lie between it and what is before it, at least */
    size_t units;      /* that it matches */
    size_t rest_bytes; /* that its pieces after the first match, at least */
    /* How the first literal is found: by its bytes if fail is NULL, else unit by unit (Knuth,
     * Morris, Pratt): fail[j] is the longest proper prefix of the first j units that is also their
     * suffix. */
    const uint32_t *first;
    const uint32_t *fail;
    uint32_t first_count;
    struct lead lead;     /* of first[0] */
    bool lower_has_wide;  /* only for `lower`: there is a k or s, which other code points are folded
                             to as well */
    const uint8_t *lower; /* the folded literal as bytes if it is ASCII, else NULL */
};

struct like {
    struct segment *segments;
    size_t count;       /* 1 without %, else 2 or more */
    size_t least_bytes; /* of any subject that matches */
    struct str literal;
    enum like_shape shape;
    bool fold;
    bool wide; /* some segment's lower_has_wide */
};

enum token_kind { TOKEN_END, TOKEN_LITERAL, TOKEN_ONE, TOKEN_ANY, TOKEN_BAD };

struct token {
    enum token_kind kind;
    uint32_t unit; /* of a literal, not folded */
    size_t pos;    /* of the unit's bytes; of the escape character for BAD */
    size_t next;   /* position behind the token */
};

/* The token of a pattern at pos. The escape rule comes before the wildcard rule (QUERY.md K4). */
static inline struct token token_at(struct str pattern, size_t pos, uint32_t escape) {
    const uint8_t *p = (const uint8_t *)pattern.p;
    if (pos >= pattern.n)
        return (struct token){.kind = TOKEN_END, .pos = pos, .next = pos};
    struct token t = {.kind = TOKEN_LITERAL, .pos = pos};
    t.next = pos + text_unit(p + pos, pattern.n - pos, &t.unit);
    if (t.unit == escape) {
        if (t.next == pattern.n)
            return (struct token){.kind = TOKEN_BAD, .pos = pos, .next = t.next};
        t.pos = t.next;
        t.next += text_unit(p + t.pos, pattern.n - t.pos, &t.unit);
        if (t.unit != '%' && t.unit != '_' && t.unit != escape)
            return (struct token){.kind = TOKEN_BAD, .pos = pos, .next = t.next};
    } else if (t.unit == '%') {
        t.kind = TOKEN_ANY;
    } else if (t.unit == '_') {
        t.kind = TOKEN_ONE;
    }
    return t;
}

/* The unit at p (n > 0 bytes are left), folded if fold; gives its length. */
static inline size_t subject_unit(const uint8_t *p, size_t n, bool fold, uint32_t *ret_unit) {
    uint32_t c = p[0];
    if (c < 0x80) {
        *ret_unit = fold && c - 'A' < 26 ? c | 0x20 : c;
        return 1;
    }
    size_t length = text_unit(p, n, ret_unit);
    if (fold)
        *ret_unit = casefold(*ret_unit);
    return length;
}

/* unit is folded if fold. */
static inline struct lead lead_of(uint32_t unit, bool fold) {
    uint8_t c = (uint8_t)unit;
    bool letter = fold && unit - 'a' < 26;
    /* Two others are folded to ASCII: U+212A (E2 84 AA) to k and U+017F (C5 BF) to s. */
    uint8_t other = letter && c == 'k' ? 0xE2 : letter && c == 's' ? 0xC5 : c;
    return (struct lead){{c, letter ? c ^ 0x20 : c, other}, unit < 0x80};
}

/* The first boundary from the boundary pos on where the unit of a lead can be, or n. */
static inline size_t lead_find(struct lead lead, const uint8_t *s, size_t n, size_t pos) {
    return lead.ascii ? bytes_find_any(s, n, pos, lead.of) : bytes_skip_ascii(s, n, pos);
}

static inline bool like_stopped(const atomic_bool *stop) {
    return stop && atomic_load_explicit(stop, memory_order_relaxed);
}

#endif

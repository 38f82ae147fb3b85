/* The msgpack reader (reader.h): maps one behind the other, or one array of maps, by the row
 * scanner of scan.h.
 *
 * A row that is cut off by the end of the input is found again when more has come. So that a long
 * row which comes in many pieces is not walked from its beginning each time, a walker remembers how
 * far it has looked: values still to come, level by level. */
#include "format/reader.h"
#include "format/scan.h"
#include "value/mp.h"

#define AHEAD_BYTES 2048u /* asked of memory before they are needed: see json_index.c */

/* Looks for the end of one row, in as many pieces as there are. */
struct walk {
    uint32_t *left; /* items still to come in each open container */
    uint32_t open;
    enum status status; /* what is wrong, once something is ... */
    const uint8_t *fault;
};

enum place { AT_BEGIN, IN_STREAM, IN_ARRAY, BEHIND_ARRAY };

struct msgpack_reader {
    struct scanner scanner;
    struct walk walk;
    enum place place;
    uint32_t left; /* rows of the array */
};

/* --- the end of a row that comes in pieces --- */

enum walked { WALK_END, WALK_MORE, WALK_BROKEN };

static enum walked broken(struct walk *w, enum status status, const uint8_t *at) {
    w->status = status;
    w->fault = at;
    return WALK_BROKEN;
}

/* The next header at p, the value's bytes with it unless it is a container. */
static enum walked walk_step(struct reader *r, struct walk *w, const uint8_t **p) {
    struct mp_reader m;
    bool map = (**p & 0xF0) == 0x80 || **p == 0xDE || **p == 0xDF;
    bool array = (**p & 0xF0) == 0x90 || **p == 0xDC || **p == 0xDD;
    uint64_t n = 0;
    if (map || array) {
        unsigned width = **p < 0xA0 ? 0 : (**p == 0xDC || **p == 0xDE) ? 2 : 4;
        if ((size_t)(r->end - *p) < 1u + width)
            return WALK_MORE;
        n = **p & 0x0F;
        if (width > 0)
            n = 0;
        for (unsigned i = 1; i <= width; i++)
            n = n << 8 | (*p)[i];
        n *= map ? 2u : 1u;
        if (n > r->row_bytes)
            return broken(w, E_ROW_TOO_LONG, *p);
        if (n > 0 && w->open == r->row_depth)
            return broken(w, E_ROW_TOO_DEEP, *p);
        *p += 1 + width;
    } else {
        mp_reader_init(&m, *p, (size_t)(r->end - *p), 1);
        mp_skip(&m);
        if (m.status != E_OK)
            return m.status == E_ROW_TRUNCATED ? WALK_MORE : broken(w, m.status, m.fault);
        *p = m.p;
    }
    if (n > 0)
        w->left[w->open++] = (uint32_t)n;
    else
        while (w->open > 0 && --w->left[w->open - 1] == 0)
            w->open--;
    return w->open == 0 ? WALK_END : WALK_MORE;
}

/* Whether it is worth scanning the row at r->p: its end is in the input, or it is broken. Goes on
 * where it stopped before. */
static bool walk_on(struct reader *r, struct walk *w) {
    const uint8_t *p = r->p + r->sought;
    while (p < r->end) {
        const uint8_t *at = p;
        enum walked walked = walk_step(r, w, &p);
        if (walked != WALK_MORE)
            return true;
        if (p == at)
            break;
    }
    r->sought = (size_t)(p - r->p);
    return false;
}

/* --- rows --- */

static bool is_array(uint8_t c) { return (c & 0xF0) == 0x90 || c == 0xDC || c == 0xDD; }

/* The header of an array of rows. False: it is not all there, or broken. */
static bool enter_array(struct reader *r, struct msgpack_reader *s) {
    unsigned width = *r->p < 0xA0 ? 0 : *r->p == 0xDC ? 2 : 4;
    if ((size_t)(r->end - r->p) < 1u + width) {
        if (r->last)
            reader_fail(r, E_ROW_TRUNCATED, r->p, NULL);
        return false;
    }
    s->left = width ? 0 : *r->p & 0x0F;
    for (unsigned i = 1; i <= width; i++)
        s->left = s->left << 8 | r->p[i];
    r->p += 1 + width;
    s->place = s->left > 0 ? IN_ARRAY : BEHIND_ARRAY;
    return true;
}

/* One row; false at the end of what is there, or at a fault. */
static bool read_row(struct reader *r, struct msgpack_reader *s, struct block *b, uint32_t row) {
    __builtin_prefetch((const void *)((uintptr_t)r->p + AHEAD_BYTES));
    if (r->sought > 0 && !r->last && !walk_on(r, &s->walk))
        return false;
    r->sought = 0;
    const uint8_t *next = scan_row(&s->scanner, r->p, r->end, b, row);
    if (next && (size_t)(next - r->p) > r->row_bytes)
        return reader_fail(r, E_ROW_TOO_LONG, r->p, NULL);
    if (next) {
        reader_span(b, row, r->p, next);
        r->p = next;
        if (s->place == IN_ARRAY && --s->left == 0)
            s->place = BEHIND_ARRAY;
        return true;
    }
    if (s->scanner.status != E_ROW_TRUNCATED || r->last)
        return reader_fail(r, s->scanner.status, s->scanner.fault, NULL);
    s->walk.open = 0; /* from its beginning, once */
    s->walk.status = E_OK;
    if (walk_on(r, &s->walk) &&
        s->walk.status != E_OK) /* broken behind where the scanner stopped */
        reader_fail(r, s->walk.status, s->walk.fault, NULL);
    return false;
}

static uint32_t msgpack_fill(struct reader *r, struct block *b) {
    struct msgpack_reader *s = r->state;
    uint32_t n = 0;
    scanner_forget(&s->scanner); /* the keys of rows that may be gone */
    if (s->place == AT_BEGIN && r->p < r->end) {
        if (!is_array(*r->p))
            s->place = IN_STREAM;
        else if (!enter_array(r, s))
            return 0;
    }
    while (n < b->rows && r->p < r->end) {
        if (s->place == BEHIND_ARRAY) {
            reader_fail(r, E_ROW_INVALID, r->p, "there is something behind the array of rows");
            return n;
        }
        if (!read_row(r, s, b, n))
            return n;
        n++;
    }
    if (r->p == r->end && r->last && s->place == IN_ARRAY && n < b->rows)
        reader_fail(r, E_ROW_TRUNCATED, r->p, "the array has fewer rows than its header says");
    return n;
}

static const struct reader_ops OPS = {.fill = msgpack_fill};

bool msgpack_reader_init(struct reader *r, const struct reader_options *o) {
    struct msgpack_reader *s = arena_new(r->arena, struct msgpack_reader);
    (void)o;
    r->ops = &OPS;
    r->state = s;
    if (!s)
        return false;
    s->walk.left = arena_array(r->arena, r->row_depth + 1u, sizeof *s->walk.left);
    return s->walk.left &&
           scanner_init(&s->scanner, r->arena, r->fields, r->row_depth, r->row_fields);
}

/* The JSON reader (reader.h): rows as lines, or as the elements of one array.
 *
 * A row is found by the positions of json_index.c and read by json_read.c; here is what stands
 * between rows. The positions are looked for afresh in each fill, from the row it begins with, and
 * not much further than the block's last row. */
#include "format/json.h"

#include <string.h>

#define AVERAGE_BYTES 256u /* of a row, before there has been one */

struct cursor json_refill(struct reader *r) {
    struct json_reader *j = r->state;
    json_index_next(&j->index, (BLOCK_ROWS - j->row) * j->average);
    j->base = j->index.base;
    j->to = j->far = j->index.at + j->index.n;
    while (j->far > j->index.at && (size_t)(r->end - (j->base + j->far[-1])) < FAR_BYTES)
        j->far--;
    return (struct cursor){j->index.at};
}

static const uint8_t *fail(struct reader *r, enum status status, const uint8_t *at,
                           const char *why) {
    return reader_fail(r, status, at, why);
}

static const uint8_t *skip_blanks(const uint8_t *p, const uint8_t *end) {
    while (p < end && json_is_blank(*p))
        p++;
    return p;
}

/* Before s, the next structural character, or at it, stands something that is no object where a row
 * must be. */
static bool not_object(struct reader *r, const uint8_t *p, const uint8_t *s) {
    const struct json_reader *j = r->state;
    struct value ignored;
    if (s == JSON_NOTHING && (!r->last || j->index.bad || j->index.carry.in_string))
        return json_ended(r);
    if (s == JSON_NOTHING)
        s = r->end;
    p = skip_blanks(p, s);
    if (p == s && s < r->end && *s == '[')
        return fail(r, E_ROW_NOT_MAP, p, "the row is an array, not an object");
    return json_scalar(r, p, p == s ? s + 1 : s, &ignored) &&
           fail(r, E_ROW_NOT_MAP, p, "the row is a single value, not an object");
}

/* --- rows that are lines --- */

/* The object at open, on the line from p on. False: at a fault, or at the end of what is there. */
static bool read_line(struct reader *r, struct cursor *c, const uint8_t *p, const uint8_t *open,
                      struct block *b, uint32_t row) {
    const uint8_t *close = json_read_object(r, c, open, b, row);
    if (!close)
        return false;
    const uint8_t *s = json_next(r, c), *next = s + 1;
    if (s == JSON_NOTHING) {
        if (!r->last || ((struct json_reader *)r->state)->index.bad)
            return json_ended(r);
        s = next = r->end;
    }
    if (!json_blank(close + 1, s))
        return fail(r, E_ROW_INVALID, skip_blanks(close + 1, s),
                    "there is something behind the object on its line");
    if (s < r->end && *s != '\n')
        return fail(r, E_ROW_INVALID, s,
                    *s == '{' ? "a second object on the line: each row needs a line of its own "
                                "(jq -c . makes it so)"
                              : "there is something behind the object on its line");
    if ((size_t)(next - p) > r->row_bytes)
        return fail(r, E_ROW_TOO_LONG, p, NULL);
    reader_span(b, row, p, next);
    r->p = next;
    return true;
}

/* The positions are looked for from r->p on. */
static struct cursor begin_index(struct reader *r, struct json_reader *j) {
    json_index_begin(&j->index, r->p, r->end);
    j->to = j->far = NULL;
    return (struct cursor){NULL};
}

/* Rows up to a full block: what passes the sieve, and what does not step by step. Blank lines
 * belong to none. */
static uint32_t fill_lines(struct reader *r, struct json_reader *j, struct block *b) {
    struct cursor c = {0};
    uint32_t n = 0;
    for (json_sift_begin(&j->sift); n < b->rows && r->p < r->end;) {
        if (j->sift.on) {
            n = json_sift(r, b, n);
            if (n == b->rows || r->p == r->end)
                break;
            json_sift_missed(&j->sift, n);
            j->row = j->sift.on ? BLOCK_ROWS - 1 : n; /* look for one row, or for all */
            c = begin_index(r, j);
        }
        const uint8_t *p = r->p, *s = json_next(r, &c);
        if (s == JSON_NOTHING) {
            const uint8_t *at = skip_blanks(p, r->end);
            if (j->index.bad)
                json_ended(r);
            else if (at == r->end && r->last)
                r->p = at;
            else if (r->last)
                not_object(r, at, s);
            break;
        }
        if (*s != '{' || !json_blank(p, s)) {
            if (*s != '\n' || !json_blank(p, s)) {
                not_object(r, p, s);
                break;
            }
            r->p = s + 1;
            continue;
        }
        if (!read_line(r, &c, p, s, b, n))
            break;
        n++;
        j->row = j->sift.on ? BLOCK_ROWS - 1 : n;
    }
    return n;
}

static bool skip_line(struct reader *r) {
    const uint8_t *end = r->p < r->end ? memchr(r->p, '\n', (size_t)(r->end - r->p)) : NULL;
    r->p = end ? end + 1 : r->end;
    return end || r->last;
}

/* --- the elements of an array --- */

/* What stands before an element: the place moves on, r->p to what is not passed over. True: an
 * object is there. False: no more elements in the input, or a fault. */
static bool find_element(struct reader *r, struct json_reader *j, struct cursor *c) {
    for (;;) {
        r->p = skip_blanks(r->p, r->end);
        if (r->p == r->end)
            return false;
        uint8_t at = *r->p;
        if (j->place == JSON_END)
            return fail(r, E_ROW_INVALID, r->p, "there is something behind the array of rows");
        if (at == '{' && j->place != JSON_BEHIND) {
            const uint8_t *s = json_next(r, c);
            return s == r->p || json_ended(r);
        }
        if (at == ']' && j->place != JSON_NEXT)
            j->place = JSON_END;
        else if (at == ',' && j->place == JSON_BEHIND)
            j->place = JSON_NEXT;
        else if (j->place == JSON_BEHIND)
            return fail(r, E_ROW_INVALID, r->p, "a comma is missing between the rows");
        else if (at == ',' || at == ']')
            return fail(r, E_ROW_INVALID, r->p, "a row is missing here");
        else
            return not_object(r, r->p, json_next(r, c));
        json_next(r, c); /* the same character */
        r->p++;
    }
}

static uint32_t fill_array(struct reader *r, struct json_reader *j, struct block *b) {
    struct cursor c = {0};
    uint32_t n = 0;
    while (n < b->rows && find_element(r, j, &c)) {
        const uint8_t *open = r->p, *close = json_read_object(r, &c, open, b, n);
        if (!close)
            return n;
        if ((size_t)(close + 1 - open) > r->row_bytes) {
            fail(r, E_ROW_TOO_LONG, open, NULL);
            return n;
        }
        reader_span(b, n, open, close + 1);
        r->p = close + 1;
        j->place = JSON_BEHIND;
        j->row = ++n;
    }
    if (r->status == E_OK && r->p == r->end && r->last && j->place != JSON_END && n < b->rows)
        fail(r, E_ROW_TRUNCATED, r->p, "the input ends inside the array of rows");
    return n;
}

/* --- rows that come in pieces --- */

/* Whether the object at r->p ends in the input; goes on where it stopped before. */
static bool seek_element(struct reader *r, struct json_reader *j) {
    const uint8_t *p = r->p + r->sought;
    if (*r->p != '{')
        return true;
    if (r->sought == 0)
        j->seek.depth = 0, j->seek.in_string = j->seek.escaped = false;
    for (; p < r->end; p++) {
        if (j->seek.escaped)
            j->seek.escaped = false;
        else if (j->seek.in_string && *p == '\\')
            j->seek.escaped = true;
        else if (*p == '"')
            j->seek.in_string = !j->seek.in_string;
        else if (!j->seek.in_string && (*p == '{' || *p == '['))
            j->seek.depth++;
        else if (!j->seek.in_string && (*p == '}' || *p == ']') && --j->seek.depth == 0)
            return true;
    }
    r->sought = (size_t)(r->end - r->p);
    return false;
}

/* Whether the row that was not all there before may be now. */
static bool has_grown(struct reader *r, struct json_reader *j) {
    if (r->sought == 0 || r->last)
        return true;
    if (j->place != JSON_LINES)
        return seek_element(r, j);
    size_t n = (size_t)(r->end - r->p) - r->sought;
    if (memchr(r->p + r->sought, '\n', n))
        return true;
    r->sought += n;
    return false;
}

/* --- all of it --- */

static uint32_t json_fill(struct reader *r, struct block *b);
static void json_done(struct reader *r);
static bool json_restart(struct reader *r);

static const struct reader_ops LINES = {
    .fill = json_fill, .skip = skip_line, .done = json_done, .restart = json_restart};
static const struct reader_ops ARRAY = {
    .fill = json_fill, .done = json_done, .restart = json_restart};

/* The rows are lines from here on. */
static void take_lines(struct reader *r, struct json_reader *j) {
    r->ops = &LINES;
    j->place = JSON_LINES;
    j->index.row_end = '\n';
}

/* The first bytes: a mark of the encoding, and whether there is an array. False: more must come, or
 * a fault. */
static bool find_place(struct reader *r, struct json_reader *j) {
    static const uint8_t BOM[] = {0xEF, 0xBB, 0xBF};
    size_t n = (size_t)(r->end - r->p);
    if (!r->begun && n > 0 && *r->p >= 0xEF) {
        size_t k = n < sizeof BOM ? n : sizeof BOM;
        if (memcmp(r->p, BOM, k) == 0 && k < sizeof BOM && !r->last)
            return false;
        if (*r->p >= 0xFE)
            return fail(r, E_ROW_INVALID, r->p, "the input is UTF-16: make it UTF-8 first");
        if (k == sizeof BOM && memcmp(r->p, BOM, k) == 0)
            r->p += k;
    }
    r->begun = r->begun || n > 0;
    const uint8_t *p = skip_blanks(r->p, r->end);
    if (p < r->end && *p == '[') {
        r->p = p + 1;
        j->place = JSON_FIRST;
        j->index.row_end = ',';
        return true;
    }
    if (p == r->end && !r->last)
        return false; /* blanks may yet turn out to be in front of an array */
    take_lines(r, j);
    return true;
}

/* An input of which only blanks have been seen has lines: an array would have begun there. */
static bool json_restart(struct reader *r) {
    struct json_reader *j = r->state;
    if (j->place != JSON_LINES && j->place != JSON_BEGIN)
        return false;
    take_lines(r, j);
    return true;
}

static uint32_t json_fill(struct reader *r, struct block *b) {
    struct json_reader *j = r->state;
    if (j->place == JSON_BEGIN && !find_place(r, j))
        return 0;
    if (!has_grown(r, j))
        return 0;
    const uint8_t *start = r->p;
    j->row = 0;
    begin_index(r, j);
    uint32_t n = j->place == JSON_LINES ? fill_lines(r, j, b) : fill_array(r, j, b);
    if (n > 0)
        j->average = (size_t)(r->p - start) / n + 1;
    r->sought = 0;
    if (n < b->rows && r->status == E_OK && r->p < r->end) {
        if (j->place != JSON_LINES)
            seek_element(r, j);
        r->sought = (size_t)(r->end - r->p);
    }
    return n;
}

static void json_done(struct reader *r) {
    struct json_reader *j = r->state;
    buf_done(&j->body);
    buf_done(&j->heads);
}

bool json_reader_init(struct reader *r, const struct reader_options *o) {
    struct json_reader *j = arena_new(r->arena, struct json_reader);
    (void)o;
    r->ops = &ARRAY; /* until a row has been seen there is no next line to go on at */
    r->state = j;
    if (!j)
        return false;
    buf_init(&j->body, r->arena->budget);
    buf_init(&j->heads, r->arena->budget);
    j->average = AVERAGE_BYTES;
    j->index.loops = json_index_loops();
    if (r->simd == SIMD_PORTABLE)
        j->index.loops = LOOPS_PORTABLE;
    else if (r->simd == SIMD_AVX2 && j->index.loops > LOOPS_AVX2)
        j->index.loops = LOOPS_AVX2;
    else if (r->simd == SIMD_BASE && j->index.loops > LOOPS_BASE)
        j->index.loops = LOOPS_BASE;
    j->levels = arena_array(r->arena, r->row_depth + 1u, sizeof *j->levels);
    return j->levels && json_shapes_init(r) && json_sift_init(r);
}

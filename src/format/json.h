/* What the parts of the JSON reader share. Private to format/. */
#ifndef TAMIS_FORMAT_JSON_H
#define TAMIS_FORMAT_JSON_H

#include "base/buf.h"
#include "format/json_index.h"
#include "format/json_sieve.h"
#include "format/json_text.h"

#define KEY_BYTES 36u /* names up to this, quotes and blanks included, are remembered */
#define FAR_BYTES 64u /* more than are read beyond where something begins, or before */

/* A name of a row before, as it stands in the text. 64 bytes: a cache line. */
struct json_key {
    uint64_t first, first_mask; /* its first bytes and which of them count */
    uint64_t tail, tail_mask;   /* the same for its last ones */
    const struct field *field;  /* the child it leads to, or NULL */
    uint32_t n;                 /* bytes; or more than any name has */
    uint8_t middle[KEY_BYTES - 16];
};

/* Of the objects at one node: the names, in order. None where nothing in them is wanted. */
struct json_shape {
    struct json_key *keys, *end;
};

/* An open container on the way to a wanted field. */
struct json_level {
    const struct field *field;
    const uint8_t *open;
    struct json_key *key, *keys_end;
    uint32_t count; /* members or elements so far */
    bool map;
};

/* Where in the input the next row is looked for. */
enum json_place {
    JSON_BEGIN,
    JSON_LINES,
    JSON_FIRST,  /* of an array: behind its [ */
    JSON_BEHIND, /* behind an element */
    JSON_NEXT,   /* behind a comma */
    JSON_END     /* behind its ] */
};

/* A wanted member of the row, as its name stands in front of the colon. */
struct sift_name {
    const uint8_t *text; /* with its quotes */
    uint32_t n;
    uint64_t tail, mask; /* its last 8 bytes, and which of them count */
    const struct field *field;
    uint8_t *tag; /* its cells in the block; NULL if no scalar of this name is wanted */
    union word *word;
};

/* For lines that pass the sieve. */
struct sift {
    struct json_sieve *sieve;                /* NULL: not with these fields and options */
    struct sift_name names[SIEVE_NAMES + 1]; /* in the order in which they came, lately */
    size_t row_most;                         /* bytes of a row that may be */
    bool on;                                 /* in this fill */
    uint32_t misses;                         /* rows of this fill that did not pass */
    uint32_t pause, rest; /* fills to go without it; and how many it was the last time */
};

struct json_reader {
    enum json_place place;
    struct json_shape *shapes; /* one for each node of the fields */
    struct json_level *levels;
    uint32_t row;           /* of the block, the one that is being read */
    size_t average;         /* bytes of a row, lately */
    const uint32_t *to;     /* behind the last position that was found */
    const uint32_t *far;    /* those before this one are far enough from the end of the input */
    const uint8_t *base;    /* positions count from here */
    struct buf body, heads; /* of a container that is being turned into msgpack */
    struct {                /* of an element that comes in pieces */
        uint32_t depth;
        bool in_string, escaped;
    } seek;
    struct sift sift;
    struct json_index index;
};

#define INLINE static inline __attribute__((always_inline))

/* The next position that was found and not yet used. By value, so that it can live in a register.
 */
struct cursor {
    const uint32_t *at;
};

/* Where json_next points when there is nothing: a NUL, which is never structural. */
extern const uint8_t JSON_NOTHING[1];

/* Looks for more positions. */
struct cursor json_refill(struct reader *r);

/* The next structural character. */
INLINE const uint8_t *json_next(struct reader *r, struct cursor *c) {
    const struct json_reader *j = r->state;
    if (__builtin_expect(c->at == j->to, 0)) {
        *c = json_refill(r);
        if (c->at == j->to)
            return JSON_NOTHING;
    }
    return j->base + *c->at++;
}

INLINE bool opens(uint8_t c) { return c == '{' || c == '['; }
/* Ends a value: , } or ] */
INLINE bool ends_value(uint8_t c) { return c == ',' || c == '}' || c == ']'; }

/* s is not what had to come. Gives NULL. */
const uint8_t *json_unexpected(struct reader *r, const uint8_t *s);

static inline const uint8_t *too_deep(struct reader *r, const uint8_t *at) {
    return reader_fail(r, E_ROW_TOO_DEEP, at, NULL);
}
static inline const uint8_t *too_wide(struct reader *r, const uint8_t *at) {
    return reader_fail(r, E_ROW_TOO_WIDE, at, NULL);
}

struct skipped {
    const uint8_t *close; /* or NULL */
    struct cursor cursor;
};

/* Steps over the container at `open`, which is the depth-th, checking it. */
struct skipped json_skip_container(struct reader *r, struct cursor c, const uint8_t *open,
                                   uint32_t depth);

/* The text of a name that nobody looks at. */
INLINE bool check_name(struct reader *r, const uint8_t *p, const uint8_t *end) {
    if (__builtin_expect(end - p >= 2 && *p == '"' && end[-1] == '"' && !r->validate, 1))
        return true;
    json_trim(&p, &end);
    if (p == end || *p != '"')
        return reader_fail(r, E_ROW_INVALID, p,
                           p == end ? "a name is missing before the colon"
                                    : "names of JSON have double quotes");
    return json_scalar_check(r, p, end);
}

bool json_shapes_init(struct reader *r);

/* Reads the object whose { is at `open` into a row of the block. Gives its }, or NULL: at a fault,
 * or with r->status E_OK where the input ends inside it and is not the last. */
const uint8_t *json_read_object(struct reader *r, struct cursor *c, const uint8_t *open,
                                struct block *b, uint32_t row);

/* False: no memory. */
bool json_sift_init(struct reader *r);

/* Rows from r->p, where a line begins, into the block from row n on, as long as they pass. Gives
 * how many rows it has then; r->p is behind them. */
uint32_t json_sift(struct reader *r, struct block *b, uint32_t n);

/* A block_loader, for the cells that json_sift has deferred; state is the reader. */
bool json_load(void *state, struct column *c, const uint16_t *rows, uint32_t n);

/* With a fill; and with each of its rows that did not pass, after `rows` rows of it. */
void json_sift_begin(struct sift *s);
void json_sift_missed(struct sift *s, uint32_t rows);

/* There is no structural character where one must be. Gives NULL, with a fault unless more input
 * may bring it. */
const uint8_t *json_ended(struct reader *r);

/* The array or object [open, end), which is well-formed but for its escapes, as a value in msgpack,
 * in r->values. False: r->status says why. */
bool json_convert(struct reader *r, const uint8_t *open, const uint8_t *end, struct value *ret);

#endif

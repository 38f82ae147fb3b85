/* The cells of one column while a segment is being made.
 *
 * Values are packed: null and missing cells take no room but their bits, and the missing ones
 * behind the last cell that was given take nothing at all, so a column that few rows have costs
 * what those rows have in it. The array they stand in follows the values' type (`form`): as long as
 * all are of one type it is that type's; the first that does not fit turns it into MIXED.
 *
 * Strings and nested values begin as codes of a private dictionary, until it shows that hardly any
 * repeats; then as bytes (`CELLS_STR`, `CELLS_MIXED`).
 *
 * Used again and again: seal.h makes a chunk of it, cells_clear empties it and keeps the memory.
 * One thread at a time.
 */
#ifndef TAMIS_TABLE_CELLS_H
#define TAMIS_TABLE_CELLS_H

#include "base/buf.h"
#include "base/peer.h"
#include "value/dict.h"

/* While a dictionary has fewer entries and a segment adds at most half as many as it has values,
 * codes are used. After PROBE_VALUES values it is clear whether that will be so: with less than one
 * repetition in PROBE_REPEATS the values come from a set of about PROBE_VALUES * PROBE_REPEATS / 2
 * or more (Poisson), of which a whole segment would draw more than half as new. Where that has been
 * so before, the dictionary has values of that time, and a quarter of them tells as much. */
#define DICT_MOST     262144u
#define PROBE_VALUES  ZONE_ROWS
#define PROBE_AGAIN   (PROBE_VALUES / 4)
#define PROBE_REPEATS 20u

/* A segment ends early when the different values of a column have so many bytes: offsets have 32
 * bits. Codes do not become bytes if those would be more than TEXT_MOST. */
#ifdef TAMIS_HOSTILE
#define SEGMENT_BYTES 4096u
#else
#define SEGMENT_BYTES (256u << 20)
#endif
#define TEXT_MOST (2u * SEGMENT_BYTES)

enum cells_form {
    CELLS_NONE, /* no value yet */
    CELLS_INT,
    CELLS_UINT, /* not negative, at least one above INT64_MAX */
    CELLS_DOUBLE,
    CELLS_BOOL,  /* tag: 0 or 1 */
    CELLS_TIME,  /* word: seconds, len: nanoseconds */
    CELLS_CODES, /* len: codes of dict */
    CELLS_STR,   /* len: where each ends in bytes */
    CELLS_MIXED  /* tag, word, len as in struct value; for those with bytes word.u is their place */
};

struct cells {
    enum cells_form form;
    uint32_t rows; /* given cells; those behind are missing */
    uint32_t n;    /* values */
    uint32_t nulls;
    bool has_bits; /* false: all rows so far hold values */
    uint64_t *valid, *present;
    uint32_t bits_words;
    union word *word;
    const uint8_t *lent;    /* of a segment that is sealed next: INT, DOUBLE: the words, at any
                               address, in place of `word`; STR: `logical` bytes in place of `bytes`;
                               or NULL */
    union word *lent_rows;  /* the same words, if there is one for each row; those of rows without a
                               value may be overwritten */
    const struct peer *far; /* what is lent is in another process, there: doubles or strings; NULL:
                               it is here */
    uint64_t far_address;
    bool is_unread; /* the last cells_seal could not read it */
    uint32_t *len;
    uint8_t *tag;
    uint32_t word_room, len_room, tag_room; /* entries */
    struct buf bytes;
    uint64_t logical; /* bytes of the strings and nested values, repeated ones, too */
    struct dict *dict;
    uint32_t types;       /* CODES: of the values, or of ones that were overwritten */
    uint32_t fresh;       /* entries that this segment added to it ... */
    uint64_t fresh_bytes; /* ... and their bytes */
    bool keep_codes;      /* this segment's values repeat, as far as is known: not to be given up
                             before its end */
    uint32_t dropped;     /* entries added for segments that did not use them in the end */
    uint32_t plain;       /* segments that are still to go without a dictionary ... */
    uint32_t backoff;     /* ... and how many the next time */
    struct budget *budget;
};

void cells_init(struct cells *c, struct budget *budget);
void cells_done(struct cells *c);
void cells_clear(struct cells *c); /* for the next segment; keeps the dictionary */

/* Puts a cell into `row`, at least the last one given: that one again takes its place. False: no
 * memory; the cells can then only be cleared or done with. Values are copied. */
bool cells_put(struct cells *c, uint32_t row, struct value v);
/* The same for the most frequent types. */
static inline bool cells_put_int(struct cells *c, uint32_t row, int64_t i);
static inline bool cells_put_double(struct cells *c, uint32_t row, double d);

/* Values alone: the rows that they stand in are marked afterwards, all at once (cells_mark_bits).
 * Neither null nor missing. False: as of cells_put. */
bool cells_add(struct cells *c, struct value v);
/* Strings and nested values that stand in memory that can be read up to `end`. */
bool cells_add_many(struct cells *c, const struct value *v, uint32_t n, const uint8_t *end);

/* Values that were looked up in the dictionary, while the form is CODES, 1 <= n <= DICT_GROUP:
 * where there is a code nothing else is looked at but type and length, and where there is none it
 * is filled in. Gives how many were put; the form is another one, perhaps, then. 0: no memory. */
uint32_t cells_add_looked(struct cells *c, const struct value *v, uint32_t n, const uint32_t *hash,
                          uint32_t *code);

/* n values of a type whose codes are known, with so many bytes together, while the form is CODES
 * and the dictionary has few values: so many that it is clear that they repeat. False: no memory.
 */
bool cells_add_known(struct cells *c, enum value_type type, const uint32_t *code, uint32_t n,
                     uint64_t bytes);

/* Room for n more values of the form it has. */
bool cells_room(struct cells *c, uint32_t n);
/* Makes it take values of this type: the form afterwards is the type's own, or MIXED. */
bool cells_take(struct cells *c, enum value_type type);
/* Marks rows [row, row + n) as given: as values, as null, or as missing. row >= rows. */
bool cells_mark(struct cells *c, uint32_t row, uint32_t n, bool valid, bool present);
/* The same by bitmaps of n rows, from bit 0; NULL: all. present covers valid. */
bool cells_mark_bits(struct cells *c, uint32_t row, uint32_t n, const uint64_t *valid,
                     const uint64_t *present);
/* Codes become bytes. */
bool cells_to_bytes(struct cells *c);
bool cells_to_mixed(struct cells *c);

/* Bytes that the segment has of this column, against SEGMENT_BYTES. */
static inline uint64_t cells_bytes(const struct cells *c) { return c->bytes.len + c->fresh_bytes; }

/* After how many values it is seen whether the segment's repeat. */
static inline uint32_t cells_probe(const struct cells *c) {
    return c->backoff > 1 ? PROBE_AGAIN : PROBE_VALUES;
}

static inline bool cells_is_dense(const struct cells *c, uint32_t row) {
    return c->rows == row && !c->has_bits;
}

/* Whether row is the next one, with room for its bits if there are any. */
static inline bool cells_is_next(const struct cells *c, uint32_t row) {
    return c->rows == row && (!c->has_bits || row / 64 < c->bits_words);
}

/* The next row holds a value. */
static inline void cells_mark_next(struct cells *c, uint32_t row) {
    c->rows = row + 1;
    if (c->has_bits) {
        c->valid[row / 64] |= UINT64_C(1) << row % 64;
        c->present[row / 64] |= UINT64_C(1) << row % 64;
    }
}

static inline bool cells_put_int(struct cells *c, uint32_t row, int64_t i) {
    if (c->form != CELLS_INT || !cells_is_next(c, row) || c->n == c->word_room)
        return cells_put(c, row, value_int(i));
    c->word[c->n++].i = i;
    cells_mark_next(c, row);
    return true;
}

static inline bool cells_put_double(struct cells *c, uint32_t row, double d) {
    if (c->form != CELLS_DOUBLE || !cells_is_next(c, row) || c->n == c->word_room)
        return cells_put(c, row, value_double(d));
    c->word[c->n++].d = d;
    cells_mark_next(c, row);
    return true;
}

/* The n words of numbers of a whole segment, 8 bytes each at any address, or n strings without a
 * dictionary whose ends are in len, which stay where they are: all that may follow are marks, seal
 * and clear. The cells are empty, of the form that takes them. */
static inline void cells_lend(struct cells *c, const uint8_t *lent, uint32_t n, uint64_t bytes) {
    c->lent = lent;
    c->n = n;
    c->logical = bytes;
}

/* The same of n doubles or strings that are read from another process when they are sealed. */
static inline void cells_lend_far(struct cells *c, const struct peer *peer, uint64_t address,
                                  uint32_t n, uint64_t bytes) {
    cells_lend(c, NULL, n, bytes);
    c->far = peer;
    c->far_address = address;
}

/* The same of numbers of which n rows have one: a word for each row of the segment, which is theirs
 * until they are sealed. */
static inline void cells_lend_rows(struct cells *c, union word *rows, uint32_t n) {
    cells_lend(c, (const uint8_t *)rows, n, 0);
    c->lent_rows = rows;
}

static inline bool value_has_bytes(enum value_type type) {
    return type >= T_STR && type != T_TIMESTAMP;
}

#endif

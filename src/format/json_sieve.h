/* JSON lines that are plainly good: the grammar of whole lines held to by bit masks, 64 bytes at a
 * time, with no step for each character of the structure.
 *
 * The sieve accepts lines of json_read.c's grammar only, and not all of them: it stops at the first
 * byte that is wrong or merely unusual, and the line that has it is then read step by step, which
 * says what is wrong with it, if anything is. Usual is: nothing blank but one space behind a comma
 * or a colon; no backslash in a name; containers up to the depth that is allowed.
 *
 * What it finds are positions: of the colons behind names that end as a wanted one does, in the
 * row's own object; of words and exponents, which are for the caller to check; of a backslash, at
 * least, in each row that has some; of the ends of lines. json_sift.c makes rows of them.
 *
 * How: strings and escapes are those of json_index.c. Which byte may follow which outside of
 * strings is looked up in two tables. Which string is a name, and that colons follow just these,
 * comes from additions whose carries run through strings. What is inside of which bracket comes
 * from a subtraction as long as containers hold no containers, and bracket by bracket in a block
 * where they do. 512 bytes at once, by AVX-512; without that there is no sieve (by AVX2 it was
 * measured to be no faster than the steps that it saves). Private to format/.
 */
#ifndef TAMIS_FORMAT_JSON_SIEVE_H
#define TAMIS_FORMAT_JSON_SIEVE_H

#include "format/json_index.h"

#define SIEVE_NAMES 8u                                        /* that are looked for */
#define SIEVE_BYTES (INDEX_BYTES < 512u ? 512u : INDEX_BYTES) /* of one step */

/* What one group of blocks leaves to the next. */
struct sieve_carry {
    /* 0 or 1: */
    uint64_t in_string, escaped; /* inside a string; the next byte is escaped */
    uint64_t key, fraction;      /* inside a name; in digits behind a point */
    uint64_t inside, array;      /* a container in the row is open; and the innermost is an array */
    /* What was in the last 64 bytes, outside of strings: */
    uint64_t line;        /* ends of lines */
    uint64_t names;       /* { and the commas of objects */
    uint64_t waits;       /* blanks between these and a name */
    uint64_t square_open; /* [ */
    uint64_t closed;      /* the quotes at the ends of names */
    uint64_t word;        /* letters */
    uint64_t point, number;
    /* Where containers hold containers: */
    bool deep;       /* depth > 1 */
    uint32_t depth;  /* containers of the row that are open */
    uint64_t arrays; /* which of them are arrays, the innermost lowest */
};

struct json_sieve {
    /* Of the wanted names, for the life of the reader: their last bytes and those before; and for
     * each of these bytes but for its highest bit, as a bit each, of which names they are. */
    uint8_t last[SIEVE_NAMES], before[SIEVE_NAMES];
    uint8_t lasts[64], befores[64];
    uint32_t n_names;
    uint32_t depth_most; /* of containers in a row, up to 63 */

    const uint8_t *start, *p, *end; /* the input; what has not been looked at */
    const uint8_t *stop;            /* the first byte that did not pass, or NULL */
    struct sieve_carry carry;
    const uint8_t *base; /* the positions count from here */
    uint32_t n;
    uint32_t at[SIEVE_BYTES + INDEX_SLACK];
};

/* Whether there is a sieve with these loops, and this machine has the instructions. */
bool json_sieve_can(enum json_loops loops);

/* One more name, of which these are the last bytes: a quote and a letter of a name of one. To be
 * called on a zeroed sieve, SIEVE_NAMES times at most. */
void json_sieve_name(struct json_sieve *x, uint8_t last, uint8_t before);

/* Begins at p, where a line begins; bytes from `start` on may be read. */
void json_sieve_begin(struct json_sieve *x, const uint8_t *start, const uint8_t *p,
                      const uint8_t *end);

/* The positions in the next `bytes` (at most INDEX_BYTES, rounded up to whole blocks) replace those
 * before. False: there are no more before x->stop, or before the end. */
bool json_sieve_next(struct json_sieve *x, size_t bytes);

#endif

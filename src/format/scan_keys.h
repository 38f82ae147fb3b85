/* The remembered keys of wanted maps, which scan_msgpack.c and scan_row.c share. Private to the
 * scanner (scan.h).
 *
 * They stand in the order in which they came; a key is held to the one that is expected by two
 * words. Inside of rows the index-th key is expected to be the index-th of the map before; for the
 * row itself see scan_row.c. */
#ifndef TAMIS_FORMAT_SCAN_KEYS_H
#define TAMIS_FORMAT_SCAN_KEYS_H

#include "format/scan.h"

#include <string.h>

#define KEY_WORDS_BYTES 16u

/* An expected key: its encoded bytes (header and all) in the row where it was last seen. */
struct expected {
    /* The first 16 bytes, and which of their bits count. A guess (scan_row.c) adds bits of the byte
     * behind the key. */
    uint64_t word[2], mask[2];
    const uint8_t *bytes;
    const struct field *field; /* the child it leads to, or NULL */
    uint32_t n;
    uint8_t kind; /* of scan_row.c: 0 for a key just learnt, ... */
    uint8_t step; /* ... and what goes with it */
};

struct shape {
    struct expected *keys;
    uint32_t cap;   /* 0 for nodes without named children, and beyond MOST_KEYS */
    uint32_t known; /* the first ones, that are set */
    uint32_t lost;  /* by looking for keys (scan_row.c) */
};

/* Sets the words to what they are of the key alone. There must be bytes of it. */
void expected_words(struct expected *e);

/* Whether the first 16 bytes at p are as expected. */
static inline bool expected_begins(const struct expected *e, const uint8_t *p) {
    uint64_t word[2];
    memcpy(word, p, sizeof word);
    return (((word[0] & e->mask[0]) ^ e->word[0]) | ((word[1] & e->mask[1]) ^ e->word[1])) == 0;
}

/* The rest of a key that begins as expected, all of which is there. */
static inline bool expected_ends(const struct expected *e, const uint8_t *p) {
    return memcmp(p + KEY_WORDS_BYTES, e->bytes + KEY_WORDS_BYTES, e->n - KEY_WORDS_BYTES) == 0;
}

/* Reads the key at p of a wanted map and finds the child it leads to. NULL: see scan_one.h. */
const uint8_t *scan_read_key(struct scanner *s, const struct field *map, const uint8_t *p,
                             const uint8_t *end, uint32_t depth, const struct field **ret);

/* Remembers the key at [p, p + n), which leads to `field`; not if it is too near the end for words.
 */
void scan_learn(struct expected *e, const uint8_t *p, size_t n, const uint8_t *end,
                const struct field *field);

#endif

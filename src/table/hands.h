/* What each thread that feeds arrays into a batch has to itself. Private to table/.
 *
 * It stays from one payload to the next, in blocks of pages.h: fresh memory is dear.
 */
#ifndef TAMIS_TABLE_HANDS_H
#define TAMIS_TABLE_HANDS_H

#include "table/stretch.h"

struct hand {
    struct stretch stretch;
    struct array array; /* of what was fetched to scratch, or to text */
    uint8_t *text;      /* bytes of strings */
    size_t text_bytes;
    union word scratch[]; /* for the rows of a stretch */
};

struct hands {
    uint8_t *memory; /* n of so many bytes */
    size_t bytes_each;
    uint32_t n;
};

/* At least n hands, for stretches of so many rows. False: no memory. */
bool hands_make(struct hands *h, struct budget *budget, uint32_t n, uint32_t rows);
void hands_free(struct hands *h, struct budget *budget); /* zeroed ones are fine */

static inline struct hand *hands_at(const struct hands *h, uint32_t i) {
    return (void *)(h->memory + i * h->bytes_each);
}

/* Room for the strings of its stretch. False: no memory. */
bool hand_room(struct hand *hand, struct budget *budget);
/* Fetches strings, for which there is room, or timestamps, whose array has a peer: the stretch then
 * is of a copy. False: they cannot be read. */
bool hand_fetch_strings(struct hand *hand);
bool hand_fetch_times(struct hand *hand);

#endif

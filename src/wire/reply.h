/* Replies: writing messages into an output buffer, frame by frame. See proto/PROTOCOL.md.
 *
 * reply_begin, then the elements with the mp_write_ functions, then reply_end. If memory ran out
 * anywhere in between, reply_end takes the whole reply back and says false; what was in the buffer
 * before stays. */
#ifndef TAMIS_WIRE_REPLY_H
#define TAMIS_WIRE_REPLY_H

#include "base/warning.h"
#include "value/mp.h"
#include "wire/message.h"

/* Writes length (to be filled in), array header of n elements, kind and id. Gives the mark for
 * reply_end. */
size_t reply_begin(struct buf *b, enum message_kind kind, uint32_t id, uint32_t n);
bool reply_end(struct buf *b, size_t mark);

bool reply_error(struct buf *b, uint32_t id, const struct error *e);
void reply_error_map(struct buf *b, const struct error *e); /* what ERROR has as its map */

/* What DONE tells of a query. */
struct reply_counts {
    uint64_t matched, rows, type_mismatch, undefined;
    bool limit_reached;
};
#define REPLY_COUNTS 5u /* keys of a map, and their values, that reply_counts writes */
void reply_counts(struct buf *b, const struct reply_counts *c);

/* The key "warnings" and its value, into a map whose count has them; nothing if n is 0. */
void reply_warnings(struct buf *b, const struct warning *warnings, uint32_t n);

#define REPLY_OF_ALL UINT32_MAX /* a result of a request with one query: RESULT, not RESULT_OF */

/* A RESULT or RESULT_OF whose data is appended to the buffer bit by bit, from position `data` on.
 */
struct reply_result {
    size_t mark, data;
    uint32_t id, query;
};

/* query: the number of the query, or REPLY_OF_ALL. kind is the longest that reply_result_end may be
 * given (the usual one: then nothing has to be moved). */
void reply_result_begin(struct reply_result *r, struct buf *b, uint32_t id, uint32_t query,
                        const char *kind);
bool reply_result_end(const struct reply_result *r, struct buf *b, const char *kind, uint64_t base,
                      uint32_t rows);

#endif

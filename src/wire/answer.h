/* Answers: reading the messages that a daemon sends, as a client. See proto/PROTOCOL.md.
 *
 * What is read borrows from the frame. Unknown keys of maps are passed over. E_BAD_MESSAGE with a
 * message is the only error: the peer does not keep to the protocol. */
#ifndef TAMIS_WIRE_ANSWER_H
#define TAMIS_WIRE_ANSWER_H

#include "base/warning.h"
#include "wire/message.h"

#define ANSWER_SKIPPED_MOST 16u

/* The envelope, m->r at the third element. E_KIND_UNKNOWN: a kind that no reply has. */
enum status answer_read(struct message *m, const uint8_t *p, size_t n, struct error *e);

/* ERROR: *ret is what the daemon has told, E_INTERNAL for a code that is not known here. */
enum status answer_error(struct message *m, struct error *ret, struct error *e);

struct answer_result {
    struct str kind; /* "rows", "bitmap" ... */
    uint64_t base;
    uint32_t rows;
    const uint8_t *data;
    size_t n;
};
enum status answer_result(struct message *m, struct answer_result *ret, struct error *e);

struct answer_done {
    uint64_t rows, matched, type_mismatch, undefined, bytes, unfit, skipped;
    uint64_t skipped_at[ANSWER_SKIPPED_MOST];
    uint32_t n_skipped_at;
    bool limit_reached;
    struct warning warnings[WARNINGS_MOST];
    uint32_t n_warnings;
};
enum status answer_done(struct message *m, struct answer_done *ret, struct error *e);

struct answer_explained {
    struct str plan; /* as a text */
    struct warning warnings[WARNINGS_MOST];
    uint32_t n_warnings;
};
enum status answer_explained(struct message *m, struct answer_explained *ret, struct error *e);

struct answer_welcome {
    uint64_t version;
    struct value capabilities;                 /* an array of strings, or missing */
    uint64_t frame_bytes, row_bytes, stall_ms; /* limits; 0: not told */
};
enum status answer_welcome(struct message *m, struct answer_welcome *ret, struct error *e);

#endif

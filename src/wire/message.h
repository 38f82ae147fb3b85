/* Messages: the envelope of a frame, [kind, id, ...]. See proto/PROTOCOL.md and messages.def. */
#ifndef TAMIS_WIRE_MESSAGE_H
#define TAMIS_WIRE_MESSAGE_H

#include "value/mp.h"

enum message_kind {
#define X(name, number, direction, least, most) MESSAGE_##name = (number),
#include "messages.def"
#undef X
};

struct message {
    enum message_kind kind;
    uint32_t id;
    uint32_t n;         /* elements, kind and id included */
    struct mp_reader r; /* at the third element; offsets count from the message's first byte */
};

/* Reads the envelope. E_BAD_MESSAGE with an offset, or E_KIND_UNKNOWN; m->id is set as far as it
 * could be read (else 0). The elements after the id are not looked at. Kinds that only the daemon
 * sends are unknown here. */
enum status message_read(struct message *m, const uint8_t *p, size_t n, uint32_t depth_limit,
                         struct error *e);

/* The same for a client: kinds that only clients send are unknown. */
enum status message_read_reply(struct message *m, const uint8_t *p, size_t n, uint32_t depth_limit,
                               struct error *e);

/* Goes on in a copy of its bytes, which is at p. Nothing may have been wrong with it so far. */
void message_move(struct message *m, const uint8_t *p);
/* The message must be used up; E_BAD_MESSAGE otherwise, or if the reader has failed. */
enum status message_end(const struct message *m, struct error *e);

const char *message_name(enum message_kind kind); /* "FILTER"; "?" if there is none */

#endif

/* Unpacking gzip and zstd as a stream: bounded memory, any number of members one behind the other.
 *
 * Knows bytes only. Ends with unpack_done; a zeroed struct is fine and unpacks nothing. */
#ifndef TAMIS_SHELL_UNPACK_H
#define TAMIS_SHELL_UNPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum packing { PACKING_NONE, PACKING_GZIP, PACKING_ZSTD };

struct unpack {
    enum packing packing;
    bool inside;     /* a member that has not ended */
    bool padding;    /* behind a member come zeros, to the end */
    const char *why; /* of a failure; of zstd in the library's words */
    void *stream;
};

/* What the first n bytes say. *ret_more: they may yet become the mark of a packing. */
enum packing packing_of(const uint8_t *p, size_t n, bool *ret_more);

/* False: no memory. */
bool unpack_init(struct unpack *u, enum packing packing);
void unpack_done(struct unpack *u);

/* Unpacks from [*p, end) into `to`; moves *p over what is used. Gives the bytes made, fewer than
 * room only when all of the input is used. u->why is set if the input is broken. */
size_t unpack_some(struct unpack *u, const uint8_t **p, const uint8_t *end, uint8_t *to,
                   size_t room);

#endif

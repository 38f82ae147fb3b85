/* Rows that come as the bytes of a format (PROTOCOL.md, the payloads "bytes" and "file"): what
 * lives as long as the request, while its payloads come and go.
 *
 * A payload may end inside a row: the rest is carried over to the next one. Owned by the request; a
 * zeroed struct is fine for bytes_done. One thread at a time. */
#ifndef TAMIS_ENGINE_BYTES_H
#define TAMIS_ENGINE_BYTES_H

#include "base/buf.h"
#include "base/limits.h"
#include "format/reader.h"
#include "value/mp.h"

#define SKIPPED_TOLD 16u /* offsets of skipped rows that DONE tells */

/* The descriptor that came with the request's message. */
enum passed {
    PASSED_NONE,
    PASSED_FD,
    PASSED_LOST, /* there was one, for which there was no room */
};

struct byte_rows {
    bool open;
    bool last;  /* no payload comes behind the one that is opened next; the caller's */
    bool ended; /* the last bytes have been read */
    bool skips; /* broken rows are stepped over, and counted */
    /* Files. The first two are the caller's. */
    bool may_open; /* those that are named by a path */
    enum passed passed;
    int fd;         /* PASSED_FD: borrowed, else opened here ... */
    bool owns_fd;   /* ... and closed by bytes_done */
    uint64_t fd_at; /* the next byte of the file to be read */
    enum reader_format format;
    struct arena arena; /* of the reader's life */
    struct buf carry;
    size_t wait_bytes; /* of the carry, before it is worth another look */
    uint64_t offset;   /* of the next byte to be read, in the whole input */
    /* Not cleared by bytes_init. */
    struct reader reader;              /* while open */
    uint64_t skipped_at[SKIPPED_TOLD]; /* as many as were skipped */
};

void bytes_init(struct byte_rows *r, struct budget *budget);
void bytes_done(struct byte_rows *r);

/* The elements of a payload behind its form: format, data, and perhaps options. Opens the reader
 * with the first one. On success *ret_data are the bytes: str or bin, or with `or_number` perhaps
 * an unsigned integer. E_BAD_PAYLOAD, E_MEMORY, or what is wrong with the msgpack in r. */
enum status bytes_read_payload(struct byte_rows *b, struct mp_reader *r, uint32_t parts,
                               const struct fields *fields, const struct limits *limits,
                               bool or_number, struct value *ret_data, struct error *e);

/* Whether there is something to be read once no payload comes any more. */
bool bytes_wait_for_end(const struct byte_rows *b);

struct source;
struct block;
/* Rows of what the source has, [p, end): *ret_n, perhaps 0. Broken ones are an error, or are
 * stepped over. */
enum status bytes_next(struct source *s, struct block *block, uint32_t *ret_n, struct error *e);

#endif

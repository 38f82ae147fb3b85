/* One input: a file, or standard input, unpacked on the way if it is gzip or zstd by its first
 * bytes.
 *
 * Nothing here knows rows. Reading is by blocking calls; who has something else to do before a
 * reader sleeps asks input_ready first. Faults are told by the message that input_read leaves. */
#ifndef TAMIS_SHELL_INPUT_H
#define TAMIS_SHELL_INPUT_H

#include "base/build.h"
#include "base/status.h"
#include "shell/unpack.h"

struct input {
    const char *name; /* as messages say it */
    int fd;
    bool regular;  /* never sleeps */
    bool ended;    /* no more bytes in fd */
    bool finished; /* ... and none that were not passed on: the end */
    bool unpack_has_more;
    uint64_t size;  /* of a regular file, or 0 ... */
    uint64_t start; /* ... and where in it the input begins */
    uint64_t taken; /* bytes read from fd */
    bool known;     /* the first bytes have been looked at */
    struct unpack unpack;
    uint8_t *raw; /* bytes of fd that are not yet passed on */
    size_t raw_at, raw_n;
    char message[ERROR_TEXT_BYTES]; /* of a failure: "reading it: Input/output error" */
};

/* Opens the file of that name; "-" is standard input. False, with in->message: it cannot be opened,
 * or is a directory. Ends with input_close in any case. */
bool input_open(struct input *in, const char *name);
void input_close(struct input *in);

/* Whether it is a file whose bytes are the input's; known once something was read. */
bool input_is_plain(const struct input *in);

/* Whether input_read would not have to wait. */
bool input_ready(const struct input *in);

/* Waits until input_read does not have to, or until nobody reads from out_fd any more (-1: nobody
 * is asked): then false. */
bool input_wait(const struct input *in, int out_fd);

/* Up to `room` > 0 bytes, by one read at most: so there may be none though it is not the end, which
 * in->finished says. False: in->message says why; *ret_n bytes before the fault stand all the same.
 */
bool input_read(struct input *in, uint8_t *to, size_t room, size_t *ret_n);

/* Where in its file the byte is that input_read gives next, and how many there were behind it when
 * the input was opened. False: it has no such place, since it is no file, or a packed one. */
bool input_place(const struct input *in, uint64_t *ret_at, uint64_t *ret_left);
/* Reads from a place of the file on, whatever input_read does; by any thread. Gives the bytes:
 * fewer than asked for if they are not there, or at a fault. */
size_t input_read_at(const struct input *in, uint64_t at, uint8_t *to, size_t n);
/* input_read goes on at that place of the file. False: in->message says why. */
bool input_go_to(struct input *in, uint64_t at);

#endif

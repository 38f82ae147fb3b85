/* A channel: one descriptor of a connection, read or written without blocking the loop.
 *
 * A Unix socket that was accepted is polled, and read and written by hand: libuv's streams keep
 * descriptors that come beside the bytes only as streams of their own, in any number, and do not
 * tell when some were lost. Pipes, terminals and other sockets are libuv streams. Files (and
 * /dev/null and its like, which epoll refuses) are read and written directly, a bounded piece a
 * turn of the loop: they occur on --stdio only, where no other client waits. A channel knows
 * nothing of sessions; the owner gives it room and takes what came.
 *
 * Ownership: the owner holds the struct until `closed` was called. Descriptors above 2 are closed
 * by the channel.
 */
#ifndef TAMIS_SERVER_CHANNEL_H
#define TAMIS_SERVER_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

#define CHANNEL_PASSED_MOST                                                                        \
    253 /* descriptors that come with one read (SCM_MAX_FD of the kernel)                          \
         */

struct channel;

/* All are called from the loop; errors are libuv's negative numbers. */
struct channel_events {
    uint8_t *(*space)(struct channel *ch, size_t *ret_n); /* room to read into; NULL: no memory */
    void (*fed)(struct channel *ch, ssize_t got);         /* bytes read, UV_EOF, or an error */
    void (*written)(struct channel *ch, size_t n,
                    int err); /* all n bytes of channel_write_later, or err */
    void (*closed)(struct channel *ch);
    /* Sockets: whether descriptors are taken at the moment. */
    bool (*takes)(struct channel *ch);
    /* Sockets: n descriptors, all of them now the owner's, came with the bytes that the next `fed`
     * tells, and lost: some were dropped, for want of room. */
    void (*passed)(struct channel *ch, const int *fds, size_t n, bool lost, size_t bytes);
};

struct channel {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_pipe_t pipe;
        uv_tty_t tty;
        uv_idle_t idle; /* a file: its turns */
        uv_poll_t poll; /* a socket */
    } u;
    const struct channel_events *events;
    void *owner;
    int fd;
    bool is_file, is_socket;
    bool is_reading;
    size_t turn_bytes; /* read in this turn of the loop, which has more to do than to read */
    int polled;        /* a socket: what it is polled for */
    uv_write_t later;
    const uint8_t *later_p; /* a socket: what is left of it */
    size_t later_n, later_left;
};

/* What is open on fd: UV_NAMED_PIPE, UV_TCP, UV_TTY and UV_FILE can be opened, others give
 * UV_EINVAL. Success or not, the channel has one libuv handle after it, and channel_close leads to
 * one `closed`. On failure fd stays open. */
int channel_open(struct channel *ch, uv_loop_t *loop, int fd, uv_handle_type type,
                 const struct channel_events *events, void *owner);

/* The same for a connected Unix socket, whose peer may pass descriptors. */
int channel_open_socket(struct channel *ch, uv_loop_t *loop, int fd,
                        const struct channel_events *events, void *owner);

/* Starts or stops reading; repeating it does nothing. An error of the start is given back. */
int channel_read(struct channel *ch, bool on);

/* Writes what can be written at once: the number of bytes, 0 if none, or an error. Not while a
 * later write is under way. */
ssize_t channel_write(struct channel *ch, const uint8_t *p, size_t n);

/* Writes n bytes when the other end takes them; p must stay as it is until `written`. */
int channel_write_later(struct channel *ch, const uint8_t *p, size_t n);

/* How much of what was written the other end has not taken yet, in libuv's queue and the kernel's.
 * A measure and no count of bytes (the kernel adds overhead): while nothing is written, it changes
 * if and only if the other end reads. */
size_t channel_waiting(const struct channel *ch);

void channel_close(struct channel *ch);

#endif

/* Inside of a connection to a service. Private to remote/. */
#ifndef TAMIS_REMOTE_STATE_H
#define TAMIS_REMOTE_STATE_H

#include "remote/remote.h"
#include "wire/frame.h"
#include "wire/reply.h"

struct remote {
    int fd;
    struct frames frames;
    uint32_t frame_most; /* of a reply */
    struct buf out;      /* what is to be sent, from out_at on */
    size_t out_at;
    int passed; /* a descriptor that goes with the frame from passed_at to passed_end of out;
                   -1: none */
    size_t passed_at, passed_end;
    bool no_output; /* the service takes nothing more */
    bool ended;     /* ... and says nothing more */
    struct value capabilities;
    struct buf welcome; /* the message that they are in */
    uint64_t stall_ms;
    size_t piece_most; /* bytes of rows in a message */
    uint32_t id;       /* of the request that is under way, or was */
    bool open;         /* it is not answered */
    bool wants_rows;   /* else it counts */
    bool streaming;    /* its bytes are given here, and END has not been sent */
    const char *format;
    uint64_t rows, matched;
    struct answer_done done;
    struct error error;
};

/* Greets over a connected socket, which is closed with it, and if that fails. */
struct remote *remote_open(int fd, struct error *e);

/* message.c: frames of requests, behind what is in r->out. False: no memory. */
bool remote_write_hello(struct remote *r);
bool remote_write_explain(struct remote *r, const struct remote_query *q);
bool remote_write_filter(struct remote *r, const struct remote_request *request);
bool remote_write_rows(struct remote *r, const uint8_t *p, size_t n);
bool remote_write_bare(struct remote *r, enum message_kind kind); /* END, CANCEL */

/* socket.c: one write and one read, without waiting. */
bool remote_write(struct remote *r); /* true: some was written */
bool remote_read(struct remote *r);  /* true: some was read, or the end was seen */
/* A connected socket, or -1 and e. */
int remote_socket(const char *path, struct error *e);

#endif

/* Descriptors that came beside the bytes of a connection, until the frame is there that they belong
 * to: the one that has the byte with which they came.
 *
 * A few of them, in the order of their bytes; they are the session's, which closes them by whatever
 * way the service has for that. A zeroed struct is empty. The session's thread only. */
#ifndef TAMIS_SESSION_PASSED_H
#define TAMIS_SESSION_PASSED_H

#include <stddef.h>
#include <stdint.h>

#define PASSED_NO_FD (-1) /* stands for one that there was no room for */

struct passed_queue {
    struct passed_one {
        int fd;
        uint64_t at; /* the byte of the stream */
    } * list;
    size_t n, cap;
};

#endif

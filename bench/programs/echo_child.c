/* The bare C child of a round trip: read a frame, write a reply of the size asked, again.
 *
 * A frame is a 4-byte big-endian length and that many bytes, as tamisd's are; with the reply size
 * given once on the command line, request and reply have exactly the sizes of the real exchange and
 * the child does nothing but read and write. Blocking read and write, the cheapest there is. Usage:
 * echo_child REPLY_BYTES
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { REQUEST_MOST = 1 << 24 };

static int write_all(const unsigned char *bytes, size_t length) {
    while (length > 0) {
        ssize_t done = write(1, bytes, length);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return -1;
        bytes += done;
        length -= (size_t)done;
    }
    return 0;
}

/* Reads one frame into `request`: 1 a frame, 0 a clean end, -1 neither. The client waits for each
 * reply, so there is never more than one frame to read and mostly one read() takes it. */
static int frame_read(unsigned char *request) {
    size_t have = 0, need = 4;
    while (have < need) {
        ssize_t got = read(0, request + have, REQUEST_MOST - have);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got == 0 && have == 0 ? 0 : -1;
        have += (size_t)got;
        if (have >= 4)
            need = 4 + ((size_t)request[0] << 24 | (size_t)request[1] << 16 |
                        (size_t)request[2] << 8 | request[3]);
        if (need > REQUEST_MOST)
            return -1;
    }
    return have == need ? 1 : -1;
}

int main(int argc, char **argv) {
    size_t reply_bytes = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
    unsigned char *request = malloc(REQUEST_MOST), *reply = calloc(1, reply_bytes + 1);
    if (!reply_bytes || !request || !reply) {
        fprintf(stderr, "usage: echo_child REPLY_BYTES\n");
        return 2;
    }
    int got;
    while ((got = frame_read(request)) == 1)
        if (write_all(reply, reply_bytes) < 0) {
            got = -1;
            break;
        }
    free(request);
    free(reply);
    return got == 0 ? 0 : 1;
}

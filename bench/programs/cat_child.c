/* The bare C child of a stream: what comes in goes out, unread, through one buffer. From 128 KiB to
 * 1 MiB the buffer's size made no difference on pipes of 1 MiB. Usage: cat_child
 */
#include <errno.h>
#include <unistd.h>

enum { CHUNK_BYTES = 256 * 1024 };

int main(void) {
    static unsigned char chunk[CHUNK_BYTES];
    for (;;) {
        ssize_t got = read(0, chunk, sizeof chunk);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got == 0 ? 0 : 1;
        for (ssize_t sent = 0; sent < got;) {
            ssize_t done = write(1, chunk + sent, (size_t)(got - sent));
            if (done < 0 && errno == EINTR)
                continue;
            if (done < 0)
                return 1;
            sent += done;
        }
    }
}

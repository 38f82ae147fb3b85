/* The payload "file": rows in a file that the daemon opens itself, for a parent that could read it
 * as well (tamisd --files). Read in pieces into the request's carry; only regular files, since
 * others may make the reader wait. See bytes.h for what lives longer than a payload. */
#include "base/build.h"
#include "engine/bytes.h"
#include "engine/source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_READ_BYTES (16 * (size_t)READ_BYTES)

static enum status refuse(struct error *e, struct value path, const char *why) {
    char name[100];
    error_text(name, sizeof name, (const char *)path.w.p, path.n);
    error_set(e, E_BAD_PAYLOAD, "\"%s\": %s", name, why);
    return E_BAD_PAYLOAD;
}

static enum status open_file(struct byte_rows *b, struct value path, struct error *e) {
    char text[4096]; /* PATH_MAX */
    struct stat st;
    if (path.n == 0 || path.n >= sizeof text || memchr(path.w.p, '\0', path.n))
        return refuse(e, path, "no path of a file");
    memcpy(text, path.w.p, path.n);
    text[path.n] = '\0';
    b->fd = open(text, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    b->has_fd = b->fd >= 0;
    if (!b->has_fd || fstat(b->fd, &st) != 0)
        return refuse(e, path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return refuse(e, path, "not a regular file; send its bytes");
    posix_fadvise(b->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    return E_OK;
}

enum status file_open(struct source *s, struct mp_reader *r, uint32_t parts, struct error *e) {
    struct byte_rows *b = s->bytes;
    struct value path;
    if (!b || !b->may_open)
        return source_bad(s, r->p, e, "this daemon opens no files (it runs without --files)");
    if (!b->last)
        return source_bad(s, r->p, e, "a \"file\" is no part of a row stream");
    enum status status = bytes_read_payload(b, r, parts, s->scanner->fields, s->limits, &path, e);
    if (status == E_OK && !mp_at_end(r))
        return source_trailing(s, r, e);
    if (status != E_OK)
        return status == r->status ? source_reader_error(s, r, e) : status;
    b->last = false; /* until the end of the file has been seen */
    s->p = s->end = NULL;
    return open_file(b, path, e);
}

/* What has not been used goes to the front, and more of the file behind it. */
static enum status read_more(struct source *s, struct error *e) {
    struct byte_rows *b = s->bytes;
    size_t left = (size_t)(s->end - s->p), more = left < FILE_READ_BYTES ? FILE_READ_BYTES : left;
    if (left > 0 && s->p > b->carry.data)
        memmove(b->carry.data, s->p, left);
    b->carry.len = left;
    if (!buf_reserve(&b->carry, more)) /* a long row doubles: it is looked at again and again */
        return error_set(e, E_MEMORY, "out of memory for a row of a file");
    ssize_t n;
    do
        n = read(b->fd, b->carry.data + left, more);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return error_set(e, E_SYSTEM, "reading the file: %s", strerror(errno));
    b->last = n == 0;
    b->carry.len += (size_t)n;
    s->p = s->origin = b->carry.data;
    s->end = s->p + b->carry.len;
    s->origin_offset = b->offset;
    return E_OK;
}

enum status file_fill(struct source *s, struct block *block, uint32_t *ret_n, struct error *e) {
    *ret_n = 0;
    while (!s->at_end) {
        enum status status = bytes_next(s, block, ret_n, e);
        if (status != E_OK || *ret_n > 0)
            return status;
        if (s->bytes->last)
            s->at_end = s->bytes->ended = true;
        else
            status = read_more(s, e);
        if (status != E_OK)
            return status;
    }
    return E_OK;
}

/* The payload "file": rows in a file, read in pieces into the request's carry. Either the daemon
 * opens it itself, for a parent that could read it as well (tamisd --files), or its descriptor came
 * with the message, which proves that the client may read it. Only regular files, since others may
 * make the reader wait. See bytes.h for what lives longer than a payload.
 *
 * Reading is by position: where the descriptor stands is the client's affair, who may share it. */
#include "base/build.h"
#include "engine/bytes.h"
#include "engine/source.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define FILE_READ_BYTES (16 * (size_t)READ_BYTES)
#define NOT_REGULAR     "not a regular file; send its bytes"

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
    b->owns_fd = b->fd >= 0;
    if (!b->owns_fd || fstat(b->fd, &st) != 0)
        return refuse(e, path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return refuse(e, path, NOT_REGULAR);
    posix_fadvise(b->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    return E_OK;
}

/* A file system whose reads a user's process answers could let the reader wait for ever; and so
 * could the files of kernel interfaces, which are regular and tell no size (/proc/kmsg,
 * trace_pipe). The latter are taken for what they say they are: empty. */
static enum status check_passed(struct source *s, struct error *e) {
    struct byte_rows *b = s->bytes;
    struct stat st;
    struct statfs fs;
    if (fstat(b->fd, &st) != 0 || fstatfs(b->fd, &fs) != 0)
        return error_set(e, E_BAD_DESCRIPTOR, "the descriptor: %s", strerror(errno));
    if (!S_ISREG(st.st_mode))
        return error_set(e, E_BAD_DESCRIPTOR, "the descriptor: " NOT_REGULAR);
    int flags = fcntl(b->fd, F_GETFL);
    if (flags < 0 || (flags & O_ACCMODE) == O_WRONLY || (flags & O_PATH))
        return error_set(e, E_BAD_DESCRIPTOR, "the descriptor: not open for reading");
    if (fs.f_type == FUSE_SUPER_MAGIC)
        return error_set(e, E_BAD_DESCRIPTOR,
                         "the descriptor: a file of a file system in user space; send its bytes");
    if (st.st_size == 0)
        b->last = true;
    return E_OK;
}

static enum status use_passed(struct source *s, struct value at, struct error *e) {
    struct byte_rows *b = s->bytes;
    if (b->passed == PASSED_LOST)
        return error_set(e, E_TOO_MANY_DESCRIPTORS,
                         "the daemon had no room for the descriptor; send the bytes");
    if (b->passed == PASSED_NONE)
        return error_set(e, E_BAD_DESCRIPTOR, "no descriptor came with the message");
    if (at.w.u > INT64_MAX)
        return error_set(e, E_BAD_PAYLOAD, "no file has so many bytes");
    b->fd_at = at.w.u;
    return check_passed(s, e);
}

enum status file_open(struct source *s, struct mp_reader *r, uint32_t parts, struct error *e) {
    struct byte_rows *b = s->bytes;
    struct value where;
    if (!b)
        return source_bad(s, r->p, e, "a \"file\" is not taken here");
    if (!b->last)
        return source_bad(s, r->p, e, "a \"file\" is no part of a row stream");
    enum status status =
        bytes_read_payload(b, r, parts, s->scanner->fields, s->limits, true, &where, e);
    if (status == E_OK && !mp_at_end(r))
        return source_trailing(s, r, e);
    if (status != E_OK)
        return status == r->status ? source_reader_error(s, r, e) : status;
    b->last = false; /* until the end of the file has been seen */
    s->p = s->end = NULL;
    if (where.type == T_INT || where.type == T_UINT)
        return use_passed(s, where, e);
    if (!b->may_open)
        return refuse(e, where, "this daemon opens no files (it runs without --files)");
    return open_file(b, where, e);
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
        n = pread(b->fd, b->carry.data + left, more, (off_t)b->fd_at);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return error_set(e, E_SYSTEM, "reading the file: %s", strerror(errno));
    b->last = n == 0;
    b->fd_at += (uint64_t)n;
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

/* See shared.h. */
#include "server/shared.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

const char *shared_map(struct shared *ret, int fd, uint64_t most) {
    struct stat info;
    struct statfs where;
    int seals = fcntl(fd, F_GET_SEALS);
    if (seals < 0)
        return errno == EBADF ? strerror(errno) : "not a memfd";
    if (!(seals & F_SEAL_SHRINK))
        return "not sealed against shrinking (F_SEAL_SHRINK)";
    if (fstat(fd, &info) != 0 || fstatfs(fd, &where) != 0)
        return strerror(errno);
    if (where.f_type != TMPFS_MAGIC)
        return "not of ordinary pages";
    if (info.st_size <= 0)
        return "empty";
    if ((uint64_t)info.st_size > most)
        return "larger than shared_bytes";
    void *p = mmap(NULL, (size_t)info.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED)
        return strerror(errno);
    close(fd);
    *ret = (struct shared){p, (size_t)info.st_size};
    return NULL;
}

void shared_unmap(struct shared *s) {
    if (s->p)
        munmap(s->p, s->n);
    *s = (struct shared){0};
}

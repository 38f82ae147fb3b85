/* The loop of a contestant: see contestant.h. Time is CLOCK_MONOTONIC around the run and nothing
 * else. */
#include "contestant.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int input_map(const char *path, struct input *input) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0 || st.st_size == 0) {
        fprintf(stderr, "cannot use '%s': %s\n", path, errno ? strerror(errno) : "empty");
        if (fd >= 0)
            close(fd);
        return -1;
    }
    void *bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    close(fd);
    if (bytes == MAP_FAILED) {
        fprintf(stderr, "cannot map '%s': %s\n", path, strerror(errno));
        return -1;
    }
    input->bytes = bytes;
    input->length = (size_t)st.st_size;
    return 0;
}

int contestant_serve(const char *path, contestant_run *run, void *arg) {
    struct input input;
    if (input_map(path, &input) < 0)
        return 1;
    char line[64];
    while (fgets(line, sizeof line, stdin)) {
        struct answer answer = {0};
        uint64_t start = now_ns();
        int failed = run(arg, &input, &answer);
        uint64_t taken = now_ns() - start;
        if (failed)
            return 1;
        printf("%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", taken, answer.rows,
               answer.matched, answer.hash);
        fflush(stdout);
    }
    return 0;
}

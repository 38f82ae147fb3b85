/* See activation.h. */
#include "server/activation.h"

#include "server/server.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define FDS_MOST 1024ul

/* The decimal number in an environment variable; false if it is unset or anything else. */
static bool env_number(const char *name, unsigned long *ret) {
    const char *text = getenv(name);
    if (!text || *text < '0' || *text > '9')
        return false;
    char *end;
    errno = 0;
    unsigned long n = strtoul(text, &end, 10);
    if (errno || *end)
        return false;
    *ret = n;
    return true;
}

unsigned server_activated(void) {
    unsigned long pid, count;
    if (!env_number("LISTEN_PID", &pid) || pid != (unsigned long)getpid())
        return 0; /* meant for a process that we come from */
    if (!env_number("LISTEN_FDS", &count) || count > FDS_MOST)
        return 0;
    return (unsigned)count;
}

unsigned activation_take(void) {
    unsigned count = server_activated();
    for (unsigned i = 0; i < count; i++) {
        int fd = ACTIVATION_FIRST_FD + (int)i;
        int flags = fcntl(fd, F_GETFD);
        if (flags >= 0)
            fcntl(fd, F_SETFD, flags | FD_CLOEXEC);
    }
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    return count;
}

void activation_notify(const char *state) {
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (!path || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof to.sun_path)
        return;
    memcpy(to.sun_path, path, strlen(path));
    if (path[0] == '@') /* an abstract name: a NUL first, and none at the end */
        to.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    ssize_t sent = sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to, length);
    (void)sent;
    close(fd);
}

/* tamis: the shell command's entry. Makes the standard descriptors safe; everything else is
 * src/shell. */
#include "shell/shell.h"

#include <fcntl.h>
#include <unistd.h>

/* Opens /dev/null on standard descriptors that are closed, before an input gets their numbers. One
 * that is closed for reading is to fail when it is read, and the same for writing: so the other
 * mode. */
static int open_standard(void) {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 &&
            open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
            return -1;
    return 0;
}

int main(int argc, char **argv) { return open_standard() != 0 ? 2 : shell_main(argc, argv); }

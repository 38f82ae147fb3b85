/* See steps.h. The child stops itself before and behind the function; those are the marks. */
#include "steps.h"

#include <signal.h>
#include <stdbool.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

static _Noreturn void run(steps_fn *fn, void *arg) {
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
        _exit(1);
    raise(SIGSTOP);
    fn(arg);
    raise(SIGSTOP);
    _exit(0);
}

/* Waits until the child stops by this signal; false if it does anything else. */
static bool stops_by(pid_t child, int signal) {
    int status;
    return waitpid(child, &status, 0) == child && WIFSTOPPED(status) && WSTOPSIG(status) == signal;
}

/* Up to the second mark. */
static uint64_t count(pid_t child) {
    uint64_t steps = 0;
    for (;;) {
        int status;
        if (ptrace(PTRACE_SINGLESTEP, child, NULL, NULL) != 0 ||
            waitpid(child, &status, 0) != child || !WIFSTOPPED(status))
            return 0;
        if (WSTOPSIG(status) == SIGSTOP)
            return steps;
        if (WSTOPSIG(status) != SIGTRAP)
            return 0;
        steps++;
    }
}

uint64_t steps_count(steps_fn *fn, void *arg) {
    pid_t child = fork();
    if (child == 0)
        run(fn, arg);
    if (child < 0)
        return 0;
    uint64_t steps = stops_by(child, SIGSTOP) ? count(child) : 0;
    kill(child, SIGKILL);
    waitpid(child, NULL, 0); /* nothing to wait for if it has ended before */
    return steps;
}

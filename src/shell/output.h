/* Standard output: gathered, written when there is much or when nothing else is to be done.
 *
 * A reader that has gone away ends the process as SIGPIPE does (status 141 in a shell), without a
 * word. Every other failure is told once, and everything after it is dropped. */
#ifndef TAMIS_SHELL_OUTPUT_H
#define TAMIS_SHELL_OUTPUT_H

#include "base/buf.h"
#include "base/build.h"

struct output {
    int fd;
    bool eager;   /* a terminal, or --line-buffered: nothing is held back */
    bool watched; /* somebody reads it, who may go away */
    bool failed;  /* and told */
    uint64_t written;
    struct buf held;
    /* Called while a write waits, whenever a signal interrupts it; NULL: nobody is. */
    void (*interrupted)(void *owner);
    void *owner;
};

void output_init(struct output *o, int fd, bool eager);
void output_done(struct output *o);

/* Appends; writes what is held when it is much. n > 0 or p NULL. */
void output_add(struct output *o, const void *p, size_t n);
/* Writes what is held. False if something was not written. */
bool output_flush(struct output *o);

/* The descriptor to watch for its reader, or -1. */
int output_watch(const struct output *o);

/* Ends the process as a write to a pipe without a reader does. */
_Noreturn void output_gone(void);

#endif

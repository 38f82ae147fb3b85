/* --progress: one line on standard error, written over itself, of how far the command is.
 *
 * Whoever does the work calls progress_look often; it costs a look at the clock, and writes a few
 * times a second. Before anything else is written to a terminal the line is to be cleared. */
#ifndef TAMIS_SHELL_PROGRESS_H
#define TAMIS_SHELL_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

enum progress_wanted { PROGRESS_AUTO, PROGRESS_YES, PROGRESS_NO };

struct progress {
    bool on, shown;
    bool asked;    /* for: then the last line stays */
    bool terminal; /* else every line stays, and there are fewer */
    uint64_t began_ns, next_ns, every_ns;
};

/* How far it is. */
struct progress_state {
    uint64_t bytes; /* of the files, as they are there (packed) */
    uint64_t size;  /* of all files together; 0: not known */
    uint64_t rows, kept;
};

/* rows_to_terminal: what comes out goes there, and needs no line between it. */
void progress_init(struct progress *p, enum progress_wanted wanted, bool rows_to_terminal);

/* Whether it is time to show something; then progress_show. */
bool progress_is_due(const struct progress *p);
void progress_show(struct progress *p, const struct progress_state *s);

/* Takes the line away, so that something else can be written. */
void progress_clear(struct progress *p);
/* The end: the line goes, or stays with the last state. */
void progress_end(struct progress *p, const struct progress_state *s);

/* The text of the line. Pure; gives its length. */
int progress_text(char *text, unsigned size, const struct progress_state *s, double seconds);

#endif

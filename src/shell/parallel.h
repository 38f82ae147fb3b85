/* --threads: the parts of a long input through several filters at once, their rows in order.
 *
 * One thread reads, cuts the input into parts of whole rows and writes; the others filter, and so
 * does that one where it would wait for them. Of a file of lines it only looks for where to cut,
 * and who filters a part reads it. A part is judged in order: if the one before did not end where
 * it was cut (CSV with stray quotes), it and what comes behind are given back, to be read by one
 * thread. So the answer is that of one thread, whatever happens; only counts of mismatches may see
 * rows behind a fault. */
#ifndef TAMIS_SHELL_PARALLEL_H
#define TAMIS_SHELL_PARALLEL_H

#include "shell/files.h"

/* Starts the threads that job->options->threads asks for beside this one; NULL if it cannot. */
struct parallel *parallel_new(const struct job *job);
void parallel_free(struct parallel *p); /* NULL is fine */

/* Whether the rest of the input of fs, whose filter has read some of it, is for several threads. */
bool parallel_fits(const struct parallel *p, const struct files *fs);

/* Filters from the window of fs on, as far as it goes. True: what is left in the window is to be
 * read on by the filter of fs. False: the input is done with. */
bool parallel_run(struct parallel *p, struct files *fs);

/* Adds what the threads have counted and have not told yet. */
void parallel_counts(const struct parallel *p, struct counts *c);

#endif

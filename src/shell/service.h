/* --connect: the rows of an input through a service, in place of a filter of this process.
 *
 * What the service gets are the bytes of the input, unpacked, or the descriptor of a plain file;
 * what comes back are the bytes of the kept rows, which go the way that a filter's go. */
#ifndef TAMIS_SHELL_SERVICE_H
#define TAMIS_SHELL_SERVICE_H

#include "shell/files.h"

/* Connects to the service that the job's options name, and asks it about the query; its warnings
 * are told. NULL, and told: it cannot be reached, or refuses the query. What is kept is in the
 * arena. */
struct service *service_open(const struct job *job, struct arena *a);
void service_close(struct service *s); /* NULL is fine */

/* --explain: the plan that the service has made, as a text. */
struct str service_plan(const struct service *s);

/* The input of fs, of which some is in the window and the format is known, to its end. */
void service_run(struct service *s, struct files *fs);

/* What the rows of all inputs tell of the query: at most WARNINGS_MOST, in ret. */
uint32_t service_warnings(const struct service *s, struct warning *ret);

#endif

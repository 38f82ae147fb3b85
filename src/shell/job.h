/* From the options to a job: the query read, its parameters bound, its plan made. */
#ifndef TAMIS_SHELL_JOB_H
#define TAMIS_SHELL_JOB_H

#include "shell/filter.h"

/* With --connect the plan is made elsewhere, and there is none here.
 *
 * False, and told: the query or a parameter is wrong, or its file cannot be read. Ends with
 * job_done in any case. What is kept for the job's life is in the arena. */
bool job_make(struct job *job, const struct shell_options *o, struct arena *a);
void job_done(struct job *job);

/* --explain: appends the plan as text. False: no memory. */
bool job_explain(const struct job *job, struct buf *out);

#endif

/* What service.c and passage.c share: the service of a command, and an input on its way there. */
#ifndef TAMIS_SHELL_PASSAGE_H
#define TAMIS_SHELL_PASSAGE_H

#include "remote/remote.h"
#include "shell/service.h"

struct service {
    const struct job *job;
    struct remote *remote;
    struct remote_query query; /* as it is asked for rows */
    size_t shift;              /* bytes of it before the query of the job */
    struct str plan;
    struct warning of_rows[WARNINGS_MOST]; /* of all inputs so far that had any rows */
    uint32_t n_of_rows;
    bool judged;               /* there was such an input */
    uint64_t keep_ns, kept_ns; /* how often to show that this end is alive, and when it was */
};

#endif

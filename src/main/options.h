/* The command line of tamisd. The options for limits are made from proto/limits.def, so none can be
 * forgotten. */
#ifndef TAMIS_MAIN_OPTIONS_H
#define TAMIS_MAIN_OPTIONS_H

#include "server/server.h"

#define OPTIONS_RUN (-1) /* go on and run the server */

/* Fills *ret from the arguments. OPTIONS_RUN, or the exit status of a command that is complete
 * (--help, --version) or wrong; a wrong one has been told to stderr. ret->paths, allocated, points
 * into argv; free it with options_done. */
int options_parse(struct server_options *ret, int argc, char **argv);
void options_done(struct server_options *o);

#endif

/* --stdio: one client on descriptors 0 and 1, and what is special about them: they are shared with
 * other processes, may be files or terminals, and their end is the end of the daemon. */
#ifndef TAMIS_SERVER_STDIO_H
#define TAMIS_SERVER_STDIO_H

#include "server/client.h"

/* Starts the client and the watch of the parent. False, with a line on stderr, if that cannot be.
 */
bool stdio_start(struct server *server);
/* Gives the descriptors back as they were found. */
void stdio_restore(struct server *server);
/* The exit status for how the connection went; says on stderr what was wrong. */
int stdio_status(const struct server *server, const struct client_outcome *outcome);

#endif

/* Listening sockets: made by us or passed by systemd, and the accepting of clients within the
 * limits.
 *
 * Sockets of our own are made under a lock of their folder, so that two daemons that start at once
 * cannot take the same path. A stale socket file, at which nobody listens, is replaced; anything
 * else at the path is left alone and is an error.
 */
#ifndef TAMIS_SERVER_LISTEN_H
#define TAMIS_SERVER_LISTEN_H

#include "server/state.h"

/* Both: false, with a line on stderr, if it cannot be. */
bool listen_path(struct server *server, const char *path, unsigned mode);
bool listen_passed(struct server *server, int fd);

/* Stops accepting and removes the socket files that are still ours. */
void listen_close(struct server *server);
/* Only removes the files: for an exit without clean-up. */
void listen_unlink(const struct server *server);

#endif

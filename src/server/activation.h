/* The two small protocols of systemd: sockets passed at start, and telling that the service is
 * ready.
 *
 * Our own code, as both are a few lines of documented environment (sd_listen_fds(3), sd_notify(3))
 * and a library would be the larger risk. Loop thread, before other threads exist: activation_take
 * changes the environment.
 */
#ifndef TAMIS_SERVER_ACTIVATION_H
#define TAMIS_SERVER_ACTIVATION_H

#define ACTIVATION_FIRST_FD 3

/* Takes the passed sockets: how many there are, from ACTIVATION_FIRST_FD on, close-on-exec now. The
 * variables are removed, so that no child takes them for its own. */
unsigned activation_take(void);

/* Sends one state ("READY=1") to the service manager, if there is one. A failure is of no
 * consequence here. */
void activation_notify(const char *state);

#endif

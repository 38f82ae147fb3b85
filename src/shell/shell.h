/* The command tamis, all of it: its status is that of the process. */
#ifndef TAMIS_SHELL_SHELL_H
#define TAMIS_SHELL_SHELL_H

/* Standard descriptors must be open. */
int shell_main(int argc, char **argv);

#endif

/* --completion: the command's options for the completion of bash, zsh and fish, from options.def.
 */
#ifndef TAMIS_SHELL_COMPLETION_H
#define TAMIS_SHELL_COMPLETION_H

#include <stdbool.h>

/* Prints the script to standard output. False: there is none for that shell. */
bool completion_print(const char *shell);

#endif

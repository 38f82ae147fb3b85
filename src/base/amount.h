/* Numbers as people write them on a command line. Any thread. */
#ifndef TAMIS_BASE_AMOUNT_H
#define TAMIS_BASE_AMOUNT_H

#include <stdbool.h>
#include <stdint.h>

/* A decimal number; with `suffixes` K, M or G (powers of 1024) may stand behind it. False if text
 * is none, or passes 64 bits. */
bool amount_parse(const char *text, bool suffixes, uint64_t *ret);

#endif

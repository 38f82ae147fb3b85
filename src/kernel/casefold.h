/* Unicode simple case folding: CaseFolding.txt statuses C and S of the version named here. One code point to one, no locale. */
#ifndef TAMIS_KERNEL_CASEFOLD_H
#define TAMIS_KERNEL_CASEFOLD_H

#include <stdint.h>

#define CASEFOLD_UNICODE_VERSION "15.0.0"

uint32_t casefold(uint32_t cp);

#endif

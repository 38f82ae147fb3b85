/* The engine behind REGEXP, as C sees it: one of regex_re2.cc (RE2) and regex_off.c (a build
 * without it, where nothing compiles) is in the library. Readable by C and C++ alike, so it knows
 * none of our other headers but needle.h. Private to kernel/; regex.h is what the rest uses.
 *
 * An engine object is immutable to its users and may be matched by any number of threads at once.
 * No exception leaves these functions. */
#ifndef TAMIS_KERNEL_REGEX_ENGINE_H
#define TAMIS_KERNEL_REGEX_ENGINE_H

#include "kernel/needle.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct regex_engine;

enum regex_fault {
    REGEX_OK,
    REGEX_BAD,       /* the pattern is wrong: `text` says how */
    REGEX_TOO_LARGE, /* its program does not fit memory_bytes */
    REGEX_NO_MEMORY,
    REGEX_NOT_BUILT,
};

/* Compiles `flags`, letters of "ims" (NUL-terminated), over the pattern. The program and its caches
 * take at most about memory_bytes, now and later. On failure *ret is untouched, text (of
 * text_bytes, which is not 0) holds what a person should read, perhaps "", and *ret_place the byte
 * of the pattern that it is about, or SIZE_MAX. */
enum regex_fault regex_engine_new(const char *pattern, size_t n, const char *flags,
                                  int64_t memory_bytes, struct regex_engine **ret, char *text,
                                  size_t text_bytes, size_t *ret_place);
void regex_engine_free(struct regex_engine *e); /* NULL is fine */

/* Instructions of the program: matching takes time linear in this times the subject. */
uint32_t regex_engine_size(const struct regex_engine *e);

/* The least and the greatest byte that a subject may begin with, for a pattern whose matches begin
 * where the subject does; false if that is not known, or if it may match in an empty one. */
bool regex_engine_first(const struct regex_engine *e, uint8_t *ret_low, uint8_t *ret_high);

/* Needles of which every subject that is matched has one: writes them to out and gives how many; 0
 * if none are known. The pattern and flags are those that an engine was made of. Takes memory of
 * its own for a time: the pattern's tree and a program of at most memory_bytes. */
size_t regex_engine_needles(const char *pattern, size_t n, const char *flags, int64_t memory_bytes,
                            struct needle out[NEEDLES_MOST]);

/* Whether the pattern matches anywhere in s; false, and *ret_failed set, if memory ran out. */
bool regex_engine_match(const struct regex_engine *e, const char *s, size_t n, bool *ret_failed);

#ifdef __cplusplus
}
#endif

#endif

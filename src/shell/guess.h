/* What an input is: by the ending of its name, or by its first bytes. */
#ifndef TAMIS_SHELL_GUESS_H
#define TAMIS_SHELL_GUESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum input_format { INPUT_UNKNOWN, INPUT_JSONL, INPUT_CSV, INPUT_TSV, INPUT_MSGPACK };

/* "jsonl", "csv" ...; and back, INPUT_UNKNOWN if it is none. */
const char *input_format_name(enum input_format format);
enum input_format input_format_named(const char *name);

/* By the last ending but .gz and .zst, without regard to case. */
enum input_format guess_by_name(const char *file_name);

/* Whether the name ends in .gz or .zst. */
bool is_packed_by_name(const char *file_name);

enum guessed { GUESS_MADE, GUESS_MORE, GUESS_NONE };

/* By the first n bytes of the input, unpacked. GUESS_MORE: they do not tell yet; not given if `all`
 * says that there are no more. GUESS_NONE: they are of no format, or of one that bytes do not show.
 * An empty input is GUESS_NONE. */
enum guessed guess_by_bytes(const uint8_t *p, size_t n, bool all, enum input_format *ret);

#endif

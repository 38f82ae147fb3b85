/* Values as text: JSON, and cells of CSV. Failures are those of the buffer.
 *
 * JSON has no word for some values: a double that is no number is null, binary data are a string in
 * base64, a timestamp is a string by RFC 3339 (of seconds, for years that it cannot write), another
 * extension is {"ext": type, "data": base64}, a key that is no string is its own JSON in a string.
 * Strings keep their bytes, also those that are no UTF-8. */
#ifndef TAMIS_SHELL_WRITE_H
#define TAMIS_SHELL_WRITE_H

#include "base/buf.h"
#include "value/value.h"

/* v must be well-formed; missing is null. Recursive over its depth. */
void write_json(struct buf *out, struct value v);
void write_json_string(struct buf *out, struct str s);

/* One cell, in quotes where it needs them. Null and missing are empty, arrays and maps JSON.
 * `alone`: it is the only one of its line, which must not be blank. */
void write_cell(struct buf *out, struct value v, uint8_t delimiter, bool alone);

#endif

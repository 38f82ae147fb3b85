/* What is said to a person: messages on standard error, and a query with a caret under the place.
 *
 * Messages begin with "tamis: ". Nothing that comes from an input reaches the terminal with control
 * characters in it. */
#ifndef TAMIS_SHELL_REPORT_H
#define TAMIS_SHELL_REPORT_H

#include "base/buf.h"
#include "base/status.h"
#include "base/str.h"
#include "base/warning.h"

/* One message, written whole. */
void report(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* An error about the query: message, suggestion, the line of the query and a caret. prefix is put
 * before the message ("data.csv: row 3: "), or "". */
void report_query_error(struct str query, const char *prefix, const struct error *e);
void report_warning(struct str query, const struct warning *w);

/* Appends "  line 2: the line\n           ^^^^" for length bytes at pos of text: one line of it, at
 * most 100 columns. */
void point_at(struct buf *out, struct str text, uint64_t pos, uint64_t length);

#endif

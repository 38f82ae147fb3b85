/* Status codes and error reports.
 *
 * Every function that can fail returns enum status; where a person will read the reason it also
 * fills a struct error, at the place where the fact is known and nowhere else. Codes come from
 * proto/errors.def.
 *
 * A struct error is plain memory owned by the caller. The first report wins: error_set on one that
 * already holds a report does nothing, so that a sticky reader can be checked once at the end. Not
 * thread-safe; one per request.
 */
#ifndef TAMIS_BASE_STATUS_H
#define TAMIS_BASE_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum status {
#define X(name, number, kind, text) E_##name = (number),
#include "errors.def"
#undef X
};

enum status_kind { KIND_USER, KIND_PEER, KIND_RESOURCE, KIND_INTERNAL };

#define ERROR_NONE       UINT64_MAX /* a field of struct error that does not apply */
#define ERROR_TEXT_BYTES 240

struct error {
    enum status status;             /* E_OK: no report */
    uint64_t pos;                   /* byte position in the query, or ERROR_NONE */
    uint64_t length;                /* bytes of the query that are meant; 0 if unknown */
    uint64_t row;                   /* row number, or ERROR_NONE */
    uint64_t offset;                /* byte position in the input, or ERROR_NONE */
    uint64_t limit, actual;         /* the limit passed and by what, or ERROR_NONE */
    char message[ERROR_TEXT_BYTES]; /* lower case, what failed first, the subject in quotes */
    char near_text[64];             /* the offending text, cut at a code point; "" if none */
    char suggestion[64];            /* a word that may have been meant; "" if none */
};

/* Makes e an empty report. */
void error_clear(struct error *e);

/* Fills e unless it already holds a report, and returns status. e may be NULL. The format is
 * printf's; a %s argument that came from a peer may be cut but is never interpreted. */
enum status error_set(struct error *e, enum status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* error_set for a passed limit: fills limit and actual (ERROR_NONE: not known) and a message that
 * names the limit. */
enum status error_limit(struct error *e, enum status status, const char *limit_name, uint64_t limit,
                        uint64_t actual);

/* Copies text into a field of `size` bytes, cut at a UTF-8 boundary, control characters shown as
 * '?'. */
void error_text(char *field, size_t size, const char *text, size_t length);

const char *status_name(enum status status); /* "SYNTAX"; never NULL */
const char *status_text(enum status status); /* the sentence of errors.def; never NULL */
enum status_kind status_kind(enum status status);

#endif

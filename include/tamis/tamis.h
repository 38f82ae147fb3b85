/* The tamis engine as a library: compile a condition once, run it over msgpack rows.
 *
 * Queries are immutable and may be used by any number of threads at once. All strings are UTF-8
 * with a length. Nothing here keeps global state, writes to a descriptor or aborts. What a
 * condition means is in proto/QUERY.md.
 */
#ifndef TAMIS_TAMIS_H
#define TAMIS_TAMIS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tamis_query tamis_query;

typedef struct tamis_error {
    int code;            /* a number of proto/errors.def; 0: none */
    uint64_t position;   /* byte position in the query, or UINT64_MAX */
    uint64_t row;        /* row number from 0, or UINT64_MAX */
    uint64_t offset;     /* byte position in the rows, or UINT64_MAX */
    char message[240];   /* lower case, NUL-terminated */
    char suggestion[64]; /* a word that may have been meant, or "" */
} tamis_error;

/* Compiles the text of a condition without parameters. NULL on failure, with *error filled (error
 * may be NULL). The caller owns the query and frees it with tamis_query_free (NULL is fine). */
tamis_query *tamis_compile(const char *text, size_t length, tamis_error *error);
void tamis_query_free(tamis_query *query);

/* Called once a matching row, in row order: its number from 0 and its bytes, which are borrowed
 * from `rows`. A non-zero result stops the run. */
typedef int tamis_match_fn(void *arg, uint64_t row, const void *bytes, size_t length);

typedef struct tamis_counts {
    uint64_t rows; /* looked at */
    uint64_t matched;
    uint64_t type_mismatch; /* comparisons and calls that a value's type made UNKNOWN */
    uint64_t undefined;     /* calls without a result: overflow, division by zero ... */
} tamis_counts;

/* Runs query over `length` bytes that hold msgpack maps one behind the other. Returns 0, or an
 * error code with *error filled: matches before the faulty row have been delivered, counts (may be
 * NULL) say how far it came. match may be NULL to count only. */
int tamis_filter_msgpack(const tamis_query *query, const void *rows, size_t length,
                         tamis_match_fn *match, void *arg, tamis_counts *counts,
                         tamis_error *error);

const char *tamis_version(void);

#ifdef __cplusplus
}
#endif
#endif

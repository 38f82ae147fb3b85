/* Making and writing queries.
 *
 * query_parse and query_parse_structured give an immutable tree or an error with its position
 * (SYNTAX, BAD_LITERAL, BAD_ESCAPE, UNKNOWN_FUNCTION, BAD_ARGUMENT, BAD_STRUCTURE, BAD_UTF8,
 * QUERY_TOO_LONG, QUERY_TOO_DEEP, QUERY_TOO_LARGE, LIST_TOO_LONG, MEMORY). The query is allocated
 * by the caller and ended with query_done, also after a failure (a zeroed one is fine too).
 * Everything in it is copied from the input, which may be freed.
 */
#ifndef TAMIS_QUERY_QUERY_H
#define TAMIS_QUERY_QUERY_H

#include "base/buf.h"
#include "query/ast.h"

enum status query_parse(struct query *q, struct str text, const struct limits *limits,
                        struct budget *budget, struct error *e);

/* The structured form: one encoded msgpack value of `n` bytes. Positions count from its first byte.
 */
enum status query_parse_structured(struct query *q, const void *p, size_t n,
                                   const struct limits *limits, struct budget *budget,
                                   struct error *e);
void query_done(struct query *q);

/* Canonical text; parses to the same tree. Parameters `?` are printed as ?. */
void query_print(const struct query *q, struct buf *out);

/* The quantifiers around a node, from the inside. */
struct print_scope {
    struct str name; /* of the element; p NULL: ANY(path) op ..., it has none */
    const struct print_scope *outer;
};
/* A part of the query; around is what stands around it, or NULL: then an element is "element". */
void node_print(const struct query *q, const struct node *n, const struct print_scope *around,
                struct buf *out);
/* The structured form as one msgpack value. */
void query_write_structured(const struct query *q, struct buf *out);

/* A path as text: keys quoted where the language needs it. */
void path_print(struct path p, struct buf *out);
/* Whether a key can stand without double quotes in canonical text: a letter, _ or non-ASCII, then
 * also digits; no reserved word; not any or every, which a name may turn into a quantifier; and
 * none of the characters that only look like syntax (QUERY.md). */
bool path_key_is_plain(struct str key);

#endif

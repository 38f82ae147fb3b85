/* Literals between text and value. Private to query/.
 *
 * The literal_* functions read one token's text, which ends where the token ends, and report what
 * is wrong with it at the byte where it is. The put_* functions write the canonical spelling.
 * Neither depends on the process's locale. */
#ifndef TAMIS_QUERY_LITERAL_H
#define TAMIS_QUERY_LITERAL_H

#include "build.h"
#include "lex.h"

/* A number token, negated if a minus stood before it; `at` is where it stands with its signs. */
bool literal_number(struct build *b, struct token t, struct place at, bool negative,
                    struct value *ret);
/* 'text', "name" and the bytes of X'..' or X"..": without quotes, in the arena. */
bool literal_quoted(struct build *b, struct token t, struct str *ret);
bool literal_hex(struct build *b, struct token t, struct str *ret);
/* The string token behind the words TIMESTAMP and DOUBLE. */
bool literal_timestamp(struct build *b, struct token t, struct value *ret);
bool literal_special_double(struct build *b, struct token t, struct value *ret);
/* EXT(type, X'data'); type -1 is a timestamp in one of its three forms. */
bool literal_ext(struct build *b, struct place at, int64_t type, struct str data,
                 struct value *ret);

void put_hex(struct buf *out, struct str bytes);
void put_double(struct buf *out, double d);
void put_timestamp(struct buf *out, struct value v);

#endif

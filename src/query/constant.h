/* Constants as values: one canonical encoding, their depth, and their text. Private to query/. */
#ifndef TAMIS_QUERY_CONSTANT_H
#define TAMIS_QUERY_CONSTANT_H

#include "build.h"
#include "value/mp.h"

/* Reads one value. Arrays and maps are encoded anew, in the shortest forms, into the arena, so that
 * equal constants have equal bytes; everything else points into the reader's bytes. *ret_depth: 0,
 * or the levels of the array or map. False with r->status set (E_ROW_TOO_DEEP at depth_limit), or
 * without memory. */
bool constant_read(struct build *b, struct mp_reader *r, uint32_t depth_limit, struct value *ret,
                   uint32_t *ret_depth);

/* The text of a constant; it parses to the same constant. */
void constant_print(struct value v, struct buf *out);
/* A name as a key, parameter or variable: bare if `plain`, else quoted, in hexadecimal if it is no
 * UTF-8. */
void name_print(struct str name, bool plain, struct buf *out);

#endif

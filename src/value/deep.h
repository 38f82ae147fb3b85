/* Deep equality of encoded arrays and maps (QUERY.md A7). Private to value/. */
#ifndef TAMIS_VALUE_DEEP_H
#define TAMIS_VALUE_DEEP_H

#include "value/value.h"

/* Both are ARRAY, or both MAP, well-formed. Arrays by position; maps without regard to order, the
 * last of equal keys counting; inner values as by
 * `=`, but two-valued: inner null equals null, NaN equals nothing. Keys that are arrays or maps are
 * equal when their bytes are. */
bool deep_equal(struct value a, struct value b);

/* The same, but NaN is NaN: value_alike of arrays and maps, and value_hash. */
bool deep_alike(struct value a, struct value b);
bool deep_hash(struct hash_key key, struct value v, uint64_t *ret);

#endif

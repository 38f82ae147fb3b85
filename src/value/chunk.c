/* See chunk.h. */
#include "value/chunk.h"

static int64_t stored_at(const struct chunk *c, uint32_t i) {
    switch (c->width) {
    case 1:
        return ((const int8_t *)c->data)[i];
    case 2:
        return ((const int16_t *)c->data)[i];
    case 4:
        return ((const int32_t *)c->data)[i];
    default:
        return ((const int64_t *)c->data)[i];
    }
}

/* count / per_second seconds, before 1970 with floor seconds (D2). */
static struct value time_value(int64_t count, uint32_t per_second) {
    int64_t seconds = count / per_second, rest = count % per_second;
    if (rest < 0) {
        seconds--;
        rest += per_second;
    }
    return value_timestamp(seconds, (uint32_t)rest * (1000000000u / per_second));
}

struct value chunk_value(const struct chunk *c, uint32_t i) {
    if (c->valid && !bits_get(c->valid, i))
        return bits_get(c->present, i) ? value_null() : value_missing();
    switch (c->kind) {
    case CHUNK_INT: {
        uint64_t x = c->base + (uint64_t)stored_at(c, i);
        return c->is_unsigned ? value_uint(x) : value_int((int64_t)x);
    }
    case CHUNK_TIME:
        return time_value((int64_t)(c->base + (uint64_t)stored_at(c, i)), c->per_second);
    case CHUNK_DOUBLE:
        return value_double(((const double *)c->data)[i]);
    case CHUNK_BOOL:
        return value_bool(bits_get(c->data, i));
    case CHUNK_CODES:
        return dict_value(c->dict, chunk_code(c, i));
    case CHUNK_STR:
        return value_bytes(T_STR, (const uint8_t *)c->data + c->offsets[i],
                           c->offsets[i + 1] - c->offsets[i]);
    case CHUNK_MIXED:
        return (struct value){
            .type = c->tags[i], .n = c->lens[i], .w = ((const union word *)c->data)[i]};
    case CHUNK_NONE:
        break;
    }
    return value_missing();
}

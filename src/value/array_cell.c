/* See array_cell.h. The frequent short forms are written here, all others by mp_write_value. */
#include "value/array_cell.h"

#include "value/mp.h"

static inline bool has_room(struct buf *out, size_t n) {
    return out->cap - out->len >= n || buf_reserve(out, n);
}

static inline void write_int(struct buf *out, int64_t v) {
    if (v >= -32 && v < 128)
        buf_byte(out, (uint8_t)v);
    else
        mp_write_int(out, v);
}

static inline bool write_bytes(struct buf *out, struct value v, uint64_t most) {
    if (v.n > most || out->len > most - v.n) /* before it is copied */
        return false;
    if (v.type == T_STR && v.n < 32 && has_room(out, 32)) {
        out->data[out->len++] = (uint8_t)(0xA0 | v.n);
        if (v.n)
            memcpy(out->data + out->len, v.w.p, v.n);
        out->len += v.n;
    } else {
        mp_write_value(out, v);
    }
    return true;
}

static double double_at(const struct array *a, uint64_t i) {
    double d;
    float f;
    if (a->type == ARRAY_F64) {
        uint64_t bits = array_le64(a->data + 8 * i);
        memcpy(&d, &bits, 8);
        return d;
    }
    uint32_t bits = array_le32(a->data + 4 * i);
    memcpy(&f, &bits, 4);
    return (double)f;
}

static bool write_list(const struct array *a, uint64_t i, struct buf *out, uint64_t most) {
    uint64_t from = array_offset(4, a->offsets, i), to = array_offset(4, a->offsets, i + 1);
    if (to - from < 16)
        buf_byte(out, (uint8_t)(0x90 | (to - from)));
    else
        mp_write_array(out, (uint32_t)(to - from));
    for (; from < to; from++)
        if (!array_cell_write(&a->children[0], from, out, most))
            return false;
    return true;
}

static bool write_map(const struct array *a, uint64_t i, struct buf *out, uint64_t most) {
    uint64_t from = array_offset(4, a->offsets, i), to = array_offset(4, a->offsets, i + 1);
    mp_write_map(out, (uint32_t)(to - from));
    for (; from < to; from++)
        if (!array_cell_write(&a->children[0], from, out, most) ||
            !array_cell_write(&a->children[1], from, out, most))
            return false;
    return true;
}

static bool write_struct(const struct array *a, uint64_t i, struct buf *out, uint64_t most) {
    uint32_t fields = 0;
    for (uint32_t k = 0; k < a->n_children; k++)
        fields += array_is_present(&a->children[k], i);
    if (fields < 16)
        buf_byte(out, (uint8_t)(0x80 | fields));
    else
        mp_write_map(out, fields);
    for (uint32_t k = 0; k < a->n_children; k++) {
        const struct array *child = &a->children[k];
        if (!array_is_present(child, i))
            continue;
        if (child->key.n > most || out->len > most - child->key.n)
            return false;
        if (has_room(out, child->key.n)) {
            memcpy(out->data + out->len, child->key.p, child->key.n);
            out->len += child->key.n;
        }
        if (!array_cell_write(child, i, out, most))
            return false;
    }
    return true;
}

/* A cell that has a value. */
static bool write_value(const struct array *a, uint64_t i, struct buf *out, uint64_t most) {
    uint64_t from;
    switch (a->type) {
    case ARRAY_I8:
    case ARRAY_I16:
    case ARRAY_I32:
    case ARRAY_I64:
    case ARRAY_U8:
    case ARRAY_U16:
    case ARRAY_U32:
        write_int(out, (int64_t)array_integer(a->type, a->data, i));
        return true;
    case ARRAY_U64:
        mp_write_uint(out, array_le64(a->data + 8 * i));
        return true;
    case ARRAY_F32:
    case ARRAY_F64:
        mp_write_double(out, double_at(a, i));
        return true;
    case ARRAY_BYTES_BOOL:
        mp_write_bool(out, a->data[i] != 0);
        return true;
    case ARRAY_BITS_BOOL:
        mp_write_bool(out, bitmap_get(a->data, a->bit_offset + i));
        return true;
    case ARRAY_TIME:
        mp_write_value(out, array_time(a, i));
        return true;
    case ARRAY_STR:
    case ARRAY_BIN:
        return write_bytes(out, array_bytes(a, i), most);
    case ARRAY_CODES:
        return write_bytes(out, array_bytes(a->values, array_integer(a->codes_type, a->data, i)),
                           most);
    case ARRAY_VALUES:
        from = array_offset(4, a->offsets, i);
        return write_bytes(out,
                           value_bytes(T_ARRAY, a->data + from,
                                       (uint32_t)(array_offset(4, a->offsets, i + 1) - from)),
                           most);
    case ARRAY_LIST:
        return write_list(a, i, out, most);
    case ARRAY_MAP:
        return write_map(a, i, out, most);
    case ARRAY_STRUCT:
        return write_struct(a, i, out, most);
    }
    return false;
}

bool array_cell_write(const struct array *a, uint64_t i, struct buf *out, uint64_t most) {
    if (!array_has_value(a, i))
        buf_byte(out, 0xC0);
    else if (!write_value(a, i, out, most))
        return false;
    return out->len <= most && !buf_failed(out);
}

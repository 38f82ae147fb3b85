/* See array_cell.h. The frequent short forms are written here, all others by mp_write_value. */
#include "value/array_cell.h"

#include "value/mp.h"

static inline void write_int(struct buf *out, int64_t v) {
    if (v >= -32 && v < 128)
        buf_byte(out, (uint8_t)v);
    else
        mp_write_int(out, v);
}

#define SHORT_BYTES 32u /* a string of fewer has a header of one byte */
#define HEAD_BYTES  5u  /* of a string or an array, at most */

/* Writes a short string, whose bytes can be read up to `end`, where there is room for a header and
 * SHORT_BYTES; gives where it ends. A copy of one size is a few instructions. */
static inline uint8_t *put_short(uint8_t *to, const uint8_t *p, uint32_t n, const uint8_t *end) {
    *to++ = (uint8_t)(0xA0 | n);
    if (end - p >= (ptrdiff_t)SHORT_BYTES)
        memcpy(to, p, SHORT_BYTES);
    else if (n > 0)
        memcpy(to, p, n);
    return to + n;
}

/* Bytes that can be read up to `end`. */
static inline bool write_bytes(struct buf *out, struct value v, const uint8_t *end, uint64_t most) {
    if (v.n > most || out->len > most - v.n) /* before it is copied */
        return false;
    if (v.type == T_STR && v.n < SHORT_BYTES && buf_reserve(out, 1 + SHORT_BYTES))
        out->len = (size_t)(put_short(out->data + out->len, v.w.p, v.n, end) - out->data);
    else
        mp_write_value(out, v);
    return true;
}

static double double_at(const struct array *a, uint64_t i) {
    double d;
    float f;
    if (a->type == ARRAY_F64) {
        uint64_t bits = load_le64(a->data + 8 * i);
        memcpy(&d, &bits, 8);
        return d;
    }
    uint32_t bits = load_le32(a->data + 4 * i);
    memcpy(&f, &bits, 4);
    return (double)f;
}

/* Strings [from, to) of an array without gaps, one behind the other. */
static bool write_strings(const struct array *a, uint64_t from, uint64_t to, struct buf *out,
                          uint64_t most) {
    uint64_t begin = array_begin(a, from), bytes = array_begin(a, to) - begin;
    if (bytes > most || out->len > most - bytes)
        return false;
    if (!buf_reserve(out, bytes + (to - from) * HEAD_BYTES + SHORT_BYTES))
        return true;               /* out has failed */
    const struct array local = *a; /* which what is written cannot change, as it could *a */
    const uint8_t *p = local.data + begin;
    uint8_t *at = out->data + out->len;
    for (; from < to; from++) {
        uint64_t end = array_begin(&local, from + 1);
        uint32_t n = (uint32_t)(end - begin);
        if (n < SHORT_BYTES) {
            at = put_short(at, p, n, local.data_end);
        } else {
            out->len = (size_t)(at - out->data);
            mp_write_str(out, (const char *)p, n);
            at = out->data + out->len;
        }
        p += n;
        begin = end;
    }
    out->len = (size_t)(at - out->data);
    return true;
}

static bool write_list(const struct array *a, uint64_t i, struct buf *out, uint64_t most) {
    uint64_t from = array_begin(a, i), to = array_begin(a, i + 1);
    if (to - from < 16)
        buf_byte(out, (uint8_t)(0x90 | (to - from)));
    else
        mp_write_array(out, (uint32_t)(to - from));
    const struct array *items = &a->children[0];
    if (items->type == ARRAY_STR && !items->valid && !items->present)
        return write_strings(items, from, to, out, most);
    for (; from < to; from++)
        if (!array_cell_write(items, from, out, most))
            return false;
    return true;
}

static bool write_map(const struct array *a, uint64_t i, struct buf *out, uint64_t most) {
    uint64_t from = array_begin(a, i), to = array_begin(a, i + 1);
    mp_write_map(out, (uint32_t)(to - from));
    for (; from < to; from++)
        if (!array_cell_write(&a->children[0], from, out, most) ||
            !array_cell_write(&a->children[1], from, out, most))
            return false;
    return true;
}

/* A field with a short name and a short string, the frequent case: false if it is another, and
 * nothing is done. */
static inline bool write_short_field(const struct array *a, uint64_t i, struct buf *out) {
    if (a->type != ARRAY_STR || a->key.n > ARRAY_KEY_BYTES || !array_has_value(a, i))
        return false;
    struct value v = array_bytes(a, i);
    if (v.n >= SHORT_BYTES || !buf_reserve(out, ARRAY_KEY_BYTES + 1 + SHORT_BYTES))
        return false;
    uint8_t *at = out->data + out->len;
    memcpy(at, a->key.p, ARRAY_KEY_BYTES);
    out->len = (size_t)(put_short(at + a->key.n, v.w.p, v.n, a->data_end) - out->data);
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
        if (write_short_field(child, i, out))
            continue;
        if (child->key.n > most || out->len > most - child->key.n)
            return false;
        buf_add(out, child->key.p, child->key.n);
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
        mp_write_uint(out, load_le64(a->data + 8 * i));
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
        return write_bytes(out, array_bytes(a, i), a->data_end, most);
    case ARRAY_CODES:
        return write_bytes(out, array_bytes(a->values, array_integer(a->codes_type, a->data, i)),
                           a->values->data_end, most);
    case ARRAY_VALUES:
        from = array_begin(a, i);
        return write_bytes(
            out, value_bytes(T_ARRAY, a->data + from, (uint32_t)(array_begin(a, i + 1) - from)),
            a->data_end, most);
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

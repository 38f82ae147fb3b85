/* See array_cell.h. The frequent short forms are written here, all others by mp_write_value.
 *
 * What is written is written where there is room for all of it, and behind a plain pointer: to the
 * compiler a byte that is stored may be anything, the length in a buffer as well. */
#include "value/array_cell.h"

#include "value/mp.h"

#include <endian.h>

#define SHORT_BYTES  32u /* a string of fewer has a header of one byte */
#define HEAD_BYTES   5u  /* of a string, an array or a map, at most */
#define SCALAR_BYTES 15u /* of a number, a boolean or a time, at most */

_Static_assert(ARRAY_CELL_SLACK >= SHORT_BYTES, "a short string is copied as if it were longer");

/* --- how much it may be --- */

static uint64_t sum(uint64_t a, uint64_t b) {
    uint64_t n;
    return __builtin_add_overflow(a, b, &n) ? UINT64_MAX : n;
}

static uint64_t times(uint64_t a, uint64_t b) {
    uint64_t n;
    return __builtin_mul_overflow(a, b, &n) ? UINT64_MAX : n;
}

uint64_t array_cells_most(const struct array *a, uint64_t from, uint64_t to) {
    uint64_t begin, end, each = HEAD_BYTES, inside = 0;
    switch (a->type) {
    case ARRAY_STR:
    case ARRAY_BIN:
    case ARRAY_VALUES:
        return sum(array_begin(a, to) - array_begin(a, from), times(to - from, HEAD_BYTES));
    case ARRAY_CODES:
        return times(to - from, HEAD_BYTES + (uint64_t)a->longest);
    case ARRAY_LIST:
    case ARRAY_MAP:
        begin = array_begin(a, from);
        end = array_begin(a, to);
        for (uint32_t k = 0; k < a->n_children; k++)
            inside = sum(inside, array_cells_most(&a->children[k], begin, end));
        return sum(inside, times(to - from, HEAD_BYTES));
    case ARRAY_STRUCT:
        for (uint32_t k = 0; k < a->n_children; k++) {
            each = sum(each, a->children[k].key.n);
            inside = sum(inside, array_cells_most(&a->children[k], from, to));
        }
        return sum(inside, times(to - from, each));
    default:
        return times(to - from, SCALAR_BYTES);
    }
}

/* --- writing --- */

static uint8_t *put_value(uint8_t *to, struct value v) {
    struct buf b;
    buf_init_fixed(&b, to, SIZE_MAX);
    mp_write_value(&b, v);
    return to + b.len;
}

static inline uint8_t *put_int(uint8_t *to, int64_t v) {
    if (v < -32 || v >= 128)
        return put_value(to, value_int(v));
    *to = (uint8_t)v;
    return to + 1;
}

static inline uint8_t *put_bool(uint8_t *to, bool v) {
    *to = 0xC2 | v;
    return to + 1;
}

static inline uint8_t *put_double(uint8_t *to, uint64_t bits) {
    bits = htobe64(bits);
    *to = 0xCB;
    memcpy(to + 1, &bits, 8);
    return to + 9;
}

static inline uint8_t *put_float(uint8_t *to, uint32_t bits) {
    float f;
    uint64_t widened;
    memcpy(&f, &bits, 4);
    double d = (double)f;
    memcpy(&widened, &d, 8);
    return put_double(to, widened);
}

/* A short string, whose bytes can be read up to `end`. A copy of one size is a few instructions. */
static inline uint8_t *put_short(uint8_t *to, const uint8_t *p, uint32_t n, const uint8_t *end) {
    *to++ = (uint8_t)(0xA0 | n);
    if (end - p >= (ptrdiff_t)SHORT_BYTES)
        memcpy(to, p, SHORT_BYTES);
    else if (n > 0)
        memcpy(to, p, n);
    return to + n;
}

static inline uint8_t *put_bytes(uint8_t *to, struct value v, const uint8_t *end) {
    if (v.type == T_STR && v.n < SHORT_BYTES)
        return put_short(to, v.w.p, v.n, end);
    return put_value(to, v);
}

/* The header of an array or a map of n elements or pairs. */
static inline uint8_t *put_head(uint8_t *to, bool is_map, uint64_t n) {
    if (n < 16) {
        *to = (uint8_t)((is_map ? 0x80 : 0x90) | n);
        return to + 1;
    }
    struct buf b;
    buf_init_fixed(&b, to, HEAD_BYTES);
    if (is_map)
        mp_write_map(&b, (uint32_t)n);
    else
        mp_write_array(&b, (uint32_t)n);
    return to + b.len;
}

static inline bool is_plain_text(const struct array *a) {
    return a->type == ARRAY_STR && !a->valid && !a->present;
}

/* Strings [from, to) of an array without gaps, one behind the other. */
static inline uint8_t *put_strings(const struct array *a, uint64_t from, uint64_t to,
                                   uint8_t *out) {
    const struct array local = *a; /* which what is written cannot change, as it could *a */
    uint64_t begin = array_begin(&local, from);
    const uint8_t *p = local.data + begin;
    for (; from < to; from++) {
        uint64_t end = array_begin(&local, from + 1);
        uint32_t n = (uint32_t)(end - begin);
        out = put_bytes(out, value_bytes(T_STR, p, n), local.data_end);
        p += n;
        begin = end;
    }
    return out;
}

static uint8_t *put_cell(const struct array *a, uint64_t i, uint8_t *to);

static uint8_t *put_list(const struct array *a, uint64_t i, uint8_t *to) {
    uint64_t from = array_begin(a, i), end = array_begin(a, i + 1);
    to = put_head(to, false, end - from);
    if (is_plain_text(&a->children[0]))
        return put_strings(&a->children[0], from, end, to);
    for (; from < end; from++)
        to = put_cell(&a->children[0], from, to);
    return to;
}

static uint8_t *put_map(const struct array *a, uint64_t i, uint8_t *to) {
    uint64_t from = array_begin(a, i), end = array_begin(a, i + 1);
    to = put_head(to, true, end - from);
    for (; from < end; from++) {
        to = put_cell(&a->children[0], from, to);
        to = put_cell(&a->children[1], from, to);
    }
    return to;
}

static inline uint8_t *put_key(uint8_t *to, struct str key) {
    if (key.n <= ARRAY_KEY_BYTES)
        memcpy(to, key.p, ARRAY_KEY_BYTES); /* into the slack, at most */
    else
        memcpy(to, key.p, key.n);
    return to + key.n;
}

static inline uint32_t count_fields(const struct array *a, uint64_t i) {
    uint32_t n = 0;
    for (uint32_t k = 0; k < a->n_children; k++)
        n += array_is_present(&a->children[k], i);
    return n;
}

static uint8_t *put_struct(const struct array *a, uint64_t i, uint8_t *to) {
    const uint32_t n = a->n_children;
    const struct array *children = a->children;
    to = put_head(to, true, count_fields(a, i));
    for (uint32_t k = 0; k < n; k++) {
        const struct array *child = &children[k];
        if (!array_is_present(child, i))
            continue;
        to = put_key(to, child->key);
        if (is_plain_text(child))
            to = put_bytes(to, array_bytes(child, i), child->data_end);
        else
            to = put_cell(child, i, to);
    }
    return to;
}

/* What stands in a cell of strings or values. */
static inline struct value text_at(const struct array *a, uint64_t i) {
    uint64_t from;
    switch (a->type) {
    case ARRAY_CODES:
        return array_bytes(a->values, array_integer(a->codes_type, a->data, i));
    case ARRAY_VALUES:
        from = array_begin(a, i);
        return value_bytes(T_ARRAY, a->data + from, (uint32_t)(array_begin(a, i + 1) - from));
    default:
        return array_bytes(a, i);
    }
}

/* A cell that has a value. */
static uint8_t *put_valid(const struct array *a, uint64_t i, uint8_t *to) {
    switch (a->type) {
    case ARRAY_I8:
    case ARRAY_I16:
    case ARRAY_I32:
    case ARRAY_I64:
    case ARRAY_U8:
    case ARRAY_U16:
    case ARRAY_U32:
        return put_int(to, (int64_t)array_integer(a->type, a->data, i));
    case ARRAY_U64:
        return put_value(to, value_uint(load_le64(a->data + 8 * i)));
    case ARRAY_F32:
        return put_float(to, load_le32(a->data + 4 * i));
    case ARRAY_F64:
        return put_double(to, load_le64(a->data + 8 * i));
    case ARRAY_BYTES_BOOL:
        return put_bool(to, a->data[i] != 0);
    case ARRAY_BITS_BOOL:
        return put_bool(to, bitmap_get(a->data, a->bit_offset + i));
    case ARRAY_TIME:
        return put_value(to, array_time(a, i));
    case ARRAY_STR:
    case ARRAY_BIN:
    case ARRAY_VALUES:
        return put_bytes(to, text_at(a, i), a->data_end);
    case ARRAY_CODES:
        return put_bytes(to, text_at(a, i), a->values->data_end);
    case ARRAY_LIST:
        return put_list(a, i, to);
    case ARRAY_MAP:
        return put_map(a, i, to);
    case ARRAY_STRUCT:
        return put_struct(a, i, to);
    }
    return to;
}

static uint8_t *put_cell(const struct array *a, uint64_t i, uint8_t *to) {
    if (array_has_value(a, i))
        return put_valid(a, i, to);
    *to = 0xC0;
    return to + 1;
}

/* Lists of strings without gaps, whose strings stand one behind the other. */
static uint8_t *put_text_lists(const struct array *a, uint64_t from, uint32_t n, uint8_t *to,
                               uint32_t *ret_bytes) {
    const struct array lists = *a, items = a->children[0];
    uint64_t begin = array_begin(&lists, from);
    for (uint32_t i = 0; i < n; i++) {
        uint64_t end = array_begin(&lists, from + i + 1);
        uint8_t *at = to;
        if (array_has_value(&lists, from + i))
            to = put_strings(&items, begin, end, put_head(to, false, end - begin));
        ret_bytes[i] = (uint32_t)(to - at);
        begin = end;
    }
    return to;
}

#define TEXT_FIELDS 15u /* maps of so many pairs have a header of one byte */

static bool is_text_struct(const struct array *a) {
    bool is = a->type == ARRAY_STRUCT && a->n_children <= TEXT_FIELDS;
    for (uint32_t k = 0; is && k < a->n_children; k++)
        is = is_plain_text(&a->children[k]) && a->children[k].key.n <= ARRAY_KEY_BYTES;
    return is;
}

/* Structs of strings without gaps, with short names. */
static uint8_t *put_text_structs(const struct array *a, uint64_t from, uint32_t n, uint8_t *to,
                                 uint32_t *ret_bytes) {
    struct array field[TEXT_FIELDS]; /* which what is written cannot change */
    const struct array structs = *a;
    const uint32_t fields = structs.n_children;
    for (uint32_t k = 0; k < fields; k++)
        field[k] = a->children[k];
    for (uint32_t i = 0; i < n; i++) {
        uint8_t *at = to;
        if (array_has_value(&structs, from + i)) {
            *to++ = (uint8_t)(0x80 | fields);
            for (uint32_t k = 0; k < fields; k++) {
                memcpy(to, field[k].key.p, ARRAY_KEY_BYTES);
                to = put_bytes(to + field[k].key.n, array_bytes(&field[k], from + i),
                               field[k].data_end);
            }
        }
        ret_bytes[i] = (uint32_t)(to - at);
    }
    return to;
}

uint8_t *array_cells_put(const struct array *a, uint64_t from, uint32_t n, uint8_t *to,
                         uint32_t *ret_bytes) {
    if (a->type == ARRAY_LIST && is_plain_text(&a->children[0]))
        return put_text_lists(a, from, n, to, ret_bytes);
    if (is_text_struct(a))
        return put_text_structs(a, from, n, to, ret_bytes);
    for (uint32_t i = 0; i < n; i++) {
        uint8_t *at = to;
        if (array_has_value(a, from + i))
            to = put_valid(a, from + i, to);
        ret_bytes[i] = (uint32_t)(to - at);
    }
    return to;
}

/* --- one, and how much it is --- */

static uint64_t text_bytes(struct value v) {
    if (v.type == T_ARRAY)
        return v.n; /* is msgpack already */
    uint64_t head = v.type == T_STR && v.n < SHORT_BYTES ? 1 : v.n < 256 ? 2 : v.n < 65536 ? 3 : 5;
    return head + v.n;
}

static uint64_t head_bytes(uint64_t n) { return n < 16 ? 1 : n < 65536 ? 3 : 5; }

/* The bytes of a cell; somewhere above `most` if they are more. */
static uint64_t cell_bytes(const struct array *a, uint64_t i, uint64_t most) {
    uint8_t scalar[SCALAR_BYTES];
    if (!array_has_value(a, i))
        return 1;
    if (a->type < ARRAY_STR)
        return (uint64_t)(put_valid(a, i, scalar) - scalar);
    if (a->type < ARRAY_LIST)
        return text_bytes(text_at(a, i));
    if (a->type == ARRAY_STRUCT) {
        uint64_t n = head_bytes(count_fields(a, i));
        for (uint32_t k = 0; k < a->n_children && n <= most; k++)
            if (array_is_present(&a->children[k], i))
                n += a->children[k].key.n + cell_bytes(&a->children[k], i, most);
        return n;
    }
    uint64_t from = array_begin(a, i), to = array_begin(a, i + 1), n = head_bytes(to - from);
    for (; from < to && n <= most; from++)
        for (uint32_t k = 0; k < a->n_children; k++)
            n += cell_bytes(&a->children[k], from, most);
    return n;
}

bool array_cell_write(const struct array *a, uint64_t i, struct buf *out, uint64_t most) {
    uint64_t left = most - out->len, n = array_cells_most(a, i, i + 1);
    if (n > left)
        n = cell_bytes(a, i, left);
    if (n > left || !buf_reserve(out, n + ARRAY_CELL_SLACK))
        return false;
    out->len = (size_t)(put_cell(a, i, out->data + out->len) - out->data);
    return true;
}

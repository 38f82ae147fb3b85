/* See column_read.h. What is checked of every cell is checked in a loop without a way out, which
 * compilers make fast; where something is wrong a second look finds the place.
 *
 * It is long because each type of column has a reader. */
#include "engine/column_read.h"

#include "base/bitmap.h"
#include "engine/fetcher.h"
#include "engine/nested.h"
#include "kernel/dense.h"

#include <endian.h>
#include <stdio.h>

#define INLINE static inline __attribute__((always_inline))

/* --- what all types are made of --- */

enum status column_enter(const struct source *s, struct mp_reader *r, uint32_t elements,
                         bool *ret_more, struct error *e, const char *text) {
    const uint8_t *at = r->p;
    uint32_t n = mp_read_array(r);
    if (r->status != E_OK && r->status != E_ROW_INVALID)
        return source_reader_error(s, r, e);
    if (r->status != E_OK || (n != elements && !(ret_more && n == elements + 1)))
        return source_bad(s, at, e, text);
    if (ret_more)
        *ret_more = n > elements;
    return E_OK;
}

/* [address, bytes] in the memory of the sender. */
static enum status read_place(const struct source *s, struct mp_reader *r, uint64_t *ret_address,
                              uint64_t *ret_bytes, struct error *e, const char *text) {
    const uint8_t *at = r->p;
    enum status status = column_enter(s, r, 2, NULL, e, text);
    if (status != E_OK)
        return status;
    struct value address = mp_read_value(r), bytes = mp_read_value(r);
    if (r->status != E_OK)
        return source_reader_error(s, r, e);
    bool is_place = address.type == T_UINT || (address.type == T_INT && address.w.i >= 0);
    if (!is_place || bytes.type != T_INT || bytes.w.i < 0)
        return source_bad(s, at, e, text);
    *ret_address = address.w.u;
    *ret_bytes = bytes.w.u;
    return E_OK;
}

/* The place of bytes, which count: a frame could have them. */
static enum status read_counted_place(const struct source *s, struct mp_reader *r,
                                      uint64_t *ret_address, uint64_t *ret_bytes, struct error *e,
                                      const char *text) {
    const uint8_t *at = r->p;
    enum status status = read_place(s, r, ret_address, ret_bytes, e, text);
    if (status == E_OK && !fetcher_count(s->fetcher, *ret_bytes, s->limits->frame_bytes))
        return source_bad(s, at, e, "more bytes in the client's memory than a frame may have");
    return status;
}

/* Bytes that are in the memory of the sender: a copy of them. */
static enum status fetch_bin(struct source *s, struct mp_reader *r, struct value *ret,
                             struct error *e, const char *text) {
    const uint8_t *at = r->p;
    uint64_t address, bytes;
    enum status status = read_counted_place(s, r, &address, &bytes, e, text);
    if (status != E_OK)
        return status;
    uint8_t *p = arena_alloc(s->arena, bytes);
    if (!p)
        return error_set(e, E_MEMORY, "out of memory for bytes in the client's memory");
    if (!peer_read(s->fetcher->peer, address, p, bytes))
        return source_bad(s, at, e, "bytes in the client's memory cannot be read");
    *ret = value_bytes(T_BIN, p, (uint32_t)bytes);
    return E_OK;
}

/* Whether what comes is a place where a bin is expected. */
static bool is_place(const struct source *s, const struct mp_reader *r) {
    return s->fetcher && mp_peek(r) == T_ARRAY;
}

enum status column_bin(struct source *s, struct mp_reader *r, struct value *ret, struct error *e,
                       const char *text) {
    const uint8_t *at = r->p;
    if (is_place(s, r))
        return fetch_bin(s, r, ret, e, text);
    *ret = mp_read_value(r);
    if (r->status != E_OK)
        return source_reader_error(s, r, e);
    return ret->type == T_BIN ? E_OK : source_bad(s, at, e, text);
}

static enum status read_bin(struct source *s, struct mp_reader *r, uint64_t bytes,
                            const uint8_t **ret, struct error *e, const char *text) {
    const uint8_t *at = r->p;
    struct value v;
    enum status status = column_bin(s, r, &v, e, text);
    if (status != E_OK)
        return status;
    *ret = v.w.p;
    return v.n == bytes ? E_OK : source_bad(s, at, e, text);
}

/* The next value as a word of the protocol; empty if it is no str. */
static enum status read_word(const struct source *s, struct mp_reader *r, struct str *ret,
                             struct error *e) {
    struct value v = mp_read_value(r);
    *ret = v.type == T_STR ? value_as_str(v) : (struct str){"", 0};
    return r->status == E_OK ? E_OK : source_reader_error(s, r, e);
}

/* --- numbers --- */

static const struct {
    const char *name;
    enum array_type type;
} NUMBERS[] = {{"i8", ARRAY_I8},   {"i16", ARRAY_I16}, {"i32", ARRAY_I32}, {"i64", ARRAY_I64},
               {"u8", ARRAY_U8},   {"u16", ARRAY_U16}, {"u32", ARRAY_U32}, {"u64", ARRAY_U64},
               {"f32", ARRAY_F32}, {"f64", ARRAY_F64}};

static bool find_number(struct str name, enum array_type *ret) {
    for (size_t i = 0; i < sizeof NUMBERS / sizeof *NUMBERS; i++)
        if (str_is(name, NUMBERS[i].name)) {
            *ret = NUMBERS[i].type;
            return true;
        }
    return false;
}

/* The numbers of an array. Where it has a peer, for the time being, those of 8 bytes may stay in
 * its memory, and those of nested columns, which count as all bytes do. */
static enum status read_numbers(struct source *s, struct mp_reader *r, enum array_type type,
                                struct array *a, struct error *e, const char *what) {
    char text[96];
    const uint8_t *at = r->p;
    uint32_t width = array_number_bytes(type);
    uint64_t bytes = (uint64_t)width * a->n, found = 0;
    snprintf(text, sizeof text, "%s must be bin with %u byte%s a row", what, width,
             width == 1 ? "" : "s");
    if (!a->peer || (width < 8 && s->nesting == 0) || !is_place(s, r)) {
        a->peer = NULL;
        return read_bin(s, r, bytes, &a->data, e, text);
    }
    enum status status = s->nesting > 0 ? read_counted_place(s, r, &a->address, &found, e, text)
                                        : read_place(s, r, &a->address, &found, e, text);
    return status == E_OK && found != bytes ? source_bad(s, at, e, text) : status;
}

/* --- booleans, timestamps, lists --- */

static enum status read_bools(struct source *s, struct mp_reader *r, struct array *a,
                              struct error *e) {
    enum status status = read_bin(s, r, a->n, &a->data, e,
                                  "the data of a bool column must be bin with a byte a row");
    uint8_t seen = 0;
    a->type = ARRAY_BYTES_BOOL;
    for (uint32_t i = 0; status == E_OK && i < a->n; i++)
        seen |= a->data[i];
    if (seen <= 1)
        return status;
    const uint8_t *at = a->data;
    while (*at <= 1)
        at++;
    return source_bad(s, at, e, "a byte of a bool column is neither 0 nor 1");
}

static enum status read_bits(struct source *s, struct mp_reader *r, struct array *a,
                             struct error *e) {
    a->type = ARRAY_BITS_BOOL;
    return read_bin(s, r, bitmap_bytes(a->n), &a->data, e,
                    "the data of a bits column must be bin with a bit a row");
}

static enum status read_times(struct source *s, struct mp_reader *r, struct array *a,
                              struct error *e) {
    static const struct {
        const char *name;
        uint32_t per_second;
    } UNITS[] = {{"s", 1}, {"ms", 1000}, {"us", 1000000}, {"ns", 1000000000}};
    struct str unit;
    enum status status =
        column_enter(s, r, 2, NULL, e, "the data of a timestamp column must be [unit, numbers]");
    const uint8_t *at = r->p;
    if (status == E_OK)
        status = read_word(s, r, &unit, e);
    if (status != E_OK)
        return status;
    for (size_t i = 0; i < sizeof UNITS / sizeof *UNITS; i++)
        if (str_is(unit, UNITS[i].name))
            a->per_second = UNITS[i].per_second;
    if (a->per_second == 0)
        return source_bad(s, at, e,
                          "the unit of a timestamp column must be \"s\", \"ms\", \"us\" or \"ns\"");
    a->type = ARRAY_TIME;
    return read_numbers(s, r, ARRAY_I64, a, e, "the numbers of a timestamp column");
}

static enum status read_list(const struct source *s, struct mp_reader *r, struct array *a,
                             struct error *e) {
    const uint8_t *at = r->p;
    uint32_t n = mp_read_array(r);
    if (r->status == E_ROW_INVALID)
        return source_bad(s, at, e, "the data of a list column is not an array");
    if (r->status != E_OK)
        return source_reader_error(s, r, e);
    if (n != a->n)
        return source_bad(s, at, e,
                          "a list column has another number of values than the payload has rows");
    a->type = ARRAY_VALUES;
    a->data = r->p;
    for (uint32_t i = 0; i < n; i++) {
        mp_skip(r);
        if (r->status != E_OK)
            return source_reader_row_error(s, r, i, e);
    }
    a->data_end = r->p;
    return E_OK;
}

/* --- strings --- */

/* What is said where [offsets, bytes] is wrong. */
struct strings_texts {
    const char *pair, *offsets, *bytes, *order, *end;
};

static const struct strings_texts STR = {
    "the data of a str column must be [offsets, bytes] or [offsets, bytes, base]",
    "the offsets of a str column must be bin with rows + 1 numbers of 4 bytes",
    "the bytes of a str column must be bin",
    "the offsets of a str column must not decrease",
    "the offsets of a str column pass the end of its bytes",
};
static const struct strings_texts STR64 = {
    "the data of a str64 column must be [offsets, bytes] or [offsets, bytes, base]",
    "the offsets of a str64 column must be bin with rows + 1 numbers of 8 bytes",
    "the bytes of a str64 column must be bin",
    "the offsets of a str64 column must not decrease",
    "the offsets of a str64 column pass the end of its bytes",
};
static const struct strings_texts BIN = {
    "the data of a bin column must be [offsets, bytes] or [offsets, bytes, base]",
    "the offsets of a bin column must be bin with rows + 1 numbers of 4 bytes",
    "the bytes of a bin column must be bin",
    "the offsets of a bin column must not decrease",
    "the offsets of a bin column pass the end of its bytes",
};
static const struct strings_texts DICT = {
    "the values of a dict column must be [offsets, bytes] or [offsets, bytes, base]",
    "the offsets of a dict column's values must be bin with one number of 4 or of 8 bytes more "
    "than there are values",
    "the bytes of a dict column's values must be bin",
    "the offsets of a dict column's values must not decrease",
    "the offsets of a dict column's values pass the end of their bytes",
};

struct strings {
    const uint8_t *offsets_at, *base_at;
    struct value offsets, bytes, base;
    const struct peer *peer; /* the bytes are in its memory, at `address`; NULL: they are here */
    uint64_t address;
};

/* The bytes of strings, which may stay where they are. */
static enum status read_text(struct source *s, struct mp_reader *r, bool may_stay,
                             struct strings *ret, struct error *e, const char *text) {
    uint64_t n = 0;
    ret->peer = may_stay && is_place(s, r) ? s->fetcher->peer : NULL;
    if (!ret->peer)
        return column_bin(s, r, &ret->bytes, e, text);
    enum status status = read_counted_place(s, r, &ret->address, &n, e, text);
    ret->bytes = value_bytes(T_BIN, NULL, (uint32_t)n);
    return status;
}

static enum status read_pair(struct source *s, struct mp_reader *r,
                             const struct strings_texts *texts, bool may_stay, struct strings *ret,
                             struct error *e) {
    bool has_base;
    enum status status = column_enter(s, r, 2, &has_base, e, texts->pair);
    if (status != E_OK)
        return status;
    ret->offsets_at = r->p;
    status = column_bin(s, r, &ret->offsets, e, texts->offsets);
    if (status == E_OK)
        status = read_text(s, r, may_stay, ret, e, texts->bytes);
    if (status != E_OK)
        return status;
    ret->base_at = r->p;
    ret->base = has_base ? mp_read_value(r) : value_int(0);
    return r->status == E_OK ? E_OK : source_reader_error(s, r, e);
}

enum status column_base(const struct source *s, const uint8_t *at, struct value base,
                        struct array *a, struct error *e) {
    if ((base.type != T_INT || base.w.i < 0) && base.type != T_UINT)
        return source_bad(s, at, e, "the base of offsets must be an unsigned integer");
    if (base.w.u > array_begin(a, 0))
        return source_bad(s, at, e, "the base of offsets passes the first of them");
    a->base = base.w.u;
    return E_OK;
}

/* Whether one of n + 1 offsets is below the one before it. */
static bool decreases(const uint8_t *offsets, uint32_t n, uint32_t offset_bytes) {
    bool any = false;
    if (htole64(1) == 1 && n < UINT32_MAX)
        return !(offset_bytes == 4 ? dense_ops()->ascends_u32(offsets, n + 1)
                                   : dense_ops()->ascends_u64(offsets, n + 1));
    for (uint32_t i = 0; i < n; i++)
        any |= array_offset(offset_bytes, offsets, i + 1u) < array_offset(offset_bytes, offsets, i);
    return any;
}

enum status column_check_offsets(const struct source *s, const struct array *a, uint32_t n,
                                 uint64_t end, const char *order_text, const char *end_text,
                                 struct error *e) {
    const uint8_t *offsets = a->offsets;
    if (decreases(offsets, n, a->offset_bytes)) {
        uint64_t i = 1;
        while (array_offset(a->offset_bytes, offsets, i) >=
               array_offset(a->offset_bytes, offsets, i - 1)) /* what is below the base, too */
            i++;
        return source_bad(s, offsets + a->offset_bytes * i, e, order_text);
    }
    return array_begin(a, n) > end ? source_bad(s, offsets, e, end_text) : E_OK;
}

/* n strings, as an array. */
static enum status take_strings(const struct source *s, const struct strings *from, uint32_t n,
                                uint8_t offset_bytes, const struct strings_texts *texts,
                                struct array *a, struct error *e) {
    const uint8_t *offsets = from->offsets.w.p;
    if (from->offsets.n != offset_bytes * ((uint64_t)n + 1))
        return source_bad(s, from->offsets_at, e, texts->offsets);
    a->type = ARRAY_STR;
    a->peer = from->peer;
    a->address = from->address;
    a->data = from->bytes.w.p;
    a->data_end = from->peer ? NULL : from->bytes.w.p + from->bytes.n;
    a->offsets = offsets;
    a->offset_bytes = offset_bytes;
    enum status status = column_base(s, from->base_at, from->base, a, e);
    return status == E_OK
               ? column_check_offsets(s, a, n, from->bytes.n, texts->order, texts->end, e)
               : status;
}

static enum status read_strings(struct source *s, struct mp_reader *r, uint8_t offset_bytes,
                                const struct strings_texts *texts, struct array *a,
                                struct error *e) {
    struct strings strings = {.address = 0};
    enum status status = read_pair(s, r, texts, a->peer != NULL, &strings, e);
    return status == E_OK ? take_strings(s, &strings, a->n, offset_bytes, texts, a, e) : status;
}

/* Copies the strings of a text one behind the other to `bytes`, at most n. Gives how many it has;
 * where there are more, n + 1, and *ret_more is the byte 0 before the first that is too many. */
static uint64_t split(const uint8_t *p, const uint8_t *end, uint32_t n, uint8_t *bytes,
                      uint32_t *offsets, const uint8_t **ret_more) {
    uint32_t at = 0;
    uint64_t i = 0;
    while (i < n) {
        const uint8_t *zero = memchr(p, 0, (size_t)(end - p)), *stop = zero ? zero : end;
        offsets[i++] = htole32(at);
        memcpy(bytes + at, p, (size_t)(stop - p));
        at += (uint32_t)(stop - p);
        offsets[i] = htole32(at);
        if (!zero)
            return i;
        *ret_more = zero;
        p = zero + 1;
    }
    return i + 1;
}

/* Strings with a byte 0 between them. */
static enum status read_zstr(struct source *s, struct mp_reader *r, struct array *a,
                             struct error *e) {
    static const char FEW[] = "a zstr column has fewer strings than the payload has rows",
                      MANY[] = "a zstr column has more strings than the payload has rows";
    const uint8_t *at = r->p;
    struct value v;
    enum status status = column_bin(s, r, &v, e, "the data of a zstr column must be bin");
    if (status != E_OK)
        return status;
    if (a->n > (uint64_t)v.n + 1)
        return source_bad(s, at, e, FEW);
    const uint8_t *text = v.w.p, *more = text;
    uint32_t *offsets = arena_zero(s->arena, ((size_t)a->n + 1) * sizeof *offsets);
    uint8_t *bytes = arena_alloc(s->arena, v.n);
    if (!offsets || !bytes)
        return error_set(e, E_MEMORY, "out of memory");
    uint64_t n = a->n == 0 && v.n == 0 ? 0 : split(text, text + v.n, a->n, bytes, offsets, &more);
    if (n != a->n)
        return n < a->n ? source_bad(s, at, e, FEW) : source_bad(s, more, e, MANY);
    a->type = ARRAY_STR;
    a->peer = NULL;
    a->data = bytes;
    a->data_end = bytes + v.n;
    a->offsets = (const uint8_t *)offsets;
    a->offset_bytes = 4;
    return E_OK;
}

/* --- codes --- */

/* The values and how many they are, which stands behind them. */
static enum status read_dict_values(struct source *s, struct mp_reader *r, struct array *a,
                                    struct error *e) {
    struct strings strings = {.address = 0};
    struct array *values = arena_new(s->arena, struct array);
    enum status status = read_pair(s, r, &DICT, false, &strings, e);
    if (status != E_OK)
        return status;
    const uint8_t *at = r->p;
    struct value n = mp_read_value(r);
    if (r->status != E_OK)
        return source_reader_error(s, r, e);
    if (n.type != T_INT || n.w.i < 0)
        return source_bad(s, at, e,
                          "the number of values of a dict column must be an unsigned integer");
    if (n.w.i > UINT32_MAX) /* more than the offsets can have */
        return source_bad(s, strings.offsets_at, e, DICT.offsets);
    if (!values)
        return error_set(e, E_MEMORY, "out of memory");
    a->values = values;
    a->n_values = (uint64_t)n.w.i;
    uint8_t offset_bytes = strings.offsets.n == 8 * (a->n_values + 1) ? 8 : 4;
    status = take_strings(s, &strings, (uint32_t)n.w.i, offset_bytes, &DICT, values, e);
    for (uint64_t i = 0; status == E_OK && i < a->n_values; i++) {
        uint32_t bytes = array_bytes(values, i).n;
        a->longest = bytes > a->longest ? bytes : a->longest;
    }
    return status;
}

static enum status read_dict(struct source *s, struct mp_reader *r, struct array *a,
                             struct error *e) {
    struct str name;
    enum status status = column_enter(
        s, r, 4, NULL, e, "the data of a dict column must be [codes type, codes, values, number]");
    const uint8_t *at = r->p;
    if (status == E_OK)
        status = read_word(s, r, &name, e);
    if (status != E_OK)
        return status;
    if (!find_number(name, &a->codes_type) || a->codes_type > ARRAY_U64)
        return source_bad(s, at, e, "the codes of a dict column must be \"i8\" ... \"u64\"");
    a->type = ARRAY_CODES;
    a->peer = NULL; /* they are looked at */
    status = read_numbers(s, r, a->codes_type, a, e, "the codes of a dict column");
    return status == E_OK ? read_dict_values(s, r, a, e) : status;
}

/* The first cell whose code is none of a value's; n if there is none. A negative code is as good as
 * a very great one. */
INLINE uint32_t find_wrong(const struct array *a, uint32_t n, enum array_type type) {
    uint64_t greatest = 0;
    uint32_t i = 0;
    for (; i < n; i++) {
        uint64_t code = array_integer(type, a->data, i);
        greatest = code > greatest ? code : greatest;
    }
    for (i = greatest < a->n_values ? n : 0; i < n; i++)
        if (array_integer(type, a->data, i) >= a->n_values && array_has_value(a, i))
            break;
    return i;
}

static uint32_t find_wrong_code(const struct array *a, uint32_t n) {
    switch (a->codes_type) {
    case ARRAY_I8:
        return find_wrong(a, n, ARRAY_I8);
    case ARRAY_I16:
        return find_wrong(a, n, ARRAY_I16);
    case ARRAY_I32:
        return find_wrong(a, n, ARRAY_I32);
    case ARRAY_U8:
        return find_wrong(a, n, ARRAY_U8);
    case ARRAY_U16:
        return find_wrong(a, n, ARRAY_U16);
    case ARRAY_U32:
        return find_wrong(a, n, ARRAY_U32);
    default:
        return find_wrong(a, n, ARRAY_U64);
    }
}

static enum status check_codes(const struct source *s, const struct array *a, struct error *e) {
    size_t i = find_wrong_code(a, a->n);
    if (i == a->n)
        return E_OK;
    return source_bad(s, a->data + i * array_number_bytes(a->codes_type), e,
                      "a code of a dict column is not below the number of its values");
}

/* --- a column --- */

static enum status read_data(struct source *s, struct mp_reader *r, struct array *a,
                             struct error *e) {
    const uint8_t *at = r->p;
    struct str name;
    enum status status = read_word(s, r, &name, e);
    if (status != E_OK)
        return status;
    if (str_is(name, "list"))
        return read_list(s, r, a, e);
    if (str_is(name, "str"))
        return read_strings(s, r, 4, &STR, a, e);
    if (str_is(name, "str64"))
        return read_strings(s, r, 8, &STR64, a, e);
    if (str_is(name, "zstr"))
        return read_zstr(s, r, a, e);
    if (str_is(name, "bin")) {
        status = read_strings(s, r, 4, &BIN, a, e);
        a->type = ARRAY_BIN;
        return status;
    }
    if (str_is(name, "bool"))
        return read_bools(s, r, a, e);
    if (str_is(name, "bits"))
        return read_bits(s, r, a, e);
    if (str_is(name, "timestamp"))
        return read_times(s, r, a, e);
    if (str_is(name, "dict"))
        return read_dict(s, r, a, e);
    if (nested_type(name, &a->type))
        return nested_read(s, r, a, e);
    if (find_number(name, &a->type))
        return read_numbers(s, r, a->type, a, e, "the data of a number column");
    return source_bad(
        s, at, e,
        "a column's type must be \"list\", \"i8\", \"i16\", \"i32\", \"i64\", "
        "\"u8\", \"u16\", \"u32\", \"u64\", \"f32\", \"f64\", \"bool\", \"bits\", "
        "\"timestamp\", \"str\", \"str64\", \"zstr\", \"bin\", \"dict\", \"array\", \"map\" or "
        "\"struct\"");
}

static enum status read_bitmap(struct source *s, struct mp_reader *r, uint32_t n,
                               const uint8_t **ret, struct error *e, const char *text) {
    if (mp_peek(r) == T_NULL) {
        mp_skip(r);
        return E_OK;
    }
    return read_bin(s, r, bitmap_bytes(n), ret, e, text);
}

enum status column_cells(struct source *s, struct mp_reader *r, uint32_t parts, struct array *a,
                         struct error *e) {
    a->peer = s->fetcher ? s->fetcher->peer : NULL;
    enum status status = read_data(s, r, a, e);
    if (!array_may_be_elsewhere(a->type))
        a->peer = NULL;
    const uint8_t *at = r->p;
    if (status == E_OK && parts > 2)
        status = read_bitmap(s, r, a->n, &a->valid, e,
                             "the validity of a column must be nil or bin with a bit a row");
    if (status == E_OK && a->valid && a->type == ARRAY_VALUES)
        return source_bad(s, at, e, "a list column has its own nulls, and no validity");
    if (status == E_OK && parts > 3)
        status = read_bitmap(s, r, a->n, &a->present, e,
                             "the presence of a column must be nil or bin with a bit a row");
    return status == E_OK && a->type == ARRAY_CODES ? check_codes(s, a, e) : status;
}

enum status column_read(struct source *s, struct mp_reader *r, struct sent_column *ret,
                        struct error *e) {
    const uint8_t *at = r->p;
    uint32_t parts = mp_read_array(r);
    if (r->status != E_OK && r->status != E_ROW_INVALID)
        return source_reader_error(s, r, e);
    if (parts < 3 || parts > 5)
        return source_bad(s, at, e, "a column must be [path, type, data, valid, present]");
    at = r->p;
    enum status status = path_read(r, s->arena, &ret->path);
    if (status == E_MEMORY)
        return error_set(e, E_MEMORY, "out of memory");
    if (status == E_BAD_PAYLOAD)
        return source_bad(s, at, e,
                          "a column's path must be a string or an array of strings and numbers");
    if (status != E_OK)
        return source_reader_error(s, r, e);
    ret->array = (struct array){.n = s->rows};
    r->depth_limit--; /* the row that the cells are in; at least 1 */
    status = column_cells(s, r, parts - 1, &ret->array, e);
    r->depth_limit++;
    return status;
}

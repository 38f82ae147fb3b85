/* See nested.h. */
#include "engine/nested.h"

#include "engine/column_read.h"
#include "value/array_cell.h"

static const struct {
    const char *name;
    enum array_type type;
} TYPES[] = {{"array", ARRAY_LIST}, {"map", ARRAY_MAP}, {"struct", ARRAY_STRUCT}};

bool nested_type(struct str name, enum array_type *ret) {
    for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++)
        if (str_is(name, TYPES[i].name)) {
            *ret = TYPES[i].type;
            return true;
        }
    return false;
}

/* --- reading --- */

/* An error_limit with its place. */
static enum status beyond(const struct source *s, const uint8_t *at, struct error *e,
                          enum status status, const char *name, uint64_t limit, uint64_t actual) {
    error_limit(e, status, name, limit, actual);
    if (e && e->offset == ERROR_NONE)
        e->offset = (uint64_t)(at - s->message);
    return status;
}

/* What a child has beside its cells: its values need places, since not all of them may be used. */
static enum status index_values(const struct source *s, struct array *a, struct error *e) {
    struct mp_reader r;
    uint32_t *offsets = arena_array(s->arena, (size_t)a->n + 1, sizeof *offsets);
    if (!offsets)
        return error_set(e, E_MEMORY, "out of memory");
    mp_reader_init(&r, a->data, (size_t)(a->data_end - a->data), MP_DEPTH_MOST);
    for (uint32_t i = 0; i < a->n; i++) {
        offsets[i] = htole32((uint32_t)(r.p - a->data));
        mp_skip(&r);
    }
    offsets[a->n] = htole32((uint32_t)(r.p - a->data));
    a->offsets = (const uint8_t *)offsets;
    a->offset_bytes = 4;
    return E_OK;
}

static enum status read_child(struct source *s, struct mp_reader *r, uint32_t parts,
                              struct array *a, struct error *e) {
    enum status status = column_cells(s, r, parts, a, e);
    return status == E_OK && a->type == ARRAY_VALUES ? index_values(s, a, e) : status;
}

/* [number, type, data, valid] */
static enum status read_items(struct source *s, struct mp_reader *r, struct array *a,
                              struct error *e) {
    static const char FORM[] =
        "the items of a nested column must be [number, type, data, valid], number an integer of "
        "32 bits";
    const uint8_t *at = r->p;
    uint32_t parts = mp_read_array(r);
    if (r->status != E_OK && r->status != E_ROW_INVALID)
        return source_reader_error(s, r, e);
    if (parts < 3 || parts > 4)
        return source_bad(s, at, e, FORM);
    struct value n = mp_read_value(r);
    if (r->status != E_OK)
        return source_reader_error(s, r, e);
    if (n.type != T_INT || n.w.i < 0 || n.w.i > UINT32_MAX)
        return source_bad(s, at, e, FORM);
    *a = (struct array){.n = (uint32_t)n.w.i};
    return read_child(s, r, parts - 1, a, e);
}

static enum status read_offsets(struct source *s, struct mp_reader *r, struct array *a,
                                struct error *e) {
    static const char FORM[] = "the offsets of a nested column must be bin with one number of 4 "
                               "bytes more than it has rows";
    const uint8_t *at = r->p;
    struct value v;
    enum status status = column_bin(s, r, &v, e, FORM);
    if (status != E_OK)
        return status;
    if (v.n != 4 * ((uint64_t)a->n + 1))
        return source_bad(s, at, e, FORM);
    a->offsets = v.w.p;
    a->offset_bytes = 4;
    return E_OK;
}

/* Of what follows the items: the base, if there is one; and the offsets. */
static enum status check_offsets(const struct source *s, struct mp_reader *r, bool has_base,
                                 struct array *a, uint32_t n_items, struct error *e) {
    const uint8_t *at = r->p;
    struct value base = has_base ? mp_read_value(r) : value_int(0);
    if (r->status != E_OK)
        return source_reader_error(s, r, e);
    enum status status = column_base(s, at, base, a, e);
    if (status != E_OK)
        return status;
    return column_check_offsets(s, a, a->n, n_items,
                                "the offsets of a nested column must not decrease",
                                "the offsets of a nested column pass the end of its items", e);
}

static enum status read_arrays(struct source *s, struct mp_reader *r, struct array *a,
                               struct error *e) {
    struct array *items = arena_new(s->arena, struct array);
    if (!items)
        return error_set(e, E_MEMORY, "out of memory");
    bool has_base;
    enum status status =
        column_enter(s, r, 2, &has_base, e,
                     "the data of an array column must be [offsets, items] or [offsets, items, "
                     "base]");
    if (status == E_OK)
        status = read_offsets(s, r, a, e);
    if (status == E_OK)
        status = read_items(s, r, items, e);
    a->children = items;
    a->n_children = 1;
    return status == E_OK ? check_offsets(s, r, has_base, a, items->n, e) : status;
}

/* No map has more pairs than row_fields. */
static enum status check_widths(const struct source *s, const struct array *a, struct error *e) {
    for (uint32_t i = 0; i < a->n; i++) {
        uint64_t pairs = array_begin(a, i + 1u) - array_begin(a, i);
        if (pairs > s->limits->row_fields)
            return beyond(s, a->offsets + 4 * (size_t)i, e, E_ROW_TOO_WIDE, "row_fields",
                          s->limits->row_fields, pairs);
    }
    return E_OK;
}

static enum status read_maps(struct source *s, struct mp_reader *r, struct array *a,
                             struct error *e) {
    struct array *pair = arena_zero(s->arena, 2 * sizeof *pair);
    if (!pair)
        return error_set(e, E_MEMORY, "out of memory");
    bool has_base;
    enum status status =
        column_enter(s, r, 3, &has_base, e,
                     "the data of a map column must be [offsets, keys, values] or [offsets, keys, "
                     "values, base]");
    if (status == E_OK)
        status = read_offsets(s, r, a, e);
    if (status == E_OK)
        status = read_items(s, r, &pair[0], e);
    const uint8_t *at = r->p;
    if (status == E_OK)
        status = read_items(s, r, &pair[1], e);
    if (status == E_OK && pair[0].n != pair[1].n)
        return source_bad(s, at, e, "a map column has another number of values than of keys");
    a->children = pair;
    a->n_children = 2;
    if (status == E_OK)
        status = check_offsets(s, r, has_base, a, pair[0].n, e);
    return status == E_OK ? check_widths(s, a, e) : status;
}

/* The name at r, encoded as most writers do it. */
static enum status read_key(const struct source *s, struct mp_reader *r, struct str *ret,
                            struct error *e) {
    const uint8_t *at = r->p;
    struct value name = mp_read_value(r);
    if (r->status != E_OK)
        return source_reader_error(s, r, e);
    if (name.type != T_STR)
        return source_bad(s, at, e, "the name of a field of a struct column is not a string");
    size_t most = (size_t)name.n + 5 + ARRAY_KEY_BYTES; /* with the longest header */
    struct buf key;
    buf_init_fixed(&key, arena_zero(s->arena, most), most);
    if (!key.data)
        return error_set(e, E_MEMORY, "out of memory");
    mp_write_str(&key, (const char *)name.w.p, name.n);
    *ret = (struct str){(const char *)key.data, key.len};
    return E_OK;
}

/* [name, type, data, valid, present] */
static enum status read_field(struct source *s, struct mp_reader *r, uint32_t n, struct array *a,
                              struct error *e) {
    const uint8_t *at = r->p;
    uint32_t parts = mp_read_array(r);
    if (r->status != E_OK && r->status != E_ROW_INVALID)
        return source_reader_error(s, r, e);
    if (parts < 3 || parts > 5)
        return source_bad(s, at, e,
                          "a field of a struct column must be [name, type, data, valid, present]");
    struct str key;
    enum status status = read_key(s, r, &key, e);
    if (status != E_OK)
        return status;
    *a = (struct array){.n = n, .key = key};
    return read_child(s, r, parts - 1, a, e);
}

static enum status read_structs(struct source *s, struct mp_reader *r, struct array *a,
                                struct error *e) {
    const uint8_t *at = r->p;
    uint32_t n = mp_read_array(r);
    if (r->status == E_ROW_INVALID)
        return source_bad(s, at, e, "the data of a struct column must be an array of fields");
    if (r->status != E_OK)
        return source_reader_error(s, r, e);
    if (n > s->limits->row_fields)
        return beyond(s, at, e, E_ROW_TOO_WIDE, "row_fields", s->limits->row_fields, n);
    struct array *fields = arena_array(s->arena, n, sizeof *fields);
    if (!fields)
        return error_set(e, E_MEMORY, "out of memory");
    enum status status = E_OK;
    for (uint32_t i = 0; i < n && status == E_OK; i++)
        status = read_field(s, r, a->n, &fields[i], e);
    a->children = fields;
    a->n_children = n;
    return status;
}

enum status nested_read(struct source *s, struct mp_reader *r, struct array *a, struct error *e) {
    if (r->depth_limit == 0)
        return beyond(s, r->p, e, E_ROW_TOO_DEEP, "row_depth", s->limits->row_depth, ERROR_NONE);
    r->depth_limit--;
    s->nesting++;
    enum status status = a->type == ARRAY_LIST  ? read_arrays(s, r, a, e)
                         : a->type == ARRAY_MAP ? read_maps(s, r, a, e)
                                                : read_structs(s, r, a, e);
    s->nesting--;
    r->depth_limit++;
    return status;
}

/* --- as values --- */

/* What an array, and what is in it, has in the memory of the sender comes here. */
static enum status fetch(struct source *s, struct array *a, struct error *e) {
    struct array *children = (struct array *)(uintptr_t)a->children; /* ours: the arena's */
    for (uint32_t i = 0; i < a->n_children; i++) {
        enum status status = fetch(s, &children[i], e);
        if (status != E_OK)
            return status;
    }
    if (!a->peer)
        return E_OK;
    uint64_t bytes = array_data_bytes(a);
    uint8_t *p = arena_alloc(s->arena, bytes);
    if (!p)
        return error_set(e, E_MEMORY, "out of memory for bytes in the client's memory");
    if (!peer_read(a->peer, a->address, p, bytes))
        return error_set(e, E_BAD_PAYLOAD, "bytes in the client's memory cannot be read");
    a->peer = NULL;
    a->data = p;
    a->data_end = p + bytes;
    return E_OK;
}

/* Cell by cell into a buffer that grows; *ret_offsets are where each begins. */
static enum status write_cells(const struct source *s, const struct array *a, struct buf *out,
                               uint32_t *offsets, uint64_t most, struct error *e) {
    for (uint32_t i = 0; i < a->n; i++) {
        offsets[i] = htole32((uint32_t)out->len);
        if (array_cell_write(a, i, out, most))
            continue;
        if (buf_failed(out))
            return error_set(e, E_MEMORY, "out of memory");
        error_set(e, E_FRAME_TOO_LARGE,
                  "row %llu: the nested values of the payload so far are, as msgpack, longer than "
                  "frame_bytes, %llu",
                  (unsigned long long)(s->first_row + i),
                  (unsigned long long)s->limits->frame_bytes);
        if (e && e->row == ERROR_NONE) {
            e->row = s->first_row + i;
            e->limit = s->limits->frame_bytes;
        }
        return E_FRAME_TOO_LARGE;
    }
    offsets[a->n] = htole32((uint32_t)out->len);
    return buf_failed(out) ? error_set(e, E_MEMORY, "out of memory") : E_OK;
}

/* The array of what stands in the room. */
static void set_values(struct array *a, const uint8_t *values, size_t n, const uint8_t *offsets) {
    *a = (struct array){.type = ARRAY_VALUES,
                        .n = a->n,
                        .data = values,
                        .data_end = values + n,
                        .offsets = offsets,
                        .offset_bytes = 4,
                        .valid = a->valid, /* where it is clear, a nil stands */
                        .present = a->present,
                        .bit_offset = a->bit_offset};
}

enum status nested_to_values(struct source *s, struct array *a, struct error *e) {
    if (a->type < ARRAY_LIST)
        return E_OK;
    struct buf out;
    buf_init(&out, s->arena->budget);
    uint32_t *offsets = arena_array(s->arena, (size_t)a->n + 1, sizeof *offsets);
    uint64_t most = s->limits->frame_bytes - s->nested_bytes;
    enum status status = offsets ? fetch(s, a, e) : error_set(e, E_MEMORY, "out of memory");
    if (status == E_OK)
        status = write_cells(s, a, &out, offsets, most, e);
    const uint8_t *values = status == E_OK ? arena_copy(s->arena, out.data, out.len) : NULL;
    if (status == E_OK && !values)
        status = error_set(e, E_MEMORY, "out of memory");
    if (status == E_OK) {
        s->nested_bytes += out.len;
        set_values(a, values, out.len, (const uint8_t *)offsets);
    }
    buf_done(&out);
    return status;
}

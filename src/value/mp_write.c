/* See mp.h: the writing half, over msgpack-c's packer, which writes the shortest form of everything
 * into our buffer. */
#include "value/mp.h"

#include <msgpack.h>

static int sink(void *data, const char *p, size_t n) {
    buf_add(data, p, n);
    return 0; /* the buffer's failure is sticky */
}

static msgpack_packer packer(struct buf *b) {
    msgpack_packer pk;
    msgpack_packer_init(&pk, b, sink);
    return pk;
}

void mp_write_nil(struct buf *b) {
    msgpack_packer pk = packer(b);
    msgpack_pack_nil(&pk);
}

void mp_write_bool(struct buf *b, bool v) {
    msgpack_packer pk = packer(b);
    if (v)
        msgpack_pack_true(&pk);
    else
        msgpack_pack_false(&pk);
}

void mp_write_int(struct buf *b, int64_t v) {
    msgpack_packer pk = packer(b);
    msgpack_pack_int64(&pk, v);
}

void mp_write_uint(struct buf *b, uint64_t v) {
    msgpack_packer pk = packer(b);
    msgpack_pack_uint64(&pk, v);
}

void mp_write_double(struct buf *b, double v) {
    msgpack_packer pk = packer(b);
    msgpack_pack_double(&pk, v);
}

void mp_write_str(struct buf *b, const char *p, size_t n) {
    msgpack_packer pk = packer(b);
    msgpack_pack_str(&pk, n);
    buf_add(b, p, n);
}

void mp_write_text(struct buf *b, const char *text) { mp_write_str(b, text, strlen(text)); }

void mp_write_bin(struct buf *b, const void *p, size_t n) {
    msgpack_packer pk = packer(b);
    msgpack_pack_bin(&pk, n);
    buf_add(b, p, n);
}

void mp_write_array(struct buf *b, uint32_t count) {
    msgpack_packer pk = packer(b);
    msgpack_pack_array(&pk, count);
}

void mp_write_map(struct buf *b, uint32_t count) {
    msgpack_packer pk = packer(b);
    msgpack_pack_map(&pk, count);
}

static void write_timestamp(struct buf *b, struct value v) {
    msgpack_packer pk = packer(b);
    msgpack_timestamp ts = {.tv_sec = v.w.i, .tv_nsec = v.n};
    msgpack_pack_timestamp(&pk, &ts);
}

void mp_write_value(struct buf *b, struct value v) {
    switch ((enum value_type)v.type) {
    case T_MISSING:
    case T_NULL:
    case T_COUNT:
        mp_write_nil(b);
        break;
    case T_BOOL:
        mp_write_bool(b, v.w.i != 0);
        break;
    case T_INT:
        mp_write_int(b, v.w.i);
        break;
    case T_UINT:
        mp_write_uint(b, v.w.u);
        break;
    case T_DOUBLE:
        mp_write_double(b, v.w.d);
        break;
    case T_STR:
        mp_write_str(b, (const char *)v.w.p, v.n);
        break;
    case T_BIN:
        mp_write_bin(b, v.w.p, v.n);
        break;
    case T_ARRAY:
    case T_MAP:
        buf_add(b, v.w.p, v.n);
        break;
    case T_TIMESTAMP:
        write_timestamp(b, v);
        break;
    case T_EXT: {
        msgpack_packer pk = packer(b);
        msgpack_pack_ext(&pk, v.n - 1, (int8_t)v.w.p[0]);
        buf_add(b, v.w.p + 1, v.n - 1);
        break;
    }
    }
}

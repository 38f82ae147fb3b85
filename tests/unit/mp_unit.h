/* What the tests of value, format and wire share: msgpack written as text, in heap blocks of its
 * exact size (so that a sanitizer sees one byte read too far), random numbers that are the same in
 * every run, and msgpack-c's view of the same bytes as an oracle.
 *
 * The text: null true false nan inf -inf, integers, doubles (with a point or an exponent), 'str',
 * [a, b], {k: v}, and <d9 01 61>: bytes as they are, one value of them where a container counts. */
#ifndef TAMIS_TESTS_MP_UNIT_H
#define TAMIS_TESTS_MP_UNIT_H

#include "value/mp.h"
#include "value/path.h"

#include "unit.h"

#include <ctype.h>
#include <math.h>
#include <msgpack.h>
#include <stdio.h>
#include <stdlib.h>

/* --- blocks that live until the end of the test --- */

static struct {
    void **p;
    size_t n, cap;
} kept;

static inline void *keep(void *p) {
    if (kept.n == kept.cap) {
        kept.cap = kept.cap ? kept.cap * 2 : 64;
        kept.p = realloc(kept.p, kept.cap * sizeof *kept.p);
        assert_non_null(kept.p);
    }
    assert_non_null(p);
    return kept.p[kept.n++] = p;
}

/* A cmocka teardown. */
static inline int kept_free(void **state) {
    (void)state;
    for (size_t i = 0; i < kept.n; i++)
        free(kept.p[i]);
    free(kept.p);
    memset(&kept, 0, sizeof kept);
    return 0;
}
#define value_test(f) cmocka_unit_test_teardown(f, kept_free)

struct bytes {
    const uint8_t *p;
    size_t n;
};

/* A copy of exactly n bytes. */
static inline struct bytes bytes_copy(const void *p, size_t n) {
    uint8_t *copy = keep(malloc(n ? n : 1));
    if (n)
        memcpy(copy, p, n);
    return (struct bytes){copy, n};
}

static inline struct bytes bytes_take(struct buf *b) {
    assert_false(buf_failed(b));
    struct bytes copy = bytes_copy(b->data, b->len);
    buf_done(b);
    return copy;
}

/* --- text to msgpack --- */

static inline const char *mp_text_item(const char *p, struct buf *out);

static inline const char *mp_text_container(const char *p, struct buf *out) {
    struct buf inner = {0};
    uint32_t n = 0;
    char close = *p == '[' ? ']' : '}';
    for (p++; p += strspn(p, " ,:"), *p != close; n++)
        p = mp_text_item(p, &inner);
    if (close == ']')
        mp_write_array(out, n);
    else
        mp_write_map(out, n / 2);
    buf_add(out, inner.data, inner.len);
    buf_done(&inner);
    return p + 1;
}

static inline const char *mp_text_raw(const char *p, struct buf *out) {
    for (p++; *p != '>';) {
        unsigned byte;
        if (*p == ' ') {
            p++;
            continue;
        }
        assert_int_equal(sscanf(p, "%2x", &byte), 1);
        buf_byte(out, (uint8_t)byte);
        p += 2;
    }
    return p + 1;
}

static inline void mp_text_number(const char *p, size_t n, struct buf *out) {
    if (memchr(p, '.', n) || memchr(p, 'e', n) || p[n - 1] == 'f' || p[n - 1] == 'n')
        mp_write_double(out, strtod(p, NULL)); /* nan and inf, too */
    else if (*p == '-')
        mp_write_int(out, strtoll(p, NULL, 10));
    else
        mp_write_uint(out, strtoull(p, NULL, 10));
}

static inline const char *mp_text_item(const char *p, struct buf *out) {
    if (*p == '[' || *p == '{')
        return mp_text_container(p, out);
    if (*p == '<')
        return mp_text_raw(p, out);
    if (*p == '\'') {
        size_t n = strcspn(p + 1, "'");
        mp_write_str(out, p + 1, n);
        return p + n + 2;
    }
    size_t n = strcspn(p, " ,:]}");
    if (strncmp(p, "null", n) == 0)
        mp_write_nil(out);
    else if (strncmp(p, "true", n) == 0 || strncmp(p, "false", n) == 0)
        mp_write_bool(out, *p == 't');
    else
        mp_text_number(p, n, out);
    return p + n;
}

static inline void mp_text(struct buf *out, const char *text) {
    for (const char *p = text; p += strspn(p, " "), *p;)
        p = mp_text_item(p, out);
}

static inline struct bytes bytes_of(const char *text) {
    struct buf b = {0};
    mp_text(&b, text);
    return bytes_take(&b);
}

/* The one value that the text stands for; "missing" is missing. */
static inline struct value value_of(const char *text) {
    struct mp_reader r;
    if (strcmp(text, "missing") == 0)
        return value_missing();
    struct bytes b = bytes_of(text);
    mp_reader_init(&r, b.p, b.n, MP_DEPTH_MOST);
    struct value v = mp_read_value(&r);
    if (r.status != E_OK || !mp_at_end(&r))
        fail_msg("%s: status %d at %zu of %zu", text, (int)r.status, mp_offset(&r), b.n);
    return v;
}

/* Paths as text: a.b[1]; an empty name is "". A key ends at . or [. */
static inline struct path path_of(const char *text) {
    struct path_step *steps = keep(calloc(strlen(text) + 1, sizeof *steps));
    uint32_t n = 0;
    while (*text) {
        if (*text == '[') {
            char *end;
            steps[n++].index = (uint32_t)strtoul(text + 1, &end, 10);
            text = end + 1;
            continue;
        }
        text += *text == '.';
        size_t length = strcspn(text, ".[");
        bool empty = length == 2 && memcmp(text, "\"\"", 2) == 0;
        steps[n++].key = (struct str){text, empty ? 0 : length};
        text += length;
    }
    return (struct path){steps, n};
}

/* --- identity of values: type, and every part that a reader may look at --- */

static inline bool value_same(struct value a, struct value b) {
    if (a.type != b.type)
        return false;
    switch ((enum value_type)a.type) {
    case T_MISSING:
    case T_NULL:
        return true;
    case T_BOOL:
    case T_INT:
    case T_UINT:
    case T_DOUBLE: /* by bits: -0.0 is not 0.0 */
        return a.w.u == b.w.u || (value_is_nan(a) && value_is_nan(b));
    case T_TIMESTAMP:
        return a.w.i == b.w.i && a.n == b.n;
    default:
        return a.n == b.n && (a.n == 0 || memcmp(a.w.p, b.w.p, a.n) == 0);
    }
}

#define assert_value_same(a, b, what) check_value((a), (b), (what), __FILE__, __LINE__)
static inline void check_value(struct value a, struct value b, const char *what, const char *file,
                               int line) {
    if (value_same(a, b))
        return;
    print_error("%s: got %s %llx (%u), expected %s %llx (%u)\n", what,
                value_type_name((enum value_type)a.type), (unsigned long long)a.w.u, a.n,
                value_type_name((enum value_type)b.type), (unsigned long long)b.w.u, b.n);
    _fail(file, line);
}

/* --- the oracle --- */

/* What msgpack-c makes of n bytes that are one whole value (not nested beyond its 32). */
static inline bool oracle_same(struct value v, const msgpack_object *o);

static inline bool oracle_same_items(struct value v, const msgpack_object *o) {
    struct mp_reader r;
    uint32_t n;
    mp_enter(&r, v, &n);
    if (v.type == T_ARRAY) {
        bool same = n == o->via.array.size;
        for (uint32_t i = 0; same && i < n; i++)
            same = oracle_same(mp_read_value(&r), &o->via.array.ptr[i]);
        return same && r.status == E_OK && mp_at_end(&r);
    }
    bool same = n == o->via.map.size;
    for (uint32_t i = 0; same && i < n; i++) {
        same = oracle_same(mp_read_value(&r), &o->via.map.ptr[i].key);
        same = same && oracle_same(mp_read_value(&r), &o->via.map.ptr[i].val);
    }
    return same && r.status == E_OK && mp_at_end(&r);
}

static inline bool oracle_same_ext(struct value v, const msgpack_object *o) {
    msgpack_timestamp t;
    if (msgpack_object_to_timestamp(o, &t))
        return v.type == T_TIMESTAMP && v.w.i == t.tv_sec && v.n == t.tv_nsec;
    return v.type == T_EXT && v.n == o->via.ext.size + 1 && v.w.p[0] == (uint8_t)o->via.ext.type &&
           memcmp(v.w.p + 1, o->via.ext.ptr, o->via.ext.size) == 0;
}

static inline bool oracle_same(struct value v, const msgpack_object *o) {
    switch (o->type) {
    case MSGPACK_OBJECT_NIL:
        return v.type == T_NULL;
    case MSGPACK_OBJECT_BOOLEAN:
        return v.type == T_BOOL && v.w.i == o->via.boolean;
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        return o->via.u64 <= INT64_MAX ? v.type == T_INT && v.w.i == (int64_t)o->via.u64
                                       : v.type == T_UINT && v.w.u == o->via.u64;
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        return v.type == T_INT && v.w.i == o->via.i64;
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
        return value_same(v, value_double(o->via.f64));
    case MSGPACK_OBJECT_STR:
        return v.type == T_STR && v.n == o->via.str.size &&
               (v.n == 0 || memcmp(v.w.p, o->via.str.ptr, v.n) == 0);
    case MSGPACK_OBJECT_BIN:
        return v.type == T_BIN && v.n == o->via.bin.size &&
               (v.n == 0 || memcmp(v.w.p, o->via.bin.ptr, v.n) == 0);
    case MSGPACK_OBJECT_ARRAY:
        return v.type == T_ARRAY && oracle_same_items(v, o);
    case MSGPACK_OBJECT_MAP:
        return v.type == T_MAP && oracle_same_items(v, o);
    case MSGPACK_OBJECT_EXT:
        return oracle_same_ext(v, o);
    }
    return false;
}

/* Our reading of these bytes is msgpack-c's, to the last one. */
static inline void assert_oracle(struct bytes b, const char *what) {
    struct mp_reader r;
    mp_reader_init(&r, b.p, b.n, 64);
    struct value v = mp_read_value(&r);
    assert_status(r.status, E_OK, what);
    assert_true(mp_at_end(&r));
    msgpack_unpacked u;
    size_t used = 0;
    msgpack_unpacked_init(&u);
    assert_int_equal(msgpack_unpack_next(&u, (const char *)b.p, b.n, &used),
                     MSGPACK_UNPACK_SUCCESS);
    assert_int_equal(used, b.n);
    if (!oracle_same(v, &u.data))
        fail_msg("%s: msgpack-c reads something else", what);
    msgpack_unpacked_destroy(&u);
}

/* --- random numbers: xorshift64*, the same in every run --- */

static inline uint64_t random_u64(uint64_t *seed) {
    *seed ^= *seed >> 12;
    *seed ^= *seed << 25;
    *seed ^= *seed >> 27;
    return *seed * 0x2545F4914F6CDD1Du;
}
static inline uint32_t random_below(uint64_t *seed, uint32_t n) {
    return (uint32_t)((random_u64(seed) >> 32) % n);
}

#endif

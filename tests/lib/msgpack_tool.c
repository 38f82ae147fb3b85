/* What msgpack-c makes of each of many inputs: an oracle for the msgpack reader.
 *
 * usage: msgpack_tool FILE NAME..., the file as in documents.h. A line of output for each input, of
 * words: for each object that stands in it one behind the other, "END:VALUE:VALUE..." with the
 * offset of its end, the object, and of a map what stands under each NAME, the last of equal ones.
 * At the end "ok", or "more", "bad" or "memory": why the bytes behind are no object.
 *
 * A value is n, b0 or b1, i and an integer, d and the bits of a double, s, x (bin) or e (extension,
 * its type first) and hexadecimal bytes, [a,b] or {k=v,l=w}; - is none. */
#include "documents.h"

#include <inttypes.h>
#include <msgpack.h>
#include <string.h>
#include <sys/resource.h>

#define MEMORY_BYTES ((rlim_t)1 << 30) /* a header may claim any count */

static void hex(char kind, const void *p, size_t n) {
    putchar(kind);
    for (size_t i = 0; i < n; i++)
        printf("%02x", ((const unsigned char *)p)[i]);
}

static void print_double(double d) {
    uint64_t bits;
    memcpy(&bits, &d, sizeof bits);
    printf("d%016" PRIx64, bits);
}

static void print(const msgpack_object *o);

static void print_items(const msgpack_object *o) {
    bool map = o->type == MSGPACK_OBJECT_MAP;
    uint32_t n = map ? o->via.map.size : o->via.array.size;
    putchar(map ? '{' : '[');
    for (uint32_t i = 0; i < n; i++) {
        fputs(i > 0 ? "," : "", stdout);
        print(map ? &o->via.map.ptr[i].key : &o->via.array.ptr[i]);
        if (!map)
            continue;
        putchar('=');
        print(&o->via.map.ptr[i].val);
    }
    putchar(map ? '}' : ']');
}

static void print(const msgpack_object *o) {
    switch (o->type) {
    case MSGPACK_OBJECT_NIL:
        putchar('n');
        break;
    case MSGPACK_OBJECT_BOOLEAN:
        printf("b%d", o->via.boolean);
        break;
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        printf("i%" PRIu64, o->via.u64);
        break;
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        printf("i%" PRId64, o->via.i64);
        break;
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
        print_double(o->via.f64);
        break;
    case MSGPACK_OBJECT_STR:
        hex('s', o->via.str.ptr, o->via.str.size);
        break;
    case MSGPACK_OBJECT_BIN:
        hex('x', o->via.bin.ptr, o->via.bin.size);
        break;
    case MSGPACK_OBJECT_EXT:
        printf("e%02x", (unsigned)(uint8_t)o->via.ext.type);
        for (uint32_t i = 0; i < o->via.ext.size; i++)
            printf("%02x", (unsigned)(uint8_t)o->via.ext.ptr[i]);
        break;
    case MSGPACK_OBJECT_ARRAY:
    case MSGPACK_OBJECT_MAP:
        print_items(o);
        break;
    }
}

static void print_named(const msgpack_object *o, const char *name) {
    const msgpack_object *found = NULL;
    for (uint32_t i = 0; o->type == MSGPACK_OBJECT_MAP && i < o->via.map.size; i++) {
        const msgpack_object *key = &o->via.map.ptr[i].key;
        if (key->type == MSGPACK_OBJECT_STR && key->via.str.size == strlen(name) &&
            memcmp(key->via.str.ptr, name, strlen(name)) == 0)
            found = &o->via.map.ptr[i].val;
    }
    putchar(':');
    if (found)
        print(found);
    else
        putchar('-');
}

static const char *why(msgpack_unpack_return status) {
    return status == MSGPACK_UNPACK_CONTINUE      ? "more"
           : status == MSGPACK_UNPACK_NOMEM_ERROR ? "memory"
                                                  : "bad";
}

static void read_one(const uint8_t *p, size_t n, char **names, int n_names) {
    msgpack_unpacked object;
    msgpack_unpack_return status = MSGPACK_UNPACK_SUCCESS;
    size_t at = 0;
    msgpack_unpacked_init(&object);
    while (at < n) {
        status = msgpack_unpack_next(&object, (const char *)p, n, &at);
        if (status != MSGPACK_UNPACK_SUCCESS && status != MSGPACK_UNPACK_EXTRA_BYTES)
            break;
        status = MSGPACK_UNPACK_SUCCESS;
        printf("%zu:", at);
        print(&object.data);
        for (int i = 0; i < n_names; i++)
            print_named(&object.data, names[i]);
        putchar(' ');
    }
    puts(status == MSGPACK_UNPACK_SUCCESS ? "ok" : why(status));
    msgpack_unpacked_destroy(&object);
}

int main(int argc, char **argv) {
    size_t n, at = 0, size;
    if (argc < 2) {
        fprintf(stderr, "usage: msgpack_tool FILE NAME...\n");
        return 2;
    }
    uint8_t *data = documents_read(argv[1], &n);
    struct rlimit limit = {MEMORY_BYTES, MEMORY_BYTES};
    setrlimit(RLIMIT_AS, &limit);
    for (const uint8_t *p; (p = documents_next(data, n, &at, &size));)
        read_one(p, size, argv + 2, argc - 2);
    free(data);
    return 0;
}

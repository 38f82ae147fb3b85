/* See unpack.h. */
#include "shell/unpack.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#define GZIP_WINDOW (15 + 16) /* zlib's code for: gzip, the largest window */

enum packing packing_of(const uint8_t *p, size_t n, bool *ret_more) {
    static const uint8_t GZIP[] = {0x1F, 0x8B}, ZSTD[] = {0x28, 0xB5, 0x2F, 0xFD};
    size_t gzip = n < sizeof GZIP ? n : sizeof GZIP, zstd = n < sizeof ZSTD ? n : sizeof ZSTD;
    bool may_gzip = memcmp(p, GZIP, gzip) == 0, may_zstd = memcmp(p, ZSTD, zstd) == 0;
    *ret_more = (may_gzip && gzip < sizeof GZIP) || (may_zstd && zstd < sizeof ZSTD);
    if (*ret_more)
        return PACKING_NONE;
    return may_gzip ? PACKING_GZIP : may_zstd ? PACKING_ZSTD : PACKING_NONE;
}

bool unpack_init(struct unpack *u, enum packing packing) {
    *u = (struct unpack){.packing = packing};
    if (packing == PACKING_ZSTD) {
        u->stream = ZSTD_createDStream();
        return u->stream != NULL;
    }
    if (packing == PACKING_NONE)
        return true;
    z_stream *z = calloc(1, sizeof *z);
    if (!z || inflateInit2(z, GZIP_WINDOW) != Z_OK) {
        free(z);
        return false;
    }
    u->stream = z;
    return true;
}

void unpack_done(struct unpack *u) {
    if (u->packing == PACKING_ZSTD) {
        ZSTD_freeDStream(u->stream);
    } else if (u->stream) {
        inflateEnd(u->stream);
        free(u->stream);
    }
    *u = (struct unpack){0};
}

/* Between members: another one, or zeros to the end, as tapes have them. */
static bool next_member(struct unpack *u, const uint8_t **p, const uint8_t *end) {
    z_stream *z = u->stream;
    while (*p < end && **p == 0) {
        u->padding = true;
        ++*p;
    }
    if (*p == end)
        return false;
    if (u->padding)
        u->why = "there is something behind the end of the gzip data";
    else if (inflateReset(z) != Z_OK)
        u->why = "zlib failed";
    u->inside = !u->why;
    return u->inside;
}

static size_t gunzip(struct unpack *u, const uint8_t **p, const uint8_t *end, uint8_t *to,
                     size_t room) {
    z_stream *z = u->stream;
    size_t made = 0;
    while (made < room && !u->why) {
        if (!u->inside && !next_member(u, p, end))
            break;
        size_t left = (size_t)(end - *p), space = room - made;
        z->next_in = (uint8_t *)(uintptr_t)*p; /* zlib does not write there */
        z->avail_in = left < UINT32_MAX ? (uInt)left : UINT32_MAX;
        z->next_out = to + made;
        z->avail_out = space < UINT32_MAX ? (uInt)space : UINT32_MAX;
        int result = inflate(z, Z_NO_FLUSH); /* also without input: it may hold output back */
        *p = z->next_in;
        made = (size_t)(z->next_out - to);
        if (result == Z_STREAM_END)
            u->inside = false;
        else if (result == Z_BUF_ERROR) /* nothing in, nothing out: it needs more */
            break;
        else if (result != Z_OK)
            u->why = result == Z_MEM_ERROR ? "out of memory" : "the gzip data is damaged";
    }
    return made;
}

static size_t unzstd(struct unpack *u, const uint8_t **p, const uint8_t *end, uint8_t *to,
                     size_t room) {
    ZSTD_inBuffer in = {*p, (size_t)(end - *p), 0};
    ZSTD_outBuffer out = {to, room, 0};
    /* inside of a frame also without input: there may be output that had no room */
    while (out.pos < out.size && (in.pos < in.size || u->inside)) {
        size_t made = out.pos, used = in.pos;
        size_t result = ZSTD_decompressStream(u->stream, &out, &in);
        if (ZSTD_isError(result)) {
            u->why = ZSTD_getErrorName(result);
            break;
        }
        if (out.pos == made && in.pos == used)
            break;
        u->inside = result != 0;
    }
    *p += in.pos;
    return out.pos;
}

size_t unpack_some(struct unpack *u, const uint8_t **p, const uint8_t *end, uint8_t *to,
                   size_t room) {
    return u->packing == PACKING_GZIP ? gunzip(u, p, end, to, room) : unzstd(u, p, end, to, room);
}

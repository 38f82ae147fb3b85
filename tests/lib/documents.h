/* A file of many small inputs for the tools that other programs compare: each is its length, four
 * bytes big-endian, and its bytes. */
#ifndef TAMIS_TESTS_DOCUMENTS_H
#define TAMIS_TESTS_DOCUMENTS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* All of a file; the caller frees it. Ends the program where that cannot be. */
static inline uint8_t *documents_read(const char *path, size_t *ret_n) {
    FILE *f = fopen(path, "rb");
    if (!f || fseek(f, 0, SEEK_END) != 0) {
        perror(path);
        exit(2);
    }
    long size = ftell(f);
    size_t n = size > 0 ? (size_t)size : 0;
    uint8_t *data = malloc(n ? n : 1);
    rewind(f);
    if (!data || fread(data, 1, n, f) != n) {
        perror(path);
        exit(2);
    }
    fclose(f);
    *ret_n = n;
    return data;
}

/* The next input at *at, whose length becomes *ret_n; NULL behind the last. */
static inline const uint8_t *documents_next(const uint8_t *data, size_t n, size_t *at,
                                            size_t *ret_n) {
    if (n - *at < 4)
        return NULL;
    const uint8_t *p = data + *at;
    size_t size = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
    if (size > n - *at - 4)
        return NULL;
    *at += 4 + size;
    *ret_n = size;
    return p + 4;
}

#endif

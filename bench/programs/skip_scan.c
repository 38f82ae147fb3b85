/* The yardstick: find the boundaries of msgpack rows, and nothing else.
 *
 * It trusts its input (no check against the end inside a row, no depth, no UTF-8), knows no query
 * and no key, and so is what a scanner of ours is held against. Usage: skip_scan FILE
 *
 * A table gives for every first byte the bytes to pass and the values that follow it. Only fixstr,
 * the most frequent form, is done before the table is asked: that branch is predicted, so the next
 * load does not wait for a look-up. Of the ways tried (table alone, switch, more forms ahead of the
 * table) none was faster.
 */
#include "contestant.h"

#include <stdio.h>
#include <string.h>

enum { BLOCK = 2048 };

/* How a value is passed: `bytes` plus what a length field of `length_bytes` says. */
struct form {
    uint8_t bytes;        /* first byte, length field and fixed payload */
    uint8_t length_bytes; /* 0, 1, 2, 4: big-endian, behind the first byte */
    uint8_t children;     /* values that follow, when length_bytes is 0 */
    uint8_t per_unit;     /* with a length: 0 counts bytes, 1 array items, 2 map pairs */
};

static struct form forms[256];

static void form_set(unsigned first, unsigned last, struct form form) {
    for (unsigned b = first; b <= last; b++)
        forms[b] = form;
}

static void forms_init(void) {
    form_set(0x00, 0xff, (struct form){.bytes = 1});
    for (unsigned n = 0; n < 16; n++) {
        forms[0x80 + n] = (struct form){.bytes = 1, .children = (uint8_t)(2 * n)};
        forms[0x90 + n] = (struct form){.bytes = 1, .children = (uint8_t)n};
    }
    for (unsigned n = 0; n < 32; n++)
        forms[0xa0 + n].bytes = (uint8_t)(1 + n);
    for (unsigned k = 0; k < 3; k++) {
        uint8_t width = (uint8_t)(1 << k);
        forms[0xc4 + k] = (struct form){.bytes = (uint8_t)(1 + width), .length_bytes = width};
        forms[0xc7 + k] = (struct form){.bytes = (uint8_t)(2 + width), .length_bytes = width};
        forms[0xd9 + k] = (struct form){.bytes = (uint8_t)(1 + width), .length_bytes = width};
    }
    for (unsigned k = 0; k < 4; k++) {
        forms[0xcc + k].bytes = forms[0xd0 + k].bytes = (uint8_t)(1 + (1 << k));
        forms[0xd4 + k].bytes = (uint8_t)(2 + (1 << k));
    }
    forms[0xca].bytes = 5;
    forms[0xcb].bytes = 9;
    forms[0xd8].bytes = 18;
    for (unsigned k = 1; k < 3; k++) {
        uint8_t width = (uint8_t)(1 << k);
        forms[0xdb + k] = (struct form){.bytes = 1 + width, .length_bytes = width, .per_unit = 1};
        forms[0xdd + k] = (struct form){.bytes = 1 + width, .length_bytes = width, .per_unit = 2};
    }
}

static uint64_t length_read(const unsigned char *p, unsigned width) {
    if (width == 1)
        return p[1];
    if (width == 2)
        return (uint64_t)p[1] << 8 | p[2];
    return (uint64_t)p[1] << 24 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 8 | p[4];
}

/* The byte behind one value. */
static inline const unsigned char *value_pass(const unsigned char *p) {
    uint64_t left = 1;
    do {
        unsigned char first = *p;
        left--;
        if ((first & 0xe0) == 0xa0) {
            p += 1 + (first & 31);
            continue;
        }
        struct form form = forms[first];
        if (__builtin_expect(form.length_bytes == 0, 1)) {
            p += form.bytes;
            left += form.children;
            continue;
        }
        uint64_t length = length_read(p, form.length_bytes);
        p += form.bytes + (form.per_unit ? 0 : length);
        left += length * form.per_unit;
    } while (left > 0);
    return p;
}

static int run(void *arg, const struct input *input, struct answer *answer) {
    static const unsigned char *starts[BLOCK]; /* a scanner has to leave the boundaries somewhere */
    (void)arg;
    const unsigned char *p = input->bytes, *end = p + input->length;
    uint64_t rows = 0;
    while (p < end) {
        starts[rows++ % BLOCK] = p;
        p = value_pass(p);
    }
    __asm__ volatile("" : : "r"(starts) : "memory");
    answer->rows = answer->matched = rows;
    return p == end ? 0 : 1;
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: skip_scan FILE\n");
        return 2;
    }
    forms_init();
    return contestant_serve(argv[1], run, NULL);
}

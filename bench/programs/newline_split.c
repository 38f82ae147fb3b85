/* The least that reading lines can be: where they end, by memchr, and nothing else. A yardstick
 * that knows no format, no quotes and no field. Usage: newline_split FILE
 */
#include "contestant.h"

#include <stdio.h>
#include <string.h>

static int run(void *arg, const struct input *input, struct answer *answer) {
    const unsigned char *p = input->bytes, *end = p + input->length;
    (void)arg;
    while (p < end) {
        const unsigned char *next = memchr(p, '\n', (size_t)(end - p));
        p = next ? next + 1 : end;
        answer->rows++;
    }
    answer->matched = answer->rows;
    return 0;
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: newline_split FILE\n");
        return 2;
    }
    return contestant_serve(argv[1], run, NULL);
}
